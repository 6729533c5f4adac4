"""Test records that share something are not independent: the variance of a score over their clusters.

A record belongs to one cluster (its scaffold, its protein), to one of each of two kinds that cross (solute
and solvent), or to two of one kind (two drugs). Records that share any cluster may vary together in any way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from molbench.evaluation.statistics import Component

#: Stands between the kind of a cluster and its name, ``solvent:XLYOFNOQVPJJNP``.
SEPARATOR = ":"


@dataclass(frozen=True)
class Margin:
    """Clusters of one kind.

    Attributes:
        members: Which record is in which cluster, [n, clusters] of zeros and ones.
        effective: Number of clusters of equal size that tell as much (L. Kish, Survey Sampling (1965)).
    """

    members: csr_array
    effective: float


@dataclass(frozen=True)
class Clusters:
    """How ``count`` test records hang together.

    Attributes:
        margins: One a kind of cluster; none where records are independent.
        overlap: Which record belongs to which combination of two clusters, [n, combinations]; what is counted
            in both of them is counted once too often.
    """

    count: int
    margins: tuple[Margin, ...] = ()
    overlap: csr_array | None = None

    @classmethod
    def of(cls, labels: Sequence[Sequence[str]]) -> Clusters:
        """From the names of every record's clusters, each with its kind in front of ``SEPARATOR``.

        A kind with one cluster only says nothing about others, and is left out: scores are then those of
        that one solvent, say.
        """
        kinds = sorted({name.partition(SEPARATOR)[0] for names in labels for name in names})
        margins = []
        for kind in kinds:
            of_kind = [[name for name in set(names) if name.startswith(kind + SEPARATOR)] for names in labels]
            members = _incidence(of_kind)
            if members.shape[1] > 1:
                sizes = members.sum(axis=0)
                margins.append(Margin(members, float(sizes.sum() ** 2 / (sizes**2).sum())))
        pairs = [(" ".join(sorted(set(names))),) if len(set(names)) > 1 else () for names in labels]
        crossed = any(pairs) and bool(margins) and (len(margins) > 1 or len(kinds) == 1)
        return cls(len(labels), tuple(margins), _incidence(pairs) if crossed else None)

    @property
    def effective(self) -> float:
        """Effective number of independent records: of the kind of cluster that has fewest."""
        return min((margin.effective for margin in self.margins), default=float(self.count))

    def component(self, contributions: np.ndarray) -> Component:
        """What drawing the test records, in their clusters, adds to the variance of a score.

        With crossed clusters the variances over both kinds are added and that over their combinations taken
        off (Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29, 238 (2011)), for two clusters of one kind
        likewise (Aronow, Samii and Assenova, Polit. Anal. 23, 564 (2015)); never less than either alone.

        Args:
            contributions: What each record adds to the score's distance from its expectation, [..., n].
        """
        return self._combine(
            [(np.square(sums).sum(-1), (sums**3).sum(-1)) for sums in self.sums(contributions)]
        )

    def component_of_differences(self, contributions: np.ndarray) -> Component:
        """The same for the difference of every two of several scores, [M, n] to [M, M]."""
        moments = []
        for sums in self.sums(contributions):
            squares = np.square(sums)
            second, cross = squares.sum(-1), sums @ sums.T
            third, mixed = (squares * sums).sum(-1), squares @ sums.T
            moments.append(
                (
                    np.maximum(second[:, None] + second[None] - 2 * cross, 0.0),
                    third[:, None] - third[None] - 3 * mixed + 3 * mixed.T,
                )
            )
        return self._combine(moments)

    def sums(self, contributions: np.ndarray) -> list[np.ndarray]:
        """Contributions added up in each cluster, of each margin and then of the combinations."""
        tables = [margin.members for margin in self.margins]
        tables += [self.overlap] if self.overlap is not None else []
        rows = contributions.reshape(-1, self.count)
        return [(rows @ table).reshape(*contributions.shape[:-1], -1) for table in tables] or [contributions]

    def _combine(self, moments: Sequence[tuple[np.ndarray, np.ndarray]]) -> Component:
        counts = [margin.members.shape[1] for margin in self.margins] or [self.count]
        freedom = max(self.effective - 1, 1.0)
        if self.count < 2:
            return Component(np.full_like(moments[0][0], np.inf), freedom)
        variances = [
            count / (count - 1) * square for count, (square, _) in zip(counts, moments, strict=False)
        ]
        # Fisher's k-statistic, for which it takes three: a few look less skewed than what they are drawn of.
        n = max(self.effective, 3.0)
        third = n**2 / ((n - 1) * (n - 2)) * np.sum([cube for _, cube in moments[: len(counts)]], axis=0)
        variance = np.sum(variances, axis=0)
        if self.overlap is not None:
            shared = moments[-1][0]
            variance = np.max([variance - shared, shared, *(variances if len(variances) > 1 else [])], axis=0)
        return Component(variance, freedom, third)


def _incidence(names: Sequence[Sequence[str]]) -> csr_array:
    """Ones where a record has a name, [n, different names]."""
    columns = {name: i for i, name in enumerate(sorted({name for of_record in names for name in of_record}))}
    rows = np.repeat(np.arange(len(names)), [len(of_record) for of_record in names])
    indices = np.array([columns[name] for of_record in names for name in of_record], dtype=np.int64)
    return csr_array((np.ones(indices.size), (rows, indices)), shape=(len(names), len(columns)))
