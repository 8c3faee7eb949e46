"""The output items of the Responses API, and the events around each item.  Pure."""

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from msgspec import UNSET, Raw, json, to_builtins

from legato.agents.definition import labelled
from legato.content import TextPart, ThinkPart, ToolCall, ToolCallPart, ToolListPart, UrlCitation
from legato.events import AnnotationAdded, LogprobsDelta

Body = dict[str, Any]
ResponseEvent = tuple[str, Body]  # the event's type, and all other fields but the number
ItemStatus = Literal["in_progress", "completed", "incomplete"]
OutputPart = TextPart | ThinkPart | ToolCallPart | ToolListPart
"""A part with an item in the output."""

ADDED: Final = "response.output_item.added"
DONE: Final = "response.output_item.done"
ARGUMENTS_DELTA: Final = "response.function_call_arguments.delta"
ARGUMENTS_DONE: Final = "response.function_call_arguments.done"
MCP_ARGUMENTS_DELTA: Final = "response.mcp_call_arguments.delta"
INPUT_DELTA: Final = "response.custom_tool_call_input.delta"
INPUT_DONE: Final = "response.custom_tool_call_input.done"


class TextEvents(NamedTuple):
    """The names of a text's events, and the text's place in the item."""

    delta: str
    done: str
    part_added: str
    part_done: str
    parts: str
    place: Body


_TEXT: Final = TextEvents(
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.added",
    "response.content_part.done",
    "content",
    {"content_index": 0, "logprobs": []},
)
_REFUSAL: Final = TextEvents(
    "response.refusal.delta",
    "response.refusal.done",
    "response.content_part.added",
    "response.content_part.done",
    "content",
    {"content_index": 0},
)
# A provider's thoughts are shown as a summary.  OpenAI's own models send summaries, so all clients
# know the events, and the specification has them too.
_THOUGHTS: Final = TextEvents(
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "summary",
    {"summary_index": 0},
)

_PREFIXES: Final = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "mcp_approval_request": "mcpr",
}
_INPUTS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "mcp_call": "arguments",
    "mcp_approval_request": "arguments",
}


def type_of(part: OutputPart) -> str:
    if isinstance(part, ToolListPart):
        return "mcp_list_tools"
    if isinstance(part, ToolCallPart):
        return _type_of_call(part)
    return "message" if isinstance(part, TextPart) else "reasoning"


def _type_of_call(part: ToolCallPart) -> str:
    """`mcp_call` is the API's word for calls made by the server."""
    if part.tool_call.is_undecided:
        return "mcp_approval_request"
    if part.is_made_here:
        return "mcp_call"
    return "custom_tool_call" if part.tool_call.kind == "custom" else "function_call"


def id_of(part: OutputPart, job_id: str, index: int) -> str:
    """The item's id; a request for leave that is asked once more keeps the first id."""
    call = part.tool_call if isinstance(part, ToolCallPart) else None
    if call is not None and call.is_undecided and call.leave and call.leave.request_id:
        return call.leave.request_id
    return f"{_PREFIXES[type_of(part)]}_{job_id}_{index}"


def item_of(part: OutputPart, job_id: str, index: int, status: ItemStatus) -> Body:
    head = {"id": id_of(part, job_id, index), "type": type_of(part), "status": status}
    if isinstance(part, ToolListPart):
        return _list_of(part, head["id"])
    if isinstance(part, ToolCallPart):
        call = part.tool_call
        if call.is_undecided:
            return _request_of(call, head["id"])
        if part.is_made_here:
            return {**head, **_made(call, status)}
        if call.by_caller and call.output is not UNSET:
            head["status"] = "incomplete"  # the model was cut, and asks anew
        return {**head, "call_id": call.id, "name": call.name, _INPUTS[head["type"]]: call.args}
    if isinstance(part, ThinkPart):
        return {**head, "summary": [_whole_of(part)]}
    return {**head, "role": "assistant", "content": [_whole_of(part)]}


def _made(call: ToolCall, status: ItemStatus) -> Body:
    """A call that a run makes, with its result.  `status`: where no result has come."""
    label, name = labelled(call.name)
    is_error, output = bool(call.is_error), None if call.output is UNSET else call.output
    told = {"type": "text", "text": output}
    error = {"type": "mcp_tool_execution_error", "content": [told]} if is_error else None
    open_status = "in_progress" if status == "in_progress" else "incomplete"
    return {
        "status": open_status if output is None else "failed" if is_error else "completed",
        "server_label": label,
        "name": name,
        "arguments": call.args,
        "output": None if is_error else output,
        "error": error,
        "approval_request_id": call.leave.request_id if call.leave else None,
    }


def _request_of(call: ToolCall, item_id: str) -> Body:
    """A call for which the run needs somebody's leave.  The API has no status for the item."""
    label, name = labelled(call.name)
    return {
        "id": item_id,
        "type": "mcp_approval_request",
        "server_label": label,
        "name": name,
        "arguments": call.args,
    }


def _list_of(part: ToolListPart, item_id: str) -> Body:
    return {
        "id": item_id,
        "type": "mcp_list_tools",
        "server_label": part.server,
        "tools": json.decode(part.tools),
        "error": part.error or None,
    }


def words_of(part: TextPart | ThinkPart) -> TextEvents:
    if isinstance(part, ThinkPart):
        return _THOUGHTS
    return _REFUSAL if part.kind == "refusal" else _TEXT


