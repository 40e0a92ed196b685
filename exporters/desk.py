"""The API's writing side, and what it has to show: maintenance windows, acknowledgements and notes.

Whether a call may write at all is decided before it comes here (`exporters.gate`).
"""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from aiohttp import hdrs, web

from agent.core.documents import document
from agent.core.maintenance import MAX_NAME, MAX_NAMES, Window, WindowKind, about, concerned, present_or_next
from agent.core.model import Estate, Outage, Role
from agent.core.notes import Note, NoteKind, acknowledgement
from agent.core.picture import Picture
from agent.core.ports import NotRecordedError
from exporters.gate import credentials, is_local

_WINDOW_KEYS: Final = (
    "kind", "begins_at", "ends_at", "rule", "zone", "sites", "suppliers", "targets", "everything", "reason", "author",
)  # fmt: skip
_NOTE_KEYS: Final = ("author", "text")
_DIGITS: Final = 12  # of a number in an address
_EXAMPLE: Final = "2026-11-29T22:00:00+00:00"


class Desk(Protocol):
    """Where what people say is recorded. A ValueError says what cannot be; NotRecordedError that nothing can be now."""

    async def add_window(self, window: Window) -> Window: ...

    async def end_window(self, number: int, author: str) -> Window | None: ...

    async def note(self, note: Note) -> Note | None: ...


