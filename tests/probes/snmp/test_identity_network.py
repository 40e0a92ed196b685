"""Switches, routers, firewalls, wireless: what their makers' objects say. Every device and serial here is made up."""

import pytest

from agent.core.hardware import Entity, PhysicalClass
from agent.core.model import Confidence
from probes.snmp.identityfiles import loaded
from tests.probes.snmp.test_identity_facts import MAKERS as M
from tests.probes.snmp.test_identity_facts import known, said

RADLAN = M + "89.53.14.1"


@pytest.mark.parametrize(
    ("object_id", "description", "answers", "expected"),
    [
        (M + "272.4.201.1", "be.IP plus",
         {M + "272.4.1.26.0": "V.10.2.7.100 from 2019/01/02", M + "272.4.1.31.0": "BE0ZZ000000001"},
         {"vendor": "bintec", "model": "be.IP plus", "software_version": "10.2.7.100", "serial": "BE0ZZ000000001"}),
        (M + "272.4.201.1", "R230a", {M + "272.4.1.26.0": "V.7.5 Rev. 7 (Patch 6) IPSec from 2010/02/11"},
         {"software_version": "7.5 Rev. 7 (Patch 6)"}),
        (M + "14988.2", "CSS326-24G-2S+ SwOS v2.13", {M + "14988.1.1.7.3.0": "ZZ0000000001"},
         {"model": "CSS326-24G-2S+", "software_version": "2.13", "serial": "ZZ0000000001"}),
        (M + "20992.1.30", "a router", {M + "20992.1.1.1.0": "7.2.60"},
         {"vendor": "Cradlepoint", "software_version": "7.2.60"}),
        (M + "2356.800.3.2326", "LANCOM GS-2326", {M + "2356.800.3.2326.1.1.5.0": "4001234500000001"},
         {"vendor": "LANCOM", "serial": "4001234500000001"}),
        (M + "2356.800.2.2129", "LANCOM ES-2126P+", {M + "2356.800.2.2129.1.1.1.6.0": "4001234500000002"},
         {"serial": "4001234500000002"}),
        (M + "30140.1.10", "a router", {M + "30140.6.1.0": "SPECTRE-v3", M + "30140.6.2.0": "6.3.1 (2021-06-16)",
          M + "30140.6.3.0": "ZZ1234501"},
         {"vendor": "Advantech", "model": "SPECTRE-v3", "software_version": "6.3.1", "serial": "ZZ1234501"}),
        (M + "13191.1.1", "OneAccess", {M + "13191.10.3.3.2.2.2.1.5": "T0000000000001"},
         {"vendor": "OneAccess", "serial": "T0000000000001"}),
        (M + "332.11.9", "a router", {M + "332.11.9.1.2.7.0": "ZZ-000017", M + "332.11.9.1.2.9.0": "WR31"},
         {"vendor": "Digi", "model": "WR31", "serial": "ZZ-000017"}),
        (M + "41916.3.2.5", "Viptela SNMP agent", {}, {"vendor": "Viptela", "model": "vedge-2000", "kind": "router"}),
        (M + "4413", "XG6800_4.11ITT01.02", {},
         {"vendor": "Inteno", "model": "XG6800", "software_version": "4.11ITT01.02"}),
        (M + "4413", "LB6M 24x10G 4x1G, *, VxWorks 6.6", {}, {"vendor": "Quanta", "model": "LB6M 24x10G 4x1G"}),
        (M + "4874.1.1.1.1.3", "", {M + "4874.2.2.2.1.1.1.0": "9-3-2p0-1"},
         {"vendor": "Juniper", "model": "ERX-1440", "software_version": "9-3-2p0-1"}),
        (M + "14525.3.1.6", "a controller", {M + "14525.4.2.1.1.0": "ZZ00000001", M + "14525.4.2.1.4.0": "7.0.5.4.0"},
         {"serial": "ZZ00000001", "software_version": "7.0.5.4.0", "kind": "wireless_controller"}),
        (M + "89.1.1.62.16", "DefensePro with APSolute", {M + "89.2.12.0": "ZZ000001", M + "89.2.4.0": "6.14.04"},
         {"vendor": "Radware", "model": "DefensePro", "serial": "ZZ000001", "software_version": "6.14.04"}),
        (M + "1872.1.13", "a switch", {M + "1872.2.1.2.1.7.0": "10.0.33.4"},
         {"vendor": "Radware", "software_version": "10.0.33.4"}),
        (M + "3097.1.5", "T40", {M + "3097.6.3.1.0": "12.5.9"}, {"model": "T40", "software_version": "12.5.9"}),
        (M + "5951.6", "an SDX", {M + "5951.6.2.3.0": "12.0-56.20"},
         {"vendor": "Citrix", "software_version": "12.0-56.20"}),
        (M + "13315.2.1", "Linux bdds 4.9", {M + "13315.3.2.2.1.2.0": "9.2.0-345", M + "13315.3.2.2.1.3.0": "ZZ00001"},
         {"vendor": "Bluecat", "software_version": "9.2.0-345", "serial": "ZZ00001"}),
        (M + "7146.1.1", "vTM", {M + "7146.1.2.1.1.0": "17.2r1"},
         {"software_version": "17.2r1", "kind": "load_balancer"}),
        (M + "7564.1.1", "APV", {M + "7564.3.1.0": "0437A000000001"},
         {"vendor": "Array Networks", "serial": "0437A000000001", "kind": "load_balancer"}),
        (M + "10734.1.9", "NGFW", {M + "10734.3.9.2.1.1.0": "ZZ00-1234"},
         {"vendor": "TippingPoint", "serial": "ZZ00-1234"}),
        (M + "12356.107.1.10", "waf", {M + "12356.107.2.1.1.0": "FortiWeb-1000D 5.51",
          M + "12356.107.2.1.2.0": "FortiWeb-1000D 5.51,build0715,160204"},
         {"model": "FortiWeb-1000D", "software_version": "5.51", "kind": "firewall"}),
        (M + "12356.112.100", "adc", {M + "12356.112.1.2.0": "FAD0000000000001",
          M + "12356.112.1.3.0": "v6.2.1,build0234,211019"},
         {"vendor": "Fortinet", "serial": "FAD0000000000001", "software_version": "6.2.1", "kind": "load_balancer"}),
        (M + "12356.15", "", {M + "12356.101.4.1.1.0": "v7.0.5,build0304,220208 (GA.F)"},
         {"vendor": "Fortinet", "software_version": "7.0.5", "kind": "firewall"}),
        (M + "12356.15.500", "", {M + "12356.1.3.0": "Fortigate-50 2.80,build184"}, {"software_version": "2.80"}),
        (M + "12356.103.3.2006", "logs", {}, {"model": "FortiAnalyzer 200F"}),
        (M + "6486.800.1.1.2.2.4.1.2", "OmniStack LS 6200",
         {RADLAN + ".2": "1.7.0.11", RADLAN + ".5": "ZZ000001", RADLAN + ".11": "OmniStack LS 6212P"},
         {"vendor": "Alcatel-Lucent", "model": "OmniStack LS 6212P", "software_version": "1.7.0.11",
          "serial": "ZZ000001", "kind": "switch"}),
        (M + "207.1.4.167", "AT-GS950/24 Gigabit Ethernet WebSmart Switch",
         {M + "207.1.4.167.81.1.3.0": "WebSmart 1.00.041"}, {"model": "AT-GS950/24", "software_version": "1.00.041"}),
        (M + "171.10.76.19.1", "DGS-1210-28", {M + "171.10.76.19.1.1.3.0": "4.21.B008"},
         {"vendor": "D-Link", "model": "DGS-1210-28", "software_version": "4.21.B008"}),
        (M + "202.20.66", "a switch", {M + "202.20.66.1.1.3.1.10": "ZZ00000077"},
         {"vendor": "SMC", "serial": "ZZ00000077", "kind": "switch"}),
        (M + "289.2.1.1", "a director", {M + "289.2.1.1.2.1.3.0": "09.09.06 1", M + "289.2.1.1.2.1.9.0": "ZZ0001"},
         {"vendor": "McDATA", "serial": "ZZ0001", "software_version": "09.09.06"}),
        (M + "4881.1.1.10.1.44", "Ruijie Gigabit Switch(S2928G) By Ruijie Network",
         {M + "4881.1.1.10.2.1.1.2.0": "S2928G_RGOS 10.4(2b12)p1 Release(180357)",
          M + "4881.1.1.10.2.1.1.24.0": "ZZ0SC00001"},
         {"vendor": "Ruijie", "software_version": "10.4(2b12)p1", "serial": "ZZ0SC00001"}),
        (M + "248.11.2.1.11", "Hirschmann Rail Switch",
         {M + "248.11.10.1.1.2.0": "RSP35-08033O6TT-SK9V9HPE2S", M + "248.11.10.1.1.3.0": "942053000000001",
          M + "248.11.10.1.3.1.10.1.5": "HiOS-2S-07.0.04"},
         {"vendor": "Hirschmann", "serial": "942053000000001", "software_version": "7.0.04"}),
        (M + "8691.15.34", "an access point", {M + "8691.15.34.1.1.1.0": "AWK-4131A-EU",
          M + "8691.15.34.1.1.3.0": "01234", M + "8691.15.34.1.1.5.0": "1.16 Build 20081900"},
         {"vendor": "Moxa", "model": "AWK-4131A-EU", "serial": "01234", "software_version": "1.16 Build 20081900"}),
        (M + "10297.202.7000", "Switch", {M + "10297.202.7000.1.1.10.0": "1.01.02 Build"},
         {"vendor": "Advantech", "software_version": "1.01.02"}),
        (M + "3181.10.6", "MICROSENS G6 Switch, Version: 10.7.2",
         {M + "3181.10.6.1.32.1.0": "MS440209PM-24G6+", M + "3181.10.6.1.32.2.0": "01000001"},
         {"vendor": "MICROSENS", "model": "MS440209PM-24G6+", "serial": "01000001", "software_version": "10.7.2"}),
        (M + "4346.11.1.1.1", "FL SWITCH", {M + "4346.11.11.1.4.0": "200000000001", M + "4346.11.11.11.1.1.0": "2.71"},
         {"vendor": "Phoenix Contact", "serial": "200000000001", "software_version": "2.71"}),
        (M + "16177.1.200", "a router", {M + "16177.1.200.1.1.0": "MRD-355"},
         {"vendor": "Westermo", "model": "MRD-355"}),
        (M + "24686", "TSW210 V1.2 TSW21000XXXX 6000000001 1 V 1 0 0", {},
         {"vendor": "Teltonika", "model": "TSW210", "serial": "6000000001", "hardware_version": "1.2"}),
        (M + "48690.2", "a router", {M + "48690.1.1.0": "1100000001", M + "48690.1.3.0": "RUT955H7V3C0",
          M + "48690.1.6.0": "RUT9_R_00.07.01"},
         {"model": "RUT955", "serial": "1100000001", "software_version": "RUT9_R_00.07.01"}),
        (M + "26928.1", "AP130, HiveOS 8.1r1 build-1", {M + "26928.1.2.5.0": "01300000000001"},
         {"model": "AP130", "software_version": "8.1r1", "serial": "01300000000001"}),
        (M + "4329.15.1.1.18", "a controller",
         {M + "4329.15.3.2.1.1.0": "10.41.01.0080", M + "4329.15.3.2.1.3.0": "ZZ00000001"},
         {"software_version": "10.41.01.0080", "serial": "ZZ00000001", "kind": "wireless_controller"}),
        (M + "14823.1.2.45", "ArubaOS", {M + "14823.2.3.3.1.2.1.1.6": "225", M + "14823.2.3.3.1.2.1.1.4": "ZZ0000001"},
         {"model": "225", "serial": "ZZ0000001", "kind": "access_point"}),
        (M + "11.2.3.7.11.33.4.1", "a blade switch", {M + "11.2.3.7.11.33.1.2.1.1.1.10.0": "5.1.5"},
         {"vendor": "HPE", "software_version": "5.1.5"}),
        (M + "15983.1.1.4", "a controller", {M + "15983.1.1.4.1.1.27.0": "8.4-3", M + "15983.1.1.4.1.1.28.0": "ZZ0001"},
         {"vendor": "Meru Networks", "software_version": "8.4-3", "serial": "ZZ0001", "kind": "wireless_controller"}),
        (M + "388.11.2", "WS2000", {M + "388.11.2.2.1.1.0": "ZZ000099"}, {"serial": "ZZ000099"}),
        (M + "6027.1.2.1", "Dell Application Software Version: 8.4.2 Series: E1200",
         {M + "6027.3.1.1.1.2.0": "ZZ0000E00001"}, {"model": "E1200", "serial": "ZZ0000E00001"}),
        (M + "674.11000.5000.100.2.1.7", "Dell EMC Networking OS10 Enterprise.", {}, {"model": "S4128F-ON"}),
        (M + "9.1.3215", "Catalyst 1200 Series Smart Switch, 16-port GE, PoE, 2x1G SFP (C1200-16P-2G)",
         {M + "9.6.1.101.53.14.1.2": "4.1.3.36", M + "9.6.1.101.53.14.1.5": "ZZ000000001"},
         {"vendor": "Cisco", "model": "C1200-16P-2G", "software_version": "4.1.3.36", "serial": "ZZ000000001",
          "kind": "switch"}),
        (M + "9.1.1006", "Cisco IOS Software, C2960 Software (C2960-LANLITEK9-M), Version 15.0(2)SE7, RELEASE", {},
         {"vendor": "Cisco", "model": "catalyst29608TCS", "kind": "switch", "software_version": "15.0(2)SE7"}),
        (M + "9.12.3.1.3.2193", "Cisco NX-OS(tm) Nexus9000 C93180YC-FX3, Software (NXOS 64-bit), Version 10.4(2),", {},
         {"model": "N9K-C93180YC-FX3", "software_version": "10.4(2)", "kind": "switch"}),
        (M + "9.6.1.72.2010.2", "48-port 10/100/1000 Ethernet Switch", {M + "9.6.1.101.53.14.1.11": "SGE2010"},
         {"vendor": "Cisco", "model": "SGE2010"}),
    ],
)  # fmt: skip
def test_devices(object_id: str, description: str, answers: dict[str, object], expected: dict[str, str | None]) -> None:
    found = known(said(object_id, description, answers))
    assert {name: found[name].value if name in found else None for name in expected} == expected


def test_the_name_of_a_product_counts_where_the_device_tells_no_model() -> None:
    rules = loaded({"acme.yaml": """\
rules:
  - name: acme
    object_id: 1.3.6.1.4.1.99999
    products: {1.3.6.1.4.1.99999.1: {7: acme48T, 9: acme24T}}
"""})  # fmt: skip
    device = said(M + "99999.1.7", "")
    assert known(device, rules)["model"].value == "acme48T"
    assert known(device, rules)["model"].confidence is Confidence.ASSUMED
    for other in ("99999.1", "99999.1.8", "99999.1.7.1", "99999.2.7"):
        assert "model" not in known(said(M + other, ""), rules)
    device.entities = (Entity("1", PhysicalClass.CHASSIS, "chassis", model="AC-48T"),)
    assert known(device, rules)["model"].value == "AC-48T"
