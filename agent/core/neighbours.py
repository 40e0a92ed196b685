"""Which device of the estate a name or an address that LLDP tells belongs to."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from agent.core.model import Estate, Fact, Role


class Names:
    """What each device of an estate may be called by its neighbours.

    By its name in the configuration or its sysName, with or without the domain, in any case of letters; else by an
    address at which it is measured. What several devices are called is nobody's.
    """

    def __init__(self, estate: Estate) -> None:
        """Begin with the configuration alone."""
        self._system_names: dict[str, str] = {}
        self.swap(estate)

    def swap(self, estate: Estate) -> None:
        """Take a new configuration; what is known of devices that stay is kept."""
        devices = [target for target in estate.targets.values() if target.role is Role.DEVICE]
        self._devices = tuple(target.name for target in devices)
        self._system_names = {name: kept for name, kept in self._system_names.items() if name in self._devices}
        at: dict[str, str | None] = {}
        for target in devices:
            given = {target.address, *(getattr(check.settings, "address", None) for check in target.checks)}
            for address in {plain for text in given if (plain := plain_address(text)) is not None}:
                at[address] = target.name if address not in at else None
        self._at: Mapping[str, str | None] = at
        self._known: Mapping[str, str | None] | None = None

    def hear(self, device: str, facts: Iterable[Fact]) -> None:
        """Take what a device says that its own name is."""
        for fact in facts:
            if fact.name == "system_name" and self._system_names.get(device) != fact.value:
                self._system_names[device] = str(fact.value)
                self._known = None

    def device(self, system: str, addresses: Iterable[str] = ()) -> str | None:
        """Return the device that is called so, or else has one of these addresses; None for a stranger.

        Args:
            system: a name as LLDP tells it. Of one with a domain the first part decides only where the device that is
                called so is known by no other domain.
        """
        word = system.lower()
        if self._known is None:  # worked out when it is asked for: many devices tell their names at one look
            self._known = self._learn()
        if word in self._known:
            found = self._known[word]
        else:
            short, _, domain = word.partition(".")
            found = self._known.get(short)
            if domain and found is not None and any("." in other for other in self._words(found)):
                found = None
        if found is not None:
            return found
        at = {self._at.get(plain) for text in addresses if (plain := plain_address(text)) is not None}
        return at.pop() if len(at) == 1 else None

    def at(self, address: str) -> str | None:
        """Return the device that is measured at an address; None where none is, or several are."""
        plain = plain_address(address)
        return None if plain is None else self._at.get(plain)

    def _words(self, device: str) -> set[str]:
        return {device.lower(), self._system_names.get(device, device).lower()}

    def _learn(self) -> Mapping[str, str | None]:
        known: dict[str, str | None] = {}
        for device in self._devices:
            words = self._words(device)
            for word in words | {word.partition(".")[0] for word in words}:
                known[word] = device if known.get(word, device) == device else None
        return known


def plain_address(text: object) -> str | None:
    """Return an IP address in its one usual form; None for anything else."""
    try:
        return str(ip_address(str(text).partition("%")[0]))
    except ValueError:
        return None
