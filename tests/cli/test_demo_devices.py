"""The simulated devices' answers: correct SNMP, moving counters, circuits that go down by the script."""

import random

import pytest

from agent.cli.simulated.devices import Device, estate
from agent.cli.simulated.interfaces import Clock, volume
from agent.cli.simulated.mib import MAX_RESPONSE_OCTETS, Mib, answer
from agent.cli.simulated.script import Script
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, decode_response, encode_message, encode_oid, oid_text

COMMUNITY = b"public"
IF_OPER, IF_CHANGE, HC_IN = "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.2.2.1.9", "1.3.6.1.2.1.31.1.1.1.6"
SMALL = Mib({
    (1, 3, 6, 1, 2, 1, 1, 1, 0): (Tag.OCTET_STRING, b"small"),
    (1, 3, 6, 1, 2, 1, 1, 3, 0): lambda now: (Tag.TIMETICKS, int(now * 100)),
    (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 200): (Tag.COUNTER64, 2**63),
    (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 1000): (Tag.COUNTER64, 7),
    (1, 3, 6, 1, 4, 1, 9, 1): (Tag.OCTET_STRING, b"x" * 900),
    (1, 3, 6, 1, 4, 1, 9, 2): (Tag.OCTET_STRING, b"y" * 900),
    (1, 3, 6, 1, 4, 1, 9, 3): (Tag.OCTET_STRING, b"z" * 3000),
})  # fmt: skip


def ask(
    mib: Mib, pdu: Pdu, *names: str, version: int = 1, counts: tuple[int, int] = (0, 0), now: float = 1.0
) -> Message:
    request = Message(version, COMMUNITY, pdu, 77, *counts, [(encode_oid(name), Tag.NULL, None) for name in names])
    response = answer(encode_message(request), mib, COMMUNITY, now)
    assert response is not None
    assert len(response) <= MAX_RESPONSE_OCTETS
    message = decode_response(response)
    assert (message.version, message.community, message.request_id) == (version, COMMUNITY, 77)
    return message


def shown(message: Message) -> list[tuple[str, int, object]]:
    return [(oid_text(name), tag, value) for name, tag, value in message.varbinds]


def device(name: str, script: Script | None = None) -> Device:
    return estate(script or Script(), 12 * 3600.0)[name]


def value(mib: Mib, name: str, now: float) -> int:
    ((_, _, found),) = ask(mib, Pdu.GET, name, now=now).varbinds
    assert isinstance(found, int)
    return found


def test_get() -> None:
    names = ("1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.3.1", "1.3.6.1.2.1.1.3", "1.3.6.1.2.1.99.0")
    assert shown(ask(SMALL, Pdu.GET, *names, now=2.5)) == [
        (names[0], Tag.TIMETICKS, 250),
        (names[1], Tag.NO_SUCH_INSTANCE, None),
        (names[2], Tag.NO_SUCH_INSTANCE, None),
        (names[3], Tag.NO_SUCH_OBJECT, None),
    ]


def test_getnext_goes_by_numbers_not_by_octets() -> None:
    column = "1.3.6.1.2.1.31.1.1.1.6"
    assert shown(ask(SMALL, Pdu.GETNEXT, column))[0][0] == f"{column}.200"
    assert shown(ask(SMALL, Pdu.GETNEXT, f"{column}.200"))[0] == (f"{column}.1000", Tag.COUNTER64, 7)
    assert shown(ask(SMALL, Pdu.GETNEXT, "1.3.6.1.5")) == [("1.3.6.1.5", Tag.END_OF_MIB_VIEW, None)]


def test_getbulk_counts_and_ends() -> None:
    message = ask(SMALL, Pdu.GETBULK, "1.3.6.1.2.1.1.1", "1.3.6.1.2.1.1.3", "1.3.6.1.2.1.31.1.1.1.6.200", counts=(1, 2))
    assert [name for name, _, _ in shown(message)] == [
        "1.3.6.1.2.1.1.1.0",
        "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.1.1.6.1000",
        "1.3.6.1.2.1.31.1.1.1.6.200", "1.3.6.1.4.1.9.1",
    ]  # fmt: skip
    ended = ask(SMALL, Pdu.GETBULK, "1.3.6.1.5", counts=(0, 50))
    assert shown(ended) == [("1.3.6.1.5", Tag.END_OF_MIB_VIEW, None)]
    assert shown(ask(SMALL, Pdu.GETBULK, "1.3.6.1.2", counts=(-5, -5))) == []
    assert shown(ask(SMALL, Pdu.GETBULK, counts=(0, 10))) == []


def test_answers_are_cut_to_one_frame() -> None:
    assert len(ask(SMALL, Pdu.GETBULK, "1.3.6.1.4.1.9", counts=(0, 2)).varbinds) == 1
    assert ask(SMALL, Pdu.GETBULK, "1.3.6.1.4.1.9.2", counts=(0, 5)).error_status == ErrorStatus.tooBig
    assert ask(SMALL, Pdu.GET, "1.3.6.1.4.1.9.1", "1.3.6.1.4.1.9.2").error_status == ErrorStatus.tooBig
    old = ask(SMALL, Pdu.GET, "1.3.6.1.4.1.9.1", "1.3.6.1.4.1.9.2", version=0)
    assert (old.error_status, len(old.varbinds)) == (ErrorStatus.tooBig, 2)


