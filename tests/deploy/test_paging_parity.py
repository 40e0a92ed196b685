"""What the agent says would be paged is what the shipped rules fire in a real Prometheus."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from agent.core.maintenance import Excuse, Window, WindowKind
from agent.core.model import (
    Against,
    Aspect,
    Check,
    CircuitFacts,
    Estate,
    HardwareFlag,
    Health,
    Mark,
    Page,
    Role,
    State,
    Target,
    Trouble,
    Urgency,
    Verdict,
)
from agent.core.paging import pages
from agent.core.picture import DevicePoll, Picture
from agent.core.watch import Watched, Why
from tests.deploy.serving import fast_rules, scrape_configuration, served
from tests.lab.prometheus import Prometheus

UNTIL_SECONDS: Final = 40.0
NOW, HOURS, NEVER = Urgency.NOW, Urgency.HOURS, Urgency.NEVER
STATES: Final = {"u": State.UP, "e": State.DEGRADED, "d": State.DOWN, "x": State.UNREACHABLE, "n": State.UNKNOWN}
MARKS: Final = {"F": Mark.FLAPPING, "M": Mark.MAINTENANCE, "K": Mark.MAINTENANCE, "R": Mark.REDUNDANCY_LOST}


def _circuit(name: str, group: str | None = None, urgency: Urgency = NOW) -> Target:
    facts = CircuitFacts('Example "Tel"', f"ETH/{name}", ("bcw", "crown"), group)
    return Target(name, Role.CIRCUIT, "circuit", name, owners=("bcw",), urgency=urgency, circuit=facts)


def _device(name: str, urgency: Urgency = HOURS, **more: Any) -> Target:  # noqa: ANN401 - the fields of Target
    checks = (Check(name, "icmp", "icmp", 1.0), Check(name, "snmp", "snmp", 60.0, decisive=False))
    return Target(name, Role.DEVICE, "switch", name, "bcw", ("bcw",), checks=checks, urgency=urgency, **more)


TARGETS: Final = (
    _circuit("solo"),
    _circuit("solo-later"),
    _circuit("by-day", urgency=HOURS),
    _circuit("silent", urgency=NEVER),
    _circuit("mended", urgency=NOW),
    *(_circuit(f"{group}-{end}", group) for group in ("half", "gone", "moves") for end in "ab"),
    *(
        Target(name, Role.GROUP, "group", name, owners=("bcw",), members=(f"{name}-a", f"{name}-b"), urgency=NOW)
        for name in ("half", "gone", "moves")
    ),
    Target("bcw", Role.SITE, "site", "West", owners=("bcw",), members=("solo",), urgency=NOW),
    Target("crown", Role.SITE, "site", "Centre", urgency=NOW),
    *(_device(name) for name in ("sw-up", "sw-down", "sw-check", "sw-flaps", "sw-works-on", "sw-behind", "sw-unknown")),
    _device("sw-now", NOW, address="10.0.0.9"),
    _device("sw-never", NEVER),
    Target(
        "phones", Role.SERVICE, "service", "Telephony", "crown", ("bcw", "enc"), depends_on=("sw-now",), urgency=NOW
    ),
    Target("mail", Role.SERVICE, "service", "mail", depends_on=("phones", "bcw"), urgency=HOURS),
    Target("lost", Role.SERVICE, "service", "lost", "bcw", ("bcw",), depends_on=("gone",), urgency=NOW),
)
FIRST: Final = """
    solo:dK solo-later:u by-day:d silent:d mended:d bcw:x<solo crown:u
    half:uRK half-a:d half-b:u gone:d gone-a:d gone-b:d moves:u moves-a:u moves-b:u
    sw-up:u sw-down:dK sw-check:u!snmp sw-flaps:eF sw-works-on:dM sw-behind:x<solo,gone sw-unknown:n sw-now:d
    sw-never:d!snmp phones:d mail:d lost:x<gone
