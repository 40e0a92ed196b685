"""Looks now and then, in a thread, at what devices say of one another; the picture shows what seems to follow."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from agent.core.learnt import Host, Learner
from agent.core.picture import Picture
from agent.core.routes import Route

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 30.0  # devices are asked for their neighbours every five minutes
_SHARE: Final = 100.0  # of the time, a look in a large estate takes at most the hundredth part


async def learn(picture: Picture, routes: Callable[[], Sequence[Route]], look_seconds: float = LOOK_SECONDS) -> None:
    """Go on until cancelled. A bug in it is logged, and costs nothing but the proposals."""
    learner, name = Learner(), socket.gethostname()
    pause = look_seconds
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        host, polls = Host(name, tuple(routes())), dict(picture.polls)
        try:
            picture.learning = await asyncio.to_thread(learner.look, picture.estate, polls, host, datetime.now(UTC))
        except Exception:
            _log.exception("what depends on what could not be learnt")
            learner = Learner()
        pause = max(look_seconds, _SHARE * (time.monotonic() - began))
