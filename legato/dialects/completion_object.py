"""A whole answer of Chat Completions, and the words shared with its stream.  Pure."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, json, to_builtins

from legato.content import (
    Message,
    ModelUsage,
    Part,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolCallPart,
    UrlCitation,
    Usage,
)
from legato.dialects.blank_lines import BlankLines, Kind, kind_of
from legato.dialects.leave_requests import requests_in, told
from legato.events import AnyEnding, Failed, Finished, Stopped

Body = dict[str, Any]

THOUGHTS: Final = "reasoning_content"
"""OpenAI shows no thoughts.  Most servers send, and most clients read, DeepSeek's name for thoughts
(vLLM, llama.cpp, SGLang, LiteLLM, LangChain, the AI SDK); `reasoning` is OpenRouter's."""

EXTENSION: Final = "legato"
"""The field for everything without a word in OpenAI's API."""

FUNCTION_CALL: Final = "function_call"
"""A call, and a finish reason, in the older form, which has room for one call only."""

PREFIX: Final = "chatcmpl-"  # and the job's id

STOPPED: Final = "generation_stopped"

# Ours, in the API's words: the answer is cut, or waits for leave.
_REASONS: Final = {"max_answer_bytes": "length", "recursion_limit": "length", "approval": "stop"}
_KINDS: Final = {
    STOPPED: "invalid_request_error",
    "invalid_parameters": "invalid_request_error",
    "provider_rejected": "invalid_request_error",
    "context_length_exceeded": "invalid_request_error",
    "content_filter": "invalid_request_error",
    "insufficient_quota": "insufficient_quota",
    "provider_rate_limited": "rate_limit_error",
}


class Echo(Struct, frozen=True):
    """The fields of a request that the answer repeats or follows.

    `created`: seconds since 1970.  `include_usage`: whether the stream ends with the usage.
    `functions`: whether the request has functions, the older form of tools.
    """

    created: int = 0
    include_usage: bool = False
    functions: bool = False


def head_of(completion_id: str, kind: str, created: int, model: str) -> Body:
    """The first fields of the whole object and of every chunk."""
    return {
        "id": completion_id,
        "object": kind,
        "created": created,
        "model": model,
        "system_fingerprint": None,
    }


def completion(
    completion_id: str, created: int, ending: AnyEnding, *, functions: bool = False
) -> Body | None:
    """The whole object: a cut answer as far as it came; None where nothing was generated.

    `created`: seconds since 1970.  `functions`: see Echo.
    """
    answer = ending.response
    if answer is None:
        return None
    choice = {
        "index": 0,
        "message": message_of(answer.content or (), completion_id, functions=functions),
        "logprobs": _logprobs_of(answer.content or ()),
        "finish_reason": _finish_reason(answer, ending, functions=functions),
    }
    return {
        **head_of(completion_id, "chat.completion", created, answer.model or ""),
        **served_by(ending),
        "choices": [choice],
        "usage": usage_of(ending.usage, ending.usages),
    }


def message_of(content: Sequence[Part], completion_id: str, *, functions: bool = False) -> Body:
    texts = [part for part in content if isinstance(part, TextPart)]
    annotations = [annotation_of(each) for part in texts for each in part.annotations or ()]
    said = _said_in(content)
    text, refusal, thoughts = said["text"], said["refusal"], said["think"]
    tool_calls = [part for part in content if isinstance(part, ToolCallPart)]
    calls = [part.tool_call for part in tool_calls if not part.is_made_here]
    made = [made_call_of(part) for part in tool_calls if _is_made(part)]
    pending = [*told(requests_in(content, completion_id.removeprefix(PREFIX)))]
    ours = {
        **({"tool_calls": made} if made else {}),
        **({"pending": pending} if pending else {}),
    }
    return {
        "role": "assistant",
        "content": text or (None if calls or refusal else ""),
        "refusal": refusal or None,
        **({"annotations": annotations} if annotations else {}),
        **({THOUGHTS: thoughts} if thoughts else {}),
        **_asked_for(calls, functions=functions),
        **({EXTENSION: ours} if ours else {}),
    }


def _asked_for(calls: Sequence[ToolCall], *, functions: bool) -> Body:
    if not calls:
        return {}
    if functions:
        return {FUNCTION_CALL: function_of(calls[0])}
    return {"tool_calls": [call_of(call) for call in calls]}


