"""What people say over real HTTP: taken, shown, refused with one sentence."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core.maintenance import Window, WindowKind
from agent.core.notes import Note, NoteKind
from agent.core.picture import Picture
from agent.core.ports import NotRecordedError
from exporters import web
from tests.exporters.pictures import trouble
from tests.exporters.serving import SECRET_HASH, MemoryLedger, asking, nothing_wrong, serving

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "ends_at": "2026-11-22T15:00:00Z",
    "targets": ["enc-crown"],
    "reason": "work",
    "author": "alice",
}


class MemoryDesk:
    """Keeps what is said, or refuses it."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.said: list[Note] = []
        self.refusal: Exception | None = None

    async def add_window(self, window: Window) -> Window:
        if self.refusal is not None:
            raise self.refusal
        written = replace(window, id=len(self.picture.windows) + 1)
        self.picture.windows += (written,)
        return written

    async def end_window(self, number: int, author: str) -> Window | None:
        if self.refusal is not None:
            raise self.refusal
        found = [window for window in self.picture.windows if window.id == number]
        return replace(found[0], cancelled_at=NOW, author=author) if found else None

    async def note(self, note: Note) -> Note | None:
        if self.refusal is not None:
            raise self.refusal
        self.said.append(note)
        return replace(note, id=len(self.said)) if note.outage < 90 else None


class Asked:
    """A client of the control socket, and the desk behind it."""

    def __init__(self, client: Any, desk: MemoryDesk) -> None:  # noqa: ANN401 - aiohttp's session
        self.client, self.desk = client, desk

    async def __call__(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, Any]:  # noqa: ANN401 - aiohttp's parameters
        sent = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        async with self.client.request(method, f"/api/v1/{path}", **sent, **more) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def asked(folder: Path, ledger: MemoryLedger | None = None) -> AsyncIterator[Asked]:
    picture = trouble(NOW)
    desk = MemoryDesk(picture)
    socket = folder / "control.sock"
    actions = web.Actions(nothing_wrong, desk=desk)
    async with (
        serving(picture, ledger=ledger, now=NOW, actions=actions, control_socket=socket),
        asking(socket) as client,
    ):
        yield Asked(client, desk)


