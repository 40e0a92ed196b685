"""All checks and all their echoes in arrays: who is due, what is pending, what came of it. No object per echo.

Each check has a row, and a block of slots for its echoes: several rounds that are used in turn, then one burst. An echo
carries its slot and a generation as its 32-bit index, so that a reply leads to its slot without any search. Time comes
in as an argument, in nanoseconds; nothing here reads a clock or a socket.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.model import Echo

IDLE: Final = 255  # the outcome of a slot that holds no echo
BURST_ECHOES: Final = 4
SLOT_BITS: Final = 24  # 16 million slots; the 8 bits left tell 256 uses of a slot apart, a quarter of an hour or more
OVERDUE: Final = 1  # flag: counted as missed
STAMPED: Final = 2  # flag: the kernel has told when it left
TAINTED: Final = 4  # flag: own trouble while it was pending; it can be answered, but not lost
MIN_SILENCE_NS: Final = 250_000_000
FIRST_SILENCE_NS: Final = 1_000_000_000  # RFC 6298 2.1: "the sender SHOULD set RTO <- 1 second" until there is an RTT
SILENCE_RTTS: Final = 4
MISSES_TO_SILENCE: Final = 2  # one lost echo means nothing
NEVER: Final = int(np.iinfo(np.int64).max)
_FIRST_ROWS: Final = 64
_FIRST_SLOTS: Final = 1024

# one write begins an echo: outcome, and neither a reason nor a flag
_STATE: Final = np.dtype([("outcome", "u1"), ("why", "u1"), ("flags", "u1"), ("unused", "u1")])
PENDING: Final = int(Echo.PENDING)
_IDLE_STATE: Final = int(np.array([(IDLE, 0, 0, 0)], _STATE).view(np.uint32)[0])
PENDING_STATE: Final = int(np.array([(PENDING, 0, 0, 0)], _STATE).view(np.uint32)[0])

Slots = npt.NDArray[np.intp]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Change:
    """A check fell silent, or spoke again (`over`); `since_ns` is Unix time."""

    row: int
    since_ns: int
    missed: int
    over: bool


class Odd(NamedTuple):
    """Replies that came otherwise than once, in time, in order and whole, since the check's last round."""

    duplicates: int = 0
    late: int = 0
    reordered: int = 0
    corrupted: int = 0


NOTHING_ODD: Final = Odd()


@dataclass(frozen=True, slots=True)
class Arrival:
    """Replies come with another TTL or type of service than before; `since_ns` is Unix time."""

    row: int
    since_ns: int
    before: int
    after: int


class Finished(NamedTuple):
    """The echoes of one finished round or burst, copied out.

    Attributes:
        sent_seconds: float64[n], Unix time of each departure.
        rtts_seconds: float64[n], NaN where there is none.
        outcomes: uint8[n] of `Echo`.
        whys: uint8[n], the reason of each unknown echo, else 0; empty where there is no unknown echo.
    """

    row: int
    burst: bool
    sent_seconds: npt.NDArray[np.float64]
    rtts_seconds: npt.NDArray[np.float64]
    outcomes: npt.NDArray[np.uint8]
    whys: npt.NDArray[np.uint8]
    odd: Odd
    refusals: tuple[str, ...]


class _Columns:
    """Arrays of one length that grow together."""

    def __init__(self, size: int, **kinds: tuple[Any, float]) -> None:
        self.size = 0
        self._kinds = kinds
        self._store: dict[str, npt.NDArray[Any]] = {name: np.zeros(0, kind) for name, (kind, _) in kinds.items()}
        self.grow(size)

    def grow(self, size: int) -> None:
        for name, (kind, empty) in self._kinds.items():
            wider = np.full(size, empty, kind)
            wider[: self.size] = self._store[name]
            self._store[name] = wider
            setattr(self, name, wider)
        self.size = size


