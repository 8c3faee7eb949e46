"""Settings, and what concerns whole conversations."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, assert_transcript, words
from tests.support.page.server import LegatoServer

PHONE: Final[Mapping[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
OUT_OF_SIGHT: Final = "({ scrollHeight, clientHeight }) => scrollHeight - clientHeight"
"""How many pixels of a field's text do not fit into the field."""


@pytest.mark.parametrize(
    ("theme", "paper"), [("dark", "rgb(23, 25, 27)"), ("light", "rgb(251, 250, 247)")]
)
def test_a_theme_is_kept(page: Page, theme: str, paper: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "light" else "light")
    page.click("#open-settings")
    page.select_option("#theme", theme)
    expect(page.locator("body")).to_have_css("background-color", paper)

    page.reload()

    expect(page.locator("body")).to_have_css("background-color", paper)


def test_a_key_shows_the_keys_but_not_while_one_writes(page: Page) -> None:
    page.focus("#text")
    page.keyboard.type("what? /")
    expect(page.locator("#settings")).to_be_hidden()
    assert page.input_value("#text") == "what? /"

    page.focus("#scroller")
    page.keyboard.press("?")

    expect(page.locator("#settings")).to_be_visible()
    page.keyboard.press("Escape")
    page.focus("#scroller")
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()


def test_a_phone_is_not_told_of_keys(browser: Browser, server: LegatoServer, user: str) -> None:
    context = browser.new_context(**PHONE)
    name, value = server.cookie(user)
    context.add_cookies([{"name": name, "value": value, "url": server.url}])
    page = context.new_page()
    page.goto(f"{server.url}/")
    page.click("#open-sidebar")
    page.click("#open-settings")

    expect(page.locator("#theme")).to_be_visible()
    expect(page.locator("#keys-help")).to_be_hidden()
    context.close()


def test_an_editor_is_as_tall_as_the_text(server: LegatoServer, elsewhere: BrowserContext) -> None:
    page = elsewhere.new_page()  # the watch over the words' order knows no editor
    page.goto(f"{server.url}/")
    ask(page, "\n".join(f"line {number}" for number in range(12)), model="quick")
    expect(page.locator("a.about")).to_be_visible()
    page.hover("article.question")
    page.click("button[aria-label='Edit and ask again']")
    editor = page.locator(".editor textarea")

    assert editor.evaluate(OUT_OF_SIGHT) == 0
    editor.fill("line\n" * 200)
    assert editor.evaluate(OUT_OF_SIGHT) > 0
    assert editor.evaluate("({ clientHeight }) => clientHeight < 0.7 * innerHeight")


def test_a_conversation_is_saved_as_markdown_and_as_json(page: Page, tmp_path: Path) -> None:
    ask(page, "Count: one/two", model="quick")
    assert_transcript(page, "Count: one/two", 10)
    expect(page.locator("#title")).not_to_have_text("New chat")

    with page.expect_download() as markdown:
        page.select_option("#export", "md")
    with page.expect_download() as whole:
        page.select_option("#export", "json")

    assert markdown.value.suggested_filename.endswith(".md")
    text = markdown.value.path().read_text()
    assert f"## You\n\nCount: one/two\n\n## quick\n\n{words(10)}" in text
    saved = json.loads(whole.value.path().read_text())
    assert [each["isCreatedByUser"] for each in saved["messages"]] == [True, False]


def test_all_conversations_are_deleted_after_two_questions(page: Page) -> None:
    for text in ("first", "second"):
        page.click("#new-chat")
        ask(page, text, model="quick")
        expect(answer(page)).to_have_text(words(10))
    expect(page.locator("#conversations li")).to_have_count(2)

    page.click("#open-settings")
    page.click("#remove-all")
    page.click("#confirm .danger")
    expect(page.locator("#confirm-text")).to_contain_text("Really all?")
    page.click("#confirm .quiet")
    expect(page.locator("#conversations li")).to_have_count(2)
    page.click("#open-settings")
    page.click("#remove-all")
    page.click("#confirm .danger")
    expect(page.locator("#confirm-text")).to_contain_text("Really all?")
    page.click("#confirm .danger")

    expect(page.locator("#conversations li")).to_have_count(0)
    expect(page.locator("#welcome")).to_be_visible()


def test_an_answer_goes_on_from_an_edited_text_in_a_version_of_its_own(
    server: LegatoServer, elsewhere: BrowserContext
) -> None:
    page = elsewhere.new_page()  # the watch over the words' order knows no editor
    page.goto(f"{server.url}/")
    ask(page, "first", model="quick")
    assert_transcript(page, "first", 10)
    page.click("button[aria-label='Edit the answer']")
    page.fill(".editor textarea", "Well:")
    page.keyboard.press("Enter")

    expect(answer(page)).to_have_text("Well:" + words(10))
    expect(page.locator(".answer .count")).to_have_text("2/2")
