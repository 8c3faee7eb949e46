"""Functions, the form of tools before there were tools: requests in the form of today.  Pure.

Old clients send `functions` and messages of the role `function`, which most model servers no longer
read.  The answer to such a request has a `function_call` instead of `tool_calls`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from legato.http.errors import InvalidField
from legato.http.input.nesting import MAX_TOOLS, check_count

Given = Mapping[str, Any]

ROLE = "function"
_FIELDS = ("functions", "function_call")


def with_tools(fields: Given) -> Given:
    """The fields of a request, with `functions` as `tools` and `function_call` as `tool_choice`.

    Raises:
        InvalidField: where `functions` stand beside tools, or there are too many functions; where
            `function_call` is no choice among functions.
    """
    rest = {name: value for name, value in fields.items() if name not in _FIELDS}
    functions, choice = fields.get("functions"), fields.get("function_call")
    if not functions:
        return rest
    if rest.get("tools"):
        raise InvalidField("functions", "are not allowed beside tools, which took their place")
    check_count("functions", functions, MAX_TOOLS)
    tools = [{"type": "function", "function": each} for each in functions]
    return rest | {"tools": tools} | ({} if choice is None else {"tool_choice": _choice(choice)})


def _choice(given: Any) -> Any:
    match given:
        case "auto" | "none":
            return given
        case {"name": str(name)}:
            return {"type": "function", "function": {"name": name}}
        case _:
            allowed = 'allowed: auto, none, {"name": "…"}'
            raise InvalidField("function_call", f"found {given!r:.80}; {allowed}")


def with_tool_calls(messages: Sequence[Given]) -> Sequence[Given]:
    """The messages, with each `function_call` as a tool call and each result as that call's.

    Raises:
        InvalidField: where a message of the role `function` follows no call of the function.
    """
    called: dict[str, str] = {}  # ids of calls without a result, by the functions' names
    return [_message(index, message, called) for index, message in enumerate(messages)]


def _message(index: int, message: Given, called: dict[str, str]) -> Given:
    match message:
        case {"role": "assistant", "function_call": dict(call)} if not message.get("tool_calls"):
            call_id = f"function_call_{index}"
            called[str(call.get("name"))] = call_id
            tool_call = {"id": call_id, "type": "function", "function": call}
            rest = {name: value for name, value in message.items() if name not in _FIELDS}
            return rest | {"tool_calls": [tool_call]}
        case {"role": "function"}:
            name = message.get("name")
            if not (isinstance(name, str) and name in called):
                found = f"found {name!r:.80}; names a function that an assistant called before"
                raise InvalidField(f"messages[{index}].name", found)
            content = message.get("content")
            result = "" if content is None else content  # OpenAI's types allow null here
            return {"role": "tool", "tool_call_id": called.pop(name), "content": result}
        case _:
            return message
