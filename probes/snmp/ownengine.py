"""This agent's own SNMP engine: the id and the boots that senders of informs hold on to (RFC 3414 section 2.2).

Boots grow by one at each start and never go back, so that no message of a former life counts again. They are on disk
before they are used.
"""

import contextlib
import json
import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

FILE_NAME: Final = "snmp-engine.json"
MAX_BOOTS: Final = (1 << 31) - 1
_MAX_OCTETS: Final = 4096
# RFC 3411, SnmpEngineID: the first bit, pysnmp's enterprise number (its engine answers here), 5: octets of our choice
_PREFIX: Final = b"\x80\x00\x4f\xb8\x05"
_RANDOM_OCTETS: Final = 12


@dataclass(frozen=True, slots=True)
class OwnEngine:
    """One life of the engine.

    Attributes:
        boots: how often it was started, this time included.
        began: when, on the monotonic clock.
    """

    engine_id: bytes
    boots: int
    began: float

    def seconds(self) -> int:
        """Return snmpEngineTime: seconds since the boots were counted up; a clock that is set does not move it."""
        return int(time.monotonic() - self.began)


def start(state_dir: Path) -> OwnEngine:
    """Count one start, durably, and return what this life is called.

    A file that is missing, broken or at the end of the numbers makes a new engine: senders learn it by themselves. So
    does a disk that cannot be written, since an old id with boots that are not on disk could come twice.
    """
    file = state_dir / FILE_NAME
    engine_id, boots = _read(file)
    if boots >= MAX_BOOTS - 1 or not engine_id:
        engine_id, boots = _PREFIX + secrets.token_bytes(_RANDOM_OCTETS), 0
    boots += 1
    try:
        _write(file, json.dumps({"engine_id": engine_id.hex(), "boots": boots}) + "\n")
    except OSError as error:
        _log.warning("%s: cannot be written (%s): informs go to a new SNMP engine until it can", file, error.strerror)
        return OwnEngine(_PREFIX + secrets.token_bytes(_RANDOM_OCTETS), 1, time.monotonic())
    return OwnEngine(engine_id, boots, time.monotonic())


def _read(file: Path) -> tuple[bytes, int]:
    """Return what the former life wrote; b"" where there is nothing to trust."""
    try:
        with file.open("rb") as stream:
            kept = json.loads(stream.read(_MAX_OCTETS))
        engine_id, boots = bytes.fromhex(kept["engine_id"]), kept["boots"]
    except FileNotFoundError:
        return b"", 0
    except (OSError, ValueError, TypeError, KeyError):
        _log.warning("%s: cannot be read: informs go to a new SNMP engine", file)
        return b"", 0
    good = isinstance(boots, int) and boots >= 1 and 5 <= len(engine_id) <= 32 and engine_id[0] & 0x80
    return (engine_id, boots) if good else (b"", 0)


def _write(file: Path, text: str) -> None:
    """Replace a file so that after a crash it is the old one or the new one, whole."""
    part = file.with_suffix(".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as stream:  # noqa: PTH123 - a descriptor with its mode
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
