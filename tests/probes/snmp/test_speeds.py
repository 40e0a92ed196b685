"""Two speeds of polling against a switch that lives: no rate spike, no wrong interface, no false down."""

import random
import re
from collections.abc import AsyncIterator

import pytest

from agent.core.ends import end_observation
from agent.core.model import Check, Duplex, Interface, Neighbour, Observation, OperStatus, Outcome, SnmpAuth
from agent.core.ports import Resources
from agent.core.traffic import Flow
from probes.snmp.ber import Pdu, Tag, Value
from probes.snmp.fastplan import Table
from probes.snmp.poll import Poll
from probes.snmp.probe import Probe, Settings
from probes.snmp.tiers import Tiers, phase
from tests.probes.snmp.agents import UdpAgent, serving, ups
from tests.probes.snmp.living import WRAP32, WRAP64, Clock, LiveSwitch, Port

AUTHS = {"public_v1": SnmpAuth("public_v1", version=1), "public_v2": SnmpAuth("public_v2")}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in ("probe", "device", "poll"):
        monkeypatch.setattr(f"probes.snmp.{module}.time", made)
    monkeypatch.setattr("probes.snmp.probe.phase", lambda device: 0.0)
    return made


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    made = Probe(Resources(auths=AUTHS))
    yield made
    await made.close()


class Watch:
    """Polls one switch, a step of the clock after another."""

    def __init__(self, probe: Probe, switch: LiveSwitch, agent: UdpAgent, **settings: object) -> None:
        values = {"address": "127.0.0.1", "auth": "public_v2", "port": agent.port, "request_timeout": "3s", **settings}
        self.check = Check("sw1", "snmp", "snmp", 10.0, Settings.model_validate(values))
        self.probe = probe
        self.switch = switch
        self.agent = agent

    async def poll(self, after: float = 0.0) -> Observation:
        self.switch.clock.now += after
        self.agent.requests.clear()
        seen = await self.probe.run(self.check)
        assert seen.outcome is Outcome.OK, seen.detail
        return seen


def full(seen: Observation) -> bool:
    return bool(dict(seen.values)["full"])


def one(seen: Observation, name: str) -> Interface:
    found = [interface for interface in seen.interfaces if interface.name == name]
    assert len(found) == 1, [interface.name for interface in seen.interfaces]
    return found[0]


def flow(seen: Observation, name: str, direction: str = "received") -> Flow:
    assert seen.traffic is not None
    found: Flow = getattr(seen.traffic, direction).flow(seen.interfaces.index(one(seen, name)))
    return found


def received(seen: Observation, name: str) -> float | None:
    return flow(seen, name).octets_per_second


def end(seen: Observation, name: str) -> Outcome:
    return end_observation(Check("wan", "end", "end", 10.0, source=("sw1", name)), seen).outcome


def samples(seen: Observation, name: str) -> dict[str, float]:
    assert seen.series is not None
    found = [family for family in seen.series.families if family.name == name]
    assert len(found) <= 1
    return dict(zip(found[0].prefixes, found[0].values.tolist(), strict=True)) if found else {}


# ------------------------------------------------------------------ the two tiers


