"""The status line of a running answer: one line, from what the stream itself says."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.page.asking import answer, ask, assert_transcript, begins_rightly
from tests.support.page.proxy import proxy_to
from tests.support.page.server import SLOW_TOKENS, LegatoServer

STATUS = """async ([fields, now]) => {
    const { statusOf, announcementOf } = await import("/static/js/status.js");
    const { Turn } = await import("/static/js/turn.js");
    const turn = Object.assign(new Turn({}), fields);
    if (!fields.isSilent) turn.take({ sync: true, resumeState: { aggregatedContent: [{}] } });
    return [statusOf(turn, now), announcementOf(turn)];
}"""


@pytest.mark.parametrize(
    ("fields", "text", "action", "announced"),
    [
        ({"connection": "live", "cursor": "j:1:1284"}, "Live · event 1,284", None, "Writing…"),
        (
            {"connection": "reconnecting", "cursor": "j:1:1284", "retry": {"until": 12_400}},
            "Connection lost at event 1,284 · again in 3 s",
            "now",
            "Connection lost. Reconnecting…",
        ),
        (
            {"connection": "reconnecting", "cursor": "j:1:1284", "retry": {"until": 9_000}},
            "Connection lost at event 1,284 · trying again",
            None,
            "Connection lost. Reconnecting…",
        ),
        (
            {"connection": "live", "cursor": "j:1:96", "brought": 96, "backAt": 9_000},
            "Back · the state of now was brought · nothing lost · event 96",
            None,
            "Writing…",
        ),
        (
            {"connection": "login"},
            "Log in to go on reading",
            "login",
            "Log in to go on reading.",
        ),
        (
            {"connection": "queued", "isSilent": True},
            "Waits for the answer before it",
            None,
            "Waiting for the answer before it…",
        ),
        (
            {"connection": "live", "isSilent": True},
            "Waiting for the first word…",
            None,
            "Waiting for the first word…",
        ),
        ({"connection": "live", "stopping": True}, "Stopping…", None, "Stopping…"),
    ],
)
def test_each_state_has_its_line(
    modules: Page, fields: dict[str, object], text: str, action: str | None, announced: str
) -> None:
    line, said = modules.evaluate(STATUS, [fields, 10_000])

    assert (line["text"], line["action"], said) == (text, action, announced)


PACE = """async (times) => {
    const { Pace } = await import("/static/js/pace.js");
    const pace = new Pace();
    pace.asked = 0;
    for (const time of times) pace.note(time);
    const last = times.at(-1);
    return [pace.rate(last), pace.rate(last + 20_000), pace.tokens, pace.summary];
}"""


def test_the_rate_is_that_of_the_last_seconds(modules: Page) -> None:
    now, later, tokens, summary = modules.evaluate(PACE, [1000 + 50 * each for each in range(401)])

    assert now == pytest.approx(20, rel=0.1)
    assert (later, tokens) == (0, 401)
    assert summary == {"wait": 1, "rate": 20}


def test_the_first_moments_have_no_rate(modules: Page) -> None:
    assert modules.evaluate(PACE, [1000, 1100])[0] == 0


def test_a_return_says_what_it_brought(server: LegatoServer, context: BrowserContext) -> None:
    with proxy_to(server.port) as proxy:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{proxy.port}/")
        ask(page, "first")
        expect(answer(page)).to_have_text(begins_rightly(5))
        proxy.cut()

        brought = re.compile(r"^Back · \d+ missed events? brought · nothing lost · .*event \d+$")
        expect(page.locator(".answer .status")).to_have_text(brought)
        assert_transcript(page, "first", SLOW_TOKENS)


def test_messages_that_the_model_does_not_read_are_told_of(page: Page) -> None:
    ask(page, "a long question " * 60, model="quick")
    expect(page.locator("#send")).to_be_visible()
    expect(answer(page)).to_contain_text("w9")

    ask(page, "a short question", model="forgetful")

    expect(page.locator(".dropped")).to_contain_text("did not fit what the model can read")
    expect(page.locator(".about").last).to_contain_text("of the oldest messages left out")
