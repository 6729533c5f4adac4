"""Everything that is declared: datasets with their splits and tasks, and the suites.

Declarations are read, and the models of them imported, when they are first asked for: finding what there is
takes neither, and the command line starts without pydantic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.arguments import comma_separated, listed
from molbench.errors import UserError, unknown_name
from molbench.paths import add_dataset_folder, catalogue_root, dataset_folders, home, is_file

if TYPE_CHECKING:
    from molbench.spec.dataset import Dataset, Target
    from molbench.spec.exclusions import Exclusions
    from molbench.spec.spectra import SpectrumColumn
    from molbench.spec.splits import Cluster, Scheme, Splits
    from molbench.spec.suites import Suite
    from molbench.spec.tasks import Task, Tasks

#: What a task pattern begins with that is one of a dataset's folder.
_PATHS = ("./", "../", "/", "~/")
#: First part of the ids of all audits of encoders, where other tasks have their dataset.
AUDIT = "audit"


def is_audit(task: str) -> bool:
    """Whether the task of this id is an audit of an encoder."""
    return task.partition("/")[0] == AUDIT


@dataclass(frozen=True)
class DatasetEntry:
    """One folder of the catalogue or of ``$MOLBENCH_HOME``.

    Attributes:
        id: Name users type: the dataset's, with ``-partial`` behind it for an incomplete build.
        folder: Where its YAML files lie.
    """

    id: str
    folder: Path

    @classmethod
    def at(cls, folder: Path) -> DatasetEntry:
        """The dataset of a folder, which may be called otherwise than the dataset."""
        from molbench.spec.dataset import PARTIAL

        name = cls("", folder).dataset.name
        partial = (folder / "manifest.json").is_file() and folder.name == name + PARTIAL
        return cls(name + PARTIAL if partial else name, folder)

    @cached_property
    def dataset(self) -> Dataset:
        """Origin, records and targets."""
        from molbench.spec.dataset import Dataset
        from molbench.spec.document import read_yaml

        return read_yaml(self.folder / "dataset.yaml", Dataset)

    @cached_property
    def splits(self) -> Splits:
        """Split schemes."""
        from molbench.spec.document import read_yaml
        from molbench.spec.splits import Splits

        return read_yaml(self.folder / "splits.yaml", Splits)

    @cached_property
    def declared(self) -> DatasetEntry | None:
        """The dataset as the catalogue declares it now; None of one that it does not have."""
        from molbench.spec.dataset import PARTIAL

        folder = catalogue_root() / "datasets" / self.id.removesuffix(PARTIAL)
        return DatasetEntry(folder.name, folder) if (folder / "splits.yaml").is_file() else None

    @cached_property
    def tasks(self) -> Tasks:
        """Tasks, checked against the targets and schemes they name."""
        from molbench.spec.document import read_yaml
        from molbench.spec.tasks import Tasks

        tasks = read_yaml(self.folder / "tasks.yaml", Tasks)
        for name, task in tasks.tasks.items():
            self._check(name, task)
        return tasks

    @cached_property
    def exclusions(self) -> Exclusions:
        """Records that tasks no longer test on."""
        from molbench.spec.document import read_yaml
        from molbench.spec.exclusions import Exclusions

        path = self.folder / "exclusions.yaml"
        return read_yaml(path, Exclusions) if path.is_file() else Exclusions()

    @property
    def built(self) -> bool:
        """Whether the records themselves are here."""
        return is_file(self.folder / "manifest.json")

    @cached_property
    def damage(self) -> str | None:
        """What is wrong with its files, in a line; None where they can be read."""
        from molbench.spec.damage import damage_of

        return damage_of(self)

    @cached_property
    def built_schemes(self) -> dict[str | None, frozenset[str]]:
        """Split schemes of the records that are here, by subset, or under None where there are no subsets."""
        from molbench.spec.built import built_schemes

        return built_schemes(self.folder)

    def _check(self, name: str, task: Task) -> None:
        where = f"{self.folder / 'tasks.yaml'}: tasks.{name}"

        def require(value: str, known: Iterable[str], what: str) -> None:
            if value not in known:
                raise UserError(f"{where}: {unknown_name(what, value, known)}")

        require(task.target, self.dataset.columns, "target")
        if task.subset is not None:
            require(task.subset, self.dataset.subsets, "subset")
        for scheme in [task.scheme, *task.schemes]:
            require(scheme, self.splits.schemes, "split scheme")


@dataclass(frozen=True)
class TaskRef:
    """One task with the split scheme it is asked for.

    Attributes:
        entry: The dataset.
        name: The task's name within it.
        scheme_name: The declared scheme.
        fold: Repeat and fold, where the scheme is a cross-validation and one of its splits is meant.
    """

    entry: DatasetEntry
    name: str
    scheme_name: str
    fold: tuple[int, int] | None = None

    @property
    def id(self) -> str:
        """``qm9/homo`` on its default scheme, else ``qm9/homo@scaffold``."""
        bare = f"{self.entry.id}/{self.name}"
        return bare if self.scheme_name == self.task.scheme else f"{bare}@{self.scheme_name}"

    def at(self, seed: int) -> TaskRef:
        """The task as a run with ``seed`` sees it: seeds of a cross-validation are its folds in turn.

        Raises:
            UserError: If there is no such fold.
        """
        repeats, folds = self.scheme.folds
        if folds == 0:
            return self
        if seed >= repeats * folds:
            raise UserError(
                f"{self.id}: {repeats} x {folds} folds are seeds 0 to {repeats * folds - 1}, not {seed}"
            )
        return replace(self, fold=divmod(seed, folds))

    @property
    def split_name(self) -> str:
        """Scheme as built: ``kfold-0-3`` for a fold, else the declared one."""
        from molbench.spec.splits import fold_name

        return self.scheme_name if self.fold is None else fold_name(self.scheme_name, *self.fold)

    @property
    def task(self) -> Task:
        """The declaration."""
        return self.entry.tasks.tasks[self.name]

    @property
    def dataset(self) -> Dataset:
        """The dataset it is drawn from."""
        return self.entry.dataset

    @property
    def scheme(self) -> Scheme:
        """The split scheme."""
        return self.entry.splits.schemes[self.scheme_name]

    @property
    def versions(self) -> list[tuple[str, frozenset[str]]]:
        """Versions of the task, oldest first, each with the ids of records that it leaves out.

        The minor number counts the exclusions that apply; scores of all of them stay addressable.
        """
        major, left_out = self.task.version, frozenset[str]()
        versions = [(f"{major}.0", left_out)]
        for minor, exclusion in enumerate(self.entry.exclusions.of(self.name), start=1):
            left_out |= frozenset(exclusion.ids)
            versions.append((f"{major}.{minor}", left_out))
        return versions

    @property
    def clusters(self) -> list[Cluster]:
        """What its test records share, as the catalogue has it, for a build may be older; else the build."""
        declared = self.entry.declared
        known = declared.splits if declared else self.entry.splits
        return (known if self.scheme_name in known.schemes else self.entry.splits).clusters_of(
            self.scheme_name
        )

    @property
    def unit(self) -> str:
        """Unit of the target's stored values."""
        return self.column.unit

    @property
    def column(self) -> Target | SpectrumColumn:
        """Declaration of what is predicted."""
        return self.dataset.columns[self.task.target]

    @property
    def subset(self) -> str | None:
        """The part of the dataset it lives on."""
        return self.task.subset

    @property
    def built(self) -> bool:
        """Whether its records are here, of its subset and divided by its scheme."""
        schemes = self.entry.built_schemes.get(self.subset, frozenset())
        repeats, folds = self.scheme.folds
        if not folds:
            return self.scheme_name in schemes
        return all(self.at(seed).split_name in schemes for seed in range(repeats * folds))

    @property
    def folder(self) -> Path | None:
        """Where the records are, or None while the dataset is not built."""
        return self.entry.folder if self.entry.built else None


