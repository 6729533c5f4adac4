"""A model of somebody else's: its vectors, or what it predicts, are made where it is, and scored anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from molbench.errors import UserError
from molbench.evaluation.candidates.base import Candidate, NotApplicableError, Scored, external_entry
from molbench.evaluation.candidates.tabulated import needs_more_than_vectors
from molbench.spec.protocol import Protocol

if TYPE_CHECKING:
    from molbench.data.read.store import Store
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.execute import Workspace
    from molbench.evaluation.external.encoder import Encoder
    from molbench.evaluation.plan import Run
    from molbench.evaluation.predictions import Predictions
    from molbench.evaluation.protocol_predictions import StepCallback
    from molbench.spec.catalogue import TaskRef

_BATCH = 128


@dataclass(frozen=True, eq=False)
class ExternalCandidate(Candidate):
    """A model in the form of an encoder, in the process that was given it; in others what that one prepared.

    Attributes:
        name: Folder of its results.
        digest: Of what it computes.
        marks: Laws that it breaks, told beside its scores.
        pretraining: What its owner says of its pretraining.
        encoder: The model itself; None in other processes.
    """

    kind: ClassVar[str] = "external"
    name: str
    digest: str
    marks: tuple[str, ...] = ()
    pretraining: Mapping[str, Any] = field(default_factory=dict)
    encoder: Encoder | None = None

    @override
    def encoder_digest(self, seed: int) -> str:
        return self.digest

    @override
    def unfit(self, task: TaskRef, protocol: Protocol) -> str | None:
        from molbench.data.records import RECORD_KINDS

        if self.encoder is None:  # the process that planned has asked
            return None
        without = self.encoder.without_gradients
        if without is not None and (why := needs_more_than_vectors(task, protocol)):
            return f"{why}: {without}"
        record = RECORD_KINDS[task.dataset.record]
        if not self.encoder.limits.pairs and not record.single:
            return f"its records are of kind '{record.name}', and the model supports single molecules alone"
        if self.encoder.of_pairs and not record.molecule_table:
            return f"its records are of kind '{record.name}', and the model reads pairs of molecules"
        if self.encoder.reads == "smiles":
            if "smiles" not in record.smiles and not record.molecule_table:
                return "the model reads SMILES, and its molecules have none"
            if task.dataset.identity == "frame":
                return "the model reads SMILES, which frames of a trajectory share"
        return None

    @override
    def prepare(self, run: Run, workspace: Workspace) -> None:
        from molbench.evaluation.external.process import ProcessEncoder

        if self.encoder is None or prepared(run).is_file():
            return
        store = workspace.store(run)
        if run.shares_vectors:
            self._embed(store)
            return
        if isinstance(self.encoder, ProcessEncoder):
            from molbench.evaluation.external.remote import asked_of

            self.encoder.predict_task(asked_of(run))
            return
        predictions, _ = self._apply(run, store, workspace)
        predictions.write(prepared(run))

    @override
    def predict(
        self, run: Run, data: TaskData, workspace: Workspace, progress: StepCallback | None
    ) -> Scored:
        from molbench.evaluation.embedding import read_embedding
        from molbench.evaluation.probe import probe
        from molbench.evaluation.train import as_predictions

        entry = external_entry(self.name, run.encoder_digest, self.pretraining)
        if not run.shares_vectors:
            return Scored(entry, read_prepared(run, data.store), {}, list(self.marks))
        cached = read_embedding(_cache(self, data.store))
        if cached is None or len(cached.features) != len(data.store):
            raise UserError(f"the vectors of {self.name} are no longer where they were kept; evaluate again")
        if not isinstance(run.protocol, Protocol):
            raise TypeError(f"{self.name} is scored by a protocol")
        values = probe(cached.features, data, run.protocol, run.seed)
        throughput = {"embedding": round(cached.molecules_per_second, 1)}
        return Scored(entry, as_predictions(data, values), throughput, list(self.marks))

    @override
    def reference(self) -> dict[str, Any]:
        facts = {"name": self.name, "digest": self.digest, "marks": list(self.marks)}
        return {**facts, "pretraining": dict(self.pretraining)}

    @classmethod
    @override
    def of_reference(cls, reference: Mapping[str, Any]) -> ExternalCandidate:
        return cls(
            reference["name"], reference["digest"], tuple(reference["marks"]), reference["pretraining"]
        )

    def _embed(self, store: Store) -> None:
        """Make the vectors of a dataset, unless they are there already."""
        from molbench.evaluation.embedding import keep_embedding, read_embedding
        from molbench.evaluation.external.vectors import embed_external

        path = _cache(self, store)
        if self.encoder is not None and read_embedding(path) is None:
            keep_embedding(embed_external(self.encoder, store, _BATCH), path)

    def _apply(self, run: Run, store: Store, workspace: Workspace) -> tuple[Predictions, dict[str, float]]:
        """What a protocol makes of a module that gives features of atoms, with its gradients."""
        import torch

        from molbench.evaluation.data import TaskData
        from molbench.evaluation.external.backbone import ModuleBackbone
        from molbench.evaluation.external.module import ModuleEncoder
        from molbench.evaluation.external.vectors import refuse_unsupported
        from molbench.evaluation.protocol_predictions import protocol_predictions

        if not isinstance(self.encoder, ModuleEncoder) or not isinstance(run.protocol, Protocol):
            raise TypeError(f"{self.name} has no gradients")
        if not self.encoder.of_atoms:
            raise NotApplicableError("it needs features of atoms, and the model gives those of molecules")
        refuse_unsupported(self.encoder, store, neutral=True)
        data = TaskData.open(run.task, store)
        backbone = ModuleBackbone(self.encoder)
        state = run.folder / f"state-{run.key[:12]}"
        with torch.inference_mode(mode=False), torch.enable_grad():
            return protocol_predictions(
                backbone, data, run.protocol, run.seed, workspace.device, state=state, key=run.key
            )


def _cache(candidate: ExternalCandidate, store: Store) -> Path:
    """Of its name, too, which is changed where nothing else shows that the model has."""
    import molbench
    from molbench.evaluation import EVALUATION_VERSION
    from molbench.paths import home

    model = f"{candidate.name} {candidate.digest}"
    text = f"external {model} {store.digest} {molbench.__version__} {EVALUATION_VERSION}"
    return home() / "embeddings" / f"{sha256(text.encode()).hexdigest()}.npz"


def prepared(run: Run) -> Path:
    """Beside where the result will be, whose folder takes the place of this one."""
    return run.folder / f"prepared-{run.key[:12]}.parquet"


def read_prepared(run: Run, store: Store) -> Predictions:
    """What was prepared, beside the dataset's own labels, whoever left the file there.

    Raises:
        UserError: If it is not one prediction for each test record, in its unit and shape.
    """
    from molbench.evaluation.predictions import Predictions
    from molbench.evaluation.tested import TestRecords

    return TestRecords.read(run.task, store).labelled(Predictions.read(prepared(run)))
