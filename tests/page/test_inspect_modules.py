"""What the page of jobs computes: times, commands, moments, and a verdict that can be no."""

import math
import shlex
from typing import Any

import pytest
from playwright.sync_api import Page

TIMES = """async ([times, seqs]) => {
    const { EventTimes, scheduleOf } = await import("/static/js/inspect/event_times.js");
    const known = new EventTimes(times);
    const { offsets, isShortened } = scheduleOf(seqs.map((seq) => ({ seq })), known);
    return { at: seqs.map((seq) => known.at(seq)), trust: known.trust, offsets, isShortened };
}"""


def test_events_of_one_moment_are_spread_over_it(modules: Page) -> None:
    times = {"moments": [[1000, 2], [1100, 3], [9000, 4]], "resolution": 100, "unknown": 0}

    told = modules.evaluate(TIMES, [times, [1, 2, 3, 4, 5]])

    assert told["at"] == [1000, 1050, 1100, 9000, None]
    assert told["trust"] == "known"
    assert told["offsets"] == [0, 50, 100, 5100, 5150]
    assert told["isShortened"] is True


def test_events_without_a_time_are_played_evenly_and_said_to_be(modules: Page) -> None:
    times = {"moments": [[1000, 4]], "resolution": 100, "unknown": 2}

    partly = modules.evaluate(TIMES, [times, [1, 2, 3, 4]])
    unknown = modules.evaluate(TIMES, [None, [1, 2, 5]])

    assert (partly["at"], partly["trust"]) == ([None, None, 1000, 1050], "partly")
    assert partly["offsets"] == [0, 50, 100, 150]
    assert (unknown["at"], unknown["trust"]) == ([None, None, None], "unknown")
    assert unknown["offsets"] == [0, 50, 100]
    assert not unknown["isShortened"]


CURL = """async (given) => {
    const { curlOf } = await import("/static/js/inspect/curl.js");
    return curlOf(...given);
}"""


@pytest.mark.parametrize("user", ["ann", "-x", "a b", "o'hara; rm -rf $HOME `id`"])
def test_a_command_has_each_value_as_one_word(modules: Page, user: str) -> None:
    address = "http://127.0.0.1:1/api/agents/chat/stream/J"

    said = modules.evaluate(CURL, [address, "J:1:7", user])
    first, second = said.split("\n", 1)

    assert shlex.split(first.removeprefix("TOKEN=$(").removesuffix(")")) == [
        *("legato", "token", f"--user={user}")
    ]
    assert shlex.split(second)[-1] == f"{address}?after=J:1:7"


def test_from_the_beginning_a_command_has_no_cursor(modules: Page) -> None:
    assert modules.evaluate(CURL, ["http://h/s", "", "ann"]).endswith(" 'http://h/s'")


PLAYBACK = """async ([count, offsets, rate]) => {
    const { Playback } = await import("/static/js/inspect/playback.js");
    const shown = [];
    const began = performance.now();
    await new Promise((resolve) => {
        new Playback((each) => shown.push(each), resolve).play(count, offsets, rate);
    });
    return { shown, took: performance.now() - began };
}"""


def test_a_playback_takes_its_time_divided_by_the_rate(modules: Page) -> None:
    offsets = [100 * place for place in range(9)]

    whole = modules.evaluate(PLAYBACK, [0, offsets, 4])
    rest = modules.evaluate(PLAYBACK, [5, offsets, 4])

    assert whole["shown"] == sorted(whole["shown"])
    assert whole["shown"][-1] == rest["shown"][-1] == 9
    frame = 17  # ms that the first frame may have begun before
    assert whole["took"] >= 200 - frame
    assert 100 - frame <= rest["took"] < whole["took"]


def test_as_fast_as_it_goes_is_seen_and_leaves_nothing_out(modules: Page) -> None:
    told = modules.evaluate(PLAYBACK, [0, [1000 * place for place in range(500)], math.inf])

    assert told["shown"][-1] == 500
    assert len(told["shown"]) >= 80
    assert told["took"] < 100_000


MOMENTS = """async ([job, frames, times, first = 1]) => {
    const { momentsOf } = await import("/static/js/inspect/moments.js");
    const { EventTimes } = await import("/static/js/inspect/event_times.js");
    const events = frames.map((frame, place) => ({ seq: place + first, name: "message", frame }));
    const moments = momentsOf(job, events, new EventTimes(times));
    return moments.map(({ kind, text, seq }) => [kind, text, seq]);
}"""

JOB = {
    "createdAt": 1000,
    "askedAt": 1150,
    "firstWordAt": 1250,
    "endedAt": 1400,
    "status": "complete",
}
CALL = {"name": "search"}


def test_the_moments_of_a_job_stand_in_their_order(modules: Page) -> None:
    frames = [
        {"created": True},
        {"event": "on_message_delta", "data": {}},
        {"event": "on_run_step", "data": {"stepDetails": {"tool_calls": [CALL]}}},
        {"event": "on_run_step_completed", "data": {"result": {"tool_call": CALL}}},
        {"event": "on_steer_updated", "data": {"status": "pending"}},
        {"event": "on_steer_applied", "data": {}},
        {"final": True, "aborted": True, "unsaved": True},
    ]
    times = {"moments": [[1100, 1], [1250, 2], [1300, 6], [1400, 7]], "resolution": 100}

    assert modules.evaluate(MOMENTS, [JOB, frames, times | {"unknown": 0}]) == [
        ["start", "Started", None],
        ["stored", "The question is stored", 1],
        ["asked", "The model was asked", None],
        ["word", "First word", None],
        ["tool", "Tool called: search", 3],
        ["tool", "Tool answered: search", 4],
        ["steer", "Words for this answer came", 5],
        ["steer", "The model read the words", 6],
        ["stop", "Stopped · not stored", 7],
    ]


