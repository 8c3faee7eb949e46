"""The closed lists of the Responses API have the words of OpenAI's own client, and no fewer."""

from typing import Any, get_args, get_type_hints

import pytest
from openai.types.responses import (
    EasyInputMessageParam,
    ResponseInputContentParam,
    ResponseInputItemParam,
    ResponseOutputMessageParam,
    ResponseTextConfig,
    response_create_params,
)
from openai.types.responses.image_detail import ImageDetail
from openai.types.responses.service_tier import ServiceTier
from openai.types.responses.tool_choice_options import ToolChoiceOptions
from openai.types.shared import Reasoning, ReasoningEffort
from pydantic import BaseModel

from legato.http.openai.responses.input_items import (
    KINDS,
    ContentPart,
    Detail,
    ItemStatus,
    MessageItem,
)
from legato.http.openai.responses.request import ReasoningSettings, ResponseBody, TextSettings
from legato.http.openai.responses.tools import Choice

NOT_SERVED = {
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "configuration_update",
    "file_search_call",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
}
"""Items of tools that OpenAI's own servers run: no model here ever makes one."""


def words(hint: Any) -> set[str]:
    """All literal texts in a type, however deep."""
    if isinstance(hint, str):
        return {hint}
    return set().union(*(words(each) for each in get_args(hint)))


def field(kind: type, name: str) -> set[str]:
    hint = kind.model_fields[name].annotation if issubclass(kind, BaseModel) else None
    return words(hint or get_type_hints(kind)[name])


def types_of(union: Any) -> set[str]:
    """The values of `type` in the members of a union of dictionaries."""
    found: set[str] = set()
    for member in get_args(union):
        found |= words(get_type_hints(member, include_extras=True)["type"])
    return found


LISTS: list[tuple[str, set[str], set[str]]] = [
    ("effort", field(ReasoningSettings, "effort"), words(ReasoningEffort)),
    ("summary", field(ReasoningSettings, "summary"), field(Reasoning, "summary")),
    ("service tier", field(ResponseBody, "service_tier"), words(ServiceTier)),
    ("image detail", words(Detail), words(ImageDetail)),
    ("tool choice", words(Choice) & words(ToolChoiceOptions), words(ToolChoiceOptions)),
    ("role", field(MessageItem, "role"), field(EasyInputMessageParam, "role")),
    ("status", words(ItemStatus), field(ResponseOutputMessageParam, "status")),
    ("verbosity", field(TextSettings, "verbosity"), field(ResponseTextConfig, "verbosity")),
    (
        "truncation",
        field(ResponseBody, "truncation"),
        field(response_create_params.ResponseCreateParamsBase, "truncation"),
    ),
]


@pytest.mark.parametrize(
    ("ours", "theirs"), [pair[1:] for pair in LISTS], ids=[n for n, *_ in LISTS]
)
def test_a_closed_list_is_that_of_openais_client(ours: set[str], theirs: set[str]) -> None:
    assert theirs
    assert ours == theirs


def test_every_kind_of_item_is_read_or_known_not_to_be() -> None:
    assert types_of(ResponseInputItemParam) == set(KINDS) | NOT_SERVED


def test_every_part_of_a_content_is_read() -> None:
    said = types_of(get_type_hints(ResponseOutputMessageParam)["content"].__args__[0])
    assert {tag_of(part) for part in get_args(ContentPart)} == types_of(
        ResponseInputContentParam
    ) | said


def tag_of(part: Any) -> str:
    return str(part.__struct_config__.tag)
