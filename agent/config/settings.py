"""The configuration file as frozen values. Descriptions stand here once: they are the editor's help as well.

Names and meaning: see the example `configs/linewarden.yaml`. What refers to what is checked in `references`.
"""

import contextlib
import ipaddress
import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from agent.config.fields import (
    AnyProbe,
    Day,
    Kind,
    Name,
    NamedCheck,
    Names,
    ProbeBlock,
    Secret,
    Section,
    Text,
    Texts,
    several,
    zone_of,
)
from agent.config.receivers import AnAlertmanager, Url
from agent.config.settings_hardware import Ageing, HardwareSection, Register, register_of
from agent.core.contract import Exclusion, Period
from agent.core.model import Needs, Urgency
from agent.core.paging import RUNBOOK_BASE
from agent.core.units import Duration, Rate, Ratio

DEVICE_ICMP: Final = ProbeBlock("icmp", "10s")  # one echo a round: enough to see a device go within a minute
CIRCUIT_ICMP: Final = ProbeBlock("icmp", "1s")  # two missing echoes tell a cut: the spacing is the delay of the page
SNMP: Final = ProbeBlock("snmp", "60s")  # what snmp_exporter's users take; a 48-port switch answers in 100 ms
HOST: Final = ProbeBlock("host")

_LISTEN: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]\s]*):(\d{1,5})")


def _listen(value: object) -> object:
    if isinstance(value, str) and (found := _LISTEN.fullmatch(value)) and int(found[2]) <= 65535:
        return value
    raise ValueError("expected ADDRESS:PORT such as 127.0.0.1:9799 or [::1]:9799")


def _trap_listen(value: object) -> object:
    """Take addresses only: a name may have several, and which of them is listened on must stand in the file."""
    if value == "systemd":
        return value
    if isinstance(value, str) and (found := _LISTEN.fullmatch(value)) and int(found[2]) <= 65535:
        with contextlib.suppress(ValueError):
            if host := found[1].strip("[]"):
                ipaddress.ip_address(host)
            return value
    raise ValueError("expected ADDRESS:PORT such as 127.0.0.1:9162, [::1]:9162 or :9162 (all addresses), or systemd")


def _currency(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value):
        return value
    raise ValueError("expected a currency as ISO 4217 names it, such as GBP")


Zone = Annotated[str, BeforeValidator(zone_of, json_schema_input_type=str)]
Currency = Annotated[str, BeforeValidator(_currency, json_schema_input_type=str)]


class Agent(Section):
    """The agent itself."""

    name: Annotated[Name | None, Field(description="the agent's name in metrics and pages; the host's by default")] = (
        None
    )
    listen: Annotated[
        str,
        BeforeValidator(_listen, json_schema_input_type=str),
        Field(description="address and port of the status page, the API and the metrics"),
    ] = "127.0.0.1:9799"
    state_dir: Annotated[Text | None, Field(description="where the ledger is; $STATE_DIRECTORY by default")] = None
    web_config: Annotated[
        Text | None, Field(description="TLS and basic auth in exporter-toolkit's format; relative to this file")
    ] = None
    echo_rate: Annotated[
        float | None,
        Field(gt=0, description="most ICMP echoes that leave in one second, over all targets; no limit by default"),
    ] = None
    flap_half_life: Annotated[
        Duration, Field(description="how long flap damping remembers a failure; 0 turns it off: each failure is paged")
    ] = 300.0
    site: Annotated[
        Name | None,
        Field(description="the site where the agent stands: what is elsewhere depends on its site's circuits"),
    ] = None
    runbook_base: Annotated[
        Url, Field(description="where your team reads the runbooks that alerts link to; ALERT is added to it")
    ] = RUNBOOK_BASE
    external_url: Annotated[
        Url | None, Field(description="where people open the status page; pushed alerts link to it")
    ] = None


