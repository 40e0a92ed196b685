"""The rule file without what the agent pushes: exactly those alerts are gone, and nothing else is touched."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from agent.cli.rulefile import without
from agent.core.paging import ALERTS

RULES = (Path(__file__).parents[2] / "deploy" / "prometheus" / "linewarden.rules.yml").read_text()


def alerts(text: str) -> set[str]:
    return {rule["alert"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"] if "alert" in rule}


RULES_ALONE: Final = {"AvailabilityMissed"}  # no page of the agent's: it follows from its accounts


def test_what_is_pushed_is_all_that_the_rules_say_of_the_estate() -> None:
    """One list, in agent.core.paging: what is in it and in no rule, or the other way round, pages twice or never."""
    assert {name for name in alerts(RULES) if not name.startswith("Linewarden")} == ALERTS | RULES_ALONE


def test_exactly_these_alerts_are_gone() -> None:
    wanted: dict[str, Any] = yaml.safe_load(RULES)
    for group in wanted["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in ALERTS]
    wanted["groups"] = [group for group in wanted["groups"] if group["rules"]]
    text = without(RULES, ALERTS)
    assert yaml.safe_load(text) == wanted
    assert {name for name in alerts(text) if not name.startswith("Linewarden")} == RULES_ALONE
    assert len(alerts(text)) == len(alerts(RULES)) - len(ALERTS)


def test_comments_stay_with_their_rules_and_those_of_others_go() -> None:
    text = without(RULES, ALERTS)
    lines = RULES.splitlines()
    kept = text.splitlines()
    added = [line for line in kept if line not in lines]
    told = " ".join(line.removeprefix("# ") for line in added)
    assert told.endswith(f"and these rules leave that out: {', '.join(sorted(ALERTS))}.")
    following = iter(lines)
    assert all(line in following for line in kept if line not in added), "what is kept stands in its order"
    assert "# A circuit that no other backs up." not in text
    assert "# A mark may be set while the state is unknown" in text
    assert max(map(len, added)) <= 120
    assert text.endswith("\n")
    assert "\n\n\n" not in text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: apt-get install prometheus")
def test_promtool_accepts_it(tmp_path: Path) -> None:
    file = tmp_path / "linewarden.rules.yml"
    file.write_text(without(RULES, ALERTS))
    done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
