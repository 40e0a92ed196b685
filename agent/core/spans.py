"""Sets of time as whole microseconds: exact, and the same digits whenever they are worked out again.

A set is a tuple of half-open spans (begin, end), in order, none empty, none touching another. Microseconds count from
1970-01-01 UTC, as in the ledger.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

Spans = tuple[tuple[int, int], ...]
SECOND_US: Final = 1_000_000
NOTHING: Final[Spans] = ()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Return the microseconds of an aware datetime, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return the datetime in UTC."""
    return _EPOCH + timedelta(microseconds=us)


def tidy(pairs: Iterable[tuple[int, int]]) -> Spans:
    """Return the set of whatever pairs these are: empty and reversed ones are left out, touching ones are one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(pair for pair in pairs if pair[0] < pair[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def join(*sets: Spans) -> Spans:
    """Return what is in any of the sets."""
    return tidy(span for one in sets for span in one)


def common(one: Spans, other: Spans) -> Spans:
    """Return what is in both."""
    found = []
    first = second = 0
    while first < len(one) and second < len(other):
        begin, end = max(one[first][0], other[second][0]), min(one[first][1], other[second][1])
        if begin < end:
            found.append((begin, end))
        if one[first][1] <= other[second][1]:
            first += 1
        else:
            second += 1
    return tuple(found)


def without(one: Spans, other: Spans) -> Spans:
    """Return what is in `one` and not in `other`."""
    found = []
    place = 0
    for begin, end in one:
        while place < len(other) and other[place][1] <= begin:
            place += 1
        rest, ahead = begin, place
        while ahead < len(other) and other[ahead][0] < end:
            if rest < other[ahead][0]:
                found.append((rest, other[ahead][0]))
            rest = other[ahead][1]
            ahead += 1
        if rest < end:
            found.append((rest, end))
    return tuple(found)


def length(one: Spans) -> int:
    """Return how long a set is, in microseconds."""
    return sum(end - begin for begin, end in one)


def widen(one: Spans, origin: int, step: int) -> Spans:
    """Return the whole steps, counted from `origin`, that a set touches."""
    return tidy(
        (origin + (begin - origin) // step * step, origin - (origin - end) // step * step) for begin, end in one
    )
