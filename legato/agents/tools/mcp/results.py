"""A call's result as a model reads it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

import mcp_types as types
from mcp_types import CallToolResult, InputRequiredResult
from msgspec import json

from legato.agents.tools.bounds import NOTHING, shortened
from legato.agents.tools.contract import InputRequired, ToolOutput
from legato.models.contract import Json


def output_of(result: CallToolResult) -> ToolOutput:
    text = "\n".join(_texts(result.content))
    if not text and result.structured_content is not None:
        text = json.encode(result.structured_content).decode()
    return ToolOutput(shortened(text) or NOTHING, is_error=result.is_error)


def _texts(content: Iterable[types.ContentBlock]) -> Iterator[str]:
    for block in content:
        match block:
            case types.TextContent():
                yield block.text
            case types.ImageContent() | types.AudioContent():
                yield f"[{block.type}, {block.mime_type}, {_size(block.data)}, not shown]"
            case types.ResourceLink():
                yield f"[resource {block.uri}]"
            case types.EmbeddedResource():
                yield _resource(block.resource)
            case _:
                assert_never(block)


def _resource(found: types.TextResourceContents | types.BlobResourceContents) -> str:
    if isinstance(found, types.TextResourceContents):
        return found.text
    return f"[resource {found.uri}, {_size(found.blob)}, not shown]"


def _size(base64: str) -> str:
    return f"{len(base64) * 3 // 4} bytes"


def asked_of(result: InputRequiredResult) -> InputRequired:
    return InputRequired(requests_of(result.input_requests or {}), result.request_state)


def requests_of(requests: types.InputRequests) -> Mapping[str, Json]:
    """The questions of a tool, by their keys."""
    return {
        key: request.model_dump(by_alias=True, mode="json", exclude_none=True)
        for key, request in requests.items()
    }
