"""Where alerts are sent: the part of the settings behind `alertmanagers:`. Secrets are read by `alerting`."""

from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from agent.config.fields import Secret, Section, Text
from agent.core.units import Duration

_MAX_URL: Final = 2000  # proxies take no longer ones
_EXPECTED: Final = "expected http://HOST:PORT or https://HOST:PORT"


def _url(value: object) -> object:
    """Take an address without a secret in it, as one spelling: it is shown in logs and metrics."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > _MAX_URL:
        raise ValueError(_EXPECTED)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{_EXPECTED}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(_EXPECTED)
    if parts.username is not None or parts.password is not None:
        raise ValueError("user and password do not belong into an address; write `basic_auth`")
    if parts.query or parts.fragment or " " in value:
        raise ValueError("expected an address without blanks, `?` and `#`")
    return value.rstrip("/")


def _address_alone(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


Url = Annotated[str, BeforeValidator(_url, json_schema_input_type=str)]


class BasicAuth(Section):
    """Name and password."""

    username: Text
    password: Secret

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if ":" in self.username:  # RFC 7617, section 2: what follows it would be the password
            raise ValueError("`username` holds a colon")
        return self


class Authorization(Section):
    """The header `Authorization: TYPE CREDENTIALS`."""

    type: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.+-]{1,64}$", description="the scheme")] = "Bearer"
    credentials: Secret


class Tls(Section):
    """How an Alertmanager's certificate is checked; files are relative to this file."""

    ca_file: Annotated[Text | None, Field(description="whom to trust instead of the system's authorities")] = None
    cert_file: Annotated[Text | None, Field(description="the agent's own certificate")] = None
    key_file: Annotated[Text | None, Field(description="its key; by default it stands in `cert_file`")] = None
    server_name: Annotated[Text | None, Field(description="the name in the certificate, if not the host's")] = None
    insecure_skip_verify: Annotated[bool, Field(description="take any certificate: whoever answers is believed")] = (
        False
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("`key_file` needs `cert_file`")
        if self.insecure_skip_verify and (self.ca_file or self.server_name):
            raise ValueError("`insecure_skip_verify` checks nothing: leave it out, or `ca_file` and `server_name`")
        return self


class Alertmanager(Section):
    """An Alertmanager that the agent tells itself (API v2); the rules of `linewarden deploy` leave those alerts out."""

    url: Annotated[Url, Field(description="http(s)://HOST:PORT with the prefix of its paths, if it has one")]
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    tls: Annotated[Tls | None, Field(description="for https")] = None
    timeout: Annotated[Duration, Field(ge=0.1, le=30, description="for one attempt")] = 5.0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.url.endswith("/api/v2/alerts"):
            raise ValueError("`url` goes without /api/v2/alerts")
        if self.basic_auth is not None and self.authorization is not None:
            raise ValueError("has `basic_auth` and `authorization`; expected one of them")
        if self.tls is not None and not self.url.startswith("https:"):
            raise ValueError("`tls` needs a `url` that begins with https://")
        return self


AnAlertmanager = Annotated[Alertmanager, BeforeValidator(_address_alone, json_schema_input_type=Alertmanager | str)]
