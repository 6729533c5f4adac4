"""Metrics: one file a family; a metric is a decorated function, listed without being imported."""

from typing import TYPE_CHECKING

from molbench.registry import Registry

if TYPE_CHECKING:
    from molbench.metrics.metric import Metric

#: Metrics by name; other packages add theirs, a :class:`~molbench.metrics.metric.Metric` each.
METRICS: "Registry[Metric]" = Registry("metric", __name__, "molbench.metrics")
