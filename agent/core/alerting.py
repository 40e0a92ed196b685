"""What Alertmanagers are told by the agent itself: the alerts that fire, the ones that have ended, and until when.

The pages that are due are worked out anew from what is believed at each moment. What rules of Prometheus do beside that
is done here: an alert is held while its target is unknown, and over a restart of the agent. An alert that nobody tells
any more ends by itself at its `endsAt`: that bounds how long a page can outlive an agent that died.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.core.interfaces import labels
from agent.core.model import Health, Mark, Page, State, Urgency, Verdict
from agent.core.picture import DevicePoll, Picture
from agent.core.watch import is_down

# Told every so often; Alertmanager keeps its alerts in memory only, so a restart of it loses them for so long at most.
RESEND_SECONDS: Final = 30.0
# How long an alert lasts without being told again: a server that reboots is back by then, with the same page open.
HOLD_SECONDS: Final = 600.0
# How long an end is told: an Alertmanager that was not reached has ended the alert by itself after HOLD_SECONDS, and
# one that was restarted just after it took the end hears it again.
ENDED_SECONDS: Final = HOLD_SECONDS + 2 * RESEND_SECONDS
# An alert that nobody remembers, of a target that this run has not measured yet, waits for that, so long at most: what
# the ledger calls down may have recovered hours ago.
CONFIRM_SECONDS: Final = 120.0
# What comes with the polls of a device ends when a poll says so, or after the `keep_firing_for` of the rules.
KEPT_SECONDS: Final = {"InterfaceDown": 300.0, "HardwareFlag": 3600.0}
MOST_ALERTS: Final = 50_000  # as many as the largest estate could have at once; a memory with more is not ours

Key = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """Where and how to tell one; `repr` shows no secret.

    Attributes:
        url: `http(s)://HOST:PORT` with its prefix, no slash at the end; its name in metrics and logs.
        authorization: the whole header, from `basic_auth` or `authorization`; empty for none.
        ca_file: whom to trust instead of the system's authorities.
        cert_file, key_file: the agent's own certificate.
        server_name: the name that the certificate must bear, where it is not the host's.
        verify: whether the certificate is checked at all.
        problem: why it cannot be used (a secret that is missing).
    """

    url: str
    timeout_seconds: float = 5.0
    authorization: str = field(default="", repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    verify: bool = True
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as Alertmanagers know it.

    Attributes:
        since: when the failure began.
        due_at: the last moment at which its page was due.
        ended_at: None while it fires.
    """

    labels: Mapping[str, str]
    summary: str
    description: str
    since: datetime
    due_at: datetime
    ended_at: datetime | None = None

    @property
    def key(self) -> Key:
        """Return what tells it from others: two alerts with the same labels are one."""
        return frozenset(self.labels.items())


class Standing:
    """The alerts that fire and those that ended a short while ago.

    Attributes:
        unsettled: whether one is held, or waits to be measured: then `follow` has to be called again soon.
        began: whether the last `follow` has found one that began.
    """

    def __init__(self, remembered: Iterable[Alert] = ()) -> None:
        """Begin with what Alertmanagers had been told before (`recall`)."""
        self.firing: dict[Key, Alert] = {}
        self.ended: dict[Key, Alert] = {}
        self.unsettled = True
        self.began = False
        # Ends of the former run. It may have been killed before it could write that an alert fires again: they are
        # told once it is known that it does not.
        self._former: dict[Key, Alert] = {}
        for alert in remembered:
            (self.firing if alert.ended_at is None else self._former)[alert.key] = alert

    def follow(self, picture: Picture, now: datetime) -> bool:
        """Take the pages that are due now; return whether an alert began or ended."""
        due = {frozenset(page.labels.items()): page for page in picture.pages}
        before = self.firing
        self.unsettled = self.began = False
        over = self._settle_former(due.keys(), picture, now)
        after: dict[Key, Alert] = {}
        for key, page in due.items():
            if key in before or may_begin(page, picture, now):
                self.began |= key not in before
                after[key] = Alert(page.labels, page.summary, page.description, page.since, now)
                self.ended.pop(key, None)
            else:
                self.unsettled = True
        for key, alert in before.items():
            if key in due:
                continue
            if stands(alert, picture, now):
                after[key] = alert
                self.unsettled = True
            else:
                over[key] = replace(alert, ended_at=now)
        self.firing = after
        ended = self.ended | over
        self.ended = {key: alert for key, alert in ended.items() if _lately(alert.ended_at, now, ENDED_SECONDS)}
        return self.began or bool(over)

    def _settle_former(self, due: Collection[Key], picture: Picture, now: datetime) -> dict[Key, Alert]:
        """Return the ends of the former run of which it is known by now that they hold."""
        doubtful: dict[Key, Alert] = {}
        over: dict[Key, Alert] = {}
        for key, alert in self._former.items():
            if key not in due:
                (doubtful if stands(alert, picture, now) else over)[key] = alert
        self._former = doubtful
        self.unsettled |= bool(doubtful)
        return over

    def alerts(self) -> list[Alert]:
        """Return all that Alertmanagers are to be told, the most urgent first."""
        return [*self.firing.values(), *self.ended.values()]

    def kept(self) -> list[Alert]:
        """Return what the next run must know: what is told, and the ends that are not told yet."""
        return [*self.alerts(), *self._former.values()]


