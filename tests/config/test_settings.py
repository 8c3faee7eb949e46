from pathlib import Path

import pytest
from msgspec.structs import replace

from legato.config import (
    Compat,
    ConfigError,
    Guards,
    Limits,
    ModelSettings,
    Settings,
    load_settings,
)

SECRET = "s" * 32
KINDS = ("sentinel", "cluster")
NETWORKS = "a list of addresses and networks, such as 127.0.0.1 and 10.0.0.0/8"
RATES = "rates such as 40/minute, 5 per 10 seconds, or several with ; between them, or off"
LIFETIME = "a number of seconds, 60 to 315360000 (ten years)"
BASE_PATH = (
    "a path such as /llm, with a slash at its beginning and none at its end, which is not one of "
    "Legato's own such as /api"
)
PREFIX = "1 to 64 letters, digits, hyphens, underscores, full stops and colons"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(environment: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(environment, path)
    return str(caught.value)


def refusal_of_file(folder: Path, text: str) -> str:
    file = folder / "legato.toml"
    file.write_text(text)
    return refusal({}).removeprefix("legato.toml: ")


def test_nothing_configured_gives_the_defaults() -> None:
    assert load_settings({"PATH": "/bin", "LEGATOX": "not ours"}) == Settings()


def test_every_setting_can_come_from_the_file(folder: Path) -> None:
    (folder / "legato.toml").write_text(
        """
        host = "0.0.0.0"
        port = 0
        jwt_secret = "ssssssssssssssssssssssssssssssss"
        jwks_url = "https://login.example.com/keys"
        jwt_issuer = "https://login.example.com"
        jwt_audience = "legato"
        base_path = "/tools/llm"
        api_key_lifetime = 7776000
        database_url = "postgresql://me:pw@db/legato"
        redis_url = "rediss+cluster://me:pw@redis:6379/0"
        redis_prefix = "legato-2:eu"
        workers = 4
        retention_days = 90
        encryption_key = "ssssssssssssssssssssssssssssssss"
        former_encryption_key = "ssssssssssssssssssssssssssssssss"
        action_hosts = ["api.example.com", "pets_1:8443"]
        private_action_hosts = ["pets:8080"]
        default_model = "fast"
        on_busy = "reject"
        on_message_while_waiting = "refuse"
        on_owner_lost = "continue"
        unknown_tools = "refuse"
        http2 = true
        access_log = true
        metrics_token = "ssssssssssssssssssssssssssssssss"
        metrics_port = 9100
        trace_endpoint = "http://127.0.0.1:4318/v1/traces"
        cors_origins = ["https://chat.example.com", "*"]
        inspect_admins = ["ann", "6ba7b810-9dad"]

        [limits]
        retention = 0
        heartbeat = 0.5
        max_connections = 100
        max_connections_per_address = 10
        max_running_jobs = 1
        lease = 2.5

        [guards]
        trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]
        starts_per_user = "40/minute; 500 per 1 day"
        ban_score = 20
        score_non_browser = 0
        require_browser = true
        moderation_on_failure = "closed"
        moderation_api_key_env = "LEGATO_MODERATION_KEY"

        [compat]
        librechat_denials = true

        [models.fast]
        provider = "openai"
        base_url = "http://127.0.0.1:8080/v1"
        api_key_env = "LEGATO_FAST_KEY"
        model = "fast-1"
        max_context_tokens = 32768
        returns_thoughts = true
        reads_images = false
        description = "Quick, for short answers"
        efforts = ["low", "high"]
        parameters = { temperature = 0.2, stop = ["x"] }

        [models.scripted]
        provider = "scripted"
        """
    )

    assert load_settings({"LEGATO_FAST_KEY": "sk-1", "LEGATO_MODERATION_KEY": "sk-2"}) == Settings(
        host="0.0.0.0",
        port=0,
        jwt_secret=SECRET,
        jwks_url="https://login.example.com/keys",
        jwt_issuer="https://login.example.com",
        jwt_audience="legato",
        base_path="/tools/llm",
        api_key_lifetime=7776000,
        database_url="postgresql://me:pw@db/legato",
        redis_url="rediss+cluster://me:pw@redis:6379/0",
        redis_prefix="legato-2:eu",
        workers=4,
        retention_days=90,
        encryption_key=SECRET,
        former_encryption_key=SECRET,
        action_hosts=("api.example.com", "pets_1:8443"),
        private_action_hosts=("pets:8080",),
        default_model="fast",
        on_busy="reject",
        on_message_while_waiting="refuse",
        on_owner_lost="continue",
        unknown_tools="refuse",
        http2=True,
        access_log=True,
        metrics_token=SECRET,
        metrics_port=9100,
        trace_endpoint="http://127.0.0.1:4318/v1/traces",
        cors_origins=("https://chat.example.com", "*"),
        inspect_admins=("ann", "6ba7b810-9dad"),
        limits=Limits(
            retention=0,
            heartbeat=0.5,
            max_connections=100,
            max_connections_per_address=10,
            max_running_jobs=1,
            lease=2.5,
        ),
        guards=Guards(
            trusted_proxies=("127.0.0.1", "10.0.0.0/8", "2001:db8::/32"),
            starts_per_user="40/minute; 500 per 1 day",
            ban_score=20,
            score_non_browser=0,
            require_browser=True,
            moderation_on_failure="closed",
            moderation_api_key_env="LEGATO_MODERATION_KEY",
        ),
        compat=Compat(librechat_denials=True),
        models={
            "fast": ModelSettings(
                provider="openai",
                base_url="http://127.0.0.1:8080/v1",
                api_key_env="LEGATO_FAST_KEY",
                model="fast-1",
                max_context_tokens=32768,
                returns_thoughts=True,
                reads_images=False,
                description="Quick, for short answers",
                efforts=("low", "high"),
                parameters={"temperature": 0.2, "stop": ["x"]},
            ),
            "scripted": ModelSettings(provider="scripted"),
        },
    )


def test_the_environment_beats_the_file(folder: Path) -> None:
    (folder / "legato.toml").write_text(
        'port = 1\nhost = "localhost"\n[limits]\nretention = 1\nheartbeat = 2'
    )

    settings = load_settings({"LEGATO_PORT": "2", "LEGATO_RETENTION": "3.5"})

    assert (settings.port, settings.host) == (2, "localhost")
    assert settings.limits == Limits(retention=3.5, heartbeat=2)


@pytest.mark.parametrize("limit", Limits.__struct_fields__)
def test_every_limit_is_a_variable(limit: str) -> None:
    limits = load_settings({f"LEGATO_{limit.upper()}": "7"}).limits

    assert getattr(limits, limit) == 7
    assert type(getattr(limits, limit)) is type(getattr(Limits(), limit))


GUARDS = {
    "trusted_proxies": ("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")),
    "starts_per_ip": ("5/second", "5/second"),
    "starts_per_user": ("5/second", "5/second"),
    "calls_per_key": ("5/second", "5/second"),
    "writes_per_user": ("5/second", "5/second"),
    "reads_per_user": ("5/second", "5/second"),
    "failures_per_ip": ("5/second", "5/second"),
    "max_conversations_per_user": ("7", 7),
    "max_stored_bytes_per_user": ("7", 7),
    "ban_score": ("7", 7),
    "ban_duration": ("7", 7.0),
    "score_lifetime": ("7", 7.0),
    **{f"score_{kind}": ("7", 7) for kind in ("message_limit", "concurrent", "non_browser")},
    **{f"score_{kind}": ("7", 7) for kind in ("illegal_model", "convo_access", "logins")},
    "score_writes": ("7", 7),
    "score_reads": ("7", 7),
    "require_browser": ("true", True),
    "moderation_url": ("https://example.com/v1", "https://example.com/v1"),
    "moderation_model": ("omni", "omni"),
    "moderation_api_key_env": ("LEGATO_KEY", "LEGATO_KEY"),
    "moderation_on_failure": ("closed", "closed"),
    "moderation_timeout": ("0.5", 0.5),
}


