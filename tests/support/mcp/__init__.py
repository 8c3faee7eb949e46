"""Real MCP servers, written with the `mcp` package, that misbehave when asked to."""
