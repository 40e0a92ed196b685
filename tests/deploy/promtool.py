"""Situations for `promtool test rules`: what is true second by second, scraped by one or two jobs that may fail."""

import subprocess
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

RULES: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "linewarden.rules.yml"
INSTANCE: Final = "127.0.0.1:9799"
STATES: Final = {"u": "up", "e": "degraded", "d": "down", "x": "unreachable", "n": "unknown", "-": None}
FAST: Final = {"linewarden-state": 1}
SLOW: Final = {"linewarden": 15}
BOTH: Final = FAST | SLOW

Series = tuple[str, Callable[[int], float | None]]  # name and labels; the value at a second, None where it is not there


@dataclass(frozen=True, slots=True)
class Thing:
    """One target of a situation.

    Attributes:
        story: what is true of it, one letter for each second (see STATES; the last letter goes on): u, d, x, n, e,
            or - while it is no part of the estate.
        marks: mark -> seconds in which it stands.
        cause: for the seconds in which it is unreachable.
        checks: further checks that do not decide -> their story.
        kept: alerts that maintenance does not end -> seconds in which the agent says so.
    """

    name: str
    story: str
    role: str = "device"
    kind: str = "switch"
    page: str = "hours"
    site: str = ""
    owner: str = ""
    group: str = ""
    supplier: str = "ExampleTel"
    reference: str = ""
    cause: str = ""
    marks: Mapping[str, Container[int]] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Container[int]] = field(default_factory=dict)

    def state(self, second: int, story: str | None = None) -> str | None:
        """Return the state at that second; None while it is not watched."""
        text = self.story if story is None else story
        return STATES[text[min(second, len(text) - 1)]]


def circuit(name: str, story: str, **more: Any) -> Thing:  # noqa: ANN401 - the fields of Thing
    """Return a circuit that is paged at once, with a reference of its own."""
    return Thing(
        name, story, **{"role": "circuit", "kind": "circuit", "page": "now", "reference": f"REF-{name}"} | more
    )


def group(name: str, story: str, **more: Any) -> Thing:  # noqa: ANN401 - the fields of Thing
    """Return a group of circuits."""
    return Thing(name, story, **{"role": "group", "kind": "group", "page": "now"} | more)


@dataclass(frozen=True, slots=True)
class Situation:
    """Things, and how they are scraped.

    Attributes:
        jobs: job -> scrape interval in seconds.
        offset: second of the slow job's first scrape.
        failing: job (or "" for all) -> seconds in which its scrapes fail.
    """

    things: tuple[Thing, ...]
    seconds: int
    jobs: Mapping[str, int] = field(default_factory=lambda: dict(BOTH))
    offset: int = 0
    failing: Mapping[str, range] = field(default_factory=dict)
    own: Mapping[str, Callable[[int], float | None]] = field(default_factory=dict)

    def series(self) -> Iterable[Series]:
        """Yield every series of the agent."""
        yield 'linewarden_build_info{target="dc1",version="0.1.0"}', lambda _: 1.0
        yield from self.own.items()
        for thing in self.things:
            yield from _series_of(thing)

    def document(self, left_over: Iterable[str] = ()) -> list[dict[str, str]]:
        """Return promtool's `input_series`, one value a second.

        Args:
            left_over: rows that stand there from the beginning, and are never marked as stale.
        """
        found = [{"series": row, "values": "0"} for row in left_over]
        for job, interval in self.jobs.items():
            failing = [seconds for who, seconds in self.failing.items() if who in ("", job)]
            labels = f'job="{job}",instance="{INSTANCE}"'
            offset = self.offset if interval > 1 else 0

            def scraped(second: int, *, offset: int = offset, interval: int = interval) -> bool:
                return second >= offset and (second - offset) % interval == 0

            def fails(second: int, failing: list[range] = failing) -> bool:
                return any(second in span for span in failing)

            ups = ["_" if not scraped(s) else "0" if fails(s) else "1" for s in range(self.seconds)]
            found.append({"series": f"up{{{labels}}}", "values": " ".join(ups)})
            for text, value in self.series():
                found.append({"series": text.replace("{", f"{{{labels},", 1), "values": _values(
                    self.seconds, value, scraped, fails)})  # fmt: skip
        return found


