"""The output items of the Responses API, and the events around each item.  Pure."""

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from msgspec import Raw, json, to_builtins

from legato.content import TextPart, ThinkPart, ToolCall, ToolCallPart, UrlCitation
from legato.events import AnnotationAdded, LogprobsDelta

Body = dict[str, Any]
ResponseEvent = tuple[str, Body]  # the event's type, and all other fields but the number
ItemStatus = Literal["in_progress", "completed", "incomplete"]
OutputPart = TextPart | ThinkPart | ToolCallPart
"""A part that is an item of the output; an error part is not."""

ADDED: Final = "response.output_item.added"
DONE: Final = "response.output_item.done"
ARGUMENTS_DELTA: Final = "response.function_call_arguments.delta"
ARGUMENTS_DONE: Final = "response.function_call_arguments.done"
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
}
_INPUTS: Final = {"function_call": "arguments", "custom_tool_call": "input"}


def type_of(part: OutputPart) -> str:
    if isinstance(part, ToolCallPart):
        return "custom_tool_call" if part.tool_call.kind == "custom" else "function_call"
    return "message" if isinstance(part, TextPart) else "reasoning"


def id_of(part: OutputPart, job_id: str, index: int) -> str:
    return f"{_PREFIXES[type_of(part)]}_{job_id}_{index}"


def item_of(part: OutputPart, job_id: str, index: int, status: ItemStatus) -> Body:
    head = {"id": id_of(part, job_id, index), "type": type_of(part), "status": status}
    if isinstance(part, ToolCallPart):
        call = part.tool_call
        return {**head, "call_id": call.id, "name": call.name, _INPUTS[head["type"]]: call.args}
    if isinstance(part, ThinkPart):
        return {**head, "summary": [_whole_of(part)]}
    return {**head, "role": "assistant", "content": [_whole_of(part)]}


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
    place = {} if isinstance(part, ToolCallPart) else words_of(part).place
    return {"item_id": id_of(part, job_id, index), "output_index": index, **place}


def delta_type(part: OutputPart) -> str:
    if isinstance(part, ToolCallPart):
        return INPUT_DELTA if part.tool_call.kind == "custom" else ARGUMENTS_DELTA
    return words_of(part).delta


def with_logprobs(job_id: str, delta: LogprobsDelta) -> ResponseEvent:
    """The event of a delta with logprobs, as which only text comes."""
    part = TextPart("")
    place = place_of(part, job_id, delta.index)
    logprobs = Raw(_logprobs(delta.logprobs))
    return delta_type(part), {**place, "logprobs": logprobs, "delta": delta.text}


def annotated(job_id: str, added: AnnotationAdded, number: int) -> ResponseEvent:
    """The event of an annotation, the text's `number`th from 0."""
    place = {"item_id": id_of(TextPart(""), job_id, added.index), "output_index": added.index}
    annotation = annotation_of(added.annotation)
    said = {"content_index": 0, "annotation_index": number, "annotation": annotation}
    return "response.output_text.annotation.added", {**place, **said}


def opening(part: OutputPart, job_id: str, index: int) -> Iterator[ResponseEvent]:
    """The events at a part's beginning; `part` is the part as it begins."""
    item = item_of(part, job_id, index, "in_progress")
    place = place_of(part, job_id, index)
    if isinstance(part, ToolCallPart):
        yield ADDED, {"output_index": index, "item": item | {_INPUTS[item["type"]]: ""}}
        if part.tool_call.args:
            yield delta_type(part), {**place, "delta": part.tool_call.args}
    else:
        words = words_of(part)
        yield ADDED, {"output_index": index, "item": item | {words.parts: []}}
        yield words.part_added, {**place, "part": _whole_of(part)}


def closing(
    part: OutputPart, job_id: str, index: int, status: ItemStatus
) -> Iterator[ResponseEvent]:
    """The events at a part's end; `part` is the whole part."""
    place = place_of(part, job_id, index)
    if isinstance(part, ToolCallPart):
        yield _whole(part.tool_call, place)
    else:
        words, whole = words_of(part), _whole_of(part)
        said = "refusal" if words is _REFUSAL else "text"
        logprobs = {"logprobs": whole["logprobs"]} if words is _TEXT else {}
        yield words.done, {**place, **logprobs, said: whole[said]}
        yield words.part_done, {**place, "part": whole}
    yield DONE, {"output_index": index, "item": item_of(part, job_id, index, status)}


def _whole(call: ToolCall, place: Body) -> ResponseEvent:
    if call.kind == "custom":
        return INPUT_DONE, {**place, "input": call.args}
    return ARGUMENTS_DONE, {**place, "name": call.name, "arguments": call.args}
