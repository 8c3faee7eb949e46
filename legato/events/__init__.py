"""The event vocabulary: everything that can happen in a job, shared by every layer.  Pure.

A job's log is `Created`, then steps and deltas, then exactly one `Ending`.  If the turn had to wait
for other turns, `Queued` comes first, once more for each change.  An event with content names the
position of the changed part (`index`), which is also the step's position: there is no second
numbering to reconcile.  The closed unions of all events are below.

- `asks`: a run's questions to somebody outside, and their answers
- `cursor`: a reader's position in a job's log
- `endings`: the last event of a generation
- `event`: the base of all events, and the model call that an event comes of
- `generation`: what happens before the ending: the opening and the steps of the answer
- `sizes`: the sizes of events in characters
- `snapshot`: a job's state at a position of the log
- `steers`: words for a running job, and what becomes of them
"""

from legato.events.asks import Answered, Asked, AskKind, Decided
from legato.events.cursor import Cursor
from legato.events.endings import AnyEnding, Ending, Failed, Finished, Stopped
from legato.events.event import BARE, KEPT, Event, Origin
from legato.events.generation import (
    STEERED,
    AnnotationAdded,
    AnyDelta,
    ArgumentsDelta,
    Created,
    Delta,
    HiddenDelta,
    LogprobsDelta,
    ModelCallEnded,
    QueueChange,
    Queued,
    ReasoningDelta,
    RefusalDelta,
    StepCompleted,
    StepKind,
    StepStarted,
    TextDelta,
    without_turn,
)
from legato.events.sizes import text_bytes, texts_in
from legato.events.snapshot import Snapshot
from legato.events.steers import SteerApplied, SteerOutcome, SteerReturned, SteerTaken

__all__ = [
    "BARE",
    "KEPT",
    "STEERED",
    "AnnotationAdded",
    "Answered",
    "AnyDelta",
    "AnyEnding",
    "AnyEvent",
    "ArgumentsDelta",
    "AskKind",
    "Asked",
    "ContentEvent",
    "Created",
    "Cursor",
    "Decided",
    "Delta",
    "Ending",
    "Event",
    "Failed",
    "Finished",
    "HiddenDelta",
    "LogprobsDelta",
    "ModelCallEnded",
    "Origin",
    "QueueChange",
    "Queued",
    "RareEvent",
    "ReasoningDelta",
    "RefusalDelta",
    "Snapshot",
    "SteerApplied",
    "SteerOutcome",
    "SteerReturned",
    "SteerTaken",
    "StepCompleted",
    "StepKind",
    "StepStarted",
    "Stopped",
    "TextDelta",
    "text_bytes",
    "texts_in",
    "without_turn",
]

ContentEvent = (
    StepStarted
    | AnyDelta
    | LogprobsDelta
    | AnnotationAdded
    | StepCompleted
    | ModelCallEnded
    | Asked
    | Answered
    | SteerApplied
)
RareEvent = (
    Queued
    | Created
    | StepStarted
    | LogprobsDelta
    | AnnotationAdded
    | StepCompleted
    | ModelCallEnded
    | Asked
    | Answered
    | SteerTaken
    | SteerApplied
    | SteerReturned
    | AnyEnding
)
AnyEvent = AnyDelta | RareEvent
