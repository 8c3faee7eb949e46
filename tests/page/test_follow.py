"""`follow.js`: reconnects by cursor, and knows an ending from a cut."""

from typing import Any

import pytest
from playwright.sync_api import Page

FOLLOW = """async ({ replies, silence = 60_000, leaveAfter = null, ...place }) => {
    const { follow } = await import("/static/js/follow.js");
    const asked = [], frames = [], connection = [], brought = [], seen = [];
    const leaving = new AbortController();
    const encoder = new TextEncoder();
    const stream = (chunks, end, signal) => new ReadableStream({
        start(controller) {
            signal.addEventListener("abort", () => controller.error(signal.reason));
        },
        pull(controller) {
            if (chunks.length > 0) controller.enqueue(encoder.encode(chunks.shift()));
            else if (end === "clean") controller.close();
            else if (end === "error") controller.error(new TypeError("network error"));
        },
    });
    const fetch = async (address, { signal }) => {
        asked.push(address.split("?")[1] ?? "");
        const reply = replies.shift();
        if (reply.refused) throw new TypeError("Failed to fetch");
        const { status, body: said = {} } = reply;
        if (status) return new Response(JSON.stringify(said), { status });
        return new Response(stream(reply.chunks, reply.end, signal));
    };
    const on = {
        frame: (frame) => {
            frames.push(frame.n);
            if (frames.length === leaveAfter) leaving.abort();
        },
        connection: (state) => connection.push(state),
        brought: (count) => brought.push(count),
        seen: (cursor) => seen.push(cursor),
    };
    const options = { on, signal: leaving.signal, fetch, silence, ...place };
    const outcome = await follow("c", options);
    return { outcome, asked, frames, connection, brought, seen };
}"""


def frame(n: int) -> str:
    return f'event: message\ndata: {{"n":{n}}}\nid: j:1:{n}\n\n'


FINAL = 'data: {"final":true,"title":"t"}\nid: j:1:9\n\n'
ENDED = {"kind": "ended", "frame": {"final": True, "title": "t"}}


def followed(page: Page, *replies: dict[str, Any], **options: Any) -> Any:
    return page.evaluate(FOLLOW, {"replies": list(replies), **options})


def test_it_asks_for_a_snapshot_first_and_ends_with_the_terminal_frame(modules: Page) -> None:
    seen = followed(modules, {"chunks": [frame(1), frame(2) + FINAL]})

    assert seen["outcome"] == ENDED
    assert seen["asked"] == ["resume=true"]
    assert seen["frames"] == [1, 2]


@pytest.mark.parametrize("end", ["clean", "error"])
def test_no_clean_eof_counts_as_an_ending(modules: Page, end: str) -> None:
    """A body that ends without a terminal frame was cut, and its cursor is asked for again."""
    cut = {"chunks": [frame(1), frame(2), frame(3)[:20]], "end": end}

    seen = followed(modules, cut, {"chunks": [frame(3), FINAL]})

    assert seen["outcome"] == ENDED
    assert seen["asked"] == ["resume=true", "after=j%3A1%3A2"]
    assert seen["frames"] == [1, 2, 3]
    assert seen["connection"] == ["live", "reconnecting", "live"]


def test_it_begins_where_it_is_told_to(modules: Page) -> None:
    whole = followed(modules, {"chunks": [frame(1) + FINAL]}, beginning=True)
    rest = followed(modules, {"chunks": [frame(3) + FINAL]}, cursor="j:1:2")

    assert whole["asked"] == [""]
    assert rest["asked"] == ["after=j%3A1%3A2"]


def test_it_tells_every_cursor_and_how_much_a_return_brought(modules: Page) -> None:
    cut = {"chunks": [frame(1)], "end": "clean"}

    seen = followed(modules, cut, {"chunks": [frame(2) + frame(3), FINAL]})

    assert seen["brought"] == [2]
    assert seen["seen"] == ["j:1:1", "j:1:2", "j:1:3", "j:1:9"]


RETRIED_NOW = """async () => {
    const { follow } = await import("/static/js/follow.js");
    const told = [];
    const fetch = async () => {
        if (told.length === 0) throw new TypeError("Failed to fetch");
        return new Response("", { status: 404 });
    };
    const connection = (state, retry) => {
        told.push(state);
        if (retry) retry.now();
    };
    Math.random = () => 1e6; // without "now" it would wait for days
    const signal = new AbortController().signal;
    return [await follow("c", { on: { connection }, signal, fetch }), told];
}"""


def test_a_reader_need_not_wait_for_the_next_try(modules: Page) -> None:
    assert modules.evaluate(RETRIED_NOW) == [{"kind": "gone"}, ["reconnecting"]]


def test_a_server_that_cannot_be_reached_or_is_busy_is_asked_again(modules: Page) -> None:
    busy = {"status": 503, "body": {"message": "too many"}}

    seen = followed(modules, {"refused": True}, busy, {"chunks": [FINAL]})

    assert seen["outcome"] == ENDED
    assert len(seen["asked"]) == 3


def test_silence_is_a_cut_and_a_heartbeat_is_not_silence(modules: Page) -> None:
    """45 s without a byte, here 300 ms: the connection is dead although nobody said so."""
    seen = followed(modules, {"chunks": [": hb\n\n"]}, {"chunks": [FINAL]}, silence=300)

    assert seen["outcome"] == ENDED
    assert seen["connection"] == ["live", "reconnecting", "live"]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"status": 404}, {"kind": "gone"}),
        ({"status": 401}, {"kind": "login"}),
        (
            {"status": 403, "body": {"message": "It is another's."}},
            {"kind": "refused", "message": "It is another's."},
        ),
        (
            {"chunks": ['event: error\ndata: {"error":"broke"}\n\n']},
            {"kind": "ended", "error": "broke"},
        ),
    ],
)
def test_refusals_and_errors_are_told_apart(
    modules: Page, reply: dict[str, Any], outcome: dict[str, Any]
) -> None:
    assert followed(modules, reply)["outcome"] == outcome


def test_leaving_ends_the_following_and_nothing_else(modules: Page) -> None:
    seen = followed(modules, {"chunks": [frame(1), frame(2)]}, leaveAfter=2)

    assert seen["outcome"] == {"kind": "left"}
    assert seen["asked"] == ["resume=true"]


def test_pauses_grow_and_are_spread_over_their_whole_range(modules: Page) -> None:
    longest = modules.evaluate(
        """async () => {
            const { pauseBefore } = await import("/static/js/follow.js");
            const range = (attempt) => [0, 1].map((chance) => pauseBefore(attempt, () => chance));
            return [0, 1, 2, 10, 2000].map(range);
        }"""
    )

    assert longest == [[0, 500], [0, 1000], [0, 2000], [0, 30_000], [0, 30_000]]
