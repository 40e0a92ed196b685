"""From varbinds to series: what each metric of the modules becomes, with everything but the values kept between polls.

A column whose rows are those of the last poll keeps its prefixes, and only an array of numbers is made anew.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.series import Family, SeriesBlock
from probes.snmp.ber import VarBind, encode_index
from probes.snmp.modules import DATE_TYPES, NUMERIC_TYPES, Index, Lookup, Metric
from probes.snmp.values import (
    combined_type,
    date_number,
    extracted,
    index_text,
    is_combined,
    number,
    numbers,
    suffix_parts,
    text,
)

Columns = Mapping[bytes, Sequence[VarBind]]
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


def columns(varbinds: Sequence[VarBind], roots: Iterable[bytes]) -> dict[bytes, Sequence[VarBind]]:
    """Return the varbinds below each root; where roots nest, the shortest has them all.

    Costs one comparison per varbind as long as they come in the order of walks.
    """
    wanted = frozenset(roots)
    lengths = sorted({len(root) for root in wanted})
    out: dict[bytes, Sequence[VarBind]] = {}
    at, count = 0, len(varbinds)
    while at < count:
        oid = varbinds[at][0]
        start = at
        at += 1
        for length in lengths:
            if (root := oid[:length]) in wanted:
                while at < count and varbinds[at][0].startswith(root):
                    at += 1
                run = varbinds[start:at]
                out[root] = [*out[root], *run] if root in out else run
                break
    return out


def label(name: str, value: str) -> str:
    """Return one label as text."""
    return f'{name}="{value.translate(_ESCAPES)}"'


class _Scheme:
    """Labels of a table's rows: the same for all columns with the same indexes and look-ups."""

    def __init__(self, indexes: tuple[Index, ...], lookups: tuple[Lookup, ...], reserved: frozenset[str]) -> None:
        self.indexes = indexes
        self.lookups = lookups
        self.generation = 0
        self._reserved = reserved
        self._oids = tuple({lookup.oid: None for lookup in lookups if lookup.labels})
        self._runs: list[Sequence[VarBind]] = []
        self._values: dict[bytes, VarBind] = {}
        self._rows: dict[bytes, tuple[str, frozenset[str]]] = {}

    def refresh(self, looked_up: Columns) -> None:
        """Take the look-ups of a new poll; rows are named anew only when one of them changed."""
        runs = [looked_up.get(oid, ()) for oid in self._oids]
        if runs != self._runs or not self.generation:
            self.generation += 1
            self._runs = runs
            self._values = {bind[0]: bind for run in runs for bind in run}
            self._rows.clear()

    def bound(self) -> None:
        """Forget rows before a device that makes ever new ones fills the memory."""
        if len(self._rows) > 100_000:
            self._rows.clear()

    def row(self, suffix: bytes) -> tuple[str, frozenset[str]]:
        """Return a row's labels as text, and their names."""
        if (known := self._rows.get(suffix)) is None:
            labels = self._labels(suffix)
            known = ",".join(label(self.spelt(name), value) for name, value in labels.items()), frozenset(labels)
            self._rows[suffix] = known
        return known

    def spelt(self, name: str) -> str:
        """Return a label's name, moved out of the way of the labels that this agent adds itself."""
        return f"exported_{name}" if name in self._reserved else name

    def _labels(self, suffix: bytes) -> dict[str, str]:
        parts = suffix_parts(suffix)
        labels: dict[str, str] = {}
        taken: dict[str, bytes] = {}  # the octets of the OID that a look-up by this label appends
        rest, at = parts, 0
        positions = _positions(parts, suffix)
        for index in self.indexes:
            shown, used = index_text(
                rest, index.type, index.fixed_size, implied=index.implied, enum_values=index.enum_values
            )
            labels[index.labelname] = shown
            taken[index.labelname] = suffix[positions[at] : positions[at + used]]
            at += used
            rest = rest[used:]
        for lookup in self.lookups:
            if not lookup.labels:
                labels.pop(lookup.labelname, None)
                continue
            bind = self._values.get(lookup.oid + b"".join([taken.get(name, b"") for name in lookup.labels]))
            labels[lookup.labelname] = "" if bind is None else self._text(bind, lookup)
            if bind is not None and isinstance(bind[2], int) and 0 <= bind[2] < 1 << 32:
                # a later look-up may go on from a number that was looked up
                taken[lookup.labelname] = encode_index((bind[2],))
        return labels

    def _text(self, bind: VarBind, lookup: Lookup) -> str:
        return text(bind, "OctetString" if is_combined(lookup.type) else lookup.type)


def _positions(parts: Sequence[int], suffix: bytes) -> list[int]:
    """Return where each sub-identifier starts within the octets, and their end."""
    if len(parts) == len(suffix):
        return list(range(len(suffix) + 1))
    return [0, *[place + 1 for place, octet in enumerate(suffix) if octet < 0x80]]


