"""Telling Alertmanagers: real ones, ones that are down, and servers that are anything but an Alertmanager."""

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import encode_basic_auth, web

from agent.core.alerting import Alertmanager
from agent.core.model import Estate, Page, Role, State, Target, Urgency, Verdict
from agent.core.picture import Picture
from exporters import alertmanager as push_module
from exporters.alertmanager import Push
from exporters.alertmanager_memory import FILE_NAME
from exporters.alertmanager_peer import Pace
from exporters.security import TlsServer, tls_context
from tests.exporters.serving import make_certificate
from tests.lab.alertmanager import BINARY, Notification, alertmanager, free_port, lab_configuration, webhook_receiver
from tests.waiting import until

needs_alertmanager: Final = pytest.mark.skipif(
    BINARY is None, reason="no Alertmanager: apt-get install prometheus-alertmanager"
)
LOG: Final = "exporters.alertmanager_peer"
QUICK: Final = Pace(resend_seconds=0.5, first_retry_seconds=0.05)
PATIENT: Final = Pace(resend_seconds=3600.0, first_retry_seconds=0.05)  # what is sent was news, or a retry
LONG_AGO: Final = timedelta(hours=1)


class Estates:
    """A picture of three circuits, each up or down."""

    NAMES: Final = ("c1", "c2", "c3")

    def __init__(self) -> None:
        now = datetime.now(UTC)
        targets = {n: Target(n, Role.CIRCUIT, "circuit", n, urgency=Urgency.NOW) for n in self.NAMES}
        self.picture = Picture(Estate("dc1", targets), now - LONG_AGO, now - LONG_AGO)

    def say(self, push: Push, **states: str) -> None:
        """Let circuits be `up`, `down` or `unknown`, and tell it as the board does."""
        now = datetime.now(UTC)
        for name, state in states.items():
            self.picture.verdicts[name] = Verdict(State(state), now)
        self.picture.pages = tuple(
            Page("CircuitDown", name, "critical", verdict.since or now, f"{name} is down", "Report it.",
                 {"alertname": "CircuitDown", "target": name, "severity": "critical"})
            for name, verdict in self.picture.verdicts.items() if verdict.state is State.DOWN
        )  # fmt: skip
        push.changed()


