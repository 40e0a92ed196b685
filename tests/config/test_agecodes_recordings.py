"""Date codes against the dates of manufacture that recorded devices state beside their serial numbers."""

import re
from datetime import date, timedelta

import pytest

from agent.config.agecodes import load_age_codes
from agent.core.datecode import date_of
from tests.probes.snmp.recordings import GOOD

CODES = load_age_codes()
APC = re.compile(r"SN: ?(\w+) MD: ?(\d\d)/(\d\d)/(\d{4})")

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not GOOD, reason="no recordings beside the project")]


def test_cards_of_apc_state_the_week_of_their_number() -> None:
    told = [found for path in GOOD if (found := APC.search(path.read_text("latin-1")))]
    pairs = [
        (day[0], date(int(found[4]), int(found[2]), int(found[3])))
        for found in told
        if (day := date_of("APC", found[1], CODES)) is not None
    ]
    assert len(pairs) >= 3
    assert all(timedelta(0) <= stated - coded < timedelta(days=7) for coded, stated in pairs)
