"""Gets and walks packet by packet as snmp_exporter's; the misbehaving agents that it would follow for ever."""

from collections.abc import Sequence

import pytest

from probes.snmp.ber import ErrorStatus, Pdu, Tag, VarBind, encode_oid
from probes.snmp.errors import SnmpAgentError
from probes.snmp.plainwalk import PlainGet, PlainWalk
from probes.snmp.walk import MAX_VARBINDS
from tests.probes.snmp.agents import Mib
from tests.probes.snmp.test_walk import drive

ROOT = encode_oid("1.3.6.1.4.1.9.1")
BEYOND = encode_oid("1.3.6.1.4.1.9.2.1")


def row(number: int, tag: int = Tag.INTEGER) -> VarBind:
    return (encode_oid(f"1.3.6.1.4.1.9.1.{number}"), tag, number if tag == Tag.INTEGER else None)


def mib(*suffixes: str) -> Mib:
    return Mib({f"1.3.6.1.4.1.9.{suffix}": (Tag.INTEGER, 1) for suffix in suffixes})


# what snmp_exporter 0.30.1 sent to agents with these objects
@pytest.mark.parametrize(
    ("objects", "v1", "requests", "rows"),
    [
        ([*[f"1.{n}" for n in range(10)], "2.0"], False, 3, 10),  # four at a time
        (["1.1", "1.2"], True, 3, 2),
        (["2.0"], False, 2, 0),  # the first answer lies beyond: a GET of the root
        (["2.0"], True, 2, 0),
        ([], False, 1, 0),
        ([], True, 1, 0),
        (["1", "2.0"], False, 2, 1),  # the root is an object
        (["1", "2.0"], True, 2, 1),
        (["1"], False, 1, 0),  # as snmp_exporter: it does not ask when the MIB ends behind it
    ],
)
def test_walks_ask_as_snmp_exporter_does(objects: Sequence[str], v1: bool, requests: int, rows: int) -> None:
    walk = PlainWalk(ROOT, v1=v1, max_repetitions=4)
    drive(walk, mib(*objects), 0 if v1 else 1)
    assert (walk.requests, len(walk.varbinds)) == (requests, rows)


def test_too_much_is_asked_again_in_halves_and_other_errors_end_the_walk() -> None:
    walk = PlainWalk(ROOT, v1=False, max_repetitions=5)
    asked = []
    for _ in range(3):
        question = walk.next()
        assert question is not None
        asked.append((question.pdu, question.max_repetitions))
        walk.take(ErrorStatus.tooBig, 0, [])
    assert asked == [(Pdu.GETBULK, 5), (Pdu.GETBULK, 2), (Pdu.GETBULK, 1)]
    assert walk.next() is None
    assert walk.problem == "tooBig"
    walk = PlainWalk(ROOT, v1=False, max_repetitions=5)
    walk.take(0, 0, [row(1)])
    walk.take(ErrorStatus.genErr, 1, [row(1)])
    assert walk.next() is None
    assert (walk.problem, len(walk.varbinds)) == ("genErr", 1)


def test_nothing_and_no_such_object_end_a_walk() -> None:
    answers: list[list[VarBind]] = [[], [row(1, Tag.NO_SUCH_INSTANCE)], [(BEYOND, Tag.END_OF_MIB_VIEW, None)]]
    for answer in answers:
        walk = PlainWalk(ROOT, v1=False, max_repetitions=5)
        walk.take(0, 0, answer)
        assert walk.next() is None
        assert walk.varbinds == []
    walk = PlainWalk(ROOT, v1=False, max_repetitions=5)
    walk.take(0, 0, [row(1), (ROOT, Tag.INTEGER, 7), row(2)])
    assert walk.next() is None
    assert [bind[2] for bind in walk.varbinds] == [1, 7]


