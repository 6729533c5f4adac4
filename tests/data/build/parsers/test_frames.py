"""Trajectories in NumPy archives."""

import io
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers import build_parser
from molbench.errors import UserError

WATER = {"molecule": "water"}


def arrays(n: int = 9, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "z": np.array([8, 1, 1], dtype=np.uint8),
        "R": rng.uniform(-0.3, 0.3, size=(n, 3, 3)) + np.eye(3),
        "E": -1e5 + rng.normal(size=(n, 1)),
        "F": rng.normal(size=(n, 3, 3)),
        "name": np.array(b"water"),
        "md5": np.array("fingerprint"),
    }


def write(
    folder: Path, content: Mapping[str, np.ndarray], *, packed: bool = False, name: str = "a.npz"
) -> list[Path]:
    (np.savez_compressed if packed else np.savez)(folder / name, **content)
    return [folder / name]


def cube(column: pa.ChunkedArray, atoms: int) -> np.ndarray:
    return column.combine_chunks().flatten().flatten().to_numpy().reshape(-1, atoms, 3)


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 30),
    packed=st.booleans(),
    columns_first=st.booleans(),
    flat=st.booleans(),
    kind=st.sampled_from(["<f8", "<f4", ">f8"]),
    shards=st.integers(1, 7),
    indexed=st.booleans(),
)
def test_every_way_to_store_the_arrays_gives_the_same_records(
    parse, tmp_path_factory, n, packed, columns_first, flat, kind, shards, indexed
) -> None:
    content = arrays(n)
    stored = {key: content[key].astype(kind) for key in "REF"}
    if columns_first:
        stored |= {key: np.asfortranarray(stored[key]) for key in "RF"}
    if flat:
        stored["E"] = stored["E"].ravel()
    frames = np.arange(n)[::-1] * 7 if indexed else np.arange(n)
    extra = {"old_indices": frames} if indexed else {}
    files = write(tmp_path_factory.mktemp("npz"), content | stored | extra, packed=packed)
    records, failures = parse("md17-npz", files, WATER, shards)
    assert not failures
    assert records["id"].to_pylist() == [f"water-{frame:06d}" for frame in frames]
    assert records["frame"].to_pylist() == frames.tolist()
    assert records["atomic_numbers"].to_pylist() == [[8, 1, 1]] * n
    assert np.array_equal(cube(records["positions"], 3), stored["R"].astype(np.float32))
    assert np.array_equal(cube(records["forces"], 3), stored["F"].astype(np.float32))
    assert np.array_equal(records["energy"].to_numpy(), stored["E"].ravel().astype(np.float64))


def test_a_long_trajectory_comes_in_chunks_of_bounded_size(parse, tmp_path) -> None:
    content = arrays(4500)
    files = write(tmp_path, content, packed=True)
    parser = build_parser("md17-npz", WATER)
    sizes = [len(chunk.table) for shard in parser.shards({"a": files[0]}, 1) for chunk in shard.read()]
    assert sizes == [2000, 2000, 500]
    assert np.allclose(cube(parse("md17-npz", files, WATER, 3).table["positions"], 3), content["R"])


@pytest.mark.slow
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("packed", [False, True])
def test_memory_does_not_grow_with_the_trajectory(tmp_path, order: str, packed: bool) -> None:
    peaks = []
    for frames in (10_000, 40_000):
        content = {key: np.zeros((frames, 12, 3), order=order) for key in "RF"} | {"E": np.zeros(frames)}
        (path,) = write(tmp_path, content | {"z": np.full(12, 6, dtype=np.uint8)}, packed=packed)
        parser = build_parser("md17-npz", WATER)
        tracemalloc.start()
        try:
            (shard,) = parser.shards({"a": path}, 1)
            assert sum(len(chunk.table) for chunk in shard.read()) == frames
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < content["R"].nbytes


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("R", np.nan, "positions holds a number that is missing or not finite"),
        ("R", 1e39, "positions holds a number that is missing or not finite"),
        ("F", np.inf, "forces holds a number"),
        ("E", np.nan, "energy holds a number"),
    ],
)
def test_a_bad_frame_is_a_failure_and_the_others_are_read(parse, tmp_path, key, value, reason: str) -> None:
    content = arrays()
    content[key].reshape(9, -1)[4, -1] = value
    records, failures = parse("md17-npz", write(tmp_path, content), WATER, 2)
    assert [f.id for f in failures] == ["water-000004"] and failures[0].reason.startswith(reason)
    assert failures[0].where == "a.npz, row 4"
    kept = [0, 1, 2, 3, 5, 6, 7, 8]
    assert records["frame"].to_pylist() == kept
    assert np.allclose(cube(records["positions"], 3), content["R"][kept])


