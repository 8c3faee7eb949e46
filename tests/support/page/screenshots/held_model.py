"""A model server that knows its answers, and stays silent in the middle of some.

An answer that stops at a known word is in the same state in every run, for as long as a picture
takes.  The server ends such an answer when Legato closes the connection.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.support.models.played import DONE, delta, finish

TIDES: Final = "How do tides work?"
SHORTER: Final = "In one sentence, please."
FILES: Final = "Read a file in Python?"
EARTH: Final = "How wide is the Earth?"
WIDTH: Final = "And the Moon?"
MOON: Final = "And on the Moon?"

HELD: Final = {TIDES, MOON}
"""Questions whose answers never end."""

ANSWERS: Final = {
    TIDES: """The Moon pulls harder on the near side of the Earth:

1. **A bulge** of water rises below the Moon.
2. **A second bulge** rises on the far side.
3. The Earth turns below both.
4. A coast passes both bulges each day.

So most coasts have *two* high tides a""",
    SHORTER: "The Earth turns below two bulges of water that the Moon raises.",
    FILES: """Open the file, and read one line after the other:

```python
with open("tides.csv") as file:
    for line in file:
        print(line.rstrip())
```

| way | memory |
| --- | --- |
| `for line in file` | one line |
| `file.read()` | the whole file |
""",
    EARTH: "The Earth is 12,742 km wide.",
    WIDTH: "The Moon is 3,474 km wide.",
    MOON: "The Moon has no",
}


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = _known(asked["messages"][-1]["content"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        words = re.findall(r"\S+\s*", ANSWERS.get(question, ""))
        self.wfile.write(b"".join(delta(content=word) for word in words))
        if question in HELD:
            self.rfile.read(1)  # returns when Legato closes the connection
        else:
            self.wfile.write(finish("stop") + DONE)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _known(text: str) -> str:
    """The question that a prompt ends with; empty for a prompt that asks for a title."""
    return next((each for each in ANSWERS if text.endswith(each)), "")


@contextmanager
def held_model() -> Iterator[str]:
    """Serve until the block ends; gives the address for `base_url`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
