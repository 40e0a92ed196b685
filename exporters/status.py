"""The status page: the picture as a person reads it, what is wrong first.

The page is made anew at most twice a second, however many browsers ask. Times leave here in UTC, each in
a `<time>` element; the page's script shows them in the reader's own zone.
"""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from agent import __version__
from agent.core.delay import RoundSummary
from agent.core.learnt import Learnt, Stranger
from agent.core.maintenance import Span, Window, about, present_or_next
from agent.core.model import Event, EventKind, Health, Mark, Role, State, Target, Urgency, Verdict
from agent.core.notes import acknowledgement
from agent.core.picture import DevicePoll, Picture
from agent.core.units import format_duration
from exporters.prometheus import fresh_seconds

MAX_ROWS: Final = 200  # of one table; beyond that a page is no help, and the API has all of them
MAX_EVENTS: Final = 40
MAX_LEARNT: Final = 40
MAX_WINDOWS: Final = 20
KEPT_SECONDS: Final = 0.5
_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_WORST_FIRST: Final = {
    State.DOWN: 0, State.DEGRADED: 1, State.UNREACHABLE: 2, State.UNKNOWN: 3, State.UP: 4,
}  # fmt: skip
_NO_VERDICT: Final = Verdict()
_DASH: Final = "\N{EN DASH}"
_INSIDE: Final = frozenset({Role.DEVICE, Role.SERVICE})  # what stands at a site; circuits lead to it
_SEVERITY_ORDER: Final = {"critical": 0, "warning": 1, "info": 2}
_NUMBERS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


@dataclass(frozen=True, slots=True)
class Row:
    """One target as a line of a table."""

    target: Target
    verdict: Verdict
    round: RoundSummary | None = None
    poll: DevicePoll | None = None
    failing: tuple[tuple[str, Health], ...] = ()  # checks that are down while the target is up
    taken_on_by: str = ""  # who acknowledged its outage
    paged: bool = False

    @property
    def marks(self) -> list[str]:
        """What stands beside the state, in words."""
        taken = [f"acknowledged by {self.taken_on_by}"] if self.taken_on_by else []
        failing = [f"{name} down" for name, _ in self.failing]
        return [*map(words, sorted(self.verdict.marks)), *failing, *taken]

    @property
    def reason(self) -> str:
        """Why it is so: of a target that is up, why one of its checks is not."""
        return self.failing[0][1].reason if self.failing and not self.verdict.marks else self.verdict.reason

    @property
    def since(self) -> datetime | None:
        """Since when it is so."""
        return self.failing[0][1].since if self.failing and not self.verdict.marks else self.verdict.since

    @property
    def excused(self) -> bool:
        """Whether work on it was announced before it failed."""
        return Mark.MAINTENANCE in self.verdict.marks and not self.paged


@dataclass(frozen=True, slots=True)
class Site:
    """One site, and how many of its devices and services are in which state."""

    row: Row
    counts: tuple[tuple[State, int], ...]


