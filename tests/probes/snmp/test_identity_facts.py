"""What devices say of themselves, and the facts it gives by the rules that come with the agent. Serials are made up."""

from datetime import date

import pytest

from agent.core.hardware import PhysicalClass
from agent.core.model import Confidence, Fact
from probes.snmp.ber import Tag, VarBind, encode_oid
from probes.snmp.identityfacts import SYS_DESCR, SYS_OBJECT_ID, Said, facts, further, lookups
from probes.snmp.identityfiles import built_in, loaded
from probes.snmp.identityrules import Rules
from probes.snmp.identitytables import CLASS, WITHIN, entities, rows_of_interest, software, table_entities, whole
from probes.snmp.nexts import Wanted
from probes.snmp.oid import encode_index

TODAY = date(2026, 11, 27)
MAKERS = "1.3.6.1.4.1."


def said(
    object_id: str, description: str, answers: dict[str, object] | None = None, rules: Rules | None = None
) -> Said:
    """Return what a device says; of a column the first row is given."""
    out = Said()
    if description:
        out.answers[SYS_DESCR] = (SYS_DESCR.oid, Tag.OCTET_STRING, description.encode())
    if object_id:
        out.answers[SYS_OBJECT_ID] = (SYS_OBJECT_ID.oid, Tag.OID, encode_oid(object_id))
    for oid, value in (answers or {}).items():
        tag = Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING
        octets = value if isinstance(value, int) else str(value).encode()
        for first in (False, True):
            out.answers[Wanted(encode_oid(oid), first)] = (encode_oid(oid), tag, octets)
    return out


def known(device: Said, rules: Rules | None = None) -> dict[str, Fact]:
    rules = rules or built_in()
    return {f.name: f for f in facts(rules, rules.matched(device.object_id, device.description), device, TODAY)}


