"""`/api/v1`: targets, events, outages, devices, circuits as JSON, what depends on what, why, and the asset register."""

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol

from aiohttp import web

from agent.core.account import Stretch
from agent.core.ageing_report import ageing_document
from agent.core.documents import document
from agent.core.explain import Known, explain, explanation_document, likely
from agent.core.interfaces import labels
from agent.core.model import Check, Event, EventKind, Health, Outage, Role, Target, Verdict
from agent.core.notes import Note
from agent.core.picture import Picture
from agent.core.ports import EventFilter
from agent.core.register import report as compared
from agent.core.tree import learnt_document, tree_document
from agent.core.units import parse_duration
from agent.core.unpolled import SupportOf
from exporters.desk import outage_document

MAX_ROWS: Final = 10_000  # of one answer
DEFAULT_ROWS: Final = 1_000
_RECENT_EVENTS: Final = 20
_TRUTHS: Final = {"": True, "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_NO_HEALTH: Final = Health()
_NO_VERDICT: Final = Verdict()

Work = Callable[..., Awaitable[Any]]
Report = Callable[[Sequence[str] | None, Stretch], Awaitable[list[dict[str, Any]]]]  # of these targets, or of all


class Record(Protocol):
    """What is read of the ledger."""

    async def events(self, wanted: EventFilter) -> Sequence[Event]: ...

    async def outages(self, *, target: str | None = None, open_only: bool = False, since: datetime | None = None,
                      limit: int = 1000) -> Sequence[Outage]: ...  # fmt: skip

    async def notes(self, outages: Sequence[int]) -> Sequence[Note]: ...


class Api:
    """The handlers of `/api/v1`.

    Args:
        work: runs a function in a thread, away from the loop.
        report: gives accounts of availability; None: there are none.
        support_of: finds the support dates of an operating system; None: nobody knows them.
    """

    def __init__(
        self,
        picture: Callable[[], Picture],
        ledger: Record,
        now: Callable[[], datetime],
        work: Work,
        report: Report | None = None,
        support_of: SupportOf | None = None,
    ) -> None:
        self._report = report
        self._support_of = support_of
        self._picture = picture
        self._ledger = ledger
        self._now = now
        self._work = work

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/api/v1/targets", self.targets),
            web.get("/api/v1/devices", self.devices),
            web.get("/api/v1/circuits", self.circuits),
            web.get("/api/v1/events", self.events),
            web.get("/api/v1/outages", self.outages),
            web.get("/api/v1/explain", self.explain),
            web.get("/api/v1/availability", self.availability),
            web.get("/api/v1/ageing", self.ageing),
            web.get("/api/v1/topology", self.topology),
            web.get("/api/v1/learnt", self.learnt),
            web.get("/api/v1/register", self.register),
        ]

    async def targets(self, request: web.Request) -> web.Response:
        """Everything that is watched, with its verdict and its checks."""
        return await self._listed(request, "targets", None, {"target", "kind"}, target_document)

    async def devices(self, request: web.Request) -> web.Response:
        """Devices, with their last poll, interfaces, facts and flags."""
        return await self._listed(request, "devices", Role.DEVICE, {"target", "kind"}, device_document)

    async def circuits(self, request: web.Request) -> web.Response:
        """Circuits, with supplier, reference, and the last round."""
        return await self._listed(request, "circuits", Role.CIRCUIT, {"target"}, target_document)

    async def events(self, request: web.Request) -> web.Response:
        """What happened, oldest first; `limit` takes the newest."""
        asked = Query(request, {"target", "kind", "since", "until", "limit"}, self._now())
        found = await self._ledger.events(
            EventFilter(asked.text("target"), asked.kinds(), asked.time("since"), asked.time("until"), asked.limit())
        )
        return await self._json("events", found)

    async def outages(self, request: web.Request) -> web.Response:
        """What was down, from when to when, and what people say of it."""
        asked = Query(request, {"target", "since", "until", "limit", "open"}, self._now())
        until = asked.time("until")
        found = await self._ledger.outages(
            target=asked.text("target"), open_only=asked.truth("open"), since=asked.time("since"), limit=asked.limit()
        )
        shown = [outage for outage in found if until is None or outage.began_at <= until]
        said: dict[int, list[Note]] = {}
        for note in await self._ledger.notes([outage.id for outage in shown]):
            said.setdefault(note.outage, []).append(note)
        return await self._json("outages", shown, lambda outage: outage_document(outage, said.get(outage.id, ())))

    async def explain(self, request: web.Request) -> web.Response:
        """Why a target is in its state, what that comes from, and what it takes along."""
        asked, picture = Query(request, {"target"}, self._now()), self._picture()
        name = asked.text("target")
        if name is None:
            raise refused(400, "explain needs ?target=NAME")
        if name not in picture.estate.targets:
            raise refused(404, unknown_target(name, picture))
        events = await self._ledger.events(EventFilter(target=name, limit=_RECENT_EVENTS))
        return await self._told(explanation, picture, name, self._now(), events)

    async def topology(self, request: web.Request) -> web.Response:
        """What depends on what, from the agent outward."""
        return await self._of_estate(request, tree_document)

    async def learnt(self, request: web.Request) -> web.Response:
        """What seems to depend on what, and is not confirmed."""
        return await self._of_estate(request, learnt_document)

    async def register(self, request: web.Request) -> web.Response:
        """Where the asset register and the network say different things, and what stands there that nobody polls."""
        Query(request, set(), self._now())
        picture, today = self._picture(), self._now().date()
        return await self._told(compared, picture.estate, dict(picture.hardware), today, self._support_of)

    async def _of_estate(self, request: web.Request, describe: Callable[[Known], object]) -> web.Response:
        Query(request, set(), self._now())
        return await self._told(lambda: describe(known_of(self._picture(), self._now())))

    async def availability(self, request: web.Request) -> web.Response:
        """What availability came to by each contract's rules: in its present period, another, or between moments."""
        asked, picture = Query(request, {"target", "period", "since", "until"}, self._now()), self._picture()
        name = asked.text("target")
        if name is not None and name not in picture.estate.targets:
            raise refused(404, unknown_target(name, picture))
        stretch = Stretch(asked.text("period"), asked.time("since"), asked.time("until"))
        if stretch.period is not None and (stretch.since or stretch.until):
            raise refused(400, "period: not together with since or until")
        if self._report is None:
            raise refused(404, "this agent keeps no accounts of availability")
        try:
            found = await self._report(None if name is None else [name], stretch)
        except ValueError as error:
            raise refused(400, str(error)) from error
        return await self._json("availability", found)

    async def ageing(self, request: web.Request) -> web.Response:
        """Which hardware wants replacing, in order, with every fact's source; `by` adds what is unsupported then."""
        asked, picture = Query(request, {"target", "by"}, self._now()), self._picture()
        name, day = asked.text("target"), asked.day("by")
        if name is not None and name not in picture.estate.targets:
            raise refused(404, unknown_target(name, picture))
        if (made := picture.ageing) is None:
            raise refused(404, "this agent has not looked at its hardware yet")
        if name is not None:
            made = replace(made, cases=tuple(case for case in made.cases if case.name == name and case.watched))
        return await self._told(ageing_document, made, day)

    async def _listed(
        self,
        request: web.Request,
        key: str,
        role: Role | None,
        wanted: set[str],
        describe: Callable[[Picture, Target], dict[str, Any]],
    ) -> web.Response:
        asked, picture = Query(request, wanted, self._now()), self._picture()
        name, kind = asked.text("target"), asked.text("kind")
        if name is not None and name not in picture.estate.targets:
            raise refused(404, unknown_target(name, picture))
        found = [
            target
            for target in picture.estate.targets.values()
            if role in {None, target.role} and name in {None, target.name} and kind in {None, target.kind}
        ]
        return await self._json(key, found, lambda target: describe(picture, target))

    async def _json(
        self, key: str, value: Sequence[Any], describe: Callable[[Any], object] | None = None
    ) -> web.Response:
        return await self._told(_answer, key, value, describe)

    async def _told(self, describe: Callable[..., object], *arguments: object) -> web.Response:
        body = await self._work(_text, describe, *arguments)
        return web.Response(body=body, content_type="application/json", charset="utf-8")


