"""The output items of the Responses API, and the events around each item.  Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from legato.content import TextPart, ThinkPart, ToolCallPart

Body = dict[str, Any]
Event = tuple[str, Body]  # the event's type, and all other fields but the number
Status = Literal["in_progress", "completed", "incomplete"]
OutputPart = TextPart | ThinkPart | ToolCallPart
"""A part that is an item of the output; an error part is not."""

ADDED: Final = "response.output_item.added"
DONE: Final = "response.output_item.done"
ARGUMENTS_DELTA: Final = "response.function_call_arguments.delta"
ARGUMENTS_DONE: Final = "response.function_call_arguments.done"


class Words(NamedTuple):
    """The names of a text's events, and the text's place in the item."""

    delta: str
    done: str
    part_added: str
    part_done: str
    parts: str
    place: Body


# A provider's thoughts are shown as a summary.  OpenAI's own models send summaries, so all clients
# know the events, and the specification has them too.
WORDS: Final[Mapping[type[TextPart | ThinkPart], Words]] = {
    TextPart: Words(
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.added",
        "response.content_part.done",
        "content",
        {"content_index": 0, "logprobs": []},
    ),
    ThinkPart: Words(
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "summary",
        {"summary_index": 0},
    ),
}

_TYPES: Final = {TextPart: "message", ThinkPart: "reasoning", ToolCallPart: "function_call"}
_PREFIXES: Final = {TextPart: "msg", ThinkPart: "rs", ToolCallPart: "fc"}


def id_of(part: OutputPart, job_id: str, index: int) -> str:
    return f"{_PREFIXES[type(part)]}_{job_id}_{index}"


def item_of(part: OutputPart, job_id: str, index: int, status: Status) -> Body:
    head = {"id": id_of(part, job_id, index), "type": _TYPES[type(part)], "status": status}
    if isinstance(part, ToolCallPart):
        call = part.tool_call
        return {**head, "call_id": call.id, "name": call.name, "arguments": call.args}
    if isinstance(part, ThinkPart):
        return {**head, "summary": [_words_of(part)]}
    return {**head, "role": "assistant", "content": [_words_of(part)]}


def _words_of(part: TextPart | ThinkPart) -> Body:
    if isinstance(part, ThinkPart):
        return {"type": "summary_text", "text": part.think}
    return {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}


def place_of(part: OutputPart, job_id: str, index: int) -> Body:
    """The fields that say where in the response a part's deltas and texts belong."""
    words = WORDS[type(part)].place if isinstance(part, TextPart | ThinkPart) else {}
    return {"item_id": id_of(part, job_id, index), "output_index": index, **words}


def delta_type(part: OutputPart) -> str:
    return ARGUMENTS_DELTA if isinstance(part, ToolCallPart) else WORDS[type(part)].delta


def opening(part: OutputPart, job_id: str, index: int) -> Iterator[Event]:
    """The events at a part's beginning; `part` is the part as it begins."""
    item = item_of(part, job_id, index, "in_progress")
    place = place_of(part, job_id, index)
    if isinstance(part, ToolCallPart):
        yield ADDED, {"output_index": index, "item": item | {"arguments": ""}}
        if part.tool_call.args:
            yield ARGUMENTS_DELTA, {**place, "delta": part.tool_call.args}
    else:
        words = WORDS[type(part)]
        yield ADDED, {"output_index": index, "item": item | {words.parts: []}}
        yield words.part_added, {**place, "part": _words_of(part)}


def closing(part: OutputPart, job_id: str, index: int, status: Status) -> Iterator[Event]:
    """The events at a part's end; `part` is the whole part."""
    place = place_of(part, job_id, index)
    if isinstance(part, ToolCallPart):
        call = part.tool_call
        yield ARGUMENTS_DONE, {**place, "name": call.name, "arguments": call.args}
    else:
        words, whole = WORDS[type(part)], _words_of(part)
        yield words.done, {**place, "text": whole["text"]}
        yield words.part_done, {**place, "part": whole}
    yield DONE, {"output_index": index, "item": item_of(part, job_id, index, status)}
