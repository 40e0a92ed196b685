"""Servers, storage, appliances, operating systems, and what a device states of its maker. Serials are made up."""

from datetime import UTC, date, datetime

import pytest

from agent.config.lifecycle import shipped
from agent.core.hardware import Entity, Hardware, PhysicalClass
from agent.core.model import Confidence
from probes.snmp.ber import Tag, VarBind, encode_oid
from probes.snmp.identityfacts import TOLD, further
from probes.snmp.identityfiles import built_in, loaded
from probes.snmp.identitytables import entities, software, twin, whole
from probes.snmp.nexts import Wanted
from tests.probes.snmp.test_identity_facts import TODAY, known, row, said

M = "1.3.6.1.4.1."
NET_SNMP = M + "8072.3.2.10"
SC2, MM, FLUIDFS, XCC = M + "231.2.10.2.2.10.", M + "674.10892.6.1.", M + "674.11000.2000.200.1.", M + "19046.11.1.1.5."
RAID, TL4000, PHONE = M + "116.5.11.4.1.1.5.1.", M + "674.10893.2.102.3.1.1.", M + "6889.2.69."
EXTEND = M + "8072.1.3.2.3.1.1."
UBUNTU = "Linux h1 5.15.0-88-generic #98-Ubuntu SMP Mon Oct 2 2023 x86_64"


def extend(name: str) -> str:
    """Return the object that holds the first line of what a command says, by the name it has in snmpd.conf."""
    return EXTEND + ".".join(map(str, (len(name), *name.encode())))


