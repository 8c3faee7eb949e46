"""The HTTP client of a server with an address."""

import ssl
from typing import Any

import pytest

from legato.agents.tools.mcp.http import http_client
from legato.config.tools import McpSettings


@pytest.mark.parametrize(("scheme", "is_read"), [("http", False), ("https", True)])
def test_authorities_are_read_for_an_encrypted_server_alone(
    scheme: str, is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *places: read.append(places)
    )

    http_client(McpSettings(url=f"{scheme}://127.0.0.1:9/mcp"))

    assert bool(read) == is_read
