"""Polls of recorded devices of many makers: a stage of its own, run where the recordings lie beside the project."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.core.model import Check, Observation, Outcome, SnmpAuth
from agent.core.ports import Resources
from probes.snmp import ber
from probes.snmp.ber import Pdu, Tag
from probes.snmp.probe import Probe, Settings
from tests.probes.snmp import fuzzing
from tests.probes.snmp.fuzzing import Entry
from tests.probes.snmp.recordings import BAD, GOOD, served

IF_TABLE = ("1.3.6.1.2.1.2.2.1.2.", ".1.3.6.1.2.1.2.2.1.2.")
UPS_MIB = ("1.3.6.1.2.1.33.1.", ".1.3.6.1.2.1.33.1.")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not GOOD, reason="no recordings beside the project"),
]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with served([*GOOD, *BAD]) as found:
        yield found


async def polled(probe: Probe, port: int, auth: str) -> Observation:
    settings = Settings(address="127.0.0.1", auth=auth, port=port, timeout="120s", request_timeout="20s")
    return await probe.run(Check("device", "snmp", "snmp", 60.0, settings))


def has(path: Path, roots: tuple[str, ...]) -> int:
    return sum(line.startswith(roots) for line in path.read_text("latin-1").splitlines())


@pytest.mark.parametrize("auth", ["v2", "v1"])
async def test_every_recording_is_polled(ports: dict[str, int], auth: str) -> None:
    probe = Probe(Resources(auths={"v1": SnmpAuth("v1", version=1), "v2": SnmpAuth("v2")}))
    wrong = []
    try:
        for path in (*GOOD, *BAD):
            seen = await polled(probe, ports[str(path)], auth)
            facts = {fact.name for fact in seen.facts}
            rows = has(path, IF_TABLE)
            if seen.outcome is not Outcome.OK and path in GOOD:
                wrong.append(f"{path.name}: {seen.outcome}: {seen.detail}")
            elif path in GOOD and (dict(seen.values)["problems"] or len(seen.interfaces) < rows):
                wrong.append(f"{path.name}: {len(seen.interfaces)} of {rows} interfaces: {seen.detail}")
            elif path in GOOD and has(path, UPS_MIB) > 20 and "model" not in facts and "battery_status" not in facts:
                wrong.append(f"{path.name}: has UPS-MIB, and no facts of it")
            elif path in BAD and seen.outcome not in (Outcome.OK, Outcome.BAD_ANSWER, Outcome.NO_ANSWER):
                wrong.append(f"{path.name}: {seen.outcome}: {seen.detail}")
    finally:
        await probe.close()
    assert wrong == []


async def test_the_fast_tier_reads_what_the_full_poll_reads(ports: dict[str, int]) -> None:
    auths = {"v2": SnmpAuth("v2")}
    both, alone = Probe(Resources(auths=auths)), Probe(Resources(auths=auths))
    fast = 0
    try:
        for path in GOOD:
            port = ports[str(path)]
            settings = {"address": "127.0.0.1", "auth": "v2", "port": port, "timeout": "120s", "request_timeout": "20s"}
            two = Check(path.name, "snmp", "snmp", 10.0, Settings.model_validate(settings | {"interval": "1h"}))
            one = Check(path.name, "snmp", "snmp", 3600.0, Settings.model_validate(settings | {"fast": "off"}))
            walked = await alone.run(one)
            first = await both.run(two)
            second = await both.run(two)
            assert {walked.outcome, first.outcome, second.outcome} == {walked.outcome}, path.name
            if walked.outcome is not Outcome.OK:
                continue
            fast += not dict(second.values)["full"]
            for seen in (first, second):
                states = [(one.index, one.name, one.alias, one.admin, one.oper) for one in seen.interfaces]
                assert states == [(one.index, one.name, one.alias, one.admin, one.oper) for one in walked.interfaces]
            assert not [one for one in second.interfaces if one.flaps]
            assert second.traffic is not None
            for rates in (second.traffic.received.octets_per_second, second.traffic.sent.octets_per_second):
                assert not rates[~np.isnan(rates)].any(), path.name  # a recording does not count
    finally:
        await both.close()
        await alone.close()
    assert fast > 0.9 * len(GOOD)


def recorded_packets(ports: dict[str, int], most: int) -> list[bytes]:
    """Return answers of every recorded device: the first ones, and from some places within."""
    chance, packets = random.Random(4), []
    for version in (0, 1):
        template = ber.RequestTemplate(version, b"public")
        pdu = Pdu.GETBULK if version else Pdu.GETNEXT
        for port in ports.values():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(20)
                asking.connect(("127.0.0.1", port))
                last = ber.encode_oid("1.3")
                for _ in range(most):
                    asking.send(
                        template.request(pdu, chance.randrange(1 << 30, 1 << 31), [last], chance.randrange(1, 12))
                    )
                    try:
                        packets.append(asking.recv(65535))
                    except TimeoutError:
                        break
                    answer = ber.decode_response(packets[-1])
                    if answer.error_status or not answer.varbinds or answer.varbinds[-1][1] == Tag.END_OF_MIB_VIEW:
                        break
                    last = answer.varbinds[-1][0][: chance.choice((99, 99, 7, 8))]
    return packets


def test_damaged_packets_of_recorded_devices_are_an_error_or_a_value(ports: dict[str, int]) -> None:
    packets = recorded_packets(ports, 6)
    assert len(packets) > 300
    table = [
        Entry(entry.name, lambda: packets, entry.decode, entry.errors, entry.share)
        for entry in fuzzing.entries()
        if entry.name in ("decode_message", "decode_header", "walk") or entry.name.startswith("render")
    ]
    passed, findings = fuzzing.attack(100_000, 5, table)
    assert [str(finding) for finding in findings] == []
    assert min(passed.values()) > 0
