"""What makers' objects say, and shapes that hold whoever the maker is. Every device and serial here is made up."""

from importlib import resources

import pytest
import yaml

from agent.core.hardware import Entity, PhysicalClass
from agent.core.model import Confidence
from probes.snmp.ber import Tag
from probes.snmp.identityfacts import opening
from probes.snmp.identityfiles import built_in
from probes.snmp.nexts import Nexts
from tests.probes.snmp.test_identity_facts import MAKERS as M
from tests.probes.snmp.test_identity_facts import known, said

LLDP_MED = "1.0.8802.1.1.2.1.5.4795.1.2"


@pytest.mark.parametrize(
    ("object_id", "description", "answers", "expected"),
    [
        # what a device tells its neighbours (LLDP-MED), whoever made it
        (M + "99999.1", "a thing",
         {LLDP_MED + ".7.0": "EX2028-P", LLDP_MED + ".5.0": "W8ZZ0000ZZ01", LLDP_MED + ".4.0": "4.5.1-r2"},
         {"model": "EX2028-P", "serial": "W8ZZ0000ZZ01", "software_version": "4.5.1-r2", "vendor": None}),
        (M + "17163.1.1.1", "Linux wan1 3.10.0",
         {M + "17163.1.1.1.1.0": "CX770 (CX770M)", M + "17163.1.1.1.2.0": "D00ZZ0000AA01",
          M + "17163.1.1.1.3.0": "rbt_cx 9.9.1 #11 2020-01-02"},
         {"vendor": "Riverbed", "model": "CX770", "serial": "D00ZZ0000AA01", "software_version": "9.9.1"}),
        (M + "11256.2.0", "NS-BSD fw1",
         {M + "11256.1.0.1.0": "SN310", M + "11256.1.0.2.0": "4.3.20", M + "11256.1.0.3.0": "SN310A01Z0001"},
         {"vendor": "Stormshield", "model": "SN310", "software_version": "4.3.20", "serial": "SN310A01Z0001",
          "kind": "firewall"}),
        (M + "8072.3.2.8", "FreeBSD fw2 11.3-STABLE", {M + "11256.1.0.1.0": "SN210",
          M + "11256.1.0.2.0": "4.3.20"},
         {"vendor": "Stormshield", "model": "SN210", "software_version": "4.3.20", "kind": "firewall"}),
        (M + "25053.3.1.11.1", "vSZ",
         {M + "25053.1.8.1.1.1.1.1.1.1": "ZZ00001", M + "25053.1.8.1.1.1.1.1.1.3": "SZ104",
          M + "25053.1.8.1.1.1.1.1.1.9": "5.2.2.0.317"},
         {"vendor": "Ruckus", "model": "SZ104", "serial": "ZZ00001", "software_version": "5.2.2.0.317"}),
        (M + "534.10.2.2", "", {M + "534.10.2.1.2.0": "Eaton ATS 16 NM", M + "534.10.2.1.3.0": "01.02.0015",
          M + "534.10.2.1.5.0": "GZ00Z00001"},
         {"vendor": "Eaton", "model": "Eaton ATS 16 NM", "software_version": "01.02.0015", "serial": "GZ00Z00001",
          "kind": "transfer_switch"}),
        (M + "318.1.1.32", "apcpdu",
         {M + "318.1.1.32.1.2.1.11": "APDU10150ZZ", M + "318.1.1.32.1.2.1.12": "5A0001Z00001",
          M + "318.1.1.32.1.2.1.14": "2.0.8.2"},
         {"vendor": "APC", "model": "APDU10150ZZ", "serial": "5A0001Z00001", "software_version": "2.0.8.2"}),
        (M + "10418.26.1.1", "ACS", {M + "10418.26.2.1.2.0": "ACS8016", M + "10418.26.2.1.4.0": "052000001",
          M + "10418.26.2.1.7.0": "2.14.2"},
         {"vendor": "Avocent", "model": "ACS8016", "serial": "052000001", "software_version": "2.14.2"}),
        (M + "14851", "tapes", {M + "14851.3.1.4.1.0": "IBM", M + "14851.3.1.4.2.0": "TS4301",
          M + "14851.3.1.4.3.0": "7800ZZ1", M + "14851.3.1.3.4.0": "1.3.0.2"},
         {"vendor": "IBM", "model": "TS4301", "serial": "7800ZZ1", "software_version": "1.3.0.2"}),
        (M + "8072.3.2.10", "Linux ltu1 3.14.65 #1 SMP armv7l", {M + "41112.1.10.1.3.2.0": "airFiber 5XHD",
          M + "41112.1.10.1.3.4.0": "v1.4.0"},
         {"vendor": "Ubiquiti", "model": "airFiber 5XHD", "software_version": "1.4.0", "kind": "radio"}),
        (M + "8072.3.2.10", "Linux OpenWrt 5.4.137 #0 SMP armv7l",
         {M + "8072.1.3.2.3.1.1.6.100.105.115.116.114.111": "OpenWrt 21.02.3"},
         {"software_version": "21.02.3", "operating_system": "OpenWrt"}),
        (M + "1182.2.65", "RTX1210 Rev.14.01.11 (Tue Nov  7 10:52:40 2017)", {},
         {"vendor": "Yamaha", "model": "RTX1210", "software_version": "14.01.11", "kind": "router"}),
        (M + "20992.1.26", "Cradlepoint IBR900-600M, Firmware Version 7.0.10", {},
         {"vendor": "Cradlepoint", "model": "IBR900-600M", "software_version": "7.0.10"}),
        # the card of a UPS is not the UPS; of other things the model number stands in the text
        (M + "318.1.3.27", "APC Web/SNMP Management Card (MB:v4.1.0 PF:v7.0.8 MN:AP9631 HR:08 SN: ZZ0000000001)", {},
         {"model": None, "serial": None, "software_version": "7.0.8"}),
        (M + "318.1.3.8.4", "APC Web/SNMP Management Card (MB:v3.8.6 PF:v3.5.7 MN:AP9340 HR:05 SN: ZZ0000000002)", {},
         {"model": "AP9340"}),
        # a kernel that nobody but its builder named is no version of anything
        (M + "8072.3.2.10", "Linux box 4.19.46 #1 SMP Thu Sep 19 02:32:09 CEST 2019 x86_64", {},
         {"vendor": "Linux", "software_version": None}),
        (M + "8072.3.2.10", "Linux h 4.18.0-425.13.1.el8_7.x86_64 #1 SMP Tue Feb 21 2023 x86_64", {},
         {"software_version": "4.18.0-425.13.1.el8_7.x86_64"}),
        # shapes of devices whose maker no rule knows
        (M + "99999.7", "QX3300 Ver. 8.28.01", {}, {"model": None, "software_version": "8.28.01"}),
        (M + "99999.7", "XGS-4600-32F", {}, {"model": None}),  # it may be a host's name
        (M + "99999.7", "Box; Model: TG-789v2; SW: 10.5.2", {}, {"model": "TG-789v2", "software_version": "10.5.2"}),
        (M + "99999.7", "Room sensor v2.4.11", {}, {"software_version": None}),  # or the board's
        (M + "99999.7", "WX2 1.4.3", {}, {"software_version": "1.4.3"}),
        (M + "99999.7", "Hub V1.0", {}, {"software_version": None}),  # it may be the hardware's
        (M + "99999.7", "Box, boot version 1.02, Hardware version 2.1", {}, {"software_version": None}),
        (M + "99999.7", "Box HW:02 FW:7.5.0.2 SW:v7.6.1.033", {}, {"software_version": "7.6.1.033"}),
        (M + "99999.7", "Box (OS version 9.0.0-345)", {}, {"software_version": "9.0.0-345"}),
        (M + "99999.7", "Box, Version 6.4.0 (Build 102), Engine Version 9.12(1)6", {}, {"software_version": "6.4.0"}),
        (M + "99999.7", "Box, Version 5.0(3)N2(3.13b), RELEASE", {}, {"software_version": "5.0(3)N2(3.13b)"}),
        (M + "99999.7", "hub;VerSw:7.3.2;VerHw:4", {}, {"software_version": "7.3.2"}),
        *((M + "99999.7", text, {}, {"model": model, "software_version": version}) for text, model, version in (
            ("QX-6248, 3.3.7.3, VxWorks 6.5", "QX-6248", "3.3.7.3"),
            ("Acme 1820-8G Switch, PT.01.14, Linux 3.6.5-79c95a77", "Acme 1820-8G Switch", "PT.01.14"),
            ("; EYE P5534-E; Dome Camera; 5.40.9.2; May 15 2012 09:50; 188.1; 1;", "EYE P5534-E", "5.40.9.2"),
            ("QSP-8404 (5.1.1.1)", "QSP-8404", "5.1.1.1"),
            ("QSW-Flex24 5.76.7.13442", "QSW-Flex24", "5.76.7.13442"),
            ("Warm Alert 12E v3.3.0", "Warm Alert 12E", "3.3.0"),
            ("QOS release 0.32.0 running on a QX-7050-48", "QX-7050-48", "0.32.0"),
            ("Acme Campus Switch (S5899-48TS-P) By Acme", "S5899-48TS-P", None),
            ("Acme Security Appliance QG-6000-E3965", "QG-6000-E3965", None),
            ("Server Room R101", None, None), ("V220100", None, None))),
        *((M + "99999.7", text, {}, {"model": None}) for text in (
            "48-Port Gigabit Smart Switch", "L3 Managed Switch", "IPv6 Router", "SW-001", "core-sw1", "DC-01",
            "RACK-1203", "IEEE802.11ac access point", "Model: unknown", "Linux box 5.4.0 x86_64",
            "Version 2.10 switch", "v1.234")),
        # where a maker's rule holds, it knows better than the shapes
        (M + "12356.101.1.1", "CORP-2001A firewall", {}, {"model": None}),
    ],
)  # fmt: skip
def test_devices(object_id: str, description: str, answers: dict[str, object], expected: dict[str, str | None]) -> None:
    found = known(said(object_id, description, answers))
    assert {name: found[name].value if name in found else None for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "description", "model"),
    [
        ("FSP150CC-GE112", "", "FSP150CC-GE112"),
        ("Chassis 1", "Acme S5720-28X", "S5720-28X"),
        ("1", "MINI-BOX 6691", None),
        ("Unit10", "Switch 24", None),
        ("GigabitEthernet1/0/24", "Slot 100", None),
        ("Switch1", "Power supply 450", None),
    ],
)
def test_an_entity_may_be_called_by_its_model(name: str, description: str, model: str | None) -> None:
    device = said(M + "99999.1", "a thing")
    device.entities = (Entity("1", PhysicalClass.CHASSIS, name, description),)
    fact = known(device).get("model")
    assert (fact.value if fact else None) == model
    assert fact is None or fact.confidence is Confidence.DERIVED


def test_every_file_is_read_alike_without_the_c_library() -> None:
    folder = resources.files("configs").joinpath("identity")
    for file in (entry for entry in folder.iterdir() if entry.name.endswith(".yaml")):
        text = file.read_text("utf-8")
        assert yaml.load(text, Loader=yaml.SafeLoader) == yaml.load(text, Loader=yaml.CSafeLoader), file.name


def test_what_every_device_is_asked_is_one_packet() -> None:
    asked = Nexts(opening(built_in()))
    question = asked.next()
    assert question is not None
    asked.take(0, 0, [(oid, Tag.END_OF_MIB_VIEW, None) for oid in question.oids])
    assert asked.next() is None
