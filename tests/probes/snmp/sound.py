"""Sound messages from which damaged ones are made: by this codec and by pysnmp's."""

import random
from collections.abc import Sequence
from functools import lru_cache

from probes.snmp import ber, v3
from probes.snmp.ber import Message, Pdu, Tag, VarBind
from probes.snmp.modules import Metric, Module
from probes.snmp.usm import User

V2_PDUS = tuple(pdu for pdu in Pdu if pdu != Pdu.REPORT)
ENGINE_ID = b"\x80\0\x1f\x88\x80engine"
USERS = (
    User(b"open"),
    User(b"auth", "SHA256", b"authsyrup"),
    User(b"des", "MD5", b"authsyrup", "DES", b"privsyrup"),
    User(b"aes", "SHA512", b"authsyrup", "AES256", b"privsyrup"),
)


@lru_cache(maxsize=1)
def secure() -> tuple[bytes, ...]:
    """Return SNMPv3 messages of every level."""
    chance, out = random.Random(2), []
    for user in USERS:
        for pdu in (Pdu.RESPONSE, Pdu.REPORT, Pdu.GETBULK):
            whole = ber.encode_message(_message(chance, pdu, 4)._replace(version=1, community=b""))
            start, end = ber.element(whole, 0, len(whole), 0x30, "message")
            scoped = v3.encode_scoped(ENGINE_ID, b"ctx", whole[start + 5 : end])
            out.append(v3.encode(77, user.name, ENGINE_ID, 5, 6000, scoped, user.keys(ENGINE_ID)))
    return tuple(out)


@lru_cache(maxsize=1)
def messages() -> tuple[bytes, ...]:
    """Return messages of all kinds and types, by this codec and by pysnmp's."""
    chance = random.Random(1)
    made = [
        ber.encode_message(_message(chance, pdu, size)) for pdu in V2_PDUS for size in (0, 1, 4, 12) for _ in range(2)
    ]
    made.append(ber.RequestTemplate(1, b"public").request(Pdu.GETBULK, 0x40000001, [ber.encode_oid("1.3.6.1.2.1")], 25))
    return (*made, *_by_pysnmp())


def value_of(tag: int, chance: random.Random) -> ber.Value:
    """Return some value of a type, its edges more often than the rest."""
    if tag == Tag.INTEGER:
        return chance.choice((0, 1, -1, -128, 127, 128, (1 << 31) - 1, -(1 << 31), chance.getrandbits(16)))
    if tag in (Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS):
        return chance.choice((0, 1, 127, 128, (1 << 31), (1 << 32) - 1, chance.getrandbits(32)))
    if tag == Tag.COUNTER64:
        return chance.choice((0, (1 << 53) + 1, 1 << 63, (1 << 64) - 1, chance.getrandbits(64)))
    if tag == Tag.IP_ADDRESS:
        return chance.randbytes(4)
    if tag == Tag.OID:
        return chance.choice((b"", ber.encode_oid("0.0"), ber.encode_oid("2.999.4294967295"), _oid(chance)))
    if tag == Tag.OPAQUE:
        return chance.choice((b"", b"\x9f\x78\x04" + chance.randbytes(4), b"\x9f\x79\x08" + chance.randbytes(8)))
    if tag == Tag.OCTET_STRING:
        dates = (b"\x07\xe6\x02\x1d\x17\x3b\x3c\x09+\x0d\x3b", b"\x07\xe6\x02\x1d\x17\x3b\x3c\x09")
        texts = (b"", "naïve ünï".encode(), b"\xff\xfe\x00a\x80", b'a"b\\c\nd', b"12.5 C", b"Fan 3")
        return chance.choice((*dates, *texts, chance.randbytes(chance.randrange(300))))
    return None


def _oid(chance: random.Random) -> bytes:
    return ber.encode_parts(
        [1, 3, *[chance.choice((0, 1, 6, 127, 128, 10101, (1 << 32) - 1)) for _ in range(chance.randrange(12))]]
    )


def _message(chance: random.Random, pdu: int, size: int) -> Message:
    tags = chance.choices(list(Tag), k=size)
    binds = [(_oid(chance), int(tag), value_of(tag, chance)) for tag in tags]
    return Message(chance.randrange(2), b"public", pdu, chance.getrandbits(31), chance.randrange(20), size, binds)


