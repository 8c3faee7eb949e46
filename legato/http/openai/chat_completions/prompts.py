"""The turn that a request to Chat Completions asks for."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, to_builtins
from ulid import ULID

from legato.actors.conversation.turn import Prompt, Turn
from legato.agents.definition import Agent
from legato.config import UnknownTools
from legato.content import ToolCallPart
from legato.dialects.completion_object import PREFIX, Echo
from legato.http.errors import InvalidField, ModelNotFound
from legato.http.input.digests import digest_of
from legato.http.input.nesting import MAX_PARAMETERS, MAX_TOOLS, check_count
from legato.http.openai.chat_completions.bodies import OURS, CompletionBody
from legato.http.openai.chat_completions.functions import with_tool_calls, with_tools
from legato.http.openai.chat_completions.messages import messages_of
from legato.http.openai.images import check_images
from legato.http.openai.leave import LeaveDecision
from legato.http.openai.unknown_tools import SERVED, check_asked, sorted_out
from legato.models.contract import Json, Model, ModelError
from legato.requests import ApiRequest

API: Final = "chat_completions"
_MANNERS: Final = ("stream", "stream_options", "cancel_on_disconnect")
_OF_TOOLS: Final = ("tools", "tool_choice", "parallel_tool_calls")
_CHOICES: Final = (*SERVED, "allowed_tools")


class RequestedTurn(Struct, frozen=True):
    """A turn; `left_out`: the types of the tools that the model does not get."""

    turn: Turn
    left_out: Sequence[str] = ()


def turn_of(
    body: CompletionBody,
    fields: Mapping[str, Any],
    *,
    user: str,
    request_id: str | None,
    models: Mapping[str, Model],
    max_text: int,
    unknown_tools: UnknownTools = "leave_out",
    agents: tuple[Agent, ...] = (),
    kept: tuple[ToolCallPart, ...] = (),
) -> RequestedTurn:
    """The turn that `body` asks for; `fields` are all fields of the body, known or not.

    `request_id`: the caller's id of the request.  `agents`: the agents that answer, where the
    body's model is an agent.  `kept`: see Prompt.  Raises InvalidField, ModelNotFound, TooLarge.
    """
    _check(body)
    served, left_out = _with_tools_served(with_tools(fields), unknown_tools)
    check_count("body", served, MAX_PARAMETERS)
    model = model_named(body.model, models, agents)
    job_id = ULID()
    name = body.model if agents and body.model else model.name
    api_request = _api_request(body, served, job_id, user, name)
    turn = Turn(
        job_id=str(job_id),
        conversation_id=f"{PREFIX}{job_id}",
        message_id=f"{PREFIX}{job_id}-request",
        response_id=f"{PREFIX}{job_id}",
        user=user,
        model=model.name,
        endpoint=API,
        parameters=_parameters(served, model),
        request_id=request_id,
        request_digest=None if request_id is None else digest_of(_asked_again(fields)),
        prompt=_prompt(body, api_request, kept, model, max_text),
        agents=agents,
    )
    return RequestedTurn(turn, left_out)


def _prompt(
    body: CompletionBody,
    api_request: ApiRequest,
    kept: tuple[ToolCallPart, ...],
    model: Model,
    max_text: int,
) -> Prompt:
    messages = messages_of(with_tool_calls(body.messages or ()), max_text)
    check_images(messages, model, "messages")
    return Prompt(api_request=api_request, messages=messages, kept=kept)


def _api_request(
    body: CompletionBody, fields: Mapping[str, Any], job_id: ULID, user: str, model: str
) -> ApiRequest:
    return ApiRequest(
        api=API,
        user=user,
        model=model,
        echo=to_builtins(_echo(body, job_id)),
        logprobs=fields.get("logprobs") is True,
    )


def _echo(body: CompletionBody, job_id: ULID) -> Echo:
    wants_usage = body.stream_options is not None and body.stream_options.include_usage is True
    return Echo(job_id.milliseconds // 1000, wants_usage, bool(body.functions))


def decisions_in(body: CompletionBody) -> Sequence[LeaveDecision]:
    """The decisions of a request on calls of earlier completions."""
    given = body.legato.decisions if body.legato else ()
    return [
        LeaveDecision(f"legato.decisions[{place}].id", each.id, each.approve, each.reason)
        for place, each in enumerate(given)
    ]


def _asked_again(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields that a repeated request must repeat: all but the form of the answer."""
    return {name: value for name, value in fields.items() if name not in _MANNERS}


def _check(body: CompletionBody) -> None:
    if body.stream_options is not None and not body.stream:
        raise InvalidField("stream_options", "is allowed only where stream is true")
    check_count("tools", body.tools or (), MAX_TOOLS)


def _with_tools_served(
    fields: Mapping[str, Any], policy: UnknownTools
) -> tuple[Mapping[str, Any], Sequence[str]]:
    """The fields without the tools that nobody runs, and the types of these tools.

    Where no tool is left, fields about tools are left out, too: providers refuse these fields
    without any tool.
    """
    served, left_out = sorted_out(fields.get("tools"), policy)
    if not left_out:
        return fields, ()
    choice = fields.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") not in _CHOICES:
        found = f"found {choice.get('type')!r:.80}; allowed: {', '.join(_CHOICES)}"
        raise InvalidField("tool_choice.type", found)
    check_asked(choice not in (None, "auto", "none"), served, left_out)
    if served:
        return {**fields, "tools": [tool for _, tool in served]}, left_out
    return {name: fields[name] for name in fields if name not in _OF_TOOLS}, left_out


def model_named(
    name: str | None, models: Mapping[str, Model], agents: Sequence[Agent] = ()
) -> Model:
    """The model of that name, or of the first of `agents`.  Raises InvalidField, ModelNotFound."""
    if not name:
        raise InvalidField("model", "names the model to ask")
    if agents:
        return models[agents[0].model]
    if name not in models:
        raise ModelNotFound(name, models)
    return models[name]


def _parameters(fields: Mapping[str, Any], model: Model) -> Mapping[str, Json]:
    """The fields that the model gets unread; null counts as absent."""
    parameters = {
        name: value for name, value in fields.items() if name not in OURS and value is not None
    }
    check_parameters(parameters, model)
    return parameters


def check_parameters(parameters: Mapping[str, Json], model: Model) -> None:
    """Raises InvalidField for the first parameter that the model does not take."""
    for name, value in parameters.items():
        try:
            model.check({name: value})
        except ModelError as error:
            raise InvalidField(name, str(error)) from None