@pytest.mark.parametrize(
    ("object_id", "description", "answers", "expected"),
    [
        # service processors
        (NET_SNMP, "Linux (none) 2.6.28.9 #1 Mon Feb 10 2020 armv5tejl",
         {M + "21317.1.5.1.0": 3, M + "21317.1.5.2.0": 7, M + "21317.1.5.4.0": "3.2a"},
         {"vendor": "Supermicro", "software_version": "3.07", "bios_version": "3.2a", "kind": "management"}),
        (M + "21317", "Linux (none) 3.18.0 #1 Thu Oct 27 2022 armv6l",
         {M + "21317.1.5.1.0": 1, M + "21317.1.5.2.0": 74, M + "21317.1.5.7.0": 9, M + "21317.1.16.3.6.0": "S000Z01"},
         {"vendor": "Supermicro", "software_version": "1.74.09", "serial": "S000Z01"}),
        (M + "19046.11.1", "Linux XCC-0000 5.4.278 #1 SMP armv7l",
         {XCC + "1.1.3": "AAA100B", XCC + "2.1.3.0": "J0Z00001", XCC + "2.1.5.0": "ThinkSystem SR000"},
         {"vendor": "Lenovo", "software_version": "AAA100B", "serial": "J0Z00001", "model": "ThinkSystem SR000"}),
        (NET_SNMP, "Linux imm 2.6.16.46-358 #2 PREEMPT Tue Aug 16 2011 mips",
         {M + "2.3.51.3.1.5.1.1.3": "YUOO00Z", M + "2.3.51.3.1.5.2.1.3.0": "KD00Z01"},
         {"vendor": "IBM", "software_version": "YUOO00Z", "serial": "KD00Z01"}),
        (M + "231", "", {SC2 + "2.3.1.7": "YLZZ000001", SC2 + "3.4.1.4": "2.05R"},
         {"vendor": "Fujitsu", "serial": "YLZZ000001", "software_version": "2.05R"}),
        (M + "42.2.200.2.1.1", "SUN FIRE X4000 SERVER, ILOM v3.0.16.10, r60000", {},
         {"vendor": "Oracle", "model": "SUN FIRE X4000 SERVER", "software_version": "3.0.16.10"}),
        # chassis
        (M + "674.10892.6", "OpenManage Enterprise Modular",
         {MM + "1.1.0": "Chassis controller", MM + "1.2.0": "MX7000", MM + "2.1.0": "1.40.20"},
         {"vendor": "Dell", "model": "MX7000", "software_version": "1.40.20", "kind": "rack"}),
        (M + "2.3.51.2", "", {M + "2.3.51.2.2.21.1.1.1.0": "8852", M + "2.3.51.2.2.21.1.1.3.0": "KQZ0001"},
         {"vendor": "IBM", "part_number": "8852", "serial": "KQZ0001"}),
        # storage and tape
        ("1.3.6.1.2.1.1.1.0", "FluidFS SnmpService SnmpV2c",
         {FLUIDFS + "47.1.0": "6.0.300135", FLUIDFS + "47.2.0": "Dell Storage FS0000", FLUIDFS + "16.1.3": "0ZZZ001"},
         {"vendor": "Dell", "model": "Dell Storage FS0000", "software_version": "6.0.300135", "serial": "0ZZZ001"}),
        (M + "1714.1.1", "Infortrend SNMP agent",
         {M + "1714.1.1.1.1.15.0": "DS 3016", M + "1714.1.1.1.1.10.0": 8000001, M + "1714.1.1.1.1.4.0": 6,
          M + "1714.1.1.1.1.5.0": 8},
         {"vendor": "Infortrend", "model": "DS 3016", "serial": "8000001", "software_version": "6.08"}),
        (M + "116.3.11.4.1.1", "", {RAID + "1": "400001", RAID + "3": "83-05-30-40/00", RAID + "4": "VSP G1000"},
         {"vendor": "Hitachi", "model": "VSP G1000", "serial": "400001", "software_version": "83-05-30-40/00",
          "kind": "storage"}),
        (M + "34774.4.1", "", {M + "34774.4.1.1.6.0": "V300R006C50"},
         {"vendor": "Huawei", "software_version": "300R006C50", "kind": "storage"}),
        (NET_SNMP, "Linux nas1 4.14.186 #1 SMP x86_64",
         {M + "44738.2.1.0": "AS6404T", M + "44738.1.1.0": "AX00000001", M + "44738.1.2.0": "3.5.0.R8D1"},
         {"vendor": "Asustor", "model": "AS6404T", "serial": "AX00000001", "software_version": "3.5.0.R8D1"}),
        (M + "44738", "", {M + "44738.2.1.0": "AS5304T"},
         {"vendor": "Asustor", "model": "AS5304T", "operating_system": "ADM", "kind": "storage"}),
        (M + "5127.1.1.1.2", "Linux nas 4.14.22 armv7l", {M + "5127.1.1.1.2.1.2.0": "5.26.300 (5.26.300.0523.2023)"},
         {"vendor": "WD", "software_version": "5.26.300"}),
        (M + "674.10893.2.102", "", {TL4000 + "8": "TL4000", TL4000 + "9": "C.20", TL4000 + "10": "0ZZ0001"},
         {"vendor": "Dell", "model": "TL4000", "software_version": "C.20", "serial": "0ZZ0001"}),
        (M + "1211.1.12", "", {M + "1211.1.12.3.1.0": "L180"},
         {"vendor": "StorageTek", "model": "L180", "kind": "tape_library"}),
        (M + "789.2.5", "", {M + "789.1.1.2.0": "NetApp Release 9.7P5: Wed Jun 10 2020"},
         {"vendor": "NetApp", "software_version": "9.7P5"}),
        (M + "8072.3.2.8", "FreeBSD sn1 11.1-RELEASE-p1 amd64",
         {M + "674.11000.2000.500.1.2": "SC", M + "674.11000.2000.500.1.2.13.1.7": "SCv3020",
          M + "674.11000.2000.500.1.2.13.1.8": "0ZZZZ02"},
         {"model": "SCv3020", "serial": "0ZZZZ02", "kind": "storage"}),
        # appliances
        (M + "25597.1", "Linux f1 4.19.71 #1 SMP x86_64",
         {M + "25597.11.1.1.2.0": "FireEyeNX0000", M + "25597.11.5.1.2.0": "9.1.3"},
         {"vendor": "FireEye", "model": "FireEyeNX0000", "software_version": "9.1.3"}),
        *((M + number + ".2.7.1.1", "Secure Web Gateway 7;VMWare;VMware, Inc.", {M + number + ".2.7.1.3.0": "12.2.2"},
          {"vendor": "Skyhigh", "software_version": "12.2.2"}) for number in ("1230", "59732")),
        (M + "2684", "Videoconferencing Device",
         {M + "13885.101.1.1.1.0": "Release 3.10.0-362035", M + "13885.101.1.1.4.0": "StudioX50",
          M + "13885.101.1.1.5.0": "8L000000001"},
         {"vendor": "Polycom", "model": "StudioX50", "software_version": "3.10.0-362035", "serial": "8L000000001"}),
        (M + "6889.1.69.2", "", {PHONE + "2.1.43.0": "9608D01A", PHONE + "2.1.46.0": "00WZ00000001",
          PHONE + "2.1.4.0": "S9608_11HALBR6"},
         {"vendor": "Avaya", "model": "9608D01A", "serial": "00WZ00000001", "kind": "phone"}),
        (M + "6889.2.69.1", "", {PHONE + "1.1.2.0": "4610SW", PHONE + "1.1.6.0": "00WZ00000002"},
         {"vendor": "Avaya", "model": "4610SW", "serial": "00WZ00000002"}),
        (M + "3417.1.1.27", "proxy", {M + "3417.2.11.1.3.0": "Version: SGOS 6.7.4.1, Release id: 2"},
         {"software_version": "6.7.4.1"}),
        (NET_SNMP, "Linux pki 4.18.0-425.13.1.el8_7.x86_64 #1 SMP Tue Feb 21 2023 x86_64",
         {M + "22408.1.1.2.1.7.118.101.114.115.105.111.110.1": "PrimeKeyAppliance.3.4.3"},
         {"vendor": "PrimeKey", "software_version": "3.4.3"}),
        # operating systems
        (NET_SNMP, "Linux pve1 5.15.74-1-pve #1 SMP PVE 5.15.74-1 (Mon, 14 Nov 2022) x86_64", {},
         {"vendor": "Proxmox", "operating_system": "Proxmox VE", "software_version": "5.15.74-1-pve"}),
        (M + "8072.3.2.16", "Darwin mac1 19.6.0 Darwin Kernel Version 19.6.0: Tue Jun 22 2021 x86_64", {},
         {"vendor": "Apple", "operating_system": "Darwin", "software_version": "19.6.0"}),
        (M + "8072.3.2.3", "SunOS sol1 5.11 11.4.0.15.0 sun4v", {},
         {"vendor": "Oracle", "operating_system": "Solaris", "software_version": "5.11"}),
        (M + "11.2.3.2.5", "HP-UX ux1 B.11.31 U ia64 0000000001", {},
         {"vendor": "HPE", "operating_system": "HP-UX", "software_version": "B.11.31"}),
        (M + "8072.3.2.7", "NetBSD nb1 9.3 NetBSD 9.3 (GENERIC) amd64", {},
         {"vendor": "NetBSD", "software_version": "9.3"}),
        (M + "2.3.1.2.1.1.3", ("IBM PowerPC CHRP Computer Machine Type: 0x0800004c Processor id: 00FZ98004C00 Base "
          "Operating System Runtime AIX version: 07.02.0005.0100 TCP/IP"), {},
         {"model": "0x0800004c", "serial": "00FZ98004C00", "software_version": "7.2.5.100"}),
        *((NET_SNMP, f"Linux h1 {kernel} #1 SMP x86_64", {}, {"vendor": vendor}) for kernel, vendor in (
            ("3.10.0-1160.el7.nutanix.20210425.x86_64", "Nutanix"), ("2.6.32.43-0.4.1.xs1.8.0.839xen", "Citrix"),
            ("4.19.232-1.mlos3.x86_64", "McAfee"))),
        (M + "6876.4.7", "VMware-vCenter-Server-Appliance 7.0.3 embedded build 20000000 VMware Inc", {},
         {"vendor": "VMware", "operating_system": "VMware vCenter", "software_version": "7.0.3"}),
        (M + "23.1.6", "Novell NetWare 5.70.08 October 3, 2008", {},
         {"vendor": "Novell", "operating_system": "NetWare", "software_version": "5.70.08"}),
        (M + "37447.3.1", "Nimble Storage CS260 running software version 2.1.8.0-190000-opt", {},
         {"vendor": "Nimble Storage", "model": "CS260", "software_version": "2.1.8.0-190000"}),
        (M + "12925.1", "HP_3PAR 7200c, ID: 10000, Serial number: 1600001, InForm OS version: 3.2.1 (MU3)", {},
         {"vendor": "HPE", "model": "7200c", "serial": "1600001", "software_version": "3.2.1", "kind": "storage"}),
        (M + "9148.1.1.2", "Acme Packet 4600 SCZ8.3.0 GA (Build 1)", {},
         {"vendor": "Acme Packet", "model": "4600", "software_version": "SCZ8.3.0"}),
        (M + "5596.130.6", "TANDBERG Codec SoftW: TC7.3.6.90aaaa MCU: 1", {},
         {"vendor": "Cisco", "software_version": "TC7.3.6.90aaaa", "kind": "video"}),
        (M + "789.1123.2", "NETAPP INF-01-00 0852", {}, {"vendor": "NetApp", "operating_system": "SANtricity"}),
        (M + "1139.103", "", {}, {"vendor": "EMC"}),
        (M + "2879.1.1", "", {}, {"vendor": "Sonus"}),
        # a newer Windows than this knows is not 6.3
        (M + "311.1.1.3.1.2", "Software: Windows Version 6.3 (Build 99999 Multiprocessor Free)", {},
         {"vendor": "Microsoft", "software_version": None}),
        # DOCSIS
        (M + "4115.1.1", "A <<HW_REV: 1.0; VENDOR: ARRIS; BOOTR: 1; SW_REV: 9.1.103; MODEL: TM000G>>",
         {"1.3.6.1.2.1.69.1.1.4.0": "ZZ0000000009", "1.3.6.1.2.1.69.1.3.5.0": "9.1.103"},
         {"serial": "ZZ0000000009", "software_version": "9.1.103"}),
    ],
)  # fmt: skip
def test_devices(object_id: str, description: str, answers: dict[str, object], expected: dict[str, str | None]) -> None:
    found = known(said(object_id, description, answers))
    assert {name: found[name].value if name in found else None for name in expected} == expected


