"""Everything shared by the recorders of one process."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from legato.actors.conversation.turn import Turn
from legato.actors.conversation.turn_store import TurnStore
from legato.requests import ApiRequest


class Recording(Struct, frozen=True, kw_only=True):
    """The stores of the recorders, and the time for which recorders try.

    `store_of` finds a turn's store by the request to an API, or by None for a turn of a
    conversation.  `store_timeout`: seconds.  `follow_up` queues the turns that unread steers
    become, and returns whether they are queued; False leaves them to the next process.
    `is_resumed`: a later owner may have the model go on.
    """

    store_of: Callable[[ApiRequest | None], TurnStore]
    store_timeout: float
    follow_up: Callable[[Sequence[Turn]], Awaitable[bool]]
    is_resumed: bool = False
