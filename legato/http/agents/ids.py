"""Agents' ids in paths: everything but the names of neighbouring routes."""

from typing import Final

from werkzeug.routing import BaseConverter

from legato.config.agents import TAKEN


class AgentIdConverter(BaseConverter):
    """Leaves `/api/agents/chat` and neighbours to the routes of these names, for every method.

    So a GET of such a name is refused as a wrong method, and not as an unknown agent.
    """

    regex = rf"(?!(?:{'|'.join(TAKEN)})(?![^/]))[^/]+"


NAME: Final = "agent"
"""The converter's name in the rules of routes: `/<agent:agent_id>`."""
