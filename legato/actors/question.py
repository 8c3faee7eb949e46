"""What is asked of a job, by whomever: the base of all questions."""

from typing import Generic, TypeVar

from msgspec import Struct

A = TypeVar("A", covariant=True)


class Question(Struct, Generic[A], frozen=True, tag=True):
    """Asked of a job, and answered with an `A`.  Replicas send each other the same structs."""
