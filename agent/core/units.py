"""Units as people write them, and as the program keeps them: seconds, ratios 0-1, bits a second.

The annotated types serve every pydantic settings class, in the configuration and beside each probe.
"""

import re
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

_DURATION: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31557600.0}
_RATE: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
# RFC 2474 class selectors, RFC 2597 assured forwarding, RFC 3246 EF, RFC 5865 VOICE-ADMIT, RFC 8622 LE
_DSCP: Final = {
    "BE": 0, "DF": 0, "LE": 1, "EF": 46, "VA": 44,
    **{f"CS{n}": 8 * n for n in range(8)},
    **{f"AF{c}{d}": 8 * c + 2 * d for c in range(1, 5) for d in range(1, 4)},
}  # fmt: skip
_DSCP_NAMES: Final = {value: name for name, value in reversed(_DSCP.items())}  # the first name of each
_SCALES: Final = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


class Strict(BaseModel):
    """Settings that cannot change and refuse a key that they do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_duration(text: object) -> float:
    """Return seconds for `1s`, `250ms`, `1h30m`, `5y`; a bare number is refused, but for 0.

    Raises:
        ValueError: naming what was expected.
    """
    if isinstance(text, int | float) and not isinstance(text, bool) and text == 0:
        return 0.0
    if isinstance(text, str):
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|y)\s*", text)
        if parts and "".join(f"{n}{u}" for n, u in parts) == re.sub(r"\s", "", text):
            return sum(float(number) * _DURATION[unit] for number, unit in parts)
    raise ValueError(f"expected a duration with its unit (ms, s, m, h, d, w, y) such as 10s or 1h30m, got {text!r}")


def parse_ratio(text: object) -> float:
    """Return 0-1 for `99.9%` or `0.999`.

    Raises:
        ValueError: naming what was expected.
    """
    value = None
    if isinstance(text, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip())):
        value = float(found[1]) / (100 if found[2] else 1)
    elif isinstance(text, int | float) and not isinstance(text, bool):
        value = float(text)
    if value is None or not 0 <= value <= 1:
        raise ValueError(f"expected a ratio such as 99.9% or 0.999, got {text!r}")
    return value


def parse_rate(text: object) -> float:
    """Return bits a second for `100Mbit/s`, `1Gbps`, `64kbit/s`.

    Raises:
        ValueError: naming what was expected.
    """
    if isinstance(text, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(?:bit/s|bps|b/s)", text.strip())):
        return float(found[1]) * _RATE[found[2]]
    raise ValueError(f"expected a rate such as 100Mbit/s or 1Gbit/s, got {text!r}")


def parse_dscp(text: object) -> int:
    """Return the code point 0-63 for `EF`, `AF41`, `CS6` or a number.

    Raises:
        ValueError: naming what was expected.
    """
    if isinstance(text, str) and text.upper() in _DSCP:
        return _DSCP[text.upper()]
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text <= 63:
        return text
    raise ValueError(f"expected a DSCP such as EF, AF41, CS6, BE or a number from 0 to 63, got {text!r}")


def format_duration(seconds: float) -> str:
    """Return the shortest exact-enough text for a person: `250 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    size, unit, rest_size, rest_unit = next(scale for scale in _SCALES if whole >= scale[0])
    rest = whole % size // rest_size
    return f"{whole // size} {unit}" + (f" {rest} {rest_unit}" if rest else "")


Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=str)]
Ratio = Annotated[float, BeforeValidator(parse_ratio, json_schema_input_type=str | float)]
Rate = Annotated[float, BeforeValidator(parse_rate, json_schema_input_type=str)]


def format_dscp(value: int) -> str:
    """Return a DSCP by its name, or as the number where it has none."""
    return _DSCP_NAMES.get(value, str(value))


Dscp = Annotated[int, BeforeValidator(parse_dscp, json_schema_input_type=str | int)]
