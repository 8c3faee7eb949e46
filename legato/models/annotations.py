"""The citations of an answer, field by field.  Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from legato.content import UrlCitation
from legato.models.fields import count_in, mapping_in, mappings_in, name_in

MOST_CITATIONS: Final = 500
"""Citations of an answer; a search has some dozen results."""

LONGEST_URL: Final = 4096
"""Characters of an address; half an address leads nowhere, and a longer citation is left out."""

LONGEST_TITLE: Final = 512


class AnnotationsReader:
    """Takes each citation once: some servers repeat all in every chunk."""

    def __init__(self) -> None:
        self._known: set[UrlCitation] = set()
        self._held: list[UrlCitation] = []

    def hold(self, found: object) -> None:
        """Take the `annotations` of a delta."""
        for citation in _citations_in(found):
            if citation not in self._known and len(self._known) < MOST_CITATIONS:
                self._known.add(citation)
                self._held.append(citation)

    def take(self) -> list[UrlCitation]:
        """Release all held citations."""
        held, self._held = self._held, []
        return held


def _citations_in(found: object) -> Iterator[UrlCitation]:
    for given in mappings_in(found):
        if given.get("type") == "url_citation":
            said: Mapping[str, Any] = mapping_in(given.get("url_citation")) or given
            url = name_in(said.get("url"), LONGEST_URL + 1)
            if 0 < len(url) <= LONGEST_URL:
                title = name_in(said.get("title"), LONGEST_TITLE)
                start, end = count_in(said.get("start_index")), count_in(said.get("end_index"))
                yield UrlCitation(url, title, start or 0, end or 0)
