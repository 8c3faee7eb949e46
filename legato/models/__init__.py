"""Where tokens come from.

- `adaptations`: what a provider was found not to take, and a request as it takes it
- `answers`: an answer as a provider's connection brings it: reads, and the events that they
  complete
- `asking`: asks a provider until it answers, refuses for good, or cannot be reached
- `bodies`: the body of a response as its connection brings it
- `calls`: which tool call a piece belongs to: by index, id and order together
- `catalogue`: the `[models]` tables made into models, open for as long as the program runs
- `chunks`: one event's data as a chunk of an answer, and what is in it, read field by field
- `contract`: what a model is to the rest of the program: a stream of small events, in batches
- `counting`: how long a text is in tokens, without asking anybody
- `engine_requests`: what callers may ask of the engine that runs in this process
- `event_stream`: bytes of a connection into server-sent events, as the HTML standard says
- `exchange`: one HTTP/1.1 request on a connection, and its response as the connection brings it
- `failures`: what a provider says went wrong, in every shape in which providers say it
- `fields`: one field of what a provider sent, whatever it turns out to be
- `local`: llama.cpp's own server engine inside this process, on a loopback port that only we can
  use
- `openai`: any server that speaks OpenAI's Chat Completions: OpenAI, vLLM, Ollama, llama.cpp,
  LiteLLM
- `pacer`: waiting for many moments at the price of few: one of those who wait keeps watch for all
- `providers`: models that are asked over HTTP: a provider's, and this machine's engine
- `reader`: the bytes of a provider's answer into events: pure, and bounded in all that it keeps
- `retry`: how often, and after how long a wait, a provider is asked again
- `scripted`: a model that says what it was told to, at the pace it was told: for load and for
  tests
- `surrogates`: characters that came in halves
- `transport`: HTTP/1.1 over Trio's own streams, under httpx: a streamed body costs one read and
  no more
- `weights`: the demo's weights: SmolLM2-135M-Instruct, carried by a Python package, kept in a
  folder
"""
