"""Moderation before the model: any service with OpenAI's endpoint for moderations."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx
import msgspec
import trio
from msgspec import Struct, json

from legato.config import Guards as GuardSettings
from legato.http.errors import InvalidField
from legato.http.guards.contract import Headers, RequestInfo
from legato.http.guards.denials import Flagged, NotModerated
from legato.http.guards.outage import Outage
from legato.http.input.json_bounds import check_json

CHAT_FIELDS: Final = frozenset({"text", "promptPrefix", "editedContent", "model_parameters"})
"""Fields of a start that a model reads; LibreChat's clients send many other fields."""

AGENT_FIELDS: Final = frozenset(
    {
        *("name", "description", "instructions", "additional_instructions"),
        *("model_parameters", "conversation_starters"),
    }
)
"""Fields of an agent that a model reads in the agent's runs, besides the words of edges."""

UNREAD_FIELDS: Final = frozenset(
    {
        *("model", "metadata", "include", "stream_options", "modalities", "service_tier", "user"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_retention", "truncation"),
        *("previous_response_id", "conversation", "conversation_id", "parent_message_id"),
    }
)
"""Fields of a request to OpenAI's APIs that no model reads.  A model may read any other field,
because unknown fields are handed on to the provider."""

LABELS: Final = frozenset(
    {
        *("role", "type", "id", "call_id", "tool_call_id", "file_id", "item_id", "status"),
        *("detail", "effort", "verbosity", "syntax", "server_label"),
        *("url", "image_url", "file_url", "file_data", "data", "format", "encrypted_content"),
    }
)
"""Names of fields with words of the API, identifiers, pictures and sounds.  A value with a space
is moderated all the same: a person has written there."""

NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "definitions"})
"""Fields of a schema in which the caller chooses the names, so the names are moderated, too."""

FAULTS: Final = (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, trio.TooSlowError)


class _Result(Struct):
    flagged: bool


class _Results(Struct):
    results: list[_Result]


class Moderation:
    """Asks the moderation service; without an answer `moderation_on_failure` decides."""

    def __init__(self, settings: GuardSettings, client: httpx.AsyncClient, key: str | None) -> None:
        self._url = f"{(settings.moderation_url or '').rstrip('/')}/moderations"
        self._model = {"model": settings.moderation_model} if settings.moderation_model else {}
        self._timeout = settings.moderation_timeout
        self._passes_unseen = settings.moderation_on_failure == "open"
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._outage = Outage("the moderation does not answer", FAULTS)

    async def check(self, info: RequestInfo) -> Headers:
        """Raises Flagged, NotModerated."""
        texts = await self._texts(info) if info.generates or info.saves_agent else ()
        if not texts:
            return {}
        flagged = None
        with self._outage.tolerated(), trio.fail_after(self._timeout):
            flagged = await self._judge(texts)
        if flagged:
            raise Flagged(info.path)
        if flagged is None and not self._passes_unseen:
            raise NotModerated
        return {}

    @staticmethod
    async def _texts(info: RequestInfo) -> Sequence[str]:
        if info.saves_agent:
            return await agent_texts_of(await info.read())
        return await texts_of(await info.read(), is_chat=info.is_start)

    async def _judge(self, texts: Sequence[str]) -> bool:
        answer = await self._client.post(
            self._url, json={"input": texts, **self._model}, headers=self._headers
        )
        results = json.decode(answer.raise_for_status().content, type=_Results).results
        return any(result.flagged for result in results)


async def texts_of(body: bytes, *, is_chat: bool) -> Sequence[str]:
    """The texts of a request that a model would read, in every role.

    Empty for a body that is too large or not JSON: the route refuses the body.
    """
    return [*_texts(_read_fields(await _decoded(body), is_chat))]


async def agent_texts_of(body: bytes) -> Sequence[str]:
    """The texts of an agent, or of an agent's action, that a model reads in the agent's runs."""
    found = await _decoded(body)
    if not isinstance(found, dict):
        return ()
    metadata, edges = found.get("metadata"), found.get("edges")
    # Beside the document stands the key of the action, which is told nobody.
    document = metadata.get("raw_spec") if isinstance(metadata, dict) else None
    tables = [each for each in edges if isinstance(each, dict)] if isinstance(edges, list) else []
    words = [each.get(name) for each in tables for name in ("description", "prompt")]
    kept = [value for name, value in found.items() if name in AGENT_FIELDS]
    return [*_texts([*kept, *words, document])]


async def _decoded(body: bytes) -> Any:
    """The body; None for a body that is too large or not JSON."""
    try:
        await check_json(body)
        return json.decode(body.decode())
    except (InvalidField, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _read_fields(body: Any, is_chat: bool) -> Any:
    if not isinstance(body, dict):
        return body
    if is_chat:
        return {name: body[name] for name in body if name in CHAT_FIELDS}
    return {name: body[name] for name in body if name not in UNREAD_FIELDS}


def _texts(body: Any) -> Iterator[str]:
    waiting = [body]
    while waiting:
        match waiting.pop():
            case str(text) if text.strip():
                yield text
            case list(items):
                waiting += reversed(items)
            case dict(fields):
                for name, value in fields.items():
                    if name in NAMES and isinstance(value, dict):
                        yield from value
                    if not _is_label(name, value):
                        waiting.append(value)


def _is_label(name: str, value: Any) -> bool:
    return name in LABELS and isinstance(value, str) and len(value.split()) < 2
