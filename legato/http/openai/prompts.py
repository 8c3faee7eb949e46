"""A request to Chat Completions as the turn it asks for."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import to_builtins
from ulid import ULID

from legato.actors.turn import Prompt, Turn
from legato.content import Asked
from legato.dialects.completion_object import Echo
from legato.http.bodies import RequestId
from legato.http.errors import InvalidField, ModelNotFound
from legato.http.nesting import check_nesting
from legato.http.openai.bodies import KEY_HEADER, OURS, CompletionBody
from legato.http.openai.messages import messages_of
from legato.models.contract import Json, Model, ModelError

API: Final = "chat_completions"
ID_PREFIX: Final = "chatcmpl-"
TOOLS: Final = ("function", "custom")


def turn_of(
    body: CompletionBody,
    fields: Mapping[str, Any],
    *,
    user: str,
    key: str | None,
    models: Mapping[str, Model],
    max_text: int,
) -> Turn:
    """What `body` asks for, of which `fields` are all; `key`: the caller's name for the request.

    Raises:
        InvalidField, ModelNotFound, TooLarge
    """
    _check(body)
    model = _model(body, models)
    messages = messages_of(body.messages, max_text)
    for name, value in fields.items():
        check_nesting(name, value)
    job_id = ULID()
    wants_usage = body.stream_options is not None and body.stream_options.include_usage is True
    echo = Echo(job_id.milliseconds // 1000, wants_usage)
    asked = Asked(api=API, user=user, model=model.name, echo=to_builtins(echo))
    return Turn(
        job_id=str(job_id),
        conversation_id=f"{ID_PREFIX}{job_id}",
        message_id=f"{ID_PREFIX}{job_id}-request",
        response_id=f"{ID_PREFIX}{job_id}",
        user=user,
        model=model.name,
        endpoint=API,
        parameters=_parameters(fields, model),
        request_id=None if key is None else request_id(key),
        prompt=Prompt(asked=asked, messages=messages),
    )


def request_id(key: str) -> str:
    """Raises InvalidField where it is no key.  What other APIs call theirs is another's."""
    try:
        return f"{API}:{msgspec.convert(key, RequestId)}"
    except msgspec.ValidationError:
        allowed = "1 to 128 letters, digits, colons, underscores and hyphens are allowed"
        raise InvalidField(KEY_HEADER, f"found {key!r:.80}; {allowed}") from None


def _check(body: CompletionBody) -> None:
    if body.n not in (None, 1):
        raise InvalidField("n", f"found {body.n}; only 1 is allowed")
    if body.stream_options is not None and not body.stream:
        raise InvalidField("stream_options", "is allowed only where stream is true")
    _check_tools(body.tools or ())


def _check_tools(tools: Sequence[Mapping[str, Any]]) -> None:
    for index, tool in enumerate(tools):
        if tool.get("type") not in TOOLS:
            found = f"found {tool.get('type')!r:.80}; allowed are {', '.join(TOOLS)}"
            raise InvalidField(f"tools[{index}].type", found)


def _model(body: CompletionBody, models: Mapping[str, Model]) -> Model:
    if not body.model:
        raise InvalidField("model", "names the model to ask")
    if body.model not in models:
        raise ModelNotFound(body.model, models)
    return models[body.model]


def _parameters(fields: Mapping[str, Any], model: Model) -> Mapping[str, Json]:
    """What the model is handed unread; null is as if it were not there."""
    parameters = {
        name: value for name, value in fields.items() if name not in OURS and value is not None
    }
    for name, value in parameters.items():
        try:
            model.check({name: value})
        except ModelError as error:
            raise InvalidField(name, str(error)) from None
    return parameters
