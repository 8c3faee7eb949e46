"""One frozen tree of settings, read once from environment and file, and passed down."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_type_hints

import msgspec
from msgspec import Struct

from legato.config.agents import AgentSettings, Recursion, agent_values, check_agents
from legato.config.guards import Compat, Guards
from legato.config.oidc import OIDC_TABLE, OidcSettings, oidc_values, secret_variable
from legato.config.service_links import without_service_links
from legato.config.tools import (
    TOOL_TABLES,
    ActionSettings,
    FunctionSettings,
    McpSettings,
    key_variables,
    tool_values,
)
from legato.config.values import (
    BasePath,
    Bytes,
    BytesOrNone,
    ConfigError,
    Count,
    DatabaseUrl,
    Days,
    DescriptionText,
    Efforts,
    Flag,
    Hosts,
    HttpUrl,
    KeyPrefix,
    Lease,
    Lifetime,
    Origins,
    Port,
    Processes,
    RedisUrl,
    Seconds,
    SecondsOrNone,
    Secret,
    Table,
    Text,
    TokenRate,
    Users,
    VariableName,
    check_fields,
    check_names,
    check_value,
)

OnBusy = Literal["interrupt", "reject", "enqueue"]

WhileWaiting = Literal["on_busy", "deny_and_continue", "refuse"]

OnOwnerLost = Literal["seal", "continue"]
"""The rule for a job whose process is gone: the job ends with the answer so far, or the model goes
on from there.  `seal` is the default, because going on asks the model, and pays for the answer, a
second time."""

UnknownTools = Literal["leave_out", "refuse"]
"""With a request's tools of a type that only OpenAI's own servers run: ask the model without them,
and name them in the reply, or refuse the request.

