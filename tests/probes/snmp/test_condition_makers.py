"""How parts of several makers' devices are: made-up rows in the shape of their tables, and one real responder."""

from collections.abc import Mapping

import pytest

from agent.core.hardware import Condition
from agent.core.model import Check, Outcome, SnmpAuth
from agent.core.ports import Resources
from probes.snmp.ber import Tag, Value
from probes.snmp.probe import Probe, Settings
from tests.probes.snmp.agents import SYSTEM, serving
from tests.probes.snmp.test_condition import looked, seen

RED, MIKROTIK, ARUBA = "1.3.6.1.4.1.2636.3.4.2.3.1", "1.3.6.1.4.1.14988.1.1.3", "1.3.6.1.4.1.14823.2.2.1.2.1"
OS10, OS9, NETAPP = "1.3.6.1.4.1.674.11000.5000.100.4.1.1", "1.3.6.1.4.1.6027.3.26.1.3.4.1", "1.3.6.1.4.1.789.1"
FORTINET, ATEN, RARITAN = "1.3.6.1.4.1.12356.101.4.3.2.1", "1.3.6.1.4.1.21317.1.3.1", "1.3.6.1.4.1.13742.6"
COMWARE, RACK, QNAP = "1.3.6.1.4.1.25506.2.70.1.1.1.12", "1.3.6.1.4.1.232.22.2.3.1.2.1", "1.3.6.1.4.1.24681.1"
FCMGMT, UNIT = "1.3.6.1.3.94.1.8.1", "80.12.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
Cells = Mapping[str, int | str | bytes]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({f"{RED}.0": 2}, {"red alarm of the chassis": ("chassis", "ok")}),
        ({f"{RED}.0": 3}, {"red alarm of the chassis": ("chassis", "warning")}),
        (
            {f"{MIKROTIK}.15.0": 1, f"{MIKROTIK}.16.0": 0},
            {"first power supply": ("power_supply", "ok"), "second power supply": ("power_supply", "missing")},
        ),
        (
            {f"{ARUBA}.17.1.2.1": 1, f"{ARUBA}.17.1.2.2": 2, f"{ARUBA}.18.1.2.1": 1},
            {"fan 1": ("fan", "ok"), "fan 2": ("fan", "missing"), "power supply 1": ("power_supply", "ok")},
        ),
        (
            {f"{OS10}.4.1.3.1.1": "48 x 10G", f"{OS10}.4.1.4.1.1": 3, f"{OS10}.4.1.4.1.2": 1, f"{OS10}.4.1.4.1.3": 6},
            {"48 x 10G": ("module", "failed"), "card 1.2": ("module", "ok")},
        ),
        (
            {f"{NETAPP}.2.4.2.0": 0, f"{NETAPP}.2.4.4.0": 2, f"{NETAPP}.6.4.7.0": 1, f"{NETAPP}.25.2.1.19.2.97.98": 0},
            {
                "a fan": ("fan", "ok"), "a power supply": ("power_supply", "failed"),
                "a disk": ("storage_drive", "failed"), "a fan of node 2.97.98": ("fan", "ok"),
            },
        ),
        ({f"{NETAPP}.2.4.2.0": -1, f"{NETAPP}.6.4.7.0": "many"}, {}),
        (
            {
                f"{FCMGMT}.3.{UNIT}.1": "CPU Temperature-Ctlr B", f"{FCMGMT}.4.{UNIT}.1": 4,
                f"{FCMGMT}.3.{UNIT}.2": "Power Supply right", f"{FCMGMT}.4.{UNIT}.2": 5,
                f"{FCMGMT}.3.{UNIT}.3": "Voltage 5V Rail Loc: right-PSU", f"{FCMGMT}.4.{UNIT}.3": 3,
                f"{FCMGMT}.3.{UNIT}.4": "FAN #1", f"{FCMGMT}.4.{UNIT}.4": 5,
            },
            {
                "CPU Temperature-Ctlr B": ("sensor", "warning"), "Power Supply right": ("power_supply", "failed"),
                "Voltage 5V Rail Loc: right-PSU": ("sensor", "ok"),
            },
        ),
    ],
)  # fmt: skip
def test_parts(cells: Cells, expected: Mapping[str, tuple[str, str]]) -> None:
    found = looked(cells)
    entities = found.entities if found is not None else ()
    assert {
        one.name: (one.physical_class.value, one.condition and one.condition.value) for one in entities
    } == expected  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            {
                f"{FORTINET}.2.1": "CPU Temp",
                f"{FORTINET}.3.1": " 61.5",
                f"{FORTINET}.2.2": "+12V",
                f"{FORTINET}.3.2": "12",
            },
            [("CPU Temp", 61.5)],
        ),
        ({f"{MIKROTIK}.10.0": 405, f"{MIKROTIK}.11.0": 440}, [("device", 40.5), ("processor", 44.0)]),
        (
            {f"{OS10}.3.1.11.1": 37, f"{OS10}.4.1.5.1.1": 41, f"{OS9}.13.1": 30},
            [("chassis 1", 37.0), ("card 1.1", 41.0), ("unit 1", 30.0)],
        ),
        (
            {f"{QNAP}.2.5.0": "51 C/123 F", f"{QNAP}.2.6.0": "33 C/91 F", f"{QNAP}.4.1.1.1.1.5.2.1.6.1": 29},
            [("processor", 51.0), ("system", 33.0), ("disk 1", 29.0)],
        ),
    ],
)
def test_temperatures(cells: Cells, expected: list[tuple[str, float]]) -> None:
    found = seen(cells).readings
    assert {one.quantity for one in found} == {"temperature"}
    assert [(one.name, one.value) for one in found] == expected


