"""Where names of OIDs come from: MIB files of this host, the built-in modules, the MIBs that pysnmp ships.

Nothing is ever fetched. What was read is kept in `$XDG_CACHE_HOME/linewarden`, until one of the files changes.
"""

import contextlib
import json
import os
import re
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Final

from agent import __version__
from probes.snmp.names import MibObject, Names

DEFAULT_DIRS: Final = (
    "~/.snmp/mibs",
    "/usr/share/snmp/mibs",
    "/usr/share/mibs",
    "/var/lib/mibs",
    "/usr/local/share/snmp/mibs",
)
_MAX_FILES: Final = 5000
_MAX_OCTETS: Final = 4 << 20  # the largest MIBs of vendors have two
_MIB: Final = re.compile(rb"\bDEFINITIONS\s*(?:IMPLICIT\s+TAGS\s*)?::=\s*BEGIN\b")
_PROGRESS_FROM_OCTETS: Final = 2 << 20  # some two seconds: less is over before it is read
# MIBs that pysnmp ships: RFC 3411 to 3418, and the parts of RFC 1213 that nobody else names
_OF_PYSNMP: Final = (
    "SNMPv2-MIB", "SNMP-FRAMEWORK-MIB", "SNMP-MPD-MIB", "SNMP-TARGET-MIB", "SNMP-NOTIFICATION-MIB",
    "SNMP-USER-BASED-SM-MIB", "SNMP-VIEW-BASED-ACM-MIB", "SNMP-COMMUNITY-MIB", "RFC1213-MIB",
)  # fmt: skip
_HINTS: Final = {
    "DisplayString": "255t",
    "PhysAddress48": "1x:",
    "DateAndTime": "2d-1d-1d,1d:1d:1d.1d,1a1d:1d",
    "InetAddressIPv4": "1d.1d.1d.1d",
    "InetAddressIPv6": "2x:2x:2x:2x:2x:2x:2x:2x",
}
Say = Callable[[str], None]


def directories(given: Sequence[Path] = (), environ: "os._Environ[str] | dict[str, str]" = os.environ) -> list[Path]:
    """Return the directories to look for MIBs in: those of the command line first, then $MIBDIRS or the usual ones.

    As for net-snmp a leading + or - in $MIBDIRS adds to the usual ones.
    """
    usual = [Path(place).expanduser() for place in DEFAULT_DIRS]
    said = environ.get("MIBDIRS", "")
    named = [Path(place).expanduser() for place in said.lstrip("+-").split(":") if place]
    if said.startswith("-"):
        named = [*usual, *named]
    elif said.startswith("+") or not named:
        named = [*named, *usual]
    return list(dict.fromkeys([*given, *named]))


def load(given: Sequence[Path] = (), say: Say = lambda _: None) -> Names:
    """Return all names that this host has; blocking.

    Args:
        given: further directories with MIB files; their names win.
        say: told what takes a while, and which files are no use.
    """
    files = list(_files(directories(given)))
    key = _key(files)
    cache = _cache_file()
    objects = _kept(cache, key)
    if objects is None:
        objects = [*_of_files(files, say), *_of_modules(), *_of_pysnmp()]
        if cache is not None:
            _keep(cache, key, objects)
    return Names(objects)


# ------------------------------------------------------------------ MIB files


def _files(places: Iterable[Path]) -> Iterator[Path]:
    """Yield regular files of these directories and of the directories in them, as `/var/lib/mibs/ietf`."""
    seen: set[Path] = set()
    for place in places:
        for folder in [place, *(entry for entry in _entries(place) if _holds(entry.is_dir))]:
            for entry in _entries(folder):
                real = entry.resolve()
                fresh = real not in seen and not entry.name.startswith(".") and len(seen) < _MAX_FILES
                if fresh and _holds(entry.is_file):
                    seen.add(real)
                    yield entry


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _holds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:  # a directory that may be listed, and not entered
        return False


