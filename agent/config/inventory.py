"""The asset register: CSV as spreadsheets write it, joined to the devices by name, serial number or address.

Only the columns below are taken: registers also hold users' names and notes, which have no place in metrics.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from agent.config.document import Document
from agent.config.globs import files_of
from agent.config.problems import Findings, Problem
from agent.config.settings_hardware import Register
from agent.config.table import Row, normal, rows
from agent.core.model import AssetRow, Estate, Role, Target

# column -> its usual headings, likeliest first (letters and digits only)
HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "hostname", "host", "device", "devicename", "computername", "machine", "systemname", "assetname"),
    "serial": ("serial", "serialnumber", "serialno", "sn", "servicetag"),
    "address": ("address", "ip", "ipaddress", "ipv4", "ipv4address", "managementip", "mgmtip", "managementaddress"),
    "vendor": ("vendor", "manufacturer", "make", "brand"),
    "model": ("model", "modelname", "modelnumber", "product", "productname"),
    "operating_system": ("operatingsystem", "os", "osname", "operatingsystemname"),
    "operating_system_version": ("operatingsystemversion", "osversion", "osbuild"),
    "purchased": (
        "purchased", "purchasedate", "dateofpurchase", "datepurchased", "bought", "acquired", "acquisitiondate",
        "purchasedon", "deliverydate",
    ),
    "warranty": (
        "warranty", "warrantyend", "warrantyenddate", "warrantyexpiry", "warrantyexpires", "warrantyuntil",
        "warrantyexpirydate", "endofwarranty",
    ),
    "site": ("site", "location", "building"),
    "owner": ("owner", "organisation", "organization", "council", "department"),
    "kind": ("kind", "type", "category", "devicetype", "assettype", "class"),
    "asset": ("asset", "assettag", "assetnumber", "assetno", "assetid", "inventorynumber", "tag"),
}  # fmt: skip
MOST_REGISTERS: Final = 1_000  # that one glob means: more than one for each site
_JOINS: Final = ("name", "serial", "address")
_DATES: Final = ("purchased", "warranty")


def enrich(estate: Estate, main: Document, registers: Sequence[Register], findings: Findings) -> Estate:
    """Return the estate with what the asset registers know. What the configuration says itself stays."""
    if not registers:
        return estate
    join = _Join.of(estate)
    targets = dict(estate.targets)
    described: dict[str, Row] = {}
    assets: list[AssetRow] = []
    seen: set[Path] = set()
    for number, register in enumerate(registers):
        for file in files_of(main, ("inventory", number), register.file, findings, MOST_REGISTERS):
            if file not in seen:
                seen.add(file)
                for row in _read(file, register, findings):
                    _place(row, join, targets, described, assets, findings)
    return replace(estate, targets=targets, assets=tuple(assets))


def _place(
    row: Row,
    join: "_Join",
    targets: dict[str, Target],
    described: dict[str, Row],
    assets: list[AssetRow],
    findings: Findings,
) -> None:
    asset = _asset(row)
    if asset is None:
        findings.warnings.append(row.problem("has neither name, asset, serial nor address; left out"))
        return
    matches = join.matches(row.values)
    if len(set(matches.values())) > 1:
        said = ", ".join(f"its {column} is that of {name}" for column, name in matches.items())
        findings.warnings.append(row.problem(f"describes two devices: {said}; joined to neither"))
        assets.append(asset)
        return
    if not matches:
        assets.append(asset)
        return
    name = next(iter(matches.values()))
    if name in described:
        first = described[name]
        if _is_another_piece(asset, first):
            assets.append(asset)
            return
        findings.warnings.append(row.problem(f"{name!r} stands in {first.file}:{first.line} already; left out"))
        return
    described[name] = row
    targets[name] = _described(targets[name], row, asset, findings)


def _is_another_piece(asset: AssetRow, first: Row) -> bool:
    """Say whether a second row of a device is one of a stack, a module, or what was there before."""
    serial = asset.columns.get("serial", "").lower()
    return serial not in {"", first.values.get("serial", "").lower()}


def _described(target: Target, row: Row, asset: AssetRow, findings: Findings) -> Target:
    bought = row.dates.get("purchased")
    if bought and target.purchased and bought != target.purchased:
        message = f"{target.name!r} was purchased {bought} here and {target.purchased} in the configuration, which wins"
        findings.warnings.append(row.problem(message))
    info = {**asset.columns, **target.info}
    info = {key: value for key, value in info.items() if not (key == "address" and value == target.address)}
    return replace(target, purchased=target.purchased or bought, info=info, register=asset)


def _asset(row: Row) -> AssetRow | None:
    """Return the row as the register has it; None where nothing tells what it is about."""
    name = next((row.values[column] for column in ("name", "asset", "serial", "address") if column in row.values), None)
    if name is None:
        return None
    columns = {key: value for key, value in row.values.items() if key not in {"name", *_DATES}}
    if "warranty" in row.dates:
        columns["warranty"] = row.dates["warranty"].isoformat()
    return AssetRow(name, f"{row.file}:{row.line}", row.dates.get("purchased"), columns)


@dataclass(frozen=True, slots=True)
class _Join:
    """Devices by what a register may call them."""

    by: Mapping[str, Mapping[str, str]]  # column -> what stands there -> device

    @classmethod
    def of(cls, estate: Estate) -> "_Join":
        by: dict[str, dict[str, str]] = {column: {} for column in _JOINS}
        for target in estate.targets.values():
            if target.role is Role.DEVICE:
                by["name"][target.name.lower()] = target.name
                if target.address:
                    by["address"].setdefault(target.address.lower(), target.name)
                if "serial" in target.info:
                    by["serial"].setdefault(target.info["serial"].lower(), target.name)
        return cls(by)

    def matches(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return column -> device; a full host name also stands for its first label."""
        found: dict[str, str] = {}
        for column in _JOINS:
            word = values.get(column, "").lower()
            name = self.by[column].get(word) if word else None
            if name is None and column == "name" and "." in word:
                name = self.by["name"].get(word.partition(".")[0])
            if name is not None:
                found[column] = name
        return found


def _read(file: Path, register: Register, findings: Findings) -> Iterator[Row]:
    named = {str(column): heading for column, heading in register.columns.items()}
    wanted = {column: normal(heading) for column, heading in named.items()}

    def columns(headings: Sequence[str]) -> dict[str, int] | str:
        return _columns_of([normal(heading) for heading in headings], wanted, named, headings)

    for row in rows(file, columns, _DATES):
        if isinstance(row, Problem):
            findings.warnings.append(row)
        else:
            yield row


def _columns_of(
    headings: Sequence[str], wanted: Mapping[str, str], written: Mapping[str, str], shown: Sequence[str]
) -> dict[str, int] | str:
    """Return column -> position, or why the headings are of no use."""
    positions: dict[str, int] = {}
    for column, heading in wanted.items():
        if heading not in headings:
            there = ", ".join(heading.strip() for heading in shown if heading.strip())[:300]
            return f"has no column {written[column]!r} for `{column}`; its headings: {there}"
        positions[column] = headings.index(heading)
    for column, usual in HEADINGS.items():
        place = next((headings.index(word) for word in usual if word in headings), None)
        if column not in positions and place is not None and place not in positions.values():
            positions[column] = place
    if not set(positions) & {"name", "serial", "address", "asset"}:
        there = ", ".join(heading.strip() for heading in shown if heading.strip())[:300]
        return (
            f"no column tells which device is meant; headings found: {there}; name them in the configuration:"
            " inventory: [{file: ..., columns: {name: HEADING, purchased: HEADING}}]"
        )
    return positions
