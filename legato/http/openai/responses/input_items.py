"""The items of a request to the Responses API, in the form of clients."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

CallId = Annotated[str, Meta(min_length=1, max_length=8192)]
"""Long, because some providers carry a signature of thoughts in the id, and need all of the id."""

Name = Annotated[
    str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$(?!\n)")
]  # Python's $ matches before a line break, too
CalledName = Annotated[str, Meta(min_length=1, max_length=256)]
"""The name in a past call: providers also use dots and slashes, and clients send the name back."""

ItemStatus = Literal["in_progress", "completed", "incomplete"]
Detail = Literal["low", "high", "auto", "original"]


class InputText(Struct, frozen=True, tag_field="type", tag="input_text"):
    text: str


class OutputText(Struct, frozen=True, tag_field="type", tag="output_text"):
    text: str
    annotations: tuple[Any, ...] | None = ()


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


class InputImage(Struct, frozen=True, tag_field="type", tag="input_image"):
    """`image_url` may be a data URL.  There is no `file_id`, because no files are kept here."""

    image_url: str
    detail: Detail | None = None


class InputFile(Struct, frozen=True, tag_field="type", tag="input_file", omit_defaults=True):
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None


ContentPart = InputText | OutputText | RefusalPart | InputImage | InputFile
Content = str | tuple[ContentPart, ...]


class MessageItem(Struct, frozen=True):
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    id: str | None = None
    status: ItemStatus | None = None


class FunctionCallItem(Struct, frozen=True):
    call_id: CallId
    name: CalledName
    arguments: str
    id: str | None = None
    status: ItemStatus | None = None


class CustomCallItem(Struct, frozen=True):
    """A call of a custom tool, with any text as input."""

    call_id: CallId
    name: CalledName
    input: str
    id: str | None = None
    status: ItemStatus | None = None


class FunctionCallOutputItem(Struct, frozen=True):
    call_id: CallId
    output: Content
    id: str | None = None
    status: ItemStatus | None = None


class CustomCallOutputItem(Struct, frozen=True):
    call_id: CallId
    output: Content
    id: str | None = None
    status: ItemStatus | None = None


class McpCallItem(Struct, frozen=True):
    """A call made by an agent's run, with the result; `error` has the texts of a failure."""

    server_label: CalledName
    name: CalledName
    arguments: str
    id: str | None = None
    status: Literal["in_progress", "calling", "completed", "incomplete", "failed"] | None = None
    output: str | None = None
    error: str | dict[str, Any] | None = None
    approval_request_id: str | None = None


class McpListToolsItem(Struct, frozen=True):
    """The tools of a server: kept, and not sent to the model, which gets the agent's tools."""

    server_label: CalledName
    tools: tuple[dict[str, Any], ...]
    id: str | None = None
    error: str | None = None


class McpApprovalRequestItem(Struct, frozen=True):
    """A call for which a run asked leave.  Legato has the call itself: the id alone counts."""

    id: str
    server_label: CalledName
    name: CalledName
    arguments: str


class McpApprovalResponseItem(Struct, frozen=True):
    """The decision on a request for leave.  `reason` is for the model."""

    approval_request_id: str
    approve: bool
    id: str | None = None
    reason: str | None = None


class SummaryText(Struct, frozen=True, tag_field="type", tag="summary_text"):
    text: str


class ReasoningText(Struct, frozen=True, tag_field="type", tag="reasoning_text"):
    text: str


class ReasoningItem(Struct, frozen=True, omit_defaults=True):
    """A thought, kept, and sent to models that want thoughts back beside the calls after."""

    summary: tuple[SummaryText, ...]
    id: str | None = None
    content: tuple[ReasoningText, ...] | None = None
    encrypted_content: str | None = None


class CompactionItem(Struct, frozen=True):
    """A summary of a conversation by `/v1/responses/compact`."""

    encrypted_content: str
    id: str | None = None


class ItemReference(Struct, frozen=True):
    id: str


CallItem = FunctionCallItem | CustomCallItem
CallOutputItem = FunctionCallOutputItem | CustomCallOutputItem
McpItem = McpCallItem | McpListToolsItem | McpApprovalRequestItem | McpApprovalResponseItem
OwnItem = MessageItem | CallItem | CallOutputItem | McpItem | ReasoningItem | CompactionItem
InputItem = OwnItem | ItemReference

KINDS: Final[Mapping[str, type[InputItem]]] = {
    "message": MessageItem,
    "function_call": FunctionCallItem,
    "function_call_output": FunctionCallOutputItem,
    "custom_tool_call": CustomCallItem,
    "custom_tool_call_output": CustomCallOutputItem,
    "mcp_call": McpCallItem,
    "mcp_list_tools": McpListToolsItem,
    "mcp_approval_request": McpApprovalRequestItem,
    "mcp_approval_response": McpApprovalResponseItem,
    "reasoning": ReasoningItem,
    "compaction": CompactionItem,
    "item_reference": ItemReference,
}
PREFIXES: Final[Mapping[type[InputItem], str]] = {
    MessageItem: "msg",
    FunctionCallItem: "fc",
    FunctionCallOutputItem: "fco",
    CustomCallItem: "ctc",
    CustomCallOutputItem: "ctco",
    McpCallItem: "mcp",
    McpListToolsItem: "mcpl",
    McpApprovalRequestItem: "mcpr",
    McpApprovalResponseItem: "mcpa",
    ReasoningItem: "rs",
    CompactionItem: "cmp",
}
"""Prefixes of the ids that we give to items without an id."""
