"""Sends the replies to interjections, once the events that they speak of are durable."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import trio
from msgspec.structs import replace

from legato.actors.mailbox import ReplyTo
from legato.actors.steering.interjections import Receipt, Rejected, SteerReceipt
from legato.actors.stream.feed import Feed


class Receipts:
    """The receipts of one job."""

    def __init__(
        self, feed: Feed, settle: Callable[[], Awaitable[None]], store_timeout: float
    ) -> None:
        """`settle` returns once the journal has all events said until the call."""
        self._feed = feed
        self._settle = settle
        self._store_timeout = store_timeout

    def placed(self, reply: Receipt) -> Receipt:
        """Add the outcome's place in the log to a steer's receipt."""
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