@pytest.mark.parametrize("guard", Guards.__struct_fields__)
def test_every_guard_is_a_variable(guard: str) -> None:
    text, value = GUARDS[guard]
    guards = load_settings({f"LEGATO_{guard.upper()}": text}).guards

    assert guards == replace(Guards(), **{guard: value})


def test_so_is_what_is_compatible() -> None:
    settings = load_settings({"LEGATO_LIBRECHAT_DENIALS": "1"})

    assert settings == Settings(compat=Compat(librechat_denials=True))


def test_the_other_variables_are_read() -> None:
    environment = {
        "LEGATO_HOST": "::1",
        "LEGATO_JWT_SECRET": SECRET,
        "LEGATO_JWKS_URL": "http://127.0.0.1:9/keys",
        "LEGATO_JWT_ISSUER": "https://login.example.com",
        "LEGATO_JWT_AUDIENCE": "any",
        "LEGATO_BASE_PATH": "/llm",
        "LEGATO_API_KEY_LIFETIME": "3600",
        "LEGATO_DATABASE_URL": "memory://",
        "LEGATO_REDIS_URL": "unix:///run/redis.sock?db=1",
        "LEGATO_REDIS_PREFIX": "l",
        "LEGATO_WORKERS": "64",
        "LEGATO_RETENTION_DAYS": "36500",
        "LEGATO_ENCRYPTION_KEY": SECRET,
        "LEGATO_FORMER_ENCRYPTION_KEY": SECRET,
        "LEGATO_ACTION_HOSTS": "a.example, b:1",
        "LEGATO_PRIVATE_ACTION_HOSTS": "pets",
        "LEGATO_DEFAULT_MODEL": "scripted",
        "LEGATO_ON_BUSY": "enqueue",
        "LEGATO_ON_MESSAGE_WHILE_WAITING": "deny_and_continue",
        "LEGATO_ON_OWNER_LOST": "continue",
        "LEGATO_UNKNOWN_TOOLS": "refuse",
        "LEGATO_HTTP2": "true",
        "LEGATO_ACCESS_LOG": "true",
        "LEGATO_METRICS_TOKEN": SECRET,
        "LEGATO_METRICS_PORT": "0",
        "LEGATO_TRACE_ENDPOINT": "https://traces.example/v1/traces",
        "LEGATO_CORS_ORIGINS": "https://a.example, http://localhost:3000",
        "LEGATO_INSPECT_ADMINS": "ann, bob",
        "LEGATO_SCRIPTED": "true",
        "LEGATO_SCRIPTED_RATE": "50.5",
    }

    assert load_settings(environment) == Settings(
        host="::1",
        jwt_secret=SECRET,
        jwks_url="http://127.0.0.1:9/keys",
        jwt_issuer="https://login.example.com",
        jwt_audience="any",
        base_path="/llm",
        api_key_lifetime=3600,
        database_url="memory://",
        redis_url="unix:///run/redis.sock?db=1",
        redis_prefix="l",
        workers=64,
        retention_days=36500,
        encryption_key=SECRET,
        former_encryption_key=SECRET,
        action_hosts=("a.example", "b:1"),
        private_action_hosts=("pets",),
        default_model="scripted",
        on_busy="enqueue",
        on_message_while_waiting="deny_and_continue",
        on_owner_lost="continue",
        unknown_tools="refuse",
        http2=True,
        access_log=True,
        metrics_token=SECRET,
        metrics_port=0,
        trace_endpoint="https://traces.example/v1/traces",
        cors_origins=("https://a.example", "http://localhost:3000"),
        inspect_admins=("ann", "bob"),
        scripted_rate=50.5,
    )


