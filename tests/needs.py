"""What a test needs of the machine: marks that skip it elsewhere, and say what is missing."""

from typing import Final

import pytest

from probes.icmp import sockets


def _may_ping() -> bool:
    """Tell whether this process may open an ICMP socket of either kind."""
    try:
        sockets.open_socket(4, None, 1)[0].close()
    except OSError:
        return False
    return True


needs_icmp: Final = pytest.mark.skipif(
    not _may_ping(), reason="no ICMP socket: needs CAP_NET_RAW or a group within net.ipv4.ping_group_range"
)
