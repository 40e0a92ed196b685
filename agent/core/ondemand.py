"""What is asked of the agent on demand: one poll of one device, as the query of `/snmp` says it.

The rules of the query are snmp_exporter's (its main.go and collector.go, version 0.30.1), down to the words of the
refusals: who moves a job here finds the errors that he knows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agent.core.permission import Address, Host, Permission, read_host

DEFAULT_AUTH: Final = "public_v2"
DEFAULT_MODULE: Final = "if_mib"
DEFAULT_PORT: Final = 161
_BRACKETED: Final = re.compile(r"\[([^\[\]]*)\](?::(.*))?", re.DOTALL)
_PORT: Final = re.compile(r"[0-9]{1,5}")
_SHOWN: Final = 253  # of foreign text in an answer

BEGINNING: Final = "Error during initialisation of the Worker"
CONNECTING: Final = "Error connecting to target"
SCRAPING: Final = "Error scraping target"


class OnDemandError(Exception):
    """Nothing can be given; the text is for a person and holds no secret."""


class BadQuery(OnDemandError):  # noqa: N818 - what is wrong, not where
    """The question itself is wrong: HTTP 400."""


class UnknownName(BadQuery):
    """There is no such auth or module: HTTP 400."""


class NotAllowed(OnDemandError):  # noqa: N818 - as above
    """The block `multitarget` does not allow it: HTTP 403."""


class CollectionFailed(OnDemandError):  # noqa: N818 - as above
    """The device could not be read, or not as its modules want it: HTTP 500.

    Attributes:
        doing: what was under way, as snmp_exporter calls it.
        module: the module that failed; "" where none was begun.
    """

    def __init__(self, text: str, *, doing: str = SCRAPING, module: str = "") -> None:
        super().__init__(text)
        self.doing = doing
        self.module = module


class TooMany(OnDemandError):  # noqa: N818 - as above
    """As much is under way already as may be: HTTP 503."""


@dataclass(frozen=True, slots=True)
class SnmpQuery:
    """One poll of one device; whether it may be asked for has been judged.

    Attributes:
        target: the device as the query writes it, for errors.
        address: where it is asked, and nowhere else: a name was resolved once, and this is what was allowed.
        modules: each once, in the order of the query; not empty.
        auth: name of the credentials.
        context: SNMPv3's context name; wins over that of the credentials where it is not empty.
        engine_id: SNMPv3's context engine id as the query writes it; "" for the device's own.
        timeout_seconds: after this time nobody waits for the answer any more, and the poll is cancelled.
    """

    target: str
    address: Address
    port: int
    modules: tuple[str, ...]
    auth: str
    context: str
    engine_id: str
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be asked for now; another one after each reload.

    Attributes:
        auths: all credentials that there are, by name.
        modules: all modules that there are, by name.
    """

    permission: Permission = field(default_factory=Permission)
    auths: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that was read, and not judged yet. What the attributes mean stands in `SnmpQuery`."""

    target: str
    modules: tuple[str, ...]
    auth: str
    context: str
    engine_id: str

    def judge(self, offer: Offer) -> tuple[Host, int]:
        """Check what can be known before a name is resolved; return the target's host and port.

        Raises:
            UnknownName: for an auth or a module that there is not.
            CollectionFailed: the target cannot be asked, whatever stands behind it.
            NotAllowed: with the lines that would allow it.
        """
        if self.auth not in offer.auths:
            raise UnknownName(f"Unknown auth '{self.auth}'")
        for module in self.modules:
            if module not in offer.modules:
                raise UnknownName(f"Unknown module '{module}'")
        host, port = read_target(self.target)
        if refusal := offer.permission.refusal(host, self.auth):
            raise NotAllowed(refusal)
        return host, port

    def judge_found(self, offer: Offer, name: str, addresses: Sequence[Address]) -> Address:
        """Return the address to ask out of those that the host's name was resolved to.

        Raises:
            NotAllowed: one of them may not be asked.
            CollectionFailed: there are none.
        """
        if not addresses:
            raise unresolved(name, "no such host")
        if refusal := offer.permission.refusal_of(name, addresses):
            raise NotAllowed(refusal)
        return addresses[0]

    def query(self, address: Address, port: int, timeout_seconds: float) -> SnmpQuery:
        """Return the poll that is to be made."""
        return SnmpQuery(
            self.target, address, port, self.modules, self.auth, self.context, self.engine_id, timeout_seconds
        )


def read_query(parameters: Mapping[str, Sequence[str]]) -> Asked:
    """Return what the parameters of `/snmp` ask for.

    Args:
        parameters: name -> every value that it has, decoded.

    Raises:
        BadQuery: a parameter is missing, or stands there twice.
    """
    target = _once(parameters, "target", "'target' parameter must be specified once")
    if not target:
        raise BadQuery("'target' parameter must be specified once")
    auth, context, engine_id = (
        _once(parameters, name, f"'{name}' parameter must only be specified once")
        for name in ("auth", "snmp_context", "snmp_engineid")
    )
    modules = _modules(parameters.get("module", ()))
    return Asked(target, modules, auth or DEFAULT_AUTH, context, engine_id)


def _once(parameters: Mapping[str, Sequence[str]], name: str, otherwise: str) -> str:
    values = parameters.get(name) or ("",)
    if len(values) > 1:
        raise BadQuery(otherwise)
    return values[0]


def _modules(values: Sequence[str]) -> tuple[str, ...]:
    words = [word for value in values or (DEFAULT_MODULE,) for word in value.split(",") if word]
    if not words:  # 0.30.1 answers 200 and nothing, which looks like a device without series; later versions refuse
        raise BadQuery("'module' parameter must contain at least one module name")
    return tuple(dict.fromkeys(words))


def read_target(target: str) -> tuple[Host, int]:
    """Return host and port of `HOST`, `HOST:PORT`, `IPV6`, `[IPV6]` or `[IPV6]:PORT`, with `udp://` before it or not.

    Raises:
        CollectionFailed: saying what was expected; snmp_exporter finds these faults when it scrapes, too.
    """
    transport, separator, rest = target.partition("://")
    if not separator:
        rest = target
    elif transport != "udp":
        speak = f"{_cut(transport)} is not spoken here: SNMP goes over UDP only, write the target without {transport[:20]}://"
        raise CollectionFailed(f"error connecting to target {_cut(rest)}: {speak}", doing=CONNECTING)
    port: str | None
    if found := _BRACKETED.fullmatch(rest):
        host, port = found[1], found[2]
    elif rest.count(":") == 1:
        host, port = rest.split(":")
    else:
        host, port = rest, None
    number = DEFAULT_PORT if port is None else int(port) if _PORT.fullmatch(port) else 0
    if not 1 <= number <= 65535:
        why = f"expected a port between 1 and 65535, got {_cut(port or '')!r}"
        raise CollectionFailed(f"error connecting to target {_cut(target)}: {why}", doing=BEGINNING)
    try:
        return read_host(host), number
    except ValueError as error:
        raise CollectionFailed(f"error connecting to target {_cut(target)}: {error}", doing=CONNECTING) from None


def unresolved(name: str, why: str) -> CollectionFailed:
    """Return the error for a name that has no address."""
    return CollectionFailed(f"error connecting to target {name}: lookup {name}: {why}", doing=CONNECTING)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
