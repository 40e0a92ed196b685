"""`linewarden replay`: recorded round-trip times through the detectors."""

import json
import math
import sys
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from agent.cli.progress import Counter
from agent.cli.tables import Cell, local_time, table, terminal_width
from agent.core.units import format_duration, parse_duration, parse_ratio

if TYPE_CHECKING:
    from agent.core.recording import RowError
    from agent.core.replay import Spacing, Told

_HEADS: Final = ("ROW", "BEGAN", "KNOWN AFTER", "WHAT", "PAGE", "WHY")
_FIRST_ROWS: Final = 21  # so many tell how far apart rows are
_LOOK_ROWS: Final = 4096
_SHOWN_BAD: Final = 3
_LINE_OCTETS: Final = 65_536  # what is longer is cut here, and no row
_PAGES: Final = {"down": "critical", "degraded": "warning"}  # TargetDown and TargetDegraded of a circuit
_COLOURS: Final = {"down": "red", "degraded": "yellow", "up": "green", "recovered": "green", "level_shift": "cyan"}


class _BadFileError(click.ClickException):
    """The file cannot be read, or not as a recording."""

    exit_code = 2


def _unit(parse: Callable[[object], float]) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Return the callback of an option that is written as in the configuration."""

    def convert(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return convert


_DURATION: Final = _unit(parse_duration)
_RATIO: Final = _unit(parse_ratio)


@dataclass
class Recording:
    """What was replayed.

    Attributes:
        times, rtts: of each row, Unix time and seconds; not a number: lost.
        bad: rows that were left out; `first_bad` are those that are shown.
    """

    spaced: "Spacing | None" = None
    times: "array[float]" = field(default_factory=lambda: array("d"))
    rtts: "array[float]" = field(default_factory=lambda: array("d"))
    bad: int = 0
    first_bad: list[str] = field(default_factory=list)

    def leave_out(self, error: "RowError") -> None:
        """Count a row that cannot be used."""
        self.bad += 1
        if len(self.first_bad) < _SHOWN_BAD:
            self.first_bad.append(str(error))


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--interval", callback=_DURATION, metavar="DURATION", help="From row to row.  [default: as the rows lie]")
@click.option("--round", "round_seconds", callback=_DURATION, default="10s", show_default=True, metavar="DURATION",
              help="What one summary covers; rows that are further apart are a round each.")  # fmt: skip
@click.option("--objective-rtt", callback=_DURATION, metavar="DURATION", help="Agreed round-trip time, such as 30ms.")
@click.option("--objective-loss", callback=_RATIO, metavar="RATIO", help="Agreed loss, such as 0.1%.")
@click.option("--objective-pdv", callback=_DURATION, metavar="DURATION", help="Agreed delay variation.")
@click.option("--objective-mos", type=click.FloatRange(1, 4.5), metavar="MOS", help="Agreed quality of voice: 3.9.")
@click.option("--skip-bad", is_flag=True, help="Leave out rows that cannot be used, and say how many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line for each thing that is told.")
def command(
    file: str,
    interval: float | None,
    round_seconds: float,
    skip_bad: bool,
    as_json: bool,
    **objectives: float | None,
) -> None:
    """Run a recording through the agent's detectors: what would have been told and paged, and when.

    FILE is CSV: timestamp,rtt_seconds. A timestamp is in Unix seconds or ISO 8601 (UTC where it names no zone); an
    empty rtt_seconds is a lost echo. `-` reads standard input. What is told with a row does not depend on later rows.

    \b
    Examples:
      linewarden replay line.csv
      linewarden replay line.csv --objective-rtt 30ms --objective-loss 0.1%
      linewarden replay - --json < line.csv | jq 'select(.kind == "down")'
    """
    if round_seconds <= 0 or (interval is not None and interval <= 0):
        raise click.UsageError("--interval and --round: expected more than 0s")
    agreed = {name.removeprefix("objective_"): value for name, value in objectives.items()}
    done = Recording()
    told: list[Told] = []
    for found in _replayed(file, done, interval, round_seconds, agreed, skip_bad=skip_bad):
        if as_json:
            click.echo(json.dumps(_document(found), ensure_ascii=False))
        else:
            told.append(found)
    for text in done.first_bad:
        click.echo(f"{file}:{text}", err=True)
    if done.bad:
        click.echo(f"({done.bad:,} {'row was' if done.bad == 1 else 'rows were'} left out)", err=True)
    if not as_json:
        _show(done, told, agreed)


def _replayed(
    file: str,
    done: Recording,
    interval: float | None,
    round_seconds: float,
    agreed: dict[str, float | None],
    *,
    skip_bad: bool,
) -> "Iterator[Told]":
    """Yield what is told, row by row, and fill `done`."""
    from agent.core.recording import RowError, rows
    from agent.core.replay import Replay, Spacing, detectors, spacing

    try:
        with _opened(file) as (stream, size):
            source = rows(_lines(stream), done.leave_out if skip_bad else None)
            first = list(islice(source, _FIRST_ROWS))
            if not first:
                raise _BadFileError(f"{file}: there is no row in it; expected lines such as 1790000000,0.0213")
            if interval is not None or len(first) == 1:
                done.spaced = Spacing(interval or round_seconds, max(interval or 0.0, round_seconds))
            else:
                done.spaced = spacing([at for at, _ in first], round_seconds)
            replay = Replay(done.spaced, *detectors(done.spaced, agreed))
            counter = Counter(lambda: _progress(len(done.times), stream, size))
            for at, rtt in chain(first, source):
                done.times.append(at)
                done.rtts.append(math.nan if rtt is None else rtt)
                yield from replay.push(at, rtt)
                if not len(done.times) % _LOOK_ROWS:
                    counter.at()
            counter.over()
    except RowError as error:
        raise _BadFileError(f"{file}:{error}") from error
    except OSError as error:
        raise _BadFileError(f"{file}: {error.strerror or error}") from error


@contextmanager
def _opened(file: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """Give the file's octets, and how many there are where that is known."""
    if file == "-":
        yield sys.stdin.buffer, None
        return
    with Path(file).open("rb") as stream:
        size = Path(file).stat().st_size
        yield stream, size or None


