"""Which dates to look up first: models are counted however people write them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from agent.core.ageing import Case, Found, case_of
from agent.core.consequence import Consequences
from agent.core.hardware import Age, Confidence, Fact, Hardware, Support
from agent.core.lookups import oldest, shortest, without_dates
from agent.core.model import Estate, Role, Target
from agent.core.subjects import of_device

TODAY = date(2026, 11, 27)
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def case(name: str, vendor: str, model: str, since: int = 0, *, known: bool = False) -> Case:
    target = Target(name, Role.DEVICE, "switch", name)
    estate = Estate("dc1", {name: target})
    facts = tuple(Fact(what, value, "x") for what, value in (("vendor", vendor), ("model", model)) if value)
    support = Support("P", "model P", "notice", "x.csv:2", end_of_support=date(2030, 1, 1)) if known else None
    age = Age(date(since, 3, 1), False, "assets.csv:2", Confidence.STATED) if since else None
    subject = of_device(target, hardware=Hardware(NOW, facts))
    return case_of(subject, (), Consequences(estate), estate, TODAY, Found(age, support))


def several(number: int, vendor: str, model: str, since: int = 0) -> list[Case]:
    return [case(f"{vendor}-{model}-{n}", vendor, model, since) for n in range(number)]


@pytest.mark.parametrize(
    ("cases", "counted"),
    [
        ([], []),
        ([case("a", "HP", "X1", known=True)], []),
        ([*several(3, "Dell", "PowerEdge R740"), *several(1, "Dell Inc.", "poweredge-r740")],
         [("Dell", "PowerEdge R740", 4)]),
        ([*several(1, "HPE", "J9775A"), *several(2, "HP", "J9775A 2530-48G Switch")],
         [("HP", "J9775A 2530-48G Switch", 3)]),
        ([*several(1, "HP", "J9775A"), *several(1, "HP", "J9772A")], [("HP", "J9772A", 1), ("HP", "J9775A", 1)]),
        ([*several(1, "Dell", "R740"), *several(1, "Dell", "R740 xd")], [("Dell", "R740", 1), ("Dell", "R740 xd", 1)]),
        ([*several(1, "", "Smart-UPS 3000"), *several(1, "APC", "Smart-UPS 3000")], [("APC", "Smart-UPS 3000", 2)]),
        ([*several(1, "", "MX100"), *several(1, "Cisco Meraki", "MX100"), *several(1, "Juniper", "MX100")],
         [("Cisco Meraki", "MX100", 1), ("Juniper", "MX100", 1), ("unknown", "MX100", 1)]),  # nobody knows whose
        ([*several(2, "", "ZX81")], [("unknown", "ZX81", 2)]),
        ([*several(3, "Example", ""), *several(2, "", ""), *several(1, "HP", "X1")],
         [("HP", "X1", 1), ("Example", "unknown", 5)]),  # what nobody can look up comes last
        ([*several(2, "HP", "New", 2024), *several(2, "HP", "Old", 2012), *several(2, "HP", "Ageless")],
         [("HP", "Old", 2), ("HP", "New", 2), ("HP", "Ageless", 2)]),
    ],
)  # fmt: skip
def test_models_to_look_up_first(cases: Sequence[Case], counted: list[tuple[str, str, int]]) -> None:
    found = without_dates(cases)
    assert [(one.vendor, one.model, one.number) for one, _ in found] == counted
    assert [len(group) for _, group in found] == [number for _, _, number in counted]


def test_thirty_devices_of_twelve_models_are_seven_things_to_look_up() -> None:
    estate = [
        *several(6, "Cisco", "WS-C9999-1"), *several(5, "HP", "J9775A 2530-48G Switch", 2014),
        *several(2, "HPE", "J9775A", 2013), *several(4, "Dell", "PowerEdge R740", 2019),
        *several(1, "Dell Inc.", "PowerEdge R740", 2018), *several(3, "APC", "Smart-UPS 3000", 2015),
        *several(1, "", "Smart-UPS 3000"), *several(2, "Lenovo", "ThinkPad L14", 2021),
        *several(2, "Juniper", "EX1", 2020), *several(1, "Example", "X1"),
        *several(1, "Fortinet", "FortiGate 1E", 2011), *several(2, "Example", ""),
    ]  # fmt: skip
    found = without_dates(estate)
    assert sum(one.number for one, _ in found) == len(estate) == 30
    assert [f"{one.number} {one.vendor} {one.model} {oldest(group)}" for one, group in found] == [
        "7 HP J9775A 2530-48G Switch 2013-03-01", "6 Cisco WS-C9999-1 None", "5 Dell PowerEdge R740 2018-03-01",
        "4 APC Smart-UPS 3000 2015-03-01", "2 Juniper EX1 2020-03-01", "2 Lenovo ThinkPad L14 2021-03-01",
        "1 Fortinet FortiGate 1E 2011-03-01", "1 Example X1 None", "2 Example unknown None",
    ]  # fmt: skip


def test_the_shortest_name_of_a_model_is_what_a_row_needs() -> None:
    assert shortest(several(1, "HP", "J9775A 2530-48G Switch") + several(1, "HPE", "J9775A")) == "J9775A"
    assert shortest(several(2, "HP", "")) == ""
