"""`linewarden maintenance` and what people say of outages, with a real agent's parts behind them."""

import asyncio
import getpass
import json
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from agent.cli import maintenance_add, speaker
from agent.core.model import Event
from agent.core.ports import EventFilter
from agent.desk import Desk
from agent.ledger import FILE_NAME, LedgerReader, SqliteLedger
from exporters import web
from tests.cli.agents import HISTORY, in_thread, linewarden
from tests.exporters.pictures import trouble
from tests.exporters.serving import nothing_wrong, serving

NEVER = Path("/nonexistent")


@dataclass(frozen=True)
class Told:
    """An agent that takes what people say, until the `with` ends."""

    state_dir: Path
    url: str

    def say(self, *words: str) -> Result:
        return linewarden(*words, "--state-dir", self.state_dir)


@contextmanager
def listening(state_dir: Path) -> Iterator[Told]:
    started: Future[tuple[str, asyncio.AbstractEventLoop]] = Future()
    stop = asyncio.Event()

    async def main() -> None:
        picture = trouble(datetime.now(UTC))
        ledger = SqliteLedger(state_dir / FILE_NAME, agent="dc1")
        await ledger.open()

        async def heard(said: Sequence[Event]) -> None:
            picture.windows = tuple(await ledger.windows())
            picture.events.extend(said)

        try:
            await ledger.record(HISTORY)
            actions = web.Actions(nothing_wrong, desk=Desk(picture, ledger, heard))
            async with serving(
                picture, ledger=ledger, actions=actions, control_socket=state_dir / "control.sock"
            ) as server:
                started.set_result((server.urls[0], asyncio.get_running_loop()))
                await stop.wait()
        finally:
            await ledger.close()

    thread, result = in_thread(main, started)
    url, loop = started.result(30)
    try:
        yield Told(state_dir, url)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        result.result(0)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Told]:
    with listening(tmp_path) as found:
        yield found


def test_a_window_from_announcement_to_end(agent: Told) -> None:
    assert agent.say("maintenance", "list").stdout == "no windows that last or are to come\n"
    result = agent.say("maintenance", "add", "--target", "enc-crown", "--for", "2h", "--reason", "CHG0042", "--author",
                       "alice")  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "window 1: maintenance of target enc-crown"
    assert re.fullmatch(r"  \S+ \S+ to \S+ \S+ \(2 h\)", lines[1])
    assert lines[2:] == ["  CHG0042 (alice)", "  1 target: enc-crown"]
    rows = [re.split(r"\s{2,}", line) for line in agent.say("maintenance", "list").stdout.splitlines()]
    assert rows[0] == ["ID", "KIND", "STATE", "BEGINS", "ENDS", "ABOUT", "REASON"]
    assert rows[1][:3] + rows[1][5:] == ["1", "maintenance", "lasts", "target enc-crown", "CHG0042 (alice)"]
    result = agent.say("maintenance", "end", "1", "--author", "bob")
    assert re.fullmatch(r"window 1 of target enc-crown ended at \S+ \S+\n", result.stdout)
    assert agent.say("maintenance", "list").stdout == "no windows that last or are to come\n"
    assert agent.say("maintenance", "list", "--all").stdout.splitlines()[1].split()[:3] == ["1", "maintenance", "over"]
    again = agent.say("maintenance", "end", "1")
    assert (again.exit_code, again.stderr) == (2, "Error: window 1 is over already\n")
    assert agent.say("maintenance", "end", "7").exit_code == 2
    found = json.loads(agent.say("maintenance", "list", "--all", "--json").stdout)["maintenance"]
    assert (found[0]["author"], found[0]["present_or_next"]) == ("alice", None)


def test_weekly_and_by_a_rule(agent: Told) -> None:
    result = agent.say("maintenance", "add", "--site", "bcw", "--weekly", "sun", "--at", "22:00", "--for", "2h",
                       "--zone", "Europe/London", "--reason", "patching", "--json")  # fmt: skip
    window = json.loads(result.stdout)["window"]
    begins = datetime.fromisoformat(window["begins_at"])
    assert (window["rule"], window["zone"], window["sites"]) == ("FREQ=WEEKLY;BYDAY=SU", "Europe/London", ["bcw"])
    assert (begins.weekday(), begins.hour in {21, 22}, begins > datetime.now(UTC)) == (6, True, True)
    result = agent.say("maintenance", "add", "--everything", "--rule", "FREQ=MONTHLY;BYDAY=2TU", "--from",
                       "2026-12-08 01:00", "--until", "5:30", "--zone", "Europe/Berlin", "--reason", "x")  # fmt: skip
    assert "window 2: maintenance of everything" in result.stdout
    assert "(4 h 30 min), then FREQ=MONTHLY;BYDAY=2TU in Europe/Berlin" in result.stdout
    assert " targets: bcw, bcw-core-sw1, " in result.stdout
    assert re.search(r" and \d+ more\n", result.stdout)
    ended = agent.say("maintenance", "end", "1")
    assert ended.stdout == "window 1 of site bcw will not begin\n"
    assert json.loads(agent.say("maintenance", "end", "2", "--json").stdout)["window"]["id"] == 2


