"""The types of settings' values, and errors that tell a person the allowed values."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

# Every number has an upper end: a slip of the unit (milliseconds, infinity) is an error at start
# and not a surprise later.
Bytes = Annotated[
    int, Meta(ge=1, le=2**40, description="a whole number of bytes, 1 to 1099511627776")
]
BytesOrNone = Annotated[
    int, Meta(ge=0, le=2**40, description="a whole number of bytes, 0 to 1099511627776")
]
Count = Annotated[int, Meta(ge=1, le=10**9, description="a whole number, 1 to 1000000000")]
Seconds = Annotated[
    float, Meta(gt=0, le=10**7, description="a number of seconds, above 0, at most 10000000")
]
SecondsOrNone = Annotated[
    float, Meta(ge=0, le=10**7, description="a number of seconds, 0 to 10000000")
]
Days = Annotated[int, Meta(ge=1, le=36500, description="a whole number of days, 1 to 36500")]
Processes = Annotated[int, Meta(ge=1, le=64, description="a whole number, 1 to 64")]
Score = Annotated[int, Meta(ge=0, le=10**6, description="a whole number, 0 to 1000000")]
Switch = Annotated[bool, Meta(description="true or false")]
Lease = Annotated[float, Meta(ge=1, le=3600, description="a number of seconds, 1 to 3600")]
TokenRate = Annotated[
    float, Meta(gt=0, le=10**6, description="tokens per second, above 0, at most 1000000")
]
Lifetime = Annotated[
    float,  # the least is a person's time to use a key, the most is the longest possible expiry
    Meta(ge=60, le=3650 * 86400, description="a number of seconds, 60 to 315360000 (ten years)"),
]
Port = Annotated[int, Meta(ge=0, le=65535, description="a whole number, 0 (any free) to 65535")]
Text = Annotated[str, Meta(min_length=1, description="text that is not empty")]
HttpUrl = Annotated[
    str, Meta(pattern=r"^https?://[^\s/]+\S*\Z", description="an http:// or https:// URL")
]
KeyPrefix = Annotated[
    str,  # no braces: Redis Cluster places a key by the text between braces
    Meta(
        pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z",
        description="1 to 64 letters, digits, hyphens, underscores, full stops and colons",
    ),
]
Flag = Annotated[bool, Meta(description="true or false")]
BasePath = Annotated[
    str,
    Meta(
        # Not a path of Legato's own: below a path of both, nobody could tell the two apart.
        pattern=r"^((?!/(api|v1|c|static|docs|login|logout|inspect|metrics|healthz|readyz)(/|\Z))"
        r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)?\Z",
        description="a path such as /llm, with a slash at its beginning and none at its end, "
        "which is not one of Legato's own such as /api",
    ),
]
Origins = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^(\*|https?://[^\s/*]+)\Z")], ...],
    Meta(
        description='a list of origins such as "https://chat.example.com", and "*" for every site '
        "at OpenAI's APIs; in the environment with commas between them",
    ),
]
Hosts = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,253}(:[0-9]{1,5})?\Z")], ...],
    Meta(
        description='a list of hosts in lower case such as "api.example.com" and "pets:8080"; in '
        "the environment with commas between them",
    ),
]
DescriptionText = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*\Z",
        description="a line of up to 200 characters",
    ),
]
Efforts = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[a-z_]{1,32}\Z")], ...],
    Meta(max_length=8, description='a list of up to 8 words such as "low", "medium" and "high"'),
]
Users = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...],
    Meta(
        max_length=256,
        description='a list of at most 256 users such as "ann", each the `sub` of a token; in the '
        "environment with commas between them",
    ),
]
Table = Annotated[Mapping[str, object], Meta(description="a table")]

# `confidential`: a wrong value is not shown.  A database's URL carries a password, and people asked
# for a variable's name paste the key.
Secret = Annotated[
    str,
    Meta(
        # PyJWT takes no such key for HS256: PEM and SSH keys are often public
        pattern="^(?!-----BEGIN |ssh-)",
        description="text of 32 bytes or more (HS256 is as weak as its key), no PEM or SSH key",
        extra={"confidential": True, "min_bytes": 32},
    ),
]
DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"^(sqlite|postgresql|memory)(\+\w+)?://",
        description="a URL that begins with sqlite://, postgresql:// or memory://",
        extra={"confidential": True},
    ),
]
RedisUrl = Annotated[
    str,
    Meta(
        pattern=r"^(rediss?(\+(sentinel|cluster))?|unix)://\S+\Z",
        description="a URL that begins with redis://, rediss:// or unix://, or with "
        "redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://",
        extra={"confidential": True},
    ),
]
VariableName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z",
        description="the name of the environment variable that holds the key",
        extra={"confidential": True},
    ),
]

_MAX_SHOWN: Final = 60  # characters of a wrong value


class ConfigError(Exception):
    """A setting that cannot be used.  The message is for people and carries no secret."""


def check_names(found: Iterable[str], known: Iterable[str], place: str) -> None:
    """Raise ConfigError for an unknown name, with the nearest known name."""
    names = sorted(known)
    for name in sorted(set(found).difference(names)):
        # The right name in the wrong table is nearer than any name with a similar spelling.
        elsewhere = [known for known in names if known.rpartition(".")[2] == name]
        near = elsewhere or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise ConfigError(f"{place}{name}: no such setting; {hint}")


def check_fields(found: Mapping[str, object], kind: type[Struct], place: str) -> dict[str, object]:
    """The values of fields of `kind`, each converted to its field's type.

    Raises:
        ConfigError: for a forbidden value.
    """
    hints = get_type_hints(kind, include_extras=True)
    return {name: check_value(value, hints[name], place + name) for name, value in found.items()}


def check_value(found: object, hint: Any, place: str, *, read_text: bool = False) -> Any:
    """`found` as the type `hint` names; with `read_text`, numbers come as text, lists with commas.

    A type's own `check` raises ValueError for values that the type's form does not exclude.

    Raises:
        ConfigError: naming `place`, the value found and the values allowed.
    """
    # Neither TOML nor the environment has a None: a missing key stands for None.
    hint = next((arg for arg in get_args(hint) if get_origin(arg) is Annotated), hint)
    meta = _meta(hint)
    extra = meta.extra or {}
    is_list = get_origin(next(iter(get_args(hint)), None)) is tuple
    try:
        given = str(found).replace(" ", "").split(",") if read_text and is_list else found
        value = msgspec.convert(given, hint, strict=not read_text)
        if isinstance(value, str) and len(value.encode()) < extra.get("min_bytes", 0):
            raise ValueError
        if "check" in extra:
            extra["check"](value)
    except ValueError:  # from msgspec, from a check here, and from text that is not Unicode
        shown = _described(found) if extra.get("confidential") else _shown(found)
        raise ConfigError(f"{place}: found {shown}; allowed: {meta.description}") from None
    return value


def _meta(hint: Any) -> Meta:
    if get_origin(hint) is Literal:
        return Meta(description=", ".join(map(str, get_args(hint))))
    return next(arg for arg in get_args(hint) if isinstance(arg, Meta))


def _shown(found: object) -> str:
    text = re.sub(r".*@", "…@", repr(found))  # before the @ of a URL stands a password
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def _described(found: object) -> str:
    size = len(str(found).encode("utf-8", "surrogatepass"))
    return f"{type(found).__name__} of {size} bytes, not shown"