async def test_a_window_is_taken_and_listed(tmp_path: Path) -> None:
    async with asked(tmp_path) as ask:
        status, answer = await ask("POST", "maintenance", GOOD)
        assert (status, answer["concerns"]) == (201, ["enc-crown"])
        assert answer["window"] | {"active": True} == {
            "kind": "maintenance", "begins_at": NOW.isoformat(), "ends_at": "2026-11-22T15:00:00+00:00",
            "added_at": NOW.isoformat(), "rule": "", "zone": "UTC", "sites": [], "suppliers": [],
            "targets": ["enc-crown"], "reason": "work", "author": "alice", "cancelled_at": None, "id": 1,
            "about": "target enc-crown", "active": True,
            "present_or_next": [NOW.isoformat(), "2026-11-22T15:00:00+00:00"],
        }  # fmt: skip
        weekly = {
            "kind": "clock_stop", "begins_at": "2026-11-01T22:00:00+00:00", "ends_at": "2026-11-02T00:00:00+00:00",
            "rule": "FREQ=WEEKLY;BYDAY=SU", "zone": "Europe/London", "sites": ["bcw", "bcw"],
            "suppliers": ["ExampleTel"], "reason": "fibre\n  work ", "author": "bob\tb",
        }  # fmt: skip
        assert (await ask("POST", "maintenance", weekly))[0] == 201
        assert (ask.desk.picture.windows[1].reason, ask.desk.picture.windows[1].author) == ("fibre work", "bob b")
        past = GOOD | {"begins_at": "2026-11-20T10:00:00+01:00", "ends_at": "2026-11-20T12:00:00Z", "everything": True,
                       "targets": []}  # fmt: skip
        _, over = await ask("POST", "maintenance", past)
        assert (over["window"]["present_or_next"], over["window"]["about"]) == (None, "everything")
        assert over["window"]["begins_at"] == "2026-11-20T09:00:00+00:00"
        _, listed = await ask("GET", "maintenance")
        assert [(w["id"], w["active"], w["sites"]) for w in listed["maintenance"]] == [
            (1, True, []),
            (2, False, ["bcw"]),
        ]
        assert [w["id"] for w in (await ask("GET", "maintenance?all"))[1]["maintenance"]] == [1, 2, 3]
        assert len((await ask("GET", "maintenance?all=0"))[1]["maintenance"]) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "expected a JSON object as the body"),
        (b"[1]", "expected a JSON object as the body"),
        (b"[" * 50_000, "expected a JSON object as the body"),
        (b"\xff\xfe", "expected a JSON object as the body"),
        (b"", "ends_at: expected a time with its offset such as 2026-11-29T22:00:00+00:00"),
        (GOOD | {"target": []}, "/api/v1/maintenance: unknown key 'target'; did you mean 'targets'?"),
        (GOOD | {"xyzzy": 1}, "unknown key 'xyzzy'; it takes author, begins_at, ends_at, everything, kind"),
        (GOOD | {"kind": "holiday"}, "kind: expected maintenance or clock_stop, got 'holiday'"),
        (GOOD | {"ends_at": "tomorrow"}, "ends_at: expected a time with its offset"),
        (GOOD | {"ends_at": "2026-11-22T15:00:00"}, "ends_at: expected a time with its offset"),
        (GOOD | {"begins_at": "0001-01-01T00:00:00+14:00"}, "begins_at: expected a time with its offset"),
        (GOOD | {"ends_at": 5}, "ends_at: expected a text, got 5"),
        (GOOD | {"reason": ["x"] * 500}, "reason: expected a text, got ['x', 'x'"),
        (GOOD | {"author": {}}, "author: expected a text, got {}"),
        (GOOD | {"targets": ["enc-crwn"]}, "no target is called 'enc-crwn'; did you mean 'enc-crown'?"),
        (GOOD | {"sites": ["crwon"]}, "no site is called 'crwon'; did you mean 'crown'?"),
        (GOOD | {"sites": ["enc-crown"]}, "no site is called 'enc-crown'"),
        (GOOD | {"suppliers": ["Exampletel"]}, "no supplier is called 'Exampletel'; did you mean 'ExampleTel'?"),
        (GOOD | {"targets": "enc-crown"}, "targets: expected a list of up to 500 names, got 'enc-crown'"),
        (GOOD | {"targets": ["x"] * 501}, "targets: expected a list of up to 500 names"),
        (GOOD | {"targets": [1]}, "targets: expected a list"),
        (GOOD | {"targets": ["x" * 5000]}, "no target is called 'xxx"),
        (GOOD | {"targets": []}, "name sites, suppliers or targets, or say that everything is meant: one of the two"),
        (GOOD | {"everything": True}, "one of the two"),
        (GOOD | {"everything": "yes"}, "everything: expected true or false, got 'yes'"),
    ],
)
async def test_windows_that_are_refused(tmp_path: Path, body: object, error: str) -> None:
    async with asked(tmp_path) as ask:
        status, answer = await ask("POST", "maintenance", body)
        assert (status, answer.keys()) == (400, {"error"})
        assert error in answer["error"]
        assert len(answer["error"]) < 400
        assert ask.desk.picture.windows == ()


async def test_a_body_that_is_too_large(tmp_path: Path) -> None:
    async with asked(tmp_path) as ask:
        assert (await ask("POST", "maintenance", b" " * (web.MAX_BODY_OCTETS + 1)))[0] == 413


async def test_a_window_is_ended(tmp_path: Path) -> None:
    async with asked(tmp_path) as ask:
        await ask("POST", "maintenance", GOOD)
        status, answer = await ask("DELETE", "maintenance/1?author=bob")
        assert (status, answer["window"]["cancelled_at"], answer["window"]["author"]) == (200, NOW.isoformat(), "bob")
        for path, wanted, error in (
            ("maintenance/2?author=bob", 404, "there is no window 2; GET /api/v1/maintenance lists them"),
            ("maintenance/x?author=bob", 400, "expected a number, got 'x'"),
            ("maintenance/1?auhtor=bob", 400, "unknown key 'auhtor'; did you mean 'author'?"),
        ):
            assert await ask("DELETE", path) == (wanted, {"error": error if wanted == 404 else answer_of(path, error)})


def answer_of(path: str, error: str) -> str:
    return f"/api/v1/{path.partition('?')[0]}: {error}" if error.startswith("unknown") else error


