"""Who speaks: the name under which a window or a note stands in the record."""

import getpass
import os
from collections.abc import Callable
from typing import Any

import click


def author_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --author to a command; its default is whoever is logged in."""
    return click.option(
        "--author", metavar="NAME", default=own_name, help="Who says so.  [default: your login]"
    )(function)  # fmt: skip


def own_name() -> str:
    """Return the login of the person, also behind sudo; the number of a user who has no name."""
    if os.geteuid() == 0 and (behind := os.environ.get("SUDO_USER")):
        return behind
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.geteuid()}"
