"""The Tab key: names of auths, devices and modules, as the configuration has them."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from agent.cli.client import DEFAULT_CONFIG

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from agent.config import Loaded

CONFIG_VARIABLE: Final = "LINEWARDEN_CONFIG"


def _configured(ctx: click.Context) -> "Loaded | None":
    from agent.config import ConfigError, load

    file = ctx.params.get("config") or os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG
    try:
        return load(Path(file))
    except (ConfigError, OSError):
        return None


def _items(names: Iterable[str], incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def complete_auth(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the names of `snmp.auths`."""
    loaded = _configured(ctx)
    return _items(loaded.auths if loaded is not None else (), incomplete)


def complete_target(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the names of devices that the configuration polls over SNMP."""
    loaded = _configured(ctx)
    targets = loaded.estate.targets.values() if loaded is not None else ()
    return _items((one.name for one in targets if any(check.type == "snmp" for check in one.checks)), incomplete)


def complete_modules(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the names of modules, the last one behind a comma too."""
    from agent.config.document import read
    from agent.config.modulefiles import names
    from agent.config.problems import Findings

    known = set(names(()))
    loaded = _configured(ctx)
    for file in loaded.module_files if loaded is not None else ():
        if (document := read(file, Findings(), names_only="modules")) is not None:
            known |= set(document.value.get("modules") or ())
    before, comma, _last = incomplete.rpartition(",")
    return _items((f"{before}{comma}{name}" for name in known if name not in before.split(",")), incomplete)
