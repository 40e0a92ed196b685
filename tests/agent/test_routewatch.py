"""The view of this host's interfaces: on given files, and on a real network namespace."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from agent.routewatch import RouteWatch

TWO_ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth1	0000140A	00000000	0001	0	0	0	0000FFFF	0	0	0
"""
ONE_ROUTE = "\n".join(TWO_ROUTES.splitlines()[:2]) + "\n"


class Host:
    """A host's /proc and /sys, as files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.watch = RouteWatch(root / "proc", root / "sys")
        for name in ("eth0", "eth1", "lo"):
            self.link(name)
        self.routes(TWO_ROUTES)

    def link(self, name: str, flags: str = "0x1003", carrier: str | None = "1", operstate: str = "up") -> None:
        folder = self.root / "sys/class/net" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "flags").write_text(flags + "\n")
        (folder / "operstate").write_text(operstate + "\n")
        (folder / "carrier").unlink(missing_ok=True)
        if carrier is not None:
            (folder / "carrier").write_text(carrier + "\n")
        self.look()

    def routes(self, text: str) -> None:
        (self.root / "proc/net").mkdir(parents=True, exist_ok=True)
        (self.root / "proc/net/route").write_text(text)
        self.look()

    def look(self) -> None:
        self.watch.take(self.watch.read())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_nothing_is_said_without_evidence(host: Host, tmp_path: Path) -> None:
    assert RouteWatch(tmp_path / "none", tmp_path / "none").problem("10.20.1.2") is None, "never looked"
    assert host.watch.problem("10.20.1.2") is None
    assert host.watch.problem("www.example.org") is None
    empty = RouteWatch(tmp_path / "none", tmp_path / "none")
    empty.take(empty.read())
    assert empty.problem("10.20.1.2") is None, "no /sys here"
    host.routes("x" * (1 << 21))
    assert host.watch.problem("10.20.1.2") is None, "a table of that size is not read"
    assert host.watch.problem("10.20.1.2", bound_to="eth7") == "interface eth7 does not exist"


def test_a_switched_off_interface_takes_its_routes_along(host: Host) -> None:
    host.watch.answered("10.20.1.2")
    host.link("eth1", flags="0x1002", carrier=None, operstate="down")
    host.routes(ONE_ROUTE)  # what is left leads to the management network
    assert host.watch.problem("10.20.1.2") == "interface eth1 is switched off"
    assert host.watch.problem("203.0.113.9") is None, "its route is sound"
    assert host.watch.problem("203.0.113.9", bound_to="eth1") == "interface eth1 is switched off"


def test_a_detour_that_works_is_believed_after_some_answers(host: Host) -> None:
    host.watch.answered("10.20.1.2")
    host.link("eth1", flags="0x1002", carrier=None, operstate="down")
    host.routes(ONE_ROUTE)
    host.watch.answered("10.20.1.2")  # was under way when the interface failed
    assert host.watch.problem("10.20.1.2") is not None
    host.watch.answered("10.20.1.2")
    host.watch.answered("10.20.1.2")
    assert host.watch.problem("10.20.1.2") is None, "it is reached by eth0 now; a later silence is not eth1's doing"


def test_a_changed_route_between_sound_interfaces_is_believed_at_once(host: Host) -> None:
    host.watch.answered("10.20.1.2")
    host.routes(ONE_ROUTE)
    host.watch.answered("10.20.1.2")
    host.link("eth1", flags="0x1002", carrier=None, operstate="down")
    assert host.watch.problem("10.20.1.2") is None


def test_what_is_no_longer_watched_is_forgotten(host: Host) -> None:
    host.watch.answered("10.20.1.2")
    host.watch.answered("10.20.1.3")
    host.watch.keep(["10.20.1.3"])
    host.link("eth1", flags="0x1002", carrier=None, operstate="down")
    host.routes(ONE_ROUTE)
    assert host.watch.problem("10.20.1.2") is None
    assert host.watch.problem("10.20.1.3") is not None


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with two ends of one cable in it."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    name = f"lw-routes-{uuid4().hex[:8]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


LOOK = """
import subprocess
from agent.routewatch import RouteWatch
def sh(line): subprocess.run(line.split(), check=True)
def look(address):
    watch.take(watch.read()); return print(watch.problem(address))
watch = RouteWatch()
sh("ip link set lo up"); sh("ip link add v0 type veth peer name v1"); sh("ip link set v0 up"); sh("ip link set v1 up")
sh("ip addr add 10.9.0.1/24 dev v0"); sh("ip -6 addr add fd00:9::1/64 dev v0 nodad")
sh("ip route add blackhole 10.11.0.0/16")
look("10.9.0.7"); look("fd00:9::7"); look("127.0.0.1"); look("10.11.0.1"); look("10.99.0.1"); look("2001:db8::1")
watch.answered("10.9.0.7"); watch.answered("fd00:9::7")
sh("ip link set v1 down"); look("10.9.0.7"); look("fd00:9::7")
sh("ip link set v1 up"); look("10.9.0.7")
sh("ip link set v0 down"); look("10.9.0.7"); look("fd00:9::7")
sh("ip link del v0"); look("10.9.0.7")
"""


@pytest.mark.lab
def test_the_kernel_prints_what_is_understood(namespace: str) -> None:
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", LOOK]
    root = Path(__file__).resolve().parents[2]
    seen = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert seen == [
        "None", "None", "None", "the route to 10.11.0.0/16 refuses", "no route", "no route",
        "interface v0 has no carrier", "interface v0 has no carrier",
        "None",
        "no route: interface v0 is switched off", "no route: interface v0 is switched off",
        "no route: interface v0 does not exist",
    ]  # fmt: skip
