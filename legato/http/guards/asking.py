"""The facts of a request that a guard may know."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from legato.http.errors import OPENAI_PATHS
from legato.http.guards.addresses import user_subject

CHAT: Final = "/api/agents/chat"
QUEUE: Final = f"{CHAT}/queue/"
NO_STARTS: Final = (f"{CHAT}/abort", f"{QUEUE}cancel", f"{QUEUE}front", f"{QUEUE}now")
"""Paths of the chat to which a POST starts nothing."""

GENERATES: Final = ("/chat/completions", "/responses", "/responses/compact")
"""Ends of the paths of OpenAI's APIs that generate something."""

Headers = Mapping[str, str]


class Asking(Struct, frozen=True, kw_only=True):
    """`from_ip` is the client's address as a subject of bans; `key` the digest of an API key.

    `user` is None before authentication.
    """

    method: str
    path: str
    from_ip: str
    agent: str
    has_credentials: bool
    read: Callable[[], Awaitable[bytes]]
    user: str | None = None
    key: str | None = None

    @property
    def is_chat(self) -> bool:
        return self.path == CHAT or self.path.startswith(f"{CHAT}/")

    @property
    def is_start(self) -> bool:
        return self.method == "POST" and self.is_chat and self.path not in NO_STARTS

    @property
    def is_edit(self) -> bool:
        """Whether the request changes the text of a waiting turn."""
        return self.method == "PATCH" and self.path.startswith(QUEUE)

    @property
    def is_call(self) -> bool:
        """Whether the request is a POST to one of OpenAI's APIs."""
        return self.method == "POST" and self.path.startswith(OPENAI_PATHS)

    @property
    def is_read(self) -> bool:
        return self.method in ("GET", "HEAD")

    @property
    def generates(self) -> bool:
        return self.is_start or self.is_edit or (self.is_call and self.path.endswith(GENERATES))

    @property
    def subjects(self) -> Sequence[str]:
        """The subjects of violations and bans: the address, then the user where known."""
        return (self.from_ip,) if self.user is None else (self.from_ip, user_subject(self.user))

    @property
    def caller(self) -> str:
        """The subject of the APIs' rates: the key, else the user, else the address."""
        return f"key:{self.key}" if self.key else self.subjects[-1]


class Guard(Protocol):
    async def check(self, asking: Asking) -> Headers:
        """Let the request pass, and return headers for the reply.

        Raises:
            Denied: where the request must not pass.
        """
        ...