def test_revised_labels_or_the_original_ones(parse, tmp_path) -> None:
    old, new = arrays(seed=1), arrays(seed=2)
    content = {
        "nuclear_charges": old["z"],
        "coords": old["R"],
        "energies": new["E"].ravel(),
        "forces": new["F"],
        "old_energies": old["E"].ravel(),
        "old_forces": old["F"],
        "old_indices": np.arange(9) * 11,
    }
    files = write(tmp_path, content)
    for labels, source in {"revised": new, "original": old}.items():
        records, _ = parse("rmd17-npz", files, WATER | {"labels": labels})
        assert np.array_equal(records["energy"].to_numpy(), source["E"].ravel())
        assert np.allclose(cube(records["forces"], 3), source["F"])
        assert records["id"][2].as_py() == "water-000022"
    assert parse("rmd17-npz", files, WATER).table["energy"][0].as_py() == new["E"][0, 0]


def changed(**arrays_: np.ndarray) -> dict[str, np.ndarray]:
    return arrays() | arrays_


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            {k: v for k, v in arrays().items() if k != "F"},
            r"no array 'F'; the arrays are: z, R, E, name, md5",
        ),
        (changed(E=np.zeros((9, 2))), r"array 'E' has shape \(9, 2\), expected \(9,\)"),
        (changed(E=np.zeros(8)), r"array 'E' has shape \(8,\)"),
        (changed(F=np.zeros((9, 4, 3))), r"array 'F' has shape \(9, 4, 3\), expected \(9, 3, 3\)"),
        (changed(R=np.zeros((9, 3))), "array 'R' has shape"),
        (changed(z=np.array([8, 1, 1, 1])), "expected .* for 4 atoms"),
        (changed(z=np.array([8, 1, 119])), "no atomic number"),
        (changed(z=np.array([8, 1, 0])), "no atomic number"),
        (changed(z=np.array([8.5, 1, 1])), "no atomic number"),
        (changed(z=np.array([], dtype=np.uint8)), "expected one number an atom"),
        (changed(z=np.array(8)), "expected one number an atom"),
        (changed(R=np.zeros((0, 3, 3)), F=np.zeros((0, 3, 3)), E=np.zeros(0)), "no frames"),
        (changed(E=np.array(["a"] * 9)), "expected plain numbers"),
        (changed(E=np.zeros(9, dtype=complex)), "expected plain numbers"),
        (changed(old_indices=np.arange(8)), "array 'old_indices' has shape"),
    ],
)
def test_a_wrong_archive_is_refused_as_a_whole(parse, tmp_path, content, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse("md17-npz", write(tmp_path, content), WATER)


def test_nothing_is_unpickled(parse, tmp_path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("unpickled",))

    content = changed(E=np.array([Harm()] * 9, dtype=object))
    with pytest.raises(UserError, match="expected plain numbers"):
        parse("md17-npz", write(tmp_path, content), WATER)


@pytest.mark.parametrize("packed", [False, True])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_damaged_archive_is_refused(parse, tmp_path_factory, packed: bool, data) -> None:
    folder = tmp_path_factory.mktemp("npz")
    files = write(folder, arrays(), packed=packed)
    whole = parse("md17-npz", files, WATER)
    raw = bytearray(files[0].read_bytes())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    files[0].write_bytes(raw)
    try:
        records, failures = parse("md17-npz", files, WATER)
    except UserError:
        return
    assert records.equals(whole.table) and not failures  # the change was in a name, a date or an unread array


def test_a_header_that_promises_more_than_there_is_is_refused(parse, tmp_path) -> None:
    content = arrays()
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for key, array in content.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array)
            text = buffer.getvalue()
            archive.writestr(
                f"{key}.npy", text.replace(b"(9, 3, 3), }", b"(10**9,3,3)}"[:12]) if key == "R" else text
            )
    with pytest.raises(UserError, match=r"cut short|does not fit"):
        parse("md17-npz", [tmp_path / "a.npz"], WATER)


