"""Everything at once, on one agent: a flapping circuit, a cut one with forty targets behind it, a slow and a lossy one,
and a router that restarts; and the agent is killed in the middle of all of it.

    mon ---- agent ---- ra ---- r1   a-flaps: down and up ten times in five minutes
                        ra -~~- r2   a-slow: +20 ms, through a line that takes its time
                        ra ---- r3   a-cut: forty devices behind it
                        ra ---- r4   forty devices, each of which loses 5 % of its echoes
                        ra ---- r5   a router of the agent's own site, which restarts

What must come out: one page for each fault, no page for a consequence, nothing twice over the restart.
"""

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.lab.agent import AgentProcess
from tests.lab.alertmanager import Alertmanager, Receiver
from tests.lab.net import Namespace, link
from tests.lab.slowline import SlowLine
from tests.lab.test_cut import monitoring
from tests.lab.wan import AGENT_MGMT, PORT, Wan
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

LEARN_SECONDS: Final = 90.0  # more than a dozen rounds: what is usual is known
FLAPS, FLAP_SECONDS = 10, 15.0
BEHIND: Final = 40
LOSSY: Final = 40
FOUND: Final = 30  # of a line that is two minutes old 92 of 100 are found in time: fewer than 30 of 40 are no chance
LOSS_SECONDS: Final = 120.0


class Hub:
    """The lab: five routers around one, each with devices that are addresses of its own."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        """Make it all; `stack` removes it."""
        labels = ("mon", "agent", "ra", "line", *(f"r{number}" for number in range(1, 6)))
        hosts = {label: stack.enter_context(Namespace(label)) for label in labels}
        self.mon, self.agent, self.ra, self.line = (hosts[label] for label in ("mon", "agent", "ra", "line"))
        self.routers = {number: hosts[f"r{number}"] for number in range(1, 6)}
        self.ra.forward()
        link(self.mon, "mgmt", self.agent, "mgmt", addresses=("10.99.0.1/30", f"{AGENT_MGMT}/30"))
        link(self.agent, "lan", self.ra, "lan", addresses=("10.1.0.10/24", "10.1.0.1/24"))
        self.agent.ip("route add default via 10.1.0.1")
        for number, router in self.routers.items():
            if number != 2:
                link(self.ra, f"to{number}", router, "wan", addresses=(f"10.20.{number}.1/30", f"10.20.{number}.2/30"))
        link(self.ra, "to2", self.line, "left")
        link(self.routers[2], "wan", self.line, "right")
        self.slow = stack.enter_context(SlowLine(self.line, "left", "right").running())
        self.ra.up("to2", "10.20.2.1/30")
        self.routers[2].up("wan", "10.20.2.2/30")
        for number, router in self.routers.items():
            router.ip(f"route add default via 10.20.{number}.1")
            router.ip("link add lan type bridge")
            router.up("lan", *(f"10.2.{number}.{host}/24" for host in range(1, BEHIND + 1)))
            self.ra.ip(f"route add 10.2.{number}.0/24 via 10.20.{number}.2")
        self.ra.nft("add table inet lab\nadd chain inet lab forward { type filter hook forward priority 0; }\n")
        for number in self.routers:
            self.ra.nft(
                f"add chain inet lab way{number}\nadd rule inet lab forward oifname to{number} jump way{number}\n"
            )

    def cut(self, number: int) -> None:
        """Drop what goes to a router and what is behind it."""
        self.ra.nft(f"add rule inet lab way{number} drop\n")

    def mend(self, number: int) -> None:
        """Undo a cut, and loss."""
        self.ra.nft(f"flush chain inet lab way{number}\n")

    def lose(self, number: int) -> None:
        """Lose 5 % of the echoes to each device behind a router, and none to the router."""
        self.ra.nft(f"add rule inet lab way{number} ip daddr 10.2.{number}.0/24 numgen random mod 100 < 5 drop\n")


def configuration(folder: Path) -> Path:
    """Write the agent's configuration, and return the file."""
    echoes = {"interval": "1s", "round": "5s"}
    circuits = [
        {"name": name, "between": ["home", f"site{number}"], "far_end": f"10.20.{number}.2", "supplier": "ExampleTel",
         "reference": f"ETH/{number}", "icmp": echoes}
        for number, name in ((1, "a-flaps"), (2, "a-slow"), (3, "a-cut"), (4, "a-lossy"))
    ]  # fmt: skip
    behind = {1: 2, 2: 3, 3: BEHIND, 4: LOSSY}
    devices = [
        {"name": f"d{number}-{host}", "kind": "switch", "site": f"site{number}", "icmp": echoes,
         "address": f"10.2.{number}.{host}"}
        for number, hosts in behind.items()
        for host in range(1, hosts + 1)
    ]  # fmt: skip
    devices += [
        {"name": "r5", "kind": "router", "site": "home", "address": "10.20.5.2", "icmp": echoes},
        {"name": "d5", "kind": "server", "site": "home", "address": "10.2.5.1", "icmp": echoes, "depends_on": ["r5"]},
    ]
    document = {
        "agent": {"name": "lab", "listen": f"{AGENT_MGMT}:{PORT}", "site": "home"},
        "sites": [{"name": name} for name in ("home", "site1", "site2", "site3", "site4")],
        "circuits": circuits,
        "devices": devices,
    }
    file = folder / "linewarden.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


