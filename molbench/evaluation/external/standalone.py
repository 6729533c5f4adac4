"""What a model of somebody else's is given, and the program that runs one in a process of its own.

This file needs nothing but NumPy and PyArrow, since another environment may have no more: it is run there by
its path, and nothing else of this package is.
"""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

#: Key of the metadata of a batch that names a task.
TASK = b"task"


@dataclass(frozen=True, eq=False)
class Molecule:
    """One molecule.

    Attributes:
        id: Names it in messages.
        atomic_numbers: Nuclear charges, [N] int64; none where its conformation is unknown.
        positions: Coordinates in Å, [N, 3] float64.
        charge: Total charge, e.
        multiplicity: 2 S + 1.
        smiles: How it is written, or None where that is unknown.

    Examples:
        >>> import molbench
        >>> import numpy as np
        >>> positions = np.array([[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
        >>> water = molbench.Molecule("water", np.array([8, 1, 1]), positions)
        >>> water.charge, water.multiplicity
        (0, 1)
    """

    id: str
    atomic_numbers: np.ndarray
    positions: np.ndarray
    charge: int = 0
    multiplicity: int = 1
    smiles: str | None = None


def to_arrow(molecules: Sequence[Molecule]) -> pa.RecordBatch:
    """Molecules as they travel, one a row."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "id": molecule.id,
                "atomic_numbers": molecule.atomic_numbers,
                "positions": molecule.positions.ravel(),
                "charge": molecule.charge,
                "multiplicity": molecule.multiplicity,
                "smiles": molecule.smiles,
            }
            for molecule in molecules
        ],
        schema=pa.schema(
            {
                "id": pa.string(),
                "atomic_numbers": pa.list_(pa.int64()),
                "positions": pa.list_(pa.float64()),
                "charge": pa.int64(),
                "multiplicity": pa.int64(),
                "smiles": pa.string(),
            }
        ),
    )


def of_arrow(batch: pa.RecordBatch) -> list[Molecule]:
    """What :func:`to_arrow` made."""
    return [
        Molecule(
            row["id"],
            np.array(row["atomic_numbers"], dtype=np.int64),
            np.array(row["positions"], dtype=np.float64).reshape(-1, 3),
            row["charge"],
            row["multiplicity"],
            row["smiles"],
        )
        for row in batch.to_pylist()
    ]


def send(stream: IO[bytes], batch: pa.RecordBatch) -> None:
    """Write one batch: its length in eight bytes, then the Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content = sink.getvalue().to_pybytes()
    stream.write(struct.pack("<Q", len(content)) + content)
    stream.flush()


def receive(stream: IO[bytes], limit: int) -> pa.RecordBatch | None:
    """Read one batch; None at the end.

    Raises:
        ValueError: If what comes is none, or larger than ``limit`` bytes.
    """
    head = _exactly(stream, 8)
    if head is None:
        return None
    (length,) = struct.unpack("<Q", head)
    if length > limit:
        raise ValueError(f"an answer of {length:,} bytes")
    content = _exactly(stream, length)
    if content is None:
        raise ValueError("half an answer")
    with pa.ipc.open_stream(content) as reader:
        batches: list[pa.RecordBatch] = list(reader)
    if len(batches) != 1:
        raise ValueError(f"{len(batches)} batches")
    return batches[0]