def _by_pysnmp() -> list[bytes]:
    from pyasn1.codec.ber import encoder
    from pysnmp.proto import api

    out = []
    for version in (api.SNMP_VERSION_1, api.SNMP_VERSION_2C):
        proto = api.PROTOCOL_MODULES[version]
        for kind in (proto.GetRequestPDU, proto.GetNextRequestPDU, proto.GetResponsePDU):
            pdu = kind()
            proto.apiPDU.set_defaults(pdu)
            proto.apiPDU.set_varbinds(pdu, [
                ((1, 3, 6, 1, 2, 1, 1, 1, 0), proto.OctetString("a switch")),
                ((1, 3, 6, 1, 2, 1, 1, 2, 0), proto.ObjectIdentifier((1, 3, 6, 1, 4, 1, 9))),
                ((1, 3, 6, 1, 2, 1, 2, 2, 1, 10, 70000), proto.TimeTicks(4294967295)),
                ((1, 3, 6, 1, 2, 1, 1, 3, 0), proto.TimeTicks(1)),
            ])  # fmt: skip
            message = proto.Message()
            proto.apiMessage.set_defaults(message)
            proto.apiMessage.set_community(message, "public")
            proto.apiMessage.set_pdu(message, pdu)
            out.append(bytes(encoder.encode(message)))
    return out


def answers(module: Module) -> tuple[bytes, ...]:
    """Return answers that hold what a module asks for, with fitting and unfitting types and indexes."""
    chance = random.Random(module.name)
    out = []
    for _ in range(40):
        binds: list[VarBind] = []
        for metric in chance.choices(module.metrics, k=min(6, len(module.metrics))):
            suffix = _suffix(metric, chance)
            for root in dict.fromkeys((metric.oid, *[look.oid for look in metric.lookups if look.labels])):
                tag = chance.choice(list(Tag))
                binds.append((root + suffix, int(tag), value_of(tag, chance)))
        out.append(ber.encode_message(Message(1, b"public", Pdu.RESPONSE, 1 << 30, 0, 0, binds)))
    return tuple(out)


def _suffix(metric: Metric, chance: random.Random) -> bytes:
    """Return a row's index: a right one, one that is too short or too long, or none."""
    parts: list[int] = []
    for index in metric.indexes:
        size = index.fixed_size or chance.choice((1, 4, 6, 16))
        parts += (
            [size, *chance.choices((0, 1, 97, 128, 255, 70000), k=size)]
            if chance.random() < 0.3
            else [chance.randrange(300)]
        )
    turn = chance.random()
    if turn < 0.2:
        parts = parts[: chance.randrange(len(parts) + 1)]
    elif turn < 0.3:
        parts += chance.choices((0, 300, (1 << 32) - 1), k=chance.randrange(1, 40))
    return ber.encode_index(parts or [0])


def varbind_seeds() -> Sequence[bytes]:
    """Return lists of varbinds without what holds them."""
    return [data[ber.decode_header(data).varbinds_at :] for data in messages()]


def answer_seeds() -> Sequence[bytes]:
    """Return answers to a walk of the interfaces table, and errors."""
    binds: list[VarBind] = [
        (ber.encode_oid(f"{column}.{row}"), int(Tag.INTEGER), row)
        for column in ("1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1")
        for row in (1, 2, 127, 128, 70000)
    ]
    sets = [binds[start : start + size] for start in range(0, 15, 4) for size in (1, 3, 9)]
    errors = [(0, 0)] * 4 + [(1, 0), (5, 1), (2, 2), (5, 0), (99, -1)]
    return [
        ber.encode_message(Message(version, b"public", Pdu.RESPONSE, 1 << 30, *error, chosen))
        for version in (0, 1)
        for chosen in sets
        for error in errors
    ]


def oid_seeds() -> Sequence[bytes]:
    """Return bodies of OIDs, and a tail that is an index."""
    chance = random.Random(2)
    return [b"", b"\x2b\x06\x01", *[_oid(chance) for _ in range(60)], bytes([6, *b"switch", 2, 16, *bytes(16)])]


def text_seeds() -> Sequence[bytes]:
    """Return strings; the octet before each chooses how it is read."""
    chance = random.Random(3)
    return [
        bytes((number * 4 % 256,)) + value
        for number in range(64)
        if isinstance(value := value_of(Tag.OCTET_STRING, chance), bytes)
    ]
