"""How long hardware and its software are supported, by tables whose rows name the document that says so.

A table is data: what stands in none is unknown, and no date is inferred from another.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final

from agent.core.hardware import Confidence, Hardware, Support
from agent.core.releases import Cycle, Names, Release, cycle_of, matching, read, words_of

MILESTONES: Final[Mapping[str, str]] = {
    "end_of_sale": "end of sale",
    "end_of_software_maintenance": "end of software maintenance",
    "end_of_security_fixes": "end of security fixes",
    "end_of_support": "end of support",
}
_WILD: Final = "*?"
_BETWEEN: Final = str.maketrans(" _", "--")  # a `FortiGate 100E` is a FortiGate-100E
_YEAR: Final = re.compile(r"20\d\d\b")
_MOST_LETTERS: Final = 256  # of a model
_LONG_NAME: Final = 5  # letters; shorter ones (HP, Dell) stand in other words too


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a lifecycle table; a date that it does not say is None.

    Attributes:
        pattern: of hardware a model, with `*` and `?`; of software the product.
        release: of software a cycle as endoflife.date writes it: `17.9`, `2012-r2`; "" of hardware.
        source: the document, and where in it the dates stand.
        table: `FILE:LINE`.
        own: of the user's own table; those win.
        title: what people call it, where pattern and release are not that; "" where they are.
    """

    vendor: str
    pattern: str
    release: str
    source: str
    table: str
    checked_on: date | None = None
    end_of_sale: date | None = None
    end_of_software_maintenance: date | None = None
    end_of_security_fixes: date | None = None
    end_of_support: date | None = None
    own: bool = False
    title: str = ""

    @property
    def product(self) -> str:
        """Return what the row is about, for people."""
        return self.title or " ".join(part for part in (self.vendor, self.pattern, self.release) if part)

    @property
    def last_day(self) -> date | None:
        """Return the last day of fixes or support; None where the row knows no end."""
        days = (self.end_of_software_maintenance, self.end_of_security_fixes, self.end_of_support)
        return max((day for day in days if day is not None), default=None)


