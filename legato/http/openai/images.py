"""Images are refused where their model reads none: it would answer as if there were none."""

from collections.abc import Sequence
from typing import Final

from legato.http.errors import InvalidField
from legato.models.contract import ChatMessage, Model

IMAGE: Final = "image_url"  # the type of a content part that is one, as a model is told of it


def check_images(messages: Sequence[ChatMessage], model: Model, field: str) -> None:
    """Raises InvalidField, which names `field`."""
    if model.reads_images:
        return
    for message in messages:
        parts = () if isinstance(message.content, str) else message.content or ()
        if any(part.get("type") == IMAGE for part in parts):
            raise InvalidField(field, f"has an image, and the model {model.name} reads none")
