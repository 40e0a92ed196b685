"""Which modules a device gets when its configuration names none: by its sysObjectID and by what it answers. Pure.

The sysObjectID narrows what is asked; only what the device answers is chosen. So a wrong entry, or a maker who sells
another's device under its own number, costs a question and never a poll.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from probes.snmp.oid import encode_oid

TABLE: Final = "snmp_choice.yml"  # in configs/


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a device is read by a module.

    Attributes:
        sign: the subtree in which it has an object; None for a module that every device gets.
        of_maker: whether it was asked about because of the sysObjectID.
        entry: the entry of the table that the sysObjectID begins with; None where there is none.
    """

    module: str
    sign: bytes | None = None
    of_maker: bool = False
    entry: bytes | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The table of choice.

    Attributes:
        always: modules that every device gets.
        standard: modules that every device is asked about, each with the subtrees that show it.
        makers: the same for modules of one maker.
        devices: sysObjectID as far as it matters -> the makers' modules that such a device may have.
    """

    always: tuple[str, ...]
    standard: Mapping[str, tuple[bytes, ...]]
    makers: Mapping[str, tuple[bytes, ...]]
    devices: Mapping[bytes, tuple[str, ...]]

    def candidates(self, sys_object_id: bytes | None) -> tuple[str, ...]:
        """Return the modules to ask about; all of them where the sysObjectID is unknown."""
        entry = self.entry(sys_object_id)
        return (*self.standard, *(tuple(self.makers) if entry is None else self.devices[entry]))

    def entry(self, sys_object_id: bytes | None) -> bytes | None:
        """Return the longest entry of `devices` that a sysObjectID begins with; None for an unknown maker."""
        # an encoded OID ends on a whole number, so a prefix of octets is a prefix of numbers
        known = [prefix for prefix in self.devices if sys_object_id is not None and sys_object_id.startswith(prefix)]
        return max(known, key=len, default=None)

    def presence_oids(self, sys_object_id: bytes | None) -> tuple[bytes, ...]:
        """Return the subtrees to ask about: is there an object below?"""
        roots = (self._roots(name) for name in self.candidates(sys_object_id))
        return tuple(dict.fromkeys(root for some in roots for root in some))

    def chosen(self, sys_object_id: bytes | None, present: Collection[bytes]) -> tuple[str, ...]:
        """Return the modules to read.

        Args:
            present: those of `presence_oids` below which the device has an object.
        """
        return tuple(reason.module for reason in self.reasons(sys_object_id, present))

    def reasons(self, sys_object_id: bytes | None, present: Collection[bytes]) -> tuple[Reason, ...]:
        """Return the modules to read, each with what speaks for it; the arguments are those of `chosen`."""
        entry = self.entry(sys_object_id)
        signs = {
            name: next((root for root in self._roots(name) if root in present), None)
            for name in self.candidates(sys_object_id)
        }
        found = (
            Reason(name, sign, of_maker=True, entry=entry) if name in self.makers else Reason(name, sign)
            for name, sign in signs.items()
            if sign is not None
        )
        return (*(Reason(name) for name in self.always), *found)

    def _roots(self, name: str) -> tuple[bytes, ...]:
        return self.standard[name] if name in self.standard else self.makers[name]


@cache
def built_in() -> Choice:
    """Return the table of configs/snmp_choice.yml."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times faster, where there is one
    raw = yaml.load(resources.files("configs").joinpath(TABLE).read_text("utf-8"), Loader=loader)  # noqa: S506 - both are safe
    return Choice(
        always=tuple(raw["always"]),
        standard=_signs(raw["standard"]),
        makers=_signs(raw["makers"]),
        devices={encode_oid(prefix): tuple(names) for prefix, names in raw["devices"].items()},
    )


def _signs(raw: Mapping[str, Any]) -> dict[str, tuple[bytes, ...]]:
    return {name: tuple(encode_oid(oid) for oid in oids) for name, oids in raw.items()}
