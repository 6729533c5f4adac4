"""What a model of somebody else's is given, and the program that runs one in a process of its own.

This file needs nothing but NumPy and PyArrow, since another environment may have no more: it is run there by
its path, and nothing else of this package is.
"""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa


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


def load(target: str) -> Any:
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
    """A model as a function of molecules; here the plainest forms alone.

    Raises:
        ValueError: If it is none of them.
    """
    if hasattr(model, "encode"):
        return lambda molecules: model.encode([molecule.smiles for molecule in molecules])
    if getattr(model, "reads", "geometry") == "smiles":
        return lambda molecules: model([molecule.smiles for molecule in molecules])
    if any(kind.__module__.startswith("torch.nn") for kind in type(model).__mro__):
        return _of_module(model)
    if callable(model):
        return model  # type: ignore[no-any-return]
    raise ValueError(f"the factory gives a {type(model).__name__}, which is no module, function or encoder")


def described_plainly(model: Any) -> dict[str, Any]:
    """What a model reads and supports: as its attributes ``reads`` and ``limits`` say, else as it looks."""
    limits = dict(getattr(model, "limits", {}))
    if not limits and any(kind.__module__.startswith("torch.nn") for kind in type(model).__mro__):
        limits = {"charged": False, "open_shell": False}
    reads = getattr(model, "reads", "smiles" if hasattr(model, "encode") else "geometry")
    return {"reads": reads, "limits": limits}


def as_array(values: Any) -> np.ndarray:
    """Numbers as NumPy has them, also those of a PyTorch tensor on whatever device."""
    if hasattr(values, "detach"):
        values = values.detach().double().cpu().numpy()
    return np.asarray(values)


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
            encoded = model(z, pos.to(like.dtype), batch)
        if encoded.shape[0] == z.numel() != len(molecules):
            encoded = encoded.new_zeros(len(molecules), encoded.shape[1]).index_add_(0, batch, encoded)
        vectors: np.ndarray = encoded.double().numpy()
        return vectors

    return encode


def main() -> None:
    """Answer batches of molecules on standard input with vectors on standard output, until it ends.

    Whatever the model prints goes to standard error.
    """
    answers, questions = sys.stdout.buffer, sys.stdin.buffer
    sys.stdout = sys.stderr
    target, mode, memory = sys.argv[1:4]
    try:
        if int(memory):
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
        model = load(target)
        if mode == "molbench":  # this very environment has the package, whose adapters know more
            from molbench.evaluation.external.wrap import described

            encode, told = described(model)
        else:
            encode, told = as_function(model), described_plainly(model)
        _answer(answers, told)
        while (batch := receive(questions, 1 << 40)) is not None:
            vectors = as_array(encode(of_arrow(batch))).astype(np.float64)
            if vectors.ndim != 2:
                raise ValueError(
                    f"the model gives the shape {vectors.shape}; one vector a molecule is needed"
                )
            flat = pa.array(vectors.ravel())
            _answer(answers, {"shape": vectors.shape}, flat)
    except BaseException as error:  # noqa: BLE001 - told to the other side, whatever it is
        traceback.print_exc()
        _answer(answers, {"error": f"{type(error).__name__}: {error}"[:2000]})
        sys.exit(1)


def _answer(stream: IO[bytes], header: dict[str, Any], values: pa.Array | None = None) -> None:
    values = pa.array([], pa.float64()) if values is None else values
    schema = pa.schema({"values": pa.float64()}, metadata={"header": json.dumps(header)})
    send(stream, pa.RecordBatch.from_arrays([values], schema=schema))


if __name__ == "__main__":
    main()
