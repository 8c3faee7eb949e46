"""Agents' ids in paths: everything but the names of the routes beside them."""

from typing import Final

from werkzeug.routing import BaseConverter

from legato.config.agents import TAKEN


class AgentIdConverter(BaseConverter):
    """Leaves `/api/agents/chat` and its neighbours to the routes of that name, whatever the method:
    a GET there is a wrong method, and no agent that is not found."""

    regex = rf"(?!(?:{'|'.join(TAKEN)})(?![^/]))[^/]+"


NAME: Final = "agent"
"""Of the converter, in the rules of routes: `/<agent:agent_id>`."""
