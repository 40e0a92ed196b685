"""What the documentation names is there: files, headings, alerts, commands, options, targets of make."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
import yaml

from agent.cli import main
from agent.core.hardware import Reason

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
RULES = ROOT / "deploy" / "prometheus" / "linewarden.rules.yml"

FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
OWN_FILE = re.compile(r"(?:agent|probes|exporters|configs|deploy|docs|tests)/[\w./-]+\.\w+")
CALL = re.compile(r"^\s*(?:[$#] )?(?:\S*/)?linewarden (?!\d)(.+)$")
BY_THE_READER = {"probes/freshness.py"}  # docs/adding-a-probe.md tells to write it
ENDS_A_CALL = ("|", ">", "#", "&&", "||", ";", "<")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def code(page: Path) -> Iterator[str]:
    """Yield the lines of every block, and what stands in backquotes."""
    text = page.read_text(encoding="utf-8")
    for block in FENCED.findall(text):
        yield from block.splitlines()
    yield from (line for line in FENCED.sub("", text).splitlines() if line.startswith("    "))
    yield from (" ".join(span.split()) for span in CODE.findall(FENCED.sub("", text)))


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def calls(page: Path) -> Iterator[list[str]]:
    """Yield the words of each call of the command."""
    for line in code(page):
        if found := CALL.match(line):
            words = []
            for word in shlex.split(re.split(r"  +\w", found[1])[0]):
                if word.startswith(ENDS_A_CALL) or word == "...":
                    break
                words.append(word.rstrip(";"))
            yield words


def _takes_a_value(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and not param.is_flag and not param.count


def complaint(words: list[str]) -> str | None:
    """Return what does not exist of a call; None when all of it does."""
    command: click.Command = main
    known, valued = {"-h", "--help"}, set[str]()
    with click.Context(main) as ctx:
        for before, word in pairwise(["", *words]):
            known |= {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
            valued |= {name for param in command.params if _takes_a_value(param) for name in param.opts}
            if before in valued:
                continue
            if word.startswith("-") and not word.lstrip("-").isdigit():
                if (name := word.split("=")[0]) not in known:
                    return f"no option {name}"
            elif isinstance(command, click.Group) and not word.isupper():
                found = command.get_command(ctx, word)
                if found is None:
                    return f"no command {word}"
                command = found
    return None


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{link}: there is no such file"
        assert not anchor or anchor in anchors(file), f"{link}: there is no such heading"


@every_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    for span in CODE.findall(prose(page)):
        if OWN_FILE.fullmatch(span) and span not in BY_THE_READER:
            assert (ROOT / span).exists(), span


@every_page
def test_every_command_and_option_exists(page: Path) -> None:
    assert [(words, found) for words in calls(page) if (found := complaint(words))] == []


def test_what_does_not_exist_is_found() -> None:
    assert complaint(["check", "--strict", "x.yaml"]) is None
    assert complaint(["probe", "snmp", "10.0.0.1", "--modules", "system"]) is None
    assert complaint(["chekc", "x.yaml"]) == "no command chekc"
    assert complaint(["outages", "--opne"]) == "no option --opne"
    assert complaint(["outages", "--since", "1h", "akc"]) == "no command akc"
    assert complaint(["outages", "ack", "7", "--author", "alice"]) is None


def test_every_option_that_is_named_alone_exists() -> None:
    known: set[str] = set()
    with click.Context(main) as ctx:
        groups: list[click.Command] = [main]
        for command in groups:
            known |= {name for param in command.params for name in param.opts}
            if isinstance(command, click.Group):
                groups += [found for name in command.list_commands(ctx) if (found := command.get_command(ctx, name))]
    for page in PAGES:
        for span in code(page):
            if re.match(r"--[a-z]", span):
                assert span.split()[0].split("=")[0] in known, f"{page.name}: {span}"


def test_every_command_is_documented() -> None:
    told = {words[0] for page in PAGES if page.name != "CHANGELOG.md" for words in calls(page) if words}
    with click.Context(main) as ctx:
        assert set(main.list_commands(ctx)) - told == set()


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for line in code(page):
            if found := re.match(r"^\s*(?:\$ )?make ([a-z]+)", line):
                assert found[1] in targets, f"{page.name}: {line}"


def test_every_alert_stands_in_the_table_and_has_its_runbook() -> None:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    table = set(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\)", prose(ROOT / "docs" / "prometheus.md"), re.MULTILINE))
    assert table == alerts
    assert {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} == alerts


def test_every_snmp_module_stands_in_the_table() -> None:
    table = re.findall(r"^\| `(\w+)` \|", prose(ROOT / "docs" / "snmp-modules.md"), re.MULTILINE)
    assert sorted(table) == sorted(file.stem for file in (ROOT / "configs" / "snmp").glob("*.yml"))


def test_every_reason_of_a_hardware_flag_has_its_meaning_and_what_to_do() -> None:
    text = prose(ROOT / "docs" / "runbooks" / "HardwareFlag.md")
    table, _, advice = text.partition("## What to do")
    told = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert told == set(Reason)
    heads = " ".join(re.findall(r"^(`\w+`(?:,\s+`\w+`)*):", advice, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", heads)) == set(Reason)
