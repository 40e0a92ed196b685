"""`linewarden probe`: which probes there are, what wrong words are told, and the general command for any probe."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.cli.probe import split_port
from agent.cli.probe_icmp import _histogram, _join, _line, _Live, _Run
from agent.core.model import Check, Echo, Round
from probes.icmp import sockets
from probes.icmp.settings import Settings
from tests.needs import needs_icmp


def run(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["probe", *words])


@pytest.fixture
def port() -> Iterator[int]:
    """Give a TCP port of loopback that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_help_lists_the_probes() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for name in ("icmp", "snmp", "tcp", "host"):
        assert f"\n  {name}" in done.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("icmq 10.0.0.1", "no probe of type 'icmq'; did you mean 'icmp'?"),
        ("zzz 10.0.0.1", "no probe of type 'zzz'; there are icmp, snmp"),
        ("icmp", "Missing argument 'TARGET...'"),
        ("icmp 10.0.0.1 -i 1", "interval: expected a duration with its unit"),
        ("icmp 10.0.0.1 -i 1ms", "interval: expected at least 10 ms"),
        ("icmp 10.0.0.1 --dscp EFF", "dscp: expected a DSCP such as EF"),
        ("icmp 10.0.0.1 -6", "family: 10.0.0.1 is an IPv4 address"),
        ("icmp 10.0.0.1 --source x", "source: expected an IP address of this host"),
        ("icmp 10.0.0.1 --size 3", "size: Input should be greater than or equal to 16"),
        ("icmp 10.0.0.1 --count 0", "0 is not in the range"),
        ("host --timeout 5", "timeout: expected a duration"),
        ("host --set x", "--set: expected KEY=VALUE, got 'x'"),
        ("host --set x=[", "--set x: expected a YAML value, got '['"),
        ("host --set nonsense=1", "nonsense: unknown setting; there are "),
        ("tcp 10.0.0.1", "port: is missing; give it with --set port=..."),
    ],
)
def test_a_usage_error_says_what_was_expected(words: str, expected: str) -> None:
    done = run(*words.split())
    assert done.exit_code == 2, done.output
    assert expected in done.output


@needs_icmp
def test_one_target_echo_by_echo() -> None:
    done = run("icmp", "127.0.0.1", "-c", "2", "-i", "50ms", "--size", "100")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("127.0.0.1: 100 octets of payload")
    assert lines[1].startswith("1: answered, ")
    assert lines[2].startswith("2: answered, ")
    assert "2 of 2 echoes answered" in lines[3]
    assert "RFC 5481" in done.output


@needs_icmp
def test_several_targets_as_a_table() -> None:
    done = run("icmp", "127.0.0.1", "127.0.0.2", "-c", "1", "-4")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0].split()[:3] == ["target", "address", "answered"]
    assert "127.0.0.2" in done.output


@needs_icmp
def test_targets_of_a_file_and_without_a_limit(tmp_path: Path) -> None:
    listing = tmp_path / "addresses"
    listing.write_text("# the core\n127.0.0.1  sw1\n\n127.0.0.2\n127.0.0.1\n")
    done = run("icmp", "-f", str(listing), "127.0.0.3", "-c", "7", "-i", "10ms", "--rate", "0", "--json")
    assert done.exit_code == 0, done.output
    found = {target["target"]: target for target in json.loads(done.stdout)["targets"]}
    assert set(found) == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
    assert all(len(target["echoes"]) == target["received"] == 7 for target in found.values())


@needs_icmp
def test_many_echoes_give_a_histogram() -> None:
    done = run("icmp", "127.0.0.1", "-c", "20", "-i", "10ms")
    assert done.exit_code == 0, done.output
    bars = [line.split() for line in done.output.splitlines() if "#" in line]
    assert sum(int(bar[-1]) for bar in bars) == 20


def test_a_histogram_of_what_is_known() -> None:
    ordered = sorted([0.010] * 5 + [0.011] * 10 + [0.012] * 4 + [0.5])
    lines = _histogram(ordered)
    assert len(lines) == 9
    assert [int(line.split()[-1]) for line in lines].count(0) > 3
    assert lines[-1].split() == ["above", "##", "1"]
    assert _histogram([0.001] * 50) == _histogram([0.001, 0.002]) == []


@needs_icmp
def test_a_terminal_shows_a_table_that_is_kept_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.cli.probe_icmp._LIVE_SECONDS", 0.05)
    shown: list[str] = []
    monkeypatch.setattr(_Live, "show", lambda _self, text: shown.append(text))
    targets = [f"127.0.0.{number}" for number in range(1, 40)]
    checks = [Check(target, "icmp", "icmp", 0.02, settings(target)) for target in targets]
    command = _Run(checks, 10, None, as_json=False)
    command._live = _Live()
    assert asyncio.run(command.run()) == 0
    assert "more, which fare no worse" in shown[0]
    assert len(shown[0].splitlines()) < 30


def test_the_former_table_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    live = _Live()
    live.show("one\ntwo")
    live.show("three")
    live.clear()
    live.clear()
    assert capsys.readouterr().out == "one\ntwo\n\x1b[2F\x1b[Jthree\n\x1b[1F\x1b[J"


