"""LibreChat's own rules for putting frames together to content, as in LibreChat's server."""

from collections.abc import Iterable, Mapping
from typing import Any

Part = dict[str, Any]


class Aggregator:
    """The content of one answer.  `content`: parts by position; None where a step brought nothing.

    A frame dropped by the rules raises AssertionError: no frame of ours may be lost.
    """

    def __init__(self) -> None:
        self.content: list[Part | None] = []
        self._steps: dict[str, Mapping[str, Any]] = {}
        self._calls: dict[str, str] = {}  # the id of the last tool call, by the step's id
        self._agents: dict[int, dict[str, Any]] = {}

    def take(self, frame: Mapping[str, Any]) -> None:
        event, data = frame["event"], frame["data"]
        match event:
            case "on_run_step":
                self._begin(data)
            case "on_message_delta" | "on_reasoning_delta":
                self._apply(self._steps[data["id"]]["index"], data["delta"]["content"][0])
            case "on_run_step_delta":
                self._grow(data["id"], data["delta"])
            case "on_run_step_completed":
                result = data["result"]
                call = {"type": "tool_call", "tool_call": result["tool_call"]}
                self._apply(self._steps[result["id"]]["index"], call, is_final=True)
            case "on_agent_update":
                self._apply(data["agent_update"]["index"], data)
            case _:
                raise AssertionError(event)

    def _begin(self, step: Mapping[str, Any]) -> None:
        self._steps[step["id"]] = step
        named = {name: step[name] for name in ("agentId", "groupId") if step.get(name) is not None}
        self._agents.setdefault(step["index"], {}).update(named)
        for call in step["stepDetails"].get("tool_calls", ()):
            self._calls[step["id"]] = call["id"]
            begun = {"args": call["args"], "name": call["name"], "id": call["id"]}
            self._apply(step["index"], {"type": "tool_call", "tool_call": begun})

    def _grow(self, step_id: str, delta: Mapping[str, Any]) -> None:
        assert delta["type"] == "tool_calls"
        for chunk in delta["tool_calls"]:
            call = {
                "args": chunk.get("args", ""),
                "name": chunk.get("name"),
                "id": self._calls[step_id],
            }
            index = self._steps[step_id]["index"]
            self._apply(index, {"type": "tool_call", "tool_call": call})

    def _apply(self, index: int, part: Mapping[str, Any], *, is_final: bool = False) -> None:
        kind = part["type"]
        self.content += [None] * (index + 1 - len(self.content))
        slot = self.content[index]
        if slot is None and kind != "tool_call":
            slot = self.content[index] = {"type": kind}
        assert slot is None or kind.startswith(slot["type"]), (slot, part)
        if kind in ("text", "think"):
            assert slot is not None
            slot[kind] = slot.get(kind, "") + part[kind]
        elif kind == "agent_update":
            self.content[index] = {"type": kind, kind: part[kind]}
        else:
            self._call(index, part["tool_call"], is_final=is_final)
        self._name(index)

    def _call(self, index: int, call: Mapping[str, Any], *, is_final: bool) -> None:
        if not call.get("name") and not is_final:
            return  # the rule by which arguments without a name never count
        before = (self.content[index] or {}).get("tool_call", {})
        args = call["args"] if is_final else before.get("args", "") + call["args"]
        made = {
            "id": call["id"] or before.get("id", ""),
            "name": call["name"] or before.get("name", ""),
            "args": args,
            "type": "tool_call",
        }
        if is_final:
            made |= {"progress": 1, "output": call["output"]}
        self.content[index] = {"type": "tool_call", "tool_call": made}

    def _name(self, index: int) -> None:
        part = self.content[index]
        if part is not None:
            part.update(self._agents.get(index, {}))


def put_together(frames: Iterable[Mapping[str, Any]]) -> list[Part]:
    """The parts at the end, without holes."""
    aggregator = Aggregator()
    for frame in frames:
        aggregator.take(frame)
    return [part for part in aggregator.content if part is not None]