@pytest.mark.parametrize(
    ("answers", "vendor", "confidence"),
    [
        ({}, "Linux", Confidence.ASSUMED),
        ({extend("manufacturer"): "Dell Inc.", extend("serial"): "0ZZZ003"}, "Dell", Confidence.STATED),
        ({"1.0.8802.1.1.2.1.5.4795.1.2.6.0": "Supermicro"}, "Supermicro", Confidence.STATED),
        ({"1.3.6.1.2.1.33.1.1.1.0": "Examplepower"}, "Examplepower", Confidence.STATED),
        ({"1.0.8802.1.1.2.1.5.4795.1.2.6.0": "Not Specified"}, "Linux", Confidence.ASSUMED),
    ],
)
def test_linux_gives_way_to_a_maker_that_is_stated(
    answers: dict[str, object], vendor: str, confidence: Confidence
) -> None:
    fact = known(said(NET_SNMP, UBUNTU, answers))["vendor"]
    assert (fact.value, fact.confidence) == (vendor, confidence)


def test_linux_gives_way_to_the_maker_of_the_entity() -> None:
    device = said(NET_SNMP, UBUNTU)
    device.entities = (
        Entity("1", PhysicalClass.CHASSIS, "box", "", vendor="Acme", model="AX-1", software_version="8.1"),
    )
    found = known(device)
    assert (found["vendor"].value, found["software_version"].value) == ("Acme", "8.1")


