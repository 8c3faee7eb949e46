"""A moderation is asked before a model is: any with OpenAI's endpoint for it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx
import msgspec
import trio
from msgspec import Struct, json

from legato.config import Guards as GuardSettings
from legato.http.errors import InvalidField
from legato.http.guards.asking import Asking, Headers
from legato.http.guards.denials import Flagged, NotModerated
from legato.http.guards.outage import Outage
from legato.http.json_bounds import check_json

SAID: Final = frozenset(
    {
        *("text", "promptPrefix", "editedContent", "think"),  # LibreChat's
        *("messages", "input", "instructions", "content", "output", "refusal"),  # OpenAI's
    }
)
"""The fields that hold, or lead to, what a person says."""

MESSAGES: Final = frozenset({"messages", "input"})
"""Those that hold messages, each with its role."""

FAULTS: Final = (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, trio.TooSlowError)


class _Result(Struct):
    flagged: bool


class _Results(Struct):
    results: list[_Result]


class Moderation:
    """Where it does not answer, `moderation_on_failure` decides."""

    def __init__(self, settings: GuardSettings, client: httpx.AsyncClient, key: str | None) -> None:
        self._url = f"{(settings.moderation_url or '').rstrip('/')}/moderations"
        self._model = {"model": settings.moderation_model} if settings.moderation_model else {}
        self._timeout = settings.moderation_timeout
        self._passes_unseen = settings.moderation_on_failure == "open"
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._outage = Outage("the moderation does not answer", FAULTS)

    async def check(self, asking: Asking) -> Headers:
        """Raises Flagged, NotModerated."""
        texts = await texts_of(await asking.read()) if asking.generates else ()
        if not texts:
            return {}
        flagged = None
        with self._outage.tolerated(), trio.fail_after(self._timeout):
            flagged = await self._judge(texts)
        if flagged:
            raise Flagged(asking.path)
        if flagged is None and not self._passes_unseen:
            raise NotModerated
        return {}

    async def _judge(self, texts: Sequence[str]) -> bool:
        answer = await self._client.post(
            self._url, json={"input": texts, **self._model}, headers=self._headers
        )
        results = json.decode(answer.raise_for_status().content, type=_Results).results
        return any(result.flagged for result in results)


async def texts_of(body: bytes) -> Sequence[str]:
    """What a person says in a request, whichever API it is of; a model's answers are left out.

    Nothing of a body that is no JSON, or too much: that is refused by whoever reads it.
    """
    try:
        await check_json(body)
        return [*_texts(json.decode(body.decode()))]
    except (InvalidField, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()


def _texts(body: Any) -> Iterator[str]:
    """Only where APIs read a role does it say whose words these are: in a list of messages."""
    waiting = [body]
    while waiting:
        match waiting.pop():
            case str(text) if text.strip():
                yield text
            case list(items):
                waiting += reversed(items)
            case dict(fields):
                waiting += [_theirs(name, value) for name, value in fields.items() if name in SAID]


def _theirs(name: str, value: Any) -> Any:
    if name not in MESSAGES or not isinstance(value, list):
        return value
    return [each for each in value if not (isinstance(each, dict) and _is_answer(each))]


def _is_answer(message: dict[str, Any]) -> bool:
    return message.get("role") == "assistant" and message.get("type", "message") == "message"
