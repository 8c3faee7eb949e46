"""A client that reads the frames as a front end does."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import json

from legato.events import Cursor

_BESIDE: Final = ("on_steer_updated", "on_pending_action", "on_action_resolved")
"""Events that leave the content as it is."""


class SimulatedClient:
    """A front end's reading of the frames: the client knows the wire, and nothing of our fold."""

    def __init__(self, cursor: Cursor | None = None) -> None:
        """With a cursor: a client that has read everything up to the cursor, and kept no
        content."""
        self.cursor = cursor
        self.knows = cursor is None
        self.seqs: list[int] = []
        self.syncs = 0
        self.frames: list[Mapping[str, Any]] = []
        self.content: list[dict[str, Any]] = []
        self.terminal: bytes | None = None
        self._indexes: dict[str, int] = {}

    def feed(self, data: bytes) -> None:
        assert data.endswith(b"\n\n"), "whole frames in every write"
        for frame in data.removesuffix(b"\n\n").split(b"\n\n"):
            self._frame(frame)

    def _frame(self, frame: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n"))
        body = json.decode(fields[b"data"])
        self.cursor = Cursor.parse(fields[b"id"].decode())
        assert self.terminal is None, "nothing comes after the ending"
        self.frames.append(body)
        if body.get("sync"):
            self._sync(body["resumeState"])
            return
        self.seqs.append(self.cursor.seq)
        if "created" in body:
            self.content = body.get("keptContent", [])
        if "final" in body or fields[b"event"] == b"error":
            self.terminal = frame
        elif "event" in body and self.knows:
            self._apply(body["event"], body["data"])

    def _sync(self, state: Any) -> None:
        self.syncs += 1
        self.knows = True
        self.seqs = [] if self.cursor is None else [self.cursor.seq]
        self._indexes = {step["id"]: step["index"] for step in state["runSteps"]}
        self.content = state["aggregatedContent"]

    def _apply(self, event: str, data: Any) -> None:
        if event in _BESIDE:
            return
        if event == "on_run_step":
            self._step(data)
            return
        if event == "on_steer_applied":
            assert data["index"] == len(self.content), "a steer stands behind all that was said"
            self.content.append(data["part"])
            return
        if event == "on_run_step_completed":
            result = data["result"]
            self.content[result["index"]]["tool_call"] = result["tool_call"]
            return
        part = self.content[self._indexes[data["id"]]]
        if event == "on_run_step_delta":
            part["tool_call"]["args"] += data["delta"]["tool_calls"][0]["args"]
        else:
            (delta,) = data["delta"]["content"]
            kind = delta["type"]
            assert part.setdefault("type", kind) == kind
            part[kind] = part.get(kind, "") + delta[kind]

    def _step(self, step: Any) -> None:
        self._indexes[step["id"]] = step["index"]
        if step["index"] == len(self.content):
            self.content.append(_begun(step))


def _begun(step: Any) -> dict[str, Any]:
    """A part as it begins, named after the agent that makes it."""
    calls = step["stepDetails"].get("tool_calls")
    named = {field: step[field] for field in ("agentId", "groupId") if field in step}
    return {**named, "type": "tool_call", "tool_call": calls[0]} if calls else named
