"""The probe as a whole: against net-snmp's snmpd, simulated devices, and agents that do not answer."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from agent.core.model import AdminStatus, Check, Fact, Observation, OperStatus, Outcome, SnmpAuth
from agent.core.ports import Resources
from probes.snmp import ber
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, encode_oid
from probes.snmp.probe import Probe, Settings
from probes.snmp.usm import User
from tests.lab.snmpd import Snmpd
from tests.probes.snmp.agents import SYSTEM, Mib, UdpAgent, serving, silent, switch, ups
from tests.probes.snmp.secure_agents import SecureAgent

AUTHS = {
    "public_v1": SnmpAuth("public_v1", version=1),
    "public_v2": SnmpAuth("public_v2"),
    "core_v3": SnmpAuth("core_v3", version=3, username="ops"),
    "stranger_v3": SnmpAuth("stranger_v3", version=3, username="stranger"),
    "lost": SnmpAuth("lost", problem="the secret /etc/linewarden/community is missing"),
}


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    made = Probe(Resources(auths=AUTHS))
    yield made
    await made.close()


def check(port: int, **settings: object) -> Check:
    values = {"address": "127.0.0.1", "auth": "public_v2", "port": port, **settings}
    return Check("sw1", "snmp", "snmp", 60.0, Settings.model_validate(values))


def fact(observation: Observation, name: str) -> str | float | bool | None:
    return next((fact.value for fact in observation.facts if fact.name == name), None)


def samples(observation: Observation, name: str) -> dict[str, float]:
    assert observation.series is not None
    found = [family for family in observation.series.families if family.name == name]
    return dict(zip(found[0].prefixes, found[0].values.tolist(), strict=True)) if found else {}


FILTERED = """\
modules:
  few:
    walk: [1.3.6.1.2.1.31.1.1.1.1, 1.3.6.1.2.1.31.1.1.1.18]
    get: [1.3.6.1.2.1.1.3.0]
    filters: [{oid: 1.3.6.1.2.1.31.1.1.1.1, targets: [1.3.6.1.2.1.31.1.1.1.18], values: ["/7$"]}]
    metrics:
    - {name: few, oid: 1.3.6.1.2.1.31.1.1.1.18, type: DisplayString, help: Few., indexes: [{labelname: i, type: gauge}]}
