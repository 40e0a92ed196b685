"""Units as people write them."""

import pytest
from pydantic import ValidationError

from agent.core.units import (
    Dscp,
    Duration,
    Rate,
    Ratio,
    Strict,
    format_duration,
    parse_dscp,
    parse_duration,
    parse_rate,
    parse_ratio,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("250ms", 0.25),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("0.5d", 43200.0),
        ("2w", 1209600.0),
        ("5y", 157788000.0),
        ("0s", 0.0),
        (0, 0.0),
        (0.0, 0.0),
    ],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "10 seconds", "-1s", "1s!", "1e3s", 10, 1.5, True, False, None, []])
def test_durations_need_their_unit(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration with its unit"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("99.9%", 0.999), ("0.999", 0.999), ("100 %", 1.0), (" 0% ", 0.0), (1, 1.0), (0.25, 0.25), (0, 0.0)],
)
def test_ratios(text: object, ratio: float) -> None:
    assert parse_ratio(text) == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["101%", "99.9", 2, -0.1, float("nan"), True, "%", "many", None])
def test_ratios_lie_between_0_and_1(text: object) -> None:
    with pytest.raises(ValueError, match="expected a ratio"):
        parse_ratio(text)


@pytest.mark.parametrize(
    ("text", "bits"),
    [("100Mbit/s", 1e8), ("1Gbps", 1e9), ("64kbit/s", 64e3), ("9600bit/s", 9600.0), ("1.5 Tb/s", 1.5e12)],
)
def test_rates(text: object, bits: float) -> None:
    assert parse_rate(text) == bits


@pytest.mark.parametrize("text", ["100", "100M", "100MB/s", "1 Mbit", 100, None, "fast"])
def test_rates_need_their_unit(text: object) -> None:
    with pytest.raises(ValueError, match="expected a rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "code"), [("EF", 46), ("ef", 46), ("AF41", 34), ("CS6", 48), ("BE", 0), ("LE", 1), ("VA", 44), (63, 63)]
)
def test_dscps(text: object, code: int) -> None:
    assert parse_dscp(text) == code


@pytest.mark.parametrize("text", ["AF51", "CS8", "", 64, -1, True, 1.0, None])
def test_unknown_dscps(text: object) -> None:
    with pytest.raises(ValueError, match="expected a DSCP"):
        parse_dscp(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.0004, "0 ms"),
        (0.25, "250 ms"),
        (1.0, "1 s"),
        (12.34, "12.3 s"),
        (60.0, "1 min"),
        (200.0, "3 min 20 s"),
        (3600.0, "1 h"),
        (7500.0, "2 h 5 min"),
        (86400.0, "1 d"),
        (356400.0, "4 d 3 h"),
    ],
)
def test_durations_for_a_person(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


class Sample(Strict):
    interval: Duration = 1.0
    loss: Ratio = 0.0
    capacity: Rate = 0.0
    dscp: Dscp = 0


def test_settings_take_units_and_know_no_other_key() -> None:
    sample = Sample.model_validate({"interval": "10s", "loss": "1%", "capacity": "1Gbit/s", "dscp": "EF"})
    assert (sample.interval, sample.loss, sample.capacity, sample.dscp) == (10.0, 0.01, 1e9, 46)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Sample.model_validate({"interwal": "10s"})
    with pytest.raises(ValidationError, match="frozen"):
        sample.interval = 2.0  # type: ignore[misc]  # that is what is tested
