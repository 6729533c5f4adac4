"""What a hand meets first: completion, lists, mistakes that are told at once, and the report on oneself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from molbench.backbones import BACKBONES, build_backbone
from molbench.cli import complete
from molbench.cli.compare import FORMATS
from molbench.cli.console import progress_bars
from molbench.cli.main import app
from molbench.cli.report import Display
from molbench.described import described
from molbench.errors import UserError, unknown_name
from molbench.evaluation.comparison import tables
from molbench.methods import METHODS
from molbench.spec.catalogue import Catalogue
from molbench.training.checkpoint import Checkpoint
from tests.rooms import ROOT

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}

#: Commands with one mistake each, and what is said of it.
MISTAKES = {
    ("evaluate", "no.pt"): "no.pt: no such file",
    ("evaluate", "--suite", "embeded"): "did you mean 'embedded'?",
    ("evaluate", "--tasks", "qm9/homoo"): "did you mean 'qm9/homo'?",
    ("evaluate", "--tasks", "qm8/homo"): "did you mean 'qm9/homo'?",
    ("evaluate", "--tasks", "qm9"): "did you mean 'qm9/*'?",
    ("evaluate", "--tasks", "qm9/homo@skaffold"): "schemes of 'qm9/homo'",
    ("evaluate", "--tasks", "./nowhere/*"): "no dataset lies there",
    ("evaluate", "--suite", "nowhere.yaml"): "no such file",
    ("evaluate", "--protocol", "prob"): "did you mean 'probe'?",
    ("evaluate", "--executor", "slrum"): "did you mean 'slurm'?",
    ("evaluate", "--executor", "slurm"): "no Slurm here: no program sbatch or srun",
    ("evaluate", "--executor", "slurm", "--executor-set", "partitoin=x"): "did you mean 'partition'?",
    (
        "evaluate",
        "--executor",
        "slurm",
        "--executor-set",
        "partition=",
    ): "'partition' of executor 'slurm' is",
    ("evaluate", "--executor", "slurm", "--executor-set", "minutes=0"): "'0' is no whole number above 0",
    ("evaluate", "--executor", "ray", "--executor-set", "address=moon"): "'moon' is no address: write ray://",
    ("evaluate", "--executor", "ray", "--executor-set", "address=127.0.0.1:1"): "no Ray cluster at '127.0",
    ("evaluate", "--executor", "inline", "--time-limit", "9"): "cannot give up a run",
    ("evaluate", "--executor", "inline", "--retries", "1"): "has no process to lose",
    ("evaluate", "--executor-set", "partition=gpu"): "unknown option of executor 'local' 'partition'",
    ("evaluate", "--executor-set", "partition"): "write key=value",
    ("evaluate", "--shard", "9/8"): "shard '9/8': write i/n",
    ("evaluate", "--seed-list", "0,0"): "at least one seed is needed, and none twice",
    ("evaluate", "--seed-list", "0;1"): "write seeds with commas",
    ("evaluate", "-o", "/dev/null"): "/dev/null: is a file, not a folder",
    ("pretrain", "coord", "--data", "xtb-molecules", "-o", "x.pt", "--executor", "slurm"): "no Slurm here",
    ("data", "build", "qm9", "--executor", "slurm"): "no Slurm here",
    ("plot", ".", "--kind", "pairty"): "did you mean 'parity'?",
    ("plot", ".", "--format", "gif"): "unknown format 'gif'",
    ("pretrain", "geossl-dmm", "--data", "qm9", "-o", "x.pt"): "did you mean 'geossl-ddm'?",
    ("pretrain", "coord", "--backbone", "pain", "--data", "qm9", "-o", "x.pt"): "did you mean 'painn'?",
    (
        "pretrain",
        "coord",
        "--variant",
        "faithfull",
        "--data",
        "qm9",
        "-o",
        "x.pt",
    ): "did you mean 'faithful'?",
    ("data", "build", "qm8"): "did you mean 'qm9'?",
    ("data", "build", "md17", "--subset", "asprin"): "did you mean 'aspirin'?",
    ("data", "info", "qm9x"): "did you mean 'qm9'?",
    ("data", "import", "no.csv"): "no.csv: no such file",
    ("data", "audit", "qm8"): "did you mean 'qm9'?",
    ("board", "build", "qm99"): "did you mean 'qm9'?",
    ("clean", "nothing"): "nothing: no such folder",
    ("plot", "nothing"): "nothing: no such folder",
    ("compare", "nothing"): "'nothing' is no folder",
    ("embed", "no.pt", "-t", "qm9/homo", "-o", "x.parquet"): "no.pt: no such file",
    ("list", "stages", "no.pt"): "no.pt: no such file",
    ("audit", "model", "no.pt"): "no.pt: no such file",
    ("audit", "model", sys.executable, "--only", "rotatoin"): "did you mean 'rotation'?",
    ("submit", "verify", "nothing"): "nothing: no such folder",
    ("evalute",): "Did you mean 'evaluate'?",
    ("evaluate", "--set", "alphsa=1"): "did you mean 'alphas'?",
    ("evaluate", "--set", "steps=4"): "no setting 'steps', for 'probe' trains no encoder; settings: alphas",
    (
        "evaluate",
        "--protocol",
        "finetune",
        "--set",
        "steps=0",
    ): "a budget needs steps or epochs, one at least",
    ("evaluate", "--logger", "tensorbord"): "did you mean 'tensorboard'?",
    ("pretrain", "coord", "--data", "xtb-molecules", "-o", "x.pt", "--set", "trainig.lr=1"): (
        "did you mean 'training'?"
    ),
    ("list", "datasets", "qm8"): "did you mean 'qm9'?",
    ("list", "splits", "qm8"): "did you mean 'qm9'?",
    ("list", "methods", "coords"): "did you mean 'coord'?",
    ("list", "backbones", "pain"): "did you mean 'painn'?",
    ("list", "suites", "quantm"): "did you mean 'quantum'?",
    ("list", "protocols", "prob"): "did you mean 'probe'?",
    ("list", "metrics", "maee"): "did you mean 'mae'?",
    ("list", "audits", "rotatoin"): "did you mean 'rotation'?",
    ("schema", "datset"): "did you mean 'dataset'?",
    ("compare", "a", "--format", "htlm"): "unknown format 'htlm'",
    ("board", "show", "embeded"): "did you mean 'embedded'?",
    ("data", "export", "qm8", "x.sdf"): "did you mean 'qm9'?",
}
HEAVY = ("torch", "rdkit", "torch_geometric", "datasets", "sklearn", "matplotlib")
SCRIPT = """
import contextlib, io, json, sys
from molbench.cli.main import main
said, (lines, heavy) = [], map(json.loads, sys.argv[1:])
for line in lines:
    sys.argv = ["molbench", *line]
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            main()
        except SystemExit as end:
            said.append([end.code, told.getvalue()])
