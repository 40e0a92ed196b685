"""Names of OIDs and back, as tables."""

import pytest

from probes.snmp.names import MibObject, Names, UnknownNameError
from probes.snmp.oid import encode_oid, oid_text

NAMES = Names(
    [
        MibObject("sysUpTime", "1.3.6.1.2.1.1.3"),
        MibObject("fanState", "1.3.6.1.4.1.32473.1.2", "FAN-MIB", enums={1: "ok"}),
        MibObject("fanState", "1.3.6.1.4.1.32473.9", "OTHER-MIB"),
        MibObject("fanSecond", "1.3.6.1.4.1.32473.1.2", "LATE-MIB"),
        MibObject("noWay", "9.9.9", "BAD-MIB"),
        MibObject("nameless", "1.3.6.1.4.1.32473.300"),
    ]
)


@pytest.mark.parametrize(
    ("text", "oid", "shown"),
    [
        ("1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.3.0", "SNMPv2-MIB::sysUpTime.0"),
        (".1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.3.0", "SNMPv2-MIB::sysUpTime.0"),
        ("sysUpTime.0", "1.3.6.1.2.1.1.3.0", "SNMPv2-MIB::sysUpTime.0"),
        ("SNMPv2-MIB::sysUpTime", "1.3.6.1.2.1.1.3", "SNMPv2-MIB::sysUpTime"),
        ("IF-MIB::ifInUnknownProtos.10101", "1.3.6.1.2.1.2.2.1.15.10101", "IF-MIB::ifInUnknownProtos.10101"),
        ("ifAlias.3", "1.3.6.1.2.1.31.1.1.1.18.3", "IF-MIB::ifAlias.3"),
        ("fanState.4294967295.1", "1.3.6.1.4.1.32473.1.2.4294967295.1", "FAN-MIB::fanState.4294967295.1"),
        ("OTHER-MIB::fanState.1", "1.3.6.1.4.1.32473.9.1", "OTHER-MIB::fanState.1"),
        ("LATE-MIB::fanSecond", "1.3.6.1.4.1.32473.1.2", "FAN-MIB::fanState"),
        ("nameless.1", "1.3.6.1.4.1.32473.300.1", "nameless.1"),
        ("ANY-MIB::nameless.1", "1.3.6.1.4.1.32473.300.1", "nameless.1"),
        ("enterprises.9.1.1208", "1.3.6.1.4.1.9.1.1208", "SNMPv2-SMI::enterprises.9.1.1208"),
        ("2.5.4", "2.5.4", "2.5.4"),
        ("0.0", "0.0", "SNMPv2-SMI::zeroDotZero"),
    ],
)
def test_a_name_leads_to_its_oid_and_back(text: str, oid: str, shown: str) -> None:
    assert oid_text(NAMES.oid(text)) == oid
    assert NAMES.text(encode_oid(oid)) == shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sysuptime.0", "nothing is called 'sysuptime'; did you mean 'sysUpTime'?"),
        ("zzz.0", "nothing is called 'zzz'; give the MIB file a place in --mib-dir, or the OID as numbers"),
        ("IF-MIB::sysUpTime.0", "sysUpTime is not of IF-MIB; it is of SNMPv2-MIB"),
        ("X-MIB::fanState.0", "fanState is not of X-MIB; it is of FAN-MIB and OTHER-MIB"),
        ("sysUpTime.4294967296", "sysUpTime.4294967296: expected numbers below 4294967296 behind the name"),
        ("sysUpTime.x", "expected an OID such as"),
        ("", "expected an OID such as"),
        ("1", "expected an OID such as"),
        ("3.1", "expected an OID of 2 to 128 numbers"),
        ("1.3.6.1.4294967296", "expected an OID of 2 to 128 numbers"),
        ("ifDescr." + "1." * 5, "expected an OID such as"),
    ],
)
def test_what_is_no_name_is_told(text: str, said: str) -> None:
    with pytest.raises(UnknownNameError, match="^" + said.replace("?", r"\?").replace("[", r"\[")):
        NAMES.oid(text)


def test_everything_is_walked_by_one_number() -> None:
    assert list(map(oid_text, NAMES.subtrees(".1"))) == ["1.0", "1.1", "1.2", "1.3"]
    assert NAMES.subtrees("1") == NAMES.subtrees("iso")
    assert list(map(oid_text, NAMES.subtrees("ifXTable"))) == ["1.3.6.1.2.1.31.1.1"]


def test_a_name_is_found_at_the_border_of_numbers_only() -> None:
    # 1.3.6.1.4.1.32473 is three octets of which the first could be taken for a name's end
    names = Names([MibObject("short", "1.3.6.1.4.1.130")])
    assert names.find(encode_oid("1.3.6.1.4.1.130.5"))[1] == b"\x05"
    found, rest = names.find(encode_oid("1.3.6.1.4.1.16386"))
    assert found is not None
    assert (found.name, len(rest)) == ("enterprises", 3)


def test_an_oid_that_no_packet_carries_is_left_out() -> None:
    with pytest.raises(UnknownNameError, match="nothing is called 'noWay'"):
        NAMES.oid("noWay")
    assert len(NAMES) > 70