@contextlib.contextmanager
def monitored(folder: Path) -> Iterator[tuple[Hub, AgentProcess, Receiver, Alertmanager]]:
    """Run it all; the calling thread is where Prometheus, Alertmanager and the pager stand."""
    with contextlib.ExitStack() as stack:
        hub = Hub(stack)
        agent = AgentProcess(hub.agent.name, configuration(folder), folder / "state")
        stack.callback(agent.stop)
        agent.start()
        stack.enter_context(hub.mon.inside())
        _, am, pager = monitoring(stack, folder)
        yield hub, agent, pager, am


def flap(hub: Hub, number: int) -> None:
    for _ in range(FLAPS):
        hub.cut(number)
        time.sleep(FLAP_SECONDS)
        hub.mend(number)
        time.sleep(FLAP_SECONDS)


def fired(pager: Receiver) -> Counter[str]:
    """Return how often each alert was sent as firing: `path alert target`."""
    return Counter(
        f"{sent.path} {alert.name} {alert.labels.get('target', '')}"
        for sent in pager.sent()
        for alert in sent.alerts
        if alert.status == "firing" and not alert.name.startswith("Linewarden")
    )


def test_a_bad_morning(tmp_path: Path) -> None:
    with monitored(tmp_path) as (hub, agent, pager, am):
        lossy = [f"d4-{host}" for host in range(1, LOSSY + 1)]
        for name in ("a-flaps", "a-slow", "a-cut", "a-lossy", "d3-40", "d5", *lossy):
            agent.wait_state(name, "up", 60)
        flapping = threading.Thread(target=flap, args=(hub, 1), daemon=True)
        flapping.start()
        time.sleep(LEARN_SECONDS)
        assert {key.rpartition(" ")[2] for key in fired(pager)} == {"a-flaps"}

        began = time.monotonic()
        hub.lose(4)
        hub.slow.seconds = 0.010
        hub.cut(3)
        degraded: dict[str, float] = {}
        while (passed := time.monotonic() - began) < LOSS_SECONDS:
            for name in lossy:
                if name not in degraded and agent.state(name) == "degraded":
                    degraded[name] = passed
            time.sleep(1)
        seconds = sorted(round(second) for second in degraded.values())
        print(f"5 % loss: {len(seconds)} of {LOSSY} degraded within {LOSS_SECONDS:.0f} s, after {seconds}")
        assert len(seconds) >= FOUND
        agent.wait_state("a-slow", "degraded", 60)
        told = agent.events("a-slow", "level") + agent.events("a-slow", "check")
        print("the slow line:", [event["reason"] for event in told])
        hub.ra.ip("link set to5 down")
        agent.wait_state("r5", "down")
        agent.wait_state("d3-40", "unreachable")
        agent.wait_state("d5", "unreachable")

        agent.stop(signal.SIGKILL)
        time.sleep(5)
        agent.start(ready=False)
        wait_until(agent.answers, 30)
        for name in ("a-cut", "r5"):
            assert agent.state(name) == "down"
        agent.wait_state("a-slow", "degraded")
        time.sleep(20)
        Wan.raise_link(hub.ra, "to5", "10.2.5.0/24 via 10.20.5.2")
        hub.mend(3)
        flapping.join()
        slow_ticket = "/warning TargetDegraded a-slow"
        wait_until(lambda: fired(pager)[slow_ticket] == 1, 120)
        hub.mend(4)
        hub.slow.seconds = 0.0
        for name in ("a-slow", "a-cut", "r5", "d5", "d3-40"):
            agent.wait_state(name, "up", 240)
        wait_until(lambda: agent.state("a-flaps") in ("up", "degraded"))  # what it lost meanwhile is not forgotten soon

        wanted = {
            "/critical CircuitDown a-flaps": 1,
            "/warning TargetFlapping a-flaps": 1,
            "/critical CircuitDown a-cut": 1,
            "/critical DeviceDown r5": 1,
            slow_ticket: 1,
        }
        found = fired(pager)
        tickets = {key: count for key, count in found.items() if key.startswith("/warning TargetDegraded d4-")}
        assert {key: count for key, count in found.items() if key not in tickets} == wanted
        assert len(tickets) >= FOUND
        assert set(tickets.values()) == {1}
        marks = [event["new"] for event in agent.events("a-flaps", "mark") if event["new"]]
        assert marks == ["flapping"]
        for name in lossy:
            assert not {event["new"] for event in agent.events(name)} & {"down", "unreachable"}
        held = {alert["labels"]["alertname"] for alert in am.alerts()}
        assert not held & {"CircuitDown", "DeviceDown"}
