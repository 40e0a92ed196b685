"""What SNMP polls cost in CPU: beside snmp_exporter and pysnmp, which ask the same agents for the same module.

A full poll ends with the whole text for Prometheus on both sides. The fast tier, which reads state and counters alone,
is held against the peer's full poll too, because the peer has no other; its series are made, but not their text, which
is made when somebody scrapes.

Run as `python -m tests.bench.bench_snmp [--rounds N] [CASE...]`. The rounds are interleaved, because the machine's mood
changes; the ratios are those of the medians. The agents run in processes of their own, whose time is not counted. Ends
with 1 when a peer is missing or a promise is broken.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from agent.core.model import Check, Outcome, SnmpAuth
from agent.core.ports import Resources
from exporters import exposition
from probes.snmp import ber
from probes.snmp.modules import ModuleLibrary
from probes.snmp.probe import Probe, Settings
from probes.snmp.usm import User
from tests.lab.agent import cpu_seconds
from tests.lab.snmp_exporter import snmp_exporter
from tests.probes.snmp.agents import Mib, switch
from tests.probes.snmp.secure_agents import SecureAgent

ROUNDS: Final = 5
FLEET: Final = 1000
FLEET_AT_ONCE: Final = 50
USER: Final = User(b"bench", "SHA", b"authsyrup", "AES", b"privsyrup")
AUTHS: Final = {
    "public_v2": SnmpAuth("public_v2", community="public"),
    "bench_v3": SnmpAuth(
        "bench_v3", version=3, username="bench", security_level="authPriv", auth_protocol="SHA", password="authsyrup",
        priv_protocol="AES", priv_password="privsyrup",
    ),
}  # fmt: skip
PEER_AUTHS: Final = """\
auths:
  public_v2: {version: 2, community: public}
  bench_v3: {version: 3, username: bench, security_level: authPriv, auth_protocol: SHA, password: authsyrup,
             priv_protocol: AES, priv_password: privsyrup}
"""


# ------------------------------------------------------------------ agents


def serve(ready: Connection, ports: int, sockets: int) -> None:
    """Answer v2c as so many switches, from memory, until ended."""
    mib, known = Mib(switch(ports)), {}
    servers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(sockets)]
    for server in servers:
        server.bind(("127.0.0.1", 0))

    def answer(server: socket.socket) -> None:
        while True:
            data, sender = server.recvfrom(65535)
            request = ber.decode_request(data)
            key = (request.pdu, request.max_repetitions, tuple(request.varbinds))
            if key not in known:
                known[key] = ber.decode_response(mib.answer(request)[0]).varbinds
            server.sendto(ber.encode_response(request, known[key]), sender)

    for server in servers[1:]:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
    ready.send([server.getsockname()[1] for server in servers])
    answer(servers[0])


def serve_secure(ready: Connection, ports: int, _: int) -> None:
    """Answer v3 as a switch until ended."""
    with SecureAgent(switch(ports), USER) as agent:
        ready.send([agent.port])
        threading.Event().wait()


@contextlib.contextmanager
def agents(target: Callable[[Connection, int, int], None], ports: int, sockets: int = 1) -> Iterator[list[int]]:
    """Run agents in a process of their own; gives their UDP ports."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=target, args=(theirs, ports, sockets), daemon=True)
    server.start()
    try:
        yield ours.recv()
    finally:
        server.terminate()
        server.join()


# ------------------------------------------------------------------ who polls


@dataclass(slots=True)
class Own:
    """Polls as the agent does: identity, interfaces, series and their text."""

    port: int
    auth: str
    fast: bool = False
    probe: Probe = field(default_factory=lambda: Probe(Resources(auths=AUTHS)))

    def check(self, name: str = "sw1", port: int | None = None) -> Check:
        """Return the check of one device."""
        settings = Settings(
            address="127.0.0.1", port=port or self.port, auth=self.auth, modules=("if_mib",), interval="1h",
            fast="10s" if self.fast else None,
        )  # fmt: skip
        return Check(name, "snmp", "snmp", 60.0, settings)

    async def poll(self, check: Check) -> int:
        """Poll once; return how many octets of text that gave: none for the fast tier."""
        seen = await self.probe.run(check)
        assert seen.outcome is Outcome.OK, seen.detail
        assert seen.series is not None
        if self.fast:
            return 0
        return len(b"".join(exposition.chunks(seen.series.families)))

    async def run(self, polls: int) -> float:
        """Return CPU seconds per poll."""
        check = self.check()
        for _ in range(2):  # to know the device
            await self.poll(check)
        began = time.process_time()
        for _ in range(polls):
            await self.poll(check)
        return (time.process_time() - began) / polls


def peer_cpu(pid: int, url: str, polls: int) -> float:
    """Return the CPU seconds per scrape of snmp_exporter."""

    def scrape() -> None:
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert answer.read().count(b"\n") > polls

    scrape()
    began = cpu_seconds(pid)
    for _ in range(polls):
        scrape()
    return (cpu_seconds(pid) - began) / polls


async def pysnmp(port: int) -> float:
    """Return the CPU seconds of one walk of the same columns with pysnmp, without look-ups and without any text."""
    from pysnmp.hlapi.v3arch.asyncio import (
        CommunityData,
        ContextData,
        ObjectIdentity,
        ObjectType,
        SnmpEngine,
        UdpTransportTarget,
        bulk_walk_cmd,
    )

    roots = [ber.oid_text(root) for root in ModuleLibrary().get("if_mib").walk]
    engine = SnmpEngine()
    target: Any = await UdpTransportTarget.create(("127.0.0.1", port), timeout=10, retries=1)
    began = time.process_time()
    for root in roots:
        rows = bulk_walk_cmd(
            engine, CommunityData("public"), target, ContextData(), 0, 25, ObjectType(ObjectIdentity(root)),
            lookupMib=False, lexicographicMode=False,
        )  # fmt: skip
        async for problem, status, _, _ in rows:
            assert not problem, problem
            assert not status, status
    seconds = time.process_time() - began
    engine.close_dispatcher()
    return seconds


