"""Does every method learn? Losses, and probes against untrained and label-shuffled controls.

``python -m benchmarks.learning --output FOLDER --page docs/learning.md`` pretrains each method under one
budget on embedded data, probes it, and writes the table. What is in FOLDER already is used again, so that a
stopped run goes on.
"""

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.record import Measured, options_of, report
from molbench.atomic import replace_file
from molbench.data.build.builder import build
from molbench.evaluation import evaluate
from molbench.methods import METHODS
from molbench.spec.catalogue import Catalogue, DatasetEntry
from molbench.spec.pretrain import PretrainRequest
from molbench.training.pretrain import run_pretraining

STEPS, BATCH, FIRST, LAST, TARGETS = 200, 32, 10, 30, 12
TRAINING = {"batch_size": BATCH, "optimizer": "adam", "lr": 5e-4, "weight_decay": 0.0, "schedule": "cosine"}
TRAINING |= {"warmup_steps": 30, "min_lr": 0.0, "seed": 0}
SEEDS = 3
SHUFFLED = "supervised, shuffled labels"
GRIDS = {"uv": 131, "ir": 351, "raman": 351}  # points of xtb-spectra
# What differs from PaiNN of width 64 on xtb-molecules. Spectra come with fewer molecules, and MolSpectra is a
# second stage; pairs are slow, so that there are fewer steps of them.
OWN: dict[str, dict[str, Any]] = {
    "molspectra": {
        "data": "xtb-spectra",
        "exclude": ["xtb-molecules/*"],
        "init": "coord",
        "method": {"spectra": {name: {"points": n, "patch": 10, "stride": 5} for name, n in GRIDS.items()}},
    },
    "3dmrl": {"data": "xtb-solvation", "backbone": "cigin", "steps": 60, "batch_size": 16},
}
# GeoSSL publishes its whole table (QM9, PaiNN, whole encoder trained): on how many of the twelve properties a
# method is better than no pretraining. The other papers' tables could not be read; "yes" is their abstract's.
CLAIMS = {
    "supervised": "0 of 12",
    "type-prediction": "1 of 12",
    "distance-prediction": "0 of 12",
    "angle-prediction": "0 of 12",
    "infograph-3d": "0 of 12",
    "geossl-rr": "4 of 12",
    "geossl-infonce": "1 of 12",
    "geossl-ebm-nce": "3 of 12",
    "geossl-ddm": "12 of 12",
    "emgp": "yes",
    "coord": "yes",
    "frad": "yes",
    "slide": "yes",
    "molspectra": "yes",
    "3dmrl": "yes",
}