def test_a_clock_stop_for_the_record(agent: Told) -> None:
    result = agent.say("maintenance", "add", "--target", "enc-crown", "--clock-stop", "--from", "2026-01-20T09:00:00Z",
                       "--for", "3h", "--reason", "no key")  # fmt: skip
    assert result.stdout.startswith("window 1: clock-stop of target enc-crown\n")
    assert result.stdout.endswith("  it is over already: it counts in the record, and ends no page\n")


NEAR = ("maintenance", "add", "--target", "enc-crown", "--reason", "x")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (NEAR, "say when it ends: --until WHEN or --for DURATION, one of the two"),
        ((*NEAR, "--for", "2h", "--until", "22:00"), "one of the two"),
        ((*NEAR, "--for", "2"), "expected a duration with its unit"),
        ((*NEAR, "--for", "99999999y"), "--for: 99999999y is too long"),
        ((*NEAR, "--for", "3y"), "a window that happens once lasts 732 days at most"),
        ((*NEAR, "--until", "soon"), "--until: expected a time such as"),
        ((*NEAR, "--from", "yesterday", "--for", "1h"), "--from: expected a time such as"),
        ((*NEAR, "--from", "2026-01-02", "--until", "2026-01-01"), "before it begins"),
        ((*NEAR, "--weekly", "sun", "--for", "1h"), "--weekly goes with --at and --for"),
        ((*NEAR, "--weekly", "sun", "--at", "22:00", "--from", "22:00", "--for", "1h"), "none of --from"),
        ((*NEAR, "--weekly", "funday", "--at", "22:00", "--for", "1h"), "expected a day of the week"),
        ((*NEAR, "--zone", "Mars", "--for", "1h"), "expected the IANA name of a time zone"),
        ((*NEAR, "--rule", "FREQ=SECONDLY", "--for", "1h"), "expected FREQ=DAILY|WEEKLY|MONTHLY|YEARLY"),
        (("maintenance", "add", "--for", "1h", "--reason", "x"), "name sites, suppliers or targets, or say that"),
        (("maintenance", "add", "--site", "bwc", "--for", "1h", "--reason", "x"), "did you mean 'bcw'?"),
        (
            ("maintenance", "add", "--supplier", "ExampelTel", "--for", "1h", "--reason", "x"),
            "did you mean 'ExampleTel'",
        ),
        (("maintenance", "add", "--site", "bcw", "--for", "1h"), "Missing option '--reason'"),
        (("maintenance", "ad"), "did you mean 'add'?"),
        (("maintenance", "end", "0"), "0 is not in the range"),
    ],
)
def test_what_is_refused(agent: Told, words: tuple[str, ...], error: str) -> None:
    result = agent.say(*words)
    assert result.exit_code == 2
    assert error in result.stderr
    assert agent.say("maintenance", "list", "--all").stdout == "no windows\n"


