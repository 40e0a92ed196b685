"""The web configuration file: what it may say, how it is refused, and passwords that are checked once."""

import asyncio
import ssl
import time
from pathlib import Path

import bcrypt
import pytest

from exporters import security
from exporters.security import Users, WebConfigError, allowed_san, load, tls_context
from tests.exporters.serving import SECRET_HASH, make_certificate


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


def test_a_full_file_with_paths_beside_it(write: Path) -> None:
    write.write_text(
        "tls_server_config:\n"
        "  cert_file: server.pem\n  key_file: /etc/keys/server.key\n  min_version: TLS13\n  max_version: TLS13\n"
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
        "  client_allowed_sans: [prometheus.example]\n"
        "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: true\n"
        "http_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=31536000\n"
        f"basic_auth_users:\n  prometheus: {SECRET_HASH}\n"
    )
    config = load(write)
    assert config.tls_server_config is not None
    assert config.tls_server_config.cert_file == write.parent / "server.pem"
    assert config.tls_server_config.key_file == Path("/etc/keys/server.key")
    assert config.tls_server_config.client_ca_file == write.parent / "ca.pem"
    assert config.http_server_config.headers == {"Strict-Transport-Security": "max-age=31536000"}
    assert config.basic_auth_users == {"prometheus": SECRET_HASH}
    assert SECRET_HASH not in repr(config)


def test_an_empty_file_asks_for_nothing(write: Path) -> None:
    write.write_text("")
    assert load(write) == security.WebConfig()


_TLS = "tls_server_config:\n  cert_file: a\n  key_file: b\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "web.yml:1: not YAML"),
        ("\x00", "not YAML"),
        ("[1, 2]", "the file: Input should be"),
        ("tls_server_conf: {}", "tls_server_conf: unknown key"),
        ("tls_server_config: {cert_file: a}", "cert_file and key_file are both needed"),
        (_TLS + "  min_version: TLS14", "tls_server_config.min_version: Input should be 'TLS10'"),
        (_TLS + "  client_auth_type: RequireAnyClientCert", "use RequireAndVerifyClientCert"),
        (_TLS + "  client_auth_type: VerifyClientCertIfGiven", "client_ca_file and a client_auth_type that verifies"),
        (_TLS + "  client_ca_file: ca.pem", "client_ca_file and a client_auth_type that verifies"),
        (_TLS + "  client_allowed_sans: [a]", "client_allowed_sans needs client_auth_type"),
        (_TLS + "  curve_preferences: [CurveP256]", "curve_preferences cannot be set here"),
        (_TLS + "  cipher_suites: [AES]", "cipher_suites: unknown name 'AES'"),
        ("basic_auth_users: {ops: hunter2}", "basic_auth_users.ops: expected a bcrypt hash"),
        ("basic_auth_users: {ops: $2y$03$" + "a" * 53 + "}", "expected a bcrypt hash"),
        ("x: " + "a" * security.MAX_FILE_OCTETS, "larger than"),
    ],
)
def test_refusals_name_the_file_and_the_key(write: Path, text: str, reason: str) -> None:
    write.write_text(text)
    with pytest.raises(WebConfigError) as refused:
        load(write)
    assert reason in str(refused.value)
    assert all(line.startswith(str(write)) for line in str(refused.value).splitlines())
    assert "hunter2" not in str(refused.value)


def test_every_reason_is_told_at_once(write: Path) -> None:
    write.write_text("a: 1\nb: 2\n")
    with pytest.raises(WebConfigError) as refused:
        load(write)
    assert len(str(refused.value).splitlines()) == 2


def test_a_file_that_is_missing(write: Path) -> None:
    with pytest.raises(WebConfigError, match=r"web.yml: cannot be read: No such file"):
        load(write)


def _tls(folder: Path, more: str = "") -> security.TlsServer:
    path = folder / "web.yml"
    path.write_text(f"tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n{more}")
    tls = load(path).tls_server_config
    assert tls is not None
    return tls


