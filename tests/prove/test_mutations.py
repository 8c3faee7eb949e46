"""A simulation that finds nothing proves nothing: these it must find."""

from pathlib import Path
from typing import Final

import pytest

from tests.prove.mutations import MUTATIONS, RARE, ROOT, Mutation, first_broken

SEEDS: Final = 300


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_breaks_a_seed(mutation: Mutation, tmp_path: Path) -> None:
    assert first_broken(mutation, tmp_path, SEEDS), f"none of {SEEDS} seeds broke"


@pytest.mark.parametrize("mutation", [*MUTATIONS, *RARE], ids=lambda mutation: mutation.name)
def test_a_mutation_has_its_place_in_the_product(mutation: Mutation) -> None:
    assert (ROOT / mutation.path).read_text("utf-8").count(mutation.old) == 1
