"""Builds: faithful, deterministic, all or nothing."""

import json
import signal
import subprocess
import sys
import textwrap

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.chem.inchikeys import inchikey
from molbench.data.build import part
from molbench.data.build.builder import build
from molbench.data.build.splits import assign
from molbench.data.folder.location import locate
from molbench.data.folder.manifest import Manifest, file_entry
from molbench.data.folder.verify import verify_dataset
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.paths import home
from molbench.spec.catalogue import DatasetEntry
from tests.manifests import ratio

EVERYTHING = {"pretrain": {"generator": "everything", "description": "All."}}


def records(folder, scheme="random"):
    """Rows of a built folder in source order."""
    table = pa.concat_tables([pq.read_table(path) for path in sorted((folder / "cells").glob("*.parquet"))])
    order = pq.read_table(folder / "splits" / f"{scheme}.parquet")
    rows = {row["id"]: row for row in table.to_pylist()}
    assert len(rows) == len(table)
    return [rows[i] for i in order.column("id").to_pylist()], order.column("split").to_pylist()


def test_rows_are_those_of_the_raw_file(declare, molecules, raw):
    table = molecules(333)
    entry = declare(table)
    folder = build(entry, raw=raw)
    rows, labels = records(folder)
    assert [{k: v for k, v in row.items() if k != "inchikey"} for row in rows] == table.to_pylist()
    assert [row["inchikey"] for row in rows] == [inchikey(s) for s in table.column("smiles").to_pylist()]
    assert labels == assign(entry.splits.schemes["random"], table).tolist()
    manifest = Manifest.read(folder)
    assert manifest.records == 333
    assert manifest.schemes["random"].counts == {"train": 266, "validation": 34, "test": 33}
    assert set(manifest.files) == {p.relative_to(folder).as_posix() for p in folder.rglob("*.*")} - {
        "manifest.json"
    }


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["local", "ray"])
def test_same_bytes_for_any_number_of_processes(declare, molecules, raw, tmp_path, executor):
    if executor == "ray":
        pytest.importorskip("ray")
    entry = declare(molecules(333))
    one = build(entry, raw=raw, output=tmp_path / "one")
    two = build(entry, raw=raw, output=tmp_path / "two", num_proc=2, executor=executor)
    assert (one / "manifest.json").read_bytes() == (two / "manifest.json").read_bytes()
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in Manifest.read(one).files)


def test_an_executor_that_is_none_is_refused_before_anything_is_read(declare, molecules, tmp_path):
    with pytest.raises(UserError, match="did you mean 'ray'"):
        build(declare(molecules(60)), raw=tmp_path, executor="rya")


def test_another_value_or_order_is_another_digest(declare, molecules, raw, tmp_path):
    table = molecules(60)
    digests = set()
    for i, changed in enumerate(
        [table, table.slice(1), table.take(pa.array([1, 0, *range(2, 60)])), molecules(60, 1)]
    ):
        digests.add(Manifest.read(build(declare(changed), raw=raw, output=tmp_path / str(i))).digest)
    assert len(digests) == 4


def test_default_folder_and_repeated_build(declare, molecules, raw):
    entry = declare(molecules(60))
    folder = build(entry, raw=raw)
    first = (folder / "manifest.json").read_bytes()
    (folder / "notes.txt").write_text("mine")
    assert build(entry, raw=raw) == folder
    assert (folder / "notes.txt").read_text() == "mine"  # nothing the user had is lost
    (folder / "notes.txt").unlink()
    assert build(entry, raw=raw) == folder
    assert (folder / "manifest.json").read_bytes() == first
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]


class TestBadRecords:
    @pytest.fixture
    def table(self, molecules):
        table = molecules(120)
        ids, energy = table.column("id").to_pylist(), table.column("energy").to_pylist()
        ids[70], energy[101] = ids[3], float("nan")
        return table.set_column(0, "id", [ids]).set_column(4, "energy", [energy])

    def test_refused_by_default(self, declare, table, raw):
        with pytest.raises(UserError, match="2 records failed, 0 may") as error:
            build(declare(table), raw=raw)
        assert "m-00101" in str(error.value)
        assert "m-00003" in str(error.value)

    def test_counted_and_listed_where_allowed(self, declare, table, raw):
        folder = build(declare(table, max_failures=2, records=120), raw=raw)
        rows, _ = records(folder)
        assert [row["id"] for row in rows] == [f"m-{i:05d}" for i in range(120) if i not in {70, 101}]
        manifest = Manifest.read(folder)
        assert {failure.id for failure in manifest.failures} == {"m-00101", "m-00003"}
        repeat = next(f for f in manifest.failures if f.id == "m-00003")
        assert "record 4 already" in repeat.reason  # both places are named
        listed = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
        assert listed == [failure.model_dump() for failure in manifest.failures]
        assert not manifest.partial

    @pytest.mark.slow
    @pytest.mark.parametrize("num_proc", [1, 2])
    def test_a_file_full_of_them_is_given_up_early(self, declare, molecules, raw, num_proc):
        table = molecules(5000).set_column(4, "energy", [[float("nan")] * 5000])
        with pytest.raises(UserError, match="more than 107 records failed, 7 may, the last of them 'm-"):
            build(declare(table, max_failures=7), raw=raw, num_proc=num_proc)


