"""API keys: made, shown once, and revoked."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.server import LegatoServer


def test_a_key_is_shown_once_works_and_is_revoked(
    page: Page, elsewhere: BrowserContext, server: LegatoServer
) -> None:
    page.click("#open-settings")
    page.click("#open-keys")
    expect(page.locator("#keys-dialog li")).to_have_text("You have no keys.")
    page.fill("#keys-dialog [name=name]", "<b>laptop</b>")
    page.select_option("#keys-dialog [name=days]", "30")
    page.click("#keys-dialog .primary")
    shown = page.locator("#keys-dialog .made code")
    expect(shown).to_have_text(re.compile("^sk-[0-9a-f]{64}$"))
    key = shown.inner_text()
    item = page.locator("#keys-dialog li")
    expect(item).to_contain_text("<b>laptop</b>")
    expect(item).to_contain_text(re.compile(rf"{key[:8]}….*never used.*until"))
    headers = {"Authorization": f"Bearer {key}"}
    assert elsewhere.request.get(f"{server.url}/v1/models", headers=headers).ok

    page.click("#keys-dialog [value=close]")
    page.click("#open-keys")
    expect(item).to_have_count(1)
    expect(page.locator("#keys-dialog .made")).to_be_hidden()
    assert key not in page.content()
    page.get_by_role("button", name="Revoke").click()
    page.click("#confirm .danger")

    expect(item).to_have_text("You have no keys.")
    assert elsewhere.request.get(f"{server.url}/v1/models", headers=headers).status == 401


def test_why_no_key_was_made_is_said(page: Page) -> None:
    page.click("#open-settings")
    page.click("#open-keys")
    page.fill("#keys-dialog [name=name]", "a\u200bb")
    page.keyboard.press("Enter")

    expect(page.locator("#keys-dialog .ask-error")).to_contain_text("printable characters")
    expect(page.locator("#keys-dialog .made")).to_be_hidden()