@asynccontextmanager
async def pushing(
    tmp_path: Path, *told: Alertmanager, pace: Pace = QUICK, estate: Estates | None = None
) -> AsyncIterator[tuple[Push, Estates]]:
    """Run the push; a block that ends is a kill: nothing is said or written at the end."""
    estate = estate or Estates()
    push = Push(estate.picture, tmp_path / FILE_NAME, pace=pace)
    push.configure(told, source="http://dc1:9799", runbooks="https://wiki.example/lw")
    task = asyncio.create_task(push.run())
    try:
        yield push, estate
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Server:
    """Whatever answers at an address; remembers what it was sent."""

    def __init__(self) -> None:
        self.posts: list[list[dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[], web.StreamResponse] = web.Response
        self.hang = False
        self.url = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        assert request.path == "/api/v2/alerts"
        self.headers.append(dict(request.headers))
        self.posts.append(await request.json())
        if self.hang:
            await asyncio.sleep(3600)
        return self.answer()

    def told(self) -> list[str]:
        """Return what the last post said, one word for each alert: `firing c1`, `over c1`."""
        now = datetime.now(UTC)
        return sorted(
            f"{'over' if datetime.fromisoformat(a['endsAt']) <= now else 'firing'} {a['labels']['target']}"
            for a in (self.posts[-1] if self.posts else [])
        )


@asynccontextmanager
async def answering(port: int = 0, tls: TlsServer | None = None) -> AsyncIterator[Server]:
    server = Server()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/{any:.*}", server.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls_context(tls) if tls else None).start()
        server.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


# ------------------------------------------------------------------ real Alertmanagers


def names(sent: Sequence[Notification]) -> list[str]:
    return [name for n in sent for name in n.names()]


@needs_alertmanager
async def test_a_real_one_notifies_once_and_hears_of_the_end(tmp_path: Path) -> None:
    with webhook_receiver() as receiver, alertmanager(tmp_path, lab_configuration(receiver.url, group_wait="0s")) as am:
        async with pushing(tmp_path, Alertmanager(f"http://{am.address}")) as (push, estate):
            key = (f"http://{am.address}",)
            await until(lambda: push.counts.ok.get(key) == 1)  # an empty word is taken, too
            estate.say(push, c1="down", c2="up")
            await asyncio.to_thread(receiver.wait_for, lambda sent: len(sent) == 1, 20)
            (held,) = am.alerts()
            assert held["generatorURL"] == "http://dc1:9799"
            assert held["annotations"] == {
                "summary": "c1 is down", "description": "Report it.", "runbook_url": "https://wiki.example/lw/CircuitDown",
            }  # fmt: skip
            assert timedelta(minutes=9) < datetime.fromisoformat(held["endsAt"]) - datetime.now(UTC)
            sent = push.counts.sent[key]
            await until(lambda: push.counts.sent[key] > sent + 3)  # resent, and no second page
            estate.say(push, c1="unknown")
            sent = push.counts.sent[key]
            await until(lambda: push.counts.sent[key] > sent + 2)
            assert push.firing == 1
            assert names(receiver.sent()) == ["firing CircuitDown c1"]
            estate.say(push, c1="up")
            await asyncio.to_thread(receiver.wait_for, lambda sent: len(sent) == 2, 20)
            sent = push.counts.sent[key]
            await until(lambda: push.counts.sent[key] > sent + 2)
            assert names(receiver.sent()) == ["firing CircuitDown c1", "resolved CircuitDown c1"]
            assert push.counts.failures[key] == 0


@needs_alertmanager
async def test_an_alertmanager_that_was_restarted_pages_nothing_twice(tmp_path: Path) -> None:
    with webhook_receiver() as receiver, alertmanager(tmp_path, lab_configuration(receiver.url, group_wait="0s")) as am:
        async with pushing(tmp_path, Alertmanager(f"http://{am.address}")) as (push, estate):
            key = (f"http://{am.address}",)
            estate.say(push, c1="down", c2="down")
            await asyncio.to_thread(receiver.wait_for, lambda sent: len(sent) == 2, 20)
            sent = push.counts.sent[key]
            await until(lambda: push.counts.sent[key] > sent + 6)  # it has written down by now that it has notified
            await asyncio.to_thread(am.stop)
            await until(lambda: push.counts.ok[key] == 0)
            estate.say(push, c2="up", c3="down")  # one ends and one begins while it is away
            await asyncio.to_thread(am.start)
            await asyncio.to_thread(receiver.wait_for, lambda sent: {"firing CircuitDown c3"} <= set(names(sent)), 20)
            sent = push.counts.sent[key]
            await until(lambda: push.counts.sent[key] > sent + 6)
            await asyncio.to_thread(receiver.wait_for, lambda sent: "resolved CircuitDown c2" in names(sent), 20)
            assert names(receiver.sent()).count("firing CircuitDown c1") == 1
            assert names(receiver.sent()).count("firing CircuitDown c2") == 1
            assert names(receiver.sent()).count("firing CircuitDown c3") == 1
            assert "resolved CircuitDown c1" not in names(receiver.sent())


@needs_alertmanager
async def test_one_that_is_down_delays_no_other_and_hears_what_is_true_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    port = free_port()
    away = Alertmanager(f"http://127.0.0.1:{port}")
    with webhook_receiver() as receiver, alertmanager(tmp_path, lab_configuration(receiver.url, group_wait="0s")) as am:
        async with pushing(tmp_path, away, Alertmanager(f"http://{am.address}")) as (push, estate):
            estate.say(push, c1="down", c2="down")
            await asyncio.to_thread(receiver.wait_for, lambda sent: len(sent) == 2, 20)
            await until(lambda: push.counts.failures[away.url,] > 3)
            assert push.counts.ok == {(away.url,): 0, (f"http://{am.address}",): 1}
            assert away.url not in {url for (url,) in push.counts.last_success}
            estate.say(push, c2="up")
            async with answering(port) as server:
                await until(lambda: server.told() == ["firing c1", "over c2"])
                await until(lambda: push.counts.ok[away.url,] == 1)
    lines = [record.getMessage() for record in caplog.records if record.name == LOG]
    assert lines[0] == f"Alertmanager {away.url} cannot be told: no connection: Connection refused"
    assert re.fullmatch(rf"Alertmanager {away.url} is told again, after \d+ failed attempts", lines[1])
    assert len([line for line in lines if away.url in line]) in (2, 3)  # the third: the server of this test is gone


# ------------------------------------------------------------------ a restart of the agent


@needs_alertmanager
async def test_a_restart_in_the_middle_sends_nothing_twice_and_ends_what_ended_meanwhile(tmp_path: Path) -> None:
    with webhook_receiver() as receiver, alertmanager(tmp_path, lab_configuration(receiver.url, group_wait="0s")) as am:
        told = Alertmanager(f"http://{am.address}")
        async with pushing(tmp_path, told) as (push, estate):
            estate.say(push, c1="down", c2="down")
            await asyncio.to_thread(receiver.wait_for, lambda sent: len(sent) == 2, 20)
            await until((tmp_path / FILE_NAME).exists)
        estate = Estates()
        estate.picture.started_at = datetime.now(UTC)
        estate.picture.verdicts["c1"] = Verdict(State.UNKNOWN)  # nothing is measured yet, and nothing is due
        async with pushing(tmp_path, told, estate=estate) as (push, _):
            await until(lambda: push.counts.sent[told.url,] > 5)
            assert push.firing == 2
            assert sorted(names(receiver.sent())) == ["firing CircuitDown c1", "firing CircuitDown c2"]
            estate.say(push, c1="up", c2="unknown")
            await asyncio.to_thread(receiver.wait_for, lambda sent: len(sent) == 3, 20)
            assert names(receiver.sent())[2] == "resolved CircuitDown c1"
            assert push.firing == 1


async def test_a_memory_that_cannot_be_used_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE_NAME).write_text("garbage")
    async with answering() as server, pushing(tmp_path, Alertmanager(server.url)) as (push, estate):
        estate.say(push, c1="down")
        await until(lambda: server.told() == ["firing c1"])
    assert "which alerts were told before is not known" in caplog.text


