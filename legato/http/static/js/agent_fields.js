/** An agent as the fields of its editor, and the other way round.  Pure. */

/** The tools to tick: those that there are, and those of the agent that are not there now. */
export function toolsOf(agent, offered) {
  const known = new Map(offered.map(({ pluginKey, description }) => [pluginKey, { name: pluginKey, description }]));
  for (const name of agent.tools ?? []) {
    if (!known.has(name)) known.set(name, { name, description: "not there now" });
  }
  return [...known.values()].map((tool) => ({
    ...tool,
    isTicked: (agent.tools ?? []).includes(tool.name),
    asks: agent.approval?.[tool.name] === "ask",
  }));
}

/**
 * What is sent: `{name, description, model, instructions, tools, approval}`.  `tools` are
 * `{name, isTicked, asks}`; approvals by patterns, which the editor does not show, stay.
 */
export function bodyOf(agent, { tools, ...texts }) {
  const names = new Set(tools.map(({ name }) => name));
  const patterns = Object.entries(agent.approval ?? {}).filter(([pattern, rule]) => !names.has(pattern) || rule !== "ask");
  const asking = tools.filter(({ isTicked, asks }) => isTicked && asks).map(({ name }) => [name, "ask"]);
  return {
    ...texts,
    tools: tools.filter(({ isTicked }) => isTicked).map(({ name }) => name),
    approval: Object.fromEntries([...patterns, ...asking]),
  };
}