class Auth(Section):
    """How to speak SNMP: the fields of snmp_exporter's `auths`."""

    version: Annotated[Literal[1, 2, 3], Field(description="SNMP version")] = 2
    community: Annotated[Secret | None, Field(description="v1 and v2c; `public` by default")] = None
    username: Annotated[Text | None, Field(description="v3")] = None
    security_level: Annotated[
        Literal["noAuthNoPriv", "authNoPriv", "authPriv"], Field(description="v3: what is protected")
    ] = "noAuthNoPriv"
    auth_protocol: Annotated[Literal["MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"], Field(description="v3")] = (
        "MD5"
    )
    password: Annotated[Secret | None, Field(description="v3: the password of auth_protocol, never written here")] = (
        None
    )
    priv_protocol: Annotated[
        Literal["DES", "AES", "AES192", "AES192C", "AES256", "AES256C"], Field(description="v3")
    ] = "DES"
    priv_password: Annotated[Secret | None, Field(description="v3: the password of priv_protocol")] = None
    context_name: Annotated[Text | None, Field(description="v3: which of a device's contexts")] = None
    context_engine_id: Annotated[
        str | None,
        Field(
            pattern=r"^(0x)?([0-9a-fA-F]{2}){5,32}$",
            description="v3: the engine whose objects are asked for, behind a proxy; hexadecimal",
        ),
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.version != 3:
            return self
        if self.username is None:
            raise ValueError("version 3 needs `username`")
        if self.security_level != "noAuthNoPriv" and self.password is None:
            raise ValueError(f"security_level {self.security_level} needs `password`")
        if self.security_level == "authPriv" and self.priv_password is None:
            raise ValueError("security_level authPriv needs `priv_password`")
        return self


TrapListen = Annotated[str, BeforeValidator(_trap_listen, json_schema_input_type=str)]


class Traps(Section):
    """SNMP traps and informs: what they tell of is measured at once. They must come from a device's address."""

    listen: Annotated[
        tuple[TrapListen, ...],
        BeforeValidator(several, json_schema_input_type=list[str] | str),
        Field(
            min_length=1,
            max_length=16,
            description="ADDRESS:PORT such as 0.0.0.0:9162, or `systemd` for the sockets of linewarden-trap.socket",
        ),
    ]
    rate: Annotated[
        float,
        Field(gt=0, le=1000, description="traps of one sender that are looked at in a second; five times at once"),
    ] = 20.0


class Snmp(Section):
    """What all SNMP polls share."""

    auths: Annotated[dict[Name, Auth], Field(description="credentials by name")] = Field(default_factory=dict)
    traps: Annotated[Traps | None, Field(description="receive traps and informs; not by default")] = None


class Site(Section):
    """A place with devices."""

    name: Name
    title: Annotated[Text | None, Field(description="the name for people")] = None
    owner: Annotated[Names, Field(description="whose it is")] = ()
    depends_on: Annotated[Names, Field(description="further things without which the site is cut off")] = ()
    page: Annotated[Urgency | None, Field(description="when a person is told")] = None
    renamed_from: Annotated[Name | None, Field(description="its former name: keeps the history")] = None


class End(Section):
    """Where a circuit ends: the state of this interface counts too."""

    device: Name
    interface: Text


class Objective(Section):
    """What was agreed with the supplier."""

    availability: Annotated[Ratio | None, Field(description="such as 99.9%")] = None
    rtt: Annotated[Duration | None, Field(description="round-trip time such as 30ms")] = None
    loss: Annotated[Ratio | None, Field(description="share of lost packets such as 0.1%")] = None
    pdv: Annotated[Duration | None, Field(description="packet delay variation (RFC 5481, p95) such as 10ms")] = None
    mos: Annotated[float | None, Field(ge=1, le=4.5, description="voice quality (ITU-T G.107) such as 4.0")] = None


class Counting(Section):
    """How a contract counts availability. What a circuit leaves open is taken from the file's own `contract`."""

    measured: Annotated[Period | None, Field(description="over which calendar period; month by default")] = None
    zone: Annotated[
        Zone | None, Field(description="whose midnight begins it, such as Europe/London; UTC by default")
    ] = None
    interval: Annotated[
        Duration | None, Field(description="an outage counts in whole intervals of the period; 0: exactly (default)")
    ] = None
    minimum_outage: Annotated[
        Duration | None, Field(description="a shorter outage does not count; every one does by default")
    ] = None
    excludes: Annotated[
        tuple[Exclusion, ...] | None,
        BeforeValidator(several, json_schema_input_type=list[Exclusion] | Exclusion | None),
        Field(description="what time is left out: maintenance, clock_stops; both by default"),
    ] = None


class Contract(Counting):
    """What a circuit costs, until when, and how its availability is counted."""

    cost: Annotated[Decimal | None, Field(ge=0, max_digits=15, allow_inf_nan=False)] = None
    currency: Annotated[Currency | None, Field(description="ISO 4217 such as GBP")] = None
    per: Annotated[Literal["month", "quarter", "year"], Field(description="what `cost` pays for")] = "month"
    ends: Annotated[Day | None, Field(description="last day of the contract")] = None


class Circuit(Section):
    """A WAN circuit as the contract names it."""

    name: Name
    title: Annotated[Text | None, Field(description="the name for people")] = None
    supplier: Annotated[Text, Field(description="who runs it")] = "unknown"
    reference: Annotated[Text, Field(description="the supplier's number for it: it stands in the page")] = "unknown"
    between: Annotated[tuple[Name, Name], Field(description="the two sites")]
    group: Annotated[Name | None, Field(description="circuits of one group back each other up")] = None
    role: Annotated[Text | None, Field(description="primary, backup ...")] = None
    owner: Annotated[Names, Field(description="whose it is; the sites' owners by default")] = ()
    far_end: Annotated[Text | None, Field(description="the circuit's own far address: echoes go there")] = None
    ends: Annotated[tuple[End, ...], Field(description="the interfaces where it ends")] = ()
    capacity: Annotated[Rate | None, Field(description="such as 100Mbit/s")] = None
    icmp: Annotated[Any, CIRCUIT_ICMP, Field(description="how the far end is asked")] = None
    objective: Objective = Objective()
    contract: Contract = Contract()
    page: Annotated[Urgency | None, Field(description="when a person is told; now by default")] = None
    depends_on: Annotated[Names, Field(description="what must be up for this to be judged")] = ()
    renamed_from: Annotated[Name | None, Field(description="its former name: keeps the history")] = None

    @model_validator(mode="before")
    @classmethod
    def _around(cls, value: object) -> object:
        if isinstance(value, dict) and (value.get("far_end") is not None or value.get("icmp") is not None):
            return {**value, "icmp": CIRCUIT_ICMP.complete(value.get("icmp"), value.get("far_end"))}
        return value

    @model_validator(mode="after")
    def _judged(self) -> Self:
        if self.between[0] == self.between[1]:
            raise ValueError("`between` names the same site twice")
        if self.far_end is None and not self.ends:
            raise ValueError(
                "needs `far_end` (an address to ask) or `ends` (interfaces to read): nothing tells its state"
            )
        return self


class Watch(Section):
    """Which of a device's interfaces may alarm; the others are metrics only."""

    watch: Annotated[
        Texts,
        Field(
            description='patterns such as "uplink*"; circuit ends are always watched; by default the ports that lead '
            "to other devices by LLDP"
        ),
    ] = ()


class Device(Section):
    """A switch, router, firewall, server, storage array, UPS, sensor ..."""

    name: Name
    kind: Annotated[
        Kind, Field(description="switch, router, firewall, server, hypervisor, storage, ups, pdu, sensor ...")
    ]
    title: Annotated[Text | None, Field(description="the name for people")] = None
    site: Annotated[Name | None, Field(description="where it stands")] = None
    owner: Annotated[Names, Field(description="whose it is; the site's owners by default")] = ()
    address: Annotated[Text | None, Field(description="IPv4, IPv6 or a name that resolves")] = None
    depends_on: Annotated[
        Names, Field(description="circuits, groups, sites, devices, services: every one is needed")
    ] = ()
    icmp: Annotated[Any, DEVICE_ICMP, Field(description="echoes to `address`; `icmp: {}` takes the defaults")] = None
    snmp: Annotated[Any, SNMP, Field(description="polls of `address`")] = None
    host: Annotated[Any, HOST, Field(description="this is the host that the agent runs on: `host: {}`")] = None
    interfaces: Watch = Watch()
    purchased: Annotated[Day | None, Field(description="its age counts from here; else from the asset register")] = None
    serial: Annotated[Text | None, Field(description="serial number; joins it to the asset register")] = None
    model: Annotated[Text | None, Field(description="as the vendor names it")] = None
    asset: Annotated[Text | None, Field(description="asset tag")] = None
    page: Annotated[Urgency | None, Field(description="when a person is told; now for routers and firewalls")] = None
    renamed_from: Annotated[Name | None, Field(description="its former name: keeps the history")] = None

    @model_validator(mode="before")
    @classmethod
    def _around(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        written = [block for block in (DEVICE_ICMP, SNMP, HOST) if block.type in value]
        return {**value, **{block.type: block.complete(value[block.type], value.get("address")) for block in written}}


class Service(Section):
    """Something that people use, judged by one or more checks."""

    name: Name
    title: Annotated[Text | None, Field(description="the name for people")] = None
    site: Annotated[Name | None, Field(description="where it runs")] = None
    owner: Annotated[Names, Field(description="whose it is; the site's owners by default")] = ()
    depends_on: Annotated[
        Names, Field(description="circuits, groups, sites, devices, services: every one is needed")
    ] = ()
    checks: Annotated[tuple[Annotated[NamedCheck, AnyProbe()], ...], Field(min_length=1)]
    needs: Annotated[Needs, Field(description="all or any of its checks")] = Needs.ALL
    page: Annotated[Urgency | None, Field(description="when a person is told; now by default")] = None
    renamed_from: Annotated[Name | None, Field(description="its former name: keeps the history")] = None


class Multitarget(Section):
    """What `/probe` and `/snmp` may be asked for; by default nothing."""

    allow: Annotated[
        Texts, Field(description="networks such as 10.0.0.0/8, addresses, and names of hosts wherever they lead")
    ] = ()
    auths: Annotated[Names, Field(description="which of the auths may be used")] = ()
    modules: Annotated[Texts, Field(description="further module files (snmp.yml) or globs, relative to this file")] = ()


class Things(Section):
    """What every file may hold, the included ones too."""

    sites: tuple[Site, ...] = ()
    circuits: tuple[Circuit, ...] = ()
    devices: tuple[Device, ...] = ()
    services: tuple[Service, ...] = ()


class Settings(Things):
    """Linewarden's configuration."""

    agent: Agent = Agent()
    owners: Annotated[Names, Field(description="who may stand as `owner`")] = ()
    snmp: Annotated[Snmp, Field(default_factory=Snmp)]
    contract: Annotated[Counting, Field(description="how availability is counted where a circuit says nothing")] = (
        Counting()
    )
    alertmanagers: Annotated[
        tuple[AnAlertmanager, ...],
        BeforeValidator(several, json_schema_input_type=list[AnAlertmanager] | str),
        Field(max_length=16, description="tell these by the agent itself: http://HOST:PORT, or {url: ..., tls: ...}"),
    ] = ()
    hardware: Annotated[HardwareSection, Field(default_factory=HardwareSection)]
    ageing: Annotated[Ageing, Field(default_factory=Ageing)]
    multitarget: Multitarget = Multitarget()
    include: Annotated[
        Texts, Field(description="further files with sites, circuits, devices, services; globs allowed")
    ] = ()
    inventory: Annotated[
        tuple[Annotated[Register, BeforeValidator(register_of, json_schema_input_type=Register | str)], ...],
        Field(description="asset registers (CSV): a glob, or {file: glob, columns: {serial: Heading}}"),
    ] = ()
