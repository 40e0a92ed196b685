"""The rules of the test run itself: what a skip means, and what is said about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = """
import pytest
def test_that_runs(): pass
def test_that_cannot(): pytest.skip("the peer is not installed")
"""
SKIPPING_WHOLE = "import pytest\npytest.skip('no such kernel', allow_module_level=True)\n"


def run(directory: Path, ci: str, *files: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on small files under the project's own conftest."""
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    (directory / "conftest.py").write_text(conftest, encoding="utf-8")
    for number, text in enumerate(files):
        (directory / f"test_{number}.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(directory), str(directory)],
        env={**os.environ, "CI": ci}, cwd=directory, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_a_skip_is_named_with_its_remedy(tmp_path: Path) -> None:
    done = run(tmp_path, "", SKIPPING, SKIPPING_WHOLE)
    assert done.returncode == 0, done.stdout
    assert "1 x the peer is not installed" in done.stdout
    assert "1 x no such kernel" in done.stdout
    assert "as root on Debian `make test` installs" in done.stdout


@pytest.mark.parametrize(
    ("file", "reason"), [(SKIPPING, "the peer is not installed"), (SKIPPING_WHOLE, "no such kernel")]
)
def test_a_skip_fails_in_ci(tmp_path: Path, file: str, reason: str) -> None:
    done = run(tmp_path, "true", file)
    assert done.returncode != 0, done.stdout
    assert f"CI=true takes no skip: {reason}" in done.stdout
    assert "skipped," not in done.stdout.splitlines()[-1]
