"""From varbinds to series."""

import re

import pytest

from agent.core.series import SeriesBlock
from exporters import exposition
from probes.snmp.ber import Tag, Value, VarBind, encode_oid
from probes.snmp.modules import Index, Lookup, Metric
from probes.snmp.render import Renderer, Unrenderable, columns

ROOT = "1.3.6.1.4.1.1.1"
PORT = (Index("port", "gauge"),)


def binds(*rows: tuple[str, int, Value]) -> list[VarBind]:
    return [(encode_oid(f"{ROOT}.{suffix}"), tag, value) for suffix, tag, value in rows]


def metric(name: str, column: str, kind: str, **more: object) -> Metric:
    return Metric(name, encode_oid(f"{ROOT}.{column}"), kind, more.pop("help", "About it"), **more)  # type: ignore[arg-type]


def shown(block: SeriesBlock) -> dict[str, float]:
    return {
        prefix: value
        for family in block.families
        for prefix, value in zip(family.prefixes, family.values.tolist(), strict=True)
    }


def rendered(metrics: list[Metric], rows: list[VarBind], extra: dict[str, str] | None = None) -> dict[str, float]:
    return shown(Renderer(metrics, extra).render(rows))


def test_numbers_scale_offset_and_the_extra_labels() -> None:
    rows = binds(("1.0", Tag.GAUGE32, 230), ("2.1", Tag.COUNTER32, 5), ("2.2", Tag.COUNTER32, 6))
    metrics = [metric("volts", "1", "gauge", scale=0.1, offset=-1.0), metric("packets", "2", "counter", indexes=PORT)]
    assert rendered(metrics, rows) == {"volts": 22.0, 'packets{port="1"}': 5, 'packets{port="2"}': 6}
    assert rendered(metrics, rows, {"target": 'a"b\\c\nd'}) == {
        'volts{target="a\\"b\\\\c\\nd"}': 22.0,
        'packets{target="a\\"b\\\\c\\nd",port="1"}': 5,
        'packets{target="a\\"b\\\\c\\nd",port="2"}': 6,
    }
    families = Renderer(metrics).render(rows).families
    assert [(family.name, family.type) for family in families] == [("volts", "gauge"), ("packets", "counter")]


def test_help_is_escaped_and_the_text_can_be_read_again() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    block = Renderer([metric("name", "1", "DisplayString", help="one\ntwo \\ three")], {"target": "t"}).render(
        binds(("1.0", Tag.OCTET_STRING, b'say "no"\n\\ \xff\xff'))
    )
    assert block.families[0].help == "one\\ntwo \\\\ three"
    text = b"".join(exposition.chunks(block.families)).decode()
    (family,) = text_string_to_metric_families(text)
    assert family.samples[0].labels == {"target": "t", "name": 'say "no"\n\\ \ufffd'}


def test_labels_that_collide_with_the_extra_ones_step_aside() -> None:
    metrics = [metric("target", "1", "DisplayString", indexes=(Index("target", "gauge"),)), metric("x", "1", "gauge")]
    assert rendered(metrics, binds(("1.7", Tag.OCTET_STRING, b"v")), {"target": "t"}) == {
        'target{target="t",exported_target="7"}': 1.0
    }


def test_look_ups_may_be_missing_chained_or_drop_a_label() -> None:
    lookups = (
        Lookup(("port",), "kind", encode_oid(f"{ROOT}.2"), "gauge"),
        Lookup(("kind",), "word", encode_oid(f"{ROOT}.3"), "DisplayString"),
        Lookup(("port",), "alias", encode_oid(f"{ROOT}.4"), "DisplayString"),
        Lookup((), "port"),
    )
    rows = binds(
        ("1.1", Tag.INTEGER, 10), ("1.200", Tag.INTEGER, 20),
        ("2.1", Tag.INTEGER, 300), ("2.200", Tag.INTEGER, 9),
        ("3.300", Tag.OCTET_STRING, b"copper"),
        ("4.200", Tag.OCTET_STRING, b"uplink"),
    )  # fmt: skip
    assert rendered([metric("x", "1", "gauge", indexes=PORT, lookups=lookups)], rows) == {
        'x{kind="300",word="copper",alias=""}': 10,
        'x{kind="9",word="",alias="uplink"}': 20,
    }


