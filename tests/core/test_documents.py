"""Values as JSON."""

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from agent.core.documents import document
from agent.core.model import Check, Event, EventKind, Mark, OperStatus, SnmpAuth, State, Verdict
from agent.core.picture import DevicePoll

AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("x", "x"),
        (AT, "2026-03-01T12:00:00.250000+00:00"),
        (date(2026, 3, 1), "2026-03-01"),
        (State.DOWN, "down"),
        (OperStatus.LOWER_LAYER_DOWN, 7),
        ({Mark.FLAPPING: (1, 2)}, {"flapping": [1, 2]}),
        ({3: [None]}, {"3": [None]}),
        (frozenset({Mark.MAINTENANCE, Mark.FLAPPING}), ["flapping", "maintenance"]),
        ({"b", "a"}, ["a", "b"]),
        (ZoneInfo("Europe/London"), "Europe/London"),
        (UTC, "UTC"),
        (np.array([1.5, 2.0]), [1.5, 2.0]),
    ],
)
def test_values(value: object, wanted: object) -> None:
    assert document(value) == wanted


def test_a_dataclass_is_an_object_with_its_fields() -> None:
    event = Event(EventKind.TARGET, AT, AT, "wan", "up", "down", "no answer", evidence=(("missed", 5.0),))
    found = json.loads(json.dumps(document(event)))
    assert found["kind"] == "target"
    assert found["evidence"] == [["missed", 5.0]]
    assert found["id"] is None
    assert document(Verdict(marks=frozenset({Mark.FLAPPING})))["marks"] == ["flapping"]


def test_settings_and_bulk_data_are_left_out() -> None:
    assert "settings" not in document(Check("t", "icmp", "icmp", 1.0, settings=SnmpAuth("a", community="secret")))
    assert "gzip_text" not in document(DevicePoll(AT, True, 0.1, "", AT, gzip_text=lambda: b"..."))


@pytest.mark.parametrize("value", [b"octets", object(), State, Event, 1j])
def test_what_has_no_place_in_a_document(value: object) -> None:
    with pytest.raises(TypeError, match="no document for a"):
        document(value)


def test_kinds_of_plain_numbers_and_words_stay() -> None:
    assert document(np.float64(1.5)) == 1.5
    assert document(type("Name", (str,), {})("crown")) == "crown"
