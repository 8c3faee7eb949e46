"""Tools that only OpenAI's own servers run: left out of both APIs, and named."""

from typing import Any

import pytest

from tests.support.http.client import Client
from tests.support.openai.asked import PATH, TOOL, ann_asking, asked, refusal
from tests.support.openai.chunks import PATH as COMPLETIONS

FOREIGN: list[dict[str, Any]] = [
    {"type": "web_search"},
    {"type": "namespace", "name": "n", "tools": []},
    {"type": "web_search"},
    {"type": "a\nheader: b"},
    *({"type": f"kind-{number}"} for number in range(20)),
]
HEADER = "x-legato-tools-left-out"
NAMED = "web_search, namespace, ?, " + ", ".join(f"kind-{number}" for number in range(13))
MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("stream", [True, False])
async def test_what_nobody_here_runs_is_named_in_a_header_and_in_the_log(
    asker: Client, capsys: pytest.CaptureFixture[str], stream: bool
) -> None:
    function = {"type": "function", "function": {"name": "f"}}
    completion = {"model": "fast", "messages": MESSAGES, "tools": [*FOREIGN, function]}
    replies = [
        await asker.post(PATH, asked(tools=[*FOREIGN, TOOL], stream=stream)),
        await asker.post(COMPLETIONS, completion | {"stream": stream}),
    ]

    assert [(reply.status, reply.headers[HEADER]) for reply in replies] == [(200, NAMED)] * 2
    assert capsys.readouterr().out.count("tools left out") == 2
    assert HEADER not in (await asker.post(PATH, asked(tools=[TOOL], stream=stream))).headers


async def test_a_model_is_told_nothing_of_tools_where_none_is_left(asker: Client) -> None:
    of_tools: dict[str, Any] = {
        "tools": FOREIGN,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    await asker.post(COMPLETIONS, {"model": "fast", "messages": MESSAGES, "seed": 1} | of_tools)
    await asker.post(PATH, asked(**of_tools))

    runtime = asker.app.runtime
    assert runtime is not None
    model: Any = runtime.models["fast"]
    assert [request.parameters for request in model.asked] == [{"seed": 1}, {}]


async def test_a_house_may_refuse_them() -> None:
    async with ann_asking(unknown_tools="refuse") as ann:
        replies = [
            await ann.post(PATH, asked(tools=[TOOL, *FOREIGN])),
            await ann.post(
                COMPLETIONS,
                {"model": "fast", "messages": MESSAGES, "tools": FOREIGN},
            ),
        ]

    fields = [refusal(reply)[:2] for reply in replies]
    assert fields == [(400, "tools[1].type"), (400, "tools[0].type")]
