"""The ICMP engine against real networks: loss, cuts, routers that refuse, hosts that lie, interfaces that go away."""

import asyncio
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.core.delay import observe, train
from agent.core.model import Check, Echo, Loss, Outcome, Round, Silence, StreamItem
from agent.core.ports import Resources
from probes.icmp import departures, packet
from probes.icmp.engine import Engine
from probes.icmp.probe import Probe
from probes.icmp.settings import Settings
from probes.icmp.sockets import Mode
from probes.wire import route
from probes.wire.datagrams import Datagrams
from tests.lab.agent import many_addresses
from tests.lab.net import Namespace, link, pair

pytestmark = pytest.mark.lab
PATIENCE = 30
DROP = "table inet lab { chain in { type filter hook input priority 0; ip protocol icmp drop; }; }"
MODES: tuple[Mode, ...] = ("raw", "dgram")
FAR = {4: "10.9.0.2", 6: "fd09::2"}


def check(address: str, target: str = "far", **settings: object) -> Check:
    """Build a check of twenty echoes a second in rounds of half a second."""
    values = {"address": address, "interval": "50ms", "round": "500ms", "timeout": "700ms", **settings}
    model = Settings.model_validate(values)
    return Check(target, "icmp", "icmp", model.interval, model)


@dataclass
class Watch:
    """An engine that runs, and everything that it has said so far."""

    engine: Engine
    items: list[StreamItem] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # monotonic, when each item came

    def rounds(self, target: str = "far", *, burst: bool = False) -> list[Round]:
        """Return the rounds of a target."""
        return [i for i in self.items if isinstance(i, Round) and i.target == target and i.burst == burst]

    def silences(self) -> list[Silence]:
        """Return the silences."""
        return [item for item in self.items if isinstance(item, Silence)]

    def losses(self) -> list[Loss]:
        """Return what was said of losses."""
        return [item for item in self.items if isinstance(item, Loss)]

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not wanted():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {PATIENCE} s; the last items: {self.items[-5:]}")
            await asyncio.sleep(0.02)

    async def next_round(self, target: str = "far") -> Round:
        """Wait for another round of a target."""
        before = len(self.rounds(target))
        await self.until(lambda: len(self.rounds(target)) > before)
        return self.rounds(target)[before]


@asynccontextmanager
async def watching(*checks: Check, **options: Any) -> AsyncIterator[Watch]:  # noqa: ANN401 - as Engine has them
    """Run an engine and collect what it says."""
    engine = Engine(**options)
    watch = Watch(engine)

    async def collect() -> None:
        async for item in engine:
            watch.items.append(item)
            watch.times.append(time.monotonic())

    try:
        await engine.configure(checks)
        collector = asyncio.create_task(collect())
        yield watch
    finally:
        await engine.close()
    await collector


def only(item: Round, outcome: Echo) -> bool:
    """Tell whether all echoes had one outcome, but for those that a busy machine did not let the loop send in time."""
    known = item.outcomes[item.outcomes != Echo.UNKNOWN]
    return set(item.why_unknown) <= {"late_loop"} and len(known) > 0 and bool((known == outcome).all())


def answered(watch: Watch, target: str) -> bool:
    """Tell whether the last round of a target was answered wholly."""
    return only(watch.rounds(target)[-1], Echo.RECEIVED)


def lost(watch: Watch, target: str) -> bool:
    """Tell whether the last round of a target was lost wholly."""
    return only(watch.rounds(target)[-1], Echo.LOST)