"""


async def test_the_filters_of_a_module_choose_the_rows_that_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "snmp.yml").write_text(FILTERED)
    made = Probe(Resources(auths=AUTHS, module_files=(tmp_path / "snmp.yml",)))
    alias = encode_oid("1.3.6.1.2.1.31.1.1.1.18")
    try:
        with serving(switch(60)) as agent:
            seen = await made.run(check(agent.port, modules=["system", "few"]))
            asked = {bind[0] for request in agent.requests for bind in request.varbinds}
            whole = await made.run(check(agent.port, modules=["system", "if_mib", "few"]))
    finally:
        await made.close()
    assert seen.outcome is whole.outcome is Outcome.OK, seen.detail + whole.detail
    assert [prefix.partition("{")[2] for prefix in samples(seen, "few")] == ['target="sw1",i="7",few=""}']
    assert {oid for oid in asked if oid.startswith(alias)} == {alias + b"\x07"}
    assert len(samples(whole, "few")) == 60  # another module reads them all


async def test_a_full_poll_says_how_the_parts_are(probe: Probe) -> None:
    with serving(ups()) as agent:
        seen = await probe.run(check(agent.port, modules=["system", "ups_mib"]))
    assert seen.hardware is not None
    assert {one.quantity for one in seen.hardware.readings} >= {"charge"}
    assert seen.hardware.at <= seen.at
    with serving(switch(4)) as agent:
        plain = await probe.run(check(agent.port, modules=["system", "if_mib"]))
    assert plain.hardware is not None, "what it is, by its system group"
    assert (plain.hardware.entities, plain.hardware.readings, plain.hardware.stores) == ((), (), ())


# ------------------------------------------------------------------ net-snmp


@pytest.mark.parametrize("auth", ["public_v1", "public_v2"])
async def test_a_poll_of_snmpd(daemon: Snmpd, probe: Probe, auth: str) -> None:
    seen = await probe.run(check(daemon.port, auth=auth, request_timeout="5s"))
    assert seen.outcome is Outcome.OK, seen.detail
    assert seen.confirmed
    assert fact(seen, "system_name") == "lab-agent"
    assert fact(seen, "location") == "cellar"
    assert fact(seen, "contact") == "ict@example.org"
    assert str(fact(seen, "system_object_id")).startswith("1.3.6.1.4.1.8072.")
    uptime = fact(seen, "uptime_seconds")
    assert isinstance(uptime, float)
    assert 0 < uptime < 3600
    loopback = next(interface for interface in seen.interfaces if interface.name == "lo")
    assert (loopback.admin, loopback.oper) == (AdminStatus.UP, OperStatus.UP)
    state = samples(seen, "ifOperStatus")
    assert f'ifOperStatus{{target="sw1",ifIndex="{loopback.index}",ifAlias="",ifDescr="lo",ifName="lo"}}' in state
    assert bool(samples(seen, "ifHCInOctets")) == (auth == "public_v2")  # v1 has no Counter64
    assert dict(seen.values)["problems"] == 0
    assert "interfaces up" in seen.detail
    # what it was found to have
    assert samples(seen, "hrStorageSize")
    load = samples(seen, "laLoadInt")
    assert [re.findall('laNames="([^"]+)"', prefix) for prefix in load] == [["Load-1"], ["Load-5"], ["Load-15"]]


@pytest.mark.parametrize("auth", ["public_v1", "public_v2"])
async def test_snmpd_between_two_full_polls(daemon: Snmpd, probe: Probe, auth: str) -> None:
    asked = check(daemon.port, auth=auth, request_timeout="5s", fast="1s")
    first = await probe.run(asked)
    seen = await probe.run(asked)
    assert (dict(first.values)["full"], dict(seen.values)["full"]) == (1, 0), seen.detail
    assert [one.name for one in seen.interfaces] == [one.name for one in first.interfaces]
    place, loopback = next((place, one) for place, one in enumerate(seen.interfaces) if one.name == "lo")
    assert (loopback.admin, loopback.oper) == (AdminStatus.UP, OperStatus.UP)
    assert seen.traffic is not None
    assert seen.traffic.received.flow(place).octets_per_second is not None
    assert {family.name for family in first.series.families} <= {family.name for family in seen.series.families}  # type: ignore[union-attr] # ok has series
    assert samples(seen, "ifOperStatus") == samples(first, "ifOperStatus")
    assert {fact.name for fact in first.facts} == {fact.name for fact in seen.facts}


# ------------------------------------------------------------------ simulated devices


async def test_a_switch_of_48_ports(probe: Probe) -> None:
    with serving(switch(48)) as agent:
        seen = await probe.run(check(agent.port, fast="off"))
        again = await probe.run(check(agent.port, fast="off"))
    assert seen.outcome is Outcome.OK
    assert seen.detail.startswith("1 of 48 interfaces up; ")
    assert dict(seen.values)["packets"] < 75
    first, second = seen.interfaces[:2]
    assert (first.index, first.name, first.descr, first.alias) == (1, "Gi1/0/1", "GigabitEthernet1/0/1", "uplink")
    assert (first.admin, first.oper, first.speed_bits_per_second) == (AdminStatus.UP, OperStatus.UP, 1e9)
    assert (second.oper, second.alias) == (OperStatus.DOWN, "")
    labels = 'target="sw1",ifIndex="1",ifAlias="uplink",ifDescr="GigabitEthernet1/0/1",ifName="Gi1/0/1"'
    assert samples(seen, "ifHCInOctets")[f"ifHCInOctets{{{labels}}}"] == (1 << 40) * 6 + 1
    assert samples(seen, "ifType_info")[f'ifType_info{{{labels},ifType="ethernetCsmacd"}}'] == 1
    assert samples(seen, "sysName") == {'sysName{target="sw1",sysName="sw1"}': 1.0}
    assert samples(seen, "sysUpTime") == {'sysUpTime{target="sw1"}': 8640000.0}
    assert seen.series is not None
    assert again.series is not None
    before, after = ({f.name: f.prefixes for f in block.families} for block in (seen.series, again.series))
    assert len(before) > 30
    own = [name for name in before if name.startswith("linewarden_")]
    assert all(after[name] is before[name] for name in before.keys() - own)  # nothing was rendered twice


async def test_a_ups_is_found_and_its_battery_judged(probe: Probe) -> None:
    with serving(ups()) as agent:
        seen = await probe.run(check(agent.port))
        await probe.run(check(agent.port))
        asked = [request for request in agent.requests if request.pdu == Pdu.GETNEXT]
    assert seen.outcome is Outcome.OK
    assert Fact("battery_replace", True, "UPS-MIB upsAlarmBatteryBad") in seen.facts
    assert fact(seen, "battery_status") == "low"
    assert fact(seen, "battery_seconds_left") == 240
    assert fact(seen, "battery_charge_ratio") == 0.81
    assert fact(seen, "vendor") == "Examplepower"
    assert fact(seen, "model") == "Tower 1500"
    assert samples(seen, "upsBatteryVoltage") == {'upsBatteryVoltage{target="sw1"}': pytest.approx(27.4)}
    assert samples(seen, "upsOutputPercentLoad") == {'upsOutputPercentLoad{target="sw1",upsOutputLineIndex="1"}': 38}
    alarm = 'upsAlarmDescr{target="sw1",upsAlarmId="7",upsAlarmDescr="1.3.6.1.2.1.33.1.6.3.1"}'
    assert samples(seen, "upsAlarmDescr") == {alarm: 1.0}
    roots = [bind[0] for request in asked for bind in request.varbinds]
    assert len(roots) == len(set(roots)) > 10  # what the device has, and is, is asked once


@pytest.mark.parametrize(("silent_for", "within"), [("answer", "20s"), ("poll", "1s")])
async def test_modules_that_were_found_do_not_fail_a_poll(probe: Probe, silent_for: str, within: str) -> None:
    """A device that ceases to answer, or is too slow, while they are read still gives what was read before."""
    mib = Mib(switch(2) | ups())
    battery = ber.encode_oid("1.3.6.1.2.1.33.1.2")

    def answer(request: Message, data: bytes) -> list[bytes]:
        if request.pdu == Pdu.GETBULK and request.varbinds[0][0].startswith(battery[:-1]):
            return []
        return mib.answer(request)

    request_timeout = "50ms" if silent_for == "answer" else "10s"
    with UdpAgent(answer) as agent:
        seen = await probe.run(check(agent.port, request_timeout=request_timeout, retries=0, timeout=within))
        named = await probe.run(
            check(agent.port, request_timeout=request_timeout, retries=0, timeout=within, modules=["ups_mib"])
        )
    assert seen.outcome is Outcome.OK, seen.detail
    assert len(seen.interfaces) == 2
    assert samples(seen, "ifOperStatus")
    assert "; incomplete: " in seen.detail
    assert fact(seen, "battery_replace") is None
    assert (named.outcome, named.complete) == (Outcome.OK, False)


async def test_a_wrong_file_for_a_module_that_the_device_is_found_to_have_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "own.yml").write_text("modules: {ups_mib: {walk: 7}}")
    probe = Probe(Resources(auths=AUTHS, module_files=(tmp_path / "own.yml",)))
    try:
        with serving(ups()) as agent:
            seen = await probe.run(check(agent.port))
            named = await probe.run(check(agent.port, modules=["ups_mib"]))
    finally:
        await probe.close()
    assert seen.outcome is Outcome.OK
    assert samples(seen, "sysUpTime")
    assert "own.yml: modules.ups_mib.walk: a list expected" in caplog.text
    assert named.outcome is Outcome.UNKNOWN  # what the configuration asks for is not left out silently


async def test_another_device_at_the_address_is_asked_anew(probe: Probe) -> None:
    with serving(switch(2)) as agent:
        first = await probe.run(check(agent.port))
        agent.answer = Mib(ups() | {"1.3.6.1.2.1.1.2.0": (Tag.OID, ber.encode_oid("1.3.6.1.4.1.318.1.3.27"))}).answer
        second = await probe.run(check(agent.port))
    assert not samples(first, "upsBatteryStatus")
    assert samples(second, "upsBatteryStatus")


async def test_a_device_that_does_not_say_what_it_has_is_polled_all_the_same(probe: Probe) -> None:
    mib = Mib(ups())

    def answer(request: Message, data: bytes) -> list[bytes]:
        return [] if request.pdu == Pdu.GETNEXT else mib.answer(request)

    with UdpAgent(answer) as agent:
        polls = [await probe.run(check(agent.port, request_timeout="50ms", retries=1, fast="off")) for _ in range(5)]
        asked = [request for request in agent.requests if request.pdu == Pdu.GETNEXT]
    assert {poll.outcome for poll in polls} == {Outcome.OK}
    assert all(fact(poll, "system_name") == "sw1" for poll in polls)
    # two tries in each of three polls, and then no more; and two in the first about what it is
    assert len(asked) == 2 * 3 + 2


@pytest.mark.parametrize(("modules", "wanted"), [(["ups_mib"], False), (["system"], None)])
async def test_configured_modules_are_polled_and_no_others(
    probe: Probe, modules: Sequence[str], wanted: bool | None
) -> None:
    with serving(ups(battery_bad=False)) as agent:
        seen = await probe.run(check(agent.port, modules=modules))
    assert seen.outcome is Outcome.OK
    assert fact(seen, "battery_replace") is wanted
    assert fact(seen, "system_name") == "sw1"
    assert seen.interfaces == ()
    assert bool(samples(seen, "upsBatteryStatus")) == (modules == ["ups_mib"])


async def test_what_cannot_be_read_is_said_and_the_rest_is_kept(probe: Probe) -> None:
    mib = Mib(switch(4))
    oper = ber.encode_oid("1.3.6.1.2.1.2.2.1.8")

    def answer(request: Message, data: bytes) -> list[bytes]:
        sound = mib.answer(request)[0]
        binds = ber.decode_response(sound).varbinds
        broken = [place for place, bind in enumerate(binds) if bind[0].startswith(oper)]
        if not broken:
            return [sound]
        if broken[0] == 0:
            return [ber.encode_response(request, [], ErrorStatus.genErr, 1)]
        return [ber.encode_response(request, binds[: broken[0]])]

    with UdpAgent(answer) as agent:
        seen = await probe.run(check(agent.port))
    assert seen.outcome is Outcome.OK
    assert seen.detail.endswith("; incomplete: genErr after 1.3.6.1.2.1.2.2.1.7.4; genErr after 1.3.6.1.2.1.2.2.1.8")
    assert dict(seen.values)["problems"] >= 1
    assert len(seen.interfaces) == 4
    assert all(interface.oper is None and interface.admin is AdminStatus.UP for interface in seen.interfaces)


async def test_an_agent_that_shows_nothing_is_a_bad_answer(probe: Probe) -> None:
    with serving({"1.3.6.1.4.1.1.0": (Tag.INTEGER, 1)}) as agent:
        seen = await probe.run(check(agent.port))
    assert seen.outcome is Outcome.BAD_ANSWER
    assert "may this community see the system group" in seen.detail


# ------------------------------------------------------------------ no answer, and what cannot be measured


async def test_no_answer_says_whom_how_and_how_often(probe: Probe) -> None:
    with UdpAgent(silent) as agent:
        seen = await probe.run(check(agent.port, request_timeout="100ms"))
        assert len(agent.requests) == 3
        assert {request.request_id for request in agent.requests} == {agent.requests[0].request_id}
    assert seen.outcome is Outcome.NO_ANSWER
    assert seen.detail == (
        f"no answer from 127.0.0.1:{agent.port} (v2c, auth 'public_v2') after 3 tries; a wrong community looks the same"
    )
    assert seen.duration_seconds is None
    assert seen.series is None


async def test_a_stopped_agent_refuses(probe: Probe) -> None:
    with UdpAgent(silent) as agent:
        port = agent.port
    seen = await probe.run(check(port, request_timeout="100ms"))
    assert seen.outcome is Outcome.REFUSED
    assert seen.detail == (
        f"127.0.0.1:{port} refused 3 tries: 127.0.0.1 says: port unreachable: no SNMP agent listens there"
    )


async def test_a_short_timeout_leaves_room_for_all_tries(probe: Probe) -> None:
    with UdpAgent(silent) as agent:
        seen = await probe.run(check(agent.port, timeout="600ms"))
    assert re.match(
        r"no answer from 127\.0\.0\.1:\d+ \(v2c, auth 'public_v2'\) (after 3 tries|within 600 ms)", seen.detail
    )


@pytest.mark.parametrize("within", ["20s", "3s"])  # the latter is over while it is still asked whether it is there
async def test_an_agent_that_dies_within_a_poll(probe: Probe, within: str) -> None:
    mib, alive = Mib(switch(48)), True

    def answer(request: Message, data: bytes) -> list[bytes]:
        nonlocal alive
        alive = alive and request.pdu == Pdu.GET
        return mib.answer(request) if alive else []

    with UdpAgent(answer) as agent:
        seen = await probe.run(check(agent.port, request_timeout="700ms", timeout=within))
    assert seen.outcome is Outcome.NO_ANSWER
    said = (
        r"the answers ceased: .* 7 objects in 1 packet before that"
        if within == "20s"
        else r"the poll did not end within 3 s: 7 objects in 1 packet so far"
    )
    assert re.search(said, seen.detail)


async def test_a_slow_agent_ends_at_the_timeout_with_what_was_reached(probe: Probe) -> None:
    number = 0

    def endless(request: Message, data: bytes) -> list[bytes]:
        nonlocal number
        if request.pdu == Pdu.GET:
            return Mib(SYSTEM).answer(request)
        number += 1
        return [ber.encode_response(request, [(ber.encode_oid(f"1.3.6.1.2.1.2.2.1.2.{number}"), Tag.INTEGER, 1)])]

    with UdpAgent(endless) as agent:
        seen = await probe.run(check(agent.port, timeout="2s"))
    assert seen.outcome is Outcome.OK
    assert not seen.complete
    said = (
        r"\d+ objects in \d+ packets, .*; incomplete: stopped at its timeout of 2 s at 1\.3\.6\.1\.2\.1\.2\.2\.1\.2\."
    )
    assert re.search(said, seen.detail), seen.detail


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"auth": "lost"}, "auth 'lost' cannot be used: the secret /etc/linewarden/community is missing"),
        ({"auth": "nobody"}, "there is no auth 'nobody'"),
        ({"modules": ["ifmib"]}, "cannot be polled: no SNMP module 'ifmib'; did you mean 'if_mib'?"),
        ({"address": "x" * 70}, "could not be measured: the name 'xxx"),
        ({"address": "255.255.255.255"}, "could not be measured: cannot send to 255.255.255.255:1"),
    ],
)
async def test_what_cannot_be_measured_is_unknown(probe: Probe, settings: dict[str, object], said: str) -> None:
    seen = await probe.run(check(1, **settings))
    assert seen.outcome is Outcome.UNKNOWN
    assert seen.detail.startswith(said)


@pytest.mark.parametrize(
    ("auth", "outcome", "said"),
    [
        ("core_v3", Outcome.OK, ""),
        ("stranger_v3", Outcome.BAD_ANSWER, "has no user 'stranger' (usmStatsUnknownUserNames) (auth 'stranger_v3')"),
        ("public_v2", Outcome.NO_ANSWER, "a wrong community looks the same"),
    ],
)
async def test_a_poll_by_version_3(probe: Probe, auth: str, outcome: Outcome, said: str) -> None:
    with SecureAgent(SYSTEM, User(b"ops")) as agent:
        seen = await probe.run(check(agent.port, auth=auth, timeout="10s", request_timeout="2s", retries=0))
    assert seen.outcome is outcome
    assert said in seen.detail
    if outcome is Outcome.OK:
        assert fact(seen, "sysName") == "sw1" or samples(seen, "sysUpTime")


async def test_cancelling_a_poll_frees_what_it_holds(probe: Probe) -> None:
    with UdpAgent(silent) as agent:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await probe.run(check(agent.port))
        assert probe._client is not None
        assert (probe._client._pending, probe._client._in_flight) == ({}, 0)


async def test_configured_anew_it_takes_new_auths_and_module_files(probe: Probe, tmp_path: Path) -> None:
    extra = tmp_path / "snmp.yml"
    extra.write_text(
        "modules: {mine: {walk: [1.3.6.1.2.1.1], metrics: [{name: services, oid: 1.3.6.1.2.1.1.7, type: gauge}]}}"
    )
    with serving(switch(1)) as agent:
        assert (await probe.run(check(agent.port))).outcome is Outcome.OK
        probe.configure(Resources(auths={"other": SnmpAuth("other")}, module_files=(extra,)))
        assert (await probe.run(check(agent.port))).outcome is Outcome.UNKNOWN
        seen = await probe.run(check(agent.port, auth="other", modules=["mine"]))
    assert samples(seen, "services") == {'services{target="sw1"}': 2.0}
    assert probe.counters.answers > 2


async def test_a_large_device_is_rendered_off_the_loop(probe: Probe) -> None:
    with serving(switch(120, first=10101)) as agent:
        seen = await probe.run(check(agent.port))
    assert seen.outcome is Outcome.OK
    assert len(seen.interfaces) == 120
    assert seen.series is not None
    assert len(seen.series) > 2000


def test_settings_are_typed_and_helpful() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        check(161, modles=["system"])
    with pytest.raises(ValueError, match="greater than 0"):
        check(161, timeout="0s")
    assert check(161).settings.try_seconds == 2.0
    assert check(161, timeout="3s").settings.try_seconds == pytest.approx(0.85)
    assert check(161, request_timeout="7s").settings.try_seconds == 7.0


async def test_an_agent_that_answers_nonsense_never_raises(probe: Probe) -> None:
    """Sound octets with absurd content: wrong OIDs, wrong types, wrong statuses, in any order."""
    chance = random.Random(7)
    mib = Mib({**switch(6), **ups()})
    oids = [ber.encode_parts(key) for key in mib.keys] + [b"\x2b", ber.encode_oid("2.999.4294967295")]
    nonsense: list[tuple[int, ber.Value]] = [
        (Tag.INTEGER, -(1 << 31)), (Tag.OCTET_STRING, bytes(range(256))), (Tag.OCTET_STRING, b""), (Tag.NULL, None),
        (Tag.OID, b""), (Tag.OID, encode_bad_battery()), (Tag.IP_ADDRESS, bytes(4)), (Tag.COUNTER64, (1 << 64) - 1),
        (Tag.OPAQUE, b"\x9f\x78\x04\x7f\xc0\x00\x00"), (Tag.NO_SUCH_OBJECT, None), (Tag.END_OF_MIB_VIEW, None),
    ]  # fmt: skip

    def answer(request: Message, data: bytes) -> list[bytes]:
        binds = ber.decode_response(mib.answer(request)[0]).varbinds
        status = chance.choice([0] * 12 + [1, 2, 5, 18, 99, -1])
        for place, bind in enumerate(binds):
            if chance.random() < 0.2:
                binds[place] = (chance.choice([bind[0], chance.choice(oids)]), *chance.choice(nonsense))
        return [ber.encode_response(request, binds[: chance.randint(0, len(binds))], status, chance.randint(-1, 30))]

    with UdpAgent(answer) as agent:
        checks = [check(agent.port, auth=auth, timeout="5s") for auth in ("public_v1", "public_v2") * 30]
        seen = [await probe.run(one) for one in checks]
    assert {observation.outcome for observation in seen} <= {Outcome.OK, Outcome.BAD_ANSWER}
    for observation in seen:
        if observation.series is not None:
            prefixes = [prefix for family in observation.series.families for prefix in family.prefixes]
            assert len(prefixes) == len(set(prefixes))
            assert len({family.name for family in observation.series.families}) == len(observation.series.families)


def encode_bad_battery() -> bytes:
    return ber.encode_oid("1.3.6.1.2.1.33.1.6.3.1")


@pytest.mark.parametrize(
    ("written", "fast", "cadence"),
    [
        ({}, 10.0, 10.0),
        ({"interval": "5m"}, 10.0, 10.0),
        ({"interval": "5s"}, None, 5.0),  # full polls come as fast: there is nothing in between
        ({"interval": "10s"}, None, 10.0),
        ({"fast": "30s"}, 30.0, 30.0),
        ({"fast": "off"}, None, 60.0),
        ({"fast": False}, None, 60.0),  # how YAML reads off
        ({"fast": None}, None, 60.0),
        ({"fast": "60s"}, None, 60.0),
    ],
)
def test_a_device_is_due_at_the_faster_speed(written: dict[str, object], fast: float | None, cadence: float) -> None:
    settings = Settings.model_validate({"address": "10.0.0.1", "auth": "public_v2", **written})
    assert (settings.fast_seconds, settings.cadence) == (fast, cadence)
