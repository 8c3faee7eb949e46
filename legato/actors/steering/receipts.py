"""Decides on interjections, and sends the replies once the events of a reply are durable."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import trio
from msgspec.structs import replace

from legato.actors.conversation.turn import Turn
from legato.actors.lifecycle import Lifecycle
from legato.actors.mailbox import ReplyTo
from legato.actors.steering.interjections import Interjection, Receipt, Rejected, SteerReceipt
from legato.actors.steering.verdicts import Verdict, verdict
from legato.actors.stream.feed import Feed


class Receipts:
    """The receipts of one job."""

    def __init__(
        self,
        feed: Feed,
        lifecycle: Lifecycle,
        settle: Callable[[], Awaitable[None]],
        store_timeout: float,
    ) -> None:
        """`settle` returns once the journal has all events said until the call."""
        self._feed = feed
        self._lifecycle = lifecycle
        self._settle = settle
        self._store_timeout = store_timeout

    def verdict(self, question: Interjection, turn: Turn) -> Verdict:
        """Decide on `question`, by the log of now."""
        is_answering = self._lifecycle.is_answering
        snapshot, ending = self._feed.snapshot(), self._feed.ending
        return verdict(question, turn, snapshot, ending, is_answering=is_answering)

    def receipt(self, found: Verdict) -> Receipt:
        """Make the reply; the log has the verdict's events.

        A steer's receipt has the outcome's place in the log.
        """
        reply = found.reply(self._feed.cursor)
        if not isinstance(reply, SteerReceipt) or reply.outcome is None:
            return reply
        return replace(reply, outcome_at=self._feed.place_of(reply.outcome))

    async def send(self, reply_to: ReplyTo[Any], reply: Receipt) -> None:
        """Send `reply` once all is durable, or a refusal where that takes too long."""
        with closing(reply_to):
            with trio.move_on_after(self._store_timeout) as time:
                await self._settle()
            if time.cancelled_caught:
                message = "The storage does not answer; ask again with the same id."
                reply = Rejected("storage_unavailable", message, self._feed.cursor)
            reply_to.send(reply)