def run(place: Namespace, work: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine function inside a namespace."""

    async def main() -> None:
        await work()

    place.call(lambda: asyncio.run(main()), timeout=90)


def permit(place: Namespace) -> None:
    """Allow ping sockets to everybody there."""
    place.sysctl("net.ipv4.ping_group_range", "0 2147483647")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", [4, 6])
def test_loss_is_what_nftables_dropped_exactly(mode: Mode, family: int) -> None:
    kind = "icmp type echo-request" if family == 4 else "icmpv6 type echo-request"
    with pair() as (agent, far):
        permit(agent)
        far.nft(f"""
            table inet lab {{
                counter came {{ }}
                counter dropped {{ }}
                chain in {{
                    type filter hook input priority 0;
                    {kind} counter name came
                    {kind} numgen random mod 100 < 20 counter name dropped drop
                }}
            }}""")

        async def work() -> None:
            one = check(FAR[family], interval="10ms", round="500ms")
            async with watching(one, modes=[mode], echoes=150) as watch:
                await watch.until(lambda: len(watch.rounds()) == 3)
                assert watch.engine.modes == {family: mode}
                outcomes = np.concatenate([item.outcomes for item in watch.rounds()])
                assert far.counter("came") + np.count_nonzero(outcomes == Echo.UNKNOWN) == 150
                assert np.count_nonzero(outcomes == Echo.LOST) == far.counter("dropped") > 0
                assert watch.engine.receive_drops_total == 0
                rtts = np.concatenate([item.rtts_seconds for item in watch.rounds()])
                assert np.isfinite(rtts).sum() == np.count_nonzero(outcomes == Echo.RECEIVED)

        run(agent, work)


@pytest.mark.parametrize("mode", MODES)
def test_an_unroutable_target_stops_no_other_and_is_unknown(mode: Mode) -> None:
    with pair() as (agent, _):
        permit(agent)
        agent.ip("route add unreachable 10.77.0.0/16")

        async def work() -> None:
            checks = [
                check("10.9.0.2", "good one"),
                check("10.88.0.1", "no route"),
                check("10.77.0.1", "unreachable"),
                check("10.9.0.2", "good two"),
                check("fd99::1", "no route 6"),
                check("fd09::2", "good 6"),
            ]
            async with watching(*checks, modes=[mode]) as watch:
                await watch.until(lambda: all(len(watch.rounds(c.target)) >= 3 for c in checks))
                for good in ("good one", "good two", "good 6"):
                    for item in watch.rounds(good):
                        assert only(item, Echo.RECEIVED)
                        assert np.nanmedian(item.rtts_seconds) < 0.5
                for bad, why in (("no route", "send_enetunreach"), ("no route 6", "send_enetunreach"),
                                 ("unreachable", "send_ehostunreach")):  # fmt: skip
                    for item in watch.rounds(bad):
                        assert set(item.why_unknown) - {"late_loop"} == {why}
                        assert (item.outcomes == Echo.UNKNOWN).all()
                assert watch.silences() == []
                assert watch.engine.send_errors_total >= 60

        run(agent, work)


def test_the_own_firewall_is_own_trouble() -> None:
    with pair() as (agent, _):
        agent.nft("table inet lab { chain out { type filter hook output priority 0; ip protocol icmp drop; }; }")

        async def work() -> None:
            async with watching(check("10.9.0.2")) as watch:
                assert set((await watch.next_round()).why_unknown) - {"late_loop"} == {"send_eperm"}
                assert watch.silences() == []

        run(agent, work)


@pytest.mark.parametrize("mode", MODES)
def test_a_cut_is_noticed_confirmed_and_its_end_too(mode: Mode) -> None:
    with pair() as (agent, far):
        permit(agent)
        cuts, confirmed = [], []

        async def once(watch: Watch) -> None:
            silences, bursts = len(watch.silences()), len(watch.rounds(burst=True))
            cut = time.monotonic()
            await asyncio.to_thread(far.nft, DROP)
            await watch.until(lambda: len(watch.silences()) > silences)
            silence = watch.silences()[-1]
            noticed = watch.times[watch.items.index(silence)]
            assert (silence.over, silence.missed) == (False, 2)
            watch.engine.burst("far", "icmp")
            await watch.until(lambda: len(watch.rounds(burst=True)) > bursts)
            burst = watch.rounds(burst=True)[-1]
            cuts.append(noticed - cut)
            confirmed.append(watch.times[watch.items.index(burst)] - noticed)
            seen = observe(train(burst))
            assert (seen.outcome, seen.confirmed, seen.detail) == (Outcome.NO_ANSWER, True, "0 of 4 echoes answered")
            await asyncio.to_thread(far.nft, "delete table inet lab")
            healed = time.time()
            await watch.until(lambda: watch.silences()[-1].over)
            assert abs(watch.silences()[-1].since.timestamp() - healed) < 5

        async def work() -> None:
            async with watching(check("10.9.0.2", interval="1s", round="2s", timeout="3s"), modes=[mode]) as watch:
                await watch.until(lambda: len(watch.rounds()) >= 1)
                await once(watch)

        run(agent, work)
        # 2.3 s and 0.55 s on a machine with nothing else to do; what stands here leaves room for a busy one
        assert cuts[0] < 3.5
        assert confirmed[0] < 2.0


REFUSALS_V4 = {  # what nftables calls them, and what we do
    "net-unreachable": "destination network unreachable",
    "host-unreachable": "destination host unreachable",
    "prot-unreachable": "protocol unreachable",
    "port-unreachable": "port unreachable",
    "net-prohibited": "network prohibited",
    "host-prohibited": "host prohibited",
    "admin-prohibited": "communication prohibited by filter",
}
REFUSALS_V6 = {
    "no-route": "no route to destination",
    "admin-prohibited": "communication prohibited by filter",
    "addr-unreachable": "address unreachable",
    "port-unreachable": "port unreachable",
    "policy-fail": "source address failed policy",
    "reject-route": "route to destination rejected",
}


def reject(family: int, kinds: Iterable[str]) -> str:
    """Return rules that refuse what goes to 10.4.N.0/24 or fd00:4:N::/48, each in its own words."""
    where = {4: "ip daddr 10.4.{}.0/24 reject with icmp type", 6: "ip6 daddr fd00:4:{}::/48 reject with icmpv6 type"}
    return "\n".join(f"{where[family].format(number)} {kind}" for number, kind in enumerate(kinds))


def test_a_router_that_refuses_is_quoted_and_makes_a_silence() -> None:
    with Namespace("agent") as agent, Namespace("router") as router:
        link(agent, "eth0", router, "eth0", addresses=(("10.1.0.1/24", "fd01::1/64"), ("10.1.0.254/24", "fd01::fe/64")))
        router.forward()
        permit(agent)
        agent.ip("route add default via 10.1.0.254")
        agent.ip("-6 route add default via fd01::fe")
        # a route of type unreachable would answer once a second only, by a limit that no namespace can change
        router.nft(f"""
            table inet lab {{
                chain through {{
                    type filter hook forward priority 0
                    {reject(4, REFUSALS_V4)}
                    {reject(6, REFUSALS_V6)}
                }}
            }}""")
        router.ip("route add 10.0.0.0/8 via 10.1.0.77 dev eth0")
        router.ip("-6 route add fd00::/16 via fd01::77 dev eth0")
        router.ip("-6 route add unreachable fd02::/64")
        # every echo is to be answered by an error: the router's rate limit is not what is tested
        router.sysctl("net.ipv4.icmp_ratelimit", "0")
        router.sysctl("net.ipv6.icmp.ratelimit", "0")
        router.sysctl("net.ipv4.icmp_msgs_per_sec", "100000")

        async def work(mode: Mode) -> None:
            said = {f"10.4.{n}.1": f"10.1.0.254: {words}" for n, words in enumerate(REFUSALS_V4.values())}
            said |= {f"fd00:4:{n}::1": f"fd01::fe: {words}" for n, words in enumerate(REFUSALS_V6.values())}
            said["fd02::1"] = "fd01::fe: no route to destination"
            checks = [check(address, address) for address in said]
            checks += [check("10.5.0.1", "ttl", ttl=1), check("fd00:5::1", "ttl6", ttl=1)]
            said |= {"ttl": "10.1.0.254: time to live exceeded", "ttl6": "fd01::fe: hop limit exceeded"}
            async with watching(*checks, modes=[mode]) as watch:
                await watch.until(lambda: all(len(watch.rounds(target)) >= 2 for target in said))
                for target, sentence in said.items():
                    item = watch.rounds(target)[1]
                    assert np.isin(item.outcomes, (Echo.REFUSED, Echo.UNKNOWN)).sum() >= 8, item
                    assert sentence in item.refusals
                    assert observe(train(item)).outcome is Outcome.REFUSED
                assert {silence.target for silence in watch.silences()} == set(said)

        for mode in MODES:
            agent.call(lambda mode=mode: asyncio.run(work(mode)))  # type: ignore[misc]


def test_the_interface_down_is_unknown_and_never_lost() -> None:
    with pair() as (agent, far):

        async def work() -> None:
            unbound, bound = check("10.9.0.2"), check("10.9.0.2", "bound", interface="eth0")
            async with watching(unbound, bound) as watch:
                await watch.next_round("bound")
                dark = []
                for place in (agent, far):
                    await asyncio.to_thread(place.ip, "link set eth0 down")
                    # the kernel may take a second to tell this end that the carrier is gone, and sends until then
                    await watch.until(lambda: route.interface_works("eth0") is False)
                    down = time.time()
                    await watch_rounds(watch, 3)
                    dark.append((down, time.time()))
                    await asyncio.to_thread(place.ip, "link set eth0 up")
                    for target in ("far", "bound"):
                        await watch.until(lambda target=target: answered(watch, target))  # type: ignore[misc]
                whys = {
                    target: {why for item in watch.rounds(target) for why in item.why_unknown} - {"late_loop"}
                    for target in ("far", "bound")
                }
                assert whys["bound"] == {"interface_gone"}
                assert whys["far"] <= {"send_enetunreach", "send_enetdown", "no_carrier"}
                assert "no_carrier" in whys["far"]
                # what leaves after the interface is up again may wait for neighbour discovery, and be lost to that
                for down, up in dark:
                    for item in (*watch.rounds(), *watch.rounds("bound")):
                        lost_at = item.sent_at_seconds[item.outcomes == Echo.LOST]
                        assert not ((lost_at > down) & (lost_at < up - 0.1)).any()
                    assert not any(down < silence.since.timestamp() < up - 0.1 for silence in watch.silences())

        run(agent, work)


def test_a_dark_interface_is_told_for_many_targets_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "_LOOKUPS_MAX", 60)
    with pair() as (agent, far):
        far.ip("route add local 10.8.0.0/24 dev lo")
        agent.ip("route add 10.8.0.0/24 via 10.9.0.2")

        async def work() -> None:
            checks = [check(f"10.8.0.{n}", f"t{n}", interval="250ms") for n in range(1, 101)]
            async with watching(*checks) as watch:
                await watch.until(lambda: len({item.target for item in watch.items if isinstance(item, Round)}) == 100)
                await asyncio.to_thread(far.ip, "link set eth0 down")
                await asyncio.sleep(1)  # the kernel takes so long to stop the queue: until then echoes leave
                down = time.time()
                await asyncio.sleep(3)
                up = time.time()
                await asyncio.to_thread(far.ip, "link set eth0 up")
                await watch.until(lambda: any(r.sent_at_seconds[0] > up for r in watch.rounds("t100")))
                found = [(r.outcomes, r.sent_at_seconds) for r in rounds_of(watch)]
                # what leaves just before it is up may wait for neighbour discovery, and be lost to that
                lost_at = np.concatenate([sent[outcomes == Echo.LOST] for outcomes, sent in found])
                assert not ((lost_at > down) & (lost_at < up - 0.1)).any()
                assert any("no_carrier" in r.why_unknown for r in rounds_of(watch))
                assert not [silence for silence in watch.silences() if down < silence.since.timestamp() < up]

        run(agent, work)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", [4, 6])
def test_a_send_queue_that_overflows_is_own_trouble(mode: Mode, family: int) -> None:
    with pair() as (agent, far):
        permit(agent)
        for n in range(3, 6):
            far.ip(f"addr add 10.9.0.{n}/24 dev eth0")
            far.ip(f"addr add fd09::{n}/64 dev eth0 nodad")
        # room for three echoes, and a hundred octets each tenth of a second
        agent.run(
            "tc", "qdisc", "add", "dev", "eth0", "root", *["tbf", "rate", "8kbit", "burst", "1600", "limit", "350"]
        )
        addresses = {4: "10.9.0.{}", 6: "fd09::{}"}[family]

        async def work() -> None:
            checks = [check(addresses.format(n), f"t{n}", interval="250ms", timeout="2s") for n in range(2, 6)]
            async with watching(*checks, modes=[mode]) as watch:
                await watch.until(lambda: any("send_enobufs" in i.why_unknown for i in rounds_of(watch)))
                for n in range(2, 6):
                    await watch.next_round(f"t{n}")
                await asyncio.sleep(5)
                counts = Counter(int(code) for item in rounds_of(watch) for code in item.outcomes)
                assert counts[Echo.RECEIVED] > 10
                assert counts[Echo.UNKNOWN] > 10
                assert counts[Echo.LOST] == 0
                assert not watch.silences()

        run(agent, work)


def test_with_the_default_receive_buffer_the_sockets_are_read_more_often_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As without CAP_NET_ADMIN: net.core.rmem_max bounds the buffer, and its default of 208 KiB holds 256 echoes."""

    def ask(self: Datagrams, _octets: int) -> int:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 106_496)
        self.granted_octets = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        return self.granted_octets

    monkeypatch.setattr(Datagrams, "ask_receive_buffer", ask)
    with pair() as (agent, far):
        far.ip("route add local 10.8.0.0/16 dev lo")
        agent.ip("route add 10.8.0.0/16 via 10.9.0.2")

        async def work() -> None:
            names = many_addresses(1600)
            async with watching(*(check(name, name, interval="500ms", round="1s") for name in names)) as watch:
                await asyncio.sleep(5)
                engine = watch.engine
                assert engine.receive_buffer_octets == 212_992
                assert engine.tick_seconds == pytest.approx(212_992 / (4 * 832 * 3200))
                assert engine.receive_drops_total == 0
                found = Counter(int(code) for item in rounds_of(watch) for code in item.outcomes)
                assert found[Echo.RECEIVED] > 6000
                assert found.keys() <= {Echo.RECEIVED, Echo.UNKNOWN}  # a machine under load may be late

        run(agent, work)
    assert "raise net.core.rmem_max" in caplog.text


