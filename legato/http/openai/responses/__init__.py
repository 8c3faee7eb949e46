"""OpenAI's Responses.

- `approvals`: the requests for leave among the items of a request, and the decisions on them
- `bodies`: queries and bodies of replies of the Responses API
- `chain`: the responses before a response: the chain, or the conversation so far
- `compaction`: a long conversation made short: a summary by the model, sealed, in place of the
  conversation
- `creation`: begins a response: the responses before, and the job of the answer
- `input_items`: the items of a request to the Responses API, in the form of clients
- `input_messages`: items of the Responses API as the messages that a model reads
- `inputs`: the input of a request to the Responses API: checked, and as it is kept, with ids
- `jobs`: existing responses: read, follow, cancel, delete
- `lanes`: lanes of a WebSocket: in each the responses come one after another, and lanes go side by
  side
- `lookup`: a response by id: the job while the job is there, and the stored response
- `outbox`: the way of events to the client of a WebSocket: past the ASGI server, or through it
- `prompt`: the messages and parameters of a request for a model, and the fields that a response
  repeats
- `references`: items of other responses that a request refers to by id
- `request`: a request to the Responses API: the paths, the body, and the fields' names for a model
- `responses`: the Responses API: create a response, whole, as events, or in the background
- `sameness`: finds the items of an input that are among the earlier items already
- `sealing`: sealed summaries, which a client keeps for us and only the same user can use
- `socket_messages`: the messages of a client over a WebSocket
- `sockets`: the Responses API over a WebSocket: lanes of responses, with the same events as by SSE
- `steer_events`: the events about steers over a WebSocket, and the words of a steer
- `steers`: steers over a WebSocket: words for a running response, which a successor reads
- `tools`: the tools of a request to the Responses API: checked, and in a model's words
"""
