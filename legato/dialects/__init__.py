"""Wire vocabularies: events to frames, one file each.  Pure.

- `blank_lines`: blank lines between the texts of a run, where a wire has a single text for all
- `chat_completions`: the stream of Chat Completions: chunks as server-sent events, with a cursor
  as their `id:`
- `completion_object`: an answer as Chat Completions has it whole, and the words its stream shares
  with it
- `contract`: what a wire vocabulary is: a pure machine from events to frames
- `floor`: the words of simultaneous agents, in turn
- `leave_requests`: the calls of an ended answer for which somebody's leave is missing, by their ids
- `librechat`: LibreChat's chat stream as server-sent events, with a cursor as every frame's `id:`
- `librechat_actions`: LibreChat's bodies for steers and pending actions
- `response_items`: the output items of the Responses API, and the events around each item
- `response_object`: the response object, embedded in events and returned by a GET
- `response_status`: the status and the ending of a response, in the words of the Responses API
- `responses`: the stream of the Responses API: server-sent events, numbered from 0, without an
  `id:`
"""
