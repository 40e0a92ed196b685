"""One scan of this host's hardware, and its file. Needs root: for smartctl, and for DMI's serial number."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from probes.local import kernel, smart
from probes.local.document import Disk, Document, text_of

SMARTCTL: Final = "smartctl"
MOST_OCTETS: Final = 1 << 20  # -x of a drive with full logs is some 100 KB
MOST_DISKS: Final = 256
SCAN_SECONDS: Final = 30.0
DISK_SECONDS: Final = 60.0  # a drive behind a busy controller may take half of that
FILE_MODE: Final = 0o640  # it holds serial numbers: for root and the agent's group
_CANNOT: Final = 0x03  # of smartctl's exit status: wrong command line, or the device could not be opened


class _ToolError(Exception):
    """A run of smartctl that gave nothing; the text says why."""


def scan(now: datetime, *, sys_root: Path = Path("/sys"), smartctl: str = SMARTCTL) -> Document:
    """Read everything once; what cannot be read is a problem of the document, and never fails the rest."""
    problems: list[str] = []
    disks = tuple(_disks(smartctl, problems))
    return Document(
        at=now,
        machine=kernel.machine(sys_root),
        disks=disks,
        memory=tuple(kernel.memory(sys_root)),
        problems=tuple(problem[:1024] for problem in problems),
    )


def write(path: Path, document: Document) -> None:
    """Put a document in the place of the one before, at once or not at all.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, FILE_MODE)  # whatever the umask is
            file.write(text_of(document))
            file.flush()
            os.fsync(handle)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def _disks(smartctl: str, problems: list[str]) -> Iterator[Disk]:
    try:
        found = list(smart.devices(_asked([smartctl, "--json=c", "--scan-open"], SCAN_SECONDS)))
    except _ToolError as error:
        problems.append(f"disks: {error}")
        return
    if len(found) > MOST_DISKS:
        problems.append(f"disks: {len(found)} found, the first {MOST_DISKS} read")
    for device, kind in found[:MOST_DISKS]:
        # a disk that sleeps is left asleep: it does not wear
        command = [smartctl, "--json=c", "--nocheck=standby", "-x", "-d", kind, device]
        try:
            disk = smart.disk(device, _asked(command, DISK_SECONDS))
        except _ToolError as error:
            problems.append(f"{device}: {error}")
            continue
        if disk is not None:
            yield disk


def _asked(command: Sequence[str], seconds: float) -> Any:  # noqa: ANN401 - JSON of another program
    """Run smartctl and return its JSON.

    Raises:
        _ToolError: it is not there, takes too long, says too much, or no JSON.
    """
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; devices and types have passed `smart.devices`
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError as error:
        raise _ToolError(f"{command[0]} cannot be started: {error.strerror}; is smartmontools installed?") from error
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    with process:
        assert process.stdout is not None
        try:
            octets = process.stdout.read(MOST_OCTETS + 1)
            if len(octets) > MOST_OCTETS:
                process.kill()
            status = process.wait()
        finally:
            timer.cancel()
    return _parsed(command[0], octets, status, seconds if late.is_set() else None)


def _parsed(name: str, octets: bytes, status: int, late_seconds: float | None) -> Any:  # noqa: ANN401
    if late_seconds is not None:
        raise _ToolError(f"{name} took longer than {late_seconds:g} s")
    if len(octets) > MOST_OCTETS:
        raise _ToolError(f"{name} said more than {MOST_OCTETS} octets")
    try:
        told = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise _ToolError(f"{name} gave no JSON (exit status {status}); it has to be 7.0 or later") from error
    if status > 0 and status & _CANNOT and not smart.knows_a_disk(told):
        said = smart.message(told)
        if "STANDBY" not in said.upper():  # that one sleeps, which is no problem
            raise _ToolError(f"{name} could not read it (exit status {status}){': ' if said else ''}{said}")
    return told
