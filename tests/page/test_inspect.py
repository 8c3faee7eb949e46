"""The page of jobs: timelines drawn live, a replay, a command that runs, and a proof."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.support.page.asking import answer, ask, begins_rightly, words
from tests.support.page.axe import findings, look
from tests.support.page.server import SECRET, LegatoServer

BIN = Path(sys.executable).parent  # has `legato`


DRAWN = re.compile("^M")
BELOW = "({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight"
"""How many pixels of an element are below what is seen of it."""


MARK = "(row) => getComputedStyle(row.querySelector('.job-standing'), '::before').animationName"
"""The name of the movement of a row's mark."""


def start(context: BrowserContext, server: LegatoServer, **asked: Any) -> str:
    """Start a generation as this browser's user: its id."""
    reply = context.request.post(
        f"{server.url}/api/agents/chat",
        data={"text": "Hi"} | asked,
        headers={"Origin": server.url},
    )
    assert reply.ok, reply.text()
    return str(reply.json()["generationId"])


def stop(context: BrowserContext, server: LegatoServer, job: str) -> None:
    reply = context.request.post(
        f"{server.url}/api/agents/chat/abort",
        data={"generationId": job},
        headers={"Origin": server.url},
    )
    assert reply.ok, reply.text()


@pytest.fixture
def inspect(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def ended(inspect: Page, context: BrowserContext, server: LegatoServer) -> Page:
    """The page of an answer that is over: ten words."""
    inspect.goto(f"{server.url}/inspect/{start(context, server, model='quick')}")
    expect(inspect.locator("#job-standing")).to_have_text("Complete · stored")
    expect(inspect.locator("#answer")).to_have_text(words(10))
    return inspect


@pytest.fixture
def admins(browser: Browser, server: LegatoServer) -> Iterator[BrowserContext]:
    context = browser.new_context()
    name, value = server.cookie("root")
    context.add_cookies([{"name": name, "value": value, "url": server.url}])
    yield context
    context.close()


def test_the_status_line_opens_the_timeline_of_its_job(page: Page) -> None:
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    page.locator("a.status").click()

    expect(page.locator("#job-title")).to_have_text("slower")
    expect(page.locator("#job-standing")).to_have_text("Live")
    expect(page.locator("#answer")).to_have_text(begins_rightly(5))
    expect(page.locator("#jobs [aria-current]")).to_contain_text("slower")


def test_an_ended_answer_leads_to_its_timeline(page: Page) -> None:
    ask(page, "first", model="quick")
    expect(page.locator("a.about")).to_be_visible()
    page.locator("a.about").click()

    expect(page.locator("#job-standing")).to_have_text("Complete · stored")


def test_a_running_job_is_drawn_as_it_goes(
    inspect: Page, context: BrowserContext, server: LegatoServer
) -> None:
    job = start(context, server, model="slower")
    inspect.goto(f"{server.url}/inspect/{job}")
    expect(inspect.locator("#moments")).to_contain_text("First word")
    expect(inspect.locator("#facts")).to_contain_text("1 reader, all have everything")
    first = inspect.locator("#track .density").get_attribute("d")
    expect(inspect.locator("#track .density")).not_to_have_attribute("d", first or "")

    expect(inspect.locator("#job-standing")).to_have_text("Live")
    expect(inspect.locator("#answer")).to_have_text(begins_rightly(5))
    inspect.set_viewport_size({"width": 390, "height": 300})
    expect(inspect.locator("#answer")).to_have_text(begins_rightly(60))
    inspect.wait_for_function(f"() => ({BELOW})(document.getElementById('answer')) < 40")
    stop(context, server, job)
    expect(inspect.locator("#job-standing")).to_have_text("Stopped · stored")
    expect(inspect.locator("#moments tbody tr").last).to_contain_text("Stopped")
    expect(inspect.locator("#trust")).to_contain_text("the server's own times")
    expect(inspect.locator("#track .readers-line")).to_have_attribute("d", DRAWN)


def test_tools_and_asks_have_their_moments(
    inspect: Page, context: BrowserContext, server: LegatoServer
) -> None:
    job = start(context, server, agent_id="careful")
    inspect.goto(f"{server.url}/inspect/{job}")

    expect(inspect.locator("#job-standing")).to_have_text("Waits for you")
    expect(inspect.locator("#moments")).to_contain_text("Tool called: calculate_mcp_clock")
    expect(inspect.locator("#moments")).to_contain_text("Asked: May calculate_mcp_clock run?")
    expect(inspect.locator("#track [data-kind='ask']")).to_be_visible()
    expect(inspect.locator("#track .phase.asking")).to_be_visible()
    stop(context, server, job)
    expect(inspect.locator("#job-standing")).to_have_text("Stopped · stored")
    expect(inspect.locator("#job-title")).to_have_text("careful")


def test_a_job_that_waits_looks_unlike_one_that_answers(
    inspect: Page, context: BrowserContext, server: LegatoServer
) -> None:
    answers = start(context, server, model="slower")
    waits = start(context, server, agent_id="careful")
    inspect.goto(f"{server.url}/inspect")
    rows = [inspect.locator(f"#jobs li:has(a[href$='{job}'])") for job in (answers, waits)]

    expect(rows[0]).to_contain_text("Live")
    expect(rows[0].locator(".phase.asking")).to_have_count(0)
    expect(rows[1]).to_contain_text("Waits for you")
    striped = re.compile("^repeating-linear-gradient")
    expect(rows[1].locator(".phase.asking")).to_have_css("background-image", striped)
    box = rows[1].locator(".phase.asking").bounding_box()
    assert box is not None
    assert box["width"] > 20
    assert [row.evaluate(MARK) for row in rows] == ["breathe", "none"]

    stop(context, server, waits)
    expect(rows[1].locator(".phase.asking")).to_have_count(0)


def test_the_slider_shows_the_answer_as_it_was(ended: Page) -> None:
    slider = ended.locator("#slider")
    for count, shown in ((7, words(5)), (2, ""), (13, words(10)), (4, words(2))):
        slider.evaluate(
            "(slider, count) => { slider.value = count; slider.dispatchEvent(new Event('input')) }",
            count,
        )
        expect(ended.locator("#answer")).to_have_text(shown)
        expect(ended.locator("#place")).to_contain_text(f"Event {count} of 13")

    ended.get_by_role("button", name="One event on").click()
    expect(ended.locator("#answer")).to_have_text(words(3))
    ended.get_by_role("button", name="Go to event 13").click()
    expect(ended.locator("#answer")).to_have_text(words(10))


@pytest.mark.parametrize("rate", ["Play 1×", "4×", "As fast as it goes"])
def test_it_plays_to_the_end(ended: Page, rate: str) -> None:
    ended.get_by_role("button", name=rate).click()

    expect(ended.locator("#answer")).to_have_text(words(10))
    expect(ended.locator("[aria-pressed='true']")).to_have_count(0)
    expect(ended.locator("#place")).to_contain_text("Event 13 of 13")


def test_the_printed_command_brings_what_follows(ended: Page) -> None:
    ended.locator("#slider").press("Home")
    for _ in range(7):
        ended.locator("#slider").press("ArrowRight")
    expect(ended.locator("#answer")).to_have_text(words(5))
    printed = ended.locator("#curl").text_content() or ""

    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "LEGATO_JWT_SECRET": SECRET,
        "LEGATO_DATABASE_URL": "memory://",
    }
    said = subprocess.run(
        ["bash", "-c", printed], env=environment, capture_output=True, text=True, check=True
    )

    assert re.findall(r"^id: \w+:1:(\d+)$", said.stdout, re.M) == [*map(str, range(8, 14))]
    assert re.findall(r'"text":"(w\d) ', said.stdout)[:5] == [f"w{n}" for n in range(5, 10)]


