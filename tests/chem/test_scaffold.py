"""Bemis-Murcko scaffolds of textbook molecules."""

import pytest

from molbench.chem.scaffold import murcko_scaffold


@pytest.mark.parametrize(
    ("smiles", "scaffold"),
    [
        ("CCO", ""),
        ("Cc1ccccc1", "c1ccccc1"),
        ("CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1"),
        ("c1ccccc1CCc1ccncc1", "c1ccc(CCc2ccncc2)cc1"),  # the linker belongs to it
        ("C[C@H]1CC[C@@H](F)C1", "C1CCCC1"),
    ],
)
def test_known_scaffolds(smiles, scaffold):
    assert murcko_scaffold(smiles) == scaffold


def test_a_scaffold_is_its_own_scaffold():
    scaffold = murcko_scaffold("CC(=O)Nc1ccc(cc1)C(=O)c1ccccc1Cl")
    assert scaffold and murcko_scaffold(scaffold) == scaffold


def test_unreadable_gives_none():
    assert murcko_scaffold("C1CC") is None
