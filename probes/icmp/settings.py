"""How a target is to be pinged."""

import ipaddress
import re
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from agent.core.units import Dscp, Duration, Strict, format_duration

MIN_SIZE_OCTETS: Final = 16  # nonce, index and its complement: without them a reply cannot be told from a forgery
MAX_SIZE_OCTETS: Final = 65_000  # below 65,535 - 60 (IPv4 header with options) - 8
MIN_INTERVAL_SECONDS: Final = 0.01  # what the engine's ticks can space
MAX_ECHOES_PER_ROUND: Final = 3600  # a round is one array and one record of the ledger
MAX_TIMEOUT_SECONDS: Final = 60.0  # a reply after that is of no use, and pending echoes are held that long
_NAME: Final = re.compile(r"[^\s/]{1,253}")
_INTERFACE: Final = re.compile(r"[^\s/:]{1,15}")  # IFNAMSIZ is 16 with the closing NUL


class Settings(Strict):
    """ICMP echo, all the time: spacing, summary span and the look of each echo.

    Attributes:
        address: IPv4 or IPv6 address, or a name that resolves to one.
        interval: spacing of echoes.
        round: the span that one summary covers; at least one interval (and by default no less).
        timeout: after which an echo is lost in RFC 6673's sense. Silence is noticed much earlier.
        dscp: of each echo's IP header; the far end usually answers with the same.
        interface: send and receive on this interface only, whatever the routing table says.
        source: the address of this host to send from.
        size: octets of payload after the ICMP header, as in `ping -s`.
        ttl: of each echo's IP header (hop limit in IPv6).
        df: never fragment echoes, here or on the way: one that is too big for a link is refused, and says by whom.
        family: 4 or 6 where a name has addresses of both.
    """

    type: Literal["icmp"] = "icmp"
    address: str
    interval: Duration = 1.0
    round: Duration = 10.0
    timeout: Duration = 3.0
    dscp: Dscp = 0
    interface: str | None = None
    source: str | None = None
    size: Annotated[int, Field(ge=MIN_SIZE_OCTETS, le=MAX_SIZE_OCTETS)] = 56
    ttl: Annotated[int, Field(ge=1, le=255)] = 64
    df: bool = False
    family: Literal[4, 6] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_times()
        self.check_address()
        return self

    def check_address(self) -> None:
        """Raise ValueError where the address is none, or does not go with the other settings."""
        if not _NAME.fullmatch(self.address):
            raise ValueError(f"address: expected an IP address or a host name, got {self.address!r}")
        if self.interface is not None and not _INTERFACE.fullmatch(self.interface):
            raise ValueError(f"interface: expected a name of at most 15 characters, got {self.interface!r}")
        version = _version(self.address)
        if self.family and version and version != self.family:
            raise ValueError(f"family: {self.address} is an IPv{version} address, and family says {self.family}")
        if self.source is not None:
            source = _version(self.source)
            if source is None:
                raise ValueError(f"source: expected an IP address of this host, got {self.source!r}")
            if source != (version or self.family or source):
                raise ValueError(f"source: {self.source} is an IPv{source} address, and the target's is not")

    def towards(self, address: str) -> Self:
        """Return the same settings with another address, without looking at the others again.

        Raises:
            ValueError: where the address is none, or of another family than the settings allow.
        """
        other = self.model_copy(update={"address": address})
        other.check_address()
        return other

    def _check_times(self) -> None:
        if self.interval < MIN_INTERVAL_SECONDS:
            raise ValueError(
                f"interval: expected at least {format_duration(MIN_INTERVAL_SECONDS)}, got {self.interval:g} s"
            )
        if "round" not in self.model_fields_set:
            # the default gives way to a longer interval; pydantic has no other door into a frozen model's own validator
            object.__setattr__(self, "round", max(self.round, self.interval))
        if self.round < self.interval:
            raise ValueError(
                f"round: expected at least one interval ({format_duration(self.interval)}), "
                f"got {format_duration(self.round)}"
            )
        if self.round / self.interval > MAX_ECHOES_PER_ROUND:
            raise ValueError(
                f"round: expected at most {MAX_ECHOES_PER_ROUND} intervals, got {self.round / self.interval:.0f}"
            )
        if not 0 < self.timeout <= MAX_TIMEOUT_SECONDS:
            raise ValueError(f"timeout: expected more than 0 s and at most 60 s, got {self.timeout:g} s")


def _version(text: str) -> int | None:
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return None