@dataclass(frozen=True)
class Catalogue:
    """All declared datasets and suites.

    Examples:
        >>> import molbench
        >>> catalogue = molbench.Catalogue.load()
        >>> [task.id for task in catalogue.tasks("xtb-dimers/*")]
        ['xtb-dimers/interaction', 'xtb-dimers/preference']
        >>> catalogue.dataset("qm9").dataset.targets["gap"].unit
        'Hartree'
    """

    entries: dict[str, DatasetEntry]
    suites: dict[str, Suite] = field(default_factory=dict)

    @cached_property
    def audits(self) -> list[DatasetEntry]:
        """Datasets as audits of encoders see them, one a kind of record."""
        from molbench.spec.audits import audit_entries

        return audit_entries(catalogue_root() / "datasets" / "audits.yaml", self.find)

    def __repr__(self) -> str:
        built = sum(entry.built for entry in self.entries.values())
        return f"<Catalogue: {len(self.entries)} datasets, {built} of them built; {len(self.suites)} suites>"

    @classmethod
    def load(cls, extra: Sequence[Path] = ()) -> Catalogue:
        """Find every dataset folder.

        Built folders below ``$MOLBENCH_HOME/datasets``, in ``$MOLBENCH_DATASETS`` and in ``extra`` take the
        place of the bare declaration of the same name.
        """
        from molbench.spec.damage import entries_in
        from molbench.spec.document import read_yaml
        from molbench.spec.suites import Suites

        root = catalogue_root() / "datasets"
        entries = {
            entry.id: entry
            for folder in [root, home() / "datasets", *dataset_folders(), *extra]
            for entry in entries_in(folder)
        }
        suites = read_yaml(root / "suites.yaml", Suites).suites
        return cls(dict(sorted(entries.items())), suites)

    @staticmethod
    def declares(name: str) -> bool:
        """Whether everybody's catalogue has a dataset of this name, and not only ``$MOLBENCH_HOME`` here."""
        from molbench.spec.names import is_name

        return is_name(name) and is_file(catalogue_root() / "datasets" / name / "dataset.yaml")

    def usable(self, pattern: str = "*") -> Iterator[DatasetEntry]:
        """Datasets whose ids match a glob pattern and whose files can be read.

        A damaged one is warned of; what the catalogue declares under its name stands in its place.
        """
        names = (name for name in self.entries if fnmatchcase(name, pattern))
        return (entry for name in names if (entry := self.find(name)) is not None)

    def find(self, name: str) -> DatasetEntry | None:
        """The dataset of a name as :meth:`usable` has it, or None."""
        entry = self.entries.get(name)
        if entry is None or entry.damage is None:
            return entry
        from molbench.spec.damage import tell_damage

        tell_damage(entry.damage)
        return entry.declared if entry.declared and entry.declared.id == name else None

    def _refuse_damaged(self, name: str) -> None:
        """Say at once why a dataset that is asked for by its name is none."""
        if (entry := self.entries.get(name)) is not None and entry.damage and entry.declared is None:
            raise UserError(entry.damage)

    def dataset(self, name: str) -> DatasetEntry:
        """The dataset called ``name``.

        Raises:
            UserError: If there is none.
        """
        if name not in self.entries:
            raise unknown_name("dataset", name, self.entries)
        return self.entries[name]

    def suite(self, name: str) -> Suite:
        """The suite called ``name``, or that of a YAML file of a description and tasks.

        Raises:
            UserError: If there is none, or the file is wrong.
        """
        if name.endswith((".yaml", ".yml")):
            from molbench.spec.document import read_yaml
            from molbench.spec.suites import Suite

            return read_yaml(Path(name), Suite)
        if name not in self.suites:
            raise unknown_name("suite", name, self.suites)
        return self.suites[name]

    def tasks(self, patterns: str | Sequence[str] | None = None, suite: str | None = None) -> list[TaskRef]:
        """Tasks that match any of the glob patterns, in catalogue order.

        Args:
            patterns: ``qm9/*`` gives every task of QM9 on its default scheme, ``qm9/*@scaffold`` on another,
                ``qm9/*@*`` on all; commas separate several in one string. None or empty for every task. What
                begins like a path, ``./mine/*``, is of a dataset that lies there. Audits of encoders are
                ``audit/*``, and none of ``*/*``.
            suite: Take the patterns from this suite.

        Raises:
            UserError: If a pattern matches nothing.
        """
        from molbench.spec.unmatched import unmatched

        texts = [*listed(patterns), *(self.suite(suite).tasks if suite is not None else [])]
        globs = [self._adopted(glob) if glob.startswith(_PATHS) else glob for glob in comma_separated(texts)]
        refs: dict[str, TaskRef] = {}
        for pattern in globs or ["*/*"]:
            self._refuse_damaged(pattern.partition("/")[0])
            if not (matches := {ref.id: ref for ref in self.matches(pattern)}):
                raise unmatched(self, pattern)
            refs |= matches
        return list(refs.values())

    def _adopted(self, pattern: str) -> str:
        """A pattern of a dataset that lies somewhere, which processes that are started now will know, too."""
        folder, _, rest = pattern.rpartition("/")
        path = Path(folder).expanduser()
        if not (path / "dataset.yaml").is_file():
            raise UserError(f"{path}: no dataset lies there, which '{pattern}' would be tasks of")
        entry = DatasetEntry.at(path.resolve())
        if entry.damage:
            raise UserError(entry.damage)
        add_dataset_folder(path)
        self.entries[entry.id] = entry
        return f"{entry.id}/{rest}"

    def matches(self, pattern: str) -> Iterator[TaskRef]:
        """Tasks that match one glob pattern, see :meth:`tasks`; perhaps none."""
        bare, _, scheme_pattern = pattern.partition("@")
        dataset_pattern = bare.partition("/")[0]
        for entry in self.audits if dataset_pattern == AUDIT else self.usable(dataset_pattern):
            for name, task in entry.tasks.tasks.items():
                if fnmatchcase(f"{entry.id}/{name}", bare):
                    for scheme in [task.scheme, *(s for s in task.schemes if s != task.scheme)]:
                        if fnmatchcase(scheme, scheme_pattern) if scheme_pattern else scheme == task.scheme:
                            yield TaskRef(entry, name, scheme)
