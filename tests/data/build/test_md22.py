"""MD22 comes in the files of MD17."""

import numpy as np
import pytest

from molbench.data.build.builder import build
from molbench.data.folder.location import declared
from molbench.data.folder.manifest import Manifest
from molbench.data.read.store import Store
from molbench.errors import UserError


@pytest.fixture
def trajectory(tmp_path):
    """A file of exactly the official schema, made here: 200 frames of a tetrapeptide's 42 atoms."""
    rng = np.random.default_rng(0)
    arrays = {
        "z": rng.choice([1, 6, 7, 8], 42).astype(np.uint8),
        "R": rng.normal(scale=0.1, size=(200, 42, 3)) + np.arange(42)[:, None],
        "E": rng.normal(size=(200, 1)) - 620_000.0,
        "F": rng.normal(size=(200, 42, 3)),
        "name": np.array(b"Ac-Ala3-NHMe"),
    }
    np.savez(tmp_path / "md22_Ac-Ala3-NHMe.npz", **arrays)
    return tmp_path, arrays


def test_a_part_of_a_trajectory_is_built_and_named_partial(trajectory):
    raw, arrays = trajectory
    with pytest.raises(UserError, match="200 of 85,109 records"):
        build(declared("md22"), raw=raw, offline=True, subsets=["tetrapeptide"])
    folder = build(declared("md22"), raw=raw, offline=True, subsets=["tetrapeptide"], allow_partial=True)
    part = Manifest.read(folder).subsets["tetrapeptide"]
    assert folder.name == "md22-partial"
    assert part.schemes["block"].counts == {"train": 160, "validation": 20, "test": 20}
    assert "6000" in part.left_out
    store = Store.open(folder, "tetrapeptide")
    np.testing.assert_array_equal(store.target("energy"), arrays["E"][:, 0])
    batch = store.batch([3], forces=True)
    np.testing.assert_allclose(batch.forces.numpy(), arrays["F"][3], rtol=1e-6)


@pytest.mark.parametrize(("unit", "refused"), [("eV", True), ("kJ/mol", True), ("kcal/mol", False)])
def test_a_file_in_other_units_than_declared_is_refused(trajectory, tmp_path, unit, refused):
    raw, arrays = trajectory
    np.savez(raw / "md22_Ac-Ala3-NHMe.npz", **arrays, e_unit=np.array(unit), r_unit=np.array("Ang"))
    arguments = {"raw": raw, "offline": True, "subsets": ["tetrapeptide"], "allow_partial": True}
    if not refused:
        assert build(declared("md22"), **arguments).name == "md22-partial"
        return
    with pytest.raises(UserError, match=rf"Ac-Ala3-NHMe\.npz: the file says {unit}, md22 declares kcal/mol"):
        build(declared("md22"), **arguments)
