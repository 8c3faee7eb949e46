"""A whole answer of Chat Completions, and the words shared with its stream.  Pure."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, json, to_builtins

from legato.content import Part, TextPart, ThinkPart, ToolCall, ToolCallPart, UrlCitation, Usage
from legato.events import AnyEnding, Failed, Finished, Stopped

Body = dict[str, Any]

THOUGHTS: Final = "reasoning_content"
"""OpenAI shows no thoughts.  Most servers send, and most clients read, DeepSeek's name for thoughts
(vLLM, llama.cpp, SGLang, LiteLLM, LangChain, the AI SDK); `reasoning` is OpenRouter's."""

STOPPED: Final = "generation_stopped"

_REASONS: Final = {"max_answer_bytes": "length"}  # ours, in the API's words
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
    """

    created: int = 0
    include_usage: bool = False


def head_of(completion_id: str, kind: str, created: int, model: str) -> Body:
    """The first fields of the whole object and of every chunk."""
    return {
        "id": completion_id,
        "object": kind,
        "created": created,
        "model": model,
        "system_fingerprint": None,
    }


def completion(completion_id: str, created: int, ending: AnyEnding) -> Body | None:
    """The whole object: a cut answer as far as it came; None where nothing was generated.

    `created`: seconds since 1970.
    """
    answer = ending.response
    if answer is None:
        return None
    choice = {
        "index": 0,
        "message": message_of(answer.content or ()),
        "logprobs": _logprobs_of(answer.content or ()),
        "finish_reason": finish_reason(ending) if isinstance(ending, Finished) else None,
    }
    return {
        **head_of(completion_id, "chat.completion", created, answer.model or ""),
        **served_by(ending),
        "choices": [choice],
        "usage": usage_of(ending.usage),
    }


def message_of(content: Sequence[Part]) -> Body:
    texts = [part for part in content if isinstance(part, TextPart)]
    text = "".join(part.text for part in texts if part.kind is UNSET)
    refusal = "".join(part.text for part in texts if part.kind == "refusal")
    annotations = [annotation_of(each) for part in texts for each in part.annotations or ()]
    thoughts = "".join(part.think for part in content if isinstance(part, ThinkPart))
    calls = [call_of(part.tool_call) for part in content if isinstance(part, ToolCallPart)]
    return {
        "role": "assistant",
        "content": text or (None if calls or refusal else ""),
        "refusal": refusal or None,
        **({"annotations": annotations} if annotations else {}),
        **({THOUGHTS: thoughts} if thoughts else {}),
        **({"tool_calls": calls} if calls else {}),
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
    function = {"name": call.name, "arguments": call.args}
    return {"id": call.id, "type": "function", "function": function}


def finish_reason(ending: Finished) -> str:
    """The reason in the API's words, and a provider's own word unchanged."""
    return _REASONS.get(ending.reason, ending.reason)


def usage_of(usage: Usage) -> Body:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": _said("cached_tokens", usage.cached_tokens),
        "completion_tokens_details": _said("reasoning_tokens", usage.reasoning_tokens),
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
