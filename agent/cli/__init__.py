"""The `linewarden` command. Each subcommand is a module of this package and is imported only when it is called."""

import importlib
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import click

from agent import __version__

# name -> (module, one line of help): the help stands here so that `linewarden --help` imports no command
_COMMANDS: Final = {
    "run": ("run", "Run the agent in the foreground."),
    "demo": ("demo", "Run the agent on a simulated council estate, on loopback only."),
    "check": ("check", "Check a configuration file: 0 if it is good, 2 with every error if not."),
    "probe": ("probe", "Measure once and explain each step: icmp, snmp, tcp, host ..."),
    "inspect": ("inspect_device", "Say what a device is: maker, model, serial number, software, parts."),
    "snmp": ("snmp", "Read objects of a device (get, walk), and try out files of modules (import)."),
    "events": ("events", "What happened: changes of belief, with their evidence."),
    "outages": ("outages", "What was down, from when to when, and why."),
    "maintenance": ("maintenance", "Announce work, so that nobody is paged for it: add, end, list."),
    "replay": ("replay", "Recorded round-trip times through the detectors: what would have been told."),
    "report": ("report", "What availability came to; which hardware to replace first."),
    "explain": ("explain", "Why a target is in its state, what depends on it, and who is told."),
    "lifecycle": ("lifecycle", "Until when hardware and software are supported: list, import."),
    "topology": ("topology", "What depends on what, as configured and as learnt."),
    "hardware-scan": ("hardware_scan", "Read what only root sees of this host: disks, memory, machine."),
    "config": ("config", "Helpers for the configuration: `config schema`."),
    "deploy": ("deploy", "Write systemd units, alert rules and dashboards to a directory."),
    "completion": ("completion", "Print the completion script for bash, zsh or fish."),
}


# numpy's BLAS starts a thread for each core when it is imported, and nothing here multiplies matrices
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells say it: 1 would mean that the thing asked about is bad


class LazyGroup(click.Group):
    """A group that knows its commands' names and imports the one that is called.

    Attributes:
        table: name -> (module, one line of help).
    """

    table: ClassVar[Mapping[str, tuple[str, str]]] = _COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of a first day: run, check, ask, deploy."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return the command, or None where there is none of that name."""
        if cmd_name not in self.table:
            return None
        command = importlib.import_module(f"agent.cli.{self.table[cmd_name][0]}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; Ctrl-C ends it without a word about its question."""
        if os.environ.get("NO_COLOR"):  # https://no-color.org
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(_INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve as click does, and name the likely command where the word is wrong."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            if near := difflib.get_close_matches(args[0], self.table, n=1):
                raise click.UsageError(f"{error.message.rstrip('.')}; did you mean {near[0]!r}?", ctx) from error
            raise


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Exit codes: 0 done; 1 the thing asked about is bad; 2 usage or configuration; 3 no permission, no agent.",
)
@click.version_option(__version__, "-V", "--version", message="linewarden %(version)s")
def main() -> None:
    """Watch WAN circuits, switches, servers and services; keep the record; tell Prometheus.

    \b
    First steps:
      linewarden demo                       see it at work on a simulated estate
      linewarden check linewarden.yaml      is the configuration good?
      linewarden run --config linewarden.yaml
    """
