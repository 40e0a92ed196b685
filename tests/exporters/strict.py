"""A strict reading of text format 0.0.4: what `promtool check metrics` lets pass is refused here."""

from collections.abc import Sequence

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

_SUFFIXES = ("_bucket", "_sum", "_count")


def parse(text: str) -> list[Metric]:
    """Return the families of a text.

    Raises:
        AssertionError: for a family that is interleaved or told twice, a series that is told twice, a missing TYPE,
            or a text without its last line feed.
    """
    assert text == "" or text.endswith("\n"), "the last line has no line feed"
    typed: dict[str, str] = {}
    done: set[str] = set()
    present = ""
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed, f"{name} has two TYPE lines"
            typed[name] = kind
        elif line.startswith("# HELP "):
            done.add(present)
            present = line.split(" ", 3)[2]
            assert present not in done, f"{present} is interleaved or told twice"
        else:
            _check_sample(line, present, typed)
    families = list(text_string_to_metric_families(text))
    _no_series_twice(families)
    return families


def _check_sample(line: str, present: str, typed: dict[str, str]) -> None:
    name = line.partition("{")[0].partition(" ")[0]
    base = name
    if typed.get(present) == "histogram":
        base = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
    assert base == present, f"{name} stands among the samples of {present}"
    assert base in typed, f"{name} has no TYPE"


def _no_series_twice(families: Sequence[Metric]) -> None:
    seen = set()
    for family in families:
        for sample in family.samples:
            series = (sample.name, tuple(sorted(sample.labels.items())))
            assert series not in seen, f"{series} is told twice"
            seen.add(series)
