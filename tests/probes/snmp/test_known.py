"""Answers decoded all at once say what they say one by one, and no more than their names allow."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.snmp import ber
from probes.snmp.ber import SnmpDecodeError, Tag, Value, VarBind, decode_varbinds, encode_oid, encode_varbind
from probes.snmp.known import Known, Names, columns, decoded, outlined

numbers = st.sampled_from((Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS))
values: st.SearchStrategy[tuple[int, Value]] = st.one_of(
    st.tuples(st.just(Tag.INTEGER), st.integers(-(1 << 31), (1 << 31) - 1)),
    st.tuples(numbers, st.integers(0, (1 << 32) - 1)),
    st.tuples(st.just(Tag.COUNTER64), st.integers(0, (1 << 64) - 1)),
    st.tuples(st.sampled_from((Tag.OCTET_STRING, Tag.OPAQUE)), st.binary(max_size=40)),
    st.tuples(st.just(Tag.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(Tag.OID), st.just(encode_oid("1.3.6.1.2.1"))),
    st.tuples(st.just(Tag.NULL), st.none()),
)
gone = st.sampled_from((Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW))


def named(found: list[tuple[int, Value]], indexes: list[int]) -> list[VarBind]:
    return [(encode_oid(f"1.3.6.1.2.1.2.2.1.{index}.7"), *one) for index, one in zip(indexes, found, strict=False)]


def packed(varbinds: list[VarBind], cuts: list[int]) -> list[Known]:
    """Return answers with so many varbinds each; what is left over is one more."""
    answers, at = [], 0
    for many in [*cuts, len(varbinds)]:
        part = varbinds[at : at + many]
        at += many
        if part:
            data = b"head" + b"".join(encode_varbind(*bind) for bind in part)
            known = outlined(data, 4, len(data), [bind[0] for bind in part])
            assert known is not None
            answers.append(known)
    return answers


@settings(deadline=None)
@given(st.lists(values, min_size=1, max_size=60), st.lists(st.integers(1, 9), max_size=8), st.randoms())
def test_all_at_once_is_as_one_by_one(
    found: list[tuple[int, Value]], cuts: list[int], chance: random.Random
) -> None:  # fmt: skip
    varbinds = named(found, [chance.choice((1, 200, 70_000)) + 3 * place for place in range(len(found))])
    answers = packed(varbinds, cuts)
    before = [encode_oid("1.3.6.1.2.1.1.1.0")] * 2
    assert decoded(answers, Names([*before, *[bind[0] for bind in varbinds]]), 2) == varbinds


@settings(deadline=None)
@given(st.lists(values, min_size=2, max_size=20), st.data())
def test_it_ends_at_another_name_and_where_there_is_no_value(
    found: list[tuple[int, Value]], data: st.DataObject
) -> None:
    varbinds = named(found, list(range(1, len(found) + 1)))
    names = [bind[0] for bind in varbinds]
    place = data.draw(st.integers(0, len(found) - 2))  # the last one is looked at when the answer comes
    other = data.draw(st.sampled_from((b"\x2b\x06\x01\x02\x01\x02\x02\x01\x63\x07", b"\x2b\x06", b"\x2b" * 40, None)))
    came = list(varbinds)
    came[place] = (names[place], data.draw(gone), None) if other is None else (other, *varbinds[place][1:])
    octets = b"".join(encode_varbind(*bind) for bind in came)
    known = outlined(octets, 0, len(octets), names)
    assert known is not None
    assert decoded([known], Names(names), 0) == varbinds[:place]


@settings(deadline=None, max_examples=300)
@given(st.lists(values, min_size=1, max_size=12), st.data())
def test_damaged_answers_give_nothing_that_careful_reading_does_not_give(
    found: list[tuple[int, Value]], data: st.DataObject
) -> None:
    varbinds = named(found, list(range(1, len(found) + 1)))
    octets = bytearray(b"".join(encode_varbind(*bind) for bind in varbinds))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    names = Names([bind[0] for bind in varbinds])
    known = outlined(bytes(octets), 0, len(octets), names.oids)
    if known is None:
        return
    read = decoded([known], names, 0)
    assert len(read) <= len(varbinds)
    try:
        careful = decode_varbinds(bytes(octets), 0, len(octets))
    except SnmpDecodeError:
        careful = _until_broken(bytes(octets), known.starts)
    assert read == careful[: len(read)]


def _until_broken(octets: bytes, starts: list[int]) -> list[VarBind]:
    out: list[VarBind] = []
    for at, end in zip(starts, [*starts[1:], len(octets)], strict=True):
        try:
            out += decode_varbinds(octets, at, end)
        except SnmpDecodeError:
            break
    return out


def test_what_has_another_outline_is_not_known() -> None:
    names = [encode_oid(f"1.3.6.1.2.1.2.2.1.10.{row}") for row in (1, 2, 3)]
    octets = b"".join(encode_varbind(name, Tag.COUNTER32, 7) for name in names)
    assert outlined(octets, 0, len(octets), names) is not None
    assert outlined(octets, 0, len(octets), names[:2]) is None  # more than was asked for
    assert outlined(octets, 0, len(octets) - 1, names) is None  # ends within a varbind
    assert outlined(octets + b"\x30", 0, len(octets) + 1, names) is None
    assert outlined(octets, 0, 0, names) is None
    assert outlined(octets, 0, len(octets), [names[0], names[2], names[1]]) is None  # another end
    long = octets + ber.tlv(0x30, ber.tlv(0x06, names[2]) + ber.tlv(0x04, bytes(200)))
    assert outlined(long, 0, len(long), [*names, names[2]]) is None


def test_devices_with_the_same_names_share_them() -> None:
    oids = [encode_oid(f"1.3.6.1.2.1.2.2.1.10.{row}") for row in (1, 2, 3)]
    assert Names.of(list(oids)) is Names.of(tuple(oids))
    assert Names.of(oids) is not Names.of(oids[:2])
    joined = oids[0] + oids[1]  # the same octets, cut otherwise
    other = Names.of([joined, oids[2]])
    assert other.oids == (joined, oids[2])
    assert Names.of(oids).oids == tuple(oids)


def test_plain_numbers_are_told_from_others() -> None:
    found: list[tuple[int, Value]] = [(Tag.COUNTER32, 1 << 31), (Tag.INTEGER, -1), (Tag.OCTET_STRING, b"\x01")]
    varbinds = named(found, [1, 2, 3])
    read = columns(packed(varbinds, []), Names([bind[0] for bind in varbinds]), 0)
    assert read.plain.tolist() == [True, False, False]
    assert int(read.numbers[0]) == 1 << 31
