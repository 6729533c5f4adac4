"""A plan says what would be done, and does nothing; parts of it make the whole."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from molbench.errors import UserError
from molbench.evaluation import Watcher, dry_run, evaluate, read_results
from molbench.evaluation.external.standalone import Molecule
from molbench.evaluation.shards import Joined, join
from tests.evaluation.test_external import Atoms

TASKS = ["toy/size,toy/mass,toy/ring,toy-frames/co"]


def test_a_dry_run_tells_all_and_writes_nothing(toy_home: Path, checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "r"
    told = dry_run(checkpoint, ["toy/*", "toy-frames/co", "qm9/homo"], seeds=2, output=output)
    assert not output.exists()
    assert (told.runs, told.cached) == (2 * 2 * 5, 0)
    assert [missing.command for missing in told.missing] == ["molbench data build qm9"]
    assert all(row.seconds is not None and row.source == "trial" for row in told.rows)
    assert told.seconds > 0 and told.memory > 1
    evaluate(checkpoint, ["toy/size"], seeds=2, output=output, scratch=False, executor="inline")
    told = dry_run(checkpoint, ["toy/size"], seeds=3, output=output, scratch=False)
    (row,) = told.rows
    assert (row.runs, row.cached, row.source) == (3, 2, "results")
    fine = dry_run(checkpoint, ["toy/size"], protocol="finetune", seeds=1, output=output, scratch=False)
    assert fine.rows[0].seconds and fine.rows[0].seconds > 1


def test_models_of_somebody_elses_have_estimates_too(toy_home: Path, tmp_path: Path) -> None:
    def sizes(molecules: list[Molecule]) -> list[list[float]]:
        return [[float(molecule.atomic_numbers.size), 1.0] for molecule in molecules]

    given = {"seeds": 2, "output": tmp_path / "r", "scratch": False}
    told = dry_run(sizes, ["toy/size,toy/ring,toy-frames/co"], **given)
    assert [(row.task, row.source) for row in told.rows] == [("toy/size", "trial"), ("toy/ring", "trial")]
    assert all(row.seconds is not None and row.seconds > 0 for row in told.rows)
    assert [pair.task for pair in told.not_applicable] == ["toy-frames/co"]
    trained = dry_run(Atoms(), ["toy/size,toy-frames/co,audit/batch"], protocol="finetune", **given)
    assert [row.source for row in trained.rows] == ["trial"] * 3 and not (tmp_path / "r").exists()


def test_what_is_not_built_is_left_out_on_request(toy_home: Path, checkpoint: Path, tmp_path: Path) -> None:
    arguments = {"seeds": 1, "output": tmp_path / "r", "scratch": False, "executor": "inline"}
    with pytest.raises(UserError, match="molbench data build qm9"):
        evaluate(checkpoint, ["toy/size", "qm9/homo"], **arguments)
    said: list[str] = []
    watcher = Watcher(notice=said.append)
    report = evaluate(checkpoint, ["toy/size", "qm9/homo"], built=True, watcher=watcher, **arguments)
    assert len(said) == 1 and "left out: molbench data build qm9" in said[0]
    assert [cell.task for cell in report.rows] == ["toy/size"]


def shards(checkpoint: Path, folder: Path, count: int = 3) -> list[Path]:
    """Folders of all shards of one evaluation, one more than there is work for."""
    folders = [folder / f"shard {i}" for i in range(1, count + 1)]
    for i, output in enumerate(folders, 1):
        evaluate(
            checkpoint, ["toy/size,toy/mass"], output=output, shard=f"{i}/{count}", seeds=2, scratch=False,
            executor="inline",
        )  # fmt: skip
    return folders


@pytest.mark.slow
def test_shards_are_joined_and_one_that_is_missing_or_doubled_is_named(
    toy_home: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """Scores of shards come together whole, or the one that is missing, or there twice, is told by number."""
    first, second, empty = folders = shards(checkpoint, tmp_path)
    assert join(folders, tmp_path / "joined") == Joined(3, 4)
    whole = evaluate(
        checkpoint, ["toy/size,toy/mass"], output=tmp_path / "joined", seeds=2, scratch=False,
        executor="inline",
    )  # fmt: skip
    assert whole.reused == 4
    assert join(tmp_path / "joined") == Joined(3, 4)
    copy = shutil.copytree(first, tmp_path / "copy")
    for given, message in (
        ([first, empty], "missing: shard 2/3"),
        ([first, copy, second, empty], "shard 1/3 is there twice: in .*shard 1 and in .*copy"),
        ([*folders, tmp_path], "no shard was finished here"),
        ([], "nothing to join"),
    ):
        with pytest.raises(UserError, match=message):
            join(given, tmp_path / "other")
    lost = next(second.rglob("predictions.parquet"))
    lost.unlink()
    with pytest.raises(UserError, match=r"shard 2/3 has no result of .*; repeat its command"):
        join(folders, tmp_path / "other")
    other = shards(checkpoint, tmp_path / "of two", 2)
    with pytest.raises(UserError, match="shard 1/2 is of another evaluation than 1/3"):
        join([first, other[0]])
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "\0",
        '{"plan": "x", "index": 1, "count": 1, "runs": {"../../etc": "k"}}',
        '{"plan": "x", "index": 0, "count": 1, "runs": {}}',
        '{"plan": "x", "index": 2, "count": 1, "runs": {}}',
    ],
)  # fmt: skip
def test_a_record_of_a_shard_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "shard-1-of-1-abc.json").write_text(text)
    with pytest.raises(UserError, match=r"shard-1-of-1-abc.json: "):
        join(tmp_path, tmp_path / "joined")


@pytest.mark.slow
def test_eight_shards_are_the_whole(toy_home: Path, checkpoint: Path, tmp_path: Path) -> None:
    """Eight shards do every run once between them, with the metrics of one evaluation of everything."""
    arguments = {"seeds": [0, 2], "executor": "inline"}
    whole = evaluate(checkpoint, TASKS, output=tmp_path / "whole", **arguments)
    parts = [
        evaluate(checkpoint, TASKS, output=tmp_path / "parts", shard=f"{i}/8", **arguments)
        for i in range(1, 9)
    ]
    assert sum(len(report.results) for report in parts) == len(whole.results) == 16
    assert all(report.reused == 0 for report in parts)
    one, other = (
        {s.result.key: s.result.metrics for s in read_results(tmp_path / name)} for name in ("whole", "parts")
    )
    assert one == other
    for shard in ("0/8", "9/8", "1", "a/b", "-1/2"):
        with pytest.raises(UserError, match="write i/n"):
            evaluate(checkpoint, TASKS, output=tmp_path / "parts", shard=shard)
    for seeds in ([], [-1], [1, 1], 0, 10**12, [1 << 32], [0.5]):
        with pytest.raises(UserError, match="seed"):
            evaluate(checkpoint, TASKS, seeds=seeds, output=tmp_path / "parts")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nofile.pt"], "nofile.pt: no such file"),
        (["."], "is a folder"),
        (["here.pt", "--suite", "embeded"], "did you mean 'embedded'"),
        (["here.pt", "--protocol", "prob"], "did you mean 'probe'"),
        (["here.pt", "-t", "xtb-molecules/hommo"], "no task matches"),
        (["here.pt", "--executor", "rai"], "did you mean 'ray'"),
        (["--model", "m.py:f"], "--trust-code"),
    ],
)
def test_plain_mistakes_are_told_without_torch(tmp_path: Path, words: list[str], message: str) -> None:
    """Which takes seconds to import."""
    (tmp_path / "here.pt").write_bytes(b"")
    code = (
        "import sys\nfrom molbench.cli.main import main\ntry:\n    main()\nfinally:\n"
        "    print(sorted({'torch', 'pyarrow', 'sklearn', 'rdkit'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2 and message in done.stderr and done.stdout.strip() == "[]"


def test_what_is_no_checkpoint_is_answered_with_a_command(toy_home: Path, tmp_path: Path) -> None:
    def refusal(name: str, content: object) -> str:
        torch.save(content, tmp_path / name)
        with pytest.raises(UserError) as caught:
            evaluate(tmp_path / name, ["toy/size"], output=tmp_path / "r")
        return str(caught.value)

    linear = nn.Linear(2, 2)
    assert "plain weights" in refusal("plain.pt", linear.state_dict())
    assert "--model FILE.py:FUNCTION" in refusal(
        "nested.pt", {"epoch": 3, "model_state_dict": linear.state_dict()}
    )
    assert "as a whole module does" in refusal("whole.pt", linear)
    torch.save({"weight": torch.zeros(10_000)}, tmp_path / "sound.pt")
    damaged = bytearray((tmp_path / "sound.pt").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    for name, written in (
        ("damaged.pt", damaged),
        ("half.pt", damaged[: len(damaged) // 2]),
        ("nothing.pt", b""),
        ("half.safetensors", damaged[:100]),
    ):
        (tmp_path / name).write_bytes(written)
        with pytest.raises(UserError, match="it is not what was written: copy it again"):
            evaluate(tmp_path / name, ["toy/size"], output=tmp_path / "r")
    assert "plain weights" in refusal("other.pth", linear.state_dict())
    (tmp_path / "mine.py").write_text("def model(): ...")
    with pytest.raises(UserError, match=r"`molbench evaluate --model .*mine\.py:FUNCTION --trust-code`"):
        evaluate(tmp_path / "mine.py", ["toy/size"], output=tmp_path / "r")
    script = tmp_path / "script.pt"
    torch.jit.script(linear).save(script)  # type: ignore[no-untyped-call]
    with pytest.raises(UserError, match="a TorchScript module"):
        evaluate(script, ["toy/size"], output=tmp_path / "r")
    assert "holds no weights" in refusal("empty.pt", {"a": 1})
    told = refusal("release.pt", {"model.filter_net.weight": torch.zeros(2), "model.other": torch.zeros(1)})
    assert "`molbench convert --from geossl" in told and "-o release-converted.pt`" in told


@pytest.mark.slow
def test_the_command_line(toy_home: Path, checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "molbench.cli", "evaluate", str(checkpoint), "-t", "toy/size,qm9/homo"]
    done = subprocess.run(
        [*command, "--dry-run", "--seed-list", "0,4"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "molbench data build qm9" in done.stdout and "4 runs, 0 there already" in done.stdout
    done = subprocess.run(
        [*command, "--dry-run", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert json.loads(done.stdout)["runs"] == 6 and not (tmp_path / "results").exists()
