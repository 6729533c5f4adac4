"""``methods/configs/*.yaml``: the frozen settings of a paper, as it says them and as its code has them."""

from typing import Any, Literal

from pydantic import Field

from molbench.spec.base import Spec


class BackboneSettings(Spec):
    """What a paper sets for one backbone.

    Attributes:
        config: Settings of the backbone that differ from its defaults.
        method: Settings of the method with this backbone, in place of the common ones.
    """

    config: dict[str, Any] = {}
    method: dict[str, Any] = {}


class VariantSettings(Spec):
    """One variant of a method.

    Attributes:
        method: Settings of the method.
        backbones: What is particular to a backbone, by its name.
        training: Optimiser and schedule; the number of steps follows from the epochs.
        epochs: Passes over the pretraining data.
    """

    method: dict[str, Any] = {}
    backbones: dict[str, BackboneSettings] = {}
    training: dict[str, Any] = {}
    epochs: int | None = Field(default=None, ge=1)


class PaperSettings(Spec):
    """Both variants of a method.

    Attributes:
        variants: ``intended`` does what the paper says, ``faithful`` what its released code does.
    """

    variants: dict[Literal["intended", "faithful"], VariantSettings]