def test_version_1_has_no_counter64_and_no_exceptions() -> None:
    for name in ("1.3.6.1.2.1.31.1.1.1.6.200", "1.3.6.1.2.1.1.9.0"):
        refused = ask(SMALL, Pdu.GET, "1.3.6.1.2.1.1.1.0", name, version=0)
        assert (refused.error_status, refused.error_index) == (ErrorStatus.noSuchName, 2)
    assert shown(ask(SMALL, Pdu.GETNEXT, "1.3.6.1.2.1.31", version=0))[0][0] == "1.3.6.1.4.1.9.1"
    assert ask(SMALL, Pdu.GETNEXT, "1.3.6.1.5", version=0).error_status == ErrorStatus.noSuchName


def test_nothing_can_be_set() -> None:
    assert ask(SMALL, Pdu.SET, "1.3.6.1.2.1.1.1.0").error_status == ErrorStatus.notWritable
    assert ask(SMALL, Pdu.SET, "1.3.6.1.2.1.1.1.0", version=0).error_status == ErrorStatus.readOnly


def test_silence_to_garbage_and_strangers() -> None:
    good = encode_message(Message(1, COMMUNITY, Pdu.GET, 5, 0, 0, [(encode_oid("1.3.6.1"), Tag.NULL, None)]))
    assert answer(good, SMALL, COMMUNITY, 0.0) is not None
    assert answer(good, SMALL, b"secret", 0.0) is None
    old_bulk = Message(0, COMMUNITY, Pdu.GETBULK, 5, 0, 5, [(encode_oid("1.3.6.1"), Tag.NULL, None)])
    assert answer(encode_message(old_bulk), SMALL, COMMUNITY, 0.0) is None
    response = Message(1, COMMUNITY, Pdu.RESPONSE, 5, 0, 0, [])
    assert answer(encode_message(response), SMALL, COMMUNITY, 0.0) is None
    dice = random.Random(1)
    for _ in range(3000):
        broken = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        answer(bytes(broken[: dice.randint(0, len(broken))]), SMALL, COMMUNITY, 0.0)  # must not raise


@pytest.mark.parametrize("name", list(estate(Script(), 0.0)))
def test_a_walk_of_each_device_gives_every_object_once_in_order(name: str) -> None:
    mib = device(name).mib
    seen: list[tuple[int, ...]] = []
    at = "1.0"
    while True:
        rows = shown(ask(mib, Pdu.GETBULK, at, counts=(0, 25)))
        for oid, tag, _ in rows:
            if tag == Tag.END_OF_MIB_VIEW:
                assert len(seen) == len(mib)
                assert seen == sorted(set(seen))
                return
            seen.append(tuple(map(int, oid.split("."))))
        at = rows[-1][0]


def test_counters_move_and_never_go_back() -> None:
    switch = device("bcw-core-sw1").mib
    counts = [value(switch, f"{HC_IN}.1", now) for now in range(0, 300, 5)]
    assert counts == sorted(counts)
    assert len(set(counts)) == len(counts)
    assert value(switch, f"{HC_IN}.3", 0.0) == value(switch, f"{HC_IN}.3", 99.0) == 0  # nothing is plugged in
    assert value(switch, "1.3.6.1.2.1.2.2.1.14.17", 100.0) > value(switch, "1.3.6.1.2.1.2.2.1.14.17", 0.0)


def test_traffic_is_low_at_night() -> None:
    night, day = Clock(0.0, 2 * 3600.0), Clock(0.0, 13.5 * 3600.0)
    assert volume(1000.0, night, 0.0, 97.0) < 0.5 * volume(1000.0, day, 0.0, 97.0)
    every = volume(1000.0, Clock(0.0, 0.0), 0.0, 97 * 86400.0)
    assert every == pytest.approx(1000 * 97 * 86400, rel=1e-6)


def test_a_circuit_that_fails_shows_at_its_end() -> None:
    script = Script()
    script.begin(10.0)
    router = device("crown-rtr1", script).mib
    assert value(router, f"{IF_OPER}.3", 29.0) == 1
    assert value(router, f"{IF_OPER}.3", 31.0) == 2
    assert value(router, f"{IF_OPER}.1", 31.0) == 1
    uptime_at_cut = value(router, "1.3.6.1.2.1.1.3.0", 30.0)
    assert value(router, f"{IF_CHANGE}.3", 40.0) == uptime_at_cut
    assert value(router, f"{HC_IN}.3", 35.0) == value(router, f"{HC_IN}.3", 74.0)
    assert value(router, f"{IF_OPER}.3", 76.0) == 1
    assert value(router, f"{HC_IN}.3", 80.0) > value(router, f"{HC_IN}.3", 74.0)
    assert value(router, f"{IF_OPER}.2", 115.0) == 2


def test_the_ups_says_that_its_battery_is_bad() -> None:
    ups = device("crown-ups1").mib
    ((_, _, alarm),) = shown(ask(ups, Pdu.GETNEXT, "1.3.6.1.2.1.33.1.6.2.1.2"))
    assert alarm == encode_oid("1.3.6.1.2.1.33.1.6.3.1")
    assert value(ups, "1.3.6.1.2.1.33.1.6.1.0", 0.0) == 1
