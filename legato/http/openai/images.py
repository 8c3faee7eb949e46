"""Refuses images for a model that reads no images, and would answer as if none were there."""

from collections.abc import Sequence
from typing import Final

from legato.http.errors import InvalidField
from legato.models.contract import ChatMessage, Model

IMAGE: Final = "image_url"  # the type of an image among content parts, in Chat Completions


def check_images(messages: Sequence[ChatMessage], model: Model, field: str) -> None:
    """Raises InvalidField for `field` where a message has an image that `model` cannot read."""
    if model.reads_images:
        return
    for message in messages:
        parts = () if isinstance(message.content, str) else message.content or ()
        if any(part.get("type") == IMAGE for part in parts):
            raise InvalidField(field, f"has an image, and the model {model.name} reads none")
