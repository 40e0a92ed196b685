"""How well a check is answered: each round held against its own past and against what was agreed.

Delay: large rises are told by the median of the last rounds over the usual (`agent.core.baseline`), small lasting ones
by level shifts (`agent.core.shift`). Delay variation: by the former alone. Loss: found echo by echo in the engine
(`agent.core.loss`) and told from there. Objectives: by the same medians, loss over a quarter of an hour, voice over a
minute. Every trouble of the past ends at a lower threshold than it began.
"""

import base64
import json
import math
import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from agent.core.baseline import Baseline, Margins
from agent.core.delay import Train, format_milliseconds
from agent.core.model import Against, Aspect, Check, Event, EventKind, Loss, Target, Trouble
from agent.core.shift import LevelShift, Shifts
from agent.core.voice import Voice, listen

SNAPSHOT_VERSION: Final = 1
FRESH_SECONDS: Final = 900.0  # older last rounds are no neighbours of the next one
_DELAY_MARGINS: Final = Margins()
_VARIATION_MARGINS: Final = Margins(ratio=1.0)  # it varies by its nature: twice the usual is the least to tell
_SHIFT_RATIO: Final = 0.1  # a level shift is certain of its place, so that less of a rise is told by it
_TOLD_SECONDS: Final = 0.001  # a level that moved by less, or by less than a tenth, is no line in the record
_VARIATION_ECHOES: Final = 5  # fewer have no percentile to speak of
_STARTS: Final = 32  # a shift is told eight samples after it began, or a few more where some were lost
_FAST_SECONDS: Final = 20.0
_LOSS_SECONDS: Final = 900.0
_LOSS_PART_SECONDS: Final = 60.0
_VOICE_SPAN: Final = timedelta(seconds=60)
_LOSS_LEAST: Final = 3  # one burst of two is no breach of an objective
_Key = tuple[Aspect, Against]


@dataclass(frozen=True, slots=True)
class Objectives:
    """What was agreed of a line; None where nothing was."""

    rtt_seconds: float | None = None
    loss_ratio: float | None = None
    pdv_seconds: float | None = None
    mos: float | None = None


def objectives_of(target: Target) -> Objectives:
    """Return what was agreed of a target: of a circuit, by its contract."""
    facts = target.circuit
    if facts is None:
        return Objectives()
    return Objectives(
        facts.objective_rtt_seconds, facts.objective_loss_ratio, facts.objective_pdv_seconds, facts.objective_mos
    )


