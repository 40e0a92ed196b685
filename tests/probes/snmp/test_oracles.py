"""pysnmp and net-snmp as oracles: both read what this codec writes, and write what it reads."""

import random
import socket
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.snmp import ber
from probes.snmp.asking import Get
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, VarBind, Version
from probes.snmp.client import Session, SnmpClient
from probes.snmp.walk import Walk
from tests.lab.snmpd import Snmpd, snmpd
from tests.probes.snmp import netsnmp
from tests.probes.snmp.agents import Mib, UdpAgent
from tests.probes.snmp.test_ber import messages

V1_TAGS: Final = frozenset(Tag) - {Tag.COUNTER64, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW}
_UNSIGNED: Final = (Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS)
_SIZES: Final = (0, 1, 127, 128, 255, 256, 64_000)  # around where a length takes more octets
EDGES: Final[tuple[tuple[Tag, ber.Value], ...]] = (
    *(
        (Tag.INTEGER, sign * (1 << bits) + more)
        for bits in (0, 7, 8, 15, 16, 23, 24)
        for sign in (1, -1)
        for more in (-1, 0)
    ),
    *((Tag.INTEGER, number) for number in (-(1 << 31), (1 << 31) - 1)),
    *((tag, (1 << bits) - more) for tag in _UNSIGNED for bits in (0, 7, 8, 16, 24, 31) for more in (1, 0)),
    *((tag, (1 << 32) - 1) for tag in _UNSIGNED),
    *((Tag.COUNTER64, (1 << bits) - more) for bits in (0, 7, 31, 32, 53, 63) for more in (1, 0)),
    (Tag.COUNTER64, (1 << 64) - 1),
    *((Tag.OCTET_STRING, b"\xff" * size) for size in _SIZES),
    *((Tag.IP_ADDRESS, octets) for octets in (bytes(4), b"\xff" * 4)),
    *((Tag.OPAQUE, octets) for octets in (b"", b"\x9f\x78\x04\x3f\x80\x00\x00", bytes(200))),
    *(
        (Tag.OID, ber.encode_oid(oid))
        for oid in ("0.0", "1.3", "2.999", "2.47.4294967295", "1.3" + ".4294967295" * 126)
    ),
    *((tag, None) for tag in (Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW)),
)
LONG: Final = ber.encode_oid("1.3.6.1" + ".4294967295" * 124)  # 128 sub-identifiers: all that there may be


# ------------------------------------------------------------------ pysnmp


def pysnmp_value(tag: int, value: ber.Value) -> Any:  # noqa: ANN401 - pysnmp has no types
    """Return a value as pysnmp has it."""
    from pysnmp.proto import rfc1902, rfc1905

    types = {
        Tag.INTEGER: rfc1902.Integer32, Tag.OCTET_STRING: rfc1902.OctetString, Tag.IP_ADDRESS: rfc1902.IpAddress,
        Tag.COUNTER32: rfc1902.Counter32, Tag.GAUGE32: rfc1902.Gauge32, Tag.TIMETICKS: rfc1902.TimeTicks,
        Tag.COUNTER64: rfc1902.Counter64, Tag.OPAQUE: rfc1902.Opaque,
    }  # fmt: skip
    empty = {
        Tag.NULL: rfc1902.Null(""), Tag.NO_SUCH_OBJECT: rfc1905.noSuchObject,
        Tag.NO_SUCH_INSTANCE: rfc1905.noSuchInstance, Tag.END_OF_MIB_VIEW: rfc1905.endOfMibView,
    }  # fmt: skip
    if tag == Tag.OID:
        assert isinstance(value, bytes)
        return rfc1902.ObjectIdentifier(ber.decode_oid(value))
    return empty[Tag(tag)] if tag in empty else types[Tag(tag)](value)


def to_pysnmp(message: Message) -> Any:  # noqa: ANN401 - as above
    """Return a message as pysnmp has it."""
    from pysnmp.proto import api

    proto: Any = api.PROTOCOL_MODULES[message.version]
    kinds = {
        Pdu.GET: proto.GetRequestPDU, Pdu.GETNEXT: proto.GetNextRequestPDU, Pdu.RESPONSE: proto.GetResponsePDU,
        Pdu.SET: proto.SetRequestPDU, Pdu.GETBULK: getattr(proto, "GetBulkRequestPDU", None),
    }  # fmt: skip
    kind = kinds[Pdu(message.pdu)]
    pdu = kind()
    interface = proto.apiBulkPDU if message.pdu == Pdu.GETBULK else proto.apiPDU
    interface.set_defaults(pdu)
    interface.set_request_id(pdu, message.request_id)
    if message.pdu == Pdu.GETBULK:
        interface.set_non_repeaters(pdu, message.error_status)
        interface.set_max_repetitions(pdu, message.error_index)
    else:
        interface.set_error_status(pdu, message.error_status)
        pdu.setComponentByPosition(2, message.error_index)
    interface.set_varbinds(
        pdu, [(ber.decode_oid(oid), v1_value(proto, tag, value)) for oid, tag, value in message.varbinds]
        if message.version == 0 else
        [(ber.decode_oid(oid), pysnmp_value(tag, value)) for oid, tag, value in message.varbinds],
    )  # fmt: skip
    whole = proto.Message()
    proto.apiMessage.set_defaults(whole)
    proto.apiMessage.set_community(whole, message.community)
    proto.apiMessage.set_pdu(whole, pdu)
    return whole


