"""The charts of the report on ageing hardware: SVG that stands in a page and asks for nothing elsewhere."""

import sys
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from xml.etree import ElementTree

from exporters.reportwords import Split, plain

# dark to light: told apart in print without colours as well
SERIES: Final = (
    ("Out of support", "#9b1c1c"),
    ("Ends within a year", "#d98324"),
    ("Later", "#3f6f9f"),
    ("Unknown", "#c3cad2"),
)
_YEARS_BACK: Final = 3  # each a column of its own; earlier years are one, and later ones
_YEARS_AHEAD: Final = 4
_MOST_OWNERS: Final = 9
_LABEL_LENGTH: Final = 16
_WIDTH: Final = 520
_INK: Final = "#1f2933"
_FONT: Final = "'Liberation Sans', Arial, 'DejaVu Sans', sans-serif"
_DROPPED: Final = frozenset({"script", "comment", "desc", "title"})
_SVG: Final = "{http://www.w3.org/2000/svg}"


def by_year(counts: Sequence[Split], today: date) -> str:
    """Return a column for each year in which support ends; gaps are shown, so that the axis is one of time."""
    known = {int(count.key): count for count in counts if count.key}
    window = range(today.year - _YEARS_BACK, today.year + _YEARS_AHEAD + 1)
    before, after = ([c for year, c in known.items() if past(year)] for past in (window[0].__gt__, window[-1].__lt__))
    within = [year for year in window if year in known]
    columns: list[tuple[str, Sequence[Split]]] = [(f"≤{window[0] - 1}", before)] if before else []
    shown = range(window[0] if before else min(within), 1 + (window[-1] if after else max(within))) if within else ()
    columns += [(str(year), [known[year]] if year in known else []) for year in shown]
    columns += [(f"≥{window[-1] + 1}", after)] if after else []
    columns += [("?", [count]) for count in counts if not count.key]
    return _chart("StackedBar", "year", columns, 205)


def by_owner(counts: Sequence[Split]) -> str:
    """Return a bar for each owner, the most urgent one on top."""
    shown: list[tuple[str, Sequence[Split]]] = [(_label(count.key), [count]) for count in counts[:_MOST_OWNERS]]
    shown += [("others", counts[_MOST_OWNERS:])] if len(counts) > _MOST_OWNERS else []
    return _chart("HorizontalStackedBar", "owner", list(reversed(shown)), max(120, 60 + 34 * len(shown)))


def _label(key: str) -> str:
    text = plain(key) or "no owner"
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1] + "…"


def _chart(kind: str, name: str, columns: Sequence[tuple[str, Sequence[Split]]], height: int) -> str:
    pygal, style_of = _pygal()
    style = style_of(
        background="transparent", plot_background="transparent", colors=tuple(colour for _, colour in SERIES),
        font_family=_FONT, label_font_size=13, major_label_font_size=13, value_font_size=13, opacity="1",
        opacity_hover="1", transition="0s", foreground=_INK, foreground_strong=_INK, foreground_subtle=_INK,
        value_colors=("#ffffff", _INK, "#ffffff", _INK),
    )  # fmt: skip
    across = kind.startswith("Horizontal")
    # a number that is higher, or wider, than its bar cannot be read; the tables have all
    least = max((sum(_split(counts)) for _, counts in columns), default=0) / (30 if across else 12)
    chart = getattr(pygal, kind)(
        style=style, width=_WIDTH, height=height, js=(), show_legend=False, print_values=True, print_zeroes=False,
        formatter=lambda value: f"{value:.0f}" if value and value >= least else "", show_y_guides=False,
        show_x_guides=False, margin=4, spacing=8, show_y_labels=across, show_x_labels=not across, truncate_label=-1,
    )  # fmt: skip
    chart.uuid = f"by-{name}"  # else a new one each time: the same report is the same file
    chart.x_labels = [label for label, _ in columns]
    for index, (title, _) in enumerate(SERIES):
        chart.add(title, [_split(counts)[index] or None for _, counts in columns])
    return _bare(chart.render_tree())


def _pygal() -> tuple[Any, Any]:
    """Return pygal and its style, and take back what importing it does to every later import of the process."""
    import pygal
    from pygal.style import Style

    # a finder of a kind that Python no longer asks: up to 3.11 each import warns of it
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    return pygal, Style


def _split(counts: Sequence[Split]) -> tuple[int, int, int, int]:
    return (
        sum(c.over for c in counts),
        sum(c.soon for c in counts),
        sum(c.later for c in counts),
        sum(c.unknown for c in counts),
    )


def _bare(tree: Any) -> str:  # noqa: ANN401 - pygal has no types
    """Return the SVG without scripts, tooltips and comments with addresses; screen readers have the tables instead."""
    for parent in list(tree.iter()):
        for child in list(parent):
            name = child.tag.removeprefix(_SVG) if isinstance(child.tag, str) else "comment"
            if name in _DROPPED or child.get("class") in {"tooltip", "tooltip-overlay", "line"}:
                parent.remove(child)
    tree.set("aria-hidden", "true")
    tree.set("preserveAspectRatio", "xMinYMid")
    text = ElementTree.tostring(tree, encoding="unicode")
    return text.replace("ns0:", "").replace(":ns0", "")
