"""What became of echoes that this host did not send, in virtual time and with an interface made of words."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agent.core.model import Echo
from probes.icmp.departures import Departures
from probes.icmp.roster import Roster
from probes.wire import route
from probes.wire.clock import KernelClock

MS = 1_000_000
SECOND = 1000 * MS
ADDRESS = b"\x0a\0\0\x01"


class Host:
    """One check with an echo a second and a timeout of one, sent through eth0, which works or does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.works = True
        monkeypatch.setattr(route, "interface_works", lambda _: self.works)
        monkeypatch.setattr(route, "interfaces_towards", lambda addresses: dict.fromkeys(addresses, "eth0"))
        monkeypatch.setattr(route, "queue_drops", lambda: {"eth0": 0})
        self.roster = Roster(KernelClock(), b"nonce", ("raw",), 0.05, 10)
        row = self.roster.layout.add(1, SECOND, SECOND, -1)
        self.roster.layout.rows.port[row] = 0
        nowhere: Any = SimpleNamespace(interface=None, stamping=True)
        self.roster.ports[0] = nowhere
        somebody: Any = SimpleNamespace(address=SimpleNamespace(octets=ADDRESS))
        self.roster.by_row[row] = somebody
        self.row = row
        self.departures = Departures(self.roster)

    def look(self, now: int) -> None:
        """Look at the interfaces as a tick does in which no echo is due."""
        self.departures.look(np.zeros(0, np.intp), now)

    def fate_of_an_echo(self, sent: int, judged: int) -> Echo:
        """Send an echo that never leaves, and tell what it is taken for."""
        self.roster.judge.take(np.array([self.row]), sent, sent)
        over = self.roster.judge.expiring(judged)
        self.departures.look(over, judged)
        self.roster.judge.expire(over)
        (done,) = self.roster.judge.harvest.take_finished()
        return Echo(int(done.outcomes[0]))


def test_an_echo_into_a_working_interface_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Host(monkeypatch).fate_of_an_echo(0, 2 * SECOND) is Echo.LOST


def test_an_echo_into_a_dark_interface_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch)
    host.works = False
    assert host.fate_of_an_echo(0, 2 * SECOND) is Echo.UNKNOWN


def test_an_interface_may_have_been_dark_until_it_is_first_seen_to_work_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch)
    host.works = False
    assert host.fate_of_an_echo(0, 2 * SECOND) is Echo.UNKNOWN
    host.works = True
    # the loop was held up between these two looks, and the echo was sent between them
    host.look(3 * SECOND)
    assert host.fate_of_an_echo(2500 * MS, 4 * SECOND) is Echo.UNKNOWN
    assert host.fate_of_an_echo(3500 * MS, 5 * SECOND) is Echo.LOST