@dataclass(slots=True)
class _Kept:
    """What one metric gave at the last poll."""

    run: Sequence[VarBind] = ()
    oids: Sequence[bytes] = ()
    generation: int = -1
    families: tuple[Family, ...] = ()
    prefixes: tuple[str, ...] = ()
    keep: tuple[int, ...] | None = None  # places of the samples that are no duplicates; None: all


@dataclass(slots=True)
class _Plan:
    metric: Metric
    scheme: _Scheme
    kept: _Kept = field(default_factory=_Kept)


Samples = tuple[Sequence[str], Sequence[float]]


class Renderer:
    """Series of one device for a set of metrics.

    Attributes:
        duplicates: samples left out at the last poll because another one has the same name and labels.
    """

    def __init__(self, metrics: Iterable[Metric], extra: Mapping[str, str] | None = None) -> None:
        self.duplicates = 0
        self._extra = ",".join(label(name, value) for name, value in (extra or {}).items())
        self._plans: list[_Plan] = []
        self._schemes: list[_Scheme] = []
        reserved = frozenset(extra or {})
        seen: set[str] = set()
        for metric in metrics:
            if metric.name not in seen:  # of two modules that name one metric, the first has it
                seen.add(metric.name)
                self._plans.append(_Plan(metric, self._scheme(metric, reserved)))
        self._roots = frozenset(plan.metric.oid for plan in self._plans)
        self._looked_up = frozenset(
            look.oid for scheme in self._schemes for look in scheme.lookups if look.labels
        )  # fmt: skip

    def _scheme(self, metric: Metric, reserved: frozenset[str]) -> _Scheme:
        for scheme in self._schemes:
            if (scheme.indexes, scheme.lookups) == (metric.indexes, metric.lookups):
                return scheme
        self._schemes.append(_Scheme(metric.indexes, metric.lookups, reserved))
        return self._schemes[-1]

    def render(self, varbinds: Sequence[VarBind]) -> SeriesBlock:
        """Return the series of one poll; metrics without a value are absent."""
        runs = columns(varbinds, self._roots)
        looked_up = columns(varbinds, self._looked_up) if self._looked_up else {}
        self.duplicates = 0
        for scheme in self._schemes:
            scheme.refresh(looked_up)
        families: dict[str, Family] = {}
        for plan in self._plans:
            if run := runs.get(plan.metric.oid):
                made = self._numeric(plan, run) if plan.metric.type in NUMERIC_TYPES else self._other(plan, run, runs)
                for family in made:
                    if family.prefixes:
                        families.setdefault(family.name, family)
        for scheme in self._schemes:
            scheme.bound()
        return SeriesBlock(tuple(families.values()))

    def _prefix(self, name: str, row: str, more: str = "") -> str:
        inner = ",".join(part for part in (self._extra, row, more) if part)
        return f"{name}{{{inner}}}" if inner else name

    def _numeric(self, plan: _Plan, run: Sequence[VarBind]) -> tuple[Family, ...]:
        metric, scheme, kept = plan.metric, plan.scheme, plan.kept
        values = numbers(run)
        if values is None:
            run = [bind for bind in run if number(bind) is not None]
            values = numbers(run) or []
        oids = [bind[0] for bind in run]
        if kept.generation != scheme.generation or kept.oids != oids:
            cut = len(metric.oid)
            prefixes = [self._prefix(metric.name, scheme.row(oid[cut:])[0]) for oid in oids]
            kept.generation, kept.oids = scheme.generation, oids
            kept.prefixes, kept.keep = _unique(prefixes)
        if kept.keep is not None:
            self.duplicates += len(values) - len(kept.keep)
            values = [values[place] for place in kept.keep]
        array = np.array(values, dtype=np.float64)
        if metric.scale:
            array *= metric.scale
        if metric.offset:
            array += metric.offset
        kind = "counter" if metric.type == "counter" else "gauge"
        return (Family(metric.name, kind, metric.help.translate(_HELP_ESCAPES), kept.prefixes, array),)

    def _other(self, plan: _Plan, run: Sequence[VarBind], runs: Columns) -> tuple[Family, ...]:
        """Return a metric whose labels depend on its values: all of it is kept while no value changes."""
        kept, scheme = plan.kept, plan.scheme
        if kept.generation != scheme.generation or kept.run != run or is_combined(plan.metric.type):
            kept.generation, kept.run = scheme.generation, run
            kept.families = tuple(self._made(plan.metric, scheme, run, runs))
        return kept.families

    def _made(
        self, metric: Metric, scheme: _Scheme, run: Sequence[VarBind], runs: Columns
    ) -> Iterator[Family]:  # fmt: skip
        about = metric.help.translate(_HELP_ESCAPES)
        if metric.type in DATE_TYPES:
            yield self._family(metric.name, about, self._dates(metric, scheme, run))
        elif metric.type == "EnumAsInfo":
            yield self._family(f"{metric.name}_info", f"{about} (EnumAsInfo)", self._infos(metric, scheme, run))
        elif metric.type == "EnumAsStateSet":
            yield self._family(metric.name, f"{about} (EnumAsStateSet)", self._states(metric, scheme, run))
        elif metric.type == "Bits":
            yield self._family(metric.name, f"{about} (Bits)", self._bits(metric, scheme, run))
        elif metric.regex_extracts:
            for suffix in metric.regex_extracts:
                yield self._family(metric.name + suffix, about, self._extracts(metric, scheme, run, suffix))
        else:
            yield self._family(metric.name, about, self._strings(metric, scheme, run, runs))

    def _family(self, name: str, about: str, samples: Iterable[tuple[str, float]]) -> Family:
        pairs = list(samples)
        prefixes, keep = _unique([prefix for prefix, _ in pairs])
        if keep is not None:
            self.duplicates += len(pairs) - len(keep)
            pairs = [pairs[place] for place in keep]
        values: npt.NDArray[np.float64] = np.array([value for _, value in pairs], dtype=np.float64)
        return Family(name, "gauge", about, prefixes, values)

    def _dates(self, metric: Metric, scheme: _Scheme, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        cut = len(metric.oid)
        for bind in run:
            if (value := date_number(bind, metric.type, metric.datetime_pattern)) is not None:
                yield self._prefix(metric.name, scheme.row(bind[0][cut:])[0]), value

    def _infos(self, metric: Metric, scheme: _Scheme, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        cut = len(metric.oid)
        for oid, _, value in run:
            if isinstance(value, int):
                state = label(scheme.spelt(metric.name), metric.enum_values.get(value, str(value)))
                yield self._prefix(f"{metric.name}_info", scheme.row(oid[cut:])[0], state), 1.0

    def _states(self, metric: Metric, scheme: _Scheme, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        cut = len(metric.oid)
        for oid, _, value in run:
            if not isinstance(value, int):
                continue
            row = scheme.row(oid[cut:])[0]
            states = dict(metric.enum_values)
            states.setdefault(value, str(value))
            for known, name in states.items():
                yield self._prefix(metric.name, row, label(scheme.spelt(metric.name), name)), float(known == value)

    def _bits(self, metric: Metric, scheme: _Scheme, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        cut = len(metric.oid)
        for oid, _, value in run:
            if not isinstance(value, bytes):
                continue
            row = scheme.row(oid[cut:])[0]
            for bit, name in metric.enum_values.items():
                on = bit // 8 < len(value) and bool(value[bit // 8] & 0x80 >> bit % 8)
                yield self._prefix(metric.name, row, label(scheme.spelt(metric.name), name)), float(on)

    def _extracts(
        self, metric: Metric, scheme: _Scheme, run: Sequence[VarBind], suffix: str
    ) -> Iterator[tuple[str, float]]:  # fmt: skip
        cut = len(metric.oid)
        for bind in run:
            if (value := extracted(text(bind, metric.type), metric.regex_extracts[suffix])) is not None:
                yield self._prefix(metric.name + suffix, scheme.row(bind[0][cut:])[0]), value

    def _strings(
        self, metric: Metric, scheme: _Scheme, run: Sequence[VarBind], runs: Columns
    ) -> Iterator[tuple[str, float]]:  # fmt: skip
        cut = len(metric.oid)
        kind_of = self._kinds(metric, runs)
        for bind in run:
            suffix = bind[0][cut:]
            row, names = scheme.row(suffix)
            # a metric that is an index of its own table has its value in the labels already
            value = "" if metric.name in names else label(scheme.spelt(metric.name), text(bind, kind_of(suffix)))
            yield self._prefix(metric.name, row, value), 1.0

    def _kinds(self, metric: Metric, runs: Columns) -> Callable[[bytes], str]:
        """Return the type of each row's text: for an address, what the column before it says."""
        if not is_combined(metric.type):
            return lambda _: metric.type
        before = metric.oid[:-1] + bytes((max(0, metric.oid[-1] - 1),))
        types = {bind[0][len(before) :]: bind[2] for bind in runs.get(before, ())}

        def kind(suffix: bytes) -> str:
            number_before = types.get(suffix)
            return combined_type(metric.type, number_before) if isinstance(number_before, int) else "OctetString"

        return kind


def _unique(prefixes: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """Return the prefixes, each once, and the places of the first ones; None where nothing had to go."""
    first: dict[str, int] = {}
    for place, prefix in enumerate(prefixes):
        first.setdefault(prefix, place)
    return tuple(first), None if len(first) == len(prefixes) else tuple(first.values())
