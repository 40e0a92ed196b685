"""How parts are, out of varbinds as a device gives them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest

from agent.core.hardware import Condition, Hardware
from agent.core.model import Fact, Interface
from probes.snmp import condition
from probes.snmp.ber import Tag, Value, VarBind
from probes.snmp.condition import hardware, roots
from probes.snmp.conditionrules import Rules, read
from probes.snmp.labels import Finder
from probes.snmp.oid import decode_oid, encode_oid, oid_text

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENVMON, ENTITY, SENSOR = "1.3.6.1.4.1.9.9.13.1", "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.2.1.99.1.1.1"
CISCO_SENSOR, THRESHOLD = "1.3.6.1.4.1.9.9.91.1.1.1.1", "1.3.6.1.4.1.9.9.91.1.2.1.1"
STORAGE, APC = "1.3.6.1.2.1.25.2.3.1", "1.3.6.1.4.1.318.1.1.1"
DISK = "1.3.6.1.2.1.25.2.1.4"


class Oid(str):
    """A value that is an OID."""

    __slots__ = ()


Cells = Mapping[str, int | str | bytes]


def bind(oid: str, value: int | str | bytes) -> VarBind:
    if isinstance(value, int):
        return encode_oid(oid), Tag.INTEGER, value
    if isinstance(value, Oid):
        return encode_oid(oid), Tag.OID, encode_oid(value)
    return encode_oid(oid), Tag.OCTET_STRING, value if isinstance(value, bytes) else value.encode()


def seen(cells: Cells, facts: Iterable[Fact] = (), interfaces: Iterable[Interface] = ()) -> Hardware:
    found = looked(cells, facts, interfaces)
    assert found is not None
    return found


def looked(
    cells: Cells, facts: Iterable[Fact] = (), interfaces: Iterable[Interface] = ()
) -> Hardware | None:  # fmt: skip
    binds = sorted((bind(oid, value) for oid, value in cells.items()), key=lambda one: decode_oid(one[0]))
    return hardware(Finder(roots()).find(binds), tuple(interfaces), tuple(facts), AT)


def conditions(found: Hardware) -> dict[str, tuple[str, str | None]]:
    return {one.name: (one.physical_class.value, one.condition and one.condition.value) for one in found.entities}


def test_what_says_nothing_of_its_parts_has_no_hardware() -> None:
    assert looked({}) is None
    assert looked({"1.3.6.1.2.1.1.5.0": "sw1"}) is None


def test_power_supplies_and_fans_of_cisco() -> None:
    found = seen({
        f"{ENVMON}.4.1.2.1": "Chassis Fan", f"{ENVMON}.4.1.3.1": 1, f"{ENVMON}.4.1.2.2": "Fan 2",
        f"{ENVMON}.4.1.3.2": 2,
        f"{ENVMON}.5.1.2.7": "PS A", f"{ENVMON}.5.1.3.7": 3, f"{ENVMON}.5.1.3.8": 5, f"{ENVMON}.5.1.3.9": 77,
    })  # fmt: skip
    assert conditions(found) == {
        "Chassis Fan": ("fan", "ok"), "Fan 2": ("fan", "warning"), "PS A": ("power_supply", "failed"),
        "8": ("power_supply", "missing"),
    }  # fmt: skip
    assert found.entities[2].key == "ciscoEnvMonSupplyState:7"
    assert found.entities[2].source == "CISCO-ENVMON-MIB ciscoEnvMonSupplyState"
    assert (found.at, found.complete, found.readings) == (AT, True, ())


def test_temperatures_bring_their_own_limits() -> None:
    found = seen({
        f"{ENVMON}.3.1.2.1": "Inlet", f"{ENVMON}.3.1.3.1": 31, f"{ENVMON}.3.1.4.1": 56, f"{ENVMON}.3.1.6.1": 2,
        f"{ENVMON}.3.1.3.2": 0,
    })  # fmt: skip
    (reading,) = found.readings
    assert (reading.name, reading.quantity, reading.value, reading.critical) == ("Inlet", "temperature", 31.0, 56.0)
    assert (reading.unit, reading.warning, reading.condition) == ("celsius", None, Condition.WARNING)


def test_parts_of_one_key_are_one_and_the_worst_counts() -> None:
    disk = "1.3.6.1.4.1.674.10892.5.5.1.20.130.4.1"
    cells: dict[str, int | str | bytes] = {
        f"{disk}.2.1": "Disk 0", f"{disk}.4.1": 3, f"{disk}.7.1": "MADEUP1", f"{disk}.24.1": 3, f"{disk}.31.1": 1,
        f"{disk}.49.1": 8, f"{disk}.2.2": "Disk 1", f"{disk}.4.2": 7, f"{disk}.24.2": 4, f"{disk}.49.2": 255,
    }  # fmt: skip
    found = seen(cells)
    assert conditions(found) == {"Disk 0": ("storage_drive", "warning"), "Disk 1": ("storage_drive", "failed")}
    assert [one.serial for one in found.entities] == ["MADEUP1", None]
    assert found.entities[0].source == "IDRAC-MIB-SMIv2 physicalDiskSmartAlertIndication"
    (life,) = found.readings
    assert (life.quantity, life.value) == ("disk_life_used", 0.92)


def test_what_entity_mib_calls_a_row_decides_what_it_is() -> None:
    cefc = "1.3.6.1.4.1.9.9.117.1.1.2.1.2"
    found = seen({
        f"{ENTITY}.5.10": 6, f"{ENTITY}.7.10": "PSU 1", f"{cefc}.10": 8, f"{ENTITY}.5.11": 9, f"{cefc}.11": 8,
        f"{cefc}.12": 5,
        "1.3.6.1.2.1.131.1.1.1.5.10": b"\x00",
        "1.3.6.1.2.1.131.1.1.1.5.11": b"\x08",
        "1.3.6.1.2.1.131.1.1.1.5.12": b"\x20",
    })  # fmt: skip
    assert {one.key: (one.physical_class.value, one.condition) for one in found.entities} == {
        "entPhysical:10": ("power_supply", Condition.FAILED),
        "entPhysical:11": ("module", Condition.WARNING),
        "entPhysical:12": ("power_supply", Condition.FAILED),
    }


def test_alarms_that_are_no_bits_say_nothing() -> None:
    assert looked({f"{ENTITY}.5.10": 6, "1.3.6.1.2.1.131.1.1.1.5.10": 7}) is None


def test_parts_that_are_not_there() -> None:
    fan = "1.3.6.1.4.1.232.6.2.6.7.1"
    found = seen({f"{fan}.4.0.1": 3, f"{fan}.9.0.1": 2, f"{fan}.4.0.2": 2, f"{fan}.9.0.2": 1, f"{fan}.9.0.3": 4})
    assert conditions(found) == {"fan 0.1": ("fan", "ok"), "fan 0.2": ("fan", "missing"), "fan 0.3": ("fan", "failed")}


def test_names_decide_where_nothing_else_does() -> None:
    jnx = "1.3.6.1.4.1.2636.3.1.13.1"
    names = {"1": "Power Supply 0", "2": "Fan Tray 1", "3": "FPC: EX4300 @ 0/*/*"}
    cells: dict[str, int | str | bytes] = {f"{jnx}.5.{at}": name for at, name in names.items()}
    found = seen(cells | {f"{jnx}.6.1": 6, f"{jnx}.6.2": 2, f"{jnx}.6.3": 1, f"{jnx}.7.3": 40, f"{jnx}.7.2": 0})
    assert conditions(found) == {"Power Supply 0": ("power_supply", "failed"), "Fan Tray 1": ("fan", "ok")}
    assert [(one.name, one.value) for one in found.readings] == [("FPC: EX4300 @ 0/*/*", 40)]


def test_words_are_states_too() -> None:
    fan = "1.3.6.1.4.1.47196.4.1.1.3.11.5.1.1"
    found = seen({f"{fan}.4.1.1.1": "1/1/1", f"{fan}.5.1.1.1": "OK", f"{fan}.5.1.1.2": "fault", f"{fan}.5.1.1.3": "?"})
    assert conditions(found) == {"1/1/1": ("fan", "ok"), "1.1.2": ("fan", "failed")}


def sensors(root: str) -> dict[str, int | str | bytes]:
    return {
        f"{ENTITY}.7.5": "Temp: CPU", f"{root}.1.5": 8, f"{root}.2.5": 8, f"{root}.3.5": 0, f"{root}.4.5": 41500,
        f"{root}.5.5": 1,
        f"{ENTITY}.2.6": "Fan 1", f"{root}.1.6": 10, f"{root}.2.6": 9, f"{root}.3.6": 0, f"{root}.4.6": 4200,
        f"{root}.5.6": 1,
        f"{root}.1.7": 8, f"{root}.4.7": 20, f"{root}.5.7": 3,
        f"{root}.1.8": 14, f"{root}.4.8": -5, f"{root}.5.8": 1,
        f"{root}.1.9": 8, f"{root}.2.9": 99, f"{root}.4.9": 1, f"{root}.5.9": 1,
        f"{root}.1.10": 9, f"{root}.4.10": 43,
    }  # fmt: skip


@pytest.mark.parametrize("root", [SENSOR, CISCO_SENSOR])
def test_sensors_of_rfc_3433(root: str) -> None:
    found = seen(sensors(root)).readings
    assert [(one.name, one.quantity, one.unit, one.value) for one in found] == [
        ("Temp: CPU", "temperature", "celsius", 41.5),
        ("Fan 1", "fan_speed", "rpm", 4200),
        ("sensor 10", "humidity", "ratio", 0.43),
    ]
    assert found[0].key == "entPhysical:5"


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ({1: (30, 2)}, None),
        ({1: (10, 1)}, Condition.WARNING),
        ({1: (10, 1), 2: (20, 1)}, Condition.FAILED),
        ({1: (30, 1), 2: (10, 1)}, Condition.FAILED),
    ],
)
def test_thresholds_that_are_passed(thresholds: dict[int, tuple[int, int]], expected: Condition | None) -> None:
    cells = sensors(CISCO_SENSOR)
    for at, (severity, passed) in thresholds.items():
        cells |= {f"{THRESHOLD}.2.5.{at}": severity, f"{THRESHOLD}.5.5.{at}": passed, f"{THRESHOLD}.5.6.{at}": 1}
    found = seen(cells).readings
    assert [one.condition for one in found] == [expected, None, None]


def test_limits_of_cisco_are_read_with_the_scale_of_their_sensor() -> None:
    """The lowest upper limit of each severity counts; lower limits, and those of sensors that nobody knows, do not."""
    rows = {
        (5, 1): (10, 4, 58000), (5, 2): (1, 3, 113000), (5, 3): (30, 4, 111000), (5, 4): (20, 4, 68000),
        (5, 5): (10, 2, -5000), (5, 6): (20, 9, 1000), (6, 1): (20, 1, 1000), (77, 1): (20, 4, 5),
    }  # fmt: skip
    cells = sensors(CISCO_SENSOR)
    for (sensor, at), (severity, relation, limit) in rows.items():
        index = f"{sensor}.{at}"
        cells |= {f"{THRESHOLD}.2.{index}": severity, f"{THRESHOLD}.3.{index}": relation}
        cells |= {f"{THRESHOLD}.4.{index}": limit, f"{THRESHOLD}.5.{index}": 2}
    cells |= {f"{THRESHOLD}.4.5.7": 1, f"{THRESHOLD}.3.5.7": 4, f"{THRESHOLD}.2.5.8": 10, f"{THRESHOLD}.4.5.8": "hot"}
    found = seen(cells).readings
    assert [(one.name, one.warning, one.critical) for one in found] == [
        ("Temp: CPU", 58.0, 68.0), ("Fan 1", None, None), ("sensor 10", None, None)
    ]  # fmt: skip


def test_stores_are_disks_and_nothing_else() -> None:
    rows = {1: ("/", DISK), 2: ("/dev/shm", DISK), 3: ("Physical memory", "1.3.6.1.2.1.25.2.1.2"), 4: ("/var", DISK)}
    cells: dict[str, int | str | bytes] = {f"{STORAGE}.6.{at}": 100 for at in rows}
    for at, (name, kind) in rows.items():
        cells |= {f"{STORAGE}.2.{at}": Oid(kind), f"{STORAGE}.3.{at}": name}
        cells |= {f"{STORAGE}.4.{at}": 4096, f"{STORAGE}.5.{at}": 1000}
    # blocks beyond 2^31, as agents show them that know no more
    cells |= {f"{STORAGE}.5.4": -(1 << 30), f"{STORAGE}.6.4": -(1 << 31)}
    found = seen(cells).stores
    assert [(one.name, one.size_octets, one.used_octets) for one in found] == [
        ("/", 4096000.0, 409600.0),
        ("/var", 3 * 2**30 * 4096.0, 2**31 * 4096.0),
    ]


@pytest.mark.parametrize(("unit", "size", "used"), [(0, 10, 5), (-1, 10, 5), (1, 0, 0), (1, 10, 11)])
def test_stores_that_make_no_sense(unit: int, size: int, used: int) -> None:
    row: Cells = {f"{STORAGE}.2.1": Oid(DISK), f"{STORAGE}.4.1": unit, f"{STORAGE}.5.1": size, f"{STORAGE}.6.1": used}
    assert looked(row) is None
    assert looked({f"{STORAGE}.2.1": Oid(DISK), f"{STORAGE}.5.1": 5, f"{STORAGE}.4.1": 1}) is None


def test_stores_by_what_is_free() -> None:
    raid = "1.3.6.1.4.1.6574.3.1.1"
    cells: Cells = {
        f"{raid}.2.1": "Volume 1",
        f"{raid}.4.1": 30,
        f"{raid}.5.1": 100,
        f"{raid}.2.2": "Storage Pool 1",
        f"{raid}.5.2": 9,
    }
    (store,) = seen(cells).stores
    assert (store.name, store.size_octets, store.used_octets) == ("Volume 1", 100, 70)
    assert looked({f"{raid}.5.3": 100}) is None


def test_a_battery() -> None:
    cells: dict[str, int | str | bytes] = {
        f"{APC}.2.1.1.0": 2, f"{APC}.2.2.3.0": 240_000, f"{APC}.2.2.4.0": 2, f"{APC}.4.1.1.0": 2, f"{APC}.7.2.3.0": 2,
        f"{APC}.2.2.1.0": 100,
    }  # fmt: skip
    found = seen(cells)
    assert conditions(found) == {"battery": ("battery", "failed")}
    assert found.entities[0].source == "PowerNet-MIB upsAdvTestDiagnosticsResults"
    assert {one.quantity: one.value for one in found.readings} == {"battery_runtime": 2400, "charge": 1}
    assert [(fact.name, fact.value) for fact in found.facts] == [("battery_replace", True)]
    on_battery = seen(cells | {f"{APC}.4.1.1.0": 3, f"{APC}.2.2.4.0": 9})
    assert {one.quantity for one in on_battery.readings} == {"charge"}  # what is left now is no age
    assert on_battery.facts == ()


def test_what_ups_mib_said_already_is_not_said_again() -> None:
    said = Fact("battery_replace", False, "UPS-MIB upsAlarmBatteryBad")
    assert seen({f"{APC}.2.2.4.0": 2}, [said, Fact("model", "X", "s")]).facts == (said,)


def test_light_of_interfaces() -> None:
    lit = Interface(3, "Te1", "", None, None, receive_power_dbm=-4.2)
    (reading,) = seen({}, interfaces=[lit, Interface(4, "Te2", "", None, None)]).readings
    assert (reading.key, reading.name, reading.value) == ("ifIndex:3", "Te1", -4.2)


def test_counters() -> None:
    disk = "1.3.6.1.4.1.6574.2.1.1"
    cells: Cells = {f"{disk}.2.0": "Disk 1", f"{disk}.9.0": 12, f"{disk}.9.1": -1, f"{disk}.9.2": "many"}
    (counter,) = seen(cells).counters
    assert (counter.name, counter.what, counter.total) == ("Disk 1", "reallocated_sectors", 12)


def test_numbers_within_texts() -> None:
    hd = "1.3.6.1.4.1.24681.1.2.11.1"
    cells: Cells = {f"{hd}.2.1": "HDD1", f"{hd}.3.1": "34 C/93 F", f"{hd}.3.2": "--", f"{hd}.3.3": 35}
    assert [(one.name, one.value) for one in seen(cells).readings] == [("HDD1", 34), ("3", 35)]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (b"\x07\xea\x03\x01\x0d\x01\x1e\x00+\x01\x00", 90.0),
        (b"\x07\xea\x03\x01\x0b\x3b\x00\x00+\x00\x00", -60.0),
        (b"\x07\xea\x03\x01\x0d\x01\x1e\x00", None),  # of which zone?
        (b"\x07\xea\x03\x01\x0d\x01\x1e\x00*\x01\x00", None),
        (5, None),
    ],
)
def test_the_clock(date: bytes | int, expected: float | None) -> None:
    found = looked({"1.3.6.1.2.1.25.1.2.0": date})
    assert (found.readings[0].value if found else None) == expected


def test_rows_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "MOST_ROWS", 3)
    assert len(seen({f"{ENVMON}.4.1.3.{at}": 1 for at in range(1, 9)}).entities) == 3


@pytest.mark.parametrize("value", [b"", b"\xff" * 300, -(1 << 31), (1 << 64) - 1, Oid("1.3.6"), "\x1b[31m"])
def test_values_of_any_type_do_no_harm(value: int | bytes | str) -> None:
    """Every column of every rule holds the same nonsense, in a row and as a scalar."""
    for end in ("0", "1", "1.2.3"):
        cells = {f"{oid_text(column)}.{end}": value for column in roots()}
        found = looked(cells)
        for part in found.entities if found else ():
            assert "\x1b" not in part.name


def test_rules_of_others_are_obeyed() -> None:
    text = "counters: [{object: A-MIB b, oid: 1.3.6.1.4.1.1, what: media_errors, name: [1.3.6.1.4.1.2], not_named: x+}]"
    rules = Rules(counters=tuple(read("x.yaml", text)["counters"]))
    binds: list[tuple[bytes, int, Value]] = [
        bind("1.3.6.1.4.1.1.1", 4),
        bind("1.3.6.1.4.1.1.2", 5),
        bind("1.3.6.1.4.1.2.1", "xx"),
    ]
    found = hardware(Finder(roots(rules)).find(binds), (), (), AT, rules=rules, complete=False)
    assert found is not None
    assert [(one.key, one.total) for one in found.counters] == [("b:2", 5)]
    assert not found.complete
    assert found.entities == ()