async def test_the_fast_tier_reads_state_and_counters_between_full_polls(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        first = await watch.poll()
        assert full(first)
        assert received(first, "Gi1/0/2") is None
        for _ in range(5):
            seen = await watch.poll(10.0)
            assert not full(seen)
            assert {request.pdu for request in agent.requests} == {Pdu.GET}
            assert len(agent.requests) <= 3
        again = await watch.poll(10.0)
    assert full(again)
    assert seen.detail.startswith("6 of 6 interfaces up; state and counters: 72 objects in 3 packets, ")
    for name, rate in (("Gi1/0/1", 1e5), ("Gi1/0/6", 6e5)):
        for polled in (seen, again):
            assert received(polled, name) == pytest.approx(rate)
            sent = flow(polled, name, "sent")
            assert sent.octets_per_second == pytest.approx(rate / 2)
            assert sent.packets_per_second == pytest.approx(rate / 1000, abs=0.2)
            assert sent.utilisation_ratio == pytest.approx(rate / 2 / 125e6)
            assert (sent.errors_per_second, sent.discards_per_second) == (0.0, 0.0)
    assert {fact.name for fact in seen.facts} == {fact.name for fact in first.facts}
    assert [fact.value for fact in seen.facts if fact.name == "uptime_seconds"] == [86450.0]


async def test_the_series_follow_the_fast_tier(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, 2)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        first = await watch.poll()
        switch.turn("Gi1/0/2", 7)
        seen = await watch.poll(10.0)
        third = await watch.poll(10.0)
    labels = 'target="sw1",ifIndex="2",ifAlias="port 2",ifDescr="long name of Gi1/0/2",ifName="Gi1/0/2"'
    for name in ("ifHCInOctets", "sysUpTime", "ifOperStatus", "sysName", "ifInOctets", "ifType_info", "ifAlias"):
        assert samples(first, name).keys() == samples(seen, name).keys()
    assert samples(seen, "ifHCInOctets")[f"ifHCInOctets{{{labels}}}"] == 2_000_000
    assert samples(third, "ifHCInOctets")[f"ifHCInOctets{{{labels}}}"] == 4_000_000
    assert samples(seen, "ifOperStatus")[f"ifOperStatus{{{labels}}}"] == 7
    assert samples(seen, "sysUpTime") == {'sysUpTime{target="sw1"}': 8_641_000}
    own = 'target="sw1",interface="Gi1/0/2"'
    assert samples(seen, "linewarden_interface_oper_status")[f"linewarden_interface_oper_status{{{own}}}"] == 7
    rates = samples(seen, "linewarden_interface_octets_per_second")
    assert rates[f'linewarden_interface_octets_per_second{{{own},direction="received"}}'] == pytest.approx(2e5)
    assert len(rates) == 4
    assert samples(first, "linewarden_interface_octets_per_second") == {}


@pytest.mark.parametrize("wide", [True, False])
async def test_what_the_fast_tier_says_is_what_a_full_poll_would_say(clock: Clock, probe: Probe, wide: bool) -> None:
    switch, other = LiveSwitch.of(clock, 20, wide=wide), Probe(Resources(auths=AUTHS))
    short = {"ifInOctets", "ifOutOctets", "ifInUcastPkts", "ifOutUcastPkts"}
    stale = short if wide else set()  # the long ones are read in their place
    try:
        with UdpAgent(switch.answer) as agent:
            watch = Watch(probe, switch, agent, interval="10m")
            await watch.poll()
            for number in range(4):
                switch.turn(f"Gi1/0/{number + 1}", 2)
                seen = await watch.poll(10.0)
                assert not full(seen)
                whole = await Watch(other, switch, agent, fast="off").poll()
                assert seen.series is not None
                assert whole.series is not None
                for family in whole.series.families:
                    if not family.name.startswith("linewarden_") and family.name not in stale:
                        assert samples(seen, family.name) == samples(whole, family.name), family.name
                mine, theirs = ([(one.name, one.admin, one.oper) for one in poll.interfaces] for poll in (seen, whole))
                assert mine == theirs
    finally:
        await other.close()


async def test_a_port_that_goes_down_is_seen_by_the_fast_tier(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        assert end(await watch.poll(), "Gi1/0/3") is Outcome.OK
        clock.now += 4.0
        switch.turn("Gi1/0/3", 2)
        seen = await watch.poll(6.0)
    assert not full(seen)
    assert end(seen, "Gi1/0/3") is Outcome.FAULT
    assert end(seen, "Gi1/0/4") is Outcome.OK
    changed = one(seen, "Gi1/0/3").changed_at
    assert changed is not None
    assert (seen.at - changed).total_seconds() == pytest.approx(6.0, abs=1.0)


async def test_a_flap_between_two_polls_is_counted(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll(100.0)
        clock.now += 4.0
        switch.turn("Gi1/0/3", 1)  # down and up again
        seen = await watch.poll(6.0)
        later = await watch.poll(10.0)
    assert [interface.flaps for interface in seen.interfaces] == [0, 0, 1, 0, 0, 0]
    assert one(later, "Gi1/0/3").flaps == 1
    assert samples(later, "linewarden_interface_flaps_total") == {
        f'linewarden_interface_flaps_total{{target="sw1",interface="Gi1/0/{n}"}}': float(n == 3) for n in range(1, 7)
    }


async def test_one_speed_has_rates_too(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent, fast="off")
        await watch.poll()
        seen = await watch.poll(60.0)
        switch.restart(numbers=[11, 12, 13, 14, 15, 16], after=20.0)
        restarted = await watch.poll(60.0)
        after = await watch.poll(60.0)
    assert full(seen)
    assert received(seen, "Gi1/0/2") == pytest.approx(2e5)
    assert received(restarted, "Gi1/0/2") is None
    assert received(after, "Gi1/0/2") == pytest.approx(2e5)


async def test_a_device_without_interfaces_costs_one_packet_between_full_polls(clock: Clock, probe: Probe) -> None:
    with serving(ups()) as agent:
        watch = Watch(probe, LiveSwitch.of(clock), agent)
        first = await watch.poll()
        seen = await watch.poll(10.0)
    assert len(agent.requests) == 1
    assert not full(seen)
    assert [fact for fact in first.facts if fact.name == "battery_replace"] == [
        fact for fact in seen.facts if fact.name == "battery_replace"
    ]
    assert samples(seen, "upsBatteryVoltage") == samples(first, "upsBatteryVoltage")


async def test_v1_has_two_speeds_as_well(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, wide=False)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent, auth="public_v1")
        await watch.poll()
        seen = await watch.poll(10.0)
    assert not full(seen)
    assert received(seen, "Gi1/0/5") == pytest.approx(5e5)


# ------------------------------------------------------------------ what counters do


@pytest.mark.parametrize(
    ("wide", "start", "rate"),
    [
        (True, WRAP64 - 5_000_000, 1e6),
        (False, WRAP32 - 5_000_000, 1e6),
        (False, WRAP32 - 500_000_000, 1e8),
    ],
)
async def test_a_wrap_is_no_gap_and_no_spike(
    clock: Clock, probe: Probe, wide: bool, start: float, rate: float
) -> None:  # fmt: skip
    switch = LiveSwitch.of(clock, wide=wide)
    port = switch.port("Gi1/0/1")
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        port.rate, port.since, port.start = rate, clock.now, start
        await watch.poll()
        for _ in range(3):
            # a float holds 2^64 to within 2,048
            assert received(await watch.poll(10.0), "Gi1/0/1") == pytest.approx(rate, abs=1000)


async def test_a_counter32_that_may_have_gone_round_twice_has_no_rate(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, wide=False)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent, interval="10m", fast="1m")
        await watch.poll()
        seen = await watch.poll(60.0)
    assert received(seen, "Gi1/0/1") is None
    assert flow(seen, "Gi1/0/1").packets_per_second == pytest.approx(200, abs=1)  # these cannot


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("told", [True, False])
async def test_cleared_counters_give_no_rate(clock: Clock, probe: Probe, wide: bool, told: bool) -> None:
    switch = LiveSwitch.of(clock, wide=wide)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll(100.0)
        clock.now += 5.0
        switch.clear("Gi1/0/1", told=told)
        seen = await watch.poll(5.0)
        after = await watch.poll(10.0)
    assert not full(seen)
    assert received(seen, "Gi1/0/1") is None
    assert received(seen, "Gi1/0/2") == pytest.approx(2e5)
    assert received(after, "Gi1/0/1") == pytest.approx(1e5)


async def test_the_uptime_wraps_after_497_days(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, uptime_base=WRAP32 - 1500)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        for _ in range(3):
            seen = await watch.poll(10.0)
            assert not full(seen)
            assert received(seen, "Gi1/0/1") == pytest.approx(1e5)
    assert switch.uptime == 1500


# ------------------------------------------------------------------ when the device is another one


async def test_after_a_restart_everything_is_read_at_once_and_history_stays_with_the_name(
    clock: Clock, probe: Probe
) -> None:
    switch = LiveSwitch.of(clock)
    switch.turn("Gi1/0/2", 2)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll(100.0)
        clock.now += 3.0
        switch.turn("Gi1/0/3", 1)
        before = await watch.poll(7.0)
        switch.restart(numbers=[6, 1, 2, 3, 4, 5], after=5.0)  # Gi1/0/2 is number 1 now, and still down
        seen = await watch.poll(10.0)
        assert len(agent.requests[1].varbinds) == 7  # the system group: after one packet it was clear
        again = await watch.poll(10.0)
    assert full(seen)
    assert not full(again)
    for polled in (before, seen, again):
        assert [end(polled, f"Gi1/0/{n}") for n in range(1, 7)] == [
            Outcome.FAULT if n == 2 else Outcome.OK for n in range(1, 7)
        ]
        assert one(polled, "Gi1/0/3").flaps == 1
    assert one(before, "Gi1/0/2").index == 2
    assert one(seen, "Gi1/0/2").index == 1
    assert all(received(seen, port.name) is None for port in switch.ports)
    assert [received(again, port.name) for port in switch.ports] == pytest.approx([port.rate for port in switch.ports])


async def test_a_table_that_changed_is_read_at_once(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        clock.now += 5.0
        # a module was put in: all others have moved
        for port in switch.ports:
            port.index += 4
        switch.ports.append(Port("Te1/1/1", 2, 7e5, since=clock.now))
        switch.table_changed = switch.uptime
        seen = await watch.poll(5.0)
        after = await watch.poll(10.0)
    assert full(seen)
    assert not full(after)
    assert one(seen, "Te1/1/1").index == 2
    assert received(seen, "Gi1/0/2") is None  # another number: another counter
    assert received(after, "Gi1/0/2") == pytest.approx(2e5)
    assert received(after, "Te1/1/1") == pytest.approx(7e5)


@pytest.mark.parametrize("what", ["entities", "number", "gone"])
async def test_other_changes_are_followed_at_once(clock: Clock, probe: Probe, what: str) -> None:
    switch = LiveSwitch.of(clock, table_changed=None)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        if what == "entities":
            switch.entities_changed = switch.uptime
        elif what == "number":
            switch.ports.append(Port("Te1/1/1", 50, since=clock.now))
        else:
            switch.ports[2] = Port("Te1/1/1", 50, since=clock.now)
        seen = await watch.poll(10.0)
        after = await watch.poll(10.0)
    assert full(seen)
    assert not full(after)
    assert {interface.name for interface in seen.interfaces} == {port.name for port in switch.ports}


@pytest.mark.parametrize("at", range(2, 30))
async def test_a_restart_within_a_poll_gives_no_wrong_interface(clock: Clock, probe: Probe, at: int) -> None:
    switch = LiveSwitch.of(clock, 8)
    switch.turn("Gi1/0/1", 2)

    def strike(number: int) -> None:
        clock.now += 0.05
        if number == at:
            switch.restart(numbers=[8, 7, 6, 5, 4, 3, 2, 1])

    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent, max_repetitions=20)
        switch.before_answer = strike
        seen = await watch.poll()
    assert switch.answered > 16
    for port in switch.ports:
        found = one(seen, port.name)
        assert found.oper is OperStatus(port.oper)
        assert found.alias == port.alias
        assert found.index == port.index or at >= switch.answered
        assert received(seen, port.name) is None


async def test_a_device_that_restarts_all_the_time_is_said_nothing_about(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, 8)

    def strike(number: int) -> None:
        clock.now += 5.0
        if number % 7 == 0:
            switch.restart(numbers=random.Random(number).sample(range(1, 9), 8))

    with UdpAgent(switch.answer) as agent:
        switch.before_answer = strike
        seen = await Watch(probe, switch, agent).poll()
    assert seen.interfaces == ()
    assert "the device restarted again while it was read" in seen.detail
    assert end(seen, "Gi1/0/1") is Outcome.UNKNOWN


async def test_a_restart_within_the_fast_tier_ends_in_a_full_poll(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, 40)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        await watch.poll(10.0)
        asked = switch.answered + 4

        def strike(number: int) -> None:
            clock.now += 0.01
            if number == asked:
                switch.restart(numbers=list(range(40, 0, -1)))

        switch.before_answer = strike
        seen = await watch.poll(10.0)
    assert full(seen)
    assert all(one(seen, port.name).index == port.index for port in switch.ports)
    assert all(received(seen, port.name) is None for port in switch.ports)


# ------------------------------------------------------------------ odd agents


async def test_a_device_that_is_silent_on_large_gets_is_walked(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, 30, most_octets=484)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent, request_timeout="1s", retries=0)
        first = await watch.poll()
        seen = await watch.poll(10.0)
        pdus = [request.pdu for request in agent.requests]
    assert received(first, "Gi1/0/1") is None
    assert not full(seen)
    assert Pdu.GETBULK in pdus
    assert received(seen, "Gi1/0/30") == pytest.approx(3e6)