@pytest.mark.parametrize(
    ("object_id", "description", "answers", "expected"),
    [
        (MAKERS + "9.1.1208", "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE",
         {}, {"vendor": "Cisco", "software_version": "15.2(7)E3", "software": "C2960X-UNIVERSALK9-M",
              "kind": "switch", "operating_system": "Cisco IOS"}),
        (MAKERS + "9.1.2494", "Cisco IOS Software [Everest], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.6.7",
         {}, {"software_version": "16.6.7", "operating_system": "Cisco IOS XE", "kind": "switch"}),
        (MAKERS + "9.1.1639", "Cisco IOS XR Software (Cisco ASR9K Series), Version 6.6.3[Default] Copyright", {},
         {"software_version": "6.6.3", "operating_system": "Cisco IOS XR", "kind": "router"}),
        (MAKERS + "9.12.3.1.3.1", "Cisco NX-OS(tm) n9000, Software (n9000-dk9), Version 9.3(5), RELEASE", {},
         {"software_version": "9.3(5)", "operating_system": "Cisco NX-OS"}),
        (MAKERS + "2636.1.1.1.4.1", "Juniper Networks, Inc. ex3400-48t Ethernet Switch, kernel JUNOS 18.4R2.7, Build",
         {MAKERS + "2636.3.1.3.0": "NW0000000001"},
         {"vendor": "Juniper", "model": "EX3400-48T", "software_version": "18.4R2.7", "serial": "NW0000000001",
          "kind": "switch"}),
        (MAKERS + "30065.1.1", "Arista Networks EOS version 4.26.1F running on an Arista Networks DCS-7050SX3", {},
         {"vendor": "Arista", "model": "DCS-7050SX3", "software_version": "4.26.1F"}),
        (MAKERS + "11.2.3.7.11.84", "HP J9146A E2910al-24G-PoE Switch, revision W.15.08.0012, ROM W.14.06 (/ws/x)",
         {MAKERS + "11.2.36.1.1.2.9.0": "SG00000001"},
         {"vendor": "HPE", "model": "J9146A E2910al-24G-PoE", "software_version": "W.15.08.0012",
          "serial": "SG00000001"}),
        (MAKERS + "12356.101.1.1041", "core firewall",
         {MAKERS + "12356.100.1.1.1.0": "FG100E0000000001",
          MAKERS + "12356.101.4.1.1.0": "v7.2.5,build1517,230606 (GA)"},
         {"vendor": "Fortinet", "serial": "FG100E0000000001", "software_version": "7.2.5", "kind": "firewall"}),
        (MAKERS + "318.1.3.27", "APC Web/SNMP Management Card (MB:v4.1.0 PF:v7.0.8 MN:AP9631 SN: 5A0000000001)",
         {MAKERS + "318.1.1.1.1.1.1.0": "Smart-UPS 1500", MAKERS + "318.1.1.1.1.2.3.0": "AS0000000001",
          MAKERS + "318.1.1.1.1.2.2.0": "05/21/2019", MAKERS + "318.1.1.1.2.1.3.0": "06/30/2022"},
         {"vendor": "APC", "model": "Smart-UPS 1500", "serial": "AS0000000001", "software_version": "7.0.8",
          "kind": "ups", "manufactured": "2019-05-21", "battery_replaced": "2022-06-30"}),
        (MAKERS + "25506.11.1.1", ("HPE Comware Platform Software, Software Version 7.1.070, Release 3506 "
          "HPE 5130-24G EI Switch Copyright (c) 2010"), {},
         {"software_version": "7.1.070", "model": "5130-24G EI Switch"}),
        (MAKERS + "6527.1.3.23", "TiMOS-C-23.10.R1 cpm/x86hops64 Nokia 7250 IXR Copyright (c) 2000-2023 Nokia.", {},
         {"vendor": "Nokia", "model": "7250 IXR", "software_version": "23.10.R1"}),
        (MAKERS + "311.1.1.3.1.2", ("Hardware: Intel64 Family 6 AT/AT COMPATIBLE - Software: Windows Version 6.3 "
          "(Build 17763 Multiprocessor Free)"), {},
         {"vendor": "Microsoft", "software_version": "2019 (1809, NT 10.0 build 17763)"}),
        (MAKERS + "8072.3.2.10", "Linux web1 5.15.0-88-generic #98-Ubuntu SMP Mon Oct 2 x86_64", {},
         {"vendor": "Linux", "software_version": "5.15.0-88-generic"}),
        # net-snmp's number and an old kernel on a small processor: an appliance, and nobody knows whose
        (MAKERS + "8072.3.2.10", "Linux box 2.6.31 #1 Mon Feb 1 armv5tejl", {},
         {"operating_system": "Linux", "vendor": None, "software_version": None}),
        (MAKERS + "8072.3.2.10", "Linux nas 4.4.302+ #1 SMP Mon Feb 1 x86_64",
         {MAKERS + "6574.1.5.1.0": "DS920+", MAKERS + "6574.1.5.2.0": "2000PCN000001",
          MAKERS + "6574.1.5.3.0": "DSM 7.2-64570"},
         {"vendor": "Synology", "model": "DS920+", "serial": "2000PCN000001", "software_version": "7.2-64570"}),
        (MAKERS + "367.1.1", "RICOH Aficio MP C3002 2.20 / RICOH Network Printer C model",
         {"1.3.6.1.2.1.43.5.1.1.17": "W000KB00001"},
         {"vendor": "Ricoh", "model": "Aficio MP C3002", "software_version": "2.20", "serial": "W000KB00001"}),
        ("", "", {"1.3.6.1.2.1.33.1.1.1.0": "Examplepower", "1.3.6.1.2.1.33.1.1.2.0": "Tower 1500"},
         {"vendor": "Examplepower", "model": "Tower 1500", "kind": "ups"}),
        (MAKERS + "4115.1.1", "A <<HW_REV: 1.0; VENDOR: ARRIS; BOOTR: 1; SW_REV: 9.1.103; MODEL: TM822G>>", {},
         {"vendor": "Arris", "model": "TM822G", "software_version": "9.1.103"}),
        (MAKERS + "99999", "Something with words 1.2", {}, dict.fromkeys(("vendor", "model", "software_version"))),
        ("", "", {}, dict.fromkeys(("vendor", "model", "software_version", "serial"))),
    ],
)  # fmt: skip
def test_devices(object_id: str, description: str, answers: dict[str, object], expected: dict[str, str | None]) -> None:
    found = known(said(object_id, description, answers))
    assert {name: found[name].value if name in found else None for name in expected} == expected
    for fact in found.values():
        assert fact.source


