"""What is named in place of a checkpoint is told what it is, and the command that would work."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from molbench.evaluation.other_files import other_thing


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights.bin"))
    return file.getvalue()


#: Name and content of a file, and what is said of it.
FILES: dict[str, tuple[bytes, str | None]] = {
    "mine.py": (b"", "`molbench evaluate --model "),
    "mine.csv": (b"task,id\n", "`molbench score "),
    "mine.sdf": (b"", "`molbench data import "),
    "mine.onnx": (b"\x08\x07", "an ONNX graph: score it in Python"),
    "nothing.pt": (b"", "an empty file"),
    "text.pt": ("größer\n".encode(), "a text file"),
    "other.pt": (zipped("a.txt"), "an archive of other files: unpack it"),
    "script.pt": (zipped("s/constants.pkl", "s/data.pkl"), "a TorchScript module"),
    "a.tar.gz": (gzip.compress(b"x"), "a packed archive: unpack it"),
    "a.tar": (tarred(), "a packed archive: unpack it"),
    "sound.pt": (zipped("s/data.pkl", "s/data/0"), None),
    "sound.safetensors": (b"\x08\x00\x00\x00\x00\x00\x00\x00{}", None),
    "old.pt": (b"\x80\x02\x8a", None),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_told_what_it_is(tmp_path: Path, name: str) -> None:
    content, expected = FILES[name]
    (tmp_path / name).write_bytes(content)
    told = other_thing(tmp_path / name)
    assert told is None if expected is None else expected in (told or "")


def test_a_large_tree_is_not_searched_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0

    def endless(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        nonlocal seen
        while True:
            seen += 1
            yield str(folder), [], []

    monkeypatch.setattr("os.walk", endless)
    assert other_thing(tmp_path) == "is a folder, not a checkpoint" and seen <= 1000


def test_a_folder_is_told_what_it_is(tmp_path: Path) -> None:
    for name, file, expected in (
        ("hub", "config.json", "a folder of a Hugging Face model: "),
        ("results", "m/t/probe/0/result.json", "`molbench compare "),
        ("models", "a.pt", "`molbench evaluate "),
        ("other", "readme", "is a folder, not a checkpoint"),
    ):
        path = tmp_path / name / file
        path.parent.mkdir(parents=True)
        path.touch()
        assert expected in (other_thing(tmp_path / name) or "")
