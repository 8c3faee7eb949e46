"""The base of all questions to a job."""

from typing import Generic, TypeVar

from msgspec import Struct

A = TypeVar("A", covariant=True)


class Question(Struct, Generic[A], frozen=True, tag=True):
    """Asked of a job, and answered with an `A`.  Replicas send each other the same structs."""
