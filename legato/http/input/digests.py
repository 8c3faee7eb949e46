"""Digests of what requests ask: a repeated request asks the same.  Pure."""

from hashlib import sha256
from typing import Any

from msgspec import json


def digest_of(asked: Any) -> str:
    """A digest, equal for all requests that ask the same, in any spelling of the JSON."""
    return sha256(json.encode(asked, order="deterministic")).hexdigest()