def v1_value(proto: Any, tag: int, value: ber.Value) -> Any:  # noqa: ANN401 - as above
    """Return a value as pysnmp has it in SNMPv1, whose types are others (RFC 1155)."""
    types = {
        Tag.INTEGER: proto.Integer, Tag.OCTET_STRING: proto.OctetString, Tag.COUNTER32: proto.Counter,
        Tag.GAUGE32: proto.Gauge, Tag.TIMETICKS: proto.TimeTicks, Tag.OPAQUE: proto.Opaque,
    }  # fmt: skip
    if tag == Tag.IP_ADDRESS:
        assert isinstance(value, bytes)
        return proto.IpAddress(".".join(map(str, value)))
    if tag == Tag.NULL:
        return proto.Null("")
    if tag == Tag.OID:
        assert isinstance(value, bytes)
        return proto.ObjectIdentifier(ber.decode_oid(value))
    return types[Tag(tag)](value)


def for_version(message: Message, version: int) -> Message:
    """Return what of a message there is in this version."""
    if version == Version.V2C:
        return message._replace(version=1)
    binds = [bind for bind in message.varbinds if bind[1] in V1_TAGS]
    pdu = Pdu.GETNEXT if message.pdu == Pdu.GETBULK else message.pdu
    return message._replace(version=0, pdu=int(pdu), varbinds=binds, error_status=message.error_status % 6)


def compare(message: Message) -> None:
    """Let pysnmp and this codec read each other's octets."""
    from pyasn1.codec.ber import decoder, encoder

    theirs = to_pysnmp(message)
    assert ber.decode_message(bytes(encoder.encode(theirs))) == message
    # not the same octets: pyasn1 spends two on -128, which fits one
    read, rest = decoder.decode(ber.encode_message(message), asn1Spec=type(theirs)())
    assert rest == b""
    assert read == theirs
    assert read.prettyPrint() == theirs.prettyPrint()  # types, too, where equal numbers compare equal


@settings(max_examples=150)
@given(messages, st.sampled_from((Version.V1, Version.V2C)))
@example(Message(1, b"public", Pdu.GETBULK, 1, 3, 50, [(LONG, Tag.NULL, None)]), Version.V2C)
@example(Message(1, b"", Pdu.RESPONSE, -(1 << 31), 18, 2147483647, []), Version.V2C)
@example(Message(0, b"\xff" * 300, Pdu.RESPONSE, (1 << 31) - 1, 2, 1, [(LONG, Tag.NULL, None)]), Version.V1)
def test_pysnmp_and_this_codec_read_each_other(message: Message, version: Version) -> None:
    compare(for_version(message, version))


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
@pytest.mark.parametrize("pdu", [Pdu.RESPONSE, Pdu.SET])
def test_pysnmp_and_this_codec_agree_on_the_edges_of_every_type(version: Version, pdu: Pdu) -> None:
    name = ber.encode_oid("1.3.6.1.2.1.1.1.0")
    for tag, value in EDGES:
        if version == Version.V2C or tag in V1_TAGS:
            compare(
                Message(version, b"public", pdu, 0x40000001, 0, 0, [(name, int(tag), value), (LONG, Tag.NULL, None)])
            )


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
def test_pysnmp_and_this_codec_agree_on_errors(version: Version) -> None:
    bind: VarBind = (ber.encode_oid("1.3.6.1.2.1.1.1.0"), Tag.NULL, None)
    for status in ErrorStatus:
        if version == Version.V2C or status <= ErrorStatus.genErr:
            compare(Message(version, b"public", Pdu.RESPONSE, 7, status, 1, [bind]))


# ------------------------------------------------------------------ net-snmp's commands and this codec's agent

ROOT: Final = "1.3.6.1.4.1.99999"
OBJECTS: Final[dict[str, tuple[int, ber.Value]]] = {
    f"{ROOT}.{place}.{number}.0": (int(tag), value)
    for place, (tag, value) in enumerate(EDGES)
    for number in (1, 128, 70000, (1 << 32) - 1)
    if tag not in (Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW)
    and (tag != Tag.OPAQUE or value == b"\x9f\x78\x04\x3f\x80\x00\x00")
    and not (isinstance(value, bytes) and len(value) > 1000)  # a walk would bring four of 65,000 in one answer
}


