"""Batched datagrams on loopback UDP, and what the kernel says of interfaces and routes."""

import errno
import socket
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire import kernel, netlink, route
from probes.wire.clock import KernelClock
from probes.wire.datagrams import Datagrams, Inbox, arrivals_are_stamped, sending_control
from tests.waiting import wait_until


def udp() -> socket.socket:
    """Return a UDP socket on a free port of loopback."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def test_layouts_have_the_kernels_sizes() -> None:
    assert (kernel.MMSGHDR.itemsize, kernel.IOVEC.itemsize, kernel.CMSGHDR.size) == (64, 16, 16)
    assert (kernel.EXTENDED_ERR.size, kernel.IFREQ.size) == (16, 40)
    assert len(kernel.control_message(0, 2, struct.pack("@i", 64))) == 24


def test_a_batch_is_received_with_stamps_and_drops_are_counted() -> None:
    inbox = Inbox(batch=8, width=64)
    receiver, sender = Datagrams(udp()), udp()
    try:
        assert receiver.start_stamps()
        wait_until(arrivals_are_stamped)
        where = receiver.sock.getsockname()
        before = time.time_ns()
        for number in range(10):
            sender.sendto(bytes([number]) * 100, where)
        assert inbox.receive(receiver.fd) == 8
        assert inbox.lengths(8).tolist() == [64] * 8  # cut to the width
        assert inbox.octets[:8, 0].tolist() == list(range(8))
        assert inbox.names[0, 4:8].tolist() == [127, 0, 0, 1]
        stamps = inbox.stamps(8)
        assert ((stamps >= before - 1_000_000) & (stamps <= time.time_ns() + 1_000_000)).all()
        assert inbox.receive(receiver.fd) == 2
        assert inbox.receive(receiver.fd) == 0
        assert receiver.new_drops() == 0
        receiver.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        for _ in range(50):
            sender.sendto(b"x" * 100, where)
        drops = receiver.new_drops()
        assert drops > 0
        left = sum(iter(lambda: inbox.receive(receiver.fd), 0))
        assert left + drops == 50
        assert receiver.new_drops() == 0
    finally:
        receiver.close()
        sender.close()


def test_a_stamp_is_read_only_where_there_is_one() -> None:
    inbox = Inbox(batch=4)
    receiver, sender = Datagrams(udp()), udp()
    try:
        receiver.start_stamps()
        wait_until(arrivals_are_stamped)
        sender.sendto(b"1", receiver.sock.getsockname())
        assert inbox.receive(receiver.fd) == 1
        assert inbox.stamps(1)[0] > 0
        plain = Datagrams(udp())
        sender.sendto(b"2", plain.sock.getsockname())
        assert inbox.receive(plain.fd) == 1  # the old stamp still stands in the memory, and is not taken
        assert inbox.stamps(1)[0] == 0
        plain.close()
    finally:
        receiver.close()
        sender.close()


def test_what_was_sent_is_stamped_and_counted_from_zero_again_when_asked() -> None:
    inbox = Inbox()
    far, near = udp(), Datagrams(udp())
    try:
        for _ in range(2):
            near.start_stamps()
            before = time.time_ns()
            for _ in range(3):
                near.sock.sendto(b"x", far.getsockname())
            assert inbox.receive(near.fd, errors=True) == 3
            keys, stamps, good = inbox.sent_stamps(3)
            assert good.all()
            assert keys.tolist() == [0, 1, 2]
            assert ((stamps >= before) & (stamps <= time.time_ns())).all()
    finally:
        far.close()
        near.close()


def test_a_refused_datagram_is_told_with_its_payload() -> None:
    inbox = Inbox()
    gone, near = udp(), Datagrams(udp())
    where = gone.getsockname()
    gone.close()
    try:
        near.sock.setsockopt(socket.IPPROTO_IP, kernel.IP_RECVERR, 1)
        near.sock.sendto(b"hello", where)
        assert inbox.receive(near.fd) == -errno.ECONNREFUSED
        assert inbox.receive(near.fd, errors=True) == 1
        (error,) = inbox.queued_errors(1)
        assert (error.type, error.code, error.destination) == (3, 3, b"\x7f\0\0\x01")
        assert (error.offender, error.payload) == ("127.0.0.1", b"hello")
        near.sock.sendto(b"hello", where)
        near.clear_error()
        assert inbox.receive(near.fd) == 0
    finally:
        near.close()


def test_a_receive_buffer_is_read_back() -> None:
    near = Datagrams(udp())
    try:
        granted = near.ask_receive_buffer(1 << 20)
        assert granted == near.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert near.ask_receive_buffer(10) == granted
    finally:
        near.close()


@pytest.mark.parametrize(
    ("family", "options", "messages"),
    [
        (4, {"ttl": None, "dscp": None, "source": None}, []),
        (4, {"ttl": 3, "dscp": 46, "source": b"\x7f\0\0\x09"}, [(0, 2, 4), (0, 1, 4), (0, 8, 12)]),
        (6, {"ttl": 3, "dscp": 46, "source": bytes(16)}, [(41, 52, 4), (41, 67, 4), (41, 50, 20)]),
    ],
)
def test_control_messages_of_one_datagram(
    family: int, options: dict[str, int | bytes | None], messages: list[tuple[int, int, int]]
) -> None:
    octets = sending_control(family, **options)  # type: ignore[arg-type]
    found, place = [], 0
    while place < len(octets):
        length, level, kind = kernel.CMSGHDR.unpack_from(octets, place)
        found.append((level, kind, length - 16))
        place += length + -length % 8
    assert found == messages


def test_interfaces_and_routes() -> None:
    assert route.interface_works("lo") is True
    assert route.interface_works("nope0") is False
    assert route.interface_works("a-name-that-is-far-too-long") is False
    v4, v6 = socket.inet_aton("127.0.0.5"), socket.inet_pton(socket.AF_INET6, "::1")
    assert route.interfaces_towards([v4, v6]) == {v4: "lo", v6: "lo"}
    assert route.interfaces_towards([]) == {}


@given(st.binary(max_size=200))
def test_strange_answers_by_netlink_are_read_to_where_they_make_sense(answer: bytes) -> None:
    for _, content in netlink.messages(answer):
        assert len(content) < len(answer)
    for _, value in netlink.attributes(answer):
        assert len(value) < len(answer)
    netlink.attribute(answer, [7, 3])


def test_attributes_within_attributes() -> None:
    inner = struct.pack("@HH4s", 8, 3, b"deep")
    octets = struct.pack("@HHI", 8, 1, 5) + struct.pack("@HH", 4 + len(inner), 7) + inner
    assert netlink.attribute(octets, [7, 3]) == b"deep"
    assert netlink.attribute(octets, [7, 4]) is None
    assert netlink.attribute(octets, [2]) is None


def test_a_kernel_that_refuses_is_no_evidence() -> None:
    with netlink.Netlink() as kernel_socket, pytest.raises(OSError, match="refuses"):
        list(kernel_socket.ask(26, 0, b"?"))  # RTM_GETROUTE without its body
    assert route.interfaces_towards([b"\0" * 5]) == {}


def test_queues_of_this_host() -> None:
    assert all(drops >= 0 for drops in route.queue_drops().values())


def test_the_clocks_are_of_one_moment() -> None:
    clock = KernelClock()
    first, second = clock.read(), clock.read()
    assert second.monotonic >= first.monotonic
    assert abs((second.wall - second.monotonic) - (first.wall - first.monotonic)) < 50_000_000
    assert abs(first.wall - time.time_ns()) < 5_000_000_000


def test_error_names() -> None:
    assert kernel.error_name(errno.ENETUNREACH) == "enetunreach"
    assert kernel.error_name(9999) == "9999"
