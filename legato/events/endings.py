"""The last event of a generation.  Pure."""

from legato.content import Conversation, Message, ModelUsage, Usage
from legato.events.event import Event
from legato.events.steers import SteerTaken


class Ending(Event, frozen=True, kw_only=True):
    """The last event of every log; a log has only one.

    `response` is the answer as stored, with the shown parts; None where nothing was generated.
    `cut`: the positions of the response's unfinished parts; None where nobody knows.  `usages`: the
    sum of a run, model by model; empty where a bare model answered.
    `unsaved` is true when the answer could not be stored by the deadline.
    `at`: seconds since 1970, for an API's job, where no stored message has the time.
    `unread` are the steers that no model read, for the caller to send again.
    """

    request: Message | None = None
    response: Message | None = None
    conversation: Conversation | None = None
    usage: Usage = Usage()
    unsaved: bool = False
    at: int | None = None
    unread: tuple[SteerTaken, ...] = ()
    cut: tuple[int, ...] | None = None
    usages: tuple[ModelUsage, ...] = ()


class Finished(Ending, frozen=True, kw_only=True):
    """The model ended.  `reason`: stop, length, tool_calls, content_filter, max_answer_bytes.

    `system_fingerprint` and `service_tier` are the provider's; "" where not given.
    """

    reason: str = "stop"
    system_fingerprint: str = ""
    service_tier: str = ""


class Stopped(Ending, frozen=True):
    """A person or program with permission stopped the job."""


class Failed(Ending, frozen=True, kw_only=True):
    """The job could not go on.  `reason` is for programs, `message` for people.

    `retry_after`: seconds until the provider wants to be asked again, as the provider said.
    """

    reason: str
    message: str
    retry_after: float | None = None


AnyEnding = Finished | Stopped | Failed
