"""Serial numbers as devices and people write them."""

import pytest

from agent.core.serials import is_rounded, normal


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("FOC1601X0AB", "FOC1601X0AB"),
        (" foc1601x0ab ", "FOC1601X0AB"),
        ("FOC-1601-X0AB", "FOC1601X0AB"),
        ("000123456", "123456"),
        ("0" * 9, ""),
        ("FFFFFFFFFFFF", ""),
        ("To be filled by O.E.M.", ""),
        ("Default string", ""),
        ("N/A", ""),
        ("<private>", ""),
        ("1234567890", ""),
        ("07", ""),
        ("2.10235E+19", ""),
        ("", ""),
    ],
)
def test_what_is_compared(written: str, same: str) -> None:
    assert normal(written) == same


@pytest.mark.parametrize(
    ("written", "rounded"), [("2.10235E+19", True), ("2,1E19", True), ("2E19", False), ("FOC1", False)]
)
def test_what_a_spreadsheet_took_for_a_number(written: str, rounded: bool) -> None:
    assert is_rounded(written) is rounded