class Quality:
    """What is known of one check's quality.

    Attributes:
        delay, variation: what is usual of the rounds' median round-trip time and delay variation (RFC 5481, p95).
        at: Unix time of the last round; 0 before there was one.
        voice: what a call would have been like in the last minute; None where that is not kept, or not known.
        shifts_up, shifts_down: level shifts of the delay since the agent began.
    """

    def __init__(self, check: Check, objectives: Objectives, *, voice: bool = True, small_shifts: bool = False) -> None:
        """Begin knowing nothing of this check.

        Args:
            voice: whether the quality of voice is kept as well: it costs more than all the rest.
            small_shifts: whether to tell of level shifts that nobody would notice; the counters have all of them.
        """
        spacing = max(check.interval_seconds, float(getattr(check.settings, "round", 0.0)))
        window = 13 if spacing < _FAST_SECONDS else 9  # a trouble of a minute, not of half of one
        self.check = check
        self.objectives = objectives
        self.delay = Baseline(window)
        self.variation = Baseline(window)
        self.at = 0.0
        self._small_shifts = small_shifts
        self.voice: Voice | None = None
        self._opinions = Baseline(window) if voice else None
        self._minute: list[Train] = []  # lists: an empty deque takes 600 octets
        self.shifts_up = self.shifts_down = 0
        self._shifts = Shifts()
        self._starts = array("d")  # when the last samples of `_shifts` began
        self._pushed = 0
        self._lost: list[tuple[float, int, int]] = []  # (minute, sent, lost)
        self._open: dict[_Key, Trouble] = {}

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """The troubles that are open now."""
        return tuple(self._open.values())

    @property
    def ways(self) -> frozenset[tuple[Aspect, Against]]:
        """In what ways it is worse than it should be now."""
        return frozenset(self._open)

    def look(self, seen: Train, *, outage: bool = False) -> list[Event]:
        """Take a regular round.

        Args:
            outage: the check was down in a part of it, which is told as such: what was lost counts for no objective.

        Returns:
            What is worth a line in the record by itself: level shifts of the delay.
        """
        at = seen.first if seen.sent else seen.round.ended_at.timestamp()
        self.at = at
        if not outage:
            self._count(at, seen.sent, seen.sent - seen.received)
        events: list[Event] = []
        if seen.ordered:
            median = max(seen.rtt[3], 0.0)  # stamps of a clock that is being slewed
            self.delay.push(at, median, learn=not self._has(Aspect.DELAY))
            events = self._shift(at, median, seen.round.ended_at)
            self._weigh_delay(at)
            if len(seen.ordered) >= _VARIATION_ECHOES:
                self.variation.push(at, seen.pdv[1], learn=not self._has(Aspect.DELAY_VARIATION))
                self._weigh_variation(at)
        elif seen.sent:
            events = self._shift(at, None, seen.round.ended_at)
        if self._opinions is not None and not outage:
            self._listen(self._opinions, seen, at)
        self._weigh_loss(at)
        return events

    def lose(self, item: Loss) -> None:
        """Take what the engine says of loss."""
        key = (Aspect.LOSS, Against.PAST)
        if item.over:
            self._open.pop(key, None)
            return
        text = f"{item.lost} of {item.echoes} echoes lost ({item.ratio:.1%}), usually {_ratio(item.usual_ratio)}"
        self._open[key] = Trouble(*key, item.since, item.ratio, item.usual_ratio, text, item.rule)

    def _has(self, aspect: Aspect) -> bool:
        return (aspect, Against.PAST) in self._open

    # ------------------------------------------------------------------ delay

    def _shift(self, at: float, median: float | None, now: datetime) -> list[Event]:
        self._starts.append(at)
        if len(self._starts) > _STARTS:
            del self._starts[0]
        self._pushed += 1
        found = self._shifts.push(median)
        if found is None:
            return []
        back = self._pushed - found.index
        began = self._starts[-back] if back <= len(self._starts) else self._starts[0]
        self._follow(found, began, at)
        old, new = format_milliseconds(found.old_seconds), format_milliseconds(found.new_seconds)
        way = "rose" if found.new_seconds > found.old_seconds else "fell"
        if way == "rose":
            self.shifts_up += 1
        else:
            self.shifts_down += 1
        least = 0.0 if self._small_shifts else max(_TOLD_SECONDS, _SHIFT_RATIO * found.old_seconds)
        if abs(found.new_seconds - found.old_seconds) < least:
            return []
        evidence = (
            ("old_seconds", found.old_seconds), ("new_seconds", found.new_seconds), ("score", found.score),
            ("rounds_to_decide", float(found.decided_index - found.index)),
        )  # fmt: skip
        return [
            Event(
                EventKind.LEVEL, datetime.fromtimestamp(began, UTC), now, self.check.target, old, new,
                f"the level of the round-trip time {way} from {old} to {new}", check=self.check.name, evidence=evidence,
            )
        ]  # fmt: skip

    def _follow(self, found: LevelShift, began: float, at: float) -> None:
        """Open a trouble for a level that rose well above the usual; end it with one that fell back."""
        key = (Aspect.DELAY, Against.PAST)
        usual = self.delay.usual(at)
        if usual is None:
            usual = found.old_seconds
        least = max(_DELAY_MARGINS.least, _SHIFT_RATIO * usual)
        rose = found.new_seconds > found.old_seconds
        if rose and found.new_seconds - usual >= least and key not in self._open:
            since = datetime.fromtimestamp(began, UTC)
            text = _delay_text(found.new_seconds, usual)
            self._open[key] = Trouble(*key, since, found.new_seconds, usual + least / 2, text, "level_shift")
        elif not rose and found.new_seconds - usual < least / 2:
            self._open.pop(key, None)

    def _weigh_delay(self, at: float) -> None:
        present = self.delay.present
        if present is None:
            return
        self._weigh_past(Aspect.DELAY, self.delay, _DELAY_MARGINS, at)
        self._weigh_agreed(Aspect.DELAY, self.delay, present, self.objectives.rtt_seconds, "round-trip time")

    def _weigh_variation(self, at: float) -> None:
        present = self.variation.present
        if present is None:
            return
        self._weigh_past(Aspect.DELAY_VARIATION, self.variation, _VARIATION_MARGINS, at)
        self._weigh_agreed(
            Aspect.DELAY_VARIATION, self.variation, present, self.objectives.pdv_seconds, "delay variation"
        )

    def _weigh_past(self, aspect: Aspect, line: Baseline, margins: Margins, at: float) -> None:
        limits = line.limits(at, margins)
        present = line.present
        assert present is not None
        if limits is None:
            return
        usual, worse, over = limits
        key = (aspect, Against.PAST)
        known = self._open.get(key)
        text = _delay_text(present, usual) if aspect is Aspect.DELAY else _variation_text(present, usual)
        if known is not None:
            if present <= (known.limit if known.rule == "level_shift" else over):
                del self._open[key]
            else:
                self._open[key] = replace(known, value=present, detail=text)
        elif present > worse:
            since = datetime.fromtimestamp(line.above_since(worse), UTC)
            self._open[key] = Trouble(*key, since, present, worse, text, "floor")

    def _weigh_agreed(self, aspect: Aspect, line: Baseline, present: float, agreed: float | None, words: str) -> None:
        key = (aspect, Against.OBJECTIVE)
        if agreed is None or present <= agreed:
            self._open.pop(key, None)
            return
        text = f"{words} {format_milliseconds(present)}, agreed are {format_milliseconds(agreed)}"
        known = self._open.get(key)
        since = known.since if known is not None else datetime.fromtimestamp(line.above_since(agreed), UTC)
        self._open[key] = Trouble(*key, since, present, agreed, text, "objective")

    def _listen(self, line: Baseline, seen: Train, at: float) -> None:
        """Judge the voice of the last minute, and hold it against the objective."""
        minute = self._minute
        minute.append(seen)
        while seen.round.ended_at - minute[0].round.ended_at >= _VOICE_SPAN:
            del minute[0]
        self.voice = listen(minute)
        if self.voice is None:
            return
        agreed = self.objectives.mos
        line.push(at, -self.voice.mos)  # so that more is worse, as everywhere here
        key = (Aspect.VOICE, Against.OBJECTIVE)
        if agreed is None or line.present is None or -line.present >= agreed:
            self._open.pop(key, None)
            return
        text = f"voice quality MOS {-line.present:.2f} (ITU-T G.107), agreed is {agreed:.2f}"
        known = self._open.get(key)
        since = known.since if known is not None else datetime.fromtimestamp(line.above_since(-agreed), UTC)
        self._open[key] = Trouble(*key, since, -line.present, agreed, text, "objective")

    # ------------------------------------------------------------------ loss

    def _count(self, at: float, sent: int, lost: int) -> None:
        if self.objectives.loss_ratio is None:
            return
        counts = self._lost
        minute = at // _LOSS_PART_SECONDS * _LOSS_PART_SECONDS
        if counts and counts[-1][0] == minute:
            counts[-1] = (minute, counts[-1][1] + sent, counts[-1][2] + lost)
        else:
            counts.append((minute, sent, lost))
        while counts[0][0] <= at - _LOSS_SECONDS:
            del counts[0]

    def _weigh_loss(self, at: float) -> None:
        """Hold the loss of a quarter of an hour against the objective.

        A breach must be more than chance makes of a line that keeps the objective: three standard deviations of the
        number of losses above it, and three losses. It is over once the ratio itself keeps it.
        """
        agreed = self.objectives.loss_ratio
        if agreed is None:
            return
        sent, lost = sum(part[1] for part in self._lost), sum(part[2] for part in self._lost)
        key = (Aspect.LOSS, Against.OBJECTIVE)
        known = self._open.get(key)
        chance = agreed * sent + 3 * math.sqrt(agreed * sent)
        if not lost or lost <= agreed * sent:
            self._open.pop(key, None)
        elif known is not None or (lost >= _LOSS_LEAST and lost > chance):
            ratio = lost / sent
            text = f"{lost} of {sent} echoes lost in a quarter of an hour ({ratio:.1%}), agreed are {_ratio(agreed)}"
            first = next(part[0] for part in self._lost if part[2])
            since = known.since if known is not None else datetime.fromtimestamp(min(first, at), UTC)
            self._open[key] = Trouble(*key, since, ratio, agreed, text, "objective")

    # ------------------------------------------------------------------ over a restart

    def snapshot(self) -> bytes:
        """Return all that is known, compressed: some 2-8 KB."""
        document = {
            "version": SNAPSHOT_VERSION, "delay": self.delay.state(), "variation": self.variation.state(),
            "shifts": base64.b64encode(self._shifts.snapshot()).decode(), "pushed": self._pushed,
            "starts": list(self._starts), "lost": list(self._lost),
            "open": [
                [one.aspect, one.against, one.since.timestamp(), one.value, one.limit, one.detail, one.rule]
                for one in self._open.values()
            ],
        }  # fmt: skip
        return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)

    def resume(self, state: bytes, taken_at: float, at: float) -> None:
        """Go on from a snapshot. What was learnt stays for two weeks; the last rounds only while they are the last.

        Args:
            taken_at, at: when it was taken, and now; Unix times.

        Raises:
            ValueError: that is no snapshot of this version.
        """
        try:
            document = json.loads(_unpacked(state))
            if document["version"] != SNAPSHOT_VERSION:
                raise ValueError(f"a snapshot of version {document['version']}")
            fresh = 0 <= at - taken_at <= FRESH_SECONDS
            self._resume(document, at, fresh=fresh)
        except (KeyError, TypeError, AttributeError, IndexError, zlib.error, OverflowError) as error:
            raise ValueError(f"no snapshot of a check's quality: {error!r}") from error

    def _resume(self, document: Mapping[str, Any], at: float, *, fresh: bool) -> None:
        self.delay.resume(document["delay"], at, fresh=fresh)
        self.variation.resume(document["variation"], at, fresh=fresh)
        if not fresh:
            return
        self._shifts = Shifts.resume(base64.b64decode(document["shifts"], validate=True))
        self._pushed = int(document["pushed"])
        self._starts = array("d", [float(start) for start in document["starts"]])
        self._lost.extend((float(minute), int(sent), int(lost)) for minute, sent, lost in document["lost"])
        for aspect, against, since, value, limit, detail, rule in document["open"]:
            key = (Aspect(aspect), Against(against))
            moment = datetime.fromtimestamp(float(since), UTC)
            self._open[key] = Trouble(*key, moment, float(value), float(limit), str(detail), str(rule))


