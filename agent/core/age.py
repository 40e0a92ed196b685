"""How old hardware is, by the most trusted source that says so; what it says, and since when at the latest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from agent.core.datecode import DateCode, date_of
from agent.core.hardware import Age, Confidence, Fact, Hardware, HardwareFlag, PhysicalClass, Piece, Reason
from agent.core.hardware_policy import BATTERY_YEARS
from agent.core.model import AssetRow, Target
from agent.core.risk import anniversary, in_years, number_of_years, policy_words, years_between
from agent.core.serials import normal
from agent.core.subjects import Subject

EARLIEST: Final = date(1990, 1, 1)  # before SNMP: RFC 1157 is of May 1990
# What zeros become: 30 November 1999 is DateAndTime 0-0-0 as mktime() reads it, 31 December the day before an epoch in
# another zone; in 2036 and 2038 clocks overflow. 1 January is a year alone, or where a clock begins.
_ZEROS: Final = frozenset({date(1999, 11, 30), date(1999, 12, 31), date(2036, 2, 7), date(2038, 1, 19)})
_SAME_MODELS: Final = 3  # different models that one day cannot have made all


def age_of(
    target: Target,
    row: AssetRow | None,
    hardware: Hardware | None,
    pieces: Sequence[Piece],
    today: date,
    *,
    codes: Iterable[DateCode] = (),
    constants: frozenset[date] = frozenset(),
) -> Age | None:
    """Return since when the hardware exists that has this name now; None where nothing tells.

    In order of trust: when it was bought, its date of manufacture, dates of its maker (BIOS), the date code in its
    serial number, when the agent first saw it. Uptime is no age. What was said of the piece that was there before, by
    serial number, does not count.

    Args:
        row: of the asset register, if there is one (`agent.core.register.join` finds more than the configuration).
        pieces: what the ledger knows to have had this name.
        codes: how serial numbers are read.
        constants: days of manufacture that are none (`constants_of`).
    """
    return (
        _purchased(target, row, hardware, pieces, today)
        or _manufactured(hardware, today, constants)
        or _vendor_date(hardware, today)
        or _by_serial(hardware, today, codes)
        or _first_seen(hardware, pieces, today)
    )


def row_age(row: AssetRow, today: date) -> Age | None:
    """Return the age of what the register alone knows."""
    if row.purchased is None or row.purchased > today:
        return None
    return Age(row.purchased, at_least=False, source=_register(row), confidence=Confidence.STATED)


def made_on(hardware: Hardware, today: date, constants: frozenset[date] = frozenset()) -> tuple[date, Fact] | None:
    """Return the plausible date of manufacture that a device states, and the fact it comes from.

    Where the device as a whole states none, its chassis do: the one with the device's serial number, else the oldest.
    """
    fact = hardware.fact("manufactured")
    if fact is not None and (day := _plausible(_day(fact.value), today, constants)) is not None:
        return day, fact
    serial = _serial(hardware)
    chassis = [
        (normal(entity.serial or "") != serial, day, entity)
        for entity in hardware.entities
        if entity.physical_class in {PhysicalClass.CHASSIS, PhysicalClass.STACK}
        and (day := _plausible(entity.manufactured, today, constants)) is not None
    ]
    if not chassis:
        return None
    _, day, entity = min(chassis, key=lambda found: found[:2])
    return day, Fact("manufactured", day.isoformat(), f"{entity.source} of {entity.name}".strip())


def constants_of(hardware: Mapping[str, Hardware]) -> frozenset[date]:
    """Return the days of manufacture that stand on too many different models to be one.

    A delivery of equal switches may well be of one day; three models are not.
    """
    models: dict[date, set[str]] = {}
    for name, seen in hardware.items():
        fact, model = seen.fact("manufactured"), seen.fact("model")
        if fact is not None and (day := _day(fact.value)) is not None:
            models.setdefault(day, set()).add(str(model.value) if model is not None else name)
        for entity in seen.entities:
            if entity.manufactured is not None:
                models.setdefault(entity.manufactured, set()).add(entity.model or entity.description or entity.name)
    return frozenset(day for day, found in models.items() if len(found) >= _SAME_MODELS)


def battery_age(hardware: Hardware, today: date) -> Age | None:
    """Return the age of a UPS's battery; None where the device does not say when it was put in or made."""
    for name in ("battery_replaced", "battery_installed", "battery_manufactured"):
        fact = hardware.fact(name)
        if fact is not None and (day := _plausible(_day(fact.value), today)) is not None:
            return Age(day, at_least=False, source=fact.source, confidence=fact.confidence)
    made = [
        (day, entity)
        for entity in hardware.entities
        if entity.physical_class is PhysicalClass.BATTERY
        and (day := _plausible(entity.manufactured, today)) is not None
    ]
    if not made:
        return None
    day, entity = min(made, key=lambda found: found[0])
    return Age(day, at_least=False, source=f"{entity.source} of {entity.name}".strip(), confidence=Confidence.STATED)


def age_flag(target: Target | Subject, age: Age | None, policy_years: float | None, today: date) -> HardwareFlag | None:
    """Return the flag of hardware that is older than its kind may become; of a lower bound, if that alone is enough.

    Args:
        policy_years: of this kind of device; None: it may become as old as it likes.
    """
    if age is None or policy_years is None or (told := _over(age, policy_years, today)) is None:
        return None
    detail = f"{told}; {policy_words(target.kind, policy_years)}"
    due = _after(age.since, policy_years)
    return HardwareFlag(target.name, Reason.AGE_OVER_POLICY, "warning", detail, age.source, age.confidence, due)


