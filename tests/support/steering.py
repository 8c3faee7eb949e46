"""Words and answers for a job, as a test sends them."""

from itertools import count

from legato.actors.ref import JobRef
from legato.actors.steering.interjections import (
    AnswerAsk,
    AnswerReceipt,
    CancelSteer,
    FindSteer,
    Rejected,
    Steer,
    SteerReceipt,
)
from legato.content import SteerPart, TextPart
from legato.events import Answered, AnyEnding, Asked, Decided

_numbers = count(1)


async def steer(
    job: JobRef, text: str = "Shorter.", *, client_id: str = "", preempt: bool = False
) -> SteerReceipt | Rejected:
    return await job.ask(Steer(f"steer_{next(_numbers)}", text, 1, client_id, preempt))


async def taken(job: JobRef, text: str = "Shorter.", *, preempt: bool = False) -> SteerReceipt:
    receipt = await steer(job, text, preempt=preempt)
    assert isinstance(receipt, SteerReceipt)
    return receipt


async def found(job: JobRef, steer_id: str) -> SteerReceipt | Rejected:
    return await job.ask(FindSteer(steer_id))


async def cancel(job: JobRef, steer_id: str) -> SteerReceipt | Rejected:
    return await job.ask(CancelSteer(steer_id))


async def open_asks(job: JobRef) -> list[Asked]:
    return list((await job.status()).snapshot.open_asks)


async def answer(
    job: JobRef, ask_id: str, decision: Decided = "approve", *, at: int = 1, **fields: object
) -> AnswerReceipt | Rejected:
    said = Answered(ask_id=ask_id, decision=decision, by="alice", **fields)  # type: ignore[arg-type]
    return await job.ask(AnswerAsk(said, at))


def told(ending: AnyEnding) -> list[str]:
    """The texts of an answer; a steer in brackets."""
    assert ending.response is not None
    content = ending.response.content or ()
    texts = {
        index: part.text if isinstance(part, TextPart) else f"[{part.steer}]"
        for index, part in enumerate(content)
        if isinstance(part, TextPart | SteerPart)
    }
    return [*texts.values()]
