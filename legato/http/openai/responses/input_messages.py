"""Items of the Responses API as the messages that a model reads."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import json

from legato.agents.definition import unlabelled
from legato.agents.messages import NO_RESULT
from legato.dialects.response_object import output_of
from legato.http.errors import InvalidField
from legato.http.openai.responses.inputs import REMOVED
from legato.http.openai.responses.sealing import Unsealable
from legato.models.contract import ChatMessage
from legato.storage.contracts.responses import StoredResponse

Item = Mapping[str, Any]
MessageRole = Literal["system", "user", "assistant", "tool"]
Unseal = Callable[[str], str]
"""Raises Unsealable."""

SUMMARY: Final = "What was said before, in short:\n\n"

PASSED: Final = "The user said something else, and the call was not made."

_ROLES: Final[Mapping[str, MessageRole]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


def items_before(responses: Sequence[StoredResponse]) -> list[Item]:
    """The input and output items of `responses`, in order; instructions are not inherited."""
    items: list[Item] = []
    for response in responses:
        for item in (*response.items, *outputs_of(response)):
            if item["type"] == REMOVED:
                items = [each for each in items if each["id"] != item["id"]]
            else:
                items.append(item)
    return items


def outputs_of(response: StoredResponse) -> Sequence[Item]:
    answer = response.ending.response if response.ending else None
    content = answer.content if answer else ()
    return output_of(response.created, content or (), response.ending)


def messages_of(
    items: Iterable[Item], unseal: Unseal, passed: Container[str] = ()
) -> list[ChatMessage]:
    """Items as messages.  `passed`: the requests for leave on which nobody decided.

    Neighbouring calls are one message, together with the assistant's text just before the calls,
    and with the thoughts before the text.  Results come directly behind the message with their
    calls: items may have a user's words between, and providers refuse such messages.

    Raises:
        InvalidField: for a summary that was not sealed here, for this user.
    """
    messages: list[ChatMessage] = []
    thoughts = ""
    for item in items:
        before, thoughts = thoughts, ""
        match item["type"]:
            case "function_call" | "custom_tool_call":
                _add_call(messages, item, before)
            case "function_call_output" | "custom_tool_call_output":
                named = {"tool_call_id": item["call_id"]}
                messages.append(ChatMessage("tool", _content(item["output"]), named))
            case "mcp_call":
                _add_call(messages, item, before)
                named = {"tool_call_id": item["id"]}
                messages.append(ChatMessage("tool", _result(item), named))
            case "mcp_approval_request" if item["id"] in passed:
                _add_call(messages, item, before)
                messages.append(ChatMessage("tool", PASSED, {"tool_call_id": item["id"]}))
            case "mcp_list_tools" | "mcp_approval_request" | "mcp_approval_response":
                thoughts = before
            case "message":
                role = _ROLES[item["role"]]
                said = before if role == "assistant" else ""
                messages.append(ChatMessage(role, _content(item["content"]), thoughts=said))
            case "compaction":
                messages.append(ChatMessage("system", SUMMARY + _summary(item, unseal)))
            case _:
                thoughts = before + _thoughts(item)
    return _with_results_behind_calls(messages)


def _with_results_behind_calls(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """The messages in the same order, but for results behind words of others than the assistant.

    A result behind later words of the assistant stays there.  Clients drop a call whose `call_id`
    a former call had, and keep the result, which the model has to read last.
    """
    rows: list[list[ChatMessage]] = []  # each a message, and the results of its calls
    rows_of_calls: dict[str, list[ChatMessage]] = {}  # of the assistant's last message
    for message in messages:
        row = rows_of_calls.get(message.more.get("tool_call_id", ""))
        if row is not None:
            row.append(message)
            continue
        rows.append(row := [message])
        if message.role == "assistant":
            rows_of_calls = {call["id"]: row for call in message.more.get("tool_calls", ())}
    return [message for row in rows for message in row]


def _thoughts(item: Item) -> str:
    """The text of a thought: whole if the item has the whole text, else the summary, as in ours."""
    parts = item.get("content") or item.get("summary") or ()
    return "".join(part["text"] for part in parts)


def _summary(item: Item, unseal: Unseal) -> str:
    try:
        return unseal(item["encrypted_content"])
    except Unsealable:
        found = f"the compaction {item['id']!r:.80} was not made here, for you"
        raise InvalidField("input", found) from None


def _add_call(messages: list[ChatMessage], item: Item, thoughts: str) -> None:
    call = _call(item)
    last = messages.pop() if messages and messages[-1].role == "assistant" else None
    said, calls = (last.content, last.more.get("tool_calls", [])) if last else (None, [])
    calls.append(call)  # made by this function; a copy at each call would cost their square
    thoughts = last.thoughts + thoughts if last else thoughts
    messages.append(ChatMessage("assistant", said, {"tool_calls": calls}, thoughts))


def _result(item: Item) -> str:
    """The result of a call made by a run, as read by the model."""
    error = item.get("error")
    if error is None:
        return NO_RESULT if item["output"] is None else str(item["output"])
    content = error.get("content") if isinstance(error, dict) else error
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else json.encode(error).decode()


def _call(item: Item) -> dict[str, Any]:
    if item["type"] in ("mcp_call", "mcp_approval_request"):
        called = unlabelled(item["server_label"], item["name"])
        made = {"name": called, "arguments": item["arguments"] or "{}"}
        return {"id": item["id"], "type": "function", "function": made}
    if item["type"] == "custom_tool_call":
        custom = {"name": item["name"], "input": item["input"]}
        return {"id": item["call_id"], "type": "custom", "custom": custom}
    function = {"name": item["name"], "arguments": item["arguments"]}
    return {"id": item["call_id"], "type": "function", "function": function}


def _content(given: str | Sequence[Item]) -> str | Sequence[Item]:
    """A content of one text as a text, since not every server takes a list."""
    parts = [{"type": "text", "text": given}] if isinstance(given, str) else [*_parts(given)]
    return parts[0]["text"] if [part["type"] for part in parts] == ["text"] else parts


def _parts(content: Sequence[Item]) -> Iterator[dict[str, Any]]:
    for part in content:
        match part["type"]:
            case "input_image":
                image = {"url": part["image_url"], "detail": part["detail"]}
                yield {"type": "image_url", "image_url": image}
            case "input_file":
                yield {"type": "file", "file": {key: part[key] for key in part if key != "type"}}
            case "refusal":
                yield {"type": "text", "text": part["refusal"]}
            case _:
                yield {"type": "text", "text": part["text"]}
