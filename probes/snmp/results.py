"""What a poll is told as: observations, and the sentences of their details."""

from datetime import UTC, datetime
from typing import Final

from agent.core.model import Check, Interface, Observation, OperStatus, Outcome, SnmpAuth
from agent.core.units import format_duration
from probes.snmp.device import Device, State
from probes.snmp.poll import Poll
from probes.snmp.reader import Made
from probes.snmp.settings import Settings

_SHOWN_PROBLEMS: Final = 3


def no_answer(settings: Settings, auth: SnmpAuth, within: str = "", said: str = "") -> str:
    """Say that nothing came, and what that may mean."""
    address = f"[{settings.address}]" if ":" in settings.address else settings.address
    spoken = f"(v{'2c' if auth.version == 2 else auth.version}, auth {auth.name!r})"
    tries = within or f"after {settings.retries + 1} {'try' if settings.retries == 0 else 'tries'}"
    # what a router or the conversation says tells more
    why = said.partition("; ")[2] or ("" if auth.version == 3 else "a wrong community looks the same")
    return f"no answer from {address}:{settings.port} {spoken} {tries}{'; ' if why else ''}{why}"


def ceased(said: str, poll: Poll) -> str:
    """Say that a device which answered fell silent."""
    return f"the answers ceased: {said}, {poll.reached()} before that"


def failed(check: Check, outcome: Outcome, detail: str, poll: Poll | None = None) -> Observation:
    """Return the observation of a poll that gave nothing."""
    values = (("packets", float(poll.packets)),) if poll is not None else ()
    return Observation(check.target, check.name, datetime.now(UTC), outcome, detail, values=values)


def _values(poll: Poll, varbinds: int, problems: int, *, full: bool) -> tuple[tuple[str, float], ...]:
    return (
        ("packets", float(poll.packets)),
        ("varbinds", float(varbinds)),
        ("problems", float(problems)),
        ("full", float(full)),
        *((("first_answer_seconds", poll.first_answer_seconds or 0.0),) if full else ()),
    )


def nothing_shown(check: Check, poll: Poll, seconds: float) -> Observation:
    """Return the observation of a device that answered without any of the objects."""
    problems = poll.problems
    said = _shown(problems) if problems else "may this community see the system group and the modules asked for?"
    detail = f"answered, and showed none of the objects asked for: {said}"
    values = _values(poll, 0, len(problems), full=True)
    return Observation(
        check.target, check.name, datetime.now(UTC), Outcome.BAD_ANSWER, detail, seconds, complete=not problems,
        values=values,
    )  # fmt: skip


def full_result(check: Check, full: Made, state: State, poll: Poll, seconds: float) -> Observation:
    """Return the observation of a full poll."""
    problems = [*poll.problems, *state.problems]
    interfaces = state.told.interfaces if state.told is not None else ()
    if state.told is None:
        problems.append("nothing is said of interfaces: the device restarted again while it was read")
    detail = _summary(interfaces, f"{poll.reached()}, {format_duration(seconds)}")
    if problems:
        detail += f"; incomplete: {_shown(problems)}"
    return Observation(
        check.target, check.name, datetime.now(UTC), Outcome.OK, detail, seconds, confirmed=True, complete=not problems,
        values=_values(poll, len(poll.varbinds), len(problems), full=True),
        series=state.series, interfaces=interfaces, traffic=state.told.traffic if state.told is not None else None,
        facts=full.facts, hardware=full.hardware,
    )  # fmt: skip


def state_result(check: Check, device: Device, state: State, poll: Poll, seconds: float) -> Observation:
    """Return the observation of a poll of state and counters alone."""
    assert state.told is not None
    read = f"state and counters: {state.varbinds} objects in {poll.packets} packets, {format_duration(seconds)}"
    detail = _summary(state.told.interfaces, read)
    if state.problems:
        detail += f"; incomplete: {_shown(list(state.problems))}"
    return Observation(
        check.target, check.name, datetime.now(UTC), Outcome.OK, detail, seconds, confirmed=True,
        complete=not state.problems, values=_values(poll, state.varbinds, len(state.problems), full=False),
        series=state.series, interfaces=state.told.interfaces, traffic=state.told.traffic, facts=device.facts(),
    )  # fmt: skip


def _summary(interfaces: tuple[Interface, ...], read: str) -> str:
    if not interfaces:
        return f"answered: {read}"
    up = sum(interface.oper is OperStatus.UP for interface in interfaces)
    return f"{up} of {len(interfaces)} interfaces up; {read}"


def _shown(problems: list[str]) -> str:
    more = len(problems) - _SHOWN_PROBLEMS
    return "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
