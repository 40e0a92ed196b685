"""IANA's registry: who has a number, and what a maker is called."""

import pytest

from agent.core.model import Confidence
from probes.snmp.enterprises import brand, registered
from tests.probes.snmp.test_identity_facts import MAKERS as M
from tests.probes.snmp.test_identity_facts import known, said


@pytest.mark.parametrize(
    ("organization", "expected"),
    [
        ("Raritan Computer, Inc.", "Raritan Computer"),
        ("Shanghai Zhongmi Communication Technology CO.,LTD.", "Shanghai Zhongmi Communication Technology"),
        ("Pan Dacom Direkt GmbH", "Pan Dacom Direkt"),
        ("Example Power S.p.A.", "Example Power"),
        ("Example GmbH & Co. KG", "Example"),
        ("Vertiv (formerly 'Example')", "Vertiv"),
        ("Vertiv\tformerly Example", "Vertiv"),
        ("AG", "AG"),
        ("-", None),
        ("42", None),
        ("A name that is longer than any maker's name would ever be, and rather an address", None),
    ],
)
def test_a_maker_is_called_without_its_legal_form(organization: str, expected: str | None) -> None:
    assert brand(organization) == expected


@pytest.mark.parametrize(
    ("number", "name"), [(9, "ciscoSystems"), (13742, "Raritan Computer"), (16_000_000, None), (-1, None)]
)
def test_who_has_a_number(number: int, name: str | None) -> None:
    assert (registered(number) or "").startswith(name or "")
    assert (registered(number) is None) == (name is None)


def test_the_registry_names_the_maker_where_nobody_wrote_a_rule_and_the_device_does_not_say() -> None:
    found = known(said(M + "15782.1", "a thing", {}))
    assert found["vendor"].value == "VIA MAT MANAGEMENT"
    assert found["vendor"].confidence is Confidence.ASSUMED
    assert found["vendor"].source == "sysObjectID: IANA enterprise number 15782"


@pytest.mark.parametrize("generic", ["8072.3.2.10", "2021.250.10", "4413"])
def test_a_number_of_an_agent_that_many_build_upon_names_nobody(generic: str) -> None:
    assert "vendor" not in known(said(M + generic, "a thing", {}))


@pytest.mark.parametrize(
    ("description", "maker"),
    [
        ("CAREL pCO controller", "Carel"),
        ("Palo Alto Networks, a thing", "Palo Alto Networks"),
        ("ABB: SNMP agent", "ABB"),
        ("Linux host 5.10.0", None),
        ("A thing by CAREL", None),
        ("CARELESS thing", None),
        ("", None),
    ],
)
def test_a_maker_whose_name_begins_the_text_is_the_maker(description: str, maker: str | None) -> None:
    found = known(said(M + "8072.3.2.255", description, {}))
    assert (found["vendor"].value if "vendor" in found else None) == maker
