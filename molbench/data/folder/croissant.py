"""``croissant.json``: a built dataset as Croissant JSON-LD, which search engines and loaders read.

MLCommons Croissant Format Specification 1.0 (docs.mlcommons.org/croissant).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from molbench.data.folder.manifest import FileEntry, Manifest
from molbench.spec.dataset import Dataset

CROISSANT_FILE = "croissant.json"

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET = "application/x-parquet"
_SPLIT = pa.schema([("id", pa.string()), ("split", pa.string())])


def croissant(
    dataset: Dataset,
    manifest: Manifest,
    files: Mapping[str, FileEntry],
    schemas: Mapping[str | None, pa.Schema],
) -> dict[str, Any]:
    """The description: Parquet files with their checksums, columns of records, and splits by id.

    Args:
        dataset: The declaration.
        manifest: What has been built.
        files: Its files, with their checksums.
        schemas: Columns of each part.
    """
    parquet = [name for name in files if name.endswith(".parquet")]
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.dataset_id,
        "description": dataset.summary,
        "version": dataset.version,
        "license": dataset.licence,
        "url": dataset.homepage or f"https://huggingface.co/datasets/{manifest.dataset_id}",
        "citeAs": "\n".join(dataset.citation),
        "keywords": ["chemistry", "molecules", "3d"],
        "distribution": [
            *(_file(name, files[name]) for name in parquet),
            *(_cells(f"{subset}/" if subset else "") for subset in manifest.by_subset),
        ],
        "recordSet": [*_record_sets(dataset, manifest, schemas, parquet)],
    }
    return {key: value for key, value in described.items() if value != ""}


def _file(name: str, entry: FileEntry) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{entry.size} B",
        "encodingFormat": _PARQUET,
        "sha256": entry.sha256,
    }


def _cells(prefix: str) -> dict[str, Any]:
    """The files that hold the records of a part, each record once."""
    return {
        "@type": "cr:FileSet",
        "@id": f"{prefix}cells",
        "name": f"{prefix}cells",
        "encodingFormat": _PARQUET,
        "includes": f"{prefix}cells/*.parquet",
    }


def _record_sets(
    dataset: Dataset, manifest: Manifest, schemas: Mapping[str | None, pa.Schema], parquet: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Records of each part, and the splits of each scheme."""
    meanings = {name: f"{target.description} ({target.unit})" for name, target in dataset.targets.items()}
    for subset in manifest.by_subset:
        prefix = f"{subset}/" if subset else ""
        cells = {"fileSet": {"@id": f"{prefix}cells"}}
        yield _record_set(f"{prefix}records", cells, schemas[subset], meanings)
        for name in parquet:
            if name.startswith(f"{prefix}splits/"):
                scheme = f"{prefix}split/{name.removeprefix(f'{prefix}splits/').removesuffix('.parquet')}"
                yield _record_set(scheme, {"fileObject": {"@id": name}}, _SPLIT, meanings)


def _record_set(
    name: str, source: Mapping[str, Any], columns: pa.Schema, meanings: Mapping[str, str]
) -> dict[str, Any]:
    fields = [_field(name, source, column, meanings) for column in columns]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _field(
    record_set: str, source: Mapping[str, Any], column: pa.Field, meanings: Mapping[str, str]
) -> dict[str, Any]:
    kind, depth = column.type, 0
    while pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        **({"description": meanings[column.name]} if column.name in meanings else {}),
        "dataType": _data_type(kind),
        **({"repeated": True} if depth else {}),
        "source": {**source, "extract": {"column": column.name}},
    }


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return "sc:Float"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Boolean" if pa.types.is_boolean(kind) else "sc:Text"