# ------------------------------------------------------------------ cases


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison with snmp_exporter, and what is promised; `aim` where that is more than what was reached."""

    ports: int
    auth: str
    promised: float
    polls: int
    says: str
    fast: bool = False
    aim: float | None = None


CASES: Final = {
    "48": Case(48, "public_v2", 0.35, 40, "if_mib with text, 48 ports, v2c"),
    "480": Case(480, "public_v2", 0.25, 8, "if_mib with text, 480 ports, v2c"),
    "v3": Case(48, "bench_v3", 0.5, 40, "if_mib with text, 48 ports, v3 authPriv", aim=0.45),
    "fast48": Case(48, "public_v2", 0.15, 60, "state and counters, 48 ports, v2c", fast=True, aim=0.05),
    "fast480": Case(480, "public_v2", 0.08, 20, "state and counters, 480 ports, v2c", fast=True, aim=0.05),
}


OTHERS: Final = ("pysnmp", "fleet", "fastfleet")


def configuration(folder: Path) -> Path:
    """Write the same module for snmp_exporter."""
    path = folder / "snmp.yml"
    path.write_text(PEER_AUTHS + resources.files("configs").joinpath("snmp/if_mib.yml").read_text())
    return path


async def compare(case: Case, rounds: int, folder: Path) -> float:
    """Print one comparison; return the ratio."""
    server = serve_secure if case.auth == "bench_v3" else serve
    with agents(server, case.ports) as (port,), snmp_exporter(folder, [configuration(folder)]) as peer:
        own = Own(port, case.auth, case.fast)
        url = f"http://127.0.0.1:{peer.port}/snmp?target=127.0.0.1:{port}&module=if_mib&auth={case.auth}"
        ours, theirs = [], []
        try:
            for _ in range(rounds):
                ours.append(await own.run(case.polls))
                theirs.append(await asyncio.to_thread(peer_cpu, peer.process.pid, url, case.polls))
        finally:
            await own.probe.close()
    mine, peers = statistics.median(ours), statistics.median(theirs)
    print(
        f"{case.says}: linewarden {mine * 1e3:.1f} ms, snmp_exporter {peers * 1e3:.1f} ms,"
        f" ratio {mine / peers:.3f} (promised: at most {case.promised}{f', aimed at: {case.aim}' if case.aim else ''})"
    )
    return mine / peers


async def against_pysnmp(rounds: int) -> float:
    """Print the comparison with pysnmp; return the ratio."""
    with agents(serve, 48) as (port,):
        own = Own(port, "public_v2")
        ours, theirs = [], []
        try:
            for _ in range(rounds):
                ours.append(await own.run(20))
                theirs.append(await pysnmp(port))
        finally:
            await own.probe.close()
    mine, peers = statistics.median(ours), statistics.median(theirs)
    print(
        f"if_mib, 48 ports: linewarden {mine * 1e3:.1f} ms with text, pysnmp {peers * 1e3:.1f} ms without,"
        f" ratio {mine / peers:.3f} (promised: at most 0.1)"
    )
    return mine / peers


async def fleet(*, fast: bool) -> bool:
    """Print what a thousand devices of 48 ports a minute cost; return whether the promises hold."""
    with agents(serve, 48, FLEET) as ports:
        own = Own(ports[0], "public_v2", fast)
        checks = [own.check(f"sw{number}", port) for number, port in enumerate(ports)]
        gate = asyncio.Semaphore(FLEET_AT_ONCE)

        async def one(check: Check) -> None:
            async with gate:
                await own.poll(check)

        async def everybody(job: Callable[[Check], Awaitable[None]]) -> float:
            began = time.process_time()
            await asyncio.gather(*(job(check) for check in checks))
            return time.process_time() - began

        try:
            for _ in range(2):  # to know the devices
                await everybody(one)
            seconds = await everybody(one)
            descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone
        finally:
            await own.probe.close()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what, most = ("state and counters", 0.1) if fast else ("full if_mib", 0.6)
    print(
        f"{FLEET} devices of 48 ports a minute, {what}: {seconds / 60:.1%} of a core (promised: below {most:.0%}),"
        f" {megabytes:.0f} MB (promised: below 400 MB), {descriptors} file descriptors"
    )
    return seconds / 60 < most and megabytes < 400


def main() -> int:
    """Print the table; return 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join([*CASES, *OTHERS])}; all by default")
    options = parser.parse_args()
    wanted = options.cases or [*CASES, *OTHERS]
    kept = True
    with tempfile.TemporaryDirectory() as name:
        for word in wanted:
            if word == "pysnmp":
                kept &= asyncio.run(against_pysnmp(min(options.rounds, 3))) <= 0.1
            elif word in ("fleet", "fastfleet"):
                kept &= asyncio.run(fleet(fast=word == "fastfleet"))
            else:
                kept &= asyncio.run(compare(CASES[word], options.rounds, Path(name))) <= CASES[word].promised
    return int(not kept)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (FileNotFoundError, subprocess.SubprocessError) as problem:
        sys.exit(f"cannot measure: {problem}")
