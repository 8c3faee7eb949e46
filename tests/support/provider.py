"""The model that all replicas ask, for tests: the one that `legato prove` has them ask."""

from legato.prove.provider import ProvidedModel, SimulatedProvider

__all__ = ["ProvidedModel", "SimulatedProvider"]
