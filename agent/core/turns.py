"""What it means that a target answers otherwise than it did: an event for a person, who may look for the reason there.

Nothing is wrong by itself: it is evidence for later, when somebody asks what changed before a line became slow.
"""

from typing import Final

from agent.core.model import Event, EventKind, Trait, Turn
from agent.core.units import format_dscp

_HOPS_MAX: Final = 30  # a larger difference is another initial TTL (64, 128, 255): another host answers


def turn_event(turn: Turn) -> Event:
    """Return the event of a change."""
    return Event(
        EventKind.PATH, turn.since, turn.at, turn.target, turn.old, turn.new, _reason(turn), check=turn.check,
        evidence=(("trait", turn.trait.value),),
    )  # fmt: skip


def _reason(turn: Turn) -> str:
    if turn.trait is Trait.ADDRESS:
        return f"its name leads to {turn.new} now, and led to {turn.old}"
    if turn.trait is Trait.REPLY_DSCP:
        old, new = (format_dscp(int(value)) for value in (turn.old, turn.new))
        return f"replies come with DSCP {new} instead of {old}: something on the way marks them otherwise"
    more = int(turn.old) - int(turn.new)
    way = "another host answers, or one with another initial TTL"
    if abs(more) <= _HOPS_MAX:
        way = f"the way back is {_hops(abs(more))} {'longer' if more > 0 else 'shorter'}"
    return f"replies come with TTL {turn.new} instead of {turn.old}: {way}"


def _hops(number: int) -> str:
    return "1 hop" if number == 1 else f"{number} hops"
