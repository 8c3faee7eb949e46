"""A long conversation made short: a summary by the model, sealed, in place of the conversation."""

from typing import Any, Final

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.mailbox import ActorStopped
from legato.content import text_of
from legato.dialects.response_object import began_at, usage_of
from legato.events import Finished
from legato.http.application import application
from legato.http.openai.callers import JOB_HEADER
from legato.http.openai.outcomes import Lost, Unanswered
from legato.http.openai.responses.bodies import Compaction, CompactionBody
from legato.http.openai.responses.creation import begin_response
from legato.http.openai.responses.request import PATHS, ResponseBody
from legato.http.openapi import describe
from legato.http.request_context import body_of, reply, user
from legato.http.streams.streaming import awaited

ASK: Final = """\
Summarize the conversation above for somebody who goes on with it without having read it: what was
asked, what was found and decided, what is still open, and every name, number and quotation that
may be needed.  Say nothing else."""

compaction = Blueprint("compaction", __name__)
tag_blueprint(compaction, ["OpenAI"])


@compaction.post(f"{PATHS[0]}/compact")
@compaction.post(f"{PATHS[1]}/compact")
@describe(Compaction, body=CompactionBody, refusals=(400, 404, 413, 429, 502, 503))
async def compact() -> Response:
    """Have a conversation summarized.  The `output` can be the next request's first input.

    Nothing is stored; only this server can read the summary, and only for the same user.
    """
    body = await body_of(CompactionBody)
    begun = await begin_response(_request(body), is_bound=True, closing=ASK)
    try:
        async with awaited(begun.job, is_bound=True):
            ending = await begun.job.ended()
    except ActorStopped:
        raise Lost from None
    if not isinstance(ending, Finished):
        raise Unanswered(begun.job, ending)
    summary = text_of(ending.response) if ending.response else ""
    made = Compaction(
        id=begun.job.response_id,
        created_at=began_at(begun.job.job_id),
        output=[_item(begun.job.job_id, summary)],
        usage=usage_of(ending.usage),
    )
    response = reply(made)
    response.headers[JOB_HEADER] = begun.job.job_id
    return response


def _request(body: CompactionBody) -> ResponseBody:
    return ResponseBody(
        model=body.model,
        input=body.input,
        previous_response_id=body.previous_response_id,
        instructions=body.instructions,
        store=False,
    )


def _item(job_id: str, summary: str) -> dict[str, Any]:
    sealed = application().seal.close(summary, user())
    return {"type": "compaction", "id": f"cmp_{job_id}", "encrypted_content": sealed}
