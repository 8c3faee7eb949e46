"""Names a conversation after its first answer."""

import re
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import trio

from legato.content import NEW_CHAT, Conversation, Message, text_of
from legato.events import AnyEnding, Failed
from legato.models.contract import (
    ChatMessage,
    LogprobsChunk,
    Model,
    ModelError,
    ModelRequest,
    TextChunk,
)
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.records import Records

_MAX_TITLE = 80  # characters: as a sidebar shows, with room to spare
_MAX_TITLE_TOKENS = 24
_MAX_TITLE_WORDS = 9  # five were asked for; a model that writes sentences did not understand
_EXCERPT = 1000  # characters of question and answer: enough to know the subject

_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?(</\1>|\Z)", re.DOTALL)
_LABEL = re.compile(r"^\W*(?:\w+ ){0,3}(?:title|name|topic)\W{0,3}:\W*", re.IGNORECASE)
_MARKUP = re.compile(r"^\W*[{\[]|<[^<>]*>|^```|^\d+[.)]\s")
"""JSON, a tag, the fence of a block of code, a numbered list."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_ASK = "Name this conversation in at most five words. Answer with the name alone."

log = structlog.get_logger()


class Titles:
    def __init__(
        self, records: Records, timeout: float, titled: Callable[[Conversation], None]
    ) -> None:
        """`titled` is told of each conversation that has a title of ours, and may not wait."""
        self._records = records
        self._titled = titled
        self._timeout = timeout
        self._pending: dict[str, trio.Event] = {}

    async def wait(self, conversation_id: str) -> None:
        """Return when no title of this conversation is in the making."""
        pending = self._pending.get(conversation_id)
        if pending is not None:
            await pending.wait()

    def due(self, ending: AnyEnding | None, model: Model) -> Callable[[], Awaitable[None]] | None:
        """The task which makes a title after the ending, if a title is wanted.

        From now on until the task has run, `wait` waits for the task.
        """
        if ending is None or isinstance(ending, Failed):
            return None
        conversation, question, answer = ending.conversation, ending.request, ending.response
        if not (conversation and question and answer and answer.content):
            return None
        if conversation.title != NEW_CHAT:
            return None
        return self._making(conversation, model, question, answer)

    def _making(
        self, conversation: Conversation, model: Model, question: Message, answer: Message
    ) -> Callable[[], Awaitable[None]]:
        made = self._pending[conversation.conversation_id] = trio.Event()
        return partial(self._make, made, conversation.conversation_id, model, question, answer)

    async def _make(
        self,
        made: trio.Event,
        conversation_id: str,
        model: Model,
        question: Message,
        answer: Message,
    ) -> None:
        try:
            title = await self._written(model, text_of(question), text_of(answer))
            title = title or by_rule(text_of(question))
            stored = await self._records.retitle(
                conversation_id, title, made_of=question.message_id
            )
            if stored is not None and stored.title == title:
                self._titled(stored)
        except StorageError as error:
            log.warning("title not stored", conversation=conversation_id, reason=str(error))
        finally:
            made.set()
            if self._pending.get(conversation_id) is made:
                del self._pending[conversation_id]

    async def _written(self, model: Model, question: str, answer: str) -> str:
        """By the model; empty where the model does not write titles, or not in time."""
        if not model.writes_titles:
            return ""
        exchange = f"User: {question[:_EXCERPT]}\n\nAssistant: {answer[:_EXCERPT]}\n\n{_ASK}"
        request = ModelRequest((ChatMessage("user", exchange),), {"max_tokens": _MAX_TITLE_TOKENS})
        pieces: list[str] = []
        with trio.move_on_after(self._timeout):
            try:
                async with model.stream(request) as batches:
                    async for batch in batches:
                        pieces += [
                            each.text
                            for each in batch
                            if isinstance(each, TextChunk | LogprobsChunk)
                        ]
            except ModelError as error:
                log.info("title not written by the model", reason=str(error))
        return cleaned("".join(pieces))


def by_rule(question: str) -> str:
    """The question's first words."""
    return _shortened(" ".join(_CONTROL.sub(" ", question).split()))


def cleaned(title: str) -> str:
    """A model's title without the wrapping of some models; empty where the model wrote no title."""
    said = _CONTROL.sub("", _THOUGHT.sub("", title).rpartition("</think>")[2])
    first = next((line.strip() for line in said.splitlines() if line.strip()), "")
    name = _LABEL.sub("", first).strip(" \t\"'*#`.“”")
    if _MARKUP.search(first) or len(name.split()) > _MAX_TITLE_WORDS:
        return ""
    return _shortened(name)


def _shortened(title: str) -> str:
    if len(title) <= _MAX_TITLE:
        return title
    return title[: _MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"
