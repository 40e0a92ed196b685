"""Age, support, identity and the order of replacement as metric families; rendered once for each report.

Devices of the estate alone: rows of an asset register are in the report, and have no series.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Final

import numpy as np

from agent.core.ageing import Case
from agent.core.ageing_report import AgeingReport
from agent.core.model import Estate
from agent.core.risk import unsupported_from
from agent.core.series import Family
from exporters.exposition import prefix
from exporters.names import FAMILIES

AGE: Final = "linewarden_hardware_age_seconds"
END: Final = "linewarden_hardware_end_of_support_timestamp_seconds"
INFO: Final = "linewarden_hardware_info"
PART: Final = "linewarden_hardware_risk_part_ratio"
RANK: Final = "linewarden_hardware_replacement_rank"
_IDENTITY: Final = (
    "vendor", "model", "serial", "hardware_version", "software", "software_version", "operating_system"
)  # fmt: skip
_Sample = tuple[str, Mapping[str, str], float]


class HardwareFamilies:
    """The families of the report that was given last."""

    def __init__(self) -> None:
        self._seen: tuple[AgeingReport | None, Estate | None] = (None, None)
        self._families: list[Family] = []

    def of(self, made: AgeingReport | None, estate: Estate, now: datetime) -> list[Family]:
        """Return the families of a report, without what a reload has taken out of the estate since."""
        if made is None:
            return []
        if self._seen[0] is not made or self._seen[1] is not estate:
            self._families = _families(made, estate)
            self._seen = (made, estate)
        return [_until(family, now) if family.name == AGE else family for family in self._families]


def _until(births: Family, now: datetime) -> Family:
    return Family(births.name, births.type, births.help, births.prefixes, now.timestamp() - births.values)


def _families(made: AgeingReport, estate: Estate) -> list[Family]:
    gathered: dict[str, tuple[list[str], list[float]]] = {}
    for case in made.cases:
        for name, labels, value in _samples(case) if case.watched and case.name in estate.targets else ():
            prefixes, values = gathered.setdefault(name, ([], []))
            prefixes.append(prefix(name, labels))
            values.append(value)
    return [
        Family(name, *FAMILIES[name], tuple(prefixes), np.array(values, dtype=np.float64))
        for name, (prefixes, values) in gathered.items()
    ]


def _samples(case: Case) -> Iterator[_Sample]:
    """Yield samples; an age is its beginning, from which it is counted when it is asked for."""
    labels = {"target": case.name}
    if case.age is not None and case.age_years is not None:
        bound = "at_least" if case.age.at_least else "exact"
        yield AGE, labels | {"bound": bound}, _moment(case.age.since)
    for of, support in (("hardware", case.support), ("operating_system", case.system_support)):
        if support is not None and (day := unsupported_from(support)) is not None:
            yield END, labels | {"of": of}, _moment(day)
    if case.facts:
        yield INFO, labels | {"kind": case.kind} | {name: case.fact(name) for name in _IDENTITY}, 1.0
    if case.place is not None:
        yield RANK, labels, float(case.place)
        for of, risk in (("likelihood", case.likelihood), ("consequence", case.consequence)):
            for part in risk.parts:
                if part.ratio:  # what is unknown adds nothing, and has no value that could be shown
                    yield PART, labels | {"of": of, "part": part.name}, part.ratio * part.weight


def _moment(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
