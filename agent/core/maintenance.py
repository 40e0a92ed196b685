"""Announced work, and time that is not the supplier's: when it is, what it concerns, and whom it excuses from paging.

A `maintenance` window keeps its targets from being paged, and from no measurement. A `clock_stop` (the supplier could
not get in) counts for availability alone. Whatever stands behind a target in maintenance is its consequence, as always.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from agent.core.model import Estate, Role
from agent.core.recurrence import RuleError, occurrences, zone_of
from agent.core.topology import group_of

MAX_WINDOWS: Final = 200  # that are not over: a calendar of that size is one that nobody reads
MAX_NAMES: Final = 500  # of one window
MAX_TEXT: Final = 1000  # characters of a reason; a name has up to MAX_NAME
MAX_NAME: Final = 200
LONGEST: Final = timedelta(days=2 * 366)  # of something that happens once: a site that is rebuilt
LONGEST_RECURRING: Final = timedelta(days=31)
_YEARS: Final = (2000, 2199)
_MOST_STEPS: Final = 100  # back through the windows, to those that follow one another without a gap


class WindowKind(StrEnum):
    """What a window is for."""

    MAINTENANCE = "maintenance"
    CLOCK_STOP = "clock_stop"


class Span(NamedTuple):
    """A half-open stretch of time."""

    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """One entry of the calendar. Where sites, suppliers and targets are all empty, everything is meant.

    Attributes:
        begins_at, ends_at: of the first occurrence; each further one lasts as long.
        rule: an RFC 5545 RRULE, or empty for what happens once.
        zone: IANA name of the zone in whose wall clock time it comes again.
        cancelled_at: nothing of it counts from that moment on.
        id: the ledger's number, once written.
    """

    kind: WindowKind
    begins_at: datetime
    ends_at: datetime
    added_at: datetime
    rule: str = ""
    zone: str = "UTC"
    sites: tuple[str, ...] = ()
    suppliers: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    reason: str = ""
    author: str = ""
    cancelled_at: datetime | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why a target is not paged now.

    Attributes:
        since: when it began, or was announced if that was later: what failed before is paged all the same. Windows
            that follow one another without a gap are one.
    """

    since: datetime
    window: Window


def check(window: Window) -> None:
    """Refuse a window that cannot be.

    Raises:
        ValueError: one sentence, with what was expected.
    """
    for name, moment in (("begin", window.begins_at), ("end", window.ends_at)):
        if moment.tzinfo is None or not _YEARS[0] <= moment.year <= _YEARS[1]:
            raise ValueError(f"the {name} must be a moment from {_YEARS[0]} to {_YEARS[1]} with its zone, got {moment}")
    if window.ends_at <= window.begins_at:
        raise ValueError(f"the window ends ({window.ends_at:%Y-%m-%d %H:%M} UTC) before it begins "
                         f"({window.begins_at:%Y-%m-%d %H:%M} UTC)")  # fmt: skip
    longest = LONGEST_RECURRING if window.rule else LONGEST
    if window.ends_at - window.begins_at > longest:
        what = "that comes again" if window.rule else "that happens once"
        raise ValueError(f"a window {what} lasts {longest.days} days at most")
    if sum(map(len, (window.sites, window.suppliers, window.targets))) > MAX_NAMES:
        raise ValueError(f"a window names {MAX_NAMES} things at most; leave out the targets for everything of a site")
    if not window.reason.strip() or len(window.reason) > MAX_TEXT:
        raise ValueError(f"the reason must be a text of 1 to {MAX_TEXT} characters: who reads the record wants to know")
    if not window.author.strip() or len(window.author) > MAX_NAME:
        raise ValueError(f"the author must be a name of 1 to {MAX_NAME} characters")
    zone_of(window.zone)
    occurrences(window.begins_at, window.rule, window.zone)


def spans(window: Window, since: datetime, until: datetime) -> tuple[Span, ...]:
    """Return when the window lasts within [since, until), ascending; occurrences that touch are one span."""
    found = _spans(window.begins_at, window.ends_at, window.rule, window.zone, window.cancelled_at)
    first = bisect_right(found, since, key=lambda span: span.ends_at)
    last = bisect_left(found, until, key=lambda span: span.begins_at)
    return tuple(Span(max(span.begins_at, since), min(span.ends_at, until)) for span in found[first:last])


def covers(window: Window, at: datetime) -> bool:
    """Say whether the window lasts at that moment."""
    span = present_or_next(window, at)
    return span is not None and span.begins_at <= at


def present_or_next(window: Window, at: datetime) -> Span | None:
    """Return the whole span in which `at` lies, or else the next one; None when the window is over."""
    found = _spans(window.begins_at, window.ends_at, window.rule, window.zone, window.cancelled_at)
    place = bisect_right(found, at, key=lambda span: span.ends_at)
    return found[place] if place < len(found) else None


def next_change(window: Window, after: datetime) -> datetime | None:
    """Return when the window begins or ends next; None when it is over."""
    span = present_or_next(window, after)
    if span is None:
        return None
    return span.begins_at if span.begins_at > after else span.ends_at


