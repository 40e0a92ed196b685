"""The whole way of a page: exposition, Prometheus with the shipped rules, Alertmanager, receiver, and restarts."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from agent.core.model import CircuitFacts, Estate, Health, Role, State, Target, Urgency, Verdict
from agent.core.picture import Picture
from tests.deploy.serving import DEPLOY, scrape_configuration, served
from tests.lab.alertmanager import BINARY, Receiver, alertmanager, lab_configuration, webhook_receiver
from tests.lab.prometheus import Prometheus

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Alertmanager: apt-get install prometheus-alertmanager")

RULES: Final = (DEPLOY / "prometheus" / "linewarden.rules.yml").read_text()
CIRCUIT: Final = Target(
    "enc-crown",
    Role.CIRCUIT,
    "circuit",
    "enc-crown",
    owners=("enc",),
    urgency=Urgency.NOW,
    circuit=CircuitFacts("ExampleTel", "ETH/20417", ("enc", "crown")),
)
BEHIND: Final = (
    Target("enc", Role.SITE, "site", "Newtown", owners=("enc",), members=("enc-crown",)),
    Target("enc-sw1", Role.DEVICE, "switch", "enc-sw1", "enc", ("enc",), urgency=Urgency.NOW),
)


def _picture(*, cut: bool) -> Picture:
    now = datetime.now(UTC)
    estate = Estate("dc1", {target.name: target for target in (CIRCUIT, *BEHIND)})
    picture = Picture(estate, now, now, ready=True)
    picture.verdicts["enc-crown"] = Verdict(State.DOWN if cut else State.UP, now)
    for target in BEHIND:
        picture.verdicts[target.name] = (
            Verdict(State.UNREACHABLE, now, ("enc-crown",)) if cut else Verdict(State.UP, now)
        )
    picture.health = {(c.target, c.name): Health(State.UP, now) for c in estate.checks()}
    return picture


def _sent(receiver: Receiver) -> list[str]:
    return [name for n in receiver.sent() if n.path != "/watchdog" for name in n.names()]


async def test_one_cut_is_one_page_through_every_restart(tmp_path: Path) -> None:
    shown = [_picture(cut=False)]
    async with AsyncExitStack() as stack:
        receiver = stack.enter_context(webhook_receiver())
        pager = stack.enter_context(alertmanager(tmp_path, lab_configuration(receiver.url)))
        agent = AsyncExitStack()
        stack.push_async_callback(agent.aclose)
        address = await agent.enter_async_context(served(lambda: shown[0]))
        configuration = scrape_configuration(address)
        configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [pager.address]}]}]}
        prometheus = stack.enter_context(
            Prometheus(configuration, rules={"r.yml": RULES}, folder=tmp_path / "prometheus")
        )
        await prometheus.until('target_state:linewarden_state{target="enc-crown", state="up"} == 1')

        shown[0] = _picture(cut=True)
        began = time.monotonic()
        await asyncio.to_thread(receiver.wait_for, lambda sent: any(n.path == "/critical" for n in sent), 30)
        (page,) = receiver.sent("/critical")
        (alert,) = page.alerts
        assert page.monotonic_seconds - began < 15  # 1 s each: scrape, evaluation, group_wait; and a busy machine
        assert alert.annotations["summary"] == "Circuit enc-crown is down: ExampleTel ETH/20417, enc to crown"
        assert alert.annotations["description"].endswith("Lost with it: site enc (enc).")

        await asyncio.to_thread(prometheus.stop)
        await asyncio.to_thread(pager.stop)
        await asyncio.to_thread(pager.start)
        await agent.aclose()
        await asyncio.to_thread(prometheus.start)
        await prometheus.until('up{job="linewarden-state"} == 0')
        host, port = address.split(":")
        await agent.enter_async_context(served(lambda: shown[0], host=host, port=int(port)))
        await prometheus.until('up{job="linewarden-state"} == 1')
        await prometheus.until('ALERTS{alertname="CircuitDown", alertstate="firing"}')
        await asyncio.sleep(3)  # group_interval is 1 s: a second page would have left by now
        assert _sent(receiver) == ["firing CircuitDown enc-crown"]

        shown[0] = _picture(cut=False)
        await asyncio.to_thread(receiver.wait_for, lambda sent: any(n.status == "resolved" for n in sent), 30)
        assert _sent(receiver) == ["firing CircuitDown enc-crown", "resolved CircuitDown enc-crown"]
