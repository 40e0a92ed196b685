"""When an outage begins and ends, as a rule without I/O.

An outage is time in which a target was down or unreachable, for one reason: where the blame changes (down or
unreachable, other causes) one outage ends and the next begins at the same moment, so that no span is ever charged to
two, and none is counted twice.
"""

from typing import Final, NamedTuple

from agent.core.model import Event, Outage, State

REMOVED: Final = "removed"  # an event's reason, when a reload took its target or check away
RECOVERED: Final = "recovered"
CAUSE_CHANGED: Final = "cause changed"
RENAMED: Final = "renamed"
_BAD: Final = (State.DOWN, State.UNREACHABLE)
_GOOD: Final = (State.UP, State.DEGRADED)


class Step(NamedTuple):
    """What an event does to its target's outage: why the open one ends (None: it does not), whether one begins."""

    close_reason: str | None
    begins: bool


def step(current: Outage | None, event: Event) -> Step:
    """Return what `event` does to the open outage of its target.

    A target that becomes unknown keeps its outage: it is not known to be over.

    Raises:
        ValueError: when the event's new state is none.
    """
    if event.reason == REMOVED:
        return Step(REMOVED if current else None, begins=False)
    new = State(event.new)
    if new in _GOOD:
        return Step(RECOVERED if current else None, begins=False)
    if new not in _BAD:
        return Step(None, begins=False)
    if current is None:
        return Step(None, begins=True)
    if current.state is not new:
        return Step(f"became {new.value}", begins=True)
    if event.causes and set(event.causes) != set(current.causes):
        return Step(CAUSE_CHANGED, begins=True)
    return Step(None, begins=False)