@dataclass(frozen=True)
class Lifecycle:
    """All tables, and what products are called."""

    rows: tuple[Row, ...] = ()
    names: Names = field(default_factory=Names)

    def of_hardware(self, vendor: str, model: str) -> Support | None:
        """Return until when a model is supported; None where no table knows it.

        The user's rows win, then the most specific pattern. Without a vendor it is assumed only where every row that
        fits is of the same one.

        Args:
            model: as a device or a register names it; a word of it may be the model.
        """
        texts = _ways_to_say(vendor, model)
        exact, wild = self._hardware
        fitting = [row for text in texts for row in exact.get(text, ())]
        fitting += [row for row, pattern in wild if any(fnmatchcase(text, pattern) for text in texts)]
        found = [row for row in fitting if _same_vendor(row.vendor, vendor, model)]
        if not found or (not vendor and len({row.vendor.lower() for row in found}) > 1):
            return None
        best, *others = sorted(found, key=_rank, reverse=True)
        confidence = Confidence.DERIVED if _is_wild(best.pattern) else Confidence.STATED
        told = _same_vendor(best.vendor, vendor, model, told=True)
        return _support(best, others, f"model {model}", confidence if told else Confidence.ASSUMED)

    def of_software(self, texts: Sequence[str], version: str = "") -> Support | None:
        """Return until when an operating system or service is supported; None where no table knows its release.

        Args:
            texts: what it is called, likeliest first: `Windows Server 2019 Standard`, `IOS XE`.
            version: where it is told apart from the name.
        """
        if "Windows" in texts and _YEAR.match(version):  # only servers are called by years: Windows Server 2008 R2
            texts = ("Windows Server", *texts)
        for text in texts:
            release = read(text, version, self._all_names)
            if release is not None and (found := self._release(release, text, version)) is not None:
                return found
        return None

    def of_device(self, hardware: Hardware) -> tuple[Support | None, Support | None]:
        """Return the support of a device and of its operating system, by what it says of itself."""

        def said(name: str) -> str:
            fact = hardware.fact(name)
            return str(fact.value) if fact is not None else ""

        model = said("model")
        texts = [text for text in (said("operating_system"), said("software")) if text]
        system = self.of_software(texts, said("software_version"))
        return (self.of_hardware(said("vendor"), model) if model else None), system

    def _release(self, release: Release, text: str, version: str) -> Support | None:
        rows, cycles = self._software[release.product]
        told = text if not version or version in text else f"{text} {version}"
        found: list[tuple[Row, str, Confidence]] = []
        for own in (True, False):
            mine = [number for number, row in enumerate(rows) if row.own is own]
            chosen, certain = matching(release, [cycles[number] for number in mine], self.names)
            candidates = [rows[mine[number]] for number in chosen]
            if not candidates:
                continue
            latest = max(candidates, key=lambda row: (row.last_day or date.max, row.checked_on or date.min))
            if certain or len(candidates) == 1:
                found.append((latest, f"software {told}", Confidence.STATED if certain else Confidence.ASSUMED))
            else:
                guess = f"software {told}, which can be {len(candidates)} releases: the one supported longest"
                found.append((latest, guess, Confidence.ASSUMED))
        if not found:
            return None
        (best, matched, confidence), *others = found
        return _support(best, [row for row, _, _ in others], matched, confidence)

    @cached_property
    def _hardware(self) -> tuple[dict[str, list[Row]], list[tuple[Row, str]]]:
        """Return rows by the model that they name, and those with a pattern: a maker's whole list has 50,000 models."""
        exact: dict[str, list[Row]] = {}
        wild: list[tuple[Row, str]] = []
        for row in (row for row in self.rows if not row.release):
            pattern = row.pattern.lower().translate(_BETWEEN)
            if _is_wild(pattern):
                wild.append((row, pattern))
            else:
                exact.setdefault(pattern, []).append(row)
        return exact, wild

    @cached_property
    def _software(self) -> dict[str, tuple[list[Row], list[Cycle]]]:
        products: dict[str, tuple[list[Row], list[Cycle]]] = {product: ([], []) for product in self._products}
        for row in self.rows:
            if row.release:
                rows, cycles = products[row.pattern.lower()]
                rows.append(row)
                cycles.append(cycle_of(row.release))
        return products

    @property
    def _products(self) -> Iterator[str]:
        yield from self.names.products.values()
        yield from (row.pattern.lower() for row in self.rows if row.release)

    @cached_property
    def _all_names(self) -> Names:
        """A product that the names do not have is called as its table calls it."""
        called = set(self.names.products.values())
        more = {tuple(words_of(product)): product for product in self._products if product not in called}
        return Names({**{name: product for name, product in more.items() if name}, **self.names.products},
                     self.names.words)  # fmt: skip


def _is_wild(pattern: str) -> bool:
    return any(letter in pattern for letter in _WILD)


def _ways_to_say(vendor: str, model: str) -> tuple[str, ...]:
    text = " ".join(model[:_MOST_LETTERS].lower().split())
    bare = text.removeprefix(vendor.lower()).strip() if vendor else text
    return tuple(dict.fromkeys(one.translate(_BETWEEN) for one in (text, bare, *text.split(" ")[:16])))


def _same_vendor(named: str, vendor: str, model: str, *, told: bool = False) -> bool:
    """Tell whether a row is about a device's vendor; one that is not told may be any, unless `told` is asked for."""
    ours, theirs, text = _letters(named), _letters(vendor), _letters(model[:_MOST_LETTERS])
    named_in_model = ours in text if len(ours) >= _LONG_NAME else ours in words_of(model)
    if not ours or named_in_model or (theirs and (ours in theirs or theirs in ours)):
        return True
    return not theirs and not told


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _rank(row: Row) -> tuple[bool, bool, int, date]:
    letters = sum(letter not in _WILD for letter in row.pattern)
    return row.own, letters == len(row.pattern), letters, row.checked_on or date.min


def _support(row: Row, others: Iterable[Row], matched: str, confidence: Confidence) -> Support:
    return Support(
        row.product, matched, row.source, row.table, row.checked_on, row.end_of_sale, row.end_of_software_maintenance,
        row.end_of_security_fixes, row.end_of_support,
        tuple(said for other in others for said in differences(row, other)), confidence,
    )  # fmt: skip


def differences(winner: Row, other: Row) -> Iterator[str]:
    """Yield in what another row about the same thing says something else, as sentences."""
    for milestone, words in MILESTONES.items():
        ours, theirs = getattr(winner, milestone), getattr(other, milestone)
        if ours is not None and theirs is not None and ours != theirs:
            yield f"{other.table} says {words} {theirs} for {other.product}, not {ours} as {winner.table}"
