"""`linewarden probe icmp`: ping, with the agent's own engine."""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.cli.tables import Cell
    from agent.core.model import Check, Round
    from agent.core.picture import RoundSummary
    from probes.icmp.engine import Engine


@click.command(
    "icmp",
    epilog="Exit codes: 0 every target answered; 1 some did not; 2 usage; 3 nothing could be measured "
    "(no permission to send ICMP echoes, no such interface ...).",
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "-c", "--count", type=click.IntRange(1, 3600), default=4, show_default=True, help="Echoes to each target."
)
@click.option("-i", "--interval", default="1s", show_default=True, help="Spacing of echoes, such as 200ms.")
@click.option("-W", "--timeout", default="3s", show_default=True, help="After which an echo is lost.")
@click.option("-s", "--size", type=int, default=56, show_default=True, help="Octets of payload.")
@click.option("--dscp", default="BE", show_default=True, help="EF, AF41, CS6 ... or 0-63.")
@click.option("-t", "--ttl", type=int, default=64, show_default=True, help="Time to live, or hop limit.")
@click.option("-I", "--interface", help="Send and receive on this interface only.")
@click.option("--source", help="Address of this host to send from.")
@click.option("-4", "family", flag_value="4", help="IPv4 only.")
@click.option("-6", "family", flag_value="6", help="IPv6 only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def command(targets: tuple[str, ...], count: int, as_json: bool, **options: str | int | None) -> None:
    """Ping each TARGET a few times and sum up delay, loss and delay variation.

    Round-trip times are kernel receive stamp minus kernel transmit stamp. One target is shown echo by echo; more come
    as a table. Ctrl-C ends early, with the summary of what came so far.

    \b
    Examples:
      linewarden probe icmp 10.20.0.1
      linewarden probe icmp --count 100 --interval 20ms --dscp EF -I eth1 10.20.0.1
      linewarden probe icmp -6 mail.example.net --json
      linewarden probe icmp 10.20.1.{1..20}
    """
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
    checks = []
    for target in dict.fromkeys(targets):
        settings: Settings = checked(Settings, {**options, "address": target})
        # a round of one echo: each is told as soon as it is decided
        settings = settings.model_copy(update={"round": settings.interval})
        checks.append(Check(target, "icmp", "icmp", settings.interval, settings))
    sys.exit(asyncio.run(_Run(checks, count, as_json=as_json).run()))


@dataclass(slots=True)
class _Seen:
    """What came of one target's echoes."""

    rounds: "list[Round]" = field(default_factory=list)


class _Run:
    """One call of the command."""

    def __init__(self, checks: "list[Check]", count: int, *, as_json: bool) -> None:
        self._checks = checks
        self._count = count
        self._json = as_json
        self._lines = len(checks) == 1 and not as_json
        self._seen = {check.target: _Seen() for check in checks}

    async def run(self) -> int:
        """Send, collect, print; return the exit code."""
        import asyncio
        import logging
        import signal

        from probes.icmp.engine import Engine

        # what the engine logs is said here in better words
        logging.getLogger("linewarden.icmp").addHandler(logging.NullHandler())
        engine = Engine(tick_seconds=0.02, echoes=self._count)
        loop = asyncio.get_running_loop()
        try:
            await engine.configure(self._checks)
            if any(port.why == "no_permission" for port in engine.ports):
                click.echo(f"{click.style('Error:', fg='red')} {engine.problems[0]}", err=True)
                return 3
            self._explain(engine)
            collecting = asyncio.create_task(self._collect(engine), name="collect")
            loop.add_signal_handler(signal.SIGINT, collecting.cancel)
            await asyncio.wait([collecting])
            loop.remove_signal_handler(signal.SIGINT)
            if not collecting.cancelled():
                collecting.result()
            return self._sum_up(engine)
        finally:
            await engine.close()

    async def _collect(self, engine: "Engine") -> None:
        from agent.core.model import Round

        left = len(self._checks) * self._count
        async for item in engine:
            if isinstance(item, Round):
                seen = self._seen[item.target]
                seen.rounds.append(item)
                if self._lines:
                    click.echo(_line(len(seen.rounds), item))
                left -= 1
            if not left:
                return

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
        from agent.core.delay import summarize, train

        reports = []
        for check in self._checks:
            rounds = self._seen[check.target].rounds
            whole = _join(check, rounds)
            reports.append((check, whole, None if whole is None else summarize(train(whole))))
        if self._json:
            import json

            click.echo(json.dumps({"targets": [_document(engine, *report) for report in reports]}))
        elif self._lines:
            _print_one(*reports[0])
        else:
            _print_table(engine, reports)
        if reports and all(whole is not None and not _known(whole) for _, whole, _ in reports):
            return 3  # own trouble says nothing about the targets
        return 0 if all(summary is not None and summary.received for _, _, summary in reports) else 1


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
        again = f", {whole.duplicates} duplicates" if whole.duplicates else ""
        click.echo(f"  loss {summary.loss_ratio:.1%}{again}")
    figures = {
        "round trip": summary.rtt_seconds,
        "delay variation (RFC 5481)": summary.pdv_seconds,
        "neighbours differ by (RFC 3393)": summary.ipdv_seconds,
    }
    for words, stats in figures.items():
        if stats:
            click.echo(f"  {words}: " + ", ".join(f"{key} {format_milliseconds(stats[key])}" for key in stats))


def _remark(whole: "Round", summary: "RoundSummary") -> str:
    from agent.core.delay import explain_unknown

    said = (*whole.refusals, *(explain_unknown(why) for why in whole.why_unknown))
    if said:
        return "; ".join(said)
    return "ok" if summary.received == summary.sent else "some lost" if summary.received else "no answer"


def _print_table(engine: "Engine", reports: "list[tuple[Check, Round | None, RoundSummary | None]]") -> None:
    from agent.cli.tables import table, terminal_width
    from agent.core.delay import format_milliseconds

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
    click.echo(table(heads, rows, terminal_width()))


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
        "why_unknown": dict(whole.why_unknown),
        "refusals": list(whole.refusals),
        "echoes": echoes,
    }
