"""The model that all replicas ask, for tests: the one that `legato prove` has them ask."""

from legato.prove.provider import ProvidedModel, Provider

__all__ = ["ProvidedModel", "Provider"]
