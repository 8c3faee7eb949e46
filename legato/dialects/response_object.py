"""The response object, embedded in events and returned by a GET. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from legato.content import ErrorPart, Part, SteerPart, ToolCallPart, Usage
from legato.dialects.response_items import Body, ItemStatus, OutputPart, ResponseEvent, item_of
from legato.dialects.response_status import end_status, error_of, incomplete_of, status_of
from legato.events import AnyEnding, Created

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

    Content from the log and content from storage give the same response.
    """
    return _resource(created, output_of(created, content, ending), status_of(ending), ending)


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
    parts: list[tuple[int, OutputPart]] = [
        (index, part)
        for index, part in enumerate(content)
        if not isinstance(part, ErrorPart | SteerPart)
    ]
    last = parts[-1][0] if parts else -1
    return [
        item_of(part, job_id, index, _item_status(part, index == last, ending))
        for index, part in parts
    ]


def _item_status(part: OutputPart, is_last: bool, ending: AnyEnding | None) -> ItemStatus:
    """More of a call's arguments may come as long as anything does."""
    return end_status(ending) if is_last or isinstance(part, ToolCallPart) else "completed"


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
        "usage": usage_of(ending.usage) if ending else None,
        "store": api_request.store,
        **DEFAULTS,
        **api_request.echo,
    }


def usage_of(usage: Usage) -> Body:
    return {
        "input_tokens": usage.prompt_tokens,
        # The API's types have no null for these two: 0 also stands for an unknown count.
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
