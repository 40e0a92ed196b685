"""`linewarden probe`: which probes there are, what wrong words are told, and the general command for any probe."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.cli.probe import split_port
from agent.cli.probe_icmp import _join, _line
from agent.core.model import Check, Echo, Round
from probes.icmp import sockets
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
def test_json_is_one_document() -> None:
    done = run("icmp", "127.0.0.1", "-c", "3", "-i", "20ms", "--json")
    (target,) = json.loads(done.stdout)["targets"]
    assert (target["target"], target["sent"], target["received"], target["loss_ratio"]) == ("127.0.0.1", 3, 3, 0)
    assert [echo["outcome"] for echo in target["echoes"]] == ["received"] * 3
    assert all(echo["rtt_seconds"] > 0 for echo in target["echoes"])


def refuse(family: int, *_: object) -> None:
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
