"""What power, cooling, consoles, printers, cameras and industrial devices say. Every device and serial is made up."""

import pytest

from tests.probes.snmp.test_identity_facts import MAKERS as M
from tests.probes.snmp.test_identity_facts import known, said

NET_SNMP = M + "8072.3.2.10"


@pytest.mark.parametrize(
    ("object_id", "description", "answers", "expected"),
    [
        # environment
        ("1.3.6.1.4.1.0", "FreeCooling Controller, SNMP V1.0",
         {M + "46651.1.1.46.0": "2000000001", M + "46651.1.1.51.0": "1.60"},
         {"vendor": "Dantherm", "serial": "2000000001", "software_version": "1.60", "kind": "cooling"}),
        (M + "46651.1", "", {M + "46651.1.1.46.0": "2000000002"}, {"vendor": "Dantherm", "serial": "2000000002"}),
        (M + "19011.1.3.1", "interSeptor", {M + "19011.1.3.1.1.1.2.0": "interSeptor Pro 24",
          M + "19011.1.3.1.1.1.3.0": "1.07"},
         {"vendor": "Jacarta", "model": "interSeptor Pro 24", "software_version": "1.07", "kind": "sensor"}),
        (M + "39052", "Vutlan EMS", {M + "39052.1.7.1.0": "VT999", M + "39052.1.7.2.0": "2.9.1"},
         {"vendor": "Vutlan", "model": "VT999", "software_version": "2.9.1"}),
        (M + "38783", "Teracom WEB Controller SNMP Agent", {M + "38783.3.1.1.0": "TCW241", M + "38783.3.1.2.0": "v1.111"},
         {"vendor": "Teracom", "model": "TCW241", "software_version": "1.111"}),
        (M + "17095", "Temperature & Sensor Gateway", {M + "17095.1.1.0": "SC-TS99", M + "17095.1.2.0": "2.99"},
         {"vendor": "ServersCheck", "model": "SC-TS99", "software_version": "2.99"}),
        # power
        (M + "26854.3.2.1", "Comp@s", {M + "26854.3.2.1.10.3.91.0": "2.99.0.1"},
         {"vendor": "Alpha Technologies", "software_version": "2.99.0.1", "kind": "power"}),
        (M + "7309.6", "Novus", {M + "7309.6.1.1.3.0": "FXM 1999", M + "7309.6.1.1.4.0": "1.09.01"},
         {"model": "FXM 1999", "software_version": "1.09.01", "kind": "ups"}),
        (M + "49075", "systemname", {M + "49075.1.1.1.0": "PSR-9900-48", M + "49075.1.1.2.0": "1.0.99"},
         {"vendor": "Samlex", "model": "PSR-9900-48", "software_version": "1.0.99"}),
        (M + "39145.13", "ICT Modular Power System", {M + "39145.13.1.0": "ICT9900", M + "39145.13.4.0": "1.99"},
         {"vendor": "ICT", "model": "ICT9900", "software_version": "1.99"}),
        (M + "45621.3", "TPDIN", {M + "45621.3.1.1.0": "TPDIN-Monitor-WEB9", M + "45621.3.1.2.0": "2.9.9"},
         {"vendor": "Tycon", "model": "TPDIN-Monitor-WEB9", "software_version": "2.9.9"}),
        (M + "5491.317", "Netman", {M + "5491.10.1.1.2.0": "SDU 9900", M + "5491.10.1.1.3.0": "098-01.99"},
         {"vendor": "Riello", "model": "SDU 9900", "software_version": "098-01.99"}),
        (M + "5491.317", "Netman", {M + "5491.11.1.2.0": "MDU 16", M + "5491.11.1.3.0": "SWM099-01-01"},
         {"vendor": "Riello", "model": "MDU 16", "software_version": "SWM099-01-01"}),
        (M + "13400.2.54", "LwIP SNMP Application", {M + "13400.2.54.1.2.0": "ITA2"},
         {"vendor": "Emerson", "model": "ITA2", "kind": "ups"}),
        (M + "6302.2.1", "controller", {M + "6302.2.1.1.2.0": "NCU", M + "6302.2.1.1.3.0": "9.1.02",
          M + "6302.2.1.1.6.0": "03990000001"},
         {"vendor": "Emerson", "model": "NCU", "software_version": "9.1.02", "serial": "03990000001"}),
        (NET_SNMP, "Linux ES_Controller 4.19.94 #78 PREEMPT armv7l", {M + "6302.2.1.1.2.0": "NCU",
          M + "6302.2.1.1.3.0": "9.2.05BP01", M + "6302.2.1.1.6.0": "03990000002"},
         {"vendor": "Emerson", "model": "NCU", "software_version": "9.2.05BP01", "serial": "03990000002"}),
        (M + "4555.2.30", "PDU SNMP Agent", {M + "4555.2.30.1.2.0": "NRT-OP-PDU9", M + "4555.2.30.1.3.0": "ZZ99000001  A",
          M + "4555.2.30.1.5.0": "09.09.0f"},
         {"vendor": "Socomec", "model": "NRT-OP-PDU9", "serial": "ZZ99000001  A", "software_version": "09.09.0f",
          "kind": "pdu"}),
        (M + "19536.10.1", "SN:PDU Metered PN:Device Model:P99Z99M", {M + "19536.10.1.1.2.1.8": "ZZ000Z0001",
          M + "19536.10.1.1.2.1.5": "2.9.99"},
         {"vendor": "Panduit", "model": "P99Z99M", "serial": "ZZ000Z0001", "software_version": "2.9.99"}),
        (M + "17420", "", {M + "17420.1.2.9.1.18.0": "SWH-2023Z-99", M + "17420.1.2.4.0": "1.99"},
         {"vendor": "DigiPower", "model": "SWH-2023Z-99", "software_version": "1.99", "kind": "pdu"}),
        (M + "30932.1", "PDU", {M + "30932.1.1.1.2.0": "P6-9Z0Z9", M + "30932.1.1.1.1.0": "2.99.1"},
         {"vendor": "Chatsworth", "model": "P6-9Z0Z9", "software_version": "2.99.1"}),
        (NET_SNMP, "Linux SNMP-System", {M + "21111.1.1.1.3.0": "G9-9KL", M + "21111.1.1.1.4.0": "99112222333301",
          M + "21111.1.1.1.6.0": "VERFW:09999.1400"},
         {"model": "G9-9KL", "serial": "99112222333301", "software_version": "VERFW:09999.1400", "kind": "ups"}),
        # consoles
        (M + "2634.1.24", "Linux console 5.4.0 #1 armv7l", {M + "2634.1.200.10.1.27": "01999000000001",
          M + "2634.1.200.10.1.28": "9.05 1 Dec 2029"},
         {"vendor": "WTI", "serial": "01999000000001", "software_version": "9.05", "kind": "management"}),
        # cameras, intercoms, broadcast
        (M + "35833.37", "Model: DB9001", {M + "35833.37.1.1.0": "1.9.9903 2029/03/19", M + "35833.37.1.2.0": "7K9N0001Z"},
         {"vendor": "Deva", "model": "DB9001", "serial": "7K9N0001Z", "software_version": "1.9.9903"}),
        (M + "6530.11", "2N IP Verso", {M + "6530.11.1.0": "2N IP Verso", M + "6530.11.2.0": "570v2",
          M + "6530.11.3.0": "54-9999-0001", M + "6530.11.4.0": "2.99.1.38.9"},
         {"vendor": "2N", "model": "2N IP Verso", "serial": "54-9999-0001", "software_version": "2.99.1.38.9"}),
        (M + "39165.1", "", {M + "39165.1.1.0": "DS-9CD9999ZZD-I", M + "39165.1.3.0": "V9.9.3 build 991025"},
         {"vendor": "Hikvision", "model": "DS-9CD9999ZZD-I", "software_version": "9.9.3 build 991025", "kind": "camera"}),
        (NET_SNMP, "Linux ipstation 2.4.31", {M + "26122.2.1.1.0": "4.99.3.1"},
         {"vendor": "Zenitel", "software_version": "4.99.3.1", "kind": "phone"}),
    ],
)  # fmt: skip
def test_devices(object_id: str, description: str, answers: dict[str, object], expected: dict[str, str]) -> None:
    found = known(said(object_id, description, answers))
    assert {name: found[name].value if name in found else None for name in expected} == expected