async def test_marks_that_move_all_the_time_are_left_alone(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)

    def move(number: int) -> None:
        switch.table_changed = switch.answered

    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        switch.before_answer = move
        polls = [await watch.poll(10.0) for _ in range(6)]
        assert all(len(seen.interfaces) == 6 for seen in polls)
        assert [full(seen) for seen in polls][2:] == [False] * 4
        # once they rest, they are believed again
        switch.before_answer = lambda number: None
        rest = [full(await watch.poll(1.0)) for _ in range(3)]
        switch.ports.append(Port("Te1/1/1", 50, since=clock.now))
        switch.table_changed = 1
        assert full(await watch.poll(1.0))
    assert rest[-1] is False


async def test_a_device_that_does_not_like_the_question_is_polled_at_one_speed(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(
        lambda request, data: (
            [] if len(request.varbinds) > 10 or len(request.varbinds) == 4 else switch.answer(request, data)
        )
    ) as agent:
        watch = Watch(probe, switch, agent, request_timeout="1s", retries=0)
        first = await watch.poll()
        seen = await watch.poll(10.0)
    assert full(seen)
    assert len(first.interfaces) == 6
    assert received(seen, "Gi1/0/1") == pytest.approx(1e5)


async def test_cells_that_are_no_numbers_are_unknown(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        sound = switch.objects

        def broken() -> dict[str, tuple[int, object]]:
            return {
                **sound(),
                "1.3.6.1.2.1.2.2.1.8.2": (Tag.INTEGER, 77),
                "1.3.6.1.2.1.31.1.1.1.6.2": (Tag.OCTET_STRING, b"many"),
            }

        switch.objects = broken  # type: ignore[method-assign, assignment] # a device that went mad
        seen = await watch.poll(10.0)
    assert one(seen, "Gi1/0/2").oper is None
    assert received(seen, "Gi1/0/2") is None
    assert received(seen, "Gi1/0/3") == pytest.approx(3e5)


# ------------------------------------------------------------------ whatever happens


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_no_spike_no_wrong_interface_no_false_down(
    clock: Clock, probe: Probe, seed: int
) -> None:
    chance = random.Random(seed)
    switch = LiveSwitch.of(clock, 6, wide=chance.random() < 0.6, uptime_base=chance.randrange(WRAP32))
    for port in switch.ports:
        port.start = chance.choice([0.0, WRAP32 - 1e6, 1e9])

    def strike(number: int) -> None:
        clock.now += 0.02
        if chance.random() < 0.01:
            switch.restart(numbers=chance.sample(range(1, 12), len(switch.ports)))

    known = 0
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent, fast=chance.choice(["10s", "5s", "off"]))
        switch.before_answer = strike
        for _ in range(12):
            event = chance.randrange(6)
            port = chance.choice(switch.ports)
            if event == 0:
                switch.restart(numbers=chance.sample(range(1, 12), len(switch.ports)), after=chance.random() * 4)
            elif event == 1:
                switch.turn(port.name, chance.choice([1, 2, 6, 7]))
            elif event == 2:
                switch.clear(port.name, told=switch.wide is False)
            elif event == 3:
                chance.shuffle(switch.ports)
                switch.ports = [
                    Port(p.name, n, p.rate, p.oper, since=clock.now, discontinuity=switch.uptime)
                    for n, p in enumerate(switch.ports, 20)
                ]
                switch.table_changed = switch.uptime
            seen = await watch.poll(chance.choice([5.0, 10.0, 12.0]))
            for interface in seen.interfaces:
                truth = switch.port(interface.name)
                assert interface.oper is OperStatus(truth.oper)
                rate = received(seen, interface.name)
                known += rate is not None and rate >= 0.95 * truth.rate
                # a counter that was cleared without a word soon after its begin shows too little; none shows too much
                assert rate is None or rate <= 1.05 * truth.rate
    assert known > 0


async def test_after_a_reload_everything_is_read_anew_and_history_stays(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll(100.0)
        clock.now += 4.0
        switch.turn("Gi1/0/3", 1)
        await watch.poll(6.0)
        probe.configure(Resources(auths=AUTHS))
        seen = await watch.poll(10.0)
        assert full(seen)
        assert one(seen, "Gi1/0/3").flaps == 1
        assert received(seen, "Gi1/0/3") == pytest.approx(3e5)
        probe.configure(Resources(auths=AUTHS))
        probe.configure(Resources(auths=AUTHS))  # nobody has polled it in between: it may be gone
        assert one(await watch.poll(10.0), "Gi1/0/3").flaps == 0


async def test_a_full_poll_whose_time_is_over_is_taken_as_it_is(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        _, device = probe._devices["sw1", "snmp"]
        settings = watch.check.settings
        clock.now += 60.0
        poll = Poll(*await probe._session(settings, AUTHS["public_v2"]))
        kept = probe._remembered(watch.check, settings)
        await probe._read(watch.check, kept, poll)
        assert kept.reader is not None
        assert kept.plan is not None
        asked = switch.answered
        state = device.settle(poll, kept.reader.made(poll.varbinds, poll.shape, complete=True), kept.plan.metrics)
        assert switch.answered == asked
        assert state.told is not None
        assert [one.name for one in state.told.interfaces] == [port.name for port in switch.ports]
        assert state.told.traffic.received.octets_per_second.tolist() == pytest.approx(
            [port.rate for port in switch.ports]
        )
        assert full(await watch.poll(10.0))


def test_full_polls_of_many_devices_are_spread() -> None:
    due = []
    for number in range(600):
        decided = Tiers(60.0, 10.0, v1=False, max_repetitions=None, phase=phase(f"switch-{number}"))
        decided.read(Table.of({}), (), 0.0)
        due.append(next(second for second in range(10, 100, 10) if not decided.fast_due(float(second))))
    assert set(due) <= {10, 20, 30, 40, 50, 60}
    assert max(due.count(second) for second in due) < 200


async def test_how_far_a_fast_poll_came_is_said(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, 30)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent, request_timeout="200ms", retries=0, max_repetitions=5)
        await watch.poll()
        _, device = probe._devices["sw1", "snmp"]
        device.tiers.get_works = False
        device.tiers.read(device._table, device.tiers.rows, clock.now)
        asked = switch.answered + 3
        agent.answer = lambda request, data: switch.answer(request, data) if switch.answered < asked else []
        clock.now += 10.0
        seen = await probe.run(watch.check)
    assert seen.outcome is Outcome.NO_ANSWER
    assert re.search(r"the answers ceased: .*, \d\d objects in 3 packets before that", seen.detail), seen.detail


# ------------------------------------------------------------------ lines


async def test_neighbours_and_duplex_are_read_with_full_polls_and_stay_in_between(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, 2)
    sound = switch.objects
    lines: dict[str, tuple[int, Value]] = {
        "1.0.8802.1.1.2.1.3.7.1.3.17": (Tag.OCTET_STRING, b"Gi1/0/2"),
        "1.0.8802.1.1.2.1.4.1.1.7.0.17.1": (Tag.OCTET_STRING, b"Gi0/24"),
        "1.0.8802.1.1.2.1.4.1.1.9.0.17.1": (Tag.OCTET_STRING, b"sw2"),
        "1.3.6.1.2.1.10.7.2.1.19.1": (Tag.INTEGER, 2),
        "1.3.6.1.2.1.10.7.2.1.19.2": (Tag.INTEGER, 3),
    }
    switch.objects = lambda: {**sound(), **lines}  # type: ignore[method-assign] # a switch that says more
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        seen = await watch.poll(10.0)
        assert not full(seen)
        assert [(one.duplex, one.duplex_mismatch, one.neighbour) for one in seen.interfaces] == [
            (Duplex.HALF, True, None),
            (Duplex.FULL, False, Neighbour("sw2", "Gi0/24")),
        ]
        mismatch = 'linewarden_interface_duplex_mismatch{target="sw1",interface="Gi1/0/1"}'
        assert samples(seen, "linewarden_interface_duplex_mismatch")[mismatch] == 1
        # a cable is moved: the port's state changes, and the next full poll looks again
        lines["1.0.8802.1.1.2.1.3.7.1.3.17"] = (Tag.OCTET_STRING, b"Gi1/0/1")
        switch.turn("Gi1/0/1", 1)
        later = [await watch.poll(10.0) for _ in range(6)]
    assert [one.neighbour for one in later[-1].interfaces] == [Neighbour("sw2", "Gi0/24"), None]


async def test_what_the_last_full_poll_said_is_not_repeated_for_ever(clock: Clock, probe: Probe) -> None:
    switch = LiveSwitch.of(clock, 2)
    settings = Settings.model_validate({"address": "127.0.0.1", "auth": "public_v2", "port": 1})
    decided = Tiers(settings.interval, settings.fast_seconds, v1=False, max_repetitions=None)
    with UdpAgent(switch.answer) as agent:
        watch = Watch(probe, switch, agent)
        await watch.poll()
        _, device = probe._devices["sw1", "snmp"]
        decided.read(Table.of({}), (), clock.now)
        assert decided.is_fresh(clock.now + 180.0)
        assert not decided.is_fresh(clock.now + 180.1)
        # full polls fail, and the fast tier works: a device whose walk takes too long
        device.tiers._interval = 1e9
        switch.clock.now += 30.0
        device.tiers.is_fresh = lambda now: False  # type: ignore[method-assign] # as if it was long ago
        seen = await watch.poll()
    assert seen.facts == ()
    assert samples(seen, "sysName") == {}
    assert len(samples(seen, "ifOperStatus")) == 2
