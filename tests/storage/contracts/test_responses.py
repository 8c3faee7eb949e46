"""The promises of every implementation of Responses."""

from contextlib import suppress

import pytest
import trio
from msgspec.structs import replace

from legato.content import Message, TextPart, Usage
from legato.events import AnyEnding, Created, Failed, Finished, Stopped
from legato.requests import ApiRequest
from legato.storage.contracts.errors import DecidedBefore, StorageError, UnstorableText
from legato.storage.contracts.records import Records
from legato.storage.contracts.responses import ChainTooLarge, StoredResponse
from legato.storage.open import open_records
from tests.support.storage.sql import execute

ITEMS = ({"id": "msg_1", "type": "message", "content": [{"text": "Hi \0 ü", "n": 1.5}]},)
ANSWER = Message(message_id="r1", conversation_id="r1", content=(TextPart("Hello \0."),))
ENDING = Finished(reason="length", response=ANSWER, usage=Usage(3, 2, 1), at=1_700_000_000)


def response(
    response_id: str = "r1",
    user: str = "ann",
    *,
    previous_id: str | None = None,
    conversation_id: str = "c1",
    ending: AnyEnding | None = None,
) -> StoredResponse:
    echo = {"metadata": {"a": "b"}, "temperature": 0.5, "tools": [{"type": "function"}]}
    asked = ApiRequest(api="responses", user=user, model="m", echo=echo, store=True)
    request = Message(message_id=response_id, conversation_id=conversation_id)
    return StoredResponse(
        response_id=response_id,
        user=user,
        conversation_id=conversation_id,
        previous_id=previous_id,
        items=ITEMS,
        created=Created(request, response_id, "m", api_request=asked),
        ending=ending,
    )


def ids(responses: object) -> list[str] | None:
    assert responses is None or isinstance(responses, list)
    return responses and [each.response_id for each in responses]


async def test_a_response_comes_back_whole_while_it_runs_and_ended(records: Records) -> None:
    await records.responses.open(response())
    assert await records.responses.find("ann", "r1") == response()

    await records.responses.close("r1", ENDING)
    assert await records.responses.find("ann", "r1") == response(ending=ENDING)


async def test_one_that_has_ended_may_be_opened(records: Records) -> None:
    await records.responses.open(response(ending=ENDING))

    assert await records.responses.find("ann", "r1") == response(ending=ENDING)


async def test_the_same_once_more_changes_nothing(records: Records) -> None:
    await records.responses.open(response())
    await records.responses.close("r1", ENDING)
    await records.responses.open(response())

    assert await records.responses.find("ann", "r1") == response(ending=ENDING)
    assert len(await records.responses.conversation("ann", "c1")) == 1


@pytest.mark.parametrize("late", [Stopped(), Failed(reason="server_restart", message="Gone.")])
async def test_the_first_ending_stays(records: Records, late: AnyEnding) -> None:
    await records.responses.open(response())
    await records.responses.close("r1", ENDING)
    await records.responses.close("r1", late)

    assert await records.responses.find("ann", "r1") == response(ending=ENDING)


async def test_the_ending_of_one_that_is_gone_is_nothing(records: Records) -> None:
    await records.responses.close("r1", ENDING)

    assert await records.responses.find("ann", "r1") is None


async def test_of_anothers_there_is_no_trace(records: Records) -> None:
    await records.responses.open(response(user="ann"))
    await records.responses.open(response("r2", "bob", previous_id="r1"))

    assert await records.responses.find("bob", "r1") is None
    assert await records.responses.chain("bob", "r1") is None
    assert await records.responses.chain("bob", "r2") is None
    assert ids(await records.responses.conversation("bob", "c1")) == ["r2"]
    assert not await records.responses.delete("bob", "r1")
    assert await records.responses.find("ann", "r1") == response()


ULID = "01KAZDY800ABCDEFGHJKMNPQRS"


async def test_an_item_is_found_by_its_name_whoever_gave_it(records: Records) -> None:
    ours, theirs = {"id": f"msg_{ULID}_in0"}, {"id": "Their \0 name" + "!" * 3000}
    first = replace(response(f"resp_{ULID}"), items=(ours, theirs), ending=ENDING)
    again = replace(response("r2"), items=(theirs,))
    await records.responses.open(again)
    await records.responses.open(first)
    await records.responses.open(first)
    await records.responses.open(replace(response("r3", "bob"), items=(theirs,)))

    assert await records.responses.holding("ann", [theirs["id"]]) == [again, first]
    assert await records.responses.holding("ann", [f"msg_{ULID}_7"]) == [first]
    assert await records.responses.holding("ann", [ours["id"], "gone", "other"]) == [first]
    assert ids(await records.responses.holding("bob", [ours["id"], theirs["id"]])) == ["r3"]
    assert await records.responses.delete("ann", "r2")
    assert await records.responses.holding("ann", [theirs["id"]]) == [first]
    assert await records.responses.delete("ann", first.response_id)
    assert await records.responses.holding("ann", [theirs["id"], ours["id"]]) == []


