"""What the configuration says of hardware: how old it may become, lifecycle tables, and asset registers."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from agent.config.fields import Section, Text, Texts
from agent.core.hardware_policy import BATTERY_YEARS, STORAGE_LEAD_DAYS
from agent.core.units import Duration

YEAR_SECONDS: Final = 31557600.0
DAY_SECONDS: Final = 86400.0


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("expected more than 0s")
    return seconds


Age = Annotated[Duration, AfterValidator(_positive)]


class Ageing(Section):
    """The former name of `hardware.ages`: goes on to count."""

    policy: Annotated[
        dict[Text, Age],
        Field(
            default_factory=dict,
            description="age by kind such as {switch: 7y}; '*' for all others; `hardware.ages` wins",
            examples=[{"switch": "7y", "*": "8y"}],
        ),
    ]


class HardwareSection(Section):
    """When hardware is to be replaced, and how long before that somebody has to know."""

    ages: Annotated[
        dict[Text, Age],
        Field(
            default_factory=dict,
            description="age at which a kind is to be replaced; by default {switch: 7y, router: 7y} (software "
            "maintenance ends five to seven years after the last sale), {firewall: 5y} (it protects nothing without "
            "fixes), {server: 5y, hypervisor: 5y} (the longest support sold as standard), {storage: 5y} (disks fail "
            "more often from then on), {ups: 10y} (its battery counts apart), {desktop: 5y}, {laptop: 4y}, '*': 8y",
            examples=[{"switch": "7y", "*": "8y"}],
        ),
    ]
    lead: Annotated[
        dict[Text, Age],
        Field(
            default_factory=dict,
            description="how long before its support ends a kind is flagged; by default 548d for routers, firewalls, "
            "servers, hypervisors and storage (to buy and to move what runs on them takes a year, after a budget), "
            "'*': 365d (budgets are made once a year)",
            examples=[{"server": "2y", "*": "1y"}],
        ),
    ]
    battery_age: Annotated[
        Age,
        Field(description="age at which a battery is to be replaced; 4y: lead-acid is designed for three to five"),
    ] = BATTERY_YEARS * YEAR_SECONDS
    storage_lead: Annotated[
        Age,
        Field(description="how long before storage is full it is flagged; 90d: from the budget to the rack"),
    ] = STORAGE_LEAD_DAYS * DAY_SECONDS
    lifecycle: Annotated[
        Texts,
        Field(description="your own lifecycle tables (CSV) or globs, relative to this file; they win over the others"),
    ] = ("lifecycle/*.csv",)


class Register(Section):
    """An asset register (CSV)."""

    file: Annotated[Text, Field(description="file or glob, relative to this file")]
    columns: Annotated[
        dict[
            Literal[
                "name",
                "address",
                "serial",
                "vendor",
                "model",
                "operating_system",
                "operating_system_version",
                "purchased",
                "warranty",
                "site",
                "owner",
                "kind",
                "asset",
            ],
            Text,
        ],
        Field(default_factory=dict, description="heading of each column; what is not named is guessed"),
    ]


def register_of(value: object) -> object:
    """Take a glob alone for a register whose columns are guessed."""
    return {"file": value} if isinstance(value, str) else value
