"""What one if_mib poll of a 48-port switch costs in CPU, with its text for Prometheus, against pysnmp in one run.

Run as `python -m tests.bench.bench_snmp`. Both read the same columns by GETBULK with 25 repetitions from one agent,
which runs in a process of its own. Ends with 1 when the promise is broken: a tenth of the CPU of pysnmp.
"""

import asyncio
import multiprocessing
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from agent.core.model import Check, Outcome, SnmpAuth
from agent.core.ports import Resources
from exporters import exposition
from probes.snmp import ber
from probes.snmp.modules import ModuleLibrary
from probes.snmp.probe import Probe, Settings
from tests.probes.snmp.agents import Mib, switch

PORTS: Final = 48
PROMISED_RATIO: Final = 0.1
OWN_RUNS: Final = 20
PEER_RUNS: Final = 3


def serve(ready: Connection) -> None:
    """Answer as a switch, from memory, until ended."""
    mib, known = Mib(switch(PORTS)), {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        ready.send(server.getsockname()[1])
        while True:
            data, sender = server.recvfrom(65535)
            request = ber.decode_request(data)
            key = (request.pdu, request.max_repetitions, tuple(request.varbinds))
            if key not in known:
                known[key] = ber.decode_response(mib.answer(request)[0]).varbinds
            server.sendto(ber.encode_response(request, known[key]), sender)


async def least_cpu(job: Callable[[], Awaitable[int]], runs: int) -> tuple[float, int]:
    """Return the least CPU seconds of some runs, the one that others disturbed least, and what the job counted."""
    best, count = float("inf"), await job()
    for _ in range(runs):
        began = time.process_time()
        count = await job()
        best = min(best, time.process_time() - began)
    return best, count


async def own(port: int) -> tuple[float, int]:
    """Poll as the agent does: identity, interfaces, series and their text."""
    probe = Probe(Resources(auths={"public": SnmpAuth("public")}))
    settings = Settings(address="127.0.0.1", port=port, auth="public", modules=("if_mib",))
    check = Check("sw1", "snmp", "snmp", 60.0, settings)

    async def poll() -> int:
        seen = await probe.run(check)
        assert seen.outcome is Outcome.OK, seen.detail
        assert seen.series is not None
        assert b"".join(exposition.chunks(seen.series.families))
        return int(dict(seen.values)["varbinds"])

    try:
        return await least_cpu(poll, OWN_RUNS)
    finally:
        await probe.close()


async def pysnmp(port: int) -> tuple[float, int]:
    """Walk the same columns with pysnmp, without look-ups and without any text."""
    from pysnmp.hlapi.v3arch.asyncio import (
        CommunityData,
        ContextData,
        ObjectIdentity,
        ObjectType,
        SnmpEngine,
        UdpTransportTarget,
        bulk_walk_cmd,
    )

    module = ModuleLibrary().get("if_mib")
    roots = [ber.oid_text(root) for root in module.walk]
    engine = SnmpEngine()
    target: Any = await UdpTransportTarget.create(("127.0.0.1", port), timeout=10, retries=1)

    async def walk() -> int:
        count = 0
        for root in roots:
            rows = bulk_walk_cmd(
                engine, CommunityData("public"), target, ContextData(), 0, 25, ObjectType(ObjectIdentity(root)),
                lookupMib=False, lexicographicMode=False,
            )  # fmt: skip
            async for problem, status, _, binds in rows:
                assert not problem, problem
                assert not status, status
                count += len(binds)
        return count

    try:
        return await least_cpu(walk, PEER_RUNS)
    finally:
        engine.close_dispatcher()


def main() -> int:
    """Print the table; return 1 when the promise is broken."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    try:
        port = ours.recv()
        own_seconds, own_count = asyncio.run(own(port))
        peer_seconds, peer_count = asyncio.run(pysnmp(port))
    finally:
        server.terminate()
        server.join()
    ratio = own_seconds / peer_seconds
    print(f"if_mib poll of {PORTS} ports, CPU of the polling process")
    print(f"  linewarden  {own_seconds * 1e3:7.1f} ms  {own_count} objects, with facts, interfaces, series and text")
    print(f"  pysnmp      {peer_seconds * 1e3:7.1f} ms  {peer_count} objects, without look-ups and text")
    print(f"  ratio       {ratio:7.3f}     promised: at most {PROMISED_RATIO}")
    return int(ratio > PROMISED_RATIO)


if __name__ == "__main__":
    sys.exit(main())
