"""Chat Completions for a client without a library."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.messages import Standing
from tests.support.http.client import FAST, STILL, Client
from tests.support.http.runtime import AttentiveModel, open_client, supervisor_of
from tests.support.openai.chunks import (
    ASKED,
    DONE,
    PATH,
    asking,
    chunks_of,
    received,
    streamed,
    text_of,
)

AGENTS_PATH = "/api/agents/v1/chat/completions"
KEPT: dict[str, Any] = {"stream": True, "cancel_on_disconnect": False}


def following(job_id: str) -> str:
    return f"{PATH}/chatcmpl-{job_id}/stream"


async def standing(client: Client, job_id: str) -> Standing:
    runtime = client.app.runtime
    assert runtime is not None
    job = await runtime.jobs.whereis("ann", job_id)
    assert job is not None
    return (await job.status()).standing


def only_job(client: Client) -> str:
    runtime = client.app.runtime
    assert runtime is not None
    (job,) = supervisor_of(runtime).registry
    return job.turn.job_id


@pytest.mark.parametrize("path", [PATH, AGENTS_PATH])
async def test_a_whole_answer(ann: Client, path: str) -> None:
    reply = await ann.post(path, ASKED | {"reasoning": 1, "tool_calls": 1})

    job_id = reply.headers["x-legato-job"]
    assert reply.status == 200, reply.text
    assert (reply.body["id"], reply.body["model"]) == (f"chatcmpl-{job_id}", "scripted")
    message = reply.body["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("w0 w1 w2 ", "r0 ")
    assert message["tool_calls"][0]["function"]["name"] == "scripted_tool"
    assert reply.body["choices"][0]["finish_reason"] == "tool_calls"
    assert reply.body["usage"]["completion_tokens"] == 4
    assert reply.body["created"] > 1_700_000_000


@pytest.mark.parametrize("path", [PATH, AGENTS_PATH])
async def test_a_stream_says_the_same_in_pieces(ann: Client, path: str) -> None:
    reply = await ann.post(path, ASKED | {"stream": True})
    chunks = chunks_of(reply.text)

    job_id = reply.headers["x-legato-job"]
    assert chunks[0].data["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert text_of(chunks) == "w0 w1 w2 "
    assert chunks[-2].data["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1].data == DONE
    assert {chunk.data["id"] for chunk in chunks[:-1]} == {f"chatcmpl-{job_id}"}
    assert all(chunk.cursor.startswith(f"{job_id}:1:") for chunk in chunks if chunk.cursor)


async def test_the_usage_comes_last_and_only_where_it_is_asked_for(ann: Client) -> None:
    asked = await streamed(ann, stream_options={"include_usage": True})
    not_asked = await streamed(ann, stream_options={"include_usage": False})

    assert [chunk.data["usage"] for chunk in asked[:-2]] == [None] * (len(asked) - 2)
    assert (asked[-2].data["choices"], asked[-2].data["usage"]["completion_tokens"]) == ([], 3)
    assert "usage" not in not_asked[-2].data


async def test_the_model_reads_what_was_sent_and_nothing_else() -> None:
    model = AttentiveModel("attentive")
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "See"}, picture], "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [call], "audio": None},
        {"role": "tool", "content": "42", "tool_call_id": "c"},
    ]
    passed_on = {**FAST, "temperature": 0.1, "tools": [], "anything": {"deep": [1]}}
    kept_back = {
        "n": 1,
        "stop": None,
        "store": True,
        "metadata": {"a": "b"},
        "conversation_id": "x",
        "cancel_on_disconnect": False,
    }
    async with open_client(model) as ann:
        asked: dict[str, Any] = {"model": "attentive", "messages": messages}
        reply = await ann.post(PATH, {**asked, **passed_on, **kept_back})
        again = await ann.post(PATH, {**asked, **FAST})
        conversations = await ann.get("/api/convos")

    assert (reply.status, again.status) == (200, 200)
    assert model.asked[0].parameters == passed_on
    assert [(said.role, said.content, said.more) for said in model.asked[0].messages] == [
        ("system", "Be brief.", {}),
        ("user", messages[1]["content"], {"name": "ann"}),
        ("assistant", None, {"tool_calls": [call]}),
        ("tool", "42", {"tool_call_id": "c"}),
    ]
    assert len(model.asked[1].messages) == 4
    assert conversations.body["conversations"] == []


async def test_at_every_chunk_a_reader_may_drop_and_gets_exactly_what_it_missed(
    ann: Client,
) -> None:
    fields = {"stream": True, "reasoning": 1, "tool_calls": 2}
    reply = await ann.post(PATH, ASKED | fields)
    path, chunks = following(reply.headers["x-legato-job"]), chunks_of(reply.text)

    for seen, chunk in enumerate(chunks, 1):
        if chunk.cursor:
            by_header = await ann.ask("GET", path, headers={"Last-Event-ID": chunk.cursor})
            by_query = await ann.get(f"{path}?after={chunk.cursor}")

            assert chunks_of(by_header.text) == chunks_of(by_query.text) == chunks[seen:]
            assert by_header.status == by_query.status == (200 if seen < len(chunks) else 204)
    assert (await ann.get(path)).text == reply.text


async def test_what_is_told_together_with_the_end_is_told_again_together(ann: Client) -> None:
    chunks = await streamed(ann, stream_options={"include_usage": True})

    assert [chunk.cursor != "" for chunk in chunks] == [True] * (len(chunks) - 3) + [
        False,  # the finish reason
        False,  # the usage
        True,
    ]


async def test_a_job_that_outlives_its_client_is_followed_from_its_cursor(ann: Client) -> None:
    async with asking(ann, **STILL, **KEPT) as connection:
        seen = chunks_of(await received(connection, '"w0 "'))
    job_id = only_job(ann)
    assert await standing(ann, job_id) is Standing.RUNNING

    await ann.post(f"{PATH}/{job_id}/cancel", None)
    rest = await ann.ask("GET", following(job_id), headers={"Last-Event-ID": seen[-1].cursor})

    assert [chunk.data for chunk in chunks_of(rest.text)] == [
        {
            "error": {
                "message": "The generation was stopped.",
                "type": "invalid_request_error",
                "param": None,
                "code": "generation_stopped",
            }
        },
        DONE,
    ]


@pytest.mark.parametrize(
    ("fields", "headers", "expected"),
    [
        ({}, {}, Standing.ABORTED),
        ({"stream": True}, {}, Standing.ABORTED),
        ({"cancel_on_disconnect": False}, {}, Standing.RUNNING),
        (KEPT, {}, Standing.RUNNING),
        ({}, {"X-Legato-Cancel-On-Disconnect": "False"}, Standing.RUNNING),
        ({"stream": True}, {"X-Legato-Cancel-On-Disconnect": "false"}, Standing.RUNNING),
        (
            {"cancel_on_disconnect": True},
            {"X-Legato-Cancel-On-Disconnect": "false"},
            Standing.ABORTED,
        ),
        ({}, {"Idempotency-Key": "k"}, Standing.RUNNING),
        ({"cancel_on_disconnect": True}, {"Idempotency-Key": "k"}, Standing.ABORTED),
    ],
)
async def test_whether_a_dropped_client_stops_its_job(
    ann: Client, fields: dict[str, Any], headers: dict[str, str], expected: Standing
) -> None:
    bare = Client(ann.app, ann.headers | headers)
    async with asking(bare, **STILL, **fields) as connection:
        if fields.get("stream"):
            await received(connection, '"w0 "')
        else:
            await wait_all_tasks_blocked()
    job_id = only_job(ann)

    assert await standing(ann, job_id) is expected
    await ann.post(f"{PATH}/{job_id}/cancel", None)


async def test_a_client_that_drops_before_the_first_word_stops_its_job(ann: Client) -> None:
    async with asking(ann, stream=True, delay=1000):
        await wait_all_tasks_blocked()

    assert await standing(ann, only_job(ann)) is Standing.ABORTED


async def test_the_same_key_joins_the_same_job_of_the_same_user(ann: Client, bob: Client) -> None:
    def key(client: Client, name: str) -> Client:
        return Client(client.app, client.headers | {"Idempotency-Key": name})

    first = await key(ann, "k").post(PATH, ASKED)
    again = await key(ann, "k").post(PATH, ASKED | {"stream": True})
    another = await key(ann, "l").post(PATH, ASKED)
    bobs = await key(bob, "k").post(PATH, ASKED)
    chat = await ann.start(clientRequestId="k")

    jobs = [each.headers["x-legato-job"] for each in (first, again, another, bobs)]
    assert jobs[0] == jobs[1]
    assert len({*jobs, chat["generationId"]}) == 4
    assert text_of(chunks_of(again.text)) == first.body["choices"][0]["message"]["content"]


async def test_who_waits_for_the_whole_is_told_that_another_stopped_it(ann: Client) -> None:
    async with asking(ann, **STILL) as connection:
        await wait_all_tasks_blocked()
        job_id = only_job(ann)
        await ann.post(f"{PATH}/{job_id}/cancel", None)
        body = await received(connection, "}}")

        assert connection.status_code == 409
        assert dict(connection.headers or {})["x-should-retry"] == "false"
    assert "generation_stopped" in body


@pytest.mark.parametrize("stream", [True, False])
async def test_a_generation_that_another_owns_by_now_is_lost(ann: Client, stream: bool) -> None:
    async with asking(ann, stream=stream, delay=1000) as connection:
        await wait_all_tasks_blocked()
        runtime = ann.app.runtime
        assert runtime is not None
        (job,) = supervisor_of(runtime).registry
        job.ownership.lose()
        body = await received(connection, "}}")

        assert connection.status_code == 503
    assert "generation_lost" in body


async def test_a_stop_says_how_it_ended(ann: Client) -> None:
    async with asking(ann, **STILL, **KEPT) as connection:
        await received(connection, '"w0 "')
    path = f"{PATH}/chatcmpl-{only_job(ann)}/cancel"
    stopped = (await ann.post(path, None)).body
    again = (await ann.post(path, None)).body

    assert (stopped["cancelled"], stopped["status"]) == (True, "stopped")
    assert stopped["completion"]["choices"][0]["message"]["content"] == "w0 "
    assert stopped["error"]["code"] == "generation_stopped"
    assert again == stopped | {"cancelled": False}


async def test_a_stop_that_comes_too_late_says_so(ann: Client) -> None:
    finished = await ann.post(PATH, ASKED)
    failed = await ann.post(PATH, ASKED | {"fail_after": 2})
    for reply, status in (finished, "finished"), (failed, "failed"):
        path = f"{PATH}/{reply.headers['x-legato-job']}/cancel"
        late = (await ann.post(path, None)).body

        assert (late["cancelled"], late["status"]) == (False, status)
        assert (late["error"] is None) == (status == "finished")
        assert late["completion"]["object"] == "chat.completion"


async def test_what_fails_later_says_so_in_the_stream(ann: Client) -> None:
    chunks = await streamed(ann, fail_after=2)

    assert text_of([chunk for chunk in chunks if "choices" in chunk.data]) == "w0 w1 "
    assert chunks[-2].data["error"]["code"] == "provider_error"
    assert chunks[-1].data == DONE


@pytest.mark.parametrize("stream", [True, False])
async def test_what_fails_at_once_is_a_refusal(ann: Client, stream: bool) -> None:
    reply = await ann.post(PATH, ASKED | {"stream": stream, "fail_after": 0})

    assert (reply.status, reply.body["error"]["code"]) == (502, "provider_error")
    assert reply.body["error"]["type"] == "server_error"
    assert reply.headers["x-legato-job"]


async def test_a_head_does_not_wait_longer_for_the_first_word_than_a_heartbeat(
    ann: Client, autojump_clock: MockClock
) -> None:
    fields = {"stream": True, "fail_after": 0, "tokens": 1}
    soon = await ann.post(PATH, ASKED | fields | {"delay": 14})
    async with asking(ann, **fields, delay=40) as connection:
        begun = trio.current_time()
        seen = await received(connection, "assistant")
        heads_at = trio.current_time() - begun
        seen += await received(connection, DONE)

    assert soon.status == 502
    assert (connection.status_code, heads_at) == (200, 15)
    assert seen.count(": hb\n\n") == 1
    assert '"code":"provider_error"' in seen


async def test_a_client_that_drops_after_the_head_and_before_the_first_word_stops_its_job(
    ann: Client, autojump_clock: MockClock
) -> None:
    async with asking(ann, stream=True, delay=1000) as connection:
        await received(connection, ": hb")

    assert await standing(ann, only_job(ann)) is Standing.ABORTED


async def test_nothing_is_found_by_the_wrong_name_or_the_wrong_user(
    ann: Client, bob: Client
) -> None:
    job_id = (await ann.post(PATH, ASKED)).headers["x-legato-job"]
    chat = await ann.start()
    for client, name in (
        (bob, f"chatcmpl-{job_id}"),
        (ann, "chatcmpl-nothing"),
        (ann, chat["generationId"]),
        (ann, f"chatcmpl-{chat['generationId']}"),
        (ann, chat["conversationId"]),
    ):
        stream = await client.get(f"{PATH}/{name}/stream")
        cancel = await client.post(f"{PATH}/{name}/cancel", None)

        assert (stream.status, cancel.status) == (404, 404)
        assert "There is no completion" in stream.body["error"]["message"]


async def test_a_cursor_that_does_not_hold_is_refused(ann: Client) -> None:
    job_id = (await ann.post(PATH, ASKED)).headers["x-legato-job"]
    for cursor in (f"{job_id}:1:999", f"{job_id}:2:1", "other:1:1", "nonsense", f"{job_id}:1:-1"):
        by_query = await ann.get(f"{following(job_id)}?after={cursor}")
        by_header = await ann.ask("GET", following(job_id), headers={"Last-Event-ID": cursor})

        for reply, param in (by_query, "after"), (by_header, "Last-Event-ID"):
            assert reply.status == 400, cursor
            assert (reply.body["error"]["code"], reply.body["error"]["param"]) == (
                "invalid_cursor",
                param,
            )
