"""Bodies of words and answers to a generation that runs, in LibreChat's form."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from legato.http.errors import InvalidField
from legato.http.input.bodies import Id, RequestId

OnLeftover = Literal["return", "enqueue"]


class SteerBody(Struct, kw_only=True, rename="camel"):
    """`conversationId` names the generation that runs there; `generationId` exactly one.

    - `text` has 16,000 characters at most.
    - `preempt` cuts the running model call: what it said stays, and the answer goes on after the
      words.
    - `on_leftover`: words that no model reads come back (`return`, the default), or are the
      conversation's next turn (`enqueue`), unless somebody stops the generation.
    - `clientSteerId` makes a steer safe to repeat.
    """

    conversation_id: Id
    text: Annotated[str, Meta(examples=["In one sentence, please."])]
    client_steer_id: RequestId | None = None
    preempt: bool = False
    on_leftover: OnLeftover = field(default="return", name="on_leftover")
    generation_id: Id | None = None


class NamedSteer(Struct, kw_only=True, rename="camel"):
    """A steer by `steerId` or, of your own name, by `clientSteerId`."""

    conversation_id: Id
    steer_id: Id | None = None
    client_steer_id: RequestId | None = None
    generation_id: Id | None = None

    def named(self) -> str:
        """The name that counts.

        Raises:
            InvalidField: without any.
        """
        name = self.steer_id or self.client_steer_id
        if name is None:
            raise InvalidField("steerId", "found neither steerId nor clientSteerId")
        return name


class SteerCancelBody(NamedSteer):
    pass


class ArmBody(NamedSteer):
    pass


class SteerQuery(Struct, rename="camel"):
    conversation_id: Annotated[
        str | None, Meta(description="Where the id is a `clientSteerId`: its conversation.")
    ] = None


class ActionDecision(Struct, kw_only=True, rename="camel"):
    """The fate of one tool call: `approve`, `reject`, `edit` (`editedArguments`), or `respond`
    (`responseText` is the call's result, and the call is not made).

    The model reads `reason`.  `always`, beside `approve` or `edit`, allows the tool for all of the
    conversation.
    """

    decision: str
    tool_call_id: Id | None = field(default=None, name="tool_call_id")
    edited_arguments: dict[str, Any] | None = None
    response_text: Annotated[str, Meta(max_length=65_536)] | None = None
    reason: Annotated[str, Meta(max_length=4096)] = ""
    always: bool = False


class ResumeBody(Struct, kw_only=True, rename="camel"):
    """`actionId` names the ask; without it the open asks are meant.

    `decisions` decide about tool calls; `answer` answers a question, `answers` a form.
    """

    conversation_id: Id
    action_id: Annotated[str, Meta(max_length=256)] | None = None
    generation_id: Id | None = None
    decisions: Annotated[tuple[ActionDecision, ...], Meta(max_length=100)] = ()
    answer: Any = None
    answers: Mapping[str, Any] | None = None
