"""Small SNMP agents on loopback for the tests: honest ones and hostile ones."""

import socket
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from probes.snmp import ber
from probes.snmp.asking import Asker, Question
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, Value, VarBind, Version
from probes.snmp.known import Known
from probes.snmp.speaker import Community, opened

Answer = Callable[[Message, bytes], "list[bytes]"]  # request and its octets -> datagrams to send back


class UdpAgent:
    """A thread that answers datagrams on a free loopback port by a function.

    Attributes:
        requests: every request that could be decoded.
        sender: where the last one came from.
    """

    def __init__(self, answer: Answer, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.requests: list[Message] = []
        self.answer = answer
        self.sender: tuple[str, int] = ("", 0)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.host, self.port = self._socket.getsockname()[:2]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="udp-agent")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                data, self.sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            request = ber.decode_request(data)
            self.requests.append(request)
            for datagram in self.answer(request, data):
                self._socket.sendto(datagram, self.sender)


class Mib:
    """An honest agent's objects; `answer` is what RFC 1157 and RFC 3416 say."""

    def __init__(self, objects: Mapping[str, tuple[int, Value]]) -> None:
        self.texts = dict(objects)
        self.objects = {ber.decode_oid(ber.encode_oid(text)): value for text, value in objects.items()}
        self.keys = sorted(self.objects)

    def after(self, oid: tuple[int, ...]) -> tuple[int, ...] | None:
        place = bisect_right(self.keys, oid)
        return self.keys[place] if place < len(self.keys) else None

    def holds(self, oid: tuple[int, ...]) -> bool:
        return oid in self.objects

    def bind(self, oid: tuple[int, ...]) -> VarBind:
        return (ber.encode_parts(oid), *self.objects[oid])

    def answer(self, request: Message, data: bytes = b"") -> list[bytes]:
        asked = [ber.decode_oid(bind[0]) for bind in request.varbinds]
        out: list[VarBind] = []
        v1 = request.version == Version.V1
        rounds = request.max_repetitions if request.pdu == Pdu.GETBULK else 1
        for _ in range(rounds):
            for place, oid in enumerate(asked):
                here = oid if self.holds(oid) else None
                found = here if request.pdu == Pdu.GET else self.after(oid)
                if found is not None:
                    out.append(self.bind(found))
                    asked[place] = found
                elif v1:
                    return [ber.encode_response(request, request.varbinds, ErrorStatus.noSuchName, place + 1)]
                else:
                    missing = Tag.NO_SUCH_OBJECT if request.pdu == Pdu.GET else Tag.END_OF_MIB_VIEW
                    out.append((ber.encode_parts(oid), missing, None))
        return [ber.encode_response(request, out)]


def give(asker: Asker, question: Question, octets: bytes, version: int = Version.V2C) -> None:
    """Let an asker have an answer as the UDP engine gives it."""
    _, head = opened(octets)
    answer = Community(version, b"").read(head, octets, 0.0, question)
    if isinstance(answer, Known):
        assert question.take_known is not None
        question.take_known(answer)
    else:
        asker.take(*answer)


def silent(request: Message, data: bytes) -> list[bytes]:
    return []


SYSTEM: dict[str, tuple[int, Value]] = {
    "1.3.6.1.2.1.1.1.0": (Tag.OCTET_STRING, b"Test switch, software 1.2"),
    "1.3.6.1.2.1.1.2.0": (Tag.OID, ber.encode_oid("1.3.6.1.4.1.9.1.1208")),
    "1.3.6.1.2.1.1.3.0": (Tag.TIMETICKS, 8640000),
    "1.3.6.1.2.1.1.4.0": (Tag.OCTET_STRING, b"ict@example.org"),
    "1.3.6.1.2.1.1.5.0": (Tag.OCTET_STRING, b"sw1"),
    "1.3.6.1.2.1.1.6.0": (Tag.OCTET_STRING, b"cellar"),
    "1.3.6.1.2.1.1.7.0": (Tag.INTEGER, 2),
}