def _whole_of(part: TextPart | ThinkPart) -> Body:
    if isinstance(part, ThinkPart):
        return {"type": "summary_text", "text": part.think}
    if part.kind == "refusal":
        return {"type": "refusal", "refusal": part.text}
    logprobs = json.decode(_logprobs(part.logprobs)) if part.logprobs else []
    annotations = [annotation_of(each) for each in part.annotations or ()]
    text = {"type": "output_text", "text": part.text}
    return {**text, "annotations": annotations, "logprobs": logprobs}


def annotation_of(citation: UrlCitation) -> Body:
    return {"type": "url_citation", **to_builtins(citation)}


def _logprobs(said: str) -> bytes:
    """The list in the API's words, which have no null for bytes.

    JSON escapes the quotes of a text, and therefore only fields are found here.
    """
    return b"[%b]" % said.replace('"bytes":null', '"bytes":[]').encode()


def place_of(part: OutputPart, job_id: str, index: int) -> Body:
    """The fields that say where in the response a part's deltas and texts belong."""
    place = words_of(part).place if isinstance(part, TextPart | ThinkPart) else {}
    return {"item_id": id_of(part, job_id, index), "output_index": index, **place}


def delta_type(part: TextPart | ThinkPart | ToolCallPart) -> str:
    if isinstance(part, ToolCallPart):
        if part.is_made_here:
            return MCP_ARGUMENTS_DELTA
        return INPUT_DELTA if part.tool_call.kind == "custom" else ARGUMENTS_DELTA
    return words_of(part).delta


def with_logprobs(job_id: str, delta: LogprobsDelta, index: int) -> ResponseEvent:
    """The event of a delta with logprobs, as which only text comes; `index`: the item's."""
    part = TextPart("")
    place = place_of(part, job_id, index)
    logprobs = Raw(_logprobs(delta.logprobs))
    return delta_type(part), {**place, "logprobs": logprobs, "delta": delta.text}


def annotated(job_id: str, added: AnnotationAdded, index: int, number: int) -> ResponseEvent:
    """The event of an annotation, the text's `number`th from 0; `index`: the item's."""
    place = {"item_id": id_of(TextPart(""), job_id, index), "output_index": index}
    annotation = annotation_of(added.annotation)
    said = {"content_index": 0, "annotation_index": number, "annotation": annotation}
    return "response.output_text.annotation.added", {**place, **said}


def opening(part: OutputPart, job_id: str, index: int) -> Iterator[ResponseEvent]:
    """The events at a part's beginning; `part` is the part as it begins."""
    item = item_of(part, job_id, index, "in_progress")
    place = place_of(part, job_id, index)
    if isinstance(part, ToolListPart):
        yield ADDED, {"output_index": index, "item": item | {"tools": [], "error": None}}
        yield "response.mcp_list_tools.in_progress", place
    elif isinstance(part, ToolCallPart):
        yield ADDED, {"output_index": index, "item": item | {_INPUTS[item["type"]]: ""}}
        if part.tool_call.is_undecided:
            return
        if part.is_made_here:
            yield "response.mcp_call.in_progress", place
        if part.tool_call.args:
            yield delta_type(part), {**place, "delta": part.tool_call.args}
    else:
        words = words_of(part)
        yield ADDED, {"output_index": index, "item": item | {words.parts: []}}
        yield words.part_added, {**place, "part": _whole_of(part)}


def closing(
    part: OutputPart, job_id: str, index: int, status: ItemStatus
) -> Iterator[ResponseEvent]:
    """The events at a part's end; `part` is the whole part.

    The event of `whole_arguments` comes before, where the part is a call.
    """
    place = place_of(part, job_id, index)
    if isinstance(part, ToolListPart):
        yield _list_read(part), place
    elif isinstance(part, ToolCallPart):
        yield from result_of(part, job_id, index)
    else:
        words, whole = words_of(part), _whole_of(part)
        said = "refusal" if words is _REFUSAL else "text"
        logprobs = {"logprobs": whole["logprobs"]} if words is _TEXT else {}
        yield words.done, {**place, **logprobs, said: whole[said]}
        yield words.part_done, {**place, "part": whole}
    yield DONE, {"output_index": index, "item": item_of(part, job_id, index, status)}


def whole_arguments(part: ToolCallPart, job_id: str, index: int) -> ResponseEvent:
    """The event that ends the arguments of a call."""
    place, call = place_of(part, job_id, index), part.tool_call
    if part.is_made_here:
        return "response.mcp_call_arguments.done", {**place, "arguments": call.args}
    if call.kind == "custom":
        return INPUT_DONE, {**place, "input": call.args}
    return ARGUMENTS_DONE, {**place, "name": call.name, "arguments": call.args}


def result_of(part: ToolCallPart, job_id: str, index: int) -> Iterator[ResponseEvent]:
    """The event of a call's result; nothing for a call without a result."""
    call = part.tool_call
    if part.is_made_here and call.output is not UNSET:
        name = "failed" if call.is_error else "completed"
        yield f"response.mcp_call.{name}", place_of(part, job_id, index)


def _list_read(part: ToolListPart) -> str:
    """A list with some of the tools is a list, too; `error` says which are missing."""
    is_empty = part.error is not UNSET and part.tools == "[]"
    return f"response.mcp_list_tools.{'failed' if is_empty else 'completed'}"
