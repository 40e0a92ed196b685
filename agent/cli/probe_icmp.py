"""`linewarden probe icmp`: ping, with the agent's own engine."""

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.cli.tables import Cell
    from agent.core.delay import RoundSummary
    from agent.core.model import Check, Round
    from probes.icmp.engine import Engine

    _Report = tuple[Check, Round | None, RoundSummary | None]

_ROUND_ECHOES: Final = 50  # of many targets: told together
_LIVE_SECONDS: Final = 0.5
_LIVE_SHARE: Final = 10.0  # a table of thousands of targets is shown so many times more rarely than it takes
_HISTOGRAM_LEAST: Final = 10
_BARS: Final = 8
_BAR_COLUMNS: Final = 40


@click.command(
    "icmp",
    epilog="Exit codes: 0 every target answered; 1 some did not; 2 usage; 3 nothing could be measured "
    "(no permission to send ICMP echoes, no such interface ...).",
)
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option("-f", "--file", "listing", type=click.File(), help="Read more targets from FILE, one a line; - is stdin.")
@click.option(
    "-c", "--count", type=click.IntRange(1, 1_000_000), default=4, show_default=True, help="Echoes to each target."
)
@click.option("-i", "--interval", default="1s", show_default=True, help="Spacing of echoes, such as 200ms.")
@click.option("-W", "--timeout", default="3s", show_default=True, help="After which an echo is lost.")
@click.option("-s", "--size", type=int, default=56, show_default=True, help="Octets of payload.")
@click.option("--df", is_flag=True, help="Never fragment: what is too big is refused, and the MTU is told.")
@click.option("--dscp", default="BE", show_default=True, help="EF, AF41, CS6 ... or 0-63.")
@click.option("-t", "--ttl", type=int, default=64, show_default=True, help="Time to live, or hop limit.")
@click.option("-I", "--interface", help="Send and receive on this interface only.")
@click.option("--source", help="Address of this host to send from.")
@click.option("-4", "family", flag_value="4", help="IPv4 only.")
@click.option("-6", "family", flag_value="6", help="IPv6 only.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=5000,
    show_default=True,
    help="Most echoes that leave in one second, over all targets; 0: no limit.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def command(
    targets: tuple[str, ...],
    listing: "TextIO | None",
    count: int,
    rate: float,
    as_json: bool,
    **options: str | int | None,
) -> None:
    """Ping each TARGET a few times and sum up delay, loss and delay variation.

    Round-trip times are kernel receive stamp minus kernel transmit stamp. One target is shown echo by echo, with a
    histogram at the end; more come as a table, which at a terminal is kept up to date. Ctrl-C ends early, with the
    summary of what came so far.

    \b
    Examples:
      linewarden probe icmp 10.20.0.1
      linewarden probe icmp --count 100 --interval 20ms --dscp EF -I eth1 10.20.0.1
      linewarden probe icmp --df --size 1472 10.20.0.1
      linewarden probe icmp -6 mail.example.net --json
      linewarden probe icmp 10.20.1.{1..20}
      linewarden probe icmp --file addresses.txt --count 10 --interval 100ms --rate 0
    """  # fmt: skip
    import asyncio

    from agent.cli.probe import checked
    from agent.core.model import Check
    from agent.core.units import parse_dscp
    from probes.icmp.settings import Settings

    dscp, family = str(options["dscp"]), options["family"]
    try:
        options["dscp"] = parse_dscp(int(dscp) if dscp.isdigit() else dscp)
    except ValueError as error:
        raise click.UsageError(f"dscp: {error}") from error
    options["family"] = int(family) if family else None
    wanted = list(dict.fromkeys([*targets, *_listed(listing)]))
    if not wanted:
        raise click.UsageError("Missing argument 'TARGET...': give targets, or a file of them by --file.")
    # one target is told echo by echo; of many, some echoes together, which costs less
    echoes = 1 if len(wanted) == 1 else next(n for n in range(min(count, _ROUND_ECHOES), 0, -1) if count % n == 0)
    settings: Settings = checked(Settings, {**options, "address": wanted[0]})
    settings = settings.model_copy(update={"round": settings.interval * echoes})
    checks = []
    for target in wanted:
        try:
            checks.append(Check(target, "icmp", "icmp", settings.interval, settings.towards(target)))
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    sys.exit(asyncio.run(_Run(checks, count, rate or None, as_json=as_json).run()))