class TestBadFiles:
    def test_empty(self, declare, raw):
        (raw / "toy.parquet").touch()
        with pytest.raises(UserError, match=r"toy\.parquet"):
            build(declare(None), raw=raw)

    def test_truncated(self, declare, molecules, raw):
        entry = declare(molecules(60))
        content = (raw / "toy.parquet").read_bytes()
        (raw / "toy.parquet").write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError, match=r"toy\.parquet"):
            build(entry, raw=raw)

    def test_flipped_bit(self, declare, molecules, raw):
        table = molecules(60)
        entry = declare(table)
        pq.write_table(table, raw / "toy.parquet", write_page_checksum=True, compression="none")
        content = bytearray((raw / "toy.parquet").read_bytes())
        content[len(content) // 3] ^= 4
        (raw / "toy.parquet").write_bytes(content)
        with pytest.raises(UserError, match=r"toy\.parquet"):
            build(entry, raw=raw, num_proc=2)

    def test_missing_column(self, declare, molecules, raw):
        entry = declare(molecules(60), options={"columns": ["smiles", "energy", "gap"]})
        with pytest.raises(UserError, match="no column gap"):
            build(entry, raw=raw)

    def test_undeclared_target(self, declare, molecules, raw):
        entry = declare(molecules(60), options={"columns": ["smiles"]})
        with pytest.raises(UserError, match=r"declares energy.*smiles"):
            build(entry, raw=raw)

    def test_no_record_left(self, declare, molecules, raw):
        table = molecules(3).set_column(4, "energy", [[float("inf")] * 3])
        with pytest.raises(UserError, match="no record could be read"):
            build(declare(table, max_failures=9), raw=raw)

    def test_missing_folder(self, declare, raw):
        with pytest.raises(UserError, match="no such file or folder"):
            build(declare(None), raw=raw / "nowhere")

    @pytest.fixture(autouse=True)
    def nothing_stays(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MOLBENCH_HOME", str(tmp_path / "home"))
        yield
        assert not list((tmp_path / "home").glob("datasets/*"))


class TestPartial:
    COMPLETE = {
        "generator": "permutation",
        "parameters": {"rng": "legacy", "seed": 0, "sizes": [80, 10, "rest"]},
    }

    def test_refused_unless_allowed(self, declare, molecules, raw):
        with pytest.raises(UserError, match=r"60 of 100 records.*toy-partial.*--allow-partial"):
            build(declare(molecules(60), records=100), raw=raw)

    def test_is_a_dataset_of_its_own(self, declare, molecules, raw):
        schemes = {
            "paper": self.COMPLETE | {"description": "The paper's.", "complete": True, "digest": "0" * 64},
            "fixed": self.COMPLETE | {"description": "Needs more than 60."},
            "random": {
                "generator": "ratio",
                "parameters": {"seed": 0, "fractions": [0.8, 0.1, 0.1]},
                "description": "Random.",
            },
        }
        folder = build(declare(molecules(60), records=100, schemes=schemes), raw=raw, allow_partial=True)
        manifest = Manifest.read(folder)
        assert folder.name == manifest.dataset_id == "toy-partial"
        assert manifest.partial
        assert list(manifest.schemes) == ["random"]
        assert set(manifest.left_out) == {"paper", "fixed"}
        assert "`toy-partial`" in (folder / "README.md").read_text()

    def test_a_file_that_only_a_scheme_reads_may_be_missing(self, declare, molecules, raw):
        lists = {split: {"filename": f"{split}.txt", "size": 8} for split in ("train", "validation", "test")}
        sources = {"records": {"filename": "toy.parquet"}, **lists}
        published = {"generator": "membership", "parameters": {split: split for split in lists}}
        schemes = {"published": published | {"description": "As published."}, "random": ratio(0)}
        entry = declare(molecules(60), schemes=schemes, sources=sources)
        for i, split in enumerate(("train", "validation")):
            (raw / f"{split}.txt").write_text(f"m-{i:05d}\n")
        with pytest.raises(UserError, match=r"has no test\.txt"):
            build(entry, raw=raw, offline=True)
        manifest = Manifest.read(build(entry, raw=raw, offline=True, allow_partial=True))
        assert manifest.partial and manifest.records == 60 and list(manifest.schemes) == ["random"]
        assert "'test'" in manifest.left_out["published"]
        (raw / "test.txt").write_text("cut")
        with pytest.raises(UserError, match="not the file that is declared: it has 3 bytes"):
            build(entry, raw=raw, offline=True, allow_partial=True)
        (raw / "test.txt").write_text("m-00002\n")
        assert not Manifest.read(build(entry, raw=raw, offline=True, allow_partial=True)).partial

    def test_complete_build_is_never_partial(self, declare, molecules, raw):
        assert build(declare(molecules(100), records=100), raw=raw, allow_partial=True).name == "toy"

    def test_more_records_than_declared_are_other_data(self, declare, molecules, raw):
        with pytest.raises(UserError, match=r"101 records, but dataset\.yaml declares 100: other data"):
            build(declare(molecules(101), records=100), raw=raw)
        folder = build(declare(molecules(101), records=100), raw=raw, allow_partial=True)
        assert folder.name == "toy-partial" and Manifest.read(folder).count == "other"

    def test_nobody_knows_whether_all_records_are_there(self, declare, molecules, raw):
        entry = declare(molecules(60), records=None)
        with pytest.raises(
            UserError, match=r"60 records, of how many is not known.*toy-partial.*--allow-part"
        ):
            build(entry, raw=raw)
        folder = build(entry, raw=raw, allow_partial=True)
        manifest = Manifest.read(folder)
        assert (folder.name, manifest.count, manifest.partial) == ("toy-partial", "unknown", True)
        assert not any(scheme.complete for scheme in manifest.schemes.values())

    def test_a_declared_checksum_says_that_all_of_a_file_is_there(self, declare, molecules, raw):
        declare(molecules(60), name="toy")
        checksum = file_entry(raw / "toy.parquet").sha256
        sources = {"records": {"filename": "toy.parquet", "sha256": checksum}}
        manifest = Manifest.read(build(declare(None, records=None, sources=sources), raw=raw))
        assert (manifest.dataset_id, manifest.count) == ("toy", "complete")
        assert all(scheme.complete for scheme in manifest.schemes.values())

    def test_a_scheme_is_complete_where_it_has_all_its_records(self, declare, molecules, raw):
        """Its declared content is found in a part of the dataset; the others' records are missing."""
        (raw / "ids").mkdir()
        for at, split in enumerate(("train", "validation", "test")):
            (raw / f"{split}.txt").write_text("".join(f"m-{i:05d}\n" for i in range(at, 30, 3)))
        sources = {"records": {"filename": "toy.parquet"}}
        sources |= {split: {"filename": f"{split}.txt"} for split in ("train", "validation", "test")}
        listed = {"generator": "membership", "description": "Listed."}
        listed["parameters"] = {split: split for split in ("train", "validation", "test")}
        schemes = {"listed": listed, "random": ratio(0)}
        whole = Manifest.read(
            build(declare(molecules(100), schemes=schemes, sources=sources), raw=raw, offline=True)
        )
        content = whole.schemes["listed"].content
        few = molecules(100).take(pa.array([*range(40)][::-1]))
        schemes["listed"] = listed | {"content": content}
        entry = declare(few, schemes=schemes, sources=sources, records=100)
        folder = build(entry, raw=raw, offline=True)
        part = Manifest.read(folder)
        assert (part.dataset_id, part.count, part.records) == ("toy", "short", 40)
        assert part.schemes.keys() == {"listed"} and part.schemes["listed"].complete
        assert part.schemes["listed"].content == content and part.digest != whole.digest
        assert part.left_out == {"random": "40 of 100 records are there"}
        assert "all that the split schemes below use" in (folder / "README.md").read_text()
        both = Manifest.read(build(entry, raw=raw, offline=True, allow_partial=True))
        assert both.dataset_id == "toy-partial"
        assert {name: scheme.complete for name, scheme in both.schemes.items()} == {
            "listed": True,
            "random": False,
        }
        verify_dataset(folder)

    def test_a_scheme_of_other_records_is_not_complete(self, declare, molecules, raw):
        schemes = {"random": ratio(0) | {"content": "0" * 64}}
        with pytest.raises(UserError, match="60 of 100 records"):
            build(declare(molecules(60), records=100, schemes=schemes), raw=raw)
        with pytest.raises(UserError, match="split scheme 'random' came out as"):
            build(declare(molecules(100), records=100, schemes=schemes), raw=raw)

    def test_declared_split_digest_is_asserted(self, declare, molecules, raw):
        schemes = {"paper": self.COMPLETE | {"description": "The paper's.", "digest": "0" * 64}}
        with pytest.raises(UserError, match="split scheme 'paper' came out as"):
            build(declare(molecules(100), records=100, schemes=schemes), raw=raw)


class TestAllOrNothing:
    def test_failure_in_the_middle_keeps_the_old_build(self, declare, molecules, raw, monkeypatch):
        entry = declare(molecules(60))
        folder = build(entry, raw=raw)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

        def crash(*_, **__):
            raise RuntimeError("power cut")

        monkeypatch.setattr(part.CellSpool, "write", crash)
        with pytest.raises(RuntimeError, match="power cut"):
            build(entry, raw=raw)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        assert [path.name for path in folder.parent.iterdir()] == ["toy"]

    @pytest.mark.slow
    def test_killed_process_leaves_nothing_to_be_found(self, declare, molecules, raw):
        entry = declare(molecules(60))
        code = f"""
            import os, signal
            from pathlib import Path
            from molbench.data.build import part
            from molbench.data.folder.location import locate
            from molbench.data.build.builder import build
            from molbench.spec.catalogue import DatasetEntry

            part.CellSpool.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            build(DatasetEntry("toy", Path({str(entry.folder)!r})), raw=Path({str(raw)!r}))
        """
        run = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=False, timeout=240
        )
        assert run.returncode == -signal.SIGKILL, run.stderr
        assert all(path.name.startswith(".") for path in (home() / "datasets").iterdir())
        with pytest.raises(UserError, match="unknown dataset 'toy'"):
            locate("toy")
        assert build(entry, raw=raw) == locate("toy")

    def test_folder_with_something_else_is_refused(self, declare, molecules, raw, tmp_path):
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "chapter1.txt").write_text("It")
        with pytest.raises(UserError, match="not a dataset"):
            build(declare(molecules(60)), raw=raw, output=tmp_path / "thesis")
        assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "It"

    def test_folder_of_another_dataset_is_refused(self, declare, molecules, raw, tmp_path):
        build(declare(molecules(60)), raw=raw, output=tmp_path / "out")
        with pytest.raises(UserError, match="holds the dataset 'toy', not 'more'"):
            build(declare(molecules(60), name="more"), raw=raw, output=tmp_path / "out")


