"""The HTTP tests' own users and application."""

from tests.http.conftest import ann, app, bob, nobody

__all__ = ["ann", "app", "bob", "nobody"]