def test_a_look_up_may_lie_within_another_column() -> None:
    lookups = (Lookup(("port",), "alias", encode_oid(f"{ROOT}.1.9"), "DisplayString"),)
    metrics = [metric("all", "1", "DisplayString"), metric("x", "2", "gauge", indexes=PORT, lookups=lookups)]
    rows = binds(("1.9.1", Tag.OCTET_STRING, b"one"), ("2.1", Tag.INTEGER, 1))
    assert rendered(metrics, rows) == {'all{all="one"}': 1, 'x{port="1",alias="one"}': 1}


def test_a_changed_look_up_names_the_rows_anew_and_an_unchanged_one_keeps_them() -> None:
    lookups = (Lookup(("port",), "alias", encode_oid(f"{ROOT}.2"), "DisplayString"),)
    renderer = Renderer([metric("x", "1", "gauge", indexes=PORT, lookups=lookups)])
    first = renderer.render(binds(("1.1", Tag.INTEGER, 1), ("2.1", Tag.OCTET_STRING, b"old")))
    second = renderer.render(binds(("1.1", Tag.INTEGER, 2), ("2.1", Tag.OCTET_STRING, b"old")))
    third = renderer.render(binds(("1.1", Tag.INTEGER, 2), ("2.1", Tag.OCTET_STRING, b"new")))
    fourth = renderer.render(binds(("1.1", Tag.INTEGER, 2), ("1.2", Tag.INTEGER, 3), ("2.1", Tag.OCTET_STRING, b"new")))
    assert second.families[0].prefixes is first.families[0].prefixes
    assert shown(second) == {'x{port="1",alias="old"}': 2}
    assert shown(third) == {'x{port="1",alias="new"}': 2}
    assert shown(fourth) == {'x{port="1",alias="new"}': 2, 'x{port="2",alias=""}': 3}


def test_rows_of_a_device_that_makes_ever_new_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.snmp.labels._MAX_ROWS", 2)
    renderer = Renderer([metric("x", "1", "gauge", indexes=PORT)])
    for row in range(5):
        assert shown(renderer.render(binds((f"1.{row}", Tag.INTEGER, row)))) == {f'x{{port="{row}"}}': row}
    assert len(renderer._schemes[0]._rows) <= 2  # looks inside: memory is what it is about


def test_enumerations_bits_and_dates() -> None:
    names = {1: "up", 2: "down"}
    rows = binds(
        ("1.1", Tag.INTEGER, 1), ("1.2", Tag.INTEGER, 9), ("2.1", Tag.OCTET_STRING, b"\x40\x80"),
        ("3.0", Tag.OCTET_STRING, bytes.fromhex("07e8010203040506")), ("4.0", Tag.OCTET_STRING, b"bad"),
    )  # fmt: skip
    metrics = [
        metric("kind", "1", "EnumAsInfo", indexes=PORT, enum_values=names),
        metric("flags", "2", "Bits", indexes=PORT, enum_values={0: "a", 1: "b", 8: "c", 16: "d"}),
        metric("made", "3", "DateAndTime"),
        metric("lost", "4", "DateAndTime"),
    ]
    assert rendered(metrics, rows) == {
        'kind_info{port="1",kind="up"}': 1, 'kind_info{port="2",kind="9"}': 1,
        'flags{port="1",flags="a"}': 0, 'flags{port="1",flags="b"}': 1, 'flags{port="1",flags="c"}': 1,
        'flags{port="1",flags="d"}': 0,
        "made": 1704164645,
    }  # fmt: skip
    state = [metric("state", "1", "EnumAsStateSet", indexes=PORT, enum_values=names)]
    assert rendered(state, rows) == {
        'state{port="1",state="up"}': 1, 'state{port="1",state="down"}': 0,
        'state{port="2",state="up"}': 0, 'state{port="2",state="down"}': 0, 'state{port="2",state="9"}': 1,
    }  # fmt: skip


def test_regex_extracts_give_numbers_under_names_of_their_own() -> None:
    from probes.snmp.modules import Extract

    extracts = {"": (Extract(re.compile(r"(\d+) C"), "$1"),), "High": (Extract(re.compile("hot"), "1"),)}
    rows = binds(("1.1", Tag.OCTET_STRING, b"40 C"), ("1.2", Tag.OCTET_STRING, b"hot"))
    assert rendered([metric("temp", "1", "DisplayString", indexes=PORT, regex_extracts=extracts)], rows) == {
        'temp{port="1"}': 40, 'tempHigh{port="2"}': 1,
    }  # fmt: skip


