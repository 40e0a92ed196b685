"""`linewarden snmp walk`: read everything below an OID, and show it while it comes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.snmp_complete import complete_target
from agent.cli.snmp_objects import Printer, load_names, object_options, with_device
from agent.cli.snmp_target import Access, say, whom

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.cli.snmp_line import Line
    from agent.core.model import SnmpAuth
    from probes.snmp.asking import Question
    from probes.snmp.ber import VarBind
    from probes.snmp.walk import Walk


@click.command(
    "walk",
    epilog="Exit codes: 0 read to its end, or to --max; 1 incomplete, nothing there, or no answer; "
    "2 usage or configuration; 3 could not be asked.",
)
@click.argument("target", metavar="TARGET[:PORT]", shell_complete=complete_target)
@click.argument("oid", default="mib-2", metavar="[OID]")
@object_options
@click.option("--max", "most", type=click.IntRange(1), help="End after so many objects.")
@click.option(
    "--max-repetitions", type=click.IntRange(1, 200), default=25, show_default=True, help="Objects in one answer."
)  # fmt: skip
def command(
    target: str, oid: str, access: Access, numeric: bool, mib_dirs: tuple[Path, ...], timeout_seconds: float,
    retries: int, as_json: bool, most: int | None, max_repetitions: int,
) -> None:  # fmt: skip
    """Read everything below OID (by default mib-2; .1 is everything) of TARGET, and show it while it comes.

    OID is numbers, a name, or a name with its MIB: see `linewarden snmp get --help`. A walk that does not come to its
    end says so, with the reason, and with what was read until then.

    \b
    Examples:
      linewarden snmp walk 10.20.1.2 ifTable
      linewarden snmp walk 10.20.1.2 IF-MIB::ifXTable --json | jq .text
      linewarden snmp walk 10.20.1.2 enterprises --max 1000 --numeric
      linewarden snmp walk bcw-core-sw1 1.3.6.1.2.1.47 --config linewarden.yaml
    """
    import asyncio

    from probes.snmp.names import UnknownNameError

    asked = whom(target, access)
    names = load_names([oid], mib_dirs, numeric=numeric)
    try:
        subtrees = names.subtrees(oid)
    except UnknownNameError as error:
        raise click.UsageError(str(error)) from error
    printer = Printer(names, numeric=numeric, as_json=as_json)

    async def walk(line: "Line", auth: "SnmpAuth") -> int:
        return await _walk(line, auth, subtrees, printer, most, max_repetitions)

    sys.exit(asyncio.run(with_device(asked, timeout_seconds, retries, walk)))


class _Stream:
    """A walk whose objects are handed on with each answer, up to a number of them."""

    def __init__(self, walk: "Walk", show: "Callable[[Sequence[VarBind]], None]", most: int | None) -> None:
        self.shown = 0
        self._walk = walk
        self._show = show
        self._most = most

    @property
    def full(self) -> bool:
        """Whether as many were shown as were wanted."""
        return self._most is not None and self.shown >= self._most

    def next(self) -> "Question | None":
        """Return what to ask next."""
        return None if self.full else self._walk.next()

    def take(self, error_status: int, error_index: int, varbinds: "list[VarBind]") -> None:
        """Take an answer and hand its objects on."""
        self._walk.take(error_status, error_index, varbinds)
        new = self._walk.varbinds[self.shown : self._most]
        self.shown += len(new)
        self._show(new)


async def _walk(
    line: "Line", auth: "SnmpAuth", subtrees: tuple[bytes, ...], printer: Printer, most: int | None, repetitions: int
) -> int:  # fmt: skip
    from probes.snmp.asking import Get
    from probes.snmp.ber import Version
    from probes.snmp.errors import SnmpError
    from probes.snmp.walk import Walk

    walk = Walk(subtrees, version=Version.V1 if auth.version == 1 else Version.V2C, max_repetitions=repetitions)
    stream = _Stream(walk, printer.show, most)
    try:
        await line.converse(auth, stream)
    except SnmpError as error:
        if not stream.shown:
            raise
        _incomplete(printer.count, walk.packets, [str(error)])
        return 1
    if stream.full:
        say(f"ended after {printer.count} objects, as --max says: there may be more")
        return 0
    if walk.problems:
        _incomplete(printer.count, walk.packets, walk.problems)
        return 1
    if not printer.count:  # the OID of one object has nothing below it
        get = Get(subtrees)
        await line.converse(auth, get)
        printer.show(get.varbinds)
    if not printer.count:
        say(f"the device has nothing at or below {printer.name(subtrees[0])}, or its view hides it", "yellow")
        return 1
    return 0


def _incomplete(objects: int, packets: int, reasons: "Sequence[str]") -> None:
    from agent.cli.tables import clean

    say(f"incomplete: {objects} objects in {packets} answers, then: {clean('; '.join(reasons))}", "red")
