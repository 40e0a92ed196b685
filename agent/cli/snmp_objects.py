"""What `snmp get` and `snmp walk` share: names, lines, and how a device is asked."""

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.snmp_target import access_options, say

if TYPE_CHECKING:
    from agent.cli.snmp_line import Line
    from agent.cli.snmp_target import Whom
    from agent.core.model import SnmpAuth
    from probes.snmp.ber import VarBind
    from probes.snmp.names import Names


def object_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what `access_options` adds, and the options of how objects are shown and asked."""

    @access_options
    @click.option("--numeric", is_flag=True, help="OIDs and values as numbers; no MIB is read.")
    @click.option(
        "--mib-dir", "mib_dirs", multiple=True, type=click.Path(file_okay=False, path_type=Path),
        help="A further directory with MIB files; may be given several times.",
    )  # fmt: skip
    @click.option("--timeout", help="For one try of one request.  [default: 2s]")
    @click.option(
        "--retries", type=click.IntRange(0, 10), default=2, show_default=True, help="Further tries of a request."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each object, one a line.")
    @wraps(function)
    def command(timeout: str | None, **rest: Any) -> Any:  # noqa: ANN401 - click's own
        return function(timeout_seconds=_seconds(timeout), **rest)

    return command


def _seconds(timeout: str | None) -> float:
    from agent.core.units import parse_duration

    try:
        seconds = 2.0 if timeout is None else parse_duration(timeout)
    except ValueError as error:
        raise click.UsageError(f"--timeout: {error}") from error
    if seconds <= 0:
        raise click.UsageError("--timeout: expected more than 0s")
    return seconds


def load_names(wanted: Sequence[str], mib_dirs: Sequence[Path], *, numeric: bool) -> "Names":
    """Return the names of this host; those that need no file where only numbers are asked for and shown."""
    from agent.cli import mibnames
    from probes.snmp.names import Names

    for folder in mib_dirs:
        if not folder.is_dir():
            raise click.UsageError(f"--mib-dir {folder}: there is no such directory")
    if numeric and all(word.replace(".", "").isdigit() for word in wanted):
        return Names()
    return mibnames.load(mib_dirs, say)


class Printer:
    """Writes objects to stdout, as lines for people or as JSON."""

    def __init__(self, names: "Names", *, numeric: bool, as_json: bool) -> None:
        self.count = 0
        self._names = names
        self._numeric = numeric
        self._json = as_json

    def show(self, binds: "Sequence[VarBind]") -> None:
        """Write objects, and hand them over at once."""
        line = self._document if self._json else self._line
        self.count += len(binds)
        sys.stdout.write("".join([line(bind) + "\n" for bind in binds]))
        sys.stdout.flush()

    def name(self, oid: bytes) -> str:
        """Return an OID as this printer shows it."""
        from probes.snmp.oid import oid_text

        return oid_text(oid) if self._numeric else self._names.text(oid)

    def _line(self, bind: "VarBind") -> str:
        from agent.cli.tables import clean
        from probes.snmp.readable import plain, readable, type_name

        if self._numeric:
            value = plain(bind)
            return f"{self.name(bind[0])} = {clean(type_name(bind[1]) if value is None else value)}"
        about, _ = self._names.find(bind[0])
        return f"{self.name(bind[0])} = {clean(readable(bind, self._names, about))}"

    def _document(self, bind: "VarBind") -> str:
        from agent.cli.tables import clean
        from probes.snmp.oid import oid_text
        from probes.snmp.readable import plain, readable, type_name

        value = {"type": type_name(bind[1]), "value": plain(bind)}
        if self._numeric:
            return json.dumps({"oid": oid_text(bind[0]), **value})
        about, _ = self._names.find(bind[0])
        text = clean(readable(bind, self._names, about))
        return json.dumps({"oid": oid_text(bind[0]), "name": self.name(bind[0]), **value, "text": text})


async def with_device(
    whom: "Whom", timeout_seconds: float, retries: int, then: "Callable[[Line, SnmpAuth], Any]"
) -> int:
    """Open a line, find the auth where there are several, and return the exit code of `then`.

    Args:
        then: a coroutine function that asks, prints and returns an exit code.
    """
    from agent.cli.snmp_auths import meaning
    from agent.cli.snmp_find import exit_code, explain, find, verdict
    from agent.cli.snmp_line import SPOKEN, Line
    from agent.cli.tables import clean
    from probes.snmp.errors import SnmpError

    line: Line | None = None
    auth: SnmpAuth | None = None
    try:
        line = await Line.open(whom, timeout_seconds, retries)
        if len(whom.auths) == 1 and not whom.auths[0].problem and whom.auths[0].version in SPOKEN:
            auth = whom.auths[0]  # asking is trying
        else:
            attempts = await find(line, whom.auths, loud=False)
            if not attempts[-1].answered:
                explain(attempts, loud=False)
                return verdict(attempts)
            auth = attempts[-1].auth
        return int(await then(line, auth))
    except SnmpError as error:
        found = meaning(error, auth)
        say(clean(found.said), "red")
        for hint in found.hints:
            say(f"  - {hint}")
        return exit_code(error)
    finally:
        if line is not None:
            line.close()
