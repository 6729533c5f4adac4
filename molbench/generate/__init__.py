"""Generators of the embedded datasets: raw source files computed by the project itself."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from molbench.errors import UserError
from molbench.generate.engine import Generator, run
from molbench.registry import Registry

__all__ = ["GENERATORS", "Generator", "generate"]

GENERATORS: Registry[Generator] = Registry("generator", __name__, "molbench.generators")


def generate(
    name: str,
    out: Path,
    *,
    seed: int = 0,
    limit: int | None = None,
    num_proc: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Computes the raw source file of an embedded dataset.

    The same seed gives the same bytes on the same platform with the same library versions. An interrupted
    call, when repeated, goes on where it stopped.

    Args:
        name: as in `GENERATORS`.
        out: Parquet file to write, in source order; appears whole or not at all.
        seed: seeds the enumeration, the conformers and the dynamics.
        limit: candidate molecules tried (xtb-molecules) or frames per molecule (xtb-dynamics), at least 1;
            all by default.
        num_proc: worker processes, one thread each.
        progress: called with (finished jobs, all jobs).

    Returns:
        ``out``.

    Raises:
        UserError: if there is no such generator, a number is below 1, or a package it needs is not installed.
    """
    if num_proc < 1 or (limit is not None and limit < 1):
        raise UserError(f"limit and num_proc must be at least 1; got {limit} and {num_proc}")
    generator = GENERATORS[name]
    missing = [package for package in ("tblite", "ase", "pyscf") if find_spec(package) is None]
    if missing:
        raise UserError(
            f"generating {name} needs {', '.join(missing)}, not installed here; "
            "install them with: pip install 'molbench[generate]'"
        )
    return run(generator, out, seed=seed, limit=limit, num_proc=num_proc, progress=progress)
