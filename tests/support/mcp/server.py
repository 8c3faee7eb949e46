"""An MCP server that hangs, floods, dies and asks for input, and counts how often it was called.

    python server.py COUNTS               speaks through standard input and output
    python server.py COUNTS PORT          streamable HTTP; prints its port, which 0 chooses

`COUNTS`: a file that gets a line with the tool's name for each call, before anything else, and a
line `cancelled <tool>` for each call that was told to stop.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import anyio
import mcp_types as types
import uvicorn
from mcp import MCPError
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged

COUNTS: Final = Path(sys.argv[1])
CHANGES: Final = InMemorySubscriptionBus()
TEXT: Final = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NOTHING: Final = {"type": "object", "properties": {}}
READS: Final = types.ToolAnnotations(read_only_hint=True)

TOOLS: Final = {
    "echo": types.Tool(name="echo", description="Says it again.", input_schema=TEXT),
    "hang": types.Tool(name="hang", input_schema=NOTHING),
    "flood": types.Tool(name="flood", input_schema=NOTHING, annotations=READS),
    "long": types.Tool(name="long", input_schema=NOTHING, annotations=READS),
    "die": types.Tool(name="die", input_schema=NOTHING),
    "die_once": types.Tool(name="die_once", input_schema=NOTHING, annotations=READS),
    "ask": types.Tool(name="ask", input_schema=NOTHING),
    "fail": types.Tool(name="fail", input_schema=NOTHING),
    "picture": types.Tool(name="picture", input_schema=NOTHING),
    "more": types.Tool(name="more", input_schema=NOTHING),
    "constructor": types.Tool(name="constructor", input_schema=NOTHING),
    "__proto__": types.Tool(name="__proto__", input_schema=NOTHING),
    "task": types.Tool(name="task", input_schema=TEXT),
    "write": types.Tool(name="write", input_schema=TEXT),
    "read": types.Tool(name="read", input_schema=TEXT, annotations=READS),
    "a.b": types.Tool(name="a.b", input_schema=NOTHING),
    "far": types.Tool(name="far", input_schema={"type": "object", "$ref": "http://192.0.2.1/x"}),
}


def note(line: str) -> None:
    with COUNTS.open("a") as file:
        file.write(f"{line}\n")


def said(text: str, *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=is_error)


async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=list(TOOLS.values()))


async def call_tool(
    _context: Any, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult | dict[str, Any]:
    note(params.name)
    match params.name:
        case "echo":
            return said((params.arguments or {})["text"])
        case "constructor" | "__proto__":
            return said("built")
        case "task":
            return begun_task((params.arguments or {})["text"])
        case "write" | "read":
            return await slowly((params.arguments or {})["text"], params.name)
        case "hang":
            try:
                await anyio.sleep(600)
            except anyio.get_cancelled_exc_class():
                note("cancelled hang")
                raise
        case "flood":
            return said("x" * 10_000_000)
        case "long":
            return said("ü" * 100_000)
        case "die":
            os._exit(1)
        case "die_once" if COUNTS.read_text().count("die_once") == 1:
            os._exit(1)
        case "die_once":
            return said("alive")
        case "ask":
            return asked(params)
        case "fail":
            return said("no such file", is_error=True)
        case "picture":
            return types.CallToolResult(
                content=[types.ImageContent(data="AAAA", mime_type="image/png")]
            )
        case "more":
            TOOLS["late"] = types.Tool(name="late", input_schema=NOTHING)
            await CHANGES.publish(ToolsListChanged())
            return said("there are more")
    raise ValueError(params.name)


async def slowly(text: str, tool: str) -> types.CallToolResult:
    """Take long enough that a kill may come in the middle; tell the calls apart by their text."""
    note(f"{tool} {text}")
    await anyio.sleep(0.15)
    return said(text)


def asked(params: types.CallToolRequestParams) -> types.CallToolResult | types.InputRequiredResult:
    if params.input_responses:
        answer = params.input_responses["name"]
        assert isinstance(answer, types.ElicitResult)
        return said(f"Hello {(answer.content or {})['name']}, {params.request_state}")
    form = {"type": "object", "properties": {"name": {"type": "string"}}}
    question = types.ElicitRequestFormParams(message="Your name?", requested_schema=form)
    request = types.ElicitRequest(params=question)
    return types.InputRequiredResult(input_requests={"name": request}, request_state="state")


class TaskParams(types.RequestParams):
    task_id: str
    input_responses: dict[str, Any] | None = None


ANSWERS: Final[dict[str, Any]] = {}  # to the questions of tasks, by their ids


def begun_task(kind: str) -> dict[str, Any]:
    """The name of a task decides the outcome: see `get_task`."""
    return {"resultType": "task", **described(f"{kind}-1", "working")}


def described(task_id: str, status: str, **more: object) -> dict[str, Any]:
    times = {"createdAt": "2026-07-28T00:00:00Z", "lastUpdatedAt": "2026-07-28T00:00:00Z"}
    interval = {"ttlMs": 1000 if task_id.startswith("short") else None, "pollIntervalMs": 50}
    return {"taskId": task_id, "status": status, **times, **interval, **more}


async def get_task(_context: Any, params: TaskParams) -> dict[str, Any]:
    """A task works until the file of counts has a line `finish`."""
    task_id, (kind, _, _) = params.task_id, params.task_id.partition("-")
    note(f"poll {task_id}")
    result = {"content": [{"type": "text", "text": f"{kind} is done"}]}
    form = {"message": "Your name?", "mode": "form", "requestedSchema": {"type": "object"}}
    match kind:
        case "lost":
            raise MCPError(types.INVALID_PARAMS, "there is no such task")
        case "fails":
            error = {"code": -32603, "message": "out of paper"}
            return described(task_id, "failed", error=error)
        case "cancelled":
            return described(task_id, "cancelled", statusMessage="somebody else did")
        case "asks" if task_id not in ANSWERS:
            asked = {"name": {"method": "elicitation/create", "params": form}}
            return described(task_id, "input_required", inputRequests=asked)
        case "asks":
            found = f"Hello {ANSWERS[task_id]['name']['content']['name']}"
            result = {"content": [{"type": "text", "text": found}]}
            return described(task_id, "completed", result=result)
        case _ if "finish" in COUNTS.read_text().splitlines():
            return described(task_id, "completed", result=result)
    return described(task_id, "working")


async def update_task(_context: Any, params: TaskParams) -> dict[str, Any]:
    ANSWERS[params.task_id] = params.input_responses
    return {}


async def cancel_task(_context: Any, params: TaskParams) -> dict[str, Any]:
    note(f"cancel {params.task_id}")
    return {}


def server() -> Server[Any]:
    odd: Server[Any] = Server(
        "odd",
        on_list_tools=list_tools,
        on_call_tool=call_tool,  # type: ignore[arg-type]  # the extension's results are mappings
        on_subscriptions_listen=ListenHandler(CHANGES),
    )
    odd.add_request_handler("tasks/get", TaskParams, get_task)
    odd.add_request_handler("tasks/update", TaskParams, update_task)
    odd.add_request_handler("tasks/cancel", TaskParams, cancel_task)
    return odd


async def speak_through_pipes() -> None:
    print("ready when you are", file=sys.stderr)
    async with stdio_server() as (incoming, outgoing):
        odd = server()
        options = odd.create_initialization_options(NotificationOptions(tools_changed=True))
        await odd.run(incoming, outgoing, options)


def serve(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), reuse_port=True)
    print(listener.getsockname()[1], flush=True)
    app = server().streamable_http_app(json_response="--json" in sys.argv)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[2].isdecimal():
        serve(int(sys.argv[2]))
    else:
        if "--with-child" in sys.argv:
            note(f"child {subprocess.Popen(['sleep', '600']).pid}")
        if "--slow" in sys.argv:
            time.sleep(1.5)
        if "--greets" in sys.argv:
            print("Welcome to the odd server!", "and more" * 200_000, sep="\n", flush=True)
        if "--shouts" in sys.argv:
            print("shout\n" * 100_000, file=sys.stderr)
        anyio.run(speak_through_pipes)
