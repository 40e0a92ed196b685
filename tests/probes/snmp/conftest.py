"""Fixtures: one real snmpd for the whole folder."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.lab.snmpd import Snmpd, missing, snmpd


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """A real net-snmp agent; skips with the reason where there is none (fails where CI is set)."""
    if reason := missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


# the time of one example says how busy the machine is, not whether the code is right
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
