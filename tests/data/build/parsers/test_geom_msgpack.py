"""GEOM from MessagePack: coordinates and bonds side by side."""

import io
import json
import tarfile
from itertools import pairwise
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.errors import UserError

OPTIONS = {"molecules": "qm9"}
BARE = OPTIONS | {"features": False, "graph": "any"}
WATER = [[8.0, 0.0, 0.0, 0.1], [1.0, 0.9, 0.0, 0.0], [1.0, -0.3, 0.9, 0.0]]


def crude(weights: list[float], **changes: object) -> dict:
    """A molecule of the crude form: water, however heavy its conformers."""
    conformers = [
        {"xyz": WATER, "totalenergy": -5.0 - w, "relativeenergy": 0.1, "boltzmannweight": w, "set": 1}
        for w in weights
    ]
    return {
        "uniqueconfs": len(weights),
        "charge": 0,
        "ensembleenergy": 0.2,
        "conformers": conformers,
    } | changes


def features(smiles: str = "O", **changes: object) -> dict:
    """A conformer of the featurized form."""
    bonds = [{"indices": [0, end], "type": "single"} for end in (1, 2)]
    atoms = [{"atom_type": number} for number in (8, 1, 1)]
    return {"bonds": bonds, "atoms": atoms, "canon_smiles": smiles} | changes


def write(root: Path, blocks: list[dict], featurized: list[dict], suffix: str = ".msgpack") -> list[Path]:
    root.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, maps in (("crude", blocks), ("featurized", featurized)):
        data = b"".join(map(msgpack.packb, maps))
        path = root / f"qm9_{kind}{suffix}"
        if suffix == ".msgpack":
            path.write_bytes(data)
        else:
            with tarfile.open(path, "w:gz") as archive:
                member = tarfile.TarInfo(f"qm9_{kind}.msgpack")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        paths.append(path)
    return paths


BLOCKS = [{"O": crude([0.4, 0.6]), "[OH2]": crude([1.0])}, {"[OH]": crude([1.0])}]
FEATURES = [{"O": [features(), features()], "[OH2]": [features()]}, {"[OH]": [features()]}]


@pytest.mark.parametrize("suffix", [".msgpack", ".msgpack.tar.gz"])
def test_coordinates_and_bonds_come_together(parse, tmp_path, suffix: str) -> None:
    records, failures = parse("geom-msgpack", write(tmp_path, BLOCKS, FEATURES, suffix), OPTIONS)
    assert records["id"].to_pylist() == ["O/1", "O/0", "[OH2]/0"]
    assert records["weight"].to_pylist() == [0.6, 0.4, 1.0]
    assert records["bonds"].to_pylist() == [[[0, 1], [0, 2]]] * 3
    assert np.allclose(records["positions"][0].as_py(), [row[1:] for row in WATER])
    assert records["ensemble_energy"].to_pylist() == [0.2] * 3
    assert records["ensemble_entropy"].null_count == 3
    # The radical's conformer has become water.
    assert [f.id for f in failures] == ["[OH]"] and "left out" in failures[0].reason


@settings(deadline=None, max_examples=30)
@given(cuts=st.sets(st.integers(1, 5)), order=st.permutations(range(6)), top=st.integers(1, 3))
def test_the_division_into_maps_does_not_matter(parse, tmp_path_factory, cuts, order, top) -> None:
    names = ["O", "[OH2]", "[H]O[H]", "[H][OH]", "[O;H2]", "[OH2+0]"]
    bounds = [0, *sorted(cuts), 6]

    def blocks(value: object) -> list[dict]:
        return [{names[i]: value for i in order[a:b]} for a, b in pairwise(bounds)]

    files = write(tmp_path_factory.mktemp("m"), blocks(crude([0.1, 0.7, 0.2])), blocks([features()] * 3))
    records, failures = parse("geom-msgpack", files, OPTIONS | {"conformers": top})
    assert not failures
    expected = [f"{names[i]}/{k}" for i in order for k in (1, 2, 0)[:top]]
    assert records["id"].to_pylist() == expected


@pytest.mark.parametrize(
    ("entry", "beside", "reason"),
    [
        (
            crude([1.0])
            | {
                "conformers": [
                    {"xyz": []} | dict.fromkeys(("totalenergy", "relativeenergy", "boltzmannweight"), 1.0)
                ]
            },
            [features()],
            "no coordinates",
        ),
        ("text", [features()], "no list of conformers"),
        (crude([1.0]), [], "no features"),
        (crude([1.0]), [features(atoms=[{"atom_type": 8}])], "other atoms"),
        (crude([1.0]), [features(atoms=[8, 1, 1])], "other atoms"),
        (crude([1.0]), [features(bonds=[{"indices": [0, 9], "type": "single"}])], "not between two"),
        (crude([1.0]), [features(bonds=[{"indices": [[], 0], "type": "single"}])], "not between two"),
        (crude([1.0]), [features(bonds=[{"indices": [0, 1], "type": ["quintuple"]}])], "a bond of type"),
        (crude([1.0]), [features(bonds=None)], "features without"),
    ],
)
def test_a_bad_entry_is_a_failure_and_the_next_is_read(parse, tmp_path, entry, beside, reason: str) -> None:
    files = write(tmp_path, [{"O": entry, "[OH2]": crude([1.0])}], [{"O": beside, "[OH2]": [features()]}])
    records, failures = parse("geom-msgpack", files, OPTIONS)
    assert records["id"].to_pylist() == ["[OH2]/0"] and len(failures) == 1 and reason in failures[0].reason


