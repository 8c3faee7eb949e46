/**
 * The running state of one answer: its content parts, computed from what the stream says.
 *
 * Pure, and the same rules as the server's: a part stands at its step's `index`, text, reasoning
 * and tool arguments accumulate, and a snapshot replaces everything.
 */
export class Fold {
  /** Parts by position; a hole (undefined or null) is a step that has brought nothing yet. */
  parts = [];
  #positions = new Map(); // step id -> position

  /** Start again from the `resumeState` of a sync frame. */
  replace({ runSteps = [], aggregatedContent = [] }) {
    this.parts = aggregatedContent.map((part) => part && structuredClone(part));
    this.#positions = new Map(runSteps.map((step) => [step.id, step.index]));
  }

  /** Take one `{event, data}` frame; return the position it changed, or -1. */
  apply({ event, data }) {
    if (event === "on_run_step") return this.#begin(data);
    if (event === "on_agent_update") return this.#handOver(data);
    if (event === "on_steer_applied") return this.#steer(data);
    if (event === "on_run_step_completed") return this.#complete(data.result);
    const position = this.#positions.get(data?.id);
    if (position === undefined) return -1;
    if (event === "on_message_delta") return this.#grow(position, "text", data.delta);
    if (event === "on_reasoning_delta") return this.#grow(position, "think", data.delta);
    if (event === "on_run_step_delta") return this.#growCall(position, data.delta);
    return -1;
  }

  #begin(step) {
    this.#positions.set(step.id, step.index);
    const call = step.stepDetails?.tool_calls?.[0];
    if (!call) return -1;
    this.parts[step.index] = { type: "tool_call", tool_call: { ...call, args: textOf(call.args) } };
    return step.index;
  }

  #handOver(part) {
    this.parts[part.agent_update.index] = structuredClone(part);
    return part.agent_update.index;
  }

  /** The user's words, where a model call read them. */
  #steer({ index, part }) {
    this.parts[index] = structuredClone(part);
    return index;
  }

  #complete(result) {
    const position = this.#positions.get(result?.id);
    if (position === undefined) return -1;
    const before = this.parts[position]?.tool_call;
    this.parts[position] = { type: "tool_call", tool_call: { ...before, ...result.tool_call } };
    return position;
  }

  #grow(position, type, delta) {
    const chunks = [delta.content ?? []].flat().filter((chunk) => chunk.type === type);
    const part = (this.parts[position] ??= { type, [type]: "" });
    if (part.type !== type || chunks.length === 0) return -1;
    for (const chunk of chunks) part[type] += chunk[type];
    return position;
  }

  #growCall(position, delta) {
    const call = this.parts[position]?.tool_call;
    if (!call || delta.type !== "tool_calls") return -1;
    for (const chunk of delta.tool_calls ?? []) {
      call.id ||= chunk.id;
      call.name ||= chunk.name;
      call.args = textOf(call.args) + textOf(chunk.args);
    }
    return position;
  }
}

/** Arguments as JSON text; some servers open a call with an empty object in their place. */
function textOf(args) {
  if (typeof args === "string") return args;
  return args && Object.keys(args).length > 0 ? JSON.stringify(args) : "";
}

/** What a person reads of a message: its text parts joined, or its text. */
export function textOfMessage({ content, text }) {
  const texts = (content ?? []).filter((part) => part?.type === "text").map((part) => part.text);
  return texts.join("") || text || "";
}