def test_the_command_is_copied(ended: Page, server: LegatoServer) -> None:
    ended.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    ended.get_by_role("button", name="Copy curl from here").click()
    expect(ended.locator("#copied")).to_have_text("Copied")

    copied = ended.evaluate("navigator.clipboard.readText()")
    assert copied == ended.locator("#curl").text_content()


def test_two_readers_are_proved_equal(
    inspect: Page, context: BrowserContext, server: LegatoServer
) -> None:
    inspect.goto(f"{server.url}/inspect/{start(context, server, model='slow')}")
    inspect.get_by_role("button", name="Prove it").click()

    expect(inspect.locator("#verdict")).to_contain_text("Equal: both readers have the same 123")
    expect(inspect.locator("#verdict")).to_have_text(re.compile(r"cut \d+ times, the other never"))


def test_a_route_that_lies_is_found_out(ended: Page) -> None:
    honest = 2  # each reader's first; a cut may come before any event

    def lie(route: Route) -> None:
        nonlocal honest
        honest -= 1
        reply = route.fetch()
        said = 'data: {"lie":1,' if honest < 0 else "data: {"
        route.fulfill(response=reply, body=reply.text().replace("data: {", said))

    ended.route("**/stream/*", lie)
    ended.get_by_role("button", name="Prove it").click()

    verdict = re.compile(r"^Different: event \d+ is not the same to both\.$")
    expect(ended.locator("#verdict")).to_have_text(verdict)
    expect(ended.locator("#verdict")).to_have_class("verdict different")


def test_what_is_below_an_answer_stands_still_while_the_answer_grows(
    inspect: Page, context: BrowserContext, server: LegatoServer
) -> None:
    inspect.goto(f"{server.url}/inspect/{start(context, server, model='slower')}")
    expect(inspect.locator("#answer")).to_have_text(begins_rightly(3))
    before = inspect.locator("#prove").bounding_box()
    expect(inspect.locator("#answer")).to_have_text(begins_rightly(120))

    assert inspect.locator("#prove").bounding_box() == before