def _of_files(files: Sequence[Path], say: Say) -> list[MibObject]:
    from agent.cli.mibtree import Mib, joined, mib

    texts = [(file, text) for file in files if (text := _text(file)) is not None]
    if not texts:
        return []
    if sum(len(text) for _, text in texts) >= _PROGRESS_FROM_OCTETS:
        say(f"reading {len(texts)} MIB files for the first time; the names are kept for the next")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pysmi's own, of its grammar
        from pysmi.parser import SmiStarParser

        parser = SmiStarParser()
        mibs: list[Mib] = []
        for file, text in texts:
            try:
                mibs += [mib(tree) for tree in parser.parse(text)]
            except Exception as error:  # whatever a broken file does to the parser, the others are read
                first = (str(error).strip() or type(error).__name__).splitlines()[0]
                say(f"warning: {file} is no MIB that can be read: {first[:200]}")
    return joined(mibs)


def _text(file: Path) -> str | None:
    """Return a MIB's text; None for what is none or cannot be read."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_OCTETS + 1)
    except OSError:
        return None
    if len(data) > _MAX_OCTETS or not _MIB.search(data):
        return None
    return data.decode("utf-8", "replace")


# ------------------------------------------------------------------ what comes with the agent


def _of_modules() -> list[MibObject]:
    """Return what the built-in modules call their objects, with enumerations and types."""
    from agent.config.modulefiles import names
    from probes.snmp.modules import ModuleError, ModuleLibrary
    from probes.snmp.oid import oid_text

    library = ModuleLibrary()
    out: list[MibObject] = []
    looked_up: list[MibObject] = []
    for name in sorted(names(())):
        try:
            module = library.get(name)
        except ModuleError:  # its test says so; names of the others stand
            continue
        for metric in module.metrics:
            hint, bits = _HINTS.get(metric.type, ""), metric.type == "Bits"
            out.append(MibObject(metric.name, oid_text(metric.oid), "", hint, dict(metric.enum_values), bits))
            looked_up += [
                MibObject(look.labelname, oid_text(look.oid), "", _HINTS.get(look.type, ""))
                for look in metric.lookups
                if look.oid
            ]
    return out + looked_up


def _of_pysnmp() -> list[MibObject]:
    """Return what the MIBs name that pysnmp ships as part of itself."""
    from pysnmp.smi.builder import MibBuilder

    builder = MibBuilder()
    builder.load_modules(*_OF_PYSNMP)
    out: list[MibObject] = []
    for module in _OF_PYSNMP:
        for name, symbol in builder.mibSymbols[module].items():
            oid = getattr(symbol, "name", None)
            if isinstance(oid, tuple) and len(oid) > 1:
                syntax = getattr(symbol, "syntax", None)
                enums = {
                    int(number): str(word) for word, number in (getattr(syntax, "namedValues", None) or {}).items()
                }
                hint = str(getattr(syntax, "displayHint", None) or "")
                home = "" if module == "RFC1213-MIB" else module
                out.append(MibObject(name, ".".join(map(str, oid)), home, hint, enums))
    return out


# ------------------------------------------------------------------ kept


def _key(files: Sequence[Path]) -> list[Any]:
    built_in = resources.files("configs").joinpath("snmp")
    sums = sorted((entry.name, zlib.crc32(entry.read_bytes())) for entry in built_in.iterdir() if entry.is_file())
    versions = [__version__, *(metadata.version(package) for package in ("pysmi", "pysnmp"))]
    places: list[list[Any]] = []
    for file in files:
        with contextlib.suppress(OSError):
            about = file.stat()
            places.append([str(file), about.st_size, about.st_mtime_ns])
    return [versions, [list(entry) for entry in sums], places]


def _cache_file() -> Path | None:
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # nobody's home
        return None
    return root / "linewarden" / "names.json"


def _kept(cache: Path | None, key: list[Any]) -> list[MibObject] | None:
    try:
        document = json.loads(cache.read_bytes()) if cache is not None else {}
        if document["key"] != key:
            return None
        return [
            MibObject(name, oid, module, hint, {int(number): word for number, word in enums.items()}, bits, units)
            for name, oid, module, hint, enums, bits, units in document["objects"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(cache: Path, key: list[Any], objects: Sequence[MibObject]) -> None:
    rows = [[one.name, one.oid, one.module, one.hint, dict(one.enums), one.bits, one.units] for one in objects]
    with contextlib.suppress(OSError):  # a full or read-only home costs the next run its second, nothing else
        cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = cache.with_suffix(f".{os.getpid()}")
        try:
            new.write_text(json.dumps({"key": key, "objects": rows}), encoding="utf-8")
            new.replace(cache)
        finally:
            new.unlink(missing_ok=True)
