"""From `alertmanagers:` as written to what the agent tells: secrets read, files found, certificates that work."""

import base64
import re
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from agent.config.credentials import Vault
from agent.config.document import Document, Place
from agent.config.fields import SecretSource
from agent.config.globs import is_file
from agent.config.problems import Problem
from agent.config.receivers import Alertmanager as Written
from agent.config.receivers import Tls
from agent.core.alerting import Alertmanager

_ADVICE: Final = "write {file: PATH}, {env: NAME} or {credential: NAME}"


def alertmanagers(written: tuple[Written, ...], main: Document, vault: Vault) -> tuple[Alertmanager, ...]:
    """Return what is to be told; what is wrong goes to the vault's findings."""
    found = []
    seen: dict[str, int] = {}
    for number, one in enumerate(written):
        at: Place = ("alertmanagers", number)
        if one.url in seen:
            vault.findings.errors.append(
                main.problem(at, f"{one.url} is told by alertmanagers[{seen[one.url]}] already")
            )
        seen.setdefault(one.url, number)
        found.append(_alertmanager(one, main, at, vault))
    return tuple(found)


def _alertmanager(one: Written, main: Document, at: Place, vault: Vault) -> Alertmanager:
    header, problem = "", None
    if one.basic_auth is not None:
        secret, problem = _secret(one.basic_auth.password, main, (*at, "basic_auth", "password"), vault)
        header = "Basic " + base64.b64encode(f"{one.basic_auth.username}:{secret}".encode()).decode()
    elif one.authorization is not None:
        secret, problem = _secret(one.authorization.credentials, main, (*at, "authorization", "credentials"), vault)
        header = f"{one.authorization.type} {secret}"
    if header and one.url.startswith("http:") and not _is_this_host(one.url):
        message = "the password is sent in the clear: use https, or who listens on the way has it"
        vault.findings.warnings.append(main.problem((*at, "url"), message))
    tls = one.tls or Tls()
    if tls.insecure_skip_verify:
        message = "no certificate is checked: whoever answers at this address takes the pages; better name `ca_file`"
        vault.findings.warnings.append(main.problem((*at, "tls", "insecure_skip_verify"), message))
    base = main.file.parent
    files = {name: base / value for name in ("ca_file", "cert_file", "key_file") if (value := getattr(tls, name))}
    vault.findings.errors.extend(_bad_files(files, main, (*at, "tls")))
    return Alertmanager(
        url=one.url,
        timeout_seconds=one.timeout,
        authorization="" if problem else header,
        ca_file=files.get("ca_file"),
        cert_file=files.get("cert_file"),
        key_file=files.get("key_file"),
        server_name=tls.server_name,
        verify=not tls.insecure_skip_verify,
        problem=problem,
    )


def _secret(source: SecretSource | SecretStr, main: Document, place: Place, vault: Vault) -> tuple[str, str | None]:
    """Return the secret and why it cannot be used; one that is written plainly is an error."""
    if isinstance(source, SecretStr):
        vault.findings.errors.append(main.problem(place, f"a secret must not stand in the configuration; {_ADVICE}"))
        return "", "its secret stands in the configuration"
    value, problem = vault.read(source)
    if not problem and not value.isprintable():
        problem = "the secret holds a line break or another character that no header can carry"
    if problem:
        vault.note(main.problem(place, problem))
    return value, problem or None


def _bad_files(files: dict[str, Path], main: Document, at: Place) -> Iterator[Problem]:
    missing = {name: file for name, file in files.items() if not is_file(file)}
    for name, file in missing.items():
        yield main.problem((*at, name), f"there is no file {file}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if "ca_file" in files and "ca_file" not in missing:
        try:
            context.load_verify_locations(cafile=files["ca_file"])
        except OSError as error:
            yield main.problem(
                (*at, "ca_file"), f"{files['ca_file']} holds no certificate that can be read: {_reason(error)}"
            )
    if "cert_file" in files and not missing:
        try:
            context.load_cert_chain(files["cert_file"], files.get("key_file"), password="")
        except (OSError, ValueError) as error:
            message = f"certificate and key cannot be used together: {_reason(error)}"
            yield main.problem((*at, "cert_file"), message)


def _reason(error: Exception) -> str:
    text = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return re.sub(r" \(_ssl\.c:\d+\)$", "", text)


def _is_this_host(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