RULES = """\
rules:
  - name: acme
    object_id: 1.3.6.1.4.1.99999
    never: software_version
    models: {1.3.6.1.4.1.99999.5: Model Five}
    read:
      - {oid: 1.3.6.1.4.1.99999.1.0, object: ACME-MIB serial, fact: serial}
      - {oid: 1.3.6.1.4.1.99999.2.0, object: ACME-MIB made, fact: manufactured, dates: "%d.%m.%Y"}
      - {oid: 1.3.6.1.4.1.99999.3.0, object: ACME-MIB state, fact: kind, values: {"1": ups, "2": pdu}}
      - {oid: 1.3.6.1.4.1.99999.4, first: true, object: ACME-MIB type, lookup: 1.3.6.1.4.1.99999.6, fact: model}
      - {oid: 1.3.6.1.4.1.99999.7.0, object: ACME-MIB label, fact: part_number, given: 1.3.6.1.4.1.99999.1.0}
      - {oid: 1.3.6.1.4.1.99999.8.0, object: ACME-MIB text, patterns: "v(?P<firmware_version>[0-9.]+)"}
  - name: all
    read:
      - {oid: 1.3.6.1.2.1.5.1.0, object: GENERAL-MIB version, fact: software_version}
      - {oid: 1.3.6.1.2.1.5.2.0, object: GENERAL-MIB serial, fact: serial}
"""
ACME = "1.3.6.1.4.1.99999"


def test_each_fact_is_there_once_with_its_source_and_how_it_is_known() -> None:
    rules = loaded({"acme.yaml": RULES})
    device = said(
        f"{ACME}.5", "",
        {f"{ACME}.1.0": "AC000001", f"{ACME}.2.0": "02.03.2021", f"{ACME}.3.0": 2, f"{ACME}.7.0": "P-77",
         f"{ACME}.8.0": "boot v1.5", "1.3.6.1.2.1.5.1.0": "9.9", "1.3.6.1.2.1.5.2.0": "GE000001"},
    )  # fmt: skip
    assert tuple(known(device, rules).values()) == (
        Fact("model", "Model Five", f"sysObjectID {ACME}.5, rule acme", Confidence.ASSUMED),
        Fact("part_number", "P-77", "ACME-MIB label", Confidence.STATED),
        Fact("serial", "AC000001", "ACME-MIB serial", Confidence.STATED),
        Fact("firmware_version", "1.5", "ACME-MIB text", Confidence.DERIVED),
        Fact("kind", "pdu", "ACME-MIB state", Confidence.STATED),
        Fact("manufactured", "2021-03-02", "ACME-MIB made", Confidence.STATED),
    )
    del device.answers[Wanted(encode_oid(f"{ACME}.1.0"))], device.answers[Wanted(encode_oid(f"{ACME}.1.0"), True)]
    found = known(device, rules)
    assert found["serial"].source == "GENERAL-MIB serial"
    assert "part_number" not in found  # it counts only beside the other


def test_what_is_asked_for_is_bounded_and_a_number_leads_to_its_name() -> None:
    rules = loaded({"acme.yaml": RULES})
    device = said(f"{ACME}.5", "", {f"{ACME}.4": 45})
    matched = rules.matched(device.object_id, "")
    assert len(further(matched, said(f"{ACME}.5", ""), 3)) == 3
    assert lookups(matched, said(f"{ACME}.5", "")) == ()
    (name,) = lookups(matched, device)
    assert name == Wanted(encode_oid(f"{ACME}.6.45"))
    device.answers[name] = (name.oid, Tag.OCTET_STRING, b"Type 45-X")
    assert known(device, rules)["model"].value == "Type 45-X"


# ------------------------------------------------------------------ ENTITY-MIB

COLUMN = {
    "description": 2, "within": 4, "class": 5, "name": 7, "hardware": 8, "software": 10, "serial": 11, "maker": 12,
    "model": 13, "made": 17,
}  # fmt: skip


def row(index: int, **values: object) -> list[VarBind]:
    out: list[VarBind] = []
    for name, value in values.items():
        oid = encode_oid(f"1.3.6.1.2.1.47.1.1.1.1.{COLUMN[name]}.{index}")
        if isinstance(value, int):
            out.append((oid, Tag.INTEGER, value))
        else:
            out.append((oid, Tag.OCTET_STRING, value if isinstance(value, bytes) else str(value).encode()))
    return out


STACK = [
    *row(1, **{"class": 11}, within=0, description="stack"),
    *row(
        1000,
        **{"class": 3},
        within=1,
        model="SW-48",
        serial="SN000001",
        software="16.6.7",
        made=bytes([7, 228, 5, 6, 0, 0, 0, 0]),
    ),
    *row(1001, **{"class": 6}, within=1000, model="PWR-1", serial="PS000001"),
    *row(1010, **{"class": 10}, within=1000, name="Gi1/0/1"),
    *row(2000, **{"class": 3}, within=1, model="SW-48", serial="SN000002", software="16.6.7"),
    *row(2001, **{"class": 3}, within=2000, model="BOX", serial="SN000003"),
]


