"""`linewarden topology`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from click.testing import Result

from agent.core.documents import document
from agent.core.explain import Known
from agent.core.learnt import Learning, Learnt, Note, Source, Stranger
from agent.core.tree import tree_document
from tests.cli.agents import Served, answering, linewarden, served
from tests.exporters.pictures import trouble

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LEARNING = Learning(
    stands="this host is plugged into crown-rt1 Gi1 (LLDP)",
    proposals=(Learnt("crown-ups1", "crown-rt1", "the only way there is by crown-rt1: crown-rt1 Gi2 - crown-ups1 eth0; "
                      "only crown-rt1 says so", Source.LLDP, NOW),),
    contradicted=(Learnt("bcw-files1", "bcw-core-sw1", "LLDP sees a way there by bcw-acc-sw2", Source.LLDP, NOW),),
    notes=(Note("enc-payroll", "stands behind sw9, which nobody watches"),),
    strangers=tuple(Stranger(f"phone{n}\x1b[2J", ("enc-core-sw1 Gi1/0/1",), NOW) for n in range(25)),
    confirmed=3, apart=("enc-core-sw1",), left_out=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("state")) as found:
        yield found


def told(*options: str, columns: int = 200, learning: Learning = LEARNING) -> Result:
    picture = trouble(NOW)
    found = tree_document(Known(picture.estate, picture.verdicts, {}, NOW, learning=learning))

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(document(found))

    with answering(handler) as url:
        return linewarden("topology", "--url", url, *options, COLUMNS=str(columns), TZ="UTC")


def test_the_tree_of_an_agent(agent: Served) -> None:
    result = linewarden("topology", "--url", agent.url)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "dc1, this agent, at crown"
    for line in (
        "├─ crown  site  up",
        "├─ bcw-crown  group  up, redundancy lost",
        "│  ├─ one of: bcw-crown-primary  circuit  down",
        "│     └─ bcw-files1  server  unknown, maintenance",
        "├─ enc-crown  circuit  down",
        "│     └─ housing-management  service  unreachable because of enc-crown",
    ):
        assert line in lines, line
    assert "\x1b" not in result.stdout


def test_json_is_one_document(agent: Served) -> None:
    result = linewarden("topology", "--json", "--url", agent.url)
    found = json.loads(result.stdout)
    assert {line["name"] for line in found["tree"]} >= {"enc-crown", "telephony"}
    assert found["learnt"]["proposals"] == []


def test_what_depends_on_several_stands_once_in_full() -> None:
    picture = trouble(NOW)
    targets = dict(picture.estate.targets)
    targets["telephony"] = replace(targets["telephony"], depends_on=("crown-rt1", "enc-crown"))
    known = Known(replace(picture.estate, targets=targets, site=None), {}, {}, NOW)

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(tree_document(known))

    with answering(handler) as url:
        text = linewarden("topology", "--url", url).stdout
    assert text.startswith("dc1, this agent\n")
    assert text.count("telephony  service  unknown") == 1
    assert text.count("telephony, see above") == 1


def test_what_is_learnt_stands_apart() -> None:
    text = told().stdout
    for part in (
        "\nLearnt, not confirmed: this host is plugged into crown-rt1 Gi1 (LLDP)\n",
        "  3 dependencies between devices are as LLDP sees them\n",
        "  crown-ups1 depends on crown-rt1: the only way there is by crown-rt1: crown-rt1 Gi2 - crown-ups1 eth0; ",
        "; only crown-rt1 says so (lldp, since ",
        "  To confirm: linewarden topology --suggest",
        "\nConfigured, and contradicted\n  bcw-files1 depends on bcw-core-sw1: LLDP sees a way there by bcw-acc-sw2\n",
        "\nNo proposal\n  enc-payroll stands behind sw9, which nobody watches\n  enc-core-sw1: they tell of neighbours",
        "nobody watches them\n  phone0\ufffd[2J, at enc-core-sw1 Gi1/0/1\n",
        "  and 9 more\n",
    ):  # fmt: skip
        assert part in text, part
    assert max(map(len, told(columns=80).stdout.splitlines())) <= 80


def test_lines_to_paste_are_yaml_and_nothing_else() -> None:
    found = yaml.safe_load(told("--suggest").stdout)
    assert found == {"devices": [{"name": "crown-ups1", "depends_on": ["crown-rt1"]}]}
    assert told("--suggest", learning=Learning()).stdout == (
        "# nothing is learnt that the configuration does not have\n"
    )


CONFIG = """
agent: {{name: dc1, state_dir: '{state_dir}', site: crown}}
sites: [{{name: crown}}, {{name: enc}}]
circuits: [{{name: enc-crown, supplier: ExampleTel, reference: ETH/1, between: [enc, crown], far_end: 192.0.2.1}}]
devices: [{{name: enc-sw1, kind: switch, site: enc, address: 192.0.2.2, icmp: {{}}}}]
"""


def test_without_an_agent_and_without_a_ledger_the_configuration_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "linewarden.yaml"
    path.write_text(CONFIG.format(state_dir=tmp_path))
    result = linewarden("topology", "--config", path)
    assert (result.exit_code, result.stderr) == (0, "(no agent is running; read from its configuration)\n")
    assert result.stdout.splitlines() == [
        "dc1, this agent, at crown",
        "├─ crown  site  unknown",
        "└─ enc-crown  circuit  unknown",
        "   └─ enc  site  unknown",
        "      └─ enc-sw1  switch  unknown",
    ]


def test_without_an_agent_the_states_are_those_of_the_ledger(tmp_path: Path) -> None:
    with served(tmp_path):
        pass
    path = tmp_path / "linewarden.yaml"
    path.write_text(CONFIG.format(state_dir=tmp_path))
    result = linewarden("topology", "--config", path)
    assert "read from its configuration, states as of 20" in result.stderr
    assert "      └─ enc-sw1  switch  unreachable because of enc-crown" in result.stdout.splitlines()