async def test_the_first_of_a_conversation(records: Records) -> None:
    assert await records.responses.first("ann", "c1") is None
    await records.responses.open(response("r2"))
    await records.responses.open(response("r1"))

    assert await records.responses.first("ann", "c1") == response("r2")
    assert await records.responses.first("bob", "c1") is None


async def test_what_was_created_is_written_anew_in_its_place(records: Records) -> None:
    first, later = response("r1", ending=ENDING), response("r2")
    for each in (first, later):
        await records.responses.open(each)
    asked = ApiRequest(api="responses", user="ann", model="m", echo={"metadata": {"c": "d"}})
    created = replace(first.created, api_request=asked)
    written = replace(first, created=created)
    late = replace(written, items=(), ending=None)

    assert await records.responses.rewrite(late)
    assert await records.responses.conversation("ann", "c1") == [written, later]
    assert not await records.responses.rewrite(replace(written, user="bob"))
    assert not await records.responses.rewrite(response("gone"))


async def test_an_item_is_dropped_and_its_name_with_it(records: Records) -> None:
    theirs, other = {"id": "msg_theirs"}, {"id": "msg_other"}
    kept = replace(response(), items=(theirs, other))
    await records.responses.open(kept)

    assert not await records.responses.drop_item("bob", "r1", "msg_theirs")
    assert not await records.responses.drop_item("ann", "r1", "msg_gone")
    assert not await records.responses.drop_item("ann", "r2", "msg_theirs")
    assert await records.responses.drop_item("ann", "r1", "msg_theirs")
    found = await records.responses.find("ann", "r1")
    assert found is not None
    assert list(found.items) == [other]
    assert await records.responses.holding("ann", ["msg_theirs"]) == []
    assert await records.responses.holding("ann", ["msg_other"]) == [found]


async def test_a_conversation_is_deleted_some_at_a_time(records: Records) -> None:
    for number in range(5):
        await records.responses.open(response(f"r{number}"))
    await records.responses.open(response("theirs", user="bob"))
    await records.responses.open(response("other", conversation_id="c2"))

    steps = [await records.responses.delete_some("ann", "c1", most=2) for _ in range(4)]
    assert steps == [2, 2, 1, 0]
    assert await records.responses.conversation("ann", "c1") == []
    assert len(await records.responses.conversation("bob", "c1")) == 1
    assert len(await records.responses.conversation("ann", "c2")) == 1


