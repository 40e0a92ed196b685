"""Find the auth that a device takes, and say what became of each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agent.cli.progress import progress
from agent.cli.snmp_auths import Attempt, meaning, search, version_name
from agent.cli.snmp_line import SPOKEN, Line
from agent.cli.snmp_target import say
from agent.cli.tables import clean
from probes.snmp.errors import SnmpLocalError

if TYPE_CHECKING:
    from agent.core.model import SnmpAuth


async def find(line: Line, auths: "Sequence[SnmpAuth]", *, loud: bool) -> list[Attempt]:
    """Try the auths in their order; the last attempt is the one that was answered, if one was.

    Args:
        loud: say of each attempt what became of it.
    """
    spoken = [auth for auth in auths if auth.version in SPOKEN]
    silent = [
        Attempt(auth, skipped="this version of the agent speaks SNMP v1 and v2c only")
        for auth in auths
        if auth.version not in SPOKEN
    ]
    hear = tell if loud else _nothing
    for attempt in silent:
        hear(attempt)

    async def greet(auth: "SnmpAuth") -> None:
        async with progress(lambda seconds: f"  {auth.name} ({version_name(auth)}): waiting, {seconds:.0f} s"):
            await line.greet(auth, len(spoken))

    return silent + await search(spoken, greet, hear)


def _nothing(_: Attempt) -> None:
    pass


def tell(attempt: Attempt) -> None:
    """Say what became of one attempt."""
    auth = attempt.auth
    if attempt.answered:
        say(f"  {auth.name} ({version_name(auth)}): answered", "green")
    elif attempt.skipped:
        say(f"  {auth.name} ({version_name(auth)}): not tried: {clean(attempt.skipped)}", "yellow")
    else:
        assert attempt.error is not None
        say(f"  {auth.name} ({version_name(auth)}): {clean(meaning(attempt.error, auth).said)}", "red")


def explain(attempts: Sequence[Attempt], *, loud: bool) -> None:
    """Say why no auth was taken, and what to look at.

    Args:
        loud: the attempts were told one by one already.
    """
    meanings = [meaning(attempt.error, attempt.auth) for attempt in attempts if attempt.error is not None]
    if not meanings:
        for attempt in attempts if not loud else ():
            tell(attempt)
        say("there is no auth that can be used: give --auth, --community-file or --config", "red")
    for said in dict.fromkeys(found.said for found in meanings if not loud):
        say(clean(said), "red")
    for hint in dict.fromkeys(hint for found in meanings for hint in found.hints):
        say(f"  - {hint}")


def verdict(attempts: Sequence[Attempt]) -> int:
    """Return the exit code of a search that found no auth."""
    tried = [attempt.error for attempt in attempts if attempt.error is not None]
    return exit_code(tried[-1]) if tried else 3


def exit_code(error: Exception) -> int:
    """Return 3 for this host's own trouble, 1 for everything that the device or the way there is to blame for."""
    return 3 if isinstance(error, SnmpLocalError) else 1


def documents(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Return what became of each attempt, for programs."""
    return [
        {
            "auth": attempt.auth.name,
            "version": version_name(attempt.auth),
            "answered": attempt.answered,
            "error": type(attempt.error).__name__ if attempt.error is not None else None,
            "detail": attempt.skipped or (meaning(attempt.error, attempt.auth).said if attempt.error else ""),
        }
        for attempt in attempts
    ]
