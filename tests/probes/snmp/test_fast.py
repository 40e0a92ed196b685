"""The fast tier's planner and its conversations: which way is fewer packets, and what odd agents lead to."""

from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar

import pytest

from probes.snmp import ber
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, VarBind, Version
from probes.snmp.fast import BulkReading, GetReading, reading
from probes.snmp.fastplan import (
    COLUMNS,
    HC_IN_OCTETS,
    IF_IN_OCTETS,
    IF_OPER,
    SYS_UPTIME,
    Bulks,
    Gets,
    Plan,
    Table,
    plan,
)
from probes.snmp.render import columns
from tests.probes.snmp.agents import Mib, give, switch

Objects = Mapping[str, "tuple[int, ber.Value]"]


def table_of(objects: Objects) -> Table:
    mib = Mib(objects)
    return Table.of(columns([mib.bind(oid) for oid in mib.keys], COLUMNS))


WAY: ContextVar[str] = ContextVar("WAY", default="outlined")


@pytest.fixture(autouse=True, params=["outlined", "one by one"])
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Read answers both ways."""
    token = WAY.set(request.param)
    yield
    WAY.reset(token)


def never(marks: Sequence[VarBind]) -> bool:
    return False


def converse(asked: GetReading | BulkReading, mib: Mib, version: int = Version.V2C, most: int = 100) -> list[Message]:
    """Answer honestly; return the requests."""
    requests = []
    way = WAY.get()
    while (question := asked.next()) is not None:
        request = Message(
            version, b"public", question.pdu, 1, 0, question.max_repetitions, [(oid, 5, None) for oid in question.oids]
        )
        requests.append(request)
        give(
            asked,
            question if way == "outlined" else question._replace(take_known=None),
            mib.answer(request)[0],
            version,
        )
        assert len(requests) <= most
    return requests


# ------------------------------------------------------------------ what there is to read


def test_a_row_has_its_long_counters_where_they_count() -> None:
    objects = switch(3)
    objects["1.3.6.1.2.1.31.1.1.1.6.2"] = (Tag.COUNTER64, 0)  # there, and dead: the short one counts
    del objects["1.3.6.1.2.1.31.1.1.1.6.3"]
    cells = table_of(objects).cells
    assert cells[HC_IN_OCTETS] == {b"\x01"}
    assert cells[IF_IN_OCTETS] == {b"\x02", b"\x03"}


def test_rows_are_those_of_one_number() -> None:
    objects = switch(2)
    del objects["1.3.6.1.2.1.2.2.1.8.1"]
    objects["1.3.6.1.2.1.2.2.1.8.7.7"] = (Tag.INTEGER, 1)
    table = table_of(objects)
    assert table.suffixes == (b"\x01", b"\x02")
    assert table.cells[IF_OPER] == {b"\x02"}
    assert table_of({}).suffixes == ()


def test_rows_stand_in_the_order_of_a_walk() -> None:
    objects = dict(switch(1, first=5) | switch(1, first=200) | switch(1, first=10_101) | switch(1, first=20_000))
    assert [ber.decode_index(suffix) for suffix in table_of(objects).suffixes] == [(5,), (200,), (10101,), (20000,)]


# ------------------------------------------------------------------ the planner


@pytest.mark.parametrize(
    ("ports", "options", "kind", "most"),
    [
        (0, {}, Gets, 1),
        (1, {}, Gets, 2),
        (48, {}, Gets, 13),
        (480, {}, Gets, 125),
        (48, {"get_works": False}, Bulks, 16),
        (480, {"get_works": False}, Bulks, 150),
        (48, {"get_works": False, "max_repetitions": 1}, Gets, 45),  # GETBULK of one row is no gain
        (48, {"v1": True}, Gets, 45),
    ],
)
def test_the_way_of_fewer_packets_is_taken(ports: int, options: dict[str, int], kind: type[Plan], most: int) -> None:
    table = table_of(switch(ports))
    made = plan(table, **options)  # type: ignore[arg-type] # a table of options
    assert isinstance(made, kind)
    assert made.cost <= most
    if isinstance(made, Gets):
        asked = [oid for packet in made.packets for oid in packet]
        assert {oid for oid in asked if oid[: len(IF_OPER)] in COLUMNS or oid[: len(HC_IN_OCTETS)] in COLUMNS} == set(
            table.oids()
        )


@pytest.mark.parametrize("ports", [1, 2, 24, 48, 200])
@pytest.mark.parametrize("get_works", [True, False])
def test_what_a_plan_costs_is_what_it_takes_and_everything_is_read(ports: int, get_works: bool) -> None:
    objects = switch(ports, first=100)
    table = table_of(objects)
    made = plan(table, get_works=get_works)
    asked = reading(made, never, lambda: 1.0)
    requests = converse(asked, Mib(objects), most=500)
    assert len(requests) == made.cost == asked.packets
    assert sorted(bind[0] for bind in asked.varbinds) == sorted(table.oids())
    assert asked.missing == 0
    assert asked.problems == []
    assert len(asked.times) == len(asked.varbinds)


@pytest.mark.parametrize("get_works", [True, False])
def test_no_answer_is_larger_than_a_frame_and_the_first_request_is_small(get_works: bool) -> None:
    objects = switch(48, first=4_000_000)  # indexes of four octets
    for oid, (tag, _) in list(objects.items()):
        if tag == Tag.COUNTER64:
            objects[oid] = (tag, (1 << 64) - 1)
        elif tag in (Tag.COUNTER32, Tag.TIMETICKS):
            objects[oid] = (tag, (1 << 32) - 1)
    mib = Mib(objects)
    requests = converse(reading(plan(table_of(objects), get_works=get_works), never, lambda: 1.0), mib)
    assert max(len(mib.answer(request)[0]) for request in requests) <= 1400
    assert len(ber.encode_message(requests[0])) <= 484


def test_v1_is_asked_by_get_alone() -> None:
    objects = {oid: value for oid, value in switch(30).items() if value[0] != Tag.COUNTER64}
    asked = reading(plan(table_of(objects), v1=True), never, lambda: 1.0)
    requests = converse(asked, Mib(objects), Version.V1)
    assert {request.pdu for request in requests} == {Pdu.GET}
    assert len(asked.varbinds) == len(table_of(objects).oids())


# ------------------------------------------------------------------ odd agents


@pytest.mark.parametrize("get_works", [True, False])
def test_rows_that_are_gone_are_counted(get_works: bool) -> None:
    objects = switch(30)
    asked = reading(plan(table_of(objects), get_works=get_works), never, lambda: 1.0)
    converse(asked, Mib({oid: value for oid, value in objects.items() if not oid.endswith(".7")}))
    assert asked.missing == 12
    assert len(asked.varbinds) == 29 * 12


def test_a_cell_without_a_value_is_gone() -> None:
    objects = switch(8)
    made = plan(table_of(objects))
    assert isinstance(made, Gets)
    objects["1.3.6.1.2.1.2.2.1.14.5"] = (Tag.NULL, None)
    asked = reading(made, never, lambda: 1.0)
    converse(asked, Mib(objects))
    assert (asked.missing, asked.as_planned, asked.problems) == (1, False, [])
    assert len(asked.varbinds) == asked.count == len(made.names.oids) - 1


def test_a_v1_agent_names_the_row_that_is_gone() -> None:
    objects = {oid: value for oid, value in switch(4).items() if value[0] != Tag.COUNTER64}
    asked = reading(plan(table_of(objects), v1=True), never, lambda: 1.0)
    gone = {"1.3.6.1.2.1.2.2.1.8.3", "1.3.6.1.2.1.2.2.1.10.3"}
    converse(asked, Mib({oid: value for oid, value in objects.items() if oid not in gone}), Version.V1)
    assert asked.missing == 2
    assert asked.problems == []


@pytest.mark.parametrize("get_works", [True, False])
def test_an_agent_with_small_answers_is_asked_for_less(get_works: bool) -> None:
    objects = switch(48)
    mib = Mib(objects)
    asked = reading(plan(table_of(objects), get_works=get_works), never, lambda: 1.0)
    rounds = 0
    while (question := asked.next()) is not None:
        rounds += 1
        assert rounds < 500
        request = Message(1, b"", question.pdu, 1, 0, question.max_repetitions, [(o, 5, None) for o in question.oids])
        answer = ber.decode_response(mib.answer(request)[0])
        if len(answer.varbinds) > 7:
            asked.take(ErrorStatus.tooBig, 0, [])
        else:
            asked.take(0, 0, answer.varbinds)
    assert sorted(bind[0] for bind in asked.varbinds) == sorted(table_of(objects).oids())


@pytest.mark.parametrize("get_works", [True, False])
@pytest.mark.parametrize("status", [ErrorStatus.genErr, ErrorStatus.tooBig])
def test_an_agent_that_refuses_everything_ends(get_works: bool, status: int) -> None:
    asked = reading(plan(table_of(switch(48)), get_works=get_works), never, lambda: 1.0)
    rounds = 0
    while asked.next() is not None:
        rounds += 1
        assert rounds < 3000
        asked.take(status, 1 if status == ErrorStatus.genErr else 0, [])
    assert asked.varbinds == []
    assert asked.problems


@pytest.mark.parametrize("get_works", [True, False])
@pytest.mark.parametrize("answer", ["nothing", "the same", "strangers"])
def test_an_agent_that_answers_nonsense_ends(get_works: bool, answer: str) -> None:
    asked = reading(plan(table_of(switch(48)), get_works=get_works), never, lambda: 1.0)
    said: dict[str, list[VarBind]] = {
        "nothing": [],
        "the same": [(IF_OPER + b"\x01", Tag.INTEGER, 1)] * 30,
        "strangers": [(SYS_UPTIME[:-1] + b"\x05", Tag.INTEGER, 1)] * 30,
    }
    rounds = 0
    while asked.next() is not None:
        rounds += 1
        assert rounds < 200
        asked.take(0, 0, said[answer])
    assert asked.missing > 400


def test_a_shortened_answer_is_gone_on_from() -> None:
    objects = switch(48)
    mib = Mib(objects)
    asked = reading(plan(table_of(objects), get_works=False), never, lambda: 1.0)
    while (question := asked.next()) is not None:
        request = Message(1, b"", question.pdu, 1, 0, question.max_repetitions, [(o, 5, None) for o in question.oids])
        asked.take(0, 0, ber.decode_response(mib.answer(request)[0]).varbinds[:10])
    assert sorted(bind[0] for bind in asked.varbinds) == sorted(table_of(objects).oids())


@pytest.mark.parametrize("get_works", [True, False])
def test_a_look_ends_the_conversation(get_works: bool) -> None:
    seen: list[int] = []

    def look(marks: Sequence[VarBind]) -> bool:
        seen.append(len(marks))
        return len(seen) == 1

    objects = switch(48)
    asked = reading(plan(table_of(objects), get_works=get_works), look, lambda: 1.0)
    assert len(converse(asked, Mib(objects))) == 1
    assert asked.ended
    assert seen == [2]  # of the four marks this switch has sysUpTime and ifNumber