async def test_what_holds_items_has_a_bound(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    await records.responses.open(response("r1"))
    await records.responses.open(response("r2"))
    for kind in ("memory", "sql"):
        monkeypatch.setattr(f"legato.storage.{kind}.responses.LARGEST_CHAIN", 600)

    with pytest.raises(ChainTooLarge):
        await records.responses.holding("ann", ["msg_1"])


async def test_a_chain_is_told_from_its_beginning(records: Records) -> None:
    await records.responses.open(response("r9"))
    await records.responses.open(response("r5", previous_id="r9"))
    await records.responses.open(response("r7", previous_id="r5"))
    await records.responses.open(response("r6", previous_id="r5"))

    assert ids(await records.responses.chain("ann", "r7")) == ["r9", "r5", "r7"]
    assert ids(await records.responses.chain("ann", "r6")) == ["r9", "r5", "r6"]
    assert await records.responses.chain("ann", "r9") == [response("r9")]
    assert await records.responses.chain("ann", "r1") is None


async def test_a_chain_with_one_gone_is_none(records: Records) -> None:
    await records.responses.open(response("r1"))
    await records.responses.open(response("r2", previous_id="r1"))
    await records.responses.open(response("r3", previous_id="r2"))
    assert await records.responses.delete("ann", "r2")

    assert await records.responses.chain("ann", "r3") is None
    assert ids(await records.responses.chain("ann", "r1")) == ["r1"]


async def test_a_chain_has_a_bound(records: Records) -> None:
    """Found by a circle, since thousands of rows take their time."""
    await records.responses.open(response("r1", previous_id="r2"))
    await records.responses.open(response("r2", previous_id="r1"))

    assert await records.responses.chain("ann", "r1") is None


async def test_a_conversation_is_told_in_order_of_arrival(records: Records) -> None:
    for name in ("r3", "r1", "r2"):
        await records.responses.open(response(name))
    await records.responses.open(response("r0", conversation_id="c2"))
    await records.responses.close("r3", ENDING)

    assert ids(await records.responses.conversation("ann", "c1")) == ["r3", "r1", "r2"]
    assert await records.responses.conversation("ann", "c3") == []


async def test_the_newest_of_a_conversation_is_the_last_that_is_left(records: Records) -> None:
    await records.responses.open(response("r3"))
    await records.responses.open(response("r1", ending=ENDING))
    await records.responses.open(response("r0", conversation_id="c2"))
    await records.responses.open(response("r2", "bob"))

    assert await records.responses.newest("ann", "c1") == response("r1", ending=ENDING)
    await records.responses.delete("ann", "r1")
    assert await records.responses.newest("ann", "c1") == response("r3")
    assert await records.responses.newest("ann", "c3") is None


async def test_what_was_deleted_is_gone(records: Records) -> None:
    await records.responses.open(response())

    assert await records.responses.delete("ann", "r1")
    assert not await records.responses.delete("ann", "r1")
    assert await records.responses.find("ann", "r1") is None
    assert await records.responses.conversation("ann", "c1") == []


async def test_half_of_a_surrogate_pair_is_refused_by_name(records: Records) -> None:
    await records.responses.open(response())
    with pytest.raises(UnstorableText, match="lone surrogate"):
        await records.responses.open(response("r2", conversation_id="\ud83c"))
    with pytest.raises(UnstorableText, match="lone surrogate"):
        await records.responses.close("r1", Failed(reason="r", message="\ud83c"))

    assert await records.responses.conversation("ann", "c1") == [response()]


async def test_what_json_cannot_say_is_refused_by_name(records: Records) -> None:
    with pytest.raises(UnstorableText, match=r"That cannot be stored: .*object"):
        await records.responses.open(replace(response(), items=[{"id": object()}]))

    assert await records.responses.find("ann", "r1") is None


async def test_a_closed_storage_says_so(database_url: str) -> None:
    async with open_records(database_url) as records:
        pass
    with pytest.raises(StorageError, match="closed"):
        await records.responses.find("ann", "r1")


@pytest.mark.parametrize(
    "change", ["version = 7", "ending_version = 7", "items = 'x'", "ending = 'x'"]
)
async def test_a_row_of_another_version_is_an_error_for_people(change: str, sql_url: str) -> None:
    async with open_records(sql_url) as records:
        await records.responses.open(response(ending=ENDING))
        execute(sql_url, f"UPDATE responses SET {change}")

        with pytest.raises(StorageError, match="a row this version cannot read"):
            await records.responses.find("ann", "r1")


async def test_too_much_to_go_on_from_is_refused_before_it_is_read(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("sql.responses", "memory.responses"):
        monkeypatch.setattr(f"legato.storage.{place}.LARGEST_CHAIN", 1300)  # one, not two
    await records.responses.open(response("r1"))
    await records.responses.close("r1", ENDING)
    await records.responses.open(response("r2", previous_id="r1"))

    assert ids(await records.responses.chain("ann", "r1")) == ["r1"]
    with pytest.raises(ChainTooLarge):
        await records.responses.chain("ann", "r2")
    with pytest.raises(ChainTooLarge):
        await records.responses.conversation("ann", "c1")
    assert await records.responses.conversation("bob", "c1") == []


async def test_an_id_with_nul_is_unknown_or_refused_by_name(records: Records) -> None:
    for ask in (
        records.responses.find,
        records.responses.chain,
        records.responses.conversation,
        records.responses.delete,
    ):
        with suppress(UnstorableText):  # PostgreSQL has no NUL
            assert not await ask("ann", "r\0")


async def test_a_request_for_leave_has_the_decision_of_one_response(records: Records) -> None:
    responses = records.responses
    await responses.open(response("r1"), decides=["mcpr_1", "mcpr_2"])
    await responses.open(response("r1"), decides=["mcpr_1", "mcpr_2"])  # the reply was lost
    await responses.decide("ann", "r1", ["mcpr_1"])
    with pytest.raises(DecidedBefore) as kept:
        await responses.open(response("r2"), decides=["mcpr_3", "mcpr_2"])
    with pytest.raises(DecidedBefore) as unkept:
        await responses.decide("ann", "r3", ["mcpr_1"])

    assert (kept.value.request_id, kept.value.response_id) == ("mcpr_2", "r1")
    assert (unkept.value.request_id, unkept.value.response_id) == ("mcpr_1", "r1")
    assert await responses.find("ann", "r2") is None
    await responses.decide("ann", "r4", ["mcpr_3"])  # what was refused decided nothing
    await responses.decide("bob", "r5", ["mcpr_1"])


async def test_of_many_decisions_at_once_one_is_taken(records: Records) -> None:
    refused: list[str] = []

    async def decide(response_id: str) -> None:
        try:
            await records.responses.open(response(response_id), decides=["mcpr_2", "mcpr_1"])
        except DecidedBefore as error:
            refused.append(error.response_id)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(decide, f"r{number}")

    assert len(refused) == 7
    assert len(set(refused)) == 1
    assert await records.responses.find("ann", refused[0]) is not None
