"""A train of round-trip times becomes delay, loss and delay variation, and one observation of the check.

RFC 2681 (round-trip delay), RFC 6673 (round-trip loss), RFC 5481 and RFC 3393 (delay variation). Unknown echoes take no
part: the network is not judged by the agent's own trouble. Plain lists beat numpy at the ten echoes of a usual round,
and this runs a thousand times a second.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import isnan, nan
from types import MappingProxyType
from typing import Final

from agent.core.model import Echo, Observation, Outcome, Round
from agent.core.picture import RTT_BUCKETS_SECONDS, EchoTotals, RoundSummary

# plain numbers: an enum's member is compared ten times slower
_RECEIVED: Final = int(Echo.RECEIVED)
_LOST: Final = int(Echo.LOST)
_REFUSED: Final = int(Echo.REFUSED)
_KNOWN_BAD: Final = (_LOST, _REFUSED)
_NOTHING: Final[Mapping[str, float]] = MappingProxyType({})

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


@dataclass(frozen=True, slots=True)
class Train:
    """The echoes of one round, looked through once for all that is made of them.

    Attributes:
        outcomes: `Echo` of each.
        rtts: seconds, NaN where there is none; in the order of sending, as `outcomes`.
        ordered: round-trip times of answered echoes, ascending. An answered echo can lack its round-trip time: the
            clock was stepped between its stamps, or it has none.
        received, refused: how many.
        sent: those whose outcome is known.
    """

    round: Round
    outcomes: list[int]
    rtts: list[float]
    ordered: list[float]
    received: int
    refused: int
    sent: int
    mean_seconds: float | None


def train(round: Round) -> Train:  # noqa: A002 - the word of the domain
    """Look through a round."""
    outcomes: list[int] = round.outcomes.tolist()
    rtts: list[float] = round.rtts_seconds.tolist()
    received, refused = outcomes.count(_RECEIVED), outcomes.count(_REFUSED)
    if received == len(outcomes) and not isnan(sum(rtts)):
        ordered = sorted(rtts)
    else:
        ordered = sorted(rtt for code, rtt in zip(outcomes, rtts, strict=True) if code == _RECEIVED and not isnan(rtt))
    return Train(
        round, outcomes, rtts, ordered, received, refused, received + refused + outcomes.count(_LOST),
        sum(ordered) / len(ordered) if ordered else None,
    )  # fmt: skip


def summarize(seen: Train) -> RoundSummary:
    """Return one round in figures.

    Delay variation needs two answered echoes, and is absent from fewer; neighbours are echoes sent one after the other
    that were both answered.

    Returns:
        The figures; `loss_ratio` None where no echo's outcome is known, empty mappings where nothing was answered.
        Percentiles are interpolated linearly (numpy's default).
    """
    sent, received = seen.sent, seen.received
    return RoundSummary(
        seen.round.ended_at,
        sent,
        received,
        len(seen.outcomes) - sent,
        (sent - received) / sent if sent else None,
        *_rtt_and_pdv(seen),
        _ipdv(seen),
    )


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
    totals.rtt_sum_seconds += sum(ordered)
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
    round, outcomes, sent, received, mean = seen.round, seen.outcomes, seen.sent, seen.received, seen.mean_seconds  # noqa: A001
    if received:
        outcome = Outcome.OK
        first, last = outcomes.index(_RECEIVED), _last(outcomes, _RECEIVED)
    elif sent:
        outcome = Outcome.REFUSED if seen.refused else Outcome.NO_ANSWER
        speaking = [place for place, code in enumerate(outcomes) if code in _KNOWN_BAD]
        first, last = speaking[0], speaking[-1]
    else:
        return Observation(
            round.target, round.check, round.ended_at, Outcome.UNKNOWN, _why(round.why_unknown, whole=True)
        )
    values = (
        ("echoes_sent", float(sent)),
        ("echoes_received", float(received)),
        ("loss_ratio", (sent - received) / sent),
    )
    return Observation(
        target=round.target,
        check=round.check,
        at=round.ended_at,
        outcome=outcome,
        detail=_detail(seen),
        duration_seconds=mean,
        since=datetime.fromtimestamp(round.sent_at_seconds.item(first), UTC),
        proven_at=datetime.fromtimestamp(round.sent_at_seconds.item(last), UTC),
        confirmed=round.burst,
        values=values if mean is None else (("rtt_mean_seconds", mean), *values),
    )


def explain_unknown(why: str) -> str:
    """Return a reason of unknown echoes as a sentence for a person, with what helps where something does."""
    if (sentence := WHY_UNKNOWN.get(why)) is not None:
        return sentence
    return f"this host could not send ({why.removeprefix('send_').upper()})" if why.startswith("send_") else why


def percentile(ordered: Sequence[float], ratio: float) -> float:
    """Return the value below which `ratio` of the sorted, non-empty values lie, interpolated linearly."""
    place = (len(ordered) - 1) * ratio
    below = int(place)
    rest = place - below
    if not rest:
        return ordered[below]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * rest


def format_milliseconds(seconds: float) -> str:
    """Return a round-trip time for a person, with three figures that matter: `0.042 ms`, `1.9 ms`, `231 ms`."""
    milliseconds = seconds * 1000
    if milliseconds >= 100:
        return f"{milliseconds:.0f} ms"
    if milliseconds >= 1:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.3f} ms"


def _last(outcomes: list[int], wanted: int) -> int:
    place = len(outcomes) - 1
    while outcomes[place] != wanted:
        place -= 1
    return place


def _rtt_and_pdv(seen: Train) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return delay, and RFC 5481 4.2: PDV(i) = D(i) - D(min)."""
    ordered, mean = seen.ordered, seen.mean_seconds
    if mean is None:
        return _NOTHING, _NOTHING
    least, most, middle, high = ordered[0], ordered[-1], percentile(ordered, 0.5), percentile(ordered, 0.95)
    rtt = {"min": least, "mean": mean, "max": most, "p50": middle, "p95": high}
    if len(ordered) < 2:
        return rtt, _NOTHING
    return rtt, {"p50": middle - least, "p95": high - least, "max": most - least}


def _ipdv(seen: Train) -> Mapping[str, float]:
    """RFC 3393 1.1 with neighbours as the selection function; a pair with a lost packet is undefined."""
    rtts = seen.rtts
    if len(seen.ordered) == len(rtts):
        steps = sorted([abs(after - before) for before, after in pairwise(rtts)])
    else:  # a lost echo has none, and no difference with NaN is a number
        here = [rtt if code == _RECEIVED else nan for code, rtt in zip(seen.outcomes, rtts, strict=True)]
        steps = sorted(step for before, after in pairwise(here) if not isnan(step := abs(after - before)))
    if not steps:
        return _NOTHING
    return {"mean": sum(steps) / len(steps), "p95": percentile(steps, 0.95), "max": steps[-1]}


def _detail(seen: Train) -> str:
    round, sent = seen.round, seen.sent  # noqa: A001 - the word of the domain
    text = f"{seen.received} of {sent} {'echo' if sent == 1 else 'echoes'} answered"
    if seen.mean_seconds is not None:
        text += f", {format_milliseconds(seen.mean_seconds)}"
    if round.refusals:
        text += f" ({'; '.join(round.refusals)})"
    if round.why_unknown:
        text += f"; {_why(round.why_unknown, whole=False)}"
    return text


def _why(why_unknown: Mapping[str, int], *, whole: bool) -> str:
    reasons = "; ".join(explain_unknown(why) for why in why_unknown) or "no echo was sent"
    return f"not measured: {reasons}" if whole else f"{sum(why_unknown.values())} not measured: {reasons}"
