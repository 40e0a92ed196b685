"""The rate limit and the time window, as tables: at which second, and whether it passes."""

import pytest

from probes.snmp.traprate import RateLimit, Timeline

MAX_BOOTS = 2**31 - 1


@pytest.mark.parametrize(
    ("rate", "burst", "sent"),
    [
        (1, 2, "0.0+ 0.0+ 0.0- 0.5- 1.0+ 1.0- 2.0+"),  # a full bucket, then one a second
        (10, 1, "0.0+ 0.05- 0.1+ 0.15- 0.2+"),
        (1, 3, "0.0+ 0.0+ 0.0+ 0.0- 100.0+ 100.0+ 100.0+ 100.0-"),  # a pause fills it, and no more than that
        (0.5, 1, "0.0+ 1.0- 2.0+ 3.0- 4.0+"),
        (0.01, None, "0.0+ 1.0- 99.0- 100.0+"),  # one passes at least, however low the rate
        (2, None, "0.0+ " * 10 + "0.0- 0.5+ 0.5-"),
    ],
)
def test_rate(rate: float, burst: float | None, sent: str) -> None:
    limit = RateLimit(rate, burst=burst)
    found = [f"{word[:-1]}{'+' if limit.allow('10.0.0.1', float(word[:-1])) else '-'}" for word in sent.split()]
    assert " ".join(found) == sent.strip()


def test_one_source_takes_nothing_from_another() -> None:
    limit = RateLimit(1, burst=1)
    assert limit.allow("10.0.0.1", 0.0)
    assert not limit.allow("10.0.0.1", 0.0)
    assert limit.allow("10.0.0.2", 0.0)


def test_the_number_of_sources_is_bounded_and_who_is_heard_stays() -> None:
    limit = RateLimit(1, burst=1, max_sources=100)
    for number in range(10_000):
        limit.allow(f"forged-{number}", 0.0)
        limit.allow("real", 0.0)
        assert len(limit) <= 100
    assert not limit.allow("real", 0.0)


@pytest.mark.parametrize(
    ("heard", "what"),
    [
        ("1/100@0+ 1/101@1+ 1/102@2+", "as time goes"),
        ("1/100@0+ 1/99@1+", "two that overtook one another"),
        ("1/1000@0+ 1/850@0+ 1/849@0-", "150 s late is in time, more is not"),
        ("1/1000@0+ 1/1000@150+ 1/1000@151-", "a message that is kept and sent again"),
        ("1/1000@0+ 1/1500@10+ 1/1200@10-", "the latest counts"),
        ("2/1000@0+ 1/2000@0-", "a former life"),
        ("1/1000@0+ 2/0@1+ 1/1001@2-", "a device that started again"),
        (f"{MAX_BOOTS}/1@0-", "boots that have come to their end"),
    ],
)
def test_time_window(heard: str, what: str) -> None:
    line, found = Timeline(), []
    for word in heard.split():
        boots, seconds, now = (int(part) for part in word[:-1].replace("@", "/").split("/"))
        found.append(f"{word[:-1]}{'+' if line.fresh(b'engine', boots, seconds, now) else '-'}")
    assert " ".join(found) == heard, what


def test_engines_have_times_of_their_own() -> None:
    line = Timeline()
    assert line.fresh(b"one", 5, 5000, 0.0)
    assert line.fresh(b"two", 1, 1, 0.0)
