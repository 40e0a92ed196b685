"""Recorded devices of many makers and the modules that each of them gets: what the choice finds, and what it gives."""

import asyncio
import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.core.model import Check, Outcome, SnmpAuth
from agent.core.ports import Resources
from probes.snmp import choose
from probes.snmp.modules import ModuleLibrary
from probes.snmp.probe import Probe, Settings
from tests.probes.snmp.recordings import GOOD, SHARED, served

TABLE = choose.built_in()
MODULES = (*TABLE.always, *TABLE.standard, *TABLE.makers)
UNRECORDED = {"aruba_cx", "eaton_pdu"}  # no recording has their objects
NOT_CHOSEN = ("bgp",)  # asked for by name: no recorded router has neighbours, some say the number of their system

# what a device of this kind and maker must give beyond the system group and its interfaces
WANTED = {
    ("adc", "Citrix"): "netscaler",
    ("adc", "F5"): "f5_bigip",
    ("bmc", "Cisco"): "cisco_imc",
    ("bmc", "Dell"): "dell_idrac",
    ("bmc", "HPE"): "hpe_ilo",
    ("bmc", "Supermicro"): "supermicro",
    ("console", "Opengear"): "host_resources",
    ("cooling", "APC"): "apc_cooling",
    ("environment", "AKCP"): "akcp",
    ("environment", "APC"): "apc_environment",
    ("environment", "Geist"): "geist",
    ("environment", "NTI"): "nti_enviromux",
    ("environment", "Rittal"): "rittal_cmc",
    ("fc-switch", "Brocade"): "brocade_fc",
    ("firewall", "Cisco"): "cisco_firewall",
    ("firewall", "Fortinet"): "fortinet",
    ("firewall", "PaloAlto"): "paloalto",
    ("firewall", "SonicWall"): "sonicwall",
    ("firewall", "pfSense"): "pfsense",
    ("hypervisor", "VMware"): "vmware",
    ("hypervisor", "XCP-ng"): "ucd",
    ("pdu", "APC"): "apc_pdu",
    ("pdu", "CyberPower"): "cyberpower_pdu",
    ("pdu", "Raritan"): "raritan_pdu",
    ("printer", "HP"): "printer",
    ("printer", "Ricoh"): "printer",
    ("printer", "Sharp"): "printer",
    ("router", "Cisco"): "cisco_environment",
    ("router", "MikroTik"): "mikrotik",
    ("server", "Linux"): "host_resources",
    ("server", "Microsoft"): "host_resources",
    ("storage", "Dell"): "dell_compellent",
    ("storage", "NetApp"): "netapp",
    ("storage", "QNAP"): "qnap",
    ("storage", "Synology"): "synology",
    ("storage", "TrueNAS"): "truenas",
    ("storage", "WD"): "host_resources",
    ("switch", "AlliedTelesis"): "allied_telesis",
    ("switch", "Avaya"): "entity",
    ("switch", "Cisco"): "cisco_environment",
    ("switch", "D-Link"): "bridge",
    ("switch", "Dell"): "dell_networking",
    ("switch", "HPE-ArubaCX"): "entity",
    ("switch", "HPE-Comware"): "hpe_comware",
    ("switch", "HPE-ProCurve"): "hpe_procurve",
    ("switch", "Juniper"): "juniper",
    ("switch", "Meraki"): "entity",
    ("switch", "MikroTik"): "mikrotik",
    ("switch", "Siemens"): "entity",
    ("switch", "TP-Link"): "bridge",
    ("switch", "Ubiquiti"): "entity",
    ("ups", "APC"): "apc_ups",
    ("ups", "CyberPower"): "cyberpower_ups",
    ("ups", "Dell"): "ups_mib",
    ("ups", "Eaton"): "eaton_ups",
    ("ups", "Riello"): "ups_mib",
    ("ups", "Socomec"): "socomec_ups",
    ("wifi", "Cisco"): "cisco_wireless",
    ("wifi", "HPE-Aruba"): "aruba_wireless",
    ("wifi", "Ubiquiti"): "ubiquiti_unifi",
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not GOOD, reason="no recordings beside the project"),
]


def owners() -> dict[str, str]:
    """Return the module of each series' name."""
    library = ModuleLibrary()
    out = {}
    for name in MODULES:
        for metric in library.get(name).metrics:
            for suffix in (*metric.regex_extracts, "", "_info"):
                out[metric.name + suffix] = name
    return out


async def polls(ports: Mapping[str, int]) -> dict[str, Counter[str]]:
    """Poll every recording as a device without `modules`; return the series by recording and module."""
    probe = Probe(Resources(auths={"v2": SnmpAuth("v2")}))
    owner = owners()
    out = {path.name: Counter[str]() for path in GOOD}
    try:
        for path in GOOD:
            for modules in (None, NOT_CHOSEN):
                port = ports[str(path)]
                settings = Settings(
                    address="127.0.0.1", auth="v2", port=port, modules=modules, timeout="120s", request_timeout="20s"
                )
                seen = await probe.run(Check(path.name, "snmp", "snmp", 60.0, settings))
                if modules is None:
                    assert seen.outcome is Outcome.OK, seen.detail
                    assert dict(seen.values)["problems"] == 0, f"{path.name}: {seen.detail}"
                for family in seen.series.families if seen.series is not None else ():
                    if not family.name.startswith("linewarden_"):  # of interfaces, whatever the modules
                        out[path.name][owner[family.name]] += len(family.prefixes)
    finally:
        await probe.close()
    return out


@pytest.fixture(scope="module")
def series() -> dict[str, Counter[str]]:
    with served(GOOD) as ports:
        return asyncio.run(polls(ports))


@pytest.mark.parametrize("module", [name for name in MODULES if name not in UNRECORDED])
def test_each_module_gives_series_on_a_recorded_device(series: dict[str, Counter[str]], module: str) -> None:
    found = {recording: counts[module] for recording, counts in series.items() if counts[module]}
    print(f"{module}: " + ", ".join(f"{recording} {count}" for recording, count in found.items()))
    assert found


def test_modules_without_a_recording_are_still_without_one(series: dict[str, Counter[str]]) -> None:
    found = {module for counts in series.values() for module in counts}
    assert not found & UNRECORDED


def recorded() -> list[tuple[str, str, str]]:
    with (SHARED / "data/recordings/index.csv").open(encoding="utf-8", newline="") as file:
        return [(Path(row["file"]).name, row["kind"], row["vendor"]) for row in csv.DictReader(file)]


def test_a_device_gets_what_its_kind_needs(series: dict[str, Counter[str]]) -> None:
    """At least one recording of each kind and maker: some recordings hold a few objects only."""
    wanted = {
        key: module for key, module in WANTED.items() if any((kind, maker) == key for _, kind, maker in recorded())
    }
    met = {
        (kind, maker)
        for name, kind, maker in recorded()
        if (module := wanted.get((kind, maker))) and series[name][module]
    }
    assert set(wanted) - met == set()
