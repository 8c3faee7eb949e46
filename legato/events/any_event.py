"""The closed unions of all events.  Pure."""

from legato.content import ToolListPart
from legato.events.asks import Answered, Asked
from legato.events.generation import (
    AnnotationAdded,
    AnyDelta,
    AnyEnding,
    Created,
    Delta,
    LogprobsDelta,
    ModelCallEnded,
    Queued,
    StepCompleted,
    StepStarted,
)
from legato.events.steers import SteerApplied, SteerReturned, SteerTaken

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


def text_bytes(event: AnyEvent) -> int:
    """About the bytes of all texts in an event; 0 for an event without text."""
    match event:
        case Delta(text=text):
            return len(text)
        case LogprobsDelta(text=text, logprobs=logprobs):
            return len(text) + len(logprobs)
        case AnnotationAdded(annotation=annotation):
            return len(annotation.url) + len(annotation.title)
        case SteerTaken(text=text, next_turn=next_turn):
            return len(text) * (1 if next_turn is None else 2)
        case StepStarted(whole=ToolListPart(tools=tools)):
            return len(tools)
        case _:
            return 0
