"""`linewarden demo`: the agent on a simulated council estate, on loopback only."""

import importlib.resources
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

_POLL_SECONDS: Final = 5.0  # in configs/quickstart.yaml: short, so that a visitor does not wait


@click.command()
@click.option("--listen", metavar="A:P", help="Address and port to serve on.  [default: 127.0.0.1:9799]")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the ledger is kept.  [default: a temporary directory, removed at the end]",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is usually not worth a line.")
@click.option("--speed", type=click.FloatRange(0.1, 20.0), default=1.0, hidden=True, help="Run the script faster.")
def command(listen: str | None, state_dir: Path | None, verbose: bool, speed: float) -> None:
    """Run the agent on a simulated estate: two councils, a shared data centre, three circuits. Ctrl-C ends it.

    Needs no root and sends nothing beyond loopback. The devices are SNMP agents in a second process; circuits fail and
    recover by a script that repeats every three minutes. Everything else is the agent as `linewarden run` starts it.

    \b
    Examples:
      linewarden demo
      linewarden demo --listen 127.0.0.1:9800 --state-dir ./demo-state
    """
    from agent.cli.run import start_logging

    start_logging(verbose=verbose)
    sys.exit(demo(listen, state_dir, speed))


def demo(listen: str | None, state_dir: Path | None, speed: float = 1.0) -> int:
    """Run agent and simulation until a signal; return the exit code of `run`, or 3 without loopback ports."""
    from agent.cli.run import run
    from agent.cli.simulated.process import PORT, NoPortError, simulation

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linewarden-demo-")))
        try:
            running = stack.enter_context(simulation(PORT, speed))
        except NoPortError as error:
            click.echo(f"linewarden: the simulated devices cannot start: {error}", err=True)
            return 3
        config_file = stack.enter_context(importlib.resources.as_file(_quickstart()))
        if running.port != PORT or speed != 1.0:
            config_file = _rewritten(config_file, scratch / "quickstart.yaml", running.port, speed)
        if running.port != PORT:
            click.echo(f"port {PORT} is taken: the simulated devices answer on port {running.port}", err=True)
        _tell(speed)
        return run(config_file, listen, state_dir or scratch / "state", _announce)


def _announce(urls: Sequence[str]) -> None:
    """Say where the agent is, and how another terminal asks it: a demonstration has no place that is looked at."""
    from agent.cli.run import show_addresses

    show_addresses(urls)
    called = Path(sys.argv[0])
    name = str(called) if called.name == "linewarden" and shutil.which("linewarden") != str(called) else "linewarden"
    click.echo("Ask it in another terminal:")
    for question in ("events --follow", "outages", "explain enc-crown"):
        click.echo(f"  {name} {question} --url {urls[0]}")


def _quickstart() -> importlib.resources.abc.Traversable:
    return importlib.resources.files("configs") / "quickstart.yaml"


def _rewritten(source: Path, copy: Path, port: int, speed: float) -> Path:
    """Write a copy of the estate with another port, and with polls as much faster as the script."""
    from agent.cli.simulated.process import PORT

    text = re.sub(rf"\bport: {PORT}\b", f"port: {port}", source.read_text(encoding="utf-8"))
    if speed != 1.0:
        text = text.replace(f"interval: {_POLL_SECONDS:g}s", f"interval: {_POLL_SECONDS / speed * 1000:.0f}ms")
    copy.write_text(text, encoding="utf-8")
    return copy


def _tell(speed: float) -> None:
    """Say what will be seen, before the agent says where."""
    from agent.cli.simulated.script import CYCLE_SECONDS, FAILURES

    moments = []
    for failure in FAILURES:
        moments.append((failure.begins_seconds, failure.story))
        moments.append((failure.ends_seconds, f"circuit {failure.circuit} is back"))
    click.echo("A simulated council estate, watched by the real agent. What will happen:")
    for seconds, story in moments:
        click.echo(f"  after {seconds / speed:4.0f} s  {story}")
    click.echo(f"  every {CYCLE_SECONDS / speed:4.0f} s  the same again")
    click.echo(
        "Hardware is flagged at once: a server bought in 2012, a switch of 2015, an old UPS whose battery failed."
    )
    click.echo("Ctrl-C ends it.")
