"""Search: over the titles, and over the texts of all conversations of a user."""

from urllib.parse import quote

import pytest

from tests.support.http.client import Client, Reply


async def search(client: Client, words: str, more: str = "") -> Reply:
    return await client.get(f"/api/messages?search={quote(words)}{more}")


async def rename(client: Client, conversation_id: str, title: str) -> None:
    change = {"conversationId": conversation_id, "title": title}
    assert (await client.post("/api/convos/update", {"arg": change})).status == 201


async def test_a_message_is_found_with_its_words_marked_and_its_place(ann: Client) -> None:
    final = await ann.finish("Where is the Lighthouse keeper?")
    conversation_id = final["conversation"]["conversationId"]
    await rename(ann, conversation_id, "By the sea")
    found = (await search(ann, "keep light")).body["messages"]

    assert [(each["messageId"], each["conversationId"], each["title"]) for each in found] == [
        (final["requestMessage"]["messageId"], conversation_id, "By the sea")
    ]
    assert found[0]["isCreatedByUser"]
    assert found[0]["createdAt"] == (await ann.messages(conversation_id))[0]["createdAt"]
    assert found[0]["text"] == "Where is the Lighthouse keeper?"
    assert found[0]["excerpt"] == [
        {"text": "Where is the "},
        {"text": "Light", "marked": True},
        {"text": "house "},
        {"text": "keep", "marked": True},
        {"text": "er?"},
    ]


async def test_an_answer_is_found(ann: Client) -> None:
    final = await ann.finish("Count")
    found = (await search(ann, "w0 w1")).body["messages"]

    assert [each["messageId"] for each in found] == [final["responseMessage"]["messageId"]]
    assert not found[0]["isCreatedByUser"]


async def test_pages_of_found_messages_follow_each_other(ann: Client) -> None:
    asked = [(await ann.finish(f"needle {n}"))["requestMessage"]["messageId"] for n in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await search(ann, "needle", f"&limit=2{cursor and '&cursor=' + cursor}")).body
        seen += [each["messageId"] for each in page["messages"]]
        cursor = page["nextCursor"]

    assert seen == asked[::-1]


async def test_a_stranger_finds_nothing(ann: Client, bob: Client) -> None:
    final = await ann.finish("needle")
    await rename(ann, final["conversation"]["conversationId"], "needle")

    assert (await search(bob, "needle")).body == {"messages": [], "nextCursor": None}
    assert (await bob.get("/api/convos?search=needle")).body["conversations"] == []


async def test_a_deleted_conversation_is_not_found(ann: Client) -> None:
    final = await ann.finish("needle")
    arg = {"conversationId": final["conversation"]["conversationId"]}
    await ann.ask("DELETE", "/api/convos", {"arg": arg})

    assert (await search(ann, "needle")).body["messages"] == []


async def test_conversations_are_found_by_their_title(ann: Client) -> None:
    for title in ("Baking bread", "Tides"):
        final = await ann.finish("question")
        await rename(ann, final["conversation"]["conversationId"], title)
    found = (await ann.get("/api/convos?search=BREAD")).body["conversations"]
    everything = (await ann.get("/api/convos?search=")).body["conversations"]

    assert [each["title"] for each in found] == ["Baking bread"]
    assert len(everything) == 2


@pytest.mark.parametrize(
    "words",
    [
        "",
        "!",
        '"',
        "'; --",
        "a AND",
        "NEAR(",
        "col:",
        "*",
        "\0",
        "\\",
        "%",
        "漢字",
        "👍",
        "a " * 128,
    ],
)
@pytest.mark.parametrize("path", ["/api/messages", "/api/convos"])
async def test_no_words_are_an_error(ann: Client, path: str, words: str) -> None:
    await ann.finish("question")
    reply = await ann.get(f"{path}?search={quote(words)}")

    assert reply.status == 200


@pytest.mark.parametrize("path", ["/api/messages", "/api/convos"])
async def test_very_long_words_are_refused_by_name(ann: Client, path: str) -> None:
    reply = await ann.get(f"{path}?search={'x' * 257}")

    assert (reply.status, reply.body["param"]) == (400, "search")
    assert "256" in reply.body["message"]
    assert len(reply.text) < 500


@pytest.mark.parametrize("more", ["&limit=0", "&limit=101", "&limit=x", "&cursor=x"])
async def test_a_page_that_cannot_be_is_refused(ann: Client, more: str) -> None:
    assert (await search(ann, "x", more)).status == 400


async def test_a_cursor_of_another_list_is_refused(ann: Client) -> None:
    for _ in range(2):
        await ann.finish("needle")
    cursor = (await ann.get("/api/convos?limit=1")).body["nextCursor"]
    reply = await search(ann, "needle", f"&cursor={cursor}")

    assert (reply.status, reply.body["param"]) == (400, "cursor")


async def test_clients_learn_that_there_is_a_search(ann: Client) -> None:
    assert (await ann.get("/api/search/enable")).body is True
