"""Hides from a process what only tests and developers install, as it is where Legato is served.

structlog, Quart-Schema and ua-parser load these packages where they find them, which makes a fifth
of a start; and a server that needed one of them would fail at everybody else's.
"""

import sys

for package in ("pydantic", "rich", "yaml"):
    sys.modules[package] = None  # type: ignore[assignment]  # an import of it fails