@pytest.fixture
def agent(daemon: Snmpd) -> Iterator[UdpAgent]:
    """Serve all types; net-snmp is there where its agent is."""
    with UdpAgent(Mib(OBJECTS).answer) as running:
        yield running


def expected(version: str) -> list[tuple[str, str]]:
    mib = Mib(OBJECTS)
    binds = [mib.bind(key) for key in mib.keys]
    return [(ber.oid_text(bind[0]), netsnmp.written(bind)) for bind in binds]


@pytest.mark.parametrize("version", ["1", "2c"])
def test_net_snmp_walks_what_this_codec_serves(agent: UdpAgent, version: str) -> None:
    assert netsnmp.walked(version, f"udp:127.0.0.1:{agent.port}", ROOT) == expected(version)
    assert {request.pdu for request in agent.requests} >= {Pdu.GETNEXT if version == "1" else Pdu.GETBULK}


@pytest.mark.parametrize("version", ["1", "2c"])
def test_net_snmp_gets_what_this_codec_serves(agent: UdpAgent, version: str) -> None:
    address = f"udp:127.0.0.1:{agent.port}"
    for start in range(0, len(OBJECTS), 20):
        wanted = expected(version)[start : start + 20]
        ran = netsnmp.command("snmpget", version, address, *[oid for oid, _ in wanted])
        assert netsnmp.read(ran.stdout) == wanted, ran.stderr
    first = f"{ROOT}.0.1.0"
    assert netsnmp.read(netsnmp.command("snmpgetnext", version, address, ROOT).stdout)[0][0] == first
    missing = netsnmp.command("snmpget", version, address, f"{ROOT}.0.2.0")
    if version == "1":
        assert "(noSuchName)" in missing.stderr
    else:
        assert netsnmp.read(missing.stdout) == [(f"{ROOT}.0.2.0", netsnmp.MISSING[Tag.NO_SUCH_OBJECT])]


def test_net_snmps_counts_of_a_bulk_request_are_read(agent: UdpAgent) -> None:
    ran = netsnmp.command(
        "snmpbulkget", "2c", f"udp:127.0.0.1:{agent.port}", ROOT, "1.3.6.1.2.1", options=["-Cn0", "-Cr3"]
    )
    assert len(netsnmp.read(ran.stdout)) == 6
    netsnmp.command("snmpbulkget", "2c", f"udp:127.0.0.1:{agent.port}", ROOT, "1.3", options=["-Cn1", "-Cr77"])
    assert [(one.non_repeaters, one.max_repetitions, len(one.varbinds)) for one in agent.requests] == [
        (0, 3, 2),
        (1, 77, 2),
    ]


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 6, 11, 13, 16, 18])
def test_net_snmp_names_the_errors_that_this_codec_sends(daemon: Snmpd, version: str, status: int) -> None:
    with UdpAgent(lambda request, data: [ber.encode_response(request, request.varbinds, status, 1)]) as agent:
        ran = netsnmp.command("snmpget", version, f"udp:127.0.0.1:{agent.port}", "1.3.6.1.2.1.1.1.0", options=["-Cf"])
    assert ran.returncode != 0
    assert ErrorStatus(status).name.lower() in ran.stderr.lower().replace(" ", "")


@pytest.mark.parametrize("version", ["1", "2c"])
def test_what_net_snmp_writes_is_read_with_its_types(daemon: Snmpd, version: str) -> None:
    """A SET carries the types that net-snmp's encoder can set; counters come in the walks below."""
    words: list[tuple[str, str, int, ber.Value]] = [
        ("i", "-2147483648", Tag.INTEGER, -(1 << 31)), ("i", "2147483647", Tag.INTEGER, (1 << 31) - 1),
        ("i", "-128", Tag.INTEGER, -128), ("u", "4294967295", Tag.GAUGE32, (1 << 32) - 1), ("u", "0", Tag.GAUGE32, 0),
        ("t", "4294967295", Tag.TIMETICKS, (1 << 32) - 1),
        ("a", "255.0.255.1", Tag.IP_ADDRESS, b"\xff\x00\xff\x01"), ("s", "", Tag.OCTET_STRING, b""),
        ("s", "text of 48 ports", Tag.OCTET_STRING, b"text of 48 ports"),
        ("x", "00FF80", Tag.OCTET_STRING, b"\x00\xff\x80"), ("n", "", Tag.NULL, None),
        ("o", "1.3.6.1.4294967295", Tag.OID, ber.encode_oid("1.3.6.1.4294967295")),
        ("o", "0.0", Tag.OID, ber.encode_oid("0.0")),
        ("F", "1.5", Tag.OPAQUE, b"\x9f\x78\x04\x3f\xc0\x00\x00"),
    ]  # fmt: skip
    with UdpAgent(lambda request, data: [ber.encode_response(request, request.varbinds)]) as agent:
        for place, (kind, value, tag, meant) in enumerate(words):
            netsnmp.command("snmpset", version, f"udp:127.0.0.1:{agent.port}", f"{ROOT}.{place}", kind, value)
            assert agent.requests[-1].pdu == Pdu.SET
            assert agent.requests[-1].varbinds == [(ber.encode_oid(f"{ROOT}.{place}"), tag, meant)]


