"""All of the page is done by the keyboard alone, and the focus is always seen.

One reader takes all steps in order: a step begins where the step before left the focus.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.support.page.asking import answer, begins_rightly, words
from tests.support.page.keyboard import Keyboard
from tests.support.page.server import LegatoServer

TEXT = "#text"


class Walk:
    """A page, and the hands on its keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keyboard = Keyboard(page)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def choose_model(self, name: str) -> None:
        """From the field for a message, and back to it."""
        value = re.compile(f"^(agent:)?{name}$", re.IGNORECASE)
        expect(self.page.locator("#model optgroup")).to_be_attached()  # all are offered
        self.keyboard.go("#model")
        self.keyboard.write(name)
        expect(self.page.locator("#model")).to_have_value(value)
        self.keyboard.back(TEXT)

    def ask(self, text: str) -> None:
        self.keyboard.write(text)
        self.keyboard.press("Enter")

    def rests(self) -> None:
        expect(self.page.locator("#stop")).to_be_hidden()
        self.keyboard.is_at(TEXT)


@pytest.fixture
def walk(strangers: BrowserContext) -> Iterator[Walk]:
    page = strangers.new_page()
    yield Walk(page)
    page.close()


def test_all_of_the_page_is_done_by_the_keyboard_alone(
    walk: Walk, server: LegatoServer, user: str
) -> None:
    log_in(walk, server, user)
    stop_and_continue(walk)
    edit_and_look_back(walk)
    queue_and_steer(walk)
    decide(walk)
    set_parameters_and_theme(walk)
    make_an_agent(walk)
    make_a_key(walk)
    search(walk)
    keep_order(walk)
    save(walk)
    replay(walk)
    log_out(walk)


def log_in(walk: Walk, server: LegatoServer, user: str) -> None:
    walk.page.goto(f"{server.url}/")
    walk.keyboard.is_at("#login input")
    walk.keyboard.write(server.token(user))
    walk.keyboard.press("Enter")
    expect(walk.page.locator("#welcome")).to_be_visible()
    walk.keyboard.is_at(TEXT)


def stop_and_continue(walk: Walk) -> None:
    walk.choose_model("slower")
    walk.ask("A lighthouse")
    expect(answer(walk.page)).to_have_text(begins_rightly(3))
    walk.keyboard.press("Escape")
    walk.rests()
    walk.keyboard.use(walk.button("Continue"), "Shift+Tab")
    expect(walk.page.locator("#stop")).to_be_visible()
    walk.keyboard.is_at(TEXT)
    walk.keyboard.use("#stop")
    walk.rests()


def edit_and_look_back(walk: Walk) -> None:
    walk.choose_model("quick")
    walk.keyboard.use(walk.button("Edit and ask again"), "Shift+Tab")
    walk.keyboard.is_at(".question textarea")
    walk.keyboard.press("Escape")
    walk.keyboard.is_at(walk.button("Edit and ask again"))
    walk.keyboard.press("Enter", "Control+a")
    walk.ask("A lighthouse keeper")
    expect(answer(walk.page)).to_have_text(words(10))
    walk.rests()
    walk.keyboard.use(walk.button("Edit the answer"), "Shift+Tab")
    walk.keyboard.is_at(".answer textarea")
    walk.keyboard.press("Control+a")
    walk.ask("w0 w1")
    expect(walk.page.locator(".answer .count")).to_have_text("2/2")
    walk.rests()
    walk.keyboard.use(walk.page.locator(".answer").get_by_label("Previous version"), "Shift+Tab")
    expect(walk.page.locator(".answer .count")).to_have_text("1/2")
    walk.keyboard.is_at(walk.page.locator(".answer").get_by_label("Previous version"))
    walk.keyboard.go(TEXT)