def _listed(listing: "TextIO | None") -> "Iterator[str]":
    """Give the targets of a file: the first word of each line; `#` begins a comment."""
    for line in listing or ():
        if words := line.partition("#")[0].split():
            yield words[0]


class _Run:
    """One call of the command."""

    def __init__(self, checks: "list[Check]", count: int, rate: float | None, *, as_json: bool) -> None:
        self._checks = checks
        self._count = count
        self._rate = rate
        self._json = as_json
        self._lines = len(checks) == 1 and not as_json
        self._rounds: dict[str, list[Round]] = {check.target: [] for check in checks}
        self._live = _Live() if len(checks) > 1 and not as_json and sys.stdout.isatty() else None

    async def run(self) -> int:
        """Send, collect, print; return the exit code."""
        import asyncio
        import logging
        import signal

        from probes.icmp.engine import Engine

        # what the engine logs is said here in better words
        logging.getLogger("linewarden.icmp").addHandler(logging.NullHandler())
        engine = Engine(tick_seconds=0.02, echoes=self._count, echo_rate=self._rate, patient=True)
        loop = asyncio.get_running_loop()
        try:
            await engine.configure(self._checks)
            if any(port.why == "no_permission" for port in engine.ports):
                click.echo(f"{click.style('Error:', fg='red')} {engine.problems[0]}", err=True)
                return 3
            self._explain(engine)
            collecting = asyncio.create_task(self._collect(engine), name="collect")
            showing = asyncio.create_task(self._show(engine), name="show")
            loop.add_signal_handler(signal.SIGINT, collecting.cancel)
            await asyncio.wait([collecting])
            loop.remove_signal_handler(signal.SIGINT)
            showing.cancel()
            await asyncio.wait([showing])
            if collecting.cancelled():
                for item in engine.unfinished():
                    self._rounds[item.target].append(item)
            else:
                collecting.result()
            return self._sum_up(engine)
        finally:
            await engine.close()

    async def _collect(self, engine: "Engine") -> None:
        from agent.core.model import Round

        left = len(self._checks) * self._count
        async for item in engine:
            if isinstance(item, Round):
                rounds = self._rounds[item.target]
                rounds.append(item)
                if self._lines:
                    click.echo(_line(len(rounds), item))
                left -= len(item.outcomes)
            if not left:
                return

    async def _show(self, engine: "Engine") -> None:
        """Keep the table of many targets up to date, at a terminal."""
        import asyncio

        loop, pause = asyncio.get_running_loop(), _LIVE_SECONDS
        while self._live is not None:
            await asyncio.sleep(pause)
            began = loop.time()
            self._live.show(_table(engine, self._reports(), _room()))
            pause = max(_LIVE_SECONDS, _LIVE_SHARE * (loop.time() - began))  # the echoes come first

    def _reports(self) -> "list[_Report]":
        from agent.core.delay import summarize, trains

        wholes = [_join(check, self._rounds[check.target]) for check in self._checks]
        seen = iter(trains([whole for whole in wholes if whole is not None]))
        return [
            (check, whole, None if whole is None else summarize(next(seen)))
            for check, whole in zip(self._checks, wholes, strict=True)
        ]

    def _explain(self, engine: "Engine") -> None:
        if self._json:
            return
        for problem in dict.fromkeys(engine.problems):
            click.echo(f"{click.style('problem:', fg='red')} {problem}", err=True)
        modes = {"raw": "raw socket", "dgram": "unprivileged ping socket", "": ""}
        for check in self._checks:
            address = engine.address_of(check.target, "icmp")
            if address is None:
                click.echo(f"{check.target}: the name could not be resolved", err=True)
            elif self._lines and (mode := modes[engine.modes.get(6 if ":" in address else 4, "")]):
                name = check.target if check.target == address else f"{check.target} ({address})"
                click.echo(f"{name}: {check.settings.size} octets of payload, {mode}, kernel time stamps")

    def _sum_up(self, engine: "Engine") -> int:
        reports = self._reports()
        if self._json:
            import json

            click.echo(json.dumps({"targets": [_document(engine, *report) for report in reports]}))
        elif self._lines:
            _print_one(*reports[0])
        else:
            if self._live is not None:
                self._live.clear()
            click.echo(_table(engine, reports))
        if reports and all(whole is not None and not _known(whole) for _, whole, _ in reports):
            return 3  # own trouble says nothing about the targets
        return 0 if all(summary is not None and summary.received for _, _, summary in reports) else 1


