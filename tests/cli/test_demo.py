"""`linewarden demo`: the quickstart estate, and what a newcomer sees of it, sped up."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner

import configs
from agent import config
from agent.cli import demo
from agent.cli.simulated.devices import estate
from agent.cli.simulated.process import ADDRESSES, PORT
from agent.cli.simulated.script import Script
from agent.core.model import Role, Target
from probes.snmp.ber import encode_oid

QUICKSTART = Path(configs.__path__[0]) / "quickstart.yaml"


@pytest.fixture(scope="module")
def quickstart() -> dict[str, Target]:
    return dict(config.load(QUICKSTART).estate.targets)


def test_the_quickstart_estate_is_good() -> None:
    assert config.load(QUICKSTART, strict=True).warnings == ()


def test_every_polled_address_is_simulated_and_nothing_leaves_this_host(quickstart: dict[str, Target]) -> None:
    settings = [check.settings for target in quickstart.values() for check in target.checks if check.settings]
    polled = {one.address for one in settings if one.type == "snmp"}
    assert polled == set(ADDRESSES.values())
    assert {one.port for one in settings if one.type == "snmp"} == {PORT}
    assert {one.address for one in settings if one.type == "icmp"} == {"127.0.0.1", "::1"}
    assert set(ADDRESSES) == set(estate(Script(), 0.0))
    for name in set(ADDRESSES) & set(quickstart):
        assert quickstart[name].address == ADDRESSES[name]


def test_the_script_concerns_the_circuits_of_the_estate(quickstart: dict[str, Target]) -> None:
    circuits = {name: target for name, target in quickstart.items() if target.role is Role.CIRCUIT}
    script = Script()
    assert {failure.circuit for failure in script.failures} <= set(circuits)
    router = estate(script, 0.0)["crown-rtr1"].mib
    names = [router.get(encode_oid(f"1.3.6.1.2.1.31.1.1.1.1.{index}"), 0.0)[2] for index in range(1, 6)]
    for circuit in circuits.values():
        for check in circuit.checks:
            assert check.source is not None
            device, interface = check.source
            assert device == "crown-rtr1"
            index = names.index(interface.encode()) + 1
            alias = router.get(encode_oid(f"1.3.6.1.2.1.31.1.1.1.18.{index}"), 0.0)[2]
            assert isinstance(alias, bytes)
            assert circuit.circuit is not None
            assert alias.decode().split() == ["WAN", circuit.name, circuit.circuit.supplier, circuit.circuit.reference]


def test_another_port_and_faster_polls_go_into_a_copy(tmp_path: Path) -> None:
    copy = demo._rewritten(QUICKSTART, tmp_path / "copy.yaml", 40001, 2.0)
    checks = config.load(copy).estate.checks()
    assert {check.settings.port for check in checks if check.type == "snmp"} == {40001}
    assert {check.interval_seconds for check in checks if check.type == "snmp"} == {2.5}


@pytest.mark.parametrize(
    ("called", "name"), [(".venv/bin/linewarden", ".venv/bin/linewarden"), ("/x/agent/cli/__main__.py", "linewarden")]
)
def test_it_says_how_another_terminal_asks(
    called: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [called, "demo"])
    demo._announce(["http://127.0.0.1:9800"])
    assert f"\n  {name} explain enc-crown --url http://127.0.0.1:9800\n" in capsys.readouterr().out


def test_help_says_what_it_is() -> None:
    shown = CliRunner().invoke(demo.command, ["--help"]).output
    assert "linewarden demo --listen" in shown
    assert "--speed" not in shown


class Terminal(threading.Thread):
    """Keeps what the command writes."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.text = ""

    def run(self) -> None:
        for line in self.stream:
            self.text += line


