"""Compares the receipts of answers to asks with the journal and with the calls.

Laws:

1. An answer is in the journal before a client hears of the answer, and before a tool is called.
2. An ask has one answer, the same for everybody and for the log; and a call is asked for once.
3. A call that was denied, answered in the tool's place, or not answered in time is never made.  An
   allowed call is made with the allowed arguments, and in a run that finished with a result.
4. The result of a client's tool is the first answer.  A run that finished has told a model the
   result, and a client with a different answer hears of the first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import UNSET, json

from legato.actors.steering.interjections import AnswerReceipt, Rejected
from legato.agents.asks import EXPIRED
from legato.agents.tool_run import STEERED_CALL, UNKNOWN
from legato.content import ToolCallPart
from legato.events import Answered, AnyEvent, Asked, Snapshot
from legato.prove.tools import MadeCall, SimulatedTools

ALLOWED: Final = ("approve", "edit")


class AskWitness:
    """The asks of one job.  The laws are at the top of this file."""

    def __init__(
        self, kept: Callable[[], Iterable[AnyEvent]], breach: Callable[[str], object]
    ) -> None:
        """`kept`: the events of the job in the journal."""
        self._kept = kept
        self._breach = breach
        self._winners: dict[str, Answered] = {}

    def asks(self) -> Sequence[Asked]:
        """All asks of the job that a client can know of."""
        return [each for each in self._kept() if isinstance(each, Asked)]

    def open(self) -> Sequence[Asked]:
        """The asks without an answer."""
        answers = self._kept_answers()
        return [each for each in self.asks() if each.ask_id not in answers]

    def hears(self, said: Answered, reply: AnswerReceipt | Rejected, *, is_sure: bool) -> None:
        """Note a reply to an answer.  `is_sure`: whether the owner that replied is the only one."""
        if isinstance(reply, AnswerReceipt):
            if reply.answered != said:
                self._breach(f"the answer {said} has the receipt of {reply.answered}")
            self._wins(reply.answered)
        elif is_sure and reply.winner is None and reply.reason == "answered":
            self._breach(f"the answer {said} is refused, and no winner is named")
        elif is_sure and reply.winner is not None:
            if reply.winner == said:
                self._breach(f"the answer {said} won, and is refused: {reply.reason}")
            self._wins(reply.winner)

    def _wins(self, answered: Answered) -> None:
        first = self._winners.setdefault(answered.ask_id, answered)
        if first != answered:
            self._breach(f"{answered.ask_id} has two answers, {first} and {answered}")
        if answered not in self._kept_answers().values() and answered.decision != "cancel":
            self._breach(f"an answer to {answered.ask_id} is told, and the journal has none")

    def _kept_answers(self) -> Mapping[str, Answered]:
        return {each.ask_id: each for each in self._kept() if isinstance(each, Answered)}

    def called(self, call: MadeCall) -> None:
        """Note a call that an only owner makes, of a tool that needs leave."""
        answers = self._kept_answers()
        asks = [each for each in self.asks() if each.payload["tool_call_id"] == call.call_id]
        leave = [answers.get(each.ask_id) for each in asks]
        is_allowed = any(each is not None and each.decision in ALLOWED for each in leave)
        is_free = not asks and any(each.allows_tool for each in answers.values())
        if not (is_allowed or is_free):
            self._breach(f"{call.call_id} is called, and the journal does not have the leave")
        for each in leave:
            if each is not None and each.decision == "edit" and each.value != call.arguments:
                self._breach(f"{call.call_id} is called with {call.arguments}, not {each.value}")

    def outputs(self, call_id: str) -> set[str]:
        """The results that a call may have which was not made."""
        texts = {STEERED_CALL}
        answers = self._kept_answers()
        for ask in self.asks():
            if ask.payload["tool_call_id"] == call_id and ask.ask_id in answers:
                texts |= _texts(answers[ask.ask_id])
        return texts

    def compare(self, snapshot: Snapshot, tools: SimulatedTools, *, is_whole: bool) -> None:
        """Compare the job's asks and answers with what clients heard, and with the calls.

        `is_whole`: whether the run finished.
        """
        asked = [each.payload["tool_call_id"] for each in snapshot.asks]
        if len(asked) != len(set(asked)):
            self._breach(f"a call was asked for twice: {asked}")
        for ask in snapshot.asks:
            answer = snapshot.answers.get(ask.ask_id)
            winner = self._winners.get(ask.ask_id, answer)
            if answer is None or winner != answer:
                self._breach(f"{ask.ask_id} has the answer {answer}, and {winner} was told")
            elif ask.kind == "client_tool":
                self._compare_result(ask, answer, snapshot, tools, is_whole=is_whole)
            else:
                self._compare_calls(ask, answer, snapshot, tools.made, is_whole=is_whole)

    def _compare_result(
        self,
        ask: Asked,
        answer: Answered,
        snapshot: Snapshot,
        tools: SimulatedTools,
        *,
        is_whole: bool,
    ) -> None:
        call_id, part = ask.payload["tool_call_id"], snapshot.content[ask.index]
        assert isinstance(part, ToolCallPart)
        output, allowed = part.tool_call.output, _texts(answer)
        if output not in allowed and (is_whole or output is not UNSET):
            self._breach(f"{call_id} has the result {output!r}, and the answer is {answer}")
        if is_whole and tools.told.get(call_id) not in allowed:
            self._breach(f"no model was told the result of {call_id}, which is {answer}")

    def _compare_calls(
        self,
        ask: Asked,
        answer: Answered,
        snapshot: Snapshot,
        made: Sequence[MadeCall],
        *,
        is_whole: bool,
    ) -> None:
        call_id = ask.payload["tool_call_id"]
        calls = [each for each in made if each.call_id == call_id]
        if calls and answer.decision not in ALLOWED:
            self._breach(f"{call_id} was called, and the answer is {answer.decision}")
        part = snapshot.content[ask.index]
        assert isinstance(part, ToolCallPart)
        output = part.tool_call.output
        returned = {each.output.text for each in calls if each.output is not None}
        is_unknown = output == UNKNOWN
        if is_whole and answer.decision in ALLOWED and not (is_unknown or output in returned):
            self._breach(f"{call_id} was allowed, and has the result {output!r}")
        if is_whole and len(calls) != 1 and answer.decision in ALLOWED and not is_unknown:
            self._breach(f"{call_id} was allowed, and called {len(calls)} times")


def _texts(answer: Answered) -> set[str]:
    """The words of a result for an answer with which no call is made."""
    match answer.decision:
        case "deny":
            denied = f"The user did not allow this call, which was not made.  {answer.reason}"
            return {denied.rstrip()}
        case "expired" | "cancel":
            return {EXPIRED}
        case "answer":
            value = answer.value
            return {value if isinstance(value, str) else json.encode(value).decode()}
        case _:
            return set()