class RowColumns(_Columns):
    """One entry for each check."""

    active: npt.NDArray[np.bool_]
    port: npt.NDArray[np.int32]
    why: npt.NDArray[np.uint8]  # 0, or why its echoes cannot be sent
    where: npt.NDArray[np.uint64]  # its address: the first 8 octets
    where_low: npt.NDArray[np.uint64]  # and the last 8
    octets: npt.NDArray[np.int64]  # of its echoes, and so of their replies, from the ICMP header on
    interval: npt.NDArray[np.int64]
    timeout: npt.NDArray[np.int64]
    due: npt.NDArray[np.int64]  # NEVER without a check
    left: npt.NDArray[np.int64]  # echoes still to be sent; negative: without end
    base: npt.NDArray[np.int64]  # its first slot
    first_round: npt.NDArray[np.int64]  # its first round
    echoes: npt.NDArray[np.int64]  # in a round
    rounds: npt.NDArray[np.int64]
    span: npt.NDArray[np.int64]  # its regular slots: echoes * rounds
    place: npt.NDArray[np.int64]  # of the next echo within its regular slots
    folded: npt.NDArray[np.int64]  # place of its oldest echo that the loss detectors have not seen
    oldest: npt.NDArray[np.int64]  # open round, counted from its first
    answered: npt.NDArray[np.int64]  # departure of the last answered echo
    heard: npt.NDArray[np.int64]  # when the last reply was read, to whichever echo, late or not
    misses: npt.NDArray[np.int64]
    missed_mono: npt.NDArray[np.int64]  # departure of the first missed echo
    missed_wall: npt.NDArray[np.int64]
    silent: npt.NDArray[np.bool_]
    srtt: npt.NDArray[np.int64]  # -1: nothing learnt
    duplicates: npt.NDArray[np.int64]
    late: npt.NDArray[np.int64]  # replies after their echo's timeout
    reordered: npt.NDArray[np.int64]
    corrupted: npt.NDArray[np.int64]
    arrival: npt.NDArray[np.int32]  # learnt: TTL * 256 + type of service of its replies; -1: nothing learnt
    other: npt.NDArray[np.int32]  # how the last replies came that came otherwise
    others: npt.NDArray[np.int64]  # how many of them in a row
    other_wall: npt.NDArray[np.int64]  # departure of the echo that the first of them answers

    def __init__(self) -> None:
        """Begin with a few free rows."""
        wide = dict.fromkeys(
            ("octets", "interval", "timeout", "left", "base", "first_round", "echoes", "rounds", "span", "place",
             "folded", "oldest", "answered", "heard", "misses", "missed_mono", "missed_wall", "duplicates",
             "late", "reordered", "corrupted", "others", "other_wall"), (np.int64, 0)
        )  # fmt: skip
        super().__init__(
            _FIRST_ROWS, active=(np.bool_, 0), port=(np.int32, -1), why=(np.uint8, 0),
            where=(np.uint64, 0), where_low=(np.uint64, 0), silent=(np.bool_, 0), srtt=(np.int64, -1),
            arrival=(np.int32, -1), other=(np.int32, -1), due=(np.int64, NEVER), **wide,
        )  # fmt: skip


class SlotColumns(_Columns):
    """One entry for each echo that may be under way; `outcome`, `why` and `flags` are views of `state`."""

    index: npt.NDArray[np.uint32]
    row: npt.NDArray[np.int64]
    round: npt.NDArray[np.int64]
    state: npt.NDArray[np.uint32]
    outcome: npt.NDArray[np.uint8]
    why: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]
    mono: npt.NDArray[np.int64]  # when it was handed to the kernel
    sent: npt.NDArray[np.int64]  # Unix time of departure: ours, then the kernel's
    deadline: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]  # by which the wall clock was stepped while it was pending
    rtt: npt.NDArray[np.int64]  # -1: none
    scratch: npt.NDArray[np.int64]  # means nothing from one call to the next

    def __init__(self) -> None:
        """Begin with a few idle slots."""
        super().__init__(
            _FIRST_SLOTS, index=(np.uint32, 0), row=(np.int64, -1), round=(np.int64, -1),
            state=(np.uint32, _IDLE_STATE), mono=(np.int64, 0), sent=(np.int64, 0), deadline=(np.int64, 0),
            step=(np.int64, 0), rtt=(np.int64, -1), scratch=(np.int64, 0),
        )  # fmt: skip

    def grow(self, size: int) -> None:
        """Make room for `size` slots; each new one's index leads to itself."""
        before = self.size
        super().grow(size)
        self.index[before:] = np.arange(before, size)
        parts = self.state.view(_STATE)
        self.outcome, self.why, self.flags = parts["outcome"], parts["why"], parts["flags"]


class RoundColumns(_Columns):
    """One entry for each round that may be open."""

    left: npt.NDArray[np.int64]  # echoes not decided yet; -1: not open
    row: npt.NDArray[np.int64]

    def __init__(self) -> None:
        """Begin with a few closed rounds."""
        super().__init__(_FIRST_ROWS, left=(np.int64, -1), row=(np.int64, -1))


