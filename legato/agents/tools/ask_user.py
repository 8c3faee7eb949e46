"""The tool `ask_user`: the model asks the user a question, and the run waits for the answer."""

from collections.abc import Mapping, Sequence
from typing import Final

from legato.agents.tools.bounds import as_result
from legato.agents.tools.contract import (
    InputRequired,
    Offer,
    TaskRecord,
    ToolDefinition,
    ToolOutput,
)
from legato.models.contract import Json

ASK_USER: Final = "ask_user"

_QUESTION: Final = "question"

_SCHEMA: Final[Mapping[str, Json]] = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "description": "One question, in the user's language."},
        "options": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Answers to choose from; the user may give another one.",
        },
    },
    "required": ["question"],
}


class AskUser:
    """The question is an ask of the job; the call is made a second time with the answer."""

    definition: Final = ToolDefinition(
        name=ASK_USER,
        description="Ask the user, and wait for the answer.",
        schema=_SCHEMA,
        read_only=True,
        destructive=False,
    )

    async def call(
        self,
        arguments: Mapping[str, Json],
        call_id: str,
        *,
        answers: Mapping[str, Json] | None = None,
        state: str | None = None,
        task: TaskRecord | None = None,
    ) -> ToolOutput | InputRequired:
        """See Tool."""
        if answers is not None:
            return _output(answers.get(_QUESTION))
        params: dict[str, Json] = {"message": arguments["question"]}
        if options := arguments.get("options"):
            params["options"] = options
        return InputRequired({_QUESTION: {"method": ASK_USER, "params": params}}, kind="question")


class BuiltInToolbox:
    """The tools that need no configuration."""

    names: Sequence[str] = (ASK_USER,)

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """See Toolbox."""
        return Offer([AskUser()])

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        return {}


def _output(answer: Json) -> ToolOutput:
    if not isinstance(answer, dict) or answer.get("action") != "accept":
        return ToolOutput("The user did not answer.", is_error=True)
    return ToolOutput(as_result(answer.get("content")))
