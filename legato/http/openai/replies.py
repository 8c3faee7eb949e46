"""Bodies of replies for the lists of models."""

from collections.abc import Sequence

from msgspec import Struct


class ModelObject(Struct, kw_only=True):
    """A model.  `created` is 0, because a configuration has no time."""

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
