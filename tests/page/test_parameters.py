"""Instructions and parameters: of a conversation, and of new conversations."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.asking import answer, ask, words

FIELD = "#parameters [name={}]"


def give(page: Page, *, for_new: bool = False, **fields: str) -> None:
    page.click("#open-parameters")
    for name, value in fields.items():
        page.fill(FIELD.format(name), value)
    page.set_checked(FIELD.format("isForNew"), for_new)
    page.click("#parameters .primary")
    expect(page.locator("#parameters")).to_be_hidden()


def asked(page: Page, act: Callable[[], None]) -> dict[str, Any]:
    """The start that `act` sends, once its answer has ended."""
    with page.expect_request("**/api/agents/chat") as request:
        act()
    expect(page.locator("#send")).to_be_visible()
    sent = request.value.post_data_json
    assert isinstance(sent, dict)
    return sent


def test_instructions_and_parameters_go_with_every_start_of_their_conversation(page: Page) -> None:
    give(page, promptPrefix="Be brief.", temperature="0.3", top_p="0.9")
    first = asked(page, lambda: ask(page, "first", model="quick"))
    expect(answer(page)).to_have_text(words(10))
    page.reload()
    again = asked(page, lambda: page.click("button[aria-label='Answer again']"))
    page.click("#new-chat")
    other = asked(page, lambda: ask(page, "second", model="quick"))

    for each in (first, again):
        assert each["promptPrefix"] == "Be brief."
        assert each["model_parameters"] == {"temperature": 0.3, "top_p": 0.9}
    assert other.keys() & {"promptPrefix", "model_parameters"} == set()


def test_new_conversations_have_what_was_kept_for_them(page: Page) -> None:
    give(page, promptPrefix="Always brief.", for_new=True)
    asked(page, lambda: ask(page, "first", model="quick"))
    give(page, promptPrefix="Only here.")
    here = asked(page, lambda: ask(page, "again", model="quick"))
    page.click("#new-chat")
    expect(page.locator("#open-parameters")).to_have_attribute(
        "aria-label", "Instructions and parameters, changed"
    )
    there = asked(page, lambda: ask(page, "second", model="quick"))

    assert (here["promptPrefix"], there["promptPrefix"]) == ("Only here.", "Always brief.")


def test_the_longest_answer_is_the_models_limit(page: Page) -> None:
    give(page, max_tokens="3")
    ask(page, "first", model="quick")

    expect(answer(page)).to_have_text(words(3))
    expect(page.locator(".ending")).to_contain_text("Cut at the model's length limit")


def test_an_effort_is_asked_of_a_model_that_has_it(page: Page) -> None:
    expect(page.locator("#model option[value='quicker']")).to_have_text(
        "quicker · Seven words, at once"
    )
    page.select_option("#model", "quicker")
    page.click("#open-parameters")
    page.select_option(FIELD.format("reasoning_effort"), "high")
    page.click("#parameters .primary")
    having = asked(page, lambda: ask(page, "first", model="quicker"))
    lacking = asked(page, lambda: ask(page, "second", model="quick"))
    page.click("#open-parameters")
    expect(page.locator(FIELD.format("reasoning_effort"))).to_be_hidden()

    assert having["model_parameters"] == {"reasoning_effort": "high"}
    assert "model_parameters" not in lacking


def test_an_agent_answers_with_its_own(page: Page) -> None:
    give(page, promptPrefix="Be brief.", temperature="1")
    start = asked(page, lambda: ask(page, "first", model="agent:helper"))

    assert start.keys() & {"promptPrefix", "model_parameters"} == set()


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", "3"), ("top_p", "2"), ("max_tokens", "0")]
)
def test_a_number_out_of_range_is_not_kept(page: Page, name: str, value: str) -> None:
    page.click("#open-parameters")
    page.fill(FIELD.format(name), value)
    page.click("#parameters .primary")
    expect(page.locator("#parameters")).to_be_visible()
    page.keyboard.press("Escape")
    start = asked(page, lambda: ask(page, "first", model="quick"))

    assert "model_parameters" not in start
