"""What seems to depend on what: proposals, and what is no proposal; nothing of it is trusted."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import IPv4Network

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.core.learnt import MAX_STRANGERS, Host, Learner, Learning, Source, confirmation
from agent.core.model import AdminStatus, Check, Estate, Fact, Interface, Neighbour, OperStatus, Role, Target
from agent.core.routes import Route
from agent.core.sightings import MAX_CHARACTERS, MAX_PORTS, REMEMBERED
from agent.core.topology import topology
from tests.core.estates import START, circuit, device, estate, group, service, site

HOST = Host("dc1.example.org")
DEFAULT = Route(IPv4Network("0.0.0.0/0"), "eth0", "10.0.0.1", 100)


@dataclass(frozen=True)
class Poll:
    interfaces: tuple[Interface, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class At:
    address: str


def port(name: str, system: str = "", far: str = "", addresses: tuple[str, ...] = ()) -> Interface:
    neighbour = Neighbour(system, far, addresses=addresses) if system else None
    return Interface(sum(name.encode()), name, name, AdminStatus.UP, OperStatus.UP, neighbour=neighbour)


def polls(text: str) -> dict[str, Poll]:
    """Return what devices say: `core.1=acc.24` is a line between two ports that both see, `core.1>acc.24` one that
    only the first sees."""
    found: dict[str, list[Interface]] = {}
    for word in text.split():
        sign = "=" if "=" in word else ">"
        near, far = word.split(sign)
        (one, one_port), (other, other_port) = near.split("."), far.split(".")
        found.setdefault(one, []).append(port(one_port, other, other_port))
        if sign == "=":
            found.setdefault(other, []).append(port(other_port, one, one_port))
    return {name: Poll(tuple(ports)) for name, ports in found.items()}


@dataclass
class Looks:
    estate: Estate
    learner: Learner = field(default_factory=Learner)
    host: Host = HOST
    minutes: int = 0

    def look(self, said: str | dict[str, Poll]) -> Learning:
        now = START + timedelta(minutes=self.minutes)
        self.minutes += 1
        return self.learner.look(self.estate, polls(said) if isinstance(said, str) else said, self.host, now)


def proposed(learning: Learning) -> str:
    return " ".join(f"{one.target}<{one.depends_on}" for one in learning.proposals)


def learn(said: str, *targets: Target, here: str | None = None, host: Host = HOST) -> Learning:
    return Looks(estate(*targets, here=here), host=host).look(said)


FLAT = [device(name) for name in ("core", "acc", "edge", "far", "srv")]


@pytest.mark.parametrize(
    ("said", "proposals"),
    [
        ("", ""),
        ("core.1>dc1.eth0", ""),
        ("core.1=acc.24", ""),  # nothing says where the agent's host is
        ("core.1>dc1.eth0 core.2=acc.24", "acc<core"),
        ("core.1>dc1.eth0 core.2>acc.24", "acc<core"),
        ("core.1>dc1.eth0 acc.24>core.2", "acc<core"),
        ("acc.1>dc1.eth0 core.2=acc.24", "core<acc"),  # seen from the other end, it is the other way around
        ("core.1>dc1.eth0 core.2=acc.24 acc.1=edge.24 edge.1=srv.0", "acc<core edge<acc srv<edge"),
        ("core.1>dc1.eth0 core.2=acc.24 core.3=acc.25", "acc<core"),  # two lines, one neighbour
        # a ring: each has two ways, and both lead by the core
        ("core.1>dc1.eth0 core.2=acc.24 core.3=edge.24 acc.1=edge.1", "acc<core edge<core"),
        # what has two ways that have nothing nearer in common depends on neither
        ("core.1>dc1.eth0 core.2=acc.24 core.3=edge.24 acc.1=srv.0 edge.1=srv.1", "acc<core edge<core"),
        ("core.1>dc1.eth0 core.2=acc.24 core.3=edge.24 acc.1=far.0 edge.1=far.1 far.2=srv.0",
         "acc<core edge<core srv<far"),
        # the host itself is plugged in twice
        ("core.1>dc1.eth0 acc.1>dc1.eth1 core.2=acc.24 core.3=edge.0 acc.3=edge.1 edge.2=srv.0", "srv<edge"),
        ("core.1>core.2 core.3>dc1.eth0", ""),  # a loop of a cable
    ],
)  # fmt: skip
def test_what_every_way_leads_through(said: str, proposals: str) -> None:
    assert proposed(learn(said, *FLAT)) == proposals


def test_the_sentence_names_the_ports_and_who_says_so() -> None:
    (one,) = learn("core.1>dc1.eth0 core.2=acc.24", *FLAT).proposals
    assert (one.source, one.since) == (Source.LLDP, START)
    assert one.why == "the only way there is by core: acc 24 - core 2; both ends say so"
    (one,) = learn("core.1>dc1.eth0 core.2>acc.24 core.3>acc.25", *FLAT).proposals
    assert one.why == "the only way there is by core: core 2 - acc 24, and 1 more lines; only core says so"
    learning = learn("core.1>dc1.eth0", *FLAT)
    assert learning.stands == "this host is plugged into core 1 (LLDP)"


def test_several_ways_are_a_note() -> None:
    learning = learn("core.1>dc1.eth0 core.2=acc.24 core.3=edge.24 acc.1=srv.0 edge.1=srv.1", *FLAT)
    (note,) = learning.notes
    assert (note.target, note.text) == (
        "srv", "is reached by acc or edge: either is enough, so it depends on none of them"
    )  # fmt: skip


def test_what_is_configured_is_confirmed_and_no_proposal() -> None:
    said = "core.1>dc1.eth0 core.2=acc.24 acc.1=srv.0"
    learning = learn(said, device("core"), device("acc", "core"), device("srv", "acc"))
    assert (learning.proposals, learning.contradicted, learning.confirmed) == ((), (), 2)
    nearer = learn(said, device("core"), device("acc", "core"), device("srv", "core"))
    assert (proposed(nearer), nearer.contradicted) == ("srv<acc", ())  # both are true, and the nearer one says more


def test_what_is_configured_otherwise_is_contradicted() -> None:
    said = "core.1>dc1.eth0 core.2=acc.24 core.3=srv.0 core.4=edge.24"
    learning = learn(said, device("core"), device("acc"), device("edge", "acc"), device("srv", "core"))
    (one,) = learning.contradicted
    assert (one.target, one.depends_on, one.why, one.source) == (
        "edge", "acc", "LLDP sees a way there by core", Source.LLDP
    )  # fmt: skip
    assert proposed(learning) == "acc<core edge<core"


def test_the_wrong_way_around_is_contradicted_and_never_a_circle() -> None:
    learning = learn("core.1>dc1.eth0 core.2=acc.24 acc.1=edge.24", device("core", "edge"), device("acc"),
                     device("edge", "acc"))  # fmt: skip
    assert learning.proposals == ()
    assert {(one.target, one.depends_on) for one in learning.contradicted} == {("core", "edge"), ("core", "acc")}
    alone = learn("acc.1>dc1.eth0 acc.2=edge.24", device("acc", "edge"), device("edge"))
    (one,) = alone.contradicted
    assert (one.target, one.depends_on, one.why) == (
        "acc", "edge", "the only way there is by acc: acc 2 - edge 24; both ends say so: edge is behind it"
    )  # fmt: skip
    indirect = learn("acc.1>dc1.eth0 acc.2=edge.24 edge.1=far.1", device("acc", "far"), device("edge"), device("far"))
    assert "LLDP sees far behind acc" in {one.why for one in indirect.contradicted}


def test_proposals_together_close_no_circle() -> None:
    """Each alone would be fine: a is behind b by LLDP, and the gateway that b is reached by is said to depend on a."""
    watched = estate(
        replace(device("gw", "acc"), address="10.0.0.1"),
        device("acc"),
        replace(circuit("wan", ends=[("acc", "Gi1")]), address="192.0.2.1"),
        replace(device("b", "wan"), address="192.0.2.9"),
    )
    learning = Looks(watched, host=Host("dc1", (DEFAULT,))).look("gw.1=acc.24")
    pairs = {**{name: set(target.depends_on) for name, target in watched.targets.items()}}
    for one in learning.proposals:
        pairs[one.target].add(one.depends_on)
    topology(Estate("x", {n: replace(t, depends_on=tuple(pairs[n])) for n, t in watched.targets.items()}))
    assert ("gw", "acc") in {(one.target, one.depends_on) for one in learning.contradicted}


def test_a_circle_of_several_proposals_is_not_closed() -> None:
    """The circuit ends on a device that LLDP sees behind another, which the configuration puts behind the circuit."""
    watched = [
        circuit("wan", ends=[("b", "Gi1")]),
        device("a", "wan"),
        device("b"),
    ]
    learning = learn("a.1>dc1.eth0 a.2=b.24", *watched)
    assert len(learning.proposals) == 1
    assert len(learning.contradicted) == 1


def test_names_are_matched_with_and_without_domain_and_by_address() -> None:
    targets = [device("core"), device("acc"), replace(device("edge"), address="10.0.0.9"),
               replace(device("srv"), checks=(Check("srv", "icmp", "icmp", 10.0, At("2001:db8::1")),))]  # fmt: skip
    said = {
        "core": Poll((
            port("1", "DC1"),
            port("2", "ACC.example.org", "24"),
            port("3", "named-otherwise", "1", ("10.0.0.9",)),
            port("4", "also-otherwise", "eth0", ("not an address", "2001:DB8:0::1")),
        )),
    }  # fmt: skip
    assert proposed(Looks(estate(*targets)).look(said)) == "acc<core edge<core srv<core"
    said = {
        "core": Poll((port("1", "dc1"), port("2", "SW-77", "24")), (Fact("system_name", "core.example.org", "x"),)),
        "acc": Poll((), (Fact("system_name", "sw-77", "SNMPv2-MIB sysName"), Fact("vendor", "Example", "x"))),
    }
    assert proposed(Looks(estate(*targets)).look(said)) == "acc<core"


def test_another_domain_is_another_device() -> None:
    said = {
        "core": Poll((port("1", "dc1"), port("2", "acc.elsewhere.net", "24"))),
        "acc": Poll((), (Fact("system_name", "acc.example.org", "SNMPv2-MIB sysName"),)),
    }
    learning = Looks(estate(*FLAT)).look(said)
    assert proposed(learning) == ""
    assert [stranger.name for stranger in learning.strangers] == ["acc.elsewhere.net"]


def test_a_name_or_address_that_two_have_is_nobodys() -> None:
    twins = [replace(device(name), address="10.0.0.7") for name in ("acc.a", "acc.b")]
    said = {"core": Poll((port("1", "dc1"), port("2", "acc", "24"), port("3", "x", "1", ("10.0.0.7",))))}
    learning = Looks(estate(device("core"), *twins)).look(said)
    assert (proposed(learning), [one.name for one in learning.strangers]) == ("", ["acc", "x"])


def test_a_device_that_nobody_watches_is_named_and_stands_between() -> None:
    learning = learn("core.1>dc1.eth0 core.2>sw9.1 acc.24>sw9.2", *FLAT)
    (stranger,) = learning.strangers
    assert (stranger.name, stranger.seen_by) == ("sw9", ("acc 24 (its 2)", "core 2 (its 1)"))
    assert proposed(learning) == ""
    assert [(note.target, note.text) for note in learning.notes] == [
        ("acc", "stands behind sw9, which nobody watches")
    ]  # fmt: skip


def test_a_way_by_a_stranger_is_a_way() -> None:
    learning = learn("core.1>dc1.eth0 core.2=acc.24 acc.1=edge.24 core.3>sw9.1 edge.2>sw9.2", *FLAT)
    assert proposed(learning) == "acc<core"
    assert "is reached by acc or sw9" in learning.notes[0].text


def test_the_default_gateway_is_where_it_begins_without_lldp() -> None:
    targets = [replace(device("core"), address="10.0.0.1"), device("acc")]
    learning = learn("core.2=acc.24", *targets, host=Host("dc1", (DEFAULT,)))
    assert proposed(learning) == "acc<core"
    assert learning.stands == "this host's default gateway is core; LLDP does not say where it is plugged in"
    assert learn("core.2=acc.24", *targets).stands.startswith("neither LLDP nor")


def test_what_the_host_reaches_by_a_gateway_is_proposed_where_nothing_else_is_known() -> None:
    lan = Route(IPv4Network("10.0.0.0/24"), "eth0", None, 0)
    other = Route(IPv4Network("192.0.2.0/24"), "eth1", "10.0.9.9", 0)
    targets = [
        replace(device("gw"), address="10.0.0.1"),
        replace(device("near"), address="10.0.0.7"),
        replace(device("away"), address="10.9.0.7"),
        replace(device("known", "gw"), address="10.9.0.8"),
        replace(device("elsewhere"), address="192.0.2.1"),
        replace(device("named"), address="sw.example.org"),
        replace(circuit("wan"), address="10.8.0.1"),
    ]
    learning = learn("", *targets, host=Host("dc1", (DEFAULT, lan, other)))
    assert proposed(learning) == "away<gw wan<gw"
    assert learning.proposals[0].why == "this host's route to 10.9.0.7 (0.0.0.0/0) leads by 10.0.0.1"
    assert learning.proposals[0].source is Source.ROUTE
    assert proposed(learn("", *targets[1:], host=Host("dc1", (DEFAULT, lan)))) == ""


def test_a_circuit_that_ends_on_one_device_here_depends_on_it() -> None:
    both = [device("r1"), device("r2"), circuit("wan", ends=[("r1", "Gi1"), ("far-sw", "Gi9")]),
            circuit("twice", ends=[("r1", "Gi2"), ("r2", "Gi2")]), device("far-sw", "wan")]  # fmt: skip
    learning = learn("", *both)
    assert proposed(learning) == "wan<r1"
    assert learning.proposals[0].why == "its end Gi1 is on r1"


def test_a_site_begins_where_its_circuit_ends_or_what_depends_on_it_directly() -> None:
    targets = [
        circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"), site("far", "a", "b"),
        device("far-core", "ab"), device("far-acc", "far"), device("far-srv", "far"),
        circuit("c", ends=[("end-sw", "Gi1")], depends_on=["gone"]), site("end", "c"), device("end-sw", "end"),
        device("end-srv", "end"), service("crm", "end-srv"),
    ]  # fmt: skip
    said = "far-core.1=far-acc.24 far-acc.1=far-srv.0 end-sw.2=end-srv.0"
    assert proposed(learn(said, *targets)) == "far-acc<far-core far-srv<far-acc end-srv<end-sw"


def test_what_nothing_joins_to_this_host_is_told() -> None:
    targets = [circuit("a"), site("far", "a"), device("x", "far"), device("y", "far")]
    learning = learn("x.1=y.1", *targets)
    assert (proposed(learning), learning.apart) == ("", ("x", "y"))


def test_behind_what_is_configured_lines_go_on() -> None:
    targets = [replace(device("core"), address="10.0.0.1"), device("blind", "core"), device("acc"), device("srv")]
    assert proposed(learn("blind.1=acc.24", *targets, host=Host("dc1", (DEFAULT,)))) == "acc<blind"


def test_the_host_that_the_agent_runs_on_depends_on_nothing() -> None:
    own = Target("dc1-host", Role.DEVICE, "server", "dc1-host", checks=(Check("dc1-host", "host", "host", 60.0),))
    learning = learn("core.1>dc1-host.eth0 dc1-host.eth0>core.1 core.2=acc.24", own, *FLAT, host=Host("other-name"))
    assert proposed(learning) == "acc<core"
    named = learn("core.1>srv.eth0 core.2=acc.24", *FLAT, host=Host("srv"))
    assert proposed(named) == "acc<core"
    assert learn("core.1>srv.eth0", *FLAT, host=Host()).stands.startswith("neither")


# ------------------------------------------------------------------ over time


def test_since_is_the_first_time_and_stays() -> None:
    here = Looks(estate(*FLAT, replace(circuit("wan", ends=[("core", "Gi1")]), address="10.0.0.2")))
    said = "core.1>dc1.eth0 core.2=acc.24"
    here.look("core.1>dc1.eth0")
    for _ in range(3):
        learning = here.look(said)
    assert {one.target: (one.since - START) / timedelta(minutes=1) for one in learning.proposals} == {
        "acc": 1.0, "wan": 0.0
    }  # fmt: skip


def test_what_fails_is_remembered_and_a_broken_ring_proposes_nothing_new() -> None:
    here = Looks(estate(*FLAT))
    ring = "core.1>dc1.eth0 core.2=acc.24 core.3=edge.24 acc.1=srv.0 edge.1=srv.1"
    assert proposed(here.look(ring)) == "acc<core edge<core"
    assert proposed(here.look("core.1>dc1.eth0 core.2=acc.24 acc.1=srv.0")) == "acc<core edge<core"
    assert proposed(here.look({})) == "acc<core edge<core"
    here.minutes += int(REMEMBERED / timedelta(minutes=1))
    learning = here.look("core.1>dc1.eth0 core.2=acc.24 acc.1=srv.0")
    assert proposed(learning) == "acc<core srv<acc"  # after a day what is gone is gone


def test_a_cable_that_was_moved_leaves_nothing_behind() -> None:
    here = Looks(estate(*FLAT))
    assert (
        proposed(here.look("core.1>dc1.eth0 core.2=acc.24 core.3=edge.1 acc.1=srv.0")) == "acc<core edge<core srv<acc"
    )
    assert proposed(here.look("core.1>dc1.eth0 core.2=acc.24 core.3=edge.1 edge.2=srv.0")) == (
        "acc<core edge<core srv<edge"
    )


def test_a_reload_keeps_what_is_known_and_drops_who_is_gone() -> None:
    here = Looks(estate(*FLAT))
    here.look("core.1>dc1.eth0 core.2=acc.24 acc.1>srv.0")
    here.estate = estate(device("core"), device("acc"))
    learning = here.look({})
    assert (proposed(learning), [one.name for one in learning.strangers]) == ("acc<core", ["srv"])
    here.estate = estate(device("core"))
    learning = here.look({})
    assert (proposed(learning), [one.name for one in learning.strangers]) == ("", ["acc"])


# ------------------------------------------------------------------ what must be borne


def test_what_neighbours_tell_is_cleaned_and_cut() -> None:
    said = {"core": Poll((port("1", "dc1"), port("2", "x\n- evil: \x1b[31m" + "y" * 900, "\x00" * 5),
                          port("3", "\x07 ", "1")))}  # fmt: skip
    learning = Looks(estate(*FLAT)).look(said)
    (stranger,) = learning.strangers
    assert stranger.name.isprintable()
    assert len(stranger.name) == MAX_CHARACTERS
    assert stranger.seen_by == ("core 2",)


def test_what_there_is_no_room_for_is_counted() -> None:
    many = MAX_PORTS + 10
    learning = Looks(estate(*FLAT)).look({"core": Poll(tuple(port(f"p{n}", f"phone{n}", "1") for n in range(many)))})
    assert len(learning.strangers) == MAX_STRANGERS
    assert learning.left_out == 10 + MAX_PORTS - MAX_STRANGERS


def test_there_is_an_end_to_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.core.sightings.MAX_SIGHTINGS", 3)
    learning = Looks(estate(*FLAT)).look({"core": Poll(tuple(port(f"p{n}", f"phone{n}", "1") for n in range(5)))})
    assert (len(learning.strangers), learning.left_out) == (3, 2)


def test_polls_of_what_is_no_device_say_nothing() -> None:
    said = {"gone": Poll((port("1", "core"),)), "wan": Poll((port("1", "core"),))}
    assert Looks(estate(*FLAT, circuit("wan"))).look(said).strangers == ()


WORDS = st.sampled_from(["core", "acc", "edge", "far", "srv", "dc1", "stranger", "Core.example.org", ""])


@given(st.lists(st.tuples(WORDS, WORDS, st.sampled_from("123")), max_size=30), st.booleans(),
       st.lists(st.tuples(st.sampled_from(range(5)), st.sampled_from(range(5))), max_size=6))  # fmt: skip
def test_whatever_is_claimed_confirming_it_all_is_a_good_configuration(
    claims: list[tuple[str, str, str]], routed: bool, above: list[tuple[int, int]]
) -> None:
    names = ["core", "acc", "edge", "far", "srv"]
    given_above = {name: tuple({names[b] for a, b in above if names[a] == name and b < a}) for name in names}
    targets = [replace(device(name, *given_above[name]), address=f"10.0.0.{n}") for n, name in enumerate(names, 1)]
    watched = estate(*targets, circuit("wan", ends=[("core", "Gi1")]))
    found: dict[str, list[Interface]] = {}
    for one, other, number in claims:
        found.setdefault(one, []).append(port(number, other, number))
    said = {name: Poll(tuple(ports)) for name, ports in found.items()}
    learning = Learner().look(watched, said, Host("dc1", (DEFAULT,) if routed else ()), START)
    read = yaml.safe_load("\n".join(confirmation(watched, learning))) or {}
    merged = dict(watched.targets)
    for item in [one for section in read.values() for one in section]:
        merged[item["name"]] = replace(merged[item["name"]], depends_on=tuple(item["depends_on"]))
    topology(Estate("x", merged))  # raises for a circle
    assert sum(len(t.depends_on) for t in merged.values()) == len(learning.proposals) + sum(
        len(t.depends_on) for t in watched.targets.values()
    )


def test_lines_to_paste_keep_what_is_there_and_say_why() -> None:
    watched = estate(device("core"), device("acc", "far"), circuit("wan", ends=[("core", "Gi1")]), site("far"))
    learning = Looks(watched).look("core.1>dc1.eth0 core.2=acc.24")
    assert confirmation(watched, learning) == [
        "circuits:",
        "  - name: wan",
        "    # circuit end: its end Gi1 is on core",
        "    depends_on: [core]",
        "devices:",
        "  - name: acc",
        "    # lldp: the only way there is by core: acc 24 - core 2; both ends say so",
        "    depends_on: [far, core]",
    ]
    assert confirmation(watched, Learning()) == []
    assert [one.target for one in learning.about("core")] == ["acc", "wan"]


@pytest.mark.parametrize("name", ["on", "007", "1e3", "No", "null", "2026-11-27", "sw1", "a.b-c_d"])
def test_a_name_that_yaml_would_take_for_something_else_is_quoted(name: str) -> None:
    watched = estate(device(name), circuit("wan", ends=[(name, "Gi1")]))
    read = yaml.safe_load("\n".join(confirmation(watched, Looks(watched).look(""))))
    assert read == {"circuits": [{"name": "wan", "depends_on": [name]}]}
