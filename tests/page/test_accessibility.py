"""The page has no finding of axe in any state, in both themes and on a phone."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, ask_elsewhere, begins_rightly
from tests.support.page.axe import findings, look
from tests.support.page.modules import STATIC
from tests.support.page.server import LegatoServer


@pytest.mark.parametrize("width", [1100, 390])
def test_axe_finds_nothing(page: Page, context: BrowserContext, width: int) -> None:
    look(page, width)
    expect(page.locator("#welcome")).to_be_visible()
    found = {"welcome": findings(page)}
    ask(page, "first", model="slower")
    expect(answer(page)).to_have_text(begins_rightly(3))
    found["live"] = findings(page)
    page.keyboard.press("Escape")
    expect(page.locator(".ending")).to_be_visible()
    found["stopped"] = findings(page)
    ask(page, "second", model="thoughtful")
    expect(page.locator("details.think[open]")).to_be_visible()
    found["reasoning"] = findings(page)
    page.keyboard.press("Escape")
    expect(page.locator("#send")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("first")
    expect(page.locator("#found mark").first).to_be_visible()
    found["found"] = findings(page)
    page.keyboard.type("zzz")
    expect(page.locator("#found .nothing")).to_be_visible()
    found["nothing found"] = findings(page)
    page.keyboard.press("Escape")
    page.click("#open-parameters")
    found["parameters"] = findings(page)
    page.keyboard.press("Escape")
    page.focus("#scroller")
    page.keyboard.press("?")
    found["settings"] = findings(page)
    page.click("#open-agents")
    expect(page.locator("#agents-dialog li")).to_have_text("You have no agents.")
    page.click("#agents-dialog [value=new]")
    expect(page.locator("#agents-dialog .tool-row").first).to_be_visible()
    found["an agent"] = findings(page)
    page.keyboard.press("Escape")
    page.click("#open-keys")
    expect(page.locator("#keys-dialog li")).to_have_text("You have no keys.")
    page.fill("#keys-dialog [name=name]", "a program")
    page.keyboard.press("Enter")
    expect(page.locator("#keys-dialog code").last).to_contain_text("sk-")
    found["keys"] = findings(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    context.clear_cookies()
    page.fill("#text", "a draft")
    page.click("#send")
    expect(page.locator("dialog[open] #login")).to_be_visible()
    found["login"] = findings(page)

    assert found == {state: [] for state in found}


@pytest.mark.parametrize("width", [1100, 390])
def test_axe_finds_nothing_in_what_seldom_happens(
    server: LegatoServer, elsewhere: BrowserContext, strangers: BrowserContext, width: int
) -> None:
    page, stranger = elsewhere.new_page(), strangers.new_page()
    for each in (page, stranger):
        look(each, width)
        each.goto(f"{server.url}/")
    expect(stranger.locator("#login")).to_be_visible()
    found = {"a stranger": findings(stranger)}
    ask(page, "first", model="mathematical")
    expect(page.locator("math").first).to_be_visible()
    expect(page.locator("a.about")).to_be_visible()
    found["formulas"] = findings(page)
    page.click("button[aria-label='Edit the answer']")
    found["an editor"] = findings(page)
    page.keyboard.press("Escape")
    ask(page, "second", model="failing")
    expect(page.locator(".part.notice")).to_be_visible()
    found["a failure"] = findings(page)
    first = page.locator("article.answer").first.get_attribute("data-id") or ""
    ask_elsewhere(page, server, elsewhere, "from the phone", first, "quicker")
    expect(page.locator("#news")).to_be_visible()
    found["another device"] = findings(page)
    if width < 760:
        page.click("#open-sidebar")
        found["the drawer"] = findings(page)
    page.hover("#conversations li")
    page.click("#conversations button[aria-label='Delete']")
    expect(page.locator("#confirm")).to_be_visible()
    found["a question"] = findings(page)

    assert found == {state: [] for state in found}


@pytest.mark.parametrize("width", [1100, 390])
def test_axe_finds_nothing_where_one_takes_part(page: Page, width: int) -> None:
    look(page, width)
    ask(page, "first", model="agent:careful")
    expect(page.locator(".ask")).to_be_visible()
    found = {"approval": findings(page)}
    page.get_by_role("button", name="Edit", exact=True).click()
    found["edited"] = findings(page)
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Deny").click()
    found["denied"] = findings(page)
    page.keyboard.press("Enter")
    expect(page.locator(".ask.closed")).to_be_visible()
    page.fill("#text", "words for this answer")
    found["closed"] = findings(page)
    page.keyboard.press("Control+Enter")
    page.fill("#text", "a turn that waits")
    page.keyboard.press("Enter")
    expect(page.locator("#chips .chip-kind")).to_have_text(["For this answer", "Next"])
    found["chips"] = findings(page)
    page.get_by_role("button", name="Edit", exact=True).last.click()
    found["a chip's editor"] = findings(page)
    page.keyboard.press("Escape")
    page.locator("#chips").get_by_role("button", name="Cancel").last.click()
    expect(page.locator("#chips .chip-kind")).to_have_text(["For this answer"])
    page.click("#stop")
    expect(page.locator("#chips .chip-kind")).to_have_text(["Not read"])
    found["not read"] = findings(page)
    for agent in ("curious", "asker"):
        ask(page, "next", model=f"agent:{agent}")
        expect(page.locator(".ask")).to_be_visible()
        found[agent] = findings(page)
        page.click("#stop")
        expect(page.locator("#stop")).to_be_hidden()

    assert found == {state: [] for state in found}


def test_axe_would_find_something(page: Page) -> None:
    page.evaluate("document.getElementById('text').labels[0].remove()")
    page.evaluate("document.getElementById('text').removeAttribute('placeholder')")

    assert any(each.startswith("label:") for each in findings(page))


def test_axe_would_find_a_faint_colour_of_the_dark_theme(page: Page) -> None:
    look(page, 1100)
    expect(page.locator("#welcome")).to_be_visible()
    ink = "document.documentElement.style.setProperty('--ink', 'light-dark(#22262a, #2a2d30)')"
    page.evaluate(ink)

    assert {each.partition(":")[0] for each in findings(page)} == {"color-contrast"}


def test_the_dark_theme_differs_in_colours_alone() -> None:
    """As `findings` takes it; `light-dark` stands for colours, and for nothing else."""
    styles = "\n".join(path.read_text() for path in STATIC.rglob("*.css"))
    scripts = "\n".join(path.read_text() for path in (STATIC / "js").rglob("*.js"))
    rules = re.findall(r"\[data-theme=[^{]*\{([^}]*)\}", styles)

    assert {rule.strip() for rule in rules} == {"color-scheme: light;", "color-scheme: dark;"}
    assert "prefers-color-scheme" not in styles + scripts
