"""Availability as a contract counts it, from outages, blind time, maintenance and a supplier's clock-stops.

Every microsecond of the window belongs to one part. Where several would have it, the first of these does: maintenance
(where the contract excludes it), clock-stop (where it does, and only of time that would count as down), blind, down,
unreachable (where only the target's own faults count), up.

What happened while the agent was blind is not known, whatever was believed before and after; nor is, of a target that
could not be reached, whether it would have failed by itself. So there are three figures. `believed` takes an outage as
lasting from its beginning to its end, and all other time as up. `best` takes all blind time as up; `worst` takes it as
down, and unreachable time too. The truth lies between these two.

Arithmetic is in whole microseconds and fractions: worked out again, it gives the same digits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

from agent.core.contract import Exclusion, Rules
from agent.core.model import Outage, State
from agent.core.spans import NOTHING, SECOND_US, Spans, common, from_us, join, length, tidy, to_us, widen, without

PERCENT_DIGITS: Final = 5  # one second in a month is 0.00004 %
Pair = tuple[datetime, datetime]


class Counted(StrEnum):
    """Which outages count."""

    OWN = "own"  # the target's own faults: what its supplier owes
    ALL = "all"  # also what it depends on: what users had


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one target, as sets of time that may reach beyond the window.

    Attributes:
        down: its own outages, `unreachable` those of what it depends on.
        blind: when it could not be measured.
    """

    down: Spans = NOTHING
    unreachable: Spans = NOTHING
    blind: Spans = NOTHING
    maintenance: Spans = NOTHING
    clock_stops: Spans = NOTHING


@dataclass(frozen=True, slots=True)
class Availability:
    """What became of a window; all times in microseconds.

    Attributes:
        span_us: the window's length, the sum of the six parts that follow.
        measured_us: in which service was due: the window without maintenance.
        lost_us: counted as without service, by the contract's rules: believed; at best; at worst.
        best, believed, worst: 1 - lost / measured, exactly; None where nothing was due, and `believed` also where
            nothing at all was seen.
    """

    counted: Counted
    span_us: int
    maintenance_us: int
    clock_stop_us: int
    blind_us: int
    down_us: int
    unreachable_us: int
    up_us: int
    measured_us: int
    lost_us: int
    least_lost_us: int
    most_lost_us: int

    @property
    def believed(self) -> Fraction | None:
        """The share of service by what was believed."""
        seen = self.up_us or self.down_us or self.unreachable_us or self.lost_us
        return self._share(self.lost_us) if seen else None

    @property
    def best(self) -> Fraction | None:
        """The share of service if everything was up while nobody could see it."""
        return self._share(self.least_lost_us)

    @property
    def worst(self) -> Fraction | None:
        """The share of service if nothing was up while nobody could see it."""
        return self._share(self.most_lost_us)

    def _share(self, lost_us: int) -> Fraction | None:
        return 1 - Fraction(lost_us, self.measured_us) if self.measured_us else None


@dataclass(frozen=True, slots=True)
class Budget:
    """What an objective leaves of a period; times in microseconds.

    Attributes:
        allowed_us: time without service that the objective bears in the whole period.
        used_us: of that, what is lost by now; `left_us` is below 0 once it is spent.
        spent_at: when it was used up, or will be if service is lost on as it was so far; None: not in this period.
    """

    objective: Fraction
    allowed_us: int
    used_us: int
    spent_at: datetime | None

    @property
    def left_us(self) -> int:
        """What is left."""
        return self.allowed_us - self.used_us


def record(
    outages: Iterable[Outage],
    now: datetime,
    *,
    blind: Spans = NOTHING,
    maintenance: Iterable[Pair] = (),
    clock_stops: Iterable[Pair] = (),
) -> Record:
    """Return one target's record; an outage that is open lasts until `now`, and nothing reaches beyond that."""
    down: list[tuple[int, int]] = []
    unreachable: list[tuple[int, int]] = []
    for outage in outages:
        span = (to_us(outage.began_at), to_us(now if outage.ended_at is None else min(outage.ended_at, now)))
        (unreachable if outage.state is State.UNREACHABLE else down).append(span)
    return Record(tidy(down), tidy(unreachable), blind, _tidied(maintenance), _tidied(clock_stops))


