"""What can be scored: one kind of candidate, one file."""

from molbench.evaluation.candidates.base import Candidate
from molbench.evaluation.candidates.calculated import CalculatedCandidate
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate
from molbench.evaluation.candidates.external import ExternalCandidate
from molbench.evaluation.candidates.predicted import PredictedCandidate
from molbench.evaluation.candidates.tabulated import TabulatedCandidate
from molbench.evaluation.candidates.trees import FingerprintCandidate

_KINDS: tuple[type[Candidate], ...] = (
    CalculatedCandidate,
    CheckpointCandidate,
    ExternalCandidate,
    FingerprintCandidate,
    PredictedCandidate,
    TabulatedCandidate,
)
#: By their kind, which is what workers are told.
CANDIDATES: dict[str, type[Candidate]] = {candidate.kind: candidate for candidate in _KINDS}