def rounds_of(watch: Watch) -> list[Round]:
    """Return all rounds."""
    return [item for item in watch.items if isinstance(item, Round)]


def test_a_bound_interface_that_is_replaced_is_found_again() -> None:
    with pair() as (agent, far):

        async def work() -> None:
            async with watching(check("10.9.0.2", interface="eth0")) as watch:
                assert only(await watch.next_round(), Echo.RECEIVED)
                await asyncio.to_thread(agent.ip, "link del eth0")
                await watch.until(lambda: watch.rounds()[-1].why_unknown.get("interface_gone") == 10)
                await asyncio.to_thread(link, agent, "eth0", far, "eth0", addresses=("10.9.0.1/24", "10.9.0.2/24"))
                await watch.until(lambda: answered(watch, "far"))

        run(agent, work)


def test_a_circuit_is_probed_over_its_own_path() -> None:
    """The far address is reachable by the backup: a check bound to the primary's interface does not count that."""
    with Namespace("agent") as agent, Namespace("far") as far:
        link(agent, "primary", far, "primary", addresses=("10.1.0.1/24", "10.1.0.2/24"))
        link(agent, "backup", far, "backup", addresses=("10.2.0.1/24", "10.2.0.2/24"))
        far.ip("address add 10.50.0.1/32 dev lo")
        agent.ip("route add 10.50.0.1 via 10.1.0.2 dev primary metric 10")
        agent.ip("route add 10.50.0.1 via 10.2.0.2 dev backup metric 20")

        async def work() -> None:
            checks = (check("10.50.0.1", "bound", interface="primary"), check("10.50.0.1", "free"))
            async with watching(*checks) as watch:
                await watch.next_round("bound")
                await asyncio.to_thread(
                    far.nft, "table inet lab { chain in { type filter hook input priority 0; iifname primary drop; }; }"
                )
                await asyncio.to_thread(agent.ip, "route del 10.50.0.1 via 10.1.0.2 dev primary metric 10")
                await asyncio.to_thread(agent.ip, "route add 10.50.0.1 via 10.1.0.2 dev primary metric 30")
                await watch.until(lambda: lost(watch, "bound"))
                assert only(await watch.next_round("free"), Echo.RECEIVED)

        run(agent, work)


