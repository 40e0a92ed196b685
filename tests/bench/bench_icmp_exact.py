"""How exact the round-trip times are: what the engine says, echo by echo, against what tcpdump saw of the same echoes.

Run as root as `python -m tests.bench.bench_icmp_exact [--echoes N]`. A program at the far end answers after a known
time, and leaves some echoes unanswered; that is done on an idle machine, and with both cores busy. Ends with 1 when a
promise is broken: the median within 2 µs, p1 and p99 within 10 µs, and loss exactly as the program made it.
"""

import argparse
import asyncio
import contextlib
import heapq
import json
import multiprocessing
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from probes.icmp import packet
from tests.lab.net import Namespace, pair
from tests.waiting import wait_until

ECHOES: Final = 10_000
TARGETS: Final = 20
INTERVAL_SECONDS: Final = 0.02
ANSWER_SECONDS: Final = 0.002
DROP_EVERY: Final = 97
MEDIAN_MICROSECONDS: Final = 2.0
TAIL_MICROSECONDS: Final = 10.0
_ADDRESSES: Final = [f"10.8.0.{number + 1}" for number in range(TARGETS)]


def respond(report: str) -> None:
    """Answer echoes after a known time until a line comes on stdin; write how many were left unanswered."""
    waiting: list[tuple[float, int, bytes, str, str]] = []
    seen = dropped = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        outlets = {
            address: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) for address in _ADDRESSES
        }
        for address, outlet in outlets.items():
            outlet.bind((address, 0))
        print("ready", flush=True)
        while True:
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
            readable, _, _ = select.select([sock, sys.stdin], [], [], pause)
            now = time.monotonic()
            if sock in readable:
                octets, (where, _) = sock.recvfrom(2048)
                body, to = packet.strip_ipv4(octets), socket.inet_ntoa(octets[16:20])
                if body[0] == packet.ECHO_REQUEST_V4 and to in outlets:
                    seen += 1
                    if seen % DROP_EVERY:
                        heapq.heappush(waiting, (now + ANSWER_SECONDS, seen, body, where, to))
                    else:
                        dropped += 1
            while waiting and waiting[0][0] <= now:
                _, _, body, where, to = heapq.heappop(waiting)
                bare = b"\0\0\0\0" + body[4:]
                outlets[to].sendto(b"\0\0" + packet.checksum(bare).to_bytes(2, "big") + body[4:], (where, 0))
            if sys.stdin in readable:
                break
        for outlet in outlets.values():
            outlet.close()
    Path(report).write_text(str(dropped))


def measure(echoes: int) -> None:
    """Print, as JSON, each address's round-trip times in seconds, in the order of sending (null: lost)."""
    from agent.core.model import Check, Echo, Round
    from probes.icmp.engine import Engine
    from probes.icmp.settings import Settings

    each = echoes // TARGETS

    async def ping() -> dict[str, list[float | None]]:
        model = Settings.model_validate({"address": _ADDRESSES[0], "interval": "20ms", "round": "1s", "timeout": "1s"})
        checks = [
            Check(address, "icmp", "icmp", INTERVAL_SECONDS, model.model_copy(update={"address": address}))
            for address in _ADDRESSES
        ]
        engine = Engine(echoes=each, patient=True)
        found: dict[str, list[float | None]] = {address: [] for address in _ADDRESSES}
        try:
            await engine.configure(checks)
            async for item in engine:
                if isinstance(item, Round):
                    assert not (item.outcomes == Echo.UNKNOWN).any(), item.why_unknown
                    found[item.target] += [None if rtt != rtt else rtt for rtt in item.rtts_seconds.tolist()]
                if all(len(rtts) >= each for rtts in found.values()):
                    break
        finally:
            await engine.close()
        return found

    print(json.dumps(asyncio.run(ping())))


def captured(path: Path) -> dict[str, list[float | None]]:
    """Return each address's round-trip times by tcpdump, in the order of the requests (None: no reply)."""
    from scapy.utils import RawPcapReader

    requests: dict[str, list[tuple[int, int]]] = {address: [] for address in _ADDRESSES}
    replies: dict[tuple[str, int], int] = {}
    for frame, when in RawPcapReader(str(path)):
        at = when.sec * 1_000_000_000 + when.usec  # nanoseconds, in a capture of that precision
        body, source, target = frame[34:], socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
        index = int.from_bytes(body[16:20], "big")
        if body[0] == packet.ECHO_REQUEST_V4 and target in requests:
            requests[target].append((index, at))
        elif body[0] == packet.ECHO_REPLY_V4:
            replies[source, index] = at
    return {
        address: [
            (replies[address, index] - at) / 1e9 if (address, index) in replies else None for index, at in sorted_
        ]
        for address, sorted_ in requests.items()
    }


