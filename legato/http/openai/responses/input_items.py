"""The items that a request to the Responses API may bring, as clients write them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

CallId = Annotated[str, Meta(min_length=1, max_length=8192)]
"""Some providers carry a signature of their thoughts in it, which has to come back whole."""

Name = Annotated[
    str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$(?!\n)")
]  # to Python, $ is before one too
CalledName = Annotated[str, Meta(min_length=1, max_length=256)]
"""Of a past call: providers also have dots and slashes in it, and clients send it back."""

ItemStatus = Literal["in_progress", "completed", "incomplete"]
Detail = Literal["low", "high", "auto", "original"]


class InputText(Struct, frozen=True, tag_field="type", tag="input_text"):
    text: str


class OutputText(Struct, frozen=True, tag_field="type", tag="output_text"):
    text: str
    annotations: tuple[Any, ...] | None = ()


class Refusal(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


class InputImage(Struct, frozen=True, tag_field="type", tag="input_image"):
    """`image_url` may be a data URL.  There are no files here that a `file_id` could name."""

    image_url: str
    detail: Detail | None = None


class InputFile(Struct, frozen=True, tag_field="type", tag="input_file", omit_defaults=True):
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None


ContentPart = InputText | OutputText | Refusal | InputImage | InputFile
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
    """A call of a tool whose input is any text."""

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


class SummaryText(Struct, frozen=True, tag_field="type", tag="summary_text"):
    text: str


class ReasoningText(Struct, frozen=True, tag_field="type", tag="reasoning_text"):
    text: str


class ReasoningItem(Struct, frozen=True, omit_defaults=True):
    """Kept, and sent to the models that want it back beside the calls that came of it."""

    summary: tuple[SummaryText, ...]
    id: str | None = None
    content: tuple[ReasoningText, ...] | None = None
    encrypted_content: str | None = None


class CompactionItem(Struct, frozen=True):
    """What `/v1/responses/compact` made of a conversation."""

    encrypted_content: str
    id: str | None = None


class ItemReference(Struct, frozen=True):
    id: str


CallItem = FunctionCallItem | CustomCallItem
CallOutputItem = FunctionCallOutputItem | CustomCallOutputItem
OwnItem = MessageItem | CallItem | CallOutputItem | ReasoningItem | CompactionItem
InputItem = OwnItem | ItemReference

KINDS: Final[Mapping[str, type[InputItem]]] = {
    "message": MessageItem,
    "function_call": FunctionCallItem,
    "function_call_output": FunctionCallOutputItem,
    "custom_tool_call": CustomCallItem,
    "custom_tool_call_output": CustomCallOutputItem,
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
    ReasoningItem: "rs",
    CompactionItem: "cmp",
}
"""Of the ids of those that come without one."""
