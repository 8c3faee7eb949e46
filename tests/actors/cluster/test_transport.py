"""Packets between replicas: numbered, and after a gap all calls and mirrors begin again."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import count

import pytest
import trio
import trio.testing
from msgspec import structs
from trio.testing import wait_all_tasks_blocked

from legato.actors.cluster import transport
from legato.actors.cluster.link import WAITING_BYTES, FromOwner, Link, LinkLost
from legato.actors.cluster.protocol import (
    Accepted,
    AnyEnvelope,
    Call,
    Closed,
    Follow,
    GapDetected,
    LogChunk,
    Reply,
    Unfollow,
    decode_packet,
    encode_envelope,
    encode_packet,
)
from legato.actors.cluster.transport import Transport
from legato.actors.conversation.turn import Turn
from legato.actors.mailbox import Mailbox
from legato.actors.messages import GetStatus, JobMessage
from legato.actors.ref import LocalRef
from legato.actors.stream.sinks import Chunk
from legato.storage.contracts.errors import StorageError


class Office:
    """A post at which a test plays the other replica."""

    def __init__(self) -> None:
        self.sent: list[AnyEnvelope] = []
        self.numbers: list[int] = []
        self.links: set[str] = set()
        self.fails = 0
        self.has_bug = False
        self.link = "first"
        self._send, self._receive = trio.open_memory_channel[bytes](99)

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        await self._work()
        for peer, data in packets:
            packet = decode_packet(data)
            assert (peer, packet.sender) == ("other", "me")
            self.numbers.append(packet.number)
            self.links.add(packet.link)
            self.sent += packet.envelopes

    async def receive(self) -> Sequence[bytes]:
        await self._work()
        return [await self._receive.receive()]

    async def _work(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.has_bug:
            raise RuntimeError("bug")
        if self.fails > 0:
            self.fails -= 1
            raise StorageError("away")

    async def arrive(self, number: int, *envelopes: AnyEnvelope) -> None:
        encoded = [encode_envelope(envelope) for envelope in envelopes]
        await self.arrive_raw(encode_packet("other", self.link, number, encoded))

    async def arrive_raw(self, data: bytes) -> None:
        self._send.send_nowait(data)
        await wait_all_tasks_blocked()


class Nobody:
    """A host without jobs."""

    def has(self, job_id: str) -> bool:
        return False

    async def local(self, job_id: str) -> LocalRef | None:
        return None

    def hands_on(self, job_id: str) -> bool:
        return job_id == "handed on"

    async def answer(self, call: Call) -> Reply:
        return Reply(call.call_id, is_known=False)


class Listener:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def tell(self, envelope: FromOwner) -> None:
        match envelope:
            case Accepted(_, epoch):
                self.heard.append(epoch)
            case LogChunk(_, _, seq):
                self.heard.append(seq)
            case Closed(_, is_gone):
                self.heard.append("gone" if is_gone else "closed")


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def peers(office: Office, nursery: trio.Nursery) -> Transport:
    peers = Transport(nursery, "me", office, Nobody())
    nursery.start_soon(peers.run)
    await wait_all_tasks_blocked()
    return peers


def lines(call_id: int, seq: int) -> LogChunk:
    return LogChunk(call_id, b"", seq, last=False)


async def test_what_is_followed_is_heard_to_its_end(office: Office, peers: Transport) -> None:
    listener = Listener()
    peers.follow("other", "j", None, listener)
    await office.arrive(1, Accepted(1, 3, {}), lines(1, 7))
    await office.arrive(2, Closed(1))
    assert office.sent == [Follow(1, "j", None)]
    assert listener.heard == [3, 7, "closed"]
    await office.arrive(3, Accepted(1, 3, {}), Closed(1), Reply(9))
    assert listener.heard == [3, 7, "closed"], "and no more"


async def test_what_comes_again_is_not_heard_again(office: Office, peers: Transport) -> None:
    listener = Listener()
    peers.follow("other", "j", None, listener)
    await office.arrive(1, lines(1, 7))
    await office.arrive(1, lines(1, 7))
    assert listener.heard == [7]


async def test_a_gap_ends_what_was_begun_and_says_so(office: Office, peers: Transport) -> None:
    listener = Listener()
    peers.follow("other", "j", None, listener)
    await office.arrive(2, lines(1, 7))
    assert listener.heard == ["closed"]
    assert office.sent[1:] == [GapDetected(0), Unfollow(1)]


async def test_who_is_told_of_a_gap_begins_again(office: Office, peers: Transport) -> None:
    listener = Listener()
    peers.follow("other", "j", None, listener)
    await office.arrive(1, GapDetected(0))
    assert listener.heard == ["closed"]


async def test_what_nobody_follows_any_more_is_refused(office: Office, peers: Transport) -> None:
    listener = Listener()
    peers.follow("other", "j", None, listener)
    peers.unfollow(listener)
    await office.arrive(1, lines(1, 7))
    assert listener.heard == []
    assert office.sent == [Follow(1, "j", None), Unfollow(1), Unfollow(1)]


async def test_questions_are_answered_and_jobs_that_are_not_here_are_gone(
    office: Office, peers: Transport
) -> None:
    await office.arrive(1, Call(4, "j", GetStatus()), Follow(5, "j", None), Unfollow(6))
    assert set(map(repr, office.sent)) == {
        repr(Reply(4, is_known=False)),
        repr(Closed(5, is_gone=True)),
    }


async def test_a_question_to_who_is_gone_is_lost_and_a_gap_for_the_other(
    office: Office, peers: Transport, nursery: trio.Nursery
) -> None:
    lost = trio.Event()

    async def ask() -> None:
        with pytest.raises(LinkLost):
            await peers.ask("other", "j", GetStatus())
        lost.set()

    nursery.start_soon(ask)
    await wait_all_tasks_blocked()
    peers.greet(lambda replica: False)
    await lost.wait()
    peers.greet(lambda replica: True)
    await wait_all_tasks_blocked()
    peers.unfollow(Listener())
    peers.follow("other", "j", None, Listener())
    await wait_all_tasks_blocked()
    assert office.numbers == [1, 1]
    assert len(office.links) == 2, "what it was told before is over for the other as well"


async def test_a_late_answer_to_a_question_of_a_former_link_answers_no_other(
    office: Office, peers: Transport, nursery: trio.Nursery
) -> None:
    """The other side kept its link, and its question, while this side gave it up."""
    answers: list[Reply] = []

    async def ask(job_id: str) -> None:
        with suppress(LinkLost):
            answers.append(await peers.ask("other", job_id, GetStatus()))

    nursery.start_soon(ask, "former")
    await wait_all_tasks_blocked()
    peers.greet(lambda replica: False)
    nursery.start_soon(ask, "later")
    await wait_all_tasks_blocked()
    former, later = (each for each in office.sent if isinstance(each, Call))
    await office.arrive(1, Reply(former.call_id))
    assert answers == []
    await office.arrive(2, Reply(later.call_id))
    assert answers == [Reply(later.call_id)]
    nursery.cancel_scope.cancel()


async def test_a_post_that_fails_is_tried_again(
    office: Office, peers: Transport, autojump_clock: trio.testing.MockClock
) -> None:
    office.fails = 6
    peers.follow("other", "j", None, Listener())
    await office.arrive(1)
    await trio.sleep(5)
    assert office.sent == [Follow(1, "j", None)]
    assert office.numbers == [1]


async def test_a_bug_in_sending_costs_one_packet(office: Office, peers: Transport) -> None:
    office.has_bug = True
    peers.follow("other", "j", None, Listener())
    await wait_all_tasks_blocked()
    office.has_bug = False
    peers.greet(lambda peer: True)
    await wait_all_tasks_blocked()
    assert (office.sent, office.numbers) == ([], [2]), "the other sees the gap"


async def test_a_packet_that_cannot_be_encoded_costs_one_packet(
    office: Office, peers: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*packet: object) -> bytes:
        raise RuntimeError("bug")

    with monkeypatch.context() as patched:
        patched.setattr(transport, "encode_packet", fail)
        peers.follow("other", "j", None, Listener())
        await wait_all_tasks_blocked()
    peers.greet(lambda peer: True)
    await wait_all_tasks_blocked()
    assert (office.sent, office.numbers) == ([], [2]), "the other sees the gap"


async def test_a_packet_that_cannot_be_read_harms_nobody(office: Office, peers: Transport) -> None:
    await office.arrive_raw(b"\xc1")
    await office.arrive(1, Call(4, "j", GetStatus()))
    assert office.sent == [Reply(4, is_known=False)]


async def letters_of(link: Link) -> Sequence[AnyEnvelope]:
    """The envelopes to be sent."""
    link.greet()
    return decode_packet(encode_packet("me", *await link.packet())).envelopes


async def test_a_replica_that_takes_nothing_lags_as_a_reader_does() -> None:
    link = Link(count(1))
    sink = link.serve(1)
    chunk = Chunk(b"x" * (WAITING_BYTES + 1), 1, 1)
    assert sink.push(chunk)
    assert not sink.push(chunk)
    sink.close()
    sink.close()
    assert await letters_of(link) == [LogChunk(1, chunk.data, 1, last=False), Closed(1)]
    assert not sink.push(structs.replace(chunk, data=b"")), "it is left"


async def test_a_link_that_is_reset_has_no_sinks() -> None:
    link = Link(count(1))
    sink = link.serve(1)
    link.reset()
    sink.close()
    assert sink.is_left
    assert await letters_of(link) == []


async def test_what_is_for_who_is_gone_is_not_sent(office: Office, peers: Transport) -> None:
    listener = Listener()
    peers.follow("other", "j", None, listener)
    peers.greet(lambda replica: False)
    await wait_all_tasks_blocked()
    assert office.sent == []
    assert listener.heard == ["closed"]


class Leaving(Nobody):
    """Finds a job that leaves before the subscription."""

    async def local(self, job_id: str) -> LocalRef | None:
        mailbox = Mailbox[JobMessage]()
        mailbox.close()
        turn = Turn(
            job_id=job_id, conversation_id="c", message_id="q", response_id="a", user="u", model="m"
        )
        return LocalRef(mailbox.ref, turn, 2, {1: 5})


async def test_a_job_that_goes_meanwhile_can_be_asked_for_again(
    office: Office, nursery: trio.Nursery
) -> None:
    nursery.start_soon(Transport(nursery, "me", office, Leaving()).run)
    await office.arrive(1, Follow(5, "j", "j:1:3"))
    assert office.sent == [Accepted(5, 2, {1: 5}), Closed(5)]


async def test_who_gave_this_replica_up_begins_on_a_new_link(
    office: Office, peers: Transport
) -> None:
    listener = Listener()
    peers.follow("other", "j", None, listener)
    await office.arrive(1, lines(1, 7))
    office.link = "second"
    await office.arrive(1, Call(4, "j", GetStatus()))
    assert listener.heard == [7, "closed"]
    assert Reply(4, is_known=False) in office.sent


async def test_a_job_that_is_not_here_leaves_nothing_behind(
    office: Office, peers: Transport
) -> None:
    await office.arrive(1, *(Follow(call_id, "unknown", None) for call_id in range(100)))
    assert len(office.sent) == 100
    assert not peers._link("other")._sinks


class Clumsy(Nobody):
    """Has a bug."""

    async def answer(self, call: Call) -> Reply:
        raise KeyError(call.call_id)


async def test_a_question_that_cannot_be_answered_costs_no_other(
    office: Office, nursery: trio.Nursery
) -> None:
    nursery.start_soon(Transport(nursery, "me", office, Clumsy()).run)
    await office.arrive(1, Call(4, "j", GetStatus()), Call(5, "j", GetStatus()))
    assert {envelope.call_id for envelope in office.sent} == {4, 5}
    assert all(isinstance(envelope, Reply) and envelope.fault for envelope in office.sent)


async def test_a_job_that_changes_hands_can_be_asked_for_again(
    office: Office, peers: Transport
) -> None:
    await office.arrive(1, Follow(5, "handed on", None))
    assert office.sent == [Closed(5, is_gone=False)]


class Parked(Leaving):
    """A host whose run is parked, and cannot be read: before it is found, or while it is."""

    def __init__(self, *, is_found: bool) -> None:
        self._is_found = is_found

    async def local(self, job_id: str) -> LocalRef | None:
        if not self._is_found:
            raise StorageError("the disk is gone")
        found = await super().local(job_id)
        assert found is not None
        found._find = self._unreadable
        return found

    async def _unreadable(self, job_id: str) -> LocalRef | None:
        raise StorageError("the disk is gone")


@pytest.mark.parametrize(("is_found", "said"), [(True, [Accepted(5, 2, {1: 5})]), (False, [])])
async def test_a_parked_run_that_cannot_be_read_can_be_asked_for_again(
    office: Office, nursery: trio.Nursery, said: list[AnyEnvelope], *, is_found: bool
) -> None:
    host = Parked(is_found=is_found)
    nursery.start_soon(Transport(nursery, "me", office, host).run)
    await office.arrive(1, Follow(5, "j", "j:1:3"))
    assert office.sent == [*said, Closed(5)]
