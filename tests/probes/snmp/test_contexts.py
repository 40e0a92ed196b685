"""`snmp_context` and `snmp_engineid` beside the real snmp_exporter: the same words in the packets, the same answers."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.core.model import SnmpAuth
from agent.core.ondemand import OnDemandError, SnmpQuery
from agent.core.ports import Resources
from probes.snmp import v3
from probes.snmp.ber import Tag
from probes.snmp.ondemand import OnDemand
from probes.snmp.probe import Probe
from probes.snmp.scrape import Scraper
from probes.snmp.usm import Keys, User
from tests.lab.snmp_exporter import Exporter, missing, snmp_exporter
from tests.lab.snmpd import Snmpd, snmpd
from tests.lab.snmpd import missing as snmpd_missing
from tests.probes.snmp.agents import Mib
from tests.probes.snmp.secure_agents import SecureAgent

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(missing() is not None, reason=str(missing()))]

ENGINE = b"\x80\0\0\0\x05agent"
OTHER = "800000020109840301"
USERS = {
    "plain": User(b"plain"),
    "secret": User(b"secret", "SHA", b"auth-secret", "AES", b"priv-secret"),
}
AUTHS = {
    "public_v2": SnmpAuth("public_v2", community="public"),
    "plain": SnmpAuth("plain", version=3, username="plain"),
    "named": SnmpAuth("named", version=3, username="plain", context_name="vlan-10"),
    "secret": SnmpAuth(
        "secret", version=3, username="secret", security_level="authPriv", auth_protocol="SHA", password="auth-secret",
        priv_protocol="AES", priv_password="priv-secret",
    ),
}  # fmt: skip
FILE = """\
auths:
  public_v2: {version: 2, community: public}
  plain: {version: 3, username: plain, security_level: noAuthNoPriv}
  named: {version: 3, username: plain, security_level: noAuthNoPriv, context_name: vlan-10}
  secret: {version: 3, username: secret, security_level: authPriv, auth_protocol: SHA, password: auth-secret,
           priv_protocol: AES, priv_password: priv-secret}
modules:
  address:
    timeout: 2s
    retries: 0
    get: [1.3.6.1.2.1.1.5.0]
    metrics: [{name: sysName, oid: 1.3.6.1.2.1.1.5, type: DisplayString, help: The name.}]
