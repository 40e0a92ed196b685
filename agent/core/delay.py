"""A train of round-trip times becomes delay, loss and delay variation, and one observation of the check.

RFC 2681 (round-trip delay), RFC 6673 (round-trip loss), RFC 5481 and RFC 3393 (delay variation). Unknown echoes take no
part: the network is not judged by the agent's own trouble. Rounds of one length are looked through together: a large
estate has a thousand of them a second.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.model import Echo, Observation, Outcome, Round

# plain numbers: numpy compares with an enum's member ten times slower
_RECEIVED: Final = int(Echo.RECEIVED)
_LOST: Final = int(Echo.LOST)
_REFUSED: Final = int(Echo.REFUSED)
_NOTHING: Final[Mapping[str, float]] = MappingProxyType({})
_Floats = npt.NDArray[np.float64]
_Whole = npt.NDArray[np.intp]

# what the reasons of unknown echoes mean, and what helps; the short names are label values of metrics
WHY_UNKNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_permission": "no permission to send ICMP echoes; allow it with `sysctl -w net.ipv4.ping_group_range="
        "'0 2147483647'` or give the service CAP_NET_RAW (`setcap cap_net_raw+ep` on its interpreter)",
        "no_address": "the name could not be resolved",
        "no_socket": "the ICMP socket could not be opened",
        "address_changed": "the name resolved to another address meanwhile",
        "interface_gone": "the interface that the echoes are bound to is missing or down",
        "no_carrier": "the interface towards the target has no carrier",
        "receive_drops": "the agent's receive buffer overflowed; raise net.core.rmem_max",
        "late_loop": "the agent was held up and did not send in time",
        "echo_rate": "more echoes were due than `agent.echo_rate` allows; raise it, or lengthen intervals",
        "suspended": "this host was suspended",
        "send_enetunreach": "this host has no route to the target's network",
        "send_ehostunreach": "this host has no route to the target",
        "send_enetdown": "this host's interface is down",
        "send_eperm": "this host's own firewall forbids sending",
        "send_enobufs": "this host's send queue is full",
    }
)


# smokeping_prober's default buckets (seconds), so that its dashboards go on working
RTT_BUCKETS_SECONDS: Final = (
    0.00005, 0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.0256, 0.0512, 0.1024, 0.2048, 0.4096,
    0.8192, 1.6384, 3.2768, 6.5536, 13.1072, 26.2144,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoundSummary:
    """One round in figures (RFC 2681, 6673, 5481); None where no echo gives the figure.

    Attributes:
        sent: echoes whose outcome is known.
        rtt_seconds: stat -> value for min, mean, max, p50, p95.
        pdv_seconds: RFC 5481 packet delay variation (against the round's minimum): p50, p95, max.
        ipdv_seconds: RFC 3393 difference of neighbours, absolute: mean, p95, max.
    """

    at: datetime
    sent: int
    received: int
    unknown: int
    loss_ratio: float | None
    rtt_seconds: Mapping[str, float] = field(default_factory=dict)
    pdv_seconds: Mapping[str, float] = field(default_factory=dict)
    ipdv_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class EchoTotals:
    """Counters of one check's echoes since the agent started.

    Attributes:
        burst_sent, burst_lost: those of confirmation bursts, apart: they are sent because echoes were lost, and
            would bias every ratio.
        rtt_counts: round-trip times in each of `RTT_BUCKETS_SECONDS`, and last those above all of them.
    """

    sent: int = 0  # outcome known: received + lost
    received: int = 0
    lost: int = 0
    duplicates: int = 0
    burst_sent: int = 0
    burst_lost: int = 0
    late: int = 0
    reordered: int = 0
    corrupted: int = 0
    unknown: dict[str, int] = field(default_factory=dict)  # by why
    rtt_sum_seconds: float = 0.0
    rtt_counts: list[int] = field(default_factory=lambda: [0] * (len(RTT_BUCKETS_SECONDS) + 1))


class Train(NamedTuple):
    """The echoes of one round, looked through once for all that is made of them.

    Attributes:
        outcome: what they say of the check: any reply makes it OK.
        sent: those whose outcome is known.
        ordered: round-trip times of answered echoes, ascending. An answered echo can lack its round-trip time: the
            clock was stepped between its stamps, or it has none.
        first, last: departures, Unix time, of the first and the last answered echo; where none was answered, of the
            first and the last one that was lost or refused.
        rtt: min, mean, max, p50 and p95 in seconds, where `ordered` is not empty.
        pdv: p50, p95 and max, where there are two of them.
        steps: how many pairs of neighbours were both answered; `ipdv`: mean, p95 and max of their differences.
    """

    round: Round
    outcome: Outcome
    sent: int
    received: int
    ordered: list[float]
    first: float
    last: float
    rtt: list[float]
    pdv: list[float]
    steps: int
    ipdv: list[float]

    @property
    def at(self) -> datetime:
        """When the outcome of the last echo was known, as of an `Observation`."""
        return self.round.ended_at

    @property
    def duration_seconds(self) -> float | None:
        """The mean round-trip time; None where there is none."""
        return self.rtt[1] if self.ordered else None


def train(round: Round) -> Train:  # noqa: A002 - the word of the domain
    """Look through one round."""
    return trains([round])[0]


def trains(rounds: Sequence[Round]) -> list[Train]:
    """Look through many rounds at once."""
    if len({len(one.outcomes) for one in rounds}) == 1:
        return _trains_alike(rounds)
    by_length: dict[int, list[int]] = {}
    for place, one in enumerate(rounds):
        by_length.setdefault(len(one.outcomes), []).append(place)
    found: dict[int, Train] = {}
    for places in by_length.values():
        found.update(zip(places, _trains_alike([rounds[place] for place in places]), strict=True))
    return [found[place] for place in range(len(rounds))]


def _trains_alike(rounds: Sequence[Round]) -> list[Train]:
    shape = (len(rounds), len(rounds[0].outcomes))
    if not shape[1]:
        return [Train(one, Outcome.UNKNOWN, 0, 0, [], 0.0, 0.0, [], [], 0, []) for one in rounds]
    outcomes = np.concatenate([one.outcomes for one in rounds]).reshape(shape)
    departures = np.concatenate([one.sent_at_seconds for one in rounds]).reshape(shape)
    rtts = np.concatenate([one.rtts_seconds for one in rounds]).reshape(shape)
    answered = outcomes == _RECEIVED
    if answered.all():
        sent = received = np.full(shape[0], shape[1])
        said, speaking = [Outcome.OK] * shape[0], answered
    else:
        refused = outcomes == _REFUSED
        known = answered | refused | (outcomes == _LOST)
        received, sent = answered.sum(axis=1), known.sum(axis=1)
        kinds = np.where(received > 0, 0, np.where(refused.any(axis=1), 1, np.where(sent > 0, 2, 3)))
        said = [_SAID[kind] for kind in kinds.tolist()]
        speaking = np.where((received > 0)[:, np.newaxis], answered, known)
        rtts = np.where(answered, rtts, np.nan)
    rows = np.arange(shape[0])
    first = departures[rows, speaking.argmax(axis=1)]
    last = departures[rows, shape[1] - 1 - speaking[:, ::-1].argmax(axis=1)]
    ordered, counts = _ordered(rtts)
    rtt = _stats(ordered, counts)
    steps, step_counts = _ordered(np.abs(rtts[:, 1:] - rtts[:, :-1]))  # with a lost echo it is NaN: no pair
    pdv = rtt[:, (3, 4, 2)] - rtt[:, :1]
    ipdv = _stats(steps, step_counts)[:, (1, 4, 2)]
    values = ordered.tolist()
    if counts.min() < shape[1]:
        values = [row[:count] for row, count in zip(values, counts.tolist(), strict=True)]
    return list(
        map(
            Train, rounds, said, sent.tolist(), received.tolist(), values, first.tolist(), last.tolist(), rtt.tolist(),
            pdv.tolist(), step_counts.tolist(), ipdv.tolist(),
        )
    )  # fmt: skip


_SAID: Final = (Outcome.OK, Outcome.REFUSED, Outcome.NO_ANSWER, Outcome.UNKNOWN)


def _ordered(values: _Floats) -> tuple[_Floats, _Whole]:
    """Sort each row, what is NaN last; return that, and how many of each row are numbers."""
    ordered = np.sort(values, axis=1)
    return ordered, np.count_nonzero(ordered == ordered, axis=1)


def _stats(ordered: _Floats, counts: _Whole) -> _Floats:
    """Return min, mean, max, p50 and p95 of each row's numbers; what stands where there are none means nothing."""
    found = np.zeros((len(ordered), 5))
    if not ordered.shape[1]:
        return found
    rows, most = np.arange(len(ordered)), np.maximum(counts - 1, 0)
    sums = np.where(ordered == ordered, ordered, 0.0).sum(axis=1)
    found[:, 0], found[:, 1], found[:, 2] = ordered[:, 0], sums / np.maximum(counts, 1), ordered[rows, most]
    for column, ratio in ((3, 0.5), (4, 0.95)):
        place = most * ratio
        below = place.astype(np.intp)
        low = ordered[rows, below]
        found[:, column] = low + (ordered[rows, np.minimum(below + 1, most)] - low) * (place - below)
    return found


def summarize(seen: Train) -> RoundSummary:
    """Return one round in figures.

    Delay variation needs two answered echoes, and is absent from fewer (RFC 5481 4.2: PDV(i) = D(i) - D(min));
    neighbours are echoes sent one after the other that were both answered (RFC 3393 1.1: a pair with a lost packet is
    undefined).

    Returns:
        The figures; `loss_ratio` None where no echo's outcome is known, empty mappings where nothing was answered.
        Percentiles are interpolated linearly (numpy's default).
    """
    sent, received, timed = seen.sent, seen.received, len(seen.ordered)
    return RoundSummary(
        seen.round.ended_at,
        sent,
        received,
        len(seen.round.outcomes) - sent,
        (sent - received) / sent if sent else None,
        dict(zip(_RTT_STATS, seen.rtt, strict=True)) if timed else _NOTHING,
        dict(zip(_PDV_STATS, seen.pdv, strict=True)) if timed > 1 else _NOTHING,
        dict(zip(_IPDV_STATS, seen.ipdv, strict=True)) if seen.steps else _NOTHING,
    )


_RTT_STATS: Final = ("min", "mean", "max", "p50", "p95")
_PDV_STATS: Final = ("p50", "p95", "max")
_IPDV_STATS: Final = ("mean", "p95", "max")


def add(totals: EchoTotals, seen: Train) -> None:
    """Count a round into its check's totals; a burst's echoes apart, for they are sent because of losses."""
    lost = seen.sent - seen.received
    if seen.round.burst:
        totals.burst_sent += seen.sent
        totals.burst_lost += lost
        return
    totals.sent += seen.sent
    totals.received += seen.received
    totals.lost += lost
    totals.duplicates += seen.round.duplicates
    totals.late += seen.round.late
    totals.reordered += seen.round.reordered
    totals.corrupted += seen.round.corrupted
    for why, number in seen.round.why_unknown.items():
        totals.unknown[why] = totals.unknown.get(why, 0) + number
    ordered = seen.ordered
    if not ordered:
        return
    totals.rtt_sum_seconds += seen.rtt[1] * len(ordered)
    least, most = bisect_left(RTT_BUCKETS_SECONDS, ordered[0]), bisect_left(RTT_BUCKETS_SECONDS, ordered[-1])
    if least == most:
        totals.rtt_counts[least] += len(ordered)
    else:
        for rtt in ordered:
            totals.rtt_counts[bisect_left(RTT_BUCKETS_SECONDS, rtt)] += 1


def observe(seen: Train) -> Observation:
    """Return what a round says of its check.

    Any reply makes it OK: how much loss is too much is not decided here. A round without any echo whose outcome is
    known says nothing (UNKNOWN). `since` and `proven_at` are the departures of the first and the last answered echo,
    or, without any, of the first and the last lost one. A burst is `confirmed`: it is sent to make sure.
    """
    round, sent, mean = seen.round, seen.sent, seen.duration_seconds  # noqa: A001 - the word of the domain
    if seen.outcome is Outcome.UNKNOWN:
        return Observation(
            round.target, round.check, round.ended_at, Outcome.UNKNOWN, _why(round.why_unknown, whole=True)
        )
    values = (
        ("echoes_sent", float(sent)),
        ("echoes_received", float(seen.received)),
        ("loss_ratio", (sent - seen.received) / sent),
    )
    return Observation(
        target=round.target,
        check=round.check,
        at=round.ended_at,
        outcome=seen.outcome,
        detail=describe(seen),
        duration_seconds=mean,
        since=datetime.fromtimestamp(seen.first, UTC),
        proven_at=datetime.fromtimestamp(seen.last, UTC),
        confirmed=round.burst,
        values=values if mean is None else (("rtt_mean_seconds", mean), *values),
    )


def explain_unknown(why: str) -> str:
    """Return a reason of unknown echoes as a sentence for a person, with what helps where something does."""
    if (sentence := WHY_UNKNOWN.get(why)) is not None:
        return sentence
    return f"this host could not send ({why.removeprefix('send_').upper()})" if why.startswith("send_") else why


def format_milliseconds(seconds: float) -> str:
    """Return a round-trip time for a person, with three figures that matter: `0.042 ms`, `1.9 ms`, `231 ms`."""
    milliseconds = seconds * 1000
    if milliseconds >= 100:
        return f"{milliseconds:.0f} ms"
    if milliseconds >= 1:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.3f} ms"


def describe(seen: Train) -> str:
    """Return what a round saw as one sentence; not for one whose outcome is UNKNOWN."""
    round, sent = seen.round, seen.sent  # noqa: A001 - the word of the domain
    text = f"{seen.received} of {sent} {'echo' if sent == 1 else 'echoes'} answered"
    if seen.ordered:
        text += f", {format_milliseconds(seen.rtt[1])}"
    if round.refusals:
        text += f" ({'; '.join(round.refusals)})"
    if round.why_unknown:
        text += f"; {_why(round.why_unknown, whole=False)}"
    return text


def _why(why_unknown: Mapping[str, int], *, whole: bool) -> str:
    reasons = "; ".join(explain_unknown(why) for why in why_unknown) or "no echo was sent"
    return f"not measured: {reasons}" if whole else f"{sum(why_unknown.values())} not measured: {reasons}"
