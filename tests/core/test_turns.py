"""What is said of a target that answers otherwise than it did."""

from datetime import UTC, datetime

import pytest

from agent.core.model import EventKind, Trait, Turn
from agent.core.turns import turn_event

SINCE, AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC), datetime(2026, 11, 1, 9, 30, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("trait", "old", "new", "reason"),
    [
        (Trait.REPLY_TTL, "61", "58", "replies come with TTL 58 instead of 61: the way back is 3 hops longer"),
        (Trait.REPLY_TTL, "58", "59", "replies come with TTL 59 instead of 58: the way back is 1 hop shorter"),
        (
            Trait.REPLY_TTL, "61", "252",
            "replies come with TTL 252 instead of 61: another host answers, or one with another initial TTL",
        ),
        (
            Trait.REPLY_DSCP, "46", "0",
            "replies come with DSCP BE instead of EF: something on the way marks them otherwise",
        ),
        (
            Trait.REPLY_DSCP, "46", "7",
            "replies come with DSCP 7 instead of EF: something on the way marks them otherwise",
        ),
        (
            Trait.ADDRESS, "10.0.0.1", "10.0.0.2, 10.0.0.3",
            "its name leads to 10.0.0.2, 10.0.0.3 now, and led to 10.0.0.1",
        ),
    ],
)  # fmt: skip
def test_a_turn_in_words(trait: Trait, old: str, new: str, reason: str) -> None:
    event = turn_event(Turn("core", "icmp", AT, SINCE, trait, old, new))
    assert (event.kind, event.target, event.check) == (EventKind.PATH, "core", "icmp")
    assert (event.at, event.noticed_at, event.old, event.new) == (SINCE, AT, old, new)
    assert event.reason == reason
    assert event.evidence == (("trait", trait.value),)
