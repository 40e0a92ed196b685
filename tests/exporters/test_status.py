"""What the page says: the headline, the order, the empty states; and that names cannot become markup."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from agent.core.learnt import Learning, Learnt, Source, Stranger
from agent.core.maintenance import Window, WindowKind
from agent.core.model import Estate, Health, Mark, Outage, Page, Role, State, Target, Verdict
from agent.core.notes import Note, NoteKind
from agent.core.picture import Picture
from agent.core.ports import Blind
from exporters import status
from exporters.status import StatusPage, milliseconds, percent, view
from tests.exporters.pictures import AGENT, device, healthy, trouble
from tests.exporters.serving import asking, serving

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def only(*targets: Target) -> Picture:
    """Return a picture of these targets, all up."""
    picture = Picture(Estate(AGENT, {t.name: t for t in targets}), NOW, NOW, ready=True)
    for target in targets:
        picture.verdicts[target.name] = Verdict(State.UP, NOW)
    return picture


def two(first: State, second: State = State.UP, *marks: Mark) -> Picture:
    """Return two devices in these states; the marks are the first one's."""
    picture = only(device("a", "switch", "bcw", "10.0.0.1", ()), device("b", "switch", "bcw", "10.0.0.2", ()))
    picture.verdicts["a"] = Verdict(first, NOW, marks=frozenset(marks))
    picture.verdicts["b"] = Verdict(second, NOW)
    return picture


def starting() -> Picture:
    picture = two(State.UNKNOWN, State.UNKNOWN)
    picture.ready = False
    return picture


def blind() -> Picture:
    picture = two(State.UP)
    picture.blind[None] = Blind(None, "no carrier on eth0", NOW, None)
    return picture


def snmp_down() -> Picture:
    picture = two(State.UP)
    picture.health["a", "snmp"] = Health(State.DOWN, NOW, reason="no answer")
    return picture


@pytest.mark.parametrize(
    ("make", "text", "tone"),
    [
        (lambda: healthy(NOW), "All is well", "well"),
        (lambda: trouble(NOW), "Four things are wrong", "bad"),
        (only, "Nothing is watched yet", "warn"),
        (starting, "Starting: the first round is under way", "warn"),
        (lambda: two(State.DOWN), "One thing is wrong", "bad"),
        (lambda: two(State.DEGRADED), "One thing is wrong", "warn"),
        (lambda: two(State.DOWN, State.DEGRADED), "Two things are wrong", "bad"),
        (lambda: two(State.DOWN, State.UP, Mark.MAINTENANCE), "All is well", "well"),
        (lambda: two(State.UNKNOWN), "Nothing is known to be wrong", "warn"),
        (snmp_down, "One thing is wrong", "warn"),
        (blind, "One thing is wrong", "bad"),
    ],
)
def test_the_headline(make: Callable[[], Picture], text: str, tone: str) -> None:
    headline = view(make(), NOW).headline
    assert (headline.text, headline.tone) == (text, tone)


def test_many_things_are_counted_and_the_first_named() -> None:
    picture = only(*(device(f"d{n}", "switch", "bcw", "10.0.0.1", ()) for n in range(12)))
    for name in picture.verdicts:
        picture.verdicts[name] = Verdict(State.DOWN, NOW)
    headline = view(picture, NOW).headline
    assert headline.text == "12 things are wrong"
    assert headline.details == (*(f"switch d{n} is down" for n in range(4)), "8 more", "0 of 12 up")


def test_the_agents_own_troubles() -> None:
    picture = healthy(NOW)
    picture.ledger_problem = "disk full"
    picture.config_ok, picture.config_problem = False, "linewarden.yaml:3: sites: unknown"
    assert [trouble.split(":")[0] for trouble in view(picture, NOW).troubles] == [
        "The ledger cannot be written",
        "The last reload was refused, the former configuration is in force",
    ]


def test_the_worst_comes_first() -> None:
    seen = view(trouble(NOW), NOW)
    assert [row.target.name for row in seen.circuits.shown] == ["bcw-crown-primary", "enc-crown", "bcw-crown-backup"]
    states = [row.verdict.state for row in seen.wrong.shown]
    assert states == sorted(states, key=list(status._WORST_FIRST).index)
    assert [row.target.name for row in seen.wrong.shown if row.verdict.state is State.UP] == ["bcw-crown", "crown-ups1"]
    assert seen.sites[0].row.target.name == "enc"
    assert seen.sites[0].counts == ((State.UNREACHABLE, 3),)
    assert [flag.severity for flag in seen.flags] == ["critical", "warning", "info"]
    assert seen.events[0].at >= seen.events[-1].at


