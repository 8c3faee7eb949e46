"""The paths of OpenAI's APIs."""

from typing import Final

OPENAI_PATHS: Final = ("/v1/", "/api/agents/v1/")


def is_openai(path: str) -> bool:
    """Whether `path` belongs to one of OpenAI's APIs."""
    return path.startswith(OPENAI_PATHS)