def switch(ports: int, first: int = 1) -> dict[str, tuple[int, Value]]:
    """Return the objects of a switch whose first port is up and whose others are down."""
    out = dict(SYSTEM)
    out["1.3.6.1.2.1.2.1.0"] = (Tag.INTEGER, ports)
    for number in range(first, first + ports):
        up = 1 if number == first else 2
        columns: dict[str, tuple[int, Value]] = {
            "2.2.1.1": (Tag.INTEGER, number),
            "2.2.1.2": (Tag.OCTET_STRING, f"GigabitEthernet1/0/{number}".encode()),
            "2.2.1.3": (Tag.INTEGER, 6),
            "2.2.1.5": (Tag.GAUGE32, 1_000_000_000),
            "2.2.1.6": (Tag.OCTET_STRING, bytes((0, 0x1B, 0x54, 0, 0, number % 256))),
            "2.2.1.7": (Tag.INTEGER, 1),
            "2.2.1.8": (Tag.INTEGER, up),
            "2.2.1.9": (Tag.TIMETICKS, 100 * number),
            **{
                f"2.2.1.{column}": (Tag.COUNTER32, column * 1000 + number)
                for column in (10, 11, 13, 14, 16, 17, 19, 20)
            },
            "31.1.1.1.1": (Tag.OCTET_STRING, f"Gi1/0/{number}".encode()),
            **{f"31.1.1.1.{column}": (Tag.COUNTER32, column * 100 + number) for column in (2, 3, 4, 5)},
            **{f"31.1.1.1.{column}": (Tag.COUNTER64, (1 << 40) * column + number) for column in range(6, 14)},
            "31.1.1.1.15": (Tag.GAUGE32, 1000),
            "31.1.1.1.18": (Tag.OCTET_STRING, b"uplink" if number == first else b""),
            "31.1.1.1.19": (Tag.TIMETICKS, 0),
        }
        out |= {f"1.3.6.1.2.1.{column}.{number}": value for column, value in columns.items()}
    return out


def ups(*, battery_bad: bool = True) -> dict[str, tuple[int, Value]]:
    """Return the objects of a UPS, by default with a battery that wants replacing."""
    root = "1.3.6.1.2.1.33.1"
    out: dict[str, tuple[int, Value]] = dict(SYSTEM) | {
        f"{root}.1.1.0": (Tag.OCTET_STRING, b"Examplepower"),
        f"{root}.1.2.0": (Tag.OCTET_STRING, b"Tower 1500"),
        f"{root}.2.1.0": (Tag.INTEGER, 3),
        f"{root}.2.2.0": (Tag.INTEGER, 0),
        f"{root}.2.3.0": (Tag.INTEGER, 4),
        f"{root}.2.4.0": (Tag.INTEGER, 81),
        f"{root}.2.5.0": (Tag.INTEGER, 274),
        f"{root}.2.7.0": (Tag.INTEGER, 31),
        f"{root}.3.3.1.2.1": (Tag.INTEGER, 500),
        f"{root}.4.1.0": (Tag.INTEGER, 3),
        f"{root}.4.4.1.5.1": (Tag.INTEGER, 38),
        f"{root}.6.1.0": (Tag.GAUGE32, 1 if battery_bad else 0),
    }
    if battery_bad:
        out[f"{root}.6.2.1.2.7"] = (Tag.OID, ber.encode_oid(f"{root}.6.3.1"))
        out[f"{root}.6.2.1.3.7"] = (Tag.TIMETICKS, 4200)
    return out


@contextmanager
def serving(objects: Mapping[str, tuple[int, Value]]) -> Iterator[UdpAgent]:
    """Serve these objects honestly."""
    with UdpAgent(Mib(objects).answer) as agent:
        yield agent


class Table(Mib):
    """An agent of many rows, which are made when they are asked for: columns by their OID, rows 1 to `rows`."""

    def __init__(self, columns: Mapping[str, Callable[[int], tuple[int, Value]]], rows: int) -> None:
        super().__init__(SYSTEM)
        self.rows = rows
        self._made = {ber.decode_oid(ber.encode_oid(text)): made for text, made in columns.items()}
        self._roots = sorted(self._made)

    def holds(self, oid: tuple[int, ...]) -> bool:
        return super().holds(oid) or (oid[:-1] in self._made and 1 <= oid[-1] <= self.rows)

    def after(self, oid: tuple[int, ...]) -> tuple[int, ...] | None:
        place = max(0, bisect_right(self._roots, oid) - 1)
        root = self._roots[place]
        if oid < root:
            return min(filter(None, (super().after(oid), (*root, 1))))
        row = oid[len(root)] if oid[: len(root)] == root and len(oid) > len(root) else 0
        if oid[: len(root)] != root:
            row = self.rows
        if row < self.rows:
            return (*root, row + 1)
        return (*self._roots[place + 1], 1) if place + 1 < len(self._roots) else None

    def bind(self, oid: tuple[int, ...]) -> VarBind:
        made = self._made.get(oid[:-1])
        return super().bind(oid) if made is None else (ber.encode_parts(oid), *made(oid[-1]))
