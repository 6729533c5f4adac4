"""Random enumeration of small organic molecular graphs.

Follows the order of the GDB enumerations (Fink and Reymond, J. Chem. Inf. Model. 47, 342, 2007): a carbon
skeleton first, then unsaturation, then heteroatoms wherever their valence allows, then chemical filters. Here
each stage is drawn at random instead of exhausted.
"""

import random
from collections.abc import Sequence

from rdkit import Chem

#: Distinct molecules wanted for each number of heavy atoms; small sizes run out of molecules before that.
QUOTA = {1: 4, 2: 20, 3: 60, 4: 180, 5: 430, 6: 640, 7: 830}

#: A size is taken as exhausted after this many draws in a row without a new molecule.
PATIENCE = 3_000

#: Highest total bond order of a neutral atom.
VALENCE = {"C": 4, "N": 3, "O": 2, "F": 1}

#: Draw weight of the elements, among those whose valence allows the bonds of an atom.
_ABUNDANCE = {"C": 60, "N": 16, "O": 17, "F": 7}

Bonds = dict[tuple[int, int], int]


def _ring(*orders: int) -> Bonds:
    """Bonds of a ring whose consecutive bonds have the given orders."""
    size = len(orders)
    return {(min(i, (i + 1) % size), max(i, (i + 1) % size)): order for i, order in enumerate(orders)}


#: Carbon skeletons to grow from, as (draw weight, number of atoms, bonds): an atom, saturated rings, the
#: diene ring that heteroatoms turn into furan, pyrrole and the azoles, and benzene.
_CORES: tuple[tuple[int, int, Bonds], ...] = (
    (10, 1, {}),
    (2, 3, _ring(1, 1, 1)),
    (2, 4, _ring(1, 1, 1, 1)),
    (2, 5, _ring(1, 1, 1, 1, 1)),
    (2, 6, _ring(1, 1, 1, 1, 1, 1)),
    (6, 5, _ring(1, 2, 1, 2, 1)),
    (5, 6, _ring(1, 2, 1, 2, 1, 2)),
)

#: Graphs that satisfy the valences yet stand for no compound one can isolate, or for no neutral closed shell.
_REJECTED = tuple(
    Chem.MolFromSmarts(pattern)
    for pattern in (
        "[O,o,F]~[O,o,F]",  # peroxides, hypofluorites, and O2, F2
        "[N]F",
        "[N,n,O]~[N,n,O]~[N,O]",  # chains of three heteroatoms, unless inside an aromatic ring
        "[OX2H][CX4][N,O,F]",  # geminal diols, hemiaminals, alpha-fluoro alcohols
        "[NX3;!$(N-C=O)][CX4]F",
        "[OX2H]C=[C,N]",  # enols and imidic acids, less stable tautomers of carbonyls
        "[OX2H]C#C",
        "*=*=*=*",
        "[R]=@[R]=@[R]",  # cumulenes and alkynes inside a ring
        "[R]#@[R]",
        "[r4]1=[r4]-[r4]=[r4]-1",  # antiaromatic rings
        "C1=C[O,N]1",
        "[n,o;r3]",
        "[a;R2]",  # aromatic rings fused to a small ring: no benzo-fused system fits seven atoms
        "[R2]=[*]",  # double bonds at a bridgehead or ring fusion (Bredt)
        "[R3]",
    )
)


def _random_graph(rng: random.Random, size: int) -> tuple[list[str], Bonds]:
    """Draws elements and bond orders of a connected graph of ``size`` heavy atoms."""
    cores = [core for core in _CORES if core[1] <= size]
    _, atoms, core_bonds = rng.choices(cores, weights=[core[0] for core in cores])[0]
    bonds = dict(core_bonds)
    used = [0] * size
    for (i, j), order in bonds.items():
        used[i] += order
        used[j] += order

    def raise_order(i: int, j: int) -> None:
        pair = (min(i, j), max(i, j))
        bonds[pair] = bonds.get(pair, 0) + 1
        used[i] += 1
        used[j] += 1

    for new in range(atoms, size):
        raise_order(rng.choice([i for i in range(new) if used[i] < VALENCE["C"]]), new)
    for _ in range(rng.randint(0, 3)):
        free = [i for i in range(size) if used[i] < VALENCE["C"]]
        # Unsaturation is commoner than ring closure in real compounds: prefer pairs already bonded.
        bonded = [
            pair for pair in sorted(bonds) if used[pair[0]] < VALENCE["C"] and used[pair[1]] < VALENCE["C"]
        ]
        if bonded and rng.random() < 0.7:
            raise_order(*rng.choice(bonded))
        elif len(free) > 1:
            raise_order(*rng.sample(free, 2))

    def element(order: int) -> str:
        allowed = [e for e in VALENCE if VALENCE[e] >= order]
        return rng.choices(allowed, weights=[_ABUNDANCE[e] for e in allowed])[0]

    return [element(order) for order in used], bonds


def is_sensible(mol: Chem.Mol) -> bool:
    """Whether a sanitised graph has at most two (symmetrised SSSR) rings and no pattern of ``_REJECTED``."""
    rings: int = mol.GetRingInfo().NumRings()
    return rings <= 2 and not any(mol.HasSubstructMatch(pattern) for pattern in _REJECTED)


def _to_smiles(elements: Sequence[str], bonds: Bonds) -> str | None:
    """Canonical SMILES of a graph, or None where RDKit or the filters refuse it."""
    mol = Chem.RWMol()
    for element in elements:
        mol.AddAtom(Chem.Atom(element))
    orders = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
    for (i, j), order in bonds.items():
        if order not in orders:
            return None
        mol.AddBond(i, j, orders[order])
    if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE or not is_sensible(mol):
        return None
    return str(Chem.MolToSmiles(mol))


def enumerate_molecules(seed: int = 0) -> list[str]:
    """Enumerates distinct neutral closed-shell molecules of one to seven C, N, O, F atoms.

    Args:
        seed: seeds every draw; the same seed gives the same list in the same order.

    Returns:
        Canonical SMILES (hydrogens implicit, stereochemistry unspecified) in random order, so that any prefix
        of the list is a representative sample of all sizes.
    """
    rng = random.Random(seed)  # noqa: S311
    distinct: dict[str, None] = {}
    for size, quota in QUOTA.items():
        target, misses = len(distinct) + quota, 0
        while len(distinct) < target and misses < PATIENCE:
            smiles = _to_smiles(*_random_graph(rng, size))
            misses = misses + 1 if smiles is None or smiles in distinct else 0
            if smiles is not None:
                distinct[smiles] = None
    molecules = list(distinct)
    rng.shuffle(molecules)
    return molecules
