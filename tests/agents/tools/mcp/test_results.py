import mcp_types as types
import pytest

from legato.agents.tools.contract import ToolOutput
from legato.agents.tools.mcp.results import output_of


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (
            types.CallToolResult(
                content=[types.TextContent(text="a"), types.TextContent(text="b")],
                structured_content={"c": 1},
            ),
            "a\nb",
        ),
        (types.CallToolResult(content=[], structured_content={"c": 1}), '{"c":1}'),
        (types.CallToolResult(content=[]), "(The tool returned nothing.)"),
        (
            types.CallToolResult(content=[types.AudioContent(data="AAAA", mime_type="audio/wav")]),
            "[audio, audio/wav, 3 bytes, not shown]",
        ),
        (
            types.CallToolResult(content=[types.ResourceLink(name="f", uri="file:///f")]),
            "[resource file:///f]",
        ),
        (
            types.CallToolResult(
                content=[
                    types.EmbeddedResource(
                        resource=types.TextResourceContents(uri="file:///f", text="of the file")
                    ),
                    types.EmbeddedResource(
                        resource=types.BlobResourceContents(uri="file:///g", blob="AAAA")
                    ),
                ]
            ),
            "of the file\n[resource file:///g, 3 bytes, not shown]",
        ),
    ],
)
def test_each_kind_of_content_is_told_to_the_model(result: types.CallToolResult, text: str) -> None:
    assert output_of(result) == ToolOutput(text)
