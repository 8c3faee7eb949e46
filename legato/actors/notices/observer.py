"""Makes a notice of what the jobs and titles of a process say."""

from collections.abc import Callable
from typing import Any, assert_never

from legato.actors.ending import standing_of
from legato.actors.job import Job
from legato.actors.notices.notice import News, Notice, NoticeKind
from legato.actors.resources import JobObserver, Telling
from legato.content import Conversation
from legato.events import Answered, Asked, Created, Failed, Finished, Queued, Stopped


class NoticeObserver(JobObserver[Job]):
    """Posts notices about conversations; a request to an API is nothing that a page shows.

    `post` may neither wait nor fail.  `wall_clock`: seconds since 1970.
    """

    def __init__(self, post: Callable[[Notice], None], wall_clock: Callable[[], float]) -> None:
        self._post = post
        self._wall_clock = wall_clock

    def job_said(self, job: Job, event: Telling) -> None:
        match event:
            case Queued():
                self._about(job, "queued")
            case Created():
                self._about(job, "started")
            case Asked(ask_id=ask_id, kind=kind):
                self._about(job, "asked", action_id=ask_id, action_kind=kind)
            case Answered(ask_id=ask_id, decision=decision):
                self._about(job, "answered", action_id=ask_id, decision=decision)
            case _:
                assert_never(event)

    def job_ended(self, job: Job) -> None:
        """A turn that neither waited nor began was told to nobody, and has no notice."""
        ending, created = job.feed.ending, job.feed.created
        if isinstance(ending, Stopped) and created is None and job.feed.queued is not None:
            self._about(job, "cancelled")
        elif ending is not None and (created or job.feed.queued):
            reason = ending.reason if isinstance(ending, Finished | Failed) else None
            status, unsaved = standing_of(ending), ending.unsaved
            self._about(job, "ended", status=status, reason=reason, unsaved=unsaved)

    def conversation_titled(self, conversation: Conversation) -> None:
        self._post(Notice.renamed(conversation, self._now()))

    def _about(self, job: Job, kind: NoticeKind, **facts: Any) -> None:
        turn, created = job.turn, job.feed.created
        if turn.prompt is None and not (created and created.api_request):
            ids = turn.conversation_id, turn.job_id
            self._post(Notice(turn.user, kind, News(*ids, at=self._now(), **facts)))

    def _now(self) -> int:
        return int(self._wall_clock() * 1000)
