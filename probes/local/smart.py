"""What `smartctl --json` says, as disks: the shape that smartmontools documents for its JSON output (7.0 and later).

Its keys are many and vary with the drive: whatever is not there, or not of the type expected, is unknown.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from probes.local.document import Disk

_REALLOCATED: Final = 5  # ATA attribute Reallocated_Sector_Ct
_UNCORRECTABLE: Final = 187  # Reported_Uncorrect
# normalised values that makers count down from 100 as a drive wears out, by the names that smartctl's database gives
_LIFE_LEFT: Final = frozenset(
    {
        "SSD_Life_Left",
        "Media_Wearout_Indicator",
        "Wear_Leveling_Count",
        "Percent_Lifetime_Remain",
        "Remaining_Lifetime_Perc",
    }
)
_ENDURANCE: Final = "Percentage Used Endurance Indicator"  # ATA Device Statistics, page 7
_DEVICE: Final = re.compile(r"/dev/[A-Za-z0-9_.:/-]{1,120}")
_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_,.+/-]{0,60}")
_MOST_CHARACTERS: Final = 256


def devices(scan: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON of another program
    """Yield device and type of each entry of `smartctl --scan --json`; what no device is called is left out."""
    for entry in _list(_get(scan, "devices")):
        name, kind = _text(entry, "name"), _text(entry, "type")
        if name and kind and _DEVICE.fullmatch(name) and _TYPE.fullmatch(kind) and ".." not in name:
            yield name, kind


def disk(device: str, told: Any) -> Disk | None:  # noqa: ANN401 - JSON of another program
    """Return a disk of `smartctl --json -x DEVICE`; None where it says nothing of one (asleep, or none there)."""
    if not knows_a_disk(told):
        return None
    nvme = _get(told, "nvme_smart_health_information_log")
    attributes = [one for one in _list(_get(told, "ata_smart_attributes", "table")) if isinstance(one, dict)]
    raw = {one.get("id"): _count(_get(one, "raw", "value")) for one in attributes}
    reallocated = raw.get(_REALLOCATED)
    if reallocated is None:
        reallocated = _count(_get(told, "scsi_grown_defect_list"))
    errors = _count(_get(nvme, "media_errors"))
    return Disk(
        device=device,
        model=_text(told, "model_name") or _text(told, "scsi_model_name"),
        serial=_text(told, "serial_number"),
        firmware=_text(told, "firmware_version"),
        size_octets=_count(_get(told, "user_capacity", "bytes")),
        passed=_boolean(_get(told, "smart_status", "passed")),
        failing_attributes=tuple(_failing(attributes)),
        critical_warning=_below(_count(_get(nvme, "critical_warning")), 256),
        temperature_celsius=_number(_get(told, "temperature", "current")),
        temperature_limit_celsius=_limit(told),
        life_used_ratio=_life_used(told, nvme, attributes),
        spare_ratio=_percent(_get(nvme, "available_spare")),
        reallocated_sectors=reallocated,
        media_errors=errors if errors is not None else _below(raw.get(_UNCORRECTABLE), 1 << 32),
        power_on_hours=_count(_get(told, "power_on_time", "hours")),
    )  # fmt: skip


def knows_a_disk(told: object) -> bool:
    """Say whether an answer is about a disk."""
    return any(_text(told, key) is not None for key in ("model_name", "scsi_model_name", "serial_number"))


def message(told: object) -> str:
    """Return the first thing that smartctl has to say about its own run; "" for nothing."""
    return next((said for one in _list(_get(told, "smartctl", "messages")) if (said := _text(one, "string"))), "")


def _limit(told: object) -> float | None:
    """Return the temperature that the drive must not pass: by SCT, or by its maker."""
    for key in ("op_limit_max", "drive_trip", "limit_max"):
        if (limit := _number(_get(told, "temperature", key))) is not None:
            return limit
    return None


def _failing(attributes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in attributes:
        if one.get("when_failed") == "now" and (name := _text(one, "name")):
            yield name


def _life_used(told: object, nvme: object, attributes: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the share of the rated writes that is used, by the most explicit of what says it."""
    for value in (
        _get(told, "endurance_used", "current_percent"),
        _get(nvme, "percentage_used"),
        _get(told, "scsi_percentage_used_endurance_indicator"),
    ):
        if (ratio := _percent(value)) is not None:
            return ratio
    for page in _list(_get(told, "ata_device_statistics", "pages")):
        for row in _list(_get(page, "table")):
            if _text(row, "name") == _ENDURANCE and (ratio := _percent(_get(row, "value"))) is not None:
                return ratio
    for one in attributes:
        left = _percent(one.get("value"))
        if _text(one, "name") in _LIFE_LEFT and left is not None and left <= 1:
            return round(1 - left, 4)
    return None


# ------------------------------------------------------------------ JSON whose types nobody promises


def _get(told: object, *keys: str) -> object:
    for key in keys:
        if not isinstance(told, dict):
            return None
        told = told.get(key)
    return told


def _list(told: object) -> list[Any]:
    return told if isinstance(told, list) else []


def _text(told: object, key: str) -> str | None:
    value = _get(told, key)
    shown = " ".join(value.split()) if isinstance(value, str) else ""
    return "".join(letter for letter in shown if letter.isprintable())[:_MOST_CHARACTERS] or None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None


def _below(value: int | None, limit: int) -> int | None:
    return value if value is not None and value < limit else None


def _number(value: object) -> float | None:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1000 else None
    )


def _percent(value: object) -> float | None:
    count = _count(value)
    return count / 100 if count is not None and count <= 1000 else None
