"""What is uploaded, and that nothing damaged is."""

import pytest
from huggingface_hub.errors import HTTPError

from molbench.data.build.builder import build
from molbench.data.folder.push import push_dataset
from molbench.errors import UserError


@pytest.fixture
def folder(declare, molecules, raw):
    return build(declare(molecules(60)), raw=raw)


def test_dry_run_lists_every_file_and_connects_to_nothing(folder):
    files = dict(push_dataset(folder, "somebody/toy", dry_run=True))
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(files) == on_disk
    assert all((folder / name).stat().st_size == size for name, size in files.items())


def test_damage_is_refused(folder):
    (folder / "splits" / "random.parquet").write_bytes(b"")
    with pytest.raises(UserError, match=r"splits/random\.parquet"):
        push_dataset(folder, "somebody/toy", dry_run=True)


@pytest.mark.parametrize("error", [HTTPError("no connection"), ValueError("no such name")])
def test_hub_errors_are_user_errors(folder, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", refuse)
    with pytest.raises(UserError, match="somebody/toy: the Hub did not take the upload"):
        push_dataset(folder, "somebody/toy")