class DeskApi:
    """The handlers of `/api/v1/maintenance` and of what is said of outages."""

    def __init__(self, picture: Callable[[], Picture], desk: Desk | None, now: Callable[[], datetime]) -> None:
        self._picture = picture
        self._desk = desk
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/api/v1/maintenance", self.windows),
            web.post("/api/v1/maintenance", self.add),
            web.delete("/api/v1/maintenance/{number}", self.end),
            web.post("/api/v1/outages/{number}/notes", self.note),
            web.post("/api/v1/outages/{number}/acknowledge", self.acknowledge),
        ]

    async def windows(self, request: web.Request) -> web.Response:
        """Windows that last or are to come, the next first; with `?all` those that are over, too."""
        _refuse_unknown(request.path, request.query, ("all",))
        everything = request.query.get("all", "0").lower() not in {"0", "false", "no"}
        found = window_documents(self._picture().windows, self._now(), everything=everything)
        return web.json_response({"maintenance": found})

    async def add(self, request: web.Request) -> web.Response:
        """Take a window (POST)."""
        desk, given, now = self._ready(), await _body(request, _WINDOW_KEYS), self._now()
        try:
            window = window_of(given, self._picture().estate, now, _author(request, given))
            written = await desk.add_window(window)
        except ValueError as error:
            raise _refused(400, str(error)) from error
        except NotRecordedError as error:
            raise _refused(503, str(error)) from error
        names = sorted(concerned(written, self._picture().estate))
        return web.json_response({"window": window_document(written, now), "concerns": names}, status=201)

    async def end(self, request: web.Request) -> web.Response:
        """Let a window end now, or never begin (DELETE)."""
        desk, number = self._ready(), _number(request)
        _refuse_unknown(request.path, request.query, ("author",))
        try:
            written = await desk.end_window(number, _author(request, request.query))
        except ValueError as error:
            raise _refused(400, str(error)) from error
        except NotRecordedError as error:
            raise _refused(503, str(error)) from error
        if written is None:
            raise _refused(404, f"there is no window {number}; GET /api/v1/maintenance lists them")
        return web.json_response({"window": window_document(written, self._now())})

    async def note(self, request: web.Request) -> web.Response:
        """Take a note on an outage (POST)."""
        return await self._say(request, NoteKind.NOTE)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Take that somebody has taken an outage on (POST)."""
        return await self._say(request, NoteKind.ACKNOWLEDGEMENT)

    async def _say(self, request: web.Request, kind: NoteKind) -> web.Response:
        desk, number, given = self._ready(), _number(request), await _body(request, _NOTE_KEYS)
        try:
            note = Note(number, kind, self._now(), _author(request, given), _text(given, "text"))
            written = await desk.note(note)
        except ValueError as error:
            raise _refused(400, str(error)) from error
        except NotRecordedError as error:
            raise _refused(503, str(error)) from error
        if written is None:
            raise _refused(404, f"there is no outage {number}; GET /api/v1/outages lists them")
        return web.json_response({"note": document(written)}, status=201)

    def _ready(self) -> Desk:
        if self._desk is None:
            raise _refused(503, "this application keeps no record")
        return self._desk


# ------------------------------------------------------------------ what is shown


def window_document(window: Window, now: datetime) -> dict[str, Any]:
    """Return a window, whether it lasts now, and its present or next occurrence."""
    span = present_or_next(window, now)
    return {
        **document(window),
        "about": about(window),
        "active": span is not None and span.begins_at <= now,
        "present_or_next": None if span is None else [document(span.begins_at), document(span.ends_at)],
    }


def window_documents(windows: Iterable[Window], now: datetime, *, everything: bool) -> list[dict[str, Any]]:
    """Return windows for a person: those that last or come next first, those that are over last."""
    found = [(span.begins_at if (span := present_or_next(w, now)) else None, w) for w in windows]
    coming = sorted((pair for pair in found if pair[0] is not None), key=lambda pair: (pair[0] or now, pair[1].id or 0))
    over = [pair for pair in found if pair[0] is None] if everything else []
    return [window_document(window, now) for _, window in (*coming, *over)]


def outage_document(outage: Outage, notes: Iterable[Note]) -> dict[str, Any]:
    """Return an outage with what people say of it."""
    said = tuple(notes)
    return {**document(outage), "acknowledged": document(acknowledgement(said)), "notes": document(said)}


# ------------------------------------------------------------------ what is said


def window_of(given: Mapping[str, Any], estate: Estate, now: datetime, author: str) -> Window:
    """Return the window that a document describes; its names must exist.

    Raises:
        ValueError: one sentence that names the key and what was expected.
    """
    kind = _text(given, "kind") or WindowKind.MAINTENANCE.value
    if kind not in set(WindowKind):
        raise ValueError(f"kind: expected {' or '.join(WindowKind)}, got {_short(kind)}")
    begins_at = _moment(given, "begins_at") or now
    ends_at = _moment(given, "ends_at")
    if ends_at is None:
        raise ValueError(f"ends_at: expected a time with its offset such as {_EXAMPLE}")
    circuits = [target.circuit for target in estate.targets.values() if target.circuit is not None]
    sites = _names(given, "sites", (name for name, target in estate.targets.items() if target.role is Role.SITE))
    suppliers = _names(given, "suppliers", (facts.supplier for facts in circuits))
    targets = _names(given, "targets", estate.targets)
    everything = given.get("everything", False)
    if not isinstance(everything, bool):
        raise ValueError(f"everything: expected true or false, got {_short(everything)}")
    if everything == bool(sites or suppliers or targets):
        raise ValueError("name sites, suppliers or targets, or say that everything is meant: one of the two")
    return Window(
        WindowKind(kind), begins_at, ends_at, now, _text(given, "rule"), _text(given, "zone") or "UTC", sites,
        suppliers, targets, _line(_text(given, "reason")), author,
    )  # fmt: skip


async def _body(request: web.Request, wanted: tuple[str, ...]) -> dict[str, Any]:
    try:
        found = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _refused(400, "expected a JSON object as the body")
    _refuse_unknown(request.path, found, wanted)
    return found


def _refuse_unknown(path: str, given: Mapping[str, object], wanted: tuple[str, ...]) -> None:
    for key in given:
        if key not in wanted:
            likely = _likely(key, wanted) or f"; it takes {', '.join(sorted(wanted))}"
            raise _refused(400, f"{path}: unknown key {_short(key)}{likely}")


def _author(request: web.Request, given: Mapping[str, Any]) -> str:
    """Return who speaks: by their own word, and beside it the user who was asked for a password."""
    try:
        author = _line(_text(given, "author"))
    except ValueError as error:
        raise _refused(400, str(error)) from error
    found = None if is_local(request) else credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
    if found is None or found[0] == author:
        return author
    return f"{author} ({found[0]})" if author else found[0]


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key}: expected a text, got {_short(value)}")
    return value.strip()


def _line(text: str) -> str:
    """Return a text as one line: it goes into events and logs."""
    return " ".join(text.split())


def _moment(given: Mapping[str, Any], key: str) -> datetime | None:
    value = _text(given, key)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{key}: expected a time with its offset such as {_EXAMPLE}, got {_short(value)}")


def _names(given: Mapping[str, Any], key: str, known: Iterable[str]) -> tuple[str, ...]:
    value = given.get(key, [])
    if not isinstance(value, list) or len(value) > MAX_NAMES or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{key}: expected a list of up to {MAX_NAMES} names, got {_short(value)}")
    names = tuple(dict.fromkeys(value))
    words = set(known)
    for name in names:
        if name not in words:
            raise ValueError(f"no {key.removesuffix('s')} is called {_short(name)}{_likely(name, words)}")
    return names


def _number(request: web.Request) -> int:
    text = request.match_info["number"]
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise _refused(400, f"expected a number, got {_short(text)}")
    return int(text)


def _likely(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word[:MAX_NAME], list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _refused(status: int, text: str) -> web.HTTPException:
    kind = {400: web.HTTPBadRequest, 404: web.HTTPNotFound, 503: web.HTTPServiceUnavailable}[status]
    return kind(text=text)