class _Live:
    """Text at a terminal that is written anew in the same place."""

    def __init__(self) -> None:
        self._height = 0

    def show(self, text: str) -> None:
        """Put this text in the place of the former."""
        self.clear()
        click.echo(text)
        self._height = text.count("\n") + 1

    def clear(self) -> None:
        """Take the text away."""
        if self._height:
            click.echo(f"\x1b[{self._height}F\x1b[J", nl=False, color=True)
        self._height = 0


def _room() -> int:
    """Return how many rows of a table fit the terminal, under its heads and over the last line."""
    import shutil

    return max(1, shutil.get_terminal_size().lines - 3)


def _known(whole: "Round") -> bool:
    """Tell whether the outcome of at least one echo is known."""
    from agent.core.model import Echo

    return bool((whole.outcomes != Echo.UNKNOWN).any())


def _line(number: int, item: "Round") -> str:
    from agent.core.delay import explain_unknown, format_milliseconds
    from agent.core.model import Echo

    outcome = Echo(int(item.outcomes[0]))
    if outcome is Echo.RECEIVED:
        again = f", and {item.duplicates} more" if item.duplicates else ""
        return f"{number}: answered, {format_milliseconds(float(item.rtts_seconds[0]))}{again}"
    if outcome is Echo.REFUSED:
        return f"{number}: {click.style('refused', fg='red')} by {'; '.join(item.refusals)}"
    if outcome is Echo.UNKNOWN:
        reasons = "; ".join(explain_unknown(why) for why in item.why_unknown)
        return f"{number}: {click.style('not measured', fg='yellow')}: {reasons}"
    return f"{number}: {click.style('no answer', fg='red')}"


def _join(check: "Check", rounds: "list[Round]") -> "Round | None":
    """Return all echoes of a target as one round; None without any."""
    import numpy as np

    from agent.core.model import Round

    if not rounds:
        return None
    why: dict[str, int] = {}
    for item in rounds:
        for reason, number in item.why_unknown.items():
            why[reason] = why.get(reason, 0) + number
    return Round(
        target=check.target,
        check=check.name,
        began_at=rounds[0].began_at,
        ended_at=rounds[-1].ended_at,
        sent_at_seconds=np.concatenate([item.sent_at_seconds for item in rounds]),
        rtts_seconds=np.concatenate([item.rtts_seconds for item in rounds]),
        outcomes=np.concatenate([item.outcomes for item in rounds]),
        duplicates=sum(item.duplicates for item in rounds),
        late=sum(item.late for item in rounds),
        reordered=sum(item.reordered for item in rounds),
        corrupted=sum(item.corrupted for item in rounds),
        why_unknown=why,
        refusals=tuple(dict.fromkeys(said for item in rounds for said in item.refusals)),
    )


def _print_one(check: "Check", whole: "Round | None", summary: "RoundSummary | None") -> None:
    from agent.core.delay import format_milliseconds, observe, train

    if whole is None or summary is None:
        click.echo(f"{check.target}: nothing came back yet")
        return
    click.echo(f"{check.target}: {observe(train(whole)).detail}")
    if summary.loss_ratio is not None:
        click.echo("  " + ", ".join((f"loss {summary.loss_ratio:.1%}", *_odd(whole))))
    figures = {
        "round trip": summary.rtt_seconds,
        "delay variation (RFC 5481)": summary.pdv_seconds,
        "neighbours differ by (RFC 3393)": summary.ipdv_seconds,
    }
    for words, stats in figures.items():
        if stats:
            click.echo(f"  {words}: " + ", ".join(f"{key} {format_milliseconds(stats[key])}" for key in stats))
    for line in _histogram(train(whole).ordered):
        click.echo(f"  {line}")


def _odd(whole: "Round") -> list[str]:
    """Return what was odd about the replies, in words."""
    counts = (
        ("duplicate", whole.duplicates),
        ("late", whole.late),
        ("out of order", whole.reordered),
        ("corrupted", whole.corrupted),
    )
    return [f"{number} {words}" for words, number in counts if number]


