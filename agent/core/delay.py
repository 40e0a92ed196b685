"""A train of round-trip times becomes delay, loss and delay variation, and one observation of the check.

RFC 2681 (round-trip delay), RFC 6673 (round-trip loss), RFC 5481 and RFC 3393 (delay variation). Unknown echoes take no
part: the network is not judged by the agent's own trouble. Plain lists beat numpy at the ten echoes of a usual round,
and this runs a thousand times a second.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import isnan
from types import MappingProxyType
from typing import Final

from agent.core.model import Echo, Observation, Outcome, Round
from agent.core.picture import RTT_BUCKETS_SECONDS, EchoTotals, RoundSummary

_KNOWN_BAD: Final = (Echo.LOST, Echo.REFUSED)
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
        "suspended": "this host was suspended",
        "send_enetunreach": "this host has no route to the target's network",
        "send_ehostunreach": "this host has no route to the target",
        "send_enetdown": "this host's interface is down",
        "send_eperm": "this host's own firewall forbids sending",
        "send_enobufs": "this host's send queue is full",
    }
)


def summarize(round: Round) -> RoundSummary:  # noqa: A002 - the word of the domain
    """Return one round in figures.

    Delay variation needs two answered echoes, and is absent from fewer; neighbours are echoes sent one after the other
    that were both answered.

    Returns:
        The figures; `loss_ratio` None where no echo's outcome is known, empty mappings where nothing was answered.
        Percentiles are interpolated linearly (numpy's default).
    """
    outcomes: list[int] = round.outcomes.tolist()
    rtts: list[float] = round.rtts_seconds.tolist()
    received = outcomes.count(Echo.RECEIVED)
    sent = received + outcomes.count(Echo.LOST) + outcomes.count(Echo.REFUSED)
    ordered = sorted(_answered(outcomes, rtts))
    return RoundSummary(
        at=round.ended_at,
        sent=sent,
        received=received,
        unknown=len(outcomes) - sent,
        loss_ratio=(sent - received) / sent if sent else None,
        rtt_seconds=_rtt(ordered),
        pdv_seconds=_pdv(ordered),
        ipdv_seconds=_ipdv(outcomes, rtts),
    )


def add(totals: EchoTotals, round: Round) -> None:  # noqa: A002 - the word of the domain
    """Count a round into its check's totals; a burst's echoes apart, for they are sent because of losses."""
    outcomes: list[int] = round.outcomes.tolist()
    received = outcomes.count(Echo.RECEIVED)
    lost = outcomes.count(Echo.LOST) + outcomes.count(Echo.REFUSED)
    if round.burst:
        totals.burst_sent += received + lost
        totals.burst_lost += lost
        return
    totals.sent += received + lost
    totals.received += received
    totals.lost += lost
    totals.duplicates += round.duplicates
    for why, number in round.why_unknown.items():
        totals.unknown[why] = totals.unknown.get(why, 0) + number
    ordered = sorted(_answered(outcomes, round.rtts_seconds.tolist()))
    if not ordered:
        return
    totals.rtt_sum_seconds += sum(ordered)
    buckets = totals.rtt_buckets
    for place, bound in enumerate(RTT_BUCKETS_SECONDS):
        buckets[place] += bisect_right(ordered, bound)


def observe(round: Round) -> Observation:  # noqa: A002 - the word of the domain
    """Return what a round says of its check.

    Any reply makes it OK: how much loss is too much is not decided here. A round without any echo whose outcome is
    known says nothing (UNKNOWN). `since` and `proven_at` are the departures of the first and the last answered echo,
    or, without any, of the first and the last lost one. A burst is `confirmed`: it is sent to make sure.
    """
    outcomes: list[int] = round.outcomes.tolist()
    answered = _answered(outcomes, round.rtts_seconds.tolist())
    received = outcomes.count(Echo.RECEIVED)
    refused = outcomes.count(Echo.REFUSED)
    sent = received + refused + outcomes.count(Echo.LOST)
    mean = sum(answered) / len(answered) if answered else None
    if received:
        outcome, speaking = Outcome.OK, [place for place, code in enumerate(outcomes) if code == Echo.RECEIVED]
    elif sent:
        outcome = Outcome.REFUSED if refused else Outcome.NO_ANSWER
        speaking = [place for place, code in enumerate(outcomes) if code in _KNOWN_BAD]
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
        detail=_detail(round, received, sent, mean),
        duration_seconds=mean,
        since=datetime.fromtimestamp(float(round.sent_at_seconds[speaking[0]]), UTC),
        proven_at=datetime.fromtimestamp(float(round.sent_at_seconds[speaking[-1]]), UTC),
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


def _answered(outcomes: list[int], rtts: list[float]) -> list[float]:
    # an answered echo can lack its round-trip time: the clock was stepped between its stamps, or it has none
    return [rtt for code, rtt in zip(outcomes, rtts, strict=True) if code == Echo.RECEIVED and not isnan(rtt)]


def _rtt(ordered: list[float]) -> Mapping[str, float]:
    if not ordered:
        return _NOTHING
    return {
        "min": ordered[0],
        "mean": sum(ordered) / len(ordered),
        "max": ordered[-1],
        "p50": percentile(ordered, 0.5),
        "p95": percentile(ordered, 0.95),
    }


def _pdv(ordered: list[float]) -> Mapping[str, float]:
    """RFC 5481 4.2: PDV(i) = D(i) - D(min)."""
    if len(ordered) < 2:
        return _NOTHING
    least = ordered[0]
    return {
        "p50": percentile(ordered, 0.5) - least,
        "p95": percentile(ordered, 0.95) - least,
        "max": ordered[-1] - least,
    }


def _ipdv(outcomes: list[int], rtts: list[float]) -> Mapping[str, float]:
    """RFC 3393 1.1 with neighbours as the selection function; a pair with a lost packet is undefined."""
    here = [rtt if code == Echo.RECEIVED and not isnan(rtt) else None for code, rtt in zip(outcomes, rtts, strict=True)]
    steps = sorted(abs(after - before) for before, after in pairwise(here) if before is not None and after is not None)
    if not steps:
        return _NOTHING
    return {"mean": sum(steps) / len(steps), "p95": percentile(steps, 0.95), "max": steps[-1]}


def _detail(
    round: Round,  # noqa: A002 - the word of the domain
    received: int,
    sent: int,
    mean: float | None,
) -> str:
    parts = [f"{received} of {sent} {'echo' if sent == 1 else 'echoes'} answered"]
    if mean is not None:
        parts.append(f", {format_milliseconds(mean)}")
    if round.refusals:
        parts.append(f" ({'; '.join(round.refusals)})")
    if round.why_unknown:
        parts.append(f"; {_why(round.why_unknown, whole=False)}")
    return "".join(parts)


def _why(why_unknown: Mapping[str, int], *, whole: bool) -> str:
    reasons = "; ".join(explain_unknown(why) for why in why_unknown) or "no echo was sent"
    return f"not measured: {reasons}" if whole else f"{sum(why_unknown.values())} not measured: {reasons}"
