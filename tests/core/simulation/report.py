"""What became of all faults of many scenarios, in figures."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from tests.core.simulation.judge import Fate, Kind
from tests.core.simulation.scenarios import Ran, run


def scenario(seed: int) -> Ran:
    """Run a seed: of five, one flaps and one loses and delays as well."""
    return run(seed, flaps=seed % 5 == 3, worse=seed % 5 == 4)


class Report:
    """Counts over all scenarios."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.scenarios = self.targets = self.pages = self.asked = 0
        self.fates: list[Fate] = []
        self.wrong: Counter[Kind] = Counter()
        self.allowed: Counter[Kind] = Counter()
        self.bad: list[str] = []

    def add(self, ran: Ran) -> None:
        """Count one scenario."""
        self.scenarios += 1
        self.targets += len(ran.simulation.truth.estate.targets)
        self.pages += sum(len(page.spans) for page in ran.simulation.pages.values())
        self.asked += ran.simulation.desk.asked
        self.fates += ran.fates
        self.wrong.update(one.kind for one in ran.problems)
        self.allowed.update(one.kind for one in ran.allowed)
        self.bad += [f"seed {ran.seed}: {one}" for one in ran.problems]

    def tell(self) -> None:
        """Print it all."""
        due = [fate for fate in self.fates if fate.due]
        paged = sum(fate.delay is not None for fate in due)
        print(f"scenarios {self.scenarios}, targets {self.targets}, pages {self.pages}, asked out of turn {self.asked}")
        print(f"faults {len(self.fates)}, to be seen for long enough {len(due)}, of those paged {paged}")
        for kind in Kind:
            print(f"  {kind.value:24} {self.wrong[kind]}{f' ({n} allowed)' if (n := self.allowed[kind]) else ''}")
        print("from a fault to its page, seconds, where nothing else was wrong:")
        print("  measured every   faults    p50    p90    p99    max")
        plain = [fate for fate in due if fate.plain and fate.delay is not None]
        for spacing in sorted({fate.spacing for fate in plain}):
            self._line(spacing, [fate.delay for fate in plain if fate.spacing == spacing and fate.delay is not None])
        for line in self.bad:
            print(line)

    def _line(self, spacing: float, delays: Iterable[float]) -> None:
        found = np.array([*delays])
        p50, p90, p99 = np.percentile(found, (50, 90, 99))
        print(f"  {spacing:11.0f} s {len(found):10d} {p50:6.1f} {p90:6.1f} {p99:6.1f} {found.max():6.1f}")
