"""What `make run` says on a machine where no virtual environment can be built."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("build-venv.sh")


def build(directory: Path, path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask for a virtual environment with nothing but `path` to find a Python in."""
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), str(directory / "venv")],
        env={"PATH": path, **environment}, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def python(directory: Path, refuses: str) -> str:
    """Put a `python3` into a directory that fails at a statement which contains `refuses`."""
    (directory / "bin").mkdir()
    wrapper = directory / "bin" / "python3"
    wrapper.write_text(f'#!/bin/sh\ncase "$2" in *"{refuses}"*) exit 1 ;; esac\nexec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    (directory / "bin" / "id").symlink_to("/usr/bin/id")
    return str(directory / "bin")


def test_without_venv_the_one_line_that_installs_it(tmp_path: Path) -> None:
    done = build(tmp_path, python(tmp_path, "ensurepip"))
    assert done.returncode == 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"is Python {version} without its venv module" in done.stderr
    assert done.stderr.splitlines()[-1].endswith(f"apt install python{version}-venv")


def test_an_old_python_is_no_python(tmp_path: Path) -> None:
    done = build(tmp_path, python(tmp_path, "(3, 11)"))
    assert done.returncode == 1
    assert "no Python 3.11 or newer was found" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr


def test_a_named_python_must_be_one(tmp_path: Path) -> None:
    done = build(tmp_path, python(tmp_path, "(3, 11)"), PYTHON="/nowhere/python3.12")
    assert done.returncode == 1
    assert done.stderr.strip() == "PYTHON=/nowhere/python3.12 is no Python 3.11 or newer"