def concerned(window: Window, estate: Estate) -> frozenset[str]:
    """Return the targets that a window is about; names that are not in the estate are left out.

    A site means its devices and services and the circuits that end there, a supplier its circuits, a group its
    circuits. A group is in it where all of its circuits are.
    """
    return _Reach(estate).of(window)


class _Reach:
    """Who stands where and belongs to whom, worked out once for all windows."""

    def __init__(self, estate: Estate) -> None:
        self._targets = estate.targets
        self._at_site: dict[str, set[str]] = {}
        self._of_supplier: dict[str, set[str]] = {}
        self._of_group: dict[str, set[str]] = {}
        for name, target in estate.targets.items():
            facts = target.circuit
            sites = (target.site, *(facts.between if facts is not None else ()))
            for site in (name, *sites) if target.role is Role.SITE else sites:
                if site is not None:
                    self._at_site.setdefault(site, set()).add(name)
            if facts is not None:
                self._of_supplier.setdefault(facts.supplier, set()).add(name)
            if (group := group_of(estate, name)) is not None:
                self._of_group.setdefault(group, set()).add(name)

    def of(self, window: Window) -> frozenset[str]:
        """Return the targets that a window is about."""
        targets = self._targets
        if not (window.sites or window.suppliers or window.targets):
            return frozenset(targets)
        found = {name for name in window.targets if name in targets}
        for name in tuple(found):
            found.update(member for member in targets[name].members if targets[name].role is Role.GROUP)
        sites = (*window.sites, *(name for name in window.targets if name in targets))
        for site in sites:
            found |= self._at_site.get(site, set())
        for supplier in window.suppliers:
            found |= self._of_supplier.get(supplier, set())
        found |= {group for group, names in self._of_group.items() if found.issuperset(names)}
        return frozenset(found & targets.keys())


def about(window: Window) -> str:
    """Return in words what a window is about."""
    named = (("site", window.sites), ("supplier", window.suppliers), ("target", window.targets))
    words = [f"{what} {name}" for what, names in named for name in names]
    few = words[:8] + ([f"{len(words) - 8} more"] if len(words) > 8 else [])
    return ", ".join(few) or "everything"


class Calendar:
    """The windows that excuse from paging, with the estate that they are about."""

    def __init__(self, windows: Iterable[Window], estate: Estate) -> None:
        self._windows = tuple(window for window in windows if window.kind is WindowKind.MAINTENANCE)
        found: dict[str, list[Window]] = {}
        reach = _Reach(estate)
        for window in self._windows:
            for name in reach.of(window):
                found.setdefault(name, []).append(window)
        self._of: Mapping[str, tuple[Window, ...]] = {name: tuple(found[name]) for name in sorted(found)}

    def excuses(self, at: datetime) -> dict[str, Excuse]:
        """Return who is in maintenance at that moment, by name."""
        known: dict[tuple[Window, ...], Excuse | None] = {}
        made = {}
        for name, windows in self._of.items():
            if windows not in known:
                known[windows] = _excuse(windows, at)
            if (excuse := known[windows]) is not None:
                made[name] = excuse
        return made

    def covers(self, name: str, at: datetime) -> bool:
        """Say whether a target is in maintenance at that moment."""
        return any(covers(window, at) for window in self._of.get(name, ()))

    def next_change(self, after: datetime) -> datetime | None:
        """Return when somebody's maintenance may begin or end next; None: never."""
        moments = (next_change(window, after) for window in self._windows)
        return min((moment for moment in moments if moment is not None), default=None)


def _excuse(windows: tuple[Window, ...], at: datetime) -> Excuse | None:
    present = next((window for window in windows if covers(window, at)), None)
    if present is None:
        return None
    since = at
    for _ in range(_MOST_STEPS):
        before = since
        for window in reversed(windows):
            span = _reaching(window, since)
            if span is not None:
                since = min(since, max(span.begins_at, window.added_at))
        if since == before:
            break
    return Excuse(since, present)


def _reaching(window: Window, at: datetime) -> Span | None:
    """Return the span that began before `at` and lasts at least until then."""
    found = _spans(window.begins_at, window.ends_at, window.rule, window.zone, window.cancelled_at)
    place = bisect_left(found, at, key=lambda span: span.ends_at)
    return found[place] if place < len(found) and found[place].begins_at < at else None


@lru_cache(maxsize=1024)
def _spans(
    begins_at: datetime, ends_at: datetime, rule: str, zone: str, cancelled_at: datetime | None
) -> tuple[Span, ...]:
    lasts = ends_at - begins_at
    found: list[Span] = []
    try:
        begun = occurrences(begins_at, rule, zone)
    except RuleError:  # it was taken under other rules of time zones than this host has now: the first one stands
        begun = (begins_at,)
    for begin in begun:
        end = begin + lasts if cancelled_at is None else min(begin + lasts, cancelled_at)
        if end <= begin:
            break
        if found and begin <= found[-1].ends_at:
            found[-1] = Span(found[-1].begins_at, end)
        else:
            found.append(Span(begin, end))
    return tuple(found)
