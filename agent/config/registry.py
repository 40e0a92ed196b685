"""Which ways of measuring there are: found by looking into the `probes` package, so that one file adds one."""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import probes
from agent.config.problems import did_you_mean
from agent.core import ports
from agent.core.units import Strict

_SHARED: Final = frozenset({"wire"})  # what probes share; no probe


class RegistryError(Exception):
    """A probe module that cannot be used; the message names it and what it lacks."""


@dataclass(frozen=True, slots=True)
class ProbeType:
    """One way of measuring.

    Attributes:
        name: the `type` word of the configuration.
        settings: its pydantic model.
        probe: makes the probe from what probes share.
    """

    name: str
    settings: type[Strict]
    probe: Callable[[ports.Resources], ports.Probe]


def probe_types() -> Mapping[str, ProbeType]:
    """Return every probe by its type word, sorted.

    A module `probes.X`, or `probes.X.probe` of a package, that has both `Settings` and `Probe`. The package is scanned
    again at each load of a configuration (`rescan`); in between the answer is kept.

    Raises:
        RegistryError: for a module that cannot be imported, or whose type words disagree.
    """
    return _scan(tuple(probes.__path__))


def rescan() -> None:
    """Forget what was found, so that a probe file added since is seen."""
    importlib.invalidate_caches()
    _scan.cache_clear()


def settings_of(type_name: str) -> type[Strict]:
    """Return the settings model of a type.

    Raises:
        ValueError: for an unknown type, naming the valid ones.
    """
    known = probe_types()
    if type_name not in known:
        raise ValueError(f"no probe of type {type_name!r}{did_you_mean(type_name, known, listing='there are')}")
    return known[type_name].settings


@functools.cache
def _scan(path: tuple[str, ...]) -> Mapping[str, ProbeType]:
    found: dict[str, ProbeType] = {}
    for module in sorted(pkgutil.iter_modules(list(path)), key=lambda module: module.name):
        if module.name in _SHARED or module.name.startswith("_"):
            continue
        name = f"probes.{module.name}.probe" if module.ispkg else f"probes.{module.name}"
        if (probe_type := _load(name)) is not None:
            if probe_type.name in found:
                raise RegistryError(f"{name}: the type {probe_type.name!r} is taken by another probe")
            found[probe_type.name] = probe_type
    return found


def _load(name: str) -> ProbeType | None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:  # a package without a one-shot probe
            return None
        raise RegistryError(f"{name}: cannot be imported: {error}") from error
    except Exception as error:  # whatever a dropped-in file does must not end the agent
        raise RegistryError(f"{name}: cannot be imported: {type(error).__name__}: {error}") from error
    settings, probe = getattr(module, "Settings", None), getattr(module, "Probe", None)
    if settings is None or probe is None:
        return None
    word = getattr(probe, "type", None)
    if not (isinstance(settings, type) and issubclass(settings, Strict)) or not isinstance(word, str):
        raise RegistryError(f"{name}: needs `Settings` (agent.core.units.Strict) and `Probe` with a `type` word")
    if missing := sorted({"type", "interval", "timeout"} - set(settings.model_fields)):
        raise RegistryError(f"{name}: its Settings lack {', '.join(missing)}")
    return ProbeType(word, settings, probe)
