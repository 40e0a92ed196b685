"""What a device says of itself: from varbinds to facts and interfaces. Pure; nothing is guessed."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from agent.core.model import AdminStatus, Fact, Interface, OperStatus
from probes.snmp.ber import VarBind
from probes.snmp.oid import encode_oid
from probes.snmp.values import number, suffix_parts, text

_SYSTEM: Final = "1.3.6.1.2.1.1"
_UPS: Final = "1.3.6.1.2.1.33.1"
_ALARM_DESCR: Final = encode_oid(f"{_UPS}.6.2.1.2")
_BATTERY_BAD: Final = encode_oid(f"{_UPS}.6.3.1")  # upsAlarmBatteryBad: "one or more batteries need replacement"
ROOTS: Final = (encode_oid(_SYSTEM), encode_oid(_UPS))  # below which facts are read
SYSTEM_OIDS: Final = tuple(encode_oid(f"{_SYSTEM}.{number}.0") for number in (3, 2, 1, 5, 6, 4, 7))  # sysUpTime first
_TEXTS: Final = tuple(
    (encode_oid(oid), name, source)
    for oid, name, source in (
        (f"{_SYSTEM}.5.0", "system_name", "SNMPv2-MIB sysName"),
        (f"{_SYSTEM}.1.0", "system_description", "SNMPv2-MIB sysDescr"),
        (f"{_SYSTEM}.2.0", "system_object_id", "SNMPv2-MIB sysObjectID"),
        (f"{_SYSTEM}.6.0", "location", "SNMPv2-MIB sysLocation"),
        (f"{_SYSTEM}.4.0", "contact", "SNMPv2-MIB sysContact"),
        (f"{_UPS}.1.1.0", "vendor", "UPS-MIB upsIdentManufacturer"),
        (f"{_UPS}.1.2.0", "model", "UPS-MIB upsIdentModel"),
        (f"{_UPS}.1.3.0", "software_version", "UPS-MIB upsIdentUPSSoftwareVersion"),
    )
)
_NUMBERS: Final = tuple(
    (encode_oid(oid), name, factor, source)
    for oid, name, factor, source in (
        (f"{_SYSTEM}.3.0", "uptime_seconds", 0.01, "SNMPv2-MIB sysUpTime"),
        (f"{_UPS}.2.2.0", "on_battery_seconds", 1, "UPS-MIB upsSecondsOnBattery"),
        (f"{_UPS}.2.3.0", "battery_seconds_left", 60, "UPS-MIB upsEstimatedMinutesRemaining"),
        (f"{_UPS}.2.4.0", "battery_charge_ratio", 0.01, "UPS-MIB upsEstimatedChargeRemaining"),
        (f"{_UPS}.2.7.0", "battery_temperature_celsius", 1, "UPS-MIB upsBatteryTemperature"),
    )
)
# RFC 1628 upsBatteryStatus and upsOutputSource; `unknown` is no fact
_STATES: Final = (
    (encode_oid(f"{_UPS}.2.1.0"), "battery_status", {2: "normal", 3: "low", 4: "depleted"},
     "UPS-MIB upsBatteryStatus"),
    (encode_oid(f"{_UPS}.4.1.0"), "output_source",
     {1: "other", 2: "none", 3: "normal", 4: "bypass", 5: "battery", 6: "booster", 7: "reducer"},
     "UPS-MIB upsOutputSource"),
)  # fmt: skip
_ALARMS_PRESENT: Final = encode_oid(f"{_UPS}.6.1.0")
_UNPRINTABLE: Final = re.compile(" ?[\x00-\x1f\x7f-\x9f\u2028\u2029]+ ?")
_MAX_FACT_CHARACTERS: Final = 1024

IF_DESCR: Final = encode_oid("1.3.6.1.2.1.2.2.1.2")
IF_SPEED: Final = encode_oid("1.3.6.1.2.1.2.2.1.5")
IF_ADMIN: Final = encode_oid("1.3.6.1.2.1.2.2.1.7")
IF_OPER: Final = encode_oid("1.3.6.1.2.1.2.2.1.8")
IF_NAME: Final = encode_oid("1.3.6.1.2.1.31.1.1.1.1")
IF_HIGH_SPEED: Final = encode_oid("1.3.6.1.2.1.31.1.1.1.15")
IF_ALIAS: Final = encode_oid("1.3.6.1.2.1.31.1.1.1.18")
INTERFACE_COLUMNS: Final = (IF_DESCR, IF_SPEED, IF_ADMIN, IF_OPER, IF_NAME, IF_HIGH_SPEED, IF_ALIAS)
_SPEED_IS_HIGHER: Final = (1 << 32) - 1  # RFC 2863: what ifSpeed says when it cannot say


def printable(bind: VarBind) -> str:
    """Return text that is fit for a terminal and a page: control characters become one space."""
    return _UNPRINTABLE.sub(" ", text(bind, "DisplayString")).strip()[:_MAX_FACT_CHARACTERS]


def facts(varbinds: Sequence[VarBind], alarms_complete: bool = True) -> tuple[Fact, ...]:
    """Return what the system group and UPS-MIB say; objects that were not read, or say nothing, give no fact.

    Args:
        alarms_complete: whether the alarm table was read to its end: only then the absence of an alarm says something.
    """
    by_oid: Mapping[bytes, VarBind] = {bind[0]: bind for bind in varbinds}
    out: list[Fact] = []
    for oid, name, source in _TEXTS:
        if (bind := by_oid.get(oid)) is not None and (shown := printable(bind)):
            out.append(Fact(name, shown, source))
    for oid, name, factor, source in _NUMBERS:
        if (bind := by_oid.get(oid)) is not None and (value := number(bind)) is not None:
            out.append(Fact(name, round(value * factor, 6), source))
    for oid, name, states, source in _STATES:
        if (bind := by_oid.get(oid)) is not None and (state := _state(bind, states)) is not None:
            out.append(Fact(name, state, source))
    if (replace := _battery_replace(varbinds, by_oid, alarms_complete)) is not None:
        out.append(Fact("battery_replace", replace, "UPS-MIB upsAlarmBatteryBad"))
    return tuple(out)


def _state(bind: VarBind, states: Mapping[int, str]) -> str | None:
    return states.get(bind[2]) if isinstance(bind[2], int) else None


def _battery_replace(
    varbinds: Sequence[VarBind], by_oid: Mapping[bytes, VarBind], alarms_complete: bool
) -> bool | None:  # fmt: skip
    alarms = [bind[2] for bind in varbinds if bind[0].startswith(_ALARM_DESCR)]
    if _BATTERY_BAD in alarms:
        return True
    present = by_oid.get(_ALARMS_PRESENT)
    if present is None or not isinstance(present[2], int):
        return None
    return False if alarms_complete and len(alarms) >= present[2] else None


def interfaces(runs: Mapping[bytes, Sequence[VarBind]]) -> tuple[Interface, ...]:
    """Return the rows of ifTable and ifXTable by ifIndex; what a row lacks is None.

    Args:
        runs: the varbinds of each of `INTERFACE_COLUMNS`.
    """
    tables = {column: {bind[0][len(column) :]: bind for bind in run} for column, run in runs.items()}
    empty: dict[bytes, VarBind] = {}
    descr, name, alias = (tables.get(column, empty) for column in (IF_DESCR, IF_NAME, IF_ALIAS))
    admin, oper = (tables.get(column, empty) for column in (IF_ADMIN, IF_OPER))
    speed, high = (tables.get(column, empty) for column in (IF_SPEED, IF_HIGH_SPEED))
    out = []
    for suffix in {**descr, **name, **admin, **oper}:
        parts = suffix_parts(suffix)
        if len(parts) != 1:  # ifIndex is one number: this is some other row
            continue
        described = printable(descr[suffix]) if suffix in descr else ""
        named = printable(name[suffix]) if suffix in name else ""
        out.append(
            Interface(
                index=parts[0],
                name=named or described or str(parts[0]),
                descr=described,
                admin=_ADMIN.get(_integer(admin.get(suffix))),
                oper=_OPER.get(_integer(oper.get(suffix))),
                alias=printable(alias[suffix]) if suffix in alias else None,
                speed_bits_per_second=_speed(_integer(speed.get(suffix)), _integer(high.get(suffix))),
            )
        )
    return tuple(sorted(out, key=lambda interface: interface.index))


_ADMIN: Final[Mapping[int | None, AdminStatus]] = {int(status): status for status in AdminStatus}
_OPER: Final[Mapping[int | None, OperStatus]] = {int(status): status for status in OperStatus}


def _integer(bind: VarBind | None) -> int | None:
    return bind[2] if bind is not None and isinstance(bind[2], int) else None


def _speed(bits: int | None, megabits: int | None) -> float | None:
    """Return bits a second; None where the interface has no such thing (0) or does not say."""
    if megabits and (not bits or bits == _SPEED_IS_HIGHER or megabits >= 1000):
        return megabits * 1e6
    return float(bits) if bits and bits != _SPEED_IS_HIGHER else None
