"""An MCP server with a clock and a calculator; it needs no network.

    python examples/tools/clock.py

It speaks MCP through standard input and output, so a client starts it: `[mcp.clock]` in
`legato.toml` with `command = "python3"` and `args = ["examples/tools/clock.py"]`.
"""

import ast
import operator
from datetime import UTC, datetime
from typing import Final

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

OPERATORS: Final = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
}

server = MCPServer("clock")
READS: Final = ToolAnnotations(read_only_hint=True)


@server.tool(annotations=READS)
def now() -> str:
    """Say the date and the time, in UTC."""
    return datetime.now(UTC).strftime("%A, %Y-%m-%d %H:%M:%S UTC")


@server.tool(annotations=READS)
def calculate(expression: str) -> str:
    """Calculate, for example `(2 + 3) * 4 / 7`.  There are + - * / % and brackets."""
    if len(expression) > 200:
        raise ValueError("the expression is longer than 200 characters")
    return str(value(ast.parse(expression, mode="eval").body))


def value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.BinOp(left, operation, right) if type(operation) in OPERATORS:
            return OPERATORS[type(operation)](value(left), value(right))
        case ast.UnaryOp(operation, operand) if type(operation) in OPERATORS:
            return OPERATORS[type(operation)](value(operand))
    raise ValueError(f"{ast.unparse(node)} is not a sum of numbers")


if __name__ == "__main__":
    server.run()
