"""Which agent a question reaches, and what is said when none can answer it."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import BasicAuth, web

from agent.cli import client
from agent.cli.client import Where, places
from tests.cli.agents import Served, answering, linewarden, served
from tests.exporters.serving import make_certificate

HOME = Path("/home/eve/.local/state/linewarden")


@pytest.fixture(autouse=True)
def no_agent_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RUNTIME_DIRECTORY", "STATE_DIRECTORY", "XDG_STATE_HOME", "LINEWARDEN_CONFIG", "LINEWARDEN_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("DEFAULT_CONFIG", "SERVICE_RUNTIME", "SERVICE_STATE"):
        monkeypatch.setattr(client, name, tmp_path / "machine" / name)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("state")) as found:
        yield found


def configuration(folder: Path, state_dir: Path) -> Path:
    path = folder / "linewarden.yaml"
    path.write_text(f"agent: {{state_dir: '{state_dir}'}}\nthis: is otherwise not looked at\n")
    return path


@pytest.mark.parametrize(
    ("where", "environment", "state_dirs", "sockets"),
    [
        # the service, asked by a person
        (Where(), {}, [HOME, "/var/lib/linewarden"],
         ["/run/linewarden/control.sock", f"{HOME}/control.sock", "/var/lib/linewarden/control.sock"]),
        # within the service's own unit
        (Where(), {"RUNTIME_DIRECTORY": "/run/lw:/run/b", "STATE_DIRECTORY": "/var/lib/lw"},
         ["/var/lib/lw", "/var/lib/linewarden"],
         ["/run/lw/control.sock", "/run/linewarden/control.sock", "/var/lib/lw/control.sock",
          "/var/lib/linewarden/control.sock"]),
        # one that was started by hand is never mistaken for the service
        (Where(config=Path("mine.yaml")), {}, ["/srv/mine"], ["/srv/mine/control.sock"]),
        (Where(config=Path("plain.yaml")), {}, [HOME], [f"{HOME}/control.sock"]),
        (Where(config=Path("service.yaml")), {}, ["/var/lib/linewarden"],
         ["/run/linewarden/control.sock", "/var/lib/linewarden/control.sock"]),
        (Where(state_dir=Path("/tmp/x")), {"RUNTIME_DIRECTORY": "/run/lw"}, ["/tmp/x"], ["/tmp/x/control.sock"]),
    ],
)  # fmt: skip
def test_where_an_agent_is_looked_for(
    where: Where, environment: dict[str, str], state_dirs: list[object], sockets: list[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(client, "SERVICE_RUNTIME", Path("/run/linewarden"))
    monkeypatch.setattr(client, "SERVICE_STATE", Path("/var/lib/linewarden"))
    monkeypatch.setenv("HOME", "/home/eve")
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("agent: {state_dir: /srv/mine}\n")
    Path("plain.yaml").write_text("- not even\n- a mapping\n")
    Path("service.yaml").write_text("agent:\n  state_dir: /var/lib/linewarden\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = places(where)
    assert [str(p) for p in found[0]] == [str(p) for p in state_dirs]
    assert [str(p) for p in found[1]] == sockets


def test_by_url(agent: Served) -> None:
    result = linewarden("events", "--url", agent.url + "/", "--limit", "1")
    assert (result.exit_code, result.stderr) == (0, "(the newest 1; more with --limit)\n")
    assert "enc-sw1" in result.stdout


def test_by_the_configurations_control_socket(agent: Served, tmp_path: Path) -> None:
    config = configuration(tmp_path, agent.state_dir)
    assert linewarden("explain", "enc-crown", "--config", config).exit_code == 1
    assert linewarden("explain", "enc-crown", LINEWARDEN_CONFIG=str(config)).exit_code == 1


def test_by_the_runtime_directory(agent: Served) -> None:
    result = linewarden("outages", RUNTIME_DIRECTORY=str(agent.state_dir))
    assert (result.exit_code, result.stderr) == (0, "")


def test_without_an_agent_the_ledger_is_read(tmp_path: Path) -> None:
    with served(tmp_path):
        pass
    result = linewarden("events", "--state-dir", tmp_path)
    assert result.exit_code == 0
    assert result.stderr == f"(no agent is running; read from {tmp_path}/ledger.sqlite)\n"
    assert "enc-sw1" in result.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "ledger.sqlite",
        "ledger.sqlite.lock",
    ]  # nothing is left behind


def test_the_ledger_of_an_agent_that_was_killed(tmp_path: Path) -> None:
    with served(tmp_path):
        pass
    with socket.socket(socket.AF_UNIX) as left:  # bound, and nobody listens any more
        left.bind(str(tmp_path / "control.sock"))
    result = linewarden("outages", "--open", "--state-dir", tmp_path)
    assert result.exit_code == 1
    assert "no agent is running" in result.stderr


def test_without_an_agent_explain_needs_its_configuration(tmp_path: Path) -> None:
    with served(tmp_path):
        pass
    result = linewarden("explain", "x", "--state-dir", tmp_path)
    assert result.exit_code == 3
    assert result.stderr.startswith(
        f"Error: no agent is running (tried {tmp_path}/control.sock), and without one its configuration is needed: "
    )
    assert result.stderr.endswith("No such file or directory; name it with --config, or the agent with --url\n")


def test_neither_agent_nor_ledger(tmp_path: Path) -> None:
    result = linewarden("events", "--state-dir", tmp_path)
    assert result.exit_code == 3
    assert f"there is no ledger in {tmp_path}; name the agent with --url or --config" in result.stderr


def test_a_ledger_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database " * 500)
    result = linewarden("events", "--state-dir", tmp_path)
    assert result.exit_code == 3
    assert f"its ledger is of no use: {tmp_path}/ledger.sqlite: the ledger is damaged" in result.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "No such file or directory"), ("a: [1\n", "not YAML: while parsing"), ("a: \x01", "not YAML")],
)
def test_a_configuration_that_cannot_be_read(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "lw.yaml"
    if text is not None:
        path.write_text(text)
    result = linewarden("outages", "--config", path)
    assert result.exit_code == 2
    assert f"Error: {path}: {complaint}" in result.stderr


def test_a_target_that_is_unknown(agent: Served) -> None:
    result = linewarden("explain", "enc-crwn", "--url", agent.url)
    assert result.exit_code == 2
    assert "no target is called 'enc-crwn'; did you mean 'enc-crown'?" in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "localhost:9799", "http://", "http://[::1", "http://h:99999"])
def test_a_url_that_is_none(url: str) -> None:
    result = linewarden("events", "--url", url)
    assert result.exit_code == 2
    assert f"--url {url}: " in result.stderr


def test_nobody_listens_at_the_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = linewarden("events", "--url", f"http://user:geheim@127.0.0.1:{port}")
    assert result.exit_code == 3
    assert f"Error: http://127.0.0.1:{port}: no agent answers there" in result.stderr
    assert "geheim" not in result.stderr


@pytest.mark.parametrize(
    ("response", "code", "complaint"),
    [
        (web.Response(text="<html>"), 3, "no answer of a linewarden agent (HTTP 200 OK)"),
        (web.Response(text="[]"), 3, "no answer of a linewarden agent"),
        (web.Response(status=404, text="not found"), 3, "no answer of a linewarden agent (HTTP 404 Not Found)"),
        (web.json_response({"error": "limit: too many"}, status=400), 2, "Error: limit: too many"),
        (web.json_response({"error": "a bug"}, status=500), 3, "HTTP 500 a bug"),
        (web.json_response({"error": "who are you"}, status=401), 3, "not permitted: who are you"),
        (web.Response(status=302, headers={"Location": "https://there/"}), 2, "redirected to https://there/"),
    ],
)
def test_answers_that_are_none(response: web.Response, code: int, complaint: str) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=response.status, body=response.body, headers=response.headers)

    with answering(handler) as url:
        result = linewarden("events", "--url", url)
    assert result.exit_code == code
    assert complaint in result.stderr
    assert result.stdout == ""


def test_an_agent_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    monkeypatch.setattr(client, "_ANSWER_SECONDS", 0.2)
    with answering(handler) as url:
        result = linewarden("events", "--url", url)
    assert (result.exit_code, "no answer within" in result.stderr) == (3, True)


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(bytes(1 << 16))
        return response

    monkeypatch.setattr(client, "_MOST_OCTETS", 1 << 20)
    with answering(handler) as url:
        result = linewarden("events", "--url", url)
    assert (result.exit_code, "larger than 1 MiB" in result.stderr) == (3, True)


def test_passwords_from_the_url_the_environment_and_netrc(tmp_path: Path) -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        auth = request.headers.get("Authorization")
        seen.append(BasicAuth.decode(auth).password if auth else None)
        return web.json_response({"outages": []})

    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password of-netrc\n")
    netrc.chmod(0o600)
    with answering(handler) as url:
        linewarden("outages", "--url", url)
        linewarden("outages", "--url", url.replace("//", "//eve:of-url@"), LINEWARDEN_USER="x", LINEWARDEN_PASSWORD="y")
        linewarden("outages", "--url", url, LINEWARDEN_USER="eve", LINEWARDEN_PASSWORD="of-env")
        linewarden("outages", "--url", url, NETRC=str(netrc))
    assert seen == [None, "of-url", "of-env", "of-netrc"]


def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "self")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"outages": []})

    with answering(handler, context) as url:
        result = linewarden("outages", "--url", url)
        assert result.exit_code == 3
        assert "its certificate is not trusted" in result.stderr
        assert "name its CA in $SSL_CERT_FILE" in result.stderr
