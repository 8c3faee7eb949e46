"""Asking on the page, and what its reader then sees."""

import re

from playwright.sync_api import Locator, Page, expect


def words(count: int) -> str:
    """What a `scripted` model answers."""
    return " ".join(f"w{number}" for number in range(count))


def begins_rightly(count: int) -> re.Pattern[str]:
    """At least `count` words, in order, none twice: whatever came after them so far."""
    return re.compile(rf"^\s*{words(count)}\b")


def ask(page: Page, text: str, model: str = "slow") -> None:
    expect(page.locator(f"#model option[value='{model}']")).to_be_attached()
    page.select_option("#model", model)
    page.fill("#text", text)
    page.keyboard.press("Enter")


def answer(page: Page) -> Locator:
    return page.locator("article.answer .parts").last


def assert_transcript(page: Page, question: str, tokens: int) -> None:
    expect(page.locator("article.question .bubble")).to_have_text(question)
    expect(page.locator("article.answer")).to_have_count(1)
    expect(answer(page)).to_have_text(words(tokens))
    expect(page.locator("#send")).to_be_visible()
