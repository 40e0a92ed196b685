"""The file that keeps over a restart of the agent what Alertmanagers were told."""

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.core.alerting import Alert, recall, remember

_log = logging.getLogger(__name__)

FILE_NAME: Final = "pushed.json"  # in the state directory
_MAX_OCTETS: Final = 100_000_000


class Memory:
    """The file that keeps what was told; its trouble is logged once, and pages go on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written = self._failed = False

    def read(self, now: datetime) -> tuple[Alert, ...]:
        """Return what Alertmanagers hold from the former run."""
        try:
            if self._file.stat().st_size > _MAX_OCTETS:
                raise ValueError(f"larger than {_MAX_OCTETS} octets")
            found = recall(self._file.read_text(encoding="utf-8"), now)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            _log.warning("%s: which alerts were told before is not known: %s", self._file, error)
            return ()
        self._written = bool(found)
        return found

    def write(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Replace the file in one step; nothing to remember where there was nothing needs none."""
        if not alerts and not self._written:
            return
        temporary = self._file.with_suffix(".new")
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                stream.write(remember(alerts, now))
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._file)
        except OSError as error:
            if not self._failed:
                _log.warning("%s: which alerts are told cannot be kept over a restart: %s", self._file, error)
            self._failed = True
            return
        self._written, self._failed = bool(alerts), False
