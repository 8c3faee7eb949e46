"""The tool of the scenario `agents`."""

from legato.tooling import tool


@tool(read_only=True)
async def now() -> str:
    """Say a time."""
    return "12:00"
