"""Agents' ids in paths, which leave the names of other routes alone."""

from typing import Final

from werkzeug.routing import BaseConverter

from legato.config.agents import TAKEN


class AgentIdConverter(BaseConverter):
    """Matches every id but `chat` and the like: a GET of `/api/agents/chat` has the wrong method,
    and is no question for an agent named `chat`."""

    regex = rf"(?!(?:{'|'.join(TAKEN)})(?![^/]))[^/]+"


NAME: Final = "agent"
"""The converter's name in the rules of routes: `/<agent:agent_id>`."""
