"""Labels of a table's rows: indexes and look-ups as text, made once and kept between polls."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from probes.snmp.ber import VarBind, decode_index, encode_index
from probes.snmp.language import Index, Lookup
from probes.snmp.values import combined_type, index_value, integer, is_combined, suffix_parts, text

Columns = Mapping[bytes, Sequence[VarBind]]
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_MAX_ROWS: Final = 100_000


class Unrenderable(ValueError):  # noqa: N818 - reads as what the device's answer is
    """What a device gave makes no valid exposition; the text names the series or label."""


def columns(varbinds: Sequence[VarBind], roots: Iterable[bytes]) -> dict[bytes, Sequence[VarBind]]:
    """Return the varbinds below each root; where roots nest, the shortest has them all.

    Costs one comparison per varbind as long as they come in the order of walks.
    """
    return _runs(varbinds, _places(varbinds, frozenset(roots)))


class Finder:
    """`columns` for poll after poll: as long as the same objects come, it is known where each column is."""

    __slots__ = ("_oids", "_places", "_roots", "_shape")

    def __init__(self, roots: Iterable[bytes]) -> None:
        """Look for these columns."""
        self._roots = frozenset(roots)
        self._shape: object = None
        self._oids: list[bytes] | None = None  # those of the last poll, if it had no shape
        self._places: dict[bytes, list[tuple[int, int]]] = {}

    def find(self, varbinds: Sequence[VarBind], shape: object = None) -> dict[bytes, Sequence[VarBind]]:
        """Return the varbinds below each root.

        Args:
            shape: what stands for their names; None where that is not known, and they have to be compared.
        """
        if shape is None:
            oids = [bind[0] for bind in varbinds]
            if oids != self._oids:
                self._places = _places(varbinds, self._roots)
            self._oids = oids
        elif shape != self._shape:
            self._oids, self._places = None, _places(varbinds, self._roots)
        self._shape = shape
        return _runs(varbinds, self._places)


def _places(varbinds: Sequence[VarBind], wanted: frozenset[bytes]) -> dict[bytes, list[tuple[int, int]]]:
    """Return where the varbinds below each root begin and end."""
    lengths = sorted({len(root) for root in wanted})
    out: dict[bytes, list[tuple[int, int]]] = {}
    at, count = 0, len(varbinds)
    while at < count:
        oid = varbinds[at][0]
        start = at
        at += 1
        for length in lengths:
            if (root := oid[:length]) in wanted:
                while at < count and varbinds[at][0].startswith(root):
                    at += 1
                out.setdefault(root, []).append((start, at))
                break
    return out


def _runs(
    varbinds: Sequence[VarBind], places: Mapping[bytes, Sequence[tuple[int, int]]]
) -> dict[bytes, Sequence[VarBind]]:
    return {
        root: varbinds[found[0][0] : found[0][1]]
        if len(found) == 1
        else [bind for start, end in found for bind in varbinds[start:end]]
        for root, found in places.items()
    }


def column_before(oid: bytes) -> bytes:
    """Return the OID of the column before this one; b"" where there is none."""
    *table, column = decode_index(oid)
    return encode_index((*table, column - 1)) if column else b""


def label(name: str, value: str) -> str:
    """Return one label as text."""
    return f'{name}="{value.translate(_ESCAPES)}"'


class Scheme:
    """Labels of a table's rows: the same for all columns with the same indexes and look-ups.

    Attributes:
        plain_names: the labels' names as the definition has them.
        names: the same as they are spelt, in the order in which every row has them: sorted when `exact`.
        oids: the columns that look-ups read.
        generation: counts up whenever rows are named anew.
    """

    def __init__(
        self, indexes: tuple[Index, ...], lookups: tuple[Lookup, ...], reserved: frozenset[str], *, exact: bool
    ) -> None:
        self.indexes = indexes
        self.lookups = lookups
        self.generation = 0
        self._reserved = reserved
        self._exact = exact
        names = dict.fromkeys(index.labelname for index in indexes)
        for lookup in lookups:
            if lookup.labels:
                names[lookup.labelname] = None
            else:
                names.pop(lookup.labelname, None)
        self.plain_names = frozenset(names)
        spelt = [self.spelt(name) for name in names]
        self.names = tuple(sorted(spelt) if exact else spelt)
        read = [lookup for lookup in lookups if lookup.labels]
        self.oids = tuple({oid: None for lookup in read for oid in (lookup.oid, *_types_of(lookup))})
        self._runs: list[Sequence[VarBind]] = []
        self._values: dict[bytes, VarBind] = {}
        self._rows: dict[bytes, str] = {}

    def refresh(self, looked_up: Columns) -> None:
        """Take the look-ups of a new poll; rows are named anew only when one of them changed."""
        runs = [looked_up.get(oid, ()) for oid in self.oids]
        if runs != self._runs or not self.generation:
            self.generation += 1
            self._runs = runs
            self._values = {bind[0]: bind for run in runs for bind in run}
            self._rows.clear()

    def bound(self) -> None:
        """Forget rows before a device that makes ever new ones fills the memory."""
        if len(self._rows) > _MAX_ROWS:
            self._rows.clear()

    def row(self, suffix: bytes) -> str:
        """Return a row's labels as text.

        Raises:
            Unrenderable: when `exact`, and one of them is no UTF-8.
        """
        if (known := self._rows.get(suffix)) is None:
            known = self._rows[suffix] = ",".join(self._texts(suffix))
        return known

    def around(self, suffix: bytes, place: int) -> tuple[str, str]:
        """Return a row's labels before and after a place among them.

        Raises:
            Unrenderable: as `row`.
        """
        if place == 0:
            return "", self.row(suffix)
        if place == len(self.names):
            return self.row(suffix), ""
        texts = self._texts(suffix)
        return ",".join(texts[:place]), ",".join(texts[place:])

    def spelt(self, name: str) -> str:
        """Return a label's name, moved out of the way of the labels that this agent adds itself."""
        return f"exported_{name}" if name in self._reserved else name

    def _texts(self, suffix: bytes) -> list[str]:
        labels = {self.spelt(name): value for name, value in self._labels(suffix).items()}
        return [label(name, labels[name]) for name in self.names]

    def _labels(self, suffix: bytes) -> dict[str, str]:
        rest: Sequence[int] = suffix_parts(suffix)
        labels: dict[str, str] = {}
        taken: dict[str, bytes] = {}  # the octets of the OID that a look-up by this label appends
        broken: set[str] = set()
        for index in self.indexes:
            how = (index.type, index.fixed_size)
            try:
                found = index_value(
                    rest, *how, implied=index.implied, enum_values=index.enum_values, strict=self._exact
                )
                broken.discard(index.labelname)
            except UnicodeDecodeError:
                found = index_value(rest, *how, implied=index.implied)
                broken.add(index.labelname)
            labels[index.labelname] = found.text
            taken[index.labelname] = encode_index(found.taken)
            rest = found.rest
        for lookup in self.lookups:
            broken.discard(lookup.labelname)
            if lookup.labels:
                self._look_up(lookup, labels, taken)
            else:
                labels.pop(lookup.labelname, None)
        if broken:
            raise Unrenderable(f"the label {min(broken)} is no UTF-8")
        return labels

    def _look_up(self, lookup: Lookup, labels: dict[str, str], taken: dict[str, bytes]) -> None:
        parts = [taken.get(name, b"") for name in lookup.labels]
        row = b"".join(parts)
        bind = self._values.get(lookup.oid + row) if all(parts) else None
        if bind is None:
            labels[lookup.labelname] = ""
            return
        labels[lookup.labelname] = self._text(bind, lookup, row)
        # a later look-up may go on from a number that was looked up; what is no number counts as 0
        number = bind[2] if isinstance(bind[2], int) else 0
        taken[lookup.labelname] = encode_index((number,)) if number >= 0 else b""

    def _text(self, bind: VarBind, lookup: Lookup, row: bytes) -> str:
        kind = lookup.type
        for before in _types_of(lookup):
            said = self._values.get(before + row)
            kind = (said and combined_type(kind, integer(said) or 0)) or kind
        if kind == "EnumAsInfo" and lookup.enum_values:
            value = bind[2] if isinstance(bind[2], int) else 0
            return lookup.enum_values.get(value, str(value))
        return text(bind, kind, lookup.display_hint)


def _types_of(lookup: Lookup) -> tuple[bytes, ...]:
    """Return the column that says of what type an address is: the one before it; () for other look-ups."""
    before = column_before(lookup.oid) if is_combined(lookup.type) else b""
    return (before,) if before else ()
