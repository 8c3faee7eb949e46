"""The words of messages in a database: made for rows of before, and removed with the rows."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from legato.content import TextPart
from legato.search.words import terms_of
from legato.storage.contracts.records import Records
from legato.storage.open import open_records, open_storage
from tests.support.storage.sql import downgrade, execute, transaction
from tests.support.storage.turns import START, SteppedClock, answer, conversation, question


async def found(records: Records, query: str, user: str = "ann") -> list[str]:
    page = await records.found_messages(user, terms_of(query), limit=100, most=10**6)
    return [each.message.message_id for each in page.found]


def rows_of_words(url: str) -> int:
    with transaction(url) as connection:
        return int(connection.execute(text("SELECT count(*) FROM message_words")).scalar_one())


async def store(records: Records, name: str, user: str = "ann", title: str = "A title") -> None:
    asked = replace(question(f"q-{name}", name), text=f"Question of {name}")
    await records.open_turn(conversation(name, user, title=title), asked)
    said = replace(answer(f"a-{name}", name), content=(TextPart("Réponse"),))
    await records.close_turn(said, job_id=f"j-{name}")


async def test_rows_of_a_former_version_are_found(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        for number in range(20):  # more than are read at once
            await store(records, f"c{number}", title=f"Title {number} ends")
        await store(records, "theirs", "bob")
    downgrade(sql_url, "0014")

    async with open_records(sql_url) as records:
        assert await found(records, "reponse c7") == []
        assert await found(records, "reponse") == [f"a-c{n}" for n in reversed(range(20))]
        assert await found(records, "question c7") == ["q-c7"]
        assert await found(records, "reponse", "bob") == ["a-theirs"]
        page = await records.conversations("ann", limit=9, terms=terms_of("title 7"))
        assert [each.title for each in page.conversations] == ["Title 7 ends"]
    assert rows_of_words(sql_url) == 42


async def test_content_that_cannot_be_read_hinders_no_upgrade(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        await store(records, "c1")
        await store(records, "c2")
    execute(sql_url, "UPDATE messages SET content = '{broken' WHERE message_id = 'a-c1'")
    downgrade(sql_url, "0014")

    async with open_records(sql_url) as records:
        assert await found(records, "question") == ["q-c2", "q-c1"]


@pytest.mark.parametrize("way", ["deleted", "erased", "expired"])
async def test_no_words_are_left_of_what_is_removed(
    sql_url: str, way: str, clock: SteppedClock
) -> None:
    async with open_storage(sql_url, clock=clock) as storage:
        await store(storage.records, "c1")
        clock.advance(10)
        await store(storage.records, "c2", "bob")
        match way:
            case "deleted":
                await storage.records.delete_conversation("c1")
            case "erased":
                await storage.erasure.erase("ann", most=9)
            case "expired":
                await storage.erasure.expire(START + timedelta(microseconds=5), most=9)

        assert await found(storage.records, "reponse") == []
        assert await found(storage.records, "reponse", "bob") == ["a-c2"]
    assert rows_of_words(sql_url) == 2


async def test_a_turn_that_is_refused_leaves_no_words(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        await store(records, "c1")
        with pytest.raises(Exception, match="another user's"):
            await records.open_turn(conversation("c1", "bob"), question("q9", "c1", "Smuggled"))

        assert await found(records, "smuggled") == []
        assert await found(records, "smuggled", "bob") == []


async def test_postgresql_has_an_index_of_the_words(postgresql_url: str) -> None:
    with transaction(postgresql_url) as connection:
        index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_message_words'"
        assert "USING gin (words)" in str(connection.execute(text(index)).scalar_one())