def test_a_context_as_the_file_says(tmp_path: Path) -> None:
    make_certificate(tmp_path, "server")
    context = tls_context(_tls(tmp_path, "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE
    names = [cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.2"]
    assert names == ["ECDHE-ECDSA-AES256-GCM-SHA384"]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("VerifyClientCertIfGiven", ssl.CERT_OPTIONAL), ("RequireAndVerifyClientCert", ssl.CERT_REQUIRED)],
)
def test_client_certificates(tmp_path: Path, kind: str, mode: ssl.VerifyMode) -> None:
    make_certificate(tmp_path, "server")
    context = tls_context(_tls(tmp_path, f"  client_auth_type: {kind}\n  client_ca_file: server.pem\n"))
    assert context.verify_mode is mode


def test_every_named_cipher_is_known_to_openssl() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name in security._SUITES.values():
        context.set_ciphers(f"{name}:@SECLEVEL=0")


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(WebConfigError, match=r"server.pem with .*server.key: cannot be used: No such file"):
        tls_context(_tls(tmp_path))
    make_certificate(tmp_path, "server")
    (tmp_path / "ca.pem").write_text("no certificate")
    tls = _tls(tmp_path, "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n")
    with pytest.raises(WebConfigError, match=r"ca.pem: no certificates could be read"):
        tls_context(tls)
    (tmp_path / "server.key").write_text("no key")
    with pytest.raises(WebConfigError, match=r"server.key: cannot be used"):
        tls_context(tls)


@pytest.mark.parametrize(
    ("certificate", "allowed"),
    [
        (None, False),
        ({}, False),
        ({"subjectAltName": (("DNS", "a.example"),)}, False),
        ({"subjectAltName": (("IP Address", "10.0.0.1"), ("DNS", "prometheus.example"))}, True),
    ],
)
def test_alternative_names(certificate: dict[str, object] | None, allowed: bool) -> None:
    assert allowed_san(certificate, ("prometheus.example",)) is allowed


async def test_passwords() -> None:
    users = Users({"ops": SECRET_HASH})
    assert users
    assert not Users({})
    assert await users.check("ops", "secret") is True
    assert await users.check("ops", "wrong") is False
    assert await users.check("nobody", "secret") is False
    assert await users.check("ops:secret", "") is False
    assert await users.check("ops", "secret\udcff") is False
    assert await users.check("ops", "") is False


async def test_a_long_password_is_cut_as_bcrypt_cuts_it() -> None:
    long = "x" * 72
    users = Users({"ops": bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode()})
    assert await users.check("ops", long + "tail") is True


async def test_bcrypt_is_paid_once_per_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    really = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        asked.append(hashed)
        return really(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    users = Users({"ops": SECRET_HASH})
    together = await asyncio.gather(*(users.check("ops", "secret") for _ in range(5)))
    assert together == [True] * 5
    for _ in range(3):
        assert await users.check("ops", "wrong") is False
        assert await users.check("nobody", "secret") is False
    assert len(asked) == 3
    assert asked[2] != SECRET_HASH.encode(), "an unknown user is checked against a hash, too"
    users.replace({"ops": SECRET_HASH})
    assert await users.check("ops", "secret") is True
    assert len(asked) == 4


async def test_an_unknown_user_costs_what_a_known_one_costs() -> None:
    cost = 10
    users = Users({"ops": bcrypt.hashpw(b"secret", bcrypt.gensalt(cost)).decode()})
    took = {}
    for user in ("ops", "nobody"):
        began = time.thread_time(), time.perf_counter()
        await users.check(user, "wrong")
        took[user] = time.perf_counter() - began[1]
    assert 0.2 < took["nobody"] / took["ops"] < 5  # a busy machine; without the check it would be below 0.01


async def test_what_is_remembered_and_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    users = Users({"ops": SECRET_HASH})
    monkeypatch.setattr(security, "WRONG_KEPT", 3)
    for number in range(6):
        await users.check("ops", f"wrong {number}")
    assert len(users._wrong) == 3
    monkeypatch.setattr(security, "MAX_WAITING", 2)
    verdicts = await asyncio.gather(*(users.check("ops", f"other {number}") for number in range(5)))
    assert sorted(map(str, verdicts)) == ["False", "False", "None", "None", "None"]
