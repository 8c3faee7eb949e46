"""The values of commands' arguments, and errors that tell a person the allowed values."""

import argparse
import re
from typing import Final

from legato.config import ConfigError
from legato.config.values import Port, Processes, check_value

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_TTL: Final = 3650 * 86400  # ten years: a token needs an expiry, within the range of a calendar


def ttl(text: str) -> int:
    """Seconds of a time such as 90s, 15m, 1h or 30d."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _MAX_TTL:
        raise argparse.ArgumentTypeError(
            f"found {text!r}; allowed: a whole number above 0 and its unit, such as 90s, 15m, 1h "
            "or 30d, ten years at most"
        )
    return seconds


def key_lifetime(text: str) -> int:
    """Seconds, or NEVER."""
    from legato.cli.keys import NEVER

    return NEVER if text == "never" else ttl(text)


def runs(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a whole number, 1 to 999")
    return int(text)


def seeds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a whole number, 1 to 999999999")
    return int(text)


def seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(
            f"found {text!r}; allowed: a whole number of up to 18 digits"
        )
    return int(text)


def user(text: str) -> str:
    from legato.http.auth.tokens import MAX_USER_LENGTH, is_user_id

    if not is_user_id(text):
        raise argparse.ArgumentTypeError(
            f"found {text!r}; allowed: 1 to {MAX_USER_LENGTH} printable characters"
        )
    return text


def key_name(text: str) -> str:
    from legato.http.auth.api_keys import MAX_NAME, is_key_name

    if not is_key_name(text):
        raise argparse.ArgumentTypeError(
            f"found {text!r:.120}; allowed: 1 to {MAX_NAME} printable characters"
        )
    return text


def host(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("found ''; allowed: an address or a host name")
    return text


def port(text: str) -> int:
    return _number(text, Port)


def workers(text: str) -> int:
    return _number(text, Processes)


def _number(text: str, kind: object) -> int:
    try:
        number: int = check_value(text, kind, "number", read_text=True)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("number: ")) from None
    return number