def test_a_failing_check_gives_its_reason() -> None:
    (row,) = [row for row in view(trouble(NOW), NOW).wrong.shown if row.target.name == "crown-ups1"]
    assert row.marks == ["snmp down"]
    assert row.reason == "no answer from 10.20.2.9:161 within 5 s (3 tries)"
    assert row.since == NOW - timedelta(minutes=47)


def test_a_round_that_is_no_longer_fresh_is_not_shown() -> None:
    picture = healthy(NOW)
    assert view(picture, NOW).circuits.shown[0].round
    assert view(picture, NOW + timedelta(minutes=1)).circuits.shown[0].round is None


def test_tables_are_bounded() -> None:
    picture = only(*(device(f"d{n}", "switch", "bcw", "10.0.0.1", ()) for n in range(status.MAX_ROWS + 5)))
    devices = view(picture, NOW).devices
    assert (len(devices.shown), devices.left_out) == (status.MAX_ROWS, 5)
    assert "5 more, none of them worse" in StatusPage().render(picture, NOW, True)[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\N{EN DASH}"), (0.00044, "0.44 ms"), (0.0123, "12.3 ms"), (0.25, "250 ms"), (2.5, "2500 ms")],
)
def test_milliseconds(value: float | None, text: str) -> None:
    assert milliseconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "\N{EN DASH}"), (0.0, "0 %"), (0.0321, "3.2 %"), (1.0, "100 %")])
def test_percent(value: float | None, text: str) -> None:
    assert percent(value) == text