def test_an_outage_is_taken_on_and_spoken_of(agent: Told) -> None:
    result = agent.say("outages", "ack", "2", "on it", "--author", "alice")
    assert re.fullmatch(r"outage 2: acknowledgement of alice at \S+ \S+ is recorded\n", result.stdout)
    assert agent.say("outages", "ack", "3", "--author", "bob").exit_code == 0
    said = json.loads(agent.say("outages", "note", "2", "INC5521\nfibre cut", "--author", "bob", "--json").stdout)
    assert said["note"]["kind"] == "note"
    rows = agent.say("outages").stdout.splitlines()
    assert rows[2].endswith("3 echoes missed; acknowledged by alice: on it; note by bob: INC5521 fibre cut")
    assert rows[3].endswith("(because of enc-crown); acknowledged by bob")
    events = agent.say("events", "--kind", "note").stdout.splitlines()
    assert [re.split(r"\s{2,}", line)[2:] for line in events[1:]] == [
        ["enc-crown", "acknowledged", "alice: on it"],
        ["enc-sw1", "acknowledged", "bob"],
        ["enc-crown", "note", "bob: INC5521 fibre cut"],
    ]
    for words, error in (
        (("ack", "99"), "there is no outage 99"),
        (("note", "2"), "Missing argument 'TEXT'"),
        (("note", "2", " "), "the text must have 1 to 4000 characters"),
        (("ack", "2", "x" * 5000), "the text must have"),
    ):
        result = agent.say("outages", *words)
        assert (result.exit_code, error in result.stderr) == (2, True), result.stderr
    result = linewarden("outages", "--state-dir", agent.state_dir, "ack", "2")
    assert (result.exit_code, "behind the command" in result.stderr) == (2, True)


def test_without_an_agent_the_ledger_is_read_and_nothing_is_taken(tmp_path: Path) -> None:
    with listening(tmp_path) as agent:
        agent.say("maintenance", "add", "--site", "bcw", "--for", "2h", "--reason", "power")
        agent.say("outages", "ack", "2", "--author", "alice")
    result = linewarden("maintenance", "list", "--state-dir", tmp_path)
    assert result.stdout.splitlines()[1].split()[:3] == ["1", "maintenance", "lasts"]
    assert "no agent is running; read from" in result.stderr
    assert "acknowledged by alice" in linewarden("outages", "--state-dir", tmp_path).stdout
    for words in (
        (*NEAR, "--for", "1h"),
        ("maintenance", "end", "1"),
        ("outages", "ack", "2"),
        ("outages", "note", "2", "x"),
    ):
        result = linewarden(*words, "--state-dir", tmp_path)
        assert result.exit_code == 3
        assert "no agent is running (tried " in result.stderr
        assert "only a running one takes this; name it with --url or --config" in result.stderr
    assert len(LedgerReader(tmp_path / FILE_NAME).windows()) == 1
    assert len(LedgerReader(tmp_path / FILE_NAME).events(EventFilter())) == len(HISTORY) + 2


def test_over_tcp_without_a_password_it_is_not_permitted(agent: Told) -> None:
    result = linewarden(*NEAR, "--for", "1h", "--url", agent.url)
    assert result.exit_code == 3
    assert "not permitted: Writing calls are not served here: this agent's TCP address asks nobody" in result.stderr
    assert linewarden("maintenance", "list", "--url", agent.url).exit_code == 0


def test_an_agent_that_cannot_write(tmp_path: Path) -> None:
    with listening(tmp_path) as agent:
        agent.say("maintenance", "list")
        import sqlite3

        other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        result = agent.say(*NEAR, "--for", "1h")
        assert result.exit_code == 3
        assert "the ledger cannot be written, and nothing was taken: " in result.stderr
        other.execute("ROLLBACK")
        other.close()


def test_times_of_day_mean_the_next_one() -> None:
    now = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    zone = maintenance_add._when(None, "22:00", None, None, None, "", "Europe/London")
    assert zone[1] - zone[0] <= timedelta(hours=25)
    from agent.core.recurrence import zone_of

    london = zone_of("Europe/London")
    assert maintenance_add._moment("--from", "23:30", london, now).isoformat() == "2026-03-28T23:30:00+00:00"
    assert maintenance_add._moment("--from", "22:00", london, now).isoformat() == "2026-03-29T21:00:00+00:00"
    assert maintenance_add._moment("--from", "2026-03-29 22:00", london, now).isoformat() == "2026-03-29T21:00:00+00:00"
    assert (
        maintenance_add._moment("--from", "2026-03-29T22:00Z", london, now).isoformat() == "2026-03-29T22:00:00+00:00"
    )


def test_whose_name_stands_in_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "alice")
    assert speaker.own_name() == "alice"
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    assert speaker.own_name() == "root"

    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert speaker.own_name() == "uid 0"


def test_a_host_that_names_no_zone_keeps_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import tzlocal

    monkeypatch.setattr(tzlocal, "get_localzone_name", lambda: None)
    assert maintenance_add._own_zone() == "UTC"

    def torn() -> str:
        raise LookupError("two zones")

    monkeypatch.setattr(tzlocal, "get_localzone_name", torn)
    assert maintenance_add._own_zone() == "UTC"
