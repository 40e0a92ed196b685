"""SNMPv3 messages as octets: against themselves, against pysnmp's, and what is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import ber, v3
from probes.snmp.asking import Question
from probes.snmp.ber import Pdu, SnmpDecodeError, Tag
from probes.snmp.errors import SnmpReportError
from probes.snmp.speaker import Answer, Engine, Engines, Secure, opened
from probes.snmp.usm import User

ENGINE = b"\x80\0\x1f\x88\x80engine"
USERS = [
    User(b"nobody"),
    User(b"md5", "MD5", b"authsyrup"),
    User(b"sha512", "SHA512", b"authsyrup"),
    User(b"des", "SHA", b"authsyrup", "DES", b"privsyrup"),
    User(b"aes256", "SHA256", b"authsyrup", "AES256", b"privsyrup"),
]
NATURALS = st.integers(0, 2**31 - 1)
PDU = ber.encode_request_pdu(Pdu.GET, 0x40000007, [ber.encode_oid("1.3.6.1.2.1.1.3.0")])


def message(user: User, scoped: bytes = v3.encode_scoped(ENGINE, b"ctx", PDU), number: int = 77) -> bytes:
    return v3.encode(number, user.name, ENGINE, 5, 6000, scoped, user.keys(ENGINE))


@given(st.sampled_from(USERS), NATURALS, NATURALS, NATURALS, st.binary(max_size=40), st.binary(max_size=40))
def test_a_message_comes_back_as_it_went(
    user: User, number: int, boots: int, time: int, context: bytes, whose: bytes
) -> None:
    keys = user.keys(ENGINE)
    data = v3.encode(number, user.name, ENGINE, boots, time, v3.encode_scoped(whose, context, PDU), keys)
    assert v3.is_v3(data)
    read = v3.decode_envelope(data)
    assert (read.msg_id, read.engine_id, read.boots, read.time, read.user) == (number, ENGINE, boots, time, user.name)
    assert bool(read.flags & v3.FLAG_AUTH) == bool(user.auth_protocol) == read.authentic(data, keys)
    assert bool(read.flags & v3.FLAG_PRIV) == bool(user.priv_protocol)
    assert read.flags & v3.FLAG_REPORTABLE
    scoped = v3.open_scoped(read, keys)
    assert (scoped.context_engine_id, scoped.context_name) == (whose, context)
    assert (scoped.head.pdu, scoped.head.request_id) == (Pdu.GET, 0x40000007)
    varbinds = ber.decode_varbinds(scoped.octets, scoped.head.varbinds_at, scoped.head.end)
    assert varbinds == [(ber.encode_oid("1.3.6.1.2.1.1.3.0"), Tag.NULL, None)]
    if user.priv_protocol:
        assert PDU not in data


@given(st.sampled_from(USERS[1:]), st.data())
def test_no_octet_of_an_authenticated_message_can_be_changed(user: User, data: st.DataObject) -> None:
    octets = bytearray(message(user))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    try:
        read = v3.decode_envelope(bytes(octets))
    except SnmpDecodeError:
        return
    assert not read.authentic(bytes(octets), user.keys(ENGINE))


@given(st.binary(max_size=300))
def test_noise_is_an_error(octets: bytes) -> None:
    v3.is_v3(octets)
    with pytest.raises(SnmpDecodeError):
        v3.decode_envelope(octets)


@given(st.sampled_from(USERS), st.data())
def test_a_broken_message_is_an_error_or_a_message(user: User, data: st.DataObject) -> None:
    octets = bytearray(message(user))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    for candidate in (bytes(octets), cut):
        try:
            v3.open_scoped(v3.decode_envelope(candidate), user.keys(ENGINE))
        except SnmpDecodeError:
            continue


def pysnmp_message() -> Any:  # noqa: ANN401 - pysnmp has no types
    import pysnmp.entity.engine  # noqa: F401 - the module below is in a circle of imports without it
    from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message

    return SNMPv3Message()


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name.decode())
def test_pysnmp_reads_the_same(user: User) -> None:
    from pyasn1.codec.ber import decoder

    data = message(user)
    read, rest = decoder.decode(data, asn1Spec=pysnmp_message())
    assert not rest
    ours = v3.decode_envelope(data)
    head = read["msgGlobalData"]
    assert (int(read["msgVersion"]), int(head["msgID"]), int(head["msgSecurityModel"])) == (3, 77, 3)
    assert bytes(head["msgFlags"]) == bytes((ours.flags,))
    security, rest = decoder.decode(bytes(read["msgSecurityParameters"]))
    assert not rest
    assert [bytes(security[n]) for n in (0, 3, 4, 5)] == [ENGINE, user.name, ours.mac, ours.salt]
    assert [int(security[n]) for n in (1, 2)] == [5, 6000]
    chosen = read["msgData"].getName()
    assert chosen == ("encryptedPDU" if user.priv_protocol else "plaintext")
    if user.priv_protocol:
        assert bytes(read["msgData"]["encryptedPDU"]) == ours.scoped
    else:
        plain = read["msgData"]["plaintext"]
        assert (bytes(plain["contextEngineId"]), bytes(plain["contextName"])) == (ENGINE, b"ctx")
        assert plain["data"].getName() == "get-request"


@given(NATURALS, NATURALS, NATURALS, st.binary(max_size=32), st.binary(max_size=32), st.booleans())
def test_what_pysnmp_writes_is_read_the_same(
    number: int, boots: int, time: int, user: bytes, context: bytes, report: bool
) -> None:
    from pyasn1.codec.ber import decoder, encoder
    from pyasn1.type import univ
    from pysnmp.proto import rfc1905
    from pysnmp.proto.api import v2c as api

    whole = pysnmp_message()
    whole["msgVersion"] = 3
    head = whole.setComponentByName("msgGlobalData")["msgGlobalData"]
    head["msgID"], head["msgMaxSize"], head["msgFlags"], head["msgSecurityModel"] = number, 65507, b"\x04", 3
    security = univ.Sequence()
    for place, value in enumerate(
        (univ.OctetString(ENGINE), univ.Integer(boots), univ.Integer(time), univ.OctetString(user),
         univ.OctetString(b""), univ.OctetString(b""))
    ):  # fmt: skip
        security.setComponentByPosition(place, value)
    whole["msgSecurityParameters"] = encoder.encode(security)
    pdu = rfc1905.ReportPDU() if report else rfc1905.ResponsePDU()
    api.apiPDU.set_defaults(pdu)
    api.apiPDU.set_varbinds(pdu, [((1, 3, 6, 1, 2, 1, 1, 5, 0), api.OctetString("sw1"))])
    plain = whole.setComponentByName("msgData")["msgData"].setComponentByName("plaintext")["plaintext"]
    plain["contextEngineId"], plain["contextName"] = ENGINE, context
    plain.setComponentByName("data")["data"].setComponentByName("report" if report else "response", pdu)
    octets = encoder.encode(whole)
    read = v3.decode_envelope(octets)
    assert (read.msg_id, read.engine_id, read.boots, read.time, read.user) == (number, ENGINE, boots, time, user)
    scoped = v3.open_scoped(read, USERS[0].keys(ENGINE))
    assert scoped.context_name == context
    assert scoped.head.pdu == (Pdu.REPORT if report else Pdu.RESPONSE)
    assert not decoder.decode(octets, asn1Spec=pysnmp_message())[1]


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "SNMP message expected at octet 0"),
        (message(USERS[0]) + b"\0", "end of the message expected"),
        (message(USERS[0]).replace(b"\x02\x01\x03", b"\x02\x01\x01", 1), "version 3 expected, got 1"),
        (message(USERS[0])[:-1], "SNMP message needs"),
        (ber.tlv(0x30, b"\x02\x01\x03" + bytes(66000)), "at most 65535 octets expected"),
    ],
)
def test_what_is_no_message_says_what_was_expected(octets: bytes, said: str) -> None:
    with pytest.raises(SnmpDecodeError, match=said):
        v3.decode_envelope(octets)


def test_an_encrypted_message_needs_a_key() -> None:
    read = v3.decode_envelope(message(USERS[3]))
    with pytest.raises(SnmpDecodeError, match="no key for it"):
        v3.open_scoped(read, USERS[0].keys(ENGINE))


@pytest.mark.parametrize(
    ("octets", "is_one"),
    [(b"", False), (b"\0" * 12, False), (b"\xff" * 12, False), (b"1234", False), (b"12345", True), (b"x" * 33, False)],
)
def test_engine_ids(octets: bytes, is_one: bool) -> None:
    assert v3.is_engine_id(octets) is is_one


@given(st.sampled_from([USERS[0], USERS[1], USERS[4]]), st.booleans(), st.data())
def test_a_conversation_meets_damage_with_its_own_errors_alone(user: User, known: bool, data: st.DataObject) -> None:
    engines, where = Engines(), ("10.0.0.1", 161)
    if known:
        engines.learn(where, Engine(ENGINE, 5, 6000, 0.0))
    speaker = Secure(user, engines, where)
    question = Question(Pdu.GET, [ber.encode_oid("1.3.6.1.2.1.1.3.0")])
    speaker.request(question, 77, 0.0)
    report = data.draw(st.sampled_from([*range(1, 8), None]))
    name = ber.encode_oid("1.3.6.1.2.1.1.3.0" if report is None else f"1.3.6.1.6.3.15.1.1.{report}.0")
    binds = ber.tlv(0x30, ber.encode_varbind(name, Tag.COUNTER32, 5))
    body = ber.encode_integer(77) + ber.encode_integer(0) + ber.encode_integer(0) + binds
    pdu = ber.tlv(Pdu.RESPONSE if report is None else Pdu.REPORT, body)
    octets = bytearray(message(user, v3.encode_scoped(ENGINE, b"", pdu)))
    for _ in range(data.draw(st.integers(0, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        _, envelope = opened(bytes(octets))
        answer = speaker.read(envelope, bytes(octets), 1.0, question)
    except (SnmpDecodeError, SnmpReportError):
        return
    assert answer is None or isinstance(answer, Answer)
    assert len(speaker.request(Question(Pdu.GET, []), 78, 2.0)) > 20
