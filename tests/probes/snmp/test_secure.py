"""SNMPv3 conversations: with an agent that keeps to the RFC, with one that does not, and with net-snmp's own."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from probes.snmp import ber, v3
from probes.snmp.asking import Get
from probes.snmp.client import Session, SnmpClient
from probes.snmp.errors import (
    SnmpDecryptionError,
    SnmpError,
    SnmpLocalError,
    SnmpNotInTimeWindow,
    SnmpReportError,
    SnmpTimeout,
    SnmpUnknownEngine,
    SnmpUnknownUser,
    SnmpUnsupportedLevel,
    SnmpWrongDigest,
)
from probes.snmp.speaker import Engine, Engines
from probes.snmp.usm import AUTH_PROTOCOLS, PRIV_PROTOCOLS, User
from probes.snmp.walk import Walk
from tests.lab.snmpd import Snmpd, missing, snmpd
from tests.probes.snmp.agents import SYSTEM, Mib, switch
from tests.probes.snmp.secure_agents import NOT_IN_TIME_WINDOWS, UNKNOWN_ENGINES, SecureAgent

NAME = ber.encode_oid("1.3.6.1.2.1.1.5.0")
OPS = User(b"ops", "SHA256", b"authsyrup", "AES", b"privsyrup")
AUTH = User(b"auth", "SHA", b"authsyrup")
OPEN = User(b"open")
USERS = (OPS, AUTH, OPEN)
NETSNMP_AUTH = {"SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384", "SHA512": "SHA-512"}
NETSNMP_PRIV = {"AES192": "AES-192", "AES256": "AES-256", "AES192C": "AES-192-C", "AES256C": "AES-256-C"}


@pytest.fixture
def agent() -> Iterator[SecureAgent]:
    with SecureAgent(switch(30), *USERS) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[SnmpClient]:
    made = SnmpClient()
    yield made
    made.close()


async def session(
    client: SnmpClient,
    agent: SecureAgent,
    user: User,
    patience: float = 10.0,
    retries: int = 0,
    source: str | None = None,
) -> Session:
    peer = await client.resolve("127.0.0.1", agent.port)
    return Session(peer, ber.Version.V3, b"", patience, retries, user=user, source=source)


async def name_of(client: SnmpClient, talk: Session) -> object:
    get = Get([NAME])
    await client.converse(talk, get)
    assert not get.problems
    return get.varbinds[0][2]


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.level)
async def test_every_level_reads_and_walks(client: SnmpClient, agent: SecureAgent, user: User) -> None:
    talk = await session(client, agent, user)
    assert await name_of(client, talk) == b"sw1"
    walk = Walk([ber.encode_oid("1.3.6.1.2.1.2.2"), ber.encode_oid("1.3.6.1.2.1.31.1.1")])
    await client.converse(talk, walk)
    below = [(oid, *value) for oid, value in sorted(Mib(switch(30)).objects.items()) if oid[:6] == (1, 3, 6, 1, 2, 1)]
    assert [(ber.decode_oid(oid), tag, value) for oid, tag, value in walk.varbinds] == [
        bind for bind in below if bind[0][6] in (2, 31) and bind[0][6:8] != (2, 1)
    ]
    wanted = {"noAuthNoPriv": 0, "authNoPriv": v3.FLAG_AUTH, "authPriv": v3.FLAG_AUTH | v3.FLAG_PRIV}
    assert {*agent.levels} == {wanted[user.level]}
    # the engine is discovered once
    assert agent.reports == [UNKNOWN_ENGINES]
    assert client.engines.ids_of("127.0.0.1") == (agent.engine_id,)


@pytest.mark.parametrize(
    ("user", "error", "said"),
    [
        (User(b"stranger", "SHA", b"authsyrup"), SnmpUnknownUser, "has no user 'stranger'"),
        (User(b"ops", "SHA256", b"wrongsyrup", "AES", b"privsyrup"), SnmpWrongDigest, "than SHA256"),
        (User(b"ops", "SHA512", b"authsyrup", "AES", b"privsyrup"), SnmpWrongDigest, "than SHA512"),
        (User(b"ops", "SHA256", b"authsyrup"), SnmpUnsupportedLevel, "with authNoPriv"),
        (User(b"ops", "SHA256", b"authsyrup", "AES", b"wrongsyrup"), SnmpDecryptionError, "than AES"),
        (User(b"open", context_name=b"blue"), SnmpReportError, "no context 'blue'"),
    ],
)
async def test_each_refusal_is_an_error_of_its_own(
    client: SnmpClient, agent: SecureAgent, user: User, error: type[SnmpReportError], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        await name_of(client, await session(client, agent, user))
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"127.0.0.1:{agent.port}: the agent")
    assert "syrup" not in str(caught.value)
    # and the next one is not concerned
    assert await name_of(client, await session(client, agent, OPS)) == b"sw1"


async def test_contexts(client: SnmpClient, agent: SecureAgent) -> None:
    agent.contexts[b"vlan-7"] = Mib(SYSTEM | {"1.3.6.1.2.1.1.5.0": (ber.Tag.OCTET_STRING, b"sw1 in vlan 7")})
    user = User(b"ops", "SHA256", b"authsyrup", "AES", b"privsyrup", context_name=b"vlan-7")
    assert await name_of(client, await session(client, agent, user)) == b"sw1 in vlan 7"


async def test_a_rebooted_agent_is_followed(client: SnmpClient, agent: SecureAgent) -> None:
    talk = await session(client, agent, OPS)
    await name_of(client, talk)
    agent.reboot()
    assert await name_of(client, talk) == b"sw1"
    assert agent.reports == [UNKNOWN_ENGINES, NOT_IN_TIME_WINDOWS]
    # one that has forgotten how often it booted is believed, too
    agent.boots = 1
    assert await name_of(client, talk) == b"sw1"


async def test_a_reboot_in_the_middle_of_a_walk_costs_no_row(client: SnmpClient, agent: SecureAgent) -> None:
    walk = Walk([ber.encode_oid("1.3.6.1.2.1.2.2")])

    def distort(datagram: bytes) -> list[bytes]:
        if len(agent.requests) == 10 and agent.boots == 3:
            agent.reboot()
        return [datagram]

    agent.distort = distort
    await client.converse(await session(client, agent, OPS), walk)
    assert len(walk.varbinds) == len([oid for oid in Mib(switch(30)).objects if oid[:8] == (1, 3, 6, 1, 2, 1, 2, 2)])
    assert NOT_IN_TIME_WINDOWS in agent.reports


async def test_another_device_at_the_same_address_is_found_out(client: SnmpClient, agent: SecureAgent) -> None:
    talk = await session(client, agent, OPS)
    await name_of(client, talk)
    agent.engine_id = b"\x80\0\0\0\x05other"
    assert await name_of(client, talk) == b"sw1"
    assert client.engines.ids_of("127.0.0.1") == (b"\x80\0\0\0\x05other",)


async def test_a_clock_that_has_drifted_is_set_again(client: SnmpClient, agent: SecureAgent) -> None:
    talk = await session(client, agent, OPS)
    await name_of(client, talk)
    agent.started -= 1000
    assert await name_of(client, talk) == b"sw1"


async def test_an_agent_that_refuses_its_own_clock_or_engine_ends(client: SnmpClient, agent: SecureAgent) -> None:
    def other_clock(datagram: bytes) -> list[bytes]:
        agent.boots += 1
        return [datagram]

    agent.distort = other_clock
    with pytest.raises(SnmpNotInTimeWindow, match="refuses its own clock"):
        await name_of(client, await session(client, agent, AUTH))

    def other_engine(datagram: bytes) -> list[bytes]:
        agent.engine_id = agent.engine_id[:-1] + bytes((agent.engine_id[-1] ^ 1,))
        return [datagram]

    agent.distort = other_engine
    with pytest.raises(SnmpUnknownEngine, match="refuses the engine id"):
        await name_of(client, await session(client, agent, AUTH))


async def test_an_answer_without_the_right_digest_is_not_one(client: SnmpClient, agent: SecureAgent) -> None:
    talk = await session(client, agent, OPS)
    await name_of(client, talk)
    agent.distort = lambda datagram: [datagram[:-1] + bytes((datagram[-1] ^ 1,)), datagram]
    assert await name_of(client, talk) == b"sw1"
    assert client.counters.garbage == 1


@pytest.mark.parametrize("weaker", [AUTH, OPEN], ids=lambda user: user.level)
async def test_a_forged_answer_that_is_less_protected_is_not_taken(
    client: SnmpClient, agent: SecureAgent, weaker: User
) -> None:
    talk = await session(client, agent, OPS, patience=0.5)
    await name_of(client, talk)

    def forge(datagram: bytes) -> list[bytes]:
        sent = v3.decode_envelope(datagram)
        scoped = v3.open_scoped(sent, OPS.keys(agent.engine_id)).octets
        keys = User(b"ops", weaker.auth_protocol, weaker.password).keys(agent.engine_id)
        return [v3.encode(sent.msg_id, b"ops", agent.engine_id, sent.boots, sent.time, scoped, keys, reportable=False)]

    agent.distort = forge
    with pytest.raises(SnmpTimeout, match="a wrong privacy password or protocol looks like this"):
        await name_of(client, talk)
    assert client.counters.garbage == 1
    # what was learnt of a silent agent is forgotten
    assert client.engines.get(talk.where) is None


async def test_answers_of_another_version_user_or_engine_are_not_taken(client: SnmpClient, agent: SecureAgent) -> None:
    talk = await session(client, agent, OPEN, patience=0.5)
    await name_of(client, talk)
    sent: list[v3.Envelope] = []

    def forge(datagram: bytes) -> list[bytes]:
        sent.append(one := v3.decode_envelope(datagram))
        octets, keys = one.scoped, OPEN.keys(agent.engine_id)
        v2 = ber.Message(ber.Version.V2C, b"public", ber.Pdu.RESPONSE, one.msg_id, 0, 0, [])
        other = v3.encode(one.msg_id, b"eve", agent.engine_id, 1, 1, octets, keys, reportable=False)
        foreign = v3.encode(one.msg_id, b"open", b"\x80\0\0\0\x05evil", 1, 1, octets, keys, reportable=False)
        return [ber.encode_message(v2), other, foreign]

    agent.distort = forge
    with pytest.raises(SnmpTimeout):
        await name_of(client, talk)
    assert client.counters.garbage == 3


async def test_the_source_address_is_the_one_asked_for(client: SnmpClient, agent: SecureAgent) -> None:
    assert await name_of(client, await session(client, agent, OPS, source="127.0.0.7")) == b"sw1"
    assert agent.sender[0] == "127.0.0.7"
    assert await name_of(client, await session(client, agent, OPS)) == b"sw1"
    assert agent.sender[0] == "127.0.0.1"
    with pytest.raises(SnmpLocalError, match=r"no UDP socket from 192\.0\.2\.9: Cannot assign"):
        await name_of(client, await session(client, agent, OPS, source="192.0.2.9"))


def test_the_memory_of_engines_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.snmp.speaker._ENGINES_MAX", 2)
    engines = Engines()
    for port in (1, 2, 1, 3):
        engines.learn(("10.0.0.1", port), Engine(bytes((port,)) * 8, 1, 1, 0.0))
    assert engines.get(("10.0.0.1", 2)) is None
    assert engines.ids_of("10.0.0.1") == (b"\1" * 8, b"\3" * 8)


def test_an_engines_clock_goes_on_and_stays_within_its_type() -> None:
    engine = Engine(b"12345", 1, 100, 50.0)
    assert engine.time_at(75.9) == 125
    assert Engine(b"12345", 1, 2**31 - 10, 0.0).time_at(100.0) == 2**31 - 1


# ---------------------------------------------------------------- net-snmp and pysnmp


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.level)
def test_net_snmp_reads_our_messages(agent: SecureAgent, user: User) -> None:
    if reason := missing():
        pytest.skip(reason)
    words = ["snmpbulkwalk", "-v3", "-On", "-r0", "-t10", "-u", user.name.decode(), "-l", user.level]
    if user.auth_protocol:
        words += ["-a", NETSNMP_AUTH.get(user.auth_protocol, user.auth_protocol), "-A", user.password.decode()]
    if user.priv_protocol:
        words += ["-x", user.priv_protocol, "-X", user.priv_password.decode()]
    done = subprocess.run(
        [*words, f"127.0.0.1:{agent.port}", "1.3.6.1.2.1.2.2.1.2"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 30
    assert lines[0] == '.1.3.6.1.2.1.2.2.1.2.1 = STRING: "GigabitEthernet1/0/1"'


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.level)
async def test_pysnmp_reads_our_messages(agent: SecureAgent, user: User) -> None:
    from pysnmp.hlapi.v3arch import asyncio as hlapi

    protocols = {
        "": hlapi.usmNoAuthProtocol, "SHA": hlapi.usmHMACSHAAuthProtocol, "SHA256": hlapi.usmHMAC192SHA256AuthProtocol
    }  # fmt: skip
    data = hlapi.UsmUserData(
        user.name.decode(),
        authKey=user.password.decode() or None,
        privKey=user.priv_password.decode() or None,
        authProtocol=protocols[user.auth_protocol],
        privProtocol=hlapi.usmAesCfb128Protocol if user.priv_protocol else hlapi.usmNoPrivProtocol,
    )
    engine = hlapi.SnmpEngine()
    target = await hlapi.UdpTransportTarget.create(("127.0.0.1", agent.port), timeout=10, retries=0)
    kind = hlapi.ObjectType(hlapi.ObjectIdentity("1.3.6.1.2.1.1.5.0"))
    error, status, _, binds = await hlapi.get_cmd(engine, data, target, hlapi.ContextData(), kind, lookupMib=False)
    engine.close_dispatcher()
    assert not error
    assert not status
    assert [bytes(value) for _, value in binds] == [b"sw1"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    if reason := missing():
        pytest.skip(reason)
    more = ["createUser open", "rouser open noauth"]
    for auth in AUTH_PROTOCOLS:
        known = f"{NETSNMP_AUTH.get(auth, auth)} auth-{auth}"
        more += [f"createUser {auth} {known}", f"rouser {auth} auth"]
        for priv in PRIV_PROTOCOLS:
            more.append(f"createUser {auth}{priv} {known} {NETSNMP_PRIV.get(priv, priv)} priv-{priv}")
            more.append(f"rouser {auth}{priv} priv")
    with snmpd(tmp_path_factory.mktemp("snmpd3"), more="\n".join(more)) as running:
        yield running


def netsnmp_users() -> list[User]:
    users = [User(b"open")]
    for auth in AUTH_PROTOCOLS:
        users.append(User(auth.encode(), auth, f"auth-{auth}".encode()))
        users += [
            User(f"{auth}{priv}".encode(), auth, f"auth-{auth}".encode(), priv, f"priv-{priv}".encode())
            for priv in PRIV_PROTOCOLS
        ]
    return users


@pytest.mark.parametrize("user", netsnmp_users(), ids=lambda user: user.name.decode())
async def test_a_real_agent_understands_every_pair(client: SnmpClient, daemon: Snmpd, user: User) -> None:
    talk = Session(await client.resolve("127.0.0.1", daemon.port), ber.Version.V3, b"", 10.0, 1, user=user)
    walk = Walk([ber.encode_oid("1.3.6.1.2.1.1")])
    await client.converse(talk, walk)
    assert not walk.problems
    assert (NAME, ber.Tag.OCTET_STRING, b"lab-agent") in walk.varbinds
    assert len(walk.varbinds) > 20


@pytest.mark.parametrize(
    ("user", "error"),
    [
        (User(b"nobody", "SHA", b"auth-SHA"), SnmpUnknownUser),
        (User(b"SHA", "SHA", b"wrong-SHA"), SnmpWrongDigest),
        (User(b"SHA", "MD5", b"auth-SHA"), SnmpWrongDigest),
        (User(b"open", "SHA", b"auth-SHA"), SnmpUnsupportedLevel),
        (User(b"SHAAES", "SHA", b"auth-SHA", "AES", b"wrong-AES"), SnmpError),
        (User(b"SHAAES", "SHA", b"auth-SHA", "DES", b"priv-AES"), SnmpError),
    ],
)
async def test_a_real_agent_refuses(client: SnmpClient, daemon: Snmpd, user: User, error: type[SnmpError]) -> None:
    talk = Session(await client.resolve("127.0.0.1", daemon.port), ber.Version.V3, b"", 1.0, 1, user=user)
    with pytest.raises(error):
        await client.converse(talk, Get([NAME]))


async def test_a_real_agent_that_restarts_is_followed(client: SnmpClient, tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    more = "createUser ops SHA-256 authsyrup AES privsyrup\nrouser ops priv"
    with snmpd(tmp_path, more=more) as first:
        talk = Session(await client.resolve("127.0.0.1", first.port), ber.Version.V3, b"", 10.0, 1, user=OPS)
        assert await name_of(client, talk) == b"lab-agent"
    with snmpd(tmp_path, more=more, port=first.port):
        assert await name_of(client, talk) == b"lab-agent"
