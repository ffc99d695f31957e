"""The mutants fit the code as it is: a promise whose line has moved would be left untested, and nobody would know."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutants.run import MUTANTS
from mutants.table import Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    """Each piece of text that a mutant changes is there once, and its tests are in files that exist."""
    assert {edit.old: 1 for edit in mutant.edits} == {
        edit.old: (ROOT / edit.path).read_text().count(edit.old) for edit in mutant.edits
    }
    files = {test.partition("::")[0] for test in mutant.tests if test.startswith("tests/")}
    assert files
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_every_mutant_has_a_name_of_its_own() -> None:
    """One is chosen by its name."""
    assert len(MUTANTS) == len({mutant.name for mutant in MUTANTS})


def test_the_readme_counts_the_mutants() -> None:
    """The number that torture/README.md states is true."""
    assert f"break the engine in {len(MUTANTS)} ways" in (ROOT / "pgjobs" / "torture" / "README.md").read_text()
