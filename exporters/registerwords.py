"""How far the asset register and the network agree, in one line for a committee."""

from typing import Final

from agent.core.register import Disagreement

COMMAND: Final = "linewarden report register"


def line(found: Disagreement | None) -> str | None:
    """Return how much does not agree, and what lists it; None without a register."""
    if found is None:
        return None
    if not found.total:
        return "The asset register and the network agree."
    told = (
        (found.differs, "device is not what its row says", "devices are not what their rows say"),
        (found.not_on_network, "row has nothing on the network", "rows have nothing on the network"),
        (found.not_in_register, "device is in no register", "devices are in no register"),
        (found.duplicate_serial, "serial number stands in several rows", "serial numbers stand in several rows"),
    )
    said = [f"{number:,} {one if number == 1 else many}" for number, one, many in told if number]
    listed = ", ".join(said[:-1]) + " and " + said[-1] if len(said) > 1 else said[0]
    return f"The asset register and the network do not agree: {listed}. {COMMAND} lists them."
