"""One line on a terminal that tells how far something is, and disappears when it is over."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

_FIRST_SECONDS: Final = 1.0  # what is over sooner needs no telling
_EACH_SECONDS: Final = 0.25


@asynccontextmanager
async def progress(line: Callable[[float], str]) -> AsyncIterator[None]:
    """Show `line(seconds)` again and again on stderr while the body runs; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    task = asyncio.create_task(_show(line), name="progress")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Counter:
    """The same line for work that holds no loop: `at` is called again and again, and shows what is due."""

    def __init__(self, line: Callable[[], str]) -> None:
        self._line = line
        self._shown = False
        self._due = time.monotonic() + _FIRST_SECONDS if sys.stderr.isatty() else float("inf")

    def at(self) -> None:
        """Show how far it is, if that is due."""
        now = time.monotonic()
        if now >= self._due:
            self._due, self._shown = now + _EACH_SECONDS, True
            sys.stderr.write(f"\r\x1b[K{self._line()}")
            sys.stderr.flush()

    def over(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


async def _show(line: Callable[[float], str]) -> None:
    began = time.monotonic()
    await asyncio.sleep(_FIRST_SECONDS)
    try:
        while True:
            sys.stderr.write(f"\r\x1b[K{line(time.monotonic() - began)}")
            sys.stderr.flush()
            await asyncio.sleep(_EACH_SECONDS)
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
