"""Which credentials a device takes: in what order they are tried, when that ends, and what a failure means.

Decides only; whoever calls sends the packets.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from probes.snmp.errors import (
    SnmpDecryptionError,
    SnmpError,
    SnmpLocalError,
    SnmpNotInTimeWindow,
    SnmpRefused,
    SnmpReportError,
    SnmpTimeout,
    SnmpUnknownEngine,
    SnmpUnknownUser,
    SnmpUnsupportedLevel,
    SnmpWrongDigest,
)

if TYPE_CHECKING:
    from agent.core.model import SnmpAuth

# v3 first: what it sends tells a listener no secret, and its agent says at once what is wrong
_RANK: Final = {3: 0, 2: 1, 1: 2}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one auth.

    Attributes:
        error: why it was not taken; None when the device answered.
        skipped: why it was not tried; "" when it was.
    """

    auth: "SnmpAuth"
    error: SnmpError | None = None
    skipped: str = ""

    @property
    def answered(self) -> bool:
        """Whether the device took it."""
        return self.error is None and not self.skipped


def version_name(auth: "SnmpAuth") -> str:
    """Return v1, v2c or v3."""
    return {1: "v1", 2: "v2c"}.get(auth.version, f"v{auth.version}")


def ordered(auths: Mapping[str, "SnmpAuth"], own: str | None = None) -> list["SnmpAuth"]:
    """Return auths in the order of trying: the device's own, then v3, v2c, v1; each pair of version and secret once.

    Args:
        own: the auth that the configuration names for this device.
    """
    ranked = sorted(auths.values(), key=lambda auth: (auth.name != own, _RANK.get(auth.version, 3)))
    out: dict[object, SnmpAuth] = {}
    for auth in ranked:
        secret = (auth.version, auth.community) if auth.version != 3 else (
            3, auth.username, auth.security_level, auth.auth_protocol, auth.password, auth.priv_protocol,
            auth.priv_password, auth.context_name,
        )  # fmt: skip
        out.setdefault((secret, auth.problem), auth)
    return list(out.values())


async def search(
    auths: list["SnmpAuth"],
    ask: Callable[["SnmpAuth"], Awaitable[None]],
    tell: Callable[[Attempt], None] = lambda _: None,
) -> list[Attempt]:
    """Try auths one after the other until one is answered; return what became of each.

    Nobody is locked out: after one wrong password no other is tried for that user. What no other auth can mend (nobody
    listens, no way there, this host's own trouble) ends the search, and a device that is silent to v3 is not asked for
    v3 again.

    Args:
        ask: sends one small request; raises SnmpError when it is not answered well.
        tell: told of each attempt when it is over.
    """
    attempts: list[Attempt] = []
    for auth in auths:
        skipped = _why_not(auth, attempts)
        error: SnmpError | None = None
        if not skipped:
            try:
                await ask(auth)
            except SnmpError as raised:
                error = raised
        attempts.append(Attempt(auth, error, skipped))
        tell(attempts[-1])
        if attempts[-1].answered or (error is not None and _hopeless(error)):
            break
    return attempts


def _why_not(auth: "SnmpAuth", before: list[Attempt]) -> str:
    if auth.problem:
        return f"it cannot be used: {auth.problem}"
    if auth.version != 3:
        return ""
    for attempt in before:
        if attempt.auth.version != 3:
            continue
        if isinstance(attempt.error, SnmpWrongDigest) and attempt.auth.username == auth.username:
            return f"a second wrong password could lock the user {auth.username!r} out"
        if isinstance(attempt.error, SnmpTimeout):
            return "the device is silent to v3"
    return ""


def _hopeless(error: SnmpError) -> bool:
    return isinstance(error, SnmpRefused | SnmpLocalError) or (isinstance(error, SnmpTimeout) and bool(_path(error)))


def _path(error: SnmpError) -> str:
    """Return what a router says of the way there; "" where nobody says anything."""
    return str(error).partition("; ")[2]


