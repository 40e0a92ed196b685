"""From a query of `/snmp` to what is spoken, and from what goes wrong to what the endpoint answers."""

import socket
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.core.model import SnmpAuth
from agent.core.ondemand import CollectionFailed, OnDemandError, SnmpQuery, UnknownName
from agent.core.ports import OnDemand as Port
from agent.core.ports import Resources
from agent.core.series import SeriesBlock
from probes.snmp.ber import Version
from probes.snmp.client import Peer, Session
from probes.snmp.errors import SnmpError, SnmpTimeout
from probes.snmp.modules import Module
from probes.snmp.ondemand import OnDemand, peer_of
from probes.snmp.probe import Probe

QUERY = SnmpQuery("lo:99", ip_address("127.0.0.1"), 99, ("system", "if_mib"), "v2", "", "", 9.5)
AUTHS = {
    "v1": SnmpAuth("v1", version=1, community="one-word"),
    "v2": SnmpAuth("v2", community="two-word"),
    "v3": SnmpAuth("v3", version=3, username="ops", password="three-word"),
    "lacks": SnmpAuth("lacks", problem="community: the secret's environment variable C is not set"),
}


class ModuleFailedError(SnmpError):
    module = "if_mib"


class Scraper:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[Session, list[str]]] = []

    async def scrape(self, session: Session, modules: Sequence[Module]) -> SeriesBlock:
        self.asked.append((session, [module.name for module in modules]))
        if self.error is not None:
            raise self.error
        return SeriesBlock(())


def made(scraper: Scraper, *files: Path) -> Port:
    return OnDemand(Probe(Resources(auths=AUTHS, module_files=files)), scraper)


@pytest.mark.parametrize(("auth", "version"), [("v1", Version.V1), ("v2", Version.V2C)])
async def test_who_is_asked_and_how(auth: str, version: Version) -> None:
    scraper = Scraper()
    await made(scraper).scrape(replace(QUERY, auth=auth))
    [(session, modules)] = scraper.asked
    assert session.peer == Peer(socket.AF_INET, ("127.0.0.1", 99))
    assert (session.version, session.community.decode()) == (version, AUTHS[auth].community)
    assert modules == ["system", "if_mib"]


@pytest.mark.parametrize(
    ("engine_id", "meant"),
    [("", ""), ("8000000201", "8000000201"), ("80ABcd", "80abcd"), ("0x8000000201", ""), ("own", ""), ("80zz01", "80")],
)
async def test_whose_objects_are_asked_for(engine_id: str, meant: str) -> None:
    scraper = Scraper()
    await made(scraper).scrape(replace(QUERY, auth="v3", context="vlan-10", engine_id=engine_id))
    user = scraper.asked[0][0].user
    assert user is not None
    assert (user.context_name, user.context_engine_id.hex()) == (b"vlan-10", meant)


async def test_a_reload_is_followed() -> None:
    probe, scraper = Probe(Resources(auths=AUTHS)), Scraper()
    port = OnDemand(probe, scraper)
    probe.configure(Resources(auths={"v2": SnmpAuth("v2", community="another")}))
    await port.scrape(QUERY)
    assert scraper.asked[0][0].community == b"another"
    with pytest.raises(UnknownName, match=r"^Unknown auth 'v1'$"):
        await port.scrape(replace(QUERY, auth="v1"))


@pytest.mark.parametrize(
    ("query", "error", "text", "module"),
    [
        (QUERY, SnmpTimeout("no answer"), "error scraping target 127.0.0.1: no answer", ""),
        (QUERY, ModuleFailedError("no end"), "error scraping target 127.0.0.1: no end", "if_mib"),
        (replace(QUERY, auth="lacks"), None, "auth 'lacks' cannot be used: community: the secret's environment", ""),
        (replace(QUERY, modules=("system", "sytem")), None, "no SNMP module 'sytem'; did you mean 'system'?", "sytem"),
        (replace(QUERY, address=ip_address("fe80::1%none0")), None, "this host has no interface 'none0'", ""),
    ],
)
async def test_what_goes_wrong(query: SnmpQuery, error: Exception | None, text: str, module: str) -> None:
    with pytest.raises(CollectionFailed) as caught:
        await made(Scraper(error)).scrape(query)
    assert text in str(caught.value)
    assert caught.value.module == module
    assert "-word" not in str(caught.value)


async def test_a_module_file_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "snmp.yml"
    file.write_text("modules: {broken: {walk: 7}}")
    with pytest.raises(CollectionFailed, match=r"snmp\.yml: modules\.broken\.walk: ") as caught:
        await made(Scraper(), file).scrape(replace(QUERY, modules=("broken",)))
    assert caught.value.module == "broken"


async def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(KeyError) as caught:
        await made(Scraper(KeyError("x"))).scrape(QUERY)
    assert not isinstance(caught.value, OnDemandError)


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("10.0.0.1", Peer(socket.AF_INET, ("10.0.0.1", 161))),
        ("fd00::1", Peer(socket.AF_INET6, ("fd00::1", 161, 0, 0))),
        ("fe80::1%7", Peer(socket.AF_INET6, ("fe80::1", 161, 0, 7))),
        ("fe80::1%lo", Peer(socket.AF_INET6, ("fe80::1", 161, 0, 1))),
    ],
)
def test_peers(address: str, peer: Peer) -> None:
    assert peer_of(ip_address(address), 161) == peer
