"""Tools that each have one name, all of one kind."""

from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeVar

from legato.agents.tools.contract import Offer, Tool

T = TypeVar("T", bound=Tool)


class NamedToolbox(Generic[T]):
    """A toolbox of `tools` by their names; `kind` is the word for one of them, for people."""

    def __init__(self, kind: str, tools: Mapping[str, T]) -> None:
        self.tools: Final = tools
        self._kind = kind

    @property
    def names(self) -> Sequence[str]:
        """See Toolbox."""
        return [*self.tools]

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """See Toolbox."""
        found = [self.tools[name] for name in names if name in self.tools]
        return Offer(found, self.unknown(names))

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        reason = f"there is no such {self._kind}; there are: {', '.join(self.tools) or 'none'}"
        return {name: reason for name in names if name not in self.tools}
