"""The line of the committee's page on the asset register, and where it stands."""

import json
from dataclasses import replace
from typing import Final

import pytest

from agent.core.ageing_reader import read
from agent.core.register import Disagreement
from exporters.registerwords import line
from exporters.report import page, render, table
from exporters.reportwords import BY
from tests.exporters.ageingestate import TODAY, estate

NO: Final = "The asset register and the network do not agree: "
LISTED: Final = ". linewarden report register lists them."


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, None),
        (Disagreement(40), "The asset register and the network agree."),
        (Disagreement(40, 1), f"{NO}1 device is not what its row says{LISTED}"),
        (
            Disagreement(40, 3, 1, 2),
            (f"{NO}3 devices are not what their rows say, 1 row has nothing on the network and 2 devices are in no "
             f"register{LISTED}"),
        ),
        (
            Disagreement(4_000, 0, 1_500, 1, 2),
            (f"{NO}1,500 rows have nothing on the network, 1 device is in no register and 2 serial numbers stand in "
             f"several rows{LISTED}"),
        ),
    ],
)  # fmt: skip
def test_one_line_says_how_much(found: Disagreement | None, said: str | None) -> None:
    assert line(found) == said


def test_it_stands_on_the_committees_page_and_in_no_row_of_the_spreadsheet() -> None:
    made = replace(estate(), register=Disagreement(40, 3, 1, 2))
    said = line(made.register)
    assert said is not None
    html = page(made, None, TODAY)
    assert html.index("Ageing hardware</h1>") < html.index(said) < html.index("What to replace first")
    assert said not in page(estate(), None, TODAY)
    assert "The asset register" not in page(estate(), None, TODAY)
    assert [table(made, by) for by in (None, *BY)] == [table(estate(), by) for by in (None, *BY)]


def test_json_has_the_numbers_and_an_older_agent_none() -> None:
    found = json.loads(render(replace(estate(), register=Disagreement(40, 3, 1, 2)), "json"))
    assert found["register"] == {
        "rows": 40, "differs": 3, "not_on_network": 1, "not_in_register": 2, "duplicate_serial": 0
    }  # fmt: skip
    assert read(found).register == Disagreement(40, 3, 1, 2)
    del found["register"]
    assert read(found).register is None
