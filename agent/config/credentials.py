"""Secrets are read here and nowhere else; what goes wrong is told without the value."""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from agent.config.document import Document, Place
from agent.config.fields import SecretSource
from agent.config.problems import Findings, Problem
from agent.config.settings import Auth
from agent.core.model import SnmpAuth

_MAX_OCTETS: Final = 65536  # a password is shorter; a file larger than that is the wrong file
_LEAST_LETTERS: Final = 8  # RFC 3414 section 11.2


@dataclass(frozen=True, slots=True)
class Vault:
    """Where secrets come from.

    Attributes:
        base: directory of the configuration file: relative names start there.
        strict: a missing secret is an error instead of a warning.
    """

    base: Path
    environ: Mapping[str, str]
    strict: bool
    findings: Findings

    def auths(self, auths: Mapping[str, Auth], document: Document) -> dict[str, SnmpAuth]:
        """Return credentials with their secrets; one that lacks a secret has `problem` set."""
        return {name: self._auth(name, auth, document) for name, auth in auths.items()}

    def _auth(self, name: str, auth: Auth, document: Document) -> SnmpAuth:
        at: Place = ("snmp", "auths", name)
        problems: list[str] = []
        secrets: dict[str, str] = {}
        for field in ("community", "password", "priv_password"):
            source = getattr(auth, field)
            if source is None:
                continue
            place = (*at, field)
            if isinstance(source, SecretStr):
                self._plain(field, auth, document, place)
                secrets[field] = source.get_secret_value()
                continue
            value, problem = self.read(source)
            if problem:
                self.note(document.problem(place, problem))
                problems.append(f"{field}: {problem}")
            secrets[field] = value
        for problem in _weak(auth, secrets):
            self.findings.warnings.append(document.problem(at, problem))
        return SnmpAuth(
            name=name,
            version=auth.version,
            community=secrets.get("community", "public"),
            username=auth.username or "",
            security_level=auth.security_level,
            auth_protocol=auth.auth_protocol,
            password=secrets.get("password", ""),
            priv_protocol=auth.priv_protocol,
            priv_password=secrets.get("priv_password", ""),
            context_name=auth.context_name or "",
            context_engine_id=(auth.context_engine_id or "").removeprefix("0x"),
            problem="; ".join(problems) or None,
        )

    def _plain(self, field: str, auth: Auth, document: Document, place: Place) -> None:
        advice = "write {file: PATH}, {env: NAME} or {credential: NAME}"
        if field != "community":
            message = f"a v3 password must not stand in the configuration; {advice}"
            self.findings.errors.append(document.problem(place, message))
        elif auth.version == 3:
            self.findings.warnings.append(document.problem(place, "version 3 has no community; it is not used"))
        else:
            message = f"the community stands here for every reader of this file; {advice}"
            self.findings.warnings.append(document.problem(place, message))

    def read(self, source: SecretSource) -> tuple[str, str]:
        """Return the secret and "", or "" and why it cannot be had."""
        if source.env is not None:
            value = self.environ.get(source.env, "")
            return value, "" if value else f"the secret's environment variable {source.env} is not set"
        if source.credential is not None:
            directory = self.environ.get("CREDENTIALS_DIRECTORY")
            if not directory:
                return "", f"no $CREDENTIALS_DIRECTORY to read credential {source.credential!r} from (systemd sets it)"
            if Path(source.credential).name != source.credential:
                return "", f"credential {source.credential!r} is a path; expected a name as in LoadCredential=NAME:PATH"
            return _file(Path(directory) / source.credential)
        assert source.file is not None
        return _file(self.base / source.file)

    def note(self, problem: Problem) -> None:
        """Report a secret that is missing."""
        (self.findings.errors if self.strict else self.findings.warnings).append(problem)


def _file(path: Path) -> tuple[str, str]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return "", f"the secret's file {path} is no regular file"
        with path.open("rb") as stream:
            data = stream.read(_MAX_OCTETS + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        return "", f"the secret's file {path} cannot be read: {reason}"
    if len(data) > _MAX_OCTETS:
        return "", f"the secret's file {path} is larger than {_MAX_OCTETS} octets: is it the right one?"
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return "", f"the secret's file {path} is not UTF-8 text"
    return text, "" if text else f"the secret's file {path} is empty"


def _weak(auth: Auth, secrets: Mapping[str, str]) -> Iterator[str]:
    if auth.version != 3:
        unused = [word for word in ("username", "password", "priv_password") if getattr(auth, word) is not None]
        if unused:
            yield f"version {auth.version} has no {', '.join(unused)}; they are not used (version: 3?)"
        return
    for field in ("password", "priv_password"):
        if 0 < len(secrets.get(field, "")) < _LEAST_LETTERS:
            yield f"{field} is shorter than the {_LEAST_LETTERS} characters that RFC 3414 asks for; devices refuse it"
