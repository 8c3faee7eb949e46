"""llama.cpp's own engine, in a process of its own.

- `child`: the process: one engine, for as long as the parent wants it
- `engine`: llama.cpp's server engine inside the process that makes it, on a loopback port
- `process`: the engine's process as its parent sees it: begun, watched, and begun again
- `requests`: what callers may ask of an engine
- `weights`: the demo's weights: SmolLM2-135M-Instruct, carried by a Python package, kept in a
  folder
"""
