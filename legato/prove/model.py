"""The trivial model: requests, answers, and the properties that follow from both."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import trio
from msgspec import Struct, field

from legato.actors.messages import StopReply
from legato.actors.start import StartReply
from legato.agents.definition import Agent
from legato.events import AnyEnding

RETENTION: Final = 600.0


class Breach(Struct, frozen=True):
    """A broken promise: `check` names the broken part, `words` is a sentence."""

    check: str
    words: str


class HistoryLine(Struct, frozen=True):
    """An event of a run and its time; `is_step` marks the scheduled steps among the
    consequences."""

    time: float
    words: str
    is_step: bool = False


class AskedStart(Struct, frozen=True):
    """The `number`th start, as a client sent it.

    `follows`: the job of a steer that may become this turn; None of all other turns.
    """

    number: int
    job_id: str
    conversation: str
    request_id: str | None
    text: str
    agents: tuple[Agent, ...] = ()
    follows: str | None = None

    @property
    def message_id(self) -> str:
        return f"question-{self.number}"

    @property
    def response_id(self) -> str:
        return f"answer-{self.number}"


class KnownJob(Struct):
    """A job that a client was told of."""

    asked: AskedStart
    replies: list[StartReply] = field(default_factory=list)
    stops: list[StopReply] = field(default_factory=list)
    endings: list[AnyEnding] = field(default_factory=list)  # told by any other reply

    @property
    def name(self) -> str:
        return f"job {self.asked.number}"


class PromiseModel:
    """Collects all observations, and the breaches of the promise among them."""

    def __init__(self) -> None:
        self.lines: list[HistoryLine] = []
        self.breaches: list[Breach] = []
        self.asked: dict[str, AskedStart] = {}  # by job id
        self.deleted: set[str] = set()  # ids of jobs
        # conversations, each with the count of open deletions
        self.deleting: Counter[str] = Counter()
        # by job id, in the order in which clients heard of the jobs
        self.known: dict[str, KnownJob] = {}
        self.on_breach: Callable[[], None] = lambda: None

    @property
    def jobs(self) -> Sequence[KnownJob]:
        return list(self.known.values())

    def step(self, words: str) -> None:
        self.lines.append(HistoryLine(trio.current_time(), words, is_step=True))

    def note(self, words: str) -> None:
        self.lines.append(HistoryLine(trio.current_time(), words))

    def breach(self, check: str, words: str) -> None:
        self.note(f"BREACH: {words}")
        self.breaches.append(Breach(check, words))
        self.on_breach()

    def name(self, job_id: str) -> str:
        asked = self.asked.get(job_id)
        return f"job {asked.number}" if asked else job_id

    def asks(
        self, conversation: str, request_id: str | None, agents: tuple[Agent, ...] = ()
    ) -> AskedStart:
        number = len(self.asked) + 1
        text = f"question {number}"
        asked = AskedStart(number, _job_id(number), conversation, request_id, text, agents)
        return self._noted(asked)

    def may_follow(self, known: KnownJob, text: str) -> AskedStart:
        """Note that a steer of the job may become a turn with this text."""
        before, number = known.asked, len(self.asked) + 1
        about = (before.conversation, None, text, before.agents, before.job_id)
        asked = AskedStart(number, _job_id(number), *about)
        if self.is_deleted(known):
            self.deleted.add(asked.job_id)
        return self._noted(asked)

    def _noted(self, asked: AskedStart) -> AskedStart:
        self.asked[asked.job_id] = asked
        if self.deleting[asked.conversation] > 0:
            self.deleted.add(asked.job_id)
        return asked

    def is_deleted(self, known: KnownJob) -> bool:
        return known.asked.job_id in self.deleted

    def is_freed(self, request_id: str | None) -> bool:
        """Whether the request's former job may be deleted, in which case the request may start
        anew."""
        return any(
            each.request_id == request_id and each.job_id in self.deleted
            for each in self.asked.values()
        )

    def deletes(self, conversation: str) -> None:
        """Called before and after a deletion: a job that starts meanwhile may be deleted too, or
        not."""
        self.deleted |= {
            each.job_id for each in self.asked.values() if each.conversation == conversation
        }

    def hears_of(self, job_id: str) -> KnownJob:
        """Note that a client was told of the job: from now on the job must be found."""
        return self.known.setdefault(job_id, KnownJob(self.asked[job_id]))


def _job_id(number: int) -> str:
    return f"01M846XJQTHKRR16F0RWQ1{number:04}"
