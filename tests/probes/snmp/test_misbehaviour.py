"""Agents that misbehave, through the whole probe: what becomes of each is in the name of its test."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest

from agent.core.model import AdminStatus, Check, Observation, OperStatus, Outcome, SnmpAuth
from agent.core.ports import Resources
from probes.snmp import ber
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, VarBind
from probes.snmp.probe import Probe, Settings
from tests.probes.snmp.agents import Mib, UdpAgent, silent, switch
from tests.probes.snmp.mutation import Mutator

AUTHS = {"v1": SnmpAuth("v1", version=1), "v2": SnmpAuth("v2")}
OPER = ber.encode_oid("1.3.6.1.2.1.2.2.1.8")
DESCR = ber.encode_oid("1.3.6.1.2.1.2.2.1.2")
PORTS = 30
both_versions = pytest.mark.parametrize("auth", ["v1", "v2"])

Spoil = Callable[[Message, bytes], list[bytes]]  # a request and the honest answer -> datagrams to send instead


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    made = Probe(Resources(auths=AUTHS))
    yield made
    await made.close()


async def polled(probe: Probe, agent: UdpAgent, **settings: object) -> Observation:
    """Poll with patience for a busy machine, where a test asks for no other."""
    patient = {"auth": "v2", "timeout": "100s", "request_timeout": "10s"}
    values = {"address": "127.0.0.1", "port": agent.port, "modules": ["system", "if_mib"], **patient, **settings}
    return await probe.run(Check("sw1", "snmp", "snmp", 60.0, Settings.model_validate(values)))


@contextmanager
def spoiling(spoil: Spoil, mib: Mib | None = None) -> Iterator[UdpAgent]:
    """Run an agent that is honest but for what `spoil` makes of its answers."""
    honest = Mib(switch(PORTS)) if mib is None else mib
    with UdpAgent(lambda request, data: spoil(request, honest.answer(request)[0])) as agent:
        yield agent


def changed(request: Message, sound: bytes, change: Callable[[list[VarBind]], list[VarBind]]) -> bytes:
    """Return an answer with other varbinds; errors stay as they are."""
    answer = ber.decode_response(sound)
    return sound if answer.error_status else ber.encode_response(request, change(answer.varbinds))


def whole(seen: Observation, ports: int = PORTS) -> bool:
    """Tell whether all of the switch was read, each row once."""
    assert (seen.outcome, seen.complete) == (Outcome.OK, True), seen.detail
    assert [interface.index for interface in seen.interfaces] == list(range(1, ports + 1))
    assert all(interface.oper is not None and interface.alias is not None for interface in seen.interfaces)
    return samples(seen, "ifHCInOctets") == [(1 << 40) * 6 + number for number in range(1, ports + 1)]


def samples(seen: Observation, name: str) -> list[float]:
    assert seen.series is not None
    return [value for family in seen.series.families if family.name == name for value in family.values.tolist()]


# ------------------------------------------------------------------ the table of measurements: what must happen


@both_versions
@pytest.mark.parametrize("back", [0, 3])
async def test_the_same_or_a_decreasing_oid_is_an_error_that_names_it(probe: Probe, auth: str, back: int) -> None:
    stuck = ber.encode_index((10 - back,))

    def spoil(request: Message, sound: bytes) -> list[bytes]:
        if not any(bind[0] == OPER + b"\x0a" for bind in request.varbinds):
            return [sound] if request.pdu == Pdu.GET else [changed(request, sound, at_ten)]
        return [changed(request, sound, lambda binds: [(name(bind[0]), *bind[1:]) for bind in binds])]

    def at_ten(binds: list[VarBind]) -> list[VarBind]:
        places = [place for place, bind in enumerate(binds) if bind[0] == OPER + b"\x0a"]
        return binds[: places[0] + 1] if places and request_is_bulk else binds

    def name(oid: bytes) -> bytes:
        return OPER + stuck if oid == OPER + b"\x0b" else oid

    request_is_bulk = auth == "v2"
    with spoiling(spoil) as agent:
        seen = await polled(probe, agent, auth=auth)
    assert seen.outcome is Outcome.OK
    assert not seen.complete
    said = f"OID does not increase: {ber.oid_text(OPER + stuck)} after {ber.oid_text(OPER)}.10"
    assert seen.detail.endswith(f"; incomplete: {said}")
    assert [interface.oper is None for interface in seen.interfaces] == [False] * 10 + [True] * 20
    assert all(interface.admin is AdminStatus.UP and interface.alias is not None for interface in seen.interfaces)


@both_versions
async def test_no_such_instance_for_ever_is_an_error(probe: Probe, auth: str) -> None:
    def spoil(request: Message, sound: bytes) -> list[bytes]:
        if request.pdu == Pdu.GET:
            return [sound]
        missing: list[VarBind] = [(bind[0] + b"\x01", Tag.NO_SUCH_INSTANCE, None) for bind in request.varbinds]
        return [ber.encode_response(request, missing)]

    with spoiling(spoil) as agent:
        seen = await polled(probe, agent, auth=auth)
    assert (seen.outcome, seen.complete, seen.interfaces) == (Outcome.OK, False, ())
    pdu = "GETNEXT" if auth == "v1" else "GETBULK"
    assert f"incomplete: noSuchInstance as answer to {pdu}: {ber.oid_text(DESCR)}.1;" in seen.detail


@both_versions
async def test_too_big_halves_what_is_asked_for_and_all_rows_come(probe: Probe, auth: str) -> None:
    def spoil(request: Message, sound: bytes) -> list[bytes]:
        asked = len(request.varbinds) * (request.max_repetitions if request.pdu == Pdu.GETBULK else 1)
        return [sound] if asked <= 4 else [ber.encode_response(request, request.varbinds, ErrorStatus.tooBig, 0)]

    with spoiling(spoil) as agent:
        assert whole(await polled(probe, agent, auth=auth))
        bulks = [request.max_repetitions for request in agent.requests if request.pdu == Pdu.GETBULK]
    assert auth == "v1" or bulks[:5] == [25, 12, 6, 3, 3]


@both_versions
async def test_gen_err_is_an_error_and_the_other_columns_come(probe: Probe, auth: str) -> None:
    def spoil(request: Message, sound: bytes) -> list[bytes]:
        for place, bind in enumerate(ber.decode_response(sound).varbinds):
            if bind[0].startswith(OPER) and request.pdu != Pdu.GET:
                if place == 0 or auth == "v1":
                    return [ber.encode_response(request, [], ErrorStatus.genErr, place + 1)]
                return [changed(request, sound, lambda binds: binds[:place])]  # noqa: B023 - called before it moves on
        return [sound]

    with spoiling(spoil) as agent:
        seen = await polled(probe, agent, auth=auth)
    assert (seen.outcome, seen.complete) == (Outcome.OK, False)
    assert "incomplete: genErr after 1.3.6.1.2.1.2.2.1." in seen.detail
    assert len(seen.interfaces) == PORTS
    assert {interface.oper for interface in seen.interfaces} == {None}
    assert all(interface.admin is AdminStatus.UP and interface.alias is not None for interface in seen.interfaces)


async def test_truncated_and_garbage_datagrams_are_counted_and_ignored(probe: Probe) -> None:
    def spoil(request: Message, sound: bytes) -> list[bytes]:
        return [sound[:-9], b"", b"garbage", sound + b"\x00", bytes(1400), sound]

    with spoiling(spoil) as agent:
        assert whole(await polled(probe, agent))
        assert probe.counters.garbage == 5 * len(agent.requests)
    assert probe.counters.retransmissions == 0


@both_versions
async def test_nothing_but_truncated_and_garbage_datagrams_is_a_timeout(probe: Probe, auth: str) -> None:
    with spoiling(lambda request, sound: [sound[:-9], b"garbage"]) as agent:
        seen = await polled(probe, agent, auth=auth, request_timeout="300ms")
    assert (seen.outcome, seen.series) == (Outcome.NO_ANSWER, None)
    assert "after 3 tries; a wrong community looks the same" in seen.detail
    assert 4 <= probe.counters.garbage <= 6  # those of the last try may come after the end
    assert probe.counters.answers == 0


@pytest.mark.parametrize("other", ["127.0.0.1", "127.0.0.2"])  # another port, another address and port
async def test_an_answer_from_elsewhere_is_dropped_and_counted(probe: Probe, other: str) -> None:
    mib = Mib(switch(PORTS))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind((other, 0))

        def answer(request: Message, data: bytes) -> list[bytes]:
            elsewhere.sendto(mib.answer(request)[0], agent.sender)
            return []

        with UdpAgent(answer) as agent:
            seen = await polled(probe, agent, request_timeout="300ms")
            assert (seen.outcome, probe.counters.answers) == (Outcome.NO_ANSWER, 0)
            assert 2 <= (dropped := probe.counters.foreign) <= 3  # that of the last try may come after the end
            assert whole(await polled(probe, agent, any_source=True))  # as this device's configuration says
            assert probe.counters.foreign == dropped
            with UdpAgent(silent) as third:  # and for this device only
                assert (await polled(probe, third, request_timeout="50ms")).outcome is Outcome.NO_ANSWER


@both_versions
async def test_duplicate_answers_give_all_rows_once(probe: Probe, auth: str) -> None:
    former: list[bytes] = []

    def spoil(request: Message, sound: bytes) -> list[bytes]:
        former.append(sound)
        return [sound, sound, *former[-3:]]  # and those of earlier requests once more

    with spoiling(spoil) as agent:
        assert whole(await polled(probe, agent, auth=auth))
        assert probe.counters.answers == len(agent.requests)
    assert probe.counters.late > len(former)


async def test_late_answers_give_all_rows_once(probe: Probe) -> None:
    held: dict[int, bytes] = {}

    def spoil(request: Message, sound: bytes) -> list[bytes]:
        """Answer each second try with the answers to both."""
        if request.request_id not in held:
            held[request.request_id] = sound
            return []
        return [held[request.request_id], sound]

    with spoiling(spoil, Mib(switch(4))) as agent:
        assert whole(await polled(probe, agent, request_timeout="100ms", retries=10), 4)
    assert probe.counters.retransmissions >= len(held) > 4
    assert probe.counters.answers == len(held)


@pytest.mark.parametrize("octets", [60_000, 65_507])  # the latter is all that a datagram holds over IPv4
async def test_an_answer_of_60_kilobytes_is_read(probe: Probe, octets: int) -> None:
    def spoil(request: Message, sound: bytes) -> list[bytes]:
        if request.pdu == Pdu.GET or not any(bind[0].startswith(DESCR) for bind in request.varbinds):
            return [sound]
        for size in range(octets, 0, -1):
            data = changed(request, sound, lambda binds: [(*binds[0][:2], bytes(size)), *binds[1:]])  # noqa: B023
            if len(data) <= octets:
                assert len(data) == octets
                return [data]
        raise AssertionError

    with spoiling(spoil) as agent:
        assert whole(await polled(probe, agent))
    assert probe.counters.garbage == 0


@both_versions
async def test_an_empty_list_of_varbinds_ends_the_walk(probe: Probe, auth: str) -> None:
    def spoil(request: Message, sound: bytes) -> list[bytes]:
        if request.pdu == Pdu.GET or not any(bind[0].startswith(OPER) for bind in request.varbinds):
            return [sound]
        return [ber.encode_response(request, [])]

    with spoiling(spoil) as agent:
        seen = await polled(probe, agent, auth=auth)
    assert (seen.outcome, seen.complete) == (Outcome.OK, True)
    assert len(seen.interfaces) == PORTS
    assert {interface.alias for interface in seen.interfaces} == {None}


# ------------------------------------------------------------------ what changes while it is read


async def test_counters_that_go_backwards_come_as_they_are(probe: Probe) -> None:
    mib = Mib(switch(3))
    with spoiling(lambda request, sound: [sound], mib) as agent:
        first = await polled(probe, agent)
        for key, (tag, value) in mib.objects.items():
            if tag in (Tag.COUNTER32, Tag.COUNTER64) and isinstance(value, int):
                mib.objects[key] = (tag, value // 3)
        second = await polled(probe, agent)
    assert samples(first, "ifHCInOctets") == [(1 << 40) * 6 + number for number in (1, 2, 3)]
    assert samples(second, "ifHCInOctets") == [((1 << 40) * 6 + number) // 3 for number in (1, 2, 3)]
    assert (second.outcome, second.complete) == (Outcome.OK, True)  # rates are made elsewhere, and know of resets


async def test_rows_that_vanish_between_columns_mix_up_no_others(probe: Probe) -> None:
    mib, gone = Mib(switch(6)), {2, 5}

    def spoil(request: Message, sound: bytes) -> list[bytes]:
        """Take two ports out when ifOperStatus is reached."""
        if any(bind[0].startswith(OPER[:-1] + b"\x07") for bind in request.varbinds):
            mib.objects = {key: value for key, value in mib.objects.items() if len(key) < 11 or key[-1] not in gone}
            mib.keys = sorted(mib.objects)
        return mib.answer(request)

    with spoiling(spoil, mib) as agent:
        seen = await polled(probe, agent, max_repetitions=1)
        again = await polled(probe, agent)
    assert seen.outcome is Outcome.OK
    states = {interface.index: interface.oper for interface in seen.interfaces}
    assert states == {1: OperStatus.UP, 2: None, 3: OperStatus.DOWN, 4: OperStatus.DOWN, 5: None, 6: OperStatus.DOWN}
    aliases = {interface.index: interface.alias for interface in seen.interfaces}
    assert aliases == {1: "uplink", 2: None, 3: "", 4: "", 5: None, 6: ""}
    assert samples(seen, "ifInOctets") == [10_000 + number for number in (1, 3, 4, 6)]
    assert [interface.index for interface in again.interfaces] == [1, 3, 4, 6]
    assert samples(again, "ifInOctets") == samples(seen, "ifInOctets")


async def test_an_agent_that_restarts_within_a_walk_is_read_anew(probe: Probe) -> None:
    mib, down = Mib(switch(PORTS)), 0

    def spoil(request: Message, sound: bytes) -> list[bytes]:
        nonlocal down
        if any(bind[0].startswith(OPER) for bind in request.varbinds) and down < 2:
            down += 1
            mib.objects[1, 3, 6, 1, 2, 1, 1, 3, 0] = (Tag.TIMETICKS, 100)
            return []
        return mib.answer(request)

    with spoiling(spoil, mib) as agent:
        seen = await polled(probe, agent, request_timeout="500ms")
        once = dict((await polled(probe, agent, interval="2m")).values)["packets"]
    assert whole(seen)
    assert dict(seen.values)["packets"] > 1.3 * once
    assert samples(seen, "ifHCInOctets") == [(1 << 40) * 6 + number for number in range(1, PORTS + 1)]


@pytest.mark.parametrize(("before", "after"), [((1 << 32) - 5, 3), (8_640_000, 8_639_990)])
async def test_a_clock_that_wraps_or_wobbles_is_no_restart(probe: Probe, before: int, after: int) -> None:
    mib, ticks = Mib(switch(PORTS)), iter([before])

    def spoil(request: Message, sound: bytes) -> list[bytes]:
        mib.objects[1, 3, 6, 1, 2, 1, 1, 3, 0] = (Tag.TIMETICKS, next(ticks, after))
        return mib.answer(request)

    with spoiling(spoil, mib) as agent:
        assert whole(await polled(probe, agent))
        first = ber.encode_oid("1.3.6.1.2.1.2.2.1.2")  # of the columns
        assert len([request for request in agent.requests if request.varbinds[0][0] == first]) == 1  # not read anew


# ------------------------------------------------------------------ silence at some questions only


@both_versions
async def test_a_table_at_which_an_agent_hangs_costs_only_itself(probe: Probe, auth: str) -> None:
    def spoil(request: Message, sound: bytes) -> list[bytes]:
        binds = ber.decode_response(sound).varbinds
        return [] if request.pdu != Pdu.GET and any(bind[0].startswith(OPER) for bind in binds) else [sound]

    with spoiling(spoil) as agent:
        seen = await polled(probe, agent, auth=auth, request_timeout="500ms", retries=1)
    assert (seen.outcome, seen.complete) == (Outcome.OK, False)
    assert "incomplete: no answer from 127.0.0.1:" in seen.detail
    assert "after 2 tries, asked for what follows 1.3.6.1.2.1.2.2.1." in seen.detail
    assert len(seen.interfaces) == PORTS
    assert {interface.oper for interface in seen.interfaces} == {None}
    assert all(interface.admin is not None and interface.alias is not None for interface in seen.interfaces)


async def test_answers_that_are_too_long_for_the_path_are_asked_for_in_smaller_ones(probe: Probe) -> None:
    with spoiling(lambda request, sound: [sound] if len(sound) <= 700 else []) as agent:
        assert whole(await polled(probe, agent, request_timeout="500ms", retries=1))


async def test_an_agent_that_answers_gets_alone_is_left_after_a_few_questions(probe: Probe) -> None:
    with spoiling(lambda request, sound: [sound] if request.pdu == Pdu.GET else []) as agent:
        seen = await polled(probe, agent, request_timeout="1s", retries=0)
        assert len([request for request in agent.requests if request.pdu == Pdu.GETBULK]) == 4
    assert (seen.outcome, seen.complete, seen.interfaces) == (Outcome.OK, False, ())
    assert seen.detail.endswith("; the rest was not asked for")


@both_versions
async def test_damaged_answers_with_the_right_number_never_raise_and_come_to_an_end(probe: Probe, auth: str) -> None:
    raised: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    chance = random.Random(11)

    def spoil(request: Message, sound: bytes) -> list[bytes]:
        mutator = Mutator([sound], chance)
        return [*[mutator.next() for _ in range(chance.randrange(4))], *([sound] if chance.random() < 0.9 else [])]

    with spoiling(spoil, Mib(switch(8))) as agent:
        seen = [await polled(probe, agent, auth=auth, request_timeout="60ms", timeout="5s") for _ in range(20)]
    assert raised == []
    assert {observation.outcome for observation in seen} <= {Outcome.OK, Outcome.BAD_ANSWER, Outcome.NO_ANSWER}
    assert [observation for observation in seen if observation.outcome is Outcome.OK] != []
    assert probe.counters.garbage > 50
    assert probe._client is not None
    assert (probe._client._pending, probe._client._in_flight) == ({}, 0)
