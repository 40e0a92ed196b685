"""The rule file without the alerts that the agent pushes itself: its comments stay, and nothing else changes."""

import re
import textwrap
from collections.abc import Collection, Iterator, Sequence
from typing import Final

_GROUP: Final = re.compile(r"  - name: ")
_RULE: Final = re.compile(r"      - (?:alert|record): (\S+)")
_NOTE: Final = (
    "The configuration has `alertmanagers:`, so the agent tells them itself of what happens to the estate, and these "
    "rules leave that out: {alerts}."
)
_WIDTH: Final = 120


def without(text: str, alerts: Collection[str]) -> str:
    """Return the rule file without these alerts, and without a group that has no rule left."""
    head, *groups = _parts(text.splitlines(keepends=True), _GROUP, "  #")
    *comments, last = head  # `groups:`
    shown = [*comments, _note(alerts), last]
    for group in groups:
        own, *rules = _parts(group, _RULE, "      #")
        kept = [rule for rule in rules if _name(rule) not in alerts]
        if kept:
            shown += own
            for rule in kept:
                shown += rule
    return "".join(shown).rstrip("\n") + "\n"


def _note(alerts: Collection[str]) -> str:
    text = _NOTE.format(alerts=", ".join(sorted(alerts)))
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ") + "\n"


def _name(rule: Sequence[str]) -> str:
    return next(found[1] for line in rule if (found := _RULE.match(line)))


def _parts(lines: Sequence[str], begins: re.Pattern[str], comment: str) -> Iterator[Sequence[str]]:
    """Yield what stands before the first beginning, then each part with the comment above it."""
    at = 0
    for number, line in enumerate(lines):
        if begins.match(line):
            first = number
            while lines[first - 1].startswith(comment):
                first -= 1
            yield lines[at:first]
            at = first
    yield lines[at:]
