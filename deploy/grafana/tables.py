"""How Linewarden's tables look: of one query, and of several that share a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_model

from deploy.grafana.panels import HEIGHT, WIDTH, Steps, framed, now, state_mappings, thresholds


def rows(
    title: str, expression: str, columns: Mapping[str, str], *, about: str = "", width: int = 12, value: str = "",
    links: Mapping[str, str] | None = None, height: int = HEIGHT,
) -> table.Panel:  # fmt: skip
    """Return a table of present series.

    Args:
        columns: label -> heading, in the order of the columns; other labels are not shown.
        value: heading of the value; "" hides it.
        links: heading -> address behind each of its cells.
    """
    order = {label: place for place, label in enumerate(columns)}
    headings = dict(columns) | ({"Value": value} if value else {})
    panel = (
        framed(table.Panel(), title, about, [now(expression).format(prometheus_model.PromQueryFormat.TABLE)], width)
        .height(height)
        .with_transformation(
            model.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True} | ({} if value else {"Value": True}),
                    "indexByName": order | {"Value": len(order)},
                    "renameByName": headings,
                },
            )
        )
        .show_header(True)
    )
    for heading, address in (links or {}).items():
        link = {"title": "Open", "url": address}
        panel = panel.override_by_name(heading, [model.DynamicConfigValue("links", [link])])
    return panel


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table that several queries fill.

    Attributes:
        expression: what fills it; "" for a label that the other queries bear.
        label: the label that is shown; "" shows the value.
        look: overrides of the column.
    """

    heading: str
    expression: str = ""
    label: str = ""
    look: Sequence[model.DynamicConfigValue] = ()


def board(
    title: str, columns: Sequence[Column], *, sort: Sequence[tuple[str, bool]], about: str = "", width: int = WIDTH,
    height: int = HEIGHT, links: Mapping[str, str] | None = None,
) -> table.Panel:  # fmt: skip
    """Return a table of present values, one row for each set of labels that the queries share.

    Args:
        columns: in their order; labels of the queries that are none of them are not shown.
        sort: heading, whether the largest is on top; the first matters most.
        links: heading -> address behind each of its cells.
    """
    asked = [column for column in columns if column.expression]
    values = {column.heading: f"Value #{letter}" for letter, column in zip(ascii_uppercase, asked, strict=False)}
    fields = [column.label or values[column.heading] for column in columns]
    hidden = ["Time", *(values[column.heading] for column in asked if column.label)]
    queries = [now(column.expression).format(prometheus_model.PromQueryFormat.TABLE) for column in asked]
    panel = (
        framed(table.Panel(), title, about, queries, width)
        .height(height)
        .with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            model.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": dict.fromkeys(hidden, True),
                    "indexByName": {field: place for place, field in enumerate(fields)},
                    "renameByName": {field: column.heading for field, column in zip(fields, columns, strict=True)},
                },
            )
        )
        .show_header(True)
        .sort_by([common.TableSortByFieldState().display_name(heading).desc(down) for heading, down in sort])
    )
    for column in columns:
        look = list(column.look)
        if address := (links or {}).get(column.heading):
            look.append(model.DynamicConfigValue("links", [{"title": "Open", "url": address}]))
        if look:
            panel = panel.override_by_name(column.heading, look)
    return panel


def shown(
    unit: str = "", *, steps: Steps = (), words: Sequence[model.ValueMap] = (), bar: bool = False,
    decimals: int | None = None, width: int | None = None,
) -> tuple[model.DynamicConfigValue, ...]:  # fmt: skip
    """Return how a column of a board looks.

    Args:
        unit: Grafana's id of the unit.
        steps: thresholds that colour the text, or the bar.
        words: mappings of numbers to coloured words.
        bar: whether a ratio is drawn as a bar.
    """
    found: list[model.DynamicConfigValue] = []

    def put(key: str, value: object) -> None:
        found.append(model.DynamicConfigValue(key, value))

    if unit:
        put("unit", unit)
    if decimals is not None:
        put("decimals", decimals)
    if steps:
        put("thresholds", thresholds(steps).build())
    if words:
        put("mappings", list(words))
    if bar:
        put("min", 0)
        put("max", 1)
        put("custom.cellOptions", {"type": "gauge", "mode": "basic"})
    elif steps or words:
        put("custom.cellOptions", {"type": "color-text"})
    if width is not None:
        put("custom.width", width)
    return tuple(found)


def state_words() -> list[model.DynamicConfigValue]:
    """Return what shows a column of state numbers as coloured words."""
    cell = {"type": "color-text"}
    return [
        model.DynamicConfigValue("mappings", state_mappings()),
        model.DynamicConfigValue("custom.cellOptions", cell),
    ]
