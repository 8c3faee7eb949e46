"""Makes the request to a model on an agent's behalf.  Pure."""

from collections.abc import Mapping, Sequence

from legato.agents.definition import Agent
from legato.agents.tools.contract import ToolDefinition
from legato.models.contract import ChatMessage, Json, ModelRequest
from legato.models.messages import alternating


def prompted(
    agent: Agent,
    request: ModelRequest,
    below: Sequence[ChatMessage],
    tools: Sequence[ToolDefinition],
    resumed: str = "",
    calls_made: int = 0,
) -> ModelRequest:
    """Make the request of one model call.

    `request`: the conversation up to the question, with the caller's parameters; where both name a
    parameter, the agent's counts.  `below`: the run's messages below the question.  `resumed`: the
    text of the call before the cut.  `calls_made`: see ModelRequest.
    """
    system, above = _above(agent, request.messages)
    begun = [ChatMessage("assistant", resumed)] if resumed else []
    messages = (*system, *alternating([*_joined(above, below), *begun]))
    return ModelRequest(messages, _parameters(agent, request, tools), resumed, calls_made)


def _joined(above: Sequence[ChatMessage], below: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The conversation and the run's messages.

    A run that begins with calls of an earlier answer goes on from that answer's last text: text and
    calls are one message, as the model said them.
    """
    if not (above and below and above[-1].role == below[0].role == "assistant"):
        return [*above, *below]
    text, calls = above[-1], below[0]
    if text.more or calls.content is not None:
        return [*above, *below]
    said = ChatMessage("assistant", text.content, calls.more, text.thoughts + calls.thoughts)
    return [*above[:-1], said, *below[1:]]


def _above(
    agent: Agent, messages: Sequence[ChatMessage]
) -> tuple[Sequence[ChatMessage], Sequence[ChatMessage]]:
    """The system message, and the conversation.

    The caller's system message, if any, is joined to the agent's instructions: many models read
    only a single system message.
    """
    has_own = bool(messages) and messages[0].role == "system"
    texts = (agent.prompt, messages[0].text if has_own else "")
    system = "\n\n".join(text for text in texts if text)
    return [ChatMessage("system", system)] if system else [], messages[has_own:]


def _parameters(
    agent: Agent, request: ModelRequest, tools: Sequence[ToolDefinition]
) -> Mapping[str, Json]:
    parameters = {**request.parameters, **agent.parameters}
    offered = [_tool(tool) for tool in tools]
    names = {tool.name for tool in tools}
    offered += [tool for tool in _tools_in(request) if _name_of(tool) not in names]
    return {**parameters, "tools": offered} if offered else parameters


def _tool(tool: ToolDefinition) -> Json:
    parameters: Json = dict(tool.schema) or {"type": "object", "properties": {}}
    function: Json = {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
    }
    return {"type": "function", "function": function}


def names_in(request: ModelRequest) -> set[str]:
    """The names of the tools offered, and called, by the caller."""
    return {_name_of(tool) for tool in _tools_in(request)} - {""}


def schemas_in(request: ModelRequest) -> Mapping[str, Mapping[str, Json]]:
    """The schemas of the arguments of the caller's tools, by the tools' names."""
    return {name: _schema_of(tool) for tool in _tools_in(request) if (name := _name_of(tool))}


def _schema_of(tool: Json) -> Mapping[str, Json]:
    function = tool.get("function") if isinstance(tool, dict) else None
    schema = function.get("parameters") if isinstance(function, dict) else None
    return schema if isinstance(schema, dict) else {}


def _tools_in(request: ModelRequest) -> list[Json]:
    tools = request.parameters.get("tools")
    return tools if isinstance(tools, list) else []


def _name_of(tool: Json) -> str:
    """The name of a function or of a custom tool; "" where the caller gave none."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    fields = tool.get(kind) if isinstance(tool, dict) and isinstance(kind, str) else None
    name = fields.get("name") if isinstance(fields, dict) else None
    return name if isinstance(name, str) else ""