@pytest.mark.parametrize("host", ["https://a.example", "A.example", "a.example:", "[::1]", "*"])
def test_what_is_no_host_of_actions_is_refused(host: str) -> None:
    for name in ("LEGATO_ACTION_HOSTS", "LEGATO_PRIVATE_ACTION_HOSTS"):
        assert "allowed: a list of hosts in lower case" in refusal({name: host})


def test_an_admin_without_a_name_is_refused() -> None:
    assert "allowed: a list of at most 256 users" in refusal({"LEGATO_INSPECT_ADMINS": "ann,,bob"})


def test_a_former_key_stands_beside_the_key_of_now() -> None:
    said = refusal({"LEGATO_FORMER_ENCRYPTION_KEY": SECRET})

    assert said == "former_encryption_key: found without encryption_key, the key of now"
    assert "hunter2" not in refusal({"LEGATO_ENCRYPTION_KEY": "hunter2"})


@pytest.mark.parametrize("origin", ["a.example", "https://a.example/", "https://*.example", "null"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    assert "allowed: a list of origins such as" in refusal({"LEGATO_CORS_ORIGINS": origin})


@pytest.mark.parametrize(
    "form", ["redis", "rediss", "unix", *(f"redis{s}+{kind}" for s in ("", "s") for kind in KINDS)]
)
def test_a_redis_is_named_in_each_of_its_forms(form: str) -> None:
    url = f"{form}://user:password@one:6379,two:6380/0"

    assert load_settings({"LEGATO_REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize("path", ["", "/llm", "/a/b-c_d.e~f", "/apis", "/chat/api"])
def test_a_base_path_is_any_that_is_not_one_of_ours(path: str) -> None:
    assert load_settings({"LEGATO_BASE_PATH": path}).base_path == path


def test_a_prefix_of_keys_has_a_longest_length() -> None:
    assert load_settings({"LEGATO_REDIS_PREFIX": "l" * 64}).redis_prefix == "l" * 64
    assert refusal({"LEGATO_REDIS_PREFIX": "l" * 65}).endswith(PREFIX)


def test_a_named_file_is_read_and_the_flag_beats_the_variable(folder: Path) -> None:
    for port in (1, 2, 3):
        (folder / f"{port}.toml").write_text(f"port = {port}")
    (folder / "legato.toml").write_text("port = 4")

    assert load_settings({}).port == 4
    assert load_settings({"LEGATO_CONFIG": "1.toml"}).port == 1
    assert load_settings({"LEGATO_CONFIG": "1.toml"}, folder / "2.toml").port == 2


def test_a_file_that_was_named_must_be_there(folder: Path) -> None:
    assert refusal({}, Path("no.toml")) == "no.toml: cannot be read: No such file or directory"
    assert "No such file" in refusal({"LEGATO_CONFIG": "no.toml"})
    assert refusal({"LEGATO_CONFIG": ""}).startswith("LEGATO_CONFIG: found ''")
    assert refusal({}, folder) == f"{folder}: cannot be read: Is a directory"


@pytest.mark.parametrize("content", [b"port = ", b"port", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_is_not_toml_is_refused(folder: Path, content: bytes) -> None:
    (folder / "legato.toml").write_bytes(content)

    assert refusal({}).startswith("legato.toml: not a TOML file: ")


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("PORT", "http", "a whole number, 0 (any free) to 65535"),
        ("PORT", "-1", "a whole number, 0 (any free) to 65535"),
        ("PORT", "65536", "a whole number, 0 (any free) to 65535"),
        ("PORT", "80.5", "a whole number, 0 (any free) to 65535"),
        ("PORT", "", "a whole number, 0 (any free) to 65535"),
        ("HOST", "", "text that is not empty"),
        ("HOST", "\udcff", "text that is not empty"),
        *(("BASE_PATH", text, BASE_PATH) for text in ("llm", "/llm/", "/", "//llm", "/a/../b")),
        *(
            ("BASE_PATH", text, BASE_PATH)
            for text in ("/api", "/v1/x", "/c", "/l m", "/%6c", "/l?")
        ),
        *(("API_KEY_LIFETIME", text, LIFETIME) for text in ("59", "315360001", "nan", "never")),
        ("JWT_AUDIENCE", "", "text that is not empty"),
        ("JWT_ISSUER", "", "text that is not empty"),
        ("REDIS_PREFIX", "", PREFIX),
        ("REDIS_PREFIX", "{legato}", PREFIX),
        ("REDIS_PREFIX", "légato", PREFIX),
        ("REDIS_PREFIX", "legato\n", PREFIX),
        ("WORKERS", "0", "a whole number, 1 to 64"),
        ("WORKERS", "65", "a whole number, 1 to 64"),
        ("WORKERS", "auto", "a whole number, 1 to 64"),
        ("RETENTION_DAYS", "0", "a whole number of days, 1 to 36500"),
        ("RETENTION_DAYS", "36501", "a whole number of days, 1 to 36500"),
        ("RETENTION_DAYS", "1.5", "a whole number of days, 1 to 36500"),
        ("LEASE", "0.9", "a number of seconds, 1 to 3600"),
        ("LEASE", "nan", "a number of seconds, 1 to 3600"),
        ("LEASE", "3601", "a number of seconds, 1 to 3600"),
        ("ON_OWNER_LOST", "restart", "seal, continue"),
        ("ON_BUSY", "wait", "interrupt, reject, enqueue"),
        ("JWKS_URL", "login.example.com", "an http:// or https:// URL"),
        ("JWKS_URL", "file:///keys", "an http:// or https:// URL"),
        ("DEFAULT_MODEL", "gpt", "scripted"),
        ("RETENTION", "nan", "a number of seconds, 0 to 10000000"),
        ("RETENTION", "inf", "a number of seconds, 0 to 10000000"),
        ("RETENTION", "-0.1", "a number of seconds, 0 to 10000000"),
        ("RETENTION", "10m", "a number of seconds, 0 to 10000000"),
        ("HEARTBEAT", "0", "a number of seconds, above 0, at most 10000000"),
        ("SCRIPTED", "maybe", "true or false"),
        ("SCRIPTED_RATE", "0", "tokens per second, above 0, at most 1000000"),
        ("SCRIPTED_RATE", "1e7", "tokens per second, above 0, at most 1000000"),
        ("READS_PER_USER", "often", RATES),
        ("HEARTBEAT", "NaN", "a number of seconds, above 0, at most 10000000"),
        ("TRUSTED_PROXIES", "localhost", NETWORKS),
        ("TRUSTED_PROXIES", "10.0.0.1/8", NETWORKS),
        ("TRUSTED_PROXIES", "", NETWORKS),
        ("STARTS_PER_IP", "40", RATES),
        ("STARTS_PER_IP", "0/minute", RATES),
        ("STARTS_PER_IP", "", RATES),
        ("REQUIRE_BROWSER", "maybe", "true or false"),
        ("LIBRECHAT_DENIALS", "", "true or false"),
        ("BAN_SCORE", "0", "a whole number, 1 to 1000000000"),
        ("SCORE_LOGINS", "-1", "a whole number, 0 to 1000000"),
        ("HTTP2", "2", "true or false"),
        ("MAX_CONNECTIONS", "0", "a whole number, 1 to 1000000000"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "-1", "a whole number, 1 to 1000000000"),
        ("MAX_RUNNING_JOBS", "0", "a whole number, 1 to 1000000000"),
        ("MAX_TEXT_BYTES", "0", "a whole number of bytes, 1 to 1099511627776"),
        ("MAX_TEXT_BYTES", "true", "a whole number of bytes, 1 to 1099511627776"),
        ("MAX_RETAINED_BYTES", "1e20", "a whole number of bytes, 0 to 1099511627776"),
    ],
)
def test_a_wrong_variable_is_named_with_what_was_found_and_what_is_allowed(
    name: str, text: str, allowed: str
) -> None:
    assert refusal({f"LEGATO_{name}": text}) == f"LEGATO_{name}: found {text!r}; allowed: {allowed}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('port = "80"', "port: found '80'; allowed: a whole number, 0 (any free) to 65535"),
        ("port = true", "port: found True; allowed: a whole number, 0 (any free) to 65535"),
        ("host = 1", "host: found 1; allowed: text that is not empty"),
        ("limits = 1", "limits: found 1; allowed: a table"),
        ("[[limits]]", "limits: found [{}]; allowed: a table"),
        (
            "[limits]\nretention = inf",
            "limits.retention: found inf; allowed: a number of seconds, 0 to 10000000",
        ),
        (
            "[limits]\nheartbeat = nan",
            "limits.heartbeat: found nan; allowed: a number of seconds, above 0, at most 10000000",
        ),
        ("guards = 1", "guards: found 1; allowed: a table"),
        (
            "[guards]\ntrusted_proxies = '10.0.0.1'",
            f"guards.trusted_proxies: found '10.0.0.1'; allowed: {NETWORKS}",
        ),
        (
            "[guards]\ntrusted_proxies = ['10.0.0.1', 'proxy']",
            f"guards.trusted_proxies: found ['10.0.0.1', 'proxy']; allowed: {NETWORKS}",
        ),
        (
            "[guards]\nstarts_per_ip = 40",
            f"guards.starts_per_ip: found 40; allowed: {RATES}",
        ),
        ("models = 1", "models: found 1; allowed: a table"),
        ("[models]\nm = 1", "models.m: found 1; allowed: a table"),
        ("[models.m]", "models.m.provider: missing; allowed: openai, local, scripted"),
        (
            "[models.m]\nprovider = 'opnai'",
            "models.m.provider: found 'opnai'; allowed: openai, local, scripted",
        ),
        (
            "[models.m]\nprovider = 'openai'\nparameters = 1",
            "models.m.parameters: found 1; allowed: a table",
        ),
        (
            "[models.m]\nprovider = 'openai'\nbase_url = 'ftp://me:pw@example.com'",
            "models.m.base_url: found …@example.com'; allowed: an http:// or https:// URL",
        ),
        (
            "[models.scripted]\nprovider = 'openai'",
            "models.scripted: the name is the built-in model's; "
            'allowed: another name, or provider = "scripted"',
        ),
        (
            "default_model = 'b'\n[models.a]\nprovider = 'local'",
            "default_model: found 'b'; allowed: a, scripted",
        ),
    ],
)
def test_a_wrong_value_in_the_file_is_named(folder: Path, text: str, said: str) -> None:
    assert refusal_of_file(folder, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "prot: no such setting; did you mean port?"),
        ("retention = 1", "retention: no such setting; did you mean limits.retention?"),
        ("[limits]\nretenton = 1", "limits.retenton: no such setting; did you mean retention?"),
        (
            "[guards]\nstarts_per_usr = 1",
            "guards.starts_per_usr: no such setting; did you mean starts_per_user?",
        ),
        (
            "starts_per_user = 1",
            "starts_per_user: no such setting; did you mean guards.starts_per_user?",
        ),
        ("[model.x]", "model: no such setting; did you mean models?"),
        (
            "[models.m]\nprovider='openai'\napi_key='x'",
            "models.m.api_key: no such setting; did you mean api_key_env?",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(folder: Path, text: str, said: str) -> None:
    assert refusal_of_file(folder, text) == said


def test_an_unknown_variable_is_named_with_the_nearest() -> None:
    said = "LEGATO_JWT_SECERT: no such setting; did you mean LEGATO_JWT_SECRET?"

    assert refusal({"LEGATO_JWT_SECERT": SECRET}) == said


def test_a_key_like_nothing_is_answered_with_all_there_are(folder: Path) -> None:
    assert (
        "; there are access_log, action_hosts, actions, agents, api_key_lifetime, base_path, "
        in refusal_of_file(folder, "xyzzyq = 1")
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("JWT_SECRET", "hunter2"),
        ("JWT_SECRET", "s" * 31),
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "\udcff" * 32),
        ("JWT_SECRET", "-----BEGIN PUBLIC KEY-----" + "s" * 32),
        ("DATABASE_URL", "mysql://root:hunter2@db/legato"),
        ("DATABASE_URL", "root:hunter2@db"),
        ("REDIS_URL", "root:hunter2@redis"),
        ("REDIS_URL", "redis+sentinels://root:hunter2@redis"),
        ("REDIS_URL", "unix+cluster://root:hunter2@redis"),
        ("REDIS_URL", "redis://root:hunter2@redis /0"),
    ],
)
def test_a_wrong_secret_is_refused_and_not_repeated(name: str, text: str) -> None:
    said = refusal({f"LEGATO_{name}": text})

    assert said.startswith(f"LEGATO_{name}: found str of ")
    assert "allowed: " in said
    assert "hunter2" not in said
    assert "sss" not in said


def test_a_secret_is_measured_in_bytes() -> None:
    assert load_settings({"LEGATO_JWT_SECRET": "ü" * 16}).jwt_secret == "ü" * 16
    assert "found str of 30 bytes" in refusal({"LEGATO_JWT_SECRET": "ü" * 15})


def test_a_key_pasted_where_its_variable_is_asked_for_is_not_repeated(folder: Path) -> None:
    said = refusal_of_file(folder, "[models.m]\nprovider = 'openai'\napi_key_env = 'sk-hunter2'")

    assert said.startswith("models.m.api_key_env: found str of 10 bytes, not shown; allowed: the")
    assert "hunter2" not in said


def test_a_long_wrong_value_is_cut() -> None:
    assert len(refusal({"LEGATO_ON_BUSY": "x" * 10_000})) < 200


def test_without_the_built_in_model_another_is_needed(folder: Path) -> None:
    assert refusal({"LEGATO_SCRIPTED": "false"}) == (
        "scripted: found False; without it a [models.<name>] table is needed"
    )
    (folder / "legato.toml").write_text('scripted = false\n[models.a]\nprovider = "openai"')
    assert not load_settings({}).scripted
    assert refusal({"LEGATO_DEFAULT_MODEL": "scripted"}) == (
        "LEGATO_DEFAULT_MODEL: found 'scripted'; allowed: a"
    )
