"""The calls of an ended answer for which somebody's leave is missing, by their ids.  Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import UNSET

from legato.agents.definition import labelled
from legato.content import Part, ToolCallPart
from legato.dialects.response_items import Body, OutputPart, id_of


def requests_in(content: Sequence[Part], job_id: str) -> Mapping[str, ToolCallPart]:
    """The calls that wait for a decision, by the ids of the requests, in the answer's order.

    A call with a result waits for nothing: the answer was cut after the request.
    """
    items = [part for part in content if isinstance(part, OutputPart)]
    return {
        id_of(part, job_id, index): part
        for index, part in enumerate(items)
        if isinstance(part, ToolCallPart)
        and part.tool_call.is_undecided
        and part.tool_call.output is UNSET
    }


def told(requests: Mapping[str, ToolCallPart]) -> Iterable[Body]:
    """The requests in Chat Completions, which have no words for them: in words of our own."""
    for request_id, part in requests.items():
        label, name = labelled(part.tool_call.name)
        yield {
            "id": request_id,
            "type": "approval",
            "server_label": label,
            "name": name,
            "arguments": part.tool_call.args,
        }
