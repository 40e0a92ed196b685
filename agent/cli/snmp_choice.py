"""By which modules a device is read, and why, as `linewarden probe snmp` tells it."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.cli.snmp_line import Line
    from agent.core.model import Observation, SnmpAuth
    from probes.snmp.choose import Reason


@dataclass(frozen=True, slots=True)
class Chosen:
    """One module, and why it is read."""

    module: str
    why: str


@dataclass(frozen=True, slots=True)
class Choosing:
    """All that a device is read by.

    Attributes:
        absent: modules that it was asked about and has nothing of.
        of_unknown_maker: how many of these, the last ones, are makers' modules, asked about since no maker was told.
        problem: why it could not be asked; "" when it could.
    """

    modules: tuple[Chosen, ...]
    absent: tuple[str, ...] = ()
    problem: str = ""
    of_unknown_maker: int = 0


def named(modules: Sequence[str], why: str) -> Choosing:
    """Return modules that were named, so that nothing is chosen."""
    return Choosing(tuple([Chosen(name, why) for name in modules]))


async def asked(line: "Line", auth: "SnmpAuth", observation: "Observation") -> Choosing:
    """Ask a device what a poll asks it to choose its modules; a poll keeps the answer to itself."""
    from probes.snmp import choose
    from probes.snmp.errors import SnmpError
    from probes.snmp.oid import encode_oid
    from probes.snmp.presence import Presence

    choice, object_id = choose.built_in(), None
    told = next((str(fact.value) for fact in observation.facts if fact.name == "system_object_id"), "")
    with contextlib.suppress(ValueError):  # some tell an OID that is none
        object_id = encode_oid(told)
    presence, problem = Presence(choice.presence_oids(object_id)), ""
    try:
        await line.converse(auth, presence)
    except SnmpError as error:
        problem = str(error)
    reasons = choice.reasons(object_id, presence.present)
    modules = tuple([Chosen(reason.module, _why(reason)) for reason in reasons])
    if problem:
        return Choosing(modules, problem=problem)
    found = {one.module for one in modules}
    absent = tuple([name for name in choice.candidates(object_id) if name not in found])
    unknown = choice.entry(object_id) is None
    return Choosing(modules, absent, of_unknown_maker=unknown * sum(name in choice.makers for name in absent))


def _why(reason: "Reason") -> str:
    from probes.snmp.ber import oid_text

    if reason.sign is None:
        return "every device is read by it"
    answers = f"answers below {oid_text(reason.sign)}"
    if not reason.of_maker:
        return answers
    if reason.entry is None:
        return f"{answers}; asked since its sysObjectID tells no maker"
    return f"{answers}; asked since its sysObjectID begins with {oid_text(reason.entry)}"


def shown(choosing: Choosing) -> str:
    """Return it as a table."""
    from agent.cli import snmp_tables

    shown = list(choosing.absent[: len(choosing.absent) - choosing.of_unknown_maker])
    if choosing.of_unknown_maker:
        shown.append(f"{choosing.of_unknown_maker} modules of makers")
    return snmp_tables.modules([(one.module, one.why) for one in choosing.modules], shown)


def document(choosing: Choosing) -> dict[str, Any]:
    """Return it for programs."""
    return {
        "modules": [{"name": one.module, "why": one.why} for one in choosing.modules],
        "modules_absent": list(choosing.absent),
    }
