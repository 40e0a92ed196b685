"""How a telephone call over a line would be judged: the E-model of ITU-T G.107 (06/2015), whole.

R runs from 0 to 100 and becomes a mean opinion score (MOS-CQE, 1 to 4.5; G.107 Annex B). Everything about the
telephones stands at G.107's defaults (7.7), which give R = 93.2; the line gives delay, loss and delay variation. Ie and
Bpl are those of G.113 (11/2007) Appendix I.

Echoes are no call: one way is taken as half of the round trip, and echoes a second apart stand for packets 20 ms apart.
The whole variation of the round trip is taken to arise on one way: it may, and the score then errs towards worse.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log10, sqrt
from typing import Final

from agent.core.delay import Train
from agent.core.model import Echo

LEAST_ECHOES: Final = 5  # below that one lost echo says "20 % loss" of a line that may have lost one packet in a week
BURST_RATIO_MOST: Final = 8.0  # G.107 7.7: permitted range 1 to 8
_RECEIVED: Final = int(Echo.RECEIVED)
_LOST: Final = frozenset({int(Echo.LOST), int(Echo.REFUSED)})


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as G.113 rates it, sending 20 ms of speech in a packet.

    Attributes:
        impairment: Ie, what it takes of R without any loss.
        robustness: Bpl, how well it bears loss.
        packet_seconds: speech in one packet, which must be spoken before the packet can leave.
        look_ahead_seconds: what the encoder waits for beyond its frame.
    """

    name: str
    impairment: float
    robustness: float
    packet_seconds: float = 0.020
    look_ahead_seconds: float = 0.0


# G.113 Appendix I. G.711's Bpl was measured with packets of 10 ms, G.729A's with packets of 20 ms.
G711: Final = Codec("G.711", 0.0, 4.3)
G711_PLC: Final = Codec("G.711 with PLC", 0.0, 25.1)  # packet loss concealment by G.711 Appendix I
G729A: Final = Codec("G.729A", 11.0, 19.0, look_ahead_seconds=0.005)  # G.729 4.1.1: look-ahead of 5 ms


@dataclass(frozen=True, slots=True)
class Phone:
    """What stands at the ends of the line.

    Attributes:
        buffer_seconds: how long the jitter buffer holds the fastest packet. It adds as much delay, and a packet that is
            later than the fastest by more than that is lost.
        advantage: A, what users forgive for the sake of mobility (G.107 7.6): 0 for a desk telephone.
    """

    codec: Codec = G711_PLC
    buffer_seconds: float = 0.040
    advantage: float = 0.0


DESK: Final = Phone()


@dataclass(frozen=True, slots=True)
class Voice:
    """What a call would be like.

    Attributes:
        r_factor, mos: the transmission rating and the mean opinion score that follows from it.
        delay_seconds: one way, mouth to ear: line + packet + look-ahead + jitter buffer.
        lost_ratio: packets that the line loses; `discarded_ratio`: those that come too late for the buffer.
        burst_ratio: mean length of runs of both, by that of as much loss at random (BurstR of G.107 7.5); 1 where none
            is.
        echoes: how many of them say so.
    """

    r_factor: float
    mos: float
    delay_seconds: float
    lost_ratio: float
    discarded_ratio: float
    burst_ratio: float
    echoes: int


def listen(rounds: Iterable[Train], phone: Phone = DESK) -> Voice | None:
    """Return what a call over the line would have been like during these rounds, of one check and in order.

    One round of ten echoes knows loss in steps of 10 %: give the rounds of the last minute or more for finer ones.
    Bursts of echoes that are sent because of losses are left out.

    Returns:
        None where fewer than `LEAST_ECHOES` echoes have a known outcome, or none of them a round-trip time.
    """
    rtts: list[float | None] = []
    for seen in rounds:
        if seen.round.burst:
            continue
        for outcome, rtt in zip(seen.round.outcomes.tolist(), seen.round.rtts_seconds.tolist(), strict=True):
            if outcome in _LOST:
                rtts.append(None)
            elif outcome == _RECEIVED and rtt == rtt:  # not a number: answered, but not timed
                rtts.append(rtt)
    return judge(rtts, phone)


def judge(rtts_seconds: Iterable[float | None], phone: Phone = DESK) -> Voice | None:
    """Return what a call would be like over a line whose echoes, in the order of sending, took so long (None: lost)."""
    rtts = list(rtts_seconds)
    answered = [rtt for rtt in rtts if rtt is not None]
    if len(rtts) < LEAST_ECHOES or not answered:
        return None
    fastest = min(answered)
    latest = fastest + phone.buffer_seconds
    missed = [rtt is None or rtt > latest for rtt in rtts]
    lost = len(rtts) - len(answered)
    loss_ratio, burst_ratio = sum(missed) / len(rtts), burst(missed)
    codec = phone.codec
    delay = fastest / 2 + codec.packet_seconds + codec.look_ahead_seconds + phone.buffer_seconds
    r = rating(delay, effective_impairment(codec, loss_ratio, burst_ratio)) + phone.advantage
    r = min(100.0, max(0.0, r))
    return Voice(r, opinion(r), delay, lost / len(rtts), loss_ratio - lost / len(rtts), burst_ratio, len(rtts))


