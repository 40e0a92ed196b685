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