def _histogram(ordered: "list[float]") -> list[str]:
    """Return a histogram of ascending round-trip times; nothing where there are too few for one.

    The bars are of one width up to the 95th percentile; what is above that is in the last one.
    """
    from bisect import bisect_left

    import numpy as np

    from agent.core.delay import format_milliseconds

    if len(ordered) < _HISTOGRAM_LEAST or ordered[0] == ordered[-1]:
        return []
    top = float(np.quantile(ordered, 0.95))
    width = (top - ordered[0]) / _BARS or ordered[-1] - ordered[0]
    bounds = [ordered[0] + width * (number + 1) for number in range(_BARS)]
    places = [0, *(bisect_left(ordered, bound) for bound in bounds), len(ordered)]
    counts = [after - before for before, after in pairwise(places)]
    heads = [f"below {format_milliseconds(bound)}" for bound in bounds] + ["above"]
    wide = max(map(len, heads))
    scale = _BAR_COLUMNS / max(counts)
    return [
        f"{head:>{wide}}  {'#' * max(round(count * scale), 1 if count else 0):{_BAR_COLUMNS}}  {count}".rstrip()
        for head, count in zip(heads, counts, strict=True)
    ]


def _remark(whole: "Round", summary: "RoundSummary") -> str:
    from agent.core.delay import explain_unknown

    said = (*whole.refusals, *(explain_unknown(why) for why in whole.why_unknown), *_odd(whole))
    if said:
        return "; ".join(said)
    return "ok" if summary.received == summary.sent else "some lost" if summary.received else "no answer"


def _table(engine: "Engine", reports: "list[_Report]", room: int | None = None) -> str:
    """Return the targets as a table; where there is not room for all, the worst ones."""
    from agent.cli.tables import table, terminal_width
    from agent.core.delay import format_milliseconds

    left = 0
    if room is not None and len(reports) > room:
        left = len(reports) - room
        reports = sorted(reports, key=_badness, reverse=True)[:room]
    rows: list[tuple[Cell, ...]] = []
    for check, whole, summary in reports:
        address = engine.address_of(check.target, "icmp") or "?"
        if whole is None or summary is None:
            rows.append((check.target, address, ("0/0", "red"), *[""] * 5, "nothing came back yet"))
            continue
        stats = summary.rtt_seconds
        rows.append(
            (
                check.target,
                address,
                (f"{summary.received}/{summary.sent}", None if summary.received else "red"),
                "" if summary.loss_ratio is None else f"{summary.loss_ratio:.1%}",
                *(format_milliseconds(stats[key]) if stats else "" for key in ("min", "p50", "p95", "max")),
                _remark(whole, summary),
            )
        )
    heads = ("target", "address", "answered", "loss", "min", "p50", "p95", "max", "remarks")
    text = table(heads, rows, terminal_width())
    return f"{text}\n{left} more, which fare no worse" if left else text


def _badness(report: "_Report") -> tuple[float, float]:
    _, _, summary = report
    if summary is None:
        return 0.0, 0.0
    return summary.loss_ratio or 0.0, summary.rtt_seconds.get("p50", 0.0)


def _document(
    engine: "Engine", check: "Check", whole: "Round | None", summary: "RoundSummary | None"
) -> dict[str, Any]:
    from agent.core.documents import document
    from agent.core.model import Echo

    address = engine.address_of(check.target, "icmp")
    if whole is None or summary is None:
        return {"target": check.target, "address": address, "sent": 0, "received": 0, "echoes": []}
    echoes = [
        {"sent_at_seconds": sent, "outcome": Echo(code).name.lower(), "rtt_seconds": rtt if rtt == rtt else None}
        for sent, code, rtt in zip(
            whole.sent_at_seconds.tolist(), whole.outcomes.tolist(), whole.rtts_seconds.tolist(), strict=True
        )
    ]
    return {
        "target": check.target,
        "address": address,
        "mode": engine.modes.get(6 if ":" in (address or "") else 4, ""),
        **document(summary),
        "duplicates": whole.duplicates,
        "late": whole.late,
        "reordered": whole.reordered,
        "corrupted": whole.corrupted,
        "why_unknown": dict(whole.why_unknown),
        "refusals": list(whole.refusals),
        "echoes": echoes,
    }