def _exactly(stream: IO[bytes], length: int) -> bytes | None:
    parts = []
    while length:
        part = stream.read(length)
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def load_model(target: str) -> Any:
    """What the factory of ``file.py:factory`` gives.

    Raises:
        ValueError: If there is no such file or factory.
    """
    file, _, name = target.rpartition(":")
    path = Path(file).resolve()
    if not path.is_file():
        raise ValueError(f"{file}: no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{file}: no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    if not callable(getattr(module, name, None)):
        raise ValueError(f"{file}: no function '{name}'")
    return getattr(module, name)()


def as_function(model: Any) -> Callable[[Sequence[Molecule]], Any]:
    """A model as a function of molecules that gives vectors; here the plainest forms alone.

    Raises:
        ValueError: If it is none of them.
    """
    of_smiles = getattr(model, "reads", "geometry") == "smiles"
    if getattr(model, "of_pairs", False) and callable(model):
        return lambda molecules: as_array(model(as_pairs(smiles_of(molecules) if of_smiles else molecules)))
    if hasattr(model, "encode"):
        return lambda molecules: as_vectors(model.encode(smiles_of(molecules)), molecules)
    if of_smiles:
        return lambda molecules: as_vectors(model(smiles_of(molecules)), molecules)
    if any(kind.__module__.startswith("torch.nn") for kind in type(model).__mro__):
        return _of_module(model)
    if callable(model):
        return lambda molecules: as_vectors(model(molecules), molecules)
    raise ValueError(f"the factory gives a {type(model).__name__}, which is no module, function or encoder")


def smiles_of(molecules: Sequence[Molecule]) -> list[str]:
    """How molecules are written, nothing where that is unknown."""
    return [molecule.smiles or "" for molecule in molecules]


def described_plainly(model: Any) -> dict[str, Any]:
    """What a model reads and supports: as attributes ``reads``, ``of_pairs`` and ``limits`` say, or looks."""
    limits = dict(getattr(model, "limits", {}))
    if not limits and any(kind.__module__.startswith("torch.nn") for kind in type(model).__mro__):
        limits = {"charged": False, "open_shell": False}
    reads = getattr(model, "reads", "smiles" if hasattr(model, "encode") else "geometry")
    return {"reads": reads, "limits": limits, "of_pairs": bool(getattr(model, "of_pairs", False))}


def as_array(values: Any) -> np.ndarray:
    """Numbers as NumPy has them, also those of a PyTorch tensor on whatever device."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values if values.is_complex() else values.double()).numpy()
    return np.asarray(values)


def as_vectors(values: Any, molecules: Sequence[Molecule]) -> np.ndarray:
    """One vector a molecule, [m, F]: features of atoms, [N, F] or a list of [n, F], are summed."""
    sizes = [molecule.atomic_numbers.size for molecule in molecules]
    if isinstance(values, list | tuple) and len(values) == len(sizes):
        parts = [as_array(value) for value in values]
        if all(part.ndim == 2 and len(part) == size for part, size in zip(parts, sizes, strict=True)):
            return np.stack([part.sum(axis=0) for part in parts])
        values = parts
    array = as_array(values)
    if array.ndim == 2 and len(array) == sum(sizes) != len(sizes):
        array = np.add.reduceat(array, np.cumsum([0, *sizes[:-1]]), axis=0)
    return array


def as_pairs(members: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Both members of each pair, which stand one behind the other."""
    return list(zip(members[::2], members[1::2], strict=True))


class UnsupportedError(Exception):
    """A molecule is none for a model: no failure, and no number either."""


def is_calculator(model: Any) -> bool:
    """Whether something is an ASE calculator; ASE is not imported to find out."""
    return any(kind.__module__.startswith("ase.calculators") for kind in type(model).__mro__)


def calculator_settings(calculator: Any) -> str:
    """Class and settings of an ASE calculator."""
    kind = type(calculator)
    settings = json.dumps(getattr(calculator, "parameters", {}), sort_keys=True, default=repr)
    return f"{kind.__module__}.{kind.__qualname__} {settings}"


def single_point(calculator: Any, molecule: Molecule) -> np.ndarray:
    """Energy in eV, then the forces in eV/Å one after the other, [1 + 3 N], by an ASE calculator.

    Charge and multiplicity are handed over as ``info["charge"]`` and ``info["spin"]``, and as initial charges
    and magnetic moments: what knows them reads one or the other.

    Raises:
        UnsupportedError: If the calculator does not know an element.
    """
    from ase import Atoms

    size = molecule.atomic_numbers.size
    atoms = Atoms(numbers=molecule.atomic_numbers, positions=molecule.positions)
    atoms.info |= {"charge": molecule.charge, "spin": molecule.multiplicity}
    if molecule.charge:
        atoms.set_initial_charges([molecule.charge, *[0] * (size - 1)])
    if molecule.multiplicity > 1:
        atoms.set_initial_magnetic_moments([molecule.multiplicity - 1, *[0] * (size - 1)])
    atoms.calc = calculator
    try:
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    except (KeyError, NotImplementedError) as error:
        raise UnsupportedError(f"{type(error).__name__}: {error}") from error
    return np.concatenate([[float(energy)], np.asarray(forces, dtype=np.float64).ravel()])


def _of_module(model: Any) -> Callable[[Sequence[Molecule]], Any]:
    """A PyTorch module of ``(z, pos, batch)`` where only PyTorch is at hand."""
    import torch

    model.eval()

    def encode(molecules: Sequence[Molecule]) -> np.ndarray:
        sizes = torch.tensor([molecule.atomic_numbers.size for molecule in molecules])
        batch = torch.repeat_interleave(torch.arange(len(molecules)), sizes)
        z = torch.tensor(np.concatenate([molecule.atomic_numbers for molecule in molecules]))
        pos = torch.tensor(np.concatenate([molecule.positions for molecule in molecules]))
        like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
        with torch.no_grad():
            return as_vectors(model(z, pos.to(like.dtype), batch), molecules)

    return encode


def main() -> None:
    """Answer batches of molecules on standard input on standard output, until it ends.

    Molecules are answered with vectors, or by a calculator with energies and forces. A batch that names a
    task is answered once the model was trained on it, where the package is at hand. Whatever the model, or a
    program that it starts, prints goes to standard error; there is nothing for them to read.
    """
    answers, questions = _channels()
    target, mode, memory = sys.argv[1:4]
    try:
        if int(memory):
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
        model = load_model(target)
        encoder = None
        if is_calculator(model):
            answer, ready = (
                _of_calculator(model),
                {"reads": "calculator", "settings": calculator_settings(model)},
            )
        elif mode == "molbench":  # this very environment has the package, whose adapters know more
            from molbench.evaluation.external import wrap

            encoder = wrap.wrap(model)
            answer, ready = encoder.encode, wrap.handshake(encoder)
        else:
            answer, ready = as_function(model), described_plainly(model)
        _answer(answers, ready)
        while (batch := receive(questions, 1 << 40)) is not None:
            if (asked := (batch.schema.metadata or {}).get(TASK)) is not None and encoder is not None:
                from molbench.evaluation.external.remote import predict_task

                _answer(answers, predict_task(encoder, json.loads(asked)))
            else:
                _answer(answers, *_numbers(answer, of_arrow(batch)))
    except BaseException as error:  # noqa: BLE001 - told to the other side, whatever it is
        traceback.print_exc()
        _answer(answers, {"error": f"{type(error).__name__}: {error}"[:2000].removesuffix(": ")})
        sys.exit(1)


def _channels() -> tuple[IO[bytes], IO[bytes]]:
    """Where answers go and questions come from, which no more are standard output and input."""
    answers, questions = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout = sys.stderr
    return answers, questions


def _numbers(
    answer: Callable[[Sequence[Molecule]], Any], molecules: Sequence[Molecule]
) -> tuple[dict[str, Any], pa.Array | None]:
    try:
        numbers = as_array(answer(molecules))
    except UnsupportedError as error:
        return {"unsupported": str(error)}, None
    if numbers.ndim != 2:
        raise ValueError(f"the model gives the shape {numbers.shape}; one vector a molecule is needed")
    if numbers.dtype.kind not in "fiu":
        raise ValueError(f"the model gives {numbers.dtype}, which are no real numbers")
    return {"shape": numbers.shape}, pa.array(numbers.astype(np.float64).ravel())


def _of_calculator(calculator: Any) -> Callable[[Sequence[Molecule]], np.ndarray]:
    """Energy and forces of one molecule at a time."""
    return lambda molecules: np.stack([single_point(calculator, molecule) for molecule in molecules])


def _answer(stream: IO[bytes], header: dict[str, Any], values: pa.Array | None = None) -> None:
    values = pa.array([], pa.float64()) if values is None else values
    schema = pa.schema({"values": pa.float64()}, metadata={"header": json.dumps(header)})
    send(stream, pa.RecordBatch.from_arrays([values], schema=schema))


if __name__ == "__main__":
    main()
