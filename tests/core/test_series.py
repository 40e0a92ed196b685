"""Bulk series."""

import numpy as np
import pytest

from agent.core.series import Family, SeriesBlock


def test_the_length_is_the_number_of_samples() -> None:
    octets = Family("ifHCInOctets", "counter", "", ('ifHCInOctets{ifIndex="1"}', 'ifHCInOctets{ifIndex="2"}'),
                    np.array([1.0, 2.0]))  # fmt: skip
    uptime = Family("sysUpTime", "gauge", "", ("sysUpTime{}",), np.array([3.0]))
    assert len(SeriesBlock((octets, uptime))) == 3
    assert len(SeriesBlock(())) == 0
    with pytest.raises(AttributeError):
        octets.name = "other"  # type: ignore[misc]  # that is what is tested
