"""pysnmp behind the pre-decoder: who is meant by a user's name, and hostile messages that have come so far."""

import gc
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.core.model import SnmpAuth
from probes.snmp.oid import SnmpDecodeError
from probes.snmp.ownengine import OwnEngine
from probes.snmp.trapcodec import Notification, SecureHeader, decode_secure_header
from probes.snmp.trapv3 import MAX_WAITING, SecureTrap, SecureTraps, choose, users
from tests.lab.snmpd import missing
from tests.waiting import wait_until

OWN = b"\x80\x00\x4f\xb8\x05own-engine"
THEIRS = bytes.fromhex("80001f8880aabbccddee")
OPS = SnmpAuth("ops", 3, "", "ops", "authPriv", "SHA", "auth-secret", "AES", "priv-secret")
OTHER = SnmpAuth("other", 3, "", "ops", "authNoPriv", "SHA", "another-secret")
OPEN = SnmpAuth("open", 3, "", "open")
BROKEN = SnmpAuth("broken", 3, "", "broken", problem="no such file")
USERS = users({auth.name: auth for auth in (OPS, OTHER, OPEN, BROKEN, SnmpAuth("v2"), SnmpAuth("nameless", 3))})


def header(user: str, level: int, engine: bytes = THEIRS, boots: int = 1) -> SecureHeader:
    return SecureHeader(1, level, 3, engine, boots, boots, user.encode())


@pytest.mark.parametrize(
    ("user", "flags", "preferred", "found"),
    [
        ("ops", 0x03, (), "ops"),  # the first that is configured
        ("ops", 0x01, ("other",), "other"),  # that of the sender's own polls
        ("ops", 0x01, (), "wrong_level"),
        ("ops", 0x00, (), "wrong_level"),
        ("ops", 0x03, ("other",), "wrong_level"),
        ("ops", 0x07, ("ops", "other"), "ops"),
        ("open", 0x00, (), "open"),
        ("open", 0x01, (), "wrong_level"),
        ("broken", 0x00, (), "unknown_user"),
        ("nobody", 0x03, (), "unknown_user"),
        ("", 0x00, (), "unknown_user"),
    ],
)
def test_which_auth_is_meant(user: str, flags: int, preferred: tuple[str, ...], found: str) -> None:
    auth, reason = choose(header(user, flags), OWN, USERS, preferred)
    assert (auth.name if auth else reason) == found


@pytest.mark.parametrize(
    ("engine", "boots", "flags", "found"),
    [
        (OWN, 0, 0x05, "ops"),
        (OWN, 1, 0x05, "wrong_level"),
        (THEIRS, 0, 0x05, "wrong_level"),
        (OWN, 0, 0x04, "wrong_level"),
    ],
)
def test_a_question_after_our_boots_may_be_less_protected(engine: bytes, boots: int, flags: int, found: str) -> None:
    """RFC 3414 section 4: it is authenticated, and not yet encrypted."""
    auth, reason = choose(header("ops", flags, engine, boots), OWN, USERS, ())
    assert (auth.name if auth else reason) == found


class Judged:
    """The thread, with what came of each message."""

    def __init__(self, *, room: bool = True) -> None:
        self.taken: list[Notification] = []
        self.reasons: list[str] = []
        self.answers: list[bytes] = []
        self.room = room
        self.traps = SecureTraps(
            OwnEngine(OWN, 7, time.monotonic()), self.take, lambda why, _: self.reasons.append(why)
        )

    def take(self, _trap: SecureTrap, notification: Notification) -> bool:
        self.taken.append(notification)
        return self.room

    def offer(self, data: bytes) -> bool:
        """Offer a message as a receiver would; False: it would not have."""
        try:
            head = decode_secure_header(data)
        except SnmpDecodeError:
            return False
        if head.security_model != 3 or (
            head.engine_id and (head.engine_id not in (OWN, THEIRS) or head.user != b"ops")
        ):
            return False
        trap = SecureTrap(data, head, "127.0.0.1", OPS if head.engine_id else None, self.answers.append)
        wait_until(lambda: self.traps.offer(trap), 60, 0.001)
        return True


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Messages of net-snmp: a trap, an inform to our engine with boots 7, and the question that went before it."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("genuine")
    (trap,) = _sent(folder, "snmptrap", "-e", "0x" + THEIRS.hex(), "-Z", "3,1000", count=1)
    question, inform = _sent(folder, "snmpinform", "-r", "0", "-t", "20", count=2)
    return [trap, inform, question]


