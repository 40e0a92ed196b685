"""One agent at a time: two writers would mix two records into one."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.ledger.errors import LedgerInUseError

_MODE: Final = 0o640


class LedgerLock:
    """An advisory lock beside the ledger; the kernel frees it with the process, however that ends."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.with_name(ledger.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; on a full or read-only disk, where it cannot be made, go on without.

        Raises:
            LedgerInUseError: another process holds it.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        except OSError:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise LedgerInUseError(f"{self._path.parent}: another agent (process {holder or '?'}) uses this directory; "
                              "stop it, or give this one its own state_dir") from None  # fmt: skip
        except OSError:  # a file system without locks
            os.close(descriptor)
            return
        with suppress(OSError):  # the number is for a person only
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Free the lock. The file stays: removing it could take it from under the next holder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
