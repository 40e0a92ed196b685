"""What the shipped tables say of devices as the rules of identity name them; all of these devices are made up."""

from datetime import UTC, datetime

import pytest

from agent.config.lifecycle import shipped
from agent.core.hardware import Fact, Hardware
from agent.core.lifecycle import Lifecycle


@pytest.fixture(scope="module")
def tables() -> Lifecycle:
    return shipped()


@pytest.mark.parametrize(
    ("vendor", "model", "end"),
    [
        ("Cisco", "WS-C2960X-48FPS-L", "2027-10-31"),
        ("Cisco", "WS-C2960+24TC-L", "2026-10-31"),
        ("Cisco", "WS-C2960RX-48LPS-L", "2027-10-31"),
        ("Cisco", "WS-C3850-48T-E", "2025-10-31"),
        ("Cisco", "WS-C3850-12X48U-S", "2025-10-31"),
        ("Cisco", "WS-C3850-24S-S", None),  # those for fibre stand in another notice
        ("Cisco", "WS-C3850-24XS-E", None),
        ("Cisco", "WS-C3850-48XS-F-S", None),
        ("Cisco", "ISR4331/K9", "2028-11-30"),
        ("Cisco", "ISR4461/K9", None),
        ("Cisco", "N9K-C93180YC-EX", "2027-08-31"),
        ("Cisco", "N9K-C93180YC-FX", None),
        ("Cisco", "N9K-C9364C", "2029-01-31"),
        ("Cisco", "N9K-C9364C-GX", None),
        ("Cisco", "ASA5505", "2022-08-31"),
        ("Cisco", "WS-C6506", "2012-11-30"),
        ("Cisco", "WS-C6506-E", None),
        ("Cisco", "SF500-24P-K9-G5", "2023-04-30"),
        ("Cisco", "SF500-24MP-K9", None),
        ("Fortinet", "FortiGate 100E", "2026-08-17"),  # FGT_100E
        ("Fortinet", "FortiGate-60E", "2026-12-29"),
        ("Fortinet", "FortiWiFi 60E", "2026-07-15"),
        ("Fortinet", "FortiGate Rugged 60F", None),
        ("", "FG-200F", "2031-03-01"),
        ("Juniper", "SRX1500", "2031-04-15"),
        ("Juniper", "SRX1600", None),
        ("Aruba", "JL725A 6200F 24G CL4 4SFP+370W Swch", "2032-07-31"),
        ("Netgear", "MS510TXPP", "2026-02-28"),
        ("Allied Telesis", "AT-x510L-28GP", "2025-03-19"),
    ],
)  # fmt: skip
def test_models(tables: Lifecycle, vendor: str, model: str, end: str | None) -> None:
    found = tables.of_hardware(vendor, model)
    assert (found and str(found.end_of_support)) == end


@pytest.mark.parametrize(
    ("system", "version", "found"),
    [
        ("Cisco IOS XE", "17.09.04a", "Cisco IOS XE 17.9 until 2026-07-29"),
        ("Cisco IOS", "15.2(7)E4", None),
        ("Cisco IOS XR", "7.3.2", None),
        ("Cisco NX-OS", "10.3(5)", "Cisco nx-os 10.3 until 2027-02-28"),
        ("Cisco NX-OS", "16.0(5h)", "Cisco nx-os 16.0 until 2027-02-28"),
        ("Cisco NX-OS", "9.3(10)", None),  # of MDS 9000 it is another release than of Nexus 9000
        ("Cisco ASA", "9.12(2)", None),
        ("Junos", "20.3R3-S1.3", "Juniper junos 20.3 until 2023-03-29"),
        ("PAN-OS", "10.1.6-h6", "PAN-OS 10.1 until 2024-12-01"),
        ("FortiOS", "7.2.5", "FortiOS 7.2 until 2026-09-30"),
        ("FortiSwitchOS", "7.2.5", None),
        ("Arista EOS", "4.28.3M", "Arista eos 4.28 until 2025-04-18"),
        ("RouterOS", "7.12", "RouterOS 7.12 until 2023-12-14"),
        ("SwOS", "2.13", None),
        ("TMOS", "16.1.3", "F5 BIG-IP 16.1 until 2025-07-31"),
        ("VMware ESXi", "7.0.3", "VMware ESXi 7.0 until 2025-10-02"),
        ("DSM", "7.1.1-42962", "Synology dsm 7.1 until 2025-06-30"),
        ("DSM", "6.2-24922", "Synology dsm 6.2 until 2024-09-30"),
        ("QTS", "5.0.1", None),
        ("TrueNAS", "22.12", None),
        ("ONTAP", "9.11.1P8", "NetApp ONTAP 9.11.1 until 2025-07-31"),
        ("IBM i", "7.3", "IBM i 7.3 until 2023-09-30"),
        ("FreeBSD", "13.2-RELEASE-p4", "FreeBSD 13.2 until 2024-06-30"),
        ("OpenWrt", "22.03.5", "OpenWrt 22.03 until 2024-04-11"),
        ("Debian", "11.7", "Debian 11 until 2024-08-14"),
        ("Ubuntu", "20.04.6", "Ubuntu 20.04 until 2025-05-31"),
        ("Red Hat Enterprise Linux", "7.9", "Red Hat Enterprise Linux 7 until 2024-06-30"),
        ("SUSE Linux Enterprise Server", "12 SP5", "SUSE Linux Enterprise Server 12.5 until 2024-10-31"),
        ("SUSE Linux Enterprise Server", "15-SP4", "SUSE Linux Enterprise Server 15.4 until 2023-12-31"),
        ("Proxmox VE", "7.4", "Proxmox VE 7 until 2024-07-31"),
        ("VMware Photon OS", "3.0", "VMware Photon 3.0 until 2025-10-02"),
        ("Linux", "5.10.0-21-amd64", None),  # a kernel: nobody says of which distribution
        ("Windows", "2012 R2 (NT 6.3, build 9600)", "Windows Server 2012 R2 until 2023-10-10"),
        ("Windows", "2019 (1809, NT 10.0 build 17763)", "Windows Server 2019 until 2029-01-09"),
        ("Windows", "10 1809 (NT 10.0, build 17763)", "Windows 10 1809 E until 2021-05-11"),
        ("Windows", "11 23H2 (NT 10.0, build 22631)", "Windows 11 23H2 E until 2026-11-10"),
        ("Windows", "7 SP1 (NT 6.1, build 7601)", "Windows 7 SP1 until 2020-01-14"),
        ("Comware", "7.1.070", None),
        ("ArubaOS", "8.6.0.4", None),
    ],
)
def test_operating_systems(tables: Lifecycle, system: str, version: str, found: str | None) -> None:
    facts = (Fact("operating_system", system, "rule"), Fact("software_version", version, "OID"))
    _, support = tables.of_device(Hardware(datetime(2026, 11, 27, tzinfo=UTC), facts))
    said = support and f"{support.product} until {support.end_of_security_fixes or support.end_of_support}"
    assert said == found
