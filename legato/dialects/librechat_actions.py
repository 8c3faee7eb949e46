"""LibreChat's bodies for steers and pending actions.  Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from legato.dialects.contract import Identity
from legato.events import (
    Answered,
    Asked,
    Decided,
    Snapshot,
    SteerApplied,
    SteerReturned,
    SteerTaken,
)

Body = Mapping[str, Any]

DECISIONS: Final[Mapping[str, Decided]] = {
    "approve": "approve",
    "reject": "deny",
    "edit": "edit",
    "respond": "answer",
}
"""LibreChat's words for what may become of an ask."""

_WORDS: Final = {decided: word for word, decided in DECISIONS.items()}


def pending_action(ask: Asked, identity: Identity) -> Body:
    """An ask as the client shows it, without what only the server is to know."""
    return {
        "actionId": ask.ask_id,
        "streamId": identity.conversation_id,
        "conversationId": identity.conversation_id,
        "runId": identity.response_id,
        "responseMessageId": identity.response_id,
        "index": ask.index,
        "payload": _payload(ask),
        "createdAt": ask.at,
        "expiresAt": ask.expires_at,
    }


def _payload(ask: Asked) -> Body:
    call_id = ask.payload["tool_call_id"]
    if ask.kind == "approval":
        allowed = [_WORDS[each] for each in ask.allowed]
        return {
            "type": "tool_approval",
            "action_requests": [ask.payload],
            "review_configs": [{"tool_call_id": call_id, "allowed_decisions": allowed}],
        }
    if ask.kind == "client_tool":
        return {"type": "client_tool", **ask.payload}
    requests = ask.payload["requests"]
    if ask.kind == "question":
        params = next(iter(requests.values()))["params"]
        return {"type": "ask_user_question", "tool_call_id": call_id, **_question(params)}
    return {
        "type": "elicitation",
        "tool_call_id": call_id,
        "name": ask.payload["name"],
        "requests": requests,
        "responseSchema": ask.response_schema,
    }


def _question(params: Body) -> Body:
    options = params.get("options")
    question = {"question": params.get("message", "")}
    return {**question, "options": options} if options else question


def resolved(answer: Answered) -> Body:
    """How an ask was answered, for everybody who shows it."""
    return {
        "actionId": answer.ask_id,
        "decision": _WORDS.get(answer.decision, answer.decision),
        **({"reason": answer.reason} if answer.reason else {}),
        **({"always": True} if answer.always else {}),
    }


def taken(steer: SteerTaken) -> Body:
    """A steer that waits for a model call."""
    return {
        "steerId": steer.steer_id,
        **_client_id(steer.client_id),
        "text": steer.text,
        "status": "pending",
        "preempt": steer.preempt,
        "createdAt": steer.at,
    }


def applied(event: SteerApplied, identity: Identity) -> Body:
    return {
        "steerId": event.part.steer_id,
        **_client_id(event.part.client_steer_id or ""),
        "conversationId": identity.conversation_id,
        "responseMessageId": identity.response_id,
        "index": event.index,
        "part": event.part,
    }


def returned(event: SteerReturned) -> Body:
    status = event.why if event.why in ("cancelled", "enqueued") else "returned"
    next_id = {"nextGenerationId": event.next_id} if event.next_id else {}
    return {"steerId": event.steer_id, "status": status, "why": event.why, **next_id}


def pending(snapshot: Snapshot, identity: Identity) -> Body:
    """The action that waits for somebody at a moment; None where nothing waits."""
    actions = [pending_action(each, identity) for each in snapshot.open_asks]
    steers = [taken(each) for each in snapshot.waiting_steers]
    return {
        **({"pendingAction": actions[0], "pendingActions": actions} if actions else {}),
        **({"pendingSteers": steers} if steers else {}),
    }


def unread(steers: Sequence[SteerTaken]) -> Body:
    """The steers that no model read, in the last frame."""
    return {"pendingSteers": [taken(each) for each in steers]} if steers else {}


def _client_id(client_id: str) -> Body:
    return {"clientSteerId": client_id} if client_id else {}
