"""How Linewarden's panels look: one function for each sort, so that every dashboard speaks one language."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_model
from grafana_foundation_sdk.models import prometheus as prometheus_model

SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH: Final = 24
HEIGHT: Final = 8
RATE: Final = "$__rate_interval"
# $__rate_interval is four of these. The job linewarden-devices scrapes once a minute: a rate wants several scrapes in
# its window; a mean wants one for certain, and each more would flatten the peaks
POLLED_RATE: Final = "1m"
POLLED_MEAN: Final = "30s"

# state -> number, word, colour; the worst first, because the first that is true is shown
STATES: Final = (
    ("down", 4, "red"),
    ("unreachable", 3, "purple"),
    ("degraded", 2, "yellow"),
    ("up", 1, "green"),
    ("unknown", 0, "#808080"),
)
RED_ABOVE_ZERO: Final = ((None, "green"), (1.0, "red"))
YELLOW_ABOVE_ZERO: Final = ((None, "green"), (1.0, "yellow"))
RED_AT_ZERO: Final = ((None, "red"), (1.0, "green"))

Steps = Sequence[tuple[float | None, str]]
AnyPanel = TypeVar(
    "AnyPanel", timeseries.Panel, stat.Panel, table.Panel, statetimeline.Panel, heatmap.Panel
)  # all the same methods, no common base


def state_number(family: str, selector: str, by: str) -> str:
    """Return an expression for the state as the number that the state colours go by."""
    return " or ".join(
        f'max by ({by}) ({family}{{{selector}, state="{state}"}} == 1) * {number}' for state, number, _ in STATES
    )


def query(expression: str, legend: str = "") -> prometheus.Dataquery:
    """Return a query over time; `legend` as Grafana's `{{label}}`."""
    return prometheus.Dataquery().datasource(SOURCE).expr(expression).legend_format(legend or "__auto").range()


def polled(expression: str, legend: str) -> prometheus.Dataquery:
    """Return a query over time of what the job linewarden-devices scrapes."""
    return query(expression, legend).interval(POLLED_RATE if "rate(" in expression else POLLED_MEAN)


def now(expression: str, legend: str = "") -> prometheus.Dataquery:
    """Return a query for the present values only."""
    return prometheus.Dataquery().datasource(SOURCE).expr(expression).legend_format(legend or "__auto").instant()


def line(
    title: str, unit: str, queries: Sequence[prometheus.Dataquery], *, about: str = "", width: int = 12,
    steps: Steps = (), maximum: float | None = None, below: str | None = None, minimum: float | None = 0,
    many: bool = False,
) -> timeseries.Panel:  # fmt: skip
    """Return lines over time.

    Args:
        unit: Grafana's id of the unit.
        steps: thresholds that are drawn as lines.
        below: regular expression of the series that are drawn downwards.
        minimum: of the axis; None leaves it to Grafana.
        many: dozens of series are to be expected, so that the legend is a table, the largest first.
    """
    panel = (
        framed(timeseries.Panel(), title, about, queries, width)
        .unit(unit)
        .line_width(1)
        .fill_opacity(10)
        .show_points(common_model.VisibilityMode.NEVER)
        .legend(_table_legend() if many else _list_legend())
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
    )
    if below is not None:
        panel = panel.override_by_regexp(below, [model.DynamicConfigValue("custom.transform", "negative-Y")])
    elif minimum is not None:
        panel = panel.min(minimum)
    if maximum is not None:
        panel = panel.max(maximum)
    if steps:
        panel = panel.thresholds(thresholds(steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_model.GraphTresholdsStyleMode.DASHED)
        )
    return panel


def number(
    title: str, unit: str, expression: str, *, about: str = "", width: int = 4, steps: Steps = ((None, "green"),),
    legend: str = "", states: bool = False, words: Sequence[model.ValueMap] = (), decimals: int | None = None,
) -> stat.Panel:  # fmt: skip
    """Return one present value, coloured; with `states` as the state's word, or as one of `words`."""
    panel = (
        framed(stat.Panel(), title, about, [now(expression, legend)], width)
        .height(4)
        .unit(unit)
        .thresholds(thresholds(steps))
        .color_mode(common_model.BigValueColorMode.BACKGROUND)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if legend:  # the name is what matters: a version
        panel = panel.text_mode(common_model.BigValueTextMode.NAME)
    mappings: list[model.ValueMapping] = state_mappings() if states else [*words]
    return panel.mappings(mappings) if mappings else panel


def timeline(
    title: str, expression: str, legend: str, *, about: str = "", width: int = WIDTH, height: int = HEIGHT,
    words: Sequence[model.ValueMap] | None = None,
) -> statetimeline.Panel:  # fmt: skip
    """Return states over time, one bar for each series."""
    return (
        framed(statetimeline.Panel(), title, about, [query(expression, legend)], width)
        .height(height)
        .mappings(list(words or state_mappings()))
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .show_value(common_model.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.8)
        .legend(_list_legend())
    )


def spread(title: str, expression: str, *, about: str = "", width: int = 12) -> heatmap.Panel:
    """Return a histogram over time; `expression` gives its buckets, `le` in seconds."""
    buckets = query(expression, "{{le}}").format(prometheus_model.PromQueryFormat.HEATMAP)
    return (
        framed(heatmap.Panel(), title, about, [buckets], width)
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit("s"))
        .color(heatmap.HeatmapColorOptions().mode(heatmap_model.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        .cell_gap(1)
    )


def words(*values: tuple[int, str, str]) -> list[model.ValueMap]:
    """Return mappings of (number, word, colour)."""
    return [
        model.ValueMap(
            {str(n): model.ValueMappingResult(text, colour, index=i) for i, (n, text, colour) in enumerate(values)}
        )
    ]


def _list_legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(common_model.LegendDisplayMode.LIST)
        .placement(common_model.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _table_legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(common_model.LegendDisplayMode.TABLE)
        .placement(common_model.LegendPlacement.RIGHT)
        .show_legend(True)
        .calcs(["lastNotNull", "mean", "max"])
        .sort_by("Max")
        .sort_desc(True)
    )


def state_mappings() -> list[model.ValueMapping]:
    """Return mappings of state numbers to coloured words."""
    return [*words(*((number, state, colour) for state, number, colour in STATES))]


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Return thresholds of (lower limit, colour); None is below all."""
    return (
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value, colour) for value, colour in steps])
    )


def framed(panel: AnyPanel, title: str, about: str, queries: Sequence[prometheus.Dataquery], width: int) -> AnyPanel:
    """Return the panel with what every panel has."""
    made = panel.title(title).datasource(SOURCE).span(width).height(HEIGHT)
    if about:
        made = made.description(about)
    for letter, one in zip(ascii_uppercase, queries, strict=False):
        made = made.with_target(one.ref_id(letter))
    return made
