"""Run every test, as `make test` does: labs that wait more than they compute beside the rest, and exact ones alone.

The core is measured first: every branch of it must be covered. What ran beside prints when it is over.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Final

_WANTED: Final = ("-m", "not shared and not soak")
# Minutes of waiting for faults, alerts and restarts. The other labs count microseconds, or the seconds to a page.
_PATIENT: Final = tuple(f"tests/lab/test_{name}.py" for name in ("bad_morning", "cut", "own_trouble"))
_NICER: Final = 5  # what only computes gives way
_END_SECONDS: Final = 30.0


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments, *_WANTED]


def _say(text: str) -> None:
    print(f"== {text}", flush=True)


def _run(command: Sequence[str], nicer: int = 0) -> bool:
    return subprocess.run(command, check=False, preexec_fn=lambda: os.nice(nicer)).returncode == 0


def main() -> int:
    """Run all; return the exit code."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as told:
        patient = subprocess.Popen(_pytest(*_PATIENT), stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT)
        try:
            _say("the core, with every branch covered; some labs run beside it")
            good = _run([sys.executable, "-m", "coverage", "run", *_pytest("tests/core", "-q")[1:]], _NICER)
            good &= _run([sys.executable, "-m", "coverage", "report", "--skip-covered"])
            _say("everything else but the labs")
            good &= _run(_pytest("tests", "--ignore=tests/core", "--ignore=tests/lab"), _NICER)
            good &= patient.wait() == 0
        finally:
            if patient.poll() is None:  # somebody has had enough
                patient.terminate()
                patient.wait(_END_SECONDS)
            _say("the labs that ran beside")
            told.seek(0)
            os.write(1, told.read())
    _say("the other labs, alone")
    good &= _run(_pytest("tests/lab", *(f"--ignore={path}" for path in _PATIENT)))
    _say(f"{'all passed' if good else 'FAILED'} in {(time.monotonic() - began) / 60:.0f} minutes")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
