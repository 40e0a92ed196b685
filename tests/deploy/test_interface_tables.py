"""Which interfaces the dashboards call trouble: their expressions, judged by promtool."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.promtool import SLOW, Situation, Thing, run

DASHBOARDS: Final = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
BOARD: Final = "Interfaces, trouble first"
OVERVIEW: Final = "Interfaces in trouble"


def panel(dashboard: str, title: str) -> dict[str, Any]:
    """Return one panel of a dashboard."""
    document = json.loads((DASHBOARDS / f"{dashboard}.json").read_text())
    (found,) = [one for one in document["panels"] if one["title"] == title]
    assert isinstance(found, dict)
    return found


def column(heading: str) -> tuple[str, dict[str, str]]:
    """Return the expression behind a column of the table of interfaces, and the words of its numbers."""
    table = panel("device", BOARD)
    (organize,) = [one["options"] for one in table["transformations"] if one["id"] == "organize"]
    (value,) = [name for name, shown in organize["renameByName"].items() if shown == heading]
    (expression,) = [one["expr"] for one in table["targets"] if f"Value #{one['refId']}" == value]
    return expression, words(table, heading)


def words(table: Mapping[str, Any], heading: str) -> dict[str, str]:
    """Return number -> word of a column."""
    overrides = [one["properties"] for one in table["fieldConfig"]["overrides"]
                 if one["matcher"]["options"] == heading]  # fmt: skip
    mappings = [one["value"] for properties in overrides for one in properties if one["id"] == "mappings"]
    return {number: shown["text"] for found in mappings for one in found for number, shown in one["options"].items()}


@dataclass(frozen=True, slots=True)
class Port:
    """What is known of one interface, and what the table has to say of it.

    Attributes:
        values: name -> value in promtool's notation, beside those of a sound and quiet 1 Gbit/s line.
        watched: whether it may alarm.
    """

    name: str
    trouble: str
    state: int = 1
    values: Mapping[str, str] = field(default_factory=dict)
    watched: bool = False
    down: str = "0"

    def series(self) -> Iterable[dict[str, str]]:
        """Yield its series of ten minutes, scraped once a minute."""
        sound = {"admin_status": "1", "oper_status": "1", "speed_bits_per_second": "1e9", "flaps_total": "0"}
        flows = {"errors_per_second": "0", "discards_per_second": "0", "unicast_packets_per_second": "500",
                 "utilisation_ratio": "0.01"}  # fmt: skip
        for name, value in (sound | {n: v for n, v in self.values.items() if n not in flows}).items():
            yield _series(f'linewarden_interface_{name}{{target="sw",interface="{self.name}"}}', value)
        for name, value in flows.items():
            for direction, one in (("received", self.values.get(name, value)), ("sent", value)):
                labels = f'target="sw",interface="{self.name}",direction="{direction}"'
                yield _series(f"linewarden_interface_{name}{{{labels}}}", one)
        if self.watched:
            labels = f'target="sw",interface="{self.name}",why="uplink",neighbour="sw2"'
            yield _series(f"linewarden_interface_down{{{labels}}}", self.down)


def _series(name: str, value: str) -> dict[str, str]:
    return {"series": name, "values": value if " " in value or "x" in value else f"{value}x10"}


PORTS: Final = (
    Port("sound", "-", watched=True),
    Port("unplugged", "-", 2, {"oper_status": "2"}),
    Port("off", "-", 8, {"oper_status": "2", "admin_status": "2"}),
    Port("cut", "down", 12, {"oper_status": "2", "receive_power_dbm": "-40"}, watched=True, down="1"),
    Port("just-cut", "down", 11, {"errors_per_second": "9"}, watched=True, down="1"),  # OperStatus is not scraped yet
    Port("bundle", "down", 17, {"oper_status": "7"}, watched=True, down="1"),
    Port("idle-bundle", "-", 7, {"oper_status": "7"}),
    Port("half", "duplex", values={"duplex_mismatch": "1", "errors_per_second": "9"}),
    Port("full", "-", values={"duplex_mismatch": "0"}),
    Port("noisy", "errors", values={"errors_per_second": "0.6"}),
    Port("hardly-noisy", "-", values={"errors_per_second": "0.4"}),
    Port("noisy-once", "errors", values={"errors_per_second": "0 0 0 0 0 0 9 0 0 0 0"}),
    Port("all-errors", "errors", values={"errors_per_second": "1", "unicast_packets_per_second": "0"}),
    Port("quiet", "-", values={"unicast_packets_per_second": "0"}),
    Port("dark", "light", values={"receive_power_dbm": "-19.5"}),
    Port("dim-1g", "-", values={"receive_power_dbm": "-16"}),
    Port("dim-10g", "light", values={"receive_power_dbm": "-16", "speed_bits_per_second": "1e10"}),
    Port("bright-10g", "-", values={"receive_power_dbm": "-5", "speed_bits_per_second": "1e10"}),
    Port("dark-and-unplugged", "-", 2, {"receive_power_dbm": "-40", "oper_status": "2"}),
    Port("flapping", "flapping", values={"oper_status": "2 1 2 1 2 1 2 1 2 2 1", "flaps_total": "0+1x10"}),
    Port("flapping-unseen", "flapping", values={"flaps_total": "0+2x10"}),
    Port("flapped-once", "-", values={"oper_status": "1 1 1 2 1 1 1 1 1 1 1"}),
    Port("dropping", "discards", values={"discards_per_second": "1"}),
    Port("busy", "-", values={"utilisation_ratio": "0.9"}),
    Port("brimful", "full", values={"utilisation_ratio": "0.96"}),
)  # fmt: skip


def judged(folder: Path, heading: str, expected: Mapping[str, float]) -> None:
    """Let promtool judge that a column has these numbers."""
    expression, _ = column(heading)
    for name, value in {"target": "sw", "interface": ".*", "__range": "10m"}.items():
        expression = expression.replace(f"${name}", value)
    samples = [{"labels": f'{{interface="{name}"}}', "value": value} for name, value in expected.items()]
    test = {"expr": expression, "eval_time": "10m", "exp_samples": samples}
    series = [one for port in PORTS for one in port.series()]
    run(folder, {"interval": "1m", "input_series": series, "promql_expr_test": [test]})


def test_the_worst_of_each_interface_is_its_trouble(tmp_path: Path) -> None:
    _, words_of = column("Trouble")
    numbers = {word: float(number) for number, word in words_of.items()}
    judged(tmp_path, "Trouble", {port.name: numbers[port.trouble] for port in PORTS})


def test_a_state_says_whether_anybody_is_concerned(tmp_path: Path) -> None:
    judged(tmp_path, "State", {port.name: port.state for port in PORTS})
    _, known = column("State")
    assert [known[str(number)] for number in (1, 2, 7, 8)] == ["up", "down", "lower layer down", "shut down"]
    assert [known[str(number)] for number in (11, 12, 17)] == ["down", "down", "lower layer down"]


def test_worse_troubles_are_above(tmp_path: Path) -> None:
    _, known = column("Trouble")
    order = ["-", "full", "discards", "flapping", "light", "errors", "duplex", "down"]
    assert [known[str(number)] for number in range(8)] == order
    assert panel("device", BOARD)["options"]["sortBy"][0] == {"displayName": "Trouble", "desc": True}
    assert panel("overview", OVERVIEW)["targets"][0]["expr"].startswith("sort_desc(")


def _down(target: str, why: str, neighbour: str) -> str:
    return f'linewarden_interface_down{{target="{target}",interface="Gi1",why="{why}",neighbour="{neighbour}"}}'


def _odd(target: str, interface: str, *, mismatch: float = 0, errors: float = 0) -> dict[str, float]:
    one = f'target="{target}",interface="{interface}"'
    return {
        f"linewarden_interface_duplex_mismatch{{{one}}}": mismatch,
        f'linewarden_interface_errors_per_second{{{one},direction="received"}}': errors,
        f'linewarden_interface_unicast_packets_per_second{{{one},direction="received"}}': 100,
    }


@pytest.mark.parametrize(
    ("own", "rows"),
    [
        ({_down("works", "uplink", "works-too"): 1}, {("works", "Gi1", "works-too"): "down"}),
        ({_down("works", "configured", ""): 1}, {("works", "Gi1", ""): "down"}),
        ({_down("works", "uplink", "works-too"): 0}, {}),
        ({_down("works", "uplink", "failed"): 1}, {}),
        ({_down("works", "uplink", "behind"): 1}, {}),
        ({_down("works", "circuit_end", ""): 1}, {}),
        ({_down("failed", "configured", ""): 1}, {}),
        ({_down("nobody", "configured", ""): 1}, {}),
        ({_down("mended", "configured", ""): 1}, {}),
        ({_down("slow", "configured", ""): 1}, {("slow", "Gi1", ""): "down"}),
        (_odd("works", "Gi2", mismatch=1, errors=9), {("works", "Gi2", ""): "duplex"}),
        (_odd("works", "Gi2", errors=0.2), {("works", "Gi2", ""): "errors"}),
        (_odd("works", "Gi2", errors=0.05), {}),
        (_odd("nobody", "Gi2", mismatch=1), {}),
        ({_down("works", "uplink", "works-too"): 1, **_odd("works", "Gi1", errors=1), **_odd("works", "Gi3", errors=1)},
         {("works", "Gi1", "works-too"): "down", ("works", "Gi3", ""): "errors"}),
    ],
)  # fmt: skip
def test_the_overview_has_the_interfaces_that_make_a_ticket(
    tmp_path: Path, own: Mapping[str, float], rows: Mapping[tuple[str, str, str], str]
) -> None:
    things = (
        Thing("works", "u", site="bcw", owner="bcw"),
        Thing("works-too", "u"),
        Thing("slow", "e", site="bcw", owner="bcw"),
        Thing("failed", "d"),
        Thing("behind", "x", cause="failed"),
        Thing("nobody", "u", page="never"),
        Thing("mended", "u", marks={"maintenance": range(1000)}),
    )
    situation = Situation(things, 160, jobs=SLOW, own={text: _always(value) for text, value in own.items()})
    numbers = {word: float(number) for number, word in words(panel("overview", OVERVIEW), "Trouble").items()}
    expression = panel("overview", OVERVIEW)["targets"][0]["expr"].replace("$site", ".*")
    inventory = {"kind": "switch", "site": "bcw", "owner": "bcw"}
    shown = [
        {
            "labels": _labels(target=target, interface=interface, neighbour=neighbour, **inventory),
            "value": numbers[word],
        }
        for (target, interface, neighbour), word in rows.items()
    ]
    # the row is there exactly when the alert fires
    fired = 'count by (target, interface) (ALERTS{alertname="InterfaceDown", alertstate="firing"})'
    alerts = [
        {"labels": _labels(target=target, interface=interface), "value": 1}
        for (target, interface, _), word in rows.items()
        if word == "down"
    ]
    tests = [
        {"expr": expression, "eval_time": "150s", "exp_samples": shown},
        {"expr": fired, "eval_time": "150s", "exp_samples": alerts},
    ]
    run(tmp_path, {"interval": "1s", "input_series": situation.document(), "promql_expr_test": tests}, every=5)


def _always(value: float) -> Callable[[int], float | None]:
    return lambda _: float(value)


def _labels(**labels: str) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items() if value) + "}"
