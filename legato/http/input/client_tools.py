"""The tools that a start's client runs, as the model reads them."""

from collections.abc import Mapping
from typing import Any

from legato.agents.tools.schemas import InvalidSchema, check_schema
from legato.http.errors import InvalidField
from legato.http.input.bodies import ClientTool, StartBody
from legato.http.input.nesting import MAX_PARAMETERS, check_count


def parameters_of(body: StartBody) -> Mapping[str, Any]:
    """The parameters of the model's calls, with the client's tools in OpenAI's form.

    Raises:
        InvalidField: where no agent could call the tools, two have one name, or a schema is not
            taken.
    """
    parameters = body.model_parameters or {}
    check_count("model_parameters", parameters, MAX_PARAMETERS)
    if not (tools := body.client_tools or ()):
        return parameters
    if not body.agent_id:
        raise InvalidField("clientTools", "a bare model makes one call; name an agent_id")
    if "tools" in parameters:
        raise InvalidField("clientTools", "model_parameters has tools, too; give them here")
    _check(tools)
    return {**parameters, "tools": [_function(tool) for tool in tools]}


def _check(tools: tuple[ClientTool, ...]) -> None:
    names: set[str] = set()
    for place, tool in enumerate(tools):
        if tool.name in names:
            raise InvalidField(f"clientTools[{place}].name", f"two tools are named {tool.name!r}")
        names.add(tool.name)
        try:
            check_schema(tool.parameters)
        except InvalidSchema as error:
            raise InvalidField(f"clientTools[{place}].parameters", str(error)) from None


def _function(tool: ClientTool) -> Mapping[str, Any]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}