async def watch_rounds(watch: Watch, number: int) -> None:
    """Wait for some more rounds of both checks."""
    before = {target: len(watch.rounds(target)) for target in ("far", "bound")}
    await watch.until(lambda: all(len(watch.rounds(target)) >= count + number for target, count in before.items()))


@contextmanager
def responder(far: Namespace, answer: Callable[[bytes, str], list[tuple[float, bytes]]]) -> Iterator[None]:
    """Let a program answer echo requests instead of the kernel: (delay, ICMP message) for each."""
    far.sysctl("net.ipv4.icmp_echo_ignore_all", "1")
    stop = threading.Event()

    def serve() -> None:
        timers: list[threading.Timer] = []
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
            sock.settimeout(0.1)
            ready.set()
            while not stop.is_set():
                try:
                    octets, where = sock.recvfrom(65535)
                except TimeoutError:
                    continue
                body = packet.strip_ipv4(octets)
                if body[0] != packet.ECHO_REQUEST_V4:
                    continue
                for delay, message in answer(body, where[0]):
                    if delay:
                        timers.append(threading.Timer(delay, sock.sendto, (message, where)))
                        timers[-1].start()
                    else:
                        sock.sendto(message, where)
            for timer in timers:
                timer.cancel()
                timer.join()

    ready = threading.Event()
    thread = threading.Thread(target=far.call, args=(serve, 80), name="responder")
    thread.start()
    ready.wait(10)
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def reply_to(body: bytes) -> bytes:
    """Return the honest reply to an echo request."""
    open_ = b"\0\0\0\0" + body[4:]
    return b"\0\0" + packet.checksum(open_).to_bytes(2, "big") + body[4:]


