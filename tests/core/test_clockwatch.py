"""Clock steps, suspends, lateness and hung parts, as rules over given times."""

import pytest

from agent.core.clockwatch import Beat, ClockChange, ClockReading, LagWindow, clock_change, stalled


@pytest.mark.parametrize(
    ("real", "mono", "boot", "expected"),
    [
        (0.25, 0.25, 0.25, ClockChange()),
        (0.2505, 0.25, 0.25, ClockChange()),  # slewed by NTP
        (-3599.75, 0.25, 0.25, ClockChange(step_seconds=-3600.0)),
        (60.25, 0.25, 0.25, ClockChange(step_seconds=60.0)),
        (600.25, 0.25, 600.25, ClockChange(suspended_seconds=600.0)),  # slept, and set right on waking
        (0.25, 0.25, 600.25, ClockChange(step_seconds=-600.0, suspended_seconds=600.0)),  # slept, and not set right
        (5.0, 5.0, 5.0, ClockChange()),  # only the loop was late
    ],
)
def test_a_step_is_told_from_a_suspend(real: float, mono: float, boot: float, expected: ClockChange) -> None:
    before = ClockReading(1_700_000_000.0, 1000.0, 2000.0)
    after = ClockReading(1_700_000_000.0 + real, 1000.0 + mono, 2000.0 + boot)
    change = clock_change(before, after)
    assert change.step_seconds == pytest.approx(expected.step_seconds, abs=1e-3)
    assert change.suspended_seconds == pytest.approx(expected.suspended_seconds, abs=1e-3)


def test_the_worst_lag_is_forgotten_after_the_span() -> None:
    window = LagWindow(span_seconds=60)
    assert window.worst_seconds(0.0) is None
    window.add(1.0, 0.5)
    window.add(1.4, 0.2)
    window.add(30.0, 0.1)
    window.add(31.0, -0.001)  # a timer may fire a hair early: no lag
    assert window.worst_seconds(31.0) == 0.5
    assert window.worst_seconds(62.5) == 0.1
    assert window.worst_seconds(200.0) is None


def test_a_part_that_stopped_moving_is_named() -> None:
    beats = {"pipeline": Beat(at_seconds=100.0, limit_seconds=5.0), "ledger": Beat(104.0, 5.0)}
    assert stalled(105.0, beats) is None
    assert stalled(106.0, beats) == "pipeline has not moved for 6.0 s (limit 5 s)"
    assert stalled(110.0, {}) is None
    assert (stalled(110.0, beats) or "").count(";") == 1
