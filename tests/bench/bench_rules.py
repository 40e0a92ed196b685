"""What the alerting rules cost: how long a real Prometheus takes for one evaluation of the group `linewarden`.

Run as `python -m tests.bench.bench_rules`. Both jobs are scraped as shipped. Ends with 1 when an evaluation takes
longer than the second that the group is given, at the numbers of targets for which docs/prometheus.md promises it.
"""

import asyncio
import shutil
import statistics
import sys
from datetime import UTC, datetime
from typing import Final

from agent.core.model import Check, Estate, Health, Role, State, Target, Verdict
from agent.core.picture import Picture
from tests.deploy.serving import DEPLOY, scrape_configuration, served
from tests.lab.prometheus import Prometheus

RULES: Final = DEPLOY / "prometheus" / "linewarden.rules.yml"
SIZES: Final = (100, 1_000)
LIMIT_SECONDS: Final = 1.0  # the group's interval
EVALUATIONS: Final = 10
SETTLE_SECONDS: Final = 20.0  # every job has been scraped, and what is recorded has been read back


def switches(count: int) -> Picture:
    """Return an estate of switches that are up, two checks each."""
    now = datetime.now(UTC)
    targets = [
        Target(name, Role.DEVICE, "switch", name, "bcw", ("bcw",), checks=(
            Check(name, "icmp", "icmp", 1.0), Check(name, "snmp", "snmp", 60.0, decisive=False)))
        for name in (f"sw{number}" for number in range(count))
    ]  # fmt: skip
    picture = Picture(Estate("dc1", {target.name: target for target in targets}), now, now, ready=True)
    picture.verdicts = {target.name: Verdict(State.UP, now) for target in targets}
    picture.health = {(check.target, check.name): Health(State.UP, now) for check in picture.estate.checks()}
    return picture


async def evaluation_seconds(count: int) -> float:
    """Return the median duration of an evaluation."""
    picture = switches(count)
    async with served(lambda: picture) as address:
        configuration = scrape_configuration(address)
        jobs = configuration["scrape_configs"]
        configuration["scrape_configs"] = [job for job in jobs if job["job_name"] != "linewarden-devices"]
        with Prometheus(configuration, rules={"linewarden.rules.yml": RULES.read_text()}) as prometheus:
            await asyncio.sleep(SETTLE_SECONDS)
            found: list[float] = []
            for _ in range(EVALUATIONS):
                await asyncio.sleep(1)
                groups = (await asyncio.to_thread(prometheus.api, "rules"))["groups"]
                found += [group["evaluationTime"] for group in groups if group["name"] == "linewarden"]
            return statistics.median(found)


def main() -> int:
    """Print one line for each size of estate; return 1 where it is too slow or cannot be measured."""
    if shutil.which("prometheus") is None:
        print("prometheus is not installed: apt-get install prometheus")
        return 1
    slow = False
    for count in SIZES:
        seconds = asyncio.run(evaluation_seconds(count))
        slow |= seconds > LIMIT_SECONDS
        print(f"{count:5} targets  {seconds * 1000:5.0f} ms for one evaluation of the group linewarden")
    print("too slow for its interval" if slow else f"within the {LIMIT_SECONDS:g} s between two evaluations")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
