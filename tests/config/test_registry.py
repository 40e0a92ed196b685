"""Probes are found by looking; a file adds one."""

import subprocess
import sys
from pathlib import Path

import pytest

import probes
from agent.config import ConfigError, load, probe_types
from agent.config.registry import rescan

SAMPLE = """
from typing import ClassVar, Literal
from agent.core.units import Duration, Strict

class Settings(Strict):
    type: Literal["{type}"] = "{type}"
    address: str
    colour: str = "red"
    interval: Duration = 60.0
    timeout: Duration = 5.0

class Probe:
    type: ClassVar[str] = "{type}"
"""


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that counts as part of the `probes` package for one test."""
    directory = tmp_path / "dropped"
    directory.mkdir()
    monkeypatch.setattr(probes, "__path__", [*probes.__path__, str(directory)])
    return directory


def check(tmp_path: Path, kind: str, **settings: str) -> None:
    file = tmp_path / "linewarden.yaml"
    more = "".join(f", {key}: {value}" for key, value in settings.items())
    file.write_text(f"services: [{{name: s, checks: [{{type: {kind}, address: a{more}}}]}}]")
    load(file)


def test_own_probes() -> None:
    found = probe_types()
    assert {"host", "icmp", "snmp", "tcp"} <= set(found)
    assert list(found) == sorted(found)
    assert all(found[name].settings.model_fields["type"].annotation for name in found)
    assert "wire" not in found


def test_import_is_light() -> None:
    code = "import sys; from agent.config import probe_types; probe_types(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"scapy", "psutil", "pysnmp", "aiohttp", "prometheus_client", "apscheduler"} & set(done.stdout.split())


def test_a_file_adds_a_probe(tmp_path: Path, drop: Path) -> None:
    with pytest.raises(ConfigError, match=r"no probe of type 'morse'; there are: .*icmp.*tcp"):
        check(tmp_path, "morse")
    (drop / "morse.py").write_text(SAMPLE.format(type="morse"))
    check(tmp_path, "morse", colour="green")
    with pytest.raises(ConfigError, match=r"checks\[0\]\.color: unknown key; did you mean 'colour'\?"):
        check(tmp_path, "morse", color="green")


def test_a_package_adds_a_probe(tmp_path: Path, drop: Path) -> None:
    (drop / "flags").mkdir()
    (drop / "flags" / "__init__.py").write_text("")
    rescan()
    assert "flags" not in probe_types()  # no probe.py: nothing to ask
    (drop / "flags" / "probe.py").write_text(SAMPLE.format(type="flags"))
    check(tmp_path, "flags")


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("broken1", "1 / 0", r"probes\.broken1: cannot be imported: ZeroDivisionError"),
        ("broken2", "import no_such_thing", r"probes\.broken2: cannot be imported: No module named 'no_such_thing'"),
        ("broken3", "class Settings: pass\nclass Probe: pass", r"probes\.broken3: needs `Settings`"),
        (
            "broken4",
            "from agent.core.units import Strict\nclass Settings(Strict):\n    type: str\nclass Probe:\n    type = 'x'",
            r"probes\.broken4: its Settings lack interval, timeout",
        ),
        ("broken5", SAMPLE.format(type="tcp"), "the type 'tcp' is taken by another probe"),
    ],
)
def test_what_is_wrong_with_a_probe(tmp_path: Path, drop: Path, name: str, source: str, message: str) -> None:
    (drop / f"{name}.py").write_text(source)
    with pytest.raises(ConfigError, match=message):
        check(tmp_path, "icmp")


def test_helpers_are_no_probes(tmp_path: Path, drop: Path) -> None:
    (drop / "helper.py").write_text("VALUE = 1\n")
    (drop / "_private.py").write_text("1 / 0\n")
    check(tmp_path, "icmp")