@pytest.mark.parametrize("mode", MODES)
def test_duplicates_forgeries_and_delays_are_told_apart(mode: Mode) -> None:
    def answer(body: bytes, _: str) -> list[tuple[float, bytes]]:
        honest = reply_to(body)
        forged = bytearray(honest)
        forged[8] ^= 1  # another nonce, with a checksum that is right for it
        forged[2:4] = b"\0\0"
        forged[2:4] = packet.checksum(bytes(forged)).to_bytes(2, "big")
        other = packet.encode_echo(4, int.from_bytes(body[4:6], "big"), body[8:16], 0x00FFFFFF, 56, reply=True)
        return [(0, bytes(forged)), (0, other), (0, b"\0" * 8), (0.05, honest), (0.05, honest)]

    with pair() as (agent, far):
        permit(agent)

        async def work() -> None:
            async with watching(check("10.9.0.2"), modes=[mode]) as watch:
                await watch.until(lambda: len(watch.rounds()) >= 4)
                for item in watch.rounds():
                    assert only(item, Echo.RECEIVED)
                    assert np.nanmin(item.rtts_seconds) >= 0.045  # none of the forgeries, which came at once
                assert sum(item.duplicates for item in watch.rounds()) >= 25
                assert watch.engine.duplicates_total >= 25

        with responder(far, answer):
            run(agent, work)


