"""Logging in and out with a real browser, which has its own ideas of cookies and origins."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.page.conftest import Complaints
from tests.support.page.server import MODELS, LegatoServer, running_server

BASE = "/llm"


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LegatoServer]:
    """A server for which a proxy has a path, which that leaves in the address."""
    folder = tmp_path_factory.mktemp("below")
    with running_server(folder, settings=MODELS, LEGATO_BASE_PATH=BASE) as server:
        yield server


@pytest.fixture
def anew(browser: Browser) -> Iterator[Page]:
    """A browser that nobody has used."""
    context = browser.new_context()
    complaints = Complaints(context)
    yield context.new_page()
    context.close()
    assert complaints.found == []


def log_in(page: Page, token: str) -> None:
    page.fill("#login input[name=token]", token)
    page.click("#login button")


def assert_logged_in(page: Page) -> None:
    expect(page.locator("#composer")).to_be_visible()
    expect(page.locator("#model option").first).to_be_attached()


def test_a_token_is_given_to_the_page_and_the_button_ends_the_session(
    anew: Page, server: LegatoServer, user: str
) -> None:
    anew.goto(f"{server.url}/")
    log_in(anew, server.token(user))
    assert_logged_in(anew)
    assert anew.url == f"{server.url}/"
    [cookie] = anew.context.cookies()
    other = anew.context.new_page()
    other.goto(f"{server.url}/")
    assert_logged_in(other)

    anew.click("#log-out")

    expect(anew.locator("#login")).to_be_visible()
    expect(anew.locator("#log-out")).to_be_hidden()
    assert anew.context.cookies() == []
    expect(other.locator("#login")).to_be_visible(timeout=5_000)  # no notice is waited for
    name, value = cookie["name"], cookie["value"]
    anew.context.add_cookies([{"name": name, "value": value, "url": server.url}])
    anew.reload()
    expect(anew.locator("#login")).to_be_visible()


def test_a_token_that_is_not_good_is_refused_in_words(anew: Page, server: LegatoServer) -> None:
    anew.goto(f"{server.url}/")
    log_in(anew, "something else")
    expect(anew.get_by_role("alert")).to_contain_text("This login link is not valid")

    log_in(anew, server.token("ann")[:-4] + "AAAA")
    expect(anew.get_by_role("alert")).to_contain_text("signature is not good here")

    log_in(anew, server.token("ann"))
    assert_logged_in(anew)


def test_a_link_that_a_person_opens_logs_in_at_once(
    anew: Page, server: LegatoServer, user: str
) -> None:
    anew.goto(f"{server.url}/login?token={server.token(user)}")

    assert anew.url == f"{server.url}/"
    assert_logged_in(anew)


def test_a_link_of_another_site_logs_nobody_in_unasked(
    strangers: BrowserContext, server: LegatoServer
) -> None:
    page = strangers.new_page()
    page.goto(f"http://localhost:{server.port}/healthz")  # another site than 127.0.0.1
    link = f"{server.url}/login?token={server.token('eve')}"
    page.evaluate("link => { location.href = link }", link)

    expect(page.get_by_role("alert")).to_contain_text("This link logs you in as eve.")
    assert strangers.cookies() == []
    page.click("#login button")
    page.wait_for_url(f"{server.url}/")
    assert_logged_in(page)


def test_a_session_is_replaced_by_another_users_only_if_that_is_meant(
    page: Page, context: BrowserContext, server: LegatoServer, user: str
) -> None:
    [before] = context.cookies()
    page.goto(f"{server.url}/login?token={server.token('eve')}")
    question = f"You are logged in as {user}. Do you want to be eve instead?"
    expect(page.get_by_role("alert")).to_contain_text(question)
    page.click(f"text=Stay logged in as {user}")
    assert_logged_in(page)
    assert context.cookies() == [before]

    page.goto(f"{server.url}/login?token={server.token('eve')}")
    page.click("text=Log in as eve")
    page.wait_for_url(f"{server.url}/")
    assert_logged_in(page)
    assert context.cookies() != [before]


def test_all_of_the_page_works_below_a_path(anew: Page, below: LegatoServer, user: str) -> None:
    home = f"{below.url}{BASE}/"
    anew.goto(home)
    log_in(anew, below.token(user))
    assert_logged_in(anew)
    assert anew.url == home
    assert [cookie["path"] for cookie in anew.context.cookies()] == [f"{BASE}/"]

    anew.select_option("#model", "quick")
    anew.fill("#text", "Count for me, please")
    anew.keyboard.press("Enter")
    answer = anew.locator("article.answer .parts").last
    expect(answer).to_contain_text("w9")
    expect(anew).to_have_url(re.compile(f"{re.escape(home)}c/[0-9a-f-]{{36}}$"))
    conversation = anew.url
    anew.reload()
    expect(answer).to_contain_text("w9")
    expect(anew.locator("#second-tab")).to_have_attribute("href", conversation[len(below.url) :])
    item = anew.locator("#conversations a").first
    expect(item).to_have_attribute("href", conversation[len(below.url) :])

    anew.click("#new-chat")
    expect(anew).to_have_url(home)
    anew.goto(f"{below.url}{BASE}/docs")
    expect(anew.locator("#api .info .title")).to_contain_text("Legato")
    expect(anew.locator("#api .servers option")).to_have_text(BASE)
    anew.goto(home)
    anew.click("#log-out")
    expect(anew.locator("#login")).to_be_visible()
    assert anew.url == home
