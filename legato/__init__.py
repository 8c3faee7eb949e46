"""LLM generations as jobs that outlive the connection that started them."""

from legato.tooling import tool

__all__ = ["tool"]
