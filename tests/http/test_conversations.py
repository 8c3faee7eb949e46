"""Conversations and their messages, as stored."""

from uuid import uuid4

import pytest

from tests.support.http.client import Client


async def conversation(ann: Client, text: str = "Hi") -> str:
    final = await ann.finish(text)
    return str(final["conversation"]["conversationId"])


async def test_messages_are_a_bare_list_oldest_first(ann: Client) -> None:
    conversation_id = await conversation(ann)
    await ann.finish("two", conversationId=conversation_id)
    messages = await ann.messages(conversation_id)

    assert [message["isCreatedByUser"] for message in messages] == [True, False, True, False]
    assert messages == sorted(messages, key=lambda message: message["createdAt"])
    assert {"messageId", "conversationId", "parentMessageId", "sender", "text"} <= set(messages[0])


async def test_a_new_conversation_has_no_messages(ann: Client) -> None:
    assert await ann.messages("new") == []


async def test_one_conversation(ann: Client) -> None:
    conversation_id = await conversation(ann)
    reply = await ann.get(f"/api/convos/{conversation_id}")

    assert reply.status == 200
    assert reply.body["conversationId"] == conversation_id
    assert (reply.body["endpoint"], reply.body["model"]) == ("agents", "scripted")
    assert reply.body["createdAt"] <= reply.body["updatedAt"]


@pytest.mark.parametrize("path", ["/api/messages/{}", "/api/convos/{}", "/api/convos/gen_title/{}"])
async def test_a_foreign_conversation_is_refused_and_an_unknown_one_not_found(
    ann: Client, bob: Client, path: str
) -> None:
    conversation_id = await conversation(ann)
    foreign = await bob.get(path.format(conversation_id))
    unknown = await bob.get(path.format(uuid4()))

    assert (foreign.status, foreign.body["error"]) == (403, "Unauthorized")
    assert (unknown.status, unknown.body["error"]) == (404, "Conversation not found")


async def test_renaming(ann: Client) -> None:
    conversation_id = await conversation(ann)
    change = {"conversationId": conversation_id, "title": "  Notes 🎼 "}
    reply = await ann.post("/api/convos/update", {"arg": change})
    stored = await ann.get(f"/api/convos/{conversation_id}")

    assert (reply.status, reply.body["title"]) == (201, "Notes 🎼")
    assert stored.body["title"] == "Notes 🎼"
    assert reply.body == stored.body


@pytest.mark.parametrize(
    ("arg", "param"),
    [
        ({"conversationId": "{}", "title": ""}, "arg.title"),
        ({"conversationId": "{}", "title": " \n"}, "arg.title"),
        ({"conversationId": "{}"}, "arg.title"),
        ({"conversationId": "{}", "title": None}, "arg.title"),
        ({"conversationId": "{}", "title": 1}, "arg.title"),
        ({"conversationId": "{}", "title": "x" * 1025}, "arg.title"),
        ({"conversationId": 1, "title": "x"}, "arg.conversationId"),
        ({"title": "x"}, "arg"),
        ([], "arg"),
        (None, "arg"),
    ],
)
async def test_a_title_that_is_none_is_refused(ann: Client, arg: object, param: str) -> None:
    conversation_id = await conversation(ann, "kept")
    if isinstance(arg, dict) and arg.get("conversationId") == "{}":
        arg = {**arg, "conversationId": conversation_id}
    reply = await ann.post("/api/convos/update", {"arg": arg})

    assert (reply.status, reply.body["param"]) == (400, param)


async def test_the_argument_is_needed(ann: Client) -> None:
    for method, path in (("POST", "/api/convos/update"), ("DELETE", "/api/convos")):
        reply = await ann.ask(method, path, {})

        assert (reply.status, reply.body["param"]) == (400, "body")
        assert "arg" in reply.body["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/convos/update"), ("DELETE", "/convos")])
async def test_changing_a_foreign_or_unknown_conversation_changes_nothing(
    ann: Client, bob: Client, method: str, path: str
) -> None:
    conversation_id = await conversation(ann)
    before = (await ann.get(f"/api/convos/{conversation_id}")).body
    statuses = []
    for each in (conversation_id, str(uuid4())):
        body = {"arg": {"conversationId": each, "title": "mine"}}
        statuses.append((await bob.ask(method, f"/api{path}", body)).status)

    assert statuses == [403, 404]
    assert (await ann.get(f"/api/convos/{conversation_id}")).body == before


async def test_a_conversation_whose_turn_is_not_stored_yet_is_not_there(ann: Client) -> None:
    refused = await ann.try_start(parentMessageId="unknown", conversationId=str(uuid4()))

    assert refused.status == 400
    assert (await ann.get("/api/convos")).body == {"conversations": [], "nextCursor": None}


async def test_messages_come_in_pages_where_that_is_asked(ann: Client) -> None:
    conversation_id = await conversation(ann)
    for text in ("two", "three"):
        await ann.finish(text, conversationId=conversation_id)
    path = f"/api/messages/{conversation_id}"
    everything = (await ann.get(path)).body
    first = await ann.get(f"{path}?limit=4")
    cursor = first.body["nextCursor"]
    second = await ann.get(f"{path}?cursor={cursor}")

    assert first.headers["x-legato-next-cursor"] == cursor
    assert second.body == {"messages": everything[:2], "nextCursor": None}
    assert first.body["messages"] == everything[2:]


async def test_a_bare_list_holds_the_newest_and_says_where_the_others_are(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legato.http.conversations.MOST_CHARACTERS", 8)
    conversation_id = await conversation(ann)
    await ann.finish("two", conversationId=conversation_id)
    path = f"/api/messages/{conversation_id}"
    newest = await ann.get(path)
    older = await ann.get(f"{path}?cursor={newest.headers['x-legato-next-cursor']}")

    assert 0 < len(newest.body) < 4
    assert newest.body[-1]["isCreatedByUser"] is False
    assert older.body["messages"][-1]["messageId"] == newest.body[0]["parentMessageId"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor="])
async def test_a_page_of_messages_that_cannot_be_is_refused(ann: Client, query: str) -> None:
    reply = await ann.get(f"/api/messages/{await conversation(ann)}?{query}")

    assert reply.status == 400
    assert reply.body["param"] == query.partition("=")[0]
