"""Turns that steers become, compared with the journal, the provider's requests and the records.

Laws:

1. Words that no model read are the question of one turn, named by the steer's outcome.  The turn
   is found, stored and ended like every accepted turn.
2. Each model call of the turn reads the words once.
3. Words read by a model, returned, or taken back by a client are no turn.
4. The turns of one answer begin in the order of the steers, unless somebody moved one.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from msgspec.structs import replace

from legato.actors.conversation.turn import followed
from legato.actors.steering.interjections import NextTurn
from legato.agents.contract import Run, Runs, Stage
from legato.content import Message
from legato.events import Snapshot
from legato.models.contract import FinishReport, Model, ModelRequest
from legato.prove.model import AskedStart, KnownJob, PromiseModel
from legato.prove.provider import ProviderConnection, SimulatedProvider
from legato.prove.witnesses.queue import QueueWitness
from legato.prove.witnesses.steers import SentSteer
from legato.requests import TurnRequest

SnapshotOf = Callable[[str], Snapshot]


class NextTurnWitness:
    """All turns that steers may become.  The laws are at the top of this file."""

    def __init__(
        self,
        model: PromiseModel,
        queue: QueueWitness,
        kept: SnapshotOf,
        is_over: Callable[[str], bool],
    ) -> None:
        """`kept`: a job as the journal has the job.  `is_over`: whether nothing is left to be
        done for a job, and the turns after the job are there."""
        self._model = model
        self._queue = queue
        self._kept = kept
        self._is_over = is_over
        self._offered: dict[str, list[AskedStart]] = {}  # by the ids of the jobs before
        self._heard: set[str] = set()  # the jobs before whose turns are known

    def offer(self, known: KnownJob, steer: SentSteer) -> NextTurn:
        """Make the ids of the turn that a steer of the job may become."""
        asked = self._model.may_follow(known, steer.text)
        self._offered.setdefault(known.asked.job_id, []).append(asked)
        return NextTurn(asked.job_id, asked.message_id, asked.response_id)

    def hear(self) -> Sequence[KnownJob]:
        """Note the turns of which clients can know by now; return those not known before."""
        over = [
            job_id
            for job_id in self._offered.keys() - self._heard
            if job_id not in self._model.deleted and self._is_over(job_id)
        ]
        self._heard.update(over)
        named = [each for job_id in sorted(over) for each in self._named(job_id)]
        for each in named:
            before = self._model.name(each.follows or "")
            self._model.note(f"words of {before} are the question of job {each.number}")
        return [self._model.hears_of(each.job_id) for each in named]

    def asked(self, connection: ProviderConnection) -> None:
        """Note what an only owner asks a model."""
        turn = self._model.asked[connection.job_id]
        if turn.follows is None:
            return
        texts = self._queue.texts(turn)
        questions = [each.text for each in connection.request.messages if each.role == "user"]
        times = sum(question.count(text) for question in questions for text in texts)
        if times != 1:
            self._breach(turn, f"a model reads its words {times} times")

    def compare(
        self, provider: SimulatedProvider, conversation: str, messages: Sequence[Message]
    ) -> None:
        """Compare the turns of a conversation with the outcomes in the journal."""
        begun = [*dict.fromkeys(each.job_id for each in provider.former)]
        questions = [each for each in messages if each.is_created_by_user]
        for job_id, offered in self._offered.items():
            is_here = self._model.asked[job_id].conversation == conversation
            if is_here and job_id not in self._model.deleted:
                self._compare_turns(job_id, offered, begun, questions)

    def _compare_turns(
        self,
        job_id: str,
        offered: Sequence[AskedStart],
        begun: Sequence[str],
        questions: Sequence[Message],
    ) -> None:
        named = self._named(job_id)
        for turn in offered:
            texts = self._queue.texts(turn)
            stored = [each.message_id for each in questions if each.text in texts]
            if turn not in named and turn.job_id in begun:
                self._breach(turn, "it was asked, and no outcome of a steer names it")
            allowed = [each.message_id for each in named if each.text == turn.text]
            if not set(stored) <= set(allowed) or len(stored) > len(allowed):
                self._breach(turn, f"its words are stored as {stored}, and may be as {allowed}")
        unmoved = [each for each in named if not self._queue.is_moved(each.job_id)]
        for first, second in pairwise(each for each in unmoved if each.job_id in begun):
            if begun.index(second.job_id) < begun.index(first.job_id):
                self._breach(second, f"it began before job {first.number}, whose words came first")

    def _named(self, job_id: str) -> Sequence[AskedStart]:
        """The turns that the outcomes of the job's steers name, in the order of the steers."""
        return [self._model.asked[each.job_id] for each in self._kept(job_id).next_turns]

    def _breach(self, turn: AskedStart, words: str) -> None:
        self._model.breach("next turn", f"job {turn.number}: {words}")


class NextRuns:
    """The runs of a replica; a turn that a steer has become asks the provider under the turn's own
    name, because such a turn has the parameters of the turn before."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def run_of(self, turn: TurnRequest, model: Model) -> Run:
        """See Runs."""
        run = self._runs.run_of(turn, model)
        return run if followed(turn) is None else _NextRun(run, turn.job_id)


class _NextRun:
    def __init__(self, run: Run, job_id: str) -> None:
        self._run = run
        self._job_id = job_id

    async def answer(self, stage: Stage, request: ModelRequest) -> FinishReport:
        """See Run."""
        own = replace(request, parameters=_renamed(request.parameters, self._job_id))
        return await self._run.answer(stage, own)


def _renamed(parameters: Mapping[str, object], job_id: str) -> dict[str, object]:
    """Without a name, which is a fault that the provider notes, as without one."""
    return {**parameters, **({"job": job_id} if "job" in parameters else {})}
