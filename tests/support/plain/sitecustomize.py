"""Hides from a process what only tests and developers install, as it is where Legato is served.

structlog, Quart-Schema and ua-parser load these packages where they find them, which makes a fifth
of a start; and a server that needed one of them would fail at everybody else's.  The variable
EXTRAS names the extras of Legato that are installed there.
"""

import os
import sys

BROUGHT = {"mcp": "mcp", "pydantic": "mcp", "pydantic_core": "mcp"}  # by which extra

for package in ("mcp", "pydantic", "pydantic_core", "rich", "yaml"):
    if BROUGHT.get(package) in os.environ.get("EXTRAS", "").split():
        continue
    sys.modules[package] = None  # type: ignore[assignment]  # an import of it fails