def _sent(folder: Path, program: str, *how: str, count: int) -> list[bytes]:
    """Return what a tool sends; each but the last is answered as our engine does."""
    user = ["-v3", "-u", "ops", "-l", "authPriv", "-a", "SHA", "-A", "auth-secret", "-x", "AES", "-X", "priv-secret"]
    judged, found = Judged(), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        words = [program, *user, *how, f"127.0.0.1:{sock.getsockname()[1]}", "", "1.3.6.1.6.3.1.1.5.3"]
        environment = {"PATH": "/usr/bin:/bin", "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder)}
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tool:
            for number in range(count):
                data, peer = sock.recvfrom(65535)
                found.append(data)
                if number + 1 < count:
                    judged.offer(data)
                    wait_until(lambda: judged.answers)
                    sock.sendto(judged.answers.pop(), peer)
            tool.terminate()
    judged.traps.close()
    return found


@pytest.fixture
def judged() -> Iterator[Judged]:
    made = Judged()
    yield made
    made.traps.close()


def test_genuine_messages_are_taken_and_answered(judged: Judged, genuine: list[bytes]) -> None:
    trap, inform, question = genuine
    judged.offer(trap)
    wait_until(lambda: judged.reasons == [""])
    assert judged.answers == []
    judged.offer(inform)
    judged.offer(question)
    wait_until(lambda: judged.reasons == ["", "", ""])
    assert len(judged.taken) == 2
    acknowledgement, report = (decode_secure_header(answer) for answer in judged.answers)
    assert (acknowledgement.engine_id, acknowledgement.boots, acknowledgement.encrypted) == (OWN, 7, True)
    assert (report.engine_id, report.boots, report.authenticated) == (OWN, 7, False)
    assert 0 <= report.seconds < 100


def test_a_table_of_users_that_is_full_begins_anew(
    judged: Judged, genuine: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.snmp.trapusm._MAX_USERS", 1)
    trap, inform, _ = genuine
    for data in (trap, inform, trap, inform):
        judged.offer(data)
    wait_until(lambda: len(judged.reasons) == 4)
    assert judged.reasons == [""] * 4
    assert len(judged.answers) == 2


def test_what_there_is_no_room_for_is_not_acknowledged(genuine: list[bytes]) -> None:
    judged = Judged(room=False)
    judged.offer(genuine[1])
    wait_until(lambda: judged.reasons == ["queue_full"])
    judged.traps.close()
    assert judged.answers == []


def test_a_wrong_password_is_not_authentic_and_told_to_who_informs(judged: Judged, genuine: list[bytes]) -> None:
    for data in genuine[:2]:
        place = len(data) - 5  # within what is encrypted
        judged.offer(data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :])
    wait_until(lambda: judged.reasons == ["not_authentic"] * 2)
    assert judged.taken == []
    assert len(judged.answers) == 1  # a Report to the inform; a trap is not answered


def test_the_queue_is_bounded_and_closing_does_not_wait_for_it(genuine: list[bytes]) -> None:
    judged = Judged()
    trap = SecureTrap(genuine[0], decode_secure_header(genuine[0]), "127.0.0.1", OPS, judged.answers.append)
    offered = [judged.traps.offer(trap) for _ in range(MAX_WAITING * 4)]
    assert not all(offered)
    assert judged.traps.waiting <= MAX_WAITING
    judged.traps.close()
    assert not judged.traps.offer(trap)
    assert len(judged.reasons) < sum(offered)


def test_damaged_messages_harm_nobody_and_leave_nothing_behind(judged: Judged, genuine: list[bytes]) -> None:
    source = random.Random(7)

    def damage(count: int) -> int:
        offered = 0
        for _ in range(count):
            data = bytearray(source.choice(genuine))
            for _ in range(source.randint(1, 3)):
                data[source.randrange(len(data))] = source.randrange(256)
            offered += judged.offer(bytes(data))
        return offered

    offered = damage(300)
    wait_until(lambda: len(judged.reasons) == offered, 60)
    gc.collect()
    before = len(gc.get_objects())
    judged.answers.clear()
    offered += damage(1500)
    wait_until(lambda: len(judged.reasons) == offered, 90)
    judged.answers.clear()
    gc.collect()
    assert len(gc.get_objects()) - before < 2000  # less than two for each message: none is kept
    assert {"", "not_authentic"} <= set(judged.reasons)
    judged.taken.clear()
    judged.offer(genuine[0])
    wait_until(lambda: len(judged.taken) == 1)  # it still works
