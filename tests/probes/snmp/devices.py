"""Randomised devices made from a module's definition: what it asks for, and much that it does not expect."""

import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from probes.snmp.ber import Tag, Value, encode_oid, oid_text
from probes.snmp.modules import Index, Lookup, Metric, Module
from tests.probes.snmp.agents import Mib

Objects = dict[str, tuple[int, Value]]
_WORDS = ("up", "GigabitEthernet1/0/1", "", "42", "42 C", "7.5%", "12:30:00", "On", "no", "10.0.0.1", "Zürich",
          'say "no"\\', "two\nlines", " spaced: 3", "Mon Jan 02 15:04:05 2006", "2024-02-30 12:05 PM +0130",
          "2024-02-03 1:05 am Z", "02/29/24 \t60", "02/03/99 366", "Feb 9, 68", "february 31, 70", "may 1, 69",
          "1700000000", "Jan 01 2024", "NaN", "-inf", "1e400", "0x1p4", "1_0", "+5", "\u0661")  # fmt: skip
_REAL = (0.0, -0.0, 1.5, -40.25, 1e-7, 123456.789, 1e20, float("inf"), float("nan"))


@dataclass
class Maker:
    """Makes the objects of one device.

    Attributes:
        wild: share of values that are not what the definition says; 0 for a well-behaved device.
    """

    seed: str
    wild: float = 0.0
    rows: int = 4
    objects: Objects = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._pool: dict[tuple[str, str], list[tuple[int, ...]]] = {}
        self._tables: dict[tuple[object, ...], list[dict[str, tuple[int, ...]]]] = {}

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    # -------------------------------------------------------------- rows

    def table(self, indexes: Sequence[Index]) -> list[dict[str, tuple[int, ...]]]:
        """Return the rows of all tables with these indexes: sub-identifiers by label."""
        key = tuple((index.labelname, index.type) for index in indexes)
        if key not in self._tables:
            count = self._random.choice((0, 1, self.rows, self.rows))
            rows = [{index.labelname: self._part(index) for index in indexes} for _ in range(count if indexes else 1)]
            self._tables[key] = rows
        return self._tables[key]

    def _part(self, index: Index) -> tuple[int, ...]:
        """Return an index: often one that was used before, so that look-ups find something."""
        pool = self._pool.setdefault((index.labelname, index.type), [])
        if not pool or self.chance(0.6):
            pool.append(self._new_part(index))
        return self._random.choice(pool)

    def _new_part(self, index: Index) -> tuple[int, ...]:
        sizes = {"PhysAddress48": 6, "InetAddressIPv4": 4, "IpAddr": 4, "InetAddressIPv6": 16}
        address = ((1, 4, *self._parts(4)), (2, 16, *self._parts(16)), (16, 3, *self._parts(3)), (0, 0))
        if index.type in sizes:
            part = self._parts(sizes[index.type])
        elif index.type == "InetAddress":
            part = self._random.choice(address)
        elif index.type == "InetAddressMissingSize":
            kind, _, *octets = self._random.choice(address)
            part = (kind, *octets)
        elif index.type == "LldpPortId":
            part = self._random.choice(((5, 2, 2, 97, 98), (3, *self._parts(6)), (4, 3, *self._parts(3))))
        elif index.type == "DisplayString":
            part = self._string(index, tuple(self._random.choice((b"ab", b"c", b"red", b""))))
        elif index.type == "OctetString":
            part = self._string(index, self._parts(self._random.randrange(4)))
        else:
            # where a length is looked for and a large number found, snmp_exporter takes as much memory
            large = (70000, (1 << 31) - 1) if index.type.startswith("Integer") else ()
            part = (self._random.choice((0, 1, 2, 3, 10, 127, 128, 255, *large)),)
        if self.chance(self.wild / 4):  # some agents leave out trailing zeroes, or put in what nobody asked for
            part = self._random.choice((part[:-1], (*part, 5), (*part[:-1], 255), (*part[:-1], 200)))
        return part

    def _parts(self, size: int) -> tuple[int, ...]:
        return tuple(self._random.randbytes(size))

    def _string(self, index: Index, octets: tuple[int, ...]) -> tuple[int, ...]:
        if index.fixed_size:
            return (*octets, *([97] * index.fixed_size))[: index.fixed_size]
        return octets if index.implied else (len(octets), *octets)

    # -------------------------------------------------------------- values

    def add(self, oid: bytes, suffix: Sequence[int], value: tuple[int, Value]) -> None:
        self.objects.setdefault(".".join([oid_text(oid), *map(str, suffix)]), value)

    def metric(self, metric: Metric) -> None:
        for row in self.table(metric.indexes) if metric.indexes else [{"": (0,)}]:
            suffix = [part for parts in row.values() for part in parts]
            if self.chance(0.9):
                self.add(metric.oid, suffix, self.value(metric.type, metric.enum_values))
            numbers = dict(row)
            for lookup in metric.lookups:
                self._lookup(lookup, numbers)
        if self.chance(self.wild / 3):  # a row that no other column has
            self.add(metric.oid, self._random.choices((0, 1, 2, 200), k=self._random.randrange(1, 8)),
                     self.value(metric.type, metric.enum_values))  # fmt: skip

    def _lookup(self, lookup: Lookup, numbers: dict[str, tuple[int, ...]]) -> None:
        if not lookup.labels or self.chance(0.15):
            return
        suffix = [part for name in lookup.labels for part in numbers.get(name, (0,))]
        value = self.value(lookup.type or "OctetString", {})
        self.add(lookup.oid, suffix, value)
        value = self.objects[".".join([oid_text(lookup.oid), *map(str, suffix)])]
        if isinstance(value[1], int) and 0 <= value[1] < 1 << 32:
            numbers[lookup.labelname] = (value[1],)

    def value(self, kind: str, names: Mapping[int, str]) -> tuple[int, Value]:
        if self.chance(self.wild) and kind not in ("NTPTimeStamp", "Bits"):  # of these snmp_exporter dies, or says 500
            return self._anything()
        if kind in ("EnumAsInfo", "EnumAsStateSet"):
            return (Tag.INTEGER, self._random.choice((*names, 9)))
        if kind in ("gauge", "counter", "Integer", "Integer32"):
            return self._number()
        if kind in ("Float", "Double"):
            return self._real()
        return (Tag.OCTET_STRING, self._octets(kind))

    def _number(self) -> tuple[int, Value]:
        return self._random.choice((
            (Tag.GAUGE32, self._random.randrange(1 << 32)), (Tag.COUNTER32, self._random.randrange(1 << 32)),
            (Tag.INTEGER, self._random.randrange(-5, 300)), (Tag.INTEGER, self._random.choice((1, 2, 3, 5))),
            (Tag.COUNTER64, self._random.randrange(1 << 64)), (Tag.TIMETICKS, self._random.randrange(1 << 32)),
        ))  # fmt: skip

    def _real(self) -> tuple[int, Value]:
        real = self._random.choice(_REAL)
        if self.chance(0.5):
            return (Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", real))
        return (Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", real))

    def _octets(self, kind: str) -> bytes:
        size = {"PhysAddress48": 6, "InetAddressIPv4": 4, "InetAddressIPv6": 16, "NTPTimeStamp": 8}.get(kind)
        if kind == "DateAndTime":
            size = self._random.choice((8, 11, 11, 7))
            zone = self._random.choice((b"+", b"-", b"x")) + bytes(self._random.choice(((1, 30), (24, 60), (25, 0))))
            date = struct.pack(">H", self._random.randrange(1950, 2200)) + self._random.randbytes(6)
            return (date + zone)[:size]
        if kind == "NTPTimeStamp":
            return self._random.randbytes(8 + self._random.randrange(2))
        if kind == "InetAddress" or kind == "InetAddressMissingSize":
            size = self._random.choice((4, 16))
        if size is not None:
            return self._random.randbytes(size)
        if kind in ("OctetString", "Bits"):
            return self._random.randbytes(self._random.randrange(9))
        return self._random.choice(_WORDS).encode()

    def _anything(self) -> tuple[int, Value]:
        return self._random.choice((
            self._number(), self._number(), self._real(), (Tag.NULL, None), (Tag.OCTET_STRING, b""),
            (Tag.OCTET_STRING, self._random.randbytes(self._random.randrange(40))),
            (Tag.OCTET_STRING, b"ok \xff\xfe\xed\xa0\x80 half \xc3"), (Tag.OCTET_STRING, b"\xe4\xb8"),
            (Tag.OID, encode_oid("1.3.6.1.4.1.9")), (Tag.IP_ADDRESS, self._random.randbytes(4)),
            (Tag.OCTET_STRING, self._random.choice(_WORDS).encode()),
        ))  # fmt: skip


def device(module: Module, seed: str, *, wild: float = 0.0, rows: int = 4) -> Mib:
    """Return a device that has (most of) what a module asks for.

    Args:
        wild: share of values of a type that is not the definition's.
        rows: in each table that is not empty.
    """
    maker = Maker(seed, wild, rows)
    for metric in module.metrics:
        maker.metric(metric)
    return Mib(maker.objects)