# ------------------------------------------------------------------ this engine and net-snmp's agent


@pytest.fixture(scope="module", params=["127.0.0.1", "::1"])
def peer(request: pytest.FixtureRequest, daemon: Snmpd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """A real agent, over IPv4 and over IPv6."""
    if request.param == "127.0.0.1":
        yield daemon
        return
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with snmpd(tmp_path_factory.mktemp("snmpd6"), address=request.param) as running:
        yield running


async def engine(peer: Snmpd, version: str, asker: Walk | Get) -> None:
    client = SnmpClient()
    try:
        address = await client.resolve("::1" if "[::1]" in peer.address else "127.0.0.1", peer.port)
        number = Version.V1 if version == "1" else Version.V2C
        await client.converse(Session(address, number, b"public", timeout_seconds=20.0), asker)
    finally:
        client.close()


async def differing(peer: Snmpd, version: str) -> set[str]:
    """Walk the whole tree between two walks of net-snmp; return what was the same in both and is not so in ours."""
    before = netsnmp.walked(version, peer.address, ".1")
    walk = Walk([ber.encode_oid("1.3")], version=Version.V1 if version == "1" else Version.V2C)
    await engine(peer, version, walk)
    after = netsnmp.walked(version, peer.address, ".1")
    assert walk.problems == []
    names = [ber.decode_oid(bind[0]) for bind in walk.varbinds]
    assert names == sorted(set(names))
    ours = [(ber.oid_text(bind[0]), netsnmp.written(bind)) for bind in walk.varbinds]
    steady = set(before) & set(after)
    assert len(steady) > 500
    # what is ours alone came and went in the meantime: processes, connections
    assert len(dict(ours).keys() - dict(before).keys() - dict(after).keys()) < len(ours) / 20
    return {oid for oid, _ in steady - set(ours)} | (dict(before).keys() & dict(after).keys()) - dict(ours).keys()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", ["1", "2c"])
async def test_the_whole_tree_of_snmpd_is_read_as_net_snmp_reads_it(peer: Snmpd, version: str) -> None:
    """Some values go forth and back within three walks (states of caches): only what differs each time is wrong."""
    wrong = await differing(peer, version)
    assert len(wrong) < 50, sorted(wrong)[:10]
    for _ in range(5):
        if wrong:
            wrong &= await differing(peer, version)
    assert sorted(wrong) == []


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_single_objects_of_snmpd_are_read_as_net_snmp_reads_them(peer: Snmpd, version: str) -> None:
    pairs = [pair for pair in netsnmp.walked(version, peer.address, "1.3.6.1.2.1.1") if not pair[0].endswith("1.1.3.0")]
    random.Random(3).shuffle(pairs)
    gone = ["1.3.6.1.2.1.1.1.1", "1.3.6.1.2.1.99999.0", "1.3.6.1.4.1.99999.1.0"]
    get = Get([ber.encode_oid(oid) for oid in [*gone[:1], *[oid for oid, _ in pairs], *gone[1:]]])
    await engine(peer, version, get)
    assert get.problems == []
    assert sorted((ber.oid_text(bind[0]), netsnmp.written(bind)) for bind in get.varbinds) == sorted(pairs)


@pytest.mark.parametrize("repetitions", [1, 2, 7, 200])
async def test_no_row_depends_on_how_many_are_asked_for(peer: Snmpd, repetitions: int) -> None:
    roots = [ber.encode_oid(f"1.3.6.1.2.1.{oid}") for oid in ("1.9.1.2", "1.9.1.3", "2.2.1.2", "2.2.1.3", "31.1.1.1.1")]
    walk = Walk(roots, max_repetitions=repetitions)
    await engine(peer, "2c", walk)
    ours = [(ber.oid_text(bind[0]), netsnmp.written(bind)) for bind in walk.varbinds]
    assert ours == [pair for root in roots for pair in netsnmp.walked("2c", peer.address, ber.oid_text(root))]
