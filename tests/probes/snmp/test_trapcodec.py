"""The codec of traps: what it reads, what it refuses and how, and that hostile octets end in its one error."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.traps import TrapKind
from probes.snmp import ber
from probes.snmp.ber import Message, Pdu, Tag, VarBind, encode_integer, encode_oid, encode_varbind, tlv
from probes.snmp.oid import SnmpDecodeError
from probes.snmp.trapcodec import (
    MAX_TRAP_OCTETS,
    Notification,
    TrapPdu,
    decode_envelope,
    decode_notification,
    decode_secure_header,
    decode_version,
    encode_acknowledgement,
    interface_of,
    oid_of,
)

TRAPS = "1.3.6.1.6.3.1.1.5"
UPTIME: VarBind = (encode_oid("1.3.6.1.2.1.1.3.0"), Tag.TIMETICKS, 100)
WAN1: VarBind = (encode_oid("1.3.6.1.2.1.31.1.1.1.1.7"), Tag.OCTET_STRING, b"wan1")


def named(oid: str) -> VarBind:
    return encode_oid("1.3.6.1.6.3.1.1.4.1.0"), Tag.OID, encode_oid(oid)


def trap_v2(*binds: VarBind, pdu: int = TrapPdu.TRAP, community: bytes = b"public") -> bytes:
    return ber.encode_message(Message(1, community, pdu, 4711, 0, 0, list(binds)))


def trap_v1(
    generic: int, specific: int = 0, *binds: VarBind, enterprise: str = "1.3.6.1.4.1.9", agent: bytes = b"\x0a\0\0\1"
) -> bytes:
    body = tlv(Tag.OID, encode_oid(enterprise)) + tlv(Tag.IP_ADDRESS, agent)
    body += encode_integer(generic) + encode_integer(specific) + encode_integer(100, Tag.TIMETICKS)
    body += tlv(0x30, b"".join(encode_varbind(*bind) for bind in binds))
    return tlv(0x30, encode_integer(0) + tlv(Tag.OCTET_STRING, b"public") + tlv(TrapPdu.TRAP_V1, body))


def secure(
    *, engine: bytes = b"\x80\0\x1f\x88\x80\1\2\3", user: bytes = b"ops", flags: bytes = b"\x05", model: int = 3,
    boots: int = 3, seconds: int = 77, data: bytes = b"\x30\x00", version: int = 3,
) -> bytes:  # fmt: skip
    head = encode_integer(9) + encode_integer(65507) + tlv(4, flags) + encode_integer(model)
    usm = tlv(4, engine) + encode_integer(boots) + encode_integer(seconds) + tlv(4, user) + tlv(4, b"d" * 12)
    parameters = tlv(4, tlv(0x30, usm + tlv(4, b"")))
    return tlv(0x30, encode_integer(version) + tlv(0x30, head) + parameters + data)


def read(data: bytes) -> Notification:
    found = decode_notification(data, decode_envelope(data).pdu_at)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("generic", "specific", "kind", "oid"),
    [
        (0, 0, TrapKind.COLD_START, f"{TRAPS}.1"),
        (1, 0, TrapKind.WARM_START, f"{TRAPS}.2"),
        (2, 0, TrapKind.LINK_DOWN, f"{TRAPS}.3"),
        (3, 99, TrapKind.LINK_UP, f"{TRAPS}.4"),
        (4, 0, TrapKind.AUTHENTICATION_FAILURE, f"{TRAPS}.5"),
        (5, 0, TrapKind.OTHER, f"{TRAPS}.6"),
        (6, 0, TrapKind.OTHER, "1.3.6.1.4.1.9.0.0"),
        (6, 2**31 - 1, TrapKind.OTHER, f"1.3.6.1.4.1.9.0.{2**31 - 1}"),
    ],
)
def test_v1_by_rfc_3584(generic: int, specific: int, kind: TrapKind, oid: str) -> None:
    found = read(trap_v1(generic, specific, WAN1))
    assert (found.kind, oid_of(found), found.varbinds) == (kind, oid, [WAN1])


@pytest.mark.parametrize(
    ("binds", "kind", "rest"),
    [
        ((UPTIME, named(f"{TRAPS}.3"), WAN1), TrapKind.LINK_DOWN, [WAN1]),
        ((UPTIME, named(f"{TRAPS}.4")), TrapKind.LINK_UP, []),
        ((named(f"{TRAPS}.1"),), TrapKind.COLD_START, [named(f"{TRAPS}.1")]),  # no sysUpTime: there are such devices
        ((UPTIME, WAN1, named(f"{TRAPS}.3")), TrapKind.LINK_DOWN, [UPTIME, WAN1, named(f"{TRAPS}.3")]),
        ((UPTIME, named("1.3.6.1.4.1.9.9.41.2.0.1")), TrapKind.OTHER, []),
        ((UPTIME, named(f"{TRAPS}.3.1")), TrapKind.OTHER, []),
    ],
)
@pytest.mark.parametrize("pdu", [TrapPdu.TRAP, TrapPdu.INFORM])
def test_v2c(pdu: TrapPdu, binds: tuple[VarBind, ...], kind: TrapKind, rest: list[VarBind]) -> None:
    data = trap_v2(*binds, pdu=pdu)
    found = read(data)
    assert (found.pdu, found.request_id, found.kind, found.varbinds) == (pdu, 4711, kind, rest)
    assert decode_version(data) == 1
    assert decode_envelope(data).community == b"public"


def test_an_acknowledgement_is_the_inform_as_a_response() -> None:
    binds = [UPTIME, named(f"{TRAPS}.3"), WAN1]
    found = ber.decode_response(encode_acknowledgement(1, b"public", read(trap_v2(*binds, pdu=TrapPdu.INFORM))))
    assert found == Message(1, b"public", Pdu.RESPONSE, 4711, 0, 0, binds)


def column(text: str, value: bytes | int) -> VarBind:
    return encode_oid(f"1.3.6.1.2.1.{text}"), Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING, value


@pytest.mark.parametrize(
    ("binds", "found"),
    [
        ([], (None, ())),
        ([column("2.2.1.1.7", 7)], (7, ())),
        ([column("2.2.1.1.7", 8)], (8, ())),  # the value is what RFC 2863 wants; the index only repeats it
        ([column("2.2.1.7.300", 2), column("2.2.1.8.300", 2)], (300, ())),
        ([column("2.2.1.7", 2)], (None, ())),
        ([column("2.2.1.10.7", 2)], (None, ())),
        ([column("2.2.1.1.7", 7), column("31.1.1.1.1.7", b"wan1")], (7, ("wan1",))),
        ([column("2.2.1.2.7", b"GigabitEthernet0/1\0"), column("31.1.1.1.18.7", b"to the depot")],
         (None, ("GigabitEthernet0/1", "to the depot"))),
        ([column("2.2.1.2.7", b"wan1"), column("31.1.1.1.1.7", b"wan1")], (None, ("wan1",))),
        ([column("2.2.1.2.7", b""), column("31.1.1.1.1.7", b"\xff" * 9000)], (None, ("\ufffd" * 255,))),
        ([column("31.1.1.1.1.7", 7)], (None, ())),
    ],
)  # fmt: skip
def test_which_interface_is_meant(binds: list[VarBind], found: tuple[int | None, tuple[str, ...]]) -> None:
    assert interface_of(Notification(TrapPdu.TRAP, 0, b"", binds, b"")) == found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "SNMP message .* expected at octet 0, got the end"),
        (trap_v2(UPTIME), "snmpTrapOID.0 expected among the first"),
        (trap_v2(*[UPTIME] * 4, named(f"{TRAPS}.3")), "snmpTrapOID.0 expected"),
        (trap_v2(UPTIME, (named("1.3")[0], Tag.OCTET_STRING, b"x")), "snmpTrapOID.0 expected"),
        (trap_v2(UPTIME) + b"\0", "end of the message expected .* 1 octets more"),
        (trap_v2(UPTIME)[:-1], "SNMP message needs"),
        (trap_v1(7), "generic-trap from 0 to 6"),
        (trap_v1(-1), "generic-trap from 0 to 6"),
        (trap_v1(6, -1), "generic-trap from 0 to 6"),
        (trap_v1(0, agent=b"12"), "agent-addr of 4 octets"),
        (trap_v1(0).replace(encode_oid("1.3.6.1.4.1.9"), b"\x2b\x06\x01\x04\x01\x89"), "OID of an enterprise"),
        (b"\x30\x84\x00\x00\x00\x02\x02\x00", "version needs 1 to 5 octets"),
        (b"\x30\x85\x00\x00\x00\x00\x00", "length of SNMP message in 1 to 4 octets"),
        (b"\x30\x80", "length of SNMP message"),
        (b"0" * (MAX_TRAP_OCTETS + 1), "trap of at most"),
        (tlv(0x30, encode_integer(1) + tlv(4, b"public")), "PDU expected at octet"),
        (secure(), r"version 0 \(v1\) or 1 \(v2c\) expected, got 3"),
    ],
)
def test_what_is_no_trap_is_refused_with_what_was_expected(data: bytes, said: str) -> None:
    with pytest.raises(SnmpDecodeError, match=said):
        decode_notification(data, decode_envelope(data).pdu_at)


@pytest.mark.parametrize("pdu", [Pdu.GET, Pdu.RESPONSE, Pdu.SET, Pdu.GETBULK, 0xA8])
def test_any_other_pdu_is_none(pdu: int) -> None:
    data = trap_v2(UPTIME, named(f"{TRAPS}.3"), pdu=pdu)
    assert decode_notification(data, decode_envelope(data).pdu_at) is None


def test_the_header_of_v3() -> None:
    found = decode_secure_header(secure())
    assert (found.message_id, found.user, found.boots, found.seconds) == (9, b"ops", 3, 77)
    assert found.engine_id == b"\x80\0\x1f\x88\x80\1\2\3"
    assert (found.authenticated, found.encrypted, found.reportable) == (True, False, True)
    assert decode_secure_header(secure(flags=b"\x03", data=tlv(4, b"cipher"))).encrypted
    assert decode_secure_header(secure(model=9)).security_model == 9  # whose parameters nobody knows
    assert decode_version(secure()) == 3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (secure(version=2), "version 3 expected, got 2"),
        (secure(flags=b""), "msgFlags of one octet"),
        (secure(flags=b"\x05\x05"), "msgFlags of at most 1 octets"),
        (secure(flags=b"\x02", data=b"\x04\x00"), "with authentication where there is privacy"),
        (secure(flags=b"\x03"), "scopedPDU as the flags say"),
        (secure(data=b"\x04\x00"), "scopedPDU as the flags say"),
        (secure(data=b""), "scopedPDU as the flags say"),
        (secure(data=b"\x30\x00\x00"), "end of the message"),
        (secure(engine=b"e" * 33), "msgAuthoritativeEngineID of at most 32"),
        (secure(user=b"u" * 33), "msgUserName of at most 32"),
        (secure(boots=-1), "boots and time of 0 or more"),
        (secure(seconds=-1), "boots and time of 0 or more"),
        (trap_v2(UPTIME), "version 3 expected, got 1"),
    ],
)
def test_a_header_of_v3_that_is_none(data: bytes, said: str) -> None:
    with pytest.raises(SnmpDecodeError, match=said):
        decode_secure_header(data)


# ------------------------------------------------------------------ hostile octets


SEEDS = [
    trap_v1(2, 0, column("2.2.1.1.7", 7), WAN1),
    trap_v1(6, 300),
    trap_v2(UPTIME, named(f"{TRAPS}.3"), column("2.2.1.1.7", 7), WAN1, column("2.2.1.8.7", 2)),
    trap_v2(UPTIME, named(f"{TRAPS}.4"), pdu=TrapPdu.INFORM),
    secure(),
    secure(flags=b"\x03", data=tlv(4, b"cipher" * 20)),
    secure(engine=b"", user=b"", flags=b"\x04"),
]


def swallow(data: bytes) -> None:
    """Read octets in every way that a receiver does; nothing but the one error may come of it."""
    try:
        if decode_version(data) == 3:
            decode_secure_header(data)
            return
        envelope = decode_envelope(data)
        found = decode_notification(data, envelope.pdu_at)
        if found is not None:
            index, names = interface_of(found)
            assert index is None or isinstance(index, int)
            assert all(0 < len(name) <= 255 for name in names)
            assert found.kind in TrapKind
            oid_of(found)
            encode_acknowledgement(envelope.version, envelope.community, found)
    except SnmpDecodeError:
        return


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    swallow(data)


@settings(max_examples=1000)
@given(st.data())
def test_traps_with_pieces_of_one_another_are_read_or_refused(data: st.DataObject) -> None:
    one, other = data.draw(st.sampled_from(SEEDS)), data.draw(st.sampled_from(SEEDS))
    cut, at = data.draw(st.integers(0, len(one))), data.draw(st.integers(0, len(other)))
    swallow(one[:cut] + data.draw(st.binary(max_size=8)) + other[at:])


def mutations(count: int, seed: int) -> Iterator[bytes]:
    source = random.Random(seed)
    for _ in range(count):
        data = bytearray(source.choice(SEEDS))
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(data)) if data else 0
            match source.randrange(5):
                case 0 if data:
                    data[place] ^= 1 << source.randrange(8)
                case 1 if data:
                    data[place] = source.choice((0, 1, 0x7F, 0x80, 0x81, 0x84, 0xFF, 0x30, 0x04, 0x02, 0x06))
                case 2:
                    data[place:place] = source.randbytes(source.randint(1, 6))
                case 3:
                    del data[place : place + source.randint(1, 6)]
                case _:
                    data = data[: place + 1]
        yield bytes(data)


def test_traps_that_were_damaged_on_the_way_are_read_or_refused() -> None:
    for data in mutations(100_000, seed=4):
        swallow(data)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_million_damaged_traps() -> None:
    for data in mutations(10_000_000, seed=5):
        swallow(data)


def test_what_is_as_long_as_can_be_is_read() -> None:
    many = [column(f"2.2.1.8.{number}", 2) for number in range(1, 450)]
    data = trap_v2(UPTIME, named(f"{TRAPS}.3"), *many)
    assert len(data) < MAX_TRAP_OCTETS
    assert interface_of(read(data)) == (1, ())
