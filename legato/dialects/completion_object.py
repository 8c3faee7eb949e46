"""An answer as Chat Completions has it whole, and the words its stream shares with it.  Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from legato.content import Asked, Part, TextPart, ThinkPart, ToolCall, ToolCallPart, Usage
from legato.dialects.contract import Identity
from legato.events import AnyEnding, Created, Failed, Finished, Stopped

Body = dict[str, Any]

THOUGHTS: Final = "reasoning_content"
"""OpenAI shows no thoughts.  DeepSeek's name for them is what most servers send and most clients
read (vLLM, llama.cpp, SGLang, LiteLLM, LangChain, the AI SDK); `reasoning` is OpenRouter's."""

STOPPED: Final = "generation_stopped"

_REASONS: Final = {"max_answer_bytes": "length"}  # ours, in the API's words
_KINDS: Final = {
    STOPPED: "invalid_request_error",
    "invalid_parameters": "invalid_request_error",
    "provider_rejected": "invalid_request_error",
    "provider_rate_limited": "rate_limit_error",
}


class Echo(Struct, frozen=True):
    """What an answer says again of its request.

    `created`: seconds since 1970.  `include_usage`: whether its stream says the usage.
    """

    created: int = 0
    include_usage: bool = False


def echo_of(created: Created) -> Echo:
    return msgspec.convert(_asked(created).echo, Echo)


def head_of(identity: Identity, created: Created, kind: str) -> Body:
    """What the whole and each of its chunks begin with."""
    return {
        "id": identity.response_id,
        "object": kind,
        "created": echo_of(created).created,
        "model": _asked(created).model,
        "system_fingerprint": None,
    }


def _asked(created: Created) -> Asked:
    assert created.asked is not None, "only what an API was asked is answered so"
    return created.asked


def completion(identity: Identity, created: Created, ending: AnyEnding) -> Body:
    """The whole object: of an answer that did not finish, what there was of it."""
    response = ending.response
    content = (response.content or ()) if response else ()
    choice = {
        "index": 0,
        "message": message_of(content),
        "logprobs": None,
        "finish_reason": finish_reason(ending) if isinstance(ending, Finished) else None,
    }
    return {
        **head_of(identity, created, "chat.completion"),
        "choices": [choice],
        "usage": usage_of(ending.usage),
    }


def message_of(content: Sequence[Part]) -> Body:
    text = "".join(part.text for part in content if isinstance(part, TextPart))
    thoughts = "".join(part.think for part in content if isinstance(part, ThinkPart))
    calls = [call_of(part.tool_call) for part in content if isinstance(part, ToolCallPart)]
    return {
        "role": "assistant",
        "content": text or (None if calls else ""),
        "refusal": None,
        **({THOUGHTS: thoughts} if thoughts else {}),
        **({"tool_calls": calls} if calls else {}),
    }


def call_of(call: ToolCall) -> Body:
    function = {"name": call.name, "arguments": call.args}
    return {"id": call.id, "type": "function", "function": function}


def finish_reason(ending: Finished) -> str:
    """The provider's own word stays what it is: any other would say what it did not."""
    return _REASONS.get(ending.reason, ending.reason)


def usage_of(usage: Usage) -> Body:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": _details("cached_tokens", "audio_tokens"),
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            **_details("audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"),
        },
    }


def _details(*names: str) -> Mapping[str, int]:
    """What no provider's stream is asked for: 0, as where one does not say."""
    return dict.fromkeys(names, 0)


def error_of(ending: Failed | Stopped) -> Body:
    """Why there is no (whole) answer, in the shape in which the clients expect an error."""
    code = ending.reason if isinstance(ending, Failed) else STOPPED
    message = ending.message if isinstance(ending, Failed) else "The generation was stopped."
    kind = _KINDS.get(code, "server_error")
    return {"message": message, "type": kind, "param": None, "code": code}
