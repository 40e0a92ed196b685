"""This host's hardware: what the scan's file says, with the file systems and temperatures that anybody may read."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from agent.core.hardware import Hardware, Reading, Store
from probes.local.document import Document, DocumentError, hardware_of, load

Sample = tuple[str, dict[str, str], float]  # metric name, labels without target, value
Scanned = Document | DocumentError | None


def scanned(path: Path) -> Scanned:
    """Return the last scan, why it cannot be used, or None where there is none."""
    try:
        return load(path, datetime.now(UTC))
    except DocumentError as error:
        return error


def hardware(samples: Sequence[Sample], told: Scanned, now: datetime) -> Hardware:
    """Return what is known of this host's hardware.

    Args:
        samples: in node_exporter's words.
    """
    known = hardware_of(told) if isinstance(told, Document) else Hardware(now)
    return Hardware(
        now,
        facts=known.facts,
        entities=known.entities,
        readings=(*known.readings, *_heat(samples)),
        stores=tuple(_stores(samples)),
        counters=known.counters,
        complete=known.complete and not isinstance(told, DocumentError),
    )


def _stores(samples: Sequence[Sample]) -> Iterator[Store]:
    sizes, frees = (
        {labels["mountpoint"]: value for name, labels, value in samples if name == f"node_filesystem_{word}_bytes"}
        for word in ("size", "avail")
    )
    for place, size in sizes.items():
        if size > 0 and place in frees:
            yield Store(place, place, size, size - frees[place], "statvfs(3)")


def _heat(samples: Sequence[Sample]) -> Iterator[Reading]:
    values, highs, limits = (
        {
            (labels["chip"], labels["sensor"]): value
            for name, labels, value in samples
            if name == f"node_hwmon_temp{end}"
        }
        for end in ("_celsius", "_max_celsius", "_crit_celsius")
    )
    for key, value in values.items():
        name = " ".join(key)
        yield Reading(f"hwmon:{name}", name, "temperature", "celsius", value, highs.get(key), limits.get(key),
                      source="hwmon")  # fmt: skip
