"""The editor of agents: made, chosen, changed and deleted."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.asking import answer, ask

TOOL = "calculate_mcp_clock"


def open_editor(page: Page) -> None:
    page.click("#open-settings")
    page.click("#open-agents")


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"#agents-dialog [name={name}]", value)


def save(page: Page) -> None:
    page.click("#agents-dialog [type=submit]")
    expect(page.locator("#agents-dialog")).to_be_hidden()
    page.click("#settings [value=close]")


def test_an_agent_is_made_and_answers_with_its_tool_after_leave(page: Page) -> None:
    open_editor(page)
    expect(page.locator("#agents-dialog li")).to_have_text("You have no agents.")
    page.click("#agents-dialog [value=new]")
    fill(page, name="<b>Adder</b>", description="Adds up", instructions="Be exact.")
    page.select_option("#agents-dialog [name=model]", "talker")
    row = page.locator(f"[data-tool={TOOL}]")
    expect(row.locator("[name=asks]")).to_be_disabled()
    row.locator("[name=has]").check()
    row.locator("[name=asks]").check()
    save(page)

    chosen = page.locator("#model option:checked")
    expect(chosen).to_have_text("<b>Adder</b> · Adds up")
    ask(page, "What is 2+3?", model=page.input_value("#model"))
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(answer(page)).to_contain_text("That is the sum.")


def test_an_agent_is_changed_and_deleted(page: Page) -> None:
    open_editor(page)
    page.click("#agents-dialog [value=new]")
    fill(page, name="First", instructions="One.")
    page.locator(f"[data-tool={TOOL}] [name=has]").check()
    save(page)
    open_editor(page)
    page.get_by_role("button", name="Edit First").click()
    expect(page.locator("#agents-dialog [name=instructions]")).to_have_value("One.")
    expect(page.locator(f"[data-tool={TOOL}] [name=has]")).to_be_checked()
    fill(page, name="Second")
    page.locator(f"[data-tool={TOOL}] [name=has]").uncheck()
    save(page)
    open_editor(page)
    expect(page.locator("#agents-dialog li strong")).to_have_text(["Second"])
    page.get_by_role("button", name="Edit Second").click()
    expect(page.locator(f"[data-tool={TOOL}] [name=has]")).not_to_be_checked()
    page.click("#agents-dialog .danger")
    page.click("#confirm .danger")

    expect(page.locator("#agents-dialog li")).to_have_text("You have no agents.")
    expect(page.locator("#model option", has_text="Second")).to_have_count(0)


def test_what_the_server_refuses_is_said_and_nothing_is_lost(page: Page) -> None:
    open_editor(page)
    page.click("#agents-dialog [value=new]")
    fill(page, name="tab\there", instructions="Kept.")
    page.evaluate("document.querySelector('#agents-dialog [name=description]').maxLength = 9999")
    fill(page, description="x" * 5000)
    page.click("#agents-dialog [type=submit]")

    expect(page.locator("#agents-dialog .ask-error")).not_to_be_empty()
    expect(page.locator("#agents-dialog [name=instructions]")).to_have_value("Kept.")


BODY = """([agent, fields]) => import("/static/js/agent_fields.js").then(({ bodyOf, toolsOf }) =>
    [toolsOf(agent, [{ pluginKey: "now", description: "" }]), bodyOf(agent, fields)])"""


@pytest.mark.parametrize("rule", ["never", "auto"])
def test_what_the_editor_does_not_show_stays(modules: Page, rule: str) -> None:
    agent = {"tools": ["away", "now"], "approval": {"a*": "ask", "away": "ask", "now": rule}}
    tools = [
        {"name": "now", "isTicked": True, "asks": False},
        {"name": "away", "isTicked": True, "asks": False},
    ]
    shown: list[dict[str, Any]]
    body: dict[str, Any]
    shown, body = modules.evaluate(BODY, [agent, {"name": "x", "tools": tools}])

    assert [(each["name"], each["isTicked"], each["asks"]) for each in shown] == [
        ("now", True, False),
        ("away", True, True),
    ]
    assert body == {"name": "x", "tools": ["now", "away"], "approval": {"a*": "ask", "now": rule}}