def error_about(quoted: bytes, destination: str = "10.9.0.2") -> bytes:
    """Return a "host unreachable" that quotes an echo to 10.9.0.2, or what is passed off as one."""
    inner = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 84, 0, 0, 63, 1, 0,
                        socket.inet_aton("10.9.0.1"), socket.inet_aton(destination))  # fmt: skip
    message = b"\x03\x01\0\0\0\0\0\0" + inner + quoted
    return message[:2] + packet.checksum(message).to_bytes(2, "big") + message[4:]


@pytest.mark.parametrize("mode", MODES)
def test_an_error_is_believed_with_8_quoted_octets_and_not_when_it_quotes_what_was_never_sent(mode: Mode) -> None:
    def answer(body: bytes, _: str) -> list[tuple[float, bytes]]:
        if int.from_bytes(body[16:20], "big") % 2:
            return [(0, error_about(body[:8]))]
        forged = (error_about(body[:8], "10.9.0.3"), error_about(body[:8] + bytes(16) + body[24:]),
                  error_about(body[:7]), error_about(body[:6] + b"\xff\xff"))  # fmt: skip
        return [*((0, octets) for octets in forged), (0.02, reply_to(body))]

    with pair() as (agent, far):
        permit(agent)

        async def work() -> None:
            async with watching(check("10.9.0.2"), modes=[mode]) as watch:
                await watch.until(lambda: len(watch.rounds()) >= 3)
                for item in watch.rounds():
                    assert (item.outcomes == Echo.REFUSED).any()
                    assert (item.outcomes == Echo.RECEIVED).any()
                    assert not (item.outcomes == Echo.LOST).any()
                    assert abs(np.count_nonzero(item.outcomes == Echo.REFUSED) - 5) <= item.why_unknown.get(
                        "late_loop", 0
                    )
                    assert item.refusals == ("10.9.0.2: destination host unreachable",)

        with responder(far, answer):
            run(agent, work)


