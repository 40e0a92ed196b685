"""The User-based Security Model of SNMPv3: keys, digests and ciphers (RFC 3414, RFC 3826, RFC 7860).

Pure but for the random start of a salt. AES with 192 and 256 bits was never standardised; the two ways of lengthening a
key that devices use are both here: draft-blumenthal-aes-usm-04 section 3.1.2.1 (`AES192`, `AES256`: net-snmp and most)
and draft-reeder-snmpv3-usm-3desede-00 section 2.1 (`AES192C`, `AES256C`: Cisco and who follows it).
"""

import hashlib
import hmac
import itertools
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_MEBIBYTE: Final = 1 << 20  # octets of repeated password that are digested (RFC 3414 section 2.6)
_SALT_OCTETS: Final = 8
_DES_KEY_OCTETS: Final = 8
_DES_BLOCK_OCTETS: Final = 8
_AES_KEY_OCTETS: Final = {"AES": 16, "AES192": 24, "AES192C": 24, "AES256": 32, "AES256C": 32}


@dataclass(frozen=True, slots=True)
class _Digest:
    """A way to authenticate: hashlib's name, and how many octets of the MAC a message carries."""

    name: str
    octets: int


_DIGESTS: Final = {
    "MD5": _Digest("md5", 12),  # RFC 3414 section 6
    "SHA": _Digest("sha1", 12),  # RFC 3414 section 7
    "SHA224": _Digest("sha224", 16),  # RFC 7860 section 4
    "SHA256": _Digest("sha256", 24),
    "SHA384": _Digest("sha384", 32),
    "SHA512": _Digest("sha512", 48),
}
AUTH_PROTOCOLS: Final = tuple(_DIGESTS)
PRIV_PROTOCOLS: Final = ("DES", *_AES_KEY_OCTETS)


class DecryptionError(ValueError):
    """Octets that cannot have been encrypted with this protocol."""


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, and how it is protected; a protocol of "" means that there is none.

    Attributes:
        context_engine_id: whose objects are asked for, where that is not the engine that answers (a proxy).
    """

    name: bytes
    auth_protocol: str = ""
    password: bytes = field(default=b"", repr=False)
    priv_protocol: str = ""
    priv_password: bytes = field(default=b"", repr=False)
    context_name: bytes = b""
    context_engine_id: bytes = b""

    @property
    def level(self) -> str:
        """The security level in SNMP's words."""
        if not self.auth_protocol:
            return "noAuthNoPriv"
        return "authPriv" if self.priv_protocol else "authNoPriv"

    def keys(self, engine_id: bytes) -> "Keys":
        """Return what protects messages to and from this engine."""
        if not self.auth_protocol:
            return Keys("", b"", None)
        auth_key = localised_key(self.auth_protocol, self.password, engine_id)
        if not self.priv_protocol:
            return Keys(self.auth_protocol, auth_key, None)
        key = privacy_key(self.auth_protocol, self.priv_protocol, self.priv_password, engine_id)
        return Keys(self.auth_protocol, auth_key, Privacy(self.priv_protocol, key))


# ------------------------------------------------------------------ keys


