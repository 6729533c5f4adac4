"""Records drawn as 2-D structures, each once for all pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.rdBase import BlockLogs

from molbench.data.read.store import Store
from molbench.site.templating import slug

_SIZE = (240, 180)
_MOST_ATOMS = 80
#: Pixels of a bond, less where a molecule is too large for that.
_BOND = 30


class Drawings:
    """A folder of drawings.

    Args:
        folder: Where they go; pages name them relative to the folder above it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, store: Store, identifier: str) -> tuple[str, str] | None:
        """SMILES of a record, and the place of its drawing.

        Returns:
            None where the record has no structure that can be drawn.
        """
        row = pc.index(store.ids, identifier).as_py()
        if row < 0:
            return None
        columns = [name for name in store.record.smiles if name in store.table.schema.names]
        smiles = [text for name in columns if (text := store.column(name)[row].as_py())]
        if not smiles:
            return None
        text = ".".join(smiles)
        path = self._folder / slug(store.dataset.name) / f"{slug(text)}.svg"
        if not path.is_file():
            drawn = _draw(text)
            if drawn is None:
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(drawn, encoding="utf-8")
        return text, path.relative_to(self._folder.parent).as_posix()


def _draw(smiles: str) -> str | None:
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() > _MOST_ATOMS:
        return None
    canvas = rdMolDraw2D.MolDraw2DSVG(*_SIZE)
    options: Any = canvas.drawOptions()
    options.clearBackground = False
    options.useBWAtomPalette()
    options.fixedBondLength = _BOND
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    return str(canvas.GetDrawingText())
