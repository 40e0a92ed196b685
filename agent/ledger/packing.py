"""The echoes of one round as octets: 21 for the head and 9 for each echo, against some 400 as objects.

Layout, little endian: version (u8), n (u32), Unix time of the first departure (f64), unit of the offsets in seconds
(f64); then n offsets (u32, all ones: not known), n round-trip times in seconds (f32, NaN: none), n outcomes (u8). A
float32 keeps a round-trip time of 30 ms to 2 ns; an offset is kept to the microsecond in rounds of up to 71 minutes.
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_HEAD: Final = struct.Struct("<BIdd")
_VERSION: Final = 1
_UNKNOWN: Final = 0xFFFFFFFF
_ECHO_OCTETS: Final = 9

_Floats = npt.NDArray[np.float64]
Echoes = tuple[_Floats, _Floats, npt.NDArray[np.uint8]]


def pack(echoes: Sequence[Echoes]) -> list[bytes]:
    """Return each round's echoes packed: (departures in Unix seconds, round-trip times, outcomes) each.

    Rounds of one length are packed together: one alone costs ten times as much.

    Raises:
        ValueError: when the three arrays of a round differ in length.
    """
    by_length: dict[int, list[int]] = {}
    for place, (sent, rtts, outcomes) in enumerate(echoes):
        n = len(sent)
        if len(rtts) != n or len(outcomes) != n:
            raise ValueError(f"a round needs arrays of one length, got {n}, {len(rtts)} and {len(outcomes)}")
        by_length.setdefault(n, []).append(place)
    packed = [b""] * len(echoes)
    for n, places in by_length.items():
        octets = _pack_alike(n, [echoes[place] for place in places]).tobytes()
        size = _HEAD.size + _ECHO_OCTETS * n
        for number, place in enumerate(places):
            packed[place] = octets[number * size : (number + 1) * size]
    return packed


def _pack_alike(n: int, echoes: Sequence[Echoes]) -> npt.NDArray[np.void]:
    layout = np.dtype([
        ("version", "u1"), ("n", "<u4"), ("first", "<f8"), ("unit", "<f8"),
        ("offsets", "<u4", (n,)), ("rtts", "<f4", (n,)), ("outcomes", "u1", (n,)),
    ])  # fmt: skip
    block = np.zeros(len(echoes), layout)
    sent = np.array([departures for departures, _, _ in echoes])
    known = np.isfinite(sent)
    first = np.where(known, sent, np.inf).min(axis=1, initial=np.inf)
    first[np.isinf(first)] = 0.0
    after = np.where(known, sent - first[:, np.newaxis], 0.0)
    unit = np.maximum(1e-6, after.max(axis=1, initial=0.0) / (_UNKNOWN - 1))
    block["version"], block["n"], block["first"], block["unit"] = _VERSION, n, first, unit
    block["offsets"] = np.where(known, np.rint(after / unit[:, np.newaxis]), _UNKNOWN)
    block["rtts"] = np.array([rtts for _, rtts, _ in echoes])
    block["outcomes"] = np.array([outcomes for _, _, outcomes in echoes])
    return block


def unpack(octets: bytes) -> tuple[_Floats, _Floats, npt.NDArray[np.uint8]]:
    """Return departures, round-trip times (NaN: none) and outcomes.

    Raises:
        ValueError: naming what was expected.
    """
    if len(octets) < _HEAD.size:
        raise ValueError(f"a packed round needs at least {_HEAD.size} octets, got {len(octets)}")
    version, n, first, unit = _HEAD.unpack_from(octets)
    if version != _VERSION or len(octets) != _HEAD.size + n * _ECHO_OCTETS:
        raise ValueError(f"a packed round of version {_VERSION} with {n} echoes needs {_HEAD.size + n * _ECHO_OCTETS} "
                         f"octets, got {len(octets)} of version {version}")  # fmt: skip
    offsets = np.frombuffer(octets, "<u4", n, _HEAD.size)
    sent = np.where(offsets == _UNKNOWN, np.nan, first + offsets * unit)
    rtts = np.frombuffer(octets, "<f4", n, _HEAD.size + 4 * n).astype(np.float64)
    return sent, rtts, np.frombuffer(octets, np.uint8, n, _HEAD.size + 8 * n).copy()