print(json.dumps([said, [name for name in heavy if name in sys.modules]]))
"""


@pytest.mark.slow
def test_plain_mistakes_are_told_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    lines = json.dumps([list(line) for line in MISTAKES])
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, lines, json.dumps(HEAVY)], check=True, cwd=tmp_path, env=ENVIRONMENT,
        timeout=120, capture_output=True, text=True,
    )  # fmt: skip
    said, heavy = json.loads(ended.stdout)
    for (code, told), (line, expected) in zip(said, MISTAKES.items(), strict=True):
        assert code == 2 and expected in told, (line, told)
        assert "Traceback" not in told
    assert heavy == []


#: Under the name by which the shell knows the program.
COMPLETE = "import sys; sys.argv = ['molbench']; from molbench.cli.main import main; main()"
COMPLETED = {
    "molbench evaluate x.pt --suite em": "embedded",
    "molbench evaluate x.pt --protocol fine": "finetune",
    "molbench evaluate x.pt --executor in": "inline",
    "molbench evaluate x.pt --tasks qm9/hom": "qm9/homo",
    "molbench list tasks xtb-molecules/gap@si": "xtb-molecules/gap@size",
    "molbench pretrain geossl-d": "geossl-ddm",
    "molbench pretrain coord --backbone pai": "painn",
    "molbench pretrain coord --data xtb-mo": "xtb-molecules",
    "molbench data verify rm": "rmd17",
    "molbench board build over": "overall",
    "molbench pretrain coord --backbone painn,eg": "painn,egnn",
    "molbench pretrain coord --data qm9 --scheme ge": "geossl",
    "molbench data build md17 --subset asp": "aspirin",
    "molbench list datasets qm9s-m": "qm9s-molspectra",
    "molbench schema spl": "splits",
    "molbench convert --from geo": "geossl",
    "molbench plot --kind par": "parity",
    "molbench evaluate x.pt --tasks audit/rot": "audit/rotation",
    "molbench audit model x.pt --only rotation,refl": "rotation,reflection",
    "molbench evaluate x.pt --logger tensorb": "tensorboard",
    "molbench data generate xtb-d": "xtb-dimers",
}


def asked(line: str) -> dict[str, str]:
    """What the shell hands over to have a line completed."""
    number = len(line.split()) - 1
    return {"_MOLBENCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(number)}


@pytest.mark.slow
def test_the_shell_completes_values(tmp_path: Path) -> None:
    line, expected = next(iter(COMPLETED.items()))
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE], check=False, cwd=tmp_path, env=ENVIRONMENT | asked(line),
        timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert expected in done.stdout.split(), (done.stdout, done.stderr)


@pytest.mark.parametrize("line", COMPLETED)
def test_values_are_completed(line: str) -> None:
    done = CliRunner().invoke(app, [], prog_name="molbench", env=asked(line))
    assert COMPLETED[line] in done.stdout.split()


def test_a_list_of_patterns_is_completed_at_its_end() -> None:
    assert "qm9/homo,xtb-molecules/gap" in complete.tasks("qm9/homo,xtb-molecules/g")
    assert "qm9/" in complete.tasks("") and complete.tasks("nothing/") == []


def test_formats_on_the_line_are_those_that_there_are() -> None:
    assert {*FORMATS} == {"table", *tables.WRITERS}


def test_a_file_of_the_error_stream_keeps_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(quiet=False) as display, progress_bars() as progress:
        progress("reading", 1, 2)
        display.notice("said")
    assert capsys.readouterr().err == "said\n"


def test_models_are_completed_from_their_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results" / "painn-coord").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [], prog_name="molbench", env=asked("molbench compare pai"))
    assert done.stdout.split() == ["painn-coord"]


def test_every_method_and_backbone_says_whose_it_is_and_what_it_reads() -> None:
    for registry in (METHODS, BACKBONES):
        for name in registry:
            told = described(registry, name)
            cls = registry[name]
            assert told.summary and told.paper, name
            assert told.attributes["inputs"] == cls.inputs, name
    assert described(METHODS, "coord").attributes["needs_vectors"] is True
    assert described(METHODS, "geossl-ddm").paper == "Liu, Guo, Tang, ICLR 2023 (arXiv 2206.13602)"
    rows = json.loads(CliRunner().invoke(app, ["list", "methods", "--json"]).stdout)
    assert {row["method"] for row in rows} == {*METHODS} and all(row["paper"] for row in rows)


def test_a_task_is_built_by_its_subset_and_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLBENCH_HOME", str(tmp_path))
    folder = tmp_path / "datasets" / "md17"
    folder.mkdir(parents=True)
    for name in ("dataset.yaml", "splits.yaml", "tasks.yaml"):
        (folder / name).write_bytes((ROOT / "datasets" / "md17" / name).read_bytes())
    manifest = {"subsets": {"ethanol": {"schemes": {"950": {}}}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    built = {ref.id for ref in Catalogue.load().tasks(["md17/*@*"]) if ref.built}
    assert built == {"md17/ethanol", "md17/ethanol-energy"}
    row = json.loads(CliRunner().invoke(app, ["list", "datasets", "md17", "--json"]).stdout)
    assert str(row[0]["built"]).startswith("1 of ")
    (folder / "manifest.json").write_text("damaged")
    assert not any(ref.built for ref in Catalogue.load().tasks(["md17/*@*"]))


def test_a_name_is_meant_whatever_its_capitals_and_endings() -> None:
    for asked, meant in (
        ("HOMO", "homo"),
        ("homoo", "homo"),
        ("gap", "gap (eV)"),
        ("energy", "Total energy"),
    ):
        assert f"did you mean '{meant}'?" in str(
            unknown_name("column", asked, ["homo", "gap (eV)", "Total energy"])
        )
    assert "did you mean" not in str(unknown_name("column", "zzz", ["homo"]))
    assert isinstance(unknown_name("column", "", []), UserError)


@pytest.mark.slow
def test_doctor_tells_what_there_is() -> None:
    for flags in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "molbench", "doctor", *flags], check=False, env=ENVIRONMENT, timeout=120,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert torch.__version__.partition("+")[0] in done.stdout and "xtb-molecules" in done.stdout
    facts = json.loads(done.stdout)
    assert facts["wrong"] == [] and facts["versions"]["python"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(facts["extras"]) == set(extras) - {"dev"}
    ill = subprocess.run(
        [sys.executable, "-m", "molbench", "doctor"], check=False, timeout=120,
        capture_output=True, text=True,
        env=ENVIRONMENT | {"MOLBENCH_HOME": "/proc/nowhere", "CC": "no-such-compiler"},
    )  # fmt: skip
    assert "no 'no-such-compiler'" in ill.stdout and "Traceback" not in ill.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_ctrl_c_says_what_is_stored(tmp_path: Path) -> None:
    settings = {"width": 8, "filters": 8, "interactions": 1, "gaussians": 8, "cutoff": 4.0}
    Checkpoint.of(build_backbone("schnet", settings), method="random", pretraining={"dataset": "none"}).save(
        tmp_path / "a.pt"
    )
    command = [
        sys.executable,
        "-m",
        "molbench",
        "evaluate",
        "a.pt",
        "--tasks",
        "xtb-molecules/*",
        "--seeds",
        "5",
    ]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 120
    while not [*tmp_path.rglob("result.json")] and time.monotonic() < end:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    stored = len([*tmp_path.rglob("result.json")])
    assert running.returncode == 130 and "results are stored in results; the same command continues" in told
    assert 0 < stored < 120 and "Traceback" not in told
