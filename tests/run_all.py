"""Run every test, as `make test` does: the labs beside the rest, for they wait more than they compute.

The core is measured first: every branch of it must be covered. What the labs print follows when all is over.
"""

import os
import subprocess
import sys
import tempfile
import time
from typing import Final

_WANTED: Final = ("-m", "not shared and not soak")
_NICER: Final = 5  # labs have a line's seconds to keep, the rest has not
_END_SECONDS: Final = 30.0


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments, *_WANTED]


def _say(text: str) -> None:
    print(f"== {text}", flush=True)


def _run(command: list[str]) -> bool:
    return subprocess.run(command, check=False, preexec_fn=lambda: os.nice(_NICER)).returncode == 0


def main() -> int:
    """Run all; return the exit code."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as told:
        labs = subprocess.Popen(_pytest("tests/lab"), stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT)
        try:
            _say("the core, with every branch covered; the labs run meanwhile")
            good = _run([sys.executable, "-m", "coverage", "run", *_pytest("tests/core", "-q")[1:]])
            good &= _run([sys.executable, "-m", "coverage", "report", "--skip-covered"])
            _say("everything else but the labs")
            good &= _run(_pytest("tests", "--ignore=tests/core", "--ignore=tests/lab"))
            good &= labs.wait() == 0
        finally:
            if labs.poll() is None:  # somebody has had enough
                labs.terminate()
                labs.wait(_END_SECONDS)
            _say("the labs")
            told.seek(0)
            sys.stdout.flush()
            os.write(1, told.read())
    _say(f"{'all passed' if good else 'FAILED'} in {(time.monotonic() - began) / 60:.0f} minutes")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
