"""The tools of a request to the Responses API: checked, and in a model's words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct, to_builtins

from legato.config import UnknownTools
from legato.http.errors import InvalidField
from legato.http.input.nesting import MAX_TOOLS, check_count
from legato.http.openai.responses.input_items import Name
from legato.http.openai.responses.inputs import converted
from legato.http.openai.unknown_tools import check_asked, sorted_out
from legato.models.contract import Json


class FunctionToolParam(Struct, frozen=True, tag_field="type", tag="function"):
    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CustomTool(Struct, frozen=True, tag_field="type", tag="custom"):
    """A tool with any text as input, or, with a `format`, a text of a grammar."""

    name: Name
    description: str | None = None
    format: dict[str, Any] | None = None


class FunctionChoice(Struct, frozen=True, tag_field="type", tag="function"):
    name: Name


class CustomChoice(Struct, frozen=True, tag_field="type", tag="custom"):
    name: Name


class AllowedTools(Struct, frozen=True, tag_field="type", tag="allowed_tools"):
    tools: tuple[FunctionChoice | CustomChoice, ...]
    mode: Literal["none", "auto", "required"] = "auto"


ServedTool = FunctionToolParam | CustomTool
NamedTool = FunctionChoice | CustomChoice
Choice = Literal["none", "auto", "required"] | NamedTool | AllowedTools

_KINDS: Final[Mapping[str, type[ServedTool]]] = {
    "function": FunctionToolParam,
    "custom": CustomTool,
}


class Tools(Struct, frozen=True):
    """The tools and the choice of a request; `left_out`: the types of tools that nobody runs."""

    served: tuple[ServedTool, ...] = ()
    choice: Choice = "auto"
    left_out: tuple[str, ...] = ()


def tools_of(given: Sequence[Any] | None, choice: Any, policy: UnknownTools) -> Tools:
    """The tools of a request.

    Raises:
        InvalidField: where a tool is malformed, or of an unknown type that may not be left out;
            where the choice is malformed, or asks for a tool that is not given.
    """
    check_count("tools", given or (), MAX_TOOLS)
    fit, left_out = sorted_out(given, policy)
    served = tuple(converted(field, tool, _KINDS[tool["type"]]) for field, tool in fit)
    return Tools(served, _choice_of(choice, served, left_out), tuple(left_out))


def _choice_of(given: Any, served: Sequence[ServedTool], left_out: Sequence[str]) -> Choice:
    if given is None:
        return "auto"
    if isinstance(given, str):
        words: Any = Literal["none", "auto", "required"]
        word: Choice = converted("tool_choice", given, words)
        check_asked(word == "required", served, left_out)
        return word
    kinds: Any = NamedTool | AllowedTools
    choice: NamedTool | AllowedTools = converted(
        "tool_choice", _without_unknown(given, left_out), kinds
    )
    named = choice.tools if isinstance(choice, AllowedTools) else (choice,)
    check_count("tool_choice.tools", named, MAX_TOOLS)
    known = {(_type_of(tool), tool.name) for tool in served}
    for tool in named:
        if (_type_of(tool), tool.name) not in known:
            raise InvalidField("tool_choice", f"found {tool.name!r}, which is none of tools")
    return choice


def _without_unknown(given: Any, left_out: Sequence[str]) -> Any:
    """The choice without the tools that are left out.

    Raises:
        InvalidField: where the choice is among several tools, and no tool is left.
    """
    if not (isinstance(given, dict) and left_out and isinstance(given.get("tools"), list)):
        return given
    tools = given["tools"]
    kept = [tool for tool in tools if not (isinstance(tool, dict) and tool.get("type") in left_out)]
    check_asked(bool(tools), kept, left_out)
    return given | {"tools": kept}


def _type_of(tool: ServedTool | NamedTool) -> str:
    return str(tool.__struct_config__.tag)


def told(tool: ServedTool) -> Json:
    """The tool in the words of Chat Completions."""
    fields = given_fields(to_builtins(tool))
    if isinstance(tool, CustomTool) and tool.format:
        fields["format"] = _format_told(tool.format)
    return {"type": _type_of(tool), _type_of(tool): fields}


def _format_told(given: Mapping[str, Any]) -> Json:
    """The format in the words of Chat Completions, where a grammar is one level deeper."""
    if given.get("type") != "grammar" or "grammar" in given:
        return dict(given)
    grammar = {name: value for name, value in given.items() if name != "type"}
    return {"type": "grammar", "grammar": grammar}


def given_fields(struct: Mapping[str, Any]) -> dict[str, Json]:
    """The fields that the client gave, without `type`."""
    return {key: value for key, value in struct.items() if key != "type" and value is not None}


def choice_told(choice: Choice) -> Json:
    if isinstance(choice, FunctionChoice | CustomChoice):
        return {"type": _type_of(choice), _type_of(choice): {"name": choice.name}}
    if isinstance(choice, AllowedTools):
        tools: list[Json] = [choice_told(tool) for tool in choice.tools]
        allowed: dict[str, Json] = {"mode": choice.mode, "tools": tools}
        return {"type": "allowed_tools", "allowed_tools": allowed}
    return choice
