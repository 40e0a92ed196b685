"""What stays known of hardware from look to look."""

from datetime import UTC, datetime, timedelta

from agent.core.hardware import Counter, Entity, Fact, Hardware, PhysicalClass, Reading, Store
from agent.core.looks import Looks, after

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)


def fact(name: str, value: str) -> Fact:
    return Fact(name, value, "MIB")


FAN, PSU = (Entity(key, PhysicalClass.FAN, key) for key in ("fan", "psu"))
FULL = Hardware(
    AT,
    (fact("serial", "S-100"), fact("model", "M1")),
    (FAN, PSU),
    (Reading("t", "inlet", "temperature", "celsius", 21.0),),
    (Store("/", "/", 10.0, 5.0),),
    (Counter("c", "Gi1", "crc_errors", 7.0),),
)


def test_a_complete_look_says_all() -> None:
    now = Hardware(LATER, (fact("serial", "S-100"),))
    assert after(None, now) is now
    assert after(FULL, now) is now


def test_what_an_incomplete_look_did_not_get_to_stays() -> None:
    hot = Reading("t", "inlet", "temperature", "celsius", 35.0)
    found = after(FULL, Hardware(LATER, (fact("model", "M2"),), (PSU,), (hot,), complete=False))
    assert found.facts == (fact("model", "M2"), fact("serial", "S-100"))
    assert found.entities == (PSU, FAN)
    assert found.readings == (hot,)
    assert (found.stores, found.counters) == (FULL.stores, FULL.counters)
    assert (found.at, found.complete) == (LATER, False)


def test_nothing_stays_of_another_piece() -> None:
    now = Hardware(LATER, (fact("serial", "S-200"),), complete=False)
    assert after(FULL, now) is now
    same = Hardware(LATER, (fact("serial", "s100"),), complete=False)
    assert after(FULL, same).entities == FULL.entities


def test_several_checks_of_one_device_are_one_look() -> None:
    looks = Looks()
    assert looks.see("srv", "snmp", FULL) == FULL
    host = Hardware(LATER, (fact("model", "other"), fact("bios_date", "2019-02-14")), complete=False)
    both = looks.see("srv", "host", host)
    assert both.facts == (*FULL.facts, fact("bios_date", "2019-02-14"))
    assert (both.at, both.complete, both.entities) == (LATER, False, FULL.entities)
    assert looks.see("sw", "snmp", FULL) == FULL
    assert looks.keep({("srv", "host")}) == {"srv": host}
    assert looks.keep({("srv", "host")}) == {"srv": host}
    assert looks.keep(()) == {}
