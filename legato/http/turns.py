"""The turn that the body of a start asks for."""

from typing import Any
from uuid import UUID, uuid4

from msgspec import UNSET
from msgspec.structs import replace
from ulid import ULID

from legato.actors.conversation.turn import Turn
from legato.agents.definition import Agent
from legato.http.errors import InvalidField, TooLarge
from legato.http.input.bodies import NEW, EditedContent, StartBody
from legato.http.input.client_tools import parameters_of
from legato.http.input.digests import digest_of
from legato.requests import Edit


def turn_of(
    body: StartBody,
    *,
    user: str,
    model: str,
    endpoint: str,
    max_text: int,
    agents: tuple[Agent, ...] = (),
) -> Turn:
    """The body as a turn; `model` is the agent's where `agents` answer.

    Raises:
        InvalidField: where fields contradict each other, or an id is malformed.
        TooLarge: if the text has more than `max_text` bytes.
    """
    _check_sizes(body, max_text)
    parameters = parameters_of(body)
    revise, regenerate = _answered_before(body)
    return Turn(
        job_id=str(ULID()),
        conversation_id=_conversation_id(body),
        message_id=regenerate or str(uuid4()),
        response_id=revise if revise and body.is_continued else str(uuid4()),
        user=user,
        model=model,
        text=body.text,
        endpoint=endpoint,
        instructions=body.prompt_prefix,
        parameters=parameters,
        parent_id=body.parent_message_id,
        regenerate=regenerate,
        revise=revise,
        edit=_edit(body),
        request_id=body.client_request_id,
        request_digest=_digest(body),
        agents=agents,
        begins=is_new(body.conversation_id),
    )


def is_new(conversation_id: str | None) -> bool:
    """Whether a start begins a conversation; the server makes the id."""
    return conversation_id in (None, NEW)


def _digest(body: StartBody) -> str | None:
    """A digest of all that a repeated request must repeat; None without `clientRequestId`."""
    if body.client_request_id is None:
        return None
    policies: dict[str, Any] = {"on_busy": None, "on_message_while_waiting": UNSET}
    return digest_of(replace(body, client_request_id=None, **policies))


def _check_sizes(body: StartBody, max_text: int) -> None:
    edited = body.edited_content or EditedContent(0)
    texts = {
        "text": body.text,
        "promptPrefix": body.prompt_prefix,
        "editedContent.text": edited.text,
        "editedContent.think": edited.think,
    }
    for name, text in texts.items():
        size = len((text or "").encode())
        if size > max_text:
            raise TooLarge(f"{name}: found {size} bytes; {max_text} are allowed", param=name)


def _conversation_id(body: StartBody) -> str:
    given = body.conversation_id
    if given is None or is_new(given):
        return str(uuid4())
    try:
        return str(UUID(given))
    except ValueError:
        raise InvalidField("conversationId", f"found {given!r:.80}; a UUID is allowed") from None


def _answered_before(body: StartBody) -> tuple[str | None, str | None]:
    """The answer to revise, or the question to answer again; None and None for a new question."""
    revise = _revised(body)
    regenerate = None if revise else body.override_parent_message_id
    if not (body.text.strip() or revise or regenerate):
        raise InvalidField("text", "a message needs a text")
    return revise, regenerate


def _revised(body: StartBody) -> str | None:
    if not (body.is_continued or body.edited_content):
        if body.is_regenerate and not body.override_parent_message_id:
            raise InvalidField("overrideParentMessageId", "names the question to answer again")
        return None
    if body.response_message_id is None:
        raise InvalidField("responseMessageId", "names the answer that is edited or goes on")
    # LibreChat's client adds the underscore to any answer's id; none of ours ends with one.
    return body.response_message_id.removesuffix("_")


def _edit(body: StartBody) -> Edit | None:
    edited = body.edited_content
    if edited is None:
        return None
    text = edited.text if edited.text is not None else edited.think
    if text is None:
        raise InvalidField("editedContent", "needs the part's new text, or think")
    return Edit(edited.index, text)
