"""The YAML head of a dataset card: what the Hugging Face library needs to load a built folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import pyarrow as pa
import yaml

from molbench.data.folder.cells import cell_glob
from molbench.data.folder.manifest import Manifest, Part
from molbench.spec.dataset import Dataset
from molbench.spec.splits import SPLITS

# Licences that the Hub knows by name; it refuses cards with any other word.
_LICENCES = {
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-nd-4.0",
    "mit",
    "apache-2.0",
    "bsd-3-clause",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def config_name(subset: str | None, scheme: str) -> str:
    """Name of a Hugging Face config: ``scheme``, or ``subset@scheme`` where there are subsets."""
    return f"{subset}@{scheme}" if subset else scheme


def head(dataset: Dataset, manifest: Manifest, schemas: Mapping[str | None, pa.Schema]) -> str:
    """YAML between the ``---`` lines.

    Keys keep their order: the library reads nested features only if ``list`` stands before ``length``.

    Args:
        dataset: The declaration.
        manifest: What has been built.
        schemas: Columns of each part.
    """
    licence = dataset.licence.lower()
    known = licence in _LICENCES
    data: dict[str, Any] = {
        "pretty_name": dataset.title,
        "license": licence if known else "other",
        **({} if known else {"license_name": "-".join(licence.split())}),
        "tags": ["chemistry", "molecules", "3d"],
        "size_categories": [next((name for limit, name in _SIZES if manifest.records < limit), "1M<n<10M")],
        "configs": list(_configs(manifest)),
        "dataset_info": list(_infos(manifest, schemas)),
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def _configs(manifest: Manifest) -> Iterator[dict[str, Any]]:
    default = {"default": True}
    for subset, part in manifest.by_subset.items():
        folder = f"{subset}/" if subset else ""
        for scheme, entry in part.schemes.items():
            together = part.cell_folders[entry.cells]
            files = [
                {"split": split, "path": f"{folder}{entry.cells}/{cell_glob(together, scheme, split)}"}
                for split in SPLITS
                if split in entry.counts
            ]
            yield {
                "config_name": config_name(subset, scheme),
                "version": content_version(part, scheme),
                "data_files": files,
                **default,
            }
            default = {}


def _infos(manifest: Manifest, schemas: Mapping[str | None, pa.Schema]) -> Iterator[dict[str, Any]]:
    for subset, part in manifest.by_subset.items():
        for scheme, entry in part.schemes.items():
            counts = {split: entry.counts[split] for split in SPLITS if split in entry.counts}
            splits = [
                {"name": split, "num_bytes": part.bytes * count // part.records, "num_examples": count}
                for split, count in counts.items()
            ]
            yield {
                "config_name": config_name(subset, scheme),
                "features": [{"name": field.name, **_feature(field.type)} for field in schemas[subset]],
                "splits": splits,
                "dataset_size": sum(split["num_bytes"] for split in splits),
            }


def content_version(part: Part, scheme: str) -> str:
    """Version of a config, made from its content.

    The library keeps a prepared copy of each config under its version and does not look at the data files
    again, so a version that stayed the same would serve the rows of an earlier build.
    """
    content = sha256(f"{part.digest}\t{part.schemes[scheme].digest}".encode()).hexdigest()
    return f"1.0.{int(content[:8], 16)}"


def _feature(kind: pa.DataType) -> dict[str, Any]:
    """A column type as the library spells it; lists of plain values are written in short form."""
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _feature(kind.value_type)
        length = {"length": kind.list_size} if pa.types.is_fixed_size_list(kind) else {}
        return {"list": inner.get("dtype", inner), **length}
    return {"dtype": {"float": "float32", "double": "float64"}.get(str(kind), str(kind))}