def test_an_answer_after_the_timeout_is_loss_and_a_slow_link_is_no_silence() -> None:
    def answer(body: bytes, _: str) -> list[tuple[float, bytes]]:
        late = int.from_bytes(body[16:20], "big") % 2 == 1
        return [(0.7 if late else 0.12, reply_to(body))]

    with pair() as (agent, far):

        async def work() -> None:
            async with watching(check("10.9.0.2", interval="250ms", timeout="500ms")) as watch:
                await watch.until(lambda: len(watch.rounds()) >= 3)
                for item in watch.rounds():
                    received = item.outcomes == Echo.RECEIVED
                    assert received.any()
                    assert (item.outcomes == Echo.LOST).any()
                    assert (item.rtts_seconds[received] < 0.5).all()
                assert watch.engine.late_replies_total >= 2
                assert watch.silences() == []

        with responder(far, answer):
            run(agent, work)


def test_replies_that_this_host_dropped_are_unknown_not_lost() -> None:
    with pair() as (agent, _):

        async def work() -> None:
            checks = [check("10.9.0.2", f"t{n}", interval="200ms", round="200ms") for n in range(150)]
            async with watching(*checks, tick_seconds=0.2) as watch:
                await watch.until(lambda: len(watch.items) > 300)
                port = watch.engine.ports[0]
                assert port.datagrams is not None
                start = len(watch.items)
                port.datagrams.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                await watch.until(lambda: len(watch.items) > start + 1500)
                rounds = [item for item in watch.items if isinstance(item, Round)]
                whys = [why for item in rounds for why in item.why_unknown]
                assert whys.count("receive_drops") > 20
                assert not any((item.outcomes == Echo.LOST).any() for item in rounds)
                assert watch.engine.receive_drops_total > 20
                assert watch.silences() == []

        run(agent, work)


