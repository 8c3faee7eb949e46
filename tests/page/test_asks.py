"""Asks of a run are cards: answered by hand, closed with what was decided, wherever that was."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.support.page.asking import answer, ask
from tests.support.page.server import LegatoServer

STATUS = ".progress .status"


def asked(page: Page, agent: str = "careful") -> Locator:
    """The open card of an agent's run."""
    ask(page, "Go on.", model=f"agent:{agent}")
    card = page.locator(".ask:not(.closed)")
    expect(card).to_be_visible()
    return card


def press(card: Locator, name: str) -> None:
    card.get_by_role("button", name=name, exact=True).click()


def outputs(page: Page) -> Locator:
    return page.locator("article.answer .tool-output")


def test_a_tool_that_needs_leave_is_asked_for_on_a_card(page: Page) -> None:
    card = asked(page)

    expect(card).to_contain_text("May calculate_mcp_clock run?")
    expect(card).to_contain_text("Calculate, for example")
    expect(card.locator("pre")).to_have_text('{\n  "expression": "2+3"\n}')
    expect(page.locator(STATUS)).to_have_text("Waits for you")
    expect(page.locator("#status")).to_have_text(
        "The answer waits for you: May calculate_mcp_clock run?"
    )
    expect(page.locator(".tool-state")).to_have_text("waits for you")
    press(card, "Allow")
    expect(page.locator(".ask.closed")).to_have_text("May calculate_mcp_clock run?Allowed")
    expect(outputs(page).first).to_have_text("5")
    expect(card).to_be_visible()  # of the second call
    press(card, "Allow")
    expect(answer(page)).to_contain_text("Both are done.")
    expect(outputs(page)).to_have_text(["5", "42"])
    expect(page.locator(".ask")).to_have_count(0)


def test_what_is_allowed_always_is_not_asked_again(page: Page) -> None:
    press(asked(page), "Always in this conversation")

    expect(answer(page)).to_contain_text("Both are done.")
    expect(outputs(page)).to_have_text(["5", "42"])
    ask(page, "Again.", model="agent:careful")
    expect(page.locator("article.answer")).to_have_count(2)
    expect(answer(page)).to_contain_text("Both are done.")


def test_arguments_are_edited_and_checked_by_page_and_server(page: Page) -> None:
    card = asked(page)
    shown = card.get_by_role("region", name="Arguments")
    press(card, "Edit")
    expect(shown).to_be_hidden()
    press(card, "Back")
    expect(shown).to_be_visible()
    press(card, "Edit")
    field = card.get_by_label("Arguments, as JSON")
    expect(field).to_be_focused()
    for wrong, complaint in [
        ("{", "Not JSON"),
        ("[]", "arguments are an object"),
        ('{"expression": 7}', "expression"),
    ]:
        field.fill(wrong)
        press(card, "Allow with these")
        expect(card.get_by_role("alert")).to_contain_text(complaint)

    field.fill('{"expression": "3*3"}')
    press(card, "Allow with these")

    expect(outputs(page).first).to_have_text("9")
    page.click("#stop")


def test_a_call_is_denied_for_a_reason_by_keyboard_alone(page: Page) -> None:
    card = asked(page)
    card.get_by_role("button", name="Allow", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(card.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="Allow", exact=True)).to_be_focused()
    expect(page.locator("#stop")).to_be_visible()
    press(card, "Deny")

    page.keyboard.type("Not today.")
    page.keyboard.press("Enter")

    expect(page.locator(".ask.closed").first).to_contain_text("Denied: Not today.")
    expect(outputs(page).first).to_contain_text("Not today.")
    assert page.evaluate("document.activeElement !== document.body")
    page.click("#stop")