def _lines(stream: IO[bytes]) -> Iterator[str]:
    line = stream.readline(_LINE_OCTETS).removeprefix(b"\xef\xbb\xbf")  # a byte order mark, as Excel writes it
    while line:
        yield line.decode("utf-8", "replace")
        line = stream.readline(_LINE_OCTETS)


def _progress(rows: int, stream: IO[bytes], size: int | None) -> str:
    part = f", {stream.tell() / size:.0%}" if size is not None else ""
    return f"{rows:,} rows{part}"


def _document(found: "Told") -> dict[str, Any]:
    from agent.core.documents import document

    return {**document(found), "page": _PAGES.get(found.kind)}


# ------------------------------------------------------------------ for a person


def _show(done: Recording, told: "list[Told]", agreed: dict[str, float | None]) -> None:
    from agent.cli.replayplot import plot

    click.echo(_about(done, agreed))
    width = terminal_width()
    click.echo(plot(done.times, done.rtts, told, width or 100))
    if not told:
        click.echo("nothing would have been told")
        return
    click.echo(table(_HEADS, [_row(one) for one in told], width))
    pages = [_PAGES[one.kind] for one in told if one.kind in _PAGES]
    critical, warning = pages.count("critical"), pages.count("warning")
    click.echo(f"\nOf a circuit that would have been {_number(critical, 'page')} and {_number(warning, 'ticket')}.")


def _about(done: Recording, agreed: dict[str, float | None]) -> str:
    assert done.spaced is not None
    lost = sum(rtt != rtt for rtt in done.rtts)
    began, ended = (local_time(datetime.fromtimestamp(at, UTC).isoformat()) for at in (done.times[0], done.times[-1]))
    given = ", ".join(f"{name} {_agreed(name, value)}" for name, value in agreed.items() if value is not None)
    return (
        f"{len(done.times):,} rows from {began} to {ended}, {format_duration(done.spaced.interval)} apart; "
        f"{lost:,} lost ({lost / len(done.times):.2%})\n"
        f"rounds of {format_duration(done.spaced.round)}; objectives: {given or 'none'}"
    )


def _agreed(name: str, value: float) -> str:
    if name == "mos":
        return f"{value:g}"
    return f"{100 * value:g}%" if name == "loss" else format_duration(value)


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def _row(one: "Told") -> list[Cell]:
    known = format_duration((one.noticed_at - one.at).total_seconds()) if one.noticed_at > one.at else "at once"
    kind, page = one.kind.value, _PAGES.get(one.kind, "")
    began = local_time(one.at.isoformat())
    return [f"{one.index:,}", began, known, (kind, _COLOURS.get(kind)), (page, _COLOURS.get(kind)), one.reason]
