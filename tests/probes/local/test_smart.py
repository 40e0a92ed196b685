"""smartctl's JSON as disks. The drives are made up; the keys are those that smartmontools documents."""

import copy
from typing import Any

import pytest

from probes.local.document import Disk
from probes.local.smart import devices, disk, knows_a_disk, message

ATA: dict[str, Any] = {
    "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"},
    "smartctl": {"version": [7, 3], "exit_status": 0},
    "model_name": "MADE-UP SSD 480",
    "serial_number": "MADEUP0001",
    "firmware_version": "FW01",
    "user_capacity": {"blocks": 937703088, "bytes": 480103981056},
    "smart_status": {"passed": True},
    "temperature": {"current": 31, "op_limit_max": 70},
    "power_on_time": {"hours": 21000},
    "ata_smart_attributes": {
        "table": [
            {
                "id": 5,
                "name": "Reallocated_Sector_Ct",
                "value": 100,
                "thresh": 10,
                "when_failed": "",
                "raw": {"value": 8},
            },
            {"id": 187, "name": "Reported_Uncorrect", "value": 100, "when_failed": "", "raw": {"value": 2}},
            {"id": 177, "name": "Wear_Leveling_Count", "value": 37, "when_failed": "", "raw": {"value": 900}},
        ]
    },
}
NVME: dict[str, Any] = {
    "device": {"name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe"},
    "model_name": "MADE-UP NVMe 1T",
    "serial_number": "MADEUP0002",
    "smart_status": {"passed": True, "nvme": {"value": 0}},
    "nvme_smart_health_information_log": {
        "critical_warning": 0, "temperature": 40, "available_spare": 98, "available_spare_threshold": 10,
        "percentage_used": 112, "media_errors": 3, "power_on_hours": 9000,
    },
    "temperature": {"current": 40},
}  # fmt: skip
SAS: dict[str, Any] = {
    "scsi_model_name": "MADE-UP SAS", "serial_number": "MADEUP0003", "scsi_grown_defect_list": 17,
    "temperature": {"current": 45, "drive_trip": 65}, "smart_status": {"passed": False},
    "scsi_percentage_used_endurance_indicator": 4,
}  # fmt: skip


def read(told: object) -> Disk:
    found = disk("/dev/sda", told)
    assert found is not None
    return found


def test_a_sata_ssd() -> None:
    assert read(ATA) == Disk(
        device="/dev/sda", model="MADE-UP SSD 480", serial="MADEUP0001", firmware="FW01", size_octets=480103981056,
        passed=True, temperature_celsius=31, temperature_limit_celsius=70, life_used_ratio=0.63, reallocated_sectors=8,
        media_errors=2, power_on_hours=21000,
    )  # fmt: skip


def test_an_nvme_drive() -> None:
    found = read(NVME)
    assert (found.life_used_ratio, found.spare_ratio, found.critical_warning) == (1.12, 0.98, 0)
    assert (found.media_errors, found.reallocated_sectors, found.temperature_celsius) == (3, None, 40)


def test_a_sas_disk() -> None:
    found = read(SAS)
    assert (found.model, found.reallocated_sectors, found.passed) == ("MADE-UP SAS", 17, False)
    assert (found.temperature_limit_celsius, found.life_used_ratio) == (65, 0.04)


def test_the_most_explicit_word_on_wear_counts() -> None:
    told = copy.deepcopy(ATA)
    page = {
        "number": 7,
        "table": [{"name": "Other", "value": 1}, {"name": "Percentage Used Endurance Indicator", "value": 9}],
    }
    told["ata_device_statistics"] = {"pages": [{"number": 1}, page]}
    assert read(told).life_used_ratio == 0.09
    told["endurance_used"] = {"current_percent": 8}
    assert read(told).life_used_ratio == 0.08


def test_an_attribute_that_fails_now() -> None:
    told = copy.deepcopy(ATA)
    told["ata_smart_attributes"]["table"][0]["when_failed"] = "now"
    told["ata_smart_attributes"]["table"][1]["when_failed"] = "past"
    assert read(told).failing_attributes == ("Reallocated_Sector_Ct",)


@pytest.mark.parametrize("told", [None, [], "x", {}, {"smartctl": {"exit_status": 2}}, {"model_name": 5}])
def test_what_is_no_disk(told: object) -> None:
    assert disk("/dev/sda", told) is None
    assert not knows_a_disk(told)


@pytest.mark.parametrize("nonsense", [None, True, -1, 1 << 70, 1e300, "8", [], {}, [None], {"value": {}}])
def test_values_of_any_type_are_unknown_at_worst(nonsense: object) -> None:
    for document in (ATA, NVME, SAS):
        for key in document:
            told = {**copy.deepcopy(document), "model_name": "M", key: nonsense}
            disk("/dev/sda", told)
            for inner in document[key] if isinstance(document[key], dict) else ():
                told = copy.deepcopy(document)
                told[key][inner] = nonsense
                disk("/dev/sda", told)
    told = copy.deepcopy(ATA)
    told["ata_smart_attributes"]["table"] = [
        nonsense,
        {"id": 5, "raw": nonsense},
        {"id": 5, "raw": {"value": nonsense}},
    ]
    assert read(told).reallocated_sectors is None


def test_texts_are_fit_for_a_page() -> None:
    assert read({"model_name": "A\x1b[31m  B\n" + "x" * 999}).model == ("A[31m B " + "x" * 999)[:256]


def test_devices_of_a_scan() -> None:
    scan = {
        "devices": [
            {"name": "/dev/sda", "type": "sat"}, {"name": "/dev/bus/0", "type": "megaraid,4"}, {"name": "/dev/nvme0"},
            {"name": "--all", "type": "sat"}, {"name": "/dev/../etc/shadow", "type": "sat"},
            {"name": "/etc/x", "type": "sat"},
            {"name": "/dev/sdb", "type": "-x"}, {"name": 5, "type": "sat"}, None,
        ]
    }  # fmt: skip
    assert list(devices(scan)) == [("/dev/sda", "sat"), ("/dev/bus/0", "megaraid,4")]
    assert list(devices(None)) == []


def test_what_smartctl_says_of_its_own_run() -> None:
    assert message({"smartctl": {"messages": [{"severity": "error"}, {"string": "open failed"}]}}) == "open failed"
    assert message({"smartctl": []}) == ""