def test_a_stack_is_its_first_member() -> None:
    found = entities(STACK, TODAY)
    device = whole(found)
    assert device is not None
    assert (device.key, device.model, device.serial, device.manufactured) == (
        "1000",
        "SW-48",
        "SN000001",
        date(2020, 5, 6),
    )
    power = next(one for one in found if one.physical_class is PhysicalClass.POWER_SUPPLY)
    assert (power.within, power.serial) == ("1000", "PS000001")


def test_ports_are_not_worth_reading() -> None:
    found = rows_of_interest([bind for bind in STACK if bind[0].startswith((CLASS, WITHIN))])
    assert [int.from_bytes(suffix) if len(suffix) == 1 else suffix for suffix in found] == [
        1, *(encode_index((index,)) for index in (1000, 2000, 2001, 1001))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([], None),
        ([*row(5, **{"class": 3}, within=0, name="bare"), *row(7, **{"class": 3}, within=0, serial="SN000007")], "7"),
        ([*row(1, within=0, model="A-1", serial="SN000001"), *row(8, within=0, model="A-1", serial="SN000008")], "1"),
        ([*row(1, **{"class": 9}, within=0, model="A-1"), *row(2, **{"class": 9}, within=0, model="B-1")], None),
        ([*row(1, **{"class": 9}, within=0, model="A-1")], "1"),
        # of several roots the one that has parts
        ([*row(1, **{"class": 9}, within=0, model="A-1"), *row(2, **{"class": 9}, within=0, model="B-1"),
          *row(3, **{"class": 9}, within=2, model="C-1")], "2"),
        ([*row(4, **{"class": 6}, within=0, model="PWR-1", serial="PS000001")], None),  # a power supply is no device
        ([*row(1, **{"class": 3}, within=2, model="A-1"), *row(2, **{"class": 3}, within=1, model="B-1")], None),
    ],
)  # fmt: skip
def test_which_entity_is_the_device(rows: list[VarBind], key: str | None) -> None:
    device = whole(entities(rows, TODAY))
    assert (device.key if device else None) == key


@pytest.mark.parametrize(
    ("versions", "description", "expected"),
    [
        (["1.0", "2.0"], "", None),
        (["2.0", "2.0"], "", "2.0"),
        (["1.0", "7.1.2"], "Version 7.1.2, RELEASE", "7.1.2"),
        (["7.1"], "Version 7.1.2", "7.1"),
        ([], "", None),
    ],
)
def test_the_version_of_the_whole_is_not_that_of_any_part(
    versions: list[str], description: str, expected: str | None
) -> None:
    rows = [
        bind for number, one in enumerate(versions, 1) for bind in row(number, **{"class": 9}, within=9, software=one)
    ]
    assert software(entities(rows, TODAY), None, description) == expected


def test_rows_of_a_makers_table_are_parts_too() -> None:
    rules = loaded({"acme.yaml": RULES + """\
  - name: disks
    object_id: 1.3.6.1.4.1.99998
    tables:
      - object: ACME-MIB diskTable
        physical_class: storage_drive
        columns: {name: 1.3.6.1.4.1.99998.1.1, model: 1.3.6.1.4.1.99998.1.2, serial: 1.3.6.1.4.1.99998.1.3}
        patterns: {model: "^ATA (?P<model>.+)$"}
"""})  # fmt: skip
    table = rules.matched(encode_oid("1.3.6.1.4.1.99998"), "")[0].rule.tables[0]
    binds: list[VarBind] = [
        (encode_oid(f"1.3.6.1.4.1.99998.1.{column}.{row}"), Tag.OCTET_STRING, value)
        for row, values in {1: (b"Bay 1", b"ATA DISK-1", b"D0000001"), 2: (b"Bay 2", b"", b"")}.items()
        for column, value in enumerate(values, 1)
    ]
    (disk,) = table_entities(table, binds)
    assert (disk.key, disk.name, disk.model, disk.serial) == ("ACME-MIB diskTable:1", "Bay 1", "DISK-1", "D0000001")
    assert disk.physical_class is PhysicalClass.STORAGE_DRIVE