async def test_a_disk_that_fails_is_told_once_and_pages_leave(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with answering() as server, pushing(tmp_path / "nowhere", Alertmanager(server.url)) as (push, estate):
        for number in range(1, 4):
            estate.say(push, c1="down" if number % 2 else "up")
            await until(lambda: len(server.posts) > 1 and server.told() != [], 20)
            posts = len(server.posts)
            await until(lambda posts=posts: len(server.posts) > posts + 1)  # type: ignore[misc]
    assert caplog.text.count("cannot be kept over a restart") == 1


async def test_where_nothing_was_told_there_is_no_file(tmp_path: Path) -> None:
    async with answering() as server, pushing(tmp_path, Alertmanager(server.url)) as (_, _):
        await until(lambda: len(server.posts) > 2)
    assert server.posts[-1] == [], "an empty word: the way is open"
    assert not (tmp_path / FILE_NAME).exists()


# ------------------------------------------------------------------ what is no Alertmanager, or does not want


async def refusing(kind: str, port: int) -> asyncio.Server:
    """Serve TCP that is not HTTP as it should be."""

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read(100)
            if kind == "garbage":
                writer.write(b"\x00\xff\x1b[31m220 mail.example ESMTP\r\n\r\n" * 10)
            elif kind == "endless header":
                for _ in range(200):
                    writer.write(b"X" * 100_000)
                    await writer.drain()
            elif kind == "endless body":
                writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 99999999\r\n\r\n")
                for _ in range(200):
                    writer.write(b"X" * 100_000)
                    await writer.drain()
        writer.close()

    return await asyncio.start_server(garbage, "127.0.0.1", port)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("garbage", "no HTTP answer: "),
        ("endless header", "no HTTP answer: "),
        ("endless body", "HTTP 500: XXXX"),
        ("nothing", "it hung up without an answer"),
    ],
)
async def test_what_does_not_speak_http_is_a_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, said: str
) -> None:
    port = free_port()
    server = await refusing(kind, port)
    told = Alertmanager(f"http://127.0.0.1:{port}")
    async with server, answering() as good, pushing(tmp_path, told, Alertmanager(good.url)) as (push, estate):
        estate.say(push, c1="down")
        await until(lambda: push.counts.failures[told.url,] > 2)
        await until(lambda: good.told() == ["firing c1"])
    lines = [record.getMessage() for record in caplog.records if record.name == LOG]
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"Alertmanager {told.url} cannot be told: {said}")
    assert len(lines[0]) < 400
    assert lines[0].isprintable()


def html() -> web.StreamResponse:
    return web.Response(text="<html>Please sign in</html>", content_type="text/html")


def moved() -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "https://sso.example/"})


def failed() -> web.StreamResponse:
    return web.Response(status=500, text="oh\x1b[31m no\n" * 1000)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (html, "it answers with a web page: is this an Alertmanager?"),
        (moved, "HTTP 302"),
        (failed, "HTTP 500: oh [31m no oh"),
        (lambda: web.Response(status=401), "HTTP 401"),
    ],
)
async def test_what_refuses_is_asked_again_until_it_takes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Callable[[], web.StreamResponse], said: str
) -> None:
    caplog.set_level(logging.INFO, LOG)
    async with answering() as server, pushing(tmp_path, Alertmanager(server.url), pace=PATIENT) as (push, estate):
        server.answer = answer
        await until(lambda: push.counts.ok.get((server.url,)) == 0)
        estate.say(push, c1="down")
        await until(lambda: server.told() == ["firing c1"])
        server.answer = web.Response
        await until(lambda: push.counts.ok[server.url,] == 1)
        assert push.counts.sent[server.url,] == 1, "what was refused is not counted as sent"
    lines = [record.getMessage() for record in caplog.records if record.name == LOG]
    assert lines[0].startswith(f"Alertmanager {server.url} cannot be told: {said}")
    assert lines[0].isprintable()
    assert len(lines) == 2


