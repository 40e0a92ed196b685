"""Bulk series."""

import numpy as np
import pytest

from agent.core.series import Family, Prefixes, SeriesBlock


def test_the_length_is_the_number_of_samples() -> None:
    octets = Family("ifHCInOctets", "counter", "", ('ifHCInOctets{ifIndex="1"}', 'ifHCInOctets{ifIndex="2"}'),
                    np.array([1.0, 2.0]))  # fmt: skip
    uptime = Family("sysUpTime", "gauge", "", ("sysUpTime{}",), np.array([3.0]))
    assert len(SeriesBlock((octets, uptime))) == 3
    assert len(SeriesBlock(())) == 0
    with pytest.raises(AttributeError):
        octets.name = "other"  # type: ignore[misc]  # that is what is tested


def test_prefixes_are_texts_that_share_their_rows() -> None:
    prefixes = Prefixes("ifMtu", ('ifIndex="1"', 'ifIndex="2"', ""))
    texts = ('ifMtu{ifIndex="1"}', 'ifMtu{ifIndex="2"}', "ifMtu")
    assert tuple(prefixes) == texts
    assert (len(prefixes), prefixes[1], prefixes[-1]) == (3, texts[1], texts[2])
    assert prefixes[:2] == texts[:2]
    assert prefixes == Prefixes("ifMtu", ('ifIndex="1"', 'ifIndex="2"', ""))
    assert hash(prefixes) == hash(texts)
    assert prefixes != 3
    assert not Prefixes("ifMtu", ())


def test_lines_are_prefixes_with_values() -> None:
    labelled = Prefixes("ifMtu", ('ifIndex="1"', 'ifIndex="2"'))
    assert labelled.lines(["7", "8"]) == ['ifMtu{ifIndex="1"} 7\n', 'ifMtu{ifIndex="2"} 8\n']
    assert Prefixes("ifMtu", ('ifIndex="1"', "")).lines(["7", "8"]) == ['ifMtu{ifIndex="1"} 7\n', "ifMtu 8\n"]
    with pytest.raises(ValueError, match="zip"):
        labelled.lines(["7"])
