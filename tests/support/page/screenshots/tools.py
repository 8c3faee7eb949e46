"""The tool that an agent of the pictures uses."""

import legato


@legato.tool(read_only=True)
def divide(number: float, by: float) -> float:
    """Divide a number by another one."""
    return round(number / by, 1)