def burst(missed: Sequence[bool]) -> float:
    """Return BurstR (G.107 7.5) of packets in order: mean run of missed ones, by 1 / (1 - their share).

    Loss that is spread more evenly than chance (below 1) counts as random; the range ends at `BURST_RATIO_MOST`.
    Without loss, and where all is lost, it is 1.
    """
    total = sum(missed)
    if not total or total == len(missed):
        return 1.0
    runs = sum(now and not before for before, now in zip((False, *missed), missed, strict=False))
    return min(BURST_RATIO_MOST, max(1.0, total / runs * (1 - total / len(missed))))


def effective_impairment(codec: Codec, loss_ratio: float, burst_ratio: float = 1.0) -> float:
    """Return Ie-eff (G.107 7.5): the codec's impairment under so much loss."""
    percent = 100 * loss_ratio
    return codec.impairment + (95 - codec.impairment) * percent / (percent / burst_ratio + codec.robustness)


def opinion(r_factor: float) -> float:
    """Return MOS-CQE of R (G.107 Annex B); at least 1: the polynomial dips to 0.99 for R below 6.5."""
    if r_factor <= 0:
        return 1.0
    if r_factor >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r_factor + r_factor * (r_factor - 60) * (100 - r_factor) * 7e-6)


# ------------------------------------------------------------------ R: G.107 chapter 7, its names and its defaults

# 7.7, in dB, dBm0p or dB(A)
_SLR: Final = 8.0  # send loudness
_RLR: Final = 2.0  # receive loudness
_STMR: Final = 15.0  # sidetone masking
_LSTR: Final = 18.0  # listener sidetone
_DS: Final = 3.0  # D-value of the sender's telephone
_TELR: Final = 65.0  # talker echo loudness
_WEPL: Final = 110.0  # weighted echo path loss
_QDU: Final = 1.0  # quantization distortion units
_NC: Final = -70.0  # circuit noise
_NFOR: Final = -64.0  # noise floor at the receiver
_PS: Final = 35.0  # room noise at the send side
_PR: Final = 35.0  # room noise at the receive side
_DELAY_HEARD_MS: Final = 100.0  # mT: delay from which a conversation suffers, for sT = 1, the default class

_OLR: Final = _SLR + _RLR
_NOS: Final = _PS - _SLR - _DS - 100 + 0.004 * (_PS - _OLR - _DS - 14) ** 2
_PRE: Final = _PR + 10 * log10(1 + 10 ** ((10 - _LSTR) / 10))
_NOR: Final = _RLR - 121 + _PRE + 0.008 * (_PRE - 35) ** 2
_NO: Final = 10 * log10(sum(10 ** (level / 10) for level in (_NC, _NOS, _NOR, _NFOR + _RLR)))
_RO: Final = 15 - 1.5 * (_SLR + _NO)
_XOLR: Final = _OLR + 0.2 * (64 + _NO - _RLR)
_IOLR: Final = 20 * (math.pow(1 + (_XOLR / 8) ** 8, 1 / 8) - _XOLR / 8)
_Q: Final = 37 - 15 * log10(_QDU)
_G: Final = 1.07 + 0.258 * _Q + 0.0602 * _Q**2
_IQ: Final = 15 * log10(1 + 10 ** ((_RO - 100) / 15 + 46 / 8.4 - _G / 9) + 10 ** (46 / 30 - _G / 40))
_ROE: Final = -1.5 * (_NO - _RLR)
_SIDETONE_MS: Final = 1.0  # below that talker echo is sidetone, and Idte is 0


def rating(delay_seconds: float, impairment: float = 0.0, *, telr: float = _TELR, wepl: float = _WEPL) -> float:
    """Return R for a one-way delay and an effective equipment impairment; A is 0, and R is not cut to 0-100.

    Echo is heard after as long as speech is (T = Ta), and once around takes twice that (Tr = 2 Ta).
    """
    ms = 1000 * delay_seconds
    sidetone = -10 * log10(10 ** (-_STMR / 10) + exp(-ms / 4) * 10 ** (-telr / 10))
    ist = (
        12 * math.pow(1 + ((sidetone - 13) / 6) ** 8, 1 / 8)
        - 28 * math.pow(1 + ((sidetone + 1) / 19.4) ** 35, 1 / 35)
        - 13 * math.pow(1 + ((sidetone - 3) / 33) ** 13, 1 / 13)
        + 29
    )
    simultaneous = _IOLR + ist + _IQ
    return _RO - simultaneous - _talker_echo(ms, telr) - _listener_echo(2 * ms, wepl) - _delay(ms) - impairment


def _talker_echo(ms: float, telr: float) -> float:
    if ms < _SIDETONE_MS:
        return 0.0
    terv = telr - 40 * log10((1 + ms / 10) / (1 + ms / 150)) + 6 * exp(-0.3 * ms**2)
    half = (_ROE - (80 + 2.5 * (terv - 14))) / 2
    return (half + sqrt(half**2 + 100) - 1) * (1 - exp(-ms))


def _listener_echo(round_ms: float, wepl: float) -> float:
    half = (_RO - 10.5 * (wepl + 7) * math.pow(round_ms + 1, -0.25)) / 2
    return half + sqrt(half**2 + 169)


def _delay(ms: float) -> float:
    if ms <= _DELAY_HEARD_MS:
        return 0.0
    x = log10(ms / _DELAY_HEARD_MS) / log10(2)
    return 25 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)