@pytest.mark.parametrize("value", [0, 119, -1, 1.5, "O", None, True])
def test_an_unknown_element(parse, tmp_path, value: object) -> None:
    rows = [[value, 0.0, 0.0, 0.0]]
    entry = crude([1.0])
    entry["conformers"][0]["xyz"] = rows
    files = write(tmp_path, [{"O": entry}], [])
    records, failures = parse("geom-msgpack", files[:1], BARE)
    assert len(records) == 0 and "atom" in failures[0].reason


@pytest.mark.parametrize(
    ("blocks", "featurized", "reason"),
    [
        (BLOCKS, FEATURES[:1], "do not belong together"),
        (BLOCKS[:1], FEATURES, "do not belong together"),
        (BLOCKS, FEATURES[::-1], "do not belong together"),
        ([[1, 2]], FEATURES, "not a stream of maps"),
        ([{1: crude([1.0])}], FEATURES, "no text"),
        ([], FEATURES, "empty"),
    ],
)
def test_files_that_do_not_fit_are_refused(parse, tmp_path, blocks, featurized, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse("geom-msgpack", write(tmp_path, blocks, featurized), OPTIONS)


@settings(deadline=None, max_examples=40)
@given(cut=st.integers(1, 500))
def test_a_cut_stream_is_refused(parse, tmp_path_factory, cut: int) -> None:
    files = write(tmp_path_factory.mktemp("m"), BLOCKS, FEATURES)
    data, first = files[0].read_bytes(), len(msgpack.packb(BLOCKS[0]))
    cut %= len(data)
    files[0].write_bytes(data[:cut])
    if cut == first:  # the end of a map: only the other file tells
        with pytest.raises(UserError, match="more molecules"):
            parse("geom-msgpack", files, OPTIONS)
        return
    with pytest.raises(UserError, match=r"cut short|empty"):
        parse("geom-msgpack", files[:1], BARE)


def test_depth_and_size_are_bounded(parse, tmp_path) -> None:
    for data in (
        b"\x81\xa1O" + b"\x91" * 100_000,
        b"\x81\xa1O\xdd\xff\xff\xff\xff",
        b"\x81\xa1O\xdb\xff\xff\xff\xff",
    ):
        path = tmp_path / "qm9_crude.msgpack"
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"damaged|cut short"):
            parse("geom-msgpack", [path], BARE)


def test_options(parse, tmp_path) -> None:
    files = write(tmp_path, BLOCKS, FEATURES)
    with pytest.raises(UserError, match="needs 'graph: any'"):
        parse("geom-msgpack", files, OPTIONS | {"features": False})
    records, _ = parse("geom-msgpack", files[:1], BARE)
    assert len(records) == 4 and "bonds" not in records.column_names
    with pytest.raises(UserError, match="featurized"):
        parse("geom-msgpack", files[:1], OPTIONS)


def test_the_real_crude_file(parse, real_data) -> None:
    path = real_data / "geom" / "from_tutorial" / "crude" / "drugs_crude_1mol.msgpack"
    records, failures = parse("geom-msgpack", [path], {**BARE, "molecules": "drugs"})
    name, entry = next(iter(json.loads(path.with_suffix(".json").read_text()).items()))
    assert not failures and records["id"].to_pylist() == [f"{name}/0"]
    assert np.allclose(
        records["positions"][0].as_py(), [row[1:] for row in entry["conformers"][0]["xyz"]], atol=1e-5
    )
    # One conformer is here of the 84 that the entry speaks of.
    assert records["unique_conformers"].to_pylist() == [84] and records["listed_conformers"].to_pylist() == [
        1
    ]


def test_the_real_featurized_file(parse, real_data, tmp_path) -> None:
    """It has no coordinates; with made-up ones beside it, its bonds and its own SMILES are read."""
    path = real_data / "geom" / "from_tutorial" / "crude" / "qm9_featurized_1mol.msgpack"
    name, conformers = next(iter(msgpack.unpackb(path.read_bytes()).items()))
    xyz = [[atom["atom_type"], float(i), 0.0, 0.0] for i, atom in enumerate(conformers[0]["atoms"])]
    entry = crude([1.0])
    entry["conformers"][0]["xyz"] = xyz
    files = [*write(tmp_path, [{name: entry}], [])[:1], path]
    records, failures = parse("geom-msgpack", files, OPTIONS)
    assert not failures and len(records) == 1
    assert len(records["bonds"][0]) == 19 and sorted(records["bond_orders"][0].as_py()) == [1] * 18 + [3]