class Layout:
    """Rows, slots and rounds given out and taken back."""

    def __init__(self) -> None:
        """Begin empty."""
        self.rows = RowColumns()
        self.slots = SlotColumns()
        self.rounds = RoundColumns()
        self._free_rows = list(range(_FIRST_ROWS - 1, -1, -1))
        self._free_blocks: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._next_slot = 0
        self._next_round = 0

    def add(self, echoes: int, interval_ns: int, timeout_ns: int, left: int) -> int:
        """Give a check its row and slots; nothing is due before somebody sets when.

        Args:
            echoes: in one round.
            left: after how many echoes to stop; negative: never.

        Raises:
            OverflowError: when there are no slots left.
        """
        # a round is open until its last echo's timeout: none of its slots may be needed before that
        rounds = -(-timeout_ns // (echoes * interval_ns)) + 2
        if left >= 0:
            rounds = min(rounds, -(-left // echoes) + 1)
        base, first_round = self._block(echoes, rounds)
        if not self._free_rows:
            size = self.rows.size
            self.rows.grow(size * 2)
            self._free_rows = list(range(size * 2 - 1, size - 1, -1))
        row = self._free_rows.pop()
        r = self.rows
        r.active[row], r.port[row], r.why[row] = True, -1, 0
        r.interval[row], r.timeout[row], r.due[row] = interval_ns, timeout_ns, NEVER
        r.left[row] = left
        r.base[row], r.first_round[row], r.echoes[row], r.rounds[row] = base, first_round, echoes, rounds
        r.place[row] = r.folded[row] = r.oldest[row] = r.misses[row] = r.others[row] = 0
        r.duplicates[row] = r.late[row] = r.reordered[row] = r.corrupted[row] = 0
        r.arrival[row] = r.other[row] = -1
        r.answered[row] = r.heard[row] = np.iinfo(np.int64).min
        r.span[row] = echoes * rounds
        r.silent[row], r.srtt[row] = False, -1
        end = base + echoes * rounds
        self.slots.row[base : end + BURST_ECHOES] = row
        self.slots.round[base:end] = first_round + np.arange(echoes * rounds) // echoes
        self.slots.round[end : end + BURST_ECHOES] = first_round + rounds
        self.rounds.row[first_round : first_round + rounds + 1] = row
        return row

    def remove(self, row: int) -> None:
        """Take a check's row and slots back; its pending echoes are forgotten."""
        r = self.rows
        echoes, rounds, base, first_round = (int(c[row]) for c in (r.echoes, r.rounds, r.base, r.first_round))
        r.active[row], r.due[row] = False, NEVER
        self.slots.outcome[base : base + echoes * rounds + BURST_ECHOES] = IDLE
        self.rounds.left[first_round : first_round + rounds + 1] = -1
        self._free_rows.append(row)
        self._free_blocks.setdefault((echoes, rounds), []).append((base, first_round))

    def burst_base(self, row: int) -> int:
        """Return the first of a row's burst slots."""
        r = self.rows
        return int(r.base[row] + r.echoes[row] * r.rounds[row])

    def burst_slots(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Return int64[rows, BURST_ECHOES]: the burst slots of each row."""
        r = self.rows
        return (r.base[rows] + r.echoes[rows] * r.rounds[rows])[:, np.newaxis] + np.arange(BURST_ECHOES)

    def burst_round(self, row: int) -> int:
        """Return the number of a row's burst round."""
        return int(self.rows.first_round[row] + self.rows.rounds[row])

    def burst_rounds(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Return int64[rows]: the number of each row's burst round."""
        numbers: npt.NDArray[np.int64] = self.rows.first_round[rows] + self.rows.rounds[rows]
        return numbers

    def _block(self, echoes: int, rounds: int) -> tuple[int, int]:
        if free := self._free_blocks.get((echoes, rounds)):
            return free.pop()
        base, first_round = self._next_slot, self._next_round
        slots, all_rounds = base + echoes * rounds + BURST_ECHOES, first_round + rounds + 1
        if slots > 1 << SLOT_BITS:
            raise OverflowError("too many echoes under way for one agent; split the estate with shard: {index, of}")
        if slots > self.slots.size:
            self.slots.grow(max(slots, 2 * self.slots.size))
        if all_rounds > self.rounds.size:
            self.rounds.grow(max(all_rounds, 2 * self.rounds.size))
        self._next_slot, self._next_round = slots, all_rounds
        return base, first_round


def address_words(octets: bytes) -> tuple[int, int]:
    """Return an address of 4 or 16 octets as two numbers, in the order of this host's memory; IPv4 has one and 0."""
    high, low = np.frombuffer(octets.ljust(16, b"\0"), np.uint64).tolist()
    return high, low