@pytest.mark.filterwarnings("error")
def test_a_file_made_by_python_2_is_read_without_a_warning(parse, tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for key, array in arrays().items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array)
            text = buffer.getvalue().replace(b"(9, 3, 3), }  ", b"(9L, 3L, 3), }")
            assert (b"9L" in text) == (key in "RF")
            archive.writestr(f"{key}.npy", text)
    records, failures = parse("md17-npz", [tmp_path / "a.npz"], WATER)
    assert len(records) == 9 and not failures


def test_options_are_checked(parse, tmp_path) -> None:
    files = write(tmp_path, arrays())
    for options, reason in [
        ({}, "setting 'molecule' is missing"),
        ({"molecule": 1}, "setting 'molecule': Input should be a valid string"),
        ({"molecule": "water", "colour": "red"}, "no setting 'colour'"),
        ({"molecule": "water", "labels": "revised"}, "no setting 'labels'"),
    ]:
        with pytest.raises(UserError, match=reason):
            parse("md17-npz", files, options)


def test_real_coupled_cluster_file(parse, real_data) -> None:
    """The official file is compressed, in Fortran order, with 0-d byte strings beside the numbers."""
    path = real_data / "md17" / "ccsd_t" / "ethanol_ccsd_t-train.npz"
    records, failures = parse("md17-npz", [path], {"molecule": "ethanol"}, 3)
    with np.load(path) as content:
        assert not failures and len(records) == 1000
        assert np.array_equal(cube(records["positions"], 9), content["R"].astype(np.float32))
        assert np.array_equal(cube(records["forces"], 9), content["F"].astype(np.float32))
        assert np.array_equal(records["energy"].to_numpy(), content["E"].ravel())
        assert records["atomic_numbers"][0].as_py() == content["z"].tolist()


def test_real_frames_have_one_id_in_both_datasets(parse, real_data) -> None:
    """MD17 frames of aspirin repacked from revised MD17 are those of its train and test files."""
    original, _ = parse(
        "md17-npz",
        [real_data / "md17" / "repacked_from_rmd17" / "md17_aspirin_2000.npz"],
        {"molecule": "aspirin"},
    )
    energy = dict(zip(original["id"].to_pylist(), original["energy"].to_pylist(), strict=True))
    seen = set()
    for part in ("train", "test"):
        path = real_data / "rmd17" / "rmd17-npz" / f"rmd17_aspirin_{part}_01.npz"
        records, _ = parse("rmd17-npz", [path], {"molecule": "aspirin", "labels": "original"})
        for identifier, value in zip(records["id"].to_pylist(), records["energy"].to_pylist(), strict=True):
            assert energy[identifier] == value
            seen.add(identifier)
    assert len(seen) == len(energy) == 2000


@pytest.mark.parametrize("kind", [np.str_, np.bytes_])
@pytest.mark.parametrize(
    ("energy", "length", "stated"),
    [
        ("kcal/mol", "Ang", {"energy": "kcal/mol", "forces": "kcal/mol/Å"}),
        ("eV", "Ang", {"energy": "eV", "forces": "eV/Å"}),
        ("Hartree", "angstrom", {"energy": "Hartree", "forces": "Hartree/Å"}),
    ],
)
def test_units_are_those_that_the_archive_states(tmp_path, kind, energy, length, stated) -> None:
    tags = {"e_unit": np.array(kind(energy)), "r_unit": np.array(kind(length))}
    (path,) = write(tmp_path, arrays() | tags)
    assert build_parser("md17-npz", WATER).units({"a": path}) == stated


def test_an_archive_may_state_no_units(tmp_path) -> None:
    assert build_parser("md17-npz", WATER).units({"a": write(tmp_path, arrays())[0]}) == {}


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"e_unit": np.array("furlong")}, "'furlong' is no unit of energy; known: "),
        ({"r_unit": np.array("cubit")}, "'cubit' is no unit of length; known: "),
        ({"e_unit": np.array("eV"), "r_unit": np.array("bohr")}, r"positions are in a0 \(r_unit\)"),
        ({"e_unit": np.array(["eV"])}, "is not one short text"),
        ({"e_unit": np.array(23.06)}, "is not one short text"),
        ({"e_unit": np.array("x" * 5000)}, "is not one short text"),
        ({"e_unit": np.array({"unit": "eV"}, dtype=object)}, "is not one short text"),
    ],
)
def test_a_unit_that_is_none_is_refused(tmp_path, tags, reason: str) -> None:
    (path,) = write(tmp_path, arrays() | tags)
    with pytest.raises(UserError, match=rf"a\.npz: .*{reason}"):
        build_parser("md17-npz", WATER).units({"a": path})
