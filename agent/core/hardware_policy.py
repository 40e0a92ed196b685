"""When hardware is to be replaced: ages by kind, and how long before a day somebody has to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

EVERY_KIND: Final = "*"

# The age at which hardware of a kind is to be replaced, where the configuration says nothing. Years.
AGES_YEARS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "switch": 7.0,  # vendors end software maintenance five to seven years after the last sale
        "router": 7.0,
        "firewall": 5.0,  # without signatures and fixes it protects nothing
        "server": 5.0,  # the longest hardware support that is sold as standard
        "hypervisor": 5.0,
        "storage": 5.0,  # disks wear out: annual failure rates rise from the fourth or fifth year
        "ups": 10.0,  # it outlasts two or three batteries, whose age counts apart
        "desktop": 5.0,  # what support is sold for; the next operating system may refuse an older one
        "laptop": 4.0,  # three years of warranty, and one more: batteries, hinges and keyboards wear
        EVERY_KIND: 8.0,
    }
)

# How long before the end of support its replacement is to be planned, where the configuration says nothing. Days.
LEADS_DAYS: Final[Mapping[str, float]] = MappingProxyType(
    {
        # half a year to buy and half a year to move what runs on it, after the budget of the year before
        "router": 548.0,
        "firewall": 548.0,
        "server": 548.0,
        "hypervisor": 548.0,
        "storage": 548.0,
        EVERY_KIND: 365.0,  # budgets are made once a year: what is not in this one waits for the next
    }
)

# Most UPS batteries are sealed lead-acid (VRLA) with a design life of five years, and used up at 80 % of their capacity
# (EUROBAT), which is before its end. Source: Riello UPS, "What's the difference between UPS battery design life and
# service life?", https://www.riello-ups.co.uk/questions/20
BATTERY_YEARS: Final = 4.0
STORAGE_LEAD_DAYS: Final = 90.0  # a disk or a volume takes about three months from the budget to the rack


@dataclass(frozen=True, slots=True)
class HardwarePolicy:
    """What hardware is held against.

    Attributes:
        ages_years, leads_days: by kind of device; `*` stands for every other one.
        battery_years: age at which a battery is to be replaced.
        storage_lead_days: so long before storage is full somebody is told.
    """

    ages_years: Mapping[str, float] = field(default_factory=lambda: AGES_YEARS)
    leads_days: Mapping[str, float] = field(default_factory=lambda: LEADS_DAYS)
    battery_years: float = BATTERY_YEARS
    storage_lead_days: float = STORAGE_LEAD_DAYS

    def age_years(self, kind: str) -> float | None:
        """Return the age at which a kind is to be replaced; None where the policy says nothing of it."""
        return _of(self.ages_years, kind)

    def lead_days(self, kind: str) -> float | None:
        """Return how long before the end of support a kind's replacement is to be planned; None: nothing is said."""
        return _of(self.leads_days, kind)


def _of(values: Mapping[str, float], kind: str) -> float | None:
    """Look a kind up as a register may write it: `Laptop`."""
    return values.get(kind.strip().lower(), values.get(EVERY_KIND))
