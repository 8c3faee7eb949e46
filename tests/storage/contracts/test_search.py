"""The promises of every implementation of Records about the search."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from legato.content import ErrorPart, TextPart, ThinkPart
from legato.search.words import MOST_WORDS, terms_of
from legato.storage.contracts.errors import InvalidCursor
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from legato.storage.paging import Position, encode_cursor
from tests.support.storage.turns import answer, conversation, question

MUCH = 10**6


async def ask(
    records: Records, name: str, text: str, *, place: str = "c1", user: str = "ann"
) -> None:
    await records.open_turn(conversation(place, user), replace(question(name, place), text=text))


async def found(records: Records, query: str, user: str = "ann", **more: int) -> list[str]:
    """The ids of the messages found, page by page, the newest first."""
    bounds = {"limit": 100, "most": MUCH, **more}
    names, cursor = [], None
    while True:
        page = await records.found_messages(
            user, terms_of(query), limit=bounds["limit"], most=bounds["most"], cursor=cursor
        )
        names += [each.message.message_id for each in page.found]
        if (cursor := page.next_cursor) is None:
            return names


async def titles(records: Records, query: str, user: str = "ann", limit: int = 100) -> list[str]:
    names, cursor = [], None
    while True:
        page = await records.conversations(user, limit=limit, cursor=cursor, terms=terms_of(query))
        names += [each.title for each in page.conversations]
        if (cursor := page.next_cursor) is None:
            return names


async def test_a_message_is_found_by_its_words_in_any_order(records: Records) -> None:
    await ask(records, "m1", "The keeper of the Lighthouse")
    await ask(records, "m2", "A lighthouse without anybody")

    assert await found(records, "lighthouse") == ["m2", "m1"]
    assert await found(records, "LIGHT keep") == ["m1"]
    assert await found(records, "house") == []
    assert await found(records, "keeper nobody") == []


async def test_an_answer_is_found_by_what_a_person_reads_of_it(records: Records) -> None:
    await ask(records, "q1", "question")
    parts = (ThinkPart("secretly"), TextPart("pub"), TextPart("licly"), ErrorPart("broken"))
    await records.close_turn(replace(answer(), content=parts), job_id="j1")

    assert await found(records, "publicly") == ["a1"]
    assert await found(records, "secretly") == []
    assert await found(records, "broken") == []


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("東京都の天気", "京都"),
        ("東京都の天気", "気"),
        ("ประเทศไทยสวย", "ไทย"),
        ("well done 👍🏽!", "👍"),
        ("Une crème brûlée", "creme brulee"),
        ("Une creme brulee", "crème BRÛLÉE"),
        ("x = a + b", "a b x"),
        ("it's 'quoted' and \"quoted\"", "'quoted\" \\"),
        ("SELECT * FROM t; -- drop", "'; drop --"),
        ("AND OR NOT NEAR", "AND NOT NEAR(OR)"),
        ("words: one", "words:one"),
        ("& | ! <-> one two", "one & two | !one <-> :*"),
        ("percent 100%", "100%"),
    ],
)
async def test_odd_words_are_found_and_odd_signs_mean_nothing(
    records: Records, text: str, query: str
) -> None:
    await ask(records, "m1", text)
    await ask(records, "m2", "another")

    assert await found(records, query) == ["m1"]


@pytest.mark.parametrize("query", ["", " ", "\"'()*^:&|!<->\\", "\0", "%", "_"])
async def test_a_query_without_words_finds_nothing(records: Records, query: str) -> None:
    await ask(records, "m1", "100% _ \"'")

    assert await found(records, query) == []
    assert await titles(records, query) == []


async def test_a_query_of_very_many_words_is_answered(records: Records) -> None:
    many = " ".join(chr(0x4E00 + 7 * number) * 3 for number in range(200))
    await ask(records, "m1", many)

    assert await found(records, many) == ["m1"]
    assert await found(records, many + " more") == []


async def test_nobody_finds_what_is_not_theirs(records: Records) -> None:
    await ask(records, "m1", "shared words")
    await ask(records, "m2", "shared words", place="c2", user="bob")

    assert await found(records, "shared") == ["m1"]
    assert await found(records, "shared", "bob") == ["m2"]
    assert await found(records, "shared", "eve") == []


async def test_a_found_message_comes_whole_with_its_title(records: Records) -> None:
    await ask(records, "q1", "question")
    await records.close_turn(answer(text="answered"), job_id="j1")
    await records.retitle("c1", "A title")
    page = await records.found_messages("ann", terms_of("answered"), limit=1, most=MUCH)

    assert [(each.message, each.title) for each in page.found] == [
        (await records.answer("j1"), "A title")
    ]


async def test_a_replaced_message_is_found_by_its_new_words_alone(records: Records) -> None:
    await ask(records, "m1", "before")
    await ask(records, "m2", "between")
    await ask(records, "m1", "after")

    assert await found(records, "before") == []
    assert await found(records, "after") == ["m1"]


async def test_an_answer_that_is_not_stored_again_keeps_its_words(records: Records) -> None:
    await ask(records, "q1", "question")
    await records.close_turn(answer(text="first"), job_id="j1")
    await records.close_turn(answer(text="second"), job_id="j1")

    assert await found(records, "first") == ["a1"]
    assert await found(records, "second") == []


async def test_what_is_deleted_is_not_found(records: Records) -> None:
    await ask(records, "m1", "deleted words")
    await ask(records, "m2", "other words", place="c2")
    await records.delete_conversation("c1")

    assert await found(records, "words") == ["m2"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
async def test_pages_hold_each_once_the_newest_first(records: Records, limit: int) -> None:
    for number in range(5):
        await ask(records, f"m{number}", "a word", place=f"c{number % 2}")
        await ask(records, f"other-{number}", "none", place=f"c{number % 2}")

    assert await found(records, "word", limit=limit) == ["m4", "m3", "m2", "m1", "m0"]


async def test_a_page_holds_so_many_characters_and_one_message_at_least(records: Records) -> None:
    for number in range(3):
        await ask(records, f"m{number}", f"word {'x' * 100}")
    page = await records.found_messages("ann", terms_of("word"), limit=9, most=250)

    assert len(page.found) == 2
    assert await found(records, "word", most=1) == ["m2", "m1", "m0"]


async def test_what_is_deleted_between_two_pages_moves_none(records: Records) -> None:
    for number in range(4):
        await ask(records, f"m{number}", "a word", place=f"c{number}")
    first = await records.found_messages("ann", terms_of("word"), limit=2, most=MUCH)
    await records.delete_conversation("c0")
    rest = await records.found_messages(
        "ann", terms_of("word"), limit=2, most=MUCH, cursor=first.next_cursor
    )

    assert [each.message.message_id for each in rest.found] == ["m1"]


@pytest.mark.parametrize("cursor", ["", "x", "e30", encode_cursor(Position(1, "c1"))])
async def test_a_cursor_of_another_list_is_refused(records: Records, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await records.found_messages("ann", terms_of("x"), limit=1, most=MUCH, cursor=cursor)


async def test_conversations_are_found_by_the_words_of_their_titles(records: Records) -> None:
    for name, title in ("c1", "Baking bread"), ("c2", "Bread & wine"), ("c3", "New Chat"):
        await records.open_turn(conversation(name, "ann"), question(f"q-{name}", name))
        await records.retitle(name, title)
    await records.open_turn(conversation("c4", "bob"), question("q-c4", "c4"))
    await records.retitle("c4", "Bread of others")

    assert await titles(records, "BREAD") == await titles(records, "bread", limit=1)
    assert sorted(await titles(records, "bread")) == ["Baking bread", "Bread & wine"]
    assert await titles(records, "bread bak") == ["Baking bread"]
    assert await titles(records, "reads") == []


async def test_a_new_conversation_is_found_by_the_title_that_it_begins_with(
    records: Records,
) -> None:
    await records.open_turn(conversation(title="Given at birth"), question())

    assert await titles(records, "birth") == ["Given at birth"]


async def test_a_long_answer_is_searched_to_a_bound(records: Records) -> None:
    await ask(records, "q1", "question")
    dense = "".join(chr(0x20000 + number) for number in range(MOST_WORDS))
    await records.close_turn(answer(text=f"early {dense} late"), job_id="j1")

    assert await found(records, "early") == ["a1"]
    assert await found(records, "late") == []


TEXTS = st.text(
    st.one_of(
        st.sampled_from("aAäßé '\"\\%&|!*:_漢字かข👍ﷺ"), st.characters(exclude_categories=["Cs"])
    ),
    max_size=12,
)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS, st.booleans())
async def test_all_storages_find_the_same(
    database_url: str, texts: list[str], query: str, as_content: bool
) -> None:
    texts = [text.replace("\0", "") for text in texts]
    async with open_records("memory://") as memory, open_records(database_url) as records:
        for each in (memory, records):
            await each.delete_conversation("c1")
            for number, text in enumerate(texts):
                content = (TextPart(text),) if as_content else UNSET
                message = replace(question(f"m{number}"), text=text, content=content)
                await each.open_turn(conversation(), message)

        for looked_for in (query, *texts):
            assert await found(records, looked_for) == await found(memory, looked_for)
        for number, text in enumerate(texts):
            assert not terms_of(text) or f"m{number}" in await found(records, text)
