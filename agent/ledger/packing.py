"""The echoes of one round as octets: 21 for the head and 9 for each echo, against some 400 as objects.

Layout, little endian: version (u8), n (u32), Unix time of the first departure (f64), unit of the offsets in seconds
(f64); then n offsets (u32, all ones: not known), n round-trip times in seconds (f32, NaN: none), n outcomes (u8). A
float32 keeps a round-trip time of 30 ms to 2 ns; an offset is kept to the microsecond in rounds of up to 71 minutes.
"""

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

_HEAD: Final = struct.Struct("<BIdd")
_VERSION: Final = 1
_UNKNOWN: Final = 0xFFFFFFFF
_ECHO_OCTETS: Final = 9

_Floats = npt.NDArray[np.float64]


def pack(sent_at_seconds: _Floats, rtts_seconds: _Floats, outcomes: npt.NDArray[np.uint8]) -> bytes:
    """Return the packed echoes.

    Raises:
        ValueError: when the three arrays differ in length.
    """
    n = len(sent_at_seconds)
    if len(rtts_seconds) != n or len(outcomes) != n:
        raise ValueError(f"a round needs arrays of one length, got {n}, {len(rtts_seconds)} and {len(outcomes)}")
    known = np.isfinite(sent_at_seconds)
    first = float(sent_at_seconds[known].min()) if known.any() else 0.0
    span = float(sent_at_seconds[known].max()) - first if known.any() else 0.0
    unit = max(1e-6, span / (_UNKNOWN - 1))
    offsets = np.full(n, _UNKNOWN, dtype="<u4")
    offsets[known] = np.rint((sent_at_seconds[known] - first) / unit).astype("<u4")
    return b"".join((
        _HEAD.pack(_VERSION, n, first, unit),
        offsets.tobytes(),
        rtts_seconds.astype("<f4").tobytes(),
        outcomes.astype("u1").tobytes(),
    ))  # fmt: skip


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