@contextmanager
def running(tmp_path: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Terminal]]:
    """Run the command from an empty directory; its temporary files go there as well."""
    environment = {key: text for key, text in os.environ.items() if key not in ("STATE_DIRECTORY", "NOTIFY_SOCKET")}
    environment["TMPDIR"] = str(tmp_path)
    command = [sys.executable, "-m", "agent.cli", "demo", "--listen", "127.0.0.1:0", *arguments]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        terminal = Terminal(process.stdout)
        terminal.start()
        try:
            yield process, terminal
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            terminal.join(10)


def url_of(terminal: Terminal, deadline: float) -> str:
    while not (found := re.search(r"http://127\.0\.0\.1:\d+", terminal.text)):
        assert time.monotonic() < deadline, terminal.text
        assert terminal.is_alive(), terminal.text
        time.sleep(0.1)
    return found[0]


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_what_a_newcomer_sees_within_two_minutes(tmp_path: Path) -> None:
    wanted = {
        r'linewarden_target_state\{target="enc-crown",.*state="down"\} 1',
        r'linewarden_target_state\{target="enc-sw1",.*state="unreachable"\} 1',
        r'linewarden_target_state\{target="enc-telephony",.*state="unreachable"\} 1',
        r'linewarden_root_cause\{target="enc-sw1",cause="enc-crown"\} 1',
        r'linewarden_target_mark\{target="bcw-crown",mark="redundancy_lost"\} 1',
        r'linewarden_hardware_flag\{target="crown-srv1",reason="age_over_policy",severity="warning"\} 1',
        r'linewarden_hardware_flag\{target="crown-srv1",reason="os_end_of_life",severity="warning"\} 1',
        r'linewarden_hardware_flag\{target="crown-ups1",reason="battery_replace",severity="critical"\} 1',
        r'linewarden_hardware_flag\{target="crown-rtr1",reason="psu_failed",severity="critical"\} 1',
        r'linewarden_hardware_flag\{target="bcw-core-sw1",reason="fan_failed",severity="critical"\} 1',
        r'linewarden_hardware_flag\{target="crown-ups1",reason="age_over_policy",severity="warning"\} 1',
        r'linewarden_hardware_flag\{target="enc-sw1",reason="age_over_policy",severity="warning"\} 1',
        r'linewarden_hardware_replacement_rank\{target="crown-rtr1"\} 1\n',
        r'linewarden_target_state\{target="bcw-core-sw1",.*state="up"\} 1',
        r'linewarden_target_state\{target="this-host",.*state="up"\} 1',
    }
    never = r'linewarden_target_state\{target="(bcw-core-sw1|bcw-crown|crown-\w+)",.*state="(down|unreachable)"\} 1'
    flags: set[str] = set()
    deadline = time.monotonic() + 100
    with running(tmp_path, "--speed", "3") as (process, terminal):
        url = url_of(terminal, deadline)
        while wanted or "RESOLVED" not in terminal.text:
            assert time.monotonic() < deadline, f"not seen: {wanted}\n{terminal.text}"
            assert process.poll() is None, terminal.text
            metrics = get(f"{url}/metrics")
            wanted = {pattern for pattern in wanted if not re.search(pattern, metrics)}
            assert not re.search(never, metrics)
            flags.update(re.findall(r"^linewarden_hardware_flag\{.*\}", metrics, re.MULTILINE))
            time.sleep(0.25)
        tickets = {flag for flag in flags if 'severity="info"' not in flag}
        assert len(tickets) >= 6
        (simulator,) = children(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, terminal.text
    assert not Path(f"/proc/{simulator}").exists()
    assert [path.name for path in tmp_path.iterdir()] == []
    told = terminal.text
    assert re.search(r"PAGE critical: .*enc-crown", told)
    assert "ETH/23456" in told
    assert "Traceback" not in told


def test_a_taken_address_ends_in_a_message_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with running(tmp_path, "--listen", address) as (process, terminal):
            assert process.wait(60) == 3
    assert address in terminal.text
    assert "the port is taken" in terminal.text
    assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read()
        assert isinstance(text, bytes)
        return text.decode()