def queue_and_steer(walk: Walk) -> None:
    chips = walk.page.locator("#chips .chip-text")
    walk.choose_model("steerable")
    walk.ask("How do tides work?")
    expect(walk.page.locator("#stop")).to_be_visible()
    for text in ("one", "two"):
        walk.ask(text)
    expect(chips).to_have_text(["one", "two"])
    walk.keyboard.use(walk.button("First"), "Shift+Tab")
    expect(chips).to_have_text(["two", "one"])
    walk.keyboard.is_at(TEXT)
    walk.keyboard.use("#chips li:first-child button:text('Edit')", "Shift+Tab")
    walk.keyboard.is_at("#chips textarea")
    walk.ask(" more")
    expect(chips).to_have_text(["two more", "one"])
    walk.keyboard.is_at("#chips li:first-child button:text('Edit')")
    walk.keyboard.use("#chips li:first-child button:text('Cancel')")
    expect(chips).to_have_text(["one"])
    walk.keyboard.is_at("#chips button:text('Cancel')")
    walk.keyboard.press("Enter")
    expect(chips).to_have_count(0)
    walk.keyboard.is_at(TEXT)
    walk.keyboard.write("Shorter")
    walk.keyboard.press("Control+Enter")
    expect(answer(walk.page)).to_contain_text("In short: it works.")
    walk.rests()


def decide(walk: Walk) -> None:
    card = walk.page.locator(".ask:not(.closed)")
    outputs = walk.page.locator("article.answer").last.locator(".tool-output")
    walk.choose_model("Careful")
    walk.ask("Calculate")
    walk.keyboard.use(card.get_by_role("button", name="Allow", exact=True), "Shift+Tab")
    expect(outputs.first).to_have_text("5")
    walk.keyboard.use(card.get_by_role("button", name="Edit"), "Shift+Tab")
    walk.keyboard.is_at(card.locator("textarea"))
    walk.keyboard.press("Control+a")
    walk.keyboard.write('{"expression": "3*3"}')
    walk.keyboard.use(card.get_by_role("button", name="Allow with these"))
    expect(outputs).to_have_text(["5", "9"])
    walk.rests()
    walk.ask("Once more")
    walk.keyboard.use(card.get_by_role("button", name="Deny"), "Shift+Tab")
    walk.keyboard.is_at(card.get_by_label("Reason"))
    walk.ask("Not today.")
    expect(outputs.first).to_contain_text("Not today.")
    walk.keyboard.press("Escape")
    walk.rests()


def set_parameters_and_theme(walk: Walk) -> None:
    walk.keyboard.use("#open-parameters")
    walk.keyboard.is_at("#parameters textarea")
    walk.keyboard.write("Be brief.")
    walk.keyboard.use("#parameters [value=save]")
    walk.keyboard.is_at("#open-parameters")
    walk.keyboard.press("?")
    walk.keyboard.is_at("#theme")
    expect(walk.page.locator("#settings dl")).to_be_visible()
    walk.keyboard.write("dark")
    expect(walk.page.locator("html")).to_have_attribute("data-theme", "dark")


def make_an_agent(walk: Walk) -> None:
    dialog = walk.page.locator("#agents-dialog")
    walk.keyboard.use("#open-agents")
    walk.keyboard.use(dialog.get_by_role("button", name="New agent"))
    walk.keyboard.is_at(dialog.get_by_label("Name"))
    walk.keyboard.write("Tutor")
    walk.keyboard.go("#agents-dialog .tool-row [name=has] >> nth=0")
    walk.keyboard.press("Space")
    walk.keyboard.use(dialog.get_by_role("button", name="Save"))
    walk.keyboard.is_at("#open-agents")
    walk.keyboard.press("Enter")
    walk.keyboard.use(dialog.get_by_role("button", name="Edit Tutor"))
    walk.keyboard.is_at(dialog.get_by_label("Name"))
    walk.keyboard.use(dialog.get_by_role("button", name="Delete"))
    walk.keyboard.use("#confirm .danger")
    expect(dialog.locator("li")).to_have_text("You have no agents.")
    walk.keyboard.is_at("#agents-dialog [value=close]")
    walk.keyboard.press("Enter")
    walk.keyboard.is_at("#open-agents")


