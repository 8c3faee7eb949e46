"""Makes the opening of a conversation's turn: the place, and the messages for the model.  Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import UNSET, structs

from legato.actors.conversation.history import chat, fitting, thread
from legato.actors.conversation.turn import Turn
from legato.actors.messages import Opening
from legato.agents.leave import allowed_in
from legato.agents.messages import begun
from legato.content import Conversation, Message, Part, SteerPart
from legato.events import Created
from legato.models.contract import ChatMessage, Model, ModelRequest
from legato.models.messages import alternating
from legato.storage.contracts.records import BegunTurn, Branch

_CHARACTERS: Final = 16
"""Of a token: four times the average, because what a model does not read is counted, too."""

_LEAST_READ: Final = 1024 * 1024
_MOST_READ: Final = 8 * _LEAST_READ
"""Characters of a conversation: all are in memory at once, for each turn that begins."""


def begun_turn(turn: Turn, model: Model, created: Created) -> BegunTurn:
    """The turn of a conversation, to be looked up for a model that goes on."""
    question = created.request
    place = question.conversation_id, question.message_id
    return BegunTurn(turn.job_id, *place, readable(model))


def reopened(
    turn: Turn,
    model: Model,
    created: Created,
    content: tuple[Part, ...],
    conversation: Conversation,
    branch: Branch,
) -> Opening:
    """Have the model go on from `content`, in a turn of a conversation; see TurnStore.reopen."""
    opening = opening_of(turn, model, created, branch, content, conversation)
    resumed = "" if turn.agents else _resumed(created.kept, content)
    request = structs.replace(opening.request, resumed=resumed)
    return structs.replace(opening, created=created, request=request)


def conversation_of(turn: Turn) -> Conversation:
    """A new conversation, for the turn."""
    return Conversation(
        conversation_id=turn.conversation_id,
        user=turn.user,
        endpoint=turn.endpoint,
        model=turn.model,
        agent_id=turn.agent.id if turn.agent else UNSET,
    )


def readable(model: Model) -> int:
    """How many characters of a conversation are read for a model: more than fit its context."""
    return min(_MOST_READ, max(_LEAST_READ, _CHARACTERS * model.max_context_tokens))


def opening_of(
    turn: Turn,
    model: Model,
    created: Created,
    branch: Branch,
    kept: tuple[Part, ...],
    conversation: Conversation,
) -> Opening:
    """Make the opening of a turn whose question is the last of that branch."""
    above = thread(branch.messages, created.request.message_id)
    history = list(chat(above, with_calls=turn.has_tools))
    system = [ChatMessage("system", turn.instructions)] if turn.instructions else []
    question = ChatMessage("user", created.request.text)
    begun_answer = [] if turn.agents else [*begun(kept)]  # which the run adds: it reads the log
    cost = model.count_tokens
    fixed = [ChatMessage("system", turn.agent_prompt), *system, question, *begun_answer]
    fitted = fitting(history, fixed, model.max_context_tokens, cost)
    messages = (*system, *alternating([*fitted, question]))
    return Opening(
        structs.replace(created, dropped=branch.above + len(history) - len(fitted)),
        ModelRequest(messages, turn.parameters, allowed_tools=_allowed(above)),
        conversation,
        sum(cost(message.text) for message in (*messages, *begun_answer)),
    )


def _allowed(messages: Iterable[Message]) -> frozenset[str]:
    """The tools that somebody allowed in an earlier answer."""
    answers = (message.content for message in messages if message.content is not UNSET)
    return frozenset[str]().union(*(allowed_in(content) for content in answers))


def _resumed(kept: Sequence[Part], content: Sequence[Part]) -> str:
    """The text that a cut model call had said: behind what was kept, and behind the last steer."""
    texts = [each.text for each in begun(content)]
    if any(isinstance(part, SteerPart) for part in content):
        return texts[-1] if [*begun(content)][-1].role == "assistant" else ""
    return "".join(texts).removeprefix("".join(each.text for each in begun(kept)))
