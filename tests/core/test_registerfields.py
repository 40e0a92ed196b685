"""Whether a register and a device mean the same."""

import pytest

from agent.core.registerfields import same_model, same_system, same_vendor


@pytest.mark.parametrize(
    ("register", "device", "same"),
    [
        ("Cisco", "Cisco Systems, Inc.", True),
        ("Cisco Systems", "cisco", True),
        ("HP", "Hewlett Packard Enterprise", True),
        ("HPE Aruba", "Hewlett-Packard", True),
        ("APC", "American Power Conversion Corp.", True),
        ("Schneider Electric", "APC", True),
        ("Dell Inc.", "Dell EMC", True),
        ("Cisco", "HP", False),
        ("Juniper", "Cisco", False),
        ("Netgear", "D-Link", False),
    ],
)
def test_vendors(register: str, device: str, same: bool) -> None:
    assert same_vendor(register, device) is same


@pytest.mark.parametrize(
    ("register", "device", "same"),
    [
        ("WS-C2960X-48FPS-L", "WS-C2960X-48FPS-L", True),
        ("Catalyst 2960X", "WS-C2960X-48FPS-L", True),
        ("2960", "WS-C2960X-48FPS-L", True),
        ("C9300", "Catalyst 9300", True),
        ("Catalyst 9300", "C9300-48P", True),
        ("ProLiant DL380 Gen9", "DL380", True),
        ("Smart-UPS 1500", "SMT1500RMI2U", True),
        ("ProLiant", "HP ProLiant DL380", True),
        ("Catalyst 2960X", "WS-C3560-24TS-S", False),
        ("DL380 G7", "DL360 Gen9", False),
        ("", "DL360", True),
        ("Switch", "-", True),
        ("Fancy switch", "WS-C3560", False),
    ],
)
def test_models(register: str, device: str, same: bool) -> None:
    assert same_model(register, device) is same


@pytest.mark.parametrize(
    ("register", "device", "same"),
    [
        ("Windows Server 2012 R2", "Windows Server 2012 R2 Standard", True),
        ("Windows Server 2012", "Windows Server 2019 Standard", False),
        ("Windows Server", "Windows Server 2019", True),
        ("Microsoft Windows Server 2019 Standard", "Windows Server 2019", True),
        ("Ubuntu 20.04", "Ubuntu 20.04.6 LTS", True),
        ("Ubuntu 18.04 LTS", "Ubuntu 20.04.6 LTS", False),
        ("Ubuntu Linux 20.04", "Ubuntu", True),
        ("Cisco IOS", "IOS 15.2(7)E", True),
        ("Red Hat", "Windows Server 2019", False),
        ("VMware", "", True),
    ],
)
def test_operating_systems(register: str, device: str, same: bool) -> None:
    assert same_system(register, device) is same
