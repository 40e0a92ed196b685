"""Where the server listens: addresses, TLS, passwords, the control socket, and what becomes of strangers."""

import asyncio
import base64
import errno
import os
import shutil
import socket
import ssl
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from agent.core.picture import Picture
from exporters import gate, server, web
from exporters.security import WebConfigError
from exporters.server import ListenError, parse_listen
from tests.exporters.pictures import healthy
from tests.exporters.serving import SECRET_HASH, asking, make_certificate, serving


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header that carries a password (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def with_users(tmp_path: Path) -> Path:
    path = tmp_path / "web.yml"
    path.write_text(f"basic_auth_users: {{ops: {SECRET_HASH}}}\n")
    return path


@pytest.fixture
def picture() -> Picture:
    return healthy(datetime.now(UTC))


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:9799", "127.0.0.1", 9799),
        ("[::1]:0", "::1", 0),
        (":80", None, 80),
        ("localhost:65535", "localhost", 65535),
    ],
)
def test_addresses(address: str, host: str | None, port: int) -> None:
    assert parse_listen(address) == (host, port)


@pytest.mark.parametrize("address", ["", "9799", "127.0.0.1", "127.0.0.1:", "a:b", "::1:80", "a:65536", "a:-1", "a:²"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ListenError, match="expected HOST:PORT"):
        parse_listen(address)


async def test_a_port_that_is_taken(picture: Picture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ListenError, match=f"cannot listen on {address}: the port is taken; stop") as refused:
            async with serving(picture, listen=address):
                pass
    assert refused.value.errno == errno.EADDRINUSE
    assert isinstance(refused.value, OSError)


@pytest.mark.parametrize(
    ("address", "reason"),
    [("192.0.2.1:0", "this host has no such address"), ("no-such-host.invalid:1", "the host name is not known")],
)
async def test_addresses_that_are_not_ours(picture: Picture, address: str, reason: str) -> None:
    with pytest.raises(ListenError, match=reason):
        async with serving(picture, listen=address):
            pass


async def test_listening_on_all_addresses(picture: Picture) -> None:
    async with serving(picture, listen=":0") as found:
        assert found.urls[0].startswith("http://127.0.0.1:")
        assert found.addresses[0].endswith("/  status page")


async def test_ipv6(picture: Picture) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this host has no IPv6 loopback")
    async with serving(picture, listen="[::1]:0") as found, asking(found) as client, client.get("/-/healthy") as answer:
        assert found.urls[0].startswith("http://[::1]:")
        assert answer.status == 200


async def test_passwords_are_asked_for(picture: Picture, with_users: Path) -> None:
    async with serving(picture, web_config=with_users) as found, asking(found) as client:
        for path in ("/", "/metrics", "/-/healthy", "/static/status.css", "/nowhere"):
            async with client.get(path) as answer:
                assert (answer.status, answer.headers["WWW-Authenticate"]) == (
                    401,
                    'Basic realm="linewarden", charset="UTF-8"',
                )
        for wrong in (
            basic("ops", "wrong"),
            basic("", ""),
            {"Authorization": "Basic !"},
            {"Authorization": "Bearer x"},
        ):
            async with client.get("/metrics", headers=wrong) as answer:
                assert answer.status == 401
        async with client.get("/metrics", headers=basic("ops", "secret")) as answer:
            assert answer.status == 200


async def test_too_many_checks_at_once(picture: Picture, with_users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporters.security.MAX_WAITING", 0)
    async with (
        serving(picture, web_config=with_users) as found,
        asking(found, basic("ops", "secret")) as client,
        client.get("/metrics") as answer,
    ):
        assert answer.status == 503


async def test_writing_without_a_password_is_refused(picture: Picture) -> None:
    async with serving(picture) as found, asking(found) as client, client.post("/-/reload") as answer:
        assert answer.status == 403
        text = await answer.text()
        assert "control socket" in text
        assert "basic_auth_users" in text


async def test_writing_with_a_password(picture: Picture, with_users: Path) -> None:
    reloads: list[int] = []

    async def reload() -> Sequence[str]:
        reloads.append(1)
        return ["linewarden.yaml:3: sites[0].nam: unknown key; did you mean 'name'?"] if len(reloads) > 1 else ()

    async with (
        serving(picture, web_config=with_users, actions=web.Actions(reload)) as found,
        asking(found, basic("ops", "secret")) as client,
    ):
        async with client.post("/-/reload") as answer:
            assert answer.status == 200
        async with client.post("/-/reload") as answer:
            assert answer.status == 400
            assert "did you mean 'name'?" in await answer.text()
        async with client.post("/-/reload", headers={"Origin": "https://evil.example"}) as answer:
            assert answer.status == 403
        async with client.post("/-/reload", headers={"Origin": found.urls[0]}) as answer:
            assert answer.status == 400
        async with client.get("/-/reload") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert len(reloads) == 3


async def test_the_control_socket(picture: Picture, tmp_path: Path, with_users: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(picture, control_socket=path, web_config=with_users) as found, asking(path) as client:
        assert found.addresses[-1] == f"{path}  control socket"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        async with client.get("/api/v1/targets") as answer:
            assert answer.status == 200
        async with client.post("/-/reload") as answer:
            assert answer.status == 200
        with pytest.raises(ListenError, match="another agent answers there"):
            async with serving(picture, listen=None, control_socket=path):
                pass
        assert path.exists(), "the one that was refused must not remove the other's socket"
    assert not path.exists()


async def test_a_stale_socket_is_replaced_and_another_file_is_not(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with (
        serving(picture, listen=None, control_socket=path),
        asking(path) as client,
        client.get("/-/ready") as answer,
    ):
        assert answer.status == 200
    path.write_text("precious")
    with pytest.raises(ListenError, match="a file that is no socket stands there"):
        async with serving(picture, listen=None, control_socket=path):
            pass
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", ["missing/control.sock", "x" * 120])
async def test_a_socket_that_cannot_be_made(picture: Picture, tmp_path: Path, name: str) -> None:
    with pytest.raises(ListenError, match="cannot make the control socket"):
        async with serving(picture, listen=None, control_socket=tmp_path / name):
            pass


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
async def test_tls_and_a_renewed_certificate(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config: {cert_file: server.pem, key_file: server.key}\n")
    make_certificate(tmp_path, "server")
    async with serving(picture, web_config=path) as found:
        assert found.urls[0].startswith("https://")
        await _get(found, _trusting(tmp_path / "server.pem"))
        old = _trusting(tmp_path / "server.pem")
        make_certificate(tmp_path, "server")
        assert await found.refresh() == []
        await _get(found, _trusting(tmp_path / "server.pem"))
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await _get(found, old)
        (tmp_path / "server.key").write_text("broken")
        assert "cannot be used" in (await found.refresh())[0]
        await _get(found, _trusting(tmp_path / "server.pem"))
        path.write_text("{}")
        assert await found.refresh() == [f"{path}: switching TLS on or off needs a restart"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
async def test_client_certificates_and_their_names(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text(
        "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem, "
        "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [prometheus.example]}\n"
    )
    make_certificate(tmp_path, "server")
    make_certificate(tmp_path, "ca")
    good = make_certificate(tmp_path, "good", issuer="ca", san="DNS:prometheus.example")
    other = make_certificate(tmp_path, "other", issuer="ca", san="DNS:other.example")
    async with serving(picture, web_config=path) as found:
        for pair, status in ((good, 200), (other, 403)):
            context = _trusting(tmp_path / "server.pem")
            context.load_cert_chain(*pair)
            assert await _get(found, context) == status
        with pytest.raises((aiohttp.ClientError, OSError)):
            await _get(found, _trusting(tmp_path / "server.pem"))


async def test_refresh_takes_users_and_headers(picture: Picture, with_users: Path) -> None:
    async with serving(picture, web_config=with_users) as found, asking(found, basic("ops", "secret")) as client:
        async with client.get("/-/healthy") as answer:
            assert answer.status == 200
        _write(with_users, "basic_auth_users: {ops: nonsense}")
        assert "bcrypt" in (await found.refresh())[0]
        async with client.get("/-/healthy") as answer:
            assert answer.status == 200
        _write(
            with_users,
            f"basic_auth_users: {{new: {SECRET_HASH}}}\n"
            "http_server_config: {headers: {X-Frame-Options: SAMEORIGIN}}\n",
        )
        assert await found.refresh() == []
        async with client.get("/-/healthy") as answer:
            assert (answer.status, answer.headers["X-Frame-Options"]) == (401, "SAMEORIGIN")
    async with serving(picture) as found:
        assert await found.refresh() == []


async def test_a_web_configuration_that_cannot_be_used(picture: Picture, tmp_path: Path) -> None:
    with pytest.raises(WebConfigError, match="cannot be read"):
        async with serving(picture, web_config=tmp_path / "missing.yml", control_socket=tmp_path / "control.sock"):
            pass
    assert not (tmp_path / "control.sock").exists()


async def test_connections_are_bounded(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    async with serving(picture) as found:
        host, port = found.urls[0].removeprefix("http://").split(":")
        pairs = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        for reader, writer in pairs:
            writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readline()
        reader, writer = await asyncio.open_connection(host, int(port))
        assert await asyncio.wait_for(reader.read(), 10) == b""
        for _, each in [*pairs, (reader, writer)]:
            each.close()
            await each.wait_closed()


async def test_a_client_that_reads_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "RESPONSE_SECONDS", 0.5)
    picture = healthy(datetime.now(UTC))
    async with serving(picture) as found:
        host, port = found.urls[0].removeprefix("http://").split(":")
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (host, int(port)))
        await loop.sock_sendall(sock, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
        with sock:
            for _ in range(200):
                await asyncio.sleep(0.05)
                if not found.connections:
                    break
            assert not found.connections


async def test_garbage_and_large_requests(picture: Picture) -> None:
    async with serving(picture) as found:
        host, port = found.urls[0].removeprefix("http://").split(":")
        for text in (
            b"\x16\x03\x01\x00\xff" * 20 + b"\r\n\r\n",
            b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(text)
            assert b" 400 " in await asyncio.wait_for(reader.readline(), 10)
            writer.close()
            await writer.wait_closed()
        async with asking(found) as client, client.get("/-/healthy") as answer:
            assert answer.status == 200


async def test_a_socket_of_a_group(picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "control.sock"
    group = os.getgid()
    monkeypatch.setattr("grp.getgrnam", lambda _: type("Group", (), {"gr_gid": group}))
    async with serving(picture, listen=None, control_socket=path):
        assert path.stat().st_gid == group


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


async def _get(found: web.Server, context: ssl.SSLContext) -> int:
    async with (
        aiohttp.ClientSession(found.urls[0]) as client,
        client.get("/-/healthy", ssl=context) as answer,
    ):
        return answer.status
