"""The file that `linewarden hardware-scan` writes and the host probe reads: its shape, and what it says as hardware."""

import json
import math
import os
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, ValidationError

from agent.core.hardware import Condition, Counter, Entity, Hardware, PhysicalClass, Reading
from agent.core.model import Fact
from agent.core.units import Strict

DEFAULT_FILE: Final = Path("/run/linewarden-hardware/hardware.json")
MOST_OCTETS: Final = 4 << 20  # a thousand disks
MOST_AGE: Final = timedelta(hours=6)  # the timer is hourly: five scans may fail before what they said is forgotten
_AHEAD: Final = timedelta(minutes=5)  # of a clock that was set back since
_SPARE_BELOW, _DEGRADED, _READ_ONLY = 0x01, 0x04, 0x08  # NVMe's Critical Warning; 0x02 is the temperature

Text = Annotated[str, Field(max_length=256)]
Count = Annotated[int, Field(ge=0, le=1 << 63)]
Ratio = Annotated[float, Field(ge=0, le=10)]  # of what is rated more may have been used


class Disk(Strict):
    """One disk, as smartctl tells of it; what it does not tell is None."""

    device: Text
    model: Text | None = None
    serial: Text | None = None
    firmware: Text | None = None
    size_octets: Count | None = None
    passed: bool | None = None
    failing_attributes: tuple[Text, ...] = ()
    critical_warning: Annotated[int, Field(ge=0, le=255)] | None = None
    temperature_celsius: float | None = None
    temperature_limit_celsius: float | None = None
    life_used_ratio: Ratio | None = None
    spare_ratio: Ratio | None = None
    reallocated_sectors: Count | None = None
    media_errors: Count | None = None
    power_on_hours: Count | None = None


class Memory(Strict):
    """One memory module, or one controller that does not tell them apart."""

    name: Text
    corrected: Count | None = None
    uncorrected: Count | None = None


class Machine(Strict):
    """What DMI says."""

    vendor: Text | None = None
    model: Text | None = None
    serial: Text | None = None
    bios_version: Text | None = None
    bios_date: date | None = None


class Document(Strict):
    """One scan.

    Attributes:
        problems: what could not be read, each in one sentence.
    """

    version: Literal[1] = 1
    at: AwareDatetime
    machine: Machine = Machine()
    disks: tuple[Disk, ...] = Field(default=(), max_length=4096)
    memory: tuple[Memory, ...] = Field(default=(), max_length=4096)
    problems: tuple[Annotated[str, Field(max_length=1024)], ...] = Field(default=(), max_length=4096)


class DocumentError(ValueError):
    """A file that cannot be used; the text names it and says why."""


def load(path: Path, now: datetime) -> Document | None:
    """Return the last scan; None where there is no file: nobody has installed the timer.

    Raises:
        DocumentError: it is too old, too large, no file, or not of this shape.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe in its place must not hold us up
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DocumentError(f"{path}: expected a regular file")
    with os.fdopen(handle, "rb") as file:
        octets = file.read(MOST_OCTETS + 1)
    if len(octets) > MOST_OCTETS:
        raise DocumentError(f"{path}: expected at most {MOST_OCTETS} octets")
    try:
        found = Document.model_validate_json(octets)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DocumentError(f"{path}: {where + ': ' if where else ''}{first['msg']}") from error
    age = now - found.at
    if age > MOST_AGE or age < -_AHEAD:
        told = "is from the future" if age < timedelta() else f"is {age / timedelta(hours=1):.0f} hours old"
        raise DocumentError(f"{path}: {told}; see `systemctl status linewarden-hardware.timer`")
    return found


def text_of(document: Document) -> str:
    """Return the file's text."""
    return json.dumps(document.model_dump(mode="json", exclude_none=True), indent=1) + "\n"


def hardware_of(document: Document) -> Hardware:
    """Return what a scan says."""
    return Hardware(
        document.at.astimezone(UTC),
        facts=tuple(_facts(document.machine)),
        entities=tuple(_entity(disk) for disk in document.disks),
        readings=tuple(one for disk in document.disks for one in _readings(disk)),
        counters=(
            *(one for disk in document.disks for one in _disk_counters(disk)),
            *(one for module in document.memory for one in _memory_counters(module)),
        ),
        complete=not document.problems,
    )


def _facts(machine: Machine) -> Iterator[Fact]:
    for name, value in machine.model_dump(mode="json", exclude_none=True).items():
        yield Fact(name, value, _DMI[name])


_DMI: Final = {
    "vendor": "DMI sys_vendor", "model": "DMI product_name", "serial": "DMI product_serial",
    "bios_version": "DMI bios_version", "bios_date": "DMI bios_date",
}  # fmt: skip


def _name(disk: Disk) -> str:
    return disk.device.removeprefix("/dev/")


def _entity(disk: Disk) -> Entity:
    return Entity(
        _key(disk), PhysicalClass.STORAGE_DRIVE, _name(disk), model=disk.model, serial=disk.serial,
        firmware_version=disk.firmware, condition=_condition(disk), source="smartctl smart_status",
    )  # fmt: skip


def _key(disk: Disk) -> str:
    return f"disk:{disk.serial or disk.device}"


def _condition(disk: Disk) -> Condition | None:
    warning = disk.critical_warning or 0
    if disk.passed is False or warning & _READ_ONLY:
        return Condition.FAILED
    if disk.failing_attributes or warning & (_SPARE_BELOW | _DEGRADED):
        return Condition.WARNING
    return None if disk.passed is None else Condition.OK


def _readings(disk: Disk) -> Iterator[Reading]:
    told = (
        ("temperature", "celsius", disk.temperature_celsius, disk.temperature_limit_celsius, "temperature"),
        ("disk_life_used", "ratio", disk.life_used_ratio, None, "endurance_used"),
        ("disk_spare", "ratio", disk.spare_ratio, None, "available_spare"),
    )
    for quantity, unit, value, limit, source in told:
        if value is not None and math.isfinite(value):
            yield Reading(_key(disk), _name(disk), quantity, unit, value, critical=limit, source=f"smartctl {source}")


def _disk_counters(disk: Disk) -> Iterator[Counter]:
    # by serial number: another disk in the same place begins anew
    if disk.reallocated_sectors is not None:
        yield Counter(_key(disk), _counted(disk), "reallocated_sectors", disk.reallocated_sectors, "smartctl")
    if disk.media_errors is not None:
        yield Counter(_key(disk), _counted(disk), "media_errors", disk.media_errors, "smartctl")


def _counted(disk: Disk) -> str:
    return f"{_name(disk)} {disk.serial}" if disk.serial else _name(disk)


def _memory_counters(module: Memory) -> Iterator[Counter]:
    for what, total in (("memory_corrected", module.corrected), ("memory_uncorrected", module.uncorrected)):
        if total is not None:
            yield Counter(f"edac:{module.name}", module.name, what, total, "EDAC")
