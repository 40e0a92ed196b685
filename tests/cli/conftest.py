"""Fixtures: one real snmpd for the whole folder."""

from collections.abc import Iterator

import pytest

from tests.lab.snmpd import Snmpd, missing, snmpd


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """net-snmp's agent on a free port of loopback."""
    if reason := missing():
        pytest.skip(reason)
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running