"""
THEN: Final = """
    solo:u solo-later:dF by-day:dM silent:u mended:u bcw:u crown:u
    half:d half-a:d half-b:d gone:uR gone-a:u gone-b:x<sw-now moves:uR moves-a:e moves-b:d
    sw-up:d sw-down:x<sw-now sw-check:eK!snmp sw-flaps:u sw-works-on:d sw-behind:u!snmp sw-unknown:x<solo-later sw-now:d
    sw-never:u!snmp phones:u mail:uF lost:x<half,sw-now
"""
TROUBLES: Final = (
    Trouble(Aspect.VOICE, Against.OBJECTIVE, datetime.now(UTC), 3.1, 3.6, ""),
    Trouble(Aspect.DELAY_VARIATION, Against.PAST, datetime.now(UTC), 0.03, 0.01, ""),
    Trouble(Aspect.DELAY_VARIATION, Against.OBJECTIVE, datetime.now(UTC), 0.03, 0.01, ""),
)
FLAGS: Final = {
    "sw-up": (
        HardwareFlag("sw-up", "age_over_policy", "warning", "bought 2012", "asset register"),
        HardwareFlag("sw-up", "fan_failed", "critical", "fan 2 failed", "ENTITY-SENSOR-MIB"),
        HardwareFlag("sw-up", "end_of_sale", "info", "", ""),
    ),
    "sw-never": (HardwareFlag("sw-never", "age_over_policy", "warning", "", ""),),
}
INTERFACES: Final = (
    Watched("Gi1/0/1", Why.UPLINK, is_down=True),
    Watched("Gi1/0/2", Why.UPLINK, "sw-now", is_down=True),  # that has failed itself
    Watched("Gi1/0/3", Why.CIRCUIT_END, is_down=True),
    Watched("Gi1/0/4", Why.CONFIGURED, is_down=False),
)


def _picture(believed: str) -> Picture:
    """Return the estate in a situation written as `target:state[marks][!failing check][<cause,cause]`.

    What is marked K was so before its maintenance began.
    """
    now = datetime.now(UTC)
    estate = Estate("dc1", {target.name: target for target in TARGETS})
    picture = Picture(estate, now, now, ready=True, flags=dict(FLAGS))
    picture.polls["sw-check"] = DevicePoll(now, True, 0.1, "", now + timedelta(hours=1), watched=INTERFACES)
    for word in believed.split():
        name, _, rest = word.partition(":")
        rest, _, causes = rest.partition("<")
        rest, _, check = rest.partition("!")
        state = STATES[rest[0]]
        marks = frozenset(MARKS[letter] for letter in rest[1:])
        alone = now - timedelta(hours=1) if state is State.DEGRADED and not causes else None
        picture.verdicts[name] = Verdict(state, now, tuple(filter(None, causes.split(","))), marks, alone_since=alone)
        if Mark.MAINTENANCE in marks:
            began = now + timedelta(seconds=1 if "K" in rest else -1)
            window = Window(WindowKind.MAINTENANCE, began, now + timedelta(hours=1), began)
            picture.excuses[name] = Excuse(began, window)
        for watched in estate.targets[name].checks:
            belief = State.DOWN if watched.name == check else state
            troubles = TROUBLES if belief is State.DEGRADED else ()
            picture.health[name, watched.name] = Health(belief, now, troubles=troubles)
    picture.pages = _pages(picture)
    return picture


def _pages(picture: Picture) -> tuple[Page, ...]:
    watched = {name: poll.watched for name, poll in picture.polls.items()}
    return pages(
        picture.estate, picture.verdicts, picture.health, datetime.now(UTC), flags=picture.flags, interfaces=watched,
        excuses=picture.excuses, earlier=picture.pages,
    )  # fmt: skip


def _due(picture: Picture) -> dict[str, Mapping[str, object]]:
    found = _pages(picture)
    return {
        " ".join(sorted(f"{k}={v}" for k, v in p.labels.items())): {"summary": p.summary, "description": p.description}
        for p in found
    }


def _firing(prometheus: Prometheus) -> dict[str, Mapping[str, object]]:
    found = [a for a in prometheus.alerts() if a["state"] == "firing"]
    found = [a for a in found if not a["labels"]["alertname"].startswith("Linewarden")]
    return {
        " ".join(sorted(f"{k}={v}" for k, v in a["labels"].items())): {
            name: text for name, text in a["annotations"].items() if name != "runbook_url"
        }
        for a in found
    }


async def _errors(prometheus: Prometheus) -> list[str]:
    groups = (await asyncio.to_thread(prometheus.api, "rules"))["groups"]
    return [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]


async def _agree(prometheus: Prometheus, picture: Picture) -> None:
    deadline = time.monotonic() + UNTIL_SECONDS
    while (firing := await asyncio.to_thread(_firing, prometheus)) != _due(picture) and time.monotonic() < deadline:
        await asyncio.sleep(0.25)
    assert firing == _due(picture)


def _renamed(picture: Picture) -> Picture:
    """Return the same trouble after a reload that renamed a supplier: two rows for one circuit must break no rule."""
    solo = picture.estate.targets["mended"]
    assert solo.circuit is not None
    renamed = replace(solo, circuit=replace(solo.circuit, supplier="NewTel"), owners=("bcw", "enc"))
    return replace(picture, estate=replace(picture.estate, targets={**picture.estate.targets, "mended": renamed}))


@asynccontextmanager
async def _watched(shown: list[Picture]) -> AsyncIterator[tuple[Prometheus, AsyncExitStack]]:
    """Serve what is shown to a Prometheus with the shipped rules; closing the given stack takes the agent away."""
    async with AsyncExitStack() as agent:
        address = await agent.enter_async_context(served(lambda: shown[0]))
        configuration = scrape_configuration(address, linewarden={"scrape_interval": "2s", "scrape_timeout": "2s"})
        with Prometheus(configuration, rules={"linewarden.rules.yml": fast_rules()}) as prometheus:
            yield prometheus, agent


async def test_the_rules_fire_what_the_agent_says_would_be_paged() -> None:
    shown = [_picture(FIRST)]
    async with _watched(shown) as (prometheus, _):
        for situation in (_picture(THEN), _picture(FIRST), _renamed(_picture(FIRST))):
            shown[0] = situation
            await _agree(prometheus, situation)
            assert len(_due(situation)) >= 14  # the tables above mean something
            assert await _errors(prometheus) == []


@pytest.mark.parametrize("noticed", [True, False], ids=["both jobs had noticed", "before any job has noticed"])
async def test_a_restart_of_prometheus_while_the_agent_is_away_lets_the_last_statements_stand(*, noticed: bool) -> None:
    shown = [_picture(FIRST)]
    async with _watched(shown) as (prometheus, agent):
        await _agree(prometheus, shown[0])
        await agent.aclose()
        if noticed:
            both = 'up{job=~"linewarden(-state)?"} == 0'  # the devices' own job may have asked for some, or not
            await prometheus.until(both, lambda found: len(found) == 2)
        await asyncio.to_thread(prometheus.stop)
        await asyncio.to_thread(prometheus.start)
        restarted = time.time()
        await prometheus.until(f'timestamp(up{{job="linewarden-state"}} == 0) > {restarted + 3}')
        wanted = {name for name in _due(shown[0]) if "HardwareFlag" not in name and "InterfaceDown" not in name}
        deadline = time.monotonic() + UNTIL_SECONDS
        while missing := wanted - set(await asyncio.to_thread(_firing, prometheus)):
            assert time.monotonic() < deadline, (missing, await _errors(prometheus))
            await asyncio.sleep(0.25)
        assert await _errors(prometheus) == []


async def test_a_restart_of_prometheus_stops_no_rule() -> None:
    shown = [_picture(FIRST)]
    async with _watched(shown) as (prometheus, _):
        await _agree(prometheus, shown[0])
        await asyncio.to_thread(prometheus.stop)
        shown[0] = _renamed(shown[0])  # a host that is restarted may come back with another configuration, too
        await asyncio.to_thread(prometheus.start)
        await _agree(prometheus, shown[0])
        assert await _errors(prometheus) == []
