"""What the configuration says of one device's polls."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, IPvAnyAddress, ValidationInfo, field_validator

from agent.core.units import Duration, Strict, format_duration, parse_duration
from probes.snmp.client import TICK_SECONDS
from probes.snmp.walk import MAX_VARBINDS

# of the whole timeout: all tries of the first request fit in, and what came is rendered before the runner's deadline
READING_SHARE: Final = 0.9
_REQUEST_TIMEOUT_SECONDS: Final = 2.0
# A port that goes down is known as soon as a device that falls silent (ICMP rounds of 10 s), for a dozen small packets.
_FAST_SECONDS: Final = 10.0


def _spacing(value: object) -> object:
    if value is None or value is False or value == "off":
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; or off") from None


class Settings(Strict):
    """`{type: snmp, address: 10.20.1.2, auth: public_v2}`."""

    type: Literal["snmp"] = "snmp"
    address: Annotated[str, Field(min_length=1, max_length=253)]
    auth: Annotated[str, Field(min_length=1, description="name of one of `snmp.auths`")]
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    modules: Annotated[
        tuple[str, ...] | None,
        Field(description="what to read; by default system, if_mib and what the device is found to have"),
    ] = None
    interval: Annotated[Duration, Field(gt=0, description="spacing of full polls: everything that the modules say")] = (
        60.0
    )
    fast: Annotated[
        Annotated[float, Field(gt=0)] | None,
        BeforeValidator(_spacing, json_schema_input_type=str | Literal[False]),
        Field(description="spacing of polls of interfaces' state and counters alone; off: full polls only"),
    ] = _FAST_SECONDS
    timeout: Annotated[Duration, Field(gt=0, description="for a whole poll")] = 20.0
    request_timeout: Annotated[
        Duration | None, Field(gt=0, description="for one try of one request; by default 2s, or what fits into timeout")
    ] = None
    retries: Annotated[int, Field(ge=0, le=10, description="further tries of a request")] = 2
    max_repetitions: Annotated[
        int | None,
        Field(
            ge=1, le=200, description="rows in one answer; by default what the modules say, or as many as fit a frame"
        ),
    ] = None
    max_objects: Annotated[
        int, Field(ge=1, le=5_000_000, description="rows times columns of one poll; beyond them it is incomplete")
    ] = MAX_VARBINDS
    any_source: Annotated[
        bool, Field(description="take answers from another address than the one asked, as some routers send them")
    ] = False
    source_address: Annotated[
        IPvAnyAddress | None, Field(description="address of this host to ask from; by default the routing table's")
    ] = None

    @field_validator("fast")
    @classmethod
    def _shorter(cls, value: float | None, info: ValidationInfo) -> float | None:
        interval = info.data.get("interval")
        if value is not None and interval is not None and value > interval:
            most, got = format_duration(interval), format_duration(value)
            raise ValueError(f"expected at most the interval ({most}), got {got}; `off` for full polls only")
        return value

    @property
    def fast_seconds(self) -> float | None:
        """The spacing of the fast tier; None where there is none."""
        return self.fast if self.fast is not None and self.fast < self.interval else None

    @property
    def cadence(self) -> float:
        """How often the device is to be asked: by the fast tier where there is one."""
        return self.fast_seconds or self.interval

    @property
    def try_seconds(self) -> float:
        """How long one try waits for its answer."""
        fits = self.timeout * READING_SHARE / (self.retries + 1) - TICK_SECONDS  # a tick late is on time
        return self.request_timeout or min(_REQUEST_TIMEOUT_SECONDS, max(fits, TICK_SECONDS))
