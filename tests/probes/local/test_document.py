"""The scan's file: what is taken of it, and what it says."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from agent.core.hardware import Condition, PhysicalClass
from probes.local import document
from probes.local.document import Disk, Document, DocumentError, Machine, Memory, hardware_of, load, text_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SCAN = Document(
    at=NOW,
    machine=Machine(vendor="Made Up Inc.", serial="MADEUP1", bios_date=date(2021, 3, 9)),
    disks=(Disk(device="/dev/sda", serial="S1", passed=True, temperature_celsius=31, temperature_limit_celsius=70,
                reallocated_sectors=8), Disk(device="/dev/nvme0", life_used_ratio=0.95, spare_ratio=1, media_errors=0)),
    memory=(Memory(name="mc0 dimm0", corrected=5, uncorrected=0),),
)  # fmt: skip


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hardware.json"
    path.write_text(text)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert load(written(tmp_path, text_of(SCAN)), NOW) == SCAN
    assert load(tmp_path / "none.json", NOW) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"version": 2, "at": "2026-03-01T12:00:00Z"}', "version: Input should be 1"),
        ('{"version": 1}', "at: Field required"),
        ('{"at": "2026-03-01T12:00:00"}', "at: Input should have timezone info"),
        ('{"at": "2026-03-01T12:00:00Z", "disk": []}', "disk: Extra inputs are not permitted"),
        ('{"at": "2026-03-01T12:00:00Z", "disks": [{"device": "x", "spare_ratio": -1}]}', "disks.0.spare_ratio: "),
        ('{"at": "2026-03-01T05:00:00Z"}', "is 7 hours old; see `systemctl status linewarden-hardware.timer`"),
        ('{"at": "2026-03-01T12:06:00Z"}', "is from the future"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DocumentError) as caught:
        load(path, NOW)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_what_is_no_file_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DocumentError, match="expected a regular file"):
        load(tmp_path / "pipe", NOW)
    with pytest.raises(DocumentError, match="expected a regular file"):
        load(tmp_path, NOW)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DocumentError, match="cannot be read"):
        load(tmp_path / "loop", NOW)


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_OCTETS", 10)
    with pytest.raises(DocumentError, match="expected at most 10 octets"):
        load(written(tmp_path, text_of(SCAN)), NOW)


def test_what_a_scan_says() -> None:
    found = hardware_of(SCAN)
    assert {fact.name: fact.value for fact in found.facts} == {
        "vendor": "Made Up Inc.", "serial": "MADEUP1", "bios_date": "2021-03-09",
    }  # fmt: skip
    assert {fact.source for fact in found.facts} == {"DMI sys_vendor", "DMI product_serial", "DMI bios_date"}
    assert [(one.key, one.name, one.physical_class, one.condition) for one in found.entities] == [
        ("disk:S1", "sda", PhysicalClass.STORAGE_DRIVE, Condition.OK),
        ("disk:/dev/nvme0", "nvme0", PhysicalClass.STORAGE_DRIVE, None),
    ]
    assert [(one.name, one.quantity, one.value, one.critical) for one in found.readings] == [
        ("sda", "temperature", 31, 70), ("nvme0", "disk_life_used", 0.95, None), ("nvme0", "disk_spare", 1, None),
    ]  # fmt: skip
    assert [(one.name, one.what, one.total) for one in found.counters] == [
        ("sda S1", "reallocated_sectors", 8), ("nvme0", "media_errors", 0), ("mc0 dimm0", "memory_corrected", 5),
        ("mc0 dimm0", "memory_uncorrected", 0),
    ]  # fmt: skip
    assert found.at == NOW
    assert found.complete
    assert not hardware_of(Document(at=NOW + timedelta(hours=1), problems=("x",))).complete


@pytest.mark.parametrize(
    ("disk", "expected"),
    [
        (Disk(device="x", passed=False), Condition.FAILED),
        (Disk(device="x", passed=True, critical_warning=8), Condition.FAILED),
        (Disk(device="x", passed=True, critical_warning=1), Condition.WARNING),
        (Disk(device="x", passed=True, critical_warning=4), Condition.WARNING),
        (Disk(device="x", passed=True, critical_warning=2), Condition.OK),  # it is warm: a reading says so
        (Disk(device="x", passed=True, failing_attributes=("Seek_Error_Rate",)), Condition.WARNING),
    ],
)
def test_how_a_disk_is(disk: Disk, expected: Condition) -> None:
    assert hardware_of(Document(at=NOW, disks=(disk,))).entities[0].condition is expected
