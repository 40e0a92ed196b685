"""ICMP echo: its settings, and a few echoes on demand through the same engine that pings all the time."""

from datetime import UTC, datetime
from typing import ClassVar, Final

from agent.core.delay import observe, train
from agent.core.model import Check, Observation, Outcome, Round
from agent.core.ports import Resources
from probes.icmp.settings import Settings

__all__ = ["Probe", "Settings"]

ECHOES: Final = 3  # one lost echo means nothing
SPACING_SECONDS: Final = 0.1
_MARGIN_RATIO: Final = 0.1  # of the timeout: the answer must be there before the runner's deadline


class Probe:
    """Send a few echoes and say how they fared."""

    type: ClassVar[str] = "icmp"

    def __init__(self, resources: Resources) -> None:
        """Take the shared resources; ICMP needs none of them."""

    def configure(self, resources: Resources) -> None:
        """Take the resources of a reloaded configuration: none is needed."""

    async def run(self, check: Check) -> Observation:
        """Send three echoes and wait for them no longer than the check's timeout."""
        from probes.icmp.engine import Engine  # numpy and ctypes are of no use to whoever only reads settings

        settings: Settings = check.settings
        spacing = min(SPACING_SECONDS, settings.timeout / (4 * ECHOES))
        wait = settings.timeout * (1 - _MARGIN_RATIO) - spacing * ECHOES
        once = settings.model_copy(update={"interval": spacing, "round": spacing * ECHOES, "timeout": wait})
        engine = Engine(tick_seconds=min(spacing / 2, 0.02), echoes=ECHOES)
        try:
            await engine.configure([Check(check.target, check.name, self.type, spacing, once)])
            async for item in engine:
                if isinstance(item, Round):
                    return observe(train(item))
        finally:
            await engine.close()
        return Observation(check.target, check.name, datetime.now(UTC), Outcome.UNKNOWN, "stopped before an answer")

    async def close(self) -> None:
        """Free nothing: each run frees what it holds."""