`leave_out` is the default, because some clients send such tools always, needed or not.
"""

LogForm = Literal["auto", "console", "json"]
"""For people or for programs; `auto` is for people where standard error is a terminal."""

ANY_AUDIENCE: Final = "any"
"""The `jwt_audience` for any audience: a token need not be made for this server."""

BUILT_IN_MODEL: Final = "scripted"
"""A model without configuration, unless `scripted` is false; no other model may have this name."""

_DEFAULT_FILE: Final = Path("legato.toml")
_PREFIX: Final = "LEGATO_"
_FILE_VARIABLE: Final = "LEGATO_CONFIG"


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sizes in bytes, times in seconds.  Every number is a judgement, with the reason beside."""

    # LibreChat's own bound, also for a message on a WebSocket.  Photographs in a request need more,
    # but a request is read in one go: each megabyte holds everybody else up for some milliseconds.
    max_body_bytes: Bytes = 3 * 1024 * 1024
    max_text_bytes: Bytes = 256 * 1024  # a long document pasted whole, not a library
    max_answer_bytes: Bytes = 4 * 1024 * 1024  # hundreds of times today's longest answers
    max_connections: Count = 10_000  # 40 KiB each; further clients are told 503
    max_connections_per_address: Count = 1000  # an office behind one address; proxies are exempt
    max_running_jobs: Count = 2000  # a process can carry these with their readers
    max_running_jobs_per_user: Count = 20
    # the open tabs of all devices of a person, at one process; a hidden tab has none
    max_event_streams_per_user: Count = 20
    max_queued_jobs: Count = 10  # waiting turns of a conversation: more is a list nobody oversees
    # waiting turns count as running, too: this many leave a user five to begin at once
    max_queued_jobs_per_user: Count = 15
    retention: SecondsOrNone = 600.0  # a reader coming back within ten minutes still replays
    max_retained_bytes: BytesOrNone = 256 * 1024 * 1024
    model_idle_timeout: Seconds = 120.0  # longer than reasoning models keep silent
    max_duration: Seconds = 3600.0  # without the time in which an ask waits for its answer
    ask_timeout: Seconds = 86_400.0  # whoever is asked may sleep a night over it
    # a quick answer finds the run awake; a run left alone costs a task and its log no longer
    park_after: Seconds = 30.0
    store_timeout: Seconds = 10.0  # for all asked of the database; then an ending says `unsaved`
    stall_timeout: Seconds = 30.0  # a reader taking nothing for this time has lost its network
    heartbeat: Seconds = 15.0  # proxies cut after 30 to 60 s of silence
    title_timeout: Seconds = 45.0
    # for answers to end at shutdown, before all jobs are stopped
    drain_timeout: SecondsOrNone = 10.0
    # model calls of one agent's run: each is paid, and this alone ends a loop of agents
    max_recursion: Recursion = 100
    # longer than a busy process pauses; a dead process's jobs wait for this time
    lease: Lease = 10.0


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[models.<name>]` table.  `parameters` are the defaults a request may override."""

    provider: Literal["openai", "local", "scripted"]
    base_url: HttpUrl = "https://api.openai.com/v1"
    api_key_env: VariableName | None = None
    # the provider's name of the model, or a GGUF file; default: the table's
    model: Text | None = None
    max_context_tokens: Count = 8192
    # Whether thoughts are sent back beside the tool calls made from them: DeepSeek and Kimi ask for
    # this, other providers refuse.
    returns_thoughts: Flag = False
    # False refuses a request with an image at once; some servers drop it and answer blindly.
    reads_images: Flag = True
    description: DescriptionText = ""  # for people who choose a model
    efforts: Efforts = ()  # what the model takes as `reasoning_effort`, for people to choose from
    parameters: Table = {}


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: Text = "127.0.0.1"
    port: Port = 8000
    jwt_secret: Secret | None = None
    jwks_url: HttpUrl | None = None
    jwt_issuer: Text | None = None  # the `iss` of every accepted token
    # the `aud` of every token; `any` takes tokens made for other applications
    jwt_audience: Text | None = None
    api_key_lifetime: Lifetime | None = None  # of an API key whose request names no lifetime
    database_url: DatabaseUrl = "sqlite:///.legato/legato.db"
    # seals the keys of users' actions; the former key opens until all are sealed anew
    encryption_key: Secret | None = None
    former_encryption_key: Secret | None = None
    action_hosts: Hosts | None = (
        None  # where users' actions may lead; by default in all the internet
    )
    private_action_hosts: Hosts = ()  # inside a network, or by http://: an operator names each
    # untouched for longer is deleted; how long is the operator's choice
    retention_days: Days | None = None
    default_model: Text | None = None  # the page offers this model first
    scripted: Flag = True  # the built-in model: for load and tests, and of no use to strangers
    # The rate of a scripted generation, also where a request asks for no pace: a twelfth of a core.
    scripted_rate: TokenRate = 20_000.0
    redis_url: RedisUrl | None = None  # shared by the processes of a Legato
    redis_prefix: KeyPrefix = "legato"  # of every key there: two Legatos on one Redis need two
    workers: Processes = 1  # a process uses a core; several processes share a port
    on_busy: OnBusy = "interrupt"
    on_message_while_waiting: WhileWaiting = "on_busy"  # a waiting run is busy as any other
    on_owner_lost: OnOwnerLost = "seal"
    unknown_tools: UnknownTools = "leave_out"
    log: LogForm = "auto"
    # by prior knowledge, for a proxy: a proxy's connection carries many clients
    http2: Flag = False
    access_log: Flag = False  # a line for each request: most proxies write a line, too
    cors_origins: Origins = ()  # sites whose pages may read the API's replies
    # see times and counts of everybody's generations; who asks how much is private by default
    inspect_admins: Users = ()
    metrics_token: Secret | None = None  # opens /metrics to other machines
    base_path: BasePath = ""  # the path under which a proxy serves Legato, such as /llm
    # of the first process alone; each next process has the next port
    metrics_port: Port | None = None
    trace_endpoint: HttpUrl | None = None  # takes OpenTelemetry's spans (OTLP by HTTP)
    limits: Limits = Limits()
    guards: Guards = Guards()
    compat: Compat = Compat()
    oidc: OidcSettings | None = None  # where people log in; None: by tokens and links alone
    models: Mapping[str, ModelSettings] = {}
    agents: Mapping[str, AgentSettings] = {}
    mcp: Mapping[str, McpSettings] = {}
    functions: Mapping[str, FunctionSettings] = {}
    actions: Mapping[str, ActionSettings] = {}


_GROUPS: Final[Mapping[str, type[Struct]]] = {
    "limits": Limits,
    "guards": Guards,
    "compat": Compat,
}
"""Tables whose settings have variables of their own."""

_TABLES: Final = (*_GROUPS, "models", "agents")
_PLAIN: Final = tuple(
    name for name in Settings.__struct_fields__ if name not in (*_TABLES, *TOOL_TABLES, OIDC_TABLE)
)
_GROUPED: Final = tuple(field for kind in _GROUPS.values() for field in kind.__struct_fields__)

_Values = dict[str, object]


def load_settings(environment: Mapping[str, str], path: Path | None = None) -> Settings:
    """Read the file, then the environment over the file's values.

    The file is `path`, else the file named by LEGATO_CONFIG, else `legato.toml` if present.

    Raises:
        ConfigError: for a file that cannot be read, for an unknown key, and for a forbidden value.
    """
    file = settings_file(environment, path)
    plain, groups, models, agents = _from_file(file) if file else ({}, {}, {}, {})
    keys = [model.get("api_key_env") for model in models.values()]
    keys.append(groups.get("guards", {}).get("moderation_api_key_env"))
    keys += [*key_variables(plain), secret_variable(plain)]
    over = _from_environment(without_service_links(environment), keys)
    plain |= {name: value for name, value in over.items() if name in _PLAIN}
    place = f"{_PREFIX}DEFAULT_MODEL" if "default_model" in over else f"{file}: default_model"
    known = _check_default(plain, models, place)
    values = plain | {name: _group(name, groups, over) for name in _GROUPS} | {"models": models}
    settings = msgspec.convert({**values, "agents": agents}, Settings)
    if settings.former_encryption_key is not None and settings.encryption_key is None:
        raise ConfigError("former_encryption_key: found without encryption_key, the key of now")
    check_agents(agents, known, settings.limits.max_recursion, f"{file}: agents")
    return settings


def _check_default(plain: _Values, models: Mapping[str, _Values], place: str) -> set[str]:
    """Return the names of all models."""
    known = {*models, *([BUILT_IN_MODEL] if plain.get("scripted", True) else [])}
    if not known:
        raise ConfigError("scripted: found False; without it a [models.<name>] table is needed")
    if (default := plain.get("default_model")) is not None and default not in known:
        raise ConfigError(f"{place}: found {default!r}; allowed: {', '.join(sorted(known))}")
    return known


def _group(name: str, groups: Mapping[str, _Values], over: _Values) -> _Values:
    fields = _GROUPS[name].__struct_fields__
    return {**groups.get(name, {}), **{field: over[field] for field in fields if field in over}}


def settings_file(environment: Mapping[str, str], path: Path | None = None) -> Path | None:
    """The file that `load_settings` reads, if any.  Raises ConfigError."""
    if path is None and _FILE_VARIABLE in environment:
        return Path(check_value(environment[_FILE_VARIABLE], Text, _FILE_VARIABLE))
    return path or (_DEFAULT_FILE if _DEFAULT_FILE.exists() else None)


_InTables = dict[str, _Values]


def _from_file(file: Path) -> tuple[_Values, _InTables, _InTables, _InTables]:
    """The file's values: at the top, in the tables of groups, in `[models]` and in `[agents]`."""
    plain = _read(file)
    tools = tool_values(plain, f"{file}: ") | oidc_values(plain, f"{file}: ")
    in_groups = [f"{name}.{field}" for name in _GROUPS for field in _GROUPS[name].__struct_fields__]
    check_names(plain, [*_PLAIN, *_TABLES, *TOOL_TABLES, OIDC_TABLE, *in_groups], f"{file}: ")
    tables = {key: check_value(plain.pop(key, {}), Table, f"{file}: {key}") for key in _TABLES}
    models, agents = tables.pop("models"), tables.pop("agents")
    for key, table in tables.items():
        check_names(table, _GROUPS[key].__struct_fields__, f"{file}: {key}.")
    return (
        check_fields(plain, Settings, f"{file}: ") | tools,
        {key: check_fields(t, _GROUPS[key], f"{file}: {key}.") for key, t in tables.items()},
        {name: _model(name, table, f"{file}: models.{name}") for name, table in models.items()},
        {name: agent_values(name, t, f"{file}: agents.{name}") for name, t in agents.items()},
    )


def _read(file: Path) -> _Values:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise ConfigError(f"{file}: not a TOML file: {error}") from None


def _model(name: str, found: object, place: str) -> _Values:
    table = check_value(found, Table, place)
    check_names(table, ModelSettings.__struct_fields__, f"{place}.")
    if "provider" not in table:
        raise ConfigError(f"{place}.provider: missing; allowed: openai, local, scripted")
    model = check_fields(table, ModelSettings, f"{place}.")
    if name == BUILT_IN_MODEL and model["provider"] != "scripted":
        raise ConfigError(
            f"{place}: the name is the built-in model's; "
            'allowed: another name, or provider = "scripted"'
        )
    return model


def _from_environment(environment: Mapping[str, str], key_variables: list[object]) -> _Values:
    """The environment's values for the fields of Settings and of its groups.

    `key_variables` hold the keys of models; their names may begin with LEGATO_ as well.
    """
    fields = {_PREFIX + name.upper(): name for name in (*_PLAIN, *_GROUPED)}
    found = {name for name in environment if name.startswith(_PREFIX)}
    check_names(found.difference(map(str, key_variables)), [*fields, _FILE_VARIABLE], "")
    hints = get_type_hints(Settings, include_extras=True)
    for kind in _GROUPS.values():
        hints |= get_type_hints(kind, include_extras=True)
    return {
        fields[name]: check_value(environment[name], hints[fields[name]], name, read_text=True)
        for name in sorted(found.intersection(fields))
    }
