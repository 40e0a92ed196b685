"""Text format 0.0.4: values, escapes, families told once, chunks, and a renderer that knows what has changed."""

import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric

from agent.core.series import Family, SeriesBlock
from exporters import exposition
from exporters.exposition import CHUNK_SERIES, Renderer, join, number, numbers, prefix, render
from tests.exporters.strict import parse


def family(name: str, values: list[float], *, kind: str = "gauge", start: int = 0, text: str = "Help.") -> Family:
    prefixes = tuple(prefix(name, {"i": str(i)}) for i in range(start, start + len(values)))
    return Family(name, kind, text, prefixes, np.array(values, dtype=np.float64))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-17.0, "-17"),
        (0.25, "0.25"),
        (1e-9, "1e-09"),
        (2.0**53, "9007199254740992"),
        (2.0**62, "4611686018427387904"),
        (2.0**64, "1.8446744073709552e+19"),
        (-(2.0**63), "-9.223372036854775808e+18"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_values(value: float, text: str) -> None:
    assert float(number(value)) == pytest.approx(float(text), nan_ok=True, rel=0)
    if value != -(2.0**63):
        assert number(value) == text
    assert numbers(np.array([value])) == [number(value)]
    assert numbers(np.array([value, 0.5, 3.0])) == [number(value), "0.5", "3"]


@given(st.lists(st.floats(), max_size=30))
def test_many_values_are_written_as_single_ones_and_read_back_exactly(values: list[float]) -> None:
    texts = numbers(np.array(values, dtype=np.float64))
    assert texts == [number(value) for value in values]
    for value, text in zip(values, texts, strict=True):
        assert float(text) == value or math.isnan(value)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True), st.text(), max_size=4))
def test_every_label_value_survives(labels: dict[str, str]) -> None:
    clean = {key: value.encode("utf-8", "replace").decode() for key, value in labels.items()}
    text = render([Family("m", "gauge", "h", (prefix("m", labels),), np.ones(1))]).decode()
    found = [sample for metric in _by_lines(text) for sample in metric.samples]
    assert [dict(sample.labels) for sample in found] == [clean]


def _by_lines(text: str) -> list[Metric]:
    """Parse as Prometheus does, by line feeds only; `str.splitlines` would also break at U+2028 and others."""
    from prometheus_client.parser import text_fd_to_metric_families

    return list(text_fd_to_metric_families(iter(text.split("\n"))))  # type: ignore[arg-type]  # any iterable of lines


def test_help_and_types() -> None:
    escaped = exposition.escape_help("back\\slash\nand line")
    text = render([family("a_info", [1], kind="info", text=escaped), family("b", [2], kind="untyped")]).decode()
    assert text == (
        "# HELP a_info back\\\\slash\\nand line\n# TYPE a_info gauge\n"
        'a_info{i="0"} 1\n# HELP b Help.\n# TYPE b untyped\nb{i="0"} 2\n'
    )


def test_a_family_without_samples_is_left_out() -> None:
    assert render([family("a", [])]) == b""


def test_a_lone_surrogate_costs_no_scrape() -> None:
    text = render([Family("m", "gauge", "h", (prefix("m", {"x": "a\udcffb"}),), np.ones(1))])
    assert b'm{x="a?b"} 1\n' in text


def test_join_tells_each_family_once() -> None:
    blocks = [
        SeriesBlock((family("a", [1, 2]), family("b", [3]))),
        SeriesBlock((family("c", [9]),)),
        SeriesBlock((family("b", [4], start=1), family("a", [5], start=2))),
    ]
    joined = join(blocks)
    assert [f.name for f in joined] == ["a", "b", "c"]
    assert joined[0].values.tolist() == [1, 2, 5]
    assert sum(map(len, blocks)) == sum(len(f.prefixes) for f in joined)
    assert len(parse(render(joined).decode())) == 3


def test_chunks_are_small_and_make_up_the_whole() -> None:
    large = family("a", [float(i) for i in range(3 * CHUNK_SERIES + 7)])
    pieces = list(exposition.chunks([large]))
    assert len(pieces) == 4
    assert max(piece.count(b"\n") for piece in pieces) == CHUNK_SERIES + 2  # and the header
    assert b"".join(pieces) == render([large])
    assert gzip.decompress(exposition.compress(pieces)) == render([large])


def test_the_renderer_renders_again_only_what_changed() -> None:
    renderer = Renderer()
    before = family("a", [0.0] * (2 * CHUNK_SERIES + 1))
    other = family("b", [1.0])
    first = renderer.pieces([before, other])
    assert b"".join(first) == render([before, other])
    assert all(a is b for a, b in zip(first, renderer.pieces([before, other]), strict=True))

    values = before.values.copy()
    values[CHUNK_SERIES] = 1.0
    changed = Family("a", "gauge", "Help.", before.prefixes, values)
    second = renderer.pieces([changed, other])
    assert b"".join(second) == render([changed, other])
    assert [a is b for a, b in zip(first, second, strict=True)] == [True, True, False, True, True, True]


def test_the_renderer_notices_other_prefixes_and_forgets_families() -> None:
    renderer = Renderer()
    renderer.pieces([family("a", [1.0]), family("b", [1.0])])
    assert b"".join(renderer.pieces([family("a", [1.0, 2.0])])) == render([family("a", [1.0, 2.0])])
    assert renderer.pieces([]) == []
    empty = family("a", [])
    assert renderer.pieces([empty]) == renderer.pieces([empty]) == []
