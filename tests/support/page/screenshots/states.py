"""The way into each state of the page, and what tells that the state is reached."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from playwright.sync_api import Page, ViewportSize, expect

from tests.support.page.asking import answer, ask
from tests.support.page.screenshots.held_model import EARTH, FILES, MOON, SHORTER, TIDES, WIDTH
from tests.support.page.screenshots.job_times import pace_jobs
from tests.support.page.screenshots.pictures import picture_of
from tests.support.page.screenshots.stage import HALF, PHONE, WIDE, Stage

RUNNING: Final = "#conversations .dot:not([hidden])"
"""Marks of conversations in which something runs."""

EARTHS: Final = "How many Earths fit before the Moon?"


def welcome(stage: Stage) -> Page:
    page = stage.open_page()
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#model")).to_have_value("almanac")
    return page


def live(stage: Stage) -> Page:
    return _in_mid_answer(stage)


def phone(stage: Stage) -> Page:
    return _in_mid_answer(stage, PHONE)


def two_tabs(stage: Stage) -> Page:
    """Two tabs side by side, both reloaded in mid-answer."""
    page = _in_mid_answer(stage, HALF)
    second = page.context.new_page()
    second.goto(page.url)
    for tab in (page, second):
        tab.reload()
        expect(answer(tab)).to_contain_text("two high tides a")
        expect(tab.locator(".answer .status")).to_contain_text("Live")
    return _side_by_side(page, second)


def _side_by_side(*tabs: Page) -> Page:
    gap, border = 12, "#888"
    pictures = [b64encode(picture_of(tab)).decode() for tab in tabs]
    images = [f'<img src="data:image/png;base64,{picture}">' for picture in pictures]
    both = tabs[0].context.new_page()
    width = len(tabs) * HALF["width"] + gap
    both.set_viewport_size({"width": width, "height": HALF["height"]})
    style = f"margin: 0; display: flex; gap: {gap}px; background: {border}"
    both.set_content(f'<body style="{style}">{"".join(images)}</body>')
    return both


def _in_mid_answer(stage: Stage, size: ViewportSize = WIDE) -> Page:
    page = stage.open_page(size=size)
    ask(page, TIDES, model="almanac")
    expect(answer(page)).to_contain_text("two high tides a")
    expect(page.locator(".answer .status")).to_contain_text("Live")
    expect(page.locator("#title")).to_have_text(TIDES)
    expect(page.locator(RUNNING)).to_have_count(1)
    return page


def queued(stage: Stage) -> Page:
    page = _in_mid_answer(stage)
    page.fill("#text", MOON)
    page.keyboard.press("Enter")
    expect(page.locator("#chips .chip-kind")).to_have_text(["Next"])
    expect(page.locator("#text")).to_have_value("")
    return page


def steered(stage: Stage) -> Page:
    page = _in_mid_answer(stage)
    page.fill("#text", SHORTER)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".part.steer")).to_have_text(SHORTER)
    expect(answer(page)).to_contain_text("that the Moon raises.")
    _expect_rest(page)
    return page


def asked(stage: Stage) -> Page:
    page = stage.open_page()
    ask(page, EARTHS, model="agent:astronomer")
    expect(page.locator(".ask:not(.closed)")).to_be_visible()
    expect(page.locator(".answer .status")).to_have_text("Waits for you")
    return page


def stopped(stage: Stage) -> Page:
    page = _in_mid_answer(stage)
    _post(stage, page, "agents/chat/abort", streamId=_conversation(page))
    expect(page.locator(".ending")).to_contain_text("on another device")
    _expect_rest(page)
    return page


def restarted(stage: Stage) -> Page:
    page = _in_mid_answer(stage)
    stage.restart()
    expect(page.locator(".ending")).to_contain_text("The server was restarted")
    _expect_rest(page)
    return page


def second_device(stage: Stage) -> Page:
    page = stage.open_page()
    first = _answered(page, EARTH)
    _answered(page, WIDTH)
    body = {"text": MOON, "model": "almanac", "on_busy": "enqueue", "parentMessageId": first}
    _post(stage, page, "agents/chat", conversationId=_conversation(page), **body)
    expect(page.locator("#news")).to_be_visible()
    expect(page.locator("#conversations .dot")).to_be_visible()
    return page


def expired(stage: Stage) -> Page:
    page = _in_mid_answer(stage)
    page.context.clear_cookies()
    page.fill("#text", MOON)
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] #login")).to_be_visible()
    return page


def dark(stage: Stage) -> Page:
    page = stage.open_page(is_dark=True)
    _answered(page, FILES)
    expect(page.locator("pre .hljs-keyword").first).to_be_visible()
    return page


def inspect(stage: Stage) -> Page:
    page = stage.open_page()
    pace_jobs(page.context)
    ask(page, EARTHS, model="agent:astronomer")
    expect(page.locator(".ask")).to_be_visible()
    page.click("#new-chat")
    ask(page, EARTHS, model="agent:navigator")
    page.locator("a.about").click()
    expect(page.locator("#job-standing")).to_have_text("Complete · stored")
    expect(page.locator("#answer")).to_contain_text("side by side.")
    expect(page.locator("#jobs .waits .phase.asking")).to_be_visible()
    expect(page.locator("#jobs .waits")).to_contain_text("0 readers")
    page.locator("#slider").focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#answer")).to_have_text(re.compile(r"Earth and\s*$"))
    return page


def _answered(page: Page, question: str) -> str:
    """Ask a question whose answer ends; the id of the answer."""
    before = page.locator("a.about").count()
    ask(page, question, model="almanac")
    expect(page.locator("a.about")).to_have_count(before + 1)
    _expect_rest(page)
    return page.locator("article.answer").last.get_attribute("data-id") or ""


def _expect_rest(page: Page) -> None:
    """Nothing runs, as all of the page says, and what is shown has come from the storage."""
    expect(page.locator("a.about").last).to_contain_text("10:24")
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator(RUNNING)).to_have_count(0)


def _conversation(page: Page) -> str:
    expect(page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}$"))
    return page.url.rpartition("/")[2]


def _post(stage: Stage, page: Page, route: str, **body: object) -> None:
    """Ask a route as another device of the same reader."""
    url = f"{stage.server.url}/api/{route}"
    reply = page.context.request.post(url, data=body, headers={"Origin": stage.server.url})
    assert reply.ok, reply.text()


class State(NamedTuple):
    """A state of the page.  `part`: an element that the picture is there to show."""

    drive: Callable[[Stage], Page]
    part: str


STATES: Final[Mapping[str, State]] = {
    "welcome": State(welcome, "#suggestions"),
    "live": State(live, ".answer .status"),
    "two-tabs": State(two_tabs, "img:last-child"),
    "queued": State(queued, "#chips"),
    "steered": State(steered, ".part.steer"),
    "asked": State(asked, ".ask"),
    "stopped": State(stopped, ".ending"),
    "restarted": State(restarted, ".ending"),
    "second-device": State(second_device, "#news"),
    "expired": State(expired, "#login-dialog"),
    "phone": State(phone, "#stop"),
    "dark": State(dark, "pre"),
    "inspect": State(inspect, "#track"),
}
