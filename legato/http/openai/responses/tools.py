"""The tools of a request to the Responses API: checked, and as a model is told of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, to_builtins

from legato.http.errors import InvalidField
from legato.http.input.nesting import MAX_TOOLS, check_count
from legato.http.openai.responses.input_items import Name
from legato.http.openai.responses.inputs import converted
from legato.models.contract import Json


class FunctionTool(Struct, frozen=True, tag_field="type", tag="function"):
    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionChoice(Struct, frozen=True, tag_field="type", tag="function"):
    name: Name


class AllowedTools(Struct, frozen=True, tag_field="type", tag="allowed_tools"):
    tools: tuple[FunctionChoice, ...]
    mode: Literal["none", "auto", "required"] = "auto"


Choice = Literal["none", "auto", "required"] | FunctionChoice | AllowedTools


def tools_of(given: Sequence[Any] | None) -> list[FunctionTool]:
    """Raises InvalidField where one is of another type than `function`, or is no such tool."""
    check_count("tools", given or (), MAX_TOOLS)
    tools = []
    for index, raw in enumerate(given or ()):
        name = f"tools[{index}]"
        kind = raw.get("type") if isinstance(raw, dict) else None
        if isinstance(raw, dict) and kind != "function":
            raise InvalidField(f"{name}.type", f"found {kind!r:.80}; allowed: function")
        tools.append(converted(name, raw, FunctionTool))
    return tools


def choice_of(given: Any, tools: Sequence[FunctionTool]) -> Choice:
    """Raises InvalidField where it is of no known form, or names a tool that is not there."""
    if given is None:
        return "auto"
    words = Literal["none", "auto", "required"]
    kind: Any = words if isinstance(given, str) else FunctionChoice | AllowedTools
    choice: Choice = converted("tool_choice", given, kind)
    check_count("tool_choice.tools", _named(choice), MAX_TOOLS)
    names = {tool.name for tool in tools}
    for named in _named(choice):
        if named.name not in names:
            raise InvalidField("tool_choice", f"found {named.name!r}, which is none of tools")
    return choice


def _named(choice: Choice) -> Sequence[FunctionChoice]:
    if isinstance(choice, FunctionChoice):
        return (choice,)
    return choice.tools if isinstance(choice, AllowedTools) else ()


def told(tool: FunctionTool) -> Json:
    """In the words of Chat Completions."""
    return {"type": "function", "function": given_fields(to_builtins(tool))}


def given_fields(struct: Mapping[str, Any]) -> dict[str, Json]:
    """Those that were given; what it is, is said elsewhere."""
    return {key: value for key, value in struct.items() if key != "type" and value is not None}


def choice_told(choice: Choice) -> Json:
    if isinstance(choice, FunctionChoice):
        return {"type": "function", "function": {"name": choice.name}}
    if isinstance(choice, AllowedTools):
        tools: list[Json] = [choice_told(tool) for tool in choice.tools]
        allowed: dict[str, Json] = {"mode": choice.mode, "tools": tools}
        return {"type": "allowed_tools", "allowed_tools": allowed}
    return choice
