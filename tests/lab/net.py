"""Network namespaces for tests: hosts, routers and links that exist for one test and touch nothing outside.

with Namespace("agent") as agent, Namespace("far") as far:
    link(agent, "eth0", far, "eth0", addresses=("10.0.0.1/24", "10.0.0.2/24"))
    agent.call(lambda: asyncio.run(measure()))      # in a thread inside the namespace
    far.run("nft", "add", "table", "inet", "lab")
"""

import contextlib
import ctypes
import functools
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import pytest

_CLONE_NEWNET: Final = 0x40000000  # setns(2): "fd must refer to a network namespace"
_NAMES: Final = itertools.count()
_libc: Final = ctypes.CDLL(None, use_errno=True)
Result = TypeVar("Result")


@functools.cache
def _why_not() -> str | None:
    """Return why this machine can have no namespaces, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if missing := [tool for tool in ("ip", "nft") if shutil.which(tool) is None]:
        return f"needs {', '.join(missing)} (apt-get install iproute2 nftables)"
    name = f"lw{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"ip netns add: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return None


def require_namespaces() -> None:
    """Skip the test, with the reason, where namespaces cannot be had; in CI that is a failure."""
    if why := _why_not():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the lab must run in CI: {why}")
        pytest.skip(why)


class Namespace:
    """One network namespace with its loopback up; removed, with everything in it, at the end."""

    def __init__(self, label: str) -> None:
        """Name it after `label`, uniquely among all test runs on this machine."""
        self.name = f"lw{os.getpid()}-{next(_NAMES)}-{label}"
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        """Create it."""
        require_namespaces()
        _command("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what was started here, then remove it."""
        for process in self._processes:
            stop(process)
        _command("ip", "netns", "del", self.name, check=False)

    def run(
        self, *command: str, check: bool = True, timeout: float = 30, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside and wait for it; a failure shows its error output."""
        return _command("ip", "netns", "exec", self.name, *command, check=check, timeout=timeout, stdin=stdin)

    def start(self, *command: str, **options: object) -> "subprocess.Popen[str]":
        """Start a command inside that runs until the namespace ends; `options` are Popen's."""
        process: subprocess.Popen[str] = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command],
            text=True,
            **options,  # type: ignore[call-overload]
        )
        self._processes.append(process)
        return process

    def ip(self, words: str) -> None:
        """Run `ip` inside: `ns.ip("route add default via 10.0.0.1")`."""
        self.run("ip", *words.split())

    def up(self, device: str, *addresses: str) -> None:
        """Give a device addresses (`10.0.0.1/24`, `fd00::1/64`) and set it up."""
        for address in addresses:
            # without duplicate address detection an IPv6 address can be used at once
            self.run("ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        self.run("ip", "link", "set", device, "up")

    def sysctl(self, key: str, value: str) -> None:
        """Set a sysctl of this namespace: `net.ipv4.ip_forward`."""
        self.run("sysctl", "-qw", f"{key}={value}")

    def forward(self) -> None:
        """Make it a router of both families."""
        self.sysctl("net.ipv4.ip_forward", "1")
        self.sysctl("net.ipv6.conf.all.forwarding", "1")

    def nft(self, rules: str) -> None:
        """Load nftables rules inside, as `nft -f` reads them."""
        self.run("nft", "-f", "-", stdin=rules)

    def counter(self, name: str, table: str = "inet lab") -> int:
        """Return the packets of a named nftables counter."""
        answer = json.loads(self.run("nft", "-j", "list", "counter", *table.split(), name).stdout)
        packets: int = next(entry["counter"]["packets"] for entry in answer["nftables"] if "counter" in entry)
        return packets

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Move the calling thread inside: what it opens and starts meanwhile belongs to the namespace."""
        with Path("/proc/thread-self/ns/net").open() as home, Path("/run/netns", self.name).open() as place:
            _enter(place.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def call(self, work: Callable[[], Result], timeout: float = 60) -> Result:
        """Call a function in a thread of its own inside the namespace, and return what it returns.

        Sockets and threads that it makes belong to the namespace, too.
        """
        outcome: list[Result] = []
        error: list[BaseException] = []

        def there() -> None:
            try:
                with self.inside():
                    outcome.append(work())
            except BaseException as problem:
                error.append(problem)

        thread = threading.Thread(target=there, name=f"in {self.name}", daemon=True)
        thread.start()
        thread.join(timeout)
        if error:
            raise error[0]
        if not outcome:
            raise TimeoutError(f"nothing came out of {self.name} within {timeout:g} s")
        return outcome[0]


def _enter(place: int) -> None:
    if _libc.setns(place, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")


def link(
    left: Namespace, left_device: str, right: Namespace, right_device: str, *,
    addresses: tuple[str | Sequence[str], str | Sequence[str]] = ((), ()),
) -> None:  # fmt: skip
    """Join two namespaces by a cable: a veth pair, both ends up, each with its address or addresses.

    Returns when packets go to and fro (neighbour discovery is done), if both ends have addresses.
    """
    _command("ip", "link", "add", left_device, "netns", left.name, "type", "veth",
             "peer", "name", right_device, "netns", right.name)  # fmt: skip
    ends = [[given] if isinstance(given, str) else list(given) for given in addresses]
    for namespace, device, own in ((left, left_device, ends[0]), (right, right_device, ends[1])):
        namespace.up(device, *own)
    if ends[0]:
        left.call(lambda: _settle([address.partition("/")[0] for address in ends[1]]))


def _settle(addresses: Sequence[str]) -> None:
    """Wait until hosts on the same cable answer: a closed UDP port is refused by an ICMP message."""
    deadline = time.monotonic() + 10
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            sock.connect((address, 9))
            while time.monotonic() < deadline:
                try:
                    sock.send(b"?")
                    sock.recv(1)
                except ConnectionRefusedError:
                    break
                except OSError:
                    continue


@contextlib.contextmanager
def pair(left: str = "agent", right: str = "far") -> Iterator[tuple[Namespace, Namespace]]:
    """Give two hosts on one cable `eth0`: 10.9.0.1 and fd09::1, 10.9.0.2 and fd09::2."""
    with Namespace(left) as near, Namespace(right) as far:
        link(near, "eth0", far, "eth0", addresses=(("10.9.0.1/24", "fd09::1/64"), ("10.9.0.2/24", "fd09::2/64")))
        yield near, far


def stop(process: "subprocess.Popen[str]", timeout: float = 5) -> None:
    """End a process: ask, then force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _command(
    *command: str, check: bool = True, timeout: float = 30, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, input=stdin, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}{done.stdout}")
    return done
