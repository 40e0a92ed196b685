"""`linewarden deploy`: write the units, rules and dashboards of this version to a directory."""

import sys
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Final

import click

from agent import __version__
from agent.cli.client import DEFAULT_CONFIG
from agent.cli.rulefile import without
from agent.core.paging import ALERTS, RUNBOOK_BASE

UNIT_COMMAND: Final = Path("/opt/linewarden/.venv/bin/linewarden")  # what linewarden.service starts
RULES: Final = PurePosixPath("prometheus/linewarden.rules.yml")
_CODE: Final = (".py", ".pyc")  # the package's own, and what builds its files

_SERVICE: Final = """\
Next, as root, on the host of the agent:

  # the group of those who may ask the agent, and room for many echoes
  install -D -m 644 -t /etc/sysusers.d {dir}/systemd/sysusers.d/linewarden.conf
  systemd-sysusers
  install -D -m 644 -t /etc/sysctl.d {dir}/systemd/sysctl.d/90-linewarden.conf
  sysctl -p /etc/sysctl.d/90-linewarden.conf

  # the configuration; the service reads /etc/linewarden/linewarden.yaml
  {command} check /etc/linewarden/linewarden.yaml

  # the service; it is ready after the first round, some ten seconds
  install -m 644 {dir}/systemd/linewarden.service /etc/systemd/system/
  systemctl daemon-reload
  systemctl enable --now linewarden

  # optional: disks, memory and the machine of this host, which only root sees (needs smartmontools)
  install -m 644 {dir}/systemd/linewarden-hardware.service {dir}/systemd/linewarden-hardware.timer /etc/systemd/system/
  systemctl daemon-reload
  systemctl enable --now linewarden-hardware.timer
"""

# folder -> what to do with it
_CONNECTED: Final = {
    "prometheus": """\
Prometheus: put the jobs of {dir}/prometheus/linewarden.scrape.yml under `scrape_configs:`,
and linewarden.rules.yml under `rule_files:` of /etc/prometheus/prometheus.yml; then

  install -m 644 {dir}/prometheus/linewarden.rules.yml /etc/prometheus/
  promtool check config /etc/prometheus/prometheus.yml && systemctl reload prometheus
""",
    "alertmanager": """\
Alertmanager: {dir}/alertmanager/alertmanager.yml is an example to begin with; put your receivers in, then

  amtool check-config {dir}/alertmanager/alertmanager.yml
""",
    "grafana": """\
Grafana (the second file only where it does not know your Prometheus yet):

  install -m 644 {dir}/grafana/provisioning/dashboards/linewarden.yml /etc/grafana/provisioning/dashboards/
  install -m 644 {dir}/grafana/provisioning/datasources/linewarden.yml /etc/grafana/provisioning/datasources/
  install -D -m 644 -t /var/lib/grafana/dashboards/linewarden {dir}/grafana/dashboards/*.json
  systemctl restart grafana-server
""",
}

_PUSHED: Final = """\
The configuration has `alertmanagers:`: linewarden.rules.yml leaves out what the agent tells them itself.
"""
_UNREAD: Final = """\
{file}: cannot be read: {reason}; if it has `alertmanagers:`, run this as a user who can read it: these rules would
page what the agent tells them itself as well
"""

