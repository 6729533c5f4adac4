"""Laws that every registered method obeys, around every backbone."""

import dataclasses
import math
import re
from importlib import import_module
from pathlib import Path

import pytest
import torch

from molbench import methods
from molbench.backbones import BACKBONES, build_backbone
from molbench.errors import UserError
from molbench.graph.bonds import distance_bonds
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import METHODS, VARIANTS, build_method, load_settings
from molbench.spec.config import parse_config
from molbench.spec.training import TrainingConfig
from molbench.testing import assert_method, example_batch, small_backbone, small_method
from tests.methods.learning import losses_on
from tests.methods.method_pairs import PAIRS, batch_for, fits, most_able


def differs(name: str, backbone: str) -> bool:
    """Whether the faithful variant is another one."""
    one, other = (load_settings(name, variant, backbone) for variant in VARIANTS)
    return (one.method, one.backbone) != (other.method, other.backbone)


CASES = [(*pair, "intended") for pair in PAIRS] + [(*pair, "faithful") for pair in PAIRS if differs(*pair)]


@pytest.mark.parametrize(("name", "backbone", "variant"), CASES)
def test_every_variant_can_be_trained(name: str, backbone: str, variant: str) -> None:
    torch.manual_seed(0)
    settings = load_settings(name, variant, backbone)
    encoder = build_backbone(backbone, {**settings.backbone, **BACKBONES[backbone].small()})
    method = build_method(name, encoder, {**settings.method, **METHODS[name].small()}).double()
    assert method.name == name
    assert_method(method, batch_for(method))


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.inputs == "molecules"])
def test_known_bonds_are_taken(name: str) -> None:
    torch.manual_seed(0)
    method = small_method(name, small_backbone(most_able(name))).double()
    batch = batch_for(method)
    assert isinstance(batch, MoleculeBatch)
    assert_method(method, batch.replace(bonds=distance_bonds(batch)))


@pytest.mark.parametrize("name", list(METHODS))
def test_other_encoders_are_refused(name: str) -> None:
    for backbone in BACKBONES:
        if not fits(name, backbone):
            with pytest.raises(UserError, match=r"pretrains encoders of|has no vectors"):
                small_method(name, small_backbone(backbone))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", list(METHODS))
def test_training_settings_are_valid(name: str, variant: str) -> None:
    settings = load_settings(name, variant)
    TrainingConfig(steps=1, **settings.training)
    assert settings.epochs


@pytest.mark.parametrize("name", list(METHODS))
def test_the_intended_variant_is_the_default(name: str) -> None:
    settings = load_settings(name)
    assert METHODS[name].Config(**settings.method) == METHODS[name].Config()
    assert not settings.backbone


@pytest.mark.parametrize("name", list(METHODS))
def test_its_file_says_what_is_minimised_and_by_whom(name: str) -> None:
    title, _, idea = (import_module(METHODS.module(name)).__doc__ or "").partition(": ")
    assert title.count("\n") == 0 and re.search(r"arXiv \d{4}\.\d{5}|Nature", idea)
    assert "Equation:\n" in (METHODS[name].__doc__ or "")


def test_unknown_names_and_settings_are_refused() -> None:
    backbone = build_backbone("schnet", {"interactions": 1})
    with pytest.raises(UserError, match="no variant 'published'; it has: intended, faithful"):
        load_settings("geossl-ddm", "published")
    with pytest.raises(UserError, match=r"unknown method 'ddm' .*'geossl-ddm'"):
        build_method("ddm", backbone)
    with pytest.raises(UserError, match="method 'geossl-ddm': no setting 'sigma'"):
        build_method("geossl-ddm", backbone, {"sigma": 1})


NUMBERS = [
    (name, field.name)
    for name in METHODS
    for field in dataclasses.fields(METHODS[name].Config)
    if type(field.default) in {int, float}
]


@pytest.mark.parametrize(("name", "setting"), NUMBERS)
@pytest.mark.parametrize("value", [math.nan, "nan", "-inf", 1e9])
def test_a_number_that_cannot_be_is_refused_by_its_name(name: str, setting: str, value: object) -> None:
    with pytest.raises(UserError, match=f"method '{name}': setting '{setting}': "):
        parse_config(f"method '{name}'", METHODS[name].Config, {setting: value})


@pytest.mark.parametrize(("name", "setting"), [("coord", "noise"), ("emgp", "levels"), ("geossl-rr", "crop")])
def test_what_cannot_be_negative_is_not(name: str, setting: str) -> None:
    with pytest.raises(UserError, match=f"setting '{setting}': Input should be greater"):
        parse_config(f"method '{name}'", METHODS[name].Config, {setting: -1})


def test_of_a_share_there_is_no_more_than_all() -> None:
    for value in (0, 1.5):
        with pytest.raises(UserError, match=r"setting 'share': Input should be"):
            parse_config("method '3dmrl'", METHODS["3dmrl"].Config, {"share": value})


def test_a_step_lowers_the_loss() -> None:
    torch.manual_seed(0)
    method = build_method("geossl-ddm", build_backbone("schnet", {"interactions": 2, "width": 32}))
    batch = example_batch(dtype=torch.float32)
    losses = losses_on(batch, method, 30, 1e-3)
    assert losses[-1] < 0.8 * losses[0]


def test_every_file_of_settings_is_that_of_a_method() -> None:
    folder = Path(methods.__file__).parent
    files = {path.relative_to(folder) for path in folder.rglob("configs/*.yaml")}
    modules = [METHODS.module(name).removeprefix(f"{methods.__name__}.").split(".") for name in METHODS]
    assert files <= {Path(*parts, "configs", f"{stem}.yaml") for *parts, stem in modules}
