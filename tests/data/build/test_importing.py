"""A user's own geometries become a dataset."""

import gzip
import json
import lzma
import os

import datasets
import numpy as np
import pytest
from typer.testing import CliRunner

from molbench.atomic import temporary_beside
from molbench.cli.main import app
from molbench.data import Store, import_file, locate
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.verify import verify_dataset
from molbench.errors import UserError
from molbench.paths import home
from molbench.spec.catalogue import Catalogue

XYZ = """3
water
O 0.0 0.0 0.1173
H 0.0 0.7572 -0.4692
H 0.0 -0.7572 -0.4692
2
carbon monoxide
C 0.0 0.0 0.0
O 0.0 0.0 1.1282
"""


@pytest.mark.parametrize(
    ("suffix", "opener"), [(".xyz", open), (".xyz.gz", gzip.open), (".xyz.xz", lzma.open)]
)
def test_every_frame_is_a_training_record(tmp_path, suffix, opener):
    path = tmp_path / f"mine{suffix}"
    with opener(path, "wt") as file:
        file.write(XYZ)
    folder = import_file(path, "mine")
    assert locate("mine") == folder
    verify_dataset(folder)
    store = Store.open(folder)
    assert store.ids.to_pylist() == ["water", "carbon monoxide"]
    batch = store.batch(store.rows("pretrain", "train"))
    assert batch.atomic_numbers.tolist() == [8, 1, 1, 6, 8]
    np.testing.assert_array_equal(batch.positions[4], np.float32([0, 0, 1.1282]))
    rows = datasets.load_dataset(str(folder), "pretrain", split="train")
    assert rows["id"][:] == ["water", "carbon monoxide"]


def test_declares_itself_and_can_be_replaced(tmp_path):
    path = tmp_path / "mine.xyz"
    path.write_text(XYZ)
    folder = import_file(path, "mine")
    entry = Catalogue.load().dataset("mine")
    assert entry.built
    assert entry.tasks.tasks == {}
    path.write_text(XYZ + XYZ.replace("water", "water2").replace("carbon", "carbon2"))
    assert import_file(path, "mine") == folder
    assert len(Store.open(folder)) == 4


def test_refusals_leave_nothing(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        import_file(tmp_path / "none.xyz", "mine")
    (tmp_path / "empty.xyz").touch()
    with pytest.raises(UserError, match=r"empty\.xyz"):
        import_file(tmp_path / "empty.xyz", "mine")
    (tmp_path / "cut.xyz").write_text(XYZ[:-30])
    with pytest.raises(UserError, match=r"cut\.xyz"):
        import_file(tmp_path / "cut.xyz", "mine")
    with pytest.raises(UserError, match="unknown dataset"):
        locate("mine")


def test_what_a_killed_import_left_is_swept(tmp_path):
    (tmp_path / "mine.xyz").write_text(XYZ)
    mine = temporary_beside(home() / "datasets" / "mine")
    left = mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-99999999-"))
    left.mkdir()
    (left / "half").touch()
    import_file(tmp_path / "mine.xyz")
    assert not left.exists()


def test_name_of_another_dataset_is_refused(tmp_path, declare, molecules, raw):
    from molbench.data.build.builder import build

    build(declare(molecules(60)), raw=raw)
    (tmp_path / "mine.xyz").write_text(XYZ)
    with pytest.raises(UserError, match="another dataset"):
        import_file(tmp_path / "mine.xyz", "toy")


@pytest.mark.parametrize("name", ["My set", "müsli", "QM9-mine", "..", "a/b", "nul", "mine-partial"])
def test_a_name_that_is_none_is_refused_by_the_command(tmp_path, name):
    (tmp_path / "mine.xyz").write_text(XYZ)
    result = CliRunner().invoke(app, ["data", "import", str(tmp_path / "mine.xyz"), "--name", name])
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("--name: ") and not list(home().glob("datasets/*"))


def test_atoms_in_one_place_are_counted_with_their_line(tmp_path):
    path = tmp_path / "mine.xyz"
    path.write_text(XYZ + "2\ntwice\nH 0 0 0\nH 0 0 0\n")
    with pytest.raises(
        UserError, match=r"1 records failed.*'twice', mine\.xyz, line 10: atoms 1 and 2 in one place"
    ):
        import_file(path, "mine")
    folder = import_file(path, "mine", max_failures=1)
    assert [failure.id for failure in Manifest.read(folder).failures] == ["twice"]
    assert Store.open(folder).ids.to_pylist() == ["water", "carbon monoxide"]
    rows = CliRunner().invoke(app, ["list", "datasets", "mine", "--json"]).stdout
    assert [row["records"] for row in json.loads(rows)] == [2]
