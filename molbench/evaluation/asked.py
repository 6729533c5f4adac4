"""What is to be evaluated, as it is asked for, and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from molbench.arguments import require_no_file, seeds_of
from molbench.errors import UserError
from molbench.evaluation.candidates.resolve import resolve
from molbench.evaluation.candidates.trees import FingerprintCandidate
from molbench.evaluation.plan import Plan, plan
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.shards import part
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import Boosting
from molbench.spec.protocol import Protocol

DEFAULT_SUITE = "embedded"


@dataclass(frozen=True)
class Asked:
    """The arguments of :func:`~molbench.evaluation.harness.evaluate` that say what, and not where."""

    models: Any
    tasks: str | Sequence[str] | None = None
    suite: str | None = None
    protocol: str | Protocol = "probe"
    seeds: int | Sequence[int] = 3
    output: Path | str = "results"
    scratch: bool = True
    fingerprint: bool = False
    name: str | None = None
    built: bool = False
    shard: str | None = None

    def plan(self, notice: Callable[[str], None]) -> Plan:
        """Every run that follows.

        Args:
            notice: Told what a model does that is not of this program.

        Raises:
            UserError: If a name, file or dataset is missing or wrong, or no model is one.
        """
        given = list(self.models) if isinstance(self.models, list | tuple) else [self.models]
        if not given and not self.fingerprint:
            raise UserError(
                "nothing to score: give a checkpoint, which `molbench pretrain` makes, or another model, or "
                "ask for --fingerprint"
            )
        seeds = seeds_of(self.seeds)
        require_no_file(Path(self.output))
        requested = self.protocol
        protocol = requested if isinstance(requested, Protocol) else load_protocol(requested)
        tasks = [self.tasks] if isinstance(self.tasks, str) else self.tasks
        suite = DEFAULT_SUITE if not tasks and self.suite is None else self.suite
        refs = Catalogue.load().tasks(tasks, suite)
        candidates, refusals = resolve(given, self.scratch, self.name, notice)
        if refusals and len(refusals) == len(given):
            raise UserError("\n".join(refusal.reason for refusal in refusals))
        if self.fingerprint:
            candidates.append(FingerprintCandidate(Boosting()))
        whole = plan(candidates, refs, protocol, seeds, Path(self.output), built=self.built)
        whole = replace(whole, refusals=[*refusals, *whole.refusals])
        return whole if self.shard is None else part(whole, self.shard, Path(self.output))