def shuffled(folder: Path) -> Path:
    """xtb-molecules with its gaps dealt out anew among the molecules; all else is the same."""
    built = folder / "xtb-molecules-shuffled"
    if built.exists():
        return built
    original = Catalogue.load().dataset("xtb-molecules").folder
    cells = pa.concat_tables([pq.read_table(path) for path in sorted(original.glob("cells/*.parquet"))])
    order = pq.read_table(original / "splits" / "random.parquet").column("id")
    place = {name: i for i, name in enumerate(cells.column("id").to_pylist())}
    table = cells.take(pa.array([place[name] for name in order.to_pylist()]))
    gaps = table.column("gap").combine_chunks()
    dealt = gaps.take(pa.array(np.random.default_rng(0).permutation(len(gaps))))
    table = table.set_column(table.column_names.index("gap"), "gap", dealt)
    raw, declared = folder / "raw", folder / "declared"
    for path in (raw, declared):
        path.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, raw / "xtb-molecules.parquet")
    dataset = yaml.safe_load((original / "dataset.yaml").read_text())
    splits = yaml.safe_load((original / "splits.yaml").read_text())
    contents = {
        "dataset": {**dataset, "name": built.name, "embedded": False},
        "splits": {"schemes": {"random": splits["schemes"]["random"]}},
        "tasks": {"tasks": {}},
    }
    for name, content in contents.items():
        (declared / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return build(DatasetEntry(built.name, declared), output=built, raw=raw, offline=True)


def train(name: str, folder: Path, steps: int = STEPS) -> dict[str, Any]:
    """Pretrain one method, unless that is done; its losses and cost."""
    method, own = name.partition(",")[0], OWN.get(name, {})
    path = folder / "checkpoints" / f"{name.replace(', ', '-').replace(' ', '-')}.pt"
    facts = path.with_suffix(".json")
    if not facts.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        losses: list[float] = []
        backbone = own.get("backbone", "painn")
        size = {} if backbone != "painn" or "init" in own else {"width": 64}
        request = PretrainRequest(
            method,
            data=shuffled(folder) if name == SHUFFLED else own.get("data", "xtb-molecules"),
            output=path,
            backbone=backbone,
            init=folder / "checkpoints" / f"{own['init']}.pt" if "init" in own else None,
            exclude=own.get("exclude", ()),
            steps=min(steps, own.get("steps", STEPS)),
            overrides={
                "training": {**TRAINING, "batch_size": own.get("batch_size", BATCH)},
                "backbone": size,
                "method": own.get("method", {"target": "gap"} if method == "supervised" else {}),
            },
            accelerator="cpu",
        )
        checkpoint = run_pretraining(request, lambda step: losses.append(step.loss))
        done = checkpoint.pretraining
        row = {
            "method": name,
            "backbone": checkpoint.backbone,
            "data": own.get("data", "xtb-molecules"),
            "first": float(np.mean(losses[:FIRST])),
            "last": float(np.mean(losses[-LAST:])),
            "spread": float(np.std(losses[-LAST:]) / LAST**0.5),
            "seconds": done["seconds"],
        }
        with replace_file(facts) as temporary:
            temporary.write_text(json.dumps(row, indent=1) + "\n")
    return {**json.loads(facts.read_text()), "path": path}


def probe(row: dict[str, Any], folder: Path, targets: str = "*") -> dict[str, Any]:
    """Score of a checkpoint and of its backbone with random weights on every target."""
    data = "xtb-solvation" if row["method"] == "3dmrl" else "xtb-molecules"
    report = evaluate(
        [row["path"]],
        [f"{data}/{targets}"],
        protocol="probe",
        seeds=SEEDS,
        output=folder / "results",
        scratch=True,
        executor="inline",
    )
    if report.failures:
        raise SystemExit(f"{row['method']}: {report.failures[0].error}")
    untrained = {cell.task: cell.mean for cell in report.rows if cell.delta is None}
    own = [cell for cell in report.rows if cell.delta is not None]
    ratios = {cell.task.partition("/")[2]: cell.mean / untrained[cell.task] for cell in own}
    verdicts = [cell.delta.verdict for cell in own if cell.delta is not None]
    return {
        **row,
        "tasks": len(own),
        "better": verdicts.count("better"),
        "worse": verdicts.count("worse"),
        "ratio": float(np.exp(np.mean(np.log(list(ratios.values()))))),
        "ratios": ratios,
    }


def verdict(row: dict[str, Any], control: float) -> str:
    """In words: does the loss fall, and which of the two controls does the probe beat?"""
    loss = "falls" if row["last"] + 2 * row["spread"] < row["first"] else "**rises**"
    if row["ratio"] >= 1 or row["better"] <= row["worse"]:
        return f"{loss} | neither"
    return f"{loss} | {'both' if row['ratio'] < control and row['tasks'] == TARGETS else 'untrained'}"


def findings(rows: list[dict[str, Any]], control: float) -> str:
    """Who beats which control, by name."""
    groups: dict[str, list[str]] = {"both": [], "untrained": [], "neither": []}
    for row in rows:
        if row["method"] != SHUFFLED:
            groups[verdict(row, control).rpartition("| ")[2]].append(
                f"`{row['method']}`"
                + (" (claimed)" if CLAIMS.get(row["method"]) in {"yes", "12 of 12"} else "")
            )
    words = {
        "both": "Beat both controls",
        "untrained": "Beat the untrained encoder only",
        "neither": "Beat neither",
    }
    lines = [f"* {words[name]}: {', '.join(members) or 'none'}." for name, members in groups.items()]
    gaps = [
        f"{row['ratios']['gap']:.2f} (`{row['method']}`)" for row in rows if "supervised" in row["method"]
    ]
    lines.append(f"* Error on the gap, which these are trained on, against untrained: {', '.join(gaps)}.")
    return "\n".join(lines)


def page(rows: list[dict[str, Any]], command: str) -> str:
    """The Markdown page."""
    shown = [
        f"| method | on | loss, first {FIRST} steps | loss, last {LAST} | error against untrained | "
        "better / worse / of | claimed | loss | beats |",
        "|" + " --- |" * 9,
    ]
    control = next(row["ratio"] for row in rows if row["method"] == SHUFFLED)
    for row in rows:
        cells = [
            row["method"],
            f"{row['backbone']}, {row['data']}",
            f"{row['first']:.4g}",
            f"{row['last']:.4g} ± {row['spread']:.1g}",
            f"{row['ratio']:.3f}",
            f"{row['better']} / {row['worse']} / {row['tasks']}",
            CLAIMS.get(row["method"], ""),
            verdict(row, control),
        ]
        shown.append("| " + " | ".join(cells) + " |")
    by_task = [row for row in rows if row["tasks"] == TARGETS]
    targets = list(by_task[0]["ratios"])
    detail = ["| method | " + " | ".join(targets) + " |", "|" + " --- |" * (len(targets) + 1)]
    detail += [
        "| " + " | ".join([row["method"], *(f"{row['ratios'][t]:.2f}" for t in targets)]) + " |"
        for row in by_task
    ]
    return (
        HEAD.format(command=command, steps=STEPS, batch=BATCH)
        + "\n".join(shown)
        + "\n\n"
        + findings(rows, control)
        + MIDDLE
        + "\n".join(detail)
        + "\n"
    )


HEAD = """# Does every method learn?

<!-- Generated by the command below; edit benchmarks/learning.py instead. -->

```
{command}
```

Every method has the same budget: {steps} steps of {batch} molecules of the training split of xtb-molecules,
Adam at 5e-4 after 30 steps of warm-up, cosine schedule, a PaiNN of width 64, seed 0; its other settings are
the `intended` ones. MolSpectra is a second stage, goes on from the checkpoint of Coord, and trains on
xtb-spectra without the molecules that are tested on; 3DMRL trains a CIGIN for 60 steps of 16 pairs of
xtb-solvation. Then the frozen encoder is probed by ridge regression on the twelve targets of xtb-molecules
(3DMRL: the two of xtb-solvation), and so is the same encoder with random weights, with three seeds.

*Error against untrained* is the geometric mean over the targets of the probe's error divided by the
untrained encoder's: below 1 pretraining helped. *Better / worse* count the targets that are told to be
better or worse than with the untrained encoder, p adjusted for the targets of the row by Holm's method:
over test molecules, and over three random encoders, whose luck is most of what is not known. Training on
anything moves features, also on labels that mean nothing: a method *beats both* controls if its error is
below that of the untrained encoder, on more targets better than worse, and below that of supervised
training on the same molecules with the gaps dealt out anew among them. Every row is one pretraining; how
far another seed would be off was not measured.

*Claimed* is on how many of the twelve properties of QM9 the paper that compares the method reports a gain
over no pretraining, where its table could be read (GeoSSL, PaiNN); `yes` where only its abstract could;
empty for methods that other papers have as baselines. Those claims are about whole encoders that are
trained further after some hundred thousand steps on up to millions of molecules, which {steps} steps and a
frozen probe neither confirm nor refute: what is shown here is that each objective trains its encoder, and
which way its features went.

Everything on this page is computed by this project on its own small molecules (GFN2-xTB). It says nothing
about published benchmarks, and none of it is mixed with scores on real data, which are in results.md.

"""

MIDDLE = """

Losses of different methods cannot be compared; that of `supervised` is of the gap in standard deviations.
That of GeoSSL-RR rises: what it reconstructs is the encoder's own vectors, which nothing keeps from
growing, and the loss with their square; the share of it that is not reconstructed falls
(tests/methods/test_learning.py). MolSpectra sees no more than some 200 molecules with spectra, of up to
five heavy atoms, each about thirty times, and is probed on molecules of up to seven.

Error on each target, divided by that of the untrained encoder:

"""


def main() -> None:
    """Train and probe what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder of checkpoints and results; else thrown away")
    parser.add_argument("--page", type=Path, help="Markdown page, written anew after every method")
    parser.add_argument("--methods", nargs="*", help="only these; the page is of those")
    parser.add_argument("--steps", type=int, default=STEPS, help="at most; the page is of all")
    parser.add_argument("--targets", default="*", help="globs over them; the page is of all")
    arguments = options_of(parser, toy={"methods": ["coord"], "steps": 1, "targets": "homo"})
    every = sorted(METHODS, key=lambda name: (name in OWN, name != "supervised", name))
    names = arguments.methods or [every[0], SHUFFLED, *every[1:]]
    command = shlex.join(["python", "-m", "benchmarks.learning", *sys.argv[1:]])
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.output or Path(scratch)
        for name in names:
            rows.append(probe(train(name, folder, arguments.steps), folder, arguments.targets))
            print(f"{name}: {rows[-1]['ratio']:.3f}, {rows[-1]['seconds']:.0f} s", flush=True)
            if arguments.page and SHUFFLED in names[: len(rows)]:
                with replace_file(arguments.page) as temporary:
                    temporary.write_text(page(rows, command), encoding="utf-8")
    report(arguments, [row_of(row) for row in rows])


def row_of(row: dict[str, Any]) -> Measured:
    """What is recorded of a method."""
    cells = {
        "loss, first steps": row["first"],
        "loss, last steps": row["last"],
        "error, × untrained": row["ratio"],
    }
    cells |= {"better": row["better"], "worse": row["worse"], "of": row["tasks"], "s": row["seconds"]}
    return Measured(row["method"], cells, "the same encoder, untrained")


if __name__ == "__main__":
    main()
