"""A simulation that finds nothing proves nothing: these it must find."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.prove.mutations import MUTATIONS, Mutation

ROOT: Final = Path(__file__).parent.parent.parent
SEEDS: Final = 300

SEARCH: Final = f"""
from legato.prove.command import run_seed
for seed in range(1000, 1000 + {SEEDS}):
    if breach := run_seed(seed).breach:
        print(seed, breach.words)
        break
"""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_breaks_a_seed(mutation: Mutation, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "legato", tmp_path / "legato")
    mutated = tmp_path / mutation.path
    source = mutated.read_text("utf-8")
    assert source.count(mutation.old) == 1, "it is there to be mutated"
    mutated.write_text(source.replace(mutation.old, mutation.new), "utf-8")
    searched = subprocess.run(
        [sys.executable, "-c", SEARCH], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    print(searched.stdout)
    assert searched.stdout, f"none of {SEEDS} seeds broke"
