"""`linewarden completion`: what makes the Tab key work."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      linewarden completion bash > /etc/bash_completion.d/linewarden
      linewarden completion zsh > "${fpath[1]}/_linewarden"
      linewarden completion fish > ~/.config/fish/completions/linewarden.fish
    """
    root = ctx.find_root()
    kind = get_completion_class(shell)
    assert kind is not None  # the choice above is what click knows
    click.echo(kind(root.command, {}, "linewarden", "_LINEWARDEN_COMPLETE").source())
