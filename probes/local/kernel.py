"""What the kernel shows of memory errors (EDAC) and of the machine (DMI), below an injectable /sys. Read-only."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Final

from probes.local.document import Machine, Memory

EDAC: Final = "devices/system/edac/mc"
DMI: Final = "class/dmi/id"
_MOST_OCTETS: Final = 4096
_MOST_MODULES: Final = 1024
_MOST_CHARACTERS: Final = 256
# what makers leave in place of a number
_PLACEHOLDER: Final = re.compile(
    r"(to be filled by o\.?e\.?m\.?|system (serial number|manufacturer|product name)|default string|not (specified|"
    r"applicable|available|present)|none|n/?a|unknown|oem|o\.e\.m\.|invalid|empty|[0. x*-]*|0?123456789\d*)",
    re.IGNORECASE,
)


def memory(sys_root: Path) -> Iterator[Memory]:
    """Yield the modules of every memory controller; a controller that has none tells for all of them."""
    count = 0
    for controller in sorted(_folders(sys_root / EDAC, "mc[0-9]*")):
        modules = sorted([*_folders(controller, "dimm[0-9]*"), *_folders(controller, "rank[0-9]*")])
        found = [_module(controller, folder) for folder in modules]
        for one in found or [_whole(controller)]:
            if count < _MOST_MODULES and (one.corrected is not None or one.uncorrected is not None):
                count += 1
                yield one


def _module(controller: Path, folder: Path) -> Memory:
    label = _line(folder / "dimm_label") or _line(folder / "dimm_location") or ""
    name = f"{controller.name} {folder.name}" + (f" {label}" if label else "")
    return Memory(
        name=name[:_MOST_CHARACTERS],
        corrected=_count(folder / "dimm_ce_count"),
        uncorrected=_count(folder / "dimm_ue_count"),
    )


def _whole(controller: Path) -> Memory:
    return Memory(
        name=controller.name, corrected=_count(controller / "ce_count"), uncorrected=_count(controller / "ue_count")
    )


def machine(sys_root: Path) -> Machine:
    """Return what DMI says; what is a placeholder says nothing."""
    files = {
        "vendor": "sys_vendor",
        "model": "product_name",
        "serial": "product_serial",
        "bios_version": "bios_version",
    }
    told = {name: _line(sys_root / DMI / file) for name, file in files.items()}
    known = {name: value for name, value in told.items() if value and not _PLACEHOLDER.fullmatch(value)}
    return Machine(**known, bios_date=_us_date(_line(sys_root / DMI / "bios_date") or ""))


def _us_date(text: str) -> date | None:
    """Read SMBIOS's mm/dd/yyyy; two digits of a year are of the last century (SMBIOS 2.3 asks for four)."""
    found = re.fullmatch(r"(\d\d)/(\d\d)/(\d\d|\d{4})", text)
    if not found:
        return None
    with suppress(ValueError):
        return date(int(found[3]) + (1900 if len(found[3]) == 2 else 0), int(found[1]), int(found[2]))
    return None


def _folders(root: Path, pattern: str) -> list[Path]:
    try:
        return [path for path in root.glob(pattern) if path.is_dir()][:_MOST_MODULES]
    except OSError:
        return []


def _line(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            octets = file.read(_MOST_OCTETS)
    except OSError:
        return None
    shown = " ".join(octets.decode(errors="replace").split())
    return "".join(letter for letter in shown if letter.isprintable())[:_MOST_CHARACTERS] or None


def _count(path: Path) -> int | None:
    text = _line(path)
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None
