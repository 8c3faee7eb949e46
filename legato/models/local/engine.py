"""llama.cpp's own server engine inside the process that makes it, on a loopback port.

Legato makes it in a process of its own (`child`), because a fault in native code ends a process.
"""

import importlib
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from legato.models.contract import Json
from legato.models.openai import Endpoint

_SLOTS: Final = 4  # answers generated side by side; a fifth waits for a slot
_WINDOWS: Final = 2  # full context windows that the slots share, since few talks are that long
_BATCH: Final = 128  # tokens of a prompt between two looks at who has left; more is no faster here
_ERRORS_ONLY: Final = 1  # llama.cpp's verbosity; at 2 it remarks on every request that is cancelled

ENGINE_PARAMETERS: Final[Mapping[str, Json]] = {"return_progress": True}
"""What every request to an engine should carry.

llama.cpp notices that a client has left only where it writes to it, and while it reads a
prompt it writes nothing but, if asked, its progress: without it a stop in a long prompt's
first second was noticed after a minute.
"""


class EngineUnavailable(Exception):
    """The engine cannot run here, or not with these weights.  The message is for people."""


class Engine:
    """llama.cpp serving the GGUF file `weights` at `endpoint` until it is closed.

    Making one blocks while it loads, half a second for the demo's weights.  `context_tokens` is
    what one conversation can count on, question and answer together, unless the model was
    trained for less.

    Raises:
        EngineUnavailable: xllamacpp is not installed or does not run here, or it cannot load
            the file.
    """

    def __init__(self, weights: Path, context_tokens: int) -> None:
        library = _import_library()
        if not weights.is_file():
            raise EngineUnavailable(f"there is no file {weights}")
        key = secrets.token_urlsafe(32)
        try:
            server = library.Server(_parameters(library, weights, context_tokens, key))
        except RuntimeError as error:
            raise EngineUnavailable(
                f"llama.cpp cannot load {weights}; its own words stand above, on standard error"
            ) from error
        # Destroyed before its loop has begun, it would wait for the loop's end for ever.
        server.handle_metrics()
        self._server = server
        self.endpoint: Final = Endpoint(f"{server.listening_address}/v1", key)

    def close(self) -> None:
        """Stop the engine and wait for its threads, about 0.1 s; again is no error."""
        self._server = None  # the server has no other end than its destructor


def _import_library() -> Any:
    try:
        return importlib.import_module("xllamacpp")
    except ImportError as error:
        raise EngineUnavailable(
            f"the package xllamacpp cannot be imported ({error});"
            " it comes with the extra: in a checkout, pip install '.[local]'"
        ) from error


def _parameters(library: Any, weights: Path, context_tokens: int, key: str) -> Any:
    parameters = library.CommonParams()
    parameters.model.path = str(weights)
    parameters.model_alias = {weights.stem}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.ui = False
    parameters.offline = True
    parameters.verbosity = _ERRORS_ONLY
    parameters.n_parallel = _SLOTS
    parameters.kv_unified = True
    parameters.n_ctx = _WINDOWS * context_tokens
    # The copies of old prompts it would keep otherwise take up to 8 GiB.
    parameters.cache_ram_mib = 0
    parameters.cache_idle_slots = False
    parameters.sse_ping_interval = 1  # s; a write to whoever waits, so that it shows who left
    parameters.n_batch = parameters.n_ubatch = _BATCH
    # Its loop must run before it may be destroyed (see Engine); only this asks the loop.
    parameters.endpoint_metrics = True
    for threads in (parameters.cpuparams, parameters.cpuparams_batch):
        threads.n_threads = max(1, _cores() - 1)
        threads.poll = 0
    return parameters


def _cores() -> int:
    """The cores this process may use.

    The engine leaves one of them alone.  Its threads wait for each other hundreds of times a
    token, so one that has to share its core halts all: on two busy cores, two threads made
    2 tokens a second and one thread 25 to 50.
    """
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