_ELSEWHERE: Final = """\
The service starts {unit}, and this is {here}.
Install it there first (a home directory is closed to the service):

  python3 -m venv /opt/linewarden/.venv
  /opt/linewarden/.venv/bin/pip install {what}
"""


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite files that differ from this version's.")
@click.option(
    "--runbook-base",
    metavar="URL",
    help="Where your team reads the runbooks that alerts link to.  [default: the configuration's agent.runbook_base]",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="LINEWARDEN_CONFIG",
    show_envvar=True,
    help="With `alertmanagers:` in this configuration the rules leave out what the agent tells them itself."
    f"  [default: {DEFAULT_CONFIG}, if it is there]",
)
def command(directory: Path, force: bool, runbook_base: str | None, config_file: Path | None) -> None:
    """Write systemd units, alert rules and dashboards to DIRECTORY, and say what to do with them.

    A file that is there and differs is not overwritten without --force; then nothing is written at all.

    \b
    Examples:
      linewarden deploy ./linewarden-deploy
      linewarden deploy /etc/linewarden/deploy --force
      linewarden deploy ./linewarden-deploy --runbook-base https://wiki.example.org/linewarden
    """
    from agent.config import ConfigError

    try:
        pushed, base = wishes(config_file)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    sys.exit(deploy(directory, force=force, runbook_base=runbook_base or base, pushed=pushed))


def wishes(config_file: Path | None) -> tuple[bool, str]:
    """Return whether the agent pushes its alerts, and where its runbooks are; without a configuration the defaults.

    Raises:
        agent.config.ConfigError: there is one, and it cannot be used: rules that double what is pushed page twice.
    """
    from agent.config import load

    if config_file is None:
        try:
            DEFAULT_CONFIG.open("rb").close()
        except (FileNotFoundError, NotADirectoryError):
            return False, RUNBOOK_BASE
        except OSError as error:
            click.echo(_UNREAD.format(file=DEFAULT_CONFIG, reason=error.strerror), err=True)
            return False, RUNBOOK_BASE
    loaded = load(config_file or DEFAULT_CONFIG)
    return bool(loaded.alertmanagers), loaded.settings.agent.runbook_base


def deploy(directory: Path, *, force: bool, runbook_base: str = RUNBOOK_BASE, pushed: bool = False) -> int:
    """Write the files; return 0, or 3 when something is in the way.

    Args:
        pushed: the agent tells Alertmanagers itself, and the rules leave that out.
    """
    base, own = RUNBOOK_BASE.encode(), runbook_base.rstrip("/").encode()
    files = dict(shipped(resources.files("deploy"), PurePosixPath()))
    if pushed:
        files[RULES] = without(files[RULES].decode(), ALERTS).encode()
    wanted = {directory / name: content.replace(base, own) for name, content in files.items()}
    try:
        differ = [path for path, content in wanted.items() if path.exists() and path.read_bytes() != content]
        if differ and not force:
            for path in differ:
                click.echo(f"{path}: differs from what this version would write", err=True)
            click.echo("nothing was written; --force overwrites these files", err=True)
            return 3
        new = [path for path in wanted if path in differ or not path.exists()]
        for path in new:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted[path])
    except OSError as error:
        click.echo(f"{error.filename or directory}: cannot be written: {error.strerror or error}", err=True)
        return 3
    for path in new:
        click.echo(f"{'overwritten' if path in differ else 'written'}: {path}")
    click.echo(f"{len(new)} files written, {len(wanted) - len(new)} unchanged\n")
    if pushed:
        click.echo(_PUSHED)
    show_next_steps(directory)
    return 0


def shipped(folder: Traversable, under: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield relative name and content of every file of the `deploy` package that is not its code."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from shipped(entry, under / entry.name)
        elif entry.is_file() and not entry.name.endswith(_CODE):
            yield under / entry.name, entry.read_bytes()


def show_next_steps(directory: Path) -> None:
    """Say with real commands how the files come into force."""
    here = Path(sys.prefix) / "bin" / "linewarden"
    if here != UNIT_COMMAND:
        root = Path(__file__).resolve().parents[2]
        what = str(root) if (root / "pyproject.toml").exists() else f"linewarden-{__version__}-py3-none-any.whl"
        click.echo(_ELSEWHERE.format(unit=UNIT_COMMAND, here=here, what=what))
    click.echo(_SERVICE.format(dir=directory, command=UNIT_COMMAND))
    for folder, text in _CONNECTED.items():
        if (directory / folder).is_dir():
            click.echo(text.format(dir=directory))
