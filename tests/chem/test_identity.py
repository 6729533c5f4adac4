"""Laws of the identity key."""

import pytest
from rdkit import Chem

from molbench.chem.inchikeys import inchikey


@pytest.mark.parametrize(
    ("smiles", "key"),
    [  # published standard InChIKeys
        ("C", "VNWKTOKETHGBQD-UHFFFAOYSA-N"),
        ("O", "XLYOFNOQVPJJNP-UHFFFAOYSA-N"),
        ("CCO", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"),
        ("c1ccccc1", "UHOVQNZJYSORNB-UHFFFAOYSA-N"),
        ("CC(=O)Oc1ccccc1C(=O)O", "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"),
    ],
)
def test_known_keys(smiles, key):
    assert inchikey(smiles) == key


@pytest.mark.parametrize("smiles", ["CC(=O)Oc1ccccc1C(=O)O", "N#Cc1ccncc1F", "C1CC1C(=O)N"])
def test_does_not_depend_on_the_way_of_writing(smiles):
    molecule = Chem.MolFromSmiles(smiles)
    written = {Chem.MolToSmiles(molecule, doRandom=True) for _ in range(20)}
    assert {inchikey(text) for text in written} == {inchikey(smiles)}


@pytest.mark.parametrize("smiles", [None, "", "not a molecule", "C1CC", "C(C)(C)(C)(C)C"])
def test_unreadable_gives_none_silently(smiles, capfd):
    assert inchikey(smiles) is None
    assert capfd.readouterr() == ("", "")
