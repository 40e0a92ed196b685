"""What can be said of an estate while no agent runs: its configuration, and what the ledger knew last."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.core import register as registers
from agent.core.ageing import estate_cases
from agent.core.ageing_report import ageing_document, report
from agent.core.documents import document
from agent.core.explain import Known, explain, explanation_document, likely
from agent.core.model import Estate, Event, EventKind, Health, Verdict
from agent.core.ports import EventFilter, Resumed
from agent.core.registerjoin import of_pieces
from agent.core.tree import tree_document
from agent.ledger import LedgerReader

if TYPE_CHECKING:
    from agent.config import Loaded

_RECENT_EVENTS: Final = 20
_STOPPED: Final = "as when the agent stopped"


class UnknownTargetError(LookupError):
    """The configuration has no such target; the text names the likely one."""


def loaded_of(config: Path) -> "Loaded":
    """Return what a configuration file says.

    Raises:
        agent.config.ConfigError: with every error of the file.
    """
    from agent import config as configuration

    return configuration.load(config)


def explained(estate: Estate, reader: LedgerReader, name: str) -> dict[str, Any]:
    """Return the document of `explain` as the ledger has it: how it was when the agent stopped.

    Raises:
        UnknownTargetError: there is no such target.
        agent.ledger.LedgerError: the ledger cannot be read.
    """
    if name not in estate.targets:
        raise UnknownTargetError(f"no target is called {name!r}{likely(name, estate.targets)}")
    states, events = reader.states(), reader.events(EventFilter(target=name, limit=_RECENT_EVENTS))
    known = _known(estate, states, events)
    found = explanation_document(explain(known, name))
    rest = {"interfaces": [], "recent_events": document(events), "as_of": document(states.alive_until)}
    return found | rest


def tree(estate: Estate, reader: LedgerReader | None) -> dict[str, Any]:
    """Return the document of `topology`; without a ledger no state is known.

    Raises:
        agent.ledger.LedgerError: the ledger cannot be read.
    """
    states = reader.states() if reader is not None else Resumed()
    return tree_document(_known(estate, states, ())) | {"as_of": document(states.alive_until)}


def register(loaded: "Loaded", reader: LedgerReader | None) -> dict[str, Any]:
    """Return the document of `register`: what is configured, and the serial numbers that the ledger knows.

    Raises:
        agent.ledger.LedgerError: the ledger cannot be read.
    """
    from agent.config.judging import lifecycle_of

    lifecycle, today = lifecycle_of(loaded), datetime.now(UTC).date()
    hardware = of_pieces(reader.pieces()) if reader is not None else {}
    made = registers.report(
        loaded.estate, hardware, today, lambda system, version: lifecycle.of_software([system], version)
    )
    found: dict[str, Any] = document(made)
    return found | {"as_of": document(reader.states().alive_until) if reader is not None else None}


def ageing(loaded: "Loaded", reader: LedgerReader | None, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return the document of `ageing` by the configuration, its registers and what the ledger knows of pieces.

    What only a poll tells is unknown in it: condition, and of most devices model and software.

    Args:
        wanted: `target` and `by`, as the agent takes them.

    Raises:
        UnknownTargetError: there is no such target.
        ValueError: `by` is no day.
        agent.ledger.LedgerError: the ledger cannot be read.
    """
    from agent.config.judging import judges_of, lifecycle_of

    estate, name, now = loaded.estate, wanted.get("target"), datetime.now(UTC)
    if name is not None and name not in estate.targets:
        raise UnknownTargetError(f"no target is called {name!r}{likely(name, estate.targets)}")
    pieces, as_of = (reader.pieces(), reader.states().alive_until) if reader is not None else ((), None)
    cases = estate_cases(estate, pieces, judges_of(lifecycle_of(loaded)).now, now.date())
    unlike = registers.disagreement(registers.report(estate, of_pieces(pieces), now.date()))
    made = report(cases, now, now.date(), as_of, unlike)
    if name is not None:
        made = replace(made, cases=tuple(case for case in cases if case.name == name and case.watched))
    return ageing_document(made, date.fromisoformat(wanted["by"]) if "by" in wanted else None)


def _known(estate: Estate, states: Resumed, events: Sequence[Event]) -> Known:
    reasons = {outage.target: outage.reason for outage in states.outages}
    verdicts = {
        name: Verdict(state, since, causes, reason=reasons.get(name, _STOPPED))
        for name, (state, since, causes) in states.targets.items()
    }
    health = {key: Health(state, since, reason=_STOPPED) for key, (state, since) in states.checks.items()}
    for event in events:  # oldest first: the last one's reason stays
        key = event.target, event.check or ""
        if event.kind is EventKind.TARGET and event.target in verdicts:
            verdicts[event.target] = replace(verdicts[event.target], reason=event.reason)
        elif event.kind is EventKind.CHECK and key in health:
            health[key] = replace(health[key], reason=event.reason)
    outages = {outage.target: outage for outage in states.outages}
    return Known(estate, verdicts, health, states.alive_until or datetime.now(UTC), outages=outages, running=False)