_MOST_OCTETS: Final = 1 << 20


def _unpacked(state: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(state, _MOST_OCTETS)
    if not unpacker.eof:
        raise ValueError("a snapshot that is cut off, or too long")
    return text


def _delay_text(present: float, usual: float) -> str:
    return f"round-trip time {format_milliseconds(present)}, usually {format_milliseconds(usual)}"


def _variation_text(present: float, usual: float) -> str:
    return f"delay variation {format_milliseconds(present)}, usually {format_milliseconds(usual)}"


def _ratio(value: float) -> str:
    return f"{value:.1%}" if value >= 0.01 else f"{value:.2%}"


class Qualities:
    """The quality of every check that has echoes."""

    def __init__(self, targets: Iterable[Target]) -> None:
        """Begin with these."""
        self._of: dict[tuple[str, str], Quality] = {}
        self.swap(targets)

    def swap(self, targets: Iterable[Target], renamed: Mapping[str, str] | None = None) -> None:
        """Take a new configuration: what stays keeps what it knows.

        Args:
            renamed: new name -> former name.
        """
        before, self._of = self._of, {}
        for target in targets:
            objectives = objectives_of(target)
            for check in target.checks:
                if check.type != "icmp":
                    continue
                former = (renamed or {}).get(target.name, target.name)
                known = before.get((former, check.name))
                if known is None or known.check.interval_seconds != check.interval_seconds:
                    known = Quality(check, objectives, voice=target.circuit is not None)
                known.check, known.objectives = check, objectives
                self._of[target.name, check.name] = known

    def get(self, key: tuple[str, str]) -> Quality | None:
        """Return what is known of one check; None where it has no echoes."""
        return self._of.get(key)

    def items(self) -> Iterable[tuple[tuple[str, str], Quality]]:
        """Return all of them."""
        return self._of.items()
