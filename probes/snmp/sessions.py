"""From the credentials of the configuration to a session of the engine."""

from typing import Final

from agent.core.model import SnmpAuth
from probes.snmp.ber import Version
from probes.snmp.client import Peer, Session
from probes.snmp.usm import User

_VERSIONS: Final = {1: Version.V1, 2: Version.V2C, 3: Version.V3}


def auth_session(
    auth: SnmpAuth, peer: Peer, *, timeout_seconds: float = 2.0, retries: int = 2, any_source: bool = False,
    source: str | None = None, context_name: str | None = None, context_engine_id: str | None = None,
) -> Session:  # fmt: skip
    """Return how an agent is spoken to with these credentials.

    Args:
        context_name, context_engine_id: win over those of the credentials; the id is hexadecimal.
    """
    return Session(
        peer=peer,
        version=_VERSIONS[auth.version],
        community=_octets(auth.community),
        timeout_seconds=timeout_seconds,
        retries=retries,
        any_source=any_source,
        user=_user(auth, context_name, context_engine_id) if auth.version == 3 else None,
        source=source,
    )


def _user(auth: SnmpAuth, context_name: str | None, context_engine_id: str | None) -> User:
    authenticates, encrypts = auth.security_level != "noAuthNoPriv", auth.security_level == "authPriv"
    return User(
        name=_octets(auth.username),
        auth_protocol=auth.auth_protocol if authenticates else "",
        password=_octets(auth.password) if authenticates else b"",
        priv_protocol=auth.priv_protocol if encrypts else "",
        priv_password=_octets(auth.priv_password) if encrypts else b"",
        context_name=_octets(auth.context_name if context_name is None else context_name),
        context_engine_id=bytes.fromhex(auth.context_engine_id if context_engine_id is None else context_engine_id),
    )


def _octets(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
