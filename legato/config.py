"""One frozen tree of settings, read once from environment and file, handed down by constructor."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

OnBusy = Literal["interrupt", "reject", "enqueue"]


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sizes in bytes, times in seconds.  Each number is a judgement, with its reason beside it."""

    max_text_bytes: int = 256 * 1024  # a long document pasted whole, not a library
    max_answer_bytes: int = (
        4 * 1024 * 1024
    )  # hundreds of times the longest answer of today's models
    max_log_bytes: int = 8 * 1024 * 1024  # past it a running log is compacted
    max_running_jobs: int = 2000  # what one process carries with its readers
    max_running_jobs_per_user: int = 20
    retention: float = 600.0  # a reader that comes back within ten minutes still replays
    max_retained_bytes: int = 256 * 1024 * 1024
    model_idle_timeout: float = 120.0  # longer than reasoning models keep silent
    max_duration: float = 3600.0
    store_timeout: float = 10.0  # then the ending is said with `unsaved`
    heartbeat: float = 15.0  # proxies cut after 30 to 60 s of silence
    title_timeout: float = 45.0
    drain_timeout: float = 10.0  # for readers and jobs at shutdown


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[models.<name>]` table.  `parameters` are the defaults a request may override."""

    provider: Literal["openai", "local", "scripted"]
    base_url: str = "https://api.openai.com/v1"
    api_key_env: str | None = None
    model: str | None = (
        None  # the provider's name for it, or a GGUF file; default: the table's own name
    )
    max_context_tokens: int = 8192
    parameters: Mapping[str, object] = {}


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: int = 8000
    jwt_secret: str | None = None
    jwks_url: str | None = None
    database_url: str = "sqlite:///.legato/legato.db"
    default_model: str | None = None  # what the page offers first
    on_busy: OnBusy = "interrupt"
    limits: Limits = Limits()
    models: Mapping[str, ModelSettings] = {}
