"""Which modules a device gets: the rules on a small table, the shipped table, and the question to the device."""

from importlib import resources

import pytest

from probes.snmp import choose
from probes.snmp.ber import ErrorStatus, Pdu, Tag, VarBind
from probes.snmp.choose import Choice, Reason
from probes.snmp.modules import ModuleLibrary
from probes.snmp.oid import decode_index, encode_oid
from probes.snmp.presence import Presence

UPS, BRIDGE, CISCO, CISCO_OLD, DELL = (
    encode_oid(f"1.3.6.1.{oid}") for oid in ("2.1.33", "2.1.17", "4.1.9.9.13", "4.1.9.2", "4.1.674.1")
)
TABLE = Choice(
    always=("system", "if_mib"),
    standard={"ups_mib": (UPS,), "bridge": (BRIDGE,)},
    makers={"cisco": (CISCO, CISCO_OLD), "dell": (DELL,)},
    devices={
        encode_oid("1.3.6.1.4.1.9"): ("cisco",),
        encode_oid("1.3.6.1.4.1.9.6"): (),
        encode_oid("1.3.6.1.4.1.674"): ("dell",),
    },
)


@pytest.mark.parametrize(
    ("object_id", "present", "modules"),
    [
        ("1.3.6.1.4.1.9.1.1208", [], "system if_mib"),
        ("1.3.6.1.4.1.9.1.1208", [BRIDGE], "system if_mib bridge"),
        ("1.3.6.1.4.1.9.1.1208", [UPS, BRIDGE, CISCO], "system if_mib ups_mib bridge cisco"),
        ("1.3.6.1.4.1.9.1.1208", [CISCO_OLD], "system if_mib cisco"),  # one of a module's signs is enough
        ("1.3.6.1.4.1.9.1.1208", [DELL], "system if_mib"),  # not asked, so not chosen
        ("1.3.6.1.4.1.9.6.1", [CISCO], "system if_mib"),  # the longest entry counts
        ("1.3.6.1.4.1.99.1", [CISCO, DELL], "system if_mib cisco dell"),  # 99 does not begin with 9: unknown maker
        (None, [DELL], "system if_mib dell"),
    ],
)
def test_a_device_gets_what_it_answers(object_id: str | None, present: list[bytes], modules: str) -> None:
    assert " ".join(TABLE.chosen(encode_oid(object_id) if object_id else None, present)) == modules


def test_what_speaks_for_each_module() -> None:
    cisco = encode_oid("1.3.6.1.4.1.9.1.1208")
    entry = encode_oid("1.3.6.1.4.1.9")
    always = (Reason("system"), Reason("if_mib"))
    assert TABLE.reasons(cisco, {BRIDGE, CISCO_OLD, DELL}) == (
        *always, Reason("bridge", BRIDGE), Reason("cisco", CISCO_OLD, of_maker=True, entry=entry)
    )  # fmt: skip
    assert TABLE.reasons(None, {DELL}) == (*always, Reason("dell", DELL, of_maker=True))
    assert TABLE.reasons(cisco, ()) == always


def test_the_sysobjectid_narrows_what_is_asked() -> None:
    assert TABLE.presence_oids(encode_oid("1.3.6.1.4.1.9.1.1")) == (UPS, BRIDGE, CISCO, CISCO_OLD)
    assert TABLE.presence_oids(encode_oid("1.3.6.1.4.1.9.6.1")) == (UPS, BRIDGE)
    assert TABLE.presence_oids(encode_oid("1.3.6.1.4.1.5")) == (UPS, BRIDGE, CISCO, CISCO_OLD, DELL)


def test_the_shipped_table_names_modules_that_there_are_and_each_that_there_is() -> None:
    table = choose.built_in()
    named = {*table.always, *table.standard, *table.makers}
    files = {entry.name[:-4] for entry in resources.files("configs").joinpath("snmp").iterdir()
             if entry.name.endswith(".yml")}  # fmt: skip
    assert named == files
    assert not table.standard.keys() & table.makers.keys()
    for prefix, modules in table.devices.items():
        assert set(modules) <= table.makers.keys(), prefix.hex()


@pytest.mark.parametrize("name", [*choose.built_in().standard, *choose.built_in().makers])
def test_what_shows_a_module_is_what_it_reads(name: str) -> None:
    table = choose.built_in()
    module = ModuleLibrary().get(name)
    for root in table.standard.get(name) or table.makers[name]:
        assert any(asked.startswith(root) or root.startswith(asked) for asked in (*module.walk, *module.get))


# ------------------------------------------------------------------ the question


def bound(oid: str, tag: int = Tag.INTEGER) -> VarBind:
    return encode_oid(oid), tag, 1 if tag == Tag.INTEGER else None


def test_objects_below_an_oid_show_it_and_others_do_not() -> None:
    asked = Presence([BRIDGE, UPS, CISCO])
    question = asked.next()
    assert question is not None
    assert (question.pdu, question.oids) == (Pdu.GETNEXT, [BRIDGE, UPS, CISCO])
    after = bound("1.3.6.1.4.1.9.9.131.1"), bound("1.3.6.1.2.1.33.1.1.1.0"), bound("1.3.6.1.4.1.9.9.13", 0x82)
    asked.take(0, 0, [after[0], after[1], after[2]])
    assert asked.present == {UPS}
    assert asked.next() is None


def test_the_end_of_the_mib_in_v1_is_the_end_of_all_that_comes_after() -> None:
    roots = [encode_oid(f"1.3.6.1.4.1.{number}") for number in range(2, 30)]
    asked = Presence([BRIDGE, *roots])
    asked.next()
    asked.take(ErrorStatus.noSuchName, 2, [])
    question = asked.next()
    assert question is not None
    assert question.oids == [BRIDGE]
    asked.take(0, 0, [bound("1.3.6.1.2.1.17.1.1.0")])
    assert (asked.next(), asked.present, asked.packets) == (None, {BRIDGE}, 2)


@pytest.mark.parametrize(
    ("status", "index", "binds"),
    [(ErrorStatus.tooBig, 0, 0), (ErrorStatus.genErr, 0, 0), (ErrorStatus.genErr, 1, 0),
     (ErrorStatus.noSuchName, 99, 0), (0, 0, 0), (0, 0, 1), (0, 0, 40)],
)  # fmt: skip
def test_the_question_ends_whatever_the_answer(status: int, index: int, binds: int) -> None:
    roots = sorted((encode_oid(f"1.3.6.1.4.1.{number}") for number in range(2, 40)), key=decode_index)
    asked = Presence(roots)
    while asked.next() is not None:
        asked.take(status, index, [bound("1.3.6.1.4.1.1.1")] * binds)
        assert asked.packets <= 2 * len(roots)
    assert asked.present == set()
