"""Who can stop what, from where, and what is no stop."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.content import TextPart
from legato.events import Finished
from legato.http.application import Legato
from tests.actors.test_job import ending_of
from tests.actors.test_promise import Reader
from tests.http.test_abort import ABORT, running
from tests.support.actors import C1, open_house
from tests.support.http.client import FAST, STILL, Client, bearer
from tests.support.http.runtime import supervisor_of

ACTIVE = "/api/agents/chat/active"
STATUS = "/api/agents/chat/status/"


async def test_stop_from_other_tab(ann: Client, mock_clock: MockClock) -> None:
    """Elsewhere only the connection that had started a generation could stop it."""
    other_tab = Client(ann.app, bearer("ann"))
    started = await ann.start(model_parameters=STILL)
    async with (
        ann.follow(started["streamId"]) as here,
        other_tab.follow(started["streamId"], "?resume=true") as there,
    ):
        await here.until("w0 ")
        await there.until("w0 ")
        reply = await other_tab.post(ABORT, {"conversationId": started["conversationId"]})
        endings = [await here.rest(), await there.rest()]

    assert (reply.status, reply.body["success"]) == (200, True)
    assert endings[0] == endings[1]
    assert endings[0][-1].data["aborted"] is True
    assert (await ann.get(ACTIVE)).body == {"activeJobIds": []}


async def test_stop_after_reload(ann: Client, mock_clock: MockClock) -> None:
    """Elsewhere a page that was loaded again had lost what a stop needs: the text ran on."""
    await running(ann)
    reloaded = Client(ann.app, bearer("ann"))
    [stream_id] = (await reloaded.get(ACTIVE)).body["activeJobIds"]
    status = (await reloaded.get(STATUS + stream_id)).body
    async with reloaded.follow(stream_id, "?resume=true") as stream:
        sync = await stream.next()
        reply = await reloaded.post(ABORT, {"streamId": stream_id})
        [final] = await stream.rest()
    answer = (await reloaded.messages(stream_id))[1]

    assert sync.data["resumeState"] == status["resumeState"]
    assert (reply.status, reply.body["success"]) == (200, True)
    assert reply.body["generationId"] == status["generationId"]
    assert final.data["aborted"] is True
    assert final.data["responseMessage"].items() <= answer.items()
    assert answer["content"] == status["aggregatedContent"]


def cancelled(reader: Reader) -> None:
    reader.ended = True  # it does not come back
    reader.connection.cancel()


def never_reads(reader: Reader) -> None:
    reader.willing = trio.Event()


@pytest.mark.parametrize("leave", [cancelled, never_reads])
async def test_navigation_is_not_stop(
    autojump_clock: MockClock, leave: Callable[[Reader], None]
) -> None:
    """Elsewhere the answer was lost, or stored cut or twice, when the last reader had left."""
    async with open_house() as house, trio.open_nursery() as nursery:
        job = house.start()
        readers = [Reader(job, start) for start in ("beginning", "snapshot")]
        for reader in readers:
            nursery.start_soon(reader.run)
        house.model.say("half ")
        await wait_all_tasks_blocked()
        for reader in readers:
            leave(reader)
        await wait_all_tasks_blocked()
        assert house.model.open_connections == 1
        house.model.say("whole")
        house.model.finish()
        await house.job(job).ended.wait()

        assert all(reader.client.terminal is None for reader in readers)
        assert isinstance(await ending_of(job), Finished)
        [stored] = house.records.closed
        assert (stored.content, stored.unfinished) == ((TextPart("half whole"),), False)
        assert [each.content for each in (await house.records.messages(C1))[1:]] == [stored.content]
        nursery.cancel_scope.cancel()


async def test_navigation_is_not_stop_to_another_conversation(
    ann: Client, autojump_clock: MockClock
) -> None:
    """Elsewhere to begin another conversation ended the one that was left, its answer unsaved."""
    left = await ann.start(model_parameters={"tokens": 4, "rate": 1})
    async with ann.follow(left["streamId"]) as stream:
        await stream.until("w0 ")
    other = await ann.finish(model_parameters=FAST)
    assert (await ann.get(ACTIVE)).body["activeJobIds"] == [left["conversationId"]]
    final = (await ann.read(left["streamId"]))[-1].data
    answers = [await ann.messages(left["conversationId"])]
    answers.append(await ann.messages(other["conversation"]["conversationId"]))

    assert "aborted" not in final
    assert [len(messages) for messages in answers] == [2, 2]
    assert answers[0][1]["content"] == [{"type": "text", "text": "w0 w1 w2 w3 "}]
    assert answers[0][1]["unfinished"] is False


async def test_stop_authorised(
    ann: Client, bob: Client, nobody: Client, mock_clock: MockClock
) -> None:
    """Elsewhere a stranger's stop was ignored in silence, or obeyed."""
    started = await running(ann)
    async with ann.follow(started["streamId"]) as stream:
        await stream.until("w0 ")
        for key in ("streamId", "conversationId", "abortKey", "generationId"):
            name = started.get(key, started["conversationId"])
            foreign = await bob.post(ABORT, {key: name})
            unnamed = await nobody.post(ABORT, {key: name})

            assert (foreign.status, foreign.body["error"]) == (403, "Unauthorized")
            assert (unnamed.status, unnamed.body["error"]) == (401, "Unauthorized")
            assert foreign.body["message"]
            assert unnamed.body["message"]
        assert (await ann.get(ACTIVE)).body["activeJobIds"] == [started["conversationId"]]
        assert (await ann.post(ABORT, {"streamId": started["streamId"]})).body["success"]
        [final] = await stream.rest()

    assert final.data["aborted"] is True


@pytest.mark.parametrize("user", ["", "\n", "x" * 129])
async def test_stop_authorised_no_job_without_owner(app: Legato, user: str) -> None:
    """Elsewhere a generation that had no user on it was everybody's to read and to stop."""
    for client in (Client(app, {}), Client(app, bearer(user))):
        assert (await client.try_start()).status == 401
    assert app.runtime is not None
    assert list(supervisor_of(app.runtime).registry.all_running()) == []