@lru_cache(maxsize=1024)
def master_key(protocol: str, password: bytes) -> bytes:
    """Return the digest of a mebibyte of the password, repeated (RFC 3414 A.2: Ku). Takes milliseconds, hence kept.

    Raises:
        ValueError: for an empty password.
    """
    if not password:
        raise ValueError("a password of at least one octet expected")
    repeated = password * (_MEBIBYTE // len(password) + 1)
    return _hash(protocol, repeated[:_MEBIBYTE])


@lru_cache(maxsize=1 << 16)
def localised_key(protocol: str, password: bytes, engine_id: bytes) -> bytes:
    """Return the key of a password at one engine (RFC 3414 section 2.6: Kul).

    Raises:
        ValueError: as `master_key`.
    """
    key = master_key(protocol, password)
    return _hash(protocol, key + engine_id + key)


@lru_cache(maxsize=1 << 16)
def privacy_key(auth_protocol: str, priv_protocol: str, password: bytes, engine_id: bytes) -> bytes:
    """Return the localised key in the length that the cipher takes; DES: key and pre-IV.

    Raises:
        ValueError: as `master_key`.
    """
    key = localised_key(auth_protocol, password, engine_id)
    if priv_protocol == "DES":
        return key[: _DES_KEY_OCTETS + _DES_BLOCK_OCTETS]
    wanted = _AES_KEY_OCTETS[priv_protocol]
    while len(key) < wanted:
        if priv_protocol.endswith("C"):
            key += localised_key(auth_protocol, key, engine_id)
        else:
            key += _hash(auth_protocol, key)
    return key[:wanted]


def _hash(protocol: str, octets: bytes) -> bytes:
    return hashlib.new(_DIGESTS[protocol].name, octets, usedforsecurity=False).digest()


# ------------------------------------------------------------------ protection


class Privacy:
    """Encrypts and decrypts scoped PDUs with one localised key. Each message gets a salt that was not used before."""

    __slots__ = ("_cipher", "_counter", "_pre_iv")

    def __init__(self, protocol: str, key: bytes) -> None:
        """Take a key as `privacy_key` returns it."""
        # one key three times is single DES, which the library has no longer
        self._cipher = TripleDES(key[:_DES_KEY_OCTETS] * 3) if protocol == "DES" else AES(key)
        self._pre_iv = key[_DES_KEY_OCTETS:] if protocol == "DES" else b""
        self._counter = itertools.count(secrets.randbits(64))

    def _with(self, iv: bytes) -> Cipher[CBC | CFB]:
        return Cipher(self._cipher, CBC(iv) if self._pre_iv else CFB(iv))

    def encrypt(self, scoped: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """Return the encrypted octets and the salt that goes with them (msgPrivacyParameters)."""
        number = next(self._counter)
        if self._pre_iv:  # RFC 3414 section 8.1.1.1
            salt = boots.to_bytes(4, "big") + (number & 0xFFFFFFFF).to_bytes(4, "big")
            scoped += bytes(-len(scoped) % _DES_BLOCK_OCTETS)
        else:  # RFC 3826 section 3.1.2.1
            salt = (number & 0xFFFFFFFFFFFFFFFF).to_bytes(_SALT_OCTETS, "big")
        encryptor = self._with(self._iv(salt, boots, time)).encryptor()
        return encryptor.update(scoped) + encryptor.finalize(), salt

    def decrypt(self, octets: bytes, salt: bytes, boots: int, time: int) -> bytes:
        """Return what was encrypted; with the wrong key that is noise. DES leaves its padding behind it.

        Raises:
            DecryptionError: for a salt or a length that the protocol does not have.
        """
        if len(salt) != _SALT_OCTETS:
            raise DecryptionError(f"privacy parameters of {_SALT_OCTETS} octets expected, got {len(salt)}")
        if self._pre_iv and len(octets) % _DES_BLOCK_OCTETS:
            raise DecryptionError(f"a multiple of {_DES_BLOCK_OCTETS} encrypted octets expected, got {len(octets)}")
        decryptor = self._with(self._iv(salt, boots, time)).decryptor()
        return decryptor.update(octets) + decryptor.finalize()

    def _iv(self, salt: bytes, boots: int, time: int) -> bytes:
        if self._pre_iv:
            return bytes(one ^ other for one, other in zip(self._pre_iv, salt, strict=True))
        return boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt


@dataclass(frozen=True, slots=True)
class Keys:
    """What protects the messages of one user at one engine."""

    auth_protocol: str
    auth_key: bytes = field(repr=False)
    privacy: Privacy | None = field(repr=False)

    @property
    def mac_octets(self) -> int:
        """How long the message's authentication parameters are; 0 without authentication."""
        return _DIGESTS[self.auth_protocol].octets if self.auth_protocol else 0

    def mac(self, message: bytes) -> bytes:
        """Return the authentication parameters of a whole message that has zeroes in their place."""
        digest = _DIGESTS[self.auth_protocol]
        return hmac.digest(self.auth_key, message, digest.name)[: digest.octets]