async def test_one_that_never_answers_is_given_up_and_delays_no_other(tmp_path: Path) -> None:
    async with answering() as slow, answering() as good:
        slow.hang = True
        told = Alertmanager(slow.url, timeout_seconds=0.5)
        async with pushing(tmp_path, told, Alertmanager(good.url), pace=PATIENT) as (push, estate):
            await until(lambda: len(slow.posts) == 1)
            estate.say(push, c1="down")
            await until(lambda: good.told() == ["firing c1"])
            await until(lambda: push.counts.failures[slow.url,] >= 1)
            slow.hang = False
            await until(lambda: push.counts.ok.get((slow.url,)) == 1)
            assert slow.told() == ["firing c1"]


async def test_retries_become_rarer_and_news_is_told_at_once(tmp_path: Path) -> None:
    pace = Pace(resend_seconds=3600.0, first_retry_seconds=0.02)
    async with answering() as server, pushing(tmp_path, Alertmanager(server.url), pace=pace) as (push, estate):
        server.answer = failed
        await until(lambda: push.counts.failures[server.url,] == 8)  # the next would be in two seconds or so
        server.answer = web.Response
        estate.say(push, c1="down")
        await until(lambda: server.told() == ["firing c1"])


async def test_a_bug_is_logged_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(push_module, "body", broken)
    async with answering() as server, pushing(tmp_path, Alertmanager(server.url)) as (push, _):
        await until(lambda: push.counts.failures[server.url,] > 1)
        monkeypatch.undo()
        await until(lambda: push.counts.ok[server.url,] == 1)
    assert "Traceback" in caplog.text
    assert "cannot be told: a bug: KeyError" in caplog.text


async def test_a_bug_in_following_is_logged_and_what_was_told_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering() as server, pushing(tmp_path, Alertmanager(server.url)) as (push, estate):
        estate.say(push, c1="down")
        await until(lambda: server.told() == ["firing c1"])
        pages = estate.picture.pages
        estate.picture.pages = (None,)  # type: ignore[assignment]
        push.changed()
        await until(lambda: "the pages could not be followed" in caplog.text)
        posts = len(server.posts)
        await until(lambda: len(server.posts) > posts + 1)
        assert server.told() == ["firing c1"]
        estate.picture.pages = pages
        estate.say(push, c1="up")
        await until(lambda: server.told() == ["over c1"])


# ------------------------------------------------------------------ many


async def test_thousands_go_in_several_requests(tmp_path: Path) -> None:
    estate = Estates()
    targets = {f"t{n}": Target(f"t{n}", Role.DEVICE, "switch", f"t{n}") for n in range(1000)}
    estate.picture.estate = Estate("dc1", targets)
    async with (
        answering() as server,
        pushing(tmp_path, Alertmanager(server.url), estate=estate, pace=PATIENT) as (
            push,
            _,
        ),
    ):
        await until(lambda: len(server.posts) == 1)
        estate.say(push, **dict.fromkeys(targets, "down"))
        await until(lambda: push.counts.sent[server.url,] == 1000)
        assert sorted(a["labels"]["target"] for post in server.posts for a in post) == sorted(targets)
        assert max(map(len, server.posts)) <= 256


# ------------------------------------------------------------------ reload


async def test_a_reload_brings_one_and_takes_another_away(tmp_path: Path) -> None:
    async with answering() as one, answering() as other, pushing(tmp_path, pace=PATIENT) as (push, estate):
        estate.say(push, c1="down")
        assert push.configured == push.firing == 0
        push.configure([Alertmanager(one.url)], source="", runbooks="")
        await until(lambda: one.told() == ["firing c1"])
        await until((tmp_path / FILE_NAME).exists)
        push.configure([Alertmanager(other.url)], source="", runbooks="")
        await until(lambda: other.told() == ["firing c1"])
        assert set(push.counts.ok) <= {(other.url,)}
        posts = len(one.posts)
        estate.say(push, c1="up", c2="down")
        await until(lambda: other.told() == ["firing c2", "over c1"])
        push.configure([Alertmanager(other.url, timeout_seconds=1.0)], source="", runbooks="")
        await until(lambda: len(other.posts) == 3)
        assert push.counts.sent[other.url,] >= 3, "other settings, the same counts"
        assert len(one.posts) == posts
        push.configure([], source="", runbooks="")
        await until(lambda: push.firing == 0)
        assert push.counts.ok == {}


