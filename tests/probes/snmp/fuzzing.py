"""What is fuzzed: a table of decoders. Each takes octets and gives a value, or one of its documented errors.

A further decoder is one more `Entry` in `entries`: its name, sound messages to start from, the function, its errors.
"""

import math
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

from probes.snmp import ber, decode, goregex, identity, known, oid, v3, values
from probes.snmp.asking import Get
from probes.snmp.ber import SnmpDecodeError, Tag, VarBind
from probes.snmp.modules import METRIC_TYPES, Extract, Module, ModuleLibrary
from probes.snmp.poll import planned
from probes.snmp.render import Renderer, columns
from probes.snmp.walk import Walk
from tests.probes.snmp import sound
from tests.probes.snmp.mutation import Mutator

_KINDS: Final = (*sorted(METRIC_TYPES), "", "unheard of")
_EXTRACTS: Final = tuple(
    Extract(re.compile(regex, re.DOTALL), value)
    for regex, value in ((r"(\d+)", "$1"), (r"-?(?P<n>[\d.]+) *C", "${n}"), (".*[Ff]an.*", "1"), ("(.*)", "$1$$$2x"))
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One decoder.

    Attributes:
        seeds: sound octets for it, of which damaged ones are made.
        decode: what is called; it checks for itself that what comes out is sound.
        errors: what it may raise.
        share: how many of the inputs it gets, beside the others.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    decode: Callable[[bytes], object]
    errors: tuple[type[Exception], ...] = (SnmpDecodeError,)
    share: int = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """Octets at which a decoder did something else than it says."""

    entry: str
    data: bytes
    error: BaseException

    def __str__(self) -> str:
        """Write it so that it can be made a test."""
        return f"{self.entry}(bytes.fromhex({self.data.hex()!r})): {type(self.error).__name__}: {self.error}"


def attack(inputs: int, seed: int, table: Iterable[Entry] | None = None) -> tuple[dict[str, int], list[Finding]]:
    """Give so many damaged messages to the decoders; the first few findings of each are kept.

    Returns:
        How many inputs of each decoder came out as a value, and the findings.
    """
    chosen = tuple(entries() if table is None else table)
    whole = sum(entry.share for entry in chosen)
    passed, findings = dict.fromkeys((entry.name for entry in chosen), 0), []
    for entry in chosen:
        mutator = Mutator(entry.seeds(), random.Random(f"{seed} {entry.name}"))
        found = 0
        for _ in range(inputs * entry.share // whole + 1):
            data = mutator.next()
            try:
                entry.decode(data)
                passed[entry.name] += 1
            except entry.errors:
                continue
            except (Exception, RecursionError, MemoryError) as error:
                findings.append(Finding(entry.name, data, error))
                if (found := found + 1) >= 3:
                    break
    return passed, findings


# ------------------------------------------------------------------ decoders


def entries() -> tuple[Entry, ...]:
    """Return everything that is fuzzed."""
    return (
        Entry("decode_message", sound.messages, _whole, share=60),
        Entry("decode_header", sound.messages, _header, share=15),
        Entry("decode_request", sound.messages, ber.decode_request, share=5),
        Entry("decode_response", sound.messages, ber.decode_response, share=5),
        Entry("decode_varbinds", sound.varbind_seeds, lambda data: ber.decode_varbinds(data, 0, len(data)), share=25),
        Entry("known", sound.varbind_seeds, _known, share=25),
        Entry("secure", sound.secure, _secure, share=25),
        Entry("walk", sound.answer_seeds, _walked, share=10),
        Entry("oids", sound.oid_seeds, _oids, share=15),
        Entry("oid_order", sound.oid_seeds, _order, share=10),
        Entry("texts", sound.text_seeds, _texts, (), share=15),
        Entry("indexes", sound.oid_seeds, _indexes, (), share=15),
        *[_rendering(module) for module in built_in()],
    )


@lru_cache(maxsize=1)
def built_in() -> tuple[Module, ...]:
    """Return the modules that the agent comes with."""
    library = ModuleLibrary()
    folder = resources.files("configs").joinpath("snmp")
    names = sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".yml"))
    return tuple(library.get(name) for name in names)


def _whole(data: bytes) -> None:
    message = ber.decode_message(data)
    assert len(message.varbinds) <= len(data) // 7  # what one varbind needs: nothing is made out of nothing
    again = []
    for name, tag, value in message.varbinds:
        assert name
        assert ber.decode_oid(name)
        if isinstance(value, int):
            low, high = (-(1 << 63), 1 << 63) if tag == Tag.INTEGER else (0, 1 << (64 if tag == Tag.COUNTER64 else 32))
            assert low <= value < high
        if tag != Tag.INTEGER or -(1 << 31) <= int(value or 0) < 1 << 31:  # agents do send longer ones
            again.append((name, tag, value))
    assert ber.decode_message(ber.encode_message(message._replace(varbinds=again))).varbinds == again


def _secure(data: bytes) -> None:
    """Open a message of SNMPv3 with every user's keys, whether or not its digest is right."""
    v3.is_v3(data)
    envelope = v3.decode_envelope(data)
    assert envelope == v3._careful_envelope(data)
    opened = 0
    for user in sound.USERS:
        keys = user.keys(sound.ENGINE_ID)
        assert not envelope.authentic(data, keys) or data in sound.secure(), "a forgery passes"
        with suppress(SnmpDecodeError):
            scoped = v3.open_scoped(envelope, keys)
            ber.decode_varbinds(scoped.octets, scoped.head.varbinds_at, scoped.head.end)
            opened += 1
    if not opened:
        raise SnmpDecodeError("a message that somebody can read expected")