def may_begin(page: Page, picture: Picture, now: datetime) -> bool:
    """Say whether a page that is not told yet may be: one that rests on the former run waits for a measurement."""
    if page.alert == "HardwareFlag" or not _lately(picture.started_at, now, CONFIRM_SECONDS):
        return True
    if check := page.labels.get("check"):
        return _heard(picture, page.target, check)
    return _measured(picture, page.target)


def stands(alert: Alert, picture: Picture, now: datetime) -> bool:
    """Say whether an alert goes on although its page is not due now: not knowing ends nothing.

    What ends it at once is known without a measurement: its target is gone, pages nobody, or is under maintenance.
    """
    name, what = alert.labels.get("target", ""), alert.labels.get("alertname", "")
    target = picture.estate.targets.get(name)
    verdict = picture.verdicts.get(name, Verdict())
    if target is None or target.urgency is Urgency.NEVER or Mark.MAINTENANCE in verdict.marks:
        return False
    if (kept := KEPT_SECONDS.get(what)) is not None:
        return _lately(alert.due_at, now, kept) and not _over(alert, picture.polls.get(name), now)
    return verdict.state is State.UNKNOWN


def body(alerts: Iterable[Alert], now: datetime, *, source: str, runbooks: str) -> list[dict[str, Any]]:
    """Return alerts as `POST /api/v2/alerts` takes them (Alertmanager, api/v2/openapi.yaml, `postableAlerts`).

    Args:
        source: the address of the status page.
        runbooks: the address below which each alert has its page.
    """
    return [
        {
            "labels": dict(alert.labels),
            "annotations": {
                "summary": alert.summary,
                "description": alert.description,
                "runbook_url": f"{runbooks}/{alert.labels.get('alertname', '')}",
            },
            # an end before the beginning is refused; a clock that was set must not lead to one
            "startsAt": min(alert.since, alert.ended_at or now).isoformat(),
            "endsAt": (alert.ended_at or now + timedelta(seconds=HOLD_SECONDS)).isoformat(),
            "generatorURL": source,
        }
        for alert in alerts
    ]


def remember(alerts: Sequence[Alert], now: datetime) -> str:
    """Return what the next run of the agent must know of what was told, as text for a file."""
    return json.dumps(
        {
            "told_at": now.isoformat(),
            "alerts": [
                {
                    "labels": dict(alert.labels),
                    "summary": alert.summary,
                    "description": alert.description,
                    "since": alert.since.isoformat(),
                    "due_at": alert.due_at.isoformat(),
                    "ended_at": alert.ended_at and alert.ended_at.isoformat(),
                }
                for alert in alerts
            ],
        }
    )


def recall(text: str, now: datetime) -> tuple[Alert, ...]:
    """Return what Alertmanagers still hold of what `remember` wrote: nothing when it was told too long ago.

    Raises:
        ValueError: the text is not of `remember`.
    """
    try:
        document = json.loads(text)
        told_at = datetime.fromisoformat(document["told_at"]).astimezone(UTC)
        entries = document["alerts"][:MOST_ALERTS]
        alerts = tuple(_recalled(entry) for entry in entries)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a memory of alerts: {error!r}") from error
    return alerts if _lately(told_at, now, HOLD_SECONDS) else ()


def _recalled(entry: Mapping[str, Any]) -> Alert:
    labels = {str(name): str(value) for name, value in entry["labels"].items()}
    since, due_at = (datetime.fromisoformat(entry[name]).astimezone(UTC) for name in ("since", "due_at"))
    ended_at = entry["ended_at"] and datetime.fromisoformat(entry["ended_at"]).astimezone(UTC)
    return Alert(labels, str(entry["summary"]), str(entry["description"]), since, due_at, ended_at)


def _lately(moment: datetime | None, now: datetime, seconds: float) -> bool:
    """Say whether a moment is at most so long ago; one in the future is of another clock, and as far away at most."""
    return moment is not None and abs((now - moment).total_seconds()) <= seconds


def _over(alert: Alert, poll: DevicePoll | None, now: datetime) -> bool:
    """Say whether a poll tells that what an alert is about is no more.

    An interface that is found down once is no page yet; after a restart that must not end the alert of the former run.
    """
    if poll is None or not (poll.success and poll.complete and now <= poll.fresh_until):
        return False
    names = labels(poll.interfaces)
    own = [one for name, one in zip(names, poll.interfaces, strict=True) if name == alert.labels.get("interface")]
    return all(is_down(one) is False for one in own)


def _heard(picture: Picture, target: str, check: str) -> bool:
    return picture.health.get((target, check), Health()).heard_at is not None


def _measured(picture: Picture, name: str) -> bool:
    """Say whether a target's state rests on what this run has measured: on a failure that it saw, or on all checks."""
    target = picture.estate.targets[name]
    heard = {check.name: _heard(picture, name, check.name) for check in target.checks if check.decisive}
    failed = any(heard[check] and picture.health[name, check].state is State.DOWN for check in heard)
    members = all(_measured(picture, member) for member in target.members if member in picture.estate.targets)
    return members and (failed or all(heard.values()))
