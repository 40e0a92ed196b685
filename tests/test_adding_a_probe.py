"""docs/adding-a-probe.md, done as it stands there: the file is dropped in, and `check` and `run` take it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-a-probe.md").read_text(encoding="utf-8")
PACKAGES = ("agent", "probes", "exporters", "configs", "deploy")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the program with the page's probe in it, and the page's configuration."""
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "probes" / "freshness.py").write_text(block("python"), encoding="utf-8")
    (tree / "erp.dump").write_bytes(b"data")
    configuration = block("yaml").replace("/srv/backup/erp.dump", str(tree / "erp.dump"))
    (tree / "linewarden.yaml").write_text(configuration, encoding="utf-8")
    return tree


def linewarden(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agent.cli", *arguments]


def check(tree: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    file = tree / "linewarden.yaml"
    if text is not None:
        file = tree / "linewarden.yaml.d" / "linewarden.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return subprocess.run(
        linewarden("check", str(file.relative_to(tree))),
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_takes_the_new_type(tree: Path) -> None:
    done = check(tree)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("type: freshness", "type: fresh", "no probe of type 'fresh'; did you mean 'freshness'?"),
        ("type: freshness", "type: seance", "there are: freshness, host, icmp, "),
        ("max_age: 26h", "max_aeg: 26h", "did you mean 'max_age'?"),
        ("max_age: 26h", "max_age: 26", "expected a duration with its unit"),
    ],
)
def test_check_helps_with_the_new_type(tree: Path, right: str, wrong: str, said: str) -> None:
    done = check(tree, (tree / "linewarden.yaml").read_text(encoding="utf-8").replace(right, wrong))
    assert done.returncode == 2
    assert said in done.stderr
    assert "linewarden.yaml:6: services[0].checks[0]" in done.stderr
    if wrong == "type: fresh":
        assert block("console").splitlines()[1] in done.stderr.replace("linewarden.yaml.d/", "").splitlines()


def test_run_measures_it(tree: Path) -> None:
    command = linewarden("run", "--config", "linewarden.yaml", "--listen", "127.0.0.1:0", "--state-dir", "state")
    environment = {key: text for key, text in os.environ.items() if key not in ("STATE_DIRECTORY", "NOTIFY_SOCKET")}
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as agent:
        try:
            assert agent.stdout is not None
            url = next(found[0] for line in agent.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            wanted = {
                'probe_success{target="erp-backup",check="freshness"} 1',
                'linewarden_check_state{target="erp-backup",check="freshness",state="up"} 1',
            }
            deadline = time.monotonic() + 60
            while not wanted <= set(get(f"{url}/metrics").splitlines()):
                assert time.monotonic() < deadline
                time.sleep(0.2)
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.communicate(timeout=30)
    assert agent.returncode == 0


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read()
        assert isinstance(text, bytes)
        return text.decode()
