"""Which release of which product a text means: `Windows Server 2012 R2 Standard`, `IOS XE 17.09.04a`, `Debian 12.5`.

What products are called, and what editions are called, is data. Releases are cycles as endoflife.date writes them
(https://endoflife.date/docs/api): `17.9` stands for 17.9.4, and `2012-r2` for a 2012 that is also an R2.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_WORD: Final = re.compile(r"[a-z0-9]+(?:\.[a-z0-9]+)*")
_PART: Final = re.compile(r"\d+|[a-z]+")
_SERVICE_PACK: Final = re.compile(r"sp\d+[a-z]?")
_MOST_LETTERS: Final = 256  # of a text; what is longer is no name
_MOST_WORDS: Final = 40
_FIRST_WORDS: Final = (
    3  # a text begins with a name, behind its maker's; further on others stand: kernels, paths of builds
)
_MARK: Final = re.compile(r"\((?:r|tm)\)")
_DETAIL: Final = re.compile(r"\s\([^()]*\)")  # `10 22H2 (NT 10.0, build 19045)`: what follows from the rest
TOLD: Final = "told"
MINOR: Final = "minor"


@dataclass(frozen=True, slots=True)
class Names:
    """What products and their editions are called.

    Attributes:
        products: the words of a name -> product.
        words: product -> word of a text -> (what a cycle calls it, its group). Of a group a release has one at most:
            what is Enterprise is not Pro. What is of the group `told` a release is only if the text says so. A word
            that a cycle calls nothing ("") says nothing of the release. What is of the group `minor` ends the version
            before it: the SP5 of a 12 is a `.5`.
    """

    products: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Release:
    """What a text says of a release, in the words of the product's cycles."""

    product: str
    version: str
    tokens: frozenset[str]
    groups: Mapping[str, str]  # group -> token


@dataclass(frozen=True, slots=True)
class Cycle:
    """A release cycle: `2008-r2-sp1` begins with 2008 and wants an R2 and an SP1."""

    head: str
    rest: frozenset[str]


def words_of(text: str) -> list[str]:
    """Return the words of a text, small; `v7.0.14` is a version 7.0.14."""
    found = _WORD.findall(_MARK.sub("", text[:_MOST_LETTERS].lower()))[:_MOST_WORDS]
    return [word[1:] if word[0] == "v" and word[1:2].isdigit() else word for word in found]


def read(text: str, version: str, names: Names) -> Release | None:
    """Return which product a text names and what it says of its release; None where it names none.

    Args:
        version: as the device tells it apart from the name; counts only where the text itself has no version.
    """
    words = words_of(text)
    found = [
        (len(name), -place, name)
        for name in names.products
        for place in range(min(_FIRST_WORDS, len(words) - len(name) + 1))
        if tuple(words[place : place + len(name)]) == name
    ]
    if not found:
        return None
    length, place, name = max(found)
    product = names.products[name]
    meanings = names.words.get(product, {})
    meant = [meanings.get(word, (word, "")) for word in words[length - place :]]
    if not any(map(_is_version, meant)):
        meant += [meanings.get(word, (word, "")) for word in words_of(_DETAIL.sub("", version[:_MOST_LETTERS]))]
    versions = [token for token, _ in filter(_is_version, meant)]
    first = next((token for token in versions if token[0].isdigit()), "".join(versions[:1]))  # `CAT9K_IOSXE 17.12.4`
    tokens = frozenset(token for token, group in meant if token and token != first and group != MINOR)
    minor = next((token for token, group in meant if group == MINOR), "")
    return Release(product, first + minor, tokens, {group: token for token, group in reversed(meant) if group})


def _is_version(meaning: tuple[str, str]) -> bool:
    token, group = meaning
    return not group and any(letter.isdigit() for letter in token)


def cycle_of(text: str) -> Cycle:
    """Return a cycle as endoflife.date writes it: `17.9`, `11-23h2-e`, `2012-r2`."""
    head, *rest = text.lower().split("-")
    return Cycle(head, frozenset(rest))


def matching(release: Release, cycles: Sequence[Cycle], names: Names) -> tuple[list[int], bool]:
    """Return which cycles a release can be of, and whether that is certain; none where it is of no known cycle.

    The longest version that fits wins, then what asks for most words. Where a text leaves out which service pack or
    edition it is, it can be any of them, and nobody knows which.
    """
    meanings = names.words.get(release.product, {})
    group_of = {token: group for token, group in meanings.values() if group}
    fits = [number for number, cycle in enumerate(cycles) if _fits(release, cycle, group_of)]
    exact = [number for number in fits if cycles[number].rest <= release.tokens]
    if exact:
        best = max(exact, key=lambda number: (_length(cycles[number]), len(cycles[number].rest)))
        packs = [number for number in fits if _adds_a_pack(cycles[number], cycles[best])]
        if not packs or any(map(_SERVICE_PACK.fullmatch, release.tokens)):
            return [best], True
        return [best, *packs], False
    told = {token for token in release.tokens if any(letter.isdigit() for letter in token)}
    loose = [number for number in fits if told <= cycles[number].rest]
    longest = max((_length(cycles[number]) for number in loose), default=0)
    return [number for number in loose if _length(cycles[number]) == longest], False


def _fits(release: Release, cycle: Cycle, group_of: Mapping[str, str]) -> bool:
    if any(letter.isdigit() for letter in cycle.head):
        wanted, told = _parts(cycle.head), _parts(release.version)
        if told[: len(wanted)] != wanted:
            return False
    elif cycle.head not in release.tokens:
        return False
    for token in cycle.rest:
        group = group_of.get(token, "")
        if (group == TOLD and token not in release.tokens) or release.groups.get(group, token) != token:
            return False
    return True


def _adds_a_pack(cycle: Cycle, best: Cycle) -> bool:
    added = cycle.rest - best.rest
    return cycle.head == best.head and best.rest < cycle.rest and all(map(_SERVICE_PACK.fullmatch, added))


def _length(cycle: Cycle) -> int:
    return len(_parts(cycle.head))


def _parts(version: str) -> list[int | str]:
    """Return the parts of a version: `17.03.04a` is 17, 3, 4, a."""
    return [int(part) if part.isdigit() else part for part in _PART.findall(version)]
