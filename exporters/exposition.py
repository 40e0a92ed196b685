"""Prometheus text format 0.0.4 from kept prefixes and arrays of values.

OpenMetrics is not offered: it would force `_total` upon the MIB's counter names. Types that 0.0.4 does not know become
what its parsers take: an `info` or a `stateset` is a gauge.

The work may run in a thread while the event loop goes on: no single step holds the interpreter lock for longer than
one chunk of series takes.
"""

import math
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.series import Family, Prefixes, SeriesBlock

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
CHUNK_SERIES: Final = 1000  # about half a millisecond of work: what the event loop may have to wait for
GZIP_LEVEL: Final = 1  # level 6 takes four times the CPU for a tenth less to send

_TYPES: Final = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "summary": "summary",
    "info": "gauge",
    "stateset": "gauge",
}
_INT64: Final = 2.0**63
_LABEL_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


def escape_label(value: str) -> str:
    """Return a label's value as it stands between the quotes."""
    return value.translate(_LABEL_ESCAPES)


def escape_help(text: str) -> str:
    """Return a help text as it stands behind `# HELP name`."""
    return text.translate(_HELP_ESCAPES)


def prefix(name: str, labels: Mapping[str, str]) -> str:
    """Return `name{label="value",...}`; the name alone where there are no labels."""
    if not labels:
        return name
    inner = ",".join([f'{key}="{escape_label(value)}"' for key, value in labels.items()])
    return f"{name}{{{inner}}}"


def number(value: float) -> str:
    """Return one value as text: integers without a fraction, `NaN`, `+Inf`, `-Inf`."""
    if value.is_integer() and -_INT64 < value < _INT64:
        return str(int(value))
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def numbers(values: npt.NDArray[np.float64]) -> list[str]:
    """Return each value as `number` would, many times faster."""
    whole = (values == np.trunc(values)) & (np.abs(values) < _INT64)
    count = np.count_nonzero(whole)
    if count == len(values):
        return list(map(str, values.astype(np.int64).tolist()))
    # most are of one kind: those are made all at once, and the others one by one
    if 2 * count > len(values):
        texts = list(map(str, np.where(whole, values, 0).astype(np.int64).tolist()))
        others = ~whole
    else:
        texts = list(map(repr, values.tolist()))
        others = whole | ~np.isfinite(values)
    for index in np.flatnonzero(others).tolist():
        texts[index] = number(float(values[index]))
    return texts


def header(family: Family) -> str:
    """Return the HELP and TYPE lines."""
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {_TYPES.get(family.type, 'untyped')}\n"


def chunks(families: Iterable[Family]) -> Iterator[bytes]:
    """Yield the text of the families piece by piece; a family without samples is left out.

    Between two pieces a thread gives the interpreter to whoever waits for it, the event loop above all.
    """
    parts: list[_Part] = []
    held = 0
    for family in families:
        count = len(family.prefixes)
        for start in range(0, count, CHUNK_SERIES):
            many = min(CHUNK_SERIES, count - start)
            if held + many > CHUNK_SERIES:
                yield _text(parts)
                time.sleep(0)
                parts, held = [], 0
            head = "" if start else header(family)
            stop = start + many
            parts.append((head, family.prefixes[start:stop], family.values[start:stop]))
            held += many
    if parts:
        yield _text(parts)


def render(families: Iterable[Family]) -> bytes:
    """Return the families as one text, ready to be served as `CONTENT_TYPE`."""
    return b"".join(chunks(families))


def compress(pieces: Iterable[bytes]) -> bytes:
    """Return the pieces of a text as one gzip member."""
    return b"".join(compressed(pieces))


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a text compressed, as one gzip member."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


class Packed:
    """The text of some families as one gzip member: rendered when it is first asked for, and kept.

    Polls of state and counters follow one another faster than anyone scrapes them.
    """

    __slots__ = ("_families", "_packed")

    def __init__(self, families: Iterable[Family]) -> None:
        """Take the families; nothing is rendered yet."""
        self._families = tuple(families)
        self._packed: bytes | None = None

    def __call__(self) -> bytes:
        """Return the text; may be called in several threads."""
        if self._packed is None:
            self._packed = compress(chunks(self._families))
        return self._packed


def join(blocks: Iterable[SeriesBlock]) -> tuple[Family, ...]:
    """Return the families of several blocks, each once, in the order in which they first appear.

    Text and type of a family are those of its first block. The caller sees to it that no series is in two blocks.
    """
    found: dict[str, list[Family]] = {}
    for block in blocks:
        for family in block.families:
            found.setdefault(family.name, []).append(family)
    return tuple(_merged(parts) for parts in found.values())


def _merged(parts: Sequence[Family]) -> Family:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    prefixes = tuple(text for part in parts for text in part.prefixes)
    return Family(first.name, first.type, first.help, prefixes, np.concatenate([part.values for part in parts]))


_Part = tuple[str, Sequence[str], npt.NDArray[np.float64]]  # what stands before the lines, their prefixes and values


def _text(parts: Sequence[_Part]) -> bytes:
    """Return the text of samples of several families; their numbers are made text all at once."""
    texts = numbers(parts[0][2] if len(parts) == 1 else np.concatenate([values for _, _, values in parts]))
    pieces: list[str] = []
    at = 0
    for head, prefixes, values in parts:
        mine = texts[at : at + len(values)]
        at += len(values)
        pieces.append(head)
        if isinstance(prefixes, Prefixes):
            pieces += prefixes.lines(mine)
        else:
            pieces += [f"{prefix} {text}\n" for prefix, text in zip(prefixes, mine, strict=True)]
    return "".join(pieces).encode("utf-8", "replace")  # a lone surrogate must not cost the whole scrape


def _pieces(family: Family) -> list[bytes]:
    """Return the header, and each chunk of the samples; nothing of a family without samples."""
    pieces = [header(family).encode("utf-8", "replace")] if len(family.prefixes) else []
    for start in range(0, len(family.prefixes), CHUNK_SERIES):
        part = slice(start, start + CHUNK_SERIES)
        pieces.append(_text([("", family.prefixes[part], family.values[part])]))
        time.sleep(0)
    return pieces


@dataclass(slots=True)
class _Kept:
    prefixes: Sequence[str]
    values: npt.NDArray[np.float64]
    pieces: list[bytes]


class Renderer:
    """Renders the same families again and again, and only those chunks of them whose values changed.

    For families whose prefixes stay the same tuple from one call to the next; keeps their whole text in memory. Not for
    several threads at once.
    """

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def pieces(self, families: Sequence[Family]) -> list[bytes]:
        """Return the text of the families in pieces; a piece that is the same object as before has not changed."""
        self._kept = {name: kept for name, kept in self._kept.items() if any(f.name == name for f in families)}
        return [piece for family in families for piece in self._pieces(family)]

    def _pieces(self, family: Family) -> list[bytes]:
        kept = self._kept.get(family.name)
        if kept is None or kept.prefixes is not family.prefixes:
            pieces = _pieces(family)
            kept = self._kept[family.name] = _Kept(family.prefixes, family.values, pieces)
            return pieces
        changed = np.flatnonzero(family.values != kept.values)
        pieces = list(kept.pieces)
        for index in np.unique(changed // CHUNK_SERIES).tolist():
            start = index * CHUNK_SERIES
            part = slice(start, start + CHUNK_SERIES)
            pieces[index + 1] = _text([("", family.prefixes[part], family.values[part])])
            time.sleep(0)
        kept.values, kept.pieces = family.values, pieces
        return pieces