# ------------------------------------------------------------------ who may tell, and who is told


async def test_passwords_and_tokens_are_sent_and_shown_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    header = encode_basic_auth("ops", "hunter2")
    async with answering() as basic, answering() as bearer:
        bearer.answer = failed
        told = (Alertmanager(basic.url, authorization=header), Alertmanager(bearer.url, authorization="Bearer hunter2"))
        async with pushing(tmp_path, *told) as (push, estate):
            estate.say(push, c1="down")
            await until(lambda: basic.told() == ["firing c1"] and bearer.told() == ["firing c1"])
            await until((tmp_path / FILE_NAME).exists)
    assert basic.headers[0]["Authorization"] == header
    assert bearer.headers[0]["Authorization"] == "Bearer hunter2"
    shown = caplog.text + (tmp_path / FILE_NAME).read_text() + json.dumps(push.counts.ok, default=str, skipkeys=True)
    assert "hunter2" not in shown
    assert header.split()[1] not in shown


async def test_one_whose_secret_is_missing_is_not_asked_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering() as server:
        told = Alertmanager(server.url, problem="the secret's environment variable AM is not set")
        async with pushing(tmp_path, told) as (push, _):
            await until(lambda: push.counts.failures[server.url,] > 2)
    assert server.posts == []
    assert f"Alertmanager {server.url} cannot be told: the secret's environment variable AM is not set" in caplog.text


def server_tls(tmp_path: Path, san: str = "IP:127.0.0.1", **more: Any) -> tuple[TlsServer, Path]:  # noqa: ANN401
    certificate, key = make_certificate(tmp_path, "am", san=san)
    return TlsServer.model_validate({"cert_file": str(certificate), "key_file": str(key), **more}), certificate


async def test_tls_with_its_own_authority_and_the_agents_certificate(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "agent")
    more = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(certificate)}
    tls, authority = server_tls(tmp_path, **more)
    async with answering(tls=tls) as server:
        told = Alertmanager(server.url, ca_file=authority, cert_file=certificate, key_file=key)
        async with pushing(tmp_path, told) as (push, estate):
            estate.say(push, c1="down")
            await until(lambda: server.told() == ["firing c1"])


async def test_tls_by_another_name(tmp_path: Path) -> None:
    tls, authority = server_tls(tmp_path, "DNS:am.example")
    async with answering(tls=tls) as server:
        told = Alertmanager(server.url, ca_file=authority, server_name="am.example")
        async with pushing(tmp_path, told) as (push, estate):
            estate.say(push, c1="down")
            await until(lambda: server.told() == ["firing c1"])


@pytest.mark.parametrize("trusted", ["nobody", "another name"])
async def test_a_certificate_that_is_not_trusted_gets_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trusted: str
) -> None:
    tls, authority = server_tls(tmp_path, "DNS:am.example")
    async with answering(tls=tls) as server:
        told = Alertmanager(server.url, ca_file=authority if trusted == "another name" else None)
        async with pushing(tmp_path, told) as (push, _):
            await until(lambda: push.counts.failures[server.url,] > 1)
    assert server.posts == []
    assert f"Alertmanager {server.url} cannot be told: its certificate is not trusted: " in caplog.text


async def test_a_certificate_is_left_unchecked_only_where_that_is_said(tmp_path: Path) -> None:
    tls, _ = server_tls(tmp_path, "DNS:am.example")
    async with (
        answering(tls=tls) as server,
        pushing(tmp_path, Alertmanager(server.url, verify=False)) as (push, estate),
    ):
        estate.say(push, c1="down")
        await until(lambda: server.told() == ["firing c1"])


async def test_a_name_that_does_not_resolve_is_told_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Alertmanager("http://am.invalid:9093")
    async with pushing(tmp_path, told) as (push, _):
        await until(lambda: push.counts.failures[told.url,] > 0)
    assert re.search(r"am\.invalid:9093 cannot be told: (no connection: \w+|no answer within)", caplog.text)


async def test_an_authority_that_has_gone_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Alertmanager("https://127.0.0.1:1", ca_file=tmp_path / "gone.pem")
    async with pushing(tmp_path, told) as (push, _):
        await until(lambda: push.counts.failures[told.url,] > 1)
    assert "cannot be told: [Errno 2] No such file or directory" in caplog.text
