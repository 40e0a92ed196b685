"""From varbinds to series: what each metric of the modules becomes, with everything but the values kept between polls.

A column whose rows are those of the last poll keeps its prefixes, and only an array of numbers is made anew.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from agent.core.series import Family, Prefixes, SeriesBlock
from agent.core.traffic import Floats
from probes.snmp.ber import Tag, VarBind
from probes.snmp.goregex import extracted
from probes.snmp.labels import Finder, Scheme, Unrenderable, column_before, columns, label
from probes.snmp.language import DATE_TYPES, NUMERIC_TYPES, Metric
from probes.snmp.values import combined_type, date_number, integer, is_combined, number, numbers, text

__all__ = ["Renderer", "Unrenderable", "columns", "joined", "label", "scaled"]

_HELP_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_OCTETS: Final = frozenset((Tag.OCTET_STRING, Tag.OPAQUE))
_SHOWN_CHARACTERS: Final = 200  # of a series in an error


@dataclass(slots=True)
class _Kept:
    """What one metric gave at the last poll."""

    run: Sequence[VarBind] = ()
    before: Sequence[VarBind] = ()  # the column that says of what type an address is
    shape: object = None
    oids: Sequence[bytes] = ()  # where there is no shape that stands for them
    generation: int = -1
    families: tuple[Family, ...] = ()
    prefixes: Sequence[str] = ()
    keep: tuple[int, ...] | None = None  # places of the samples that are no duplicates; None: all


@dataclass(slots=True)
class _Plan:
    metric: Metric
    scheme: Scheme
    about: str  # the help text, escaped
    place: int  # where the label that has the metric's own name comes in among a row's labels
    before: bytes  # the column that says of what type an address is; b"" for other metrics
    kept: _Kept = field(default_factory=_Kept)


class Renderer:
    """Series of one device for a set of metrics.

    What a device gets wrong is left out, so that the rest is seen; `exact` does as snmp_exporter: a value of the wrong
    type counts as 0, labels are sorted by name, and what makes no valid exposition is an error of the whole poll.

    Attributes:
        duplicates: samples left out at the last poll because another one has the same name and labels.
    """

    def __init__(
        self, metrics: Iterable[Metric], extra: Mapping[str, str] | None = None, *, exact: bool = False
    ) -> None:
        self.duplicates = 0
        self._shape: object = None  # of the poll in hand
        self._exact = exact
        self._extra = ",".join([label(name, value) for name, value in (extra or {}).items()])
        self._plans: list[_Plan] = []
        self._schemes: list[Scheme] = []
        reserved = frozenset(extra or {})
        seen: set[str] = set()
        for metric in metrics:
            if metric.name not in seen or exact:  # of two modules that name one metric, the first has it
                seen.add(metric.name)
                self._plans.append(self._plan(metric, reserved))
        roots = frozenset(plan.metric.oid for plan in self._plans)
        before = frozenset(plan.before for plan in self._plans) - {b""}
        looked_up = frozenset(oid for scheme in self._schemes for oid in scheme.oids)
        every = sorted(roots | before | looked_up)
        # one pass finds all columns, unless one lies within another
        nested = any(later.startswith(root) for root, later in pairwise(every))
        self._shared: dict[Scheme, tuple[int, list[bytes], tuple[str, ...]]] = {}
        self._finder = Finder(roots if nested else every)
        self._further = (Finder(looked_up), Finder(before)) if nested else None

    def _plan(self, metric: Metric, reserved: frozenset[str]) -> _Plan:
        scheme = self._scheme(metric, reserved)
        place = bisect_left(scheme.names, metric.name) if self._exact else len(scheme.names)
        before = column_before(metric.oid) if is_combined(metric.type) else b""
        return _Plan(metric, scheme, metric.help.translate(_HELP_ESCAPES), place, before)

    def _scheme(self, metric: Metric, reserved: frozenset[str]) -> Scheme:
        for scheme in self._schemes:
            if (scheme.indexes, scheme.lookups) == (metric.indexes, metric.lookups):
                return scheme
        self._schemes.append(Scheme(metric.indexes, metric.lookups, reserved, exact=self._exact))
        return self._schemes[-1]

    def render(self, varbinds: Sequence[VarBind], shape: object = None) -> SeriesBlock:
        """Return the series of one poll; metrics without a value are absent.

        Args:
            shape: what stands for the names of the varbinds; None where they have to be compared.

        Raises:
            Unrenderable: when `exact`, and this is no valid exposition.
        """
        self._shape = shape
        runs = looked_up = before = self._finder.find(varbinds, shape)
        if self._further is not None:
            looked_up, before = (finder.find(varbinds, shape) for finder in self._further)
        self.duplicates = 0
        for scheme in self._schemes:
            scheme.refresh(looked_up)
        families: list[Family] = []
        for plan in self._plans:
            if run := runs.get(plan.metric.oid):
                made = (
                    self._numeric(plan, run)
                    if plan.metric.type in NUMERIC_TYPES
                    else self._other(plan, run, before.get(plan.before, ()))
                )
                families += [family for family in made if family.prefixes]
        for scheme in self._schemes:
            scheme.bound()
        if self._exact:
            return SeriesBlock(joined(families))
        first: dict[str, Family] = {}
        for family in families:
            first.setdefault(family.name, family)
        return SeriesBlock(tuple(first.values()))

    def _rows(self, scheme: Scheme, suffixes: list[bytes]) -> tuple[str, ...]:
        """Return the labels of rows as text: one tuple for all columns that have the same ones."""
        kept = self._shared.get(scheme)
        if kept is None or kept[0] != scheme.generation or kept[1] != suffixes:
            rows = [scheme.row(suffix) for suffix in suffixes]
            extra = self._extra
            texts = tuple([f"{extra},{row}" if extra and row else extra or row for row in rows])
            kept = self._shared[scheme] = scheme.generation, suffixes, texts
        return kept[2]

    def _prefix(self, name: str, row: str) -> str:
        inner = f"{self._extra},{row}" if self._extra and row else self._extra or row
        return f"{name}{{{inner}}}" if inner else name

    def _prefix_with(self, plan: _Plan, name: str, suffix: bytes, value: str) -> str:
        """Return a prefix with a further label that has the metric's name, in its place among the row's labels."""
        before, after = plan.scheme.around(suffix, plan.place)
        own = label(plan.scheme.spelt(plan.metric.name), value)
        return self._prefix(name, ",".join([part for part in (before, own, after) if part]))

    def _numeric(self, plan: _Plan, run: Sequence[VarBind]) -> tuple[Family, ...]:
        metric, scheme, kept, shape = plan.metric, plan.scheme, plan.kept, self._shape
        values = numbers(run)
        if values is None:
            shape = None
            if self._exact:
                values = [number(bind) or 0.0 for bind in run]
            else:
                run = [bind for bind in run if number(bind) is not None]
                values = numbers(run) or []
        oids = [bind[0] for bind in run] if shape is None else ()
        if kept.generation != scheme.generation or kept.shape != shape or kept.oids != oids:
            cut = len(metric.oid)
            rows, kept.keep = self._unique(self._rows(scheme, [bind[0][cut:] for bind in run]), metric.name)
            kept.prefixes = Prefixes(metric.name, rows)
            kept.generation, kept.shape, kept.oids = scheme.generation, shape, oids
        if kept.keep is not None:
            self.duplicates += len(values) - len(kept.keep)
            values = [values[place] for place in kept.keep]
        array = scaled(metric, np.array(values, dtype=np.float64))
        kind = "counter" if metric.type == "counter" else "gauge"
        return (Family(metric.name, kind, plan.about, kept.prefixes, array),)

    def _other(self, plan: _Plan, run: Sequence[VarBind], before: Sequence[VarBind]) -> tuple[Family, ...]:
        """Return a metric whose labels depend on its values: all of it is kept while no value changes."""
        kept, scheme = plan.kept, plan.scheme
        if kept.generation != scheme.generation or kept.run != run or kept.before != before:
            kept.generation = -1  # until all went well: `exact` may raise
            kept.families = tuple(self._made(plan, run, before))
            kept.generation, kept.run, kept.before = scheme.generation, run, before
        return kept.families

    def _made(self, plan: _Plan, run: Sequence[VarBind], before: Sequence[VarBind]) -> Iterator[Family]:
        metric, about = plan.metric, plan.about
        if metric.type in DATE_TYPES:
            yield self._family(metric.name, about, self._dates(plan, run))
        elif metric.type == "EnumAsInfo":
            yield self._family(f"{metric.name}_info", f"{about} (EnumAsInfo)", self._infos(plan, run))
        elif metric.type == "EnumAsStateSet":
            yield self._family(metric.name, f"{about} (EnumAsStateSet)", self._states(plan, run))
        elif metric.type == "Bits":
            yield self._family(metric.name, f"{about} (Bits)", self._bits(plan, run))
        elif metric.regex_extracts:
            for suffix in metric.regex_extracts:
                extracts = self._extracts(plan, run, before, suffix)
                yield self._family(metric.name + suffix, f"{about} (regex extracted)", extracts)
        else:
            yield self._family(metric.name, about, self._strings(plan, run, before))

    def _family(self, name: str, about: str, samples: Iterable[tuple[str, float]]) -> Family:
        pairs = list(samples)
        prefixes, keep = self._unique(tuple([prefix for prefix, _ in pairs]))
        if keep is not None:
            self.duplicates += len(pairs) - len(keep)
            pairs = [pairs[place] for place in keep]
        return Family(name, "gauge", about, prefixes, np.array([value for _, value in pairs], dtype=np.float64))

    def _dates(self, plan: _Plan, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        metric, cut = plan.metric, len(plan.metric.oid)
        for bind in run:
            if (value := date_number(bind, metric.type, metric.datetime_pattern)) is not None:
                yield self._prefix(metric.name, plan.scheme.row(bind[0][cut:])), _scaled(metric, value)

    def _own_label(self, plan: _Plan) -> bool:
        """Return whether a label with the metric's name can be added: not where the row has one of that name."""
        fits = plan.metric.name not in plan.scheme.plain_names
        if not fits and self._exact:
            raise Unrenderable(f"{plan.metric.name} is the name of a metric and of one of its own labels")
        return fits

    def _infos(self, plan: _Plan, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        metric, cut = plan.metric, len(plan.metric.oid)
        for bind in run if self._own_label(plan) else ():
            if (value := self._integer(bind)) is not None:
                state = metric.enum_values.get(value, str(value))
                yield self._prefix_with(plan, f"{metric.name}_info", bind[0][cut:], state), 1.0

    def _states(self, plan: _Plan, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        metric, cut = plan.metric, len(plan.metric.oid)
        for bind in run if self._own_label(plan) else ():
            if (value := self._integer(bind)) is None:
                continue
            states = metric.enum_values if value in metric.enum_values else {**metric.enum_values, value: str(value)}
            for known, name in states.items():
                yield self._prefix_with(plan, metric.name, bind[0][cut:], name), float(known == value)

    def _bits(self, plan: _Plan, run: Sequence[VarBind]) -> Iterator[tuple[str, float]]:
        metric, cut = plan.metric, len(plan.metric.oid)
        for oid, tag, value in run if self._own_label(plan) else ():
            if not isinstance(value, bytes) or tag not in _OCTETS:
                if self._exact:
                    raise Unrenderable(f"{metric.name}: bits expected, got tag 0x{tag:02x}")
                continue
            for bit, name in metric.enum_values.items():
                on = bit // 8 < len(value) and bool(value[bit // 8] & 0x80 >> bit % 8)
                yield self._prefix_with(plan, metric.name, oid[cut:], name), float(on)

    def _integer(self, bind: VarBind) -> int | None:
        value = integer(bind)
        return 0 if value is None and self._exact else value

    def _extracts(
        self, plan: _Plan, run: Sequence[VarBind], before: Sequence[VarBind], suffix: str
    ) -> Iterator[tuple[str, float]]:  # fmt: skip
        metric, cut = plan.metric, len(plan.metric.oid)
        kind_of = _kinds(plan, before)
        for bind in run:
            row = bind[0][cut:]
            shown = text(bind, kind_of(row), metric.display_hint)
            if (value := extracted(shown, metric.regex_extracts[suffix])) is not None:
                yield self._prefix(metric.name + suffix, plan.scheme.row(row)), value

    def _strings(
        self, plan: _Plan, run: Sequence[VarBind], before: Sequence[VarBind]
    ) -> Iterator[tuple[str, float]]:  # fmt: skip
        metric, cut = plan.metric, len(plan.metric.oid)
        kind_of = _kinds(plan, before)
        # a metric that is an index of its own table has its value in the labels already
        known = metric.name in plan.scheme.plain_names
        one = _scaled(metric, 1.0)
        for bind in run:
            row = bind[0][cut:]
            if known:
                yield self._prefix(metric.name, plan.scheme.row(row)), one
            else:
                shown = text(bind, kind_of(row), metric.display_hint)
                yield self._prefix_with(plan, metric.name, row, shown), one

    def _unique(
        self, prefixes: tuple[str, ...], name: str = ""
    ) -> tuple[tuple[str, ...], tuple[int, ...] | None]:  # fmt: skip
        """Return the prefixes, each once, and the places of the first ones; None where nothing had to go.

        Args:
            prefixes: whole ones, or the labels alone of those of a `name`.
        """
        if len(set(prefixes)) == len(prefixes):
            return prefixes, None
        first: dict[str, int] = {}
        for place, prefix in enumerate(prefixes):
            if first.setdefault(prefix, place) != place and self._exact:
                shown = f"{name}{{{prefix}}}" if name and prefix else name or prefix
                raise Unrenderable(f"two samples of {shown[:_SHOWN_CHARACTERS]}")
        return tuple(first), tuple(first.values())


def joined(families: Iterable[Family]) -> tuple[Family, ...]:
    """Return families by name; those of one name are put together.

    Raises:
        Unrenderable: when they differ in type or help, or have a series in common.
    """
    out: dict[str, Family] = {}
    for family in families:
        known = out.setdefault(family.name, family)
        if known is family:
            continue
        if (known.type, known.help) != (family.type, family.help):
            raise Unrenderable(f"two definitions of {family.name} differ in type or help")
        prefixes = (*known.prefixes, *family.prefixes)
        if common := set(known.prefixes).intersection(family.prefixes):
            raise Unrenderable(f"two samples of {min(common)[:_SHOWN_CHARACTERS]}")
        values = np.concatenate([known.values, family.values])
        out[family.name] = Family(family.name, known.type, known.help, prefixes, values)
    return tuple([out[name] for name in sorted(out)])


def scaled(metric: Metric, values: Floats) -> Floats:
    """Return the values of a metric in the unit that its module wants."""
    if metric.scale:
        values = values * metric.scale
    return values + metric.offset if metric.offset else values


def _scaled(metric: Metric, value: float) -> float:
    return (value * metric.scale if metric.scale else value) + metric.offset


def _kinds(plan: _Plan, before: Sequence[VarBind]) -> Callable[[bytes], str]:
    """Return the type of each row's text: for an address, what the column before it says."""
    kind = plan.metric.type
    if not is_combined(kind):
        return lambda _: kind
    types = {bind[0][len(plan.before) :]: bind for bind in before}

    def said_of(row: bytes) -> str:
        said = types.get(row) if row else None  # an object without an index has no neighbour
        return (said and combined_type(kind, integer(said) or 0)) or "OctetString"

    return said_of