async def test_outages_carry_what_is_said_of_them(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    async with asked(tmp_path, ledger) as ask:
        picture = ask.desk.picture
        outage = picture.open_outages["enc-crown"]
        ledger.kept_outages = (outage,)
        status, answer = await ask("POST", f"outages/{outage.id}/acknowledge", {"author": "alice"})
        assert (status, answer["note"]) == (201, {
            "outage": outage.id, "kind": "acknowledgement", "at": NOW.isoformat(), "author": "alice", "text": "",
            "id": 1,
        })  # fmt: skip
        await ask("POST", f"outages/{outage.id}/notes", {"author": "bob", "text": " cut "})
        assert [(note.kind, note.text) for note in ask.desk.said] == [
            (NoteKind.ACKNOWLEDGEMENT, ""), (NoteKind.NOTE, "cut"),
        ]  # fmt: skip
        ledger.kept_notes = picture.notes[outage.id] = tuple(ask.desk.said)
        for path, key in (("outages", "outages"), ("circuits?target=enc-crown", "circuits")):
            (found,) = (await ask("GET", path))[1][key]
            shown = found if key == "outages" else found["outage"]
            assert shown["acknowledged"]["author"] == "alice"
            assert [note["text"] for note in shown["notes"]] == ["", "cut"]
        assert (await ask("GET", "explain?target=enc-crown"))[1]["outage"]["acknowledged"]["author"] == "alice"
        assert (await ask("GET", "explain?target=bcw-crown-backup"))[1]["outage"] is None
        assert (await ask("POST", "outages/99/notes", {"author": "bob", "text": "x"}))[1] == {
            "error": "there is no outage 99; GET /api/v1/outages lists them"
        }
        assert (await ask("POST", "outages/1/notes", {"author": "bob", "text": 5}))[0] == 400
        assert (await ask("POST", "outages/9999999999999/notes", {"author": "bob", "text": "x"}))[0] == 400


@pytest.mark.parametrize(
    ("refusal", "status"), [(ValueError("that cannot be"), 400), (NotRecordedError("the disk is full"), 503)]
)
async def test_what_the_desk_refuses(tmp_path: Path, refusal: Exception, status: int) -> None:
    async with asked(tmp_path) as ask:
        ask.desk.refusal = refusal
        for method, path, body in (
            ("POST", "maintenance", GOOD),
            ("DELETE", "maintenance/1", None),
            ("POST", "outages/1/notes", {"author": "a", "text": "x"}),
        ):
            assert await ask(method, path, body) == (status, {"error": str(refusal)})


async def test_an_application_without_a_desk_takes_nothing(tmp_path: Path) -> None:
    socket = tmp_path / "control.sock"
    async with serving(trouble(NOW), control_socket=socket), asking(socket) as client:
        assert (await Asked(client, None)("POST", "maintenance", GOOD))[0] == 503  # type: ignore[arg-type]


async def test_over_tcp_without_a_password_nothing_is_taken(tmp_path: Path) -> None:
    picture = trouble(NOW)
    desk = MemoryDesk(picture)
    async with serving(picture, actions=web.Actions(nothing_wrong, desk=desk)) as server, asking(server) as client:
        ask = Asked(client, desk)
        assert (await ask("GET", "maintenance"))[0] == 200
        for method, path in (("POST", "maintenance"), ("DELETE", "maintenance/1"), ("POST", "outages/1/acknowledge")):
            status, answer = await ask(method, path, GOOD)
            assert status == 403
            assert answer["error"].startswith("Writing calls are not served here")
    assert (picture.windows, desk.said) == ((), [])


async def test_with_a_password_the_user_stands_in_the_record(tmp_path: Path) -> None:
    config = tmp_path / "web.yml"
    config.write_text(f"basic_auth_users: {{ops: '{SECRET_HASH}'}}\n")
    picture = trouble(NOW)
    desk = MemoryDesk(picture)
    actions = web.Actions(nothing_wrong, desk=desk)
    headers = {"Authorization": f"Basic {base64.b64encode(b'ops:secret').decode()}"}
    async with (
        serving(picture, actions=actions, web_config=config, now=NOW) as server,
        asking(server, headers) as client,
    ):
        ask = Asked(client, desk)
        for body in (GOOD, GOOD | {"author": ""}, GOOD | {"author": "ops"}):
            assert (await ask("POST", "maintenance", body))[0] == 201
        status, _ = await ask("POST", "maintenance", GOOD, headers={"Origin": "https://elsewhere.example"})
        assert status == 403
    assert [window.author for window in picture.windows] == ["alice (ops)", "ops", "ops"]
    assert all(window.kind is WindowKind.MAINTENANCE for window in picture.windows)
    assert picture.windows[0].ends_at - NOW == timedelta(hours=2)
