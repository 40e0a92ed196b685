"""The judges of hardware: what age, support, condition and wear make of one piece. Pure; tables are handed in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from math import ceil
from typing import Final

from agent.core import supportflags, wear
from agent.core.age import age_flag, age_of, battery_age, battery_flag, row_age
from agent.core.ageing import Found, Judges, judge_battery
from agent.core.datecode import DateCode
from agent.core.hardware import Condition, Hardware, HardwareFlag, Reason, Support
from agent.core.hardware_policy import HardwarePolicy
from agent.core.lifecycle import Lifecycle
from agent.core.model import AssetRow
from agent.core.subjects import Subject
from agent.core.wearpolicy import WearPolicy

_LOOKED_UP: Final = 4096  # models and systems of an estate: looking one up costs a third of a millisecond


def judges(
    lifecycle: Lifecycle,
    codes: Sequence[DateCode],
    *,
    rows: Callable[[], Mapping[str, AssetRow]] = dict,
    constants: Callable[[], frozenset[date]] = frozenset,
) -> Judges:
    """Return all judges.

    Args:
        codes: how serial numbers are read.
        rows: of the asset register, by the device that each is found to be.
        constants: days of manufacture that are none.
    """

    def judge_age(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
        if subject.target is None:
            age = row_age(subject.row, today) if subject.row is not None else None
        else:
            row = rows().get(subject.name, subject.target.register)
            age = age_of(
                subject.target, row, subject.hardware, subject.pieces, today, codes=codes, constants=constants()
            )
        flag = age_flag(subject, age, policy.age_years(subject.kind), today)
        return Found(age, flags=(flag,) if flag is not None else ())

    return Judges(
        (judge_age, _Supports(lifecycle), judge_battery, _judge_battery_age, _judge_condition), (_judge_days,)
    )


class _Supports:
    """Finds the dates of a model and of an operating system; both are looked up once."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._of_hardware = lru_cache(_LOOKED_UP)(lifecycle.of_hardware)
        self._of_software = lru_cache(_LOOKED_UP)(lifecycle.of_software)

    def __call__(self, subject: Subject, policy: HardwarePolicy, today: date) -> Found:
        model = _said(subject, "model")
        support = self._of_hardware(_said(subject, "vendor"), model) if model else None
        texts = tuple(text for name in ("operating_system", "software") if (text := _said(subject, name)))
        version = _said(subject, "software_version") or _said(subject, "operating_system_version")
        system: Support | None = self._of_software(texts, version)
        lead = policy.lead_days(subject.kind)
        flags = supportflags.flags(subject.name, support, system, today, ceil(lead or 0.0), model=model)
        return Found(support=support, system_support=system, flags=flags)


def _said(subject: Subject, name: str) -> str:
    """Return what the piece says of itself, else what the configuration or the register says; "" where nobody does."""
    if (fact := subject.fact(name)) is not None:
        return str(fact.value)
    columns = subject.target.info if subject.target is not None else subject.row.columns if subject.row else {}
    return columns.get(name, "")


def _judge_battery_age(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
    if subject.hardware is None:
        return Found()
    flag = battery_flag(subject, battery_age(subject.hardware, today), today, policy.battery_years)
    return Found(flags=(flag,) if flag is not None else ())


def _judge_condition(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
    """Find what the piece says now. That its battery is to be replaced is told by what every poll reads, if it is."""
    flags = _worn(subject, subject.hardware, policy, today)
    if any(fact.name == "battery_replace" for fact in subject.facts):
        flags = tuple(flag for flag in flags if flag.reason != Reason.BATTERY_REPLACE)
    return Found(flags=flags)


def _judge_days(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
    """Find what its days say; and which parts are missing that were there before, for only they know."""
    seen = subject.hardware
    if seen is not None:
        missing = tuple(one for one in seen.entities if one.condition is Condition.MISSING)
        seen = replace(seen, facts=(), entities=missing, readings=(), stores=())
    return Found(flags=_worn(subject, seen, policy, today))


def _worn(subject: Subject, hardware: Hardware | None, policy: HardwarePolicy, today: date) -> tuple[HardwareFlag, ...]:
    if subject.target is None:
        return ()
    return wear.flags(
        subject.target, hardware, subject.wear, today, WearPolicy(storage_lead_days=policy.storage_lead_days)
    )