def _series_of(thing: Thing) -> Iterable[Series]:
    def there(second: int) -> float | None:
        return None if thing.state(second) is None else 1.0

    def believed(state: str, story: str | None = None) -> Callable[[int], float | None]:
        return lambda second: None if thing.state(second) is None else float(thing.state(second, story) == state)

    def marked(span: Container[int]) -> Callable[[int], float | None]:
        return lambda second: float(second in span)

    name = f'target="{thing.name}"'
    where = f'{name},kind="{thing.kind}",site="{thing.site}"'
    for state in filter(None, STATES.values()):
        yield f'linewarden_target_state{{{where},state="{state}"}}', believed(state)
        for check, story in thing.checks.items():
            yield f'linewarden_check_state{{{name},check="{check}",state="{state}"}}', believed(state, story)
    for mark in ("flapping", "maintenance", "redundancy_lost"):
        yield f'linewarden_target_mark{{{name},mark="{mark}"}}', marked(thing.marks.get(mark, ()))
    yield from _held_series(thing, name)
    if thing.cause:
        text = f'linewarden_root_cause{{{name},cause="{thing.cause}"}}'
        yield text, lambda second: 1.0 if thing.state(second) == "unreachable" else None
        if thing.role in {"site", "service"}:
            yield f'linewarden_lost_with{{{name},cause="{thing.cause}"}}', there
    known = {"role": thing.role, "title": thing.name, "owner": thing.owner, "address": "", "page": thing.page}
    info = ",".join(f'{label}="{value}"' for label, value in known.items())
    yield f"linewarden_target_info{{{where},{info}}}", there
    if thing.role == "circuit":
        facts = {"supplier": thing.supplier, "reference": thing.reference, "group": thing.group}
        facts |= {"site_a": "a", "site_b": "b", "role": ""}
        info = ",".join(f'{label}="{value}"' for label, value in facts.items())
        yield f"linewarden_circuit_info{{{name},{info}}}", there


def _held_series(thing: Thing, name: str) -> Iterable[Series]:
    """Yield what opens or keeps alerts beside the state."""

    def kept(span: Container[int]) -> Callable[[int], float | None]:
        return lambda second: 1.0 if second in span else None

    if "e" in thing.story:
        yield (
            f"linewarden_target_degraded_alone{{{name}}}",
            lambda second: None if thing.state(second) != "degraded" else float(not thing.cause),
        )
    for alert, seconds in thing.kept.items():
        yield f'linewarden_page_kept{{{name},alert="{alert}"}}', kept(seconds)


def _values(
    seconds: int, value: Callable[[int], float | None], scraped: Callable[[int], bool], fails: Callable[[int], bool]
) -> str:
    out, there = [], False
    for second in range(seconds):
        if not scraped(second):
            out.append("_")
            continue
        now = None if fails(second) else value(second)
        out.append(f"{now:g}" if now is not None else "stale" if there else "_")
        there = now is not None
    return " ".join(out)


def check(
    folder: Path,
    situation: Situation,
    expected: Mapping[int, Iterable[str]],
    *,
    every: int = 1,
    left_over: Iterable[str] = (),
) -> None:
    """Let promtool judge: at each second exactly these alerts fire, as `NAME TARGET SEVERITY`, each once.

    Args:
        every: seconds between two evaluations of the rules.
        left_over: as for `Situation.document`.

    Raises:
        AssertionError: with what promtool says.
    """
    fired = 'count by (alertname, target, severity) (ALERTS{alertstate="firing", alertname!="LinewardenWatchdog"})'
    tests = [
        {
            "expr": fired,
            "eval_time": f"{second}s",
            "exp_samples": [
                {"labels": '{{alertname="{}", target="{}", severity="{}"}}'.format(*text.split()), "value": 1}
                for text in texts
            ],
        }
        for second, texts in expected.items()
    ]
    run(
        folder,
        {"interval": "1s", "input_series": situation.document(left_over), "promql_expr_test": tests},
        every=every,
    )


def run(folder: Path, test: Mapping[str, Any], *, every: int = 1) -> None:
    """Run one promtool test on the shipped rules."""
    document = {"rule_files": [str(RULES)], "evaluation_interval": f"{every}s", "tests": [dict(test)]}
    path = folder / "test.yml"
    path.write_text(yaml.safe_dump(document, width=10_000, sort_keys=False))
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
