"""`fold.js`: frames to content parts, from the start or from any snapshot."""

from typing import Any

from playwright.sync_api import Page

FOLD = """async (frames) => {
    const { Fold } = await import("/static/js/fold.js");
    const fold = new Fold();
    const changed = frames.map((frame) => fold.apply(frame));
    return { parts: fold.parts, changed };
}"""

RESUMED_ANYWHERE = """async (frames) => {
    const { Fold } = await import("/static/js/fold.js");
    return [...frames.keys(), frames.length].map((cut) => {
        const before = new Fold();
        const head = frames.slice(0, cut);
        const runSteps = head.filter((f) => f.event === "on_run_step").map((f) => f.data);
        head.forEach((frame) => before.apply(frame));
        const snapshot = JSON.parse(JSON.stringify({ runSteps, aggregatedContent: before.parts }));
        const after = new Fold();
        after.apply({ event: "on_run_step", data: { id: "an older generation's", index: 7 } });
        after.replace(snapshot);
        frames.slice(cut).forEach((frame) => after.apply(frame));
        return after.parts;
    });
}"""


def step(index: int, call: dict[str, Any] | None = None) -> dict[str, Any]:
    kind = "tool_calls" if call else "message_creation"
    details: dict[str, Any] = {"type": kind} | ({"tool_calls": [call]} if call else {})
    data = {"id": f"s{index}", "runId": "r", "type": kind, "index": index, "stepDetails": details}
    return {"event": "on_run_step", "data": data}


def text(index: int, words: str) -> dict[str, Any]:
    delta = {"content": [{"type": "text", "text": words}]}
    return {"event": "on_message_delta", "data": {"id": f"s{index}", "delta": delta}}


def think(index: int, words: str) -> dict[str, Any]:
    delta = {"content": [{"type": "think", "think": words}]}
    return {"event": "on_reasoning_delta", "data": {"id": f"s{index}", "delta": delta}}


def args(index: int, piece: str) -> dict[str, Any]:
    chunk = {"args": piece, "index": 0, "type": "tool_call_chunk"}
    delta = {"type": "tool_calls", "tool_calls": [chunk]}
    return {"event": "on_run_step_delta", "data": {"id": f"s{index}", "delta": delta}}


CALL = {"type": "tool_call", "id": "c", "name": "search", "args": ""}
DONE = CALL | {"args": '{"q":1}', "output": "found", "progress": 1}
FRAMES = [
    step(0),
    think(0, "Let me "),
    think(0, "see."),
    step(1, CALL),
    args(1, '{"q"'),
    args(1, ":1}"),
    {
        "event": "on_run_step_completed",
        "data": {"result": {"id": "s1", "index": 9, "type": "tool_call", "tool_call": DONE}},
    },
    step(2),
    text(2, "It "),
    text(2, "is."),
]
PARTS = [
    {"type": "think", "think": "Let me see."},
    {"type": "tool_call", "tool_call": DONE},
    {"type": "text", "text": "It is."},
]


def test_text_reasoning_and_arguments_accumulate_at_their_steps(modules: Page) -> None:
    folded = modules.evaluate(FOLD, FRAMES)

    assert folded == {"parts": PARTS, "changed": [-1, 0, 0, 1, 1, 1, 1, -1, 2, 2]}


def test_a_snapshot_and_its_tail_give_what_the_whole_gives(modules: Page) -> None:
    folded = modules.evaluate(RESUMED_ANYWHERE, FRAMES)

    assert folded == [PARTS] * (len(FRAMES) + 1)


def test_half_of_the_arguments_are_shown_before_the_call_is_complete(modules: Page) -> None:
    folded = modules.evaluate(FOLD, FRAMES[:5])

    assert folded["parts"][1]["tool_call"]["args"] == '{"q"'


def test_placeholder_arguments_do_not_stand_before_the_real_ones(modules: Page) -> None:
    """Some servers open a call with `{}` and then send its arguments as text."""
    folded = modules.evaluate(FOLD, [step(0, CALL | {"args": {}}), args(0, '{"a":2}')])

    assert folded["parts"][0]["tool_call"]["args"] == '{"a":2}'


def test_a_delta_of_another_kind_does_not_overwrite_a_part(modules: Page) -> None:
    folded = modules.evaluate(FOLD, [step(0), text(0, "kept"), think(0, "lost"), text(5, "x")])

    assert folded["parts"] == [{"type": "text", "text": "kept"}]


def test_an_agent_that_goes_on_has_a_place_of_its_own(modules: Page) -> None:
    update = {"index": 1, "runId": "r", "agentId": "poet"}
    part = {"type": "agent_update", "agent_update": update}
    frames = [
        step(0),
        text(0, "Over."),
        {"event": "on_agent_update", "data": part},
        step(2),
        text(2, "La."),
    ]
    folded = modules.evaluate(FOLD, frames)

    assert folded["parts"][1] == part
    assert folded["parts"][2] == {"type": "text", "text": "La."}