"""


class Agent(SecureAgent):
    """Has other objects in another context, and remembers which contexts it was asked for."""

    def __init__(self) -> None:
        super().__init__({}, *USERS.values(), engine_id=ENGINE)
        self.contexts = {
            name: Mib({"1.3.6.1.2.1.1.5.0": (Tag.OCTET_STRING, b"of " + (name or b"itself"))})
            for name in (b"", b"vlan-10", b"vlan 20 \xc3\xa9")
        }
        self.asked: list[tuple[bytes, bytes]] = []

    def _answer(self, asked: v3.Envelope, scoped: v3.Scoped, keys: Keys) -> bytes:
        self.asked.append((scoped.context_engine_id, scoped.context_name))
        return super()._answer(asked, scoped, keys)


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("snmp_exporter")
    (folder / "snmp.yml").write_text(FILE)
    with snmp_exporter(folder, [folder / "snmp.yml"]) as running:
        yield running


@pytest.fixture(scope="module")
def netsnmp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    if why := snmpd_missing():
        pytest.skip(why)
    users = (
        "createUser plain\ncreateUser secret SHA auth-secret AES priv-secret\nrouser plain noauth\nrouser secret priv\n"
    )
    with snmpd(tmp_path_factory.mktemp("snmpd"), more=users) as running:
        yield running


async def ours(port: int, file: Path, auth: str, context: str, engine_id: str) -> tuple[int, list[str]]:
    probe = Probe(Resources(auths=AUTHS, module_files=(file,)))
    query = SnmpQuery("", ip_address("127.0.0.1"), port, ("address",), auth, context, engine_id, 10.0)
    try:
        block = await OnDemand(probe, Scraper(probe.client)).scrape(query)
    except OnDemandError:
        return 500, []
    finally:
        await probe.close()
    return 200, [
        prefix for family in block.families if not family.name.startswith("snmp_scrape_") for prefix in family.prefixes
    ]


def names(text: str) -> list[str]:
    return [line.removesuffix(" 1") for line in text.splitlines() if line.startswith("sysName{")]


@pytest.mark.parametrize(
    ("auth", "context", "engine_id", "expected"),
    [
        ("plain", "", "", (ENGINE, b"")),
        ("plain", "vlan-10", "", (ENGINE, b"vlan-10")),
        ("plain", "vlan 20 é", "", (ENGINE, "vlan 20 é".encode())),
        ("plain", "nowhere", "", (ENGINE, b"nowhere")),
        ("named", "", "", (ENGINE, b"vlan-10")),
        ("named", "vlan 20 é", "", (ENGINE, "vlan 20 é".encode())),
        ("plain", "", ENGINE.hex(), (ENGINE, b"")),
        ("plain", "vlan-10", OTHER, (bytes.fromhex(OTHER), b"vlan-10")),
        ("plain", "", OTHER.replace("a", "A"), (bytes.fromhex(OTHER), b"")),
        ("plain", "", ENGINE.hex().upper(), (ENGINE, b"")),
        ("plain", "", f"0x{OTHER}", (ENGINE, b"")),
        ("plain", "", f'"{OTHER}"', (ENGINE, b"")),
        ("plain", "", f" {OTHER}", (ENGINE, b"")),
        ("plain", "", f"{OTHER} ", (bytes.fromhex(OTHER), b"")),
        ("plain", "", "zz", (ENGINE, b"")),
        ("plain", "", "80:00:00", (b"\x80", b"")),
        ("plain", "", "abc", (b"\xab", b"")),
        ("plain", "", "8é", (ENGINE, b"")),
        ("plain", "", "80" * 33, (b"\x80" * 33, b"")),
        ("secret", "vlan-10", OTHER, (bytes.fromhex(OTHER), b"vlan-10")),
        ("secret", "", "zz", (ENGINE, b"")),
    ],
)
async def test_the_same_context_is_asked_for(
    exporter: Exporter, tmp_path: Path, auth: str, context: str, engine_id: str, expected: tuple[bytes, bytes]
) -> None:
    (tmp_path / "snmp.yml").write_text(FILE)
    with Agent() as agent:
        status, series = await ours(agent.port, tmp_path / "snmp.yml", auth, context, engine_id)
        assert set(agent.asked) == {expected}
        agent.asked.clear()
        target, more = f"127.0.0.1:{agent.port}", {"snmp_context": context, "snmp_engineid": engine_id}
        theirs, text = await asyncio.to_thread(exporter.scrape, target, "address", auth, 60.0, more)
        assert set(agent.asked) == {expected}
    assert (status, series) == (theirs, names(text))
    assert status == (500 if context == "nowhere" else 200)


@pytest.mark.parametrize(
    ("auth", "context", "engine_id", "expected"),
    [
        ("plain", "", "", 200), ("plain", "", OTHER, 200), ("secret", "", OTHER, 200),
        ("secret", "", f"0x{OTHER}", 200), ("secret", "", "none", 200),
        ("secret", "", "80" * 33, 500), ("secret", "nowhere", "", 500),
        ("public_v2", "nowhere", "80" * 33, 200),
    ],
)  # fmt: skip
async def test_a_real_agent_answers_both_alike(
    exporter: Exporter, netsnmp: Snmpd, tmp_path: Path, auth: str, context: str, engine_id: str, expected: int
) -> None:
    (tmp_path / "snmp.yml").write_text(FILE)
    status, series = await ours(netsnmp.port, tmp_path / "snmp.yml", auth, context, engine_id)
    target, more = f"127.0.0.1:{netsnmp.port}", {"snmp_context": context, "snmp_engineid": engine_id}
    theirs, text = await asyncio.to_thread(exporter.scrape, target, "address", auth, 60.0, more)
    assert (status, series) == (theirs, names(text))
    assert status == expected
