"""Logging in at an identity provider with a real browser, which has its own ideas of cookies."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.page.conftest import Complaints
from tests.support.http.oidc import CLIENT, CLIENT_SECRET, OidcProvider, running_provider
from tests.support.page.asking import answer, ask, assert_transcript, begins_rightly
from tests.support.page.axe import findings, look
from tests.support.page.proxy import proxy_to
from tests.support.page.server import MODELS, SLOW_TOKENS, LegatoServer, running_server

TABLE = """
[oidc]
issuer = "{url}"
client_id = "{client}"
client_secret_env = "OIDC_SECRET"
name = "Example"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with running_provider("localhost") as provider:
        provider.asks = True
        yield provider


@pytest.fixture(scope="module")
def oidc_server(
    provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LegatoServer]:
    more = TABLE.format(url=provider.url, client=CLIENT)
    folder = tmp_path_factory.mktemp("oidc")
    with running_server(folder, settings=MODELS, more=more, OIDC_SECRET=CLIENT_SECRET) as server:
        yield server


@pytest.fixture
def anew(browser: Browser, provider: OidcProvider) -> Iterator[BrowserContext]:
    """A browser that nobody has used."""
    context = browser.new_context()
    complaints = Complaints(context)
    yield context
    context.close()
    elsewhere = [each for each in complaints.found if not each.startswith(f"asked {provider.url}")]
    assert elsewhere == []


def log_in_as_ann(page: Page) -> None:
    page.get_by_role("link", name="Log in with Example").click()
    page.get_by_role("link", name="As ann").click()


def assert_logged_in(page: Page) -> None:
    expect(page.locator("#composer")).to_be_visible()
    expect(page.locator("#model option").first).to_be_attached()


def test_a_login_at_the_provider_leads_back_to_the_conversation_that_was_wanted(
    anew: BrowserContext, oidc_server: LegatoServer
) -> None:
    page = anew.new_page()
    wanted = f"{oidc_server.url}/c/{uuid4()}"
    page.goto(wanted)
    log_in_as_ann(page)

    assert_logged_in(page)
    assert page.url == wanted
    assert [cookie["name"] for cookie in anew.cookies()] == ["legato_session"]


def test_a_person_who_declines_reads_so_and_may_log_in_again(
    anew: BrowserContext, oidc_server: LegatoServer
) -> None:
    page = anew.new_page()
    page.goto(f"{oidc_server.url}/")
    page.get_by_role("link", name="Log in with Example").click()
    page.get_by_role("link", name="Decline").click()

    expect(page.get_by_role("alert")).to_contain_text("Example: the login was declined")
    assert anew.cookies() == []
    log_in_as_ann(page)
    assert_logged_in(page)


def test_axe_finds_nothing_where_people_log_in(
    anew: BrowserContext, oidc_server: LegatoServer
) -> None:
    page = anew.new_page()
    look(page, 390)
    found = {}
    for path in ("/", "/login?token=x", "/nowhere"):
        page.goto(f"{oidc_server.url}{path}")
        expect(page.get_by_role("link").last).to_be_visible()
        found[path] = findings(page)

    assert found == {path: [] for path in found}


def test_a_session_is_replaced_by_the_providers_user_only_if_that_is_meant(
    anew: BrowserContext, oidc_server: LegatoServer
) -> None:
    name, value = oidc_server.cookie("bob")
    anew.add_cookies([{"name": name, "value": value, "url": oidc_server.url, "sameSite": "Strict"}])
    page = anew.new_page()
    page.goto(f"{oidc_server.url}/login?token=x.y.z")  # bob is logged in, and sees the page
    assert_logged_in(page)
    page.goto(f"{oidc_server.url}/login/oidc")
    page.get_by_role("link", name="As ann").click()

    question = "You are logged in as bob. Do you want to be ann instead?"
    expect(page.get_by_role("alert")).to_contain_text(question)
    [before] = anew.cookies()
    assert before["value"] == value
    page.get_by_role("button", name="Log in as ann").click()
    assert_logged_in(page)
    [after] = anew.cookies()
    assert after["value"] != value


def test_a_session_that_ends_in_mid_answer_goes_on_after_a_login_at_the_provider(
    anew: BrowserContext, oidc_server: LegatoServer
) -> None:
    with proxy_to(oidc_server.port) as proxy:
        page = anew.new_page()
        page.goto(f"http://127.0.0.1:{proxy.port}/")
        log_in_as_ann(page)
        ask(page, "first")
        expect(answer(page)).to_have_text(begins_rightly(10))
        page.fill("#text", "a draft")
        anew.clear_cookies()
        proxy.cut()

        dialog = page.locator("dialog[open] #login")
        expect(dialog).to_be_visible()
        log_in_as_ann(page)

        assert_transcript(page, "first", SLOW_TOKENS)
        assert page.input_value("#text") == "a draft"
