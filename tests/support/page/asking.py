"""Asking on the page, and what its reader then sees."""

import re

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.support.page.server import LegatoServer


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


def ask_elsewhere(
    page: Page, server: LegatoServer, elsewhere: BrowserContext, text: str, parent: str, model: str
) -> None:
    """Ask below `parent`, as a page of another device that knows of nothing later."""
    reply = elsewhere.request.post(
        f"{server.url}/api/agents/chat",
        data={
            "text": text,
            "model": model,
            "conversationId": page.url.rpartition("/")[2],
            "parentMessageId": parent,
            "on_busy": "enqueue",
        },
        headers={"Origin": server.url},
    )
    assert reply.ok, reply.text()