def test_an_address_reads_as_the_column_before_it_says() -> None:
    rows = binds(
        ("1.1", Tag.INTEGER, 1), ("1.2", Tag.INTEGER, 2), ("1.3", Tag.INTEGER, 16),
        ("2.1", Tag.OCTET_STRING, bytes((10, 0, 0, 1))), ("2.2", Tag.OCTET_STRING, bytes(16)),
        ("2.3", Tag.OCTET_STRING, b"ab"),
    )  # fmt: skip
    metrics = [metric("kind", "1", "gauge", indexes=PORT), metric("peer", "2", "InetAddress", indexes=PORT)]
    renderer = Renderer(metrics)
    assert [prefix for prefix in shown(renderer.render(rows)) if prefix.startswith("peer")] == [
        'peer{port="1",peer="10.0.0.1"}',
        'peer{port="2",peer="0000:0000:0000:0000:0000:0000:0000:0000"}',
        'peer{port="3",peer="0x6162"}',
    ]
    kept = renderer.render(rows).families[1].prefixes
    assert renderer.render(rows).families[1].prefixes is kept
    changed = [*rows[:2], *binds(("1.3", Tag.INTEGER, 1)), *rows[3:]]
    assert renderer.render(changed).families[1].prefixes[2] == 'peer{port="3",peer="97.98.0.0"}'


def test_duplicates_are_dropped_and_counted() -> None:
    renderer = Renderer([metric("x", "1", "gauge"), metric("s", "2", "DisplayString")])
    rows = binds(
        ("1.1", Tag.INTEGER, 1), ("1.2", Tag.INTEGER, 2),
        ("2.1", Tag.OCTET_STRING, b"a"), ("2.2", Tag.OCTET_STRING, b"a"),
    )  # fmt: skip
    assert shown(renderer.render(rows)) == {"x": 1, 's{s="a"}': 1}
    assert renderer.duplicates == 2
    assert shown(renderer.render(rows)) == {"x": 1, 's{s="a"}': 1}


def test_texts_are_scaled_as_snmp_exporter_scales_them() -> None:
    rows = binds(("1.0", Tag.OCTET_STRING, b"x"), ("2.0", Tag.OCTET_STRING, bytes.fromhex("07e8010203040506")))
    metrics = [
        metric("s", "1", "DisplayString", scale=10.0, offset=1.0),
        metric("d", "2", "DateAndTime", scale=2.0, offset=1.0),
    ]
    assert rendered(metrics, rows) == {'s{s="x"}': 11, "d": 2 * 1704164645 + 1}


def test_hints_and_names_of_look_ups() -> None:
    lookups = (
        Lookup(("port",), "mac", encode_oid(f"{ROOT}.2"), "", display_hint="1x-"),
        Lookup(("port",), "state", encode_oid(f"{ROOT}.3"), "EnumAsInfo", {1: "up"}),
    )
    metrics = [metric("octets", "1", "OctetString", indexes=PORT, lookups=lookups, display_hint="1d.")]
    rows = binds(
        ("1.1", Tag.OCTET_STRING, b"\x0a\x00"), ("2.1", Tag.OCTET_STRING, b"\x0a\xff"), ("3.1", Tag.INTEGER, 1),
        ("1.2", Tag.OCTET_STRING, b""), ("3.2", Tag.INTEGER, 7),
    )  # fmt: skip
    assert rendered(metrics, rows) == {
        'octets{port="1",mac="0A-FF",state="up",octets="10.0"}': 1,
        'octets{port="2",mac="",state="7",octets=""}': 1,
    }


EXACT = [
    metric("number", "1", "gauge", indexes=PORT),
    metric("info", "2", "EnumAsInfo", indexes=PORT, enum_values={0: "none"}),
    metric("states", "3", "EnumAsStateSet", indexes=PORT, enum_values={1: "up"}),
    metric("bits", "4", "Bits", indexes=PORT, enum_values={0: "a"}),
    metric("named", "5", "gauge", indexes=(Index("name", "DisplayString", implied=True),)),
    metric("port", "6", "EnumAsInfo", indexes=PORT),
    metric("twice", "7", "gauge", indexes=PORT),
    metric("twice", "8", "gauge", indexes=PORT, help="Something else"),
    metric("same", "9", "gauge", indexes=PORT),
    metric("same", "10", "gauge", indexes=PORT),
]


