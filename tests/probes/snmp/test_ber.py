"""The codec against pysnmp's and pyasn1's encoders, against itself, and against hostile octets."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.snmp import ber
from probes.snmp.ber import Message, Pdu, SnmpDecodeError, Tag, VarBind

part = st.one_of(st.integers(0, 200), st.integers(0, (1 << 32) - 1))
oid_parts = st.builds(
    lambda head, tail: (*head, *tail),
    st.one_of(st.tuples(st.integers(0, 1), st.integers(0, 39)), st.tuples(st.just(2), st.integers(0, 1000))),
    st.lists(part, max_size=20),
)
oid_bodies = oid_parts.map(ber.encode_parts)


def value_of(
    tag: Tag, values: st.SearchStrategy[int | bytes | None]
) -> st.SearchStrategy[tuple[int, int | bytes | None]]:
    return values.map(lambda value: (int(tag), value))


values = st.one_of(
    value_of(Tag.INTEGER, st.integers(-(1 << 31), (1 << 31) - 1)),
    value_of(Tag.OCTET_STRING, st.binary(max_size=300)),
    value_of(Tag.OID, oid_bodies),
    value_of(Tag.IP_ADDRESS, st.binary(min_size=4, max_size=4)),
    *(value_of(tag, st.integers(0, (1 << 32) - 1)) for tag in (Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS)),
    value_of(Tag.COUNTER64, st.integers(0, (1 << 64) - 1)),
    value_of(Tag.OPAQUE, st.binary(max_size=20)),
    *(value_of(t, st.none()) for t in (Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW)),
)
varbinds: st.SearchStrategy[VarBind] = st.builds(lambda oid, typed: (oid, *typed), oid_bodies, values)
messages = st.builds(
    Message,
    st.integers(0, 1),
    st.binary(max_size=40),
    st.sampled_from([int(pdu) for pdu in Pdu]),
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.integers(0, 18),
    st.integers(0, 200),
    st.lists(varbinds, max_size=8),
)
WALK = ber.encode_message(
    Message(1, b"public", Pdu.RESPONSE, 0x40000001, 0, 0, [
        (ber.encode_oid("1.3.6.1.2.1.1.3.0"), Tag.TIMETICKS, 123456),
        (ber.encode_oid("1.3.6.1.2.1.2.2.1.2.10101"), Tag.OCTET_STRING, b"GigabitEthernet1/0/1"),
        (ber.encode_oid("1.3.6.1.2.1.31.1.1.1.6.10101"), Tag.COUNTER64, 1 << 63),
        (ber.encode_oid("1.3.6.1.2.1.1.2.0"), Tag.OID, ber.encode_oid("1.3.6.1.4.1.9.1.1208")),
    ])
)  # fmt: skip


@given(messages)
def test_a_message_comes_back_as_it_went(message: Message) -> None:
    assert ber.decode_message(ber.encode_message(message)) == message


@given(oid_parts)
def test_an_oid_comes_back_as_it_went(parts: tuple[int, ...]) -> None:
    body = ber.encode_parts(parts)
    assert ber.decode_oid(body) == parts
    assert ber.encode_oid("." + ber.oid_text(body)) == body


@given(oid_parts, oid_parts)
def test_order_is_the_order_of_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert ber.oid_after(ber.encode_parts(one), ber.encode_parts(other)) == (one > other)


@pytest.mark.parametrize("text", ["", "1", "a.b", "3.1.2", "1.40.1", "1.3.4294967296", "1..3", "1.3.6 ", "٣.1"])
def test_what_is_no_oid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an OID"):
        ber.encode_oid(text)


@settings(max_examples=100)
@given(messages)
def test_pysnmp_reads_and_writes_the_same_messages(message: Message) -> None:
    from pyasn1.codec.ber import decoder, encoder
    from pysnmp.proto import api, rfc1902
    from pysnmp.proto.rfc1905 import endOfMibView, noSuchInstance, noSuchObject

    tags = {Tag.NO_SUCH_OBJECT: noSuchObject, Tag.NO_SUCH_INSTANCE: noSuchInstance, Tag.END_OF_MIB_VIEW: endOfMibView}
    types = {
        Tag.INTEGER: rfc1902.Integer32, Tag.OCTET_STRING: rfc1902.OctetString, Tag.IP_ADDRESS: rfc1902.IpAddress,
        Tag.COUNTER32: rfc1902.Counter32, Tag.GAUGE32: rfc1902.Gauge32, Tag.TIMETICKS: rfc1902.TimeTicks,
        Tag.COUNTER64: rfc1902.Counter64, Tag.OPAQUE: rfc1902.Opaque,
    }  # fmt: skip
    proto = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
    pdu = proto.ResponsePDU()
    proto.apiPDU.set_defaults(pdu)
    proto.apiPDU.set_request_id(pdu, message.request_id)
    pdu.setComponentByPosition(1, message.error_status)
    pdu.setComponentByPosition(2, message.error_index)
    binds = []
    for oid, tag, value in message.varbinds:
        if tag == Tag.NULL:
            typed = proto.Null("")
        elif tag in tags:
            typed = tags[Tag(tag)]
        elif tag == Tag.OID:
            assert isinstance(value, bytes)
            typed = rfc1902.ObjectIdentifier(ber.decode_oid(value))
        else:
            typed = types[Tag(tag)](value)
        binds.append((ber.decode_oid(oid), typed))
    proto.apiPDU.set_varbinds(pdu, binds)
    whole = proto.Message()
    proto.apiMessage.set_defaults(whole)
    proto.apiMessage.set_community(whole, message.community)
    proto.apiMessage.set_pdu(whole, pdu)
    ours = message._replace(version=1, pdu=int(Pdu.RESPONSE))
    assert ber.decode_message(encoder.encode(whole)) == ours
    # not the same octets: pyasn1 spends two on -128, which fits one
    assert decoder.decode(ber.encode_message(ours), asn1Spec=proto.Message()) == (whole, b"")


@given(
    st.integers(1 << 23, (1 << 31) - 1), st.lists(oid_bodies, max_size=40), st.integers(0, 1), st.integers(0, 100),
    st.sampled_from([Pdu.GET, Pdu.GETNEXT, Pdu.GETBULK]),
)  # fmt: skip
def test_templates_make_the_same_requests(
    request_id: int, oids: list[bytes], version: int, repetitions: int, pdu: Pdu
) -> None:
    made = ber.RequestTemplate(version, b"public").request(pdu, request_id, oids, repetitions)
    asked: list[VarBind] = [(oid, Tag.NULL, None) for oid in oids]
    assert made == ber.encode_message(Message(version, b"public", int(pdu), request_id, 0, repetitions, asked))


@given(st.binary(max_size=120))
def test_noise_is_an_error_or_a_value(data: bytes) -> None:
    try:
        ber.decode_message(data)
    except SnmpDecodeError:
        return


@given(messages, st.randoms(use_true_random=False))
def test_a_damaged_message_is_an_error_or_a_value(message: Message, chance: random.Random) -> None:
    damaged(ber.encode_message(message), chance)


def test_a_damaged_walk_is_an_error_or_a_value() -> None:
    chance = random.Random(1)
    for _ in range(5000):
        damaged(WALK, chance)


def damaged(data: bytes, chance: random.Random) -> None:
    octets = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        match chance.randrange(4):
            case 0 if octets:
                octets[chance.randrange(len(octets))] = chance.choice([0, 0x30, 0x7F, 0x80, 0x81, 0x84, 0xFF, 6, 2])
            case 1:
                del octets[chance.randint(0, len(octets)) :]
            case 2:
                octets[chance.randint(0, len(octets)) : 0] = chance.randbytes(chance.randint(1, 5))
            case _ if octets:
                octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
    try:
        message = ber.decode_message(bytes(octets))
    except SnmpDecodeError:
        return
    for oid, tag, value in message.varbinds:  # whatever came through is sound
        assert ber.decode_oid(oid)
        if tag == Tag.OID:
            assert isinstance(value, bytes)
            ber.decode_oid(value)


@pytest.mark.parametrize("cut", range(len(WALK)))
def test_every_truncation_is_refused(cut: int) -> None:
    with pytest.raises(SnmpDecodeError):
        ber.decode_message(WALK[:cut])


def element(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body


def response(value: bytes, *, version: int = 1, tail: bytes = b"") -> bytes:
    bind = element(0x30, element(6, b"\x2b\x06\x01") + value)
    pdu = element(0xA2, b"\x02\x01\x01\x02\x01\x00\x02\x01\x00" + element(0x30, bind))
    return element(0x30, bytes((2, 1, version)) + element(4, b"c") + pdu) + tail


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "SNMP message expected at octet 0, got the end"),
        (b"\x31\x00", r"SNMP message \(tag 0x30\) expected at octet 0, got tag 0x31"),
        (b"\x30\x80\x00\x00", "length of SNMP message in 1 to 4 octets expected at octet 1, got 0"),
        (b"\x30\x05\x02", "SNMP message needs 5 octets at octet 2, got 1"),
        (response(b"\x05\x00", version=3), r"version 0 \(v1\) or 1 \(v2c\) expected, got 3"),
        (response(b"\x05\x00", tail=b"!"), "end of the message expected at octet .*, got 1 octets more"),
        (response(b"\x02\x00"), "INTEGER of 1 to 8 octets expected, got 0"),
        (response(element(0x41, b"\x01\x00\x00\x00\x00")), "COUNTER32 of at most 4 octets expected"),
        (response(element(0x46, bytes(10))), "COUNTER64 of at most 8 octets expected"),
        (response(element(0x40, b"abc")), "IP_ADDRESS of 4 octets expected, got 3"),
        (response(element(0x06, b"\x2b\x80\x01")), "OID expected as value"),
        (response(b"\x05\x01\x00"), "NULL without octets expected, got 1"),
        (response(b"\x31\x00"), "type of a value expected, got tag 0x31"),
        (response(b"\x05\x00\x00"), "end of a varbind expected"),
        (response(b""), "varbind with a name and a value expected"),
    ],
)
def test_errors_name_what_was_expected(data: bytes, said: str) -> None:
    with pytest.raises(SnmpDecodeError, match=said):
        ber.decode_message(data)


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        (element(0x41, b"\xff\xff\xff\xff"), (0x41, 0xFFFFFFFF)),  # without the zero octet for the sign
        (element(0x41, b"\x00\xff\xff\xff\xff"), (0x41, 0xFFFFFFFF)),
        (element(0x46, b"\xff" * 8), (0x46, (1 << 64) - 1)),
        (b"\x04\x82\x00\x01x", (4, b"x")),  # a length in more octets than it needs
        (b"\x06\x00", (6, b"")),
        (b"\x81\x00", (0x81, None)),
    ],
)
def test_what_real_agents_send_is_read(value: bytes, decoded: tuple[int, int | bytes | None]) -> None:
    assert ber.decode_response(response(value)).varbinds == [(b"\x2b\x06\x01", *decoded)]


def test_requests_and_responses_are_told_apart() -> None:
    request = ber.RequestTemplate(1, b"public").request(Pdu.GET, 0x40000001, [b"\x2b\x06"])
    assert ber.decode_request(request).varbinds == [(b"\x2b\x06", Tag.NULL, None)]
    with pytest.raises(SnmpDecodeError, match="a response expected, got GET"):
        ber.decode_response(request)
    with pytest.raises(SnmpDecodeError, match="a request expected, got a response"):
        ber.decode_request(WALK)


def test_a_bulk_request_names_its_counts() -> None:
    bulk = ber.decode_request(ber.RequestTemplate(1, b"public").request(Pdu.GETBULK, 0x40000001, [b"\x2b"], 25))
    assert (bulk.non_repeaters, bulk.max_repetitions) == (0, 25)
    assert bulk._replace(error_status=-1, error_index=-5)[4:6] == (-1, -5)
    assert bulk._replace(error_status=-1).non_repeaters == 0


@pytest.mark.parametrize(
    ("tag", "value"),
    [(Tag.COUNTER32, -1), (Tag.COUNTER32, 1 << 32), (Tag.INTEGER, 1 << 31), (Tag.IP_ADDRESS, b"abc"), (Tag.NULL, 1),
     (Tag.OCTET_STRING, None), (Tag.INTEGER, b"x"), (0x99, b"x")],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_type_is_refused(tag: int, value: int | bytes | None) -> None:
    with pytest.raises(ValueError, match=r"no value for tag .* at 1\.3"):
        ber.encode_varbind(b"\x2b", tag, value)
