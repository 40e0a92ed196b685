"""What hardware is, and what is found of it: the words of identity, age, support and wear. No rule lives here."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from agent.core.model import Confidence, Fact, HardwareFlag


class PhysicalClass(StrEnum):
    """RFC 6933 PhysicalClass, and the same of what has no ENTITY-MIB."""

    OTHER = "other"
    CHASSIS = "chassis"
    BACKPLANE = "backplane"
    CONTAINER = "container"
    POWER_SUPPLY = "power_supply"
    FAN = "fan"
    SENSOR = "sensor"
    MODULE = "module"
    PORT = "port"
    STACK = "stack"
    CPU = "cpu"
    BATTERY = "battery"
    STORAGE_DRIVE = "storage_drive"
    MEMORY = "memory"


class Condition(StrEnum):
    """What a device says of a part of it. A part of which it says nothing has none."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Entity:
    """A physical entity (RFC 6933), or a row of a maker's own table that is one; what is not known is None.

    Attributes:
        key: what stays the same from poll to poll: entPhysicalIndex, or another index, with its table's name.
        within: `key` of what it is a part of.
        source: the table it was read from.
    """

    key: str
    physical_class: PhysicalClass
    name: str
    description: str = ""
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    hardware_version: str | None = None
    firmware_version: str | None = None
    software_version: str | None = None
    manufactured: date | None = None
    within: str | None = None
    condition: Condition | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sensor reads, with its own limits.

    Attributes:
        key: what stays the same from poll to poll.
        quantity: temperature, voltage, current, power, fan_speed, optical_power, humidity, charge ...
        unit: celsius, volts, amperes, watts, rpm, dbm, ratio ...
        warning, critical: its own upper limits, in the same unit.
    """

    key: str
    name: str
    quantity: str
    unit: str
    value: float
    warning: float | None = None
    critical: float | None = None
    condition: Condition | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Store:
    """Something that fills: a file system, a volume, a pool. In octets."""

    key: str
    name: str
    size_octets: float
    used_octets: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """Something that only ever grows and that nobody wants: errors, reallocated sectors, corrected memory errors.

    Attributes:
        what: interface_errors, crc_errors, flaps, reallocated_sectors, memory_corrected, memory_uncorrected ...
    """

    key: str
    name: str
    what: str
    total: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What one look at a device saw of its hardware.

    Attributes:
        facts: vendor, model, serial, hardware_version, software, software_version, operating_system, kind,
            manufactured, bios_date, battery_replaced ...; each once, the most trusted one. Dates are ISO 8601.
        complete: whether all was read; what is not there is not known to be gone.
    """

    at: datetime
    facts: tuple[Fact, ...] = ()
    entities: tuple[Entity, ...] = ()
    readings: tuple[Reading, ...] = ()
    stores: tuple[Store, ...] = ()
    counters: tuple[Counter, ...] = ()
    complete: bool = True

    def fact(self, name: str) -> Fact | None:
        """Return a fact; None where nothing is known."""
        return next((fact for fact in self.facts if fact.name == name), None)


class Reason(StrEnum):
    """Why hardware wants attention: the closed list."""

    END_OF_SALE = "end_of_sale"
    END_OF_SOFTWARE_MAINTENANCE = "end_of_software_maintenance"
    END_OF_SECURITY_FIXES = "end_of_security_fixes"
    END_OF_SUPPORT = "end_of_support"
    END_OF_SUPPORT_SOON = "end_of_support_soon"
    OS_END_OF_LIFE = "os_end_of_life"
    OS_END_OF_LIFE_SOON = "os_end_of_life_soon"
    AGE_OVER_POLICY = "age_over_policy"
    WARRANTY_OVER = "warranty_over"
    BATTERY_OLD = "battery_old"
    BATTERY_REPLACE = "battery_replace"
    BATTERY_WEAK = "battery_weak"
    PSU_FAILED = "psu_failed"
    FAN_FAILED = "fan_failed"
    PART_FAILED = "part_failed"
    TEMPERATURE_HIGH = "temperature_high"
    TEMPERATURE_RISING = "temperature_rising"
    OPTICS_WEAK = "optics_weak"
    ERRORS_RISING = "errors_rising"
    FLAPS_RISING = "flaps_rising"
    DISK_FAILED = "disk_failed"
    DISK_WEAR = "disk_wear"
    MEMORY_ERRORS = "memory_errors"
    STORAGE_FULL_SOON = "storage_full_soon"
    UNEXPECTED_REBOOTS = "unexpected_reboots"
    CLOCK_DRIFT = "clock_drift"
    UNKNOWN_LIFECYCLE = "unknown_lifecycle"


@dataclass(frozen=True, slots=True)
class Age:
    """Since when a piece of hardware exists.

    Attributes:
        since: day.
        at_least: it may be older: that day is when the agent first saw it, or that of a BIOS that may be a later one.
    """

    since: date
    at_least: bool
    source: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Support:
    """Dates of one row of a lifecycle table; what it does not say is None.

    Attributes:
        matched: what of the device it was matched by: `model WS-C2960X-48FPS-L`.
        source: the document, and where in it the dates stand.
        table: `FILE:LINE`.
        overruled: rows of other tables that say something else, as sentences.
        confidence: stated for this very model, derived by a pattern, or assumed: the latest day of all that it can be.
    """

    product: str
    matched: str
    source: str
    table: str
    checked_on: date | None = None
    end_of_sale: date | None = None
    end_of_software_maintenance: date | None = None
    end_of_security_fixes: date | None = None
    end_of_support: date | None = None
    overruled: tuple[str, ...] = ()
    confidence: Confidence = Confidence.STATED


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of hardware under one name, from when it was first seen until another took its place.

    Attributes:
        serial: "" where the device does not tell: then nobody knows whether it was replaced.
        gone_at: None while it is there.
    """

    target: str
    serial: str
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wear:
    """What one day did to one thing: a value a day is what trends are found in.

    Attributes:
        item: `REASON-LIKE KIND:KEY`, e.g. `interface_errors:Gi1/0/1`, `temperature:Inlet`, `storage:/var`.
        value: of a counter its growth that day, else the day's median.
    """

    target: str
    item: str
    day: date
    value: float


__all__ = [
    "Age", "Condition", "Confidence", "Counter", "Entity", "Fact", "Hardware", "HardwareFlag", "PhysicalClass", "Piece",
    "Reading", "Reason", "Store", "Support", "Wear",
]  # fmt: skip