@pytest.mark.parametrize("numbers", [(1, 2, 5), (1, 127, 128), (130, 300, 17000), (5, 3, 9), (7, 7, 8)])
@pytest.mark.parametrize("any_order", [False, True])
def test_an_answer_is_kept_whole_whatever_its_numbers(numbers: Sequence[int], any_order: bool) -> None:
    walk = PlainWalk(ROOT, v1=False, max_repetitions=5, any_order=any_order)
    walk.take(0, 0, [row(number) for number in numbers])
    assert [bind[2] for bind in walk.varbinds] == list(numbers)
    question = walk.next()
    assert question is not None
    assert question.oids[0] == row(numbers[-1])[0]


def test_octets_that_come_later_are_not_always_larger_numbers() -> None:
    walk = PlainWalk(ROOT, v1=False, max_repetitions=5)
    walk.take(0, 0, [row(16384)])
    with pytest.raises(SnmpAgentError, match="OID does not increase"):
        walk.take(0, 0, [row(16383)])


@pytest.mark.parametrize("later", [1, 2])
def test_what_does_not_come_after_what_was_asked_is_an_error(later: int) -> None:
    walk = PlainWalk(ROOT, v1=False, max_repetitions=5)
    walk.take(0, 0, [row(3), row(200), row(2)])  # within one answer nobody looks
    assert len(walk.varbinds) == 3
    walk.take(0, 0, [row(200)])
    walk.take(0, 0, [row(300)])
    with pytest.raises(SnmpAgentError, match=rf"OID does not increase: 1\.3\.6\.1\.4\.1\.9\.1\.{later} after .*300"):
        walk.take(0, 0, [row(400), row(later)])


def test_no_agent_is_followed_for_ever() -> None:
    walk = PlainWalk(ROOT, v1=False, max_repetitions=5, any_order=True)
    walk.take(0, 0, [row(2), row(1)])
    walk.take(0, 0, [row(3)])
    with pytest.raises(SnmpAgentError, match=r"round in circles at 1\.3\.6\.1\.4\.1\.9\.1\.1"):
        walk.take(0, 0, [row(1)])


def test_an_agent_that_invents_rows_is_left() -> None:
    walk = PlainWalk(ROOT, v1=False, max_repetitions=100)
    for start in range(0, MAX_VARBINDS, 100):
        assert walk.next()
        walk.take(0, 0, [row(number) for number in range(start, start + 100)])
    with pytest.raises(
        SnmpAgentError, match=rf"more than expected below 1\.3\.6\.1\.4\.1\.9\.1: no end after {MAX_VARBINDS + 1} "
    ):
        walk.take(0, 0, [row(MAX_VARBINDS)])


def test_gets_take_what_there_is_and_null() -> None:
    objects = Mib({"1.3.6.1.4.1.9.1.1": (Tag.INTEGER, 1), "1.3.6.1.4.1.9.1.2": (Tag.NULL, None)})
    oids = [row(number)[0] for number in range(5)]
    for v1, requests in ((False, 3), (True, 5)):
        get = PlainGet(oids, v1=v1, max_oids=2)
        drive(get, objects, 0 if v1 else 1)
        assert get.requests == requests
        assert [bind[1] for bind in get.varbinds] == [Tag.INTEGER, Tag.NULL]
    assert PlainGet([], v1=False, max_oids=0).next() is None


def test_a_get_that_is_refused_is_an_error() -> None:
    get = PlainGet([row(1)[0], row(2)[0]], v1=False, max_oids=100)
    get.take(ErrorStatus.tooBig, 0, [])
    assert get.next() is not None
    with pytest.raises(SnmpAgentError, match=r"genErr for 1\.3\.6\.1\.4\.1\.9\.1\.2"):
        get.take(ErrorStatus.genErr, 2, [])
    with pytest.raises(
        SnmpAgentError, match=r"noSuchName for 1\.3\.6\.1\.4\.1\.9\.1\.1"
    ):  # in v2c it is no way to say so
        get.take(ErrorStatus.noSuchName, 7, [])
    many = PlainGet([row(1)[0]] * 70_000, v1=False, max_oids=60)
    many.take(0, 0, [row(1)] * MAX_VARBINDS)
    with pytest.raises(SnmpAgentError, match=f"more than {MAX_VARBINDS} objects"):
        many.take(0, 0, [row(1)])
