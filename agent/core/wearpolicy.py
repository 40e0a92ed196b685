"""What counts as worn: the few numbers that are a matter of policy, each with its reason. No rule lives here."""

from dataclasses import dataclass
from datetime import date

from agent.core.hardware import Reason
from agent.core.hardware_policy import STORAGE_LEAD_DAYS
from agent.core.model import Confidence


@dataclass(frozen=True, slots=True)
class WearPolicy:
    """When wear is told. What is a trend is not set here but tested for (`agent.core.trends`).

    Attributes:
        storage_lead_days: as `agent.core.hardware_policy` has it.
        storage_full_ratio: from here on file systems fragment, and writes begin to fail for all but root (ext4 keeps
            5 % for it).
        temperature_margin_celsius: above what was usual; rooms follow the seasons by less once a summer was seen.
        temperature_first_year_celsius: the same while no season can be compared with the one a year before.
        optics_fall_db: half of the light; the budget of a link is rarely more than twice that.
        runtime_fall_ratio: IEEE 1188 calls a battery worn at 80 % of its capacity; runtime falls faster than capacity.
        errors_ratio: a rate that is less than doubled is rarely worth a person's day.
        disk_life_ratio: of the writes that the maker rates; a drive is told while it still works.
        reboots, reboot_days: one may be a person's; two within a month are the device's.
        clock_seconds: logs of two devices can no longer be laid side by side; Kerberos refuses at 300 s.
    """

    storage_lead_days: float = STORAGE_LEAD_DAYS
    storage_full_ratio: float = 0.95
    temperature_margin_celsius: float = 5.0
    temperature_first_year_celsius: float = 8.0
    optics_fall_db: float = 3.0
    runtime_fall_ratio: float = 0.25
    errors_ratio: float = 2.0
    disk_life_ratio: float = 0.9
    reboots: int = 2
    reboot_days: int = 30
    clock_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that speaks for a flag; those of one reason become one flag.

    Attributes:
        critical: something has failed.
        weight: the heavier one is named first.
    """

    reason: Reason
    text: str
    source: str
    critical: bool = False
    weight: float = 0.0
    due: date | None = None
    confidence: Confidence = Confidence.STATED