def test_what_it_tells_its_neighbours_stands_in_for_a_text_of_its_owner() -> None:
    device = said(M + "47196.4.1.1.1.100", "second floor")
    device.answers[TOLD] = (TOLD.oid, Tag.OCTET_STRING, b"Aruba JL635A 8325 GL.10.04.2000")
    assert device.told == "Aruba JL635A 8325 GL.10.04.2000"
    version = known(device)["software_version"]
    assert (version.value, version.source) == ("GL.10.04.2000", "LLDP-MIB lldpLocSysDesc, rule aruba_cx")
    device.answers[TOLD] = (TOLD.oid, Tag.OCTET_STRING, b"second floor")
    assert device.told == ""
    # a rule that knows a text knows this one, where the number fits too
    rules = built_in()
    (first, *_) = rules.matched(encode_oid(M + "9.1.1208"), "core", "Cisco IOS Software, C2960X Software, Version 1.2")
    assert (first.rule.name, first.how) == ("cisco_ios", "sysObjectID and lldpLocSysDesc")
    assert all(match.rule.object_id for match in rules.matched(b"", "core", "OpenBSD gw 7.4 GENERIC amd64"))


def test_numbers_that_go_on_a_version_are_asked_for_too() -> None:
    rules = built_in()
    device = said(M + "21317", "Linux (none) 3.18.0 armv6l")
    asked = further(rules.matched(device.object_id, device.description), device, 40)
    assert {Wanted(encode_oid(f"{M}21317.1.5.{number}.0")) for number in (1, 2, 7)} <= set(asked)


def test_what_goes_on_a_version_needs_a_whole_oid() -> None:
    rule = """\
rules:
  - name: acme
    object_id: 1.3.6.1.4.1.99999
    read:
      - {oid: 1.3.6.1.4.1.99999.1, first: true, then: 1.3.6.1.4.1.99999.2.0, object: ACME-MIB v, fact: serial}
"""
    with pytest.raises(ValueError, match="expected a whole `oid` beside `then`"):
        loaded({"acme.yaml": rule})


