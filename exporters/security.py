"""TLS and basic authentication by the web configuration file of Prometheus' exporters.

The format is exporter-toolkit's (https://prometheus.io/docs/prometheus/latest/configuration/https/), so that one file
serves all exporters of a host. What Python's TLS cannot do is refused, never silently left out.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import bcrypt
import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from agent.core.units import Strict

MAX_FILE_OCTETS: Final = 1 << 20
MAX_WAITING: Final = (
    32  # further checks are refused: bcrypt is slow on purpose, and must not become a queue without end
)
WRONG_KEPT: Final = 256  # wrong pairs remembered, so that a scraper with an old password costs nothing
_BCRYPT: Final = re.compile(r"\$2[abxy]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_BCRYPT_OCTETS: Final = 72  # bcrypt reads no further; the library raises where the toolkit's cuts
# Go's names of the TLS 1.2 suites that crypto/tls has, as OpenSSL calls them
_SUITES: Final = {
    f"TLS_{exchange}_WITH_{cipher}": f"{exchange.replace('_', '-')}-{name}"
    for exchange in ("ECDHE_RSA", "ECDHE_ECDSA")
    for cipher, name in {
        "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
        "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
        "CHACHA20_POLY1305": "CHACHA20-POLY1305",
        "AES_128_CBC_SHA": "AES128-SHA",
        "AES_256_CBC_SHA": "AES256-SHA",
        "AES_128_CBC_SHA256": "AES128-SHA256",
    }.items()
} | {
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
_TLS13_SUITES: Final = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


class WebConfigError(ValueError):
    """The web configuration file cannot be used; the message has one line for each reason."""


class Version(StrEnum):
    """TLS versions as the file names them."""

    TLS10 = "TLS10"
    TLS11 = "TLS11"
    TLS12 = "TLS12"
    TLS13 = "TLS13"


_VERSIONS: Final = {
    Version.TLS10: ssl.TLSVersion.TLSv1,
    Version.TLS11: ssl.TLSVersion.TLSv1_1,
    Version.TLS12: ssl.TLSVersion.TLSv1_2,
    Version.TLS13: ssl.TLSVersion.TLSv1_3,
}


class ClientAuth(StrEnum):
    """What is asked of a client's certificate."""

    NONE = "NoClientCert"
    REQUEST = "RequestClientCert"  # asked for and never looked at: the same as none
    ANY = "RequireAnyClientCert"  # Python cannot take a certificate without verifying it: refused
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRE = "RequireAndVerifyClientCert"


class TlsServer(Strict):
    """The section `tls_server_config`."""

    cert_file: Path | None = None
    key_file: Path | None = None
    client_auth_type: ClientAuth = ClientAuth.NONE
    client_ca_file: Path | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Version = Version.TLS12
    max_version: Version = Version.TLS13
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sense(self) -> "TlsServer":
        if self.cert_file is None or self.key_file is None:
            raise ValueError("cert_file and key_file are both needed")
        verifies = self.client_auth_type in {ClientAuth.IF_GIVEN, ClientAuth.REQUIRE}
        if self.client_auth_type is ClientAuth.ANY:
            raise ValueError(
                "client_auth_type RequireAnyClientCert is not possible here; use RequireAndVerifyClientCert"
            )
        if verifies != (self.client_ca_file is not None):
            raise ValueError("client_ca_file and a client_auth_type that verifies need each other")
        if self.client_allowed_sans and self.client_auth_type is not ClientAuth.REQUIRE:
            raise ValueError("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert")
        if self.curve_preferences:
            raise ValueError("curve_preferences cannot be set here; leave it out, OpenSSL's defaults are good")
        if unknown := [name for name in self.cipher_suites if name not in _SUITES and name not in _TLS13_SUITES]:
            raise ValueError(
                f"cipher_suites: unknown name {unknown[0]!r}; expected Go's names, such as {next(iter(_SUITES))}"
            )
        return self


class HttpServer(Strict):
    """The section `http_server_config`. HTTP/2 is not spoken, whatever `http2` says."""

    http2: bool = True
    headers: Mapping[str, str] = Field(default_factory=dict)


def _is_hash(value: str) -> str:
    if not _BCRYPT.fullmatch(value):
        raise ValueError("expected a bcrypt hash such as `htpasswd -nBC 10 USER` prints (it begins with $2y$)")
    return value


