"""Which interfaces may alarm, and when: what is configured, circuits' ends, and ports that lead to other devices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.model import AdminStatus, Check, Estate, Fact, Interface, Neighbour, OperStatus, Role, Target
from agent.core.watch import Watched, Watcher, Why

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
UP, DOWN = OperStatus.UP, OperStatus.DOWN


def device(name: str, *watch: str) -> Target:
    return Target(name, Role.DEVICE, "switch", name, watch=watch)


def estate(*targets: Target) -> Estate:
    return Estate("dc1", {target.name: target for target in targets})


def circuit(name: str, on: str, interface: str) -> Target:
    end = Check(name, f"end:{on}/{interface}", "end", 10.0, source=(on, interface))
    return Target(name, Role.CIRCUIT, "circuit", name, checks=(end,))


def port(
    name: str, oper: OperStatus | None = UP, *, to: str = "", at: str = "Gi1", alias: str = "",
    admin: AdminStatus | None = AdminStatus.UP,
) -> Interface:  # fmt: skip
    neighbour = Neighbour(to, at) if to else None
    return Interface(sum(name.encode()), name, f"long {name}", admin, oper, alias, neighbour=neighbour)


class Looks:
    """Looks at one device, ten seconds apart."""

    def __init__(self, *targets: Target, at: str = "sw1") -> None:
        self.watcher = Watcher(estate(*targets))
        self.device = at
        self.count = 0

    def look(self, *ports: Interface, facts: tuple[Fact, ...] = (), complete: bool = True) -> dict[str, Watched]:
        now = NOW + timedelta(seconds=10 * self.count)
        self.count += 1
        return {one.interface: one for one in self.watcher.look(self.device, ports, facts, now, complete=complete)}


# ------------------------------------------------------------------ which


@pytest.mark.parametrize(
    ("patterns", "watched"),
    [
        (("Gi1",), ["Gi1"]),
        (("Gi*",), ["Gi1", "Gi2"]),
        (("uplink*",), ["Te1"]),  # by ifAlias
        (("long Te?",), ["Te1"]),  # by ifDescr
        (("gi*",), []),
        (("*",), ["Gi1", "Gi2", "Te1"]),
        (("Gi2", "Te*"), ["Gi2", "Te1"]),
    ],
)
def test_what_is_configured(patterns: tuple[str, ...], watched: list[str]) -> None:
    looks = Looks(device("sw1", *patterns), device("sw2"))
    found = looks.look(port("Gi1"), port("Gi2", to="sw2"), port("Te1", alias="uplink to core"))
    assert sorted(found) == watched
    assert all(one.why is Why.CONFIGURED for one in found.values())


def test_without_patterns_what_leads_somewhere() -> None:
    looks = Looks(device("sw1"), device("sw2"), circuit("wan", "sw1", "Gi1"))
    found = looks.look(port("Gi1"), port("Gi2", to="sw2"), port("Gi3", to="phone-17"), port("Gi4"))
    assert {name: (one.why.value, one.neighbour) for name, one in found.items()} == {
        "Gi1": ("circuit_end", ""),
        "Gi2": ("uplink", "sw2"),
    }


def test_a_circuits_end_is_one_whatever_is_configured() -> None:
    looks = Looks(device("sw1", "Gi*"), circuit("wan", "sw1", "Gi1"), circuit("gone", "sw1", "Gi9"))
    assert {name: one.why for name, one in looks.look(port("Gi1"), port("Gi2")).items()} == {
        "Gi1": Why.CIRCUIT_END,
        "Gi2": Why.CONFIGURED,
    }


@pytest.mark.parametrize(
    ("said", "facts", "found"),
    [
        ("sw2", {}, "sw2"),
        ("SW2", {}, "sw2"),
        ("sw2.example.org", {}, "sw2"),
        ("core.example.org", {"sw2": "core.example.org"}, "sw2"),
        ("core", {"sw2": "Core.example.org"}, "sw2"),
        ("sw1", {}, ""),  # a loop through a hub
        ("switch", {"sw2": "switch", "sw3": "switch"}, ""),  # as it left the factory
        ("sw9", {}, ""),
    ],
)
def test_lldp_names_are_those_of_devices(said: str, facts: dict[str, str], found: str) -> None:
    looks = Looks(device("sw1"), device("sw2"), device("sw3"))
    for name, word in facts.items():
        looks.watcher.look(name, (), (Fact("system_name", word, "sysName"), Fact("model", "x", "")), NOW)
    assert [one.neighbour for one in looks.look(port("Gi1", to=said)).values()] == ([found] if found else [])


# ------------------------------------------------------------------ when


@pytest.mark.parametrize(
    ("admin", "oper", "down"),
    [
        (1, 1, False),
        (1, 2, True),
        (1, 4, False),  # tunnels do not know
        (1, 5, True),  # a member that its bundle does not take
        (1, 6, True),  # the module was pulled
        (1, 7, True),
        (2, 2, False),  # on purpose
        (3, 3, False),
        (1, None, None),
        (None, 2, None),
    ],
)
def test_down_is_what_does_not_carry_and_should(admin: int | None, oper: int | None, down: bool | None) -> None:
    state = port("Gi1", None if oper is None else OperStatus(oper), admin=None if admin is None else AdminStatus(admin))
    looks = Looks(device("sw1", "*"))
    looks.look(state)
    assert looks.look(state)["Gi1"].is_down is down


def test_one_look_is_none() -> None:
    looks = Looks(device("sw1", "*"))
    states = [UP, DOWN, UP, DOWN, DOWN, UP]
    found = [looks.look(port("Gi1", state))["Gi1"] for state in states]
    assert [one.is_down for one in found] == [False, False, False, False, True, False]
    assert [one.since for one in found if one.is_down] == [NOW + timedelta(seconds=30)]
    assert [one.alarms for one in found] == [False, False, False, False, True, False]


@pytest.mark.parametrize(("complete", "down"), [(False, True), (True, False)])
def test_what_an_incomplete_poll_did_not_get_to_is_as_it_was(complete: bool, down: bool) -> None:
    looks = Looks(device("sw1", "Gi*"))
    looks.look(port("Gi1"), port("Gi2", DOWN))
    assert "Gi2" not in looks.look(port("Gi1"), complete=complete)
    assert looks.look(port("Gi1"), port("Gi2", DOWN))["Gi2"].is_down is down


def test_the_device_knows_best_since_when() -> None:
    looks = Looks(device("sw1", "*"))
    state = replace(port("Gi1", DOWN), changed_at=NOW - timedelta(hours=2))
    looks.look(state)
    assert looks.look(state)["Gi1"].since == NOW - timedelta(hours=2)


def test_a_circuits_end_alarms_as_the_circuit() -> None:
    looks = Looks(device("sw1", "*"), circuit("wan", "sw1", "Gi1"))
    looks.look(port("Gi1", DOWN))
    found = looks.look(port("Gi1", DOWN))["Gi1"]
    assert (found.is_down, found.alarms) == (True, False)


# ------------------------------------------------------------------ what is remembered


def test_an_uplink_that_is_down_is_still_one() -> None:
    looks = Looks(device("sw1"), device("sw2"))
    looks.look(port("Gi1", to="sw2"))
    looks.look(port("Gi1", DOWN))
    found = looks.look(port("Gi1", DOWN))["Gi1"]
    assert (found.why, found.neighbour, found.is_down) == (Why.UPLINK, "sw2", True)


@pytest.mark.parametrize(
    ("then", "watched"),
    [
        ((port("Gi1", DOWN), port("Gi2", to="sw2")), ["Gi2"]),  # the cable was moved
        ((port("Gi1", DOWN), port("Gi2", to="sw2", at="Gi2")), ["Gi1", "Gi2"]),  # there are two of them
        ((port("Gi1", to="phone-17"), port("Gi2")), []),
        ((port("Gi1", to="sw3"), port("Gi2")), ["Gi1"]),
        ((port("Gi2"),), []),  # the module is out
        ((port("Gi1"), port("Gi2")), ["Gi1"]),  # LLDP is late
    ],
)
def test_uplinks_that_change(then: tuple[Interface, ...], watched: list[str]) -> None:
    looks = Looks(device("sw1"), device("sw2"), device("sw3"))
    looks.look(port("Gi1", to="sw2"), port("Gi2"))
    assert sorted(looks.look(*then)) == watched


def test_a_reload_keeps_what_is_known_of_those_that_stay() -> None:
    looks = Looks(device("sw1"), device("sw2"))
    looks.look(port("Gi1", to="sw2"), facts=(Fact("system_name", "sw1", ""),))
    looks.look(port("Gi1", DOWN))
    looks.watcher.swap(estate(device("sw1"), device("sw3")))
    assert looks.look(port("Gi1", DOWN))["Gi1"].is_down
    looks.watcher.swap(estate(device("sw3")))
    looks.watcher.swap(estate(device("sw1")))
    assert looks.look(port("Gi1", DOWN)) == {}
