"""`linewarden snmp get`: read single objects."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from agent.cli.snmp_complete import complete_target
from agent.cli.snmp_objects import Printer, load_names, object_options, with_device
from agent.cli.snmp_target import Access, say, whom

if TYPE_CHECKING:
    from agent.cli.snmp_line import Line
    from agent.core.model import SnmpAuth
    from probes.snmp.names import Names

_MISSING: Final = {
    "noSuchObject": "the device has no such object, or its view hides it",
    "noSuchInstance": "the object is there, and not this row",
    "noSuchName": "the device has no such object or row, or its view hides it",
}


@click.command(
    "get",
    epilog="Exit codes: 0 every object was read; 1 some were not, or the device does not answer; "
    "2 usage or configuration; 3 could not be asked.",
)
@click.argument("target", metavar="TARGET[:PORT]", shell_complete=complete_target)
@click.argument("oids", nargs=-1, required=True, metavar="OID...")
@object_options
def command(
    target: str, oids: tuple[str, ...], access: Access, numeric: bool, mib_dirs: tuple[Path, ...],
    timeout_seconds: float, retries: int, as_json: bool,
) -> None:  # fmt: skip
    """Read single objects of TARGET.

    An OID is numbers, a name, or a name with its MIB, and ends with its instance: .0 for an object that is there once,
    the row's index for a column. Names come from the MIB files of this host ($MIBDIRS, /usr/share/snmp/mibs,
    /var/lib/mibs, ~/.snmp/mibs), from the modules of this agent, and from the MIBs of SNMP itself; none is fetched.

    \b
    Examples:
      linewarden snmp get 10.20.1.2 sysUpTime.0 sysName.0
      linewarden snmp get 10.20.1.2 IF-MIB::ifOperStatus.3 1.3.6.1.2.1.31.1.1.1.18.3
      linewarden snmp get bcw-core-sw1 ifAlias.3 --json
      linewarden snmp get 10.20.1.2 sysDescr.0 --community-file /etc/linewarden/community
    """
    import asyncio

    from probes.snmp.names import UnknownNameError

    asked = whom(target, access)
    names = load_names(oids, mib_dirs, numeric=numeric)
    try:
        wanted = {names.oid(text): text for text in oids}
    except UnknownNameError as error:
        raise click.UsageError(str(error)) from error
    printer = Printer(names, numeric=numeric, as_json=as_json)

    async def get(line: "Line", auth: "SnmpAuth") -> int:
        return await _get(line, auth, wanted, names, printer)

    sys.exit(asyncio.run(with_device(asked, timeout_seconds, retries, get)))


async def _get(
    line: "Line", auth: "SnmpAuth", wanted: dict[bytes, str], names: "Names", printer: Printer
) -> int:  # fmt: skip
    from probes.snmp.asking import Get
    from probes.snmp.ber import ErrorStatus, Tag, VarBind
    from probes.snmp.readable import type_name

    missing: dict[bytes, str] = {}

    class Fetch(Get):
        """A GET that remembers how an object is missing."""

        def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
            if error_status == ErrorStatus.noError:
                for oid, tag, _ in varbinds:
                    if tag in (Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE):
                        missing[oid] = type_name(tag)
            super().take(error_status, error_index, varbinds)

    fetch = Fetch(wanted)
    try:
        await line.converse(auth, fetch)
    finally:
        found = {bind[0]: bind for bind in fetch.varbinds}
        printer.show([found[oid] for oid in wanted if oid in found])
    absent = [oid for oid in wanted if oid not in found]
    for problem in fetch.problems:
        say(f"not read: {problem}", "red")
    if not fetch.problems:
        for oid in absent:
            why = missing.get(oid, "noSuchName")
            say(f"{printer.name(oid)}: {why}: {_instance(oid, names) or _MISSING[why]}", "red")
    return 1 if absent else 0


def _instance(oid: bytes, names: "Names") -> str:
    """Return a hint where an OID has no instance."""
    about, rest = names.find(oid)
    if about is None or rest:
        return ""
    return f"an object's OID ends with its instance: {about.name}.0, or {about.name}.INDEX in a table"