def test_exactly_as_snmp_exporter_wrong_types_are_0_labels_sorted_and_metrics_of_one_name_go_together() -> None:
    rows = binds(
        ("1.1", Tag.OCTET_STRING, b"5"), ("1.2", Tag.INTEGER, 3), ("2.1", Tag.NULL, None), ("3.1", Tag.OID, b"\x2b"),
        ("9.1", Tag.INTEGER, 1), ("10.2", Tag.INTEGER, 2),
    )  # fmt: skip
    block = Renderer(EXACT, exact=True).render(rows)
    assert shown(block) == {
        'info_info{info="none",port="1"}': 1,
        'number{port="1"}': 0, 'number{port="2"}': 3,
        'same{port="1"}': 1, 'same{port="2"}': 2,
        'states{port="1",states="0"}': 1, 'states{port="1",states="up"}': 0,
    }  # fmt: skip
    assert [family.name for family in block.families] == ["info_info", "number", "same", "states"]


def test_a_label_of_the_metrics_own_name_stands_among_the_others() -> None:
    indexes = (Index("z", "gauge"), Index("a", "gauge"))
    rows = binds(("1.1.2", Tag.OCTET_STRING, b"x"))
    assert shown(Renderer([metric("m", "1", "DisplayString", indexes=indexes)], exact=True).render(rows)) == {
        'm{a="2",m="x",z="1"}': 1
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (binds(("1.1", Tag.INTEGER, 1), ("1.1.5", Tag.INTEGER, 1)), 'two samples of number{port="1"}'),
        (binds(("4.1", Tag.INTEGER, 1)), "bits: bits expected, got tag 0x02"),
        (binds(("5.255", Tag.INTEGER, 1)), "the label name is no UTF-8"),
        (binds(("6.1", Tag.INTEGER, 1)), "port is the name of a metric and of one of its own labels"),
        (binds(("7.1", Tag.INTEGER, 1), ("8.2", Tag.INTEGER, 1)), "two definitions of twice differ in type or help"),
        (binds(("9.1", Tag.INTEGER, 1), ("10.1", Tag.INTEGER, 1)), 'two samples of same{port="1"}'),
    ],
)
def test_what_snmp_exporter_answers_with_500_is_an_error_each_time_or_left_out(rows: list[VarBind], said: str) -> None:
    exact = Renderer(EXACT, exact=True)
    for _ in range(2):
        with pytest.raises(Unrenderable, match=re.escape(said)):
            exact.render(rows)
    assert len(shown(exact.render(binds(("1.1", Tag.INTEGER, 1))))) == 1
    assert len(shown(Renderer(EXACT).render(rows))) <= 1


def test_a_name_that_is_no_utf8_may_be_dropped() -> None:
    name = (Index("name", "DisplayString", implied=True),)
    rows = binds(("1.255", Tag.INTEGER, 1), ("2.255", Tag.OCTET_STRING, b"port 1"))
    lookups = (Lookup(("name",), "title", encode_oid(f"{ROOT}.2"), "DisplayString"), Lookup((), "name"))
    block = Renderer([metric("x", "1", "gauge", indexes=name, lookups=lookups)], exact=True).render(rows)
    assert shown(block) == {'x{title="port 1"}': 1}
    assert shown(Renderer([metric("x", "1", "gauge", indexes=name)]).render(rows)) == {'x{name="\ufffd"}': 1}


def test_of_two_metrics_of_one_name_the_first_has_it() -> None:
    rows = binds(("1.0", Tag.INTEGER, 1), ("2.0", Tag.INTEGER, 2))
    assert rendered([metric("x", "1", "gauge"), metric("x", "2", "gauge")], rows) == {"x": 1}


@pytest.mark.parametrize("kind", ["gauge", "EnumAsInfo", "EnumAsStateSet", "Bits", "DateAndTime"])
def test_values_of_the_wrong_type_are_absent_and_never_0(kind: str) -> None:
    rows = binds(("1.1", Tag.NULL, None), ("1.2", Tag.OID, b"\x2b"))
    if kind == "Bits":
        rows = rows[:1]
    assert rendered([metric("x", "1", kind, indexes=PORT)], rows) == {}


def test_columns_take_runs_and_the_shortest_root_wins() -> None:
    rows = binds(("1.1", 2, 1), ("1.2.1", 2, 2), ("3.1", 2, 3), ("1.9", 2, 4))
    one, nested = encode_oid(f"{ROOT}.1"), encode_oid(f"{ROOT}.1.2")
    assert [bind[2] for bind in columns(rows, [nested, one])[one]] == [1, 2, 4]
    assert columns(rows, [nested]) == {nested: [rows[1]]}
    assert columns([], [one]) == {}
