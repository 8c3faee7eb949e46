"""What a guard may know of a request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from legato.http.errors import OPENAI_PATHS
from legato.http.guards.addresses import user_subject

CHAT: Final = "/api/agents/chat"
ABORT: Final = f"{CHAT}/abort"

GENERATES: Final = ("/chat/completions", "/responses", "/responses/compact")
"""How the paths of OpenAI's APIs end at which something is generated."""

Headers = Mapping[str, str]


class Asking(Struct, frozen=True, kw_only=True):
    """`from_ip` is whence it comes, as the subject of bans; `key` the digest of an API key.

    `user` is None as long as nobody knows who asks.
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
        return self.method == "POST" and self.is_chat and self.path != ABORT

    @property
    def is_call(self) -> bool:
        """Of one of OpenAI's APIs."""
        return self.method == "POST" and self.path.startswith(OPENAI_PATHS)

    @property
    def is_read(self) -> bool:
        return self.method in ("GET", "HEAD")

    @property
    def generates(self) -> bool:
        return self.is_start or (self.is_call and self.path.endswith(GENERATES))

    @property
    def subjects(self) -> Sequence[str]:
        """Who may be blamed: whence it comes, and whose it is where that is known."""
        return (self.from_ip,) if self.user is None else (self.from_ip, user_subject(self.user))

    @property
    def caller(self) -> str:
        """Whom an API counts: the key, else the user."""
        return f"key:{self.key}" if self.key else self.subjects[-1]


class Guard(Protocol):
    async def check(self, asking: Asking) -> Headers:
        """Let it pass, and return what its reply shall say of that.

        Raises:
            Denied: where it does not.
        """
        ...