def make_a_key(walk: Walk) -> None:
    dialog = walk.page.locator("#keys-dialog")
    walk.keyboard.use("#open-keys")
    walk.keyboard.go(dialog.get_by_label("Name"))
    walk.ask("a program")
    expect(dialog.locator(".made code")).to_contain_text("sk-")
    walk.keyboard.use(dialog.get_by_role("button", name="Revoke"), "Shift+Tab")
    walk.keyboard.use("#confirm .danger")
    expect(dialog.locator("li")).to_have_text("You have no keys.")
    walk.keyboard.is_at(dialog.get_by_role("button", name="Copy"))
    walk.keyboard.press("Escape")
    walk.keyboard.is_at("#open-keys")
    walk.keyboard.press("Escape")
    walk.keyboard.is_at("#open-parameters")
    walk.keyboard.press("/")
    walk.keyboard.is_at(TEXT)


def search(walk: Walk) -> None:
    walk.keyboard.press("Control+k")
    walk.keyboard.is_at("#search input")
    walk.keyboard.write("tides")
    walk.keyboard.use("#found .messages a")
    walk.keyboard.is_at("article.question:has-text('tides')")
    walk.keyboard.press("Control+k", "Escape")
    walk.keyboard.is_at("#search input")


def keep_order(walk: Walk) -> None:
    item = walk.page.locator("#conversations li")
    walk.keyboard.use(item.get_by_label("Pin"))
    walk.keyboard.is_at(item.get_by_label("Unpin"))
    walk.keyboard.use(item.get_by_label("Rename"))
    walk.keyboard.is_at(item.get_by_label("Title"))
    walk.ask("Of lighthouses")
    expect(item).to_have_text("Of lighthouses")
    walk.keyboard.is_at(item.locator("a"))
    walk.keyboard.use("#new-chat", "Shift+Tab")
    walk.keyboard.is_at(TEXT)
    walk.ask("To be deleted")
    expect(item).to_have_count(2)
    walk.keyboard.use("#conversations li:nth-child(2) [aria-label=Delete]", "Shift+Tab")
    walk.keyboard.is_at("#confirm [value=cancel]")
    walk.keyboard.use("#confirm .danger")
    expect(item).to_have_text(["Of lighthouses"])
    walk.keyboard.is_at(TEXT)
    walk.keyboard.use("#conversations li a", "Shift+Tab")
    expect(answer(walk.page)).to_be_visible()
    walk.keyboard.is_at(TEXT)


def save(walk: Walk) -> None:
    walk.keyboard.back("#export")
    with walk.page.expect_download() as downloading:
        walk.keyboard.write("as Markdown")
    assert downloading.value.suggested_filename == "Of lighthouses.md"
    walk.keyboard.is_at("#export")


def replay(walk: Walk) -> None:
    walk.keyboard.use(walk.page.locator("a.about"))
    walk.page.wait_for_url(re.compile("/inspect/"))
    expect(walk.page.locator("#answer")).not_to_be_empty()
    walk.keyboard.go("#slider")
    walk.keyboard.press("Home")
    expect(walk.page.locator("#place")).to_have_text("Before the first event")
    walk.keyboard.press("ArrowRight")
    expect(walk.page.locator("#place")).to_contain_text("Event 1 of")
    walk.keyboard.use("#prove")
    expect(walk.page.locator("#verdict")).to_contain_text("Equal")
    walk.keyboard.is_at("#prove")
    walk.keyboard.use(walk.page.get_by_role("link", name="Back to the chat"), "Shift+Tab")
    walk.page.wait_for_url(re.compile("/$"))
    walk.keyboard.is_at(TEXT)


def log_out(walk: Walk) -> None:
    walk.keyboard.use("#log-out", "Shift+Tab")
    walk.keyboard.is_at("#login input")
