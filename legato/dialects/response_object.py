"""The response object, embedded in events and returned by a GET. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from legato.content import ErrorPart, ModelUsage, Part, ToolCallPart, Usage, WholePart
from legato.dialects.response_items import Body, ItemStatus, OutputPart, ResponseEvent, item_of
from legato.dialects.response_status import end_status, error_of, incomplete_of, status_of
from legato.events import AnyEnding, Created, Snapshot
from legato.shown import shown

PREFIX: Final = "resp_"  # and the job's id

# The defaults of an API's request; `api_request.echo` has the same names, with what was given.
DEFAULTS: Final[Mapping[str, Any]] = {
    "background": False,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def resource(created: Created, content: Sequence[Part], ending: AnyEnding | None) -> Body:
    """The response with the given content; without an ending the response is running.

    `content`: the shown parts.  Content from the log and content from storage give the
    same response.
    """
    return _resource(created, output_of(created, content, ending), status_of(ending), ending)


def resource_now(snapshot: Snapshot, ending: AnyEnding | None) -> Body:
    """The response of a job after the beginning."""
    created = snapshot.created
    assert created is not None, "only what has begun has a response"
    return resource(created, shown(snapshot), ending)


def has_output(content: Iterable[Part]) -> bool:
    """Whether a model said anything: no model listed the tools, or said the error at the end."""
    return any(not isinstance(part, WholePart | ErrorPart) for part in content)


def queued(created: Created) -> Body:
    """A response in the background before anything of it has begun."""
    return _resource(created, [], "queued", None)


def beginning(created: Created) -> Iterator[ResponseEvent]:
    """The events at the beginning of a response."""
    running = {"response": resource(created, (), None)}
    if running["response"]["background"]:
        waiting = {"response": queued(created)}
        yield "response.created", waiting
        yield "response.queued", waiting
    else:
        yield "response.created", running
    yield "response.in_progress", running


def output_of(
    created: Created, content: Sequence[Part], ending: AnyEnding | None
) -> Sequence[Body]:
    """The items; in a cut answer, every item that might have gone on is incomplete."""
    job_id = job_id_of(created)
    placed = [(place, part) for place, part in enumerate(content) if isinstance(part, OutputPart)]
    last = placed[-1][0] if placed else 0
    return [
        item_of(part, job_id, index, _item_status(part, place, last, ending))
        for index, (place, part) in enumerate(placed)
    ]


def _item_status(part: OutputPart, place: int, last: int, ending: AnyEnding | None) -> ItemStatus:
    """More of a call's arguments may come as long as anything does.

    `place`: of the part in the content; `last`: of the last item.
    """
    if isinstance(part, ToolCallPart) and part.is_made_here:
        is_open = True
    elif ending is None or ending.cut is None:
        is_open = isinstance(part, ToolCallPart) or place == last
    else:
        is_open = place in ending.cut
    return end_status(ending) if is_open else "completed"


def job_id_of(created: Created) -> str:
    return created.response_id.removeprefix(PREFIX)


def began_at(job_id: str) -> int:
    """In seconds since 1970: a ULID's first ten characters count milliseconds."""
    milliseconds = 0
    for character in job_id[:10]:
        milliseconds = milliseconds * 32 + _CROCKFORD.index(character)
    return milliseconds // 1000


def _resource(
    created: Created, output: Sequence[Body], status: str, ending: AnyEnding | None
) -> Body:
    api_request = created.api_request
    assert api_request is not None, "only what an API was asked is answered so"
    return {
        "id": created.response_id,
        "object": "response",
        "created_at": began_at(job_id_of(created)),
        "completed_at": ending.at if ending and status == "completed" else None,
        "status": status,
        "error": error_of(ending),
        "incomplete_details": incomplete_of(ending),
        "model": api_request.model,
        "output": output,
        "usage": usage_of(ending.usage, ending.usages) if ending else None,
        "store": api_request.store,
        **DEFAULTS,
        **api_request.echo,
    }


def usage_of(usage: Usage, models: Sequence[ModelUsage] = ()) -> Body:
    """`models`: the sum of a run once more, model by model, in a field of ours."""
    listed = [{"model": each.model, "calls": each.calls, **usage_of(each.usage)} for each in models]
    return {
        "input_tokens": usage.prompt_tokens,
        # The API's types have no null for these two: 0 also stands for an unknown count.
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        **({"legato": {"models": listed}} if listed else {}),
    }
