"""A turn as other replicas know it, and back."""

from msgspec.structs import replace

from legato.actors.conversation.turn import Prompt, Turn
from legato.actors.job import Job
from legato.storage.contracts.replication import DirectoryEntry, JobInfo, JobStage


def info_of(turn: Turn) -> JobInfo:
    """Make the entry, without text, instructions and parameters.

    The journal has the whole turn where another replica may need it.  Of an API's request, other
    replicas need only its kind: nobody goes on with the request.
    """
    return JobInfo(
        job_id=turn.job_id,
        conversation_id=turn.conversation_id,
        message_id=turn.message_id,
        response_id=turn.response_id,
        user=turn.user,
        model=turn.model,
        endpoint=turn.endpoint,
        request_id=turn.request_id,
        request_digest=turn.request_digest,
        place=turn.place,
        api_request=replace(turn.prompt.api_request, echo={}) if turn.prompt else None,
    )


def turn_of(info: JobInfo) -> Turn:
    """Make as much of the turn as ends its job; not enough to ask the model."""
    return Turn(
        job_id=info.job_id,
        conversation_id=info.conversation_id,
        message_id=info.message_id,
        response_id=info.response_id,
        user=info.user,
        model=info.model,
        endpoint=info.endpoint,
        request_id=info.request_id,
        request_digest=info.request_digest,
        place=info.place,
        prompt=Prompt(api_request=info.api_request, messages=()) if info.api_request else None,
    )


def entry_of(job: Job) -> DirectoryEntry:
    """Make the entry that announces a job of this replica."""
    return DirectoryEntry(
        info=info_of(job.turn),
        epoch=job.epoch,
        stage=_stage_of(job),
        rank=job.turn.rank if job.waiting_turn.may_change else None,
    )


def _stage_of(job: Job) -> JobStage:
    if job.feed.ending is not None:  # a job that is handed on is over here, and has no ending
        return "ended" if job.opening else "void"
    return "begun" if job.feed.log.tail else "waiting"
