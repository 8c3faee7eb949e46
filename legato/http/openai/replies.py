"""The bodies that OpenAI's APIs answer with, whatever is asked."""

from collections.abc import Sequence

from msgspec import Struct


class ModelObject(Struct, kw_only=True):
    """A model.  `created` is 0: when a model was made, its configuration does not say."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "legato"
    permission: Sequence[str] = ()
    root: str
    parent: str | None = None
    name: str
    description: str | None = None
    provider: str


class ModelsPage(Struct):
    data: Sequence[ModelObject]
    object: str = "list"
