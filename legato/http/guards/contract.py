"""The facts of a request that a guard may know, and the protocols of a guard and of them all."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from legato.http.guards.addresses import user_subject
from legato.http.openai.paths import OPENAI_PATHS

AGENTS: Final = "/api/agents"
CHAT: Final = f"{AGENTS}/chat"
QUEUE: Final = f"{CHAT}/queue/"
NO_STARTS: Final = (
    *(f"{CHAT}/abort", f"{CHAT}/steer/cancel", f"{CHAT}/steer/arm"),
    *(f"{QUEUE}cancel", f"{QUEUE}front", f"{QUEUE}now"),
)
"""Paths of the chat to which a POST starts nothing."""

WORDS: Final = (f"{CHAT}/steer", f"{CHAT}/resume")
"""Paths of the chat to which a POST brings words for a generation that runs."""

GENERATES: Final = ("/chat/completions", "/responses", "/responses/compact")
"""Ends of the paths of OpenAI's APIs that generate something."""

WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")

Headers = Mapping[str, str]


class RequestInfo(Struct, frozen=True, kw_only=True):
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
        return self.method == "POST" and self.is_chat and self.path not in (*NO_STARTS, *WORDS)

    @property
    def brings_words(self) -> bool:
        """Whether the request says something to a generation that runs, or that waits."""
        is_edit = self.method == "PATCH" and self.path.startswith(QUEUE)
        return is_edit or (self.method == "POST" and self.path in WORDS)

    @property
    def is_call(self) -> bool:
        """Whether the request is a POST to one of OpenAI's APIs."""
        return self.method == "POST" and self.path.startswith(OPENAI_PATHS)

    @property
    def is_read(self) -> bool:
        return self.method in ("GET", "HEAD")

    @property
    def is_write(self) -> bool:
        """Whether the request changes something at the API: a start and a stop are no write."""
        is_ours = self.path.startswith("/api/") and not self.path.startswith(OPENAI_PATHS)
        return is_ours and not self.is_chat and self.method in WRITES

    @property
    def saves_agent(self) -> bool:
        """Whether the request has words that a model will read later, in an agent's runs."""
        return self.is_write and (self.path == AGENTS or self.path.startswith(f"{AGENTS}/"))

    @property
    def generates(self) -> bool:
        """Whether a model reads something of the request."""
        is_call = self.is_call and self.path.endswith(GENERATES)
        return self.is_start or self.brings_words or is_call

    @property
    def subjects(self) -> Sequence[str]:
        """The subjects of violations and bans: the address, then the user where known."""
        return (self.from_ip,) if self.user is None else (self.from_ip, user_subject(self.user))

    @property
    def caller(self) -> str:
        """The subject of the APIs' rates: the key, else the user, else the address."""
        return f"key:{self.key}" if self.key else self.subjects[-1]


class Guard(Protocol):
    async def check(self, info: RequestInfo) -> Headers:
        """Let the request pass, and return headers for the reply.

        Raises:
            Denied: where the request must not pass.
        """
        ...


class RequestGuards(Protocol):
    """All guards of a server, and their judgement of the routes' own refusals."""

    async def receive(self, info: RequestInfo) -> None:
        """Check the address, before authentication.  Raises Banned."""
        ...

    async def admit(self, info: RequestInfo) -> Headers:
        """Check an authenticated request; return headers for the reply.  Raises Denied."""
        ...

    async def count(self, info: RequestInfo) -> None:
        """Count a further generation of an admitted request.  Raises TooFast."""
        ...

    async def failed(self, info: RequestInfo) -> None:
        """Count bad credentials.  Raises TooFast."""
        ...

    async def judge(self, info: RequestInfo, error: Exception) -> Exception:
        """The error to report for `error`, which may be a violation and is counted then."""
        ...