def _is_made(part: ToolCallPart) -> bool:
    return part.is_made_here and not part.tool_call.is_undecided


def _said_in(content: Sequence[Part]) -> dict[Kind, str]:
    """All words of an answer, by their kind."""
    said: dict[Kind, list[str]] = {"text": [], "refusal": [], "think": []}
    lines = BlankLines()
    for part in content:
        if isinstance(part, ToolCallPart):
            lines.before(part)
        elif isinstance(part, TextPart | ThinkPart):
            said[kind_of(part)] += [lines.before(part), words_of(part)]
    return {kind: "".join(texts) for kind, texts in said.items()}


def words_of(part: TextPart | ThinkPart) -> str:
    return part.think if isinstance(part, ThinkPart) else part.text


def made_call_of(part: ToolCallPart) -> Body:
    """A tool call made by the run, in our own words: OpenAI's API has no words for the call."""
    call = part.tool_call
    return {
        "id": call.id,
        "name": call.name,
        "arguments": call.args,
        "output": None if call.output is UNSET else call.output,
        **({"is_error": True} if call.is_error else {}),
        "agent_id": part.agent_id,
    }


def _logprobs_of(content: Sequence[Part]) -> Body | None:
    """The logprobs of the whole text; None for an answer without."""
    said = [part.logprobs for part in content if isinstance(part, TextPart) and part.logprobs]
    return {"content": json.decode(f"[{','.join(said)}]"), "refusal": None} if said else None


def annotation_of(citation: UrlCitation) -> Body:
    return {"type": "url_citation", "url_citation": to_builtins(citation)}


def served_by(ending: AnyEnding) -> Body:
    """The provider's words about how the answer was served: fingerprint and tier, where given."""
    if not isinstance(ending, Finished):
        return {}
    said = {"system_fingerprint": ending.system_fingerprint, "service_tier": ending.service_tier}
    return {name: word for name, word in said.items() if word}


def call_of(call: ToolCall) -> Body:
    if call.kind == "custom":
        custom = {"name": call.name, "input": call.args}
        return {"id": call.id, "type": "custom", "custom": custom}
    return {"id": call.id, "type": "function", "function": function_of(call)}


def function_of(call: ToolCall) -> Body:
    return {"name": call.name, "arguments": call.args}


def _finish_reason(answer: Message, ending: AnyEnding, *, functions: bool) -> str | None:
    calls = [part for part in answer.content or () if isinstance(part, ToolCallPart)]
    asks = answer.agent_id is UNSET or not all(part.is_made_here for part in calls)
    if not isinstance(ending, Finished):
        return None
    return finish_reason(ending, asks=asks, functions=functions)


def finish_reason(ending: Finished, *, asks: bool = True, functions: bool = False) -> str:
    """The reason in the API's words, and a provider's own word unchanged.

    `asks`: whether the answer may ask the caller for tool calls.  A run may end with the results of
    calls made by the run.  A client that read `tool_calls` then would look for calls in vain.
    """
    if ending.reason == "tool_calls" and not asks:
        return "stop"
    if ending.reason == "tool_calls" and functions:
        return FUNCTION_CALL
    return _REASONS.get(ending.reason, ending.reason)


def usage_of(usage: Usage, models: Sequence[ModelUsage] = ()) -> Body:
    """`models`: the sum of a run once more, model by model, in a field of ours."""
    listed = [{"model": each.model, "calls": each.calls, **usage_of(each.usage)} for each in models]
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": _said("cached_tokens", usage.cached_tokens),
        "completion_tokens_details": _said("reasoning_tokens", usage.reasoning_tokens),
        **({EXTENSION: {"models": listed}} if listed else {}),
    }


def _said(name: str, count: int | UnsetType) -> Body | None:
    """None where the provider did not say: 0 would be a claim."""
    return None if count is UNSET else {name: count}


def error_of(ending: Failed | Stopped) -> Body:
    """Why there is no (whole) answer, in the shape in which the clients expect an error."""
    code = ending.reason if isinstance(ending, Failed) else STOPPED
    message = ending.message if isinstance(ending, Failed) else "The generation was stopped."
    kind = _KINDS.get(code, "server_error")
    return {"message": message, "type": kind, "param": None, "code": code}
