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
        if isinstance(attempt.error, SnmpTimeout) and not _note(attempt.error):  # its engine did not answer either
            return "the device is silent to v3"
    return ""


def _hopeless(error: SnmpError) -> bool:
    return isinstance(error, SnmpRefused | SnmpLocalError) or (isinstance(error, SnmpTimeout) and _by_router(error))


def _note(error: SnmpError) -> str:
    """Return what is known beyond the silence; "" for nothing."""
    return str(error).partition("; ")[2]


def _by_router(error: SnmpError) -> bool:
    """Return whether ICMP told why there is no answer, as `10.0.0.1 says: no route to host`."""
    return " says: " in _note(error)


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


_SILENCE_AFTER_DISCOVERY: Final = (
    "many devices drop what they cannot decrypt: is `priv_password` right, and `priv_protocol` the device's?",
    "may this user see what was asked (view, context, access list)?",
)
_CIPHERS: Final = "AES192 and AES256 come in two kinds: try AES192C or AES256C, as Cisco devices want"
_REPORTS: Final[Mapping[type[SnmpReportError], tuple[str, tuple[str, ...]]]] = {
    SnmpUnknownUser: (
        "unknown user",
        ("is the user created in this device, in the same spelling? Capitals count",
         "a device whose engine id changed has lost its users' keys: create them anew"),
    ),
    SnmpWrongDigest: (
        "wrong password or protocol",
        ("does `password` hold the authentication password, not that of privacy?",
         "is `auth_protocol` the one that the user was created with?",
         "no other password was tried for this user: devices lock users out"),
    ),
    SnmpDecryptionError: (
        "wrong privacy password or protocol",
        ("the authentication password is right: only `priv_password` or `priv_protocol` is not", _CIPHERS),
    ),
    SnmpUnsupportedLevel: (
        "unsupported security level",
        ("the user is known: was it created with passwords for that level? Set `security_level` to what it has",),
    ),
    SnmpNotInTimeWindow: (
        "outside the time window",
        ("have two devices the same engine id (a cloned configuration)? Each needs one of its own",
         "does its counter of boots stand at its end (2147483647)? Then the engine id must be set anew"),
    ),
    SnmpUnknownEngine: (
        "unknown engine",
        ("do several devices answer at this address, behind a load balancer or as a cluster?",),
    ),
}  # fmt: skip


def meaning(error: SnmpError, auth: "SnmpAuth | None" = None) -> Meaning:
    """Return what a failure means, and what to look at."""
    for kind, (headline, hints) in _REPORTS.items():
        if isinstance(error, kind):
            return Meaning(f"{headline}: {error}", hints)
    if isinstance(error, SnmpReportError):
        return Meaning(f"refused by SNMPv3: {error}")
    if isinstance(error, SnmpRefused):
        return Meaning(
            f"{error}: no SNMP agent listens there",
            ("is SNMP switched on in the device?", "is it the port that its agent listens on (161 by default)?"),
        )
    if isinstance(error, SnmpTimeout):
        return _silence(error, auth)
    if isinstance(error, SnmpLocalError):
        return Meaning(f"could not be asked: {error}", ("this host is at fault: nothing is known of the device",))
    return Meaning(f"answered, and not as it should: {error}")


def _silence(error: SnmpTimeout, auth: "SnmpAuth | None") -> Meaning:
    if _by_router(error):
        said = f"{error}: the way there is the trouble, not SNMP"
        return Meaning(said, ("is the address right, and is there a route to it?",))
    if auth is not None and auth.version == 3:
        return Meaning(str(error), _SILENCE_AFTER_DISCOVERY if _note(error) else _SILENCE_V3)
    return Meaning(f"{error}; a wrong community looks the same", _SILENCE)