def test_a_turn_that_waited_says_since_when(modules: Page) -> None:
    times = {"moments": [[1010, 1], [1130, 2]], "resolution": 100, "unknown": 0}

    told = modules.evaluate(MOMENTS, [JOB, [{"created": True}], times, 2])

    assert [text for _, text, _ in told] == [
        *("Started", "Began to wait in the queue", "The question is stored"),
        *("The model was asked", "First word", "Complete"),
    ]


def test_a_job_whose_words_are_not_shown_has_the_servers_moments(modules: Page) -> None:
    told = modules.evaluate(MOMENTS, [JOB, [], None])

    assert [text for _, text, _ in told] == [
        *("Started", "The model was asked", "First word", "Complete")
    ]


WAITS = """async ([moments, job]) => {
    const { waitsOf } = await import("/static/js/inspect/moments.js");
    return waitsOf(moments, job).map(({ from, to }) => [from, to]);
}"""


def test_a_job_waits_while_any_ask_is_open(modules: Page) -> None:
    opens = [(100, 1), (150, 1), (200, -1), (250, 0), (300, -1), (None, 1), (None, -1), (500, 1)]

    moments = [{"at": at, "opens": each} for at, each in opens]
    waits = modules.evaluate(WAITS, [moments, {"stage": "asking"}])

    assert waits == [[100, 300], [500, None]]


@pytest.mark.parametrize("stage", ["asking", "parked"])
def test_a_job_waits_though_nobody_says_since_when(modules: Page, stage: str) -> None:
    job = {"stage": stage, "createdAt": 10, "askedAt": None, "firstWordAt": None}
    jobs = [job, job | {"askedAt": 20}, job | {"askedAt": 20, "firstWordAt": 30}]
    answered = [{"at": 40, "opens": 1}, {"at": 50, "opens": -1}]

    assert [modules.evaluate(WAITS, [[], each])[0][0] for each in jobs] == [10, 20, 30]
    assert modules.evaluate(WAITS, [answered, job]) == [[40, 50], [50, None]]
    assert modules.evaluate(WAITS, [[], job | {"stage": "answering"}]) == []


PROVE = """async ({ lie = null, count = 60, seed = 1 }) => {
    const { Proof } = await import("/static/js/inspect/proof.js");
    let state = seed;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const delta = (n) => ({ event: "on_message_delta",
        data: { id: "s", delta: { content: [{ type: "text", text: `w${n} ` }] } } });
    const body = (n) => n === 1 ? { created: true }
        : n === 2 ? { event: "on_run_step", data: { id: "s", index: 0 } }
        : n === count ? { final: true } : delta(n);
    const frame = (n) => `event: message\\ndata: ${JSON.stringify(body(n))}\\nid: j:1:${n}\\n\\n`;
    const numbers = (after) => [...Array(count + 1).keys()].slice(after + 1);
    const two = (one, other) => frame(one) + frame(other);
    const lies = {
        none: (text) => text,
        drops: (text, after) => text.replace(frame(after + 1), ""),
        doubles: (text, after) => frame(after) + text,
        alters: (text, after) => text.replace(`w${after + 2} `, "w "),
        swaps: (text, after) => text.replace(two(after + 1, after + 2), two(after + 2, after + 1)),
        ends: (text, after) => `event: message\\ndata: {"final":true}\\nid: j:1:${after + 1}\\n\\n`,
    };
    const asked = [];
    const fetch = async (address) => {
        const cursor = new URL(address, "http://h").searchParams.get("after");
        asked.push(cursor);
        const after = cursor ? Number(cursor.split(":")[2]) : 0;
        if (after === count) return new Response(null, { status: 204 });
        const text = numbers(after).map(frame).join("");
        const isLie = after > 10 && after < count - 5;
        return new Response(isLie ? lies[lie ?? "none"](text, after) : text);
    };
    const proof = new Proof("j", 0, () => {});
    proof.mean = 300;
    const verdict = await proof.run({ fetch, random });
    return { verdict, cuts: proof.cut.cuts, throughCuts: proof.through.cuts, asked };
}"""


GONE = 'return new Response("", { status: 404 }); return (isLie'


def prove(page: Page, **options: Any) -> Any:
    return page.evaluate(PROVE, options)


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_two_readers_of_an_honest_server_are_equal(modules: Page, seed: int) -> None:
    told = prove(modules, seed=seed)

    assert told["verdict"]["isEqual"], told
    assert "the same 60 events" in told["verdict"]["text"]
    assert told["cuts"] >= 5
    assert f"cut {told['cuts']} times, the other never" in told["verdict"]["text"]
    assert len(told["asked"]) == told["cuts"] + 2


@pytest.mark.parametrize("lie", ["drops", "doubles", "alters", "swaps", "ends"])
def test_a_server_that_lies_to_the_cut_reader_is_found_out(modules: Page, lie: str) -> None:
    told = prove(modules, lie=lie)

    assert not told["verdict"]["isEqual"], told
    assert told["verdict"]["text"].startswith("Different: ")


def test_without_a_log_there_is_nothing_to_compare(modules: Page) -> None:
    gone = PROVE.replace("return new Response(isLie", GONE)

    told = modules.evaluate(gone, {})

    assert not told["verdict"]["isEqual"]
    assert told["verdict"]["text"].startswith("Nothing to compare")
