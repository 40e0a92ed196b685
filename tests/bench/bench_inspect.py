"""What it costs to find out what a device is: CPU a device, in this process alone.

Run as `python -m tests.bench.bench_inspect [--devices N]`. The device is a switch of 48 ports with ENTITY-MIB, served
by a process of its own, whose time is not counted. Ends with 1 when 1,000 devices would take longer than 5 minutes.
"""

import argparse
import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable
from multiprocessing.connection import Connection
from typing import Final

from probes.snmp.asking import Asker
from probes.snmp.ber import Tag, Value, Version
from probes.snmp.client import Session, SnmpClient
from probes.snmp.identityfiles import built_in
from probes.snmp.identitylook import look
from tests.probes.snmp.agents import Mib, UdpAgent, switch

PROMISED_SECONDS: Final = 300.0 / 1000
ENTITY: Final = "1.3.6.1.2.1.47.1.1.1.1"


def device() -> dict[str, tuple[int, Value]]:
    """Return a switch of 48 ports with a chassis, two power supplies and four modules."""
    out = dict(switch(48))
    for index in range(1, 120):
        kind = 3 if index == 1 else 6 if index < 4 else 9 if index < 8 else 10
        out[f"{ENTITY}.4.{index}"] = (Tag.INTEGER, int(index > 1))
        out[f"{ENTITY}.5.{index}"] = (Tag.INTEGER, kind)
        for column in (2, 7, 8, 10, 11, 12, 13):
            out[f"{ENTITY}.{column}.{index}"] = (Tag.OCTET_STRING, f"text-{column}-{index}".encode())
    return out


def _serve(pipe: Connection) -> None:
    with UdpAgent(Mib(device()).answer) as agent:
        pipe.send(agent.port)
        pipe.recv()


async def _inspect(port: int, devices: int) -> tuple[float, int]:
    client = SnmpClient()
    session = Session(await client.resolve("127.0.0.1", port), Version.V2C, b"public")

    def converse(asker: Asker) -> Awaitable[int]:
        return client.converse(session, asker)

    began, packets = time.process_time(), 0
    for _ in range(devices):
        packets += (await look(converse)).packets
    client.close()
    return (time.process_time() - began) / devices, packets // devices


def main() -> int:
    """Measure, and say what came out."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--devices", type=int, default=200)
    devices = options.parse_args().devices
    began = time.process_time()
    built_in()
    loading = time.process_time() - began
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs,))
    server.start()
    try:
        seconds, packets = asyncio.run(_inspect(ours.recv(), devices))
    finally:
        ours.send(None)
        server.join()
    print(f"rules read in {loading * 1000:.0f} ms, once; {seconds * 1000:.2f} ms of CPU and {packets} packets a device")
    print(f"1,000 devices: {seconds * 1000:.1f} s of CPU; promised: {PROMISED_SECONDS * 1000:.0f} s")
    return int(seconds > PROMISED_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
