"""What hardware says of itself now that wants attention: failed parts, heat, full storage, worn disks. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from agent.core.hardware import Condition, Entity, Hardware, PhysicalClass, Reading, Reason
from agent.core.model import Fact
from agent.core.wearpolicy import Cause, WearPolicy

_REASONS: Final[Mapping[PhysicalClass, Reason]] = {
    PhysicalClass.POWER_SUPPLY: Reason.PSU_FAILED,
    PhysicalClass.FAN: Reason.FAN_FAILED,
    PhysicalClass.STORAGE_DRIVE: Reason.DISK_FAILED,
    PhysicalClass.MEMORY: Reason.MEMORY_ERRORS,
    PhysicalClass.BATTERY: Reason.BATTERY_WEAK,
}
_SAID: Final[Mapping[Condition, str]] = {
    Condition.WARNING: "warns", Condition.FAILED: "has failed", Condition.MISSING: "is missing, and was there before",
}  # fmt: skip
_WEIGHTS: Final[Mapping[Condition, float]] = {
    Condition.WARNING: 1.0, Condition.MISSING: 2.0, Condition.FAILED: 3.0,
}  # fmt: skip
# agents exist that give 0, or the temperature of a fridge, as the limit of a sensor that has none
_LEAST_LIMIT_CELSIUS: Final = 30.0
_PLAUSIBLE_CELSIUS: Final = (-40.0, 150.0)
_BATTERY_GONE: Final = frozenset({"low", "depleted"})  # UPS-MIB upsBatteryStatus batteryLow(3), batteryDepleted(4)
_IMAGE_RATIO: Final = 1.0  # a read-only image is full to the last block; a file system that people fill never is


def causes(hardware: Hardware, known_parts: Collection[str], policy: WearPolicy) -> Iterator[Cause]:
    """Yield what hardware says now.

    Args:
        known_parts: keys of those entities whose part was there on a former day: only these can be missing.
    """
    for entity in hardware.entities:
        if (found := _part(entity, known_parts)) is not None:
            yield found
    for reading in hardware.readings:
        if reading.quantity == "temperature" and (found := _heat(reading)) is not None:
            yield found
        elif reading.quantity == "disk_life_used" and reading.value >= policy.disk_life_ratio:
            text = f"{reading.name} has used {reading.value:.0%} of the writes that its maker rates"
            yield Cause(Reason.DISK_WEAR, text, reading.source, weight=reading.value)
    yield from _full(hardware, policy)


def _part(entity: Entity, known_parts: Collection[str]) -> Cause | None:
    condition = entity.condition
    if condition is None or condition is Condition.OK:
        return None
    if condition is Condition.MISSING and entity.key not in known_parts:
        return None
    reason = _REASONS.get(entity.physical_class, Reason.PART_FAILED)
    if reason is Reason.BATTERY_WEAK and condition is Condition.FAILED:
        reason = Reason.BATTERY_REPLACE  # it is not weak: it will not carry the load
    text = f"{entity.name or entity.key} {_SAID[condition]}"
    return Cause(reason, text, entity.source, condition is Condition.FAILED, _WEIGHTS[condition])


def battery(facts: Iterable[Fact]) -> Iterator[Cause]:
    """Yield that a device asks for another battery: a ticket; one that is low or empty as well carries no load.

    Args:
        facts: of each name the first counts.
    """
    said = {fact.name: fact for fact in reversed(tuple(facts))}
    asked, status = said.get("battery_replace"), said.get("battery_status")
    if asked is None or asked.value is not True:
        return
    text, gone = "the device says that its battery needs to be replaced", False
    if status is not None:
        text += f"; battery status: {status.value}"
        gone = status.value in _BATTERY_GONE
    yield Cause(Reason.BATTERY_REPLACE, text, asked.source, gone, 1.0, None, asked.confidence)


def _heat(reading: Reading) -> Cause | None:
    value = reading.value
    if not _PLAUSIBLE_CELSIUS[0] <= value <= _PLAUSIBLE_CELSIUS[1]:
        return None
    critical, warning = (
        limit if limit is not None and limit >= _LEAST_LIMIT_CELSIUS else None
        for limit in (reading.critical, reading.warning)
    )
    if (critical is not None and value >= critical) or reading.condition is Condition.FAILED:
        limit = f"its critical limit is {critical:g} °C" if critical is not None else "the device calls that critical"
        return Cause(Reason.TEMPERATURE_HIGH, f"{reading.name} at {value:g} °C; {limit}", reading.source, True, value)
    if (warning is not None and value >= warning) or reading.condition is Condition.WARNING:
        limit = f"its limit is {warning:g} °C" if warning is not None else "the device warns of it"
        return Cause(Reason.TEMPERATURE_HIGH, f"{reading.name} at {value:g} °C; {limit}", reading.source, False, value)
    return None


def _full(hardware: Hardware, policy: WearPolicy) -> Iterator[Cause]:
    stores = [
        (one.name or one.key, one.used_octets / one.size_octets, one.source)
        for one in hardware.stores
        if one.size_octets > 0
    ]
    stores += [(one.name or one.key, one.value, one.source) for one in hardware.readings if one.quantity == "storage"]
    for name, ratio, source in stores:
        if policy.storage_full_ratio <= ratio < _IMAGE_RATIO:
            yield Cause(Reason.STORAGE_FULL_SOON, f"{name} is {ratio:.1%} full", source, weight=2 + ratio)