@pytest.mark.parametrize("name", ["all", "default"])
def test_names_that_the_library_reserves_are_refused(declare, molecules, name):
    with pytest.raises(UserError, match="reserved"):
        assert declare(molecules(9), schemes={name: EVERYTHING["pretrain"]}).splits


class TestSubsets:
    @pytest.fixture
    def entry(self, declare, molecules, raw):
        for seed, name in enumerate(("ethanol", "benzene")):
            table = molecules(60, seed).append_column("frame", [np.arange(60)])
            pq.write_table(table, raw / f"{name}.parquet")
        subsets = {
            name: {"sources": {"records": {"filename": f"{name}.parquet"}}, "records": count}
            for name, count in (("ethanol", 60), ("benzene", 100), ("toluene", 60))
        }
        block = {"generator": "block", "parameters": {"blocks": 10, "fractions": [0.8, 0.1, 0.1], "seed": 0}}
        schemes = {"block": block | {"description": "Blocks."}, **EVERYTHING}
        schemes["pretrain"] = schemes["pretrain"] | {"subsets": ["benzene"]}
        options = {"columns": ["smiles", "energy", "frame"]}
        return declare(None, subsets=subsets, sources={}, options=options, schemes=schemes, identity="frame")

    def test_default_is_all_that_are_there(self, entry, raw):
        folder = build(entry, raw=raw, allow_partial=True)
        manifest = Manifest.read(folder)
        assert folder.name == "toy-partial"
        assert {name: part.partial for name, part in manifest.subsets.items()} == {
            "ethanol": False,
            "benzene": True,
        }
        assert manifest.records == 120
        assert list(manifest.subsets["ethanol"].schemes) == ["block"]
        assert list(manifest.subsets["benzene"].schemes) == ["block", "pretrain"]

    def test_adding_a_subset_keeps_the_others(self, entry, raw, tmp_path):
        out = tmp_path / "out"
        build(entry, raw=raw, subsets=["ethanol"], output=out)
        before = {path: path.read_bytes() for path in (out / "ethanol").rglob("*.parquet")}
        build(entry, raw=raw, subsets=["benzene"], output=out, allow_partial=True)
        assert set(Manifest.read(out).subsets) == {"ethanol", "benzene"}
        assert {path: path.read_bytes() for path in (out / "ethanol").rglob("*.parquet")} == before
        build(entry, raw=raw, subsets=["ethanol"], output=out)
        assert Manifest.read(out).dataset_id == "toy-partial"  # benzene still lacks records
        both = build(
            entry, raw=raw, subsets=["benzene", "ethanol"], output=tmp_path / "both", allow_partial=True
        )
        assert (both / "manifest.json").read_bytes() == (out / "manifest.json").read_bytes()

    def test_subsets_of_different_versions_do_not_mix(self, entry, raw, tmp_path):
        build(entry, raw=raw, subsets=["ethanol"], output=tmp_path / "out")
        text = (entry.folder / "dataset.yaml").read_text()
        (entry.folder / "dataset.yaml").write_text(text.replace("version: 1.0.0", "version: 2.0.0"))
        newer = DatasetEntry("toy", entry.folder)
        with pytest.raises(UserError, match=r"ethanol were built from version 1\.0\.0, this is 2\.0\.0"):
            build(newer, raw=raw, subsets=["benzene"], output=tmp_path / "out", allow_partial=True)

    def test_unknown_or_absent_subset(self, entry, raw, tmp_path):
        with pytest.raises(UserError, match=r"no subset 'phenol'.*ethanol, benzene, toluene"):
            build(entry, raw=raw, subsets=["phenol"])
        with pytest.raises(UserError, match="toluene"):
            build(entry, raw=raw, subsets=["toluene"], offline=True)
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError, match="no subset of toy"):
            build(entry, raw=tmp_path / "empty")


