"""The import contracts know every package: a probe that is added is bound by them too."""

import pkgutil
import tomllib
from pathlib import Path

import agent
import probes

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
MAY_IMPORT_ALL = {"agent.app", "agent.cli", "agent.config"}


def named(name: str, key: str) -> set[str]:
    found = [contract for contract in CONTRACTS if contract["name"] == name]
    assert len(found) == 1, name
    return set(found[0][key])


def test_every_probe_is_independent_of_the_others() -> None:
    present = {f"probes.{module.name}" for module in pkgutil.iter_modules(probes.__path__)} - {
        "probes.wire",
        "probes.local",
    }
    assert named("probes do not import one another", "modules") == present
    assert named("probes.wire and probes.local import no probe", "forbidden_modules") == present


def test_only_three_parts_may_import_probes_and_exporters() -> None:
    present = {f"agent.{module.name}" for module in pkgutil.iter_modules(agent.__path__)}
    bound = named("only agent.config, agent.app and agent.cli import probes and exporters", "source_modules")
    assert bound == present - MAY_IMPORT_ALL
