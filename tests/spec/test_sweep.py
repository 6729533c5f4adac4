from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.spec.sweep import SweepRequest

FIELDS = {"method": "coord", "backbone": "painn", "data": "qm9", "output": Path("made")}


def test_every_combination_has_a_checkpoint_of_its_own() -> None:
    fields = FIELDS | {"method": "coord, frad", "backbone": "dimenet++,egnn"}
    made = SweepRequest("0,7").requests(fields)
    assert [request.output.name for request in made] == [
        f"{method}-{backbone}-{seed}.pt"
        for method in ("coord", "frad")
        for backbone in ("dimenet", "egnn")
        for seed in (0, 7)
    ]
    assert {(request.method, request.backbone, request.seed) for request in made} == {
        (method, backbone, seed)
        for method in ("coord", "frad")
        for backbone in ("dimenet++", "egnn")
        for seed in (0, 7)
    }


@pytest.mark.parametrize(
    ("fields", "seeds", "several"),
    [
        ({}, None, False),
        ({}, "3", True),
        ({"backbone": "a,b"}, None, True),
        ({"backbone": None}, None, False),
    ],
)
def test_commas_and_seeds_make_several(fields: dict[str, object], seeds: str | None, several: bool) -> None:
    assert SweepRequest(seeds).several(FIELDS | fields) == several


@pytest.mark.parametrize(
    ("fields", "seeds", "message"),
    [
        ({"output": Path("one.pt")}, "0,1", "one.pt: several checkpoints need a folder, such as one"),
        ({"seed": 1}, "0,1", "exclude each other"),
        ({}, "0,x", "write seeds with commas"),
        ({}, "-1", "seed: Input should be greater than or equal to 0"),
        ({"backbone": ","}, None, "no backbone is named"),
    ],
)
def test_mistakes_are_told(fields: dict[str, object], seeds: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SweepRequest(seeds).requests(FIELDS | fields)
