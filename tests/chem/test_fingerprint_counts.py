"""Counts agree with bits, and molecules that cannot be read are told apart."""

import numpy as np

from molbench.chem.fingerprint import DESCRIPTORS, descriptors, morgan, morgan_counts, unpack

SMILES = ["O", "CCO", "c1ccccc1C(=O)N", "CCCCCCCCCC", "[Na+].[Cl-]"]


def test_counts_are_where_the_bits_are() -> None:
    assert np.array_equal(morgan_counts(SMILES) > 0, unpack(morgan(SMILES)) > 0)


def test_counts_tell_chains_apart_that_bits_cannot() -> None:
    chains = ["C" * 8, "C" * 9]
    assert np.array_equal(*morgan(chains))
    short, long = morgan_counts(chains).astype(int)
    assert long.sum() > short.sum()
    # Every atom has one environment of radius 0: methylene 6 and 7 times, methyl twice.
    assert {2, 6} <= set(short) and {2, 7} <= set(long)


def test_what_cannot_be_read_has_no_counts_and_no_descriptors() -> None:
    for missing in (None, "", "no molecule"):
        assert not morgan_counts([missing]).any()
        assert np.isnan(descriptors([missing])).all()
    assert morgan_counts([]).shape == (0, 2048) and descriptors([]).shape == (0, len(DESCRIPTORS))


def test_descriptors_of_paracetamol() -> None:
    actual = dict(zip(DESCRIPTORS, descriptors(["CC(=O)Nc1ccc(O)cc1"])[0].tolist(), strict=True))
    assert actual["heavy_atoms"] == 11 and actual["donors"] == 2 and actual["aromatic_rings"] == 1
    assert abs(actual["mass"] - 151.165) < 0.01
    assert abs(actual["polar_area"] - 49.33) < 0.01  # 29.10 of the amide and 20.23 of the hydroxyl group
    assert abs(actual["sp3_share"] - 1 / 8) < 1e-6
