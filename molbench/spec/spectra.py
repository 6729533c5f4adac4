"""Spectra in ``dataset.yaml``: one column a spectrum, sampled on an even grid that all records share."""

from pydantic import Field, model_validator

from molbench.spec.base import Spec
from molbench.spec.units import check_unit


class Grid(Spec):
    """Where a spectrum is sampled: ``start``, ``start + step`` … in ``unit``.

    Attributes:
        start: First point.
        step: Distance of two points.
        points: Number of points.
        unit: Unit of the axis.
    """

    start: float
    step: float = Field(gt=0)
    points: int = Field(ge=2)
    unit: str

    @model_validator(mode="after")
    def _known_unit(self) -> "Grid":
        check_unit(self.unit)
        return self

    @property
    def stop(self) -> float:
        """Last point."""
        return self.start + self.step * (self.points - 1)

    def values(self) -> list[float]:
        """Every point."""
        return [self.start + self.step * index for index in range(self.points)]


class SpectrumColumn(Spec):
    """One spectrum of every record, a list of ``grid.points`` numbers.

    Attributes:
        unit: Unit of the stored values.
        description: What the curve is, and the line shape and width it was broadened with.
        grid: Axis of the values.
    """

    unit: str
    description: str
    grid: Grid

    @model_validator(mode="after")
    def _known_unit(self) -> "SpectrumColumn":
        check_unit(self.unit)
        return self
