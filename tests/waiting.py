"""Waiting for conditions: by looking, with a generous deadline, never by a fixed sleep."""

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait on the event loop until `condition` holds.

    Raises:
        AssertionError: it did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], object], seconds: float = 20.0, pause_seconds: float = 0.05) -> None:
    """Wait in a thread until `condition` holds; as `until`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(pause_seconds)
