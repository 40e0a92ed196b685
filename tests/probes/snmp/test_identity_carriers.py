"""What carriers' equipment says of itself by its makers' objects. Every device and serial here is made up."""

from importlib import resources

import pytest
import yaml

from probes.snmp.identityfacts import further
from probes.snmp.identityfiles import built_in
from probes.snmp.identitylook import MAX_FURTHER
from probes.snmp.oid import encode_oid
from tests.probes.snmp.test_identity_facts import MAKERS as M
from tests.probes.snmp.test_identity_facts import known, said

FILES = ("optical", "access", "radiolinks", "broadcast")


@pytest.mark.parametrize(
    ("object_id", "description", "answers", "expected"),
    [
        # optical transport, Ethernet of carriers
        (M + "2544.1.14", "Access Link Monitor",
         {M + "2544.1.14.2.1.1.0": "16ALM-1234Z", M + "2544.1.14.2.1.2.0": "2.71", M + "2544.1.14.2.1.3.0": "1.02",
          M + "2544.1.14.2.1.5.0": "ZZ00000000001", M + "2544.1.14.2.1.6.0": "1063000001-01"},
         {"vendor": "ADVA", "model": "16ALM-1234Z", "software_version": "2.71", "hardware_version": "1.02",
          "serial": "ZZ00000000001", "part_number": "1063000001-01", "kind": "optical"}),
        (M + "2544.1.3.2", "", {M + "2544.1.3.1.1.3.0": "ZZ00000000002"}, {"vendor": "ADVA",
          "serial": "ZZ00000000002"}),
        (M + "2544.1.12.1.1.41", "FSP150CC-XG120PRO (H)", {M + "2544.1.12.3.1.2.1.6": "LBADVA00000000001"},
         {"vendor": "ADVA", "model": "XG120PRO (H)", "serial": "LBADVA00000000001", "kind": "switch"}),
        (M + "2544.1.12.1.1.41", "FSP150CC-GE112", {}, {"model": "FSP150CC-GE112"}),
        (M + "22420.1.1.7", "", {M + "22420.1.1.1.0": "AMN-1000-TE", M + "22420.1.1.4.0": "AMT_6.1_20415",
          M + "22420.1.1.5.0": "500-010", M + "22420.1.1.6.0": "C000-0001"},
         {"vendor": "Accedian", "model": "AMN-1000-TE", "software_version": "6.1_20415", "serial": "C000-0001",
          "hardware_version": "500-010"}),
        (M + "30005.1.7", "BTIOS software, SA-805, Version 2.2.3 Copyright", {
          M + "30005.1.7.100.1.1.1.1.1.1.8": "ZZ00000001", M + "30005.1.7.100.1.1.1.1.1.1.6": "BT8A00AA"},
         {"vendor": "BTI Systems", "model": "SA-805", "serial": "ZZ00000001", "part_number": "BT8A00AA"}),
        (M + "18070.2.2", "", {M + "18070.2.9.3.2.1.1.5.0": "ZZ00000002", M + "18070.2.9.3.2.1.1.3.0": "BT7A20AA"},
         {"vendor": "BTI Systems", "serial": "ZZ00000002", "part_number": "BT7A20AA", "kind": "optical"}),
        (M + "1271.2.2.9", "8700 Packetwave Platform", {M + "1271.2.1.5.1.1.4.0": "M0000001",
          M + "1271.2.1.5.1.1.3.0": "170-0000-900"},
         {"vendor": "Ciena", "serial": "M0000001", "part_number": "170-0000-900"}),
        (M + "27894.10.1", "Linux SP-MNG 4.14.78 #12 SMP", {M + "27894.11.241.1.1.1.1.2": "ZZC000001",
          M + "27894.11.241.1.1.1.1.4": "1.0.52"},
         {"vendor": "Cube Optics", "serial": "ZZC000001", "software_version": "1.0.52", "kind": "optical"}),
        (M + "8708", "Infinera Corporation - Embedded Node Manager - ENM_CUAPPL_03A cuappl03a r33b 44",
         {M + "8708.2.3.2.1.1.1.13": "TM-300", M + "8708.2.3.2.1.1.1.11": "ZZ00000003"},
         {"vendor": "Infinera", "model": "TM-300", "serial": "ZZ00000003", "software_version": "r33b 44"}),
        (M + "35616.5", "Lambdatrail-S - xWDM Multiplexer (SFP - SFP)",
         {M + "35616.5.1.2.0": "LT2-S", M + "35616.5.1.3.0": "A2", M + "35616.5.1.5.0": "12000001",
          M + "35616.5.1.10.0": "1.0.8"},
         {"vendor": "Lambdatrail", "model": "LT2-S", "serial": "12000001", "software_version": "1.0.8",
          "hardware_version": "A2"}),
        (M + "4515.100.1.1000.2", "PL-1000E", {M + "4515.1.3.6.1.1.1.7": "100000001",
          M + "4515.1.3.6.1.1.1.6": "3.4.21", M + "4515.1.3.6.1.1.1.4": "0201", M + "4515.1.3.6.1.1.1.22": "50-0001"},
         {"vendor": "PacketLight", "model": "PL-1000E", "serial": "100000001", "software_version": "3.4.21",
          "hardware_version": "0201", "part_number": "50-0001"}),
        (M + "3181.10.6", "MICROSENS G6 Switch, Version: 10.8.2", {M + "3181.10.6.1.32.2.0": "01000001"},
         {"software_version": "10.8.2", "serial": "01000001"}),
        (M + "738.10.5.100.1.1.1", "Switch software version 3.1.R2", {
          M + "738.1.5.100.1.3.2.0": "T5C-24F", M + "738.1.5.100.1.3.1.0": "ZT000001",
          M + "738.1.5.100.1.3.4.0": "MB00000-01", M + "738.1.5.2110.1.3.0": "2.01"},
         {"vendor": "Telco Systems", "model": "T5C-24F", "serial": "ZT000001", "part_number": "MB00000-01",
          "hardware_version": "2.01"}),
        (M + "738.10.5.100.1.1.1", "Switch software version 3.1.R2", {M + "738.1.5.2110.1.1.0": "ZT000002"},
         {"serial": "ZT000002"}),
        (M + "9304.100.51234", "ESW-5116-2MG Version 1.00.1S", {M + "9304.100.51234.1.2.14.0": "3ZZ000000000001"},
         {"vendor": "Connection Technology Systems", "model": "ESW-5116-2MG", "serial": "3ZZ000000000001"}),
        (M + "164.6.1.6.1", "ETX-203AX-T, Hw: 1.0/A, Sw: 6.6.2(0.70)", {},
         {"vendor": "RAD", "model": "ETX-203AX-T", "software_version": "6.6.2(0.70)"}),
        (M + "164.6.1.6.1", "RAD SecFlow-2", {}, {"vendor": "RAD", "model": "SecFlow-2"}),
        # the access network
        (M + "6296.1.2.5.13", "", {M + "6296.101.1.1.1.1.0": "V5812G", M + "6296.101.1.1.1.2.0": "ZD0000001",
          M + "6296.101.1.1.1.3.0": "DS-01", M + "6296.101.1.1.1.6.0": "6.07p2"},
         {"vendor": "Dasan", "model": "V5812G", "serial": "ZD0000001", "software_version": "6.07p2",
          "hardware_version": "DS-01"}),
        (M + "3807.1.8012.1", "", {M + "3807.1.8012.2.1.3.0": "WKE2.200.1", M + "3807.1.8012.2.1.4.0": "RP0701"},
         {"vendor": "FiberHome", "software_version": "RP0701", "hardware_version": "WKE2.200.1"}),
        (M + "8886.6.200", "", {M + "8886.60.131.1.1.1.0": "ROS_5.2.1.1234"}, {"software_version": "5.2.1.1234"}),
        (M + "8886.6.200", "", {M + "8886.6.1.1.1.1.0": "4.14.1782"}, {"software_version": "4.14.1782"}),
        (M + "5504.1.6.1", "", {M + "5504.2.5.11.1.1.0": "ZZ00001234", M + "5504.2.5.11.1.2.0": "S3.1.1"},
         {"vendor": "Zhone", "serial": "ZZ00001234", "software_version": "S3.1.1"}),
        (M + "38595.10", "--", {M + "38595.10.1.3.0": "OT-360", M + "38595.10.1.4.0": "V1.1",
          M + "38595.10.1.5.0": "OTZZT000000001", M + "38595.10.1.7.0": "MT-32803-1.2.4-R8",
          M + "38595.10.1.8.0": "FW-9.1"},
         {"vendor": "ZMTEL", "model": "OT-360", "serial": "OTZZT000000001", "hardware_version": "1.1",
          "software_version": "MT-32803-1.2.4-R8", "firmware_version": "FW-9.1", "kind": "modem"}),
        (M + "3902.3.100.1", "ZXR10 ROS Version V4.8.01A ZXR10_2828S Software, Version V2.05.11B28 Copyright", {},
         {"vendor": "ZTE", "model": "ZXR10_2828S", "software_version": "2.05.11B28"}),
        (M + "6066.1.52", "B6-252", {}, {"vendor": "Occam Networks", "model": "B6-252"}),
        (M + "4413", "XG6846_4.12ITT02.00", {},
         {"vendor": "Inteno", "model": "XG6846", "software_version": "4.12ITT02.00"}),
        # microwave, radio
        (M + "12394.1.10.1", "", {M + "12394.1.1.1.2.0": "6.6.3", M + "12394.1.1.1.21.0": "7000001"},
         {"vendor": "Alvarion", "software_version": "6.6.3", "serial": "7000001", "kind": "radio"}),
        (M + "2509.11.1.1.8", "", {M + "2509.9.11.2.3.1.0": "2.7.1.11.4350-WTM4100"},
         {"vendor": "Aviat Networks", "software_version": "2.7.1.11.4350-WTM4100", "kind": "radio"}),
        (M + "17713.250", "", {M + "17713.250.3.3.0": "PTP 250", M + "17713.250.10.1.0": "PTP250-03-20"},
         {"vendor": "Cambium", "model": "PTP 250", "software_version": "PTP250-03-20", "kind": "radio"}),
        (M + "17713.5", "", {M + "17713.5.8.3.0": "PTP 500", M + "17713.5.19.1.0": "58500-05-01"},
         {"model": "PTP 500", "software_version": "58500-05-01"}),
        (M + "17713.6", "", {M + "17713.6.8.3.0": "PTP 600"}, {"model": "PTP 600"}),
        (M + "17713.8", "", {M + "17713.8.8.3.0": "PTP 800", M + "17713.8.19.1.0": "800-05-01"},
         {"model": "PTP 800", "software_version": "800-05-01"}),
        (M + "17713.1", "", {M + "17713.1.8.3.0": "PTP 300", M + "17713.1.19.1.0": "300-03-01"},
         {"model": "PTP 300", "software_version": "300-03-01"}),
        (M + "2281.1.4", "", {M + "2281.10.1.2.1.0": "F000000001"}, {"vendor": "Ceragon", "serial": "F000000001"}),
        *((M + where, "hc50_364_256qam Omni: 1.04.09", {M + oid: "DW0000000001"}, {"vendor": "DragonWave",
          "serial": "DW0000000001", "software_version": "1.04.09"}) for where, oid in (
            ("7262.2.2", "7262.2.2.1.3.1.1.0"), ("7262.2.3", "7262.2.3.1.6.1.2.0"), ("7262.2.4", "7262.2.4.1.5.1.2.0"),
            ("7262.2.5", "7262.2.5.1.3.1.2.0"), ("7262.4.5.1.3", "7262.4.5.2.4.1.3.0"))),
        (M + "7262.2.3", "", {M + "7262.2.3.1.6.1.3.0": "60-000001-02"}, {"part_number": "60-000001-02"}),
        (M + "4130.10", "GE MDS Orbit SNMP Agent", {M + "4130.10.1.1.1.2.1.0": 3000001,
          M + "4130.10.1.1.1.2.3.0": "MXNCL4ENE4SN1S1E6DZZ"},
         {"vendor": "GE", "model": "MXNCL4ENE4SN1S1E6DZZ", "serial": "3000001", "kind": "radio"}),
        (M + "11898.2.4.9", "Tsunami MP-8100-BSU-WD v2.4.1(100) SN-12PI00000001 BL-v1.3.2", {},
         {"vendor": "Proxim", "model": "Tsunami MP-8100-BSU-WD", "software_version": "2.4.1(100)",
          "serial": "12PI00000001"}),
        (M + "11898.2.4.9", "", {M + "11898.2.1.1.1.1.1.2": "05ZZ00000001"}, {"serial": "05ZZ00000001"}),
        (M + "33555.1.1", "Microwave Link", {M + "33555.1.1.1.1.0": "RAy2-18", M + "33555.1.1.1.2.0": 9000001,
          M + "33555.1.1.2.2.0": "2.2.6.0"},
         {"vendor": "RACOM", "model": "RAy2-18", "serial": "9000001", "software_version": "2.2.6.0", "kind": "radio"}),
        (M + "33555.4.1", "", {M + "33555.4.1.1.1.0": "RAy3-11", M + "33555.4.1.1.2.0": 9000002,
          M + "33555.4.1.2.2.0": "1.0.9.0"},
         {"vendor": "RACOM", "model": "RAy3-11", "serial": "9000002", "software_version": "1.0.9.0"}),
        (M + "7571.100.1.1.2", "", {M + "7571.100.1.1.2.22.1.13.0": "300000000001"},
         {"vendor": "SAF Tehnika", "serial": "300000000001"}),
        (M + "3373.1103", "ALFOplus2 - SIAE Microelettronica", {M + "3373.1103.6.2.1.13": "100000000000001",
          M + "3373.1103.6.2.1.10": "A01", M + "3373.1103.6.2.1.11": "GC0001",
          M + "3373.1103.7.11.1.6": "N50000  01.05.01"},
         {"vendor": "SIAE", "model": "ALFOplus2", "serial": "100000000000001", "software_version": "01.05.01",
          "hardware_version": "A01", "part_number": "GC0001", "kind": "radio"}),
        (M + "31926.35", "MH-N366", {}, {"vendor": "Siklu", "model": "MH-N366"}),
        (M + "57344.1", "Linux link1 4.14.172 #0 SMP aarch64", {M + "57344.1.3.1.0": "TNA-301",
          M + "57344.1.3.2.0": "TNA3000000000001", M + "57344.1.3.4.0": "1.12.1 rev 54575"},
         {"vendor": "Tachyon", "model": "TNA-301", "serial": "TNA3000000000001",
          "software_version": "1.12.1 rev 54575", "kind": "radio"}),
        (M + "3570.2.2", "Tait Communications, TB9300, DMR Base Station, QBC30BSM, Version: dmr-3.01",
         {M + "3570.2.2.2.1.2.2.1.1.1.0": "T01-01121-AAAA", M + "3570.2.2.2.1.2.2.1.1.2.0": "18000001",
          M + "3570.2.2.2.1.2.2.1.1.3.0": "0.05", M + "3570.2.2.2.1.2.2.1.1.4.0": "3.01.01"},
         {"vendor": "Tait", "model": "TB9300", "serial": "18000001", "software_version": "dmr-3.01",
          "part_number": "T01-01121-AAAA", "hardware_version": "0.05", "firmware_version": "3.01.01"}),
        (M + "3942.1.1", "R5000-Omx WANFleX H08S11-MINTv1.90.15 * Jun 14 2017 13:49:36 * SN:500001", {},
         {"vendor": "InfiNet Wireless", "software_version": "1.90.15", "serial": "500001", "kind": "radio"}),
        ("1.3", "ApexPlus-3.2.1", {}, {"vendor": "Trango", "software_version": "3.2.1", "kind": "radio"}),
        # cable television, transmitters, satellite
        (M + "5591.1.11", "", {M + "5591.1.3.1.3.0": "HX-2000", M + "5591.1.3.1.4.0": "HX0000001"},
         {"model": "HX-2000", "serial": "HX0000001"}),
        (M + "17409.1.11", "", {M + "17409.1.3.1.3.0": "HA5000A-1x016", M + "17409.1.3.1.4.0": "S00-PYA001"},
         {"model": "HA5000A-1x016", "serial": "S00-PYA001"}),
        (M + "5835.5.1.1", "", {M + "5835.5.2.100.1.1.2.0": "NT0000001", M + "5835.5.2.100.1.1.4.0": "MDM6000",
          M + "5835.5.2.100.1.1.7.0": "R1.2", M + "5835.5.2.100.1.1.9.0": "3.1.1"},
         {"vendor": "Newtec", "model": "MDM6000", "serial": "NT0000001", "software_version": "3.1.1",
          "hardware_version": "R1.2", "kind": "modem"}),
        (M + "2566.127.1.2.167", "Sx800 OSEDelta 4.7", {M + "2566.127.1.2.167.1.1.1.2.0": "100001",
          M + "2566.127.1.2.167.1.1.1.4.0": "1.46.3"},
         {"vendor": "Rohde & Schwarz", "model": "Sx800", "serial": "100001", "software_version": "1.46.3"}),
        (M + "3715.17", "", {M + "3715.17.1.10.0": "TL0000001"}, {"vendor": "Teleste", "serial": "TL0000001"}),
        (M + "3715.99", "", {M + "3715.99.2.1.2.1.7": "TL0000002", M + "3715.99.2.1.2.1.4": "4.0.1"},
         {"vendor": "Teleste", "serial": "TL0000002", "software_version": "4.0.1", "kind": "video"}),
        (M + "8000", "UHP VSAT Terminal Software", {M + "8000.22.9.2.0": 1070000001, M + "8000.22.8.5.0": 50700001},
         {"vendor": "UHP", "serial": "1070000001", "software_version": "50700001", "kind": "modem"}),
        (M + "3382.11.1.6", "Venturi Server VSVMPC 4.9.4.1", {M + "3382.12.1.2.1.1.8.0": "1001"},
         {"vendor": "Venturi", "software_version": "4.9.4.1", "serial": "1001"}),
        (M + "7465", "", {M + "7465.20.2.9.1.2.1.3.1.2": "GT02W", M + "7465.20.2.9.1.2.1.3.1.4": "3.2.9"},
         {"vendor": "WISI", "model": "GT02W", "software_version": "3.2.9", "kind": "video"}),
        (M + "7465", "", {M + "7465.20.2.9.1.2.1.3.1.2": "Head end", M + "7465.20.2.9.1.2.1.3.1.3": "GT02W A3"},
         {"model": "GT02W"}),
        (M + "23180.2.1.1.2", "TRedess Fourth Series TV TX", {},
         {"vendor": "Televes", "model": "TRedess Fourth Series TV TX"}),
        (M + "30631.1.17", "Terra eight channel DVB-S/S2 to IP streamer sdi480", {},
         {"vendor": "Terra", "model": "sdi480", "kind": "video"}),
    ],
)  # fmt: skip
def test_devices(object_id: str, description: str, answers: dict[str, object], expected: dict[str, str | None]) -> None:
    found = known(said(object_id, description, answers))
    assert {name: found[name].value if name in found else None for name in expected} == expected
    # and the rules ask for all of that, among no more than may be asked
    device = said(object_id, description)
    rules = built_in()
    asked = further(rules.matched(device.object_id, device.description), device, MAX_FURTHER)
    assert {encode_oid(oid) for oid in answers} <= {one.oid for one in asked}


@pytest.mark.parametrize("file", FILES)
def test_a_rule_asks_in_the_tree_of_its_own_maker(file: str) -> None:
    text = resources.files("configs").joinpath("identity", f"{file}.yaml").read_text("utf-8")
    for rule in yaml.safe_load(text)["rules"]:
        own = rule.get("object_id", [])
        makers = {number_of(oid) for oid in ([own] if isinstance(own, str) else own)}
        assert {number_of(read["oid"]) for read in rule.get("read", []) if "under" not in read} <= makers, rule["name"]


def number_of(oid: str) -> str:
    """Return the enterprise number of an OID."""
    return oid.removeprefix(M).split(".")[0]