@contextlib.contextmanager
def burners(number: int) -> Iterator[None]:
    """Keep so many cores busy."""
    processes = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(number)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def _burn() -> None:
    while True:
        sum(range(10_000))


def compare(near: Namespace, far: Namespace, folder: Path, echoes: int, busy: int) -> bool:
    """Measure once; print, and return whether the promises are kept."""
    capture, report = folder / f"capture-{busy}", folder / f"dropped-{busy}"
    module = "tests.bench.bench_icmp_exact"
    answering = far.start(
        sys.executable, "-m", module, "--respond", str(report), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert answering.stdout is not None
    assert answering.stdin is not None
    answering.stdout.readline()
    dump = near.start(
        "tcpdump", "-i", "eth0", "-n", "-U", "-s", "128", "-B", "65536", "--time-stamp-precision=nano",
        "-w", str(capture), "icmp", stderr=subprocess.PIPE,
    )  # fmt: skip
    assert dump.stderr is not None
    dump.stderr.readline()
    wait_until(lambda: capture.exists() and capture.stat().st_size >= 24)
    with burners(busy):
        done = near.run(sys.executable, "-m", module, "--measure", "--echoes", str(echoes), timeout=300)
        time.sleep(1)
    answering.stdin.write("end\n")
    answering.stdin.flush()
    answering.wait(10)
    dump.terminate()
    dump.wait(10)
    mine: dict[str, list[float | None]] = json.loads(done.stdout)
    theirs = captured(capture)
    pairs = [(own, seen) for address in _ADDRESSES for own, seen in zip(mine[address], theirs[address], strict=True)]
    off = np.array([1e6 * (own - seen) for own, seen in pairs if own is not None and seen is not None])
    p1, p50, p99 = np.percentile(off, (1, 50, 99))
    lost, dropped = sum(own is None for own, _ in pairs), int(report.read_text())
    disagree = sum((own is None) != (seen is None) for own, seen in pairs)
    exact = abs(p50) <= MEDIAN_MICROSECONDS and abs(p1) <= TAIL_MICROSECONDS and abs(p99) <= TAIL_MICROSECONDS
    same = lost == dropped and not disagree
    print(f"   {len(pairs)} echoes, {'both cores busy' if busy else 'idle'}: measured minus tcpdump "
          f"p1 {p1:.2f}, p50 {p50:.2f}, p99 {p99:.2f} µs, worst {np.abs(off).max():.1f} µs; "
          f"{lost} lost, {dropped} left unanswered: {'kept' if exact and same else 'BROKEN'}", flush=True)  # fmt: skip
    return bool(exact and same)


def main() -> int:
    """Compare, print, and return the exit code."""
    words = argparse.ArgumentParser(description="How exact round-trip times are, against tcpdump.")
    words.add_argument("--echoes", type=int, default=ECHOES)
    words.add_argument("--respond", help=argparse.SUPPRESS)
    words.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = words.parse_args()
    if options.respond:
        respond(options.respond)
        return 0
    if options.measure:
        measure(options.echoes)
        return 0
    if shutil.which("tcpdump") is None:
        print("missing: tcpdump (apt-get install tcpdump)", file=sys.stderr)
        return 1
    print(f"== exactness: {TARGETS} addresses, an echo each {1000 * INTERVAL_SECONDS:g} ms, "
          f"answered after {1000 * ANSWER_SECONDS:g} ms", flush=True)  # fmt: skip
    with pair() as (near, far), tempfile.TemporaryDirectory() as folder:
        far.sysctl("net.ipv4.icmp_echo_ignore_all", "1")
        for address in _ADDRESSES:
            far.ip(f"address add {address}/32 dev lo")
        near.ip("route add 10.8.0.0/16 via 10.9.0.2")
        kept = [compare(near, far, Path(folder), options.echoes, busy) for busy in (0, 2)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