def _header(data: bytes) -> None:
    head = ber.decode_header(data)
    assert 0 < head.varbinds_at <= head.end == len(data)
    pdus = [
        at
        for at in range(head.varbinds_at)
        if data[at] == head.pdu and decode._usual_pdu(data, at, head.end, [head.pdu])
    ]
    assert all(head[2:] == decode._careful_pdu(data, at, head.end, [head.pdu]) for at in pdus)


def _known(data: bytes) -> None:
    """Decode varbinds all at once whose names were known beforehand: as they are read one by one."""
    names, at = [], 0
    while at + 3 < len(data):
        name = data[at + 4 : at + 4 + data[at + 3]]
        names.append(name if oid.is_oid_body(name) else b"\x2b\x06")
        at += data[at + 1] + 2
    outline = known.outlined(data, 0, len(data), names)
    if outline is None:
        raise SnmpDecodeError("varbinds with short lengths expected")
    read = known.decoded([outline], known.Names(names), 0)
    places = zip(outline.starts, [*outline.starts[1:], len(data)], strict=True)
    assert read == [bind for at, end in list(places)[: len(read)] for bind in ber.decode_varbinds(data, at, end)]
    if not read:
        raise SnmpDecodeError("a varbind with a value expected")


_ROOTS: Final = tuple(
    ber.encode_oid(text) for text in ("1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1")
)


def _walked(data: bytes) -> None:
    """Answer a walk and a GET with the same message for ever: both come to an end."""
    answer = ber.decode_response(data)
    askers = (Walk(_ROOTS, version=answer.version), Get([root + b"\x01" for root in _ROOTS]))
    for asker in askers:
        for _ in range(100):
            if asker.next() is None:
                break
            asker.take(answer.error_status, answer.error_index, list(answer.varbinds))
        assert asker.next() is None, "goes on for ever"
        names = [bind[0] for bind in asker.varbinds]
        assert len(set(names)) == len(names), "a row came out twice"
        assert all(name.startswith(_ROOTS) for name in names)
    walked = [ber.decode_oid(bind[0]) for bind in askers[0].varbinds]
    assert answer.version == 0 or walked == sorted(walked)
    " ".join([*askers[0].problems, *askers[1].problems]).encode()


def _oids(data: bytes) -> None:
    if data and not oid.is_oid_body(data):
        for decode in (oid.decode_index, oid.decode_oid, oid.oid_text):
            try:
                decode(data)
            except SnmpDecodeError:
                continue
            raise AssertionError(f"{decode.__name__} takes what is no OID")
        raise SnmpDecodeError("as it should be")
    parts = oid.decode_index(data)
    assert oid.encode_index(parts) == data
    assert all(0 <= part < 1 << 32 for part in parts)
    if 2 <= len(numbers := oid.decode_oid(data)) <= oid.MAX_SUBIDENTIFIERS:
        assert oid.encode_parts(numbers) == data
        assert oid.encode_oid(oid.oid_text(data)) == data


def _order(data: bytes) -> None:
    cut = data[0] % len(data) if data else 0
    one, other = data[:cut], data[cut:]
    assert oid.oid_after(one, other) == (oid.decode_index(one) > oid.decode_index(other))


def _texts(data: bytes) -> None:
    kind, tag = _KINDS[(data[:1] or b"\0")[0] % len(_KINDS)], Tag.OPAQUE if data[:1] > b"\xe0" else Tag.OCTET_STRING
    bind: VarBind = (b"\x2b", int(tag), data[1:])
    shown = values.text(bind, kind)
    assert len(shown) <= 2 * values.MAX_LABEL_OCTETS + 2
    shown.encode()  # no lone surrogate is left
    number = values.number(bind)
    assert number is None or isinstance(number, float)
    for dated in ("DateAndTime", "NTPTimeStamp", "ParseDateAndTime"):
        seconds = values.date_number(bind, dated, "%Y-%m-%d %H:%M:%S")
        assert seconds is None or math.isfinite(seconds)
    found = goregex.extracted(shown, _EXTRACTS)
    assert found is None or isinstance(found, float)
    assert not re.search("[\x00-\x1f\x7f-\x9f]", identity.printable(bind))


def _indexes(data: bytes) -> None:
    try:
        parts = values.suffix_parts(data)
    except SnmpDecodeError:
        parts = tuple(data)
    kind = _KINDS[sum(data) % len(_KINDS)]
    for size, implied in ((0, False), (0, True), (5, False)):
        index = values.index_value(parts, kind, size, implied=implied)
        assert len(index.rest) <= len(parts)
        index.text.encode()


def _rendering(module: Module) -> Entry:
    """Return the rendering of one module's series, interfaces and facts as a decoder of answers."""
    plan = planned([module])
    kept = [Renderer(plan.metrics, {"target": "sw1"})]

    def rendered(data: bytes) -> None:
        binds = ber.decode_message(data).varbinds
        runs: Mapping[bytes, Sequence[VarBind]] = columns(binds, identity.INTERFACE_COLUMNS)
        identity.interfaces(runs)
        identity.facts(binds)
        block = kept[0].render(binds)
        names = [family.name for family in block.families]
        assert len(set(names)) == len(names)
        for family in block.families:
            assert len(family.prefixes) == len(family.values)
            assert len(set(family.prefixes)) == len(family.prefixes)
            assert all("\n" not in prefix for prefix in family.prefixes)
            "".join(family.prefixes).encode()

    return Entry(f"render {module.name}", lambda: sound.answers(module), rendered, share=2)