class Structure(HTMLParser):
    """The page's elements: what is open must be closed, ids are unique, headings and tables are complete."""

    VOID = frozenset({"meta", "link", "path", "circle", "rect", "use"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found.append((tag, named))
        if "id" in named:
            self.ids.append(named["id"] or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("make", [healthy, trouble, lambda _: only(), lambda _: starting()])
def test_the_structure_of_the_page(make: Callable[[datetime], Picture]) -> None:
    html, _ = StatusPage().render(make(NOW), NOW, False)
    page = Structure()
    page.feed(html)
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    tags = [tag for tag, _ in page.found]
    assert tags.count("main") == tags.count("h1") == tags.count("header") == tags.count("footer") == 1
    assert tags.count("caption") == tags.count("table")
    assert all(named.get("scope") for tag, named in page.found if tag == "th")
    labelled = [named["aria-labelledby"] for tag, named in page.found if tag == "section"]
    assert set(labelled) <= set(page.ids)
    assert len(labelled) == 10
    targets = [str(named["href"]) for tag, named in page.found if tag == "a" and str(named["href"]).startswith("#")]
    assert {target[1:] for target in targets} <= set(page.ids)
    outside = [named for _, named in page.found for value in named.values() if re.match(r"(https?:)?//", value or "")]
    assert outside == []


def test_empty_states_are_said() -> None:
    html, _ = StatusPage().render(only(), NOW, False)
    for text in (
        "Nothing to page: no alert would be sent now.",
        "The configuration names no circuit.",
        "Nothing else: every other target is up.",
        "The configuration names no site.",
        "The configuration names no service.",
        "The configuration names no device.",
        "No work is announced.",
        "No hardware is flagged.",
        "Nothing has happened since the agent started.",
    ):
        assert text in html


def test_announced_work_and_who_took_it_on() -> None:
    picture = two(State.DOWN, State.UP, Mark.MAINTENANCE)
    lasts, comes = NOW - timedelta(hours=1), NOW + timedelta(days=1)
    picture.windows = (
        Window(WindowKind.MAINTENANCE, comes, comes + timedelta(hours=2), lasts, "FREQ=WEEKLY", "Europe/London",
               reason="patching", author="bob", id=2),
        Window(WindowKind.MAINTENANCE, lasts, comes, lasts, targets=("a",), reason="fibre work", author="alice", id=1),
        Window(WindowKind.CLOCK_STOP, lasts - timedelta(days=9), lasts, lasts, reason="no key", author="alice", id=3),
    )  # fmt: skip
    outage = picture.open_outages["a"] = Outage(7, "a", State.DOWN, lasts, None, "cut")
    picture.notes[outage.id] = (Note(7, NoteKind.ACKNOWLEDGEMENT, NOW, "carol", ""),)
    seen = view(picture, NOW)
    assert [(one.window.id, one.lasts, one.about) for one in seen.windows] == [
        (1, True, "target a"), (2, False, "everything"),
    ]  # fmt: skip
    assert [row.marks for row in seen.devices.shown] == [["maintenance", "acknowledged by carol"], []]
    assert seen.headline.text == "All is well"
    html, _ = StatusPage().render(picture, NOW, True)
    assert "fibre work" in html
    assert "FREQ=WEEKLY in Europe/London" in html
    assert "no key" not in html
    picture.pages = (Page("DeviceDown", "a", "warning", lasts, "a is down", "", {}),)  # down before the window began
    assert view(picture, NOW).headline.text == "One thing is wrong"


def test_names_cannot_become_markup() -> None:
    evil = '"><script>alert(1)</script>'
    picture = only(replace(device("a", "switch", "bcw", evil, ()), title=evil, kind=evil, owners=(evil,)))
    picture.verdicts["a"] = Verdict(State.DOWN, NOW, reason=evil)
    picture.pages = (Page(evil, "a", "critical", NOW, evil, evil, {"target": evil}, (evil,)),)
    picture.windows = (Window(WindowKind.MAINTENANCE, NOW, NOW + timedelta(1), NOW, targets=(evil,), reason=evil,
                              author=evil),)  # fmt: skip
    html, _ = StatusPage().render(picture, NOW, False)
    assert "<script>alert" not in html
    page = Structure()
    page.feed(html)
    assert page.open == []


def test_the_page_is_made_once_for_many_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    really = status.view

    def counted(picture: Picture, now: datetime) -> status.View:
        made.append(1)
        return really(picture, now)

    monkeypatch.setattr(status, "view", counted)
    page = StatusPage()
    assert len({page.render(healthy(NOW), NOW, True) for _ in range(5)}) == 1
    assert len(made) == 1
    monkeypatch.setattr(status, "KEPT_SECONDS", -1.0)
    page.render(healthy(NOW), NOW, True)
    assert len(made) == 2


async def test_the_page_over_http() -> None:
    async with serving(trouble(NOW), now=NOW) as server, asking(server) as client:
        async with client.get("/") as answer:
            html = await answer.text()
            assert (answer.status, answer.content_type) == (200, "text/html")
            assert "<h1" in html
            assert "<noscript><meta http-equiv" in html
        async with client.get("/?part=main") as answer:
            part = await answer.text()
            assert "<h1" in part
            assert "<html" not in part
        async with client.get("/?part=main", headers={"If-None-Match": answer.headers["ETag"]}) as answer:
            assert answer.status == 304
        for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', html):
            async with client.get(address) as answer:
                assert answer.status == 200


def test_a_service_and_a_target_of_each_role_are_shown() -> None:
    html, _ = StatusPage().render(healthy(NOW), NOW, False)
    for target in healthy(NOW).estate.targets.values():
        if target.role is not Role.GROUP:
            assert target.title in html


def test_what_is_learnt_stands_apart_and_only_where_there_is_some() -> None:
    picture = healthy(NOW)
    page = StatusPage().render(picture, NOW, main_only=True)[0]
    assert "Learnt, not confirmed" not in page
    evil = "<script>sw9"
    picture.learning = Learning(
        "this host is plugged into crown-rt1 Gi1 (LLDP)",
        (Learnt("crown-ups1", "crown-rt1", f"the only way there is by {evil}", Source.CIRCUIT_END, NOW),),
        (Learnt("bcw-files1", "bcw-core-sw1", "LLDP sees a way there by bcw-acc-sw2", Source.LLDP, NOW),),
        strangers=tuple(Stranger(f"{evil}{n}", ("crown-rt1 Gi9",), NOW) for n in range(status.MAX_LEARNT + 5)),
    )
    page = StatusPage().render(picture, NOW, main_only=True)[0]
    for part in (
        "Learnt, not confirmed", "this host is plugged into crown-rt1 Gi1", "circuit end",
        "Contradicted: bcw-files1 depends on bcw-core-sw1", "&lt;script&gt;sw90 (crown-rt1 Gi9)",
        'href="/api/v1/learnt"',
    ):  # fmt: skip
        assert part in page, part
    assert evil not in page
    assert f"sw9{status.MAX_LEARNT}" not in page
    assert view(picture, NOW).headline == view(healthy(NOW), NOW).headline