@needs_icmp
def test_ctrl_c_sums_up_what_came(tmp_path: Path) -> None:
    wide = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", "agent.cli", "probe", "icmp", "127.0.0.1", "127.0.0.2", "-c", "1000", "-i", "20ms"]
    with (tmp_path / "out").open("w+") as out, subprocess.Popen(command, stdout=out, env=wide) as process:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        out.seek(0)
        heads, *rows = out.read().splitlines()
    assert heads.startswith("target")
    for row in rows:
        received, sent = map(int, row.split()[2].split("/"))
        assert 0 < received <= sent < 1000


@needs_icmp
def test_json_is_one_document() -> None:
    done = run("icmp", "127.0.0.1", "-c", "3", "-i", "20ms", "--json")
    (target,) = json.loads(done.stdout)["targets"]
    assert (target["target"], target["sent"], target["received"], target["loss_ratio"]) == ("127.0.0.1", 3, 3, 0)
    assert [echo["outcome"] for echo in target["echoes"]] == ["received"] * 3
    assert all(echo["rtt_seconds"] > 0 for echo in target["echoes"])


def settings(target: str) -> Settings:
    """Return settings of ten quick echoes in one round."""
    return Settings.model_validate({"address": target, "interval": "20ms", "round": "200ms"})


def refuse(family: int, *_: object, **__: object) -> None:
    """Refuse as where neither kind of socket is permitted."""
    raise sockets.NotPermittedError(family)


def test_without_permission_it_ends_with_3_and_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.icmp.port.open_socket", refuse)
    done = run("icmp", "127.0.0.1", "-c", "1")
    assert done.exit_code == 3
    assert "net.ipv4.ping_group_range" in done.stderr


def test_where_nothing_can_be_measured_it_ends_with_3() -> None:
    done = run("icmp", "127.0.0.1", "-I", "nosuch0", "-c", "1", "-W", "100ms")
    assert done.exit_code == 3, done.output
    assert "nosuch0" in done.stderr


def one(outcome: Echo, **more: object) -> Round:
    """Build a round of one echo."""
    now = datetime.now(UTC)
    values: dict[str, object] = {
        "target": "t", "check": "icmp", "began_at": now, "ended_at": now, "sent_at_seconds": np.array([1.0]),
        "rtts_seconds": np.array([0.0015 if outcome is Echo.RECEIVED else np.nan]),
        "outcomes": np.array([outcome], np.uint8), **more,
    }  # fmt: skip
    return Round(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (one(Echo.RECEIVED), "7: answered, 1.5 ms"),
        (one(Echo.RECEIVED, duplicates=2), "7: answered, 1.5 ms, and 2 more"),
        (one(Echo.LOST), "7: no answer"),
        (one(Echo.REFUSED, refusals=("10.0.0.1: host prohibited",)), "7: refused by 10.0.0.1: host prohibited"),
        (one(Echo.UNKNOWN, why_unknown={"send_enetdown": 1}), "7: not measured: this host's interface is down"),
    ],
)
def test_a_line_for_each_echo(item: Round, line: str) -> None:
    import click

    assert click.unstyle(_line(7, item)) == line


def test_rounds_of_one_echo_become_one_round() -> None:
    check = Check("t", "icmp", "icmp", 1.0)
    whole = _join(check, [one(Echo.RECEIVED), one(Echo.UNKNOWN, why_unknown={"no_address": 1}), one(Echo.LOST)])
    assert whole is not None
    assert whole.outcomes.tolist() == [Echo.RECEIVED, Echo.UNKNOWN, Echo.LOST]
    assert whole.why_unknown == {"no_address": 1}
    assert _join(check, []) is None


def test_any_other_probe_by_its_type(port: int) -> None:
    done = run("tcp", "127.0.0.1", "--set", f"port={port}", "--timeout", "5s")
    assert done.exit_code == 0, done.output
    assert "127.0.0.1: ok" in done.output
    done = run("tcp", "127.0.0.1", "--set", f"port={port}", "--json")
    assert json.loads(done.stdout)["outcome"] == "ok"


def test_host_and_port_in_one_word(port: int) -> None:
    done = run("tcp", f"127.0.0.1:{port}")
    assert done.exit_code == 0, done.output
    assert f"127.0.0.1:{port}: connected" in done.output


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("h", ("h", None)),
        ("h:25", ("h", 25)),
        ("::1", ("::1", None)),
        ("2001:db8::25", ("2001:db8::25", None)),
        ("[::1]", ("::1", None)),
        ("[::1]:25", ("::1", 25)),
        ("h:smtp", ("h:smtp", None)),
    ],
)
def test_a_port_is_split_off(word: str, parts: tuple[str, int | None]) -> None:
    assert split_port(word) == parts


def test_the_help_of_any_probe_shows_an_example_and_its_settings() -> None:
    shown = run("tcp", "--help").output
    assert "probe tcp [OPTIONS] TARGET[:PORT]" in shown
    assert "  linewarden probe tcp 10.20.2.5:443 --json\n" in shown
    assert "  expect  text that must stand in the first 4096 octets of the answer (default: '')\n" in shown
    assert "linewarden probe host --json\n" in run("host", "--help").output


def test_what_is_refused_ends_with_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = run("tcp", "127.0.0.1", "--set", f"port={port}", "--timeout", "5s")
    assert done.exit_code == 1, done.output
