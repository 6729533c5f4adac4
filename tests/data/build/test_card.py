"""The card of a dataset whose subsets differ."""

from pathlib import Path

import pyarrow as pa

from molbench.data.build.card import render_card
from molbench.data.folder.manifest import Manifest
from molbench.spec.catalogue import DatasetEntry

ROOT = Path(__file__).parents[3]


def test_columns_of_every_subset_are_listed_and_those_that_some_lack_say_where_they_are():
    folder = ROOT / "datasets" / "xtb-dynamics"
    entry = DatasetEntry("xtb-dynamics", folder)
    manifest = Manifest.read(folder)
    first, *others = manifest.subsets
    schemas = dict.fromkeys([first, *others], pa.schema([("id", pa.string())]))
    schemas[others[-1]] = pa.schema([("id", pa.string()), ("time_fs", pa.float64()), ("made_up", pa.int32())])
    card = render_card(entry.dataset, entry.splits, entry.tasks, manifest, schemas)
    lines = {line.split("|")[1].strip(): line for line in card.splitlines() if line.startswith("| `")}
    assert "only in" not in lines["`id`"]
    assert f"Time in the trajectory (only in {others[-1]})" in lines["`time_fs`"]
    assert f"| (only in {others[-1]})" in lines["`made_up`"]