def test_a_proof_can_be_stopped(
    inspect: Page, context: BrowserContext, server: LegatoServer
) -> None:
    inspect.goto(f"{server.url}/inspect/{start(context, server, model='slower')}")
    inspect.get_by_role("button", name="Prove it").click()
    expect(inspect.locator("#verdict")).to_have_text("Equal so far …")
    inspect.locator("#prove").click()

    expect(inspect.locator("#prove")).to_have_text("Prove it")
    expect(inspect.locator("#verdict")).to_have_text("")


def test_an_admin_sees_the_jobs_of_others_without_a_word(
    admins: BrowserContext, context: BrowserContext, server: LegatoServer, user: str
) -> None:
    job = start(context, server, text="a private question", model="quick")
    page = admins.new_page()
    page.goto(f"{server.url}/inspect")
    expect(page.locator(f"#jobs a[href$='{job}']")).to_have_count(0)
    page.get_by_label("Everybody's").check()
    page.locator(f"#jobs a[href$='{job}']").click()

    expect(page.locator("#foreign")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text(user)
    expect(page.locator("#own")).to_be_hidden()
    expect(page.locator("#track .density")).to_have_attribute("d", DRAWN)
    expect(page.locator("#moments")).to_contain_text("First word")
    expect(page.locator("body")).not_to_contain_text("private")


def test_nobody_else_is_offered_the_jobs_of_others(ended: Page) -> None:
    expect(ended.locator("#everybody-label")).to_be_hidden()


def test_a_stranger_is_asked_to_log_in_and_comes_back(
    strangers: BrowserContext, server: LegatoServer, user: str
) -> None:
    page = strangers.new_page()
    page.goto(f"{server.url}/inspect")

    expect(page.locator("#notice")).to_contain_text("Log in to see your jobs.")
    page.get_by_role("link", name="Log in").click()
    page.fill("#login input[name=token]", server.token(user))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{server.url}/inspect")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_job_that_is_gone_is_said_to_be(inspect: Page, server: LegatoServer) -> None:
    inspect.goto(f"{server.url}/inspect/01M846XJQTHKRR16F0RWQP0099")

    expect(inspect.locator("#notice")).to_contain_text("does not have this job any more")


def test_all_of_it_is_done_by_the_keyboard_alone(
    inspect: Page, context: BrowserContext, server: LegatoServer
) -> None:
    start(context, server, model="quick")
    inspect.goto(f"{server.url}/inspect")
    expect(inspect.locator("#jobs a")).to_have_count(1)
    tab_to(inspect, "#jobs a")
    inspect.keyboard.press("Enter")
    expect(inspect.locator("#job-title")).to_be_focused()
    tab_to(inspect, "#slider")
    inspect.keyboard.press("Home")
    expect(inspect.locator("#place")).to_have_text("Before the first event")
    tab_to(inspect, "[data-rate='4']")
    inspect.keyboard.press("Space")
    expect(inspect.locator("#answer")).to_have_text(words(10))
    tab_to(inspect, "#prove")
    inspect.keyboard.press("Enter")
    expect(inspect.locator("#verdict")).to_contain_text("Equal")
    expect(inspect.locator("#prove")).to_be_focused()
    inspect.go_back()
    expect(inspect.locator("#job")).to_be_hidden()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(selector).first.evaluate("(each) => each === document.activeElement"):
            return
    raise AssertionError(f"no Tab leads to {selector}")


@pytest.mark.parametrize("width", [1100, 390])
def test_axe_finds_nothing_on_the_page_of_jobs(
    inspect: Page, context: BrowserContext, server: LegatoServer, width: int
) -> None:
    look(inspect, width)
    inspect.goto(f"{server.url}/inspect")
    expect(inspect.locator("#empty")).to_be_visible()
    found = {"empty": findings(inspect)}
    start(context, server, model="quick")
    asking = start(context, server, agent_id="careful")
    inspect.reload()
    expect(inspect.locator("#jobs a")).to_have_count(2)
    found["list"] = findings(inspect)
    inspect.goto(f"{server.url}/inspect/{asking}")
    expect(inspect.locator("#job-standing")).to_have_text("Waits for you")
    inspect.get_by_text("The event itself").click()
    inspect.locator("#prove").click()
    expect(inspect.locator("#verdict")).to_have_text("Equal so far …")
    found["waits"] = findings(inspect)
    inspect.goto(f"{server.url}/inspect")
    inspect.locator("#jobs a").last.click()
    inspect.locator("#prove").click()
    expect(inspect.locator("#verdict")).to_contain_text("Equal: ")
    found["proved"] = findings(inspect)

    assert found == {state: [] for state in found}