def availability(known: Record, window: Pair, rules: Rules, counted: Counted) -> Availability:
    """Return what became of a window, which must not reach into the future.

    A contract's `minimum_outage` is held against a whole outage, also where it reaches beyond the window, and outages
    that follow one another without a gap are one; blind time alone that is shorter hides none. `interval` counts from
    the beginning of the window.
    """
    whole, due, stopped = _scopes(known, window, rules)
    failed = known.down if counted is Counted.OWN else join(known.down, known.unreachable)
    beside = known.unreachable if counted is Counted.OWN else NOTHING
    clock_stop = common(common(stopped, due), join(failed, known.blind))
    rest = without(due, clock_stop)
    blind = common(rest, known.blind)
    rest = without(rest, blind)
    down = common(rest, failed)
    rest = without(rest, down)
    unreachable = common(rest, beside)
    return Availability(
        counted=counted,
        span_us=length(whole),
        maintenance_us=length(whole) - length(due),
        clock_stop_us=length(clock_stop),
        blind_us=length(blind),
        down_us=length(down),
        unreachable_us=length(unreachable),
        up_us=length(rest) - length(unreachable),
        measured_us=length(due),
        lost_us=length(_lost(failed, window, rules, due, stopped)),
        least_lost_us=length(_lost(without(failed, known.blind), window, rules, due, stopped)),
        most_lost_us=length(_lost(join(failed, known.blind, beside), window, rules, due, stopped)),
    )


def lost(known: Record, window: Pair, rules: Rules, counted: Counted) -> Spans:
    """Return the time without service that counts by the contract's rules, as it is believed."""
    failed = known.down if counted is Counted.OWN else join(known.down, known.unreachable)
    _, due, stopped = _scopes(known, window, rules)
    return _lost(failed, window, rules, due, stopped)


def budget(known: Record, period: Pair, now: datetime, rules: Rules, counted: Counted, objective: Fraction) -> Budget:
    """Return what an objective leaves of a period by `now`.

    Args:
        objective: the share of service that was agreed, 0-1; `ratio` makes it of a number as it was written.
    """
    until = min(max(now, period[0]), period[1])
    _, due, _ = _scopes(known, period, rules)
    allowed = length(due) * (1 - objective) // 1
    spans = lost(known, (period[0], until), rules, counted)
    used = length(spans)
    return Budget(objective, allowed, used, _spent_at(spans, due, to_us(until), allowed, used))


def ratio(number: float) -> Fraction:
    """Return a number as it was written in the configuration, 0.999 or 99.9%: not the binary one beside it."""
    return Fraction(str(round(number, 12)))


def percent(share: Fraction | None, digits: int = PERCENT_DIGITS) -> str | None:
    """Return a share as a percentage with so many decimals, cut and never rounded up: 99.999999 % is not 100 %."""
    if share is None:
        return None
    whole, rest = divmod(share * 100 * 10**digits // 1, 10**digits)
    return f"{whole}.{rest:0{digits}d}"


def seconds(us: int) -> float:
    """Return microseconds as seconds; the nearest number there is, which prints with the digits it has."""
    return us / SECOND_US


def _tidied(pairs: Iterable[Pair]) -> Spans:
    return tidy((to_us(begin), to_us(end)) for begin, end in pairs)


def _scopes(known: Record, window: Pair, rules: Rules) -> tuple[Spans, Spans, Spans]:
    """Return the window, what of it service was due in, and when the clock stood."""
    whole = _tidied([window])
    maintenance = known.maintenance if Exclusion.MAINTENANCE in rules.excludes else NOTHING
    stopped = known.clock_stops if Exclusion.CLOCK_STOPS in rules.excludes else NOTHING
    return whole, without(whole, maintenance), stopped


def _lost(failed: Spans, window: Pair, rules: Rules, due: Spans, stopped: Spans) -> Spans:
    least, step = (
        round(length_seconds * SECOND_US) for length_seconds in (rules.minimum_outage_seconds, rules.interval_seconds)
    )
    long_enough = tuple(span for span in failed if span[1] - span[0] >= least)
    counts = without(common(long_enough, due), stopped)
    if not step:
        return counts
    return without(common(widen(counts, to_us(window[0]), step), due), stopped)


def _spent_at(spans: Spans, due: Spans, now: int, allowed: int, used: int) -> datetime | None:
    """Return when the budget ran out, or when it will at the rate so far, if that is within the period."""
    if not used:
        return None
    if used >= allowed:
        return _passed(spans, allowed)
    ahead = common(due, ((now, max(now + 1, due[-1][1])),))
    gone = length(due) - length(ahead)
    return _passed(ahead, -(Fraction(gone, used) * (used - allowed) // 1))


def _passed(spans: Spans, amount: int) -> datetime | None:
    """Return the moment when so much of a set has passed; None where it is not that long."""
    for begin, end in spans:
        if amount <= end - begin:
            return from_us(begin + amount)
        amount -= end - begin
    return None
