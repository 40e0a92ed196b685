"""Two sites in network namespaces: routers, one or two circuits, a switch and a server with real snmpd, and the agent.

    mon ---- agent ---- ra ==== rb ---- sw (bridge) ---- srv
      mgmt       lan       wan1      lan2            lan2
                           (wan2)

The agent probes through `lan`; Prometheus, Alertmanager and the pager stand in `mon`, on a management link of its own.
Each circuit's echoes go out and come back over that circuit (policy routing at rb), so that the other cannot answer.
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from tests.lab.agent import AgentProcess
from tests.lab.net import Namespace, link
from tests.lab.snmpd import Snmpd, snmpd
from tests.waiting import wait_until

AGENT_MGMT: Final = "10.99.0.2"
PORT: Final = 9799


class Wan:
    """The namespaces, their addresses and routes; `backup` adds the second circuit."""

    def __init__(self, stack: contextlib.ExitStack, *, backup: bool) -> None:
        """Make it all; `stack` removes it."""
        hosts = [stack.enter_context(Namespace(label)) for label in ("mon", "agent", "ra", "rb", "sw", "srv")]
        self.mon, self.agent, self.ra, self.rb, self.sw, self.srv = hosts
        self.snmpd: dict[str, Snmpd] = {}
        for host in hosts:
            host.forward()
            # a router takes the backup's route when the line of the better one has no carrier
            for setting in ("rp_filter", "ignore_routes_with_linkdown"):
                for which in ("all", "default"):
                    host.sysctl(f"net.ipv4.conf.{which}.{setting}", "0" if setting == "rp_filter" else "1")
        link(self.mon, "mgmt", self.agent, "mgmt", addresses=("10.99.0.1/30", f"{AGENT_MGMT}/30"))
        link(self.agent, "lan", self.ra, "lan", addresses=("10.1.0.10/24", "10.1.0.1/24"))
        self._bridge()
        self.agent.ip("route add default via 10.1.0.1")
        self._circuit("wan1", "10.20.0", metric=100, table=101)
        if backup:
            self._circuit("wan2", "10.20.1", metric=200, table=102)

    def _bridge(self) -> None:
        self.sw.ip("link add br0 type bridge")
        self.sw.up("br0", "10.2.0.2/24")
        link(self.rb, "lan2", self.sw, "port1")
        link(self.srv, "eth0", self.sw, "port2")
        for port in ("port1", "port2"):
            self.sw.ip(f"link set {port} up master br0")
        self.rb.up("lan2", "10.2.0.1/24")
        self.srv.up("eth0", "10.2.0.5/24")
        for host in (self.sw, self.srv):
            host.ip("route add default via 10.2.0.1")

    def _circuit(self, device: str, net: str, *, metric: int, table: int) -> None:
        link(self.ra, device, self.rb, device, addresses=(f"{net}.1/30", f"{net}.2/30"))
        self.ra.ip(f"route add 10.2.0.0/24 via {net}.2 metric {metric}")
        self.rb.ip(f"route add 10.1.0.0/24 via {net}.1 metric {metric}")
        self.rb.ip(f"route add default via {net}.1 table {table}")  # what came by it goes back by it
        self.rb.ip(f"rule add from {net}.2 lookup {table}")

    # ------------------------------------------------------------------ cuts

    def cut(self, way: str) -> None:
        """Cut the primary circuit at ra: `link`, `blackhole` or `drop`."""
        if way == "link":
            self.ra.ip("link set wan1 down")
        elif way == "blackhole":
            self.ra.ip("route add blackhole 10.20.0.2/32")
            self.ra.ip("route replace blackhole 10.2.0.0/24 metric 50")
        else:
            rules = "".join(f'add rule inet lab forward {way}ifname "wan1" drop\n' for way in "io")
            self.forwarding(rules)

    def mend(self, way: str) -> None:
        """Undo a cut."""
        if way == "link":
            self.raise_link(self.ra, "wan1", "10.2.0.0/24 via 10.20.0.2 metric 100")
        elif way == "blackhole":
            self.ra.ip("route del blackhole 10.20.0.2/32")
            self.ra.ip("route del blackhole 10.2.0.0/24 metric 50")
        else:
            self.ra.nft("flush chain inet lab forward")

    def cut_backup(self) -> None:
        """Cut the backup circuit at ra."""
        self.ra.ip("link set wan2 down")

    def mend_backup(self) -> None:
        """Undo that."""
        self.raise_link(self.ra, "wan2", "10.2.0.0/24 via 10.20.1.2 metric 200")

    @staticmethod
    def raise_link(host: Namespace, device: str, route: str) -> None:
        """Set a link up again, with the route that went with it: the kernel takes it once it has seen the carrier."""
        host.ip(f"link set {device} up")
        replace = ("ip", "route", "replace", *route.split())
        wait_until(lambda: host.run(*replace, check=False).returncode == 0)

    def forwarding(self, rules: str) -> None:
        """Add nftables rules to the chain `inet lab forward` of ra."""
        chain = "add chain inet lab forward { type filter hook forward priority 0; }\n"
        self.ra.nft(f"add table inet lab\n{chain}{rules}")


def configuration(
    folder: Path, *, backup: bool, snmp_interval: str = "5s", more: Mapping[str, object] | None = None
) -> Path:
    """Write the agent's configuration for the lab, with `more` sections, and return the file."""
    group = {"group": "a-b"} if backup else {}
    circuits = [
        {
            "name": "a-b-primary", "supplier": "ExampleTel", "reference": "ETH/12345", "between": ["a", "b"],
            "role": "primary", "far_end": "10.20.0.2", "ends": [{"device": "ra", "interface": "wan1"}], **group,
        }
    ]  # fmt: skip
    if backup:
        circuits.append({
            "name": "a-b-backup", "supplier": "OtherNet", "reference": "BK-7", "between": ["a", "b"],
            "role": "backup", "far_end": "10.20.1.2", "ends": [{"device": "ra", "interface": "wan2"}], **group,
        })  # fmt: skip
    behind = ["a-b"] if backup else ["a-b-primary"]
    poll = {"auth": "lab", "interval": snmp_interval, "timeout": "4s"}
    echoes = {"interval": "1s"}
    document = {
        "agent": {"name": "lab", "listen": f"{AGENT_MGMT}:{PORT}", "site": "a", "flap_half_life": "1s"},
        "owners": ["one", "two"],
        "snmp": {"auths": {"lab": {"version": 2, "community": "public"}}},
        "sites": [{"name": "a", "owner": ["one"]}, {"name": "b", "owner": ["two"]}],
        "circuits": circuits,
        "devices": [
            {"name": "ra", "kind": "router", "site": "a", "address": "10.1.0.1", "icmp": echoes, "snmp": poll},
            {"name": "sw", "kind": "switch", "site": "b", "address": "10.2.0.2", "icmp": echoes, "snmp": poll,
             "depends_on": behind},
            {"name": "srv", "kind": "server", "site": "b", "address": "10.2.0.5", "icmp": echoes, "snmp": poll,
             "depends_on": ["sw"]},
        ],
        "services": [
            {"name": "crm", "site": "b", "owner": ["one", "two"], "depends_on": ["srv"],
             "checks": [{"type": "icmp", "address": "10.2.0.5", "interval": "1s"}]},
        ],
        **(more or {}),
    }  # fmt: skip
    file = folder / "linewarden.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


@contextmanager
def lab(
    folder: Path, *, backup: bool = False, more: Mapping[str, object] | None = None
) -> Iterator[tuple[Wan, AgentProcess]]:
    """Build the lab and start the agent in it, with `more` sections in its configuration; given out when all is up."""
    with contextlib.ExitStack() as stack:
        wan = Wan(stack, backup=backup)
        for host, address in ((wan.ra, "10.1.0.1"), (wan.sw, "10.2.0.2"), (wan.srv, "10.2.0.5")):
            state = folder / host.name
            state.mkdir()
            prefix = ("ip", "netns", "exec", host.name)
            wan.snmpd[address] = stack.enter_context(snmpd(state, address=address, port=161, prefix=prefix))
        agent = AgentProcess(wan.agent.name, configuration(folder, backup=backup, more=more), folder / "state")
        stack.callback(agent.stop)
        agent.start()
        for name in ("a-b-primary", "ra", "sw", "srv", "crm"):
            agent.wait_state(name, "up")
        yield wan, agent
