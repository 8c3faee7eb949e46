"""Where a turn's question and answer are kept: a conversation's messages, or an API's responses."""

import time

from legato.actors.ending import ending_of_answer
from legato.actors.messages import Opening
from legato.actors.turn import Turn
from legato.content import Asked, Conversation
from legato.events import AnyEnding, Created
from legato.storage.contract import Records
from legato.storage.responses import StoredResponse


def new_conversation(turn: Turn) -> Conversation:
    return Conversation(
        conversation_id=turn.conversation_id,
        user=turn.user,
        endpoint=turn.endpoint,
        model=turn.model,
    )


def stand_in(asked: Asked, conversation_id: str) -> Conversation:
    """For the conversation that what an API asked for is no part of."""
    return Conversation(
        conversation_id=conversation_id, user=asked.user, endpoint=asked.api, model=asked.model
    )


async def store_beginning(turn: Turn, created: Created, records: Records) -> Conversation:
    """Keep the question of a turn that begins so; its conversation as it is then.

    Its owner does, and, where that may not have come to it, its heir: twice changes nothing.

    Raises:
        StorageError, ForeignConversation, RequestTaken: as the storage does.
    """
    prompt = turn.prompt
    if prompt is None:
        request = created.request
        return await records.open_turn(new_conversation(turn), request, request_id=turn.request_id)
    if prompt.asked.store:
        await records.responses.open(
            StoredResponse(
                response_id=turn.response_id,
                user=turn.user,
                conversation_id=turn.conversation_id,
                previous_id=prompt.previous_id,
                items=prompt.items,
                created=created,
            )
        )
    return stand_in(prompt.asked, turn.conversation_id)


async def stored_beginning(created: Created, records: Records) -> Conversation | None:
    """The conversation that it is in; None where its question is not kept."""
    asked, request = created.asked, created.request
    if asked is None:
        stored = await records.messages(request.conversation_id)
        is_kept = any(each.message_id == request.message_id for each in stored)
    else:
        is_kept = not asked.store or bool(
            await records.responses.find(asked.user, created.response_id)
        )
    return await conversation_of(created, records) if is_kept else None


async def conversation_of(created: Created, records: Records) -> Conversation | None:
    """None where it is gone."""
    conversation_id = created.request.conversation_id
    if created.asked is not None:
        return stand_in(created.asked, conversation_id)
    return await records.conversation(conversation_id)


async def store_ending(
    ending: AnyEnding, created: Created | None, records: Records, *, job_id: str
) -> Conversation | None:
    """Have the job's answer where its question is; the conversation as it is then, if in one.

    The first that the job stored stays.

    Raises:
        StorageError, ForeignConversation: as the storage does.
    """
    asked = created.asked if created else None
    if created is not None and asked is not None:
        if asked.store:
            await records.responses.close(created.response_id, ending)
        return stand_in(asked, created.request.conversation_id)
    answer = ending.response
    return await records.close_turn(answer, job_id=job_id) if answer else None


async def stored_ending(job_id: str, opening: Opening, records: Records) -> AnyEnding | None:
    """The ending whose answer the job stored before; None where there is none."""
    created = opening.created
    if created.asked is not None:
        response = await records.responses.find(created.asked.user, created.response_id)
        return response.ending if response else None
    answer = await records.answer(job_id)
    return ending_of_answer(answer, opening) if answer else None


def moment_of(asked: Asked | None) -> int | None:
    """What an ending says of when it was: now, where no stored message will say it."""
    return int(time.time()) if asked else None
