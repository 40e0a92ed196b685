"""What stands in the register and nobody polls."""

from datetime import date

import pytest

from agent.core.hardware import Age, Confidence, Support
from agent.core.model import AssetRow
from agent.core.unpolled import is_unpolled, unpolled_of

TODAY = date(2026, 11, 27)
COLUMNS = {
    "kind": "Laptop", "vendor": "Dell", "model": "Latitude 5400", "serial": "5CG01", "site": "Town Hall",
    "owner": "bcw", "operating_system": "Windows 10 Enterprise", "operating_system_version": "22H2",
}  # fmt: skip
WINDOWS = Support("Windows 10", "Windows 10 22H2", "a document", "windows.csv:2", end_of_support=date(2025, 10, 14))


@pytest.mark.parametrize(
    ("kind", "system", "unpolled"),
    [
        ("Laptop", "", True),
        ("Desktop PC", "", True),
        ("Lap top", "", True),
        ("All-in-One", "", True),
        ("Thin Client", "", True),
        ("Mobile phone", "", True),
        ("iMac", "", True),
        ("Computer", "", True),
        ("Server", "", False),
        ("Computer - Server", "", False),
        ("Switch", "Windows 10", False),
        ("Printer", "", False),
        ("UPS", "", False),
        ("", "Windows 10 Enterprise", True),
        ("", "Microsoft Windows 11 Pro", True),
        ("", "macOS 14", True),
        ("", "Windows Server 2019", False),
        ("", "Windows 10 Server edition", False),
        ("", "Cisco IOS-XE", False),
        ("", "Ubuntu 20.04", False),
        ("", "", False),
    ],
)
def test_by_kind_else_by_operating_system(kind: str, system: str, unpolled: bool) -> None:
    columns = {key: value for key, value in (("kind", kind), ("operating_system", system)) if value}
    assert is_unpolled(AssetRow("x", "r.csv:2", columns=columns)) is unpolled


def test_what_is_known_of_a_laptop() -> None:
    asked: list[tuple[str, str]] = []

    def support_of(system: str, version: str) -> Support | None:
        asked.append((system, version))
        return WINDOWS

    row = AssetRow("LT-1", "r.csv:4", date(2019, 2, 14), COLUMNS)
    found = unpolled_of(row, TODAY, support_of)
    assert asked == [("Windows 10 Enterprise", "22H2")]
    assert found.support is WINDOWS
    age = Age(date(2019, 2, 14), False, "asset register r.csv:4 (purchased)", Confidence.STATED)
    assert (found.name, found.source, found.age, found.model) == ("LT-1", "r.csv:4", age, "Latitude 5400")


def test_what_is_not_known_is_none() -> None:
    def never(system: str, version: str) -> Support | None:
        raise AssertionError((system, version))

    found = unpolled_of(AssetRow("LT-2", "r.csv:5"), TODAY, never)
    assert (found.age, found.support, found.operating_system, found.model) == (None, None, None, None)
    row = AssetRow("LT-3", "r.csv:6", columns={"operating_system": "Windows 10"})
    assert unpolled_of(row, TODAY).support is None
    assert unpolled_of(row, TODAY, lambda _system, version: WINDOWS if version == "" else None).support is WINDOWS
