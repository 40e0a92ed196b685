"""`linewarden run`: the agent in the foreground."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import click

from agent.core.model import Page


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("/etc/linewarden/linewarden.yaml"),
    envvar="LINEWARDEN_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)
@click.option("--listen", metavar="A:P", help="Address and port to serve on, over the configuration's.")
@click.option("--state-dir", type=click.Path(file_okay=False, path_type=Path), help="Where the ledger is kept.")
@click.option("-v", "--verbose", is_flag=True, help="Log what is usually not worth a line.")
def command(config_file: Path, listen: str | None, state_dir: Path | None, verbose: bool) -> None:
    """Run the agent in the foreground, until SIGTERM or Ctrl-C. SIGHUP reloads the configuration.

    \b
    Examples:
      linewarden run --config linewarden.yaml
      linewarden run --config linewarden.yaml --listen 0.0.0.0:9799 --state-dir ./state
    """
    start_logging(verbose=verbose)
    sys.exit(run(config_file, listen, state_dir))


def run(
    config_file: Path,
    listen: str | None,
    state_dir: Path | None,
    announce: Callable[[Sequence[str]], None] | None = None,
) -> int:
    """Run the agent; return the exit code: 0 stopped, 2 configuration, 3 cannot."""
    from agent import app, config
    from agent.ledger import LedgerError
    from agent.places import StartError
    from exporters.security import WebConfigError
    from exporters.server import ListenError, parse_listen

    try:
        parse_listen(listen or "127.0.0.1:0")
    except ListenError as error:
        click.echo(f"linewarden: --listen: {error}", err=True)
        return 2
    options = app.Options(
        config=config_file, listen=listen, state_dir=state_dir, announce=announce or show_addresses, on_pages=show_pages
    )
    try:
        asyncio.run(app.main(options))
    except (config.ConfigError, WebConfigError) as error:
        click.echo(str(error), err=True)
        return 2
    except (StartError, LedgerError) as error:
        click.echo(f"linewarden: {error}", err=True)
        return 3
    return 0


class JournalFormatter(logging.Formatter):
    """A line as systemd's journal takes it: its priority in front (sd-daemon(3)), no time stamp of our own."""

    _PRIORITIES: ClassVar = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def format(self, record: logging.LogRecord) -> str:
        """Return the record with its priority on every line, so that a traceback stays one message's worth."""
        priority = next((number for level, number in self._PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def start_logging(*, verbose: bool) -> None:
    """Log to stderr, in the journal's way where systemd reads it."""
    handler = logging.StreamHandler(sys.stderr)
    if _to_journal():
        handler.setFormatter(JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _to_journal() -> bool:
    """Tell whether stderr is the journal's (systemd.exec(5)): a terminal of a desktop inherits the variable alone."""
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # replaced by something that is no file
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


def show_addresses(urls: Sequence[str]) -> None:
    """Print what to open."""
    for url in urls:
        click.echo(f"Linewarden is at {url} (status page), {url}/metrics (Prometheus), {url}/sd (service discovery)")


def show_pages(new: Sequence[Page], gone: Sequence[Page]) -> None:
    """Show at the terminal each page as it would be sent, and its end."""
    for page in new:
        colour = "red" if page.severity == "critical" else "yellow"
        click.echo(click.style(f"PAGE {page.severity}: {page.summary}", fg=colour, bold=True))
        click.echo(f"     {page.description}")
        click.echo("     " + " ".join(f'{name}="{value}"' for name, value in page.labels.items()))
    for page in gone:
        click.echo(click.style(f"RESOLVED: {page.summary}", fg="green"))
