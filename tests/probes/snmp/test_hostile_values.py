"""Whatever a device sends for whatever is asked: series, or the one error that is documented."""

import random
from pathlib import Path

import pytest

from exporters import exposition
from probes.snmp.ber import Tag, Value, VarBind
from probes.snmp.modules import Module, ModuleLibrary
from probes.snmp.oid import encode_index
from probes.snmp.render import Renderer, Unrenderable
from tests.probes.snmp.differences import parsed

LIBRARY = ModuleLibrary([Path(__file__).with_name("modules") / "kinds.yml"])
NAMES = [name for name in LIBRARY.names() if name.startswith("kinds_")]
TAGS = (Tag.INTEGER, Tag.OCTET_STRING, Tag.OID, Tag.OPAQUE, Tag.IP_ADDRESS, Tag.COUNTER64, Tag.NULL, 0x80)


def any_value(chance: random.Random) -> tuple[int, Value]:
    tag = chance.choice(TAGS)
    if tag == Tag.INTEGER:
        return tag, chance.choice((-(1 << 63), -1, 0, 1, 2, (1 << 63) - 1, chance.randrange(-5, 5)))
    if tag == Tag.COUNTER64:
        return tag, chance.randrange(1 << 64)
    if tag == Tag.IP_ADDRESS:
        return tag, chance.randbytes(4)
    if tag == Tag.OID:
        return tag, encode_index([chance.randrange(1 << 32) for _ in range(chance.randrange(5))])
    if tag == Tag.OPAQUE:
        return tag, chance.choice((b"\x9f\x78\x04", b"\x9f\x79\x08", b"", b"\x9f")) + chance.randbytes(
            chance.choice((0, 4, 8, 9))
        )
    if tag == Tag.OCTET_STRING:
        return tag, chance.randbytes(chance.choice((0, 1, 4, 6, 8, 11, 16, 40, 5000)))
    return tag, None


def answers(module: Module, chance: random.Random) -> list[VarBind]:
    """Return what a device without sense or manners has."""
    oids = [metric.oid for metric in module.metrics]
    oids += [lookup.oid for metric in module.metrics for lookup in metric.lookups if lookup.labels]
    out: list[VarBind] = []
    for _ in range(60):
        suffix = [chance.choice((0, 1, 2, 200, 70000, (1 << 32) - 1)) for _ in range(chance.randrange(8))]
        out.append((chance.choice(oids) + encode_index(suffix), *any_value(chance)))
    return out


@pytest.mark.parametrize("name", NAMES)
def test_any_answers(name: str) -> None:
    module = LIBRARY.get(name)
    lenient = Renderer(module.metrics, {"target": "t"})
    exact = Renderer(module.metrics, exact=True)
    rendered = 0
    for seed in range(150):
        binds = answers(module, random.Random(f"{name} {seed}"))
        rendered += len(parsed(exposition.render(lenient.render(binds).families).decode()).values)
        try:
            parsed(exposition.render(exact.render(list({bind[0]: bind for bind in binds}.values())).families).decode())
        except Unrenderable as error:
            assert 0 < len(str(error)) < 400  # noqa: PT017 - either is fine
    assert rendered
