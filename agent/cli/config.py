"""`linewarden config`: helpers for writing the configuration."""

import click


@click.group("config")
def command() -> None:
    """Help with writing the configuration."""


@command.command("schema", short_help="Print the JSON schema that editors complete and check by.")
def schema() -> None:
    """Print the JSON schema of the configuration, with the settings of every installed probe.

    Editors complete and check by it. The first line of the file names it:

    \b
      linewarden config schema > linewarden.schema.json
      # yaml-language-server: $schema=linewarden.schema.json
    """
    from agent.config.schema import as_text

    click.echo(as_text(), nl=False)
