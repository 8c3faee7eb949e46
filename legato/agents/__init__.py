"""Agents: instructions, a model, tools, and edges to other agents.

- `approvals`: decides which tool calls need somebody's leave
- `asks`: the questions of a run to somebody outside, and the outcome of an answer
- `bare`: the run of a turn without an agent: one model call, and one more after each interruption
- `calls`: the model calls of a run, read from its log
- `catalogue`: finds configured and stored agents for a user
- `client_run`: a tool call that the client makes
- `configured`: makes the `[agents.<name>]` tables into agents
- `contract`: what a run and the job that lives it are to each other
- `definition`: a run's snapshot of an agent: frozen, resolved once, at the start
- `edges`: follows the edges of agents
- `errors`: says why an agent cannot be used or saved
- `execution`: makes the tool calls of one model call, side by side
- `handoffs`: the tools by which one agent gives the run to another
- `introductions`: the parts that stand before an agent's words: who goes on, and with which tools
- `kept_task`: the record of a tool call that goes on as a task
- `leave`: the tools that somebody allowed for all of a conversation
- `messages`: a run's calls as messages that a model reads
- `permissions`: says what people may do with agents: roles for bits, and principals for a user
- `prompt`: makes the request to a model on an agent's behalf
- `run`: the loop: model call, tool calls, next model call
- `state`: an agent as written by people, and as stored for each version
- `tool_run`: makes one tool call, from somebody's leave to the result
- `visits`: which agents are to act now
"""