class WebConfig(Strict):
    """The whole file."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: Mapping[str, Annotated[str, AfterValidator(_is_hash)]] = Field(default_factory=dict, repr=False)


def load(path: Path) -> WebConfig:
    """Read the file; the paths in it are taken from its folder.

    Raises:
        WebConfigError: with every reason, each naming the file and the key.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_OCTETS + 1)
    except OSError as error:
        raise WebConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(text) > MAX_FILE_OCTETS:
        raise WebConfigError(f"{path}: larger than {MAX_FILE_OCTETS} octets: not a web configuration file")
    try:
        document = yaml.safe_load(text) or {}
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise WebConfigError(f"{where}: not YAML: {getattr(error, 'problem', None) or type(error).__name__}") from None
    try:
        config = WebConfig.model_validate(document)
    except ValidationError as error:
        raise WebConfigError("\n".join(f"{path}: {line}" for line in _reasons(error))) from None
    if config.tls_server_config is None:
        return config
    tls = config.tls_server_config
    near = {name: path.parent / value for name in _FILES if (value := getattr(tls, name)) is not None}
    return config.model_copy(update={"tls_server_config": tls.model_copy(update=near)})


_FILES: Final = ("cert_file", "key_file", "client_ca_file")


def _reasons(error: ValidationError) -> list[str]:
    reasons = []
    for item in error.errors(include_input=False, include_url=False):
        where = ".".join(str(part) for part in item["loc"]) or "the file"
        text = {"extra_forbidden": "unknown key"}.get(item["type"], item["msg"].removeprefix("Value error, "))
        reasons.append(f"{where}: {text}")
    return reasons


def tls_context(tls: TlsServer) -> ssl.SSLContext:
    """Return the server side's context.

    Raises:
        WebConfigError: naming the file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    if names := [_SUITES[name] for name in tls.cipher_suites if name in _SUITES]:
        context.set_ciphers(":".join(names))
    if tls.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    load_certificate(context, tls)
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise WebConfigError(f"{tls.client_ca_file}: no certificates could be read: {_why(error)}") from None
        required = tls.client_auth_type is ClientAuth.REQUIRE
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def load_certificate(context: ssl.SSLContext, tls: TlsServer) -> None:
    """Read certificate and key, again if need be: the connections that follow have the new one.

    Raises:
        WebConfigError: naming the files.
    """
    assert tls.cert_file is not None  # the model has checked it
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: b"")  # never ask on the terminal
    except (OSError, ssl.SSLError, ValueError) as error:
        raise WebConfigError(f"{tls.cert_file} with {tls.key_file}: cannot be used: {_why(error)}") from None


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return getattr(error, "strerror", None) or "the key is encrypted"


def allowed_san(certificate: Mapping[str, Any] | None, allowed: tuple[str, ...]) -> bool:
    """Return whether one of the certificate's alternative names (RFC 5280, 4.2.1.6) is among the allowed ones."""
    names = (certificate or {}).get("subjectAltName", ())
    return any(value in allowed for _, value in names)


class Users:
    """Knows who may come in; remembers verdicts, so that bcrypt is paid once per user and not once per scrape."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._secret: Final = secrets.token_bytes(32)
        self._waiting = 0
        self._one_at_a_time: Final = asyncio.Lock()  # a crowd of strangers must not take every core
        self.replace(users)

    def replace(self, users: Mapping[str, str]) -> None:
        """Take the users of a reloaded file and forget every verdict."""
        self._hashes = dict(users)
        self._right: dict[str, bytes] = {}
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        # an unknown user costs what a known one costs: nobody learns names from the time it takes
        cost = max((value.split("$")[2] for value in users.values()), default="10")
        self._nobody = f"$2b${cost}$" + "." * 53

    def __bool__(self) -> bool:
        """Return whether there are any, that is whether authentication is asked for."""
        return bool(self._hashes)

    async def check(self, user: str, password: str) -> bool | None:
        """Return whether the pair is right; None when too many checks wait already."""
        digest = self._digest(user, password)
        if (verdict := self._remembered(user, digest)) is not None:
            return verdict
        if self._waiting >= MAX_WAITING:
            return None
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                verdict = self._remembered(user, digest)  # the one before may have asked the same
                return await self._ask(user, password, digest) if verdict is None else verdict
        finally:
            self._waiting -= 1

    def _remembered(self, user: str, digest: bytes) -> bool | None:
        if hmac.compare_digest(self._right.get(user, b""), digest):
            return True
        return False if digest in self._wrong else None

    async def _ask(self, user: str, password: str, digest: bytes) -> bool:
        right, wrong = self._right, self._wrong  # those of this moment: a reload in between starts with empty ones
        known = self._hashes.get(user)
        matches = await asyncio.to_thread(_matches, password, known or self._nobody)
        if matches and known is not None:
            right[user] = digest
            return True
        wrong[digest] = None
        while len(wrong) > WRONG_KEPT:
            wrong.popitem(last=False)
        return False

    def _digest(self, user: str, password: str) -> bytes:
        text = f"{len(user)}:{user}:{password}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, text, hashlib.sha256).digest()


def _matches(password: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode("utf-8", "surrogatepass")[:_BCRYPT_OCTETS], hashed.encode())
    except ValueError:
        return False