# ------------------------------------------------------------------ ENTITY-MIB


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        # a chassis that says nothing, and the only board in it, or beside it
        ([*row(1, **{"class": 3}, within=0, name="box"),
          *row(2, **{"class": 9}, within=1, model="A-1", serial="SN000002"),
          *row(3, **{"class": 6}, within=1, model="P-1", serial="SN000003")], "2"),
        ([*row(1, **{"class": 3}, within=5, name="box"),
          *row(5, **{"class": 11}, within=0, model="A-1", serial="SN000005")], "5"),
        # not where there are several, nor where the chassis is described
        ([*row(1, **{"class": 3}, within=0, description="box"),
          *row(2, **{"class": 9}, within=1, model="A-1", serial="SN000002"),
          *row(3, **{"class": 9}, within=1, model="A-2", serial="SN000003")], "1"),
        ([*row(1, **{"class": 3}, within=0, description="Acme 6691"),
          *row(2, **{"class": 9}, within=1, model="A-1", serial="SN000002")], "1"),
    ],
)  # fmt: skip
def test_a_box_may_be_described_by_its_board(rows: list[VarBind], key: str) -> None:
    device = whole(entities(rows, TODAY))
    assert device is not None
    assert device.key == key


def test_what_the_device_leaves_out_its_twin_may_tell() -> None:
    device = said(M + "99999.1", "")
    box = Entity("1", PhysicalClass.CHASSIS, "box", "", model="AX-10")
    board = Entity("2", PhysicalClass.MODULE, "board", "", model="AX-10", serial="SN000002", within="1")
    device.entities = (box, board)
    assert known(device)["serial"].source == "ENTITY-MIB entPhysicalSerialNum of entity 2"
    assert twin((box, board, board), box) is None  # which of two?
    named = Entity("1", PhysicalClass.CHASSIS, "box", "", serial="SN000002")
    device.entities = (named, board)
    assert known(device)["model"].value == "AX-10"


def test_the_software_of_a_power_supply_is_not_the_devices() -> None:
    power = Entity("2", PhysicalClass.POWER_SUPPLY, "power", "", software_version="1.2")
    assert software((power,), None, "") is None


def test_who_has_one_version_only_may_call_it_firmware() -> None:
    device = said(M + "99999.1", "")
    box = Entity("1", PhysicalClass.CHASSIS, "box", "", model="AX-10", firmware_version="4.2.1")
    device.entities = (box,)
    fact = known(device)["software_version"]
    assert (fact.value, fact.confidence) == ("4.2.1", Confidence.ASSUMED)
    device.entities = (
        box,
        Entity("2", PhysicalClass.MODULE, "a", "", software_version="1"),
        Entity("3", PhysicalClass.MODULE, "b", "", software_version="2"),
    )
    assert "software_version" not in known(device)


# ------------------------------------------------------------------ until when Windows is supported


@pytest.mark.parametrize(
    ("number", "build", "kernel", "product", "end"),
    [
        ("2", 9600, "6.3", "Windows Server 2012 R2", date(2023, 10, 10)),
        ("2", 14393, "6.3", "Windows Server 2016", date(2027, 1, 12)),
        ("3", 17763, "6.3", "Windows Server 2019", date(2029, 1, 9)),
        ("2", 20348, "6.3", "Windows Server 2022", date(2031, 10, 14)),
        ("2", 26100, "6.3", "Windows Server 2025", date(2034, 11, 14)),
        ("2", 7601, "6.1", "Windows Server 2008 R2 SP1", date(2020, 1, 14)),
        ("1", 19045, "6.3", "Windows 10 22H2", date(2025, 10, 14)),
        ("1", 22631, "6.3", "Windows 11 23H2 E", date(2026, 11, 10)),
        ("1", 26200, "6.3", "Windows 11 25H2 E", date(2028, 10, 10)),
    ],
)
def test_a_windows_that_was_polled_has_its_dates(number: str, build: int, kernel: str, product: str, end: date) -> None:
    text = f"Hardware: Intel64 Family 6 - Software: Windows Version {kernel} (Build {build} Multiprocessor Free)"
    facts = tuple(known(said(f"{M}311.1.1.3.1.{number}", text)).values())
    _, system = shipped().of_device(Hardware(datetime(2026, 11, 27, tzinfo=UTC), facts))
    assert system is not None
    assert (system.product, system.end_of_security_fixes) == (product, end)
