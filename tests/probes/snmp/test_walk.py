"""The walk against agents that misbehave, first as pure values and then over UDP."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import ber
from probes.snmp.asking import Asker, Get
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, VarBind, Version
from probes.snmp.client import Peer, Session, SnmpClient
from probes.snmp.errors import SnmpLocalError, SnmpRefused, SnmpTimeout
from probes.snmp.layout import Layout
from probes.snmp.walk import Walk
from tests.probes.snmp.agents import Answer, Mib, UdpAgent, give, serving, silent, switch

COLUMN = ber.encode_oid("1.3.6.1.2.1.2.2.1.2")
NEXT_COLUMN = ber.encode_oid("1.3.6.1.2.1.2.2.1.3")
ROWS = {f"1.3.6.1.2.1.2.2.1.2.{n}": (int(Tag.OCTET_STRING), b"port %d" % n) for n in range(1, 101)}


def row(number: int, column: str = "1.3.6.1.2.1.2.2.1.2", tag: int = Tag.INTEGER) -> VarBind:
    return (ber.encode_oid(f"{column}.{number}"), tag, number if tag == Tag.INTEGER else None)


def drive(asker: Asker, mib: Mib, version: int = Version.V2C, limit: int = 500) -> int:
    """Let an asker speak to an honest agent without a network; return the number of packets."""
    for packets in range(limit):
        question = asker.next()
        if question is None:
            return packets
        asked: list[VarBind] = [(oid, Tag.NULL, None) for oid in question.oids]
        request = Message(version, b"", question.pdu, 1, 0, question.max_repetitions, asked)
        give(asker, question, mib.answer(request)[0], version)
    raise AssertionError("the conversation does not end")


def texts(binds: Sequence[VarBind]) -> list[str]:
    return [ber.oid_text(bind[0]) for bind in binds]


# ------------------------------------------------------------------ pure


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
@pytest.mark.parametrize("first", [1, 120, 10101])
def test_a_walk_reads_what_lies_below_its_subtrees(version: Version, first: int) -> None:
    mib = Mib(switch(30, first))
    roots = [
        "1.3.6.1.2.1.31.1.1.1.1",
        "1.3.6.1.2.1.2.2.1.2",
        "1.3.6.1.2.1.2.2.1.8",
        "1.3.6.1.2.1.2.2.1.12",
        "1.3.6.1.2.1.1",
    ]
    walk = Walk([ber.encode_oid(root) for root in roots], version=version)
    drive(walk, mib, version)
    wanted = [
        ".".join(map(str, key)) for key in mib.keys if any(".".join(map(str, key)).startswith(r + ".") for r in roots)
    ]
    assert sorted(texts(walk.varbinds)) == sorted(wanted)
    assert len(wanted) == 7 + 3 * 30
    assert walk.problems == []


COLUMNS = [f"1.3.6.1.2.1.2.2.1.{number}" for number in (2, 5, 10)]  # with columns in between that nobody asks for


def table(rows: range, columns: range = range(1, 12)) -> dict[str, tuple[int, ber.Value]]:
    return {
        f"1.3.6.1.2.1.2.2.1.{column}.{row}": (Tag.OCTET_STRING, b"port")
        if column == 2
        else (Tag.COUNTER32, row * column)
        for column in columns
        for row in rows
    }


changes = st.lists(
    st.tuples(
        st.sampled_from(("gone", "new", "text", "number", "null")), st.sampled_from((*COLUMNS, "1.3.6.1.2.1.2.2.1.6")),
        st.integers(100, 170),
    ),
    max_size=4,
)  # fmt: skip


@given(changes, st.booleans())
def test_a_walk_that_knows_what_will_come_reads_what_is_there(
    changed: list[tuple[str, str, int]], whole_column_gone: bool
) -> None:
    objects = table(range(101, 165))
    layout = Layout()
    roots = [ber.encode_oid(column) for column in COLUMNS]
    drive(Walk(roots, layout=layout), Mib(objects))
    again = Walk(roots, layout=layout)
    assert drive(again, Mib(objects)) <= 8
    shape = again.shape
    for kind, column, row in changed:
        name = f"{column}.{row}"
        if kind == "gone":
            objects.pop(name, None)
        else:
            values = {"text": (Tag.OCTET_STRING, b"\xff" * 90), "null": (Tag.NULL, None)}
            objects[name] = values.get(kind, (Tag.INTEGER, -row))
    if whole_column_gone:
        objects = {name: value for name, value in objects.items() if not name.startswith("1.3.6.1.2.1.2.2.1.5.")}
    fresh = Walk(roots)
    drive(fresh, Mib(objects))
    known = Walk(roots, layout=layout)
    drive(known, Mib(objects))
    assert known.varbinds == fresh.varbinds
    assert (known.problems, fresh.problems) == ([], [])
    assert (known.shape == shape) == ([bind[0] for bind in fresh.varbinds] == [bind[0] for bind in again.varbinds])


def test_what_came_before_the_end_stays_when_an_answer_was_not_what_it_looked_like() -> None:
    objects, layout = table(range(101, 165)), Layout()
    roots = [ber.encode_oid(column) for column in COLUMNS]
    drive(Walk(roots, layout=layout), Mib(objects))
    walk = Walk(roots, layout=layout)
    del objects["1.3.6.1.2.1.2.2.1.2.120"]
    objects["1.3.6.1.2.1.2.2.1.2.119.5"] = (Tag.INTEGER, 1)  # as many as before, and the last one is what it was
    question = walk.next()
    assert question is not None
    asked: list[VarBind] = [(oid, Tag.NULL, None) for oid in question.oids]
    request = Message(Version.V2C, b"", question.pdu, 1, 0, question.max_repetitions, asked)
    give(walk, question, Mib(objects).answer(request)[0])
    assert texts(walk.varbinds)[-1] == "1.3.6.1.2.1.2.2.1.2.119"  # the poll's time is over
    drive(walk, Mib(objects))
    fresh = Walk(roots)
    drive(fresh, Mib(objects))
    assert walk.varbinds == fresh.varbinds


@pytest.mark.parametrize("most", [1, 40, 100])
@pytest.mark.parametrize("gone", [101, 120, 150, 164, None])
def test_a_long_walk_is_decoded_in_parts(most: int, gone: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.snmp.walk.MOST", most)
    objects, layout = table(range(101, 165)), Layout()
    roots = [ber.encode_oid(column) for column in COLUMNS]
    drive(Walk(roots, layout=layout), Mib(objects))
    objects.pop(f"1.3.6.1.2.1.2.2.1.5.{gone}", None)
    objects[f"1.3.6.1.2.1.2.2.1.5.{(gone or 0) + 1}.5"] = (Tag.INTEGER, 1)
    fresh, known = Walk(roots), Walk(roots, layout=layout)
    for walk in (fresh, known):
        drive(walk, Mib(objects))
    assert known.varbinds == fresh.varbinds
    assert known.problems == []


few = st.sampled_from([0, 1, 2, 127, 128, 16_384, (1 << 32) - 1])
oids = st.lists(few, min_size=1, max_size=5).map(lambda parts: (1, 3, *parts))


@given(
    st.sets(oids, max_size=60), st.sets(oids, min_size=1, max_size=6), st.sampled_from((Version.V1, Version.V2C)),
    st.integers(1, 30), st.integers(1, 30),
)  # fmt: skip
def test_a_walk_reads_exactly_what_lies_below_its_subtrees_whatever_they_are(
    objects: set[tuple[int, ...]], roots: set[tuple[int, ...]], version: Version, repetitions: int, fits: int
) -> None:
    mib = Mib({".".join(map(str, oid)): (Tag.INTEGER, 1) for oid in objects})
    walk = Walk([ber.encode_parts(root) for root in roots], version=version, max_repetitions=repetitions)
    for _ in range(1000):
        question = walk.next()
        if question is None:
            break
        asked: list[VarBind] = [(oid, Tag.NULL, None) for oid in question.oids]
        request = Message(version, b"", question.pdu, 1, 0, question.max_repetitions, asked)
        answer = ber.decode_response(mib.answer(request)[0])
        walk.take(answer.error_status, answer.error_index, answer.varbinds[:fits])  # agents may answer less than asked
    wanted = sorted(oid for oid in objects if any(oid[: len(root)] == root and oid != root for root in roots))
    inner = [root for root in roots if not any(root[: len(other)] == other and root != other for other in roots)]
    wanted = [oid for oid in wanted if oid not in inner]
    assert sorted(ber.decode_oid(bind[0]) for bind in walk.varbinds) == wanted
    assert walk.problems == []
    assert walk.next() is None


def test_neighbouring_columns_cost_no_request_for_their_ends() -> None:
    mib = Mib({f"1.3.6.1.2.1.2.2.1.{c}.{n}": (Tag.INTEGER, n) for c in (1, 2, 3, 4) for n in range(50)})
    walk = Walk([ber.encode_oid(f"1.3.6.1.2.1.2.2.1.{c}") for c in (1, 2, 3, 4)], max_repetitions=25)
    assert drive(walk, mib) == 200 // 25 + 1
    assert len(walk.varbinds) == 200


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
def test_rows_in_no_order_are_taken_where_that_is_allowed_and_a_circle_comes_to_an_end(version: Version) -> None:
    order = [5, 3, 9, 300, 1]
    oids = [row(number) for number in order]
    walk = Walk([COLUMN], version=version, any_order=True, max_repetitions=2)
    for _ in range(20):
        question = walk.next()
        if question is None:
            break
        place = 0 if question.oids[0] == COLUMN else texts(oids).index(ber.oid_text(question.oids[0])) + 1
        walk.take(0, 0, [oids[(place + step) % len(oids)] for step in range(1 if version == Version.V1 else 2)])
    else:
        raise AssertionError("the walk does not end")
    assert {bind[2] for bind in walk.varbinds} == set(order)
    assert len(walk.varbinds) <= 2 * len(order)
    assert len(walk.problems) == 1
    assert walk.problems[0].startswith("OID does not increase: ")


def test_nested_subtrees_are_walked_once() -> None:
    walk = Walk(
        [ber.encode_oid(o) for o in ("1.3.6.1.2.1.2.2", "1.3.6.1.2.1.2", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2")]
    )
    drive(walk, Mib(ROWS))
    assert len(walk.varbinds) == 100


@pytest.mark.parametrize(
    ("answers", "rows", "problem"),
    [
        ([[row(1), row(2), row(2)]], 2, "OID does not increase: 1.3.6.1.2.1.2.2.1.2.2 after 1.3.6.1.2.1.2.2.1.2.2"),
        (
            [[row(5), row(300)], [row(299)]],
            2,
            "OID does not increase: 1.3.6.1.2.1.2.2.1.2.299 after",
        ),
        ([[row(1, tag=Tag.NO_SUCH_INSTANCE)]], 0, "noSuchInstance as answer to GETBULK: 1.3.6.1.2.1.2.2.1.2.1"),
        ([[row(1, tag=Tag.NO_SUCH_OBJECT)]], 0, "noSuchObject as answer to GETBULK"),
        ([[row(1)], ErrorStatus.genErr], 1, "genErr after 1.3.6.1.2.1.2.2.1.2.1"),
        ([[row(1)], ErrorStatus.noSuchName], 1, None),
        ([[row(1)], []], 1, None),
        ([[row(1), row(1, tag=Tag.END_OF_MIB_VIEW)]], 1, None),
        ([[row(1), row(1, "1.3.6.1.2.1.2.2.1.3")]], 1, None),
        ([[row(1), row(1, "1.3.6.1.2.1.1.1")]], 1, None),  # jumps back: the end of this agent's MIB
        ([[row(1, "1.3.6.1.2.1.1.1")]], 0, None),
    ],
)
def test_one_subtree_of_a_strange_agent(answers: list[list[VarBind] | int], rows: int, problem: str | None) -> None:
    walk = Walk([COLUMN])
    for answer in answers:
        assert walk.next() is not None
        walk.take(*((0, 0, answer) if isinstance(answer, list) else (answer, 1, [])))
    assert walk.next() is None
    assert len(walk.varbinds) == rows
    assert walk.problems == [] if problem is None else problem in walk.problems[0]


def test_too_big_halves_the_repetitions_until_one_object_is_too_big() -> None:
    walk, asked = Walk([COLUMN, NEXT_COLUMN], max_repetitions=25), []
    while question := walk.next():
        asked.append(question.max_repetitions)
        walk.take(ErrorStatus.tooBig, 0, [])
    assert asked == [25, 12, 6, 3, 1, 1]
    assert walk.problems[0] == "tooBig for one object after 1.3.6.1.2.1.2.2.1.2"


def test_a_broken_column_does_not_take_the_others_along() -> None:
    mib = Mib(switch(4))
    walk = Walk([COLUMN, NEXT_COLUMN])
    assert walk.next() is not None
    walk.take(ErrorStatus.genErr, 0, [])
    drive(walk, mib)
    assert texts(walk.varbinds) == [f"1.3.6.1.2.1.2.2.1.3.{n}" for n in range(1, 5)]


def test_rows_packets_and_problems_are_bounded() -> None:
    rows = Walk([COLUMN], max_varbinds=100)
    number = 0
    while rows.next():
        rows.take(0, 0, [row(number := number + 1) for _ in range(25)])
    assert len(rows.varbinds) == 100
    assert "more than expected: stopped after 100 objects in 4 packets" in rows.problems[0]
    packets = Walk([COLUMN], max_packets=10)
    while packets.next():
        packets.take(0, 0, [row(packets.packets)])
    assert packets.packets == 10
    failing = Walk([ber.encode_oid(f"1.3.{n}") for n in range(100)])
    while failing.next():
        failing.take(ErrorStatus.genErr, 1, [])
    assert failing.problems[31:] == ["genErr after 1.3.31", "stopped after 32 problems at 1.3.32"]
    fat = Walk([COLUMN], max_octets=5000)
    while fat.next():
        fat.take(0, 0, [(row(fat.packets)[0], Tag.OCTET_STRING, bytes(1000 - len(row(fat.packets)[0])))])
    assert len(fat.varbinds) == 5
    assert fat.problems[0].startswith(
        "more than expected: stopped after 5 objects in 5 packets (5000 octets and more) at"
    )
    long = Walk([COLUMN], max_octets=5000)
    while long.next():
        long.take(0, 0, [(row(long.packets)[0] + bytes(600), Tag.INTEGER, 1)])
    assert len(long.varbinds) == 9
    assert long.problems[0].endswith(" octets and more) at 1.3.6.1.2.1.2.2.1.2.8" + 89 * ".0" + "....")
    assert (rows.at, packets.at, failing.at, fat.at) == ("", "", "", "")


def test_v1_asks_several_columns_at_once_and_survives_errors() -> None:
    columns = [ber.encode_oid(f"1.3.6.1.2.1.2.2.1.{c}") for c in (2, 3, 7, 8)]
    walk = Walk(columns, version=Version.V1)
    first = walk.next()
    assert first is not None
    assert (first.pdu, len(first.oids)) == (Pdu.GETNEXT, 4)
    walk.take(ErrorStatus.tooBig, 0, [])
    second = walk.next()
    assert second is not None
    assert len(second.oids) == 2
    walk.take(ErrorStatus.genErr, 7, [])  # does not say which
    walk.take(ErrorStatus.genErr, 0, [])
    drive(walk, Mib(switch(5)), Version.V1)
    assert len(walk.varbinds) == 15
    assert walk.problems == ["genErr after 1.3.6.1.2.1.2.2.1.2"]


def test_v1_agents_that_stand_still_or_answer_less_are_ended() -> None:
    still = Walk([COLUMN, NEXT_COLUMN], version=Version.V1)
    still.take(0, 0, [row(1)])  # one answer for two questions
    question = still.next()
    assert question is not None
    assert len(question.oids) == 1
    still.take(0, 0, [row(1)])
    assert "OID does not increase" in still.problems[0]


def test_get_drops_what_errors_name_and_reads_the_rest() -> None:
    oids = [ber.encode_oid(f"1.3.6.1.2.1.1.{n}.0") for n in (1, 3, 99, 5)]
    get = Get(oids)
    assert drive(get, Mib(switch(1)), Version.V1) == 2
    assert len(get.varbinds) == 3
    v2 = Get(oids)
    assert drive(v2, Mib(switch(1))) == 1
    assert len(v2.varbinds) == 3
    assert v2.problems == []


def test_an_agent_that_hangs_is_asked_for_less_and_then_for_the_others() -> None:
    walk, asked = Walk([COLUMN, NEXT_COLUMN, *[ber.encode_oid(f"1.3.7.{n}") for n in range(5)]]), []
    while question := walk.next():
        asked.append((ber.oid_text(question.oids[0]), question.max_repetitions))
        walk.unanswered("no answer")
    column = "1.3.6.1.2.1.2.2.1"
    assert asked == [(f"{column}.2", 25), (f"{column}.2", 5), (f"{column}.3", 5), ("1.3.7.0", 5)]
    assert walk.problems == [
        f"no answer, asked for what follows {column}.2",
        f"no answer, asked for what follows {column}.3",
        "no answer, asked for what follows 1.3.7.0; the rest was not asked for",
    ]
    v1 = Walk([COLUMN, NEXT_COLUMN], version=Version.V1)
    v1.unanswered("no answer")
    assert v1.problems == []
    assert drive(v1, Mib(switch(3)), Version.V1) > 3
    assert len(v1.varbinds) == 6
    get, sizes = Get([ber.encode_oid(f"1.3.6.1.2.1.1.{n}.0") for n in range(1, 5)]), []
    while question := get.next():
        sizes.append(len(question.oids))
        get.unanswered("no answer")
    assert sizes == [4, 2, 1, 1]
    assert get.problems == [
        "no answer, asked for 1.3.6.1.2.1.1.1.0", "no answer, asked for 1.3.6.1.2.1.1.2.0; the rest was not asked for",
    ]  # fmt: skip
    assert get.at == ""


def test_get_against_strange_answers() -> None:
    oids = [ber.encode_oid(f"1.3.6.1.2.1.1.{n}.0") for n in range(1, 5)]
    get, sizes = Get(oids), []
    while question := get.next():
        sizes.append(len(question.oids))
        status, index = (ErrorStatus.tooBig, 0) if len(question.oids) > 1 else (ErrorStatus.genErr, 0)
        get.take(status, index, [])
    assert sizes == [4, 2, 1, 1, 1, 1]
    assert get.problems == [f"genErr for 1.3.6.1.2.1.1.{n}.0" for n in range(1, 5)]
    other = Get(oids)
    other.take(0, 0, [row(1)])
    assert (other.varbinds, other.next()) == ([], None)
    unknown = Get(oids[:1])
    unknown.take(77, 1, [])
    assert unknown.problems == ["error-status 77 for 1.3.6.1.2.1.1.1.0"]


# ------------------------------------------------------------------ over UDP


@pytest.fixture
async def client() -> AsyncIterator[SnmpClient]:
    engine = SnmpClient()
    yield engine
    engine.close()


def session(agent: UdpAgent, *, timeout: float = 5.0, retries: int = 1, any_source: bool = False) -> Session:
    peer = Peer(socket.AF_INET, ("127.0.0.1", agent.port))
    return Session(peer, Version.V2C, b"public", timeout_seconds=timeout, retries=retries, any_source=any_source)


async def walked(client: SnmpClient, answer: Answer, patience: float = 5.0) -> Walk:
    walk = Walk([COLUMN])
    with UdpAgent(answer) as agent:
        await client.converse(session(agent, timeout=patience), walk)
    return walk


def spoiled(times: int, spoil: Callable[[bytes], list[bytes]]) -> Answer:
    """Answer honestly, but spoil the first answers."""
    mib, count = Mib(ROWS), 0

    def answer(request: Message, data: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        sound = mib.answer(request)[0]
        return spoil(sound) if count <= times else [sound]

    return answer


async def test_a_truncated_answer_is_counted_ignored_and_asked_again(client: SnmpClient) -> None:
    walk = await walked(client, spoiled(1, lambda sound: [sound[:-7]]), 0.2)
    assert len(walk.varbinds) == 100
    assert (client.counters.garbage, client.counters.retransmissions) == (1, 1)


async def test_nothing_but_garbage_is_a_timeout(client: SnmpClient) -> None:
    with pytest.raises(SnmpTimeout, match=r"no answer from 127.0.0.1:\d+ after 2 tries"):
        await walked(client, lambda request, data: [b"garbage", data, b""], 0.1)
    assert client.counters.garbage == 6


async def test_duplicates_give_all_rows_once(client: SnmpClient) -> None:
    walk = await walked(client, spoiled(1000, lambda sound: [sound, sound]))
    assert [bind[2] for bind in walk.varbinds] == [b"port %d" % n for n in range(1, 101)]
    assert client.counters.late >= 3


async def test_a_late_answer_to_the_first_try_counts_and_the_second_does_not(client: SnmpClient) -> None:
    mib, seen = Mib(ROWS), []

    def answer(request: Message, data: bytes) -> list[bytes]:
        seen.append(request.request_id)
        return mib.answer(request) * 2 if len(seen) == 2 else [] if len(seen) == 1 else mib.answer(request)

    walk = await walked(client, answer, 0.15)
    assert len(walk.varbinds) == 100
    assert seen[0] == seen[1]


async def test_an_answer_of_60_kilobytes_is_read(client: SnmpClient) -> None:
    big = {f"1.3.6.1.2.1.2.2.1.2.{n}": (int(Tag.OCTET_STRING), bytes(2400)) for n in range(1, 51)}
    walk = await walked(client, Mib(big).answer)
    assert sum(len(bind[2]) for bind in walk.varbinds if isinstance(bind[2], bytes)) == 50 * 2400


async def test_foreign_answers_are_dropped_and_counted(client: SnmpClient) -> None:
    mib = Mib(ROWS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))

        def answer(request: Message, data: bytes) -> list[bytes]:
            other.sendto(mib.answer(request)[0], agent.sender)
            return []

        with UdpAgent(answer) as agent:
            asker = Walk([COLUMN])
            with pytest.raises(SnmpTimeout):
                await client.converse(session(agent, timeout=0.2), asker)
            assert client.counters.foreign >= 1
            assert asker.varbinds == []
            await client.converse(session(agent, any_source=True), asker)
            assert len(asker.varbinds) == 100


async def test_the_same_oid_for_ever_ends_with_the_oid_named(client: SnmpClient) -> None:
    walk = await walked(client, lambda request, data: [ber.encode_response(request, [row(7)])])
    assert walk.problems == ["OID does not increase: 1.3.6.1.2.1.2.2.1.2.7 after 1.3.6.1.2.1.2.2.1.2.7"]


async def test_too_big_is_answered_by_asking_for_less(client: SnmpClient) -> None:
    mib = Mib(ROWS)

    def answer(request: Message, data: bytes) -> list[bytes]:
        if request.max_repetitions > 6:
            return [ber.encode_response(request, [], ErrorStatus.tooBig, 0)]
        return mib.answer(request)

    assert len((await walked(client, answer)).varbinds) == 100


async def test_two_hundred_agents_share_one_socket_within_the_cap() -> None:
    client = SnmpClient(max_in_flight=10)
    most = 0
    with serving(ROWS) as agent:

        async def one() -> int:
            nonlocal most
            walk = Walk([COLUMN])
            await client.converse(session(agent), walk)
            most = max(most, client._in_flight)
            return len(walk.varbinds)

        assert await asyncio.gather(*[one() for _ in range(60)]) == [100] * 60
    assert most <= 10
    assert (client._in_flight, client._pending, len(client._waiting)) == (0, {}, 0)
    assert len(client._sockets) == 1
    client.close()


async def test_silent_agents_do_not_keep_the_others_waiting() -> None:
    client = SnmpClient(max_in_flight=2)
    with UdpAgent(silent) as dead, serving(ROWS) as alive:
        slow = session(dead, timeout=0.3, retries=20)
        waiting = [asyncio.create_task(client.converse(slow, Walk([COLUMN]))) for _ in range(4)]
        await asyncio.sleep(0)
        await asyncio.wait_for(client.converse(session(alive), Walk([COLUMN])), 5)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert (client._in_flight, client._pending) == (0, {})
    client.close()


async def test_cancelling_frees_everything(client: SnmpClient) -> None:
    with UdpAgent(silent) as agent:
        task = asyncio.create_task(client.converse(session(agent), Walk([COLUMN])))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (client._in_flight, client._pending) == (0, {})


async def test_closing_ends_conversations_and_refuses_new_ones() -> None:
    client = SnmpClient(max_in_flight=1)
    with UdpAgent(silent) as agent:
        tasks = [asyncio.create_task(client.converse(session(agent), Walk([COLUMN]))) for _ in range(2)]
        await asyncio.sleep(0.01)
        client.close()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, SnmpLocalError)
        with pytest.raises(SnmpLocalError, match="closed"):
            await client.converse(session(agent), Walk([COLUMN]))


async def test_a_busy_loop_does_not_lose_answers_that_came_in_time(client: SnmpClient) -> None:
    with serving(ROWS) as agent:
        walk = Walk([COLUMN], max_repetitions=100)
        task = asyncio.create_task(client.converse(session(agent, timeout=0.1, retries=0), walk))
        await asyncio.sleep(0)
        time.sleep(0.5)  # noqa: ASYNC251 - the loop is blocked on purpose
        await task
    assert len(walk.varbinds) == 100


async def test_a_bug_in_an_asker_ends_only_its_own_conversation(client: SnmpClient) -> None:
    class Broken(Walk):
        def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
            raise ZeroDivisionError

    with serving(ROWS) as agent:
        good = Walk([COLUMN])
        bad, _ = await asyncio.gather(
            client.converse(session(agent), Broken([COLUMN])),
            client.converse(session(agent), good),
            return_exceptions=True,
        )
    assert isinstance(bad, ZeroDivisionError)
    assert len(good.varbinds) == 100


async def test_own_trouble_is_told_apart(client: SnmpClient) -> None:
    with pytest.raises(SnmpLocalError, match=r"the name 'aaaa.*' has no address"):
        await client.resolve("a" * 70, 161)  # no DNS label is that long: refused without asking a server
    broadcast = Session(await client.resolve("255.255.255.255", 161), Version.V2C, b"public")
    with pytest.raises(SnmpLocalError, match=r"cannot send to 255\.255\.255\.255:161"):
        await client.converse(broadcast, Walk([COLUMN]))
    assert str(await client.resolve("::1", 161)) == "[::1]:161"


async def test_ipv6_has_its_own_socket(client: SnmpClient) -> None:
    with UdpAgent(Mib(ROWS).answer, socket.AF_INET6) as agent:
        walk = Walk([COLUMN])
        await client.converse(Session(await client.resolve("::1", agent.port), Version.V2C, b"public"), walk)
    assert len(walk.varbinds) == 100


async def test_answers_lost_in_this_hosts_own_buffer_are_not_the_agents_silence(client: SnmpClient) -> None:
    with UdpAgent(lambda request, data: [bytes(1400)] * 4000) as agent:
        task = asyncio.create_task(client.converse(session(agent, timeout=0.1, retries=0), Walk([COLUMN])))
        await asyncio.sleep(0)
        deadline = time.monotonic() + 20
        while not client._drops(client._sockets[socket.AF_INET, None]) and time.monotonic() < deadline:
            time.sleep(0.05)  # noqa: ASYNC251 - nobody reads while the flood comes
        with pytest.raises(SnmpLocalError, match=r"this host's own receive buffer lost \d+ datagrams meanwhile"):
            await task
    assert client.counters.socket_drops > 0


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
async def test_a_port_where_nobody_listens_is_told_from_silence(
    client: SnmpClient, family: socket.AddressFamily
) -> None:
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.socket(family, socket.SOCK_DGRAM) as closed:
        closed.bind((host, 0))
        peer = await client.resolve(host, closed.getsockname()[1])
    refused = Session(peer, Version.V2C, b"public", timeout_seconds=0.3, retries=1)
    with UdpAgent(Mib(ROWS).answer, family) as agent:
        good = Session(await client.resolve(host, agent.port), Version.V2C, b"public", timeout_seconds=5)
        walks = [Walk([COLUMN]) for _ in range(40)]
        results = await asyncio.gather(
            *[client.converse(one, walk) for walk in walks for one in (refused, good)], return_exceptions=True
        )
    assert all(isinstance(result, SnmpRefused) for result in results[::2]), results[::2]
    assert str(results[0]) == f"{peer} refused 2 tries: {host} says: port unreachable"
    assert results[1::2] == [0] * 40  # the errors of others cost the good ones nothing
    assert all(len(walk.varbinds) == 100 for walk in walks)
    assert client.counters.refusals > 0
