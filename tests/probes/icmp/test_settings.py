"""What a person may write for an ICMP check, and what each refusal says."""

from typing import Any

import pytest
from pydantic import ValidationError

from probes.icmp.settings import Settings


def test_defaults() -> None:
    settings = Settings.model_validate({"address": "10.0.0.1"})
    assert (settings.interval, settings.round, settings.timeout, settings.size, settings.ttl) == (1, 10, 3, 56, 64)
    assert (settings.type, settings.dscp, settings.family) == ("icmp", 0, None)


def test_everything_as_the_configuration_writes_it() -> None:
    settings = Settings.model_validate(
        {"type": "icmp", "address": "mail.example.net", "interval": "200ms", "round": "1m", "timeout": "2s",
         "dscp": "EF", "interface": "eth1", "source": "fd00::1", "size": 1400, "ttl": 3, "family": 6}
    )  # fmt: skip
    assert (settings.interval, settings.round, settings.dscp) == (0.2, 60, 46)


def test_a_long_interval_takes_its_round_along() -> None:
    assert Settings.model_validate({"address": "10.0.0.1", "interval": "1m"}).round == 60


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"address": ""}, "expected an IP address or a host name"),
        ({"address": "a b"}, "expected an IP address or a host name"),
        ({"interval": "1ms"}, "interval: expected at least 10 ms, got 0.001 s"),
        ({"interval": "20s", "round": "10s"}, r"round: expected at least one interval \(20 s\), got 10 s"),
        ({"interval": "10ms", "round": "1h"}, "round: expected at most 3600 intervals, got 360000"),
        ({"timeout": 0}, "timeout: expected more than 0 s"),
        ({"timeout": "2m"}, "at most 60 s, got 120 s"),
        ({"interface": "a-name-that-is-too-long"}, "at most 15 characters"),
        ({"source": "somewhere"}, "source: expected an IP address of this host, got 'somewhere'"),
        ({"source": "fd00::1"}, "source: fd00::1 is an IPv6 address, and the target's is not"),
        ({"family": 6}, "family: 10.0.0.1 is an IPv4 address, and family says 6"),
        ({"size": 15}, "greater than or equal to 16"),
        ({"ttl": 0}, "greater than or equal to 1"),
        ({"dscp": "EFF"}, "expected a DSCP such as EF"),
        ({"dcsp": "EF"}, "Extra inputs are not permitted"),
    ],
)
def test_a_refusal_names_what_was_expected(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        Settings.model_validate({"address": "10.0.0.1", **values})
