"""Which auths are tried, in what order, and what a failure means: the rules as tables, with a device that is faked."""

import pytest

from agent.cli.snmp_auths import Attempt, meaning, ordered, search
from agent.core.model import SnmpAuth
from probes.snmp.errors import (
    SnmpAgentError,
    SnmpDecryptionError,
    SnmpError,
    SnmpLocalError,
    SnmpNotInTimeWindow,
    SnmpRefused,
    SnmpReportError,
    SnmpTimeout,
    SnmpUnknownEngine,
    SnmpUnknownUser,
    SnmpUnsupportedLevel,
    SnmpWrongDigest,
)

SILENT = SnmpTimeout("no answer from 10.0.0.1:161 after 2 tries")
HALF_SILENT = SnmpTimeout("no answer after 2 tries; its engine answered the discovery: a wrong privacy password ...")


def auth(name: str) -> SnmpAuth:
    """Return an auth by its name: `2a` is v2c with the community a, `3ops:x` is v3 of the user ops."""
    version, rest = int(name[0]), name[1:]
    if version == 3:
        user, _, password = rest.partition(":")
        return SnmpAuth(
            name, 3, username=user, password=f"pass{password}", security_level="authPriv", auth_protocol="SHA256",
            priv_protocol="AES", priv_password="privacy",
        )  # fmt: skip
    return SnmpAuth(name, version, community=rest)


@pytest.mark.parametrize(
    ("names", "own", "expected"),
    [
        ("1a 2a 3ops", None, "3ops 2a 1a"),
        ("1a 2b 2a", None, "2b 2a 1a"),
        ("1a 2a 3ops", "1a", "1a 3ops 2a"),
        ("2a", "gone", "2a"),
        ("", None, ""),
    ],
)
def test_the_order_of_trying(names: str, own: str | None, expected: str) -> None:
    assert [one.name for one in ordered({name: auth(name) for name in names.split()}, own)] == expected.split()


def test_the_same_secret_is_tried_once() -> None:
    twice = {"a": SnmpAuth("a", 2, "x"), "b": SnmpAuth("b", 2, "x"), "c": SnmpAuth("c", 1, "x")}
    assert [one.name for one in ordered(twice)] == ["a", "c"]
    assert [one.name for one in ordered(twice, "b")] == ["b", "c"]


@pytest.mark.parametrize(
    ("names", "answers", "asked"),
    [
        # the first that is answered ends it
        ("2a 2b 1a", {"2a": SILENT}, "2a 2b"),
        ("2a 1a", {"2a": SILENT, "1a": SILENT}, "2a 1a"),
        # one wrong password a user; another user is tried; what is no wrong password lets the user be tried again
        ("3ops:x 3ops:y 3net:x", {"3ops:x": SnmpWrongDigest("x"), "3net:x": SILENT}, "3ops:x 3net:x"),
        ("3ops:x 3ops:y", {"3ops:x": SnmpUnsupportedLevel("x")}, "3ops:x 3ops:y"),
        ("3ops:x 3ops:y", {"3ops:x": SnmpDecryptionError("x")}, "3ops:x 3ops:y"),
        ("3ops:x 3net:x", {"3ops:x": SnmpUnknownUser("x")}, "3ops:x 3net:x"),
        # a device that is silent to v3 is not asked for it again, and v2c is tried
        ("3ops:x 3net:x 2a", {"3ops:x": SILENT}, "3ops:x 2a"),
        ("3ops:x 3net:x", {"3ops:x": HALF_SILENT}, "3ops:x 3net:x"),
        # silence to a community says nothing about v3
        ("2a 3ops:x", {"2a": SILENT}, "2a 3ops:x"),
        # what no other auth can mend
        ("2a 2b", {"2a": SnmpRefused("x")}, "2a"),
        ("2a 2b", {"2a": SnmpLocalError("x")}, "2a"),
        ("2a 2b", {"2a": SnmpTimeout("no answer; 10.9.9.9 says: no route to host")}, "2a"),
        # an odd answer is an answer, and no reason to stop
        ("2a 2b", {"2a": SnmpAgentError("x")}, "2a 2b"),
    ],
)  # fmt: skip
async def test_what_is_tried_after_what(names: str, answers: dict[str, SnmpError], asked: str) -> None:
    seen: list[str] = []
    told: list[Attempt] = []

    async def ask(one: SnmpAuth) -> None:
        seen.append(one.name)
        if one.name in answers:
            raise answers[one.name]

    attempts = await search([auth(name) for name in names.split()], ask, told.append)
    assert seen == asked.split()
    assert told == attempts
    assert attempts[-1].answered == (seen[-1] not in answers)


async def test_an_auth_without_its_secret_is_passed_over() -> None:
    async def ask(one: SnmpAuth) -> None:
        assert one.name == "2a"

    broken = SnmpAuth("broken", 2, problem="community: the secret's file x is empty")
    first, second = await search([broken, auth("2a")], ask)
    assert first.skipped == "it cannot be used: community: the secret's file x is empty"
    assert second.answered


async def test_another_bug_is_no_answer() -> None:
    async def ask(_: SnmpAuth) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await search([auth("2a")], ask)


@pytest.mark.parametrize(
    ("error", "said", "hint"),
    [
        (SnmpUnknownUser("the agent has no user 'ops'"), "unknown user: the agent has no user 'ops'", "same spelling"),
        (SnmpWrongDigest("r"), "wrong password or protocol: r", "devices lock users out"),
        (SnmpDecryptionError("r"), "wrong privacy password or protocol: r", "AES192C"),
        (SnmpUnsupportedLevel("r"), "unsupported security level: r", "`security_level`"),
        (SnmpNotInTimeWindow("r"), "outside the time window: r", "the same engine id"),
        (SnmpUnknownEngine("r"), "unknown engine: r", "load balancer"),
        (SnmpReportError("odd"), "refused by SNMPv3: odd", ""),
        (SILENT, "no answer from 10.0.0.1:161 after 2 tries", "this is no wrong password"),
        (HALF_SILENT, "its engine answered the discovery", "drop what they cannot decrypt"),
        (SnmpTimeout("no answer; 10.9.9.9 says: no route to host"), "the way there is the trouble", "a route to it"),
        (SnmpRefused("x refused"), "no SNMP agent listens there", "161 by default"),
        (SnmpLocalError("no route"), "could not be asked: no route", "this host is at fault"),
        (SnmpAgentError("genErr"), "answered, and not as it should: genErr", ""),
    ],
)  # fmt: skip
def test_what_a_failure_means(error: SnmpError, said: str, hint: str) -> None:
    found = meaning(error, auth("3ops:secret"))
    assert said in found.said
    assert hint in " ".join(found.hints)
    assert "secret" not in found.said + " ".join(found.hints)
    assert meaning(error).said  # also without an auth


def test_a_wrong_community_looks_like_silence_and_that_is_said() -> None:
    found = meaning(SILENT, auth("2a"))
    assert found.said.endswith("; a wrong community looks the same")
    assert any("SNMPv3 alone" in hint for hint in found.hints)
