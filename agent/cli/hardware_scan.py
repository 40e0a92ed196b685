"""`linewarden hardware-scan`: what only root sees of this host's disks, memory and machine, as one file."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click


@click.command("hardware-scan", epilog="Exit codes: 0 done, with problems or not; 2 usage; 3 FILE cannot be written.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this file, at once or not at all.  [default: standard output]",
)
@click.option(
    "--smartctl", default="smartctl", show_default=True, metavar="PATH", help="The command to ask disks with."
)
@click.option(
    "--sys", "sys_root", type=click.Path(file_okay=False, path_type=Path), default=Path("/sys"), show_default=True,
    help="Where the kernel shows the machine.",
)  # fmt: skip
def command(output: Path | None, smartctl: str, sys_root: Path) -> None:
    """Read this host's disks (smartctl), memory errors (EDAC) and machine (DMI) once.

    Run by linewarden-hardware.service as root, hourly; the agent itself has no such rights and reads the file. What
    cannot be read stands under `problems`, and the rest is written all the same.

    \b
    Examples:
      linewarden hardware-scan
      linewarden hardware-scan --output /run/linewarden-hardware/hardware.json
    """
    from probes.local import scan
    from probes.local.document import text_of

    document = scan.scan(datetime.now(UTC), sys_root=sys_root, smartctl=smartctl)
    for problem in document.problems:
        click.echo(problem, err=True)
    if output is None:
        click.echo(text_of(document), nl=False)
        return
    try:
        scan.write(output, document)
    except OSError as error:
        click.echo(f"{output}: cannot be written: {error.strerror}", err=True)
        sys.exit(3)
    click.echo(f"{output}: {len(document.disks)} disks, {len(document.memory)} memory modules")