def test_a_card_survives_a_reload_and_is_answered_in_another_tab(
    page: Page, context: BrowserContext
) -> None:
    asked(page)
    page.reload()
    expect(page.locator(".ask:not(.closed)")).to_be_visible()
    second = context.new_page()
    second.goto(page.url)
    press(second.locator(".ask:not(.closed)"), "Deny")
    second.get_by_label("Reason").fill("Elsewhere.")

    second.keyboard.press("Enter")

    for each in (page, second):
        expect(each.locator(".ask.closed").first).to_contain_text("Denied: Elsewhere.")
    page.click("#stop")


def test_a_second_decision_is_told_of_the_first(page: Page, server: LegatoServer) -> None:
    card = asked(page)
    page.route(
        "**/api/agents/chat/resume",
        lambda route: route.fulfill(
            status=409, json={"message": "The ask was answered before: reject."}
        ),
    )

    press(card, "Allow")

    expect(card.get_by_role("alert")).to_have_text("The ask was answered before: reject.")
    page.click("#stop")


def test_stop_closes_what_is_asked(page: Page) -> None:
    card = asked(page)

    page.keyboard.press("Escape")

    expect(page.locator(".ending")).to_contain_text("Stopped by you")
    expect(card).to_have_count(0)
    expect(page.locator(".tool-state")).to_have_text("no result")


@pytest.mark.parametrize("way", ["option", "words"])
def test_a_question_has_options_and_takes_free_text(page: Page, way: str) -> None:
    card = asked(page, "curious")
    expect(card).to_contain_text("Which?")
    if way == "option":
        press(card, "Blue")
    else:
        card.get_by_label("Answer to: Which?").fill("Blue")
        page.keyboard.press("Enter")

    expect(outputs(page)).to_have_text("Blue")
    expect(answer(page)).to_contain_text("As you wish.")


def test_a_tool_asks_by_a_form(page: Page) -> None:
    card = asked(page, "asker")
    expect(card).to_contain_text("Your name?")
    card.get_by_label("name").fill("Ada")

    press(card, "Send")

    expect(outputs(page)).to_have_text("Hello Ada, state")
    expect(answer(page)).to_contain_text("That is all.")


FORM = """async ([schema, filled]) => {
    const { FormView } = await import("/static/js/view/form.js");
    const form = new FormView(schema);
    document.body.replaceChildren(form.element);
    for (const [label, value] of Object.entries(filled)) {
        const labels = [...document.querySelectorAll("label")];
        const control = labels.find((each) => each.textContent.startsWith(label)).children[1];
        if (control.type === "checkbox") control.checked = value;
        else control.value = value;
    }
    try {
        return form.value;
    } catch (error) {
        return `${error.name}: ${error.message.split(":")[0]}`;
    }
}"""

SCHEMA = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "title": "Age"},
        "news": {"type": "boolean", "default": True},
        "size": {"type": "string", "enum": ["S", "M"]},
        "plan": {"oneOf": [{"const": "a", "title": "Plan A"}, {"const": "b", "title": "Plan B"}]},
        "more": {"type": "array", "items": {"type": "string"}},
        "name": {"type": "string"},
    },
    "required": ["age", "plan"],
}


@pytest.mark.parametrize(
    ("schema", "filled", "value"),
    [
        (
            SCHEMA,
            {"Age": "7", "size": "M", "more": '["x"]', "name": "Ada"},
            {"age": 7, "news": True, "size": "M", "plan": "a", "more": ["x"], "name": "Ada"},
        ),
        (SCHEMA, {"Age": "7", "plan": "b", "news": False}, {"age": 7, "news": False, "plan": "b"}),
        (SCHEMA, {"Age": "7", "more": "["}, "SyntaxError: more"),
        (None, {"Answer": "anything"}, "anything"),
        ({"type": "array"}, {"Answer": "[1]"}, [1]),
    ],
)
def test_a_form_gives_what_its_schema_asks_for(
    modules: Page, schema: Any, filled: dict[str, Any], value: Any
) -> None:
    assert json.dumps(modules.evaluate(FORM, [schema, filled])) == json.dumps(value)