def test_limits_within_texts() -> None:
    names = {1: "CPU Temp", 2: "FAN 1", 3: "DIMMA2 Temp"}
    cells: dict[str, int | str | bytes] = {f"{ATEN}.13.{at}": name for at, name in names.items()}
    cells |= {f"{ATEN}.2.1": "48.000", f"{ATEN}.9.1": "95.000", f"{ATEN}.2.2": "3600.000", f"{ATEN}.2.3": "0.000"}
    (found,) = seen(cells).readings
    assert (found.name, found.value, found.warning, found.critical) == ("CPU Temp", 48.0, None, 95.0)


def test_a_column_says_how_many_places_a_value_has() -> None:
    """Of sensors that are no temperature, or whose places nobody tells, nothing is read."""
    kind, name, digits = f"{RARITAN}.3.6.3.1.2.1", f"{RARITAN}.3.6.3.1.4.1", f"{RARITAN}.3.6.3.1.17.1"
    state, value = f"{RARITAN}.5.5.3.1.3.1", f"{RARITAN}.5.5.3.1.4.1"
    cells: dict[str, int | str | bytes] = {f"{value}.{at}": 229 for at in range(1, 5)}
    cells |= {f"{kind}.{at}": 10 for at in (1, 3, 4)} | {f"{kind}.2": 11, f"{name}.1": "Rack 4 front", f"{state}.1": 6}
    cells |= {f"{digits}.1": 1, f"{digits}.2": 1, f"{digits}.4": 99}
    (found,) = seen(cells).readings
    assert (found.name, found.value, found.condition) == ("Rack 4 front", 22.9, Condition.FAILED)


def test_light_of_comware_and_air_of_an_enclosure() -> None:
    cells: Cells = {
        f"{COMWARE}.26": -1045, "1.3.6.1.2.1.31.1.1.1.1.26": "GE1/0/26", f"{COMWARE}.27": 2147483647,
        f"{RACK}.5.1.1.2": "Inlet", f"{RACK}.6.1.1.2": 24, f"{RACK}.8.1.1.2": 3,
    }  # fmt: skip
    light, air = sorted(seen(cells).readings, key=lambda one: one.quantity)
    assert (light.name, light.quantity, light.value, light.unit) == (
        "GE1/0/26",
        "optical_power_received",
        -10.45,
        "dbm",
    )
    assert (air.name, air.value, air.condition) == ("Inlet", 24.0, Condition.WARNING)


async def test_a_switch_that_answers_tells_of_its_sensors_with_their_limits() -> None:
    sensor, limit, entity = "1.3.6.1.4.1.9.9.91.1.1.1.1", "1.3.6.1.4.1.9.9.91.1.2.1.1", "1.3.6.1.2.1.47.1.1.1.1"
    rows: dict[str, int | bytes] = {
        f"{entity}.7.9": b"Inlet", f"{sensor}.1.9": 8, f"{sensor}.2.9": 9, f"{sensor}.3.9": 1, f"{sensor}.4.9": 695,
        f"{sensor}.5.9": 1, f"{limit}.2.9.1": 10, f"{limit}.3.9.1": 4, f"{limit}.4.9.1": 580, f"{limit}.5.9.1": 2,
        f"{limit}.2.9.2": 20, f"{limit}.3.9.2": 4, f"{limit}.4.9.2": 680, f"{limit}.5.9.2": 2,
    }  # fmt: skip
    objects: dict[str, tuple[int, Value]] = {
        oid: (Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING, value) for oid, value in rows.items()
    }
    probe = Probe(Resources(auths={"public_v2": SnmpAuth("public_v2")}))
    try:
        with serving(SYSTEM | objects) as agent:
            values = {"address": "127.0.0.1", "auth": "public_v2", "port": agent.port, "request_timeout": "3s"}
            settings = Settings.model_validate(values | {"modules": ["system", "cisco_environment"]})
            observation = await probe.run(Check("sw1", "snmp", "snmp", 60.0, settings))
    finally:
        await probe.close()
    assert observation.outcome is Outcome.OK, observation.detail
    assert observation.hardware is not None
    (found,) = observation.hardware.readings
    assert (found.name, found.value, found.warning, found.critical) == ("Inlet", 69.5, 58.0, 68.0)