@dataclass(frozen=True, slots=True)
class Announced:
    """A window, with its present or next occurrence."""

    window: Window
    about: str
    span: Span
    lasts: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason why hardware wants attention."""

    target: str
    kind: str
    reason: str
    severity: str
    detail: str
    source: str


@dataclass(frozen=True, slots=True)
class Headline:
    """The page in one line: what is wrong, and how much of the rest."""

    text: str
    tone: str  # well | warn | bad
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table that are shown, and how many are not."""

    shown: tuple[Row, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """Everything that the template shows."""

    picture: Picture
    now: datetime
    headline: Headline
    troubles: tuple[str, ...]
    circuits: Rows
    wrong: Rows
    sites: tuple[Site, ...]
    services: Rows
    devices: Rows
    flags: tuple[Flag, ...]
    learnt: tuple[Learnt, ...]
    strangers: tuple[Stranger, ...]
    events: tuple[Event, ...]
    windows: tuple[Announced, ...]


def view(picture: Picture, now: datetime) -> View:
    """Return what the page shows of a picture."""
    paged = {page.target for page in picture.pages}
    rows = [_row(picture, target, now, paged=target.name in paged) for target in picture.estate.targets.values()]
    troubles = agent_troubles(picture)
    return View(
        picture,
        now,
        headline(picture, rows, troubles),
        troubles,
        _table(row for row in rows if row.target.role is Role.CIRCUIT),
        _table(row for row in rows if row.target.role is not Role.CIRCUIT and _is_wrong(row)),
        tuple(_site(row, rows) for row in _sorted(rows) if row.target.role is Role.SITE)[:MAX_ROWS],
        _table(row for row in rows if row.target.role is Role.SERVICE),
        _table(row for row in rows if row.target.role is Role.DEVICE),
        _flags(picture),
        picture.learning.proposals[:MAX_LEARNT],
        picture.learning.strangers[:MAX_LEARNT],
        tuple(event for event in reversed(picture.events.copy()) if event.kind is not EventKind.CHECK)[:MAX_EVENTS],
        _announced(picture, now),
    )


def headline(picture: Picture, rows: Sequence[Row], troubles: Sequence[str]) -> Headline:
    """Return the page in one line; groups and sites are left to the circuits and devices that they consist of."""
    whole = [row for row in rows if not row.target.members]
    failed = [row for row in whole if row.verdict.state is State.DOWN and not row.excused]
    lesser = [row for row in whole if (row.verdict.state is State.DEGRADED or row.failing) and not row.excused]
    count = len(failed) + len(lesser) + len(troubles)
    details = _details(whole, [*failed, *lesser])
    if not rows:
        return Headline("Nothing is watched yet", "warn", ("The configuration names no target.",))
    if not picture.ready and not count:
        return Headline("Starting: the first round is under way", "warn", details)
    if not count:
        unknown = any(row.verdict.state is State.UNKNOWN for row in whole)
        text = "Nothing is known to be wrong" if unknown else "All is well"
        return Headline(text, "warn" if unknown else "well", details)
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    text = f"{number} thing{'s are' if count > 1 else ' is'} wrong"
    return Headline(text, "bad" if failed or troubles else "warn", details)


def agent_troubles(picture: Picture) -> tuple[str, ...]:
    """Return what is wrong with the agent itself, as sentences."""
    found = []
    if picture.ledger_problem:
        found.append(f"The ledger cannot be written: {picture.ledger_problem}")
    if not picture.config_ok:
        found.append(f"The last reload was refused, the former configuration is in force: {picture.config_problem}")
    if (span := picture.blind.get(None)) is not None:
        found.append(f"The agent is blind and cannot measure anything: {span.why}")
    return tuple(found)


def _details(whole: Sequence[Row], wrong: Sequence[Row]) -> tuple[str, ...]:
    named = [
        f"{row.target.kind} {row.target.name}"
        + (f": {row.failing[0][0]} is down" if row.failing else f" is {row.verdict.state}")
        for row in wrong
    ]
    states = Counter(row.verdict.state for row in whole)
    shown = named[:4] + ([f"{len(named) - 4} more"] if len(named) > 4 else [])
    if lost := states[State.UNREACHABLE]:
        shown.append(f"{lost} unreachable behind what failed")
    if unknown := states[State.UNKNOWN]:
        shown.append(f"{unknown} not known")
    shown.append(f"{states[State.UP]} of {len(whole)} up")
    return tuple(shown)


def _row(picture: Picture, target: Target, now: datetime, *, paged: bool) -> Row:
    verdict, found, failing = picture.verdicts.get(target.name, _NO_VERDICT), None, []
    outage = picture.open_outages.get(target.name)
    taken = acknowledgement(picture.notes.get(outage.id, ())) if outage is not None else None
    for check in target.checks:
        key = (check.target, check.name)
        summary, health = picture.round(*key), picture.health.get(key)
        if found is None and summary is not None and (now - summary.at).total_seconds() <= fresh_seconds(check):
            found = summary
        if verdict.state is State.UP and health is not None and health.state is State.DOWN:
            failing.append((check.name, health))
    poll = picture.polls.get(target.name)
    return Row(target, verdict, found, poll, tuple(failing), taken.author if taken is not None else "", paged)


def _is_wrong(row: Row) -> bool:
    return row.verdict.state is not State.UP or bool(row.verdict.marks or row.failing)


def _rank(row: Row) -> tuple[int, bool, bool]:
    return (
        _WORST_FIRST[row.verdict.state],
        not (row.verdict.marks or row.failing),
        row.target.urgency is not Urgency.NOW,
    )


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=_rank)


