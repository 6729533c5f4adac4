"""Split schemes that fit what was imported, the default first."""

from __future__ import annotations

from typing import Any

from molbench.data.build.importing.inspection import Inspection
from molbench.errors import unknown_name
from molbench.spec.imports import ImportRequest
from molbench.spec.splits import Scheme

_SHARES = {"seed": 0, "fractions": [0.8, 0.1, 0.1]}
_BLOCKS = 20


def fitting_schemes(request: ImportRequest, inspection: Inspection, labelled: bool) -> dict[str, Scheme]:
    """Schemes to try; those that cannot be drawn of the records are left out by the build.

    Args:
        request: What is asked for.
        inspection: What the file is.
        labelled: Whether there is anything to test.

    Raises:
        UserError: If a scheme is asked for that does not fit such records.
    """
    if not labelled:
        return {"pretrain": Scheme(generator="everything", description="All records, to pretrain on.")}
    schemes = {
        name: Scheme(**fields, optional=True) for name, fields in _candidates(request, inspection).items()
    }
    for name in request.schemes:
        if name not in schemes:
            raise unknown_name("split scheme of such records", name, schemes)
    return {
        name: scheme for name, scheme in schemes.items() if not request.schemes or name in request.schemes
    }


def _candidates(request: ImportRequest, inspection: Inspection) -> dict[str, dict[str, Any]]:
    if inspection.content == "pairs":
        return _of_pairs(request.ordered)
    if inspection.content == "trajectory":
        return _of_frames()
    schemes = {
        "random": {
            "generator": "group",
            "parameters": {**_SHARES, "column": "group"},
            "description": "Molecules drawn at random; stereoisomers and conformations of one go together.",
        },
        "size": {
            "generator": "size",
            "parameters": {**_SHARES, "column": "group"},
            "description": "Tested on the largest molecules, by heavy atoms; validation is like train.",
        },
    }
    if inspection.parser != "labelled-table":
        schemes["structures"] = {
            "generator": "ratio",
            "parameters": dict(_SHARES),
            "description": "Structures drawn at random, whatever molecules they are of.",
            "leaks": "Conformations of one molecule lie on both sides.",
        }
    if inspection.smiles:
        schemes["scaffold"] = {
            "generator": "scaffold",
            "cluster": ["scaffold"],
            "parameters": dict(_SHARES),
            "description": "Whole Bemis-Murcko scaffolds on one side: the ring systems of test are new.",
        }
        schemes["similarity"] = {
            "generator": "similarity",
            "cluster": ["scaffold"],
            "parameters": {"threshold": 0.6, **_SHARES},
            "description": "No test molecule is more similar than 0.6 (Tanimoto, Morgan) to one of train.",
        }
    return schemes


def _of_frames() -> dict[str, dict[str, Any]]:
    return {
        "block": {
            "generator": "block",
            "parameters": {"blocks": _BLOCKS, **_SHARES},
            "description": f"The trajectory cut into {_BLOCKS} stretches, whole ones in each split.",
        },
        "random": {
            "generator": "ratio",
            "parameters": dict(_SHARES),
            "description": "Frames drawn at random.",
            "leaks": "Neighbouring frames lie on both sides, so errors are those of interpolation.",
        },
    }


def _of_pairs(ordered: bool) -> dict[str, dict[str, Any]]:
    if ordered:
        side, rule = "a", "frequency"
        molecule = (
            "the first molecule of a test pair is the first one of no pair of train, but may be a second"
        )
        scaffold = "that of the first molecule of a test pair is that of the first one of no pair of train"
    else:
        side, rule = "any", "random"
        molecule = "one molecule of a test pair, or both, is in no pair of train and validation"
        scaffold = "that of one molecule of a test pair, or both, is in no pair of train and validation"
    return {
        "random": {
            "generator": "pair",
            "parameters": dict(_SHARES),
            "description": "Pairs drawn at random, records of one together; their molecules occur in train.",
        },
        "molecule": {
            "generator": "molecule_cold",
            "parameters": {"side": side, **_SHARES},
            "description": f"Divided by molecules: {molecule}.",
        },
        "molecule-both": {
            "generator": "molecule_cold",
            "parameters": {"side": "both", "seed": 0, "fractions": [0.5, 0.2, 0.3]},
            "description": "Both molecules of a test pair are new; pairs that would mix are left out.",
        },
        "scaffold": {
            "generator": "scaffold_cold",
            "parameters": {"side": side, "rule": rule, **_SHARES},
            "description": f"Divided by Bemis-Murcko scaffolds: {scaffold}.",
        },
    }
