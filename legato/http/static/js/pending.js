/**
 * What waits for somebody in a running answer: words that no model call has read yet (steers), and
 * questions to the reader (asks).  Pure: computed from what the stream says.
 */
export class Pending {
  #steers = new Map(); // steer id -> steer
  #names = new Set(); // the senders' own names of all steers that the stream told of
  #asks = new Map(); // action id -> ask; `resolution` of an ask: how it was answered

  /** The steers that wait for a model call, oldest first. */
  get steers() {
    return [...this.#steers.values()];
  }

  /** The asks in their order, answered ones included. */
  get asks() {
    return [...this.#asks.values()].sort((one, other) => one.index - other.index);
  }

  get openAsks() {
    return this.asks.filter(({ resolution }) => resolution === undefined);
  }

  /** Whether the stream told of the steer that its sender calls `name`. */
  knows(name) {
    return this.#names.has(name);
  }

  /** Start again from the `resumeState` of a sync frame. */
  replace({ pendingSteers = [], pendingActions = [], aggregatedContent = [] }) {
    this.#steers = new Map(pendingSteers.map((steer) => [steer.steerId, steer]));
    this.#asks = new Map(pendingActions.map((ask) => [ask.actionId, ask]));
    for (const steer of [...pendingSteers, ...aggregatedContent]) this.#note(steer?.clientSteerId);
  }

  /** Take one `{event, data}` frame; return whether it concerns what waits. */
  apply({ event, data }) {
    if (event === "on_steer_updated") this.#updateSteer(data);
    else if (event === "on_steer_applied") this.#settleSteer(data);
    else if (event === "on_pending_action") this.#asks.set(data.actionId, data);
    else if (event === "on_action_resolved") this.#resolve(data);
    else return false;
    return true;
  }

  #updateSteer(steer) {
    if (steer.status !== "pending") return this.#settleSteer(steer);
    this.#steers.set(steer.steerId, steer);
    this.#note(steer.clientSteerId);
  }

  #settleSteer({ steerId, clientSteerId }) {
    this.#steers.delete(steerId);
    this.#note(clientSteerId);
  }

  #resolve(resolution) {
    const ask = this.#asks.get(resolution.actionId);
    if (ask) this.#asks.set(ask.actionId, { ...ask, resolution });
  }

  #note(name) {
    if (name) this.#names.add(name);
  }
}