def battery_flag(
    target: Target | Subject, age: Age | None, today: date, policy_years: float | None = BATTERY_YEARS
) -> HardwareFlag | None:
    """Return the flag of a battery that is due by its age; None for `policy_years`: never (lithium, say)."""
    if age is None or policy_years is None or (told := _over(age, policy_years, today)) is None:
        return None
    detail = f"battery: {told}; policy is {number_of_years(policy_years)}"
    due = _after(age.since, policy_years)
    return HardwareFlag(target.name, Reason.BATTERY_OLD, "warning", detail, age.source, age.confidence, due)


# ------------------------------------------------------------------ the sources, most trusted first


def _purchased(
    target: Target, row: AssetRow | None, hardware: Hardware | None, pieces: Sequence[Piece], today: date
) -> Age | None:
    """Return the age by the day of purchase, unless that was said of another piece."""
    joined = target.register
    own = target.purchased if joined is None or target.purchased != joined.purchased else None
    claims = [] if own is None else [_Claim(own, target.info.get("serial", ""), "configuration (purchased)")]
    claims += [
        _Claim(asset.purchased, asset.columns.get("serial", ""), _register(asset))
        for asset in (row, joined)
        if asset is not None and asset.purchased is not None
    ]
    for claim in claims:
        if claim.day <= today and not _of_another(claim, hardware, pieces):
            return Age(claim.day, at_least=False, source=claim.source, confidence=Confidence.STATED)
    return None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A day of purchase, of the piece with that serial number if it names one."""

    day: date
    serial: str
    source: str


def _of_another(claim: _Claim, hardware: Hardware | None, pieces: Sequence[Piece]) -> bool:
    present = {_serial(hardware)} if hardware is not None else set()
    if hardware is not None:
        present |= {normal(entity.serial or "") for entity in hardware.entities}
    present -= {""}
    serial = normal(claim.serial)
    if serial and present:
        return serial not in present
    piece = _present_piece(hardware, pieces)
    if piece is None:
        return False
    if serial and (had := normal(piece.serial)):
        return serial != had
    former = [one for one in pieces if one is not piece and one.last_seen <= piece.first_seen]
    return any(claim.day < one.last_seen.date() for one in former)  # bought while, or before, another was there


def _manufactured(hardware: Hardware | None, today: date, constants: frozenset[date]) -> Age | None:
    found = made_on(hardware, today, constants) if hardware is not None else None
    if found is None:
        return None
    day, fact = found
    return Age(day, at_least=False, source=fact.source, confidence=fact.confidence)


def _vendor_date(hardware: Hardware | None, today: date) -> Age | None:
    """Return the age by the date of the BIOS: it may have been renewed, so that the hardware may be older."""
    fact = hardware.fact("bios_date") if hardware is not None else None
    day = _plausible(_day(fact.value), today) if fact is not None else None
    if fact is None or day is None:
        return None
    return Age(day, at_least=True, source=f"date of the BIOS ({fact.source})", confidence=Confidence.ASSUMED)


def _by_serial(hardware: Hardware | None, today: date, codes: Iterable[DateCode]) -> Age | None:
    vendor, serial = (hardware.fact(name) if hardware is not None else None for name in ("vendor", "serial"))
    if vendor is None or serial is None or not normal(str(serial.value)):
        return None
    found = date_of(str(vendor.value), str(serial.value), codes)
    if found is None or not EARLIEST <= found[0] <= today:
        return None
    day, code = found
    source = f"date code in the serial number ({serial.source}) by rule {code.name}: {code.document}"
    return Age(day, at_least=False, source=source, confidence=Confidence.ASSUMED)


def _first_seen(hardware: Hardware | None, pieces: Sequence[Piece], today: date) -> Age | None:
    piece = _present_piece(hardware, pieces)
    if piece is None or piece.first_seen.date() > today:
        return None
    source = "first seen by the agent: it may be older"
    return Age(piece.first_seen.date(), at_least=True, source=source, confidence=Confidence.STATED)


def _present_piece(hardware: Hardware | None, pieces: Sequence[Piece]) -> Piece | None:
    """Return the piece that is there: that with the serial number that the device states, else the last one."""
    there = [piece for piece in pieces if piece.gone_at is None]
    serial = _serial(hardware) if hardware is not None else ""
    known = [piece for piece in there if normal(piece.serial) == serial] if serial else there
    return max(known, key=lambda piece: piece.first_seen, default=None)


# ------------------------------------------------------------------ days and words


def _serial(hardware: Hardware) -> str:
    fact = hardware.fact("serial")
    return normal(str(fact.value)) if fact is not None else ""


def _register(row: AssetRow) -> str:
    return f"asset register {row.source} (purchased)"


def _day(value: object) -> date | None:
    """Return the day of ISO 8601 text, with or without a time behind it."""
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        return None


def _plausible(day: date | None, today: date, constants: frozenset[date] = frozenset()) -> date | None:
    if day is None or not EARLIEST <= day <= today or (day.month, day.day) == (1, 1):
        return None
    return None if day in _ZEROS or day in constants else day


def _over(age: Age, policy_years: float, today: date) -> str | None:
    """Return how old it is, if that is more than the policy has."""
    years = years_between(age.since, today)
    if years < policy_years:
        return None
    old = in_years(years)
    return f"at least {old}, since {age.since} or before" if age.at_least else f"{old}, since {age.since}"


def _after(since: date, years: float) -> date:
    """Return the first day on which so many years have passed."""
    whole = int(years)
    first, following = (anniversary(since, since.year + years) for years in (whole, whole + 1))
    day = first + timedelta(days=int((following - first).days * (years - whole)))
    while years_between(since, day) < years:  # parts of a year are not exact in binary
        day += timedelta(days=1)
    return day
