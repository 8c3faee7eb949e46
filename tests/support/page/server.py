"""A real Legato in a process of its own, with models whose answers are known."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from legato.http.auth.authenticator import SESSION_COOKIE, Authenticator
from legato.http.auth.tokens import sign

SECRET = "a secret for tests that is long enough for anybody"
SLOW_TOKENS = 120

CLOCK = Path(__file__).parents[3] / "examples" / "tools" / "clock.py"
ODD = Path(__file__).parents[1] / "mcp" / "server.py"

FORMULAS = r"""Since $a^2$ is:

$$
\begin{aligned} a &= b \end{aligned}
$$

$c$"""

CODE = """Say it twice:

```python
print("once")
print("twice")
```

- or in a shell:

  ```
  echo once
  ```
"""

MODELS = f"""
default_model = "quick"
inspect_admins = ["root"]

[models.quick]
provider = "scripted"
parameters = {{ tokens = 10, rate = 0 }}

[models.quicker]
provider = "scripted"
description = "Seven words, at once"
efforts = ["low", "high"]
parameters = {{ tokens = 7, rate = 0 }}

[models.slow]
provider = "scripted"
parameters = {{ tokens = {SLOW_TOKENS}, rate = 30 }}

[models.slower]
provider = "scripted"
parameters = {{ tokens = 2000, rate = 20 }}

[models.failing]
provider = "scripted"
parameters = {{ tokens = 20, rate = 50, fail_after = 5 }}

[models.thoughtful]
provider = "scripted"
parameters = {{ tokens = 20, rate = 20, reasoning = 20 }}

[models.talker]
provider = "scripted"
parameters = {{ script = [
  {{ text = "Let me see. ", calls = [
    {{ name = "calculate_mcp_clock", arguments = {{ expression = "2+3" }} }},
  ] }},
  {{ text = "That is the sum." }},
] }}

[models.steerable]
provider = "scripted"
parameters = {{ rate = 20, script = [{{ tokens = 2000 }}, {{ text = "In short: it works." }}] }}

[models.twice]
provider = "scripted"
parameters = {{ rate = 0, script = [
  {{ calls = [{{ name = "calculate_mcp_clock", arguments = {{ expression = "2+3" }} }}] }},
  {{ calls = [{{ name = "calculate_mcp_clock", arguments = {{ expression = "6*7" }} }}] }},
  {{ text = "Both are done." }},
] }}

[models.questioning]
provider = "scripted"
parameters = {{ rate = 0, script = [
  {{ calls = [
    {{ name = "ask_user", arguments = {{ question = "Which?", options = ["Red", "Blue"] }} }},
  ] }},
  {{ text = "As you wish." }},
] }}

[models.asking]
provider = "scripted"
parameters = {{ rate = 0, script = [
  {{ calls = [{{ name = "ask_mcp_odd" }}] }},
  {{ text = "That is all." }},
] }}

[models.pensive]
provider = "scripted"
parameters = {{ tokens = 20, rate = 100, reasoning = 2000 }}

[models.forgetful]
provider = "scripted"
max_context_tokens = 30
parameters = {{ tokens = 40, rate = 20 }}

[models.mathematical]
provider = "scripted"
parameters = {{ rate = 0, script = [{{ text = {json.dumps(FORMULAS)} }}] }}

[models.coding]
provider = "scripted"
parameters = {{ rate = 0, script = [{{ text = {json.dumps(CODE)} }}] }}

[models.nested]
provider = "scripted"
parameters = {{ script = [{{ text = "{">" * 2000} deep" }}] }}
"""
"""Models alone: a server with nothing else begins in a quarter of the time."""

TOOLS = f"""
[mcp.clock]
command = "{sys.executable}"
args = ["{CLOCK}"]

[mcp.odd]
command = "{sys.executable}"
args = ["{ODD}", "/dev/null"]

[agents.helper]
name = "Helper"
model = "talker"
tools = ["calculate_mcp_clock"]

[agents.careful]
name = "Careful"
model = "twice"
tools = ["calculate_mcp_clock"]
approval = {{ "calculate_*" = "ask" }}

[agents.asker]
name = "Asker"
model = "asking"
tools = ["ask_mcp_odd"]

[agents.curious]
name = "Curious"
model = "questioning"
tools = ["ask_user"]
"""

CONFIG = MODELS + TOOLS
"""Agents with tools of two MCP servers besides, each of which is a process."""

SERVE = "from legato.cli import main; raise SystemExit(main())"


class LegatoServer(Struct, frozen=True):
    url: str  # without a slash at its end

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def cookie(self, user: str) -> tuple[str, str]:
        """The session cookie of `user`: its name and value."""
        return SESSION_COOKIE, Authenticator(SECRET).session(user)

    def token(self, user: str) -> str:
        """A JWT that logs `user` in."""
        return sign(user, SECRET, now=time.time(), ttl=3600)


@contextmanager
def running_server(
    folder: Path, port: int = 0, *, settings: str = CONFIG, more: str = "", **variables: str
) -> Iterator[LegatoServer]:
    """Serve from `folder`, where its settings and its database are, until the block ends.

    `port` 0 stands for a free one; `settings` and `more` are TOML, `variables` are set besides.
    """
    config = folder / "legato.toml"
    config.write_text(settings + more)
    command = [sys.executable, "-c", SERVE, "serve", "--port", str(port), "--config", str(config)]
    environment = {
        "LEGATO_JWT_SECRET": SECRET,
        "LEGATO_DATABASE_URL": f"sqlite:///{folder / 'legato.db'}",
        **variables,
    }
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            raise RuntimeError(f"the server did not start; its status is {process.wait()}")
        try:
            yield LegatoServer(said.split()[-1])
        finally:
            process.terminate()
