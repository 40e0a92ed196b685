"""The values themselves: defaults that mean unknown, enums that are the RFC's, secrets that do not show."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import numpy as np
import pytest

from agent.core.delay import RTT_BUCKETS_SECONDS, EchoTotals, train
from agent.core.documents import document
from agent.core.model import (
    AdminStatus,
    Check,
    Echo,
    Estate,
    Health,
    Observation,
    OperStatus,
    Outcome,
    Role,
    Round,
    SnmpAuth,
    State,
    Target,
    Verdict,
)
from agent.core.picture import Picture
from agent.core.ports import Resources


def target(name: str, *checks: str) -> Target:
    return Target(name, Role.DEVICE, "switch", name, checks=tuple(Check(name, check, check, 1.0) for check in checks))


def test_an_estate_lists_every_check_in_the_order_of_the_configuration() -> None:
    names = {"b": target("b", "snmp", "icmp"), "a": target("a"), "c": target("c", "host")}
    estate = Estate("dc1", names)
    assert [(check.target, check.name) for check in estate.checks()] == [("b", "snmp"), ("b", "icmp"), ("c", "host")]


def test_what_is_not_known_yet_is_unknown() -> None:
    assert Health().state is State.UNKNOWN
    assert Health().since is None
    assert Verdict().state is State.UNKNOWN
    seen = Observation("t", "icmp", datetime(2026, 1, 1, tzinfo=UTC), Outcome.NO_ANSWER)
    assert seen.duration_seconds is None
    assert seen.values == ()
    with pytest.raises(FrozenInstanceError):
        seen.outcome = Outcome.OK  # type: ignore[misc]  # that is what is tested


def test_numbers_are_the_rfcs() -> None:
    assert [status.value for status in AdminStatus] == [1, 2, 3]
    assert OperStatus(6) is OperStatus.NOT_PRESENT
    assert OperStatus(7) is OperStatus.LOWER_LAYER_DOWN
    assert Echo(0) is Echo.PENDING


def test_secrets_do_not_show() -> None:
    auth = SnmpAuth("core", community="c0mm", password="passw0rd", priv_password="priv4te")
    for secret in ("c0mm", "passw0rd", "priv4te"):
        assert secret not in repr(auth)
        assert secret not in repr(Resources(auths={"core": auth}))


def test_a_picture_puts_a_round_into_words_when_it_is_asked() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    picture = Picture(Estate("a", {}), now, now)
    assert picture.observation("t", "icmp") is None
    assert picture.round("t", "icmp") is None
    seen = train(Round("t", "icmp", now, now, np.array([1.0]), np.array([0.002]), np.array([Echo.RECEIVED], np.uint8)))
    picture.observations["t", "icmp"] = picture.rounds["t", "icmp"] = seen
    polled = picture.observations["t", "snmp"] = Observation("t", "snmp", now, Outcome.OK)
    observation, summary = picture.observation("t", "icmp"), picture.round("t", "icmp")
    assert observation is not None
    assert observation.detail == "1 of 1 echo answered, 2.0 ms"
    assert summary is not None
    assert summary.received == 1
    assert picture.observation("t", "snmp") is polled


def test_a_new_picture_knows_nothing_and_shares_nothing() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    one, other = Picture(Estate("a", {}), now, now), Picture(Estate("b", {}), now, now)
    one.health["t", "icmp"] = Health(State.UP)
    assert other.health == {}
    assert one.ready is False
    assert len(EchoTotals().rtt_counts) == len(RTT_BUCKETS_SECONDS) + 1
    assert list(RTT_BUCKETS_SECONDS) == sorted(RTT_BUCKETS_SECONDS)
    assert document(Verdict())["state"] == "unknown"
