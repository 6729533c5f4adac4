"""One figure a dataset: sizes, elements and labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rdkit import Chem

from molbench.atomic import replace_file
from molbench.data.audit.result import FEWEST
from molbench.data.folder.columns import stream_columns
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest
from molbench.data.records import RECORD_KINDS
from molbench.data.records.molecule_table import MOLECULES_FILE
from molbench.spec.dataset import Dataset

_ELEMENTS = 119
_MOST_TARGETS, _MOST_ELEMENTS = 4, 12
_BINS = 40
_COLOUR = "#33658a"


@dataclass(frozen=True)
class FigureContent:
    """What a figure shows.

    Attributes:
        sizes: Atoms of each record; for pairs, of each distinct molecule.
        elements: Atoms of each element among them, [119].
        labels: Target to the values there are.
    """

    sizes: np.ndarray
    elements: np.ndarray
    labels: dict[str, np.ndarray]


def content(folder: Path, dataset: Dataset) -> FigureContent:
    """Count atoms and collect labels of all parts, a few thousand records in memory at a time."""
    targets = list(dataset.targets)[:_MOST_TARGETS]
    sizes: list[np.ndarray] = []
    elements = np.zeros(_ELEMENTS, dtype=np.int64)
    labels: dict[str, list[np.ndarray]] = {name: [] for name in targets}
    for subset, part in Manifest.read(folder).by_subset.items():
        where = subset_folder(folder, subset)
        for table in stream_columns(where, part, ["atomic_numbers", *targets]):
            for name in (target for target in targets if target in table.column_names):
                values = pc.cast(table.column(name), pa.float64()).to_numpy()
                labels[name].append(values[np.isfinite(values)])
            _count(table, sizes, elements)
        for table in _molecules(where):
            _count(table, sizes, elements)
    return FigureContent(
        _joined(sizes), elements, {name: _joined(values_of) for name, values_of in labels.items()}
    )


def draw_histograms(content: FigureContent, dataset: Dataset, path: Path) -> None:
    """Write histograms of sizes, elements and the labels of which there are enough as one PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = {name: values for name, values in content.labels.items() if values.size >= FEWEST}
    panels = 2 + len(labels)
    figure = Figure(figsize=(2.3 * panels, 2.1), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    axes[0].hist(
        content.sizes,
        bins=min(_BINS, int(np.ptp(content.sizes)) + 1) if content.sizes.size else 1,
        color=_COLOUR,
    )
    axes[0].set_title("atoms" + (" of a molecule" if RECORD_KINDS[dataset.record].molecule_table else ""))
    most = [z for z in np.argsort(-content.elements, kind="stable")[:_MOST_ELEMENTS] if content.elements[z]]
    symbols = [Chem.GetPeriodicTable().GetElementSymbol(int(z)) for z in most]
    axes[1].bar(symbols, content.elements[most], color=_COLOUR)
    axes[1].set_yscale("log" if most else "linear")
    axes[1].set_title("elements")
    for axis, (name, values) in zip(axes[2:], labels.items(), strict=True):
        axis.hist(values, bins=_BINS, color=_COLOUR)
        axis.set_title(f"{name} ({dataset.targets[name].unit})")
    for axis in axes:
        axis.tick_params(labelsize=6)
        axis.title.set_fontsize(8)
        axis.spines[["top", "right"]].set_visible(False)
    with replace_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=90, metadata={"Software": None})


def _molecules(folder: Path) -> Iterator[pa.Table]:
    """The distinct molecules of pairs."""
    path = folder / MOLECULES_FILE
    if path.is_file():
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["atomic_numbers"]):
                yield pa.Table.from_batches([batch])


def _count(table: pa.Table, sizes: list[np.ndarray], elements: np.ndarray) -> None:
    if "atomic_numbers" in table.column_names:
        numbers = table.column("atomic_numbers").combine_chunks()
        sizes.append(pc.fill_null(pc.list_value_length(numbers), 0).to_numpy())
        elements += np.bincount(pc.list_flatten(numbers).to_numpy(), minlength=_ELEMENTS)


def _joined(pieces: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(pieces) if pieces else np.zeros(0)
