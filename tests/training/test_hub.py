"""A checkpoint goes to the Hub with a card, and is taken from there by the name of its repository."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from huggingface_hub.errors import LocalEntryNotFoundError

import molbench
from molbench.backbones import build_backbone
from molbench.errors import UserError
from molbench.evaluation.candidates.resolve import resolve
from molbench.spec.names import hub_id
from molbench.training.checkpoint import Checkpoint
from molbench.training.hub import model_card, push_checkpoint

SMALL = {"width": 8, "filters": 8, "interactions": 1, "gaussians": 8, "cutoff": 4.0}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    pretraining = {"dataset": "xtb-molecules", "scheme": "random", "records": 10, "steps": 3}
    path = tmp_path / "mine.safetensors"
    Checkpoint.of(build_backbone("schnet", SMALL), method="coord", pretraining=pretraining).save(path)
    return path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A Hub that keeps what it is sent."""
    kept: dict[str, Any] = {}

    def create_commit(_self: Any, *, repo_id: str, operations: list[Any], **_: Any) -> None:
        kept[repo_id] = {item.path_in_repo: Path(item.path_or_fileobj).read_bytes() for item in operations}

    def download(repo: str, name: str, **_: Any) -> str:
        if name not in kept.get(repo, {}):
            raise LocalEntryNotFoundError("no such file there")
        path = Path(kept["folder"]) / name
        path.write_bytes(kept[repo][name])
        return str(path)

    def listed(_self: Any, repo: str, **_: Any) -> SimpleNamespace:
        if repo not in kept:
            raise LocalEntryNotFoundError(f"Repository Not Found\nfor {repo}")
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in kept[repo]])

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.HfApi.create_commit", create_commit)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", listed)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    return kept


def test_what_is_pushed_is_loaded_and_scored_by_its_name(
    checkpoint: Path, hub: dict[str, Any], tmp_path: Path
) -> None:
    hub["folder"] = tmp_path
    assert push_checkpoint(checkpoint, "somebody/My_Encoder", licence="CC-BY-4.0", dry_run=True) == [
        "README.md",
        "checkpoint.safetensors",
    ]
    assert "somebody/My_Encoder" not in hub
    push_checkpoint(checkpoint, "somebody/My_Encoder", licence="CC-BY-4.0")
    loaded = molbench.load_checkpoint("somebody/My_Encoder")
    assert loaded.digest == Checkpoint.load(checkpoint).digest == molbench.load_checkpoint(checkpoint).digest
    (candidate, baseline), _ = resolve(["somebody/My_Encoder@main"], scratch=True)
    assert candidate.name == "my_encoder" and baseline.is_baseline
    assert candidate.encoder_digest(0) == resolve([checkpoint], scratch=False)[0][0].encoder_digest(0)


def test_the_card_tells_licence_stages_and_how_to_score(checkpoint: Path) -> None:
    card = model_card(Checkpoint.load(checkpoint), "somebody/encoder", "CC-BY-4.0")
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "cc-by-4.0" and head["datasets"] == ["xtb-molecules"]
    assert "| 1 | coord | xtb-molecules | random | 10 | 3 |" in card
    assert "molbench evaluate somebody/encoder" in card


def test_the_card_of_a_stranger_holds_no_markup_of_theirs(tmp_path: Path) -> None:
    hostile = {"dataset": "<script>alert(1)</script>|x\n---\n", "steps": "[a](javascript:b)"}
    made = Checkpoint.of(build_backbone("schnet", SMALL), method="coord", pretraining=hostile)
    card = model_card(made, "somebody/encoder", "MIT")
    assert "<script>" not in card.split("---", 2)[2] and "[a](" not in card.split("---", 2)[2]
    assert yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))["license"] == "mit"


def test_what_the_hub_has_not_is_told_in_a_line(hub: dict[str, Any], tmp_path: Path) -> None:
    hub["folder"] = tmp_path
    hub["a/two"] = {"x.pt": b"", "y.pt": b""}
    hub["a/bad"] = {"x.pt": b"no checkpoint"}
    for name, said in {
        "a/none": "a/none: no such file, and the Hub has no such checkpoint",
        "a/two": "x.pt, y.pt",
        "a/two:z.pt": "no such checkpoint",
        "a/bad": "x.pt",
        "nothing.pt": "nothing.pt",
    }.items():
        with pytest.raises(UserError) as caught:
            molbench.load_checkpoint(name)
        assert said in str(caught.value) and "\n" not in str(caught.value)


def test_paths_of_files_are_names_of_no_repository() -> None:
    for path in (
        "runs/a.pt",
        "runs/a.safetensors",
        "a/b.parquet",
        "/a/b",
        "./a/b",
        "a",
        "a/b/c",
        "../a/b",
        "a/b c",
    ):
        assert hub_id(path) is None, path
    match = hub_id("owner/name@v1.0:weights/a.pt")
    assert match and (match["repo"], match["revision"], match["file"]) == (
        "owner/name",
        "v1.0",
        "weights/a.pt",
    )


def test_a_file_is_nearer_than_a_repository(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkpoint.parent)
    (checkpoint.parent / "own").mkdir()
    checkpoint.rename(checkpoint.parent / "own" / "encoder")
    with pytest.raises(UserError, match=r"own/encoder"):
        molbench.load_checkpoint("own/encoder")  # no suffix of a checkpoint, and no connection
