"""A module's filters: which rows are asked for, by what one of their objects holds. As snmp_exporter 0.30.1 does it.

These are the filters that its generator calls dynamic. Its static ones, rows by number, never stand in a snmp.yml: the
generator writes the objects of these rows into `get`.
"""

from collections.abc import Awaitable, Callable, Sequence

from probes.snmp.ber import VarBind, decode_index, encode_index, oid_text
from probes.snmp.errors import SnmpError
from probes.snmp.goregex import MAX_SUBJECT_CHARACTERS
from probes.snmp.language import Filter, Module
from probes.snmp.values import text


async def narrowed(
    module: Module, read: Callable[[bytes], Awaitable[Sequence[VarBind]]]
) -> tuple[list[bytes], list[bytes]]:  # fmt: skip
    """Return what is left to get and to walk of a module after its filters.

    Args:
        read: walks the column that chooses; what it raises as SnmpError leaves the filter out, so that all is read.
    """
    gets, walks = list(module.get), list(module.walk)
    for rule in module.filters:
        try:
            chosen = _chosen(rule, await read(rule.oid))
        except SnmpError:
            continue
        gets, walks = _filtered(rule, chosen, gets, walks)
    return gets, walks


def _chosen(rule: Filter, varbinds: Sequence[VarBind]) -> list[bytes]:
    """Return the last sub-identifier of each row that a filter chooses, as what is appended to an OID."""
    return [
        encode_index(decode_index(bind[0])[-1:])
        for bind in varbinds
        if any(value.search(text(bind, "DisplayString")[:MAX_SUBJECT_CHARACTERS]) for value in rule.values)
    ]


def _filtered(
    rule: Filter, chosen: Sequence[bytes], gets: Sequence[bytes], walks: Sequence[bytes]
) -> tuple[list[bytes], list[bytes]]:  # fmt: skip
    """Return what is left to get and to walk; what a filter before this one chose of the same target is dropped."""
    prefixes = tuple([oid_text(target) for target in rule.targets])
    kept = [oid for oid in gets if not prefixes or not oid_text(oid).startswith(prefixes)]
    kept += [target + row for target in rule.targets for row in chosen]
    return kept, [root for root in walks if root not in rule.targets]