def _table(rows: Iterable[Row]) -> Rows:
    found = _sorted(rows)
    return Rows(tuple(found[:MAX_ROWS]), max(0, len(found) - MAX_ROWS))


def _site(row: Row, rows: Sequence[Row]) -> Site:
    inside = Counter(r.verdict.state for r in rows if r.target.role in _INSIDE and r.target.site == row.target.name)
    return Site(row, tuple((state, inside[state]) for state in _WORST_FIRST if inside[state]))


def _announced(picture: Picture, now: datetime) -> tuple[Announced, ...]:
    found = [
        Announced(window, about(window), span, span.begins_at <= now)
        for window in picture.windows
        if (span := present_or_next(window, now)) is not None
    ]
    return tuple(sorted(found, key=lambda one: one.span))[:MAX_WINDOWS]


def _flags(picture: Picture) -> tuple[Flag, ...]:
    found = []
    for name, flags in dict(picture.flags).items():
        target = picture.estate.targets.get(name)
        if target is not None:
            found += [Flag(name, target.kind, f.reason, f.severity, f.detail, f.source) for f in flags]
    return tuple(sorted(found, key=lambda flag: _SEVERITY_ORDER.get(flag.severity, 3)))[:MAX_ROWS]


# ---------------------------------------------------------------- as HTML


def milliseconds(seconds: float | None) -> str:
    """Return a round-trip time for a table; a dash where there is none."""
    if seconds is None:
        return _DASH
    value = seconds * 1000
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def percent(ratio: float | None) -> str:
    """Return a loss for a table; a dash where there is none."""
    if ratio is None:
        return _DASH
    return "0 %" if ratio == 0 else "100 %" if ratio == 1 else f"{ratio * 100:.1f} %"


def words(name: str) -> str:
    """Return a key as words: `age_over_policy` is `age over policy`."""
    return name.replace("_", " ")


def environment() -> Environment:
    """Return the templates' environment."""
    made = Environment(
        loader=PackageLoader("exporters"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"ms": milliseconds, "percent": percent, "words": words, "duration": format_duration}
    made.globals |= {"version": __version__, "static": static_tag()}
    return made


class StatusPage:
    """Renders the page, and keeps the last one for the other browsers that ask at the same time."""

    def __init__(self) -> None:
        self._environment: Final = environment()
        self._lock: Final = threading.Lock()
        self._kept: dict[bool, tuple[float, str, str]] = {}

    def render(self, picture: Picture, now: datetime, main_only: bool) -> tuple[str, str]:
        """Return HTML and its entity tag.

        Args:
            main_only: only what changes from one moment to the next.
        """
        with self._lock:
            kept = self._kept.get(main_only)
            if kept is None or time.monotonic() - kept[0] > KEPT_SECONDS:
                template = self._environment.get_template("main.html" if main_only else "page.html")
                html = template.render(view=view(picture, now))
                kept = self._kept[main_only] = (time.monotonic(), html, hashlib.sha256(html.encode()).hexdigest()[:32])
            return kept[1], kept[2]


@cache
def static_files() -> dict[str, tuple[bytes, str]]:
    """Return the page's own files: name -> (content, media type)."""
    folder = resources.files("exporters") / "static"
    return {
        item.name: (item.read_bytes(), _KINDS[item.name.rpartition(".")[2]])
        for item in folder.iterdir()
        if item.is_file() and item.name.rpartition(".")[2] in _KINDS
    }


def static_tag() -> str:
    """Return what stands in the addresses of the page's files, so that a new version is fetched."""
    return hashlib.sha256(b"".join(body for _, (body, _) in sorted(static_files().items()))).hexdigest()[:8]
