"""The judges of hardware: what age, lifecycle tables, warranties and wear say of one subject. Pure.

Each asks one part that knows its matter, and gives what it finds as `agent.core.ageing` joins it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from agent.core import supportflags, wear
from agent.core.age import age_flag, age_of, battery_age, battery_flag, row_age
from agent.core.ageing import Found, Judges
from agent.core.datecode import DateCode
from agent.core.hardware import HardwareFlag, Reason
from agent.core.hardware_policy import HardwarePolicy
from agent.core.lifecycle import Lifecycle
from agent.core.model import AssetRow, Role, Target
from agent.core.registerfields import only_kernel
from agent.core.subjects import Subject

_NO_LEAD: Final = 0.0
NO_CONSTANTS: Final[frozenset[date]] = frozenset()
_LOOKED_UP: Final = 4096  # models and systems of an estate: looking one up costs a third of a millisecond


def judges(
    lifecycle: Lifecycle,
    codes: Iterable[DateCode] = (),
    constants: Callable[[], frozenset[date]] = lambda: NO_CONSTANTS,
    rows: Callable[[], Mapping[str, AssetRow]] = dict,
) -> Judges:
    """Return all judges.

    Args:
        codes: how serial numbers are read.
        constants: gives days of manufacture that are none, as the whole estate shows them.
        rows: gives the row of the asset register that each device is found to be.
    """
    known = tuple(codes)
    of_hardware, of_software = (
        lru_cache(_LOOKED_UP)(look_up) for look_up in (lifecycle.of_hardware, lifecycle.of_software)
    )

    def judge_age(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
        who, hardware = _target(subject), subject.hardware
        if subject.row is not None:
            age = row_age(subject.row, today)
        else:
            row = rows().get(subject.name)
            age = age_of(who, row, hardware, subject.pieces, today, codes=known, constants=constants())
        flags = [age_flag(who, age, policy.age_years(subject.kind), today)]
        if hardware is not None:
            flags.append(battery_flag(who, battery_age(hardware, today), today, policy.battery_years))
        return Found(age, flags=tuple(flag for flag in flags if flag is not None))

    def judge_support(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
        words = {name: _word(subject, name) for name in ("vendor", "model", "operating_system", "software")}
        model = words["model"]
        support = of_hardware(words["vendor"], model) if model else None
        texts = tuple(text for text in (words["operating_system"], words["software"]) if text)
        version = _word(subject, "software_version") or subject.written.get("operating_system_version", "")
        written = subject.written
        if only_kernel(known_as := written.get("operating_system", ""), words["operating_system"]):
            texts, version = (known_as,), written.get("operating_system_version", "")
        system = of_software(texts, version)
        lead = int(policy.lead_days(subject.kind) or _NO_LEAD)
        flags = supportflags.flags(subject.name, support, system, today, lead, model=model)
        return Found(None, support, system, flags)

    return Judges((judge_age, judge_support, judge_warranty, judge_condition), (judge_trends,))


def judge_warranty(subject: Subject, policy: HardwarePolicy, today: date) -> Found:  # noqa: ARG001 - as every judge
    """Find whether its warranty is over, by the asset register: a note, for what follows from it is the user's."""
    text = subject.written.get("warranty", "")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return Found()
    if day >= today:
        return Found()
    source = subject.row.source if subject.row is not None else "warranty (asset register)"
    detail = f"its warranty ended on {day.isoformat()}"
    return Found(flags=(HardwareFlag(subject.name, Reason.WARRANTY_OVER, "info", detail, source, due=day),))


def judge_condition(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
    """Find what its parts say now; that a part is missing, only by the days on which it was there."""
    wear_policy = _wear_policy(policy)
    return Found(
        flags=wear.flags(_target(subject), subject.hardware, subject.wear, today, wear_policy, facts=subject.facts)
    )


def judge_trends(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
    """Find what its days say; what it says now is another judge's, and may have been mended since midnight."""
    return Found(flags=wear.flags(_target(subject), None, subject.wear, today, _wear_policy(policy)))


def _wear_policy(policy: HardwarePolicy) -> wear.WearPolicy:
    return wear.WearPolicy(storage_lead_days=policy.storage_lead_days)


def _target(subject: Subject) -> Target:
    return subject.target or Target(subject.name, Role.DEVICE, subject.kind, subject.title, subject.site)


def _word(subject: Subject, name: str) -> str:
    """Return what the device says, else the inventory; "" where nothing is known."""
    fact = subject.fact(name)
    return str(fact.value) if fact is not None else subject.written.get(name, "")
