"""OpenAI's Responses.

- `bodies`: what clients of the Responses API ask with, and get
- `chain`: what a response follows: the chain before it, or its conversation so far
- `compaction`: a long conversation made short: a summary by the model, sealed, to be sent in its
  place
- `creation`: a request to the Responses API, begun: what it follows, and the job that answers it
- `input_items`: the items that a request to the Responses API may bring, as clients write them
- `input_messages`: items of the Responses API as the messages that a model reads
- `inputs`: the input of a request to the Responses API: checked, and as it is kept, with ids
- `jobs`: responses that were created before: read, follow, cancel, delete
- `lookup`: a response by its id: its job while that is there, and what is kept of it
- `prompt`: a request to the Responses API as what is asked of a model, and what is said again of
  it
- `references`: items of other responses that a request only names
- `request`: the body of a request to the Responses API, and what its fields mean to a model
- `responses`: the Responses API: create a response, whole, as events, or in the background
- `sameness`: which items of an input are there already, in what it goes on from
- `sealing`: what a client keeps for us, unread: summaries that are sealed for their user alone
- `sockets`: the Responses API over a WebSocket: one response after another, the same events as by
  SSE
- `tools`: the tools of a request to the Responses API: checked, and as a model is told of them
"""
