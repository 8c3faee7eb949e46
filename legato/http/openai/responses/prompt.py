"""The messages and parameters of a request for a model, and the fields that a response repeats."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from legato.config import UnknownTools
from legato.content import ToolCallPart
from legato.http.errors import InvalidField
from legato.http.openai.leave import Requested
from legato.http.openai.responses.approvals import approvals
from legato.http.openai.responses.input_messages import Unseal, items_before, messages_of
from legato.http.openai.responses.inputs import Item, items_of
from legato.http.openai.responses.request import (
    SAME,
    SAMPLING,
    ConversationName,
    JsonObject,
    JsonSchema,
    ResponseBody,
    TextSettings,
    wants_logprobs,
)
from legato.http.openai.responses.tools import (
    Tools,
    choice_told,
    given_fields,
    told,
    tools_of,
)
from legato.models.contract import ChatMessage, Json
from legato.storage.contracts.responses import StoredResponse


class Context(Struct, frozen=True):
    """The context in which a request is read.

    `before`: the responses to go on from, the oldest first.  `stored`: items of other responses
    that the input refers to, by id.  `requested`: the calls that wait for a decision.
    """

    before: Sequence[StoredResponse]
    stored: Mapping[str, Item]
    unseal: Unseal
    unknown_tools: UnknownTools = "leave_out"
    requested: Requested = {}


class Request(Struct, frozen=True):
    """`echo`: see `dialects.response_object.DEFAULTS`; `items` are this request's own.

    `left_out`: the types of the tools that no model gets.  `kept`: see Prompt.
    """

    echo: Mapping[str, Any]
    items: tuple[Item, ...]
    messages: tuple[ChatMessage, ...]
    parameters: Mapping[str, Json]
    left_out: tuple[str, ...] = ()
    kept: tuple[ToolCallPart, ...] = ()


def request_of(body: ResponseBody, job_id: str, context: Context) -> Request:
    """The request that a checked body asks for.

    Raises:
        InvalidField: with the name of the wrong field.
    """
    tools = tools_of(body.tools, body.tool_choice, context.unknown_tools)
    earlier = items_before(context.before)
    items = items_of(body.input or (), job_id, earlier, context.stored)
    found = approvals(earlier, items, context.requested)
    first = [ChatMessage("system", body.instructions)] if body.instructions else []
    messages = (*first, *messages_of([*earlier, *items], context.unseal, found.passed))
    if not messages:
        raise InvalidField("input", "there is nothing in it that a model could read")
    return Request(
        _echo(body, tools),
        tuple(items),
        messages,
        _parameters(body, tools),
        tools.left_out,
        found.kept,
    )


def _echo(body: ResponseBody, tools: Tools) -> Mapping[str, Any]:
    """The fields of the body that the response object repeats."""
    echo: dict[str, Any] = {}
    for name in SAME:
        if (value := getattr(body, name)) is not None:
            echo[name] = value
    if body.conversation is not None:
        given = body.conversation
        echo["conversation"] = {"id": given.id if isinstance(given, ConversationName) else given}
    if tools.served:
        echo["tools"] = [to_builtins(tool) for tool in tools.served]
    if body.tool_choice is not None:
        echo["tool_choice"] = to_builtins(tools.choice)
    if body.reasoning is not None:
        echo["reasoning"] = to_builtins(body.reasoning)
    if body.text is not None:
        echo["text"] = _text_echo(body.text)
    if body.service_tier not in (None, "auto"):
        echo["service_tier"] = body.service_tier
    return echo


def _text_echo(text: TextSettings) -> Mapping[str, Any]:
    form = to_builtins(text.format) if text.format else {"type": "text"}
    if isinstance(text.format, JsonSchema):
        # The specification wants both: `schema` is null in every response object.
        form |= {"schema": None, "strict": bool(text.format.strict)}
    return {"format": form, **({"verbosity": text.verbosity} if text.verbosity else {})}


def _parameters(body: ResponseBody, tools: Tools) -> Mapping[str, Json]:
    """The parameters in the words of Chat Completions."""
    parameters: dict[str, Json] = {}
    for name, theirs in SAMPLING.items():
        if (value := getattr(body, name)) is not None:
            parameters[theirs] = value
    if body.reasoning and body.reasoning.effort:
        parameters["reasoning_effort"] = body.reasoning.effort
    if wants_logprobs(body):
        parameters["logprobs"] = True
        if body.top_logprobs is not None:
            parameters["top_logprobs"] = body.top_logprobs
    if body.text:
        parameters |= _text_parameters(body.text)
    if tools.served:
        parameters["tools"] = [told(tool) for tool in tools.served]
        if body.tool_choice is not None:
            parameters["tool_choice"] = choice_told(tools.choice)
        if body.parallel_tool_calls is not None:
            parameters["parallel_tool_calls"] = body.parallel_tool_calls
    return parameters


def _text_parameters(text: TextSettings) -> dict[str, Json]:
    parameters: dict[str, Json] = {"verbosity": text.verbosity} if text.verbosity else {}
    if isinstance(text.format, JsonObject):
        parameters["response_format"] = {"type": "json_object"}
    if isinstance(text.format, JsonSchema):
        schema = given_fields(to_builtins(text.format))
        parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
    return parameters