@pytest.mark.slow
def test_many_schemes_are_spread_over_folders_that_load_and_verify(declare, molecules, raw):
    schemes = {f"r{i}": ratio(i) for i in range(7)}
    folder = build(declare(molecules(90), schemes=schemes), raw=raw)
    manifest = verify_dataset(folder)
    assert len(manifest.cell_folders) > 1
    for name, entry in manifest.schemes.items():
        rows = datasets.load_dataset(str(folder), name)
        assert {split: len(rows[split]) for split in rows} == entry.counts
        labels = pq.read_table(folder / "splits" / f"{name}.parquet").to_pylist()
        for split in rows:
            assert set(rows[split]["id"]) == {row["id"] for row in labels if row["split"] == split}
    assert len(Store.open(folder)) == 90
    moved = next((folder / "cells-2").glob("*.parquet"))
    moved.rename(moved.with_name("a0b0.parquet" if moved.stem != "a0b0" else "a1b1.parquet"))
    with pytest.raises(UserError, match="damaged"):
        verify_dataset(folder)


def test_a_rebuild_in_place_replaces_every_folder_of_cells(declare, molecules, raw):
    schemes = {f"r{i}": ratio(i) for i in range(7)}
    folder = build(declare(molecules(90), schemes=schemes), raw=raw)
    again = build(declare(molecules(90, 1), schemes=schemes), raw=raw)
    assert again == folder
    verify_dataset(folder)
    fewer = build(declare(molecules(90), schemes={"random": ratio(0)}), raw=raw)
    verify_dataset(fewer)
    assert not (fewer / "cells-2").exists()


def test_too_few_records_for_any_scheme_are_said_to_be_too_few(declare, molecules, raw):
    entry = declare(molecules(2), schemes={"random": ratio(0), "other": ratio(1)}, records=100)
    with pytest.raises(UserError, match=r"no split scheme can be drawn from 2 records: random: .*; other: "):
        build(entry, raw=raw, allow_partial=True)
    assert not any(home().glob("datasets/*"))


def test_a_failure_is_told_in_one_printable_line(declare, molecules, raw):
    table = molecules(60)
    table = table.set_column(0, "id", pa.array(["\x1b[31m\u202e\n"] * 3 + table.column("id").to_pylist()[3:]))
    with pytest.raises(UserError, match="2 records failed, 0 may") as caught:
        build(declare(table), raw=raw)
    assert str(caught.value).isprintable()
