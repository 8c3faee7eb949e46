"""The routes of jobs: a list, and one job with its times."""

import time

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.inspection.timeline import ListTimelines
from legato.http.application import application
from legato.http.errors import Foreign, JobNotFound
from legato.http.inspection.replies import JobReply, JobsQuery, JobsReply
from legato.http.openapi import describe
from legato.http.request_context import query_of, reply, runtime, user

jobs = Blueprint("jobs", __name__, url_prefix="/api/jobs")
tag_blueprint(jobs, ["generations"])


@jobs.get("")
@describe(JobsReply, query=JobsQuery, refusals=(400, 403))
async def listing() -> Response:
    """Your generations, running and retained, as times and counts; at most the newest 100."""
    everybody = query_of(JobsQuery).everybody
    if everybody and not sees_everybody():
        raise Foreign("Other users' generations are for those whom inspect_admins names.")
    asked = ListTimelines(None if everybody else user())
    found = await runtime().jobs.timelines(asked)
    replies = [JobReply.of(each, user()) for each in found.jobs]
    now = round(time.time() * 1000)
    return reply(JobsReply(user(), now, sees_everybody(), replies, found.unheard))


@jobs.get("/<generation_id>")
@describe(JobReply, refusals=(403, 404))
async def one(generation_id: str) -> Response:
    """A generation as times and counts, with the time of every event."""
    found = await runtime().jobs.timelines(ListTimelines(job_id=generation_id))
    if not found.jobs:
        raise JobNotFound("The generation does not exist or has expired.")
    job = found.jobs[0]
    if job.user != user() and not sees_everybody():
        raise Foreign("The generation belongs to somebody else.")
    return reply(JobReply.of(job, user()))


def sees_everybody() -> bool:
    """Whether the user who asks may look at the times and counts of everybody's generations."""
    return user() in application().settings.inspect_admins