class Query:
    """The parameters of one request, refused with the likely word where they are wrong."""

    def __init__(self, request: web.Request, wanted: set[str], now: datetime) -> None:
        self._values: Mapping[str, str] = request.query
        self._now = now
        for key in self._values:
            if key not in wanted:
                hint = likely(key, wanted) or f"; it takes {', '.join(sorted(wanted)) or 'none'}"
                raise refused(400, f"{request.path}: unknown parameter {key!r}{hint}")

    def text(self, key: str) -> str | None:
        """Return a text; None where it is not given."""
        return self._values.get(key) or None

    def truth(self, key: str) -> bool:
        """Return whether a switch is on; `?open` alone switches it on."""
        value = self._values.get(key)
        if value is not None and value.lower() not in _TRUTHS:
            raise refused(400, f"{key}: expected true or false, got {value!r}")
        return value is not None and _TRUTHS[value.lower()]

    def limit(self) -> int:
        """Return how many rows are wanted at most."""
        value = self._values.get("limit", str(DEFAULT_ROWS))
        if not value.isascii() or not value.isdigit() or not 1 <= len(value) <= 9 or not 1 <= int(value) <= MAX_ROWS:
            raise refused(400, f"limit: expected a number from 1 to {MAX_ROWS}, got {value!r}")
        return int(value)

    def kinds(self) -> tuple[EventKind, ...] | None:
        """Return the kinds of events that are wanted, comma-separated."""
        value = self.text("kind")
        if value is None:
            return None
        for kind in value.split(","):
            if kind not in set(EventKind):
                raise refused(400, f"kind: unknown kind {kind!r}; expected {', '.join(EventKind)}")
        return tuple(EventKind(kind) for kind in value.split(","))

    def day(self, key: str) -> date | None:
        """Return a day given as ISO 8601."""
        value = self.text(key)
        try:
            return None if value is None else date.fromisoformat(value)
        except ValueError:
            raise refused(400, f"{key}: expected a day such as 2027-03-31, got {value!r}") from None

    def time(self, key: str) -> datetime | None:
        """Return a moment given as ISO 8601 (UTC where it names no zone) or as a duration before now."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return self._now - timedelta(seconds=parse_duration(value))
        except (ValueError, OverflowError):
            pass
        try:
            moment = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            example = "a time such as 2026-11-22T13:00:00Z or a duration such as 2h"
            raise refused(400, f"{key}: expected {example}, got {value!r}") from None


def refused(status: int, text: str) -> web.HTTPException:
    """Return the exception that answers with this status and sentence."""
    kind = {400: web.HTTPBadRequest, 404: web.HTTPNotFound}[status]
    return kind(text=text)


def unknown_target(name: str, picture: Picture) -> str:
    """Return the sentence for a name that nothing has."""
    return f"no target is called {name!r}{likely(name, picture.estate.targets)}"


def target_document(picture: Picture, target: Target) -> dict[str, Any]:
    """Return a target with its verdict, its checks, and the outage that is open."""
    return {
        **document(target),
        "verdict": document(picture.verdicts.get(target.name, _NO_VERDICT)),
        "checks": [check_document(picture, check) for check in target.checks],
        "outage": _open_outage(picture, target.name),
    }


def device_document(picture: Picture, target: Target) -> dict[str, Any]:
    """Return a device with its last poll and its flags."""
    return {
        **target_document(picture, target),
        "poll": document(picture.polls.get(target.name)),
        "flags": document(picture.flags.get(target.name, ())),
    }


def check_document(picture: Picture, check: Check) -> dict[str, Any]:
    """Return what is believed of a check, and what it saw last."""
    key = (check.target, check.name)
    health, seen = picture.health.get(key, _NO_HEALTH), picture.observation(*key)
    last = None
    if seen is not None:
        last = {
            "at": document(seen.at),
            "outcome": document(seen.outcome),
            "detail": seen.detail,
            "duration_seconds": seen.duration_seconds,
            "values": dict(seen.values),
        }
    return {
        "name": check.name,
        "type": check.type,
        "decisive": check.decisive,
        "interval_seconds": check.interval_seconds,
        **document(health),
        "addresses": list(picture.addresses.get(key, ())),
        "last": last,
        "round": document(picture.round(*key)),
    }


def known_of(picture: Picture, now: datetime) -> Known:
    """Return what a picture knows, as of now: the loop may go on writing to it."""
    return Known(
        picture.estate, dict(picture.verdicts), dict(picture.health), now, picture.pages, dict(picture.held),
        picture.learning, dict(picture.open_outages), dict(picture.flags),
    )  # fmt: skip


def explanation(picture: Picture, name: str, now: datetime, events: Sequence[Event]) -> dict[str, Any]:
    """Return why a target is in its state, with its last events."""
    known = known_of(picture, now)
    found = explanation_document(explain(known, name))
    seen = {check.name: check_document(picture, check) for check in known.estate.targets[name].checks}
    checks = [{**said, **seen[said["name"]]} for said in found["checks"]]
    more = {"checks": checks, "interfaces": _watched(picture, name), "outage": _open_outage(picture, name)}
    return {**found, **more, "recent_events": events}


def _open_outage(picture: Picture, name: str) -> dict[str, Any] | None:
    outage = picture.open_outages.get(name)
    return None if outage is None else outage_document(outage, picture.notes.get(outage.id, ()))


def _watched(picture: Picture, name: str) -> list[dict[str, Any]]:
    """Return the interfaces of a device that may alarm, with what is known of each."""
    poll = picture.polls.get(name)
    if poll is None:
        return []
    places = {label: place for place, label in enumerate(labels(poll.interfaces))}
    found = []
    for one in poll.watched:
        if (place := places.get(one.interface)) is not None:
            flows = (poll.traffic.received.flow(place), poll.traffic.sent.flow(place)) if poll.traffic else (None, None)
            carried = {name: document(flow) for name, flow in zip(("received", "sent"), flows, strict=True)}
            found.append(document(poll.interfaces[place]) | carried | document(one))
    return found


def _answer(key: str, value: Sequence[Any], describe: Callable[[Any], object] | None) -> object:
    return {key: [describe(item) for item in value] if describe else value}


def _text(describe: Callable[..., object], *arguments: object) -> bytes:
    answer = document(describe(*arguments))
    try:
        return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    except ValueError:  # JSON has no NaN; what a peer sent may be one
        return json.dumps(_finite(answer), ensure_ascii=False).encode("utf-8", "replace")


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON has no better type
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
