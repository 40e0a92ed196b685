"""What the days of a device's hardware say that no single poll does: rising, falling, filling up. Pure.

How often each of these speaks when nothing is wrong is measured by tests/bench/bench_wear.py; docs/condition.md has it.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from statistics import median
from typing import Final

from agent.core.hardware import Reason
from agent.core.model import Confidence
from agent.core.trends import Trend, quantile, rate_rise_p, trend
from agent.core.weardays import OBSERVED, REBOOTS, kind_of
from agent.core.wearpolicy import Cause, WearPolicy

Days = Mapping[date, float]
Items = Mapping[str, Days]

_FRESH_DAYS: Final = 4  # what was last seen before that is not told of any more
_RECENT: Final = 14  # days that are held against the past: spells of errors are over by then
_LEAST_PAST: Final = 28
_MOST_PAST: Final = 90  # the oldest of half a year: what has risen stays told for three months
_MOST_PAST_DAYS: Final = 180
_DAYS_ABOVE: Final = 12  # of the 14, above nine tenths of the past
_WEEK: Final = 7
_USUAL: Final = 0.9
_RATE_P: Final = 1e-6
_SETTLED_DAYS: Final = 14  # what is usual ends so many days ago
_WINDOWS: Final = (14, 60, 180)  # a step is seen in the shortest, a creep in the longest
_TREND_P: Final = 0.01
_STEP_P: Final = 0.025
_FILL_P: Final = 0.003  # levels of stores wander more than others
_STORAGE_WINDOWS: Final = (90, 30)
_FAR_DAYS: Final = 3650.0
_LEAST_STORAGE: Final = 21  # three turns of what is tidied up weekly
_LEAST_FILL: Final = 0.08  # of the store, over the days seen: less is noise of what is measured
_SEASON_DAYS: Final = 21
_DARK_DBM: Final = -35.0  # no light at all: a cable is out, or the other end is off
_MONTH: Final = 30
_SOURCE: Final = "daily values of the agent's ledger"
_ERRORS: Final = frozenset({"interface_errors", "crc_errors", "media_errors"})


def causes(items: Items, today: date, policy: WearPolicy) -> Iterator[Cause]:
    """Yield what the days before today say of one device.

    Args:
        items: item -> day -> value; of today nothing is taken, for it is not over.
    """
    seen = sorted(day for day in items.get(OBSERVED, {}) if day < today)
    for name, days in sorted(items.items()):
        kind, thing = kind_of(name), name.partition(":")[2]
        past = {day: value for day, value in days.items() if day < today}
        found: Cause | None = None
        if kind in _ERRORS:
            found = _rising(Reason.ERRORS_RISING, f"{kind.replace('_', ' ')} of {thing}", past, seen, today, policy)
        elif kind == "flaps":
            found = _rising(Reason.FLAPS_RISING, f"flaps of {thing}", past, seen, today, policy)
        elif kind in _LEVELS:
            found = _LEVELS[kind](thing, past, today, policy)
        elif kind in _GROWN:
            found = _grown(kind, thing, past, today)
        if found is not None:
            yield found
    reboots = {day: value for day, value in items.get(REBOOTS, {}).items() if day < today}
    yield from _reboots(reboots, today, policy)


def _rising(
    reason: Reason, what: str, counts: Days, seen: list[date], today: date, policy: WearPolicy
) -> Cause | None:  # fmt: skip
    """Hold the last fourteen days on which the device was seen against those before; a day without a value has none."""
    within = [day for day in seen if (today - day).days <= _MOST_PAST_DAYS]
    recent, past = within[-_RECENT:], within[:-_RECENT][:_MOST_PAST]
    if len(past) < _LEAST_PAST or (today - recent[0]).days > 2 * _RECENT:
        return None
    before, after = ([counts.get(day, 0.0) for day in days] for days in (past, recent))
    usual = quantile(before, _USUAL)
    rate, former = sum(after) / len(after), sum(before) / len(before)
    if sum(value > usual for value in after) < _DAYS_ABOVE or rate < policy.errors_ratio * _worst_week(before):
        return None
    if (p := rate_rise_p(before, after)) > _RATE_P:
        return None
    text = f"{what}: {rate:.3g} a day in the last {len(after)} days, {former:.3g} before that (p < {max(p, 1e-99):.0e})"
    return Cause(reason, text, _SOURCE, weight=rate, confidence=Confidence.DERIVED)


def _worst_week(counts: list[float]) -> float:
    """Return the rate of the worst seven days in a row: errors come in spells, and a spell is no trend."""
    return max(sum(counts[place : place + _WEEK]) for place in range(len(counts) - _WEEK + 1)) / _WEEK


def _recent_level(days: Days, today: date) -> float | None:
    """Return the median of the last three days; None where one of them is long ago."""
    last = sorted(days)[-3:]
    if len(last) < 3 or (today - last[0]).days > _FRESH_DAYS:
        return None
    return median(days[day] for day in last)


def _settled(days: Days, today: date) -> list[float]:
    return [value for day, value in days.items() if (today - day).days > _SETTLED_DAYS]


def _trends(days: Days, today: date) -> Iterator[Trend]:
    for window in _WINDOWS:
        inside = [day for day in sorted(days) if (today - day).days <= window]
        found = trend([day.toordinal() for day in inside], [days[day] for day in inside])
        if found is not None:
            yield found


def _temperature(thing: str, days: Days, today: date, policy: WearPolicy) -> Cause | None:
    level, settled = _recent_level(days, today), _settled(days, today)
    if level is None or len(settled) < _LEAST_PAST:
        return None
    year_ago = today - timedelta(days=365)
    season = [value for day, value in days.items() if abs((day - year_ago).days) <= _SEASON_DAYS]
    compared = len(season) >= _SETTLED_DAYS
    margin = policy.temperature_margin_celsius if compared else policy.temperature_first_year_celsius
    usual = max(quantile(settled, _USUAL), median(season) if compared else -273.15)
    if level < usual + margin or not any(one.rises(_STEP_P) for one in _trends(days, today)):
        return None
    text = f"{thing} at {level:.1f} °C (median of 3 days); nine days in ten before were at most {usual:.1f} °C"
    return Cause(Reason.TEMPERATURE_RISING, text, _SOURCE, weight=level - usual, confidence=Confidence.DERIVED)


def _optics(thing: str, days: Days, today: date, policy: WearPolicy) -> Cause | None:
    lit = {day: value for day, value in days.items() if value > _DARK_DBM}
    level, settled = _recent_level(lit, today), _settled(lit, today)
    if level is None or len(settled) < _LEAST_PAST:
        return None
    former = median(settled)
    if former - level < policy.optics_fall_db or not any(one.falls(_STEP_P) for one in _trends(lit, today)):
        return None
    text = f"{thing} receives {level:.1f} dBm; it was {former:.1f} dBm"
    return Cause(Reason.OPTICS_WEAK, text, _SOURCE, weight=former - level, confidence=Confidence.DERIVED)


def _runtime(thing: str, days: Days, today: date, policy: WearPolicy) -> Cause | None:
    level, settled = _recent_level(days, today), _settled(days, today)
    if level is None or len(settled) < _LEAST_PAST:
        return None
    former = quantile(settled, _USUAL)
    if level > (1 - policy.runtime_fall_ratio) * former or not any(one.falls(_TREND_P) for one in _trends(days, today)):
        return None
    text = f"{thing} would last {level / 60:.0f} min at its load; it was {former / 60:.0f} min"
    return Cause(Reason.BATTERY_WEAK, text, _SOURCE, weight=1 - level / former, confidence=Confidence.DERIVED)


def _storage(thing: str, days: Days, today: date, policy: WearPolicy) -> Cause | None:
    """Tell a store that fills up when the earlier end of its forecast lies within the lead time."""
    for window in _STORAGE_WINDOWS:
        inside = {day: days[day] for day in sorted(days) if (today - day).days <= window}
        if (found := _filling(thing, inside, today, policy)) is not None:
            return found
    return None


def _filling(thing: str, days: Days, today: date, policy: WearPolicy) -> Cause | None:
    if len(days) < _LEAST_STORAGE:
        return None
    first, last = min(days), max(days)
    found = trend([day.toordinal() for day in days], list(days.values()), serial=True)
    assert found is not None
    if (today - last).days > _FRESH_DAYS or found.slope * (last - first).days < _LEAST_FILL:
        return None
    if not found.rises(_FILL_P) or found.low <= 0:
        return None
    left = max(0.0, 1 - max(found.level, days[last]))
    earliest, likely, latest = (min(left / slope, _FAR_DAYS) for slope in (found.high, found.slope, found.low))
    if earliest > policy.storage_lead_days:
        return None
    due, soonest, at_last = (last + timedelta(days=round(span)) for span in (likely, earliest, latest))
    text = f"{thing} is {days[last]:.0%} full, and will be full about {due} ({soonest} to {at_last})"
    return Cause(Reason.STORAGE_FULL_SOON, text, _SOURCE, weight=1 / (1 + likely), due=due,
                 confidence=Confidence.DERIVED)  # fmt: skip


def _clock(thing: str, days: Days, today: date, policy: WearPolicy) -> Cause | None:
    level = _recent_level(days, today)
    if level is None or abs(level) < policy.clock_seconds:
        return None
    text = f"{thing or 'the clock'} is {abs(level):.0f} s {'fast' if level > 0 else 'slow'} (median of 3 days)"
    return Cause(Reason.CLOCK_DRIFT, text, _SOURCE, weight=abs(level), confidence=Confidence.DERIVED)


_LEVELS: Final = {
    "temperature": _temperature, "optical_power_received": _optics, "battery_runtime": _runtime, "storage": _storage,
    "clock_offset": _clock,
}  # fmt: skip
# kind -> reason, days of the last 30 on which it must have grown, whether that is a failure
_GROWN: Final[Mapping[str, tuple[Reason, int, bool]]] = {
    "reallocated_sectors": (Reason.DISK_WEAR, 2, False),
    "memory_corrected": (Reason.MEMORY_ERRORS, 5, False),  # single ones are cosmic rays
    "memory_uncorrected": (Reason.MEMORY_ERRORS, 1, True),
}


def _grown(kind: str, thing: str, days: Days, today: date) -> Cause | None:
    reason, least, failed = _GROWN[kind]
    grown = {day: value for day, value in days.items() if (today - day).days <= _MONTH and value > 0}
    if len(grown) < least:
        return None
    span = f"on {len(grown)} of the last {_MONTH} days" if len(grown) > 1 else f"on {max(grown)}"
    text = f"{thing}: {sum(grown.values()):g} more {_WORDS[kind]} {span}"
    return Cause(reason, text, _SOURCE, failed, sum(grown.values()), confidence=Confidence.DERIVED)


_WORDS: Final = {
    "reallocated_sectors": "reallocated sectors", "memory_corrected": "corrected memory errors",
    "memory_uncorrected": "uncorrected memory errors",
}  # fmt: skip


def _reboots(days: Days, today: date, policy: WearPolicy) -> Iterator[Cause]:
    within = {day: value for day, value in days.items() if (today - day).days <= policy.reboot_days and value > 0}
    count = round(sum(within.values()))
    if count >= policy.reboots:
        last = max(within)
        text = f"{count} restarts in {policy.reboot_days} days that no maintenance covers, the last on {last}"
        yield Cause(Reason.UNEXPECTED_REBOOTS, text, _SOURCE, weight=count, confidence=Confidence.DERIVED)