def test_a_held_up_loop_sees_a_cut_as_it_was() -> None:
    """The replies that came while nobody read are read first; the echoes that got none are lost."""
    with pair() as (agent, far):

        async def work() -> None:
            async with watching(check("10.9.0.2")) as watch:
                await watch.next_round()
                far.nft(DROP)
                await asyncio.sleep(0.35)
                time.sleep(1.5)  # noqa: ASYNC251 - that is the fault that is injected
                await watch.until(lambda: len(watch.silences()) == 1)
                await watch.until(lambda: lost(watch, "far"))
                assert not any(why != "late_loop" for item in watch.rounds() for why in item.why_unknown)

        run(agent, work)


def test_one_shot_says_no_answer_within_its_timeout() -> None:
    with pair() as (agent, far):
        far.sysctl("net.ipv4.icmp_echo_ignore_all", "1")

        async def work() -> None:
            began = time.monotonic()
            seen = await Probe(Resources()).run(check("10.9.0.2", timeout="2s"))
            assert (seen.outcome, seen.detail) == (Outcome.NO_ANSWER, "0 of 3 echoes answered")
            assert time.monotonic() - began < 2

        run(agent, work)


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("10.9.0.2 -c 2 -i 100ms", 0, "2 of 2 echoes answered"),
        ("10.9.0.2 fd09::2 -c 2 -i 100ms --dscp EF --ttl 3 --size 100", 0, "fd09::2"),
        ("10.9.0.2 10.9.0.77 -c 1 -W 300ms", 1, "10.9.0.77"),
        ("10.88.0.1 -c 1", 3, "this host has no route"),
    ],
)
def test_the_command(words: str, code: int, expected: str) -> None:
    import sys

    with pair() as (agent, _):
        done = agent.run(str(Path(sys.executable).parent / "linewarden"), "probe", "icmp", *words.split(), check=False)
        assert done.returncode == code, done.stderr
        assert expected in done.stdout


def test_the_command_without_permission() -> None:
    import sys

    with Namespace("agent") as agent:
        agent.sysctl("net.ipv4.ping_group_range", "1 0")  # the kernel's default: nobody
        linewarden = str(Path(sys.executable).parent / "linewarden")
        done = agent.run("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all", "--",
                         linewarden, "probe", "icmp", "127.0.0.1", check=False)  # fmt: skip
        assert done.returncode == 3, done.stdout
        assert "ping_group_range" in done.stderr


def test_loss_is_told_when_it_begins_and_when_it_is_over() -> None:
    with pair() as (agent, far):
        one = check(FAR[4], interval="20ms", round="1s")

        async def work() -> None:
            async with watching(one) as watch:
                await watch.until(lambda: len(watch.rounds()) >= 3)
                assert watch.losses() == []
                usual = watch.engine.usual_loss("far", "icmp")
                began = time.time()
                far.nft("table inet lab { chain in { type filter hook input priority 0; "
                        "icmp type echo-request numgen random mod 100 < 15 drop; }; }")  # fmt: skip
                await watch.until(lambda: len(watch.losses()) == 1)
                (begun,) = watch.losses()
                assert not begun.over
                assert begun.rule.startswith("onset_cusum_")
                assert began - 1 < begun.since.timestamp() <= begun.at.timestamp()
                assert (begun.ratio, begun.usual_ratio) == (begun.lost / begun.echoes, usual)
                await watch.next_round()
                await watch.next_round()
                far.nft("delete table inet lab")
                ended = time.time()
                await watch.until(lambda: watch.losses()[-1].over)
                over = watch.losses()[-1]
                assert (over.lost, over.ratio) >= (begun.lost, 0.03)
                assert abs(over.since.timestamp() - ended) < 5
                assert watch.engine.usual_loss("far", "icmp") == pytest.approx(usual, abs=0.01)

        run(agent, work)
