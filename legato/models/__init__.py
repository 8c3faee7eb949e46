"""The models: sources of tokens, behind one contract.

- `adaptations`: parts of requests that a provider refuses, and requests without these parts
- `annotations`: the citations of an answer, field by field
- `answers`: an answer from a provider's connection: bytes read, and events completed
- `asking`: asks a provider until it answers, refuses for good, or cannot be reached
- `bodies`: the body of a response, read as the connection brings bytes
- `calls`: the pieces of tool calls, told apart by index, id and order together
- `catalogue`: the `[models]` tables made into models, open for as long as the program runs
- `chunks`: an event's data as a chunk of an answer, read field by field
- `contract`: the contract of a model: a stream of small events, in batches
- `counting`: the length of a text in tokens, estimated
- `event_stream`: bytes of a connection into server-sent events, as the HTML standard says
- `exchange`: an HTTP/1.1 request on a connection, and the response as the connection brings bytes
- `failures`: errors of providers, in every shape that providers use
- `fields`: a field from a provider, whatever the field turns out to be
- `logprobs`: the log probabilities of an answer's tokens, read as a whole
- `messages`: messages as most models want them
- `openai`: any server that speaks OpenAI's Chat Completions: OpenAI, vLLM, Ollama, llama.cpp,
  LiteLLM
- `pacer`: sleeping for many tasks at the price of few: a single waiting task keeps watch for all
- `providers`: models that are asked over HTTP: a provider's, and this machine's engine
- `reader`: the bytes of a provider's answer into events: pure, and bounded in memory
- `retry`: the number of retries, and the waits between
- `scripted`: a deterministic model that speaks at a given pace: for load and for tests
- `surrogates`: characters that came in halves
- `transport`: HTTP/1.1 over Trio's own streams, under httpx: a streamed body costs one read and
  no more

`local` is a room of its own: llama.cpp's engine, in a process that can die.
"""
