"""The script of the simulated estate, at injected times."""

import pytest

from agent.cli.simulated.script import CYCLE_SECONDS, FAILURES, Failure, Script

CUT = Failure("wan", 20.0, 65.0, "")


def begun(at: float = 0.0, speed: float = 1.0) -> Script:
    script = Script(speed, (CUT, Failure("other", 1.0, 2.0, "")))
    script.begin(at)
    return script


@pytest.mark.parametrize(
    ("now", "failed", "down_seconds", "changed_at"),
    [
        (0.0, False, 0.0, None),
        (19.9, False, 0.0, None),
        (20.0, True, 0.0, 20.0),
        (50.0, True, 30.0, 20.0),
        (65.0, False, 45.0, 65.0),
        (600.0, False, 45.0, 65.0),
        (619.0, False, 45.0, 65.0),
        (621.0, True, 46.0, 620.0),
        (680.0, False, 90.0, 665.0),
    ],
)
def test_a_circuit_fails_and_recovers_in_each_cycle(
    now: float, failed: bool, down_seconds: float, changed_at: float | None
) -> None:
    script = begun()
    assert script.failed("wan", now) is failed
    assert script.down_seconds("wan", now) == pytest.approx(down_seconds)
    assert script.changed_at("wan", now) == pytest.approx(changed_at)


def test_it_begins_when_told_and_runs_faster_when_told() -> None:
    script = begun(at=100.0, speed=10.0)
    assert not script.failed("wan", 99.0)
    assert not script.failed("wan", 101.9)
    assert script.failed("wan", 102.1)
    assert script.down_seconds("wan", 104.0) == pytest.approx(2.0)
    assert script.changed_at("wan", 104.0) == pytest.approx(102.0)
    assert not script.failed("wan", 106.6)


def test_before_the_beginning_and_elsewhere_nothing_fails() -> None:
    script = Script(failures=(CUT,))
    assert not script.failed("wan", 30.0)
    assert script.down_seconds("wan", 30.0) == 0.0
    assert script.changed_at("wan", 30.0) is None
    assert begun().changed_at("no such circuit", 30.0) is None


def test_what_a_newcomer_sees_within_two_minutes() -> None:
    first, second = FAILURES
    assert (first.begins_seconds, first.ends_seconds) == (20.0, 65.0)
    assert first.ends_seconds < second.begins_seconds < 120
    assert second.ends_seconds < CYCLE_SECONDS
