"""Where the asset register and the network say different things."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest

from agent.core.hardware import Entity, Fact, Hardware, PhysicalClass, Support
from agent.core.model import AssetRow, Estate, Role, Target
from agent.core.register import Disagreement, Kind, Mismatch, Report, disagreement, report

TODAY = date(2026, 11, 27)
AT = datetime(2026, 11, 27, 9, tzinfo=UTC)


def row(line: int, name: str, purchased: str | None = None, **columns: str) -> AssetRow:
    return AssetRow(name, f"r.csv:{line}", date.fromisoformat(purchased) if purchased else None, columns)


def device(name: str = "sw1", register: AssetRow | None = None, purchased: str | None = None) -> Target:
    bought = date.fromisoformat(purchased) if purchased else None
    return Target(name, Role.DEVICE, "switch", name, "bcw", ("council",), "10.0.0.1", purchased=bought,
                  register=register)  # fmt: skip


def says(*entities: Entity, **facts: str) -> Hardware:
    return Hardware(AT, tuple(Fact(name, value, f"MIB {name}") for name, value in facts.items()), entities)


def compared(
    *targets: Target, assets: tuple[AssetRow, ...] = (), hardware: Mapping[str, Hardware] | None = None
) -> Report:
    sites = (
        Target("bcw", Role.SITE, "site", "Town Hall", owners=("council",)),
        Target("crown", Role.SITE, "site", "Data centre", owners=("shared",)),
    )
    estate = Estate("dc1", {target.name: target for target in (*sites, *targets)}, assets=assets)
    return report(estate, hardware or {}, TODAY)


def sentences(found: Report) -> list[str]:
    return [one.sentence for one in found.mismatches]


LOST = "; a spreadsheet took it for a number: format that column as text"
EARLY = ": it was made after it was bought, so that is another piece, or a wrong day"
NOBODY = "no device of the estate has its name, serial number or address"
GONE = "a piece that was replaced, or one that is not seen"
MODULE = Entity("2", PhysicalClass.MODULE, "Slot 2", model="WS-X4748", serial="M-200", source="ENTITY-MIB")


@pytest.mark.parametrize(
    ("columns", "seen", "said"),
    [
        ({"serial": "foc-1"}, says(serial="FOC1"), None),
        ({"serial": "M-200"}, says(MODULE, serial="FOC-1"), None),
        ({"serial": "FOC-2"}, says(), None),
        ({}, says(serial="FOC-1"), None),
        ({"serial": "n/a?"}, says(serial="To be filled by O.E.M."), None),
        (
            {"serial": "FOC-2"}, says(serial="FOC-1"),
            "serial number: the register (r.csv:2) says FOC-2, the device (MIB serial) says FOC-1",
        ),
        ({"serial": "2.1E+19"}, says(serial="2100000000000000001"),
         f"serial number: the register (r.csv:2) says 2.1E+19, the device (MIB serial) says 2100000000000000001{LOST}"),
        ({"vendor": "HPE"}, says(vendor="Hewlett-Packard"), None),
        (
            {"vendor": "HP"}, says(vendor="Cisco"),
            "vendor: the register (r.csv:2) says HP, the device (MIB vendor) says Cisco",
        ),
        ({"model": "Catalyst 2960X"}, says(model="WS-C2960X-48FPS-L"), None),
        ({"model": "WS-X4748"}, says(MODULE, model="WS-C4506"), None),
        ({"model": "WS-C3560"}, says(vendor="Cisco"), None),
        (
            {"model": "WS-C3560"}, says(MODULE, model="WS-C2960X-48FPS-L"),
            "model: the register (r.csv:2) says WS-C3560, the device (MIB model) says WS-C2960X-48FPS-L",
        ),
        ({"operating_system": "Windows Server 2012"}, says(operating_system="Windows Server 2012 R2"), None),
        ({"operating_system": "Ubuntu 20.04"}, says(operating_system="Ubuntu", software_version="20.04.6"), None),
        ({"operating_system": "Ubuntu 20.04"}, says(software="Ubuntu 20.04", software_version="20.04"), None),
        ({"operating_system": "Ubuntu 20.04"}, says(software_version="20.04"), None),
        ({"operating_system": "Debian 12"}, says(operating_system="Linux", software_version="6.1.0-18"), None),
        ({"operating_system": "Red Hat 9"}, says(operating_system="Linux", software_version="5.14.0"), None),
        (
            {"operating_system": "Windows 7"}, says(software="Linux", software_version="6.1"),
            "operating system: the register (r.csv:2) says Windows 7, the device (MIB software) says Linux 6.1",
        ),
        (
            {"operating_system": "Ubuntu 18.04"}, says(software="Ubuntu", software_version="20.04.6"),
            "operating system: the register (r.csv:2) says Ubuntu 18.04, the device (MIB software) says Ubuntu 20.04.6",
        ),
        ({"address": "10.0.0.1"}, says(), None),
        ({"address": "sw1.council.example"}, says(), None),
        (
            {"address": "10.0.0.9"}, says(),
            "address: the register (r.csv:2) says 10.0.0.9, the configuration says 10.0.0.1",
        ),
        ({"site": "town hall"}, says(), None),
        ({"site": "Cellar, left"}, says(), None),  # of no site that is known
        ({"site": "Data Centre"}, says(),
         "site: the register (r.csv:2) says Data Centre, the configuration says bcw"),
        ({"owner": "Council"}, says(), None),
        ({"owner": "Shared"}, says(),
         "owner: the register (r.csv:2) says Shared, the configuration says council"),
    ],
)  # fmt: skip
def test_the_register_says_one_thing_and_the_device_another(
    columns: dict[str, str], seen: Hardware, said: str | None
) -> None:
    found = compared(device(register=row(2, "sw1", **columns)), hardware={"sw1": seen})
    assert sentences(found) == ([f"sw1: {said}"] if said else [])
    assert found.joined == found.rows == found.devices == found.seen == 1


def test_each_side_of_a_mismatch_has_its_source() -> None:
    found = compared(device(register=row(2, "sw1", serial="FOC-2")), hardware={"sw1": says(serial="FOC-1")})
    sentence = "sw1: serial number: the register (r.csv:2) says FOC-2, the device (MIB serial) says FOC-1"
    expected = Mismatch(Kind.DIFFERS, "sw1", sentence, "serial", "FOC-2", "r.csv:2", "FOC-1", "MIB serial")
    assert found.mismatches == (expected,)


@pytest.mark.parametrize(
    ("bought", "configured", "seen", "said"),
    [
        ("2012-03-01", "2012-03-01", says(), None),
        ("2012-03-01", None, says(manufactured="2012-03-20"), None),
        ("2012-03-01", None, says(manufactured="2000-01-01"), None),
        (
            "2012-03-01", "2013-03-01", says(),
            "the register (r.csv:2) says 2012-03-01, the configuration says 2013-03-01",
        ),
        (
            "2012-03-01", None, says(manufactured="2015-06-10"),
            f"the register (r.csv:2) says 2012-03-01, the device (MIB manufactured) says made 2015-06-10{EARLY}",
        ),
    ],
)  # fmt: skip
def test_the_day_of_purchase(bought: str, configured: str | None, seen: Hardware, said: str | None) -> None:
    target = device(register=row(2, "sw1", bought), purchased=configured)
    found = compared(target, hardware={"sw1": seen})
    assert sentences(found) == ([f"sw1: purchased: {said}"] if said else [])


def test_in_the_register_and_not_on_the_network() -> None:
    printer = row(3, "printer-7", kind="Printer", vendor="Brother", model="HL-1", serial="U6-1")
    found = compared(device(register=row(2, "sw1")), assets=(printer, row(4, "A-17")))
    assert found.mismatches == (
        Mismatch(
            Kind.NOT_ON_NETWORK, "printer-7",
            "printer-7 (Printer, Brother, HL-1, serial number U6-1): in the register (r.csv:3), but not on the network"
            f": {NOBODY}",
            None, "U6-1", "r.csv:3",
        ),
        Mismatch(
            Kind.NOT_ON_NETWORK, "A-17",
            f"A-17: in the register (r.csv:4), but not on the network: {NOBODY}",
            None, None, "r.csv:4",
        ),
    )  # fmt: skip


def test_a_piece_that_was_replaced_is_not_on_the_network() -> None:
    old, new = row(2, "sw-old", serial="OLD-1"), row(9, "sw1-new", serial="NEW-1")
    found = compared(device(register=old), assets=(new,), hardware={"sw1": says(serial="NEW-1")})
    (sentence,) = sentences(found)
    assert sentence.startswith(
        "sw-old (serial number OLD-1): in the register (r.csv:2), but not on the network: its name"
    )
    assert sentence.endswith(f"its name or address is that of sw1, which says that its serial number is NEW-1; {GONE}")


def test_a_stack_member_that_the_device_does_not_list() -> None:
    known, gone = row(2, "sw1", serial="M-100"), row(3, "SW1", serial="M-300")
    found = compared(device(register=known), assets=(gone,))
    where = "SW1 (serial number M-300): in the register (r.csv:3), but not on the network"
    assert sentences(found) == [f"{where}: its name or address is that of sw1; {GONE}"]


def test_stack_members_and_modules_in_the_register_are_no_mismatch() -> None:
    found = compared(device(), assets=(row(2, "A-1", serial="M-200"),), hardware={"sw1": says(MODULE, serial="FOC-1")})
    assert found.mismatches == ()
    assert found.joined == 0


def test_on_the_network_and_in_no_register() -> None:
    told = {"sw1": says(vendor="Cisco", serial="FOC-1"), "sw2": says(model="M1")}
    found = compared(device(), device("sw2"), device("sw3"), device("sw4", row(2, "sw4")), hardware=told)
    unknown = "it has not told its serial number, by which a row might be found"
    assert found.mismatches == (
        Mismatch(
            Kind.NOT_IN_REGISTER, "sw1",
            "sw1 (switch): on the network, but in no register; it says vendor Cisco, serial FOC-1",
            device="FOC-1", device_source="MIB serial",
        ),
        Mismatch(Kind.NOT_IN_REGISTER, "sw2",
                 f"sw2 (switch): on the network, but in no register; it says model M1; {unknown}"),
        Mismatch(Kind.NOT_IN_REGISTER, "sw3", f"sw3 (switch): on the network, but in no register; {unknown}"),
    )  # fmt: skip


def test_a_serial_number_in_two_rows() -> None:
    found = compared(
        device(register=row(2, "sw1", serial="FOC-1")),
        assets=(row(7, "LT-1", kind="Laptop", serial="foc1"), row(8, "LT-2", kind="Laptop", serial="none")),
    )
    assert found.mismatches == (
        Mismatch(
            Kind.DUPLICATE_SERIAL, "sw1",
            "serial number FOC-1 stands 2 times in the register: r.csv:2 (sw1) and r.csv:7 (LT-1)",
            "serial", "FOC-1", "r.csv:2, r.csv:7",
        ),
    )  # fmt: skip


def test_desktops_and_laptops_are_no_mismatch() -> None:
    asked = Support("Windows 10", "Windows 10", "a document", "windows.csv:2", end_of_support=date(2025, 10, 14))
    estate = Estate("dc1", {}, assets=(row(3, "LT-1", "2019-02-14", kind="Laptop", operating_system="Windows 10"),))
    found = report(estate, {}, TODAY, lambda _system, _version: asked)
    assert (found.rows, found.mismatches) == (1, ())
    (laptop,) = found.unpolled
    assert (laptop.name, laptop.purchased, laptop.support) == ("LT-1", date(2019, 2, 14), asked)


def test_without_a_register_there_is_nothing_to_compare() -> None:
    found = compared(device(), hardware={"sw1": says(serial="FOC-1")})
    assert found == Report(0, 1, 1, 0)


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (Report(0, 2, 0, 0), None),
        (Report(3, 2, 0, 0), Disagreement(3)),
        (
            Report(9, 4, 4, 3, tuple(
                Mismatch(kind, name, sentence) for kind, name, sentence in (
                    (Kind.DIFFERS, "sw1", "serial"), (Kind.DIFFERS, "sw1", "model"), (Kind.DIFFERS, "sw2", "model"),
                    (Kind.NOT_ON_NETWORK, "fw", "line 4"), (Kind.NOT_ON_NETWORK, "fw", "line 5"),
                    (Kind.NOT_IN_REGISTER, "ups", "ups"), (Kind.DUPLICATE_SERIAL, "sw1", "FOC-1 stands 2 times"),
                )
            )),
            Disagreement(9, 2, 2, 1, 1),
        ),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_counted_a_device_once(found: Report, counts: Disagreement | None) -> None:
    assert disagreement(found) == counts
    assert counts is None or counts.total == sum((counts.differs, counts.not_on_network, counts.not_in_register,
                                                  counts.duplicate_serial))  # fmt: skip
