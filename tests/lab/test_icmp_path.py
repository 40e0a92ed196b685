"""What happens to echoes on the way: links that are too small, marks that are changed, other ways, and bad wires."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from agent.core.model import Echo, Trait, Turn
from probes.icmp import packet
from probes.icmp.sockets import Mode
from tests.lab.net import Namespace, link, pair
from tests.lab.test_icmp import MODES, Watch, check, only, permit, run, watching

pytestmark = pytest.mark.lab
_ETH_P_ALL = 3
Bend = Callable[[bytes], list[bytes]]


@contextlib.contextmanager
def routed(mtu: int = 1500) -> Iterator[tuple[Namespace, Namespace, Namespace]]:
    """Give an agent, a router, and a far host behind a link of this MTU: 10.2.0.2 and fd02::2."""
    with Namespace("agent") as agent, Namespace("router") as router, Namespace("far") as far:
        link(agent, "eth0", router, "eth0", addresses=(("10.1.0.1/24", "fd01::1/64"), ("10.1.0.254/24", "fd01::fe/64")))
        link(router, "eth1", far, "eth0", addresses=(("10.2.0.254/24", "fd02::fe/64"), ("10.2.0.2/24", "fd02::2/64")))
        router.forward()
        router.ip(f"link set eth1 mtu {mtu}")
        far.ip(f"link set eth0 mtu {mtu}")
        router.sysctl("net.ipv4.icmp_ratelimit", "0")
        router.sysctl("net.ipv6.icmp.ratelimit", "0")
        router.sysctl("net.ipv4.icmp_msgs_per_sec", "100000")
        for namespace, v4, v6 in ((agent, "10.1.0.254", "fd01::fe"), (far, "10.2.0.254", "fd02::fe")):
            namespace.ip(f"route add default via {v4}")
            namespace.ip(f"-6 route add default via {v6}")
        permit(agent)
        yield agent, router, far


def turns(watch: Watch) -> list[tuple[str, Trait, str, str]]:
    """Return the changes that were noticed."""
    return [(item.target, item.trait, item.old, item.new) for item in watch.items if isinstance(item, Turn)]


@pytest.mark.parametrize("mode", MODES)
def test_a_link_that_is_too_small_is_told_with_its_mtu(mode: Mode) -> None:
    said = {
        "big": "10.1.0.254: fragmentation needed, MTU 1300",
        "big6": "fd01::fe: packet too big, MTU 1300",
    }

    async def work() -> None:
        checks = [
            check("10.2.0.2", "big", size=1400, df=True),
            check("10.2.0.2", "small"),
            check("10.2.0.2", "fragmented", size=1400),
            check("fd02::2", "big6", size=1400, df=True),
            check("fd02::2", "small6"),
        ]
        async with watching(*checks, modes=[mode]) as watch:
            await watch.until(lambda: all(len(watch.rounds(one.target)) >= 4 for one in checks))
            for target, sentence in said.items():
                item = watch.rounds(target)[2]
                assert np.isin(item.outcomes, (Echo.REFUSED, Echo.UNKNOWN)).all(), item
                assert (item.outcomes == Echo.REFUSED).any()
                assert sentence in item.refusals
            for target in ("small", "small6", "fragmented"):
                assert only(watch.rounds(target)[3], Echo.RECEIVED), target

    with routed(mtu=1300) as (agent, _, _):
        agent.call(lambda: asyncio.run(work()))


@pytest.mark.parametrize("mode", MODES)
def test_an_echo_that_this_hosts_own_link_cannot_carry_is_unknown(mode: Mode) -> None:
    async def work() -> None:
        async with watching(check("10.9.0.2", size=1500, df=True), check("10.9.0.2", "small"), modes=[mode]) as watch:
            await watch.until(lambda: len(watch.rounds()) >= 2 and len(watch.rounds("small")) >= 2)
            assert watch.rounds()[1].why_unknown == {"send_emsgsize": 10}
            assert only(watch.rounds("small")[1], Echo.RECEIVED)

    with pair() as (agent, _):
        permit(agent)
        run(agent, work)


@pytest.mark.parametrize("mode", MODES)
def test_replies_that_are_marked_otherwise_are_noticed_and_streams_do_not_mix(mode: Mode) -> None:
    remarking = """
        table inet lab {
            chain through {
                type filter hook forward priority 0
                ip dscp ef ip saddr 10.2.0.2 ip dscp set cs0
                ip6 dscp ef ip6 saddr fd02::2 ip6 dscp set cs0
            }
        }"""

    with routed() as (agent, router, _):

        async def work() -> None:
            checks = [
                check("10.2.0.2", "ef", dscp="EF"),
                check("10.2.0.2", "plain"),
                check("fd02::2", "ef6", dscp="EF"),
                check("fd02::2", "plain6"),
            ]
            async with watching(*checks, modes=[mode]) as watch:
                await watch.until(lambda: all(len(watch.rounds(one.target)) >= 2 for one in checks))
                assert turns(watch) == []
                await asyncio.to_thread(router.nft, remarking)
                await watch.until(lambda: len(turns(watch)) >= 2)
                assert {*turns(watch)} == {
                    ("ef", Trait.REPLY_DSCP, "46", "0"),
                    ("ef6", Trait.REPLY_DSCP, "46", "0"),
                }
                assert all(only(item, Echo.RECEIVED) for one in checks for item in watch.rounds(one.target))

        agent.call(lambda: asyncio.run(work()))


@pytest.mark.parametrize("mode", MODES)
def test_another_way_back_shows_in_the_ttl(mode: Mode) -> None:
    with routed() as (agent, _, far):

        async def work() -> None:
            async with watching(check("10.2.0.2", "v4"), check("fd02::2", "v6"), modes=[mode]) as watch:
                await watch.until(lambda: all(len(watch.rounds(target)) >= 2 for target in ("v4", "v6")))
                await asyncio.to_thread(far.sysctl, "net.ipv4.ip_default_ttl", "61")
                await asyncio.to_thread(far.sysctl, "net.ipv6.conf.eth0.hop_limit", "62")
                await watch.until(lambda: len(turns(watch)) >= 2)
                assert {*turns(watch)} == {("v4", Trait.REPLY_TTL, "63", "60"), ("v6", Trait.REPLY_TTL, "63", "61")}

        agent.call(lambda: asyncio.run(work()))


@contextlib.contextmanager
def bad_wire(bend: Bend) -> Iterator[Namespace]:
    """Give an agent whose cable to 10.9.0.2 is a program; `bend` says what becomes of each echo reply's frame."""
    with Namespace("agent") as agent, Namespace("wire") as wire, Namespace("far") as far:
        link(agent, "eth0", wire, "near")
        link(far, "eth0", wire, "far")
        for namespace, address in ((agent, "10.9.0.1/24"), (far, "10.9.0.2/24")):
            namespace.up("eth0", address)
        permit(agent)
        stop = threading.Event()

        def carry(source: str, sink: str, change: Bend) -> None:
            with (
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as inlet,
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as outlet,
            ):
                inlet.bind((source, _ETH_P_ALL))
                outlet.bind((sink, 0))
                inlet.settimeout(0.1)
                while not stop.is_set():
                    try:
                        frame, where = inlet.recvfrom(65535)
                    except TimeoutError:
                        continue
                    if where[2] != socket.PACKET_OUTGOING:
                        for out in change(frame):
                            outlet.send(out)

        threads = [
            threading.Thread(target=wire.call, args=(lambda: carry("near", "far", lambda frame: [frame]), 80)),
            threading.Thread(target=wire.call, args=(lambda: carry("far", "near", _replies(bend)), 80)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield agent
        finally:
            stop.set()
            for thread in threads:
                thread.join(10)


def _replies(bend: Bend) -> Bend:
    """Let everything but echo replies pass as it is."""

    def change(frame: bytes) -> list[bytes]:
        is_reply = frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_ICMP
        return bend(frame) if is_reply and frame[34] == packet.ECHO_REPLY_V4 else [frame]

    return change


@pytest.mark.parametrize("mode", MODES)
def test_a_wire_that_doubles_and_reorders(mode: Mode) -> None:
    held: list[bytes] = []

    def bend(frame: bytes) -> list[bytes]:
        held.append(frame)
        if len(held) < 2:
            return []
        first, second = held
        held.clear()
        return [second, second, first]

    async def work() -> None:
        async with watching(check("10.9.0.2"), modes=[mode]) as watch:
            await watch.until(lambda: len(watch.rounds()) >= 4)
            rounds = watch.rounds()[1:4]
            assert all(only(item, Echo.RECEIVED) for item in rounds)
            assert 12 <= sum(item.reordered for item in rounds) <= 18
            assert 12 <= sum(item.duplicates for item in rounds) <= 18

    with bad_wire(bend) as agent:
        agent.call(lambda: asyncio.run(work()))


@pytest.mark.parametrize("mode", MODES)
def test_a_wire_that_damages(mode: Mode) -> None:
    count = 0

    def bend(frame: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        if count % 5:
            return [frame]
        return [frame[:-1] + bytes([frame[-1] ^ 4])]  # the last octet of the payload, which no tag covers

    async def work() -> None:
        async with watching(check("10.9.0.2"), modes=[mode]) as watch:
            await watch.until(lambda: len(watch.rounds()) >= 5)
            rounds = watch.rounds()[:5]
            known = np.concatenate([item.outcomes for item in rounds])
            assert (known == Echo.LOST).sum() == 10
            assert (known == Echo.RECEIVED).sum() == 40
            if mode == "raw":  # a ping socket does not get them
                assert 8 <= sum(item.corrupted for item in rounds) <= 16  # with those of the rounds that are open

    with bad_wire(bend) as agent:
        agent.call(lambda: asyncio.run(work()))