# ------------------------------------------------------------------ what it means


@dataclass(frozen=True, slots=True)
class Meaning:
    """A failure in the words of whoever has to mend it."""

    said: str
    hints: tuple[str, ...] = ()


_SILENCE: Final = (
    "a wrong community is answered by silence: is it the one that the device has?",
    "does the device allow this host's address (access list, view)?",
    "is its SNMP agent running, and does no firewall drop UDP to this port?",
    "does it take SNMPv3 alone? Then its auth (version: 3) stands in the configuration",
)
_SILENCE_V3: Final = (
    "an SNMPv3 agent answers even a user that it does not know: this is no wrong password",
    "is SNMPv3 enabled there, and does the device allow this host's address?",
    "does no firewall drop UDP to this port?",
)


def meaning(error: SnmpError, auth: "SnmpAuth | None" = None) -> Meaning:
    """Return what a failure means, and what to look at."""
    if isinstance(error, SnmpReportError):
        return _report(error, auth)
    if isinstance(error, SnmpRefused):
        return Meaning(
            f"{error}: no SNMP agent listens there",
            ("is SNMP switched on in the device?", "is it the port that its agent listens on (161 by default)?"),
        )
    if isinstance(error, SnmpTimeout):
        if _path(error):
            return Meaning(f"{error}: the way there is the trouble, not SNMP",
                           ("is the address right, and is there a route to it?",))  # fmt: skip
        if auth is not None and auth.version == 3:
            return Meaning(str(error), _SILENCE_V3)
        return Meaning(f"{error}; a wrong community looks the same", _SILENCE)
    if isinstance(error, SnmpLocalError):
        return Meaning(f"could not be asked: {error}", ("this host is at fault: nothing is known of the device",))
    return Meaning(f"answered, and not as it should: {error}")


def _report(error: SnmpReportError, auth: "SnmpAuth | None") -> Meaning:
    user = repr(auth.username) if auth is not None else "that was given"
    level = auth.security_level if auth is not None else "that was asked"
    protocol = f" ({auth.auth_protocol})" if auth is not None and auth.auth_protocol else ""
    cipher = f" ({auth.priv_protocol})" if auth is not None and auth.priv_protocol else ""
    told = {
        SnmpUnknownUser: Meaning(
            f"the device has no user {user} ({error})",
            ("is the user created in this device, in the same spelling? Capitals count",
             "a device whose engine id changed has lost its users' keys: create them anew"),
        ),
        SnmpWrongDigest: Meaning(
            f"wrong authentication password or protocol{protocol} for the user {user} ({error})",
            ("does `password` hold the authentication password, not that of privacy?",
             "is `auth_protocol` the one that the user was created with?",
             "no other password was tried for this user: devices lock users out"),
        ),
        SnmpDecryptionError: Meaning(
            f"wrong privacy password or protocol{cipher} for the user {user} ({error})",
            ("the authentication password is right: only `priv_password` or `priv_protocol` is not",
             "AES192 and AES256 come in two kinds: try AES192C or AES256C, as Cisco devices want"),
        ),
        SnmpUnsupportedLevel: Meaning(
            f"the device knows the user {user}, and not with the security level {level} ({error})",
            ("was the user created with passwords for that level? Set `security_level` to what it has",),
        ),
        SnmpNotInTimeWindow: Meaning(
            f"the device refuses its own time, also after a resynchronisation ({error})",
            ("have two devices the same engine id (a cloned configuration)? Each needs one of its own",
             "does its counter of boots stand at its end (2147483647)? Then the engine id must be set anew"),
        ),
        SnmpUnknownEngine: Meaning(
            f"the device does not know the engine id that it told itself ({error})",
            ("do several devices answer at this address, behind a load balancer or a cluster?",),
        ),
    }  # fmt: skip
    for kind, found in told.items():
        if isinstance(error, kind):
            return found
    return Meaning(f"the device's SNMPv3 refuses the request: {error}")
