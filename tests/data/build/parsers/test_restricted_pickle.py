"""Hostile pickles: nothing runs, nothing is imported, and neither time nor memory is anybody's to choose."""

import ast
import contextlib
import os
import pickle
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molbench.data.build.parsers import restricted_pickle
from molbench.data.build.parsers.restricted_pickle import Call, load_pickle

MOL = frozenset({"rdkit.Chem.rdchem.Mol"})
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


class Evil:
    """Pickles as a call of anything."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple:
        return self.call


@settings(deadline=None, max_examples=50)
@given(value=PLAIN, protocol=st.sampled_from([3, 4, 5]))
def test_plain_data_comes_out_as_it_went_in(value: object, protocol: int) -> None:
    assert load_pickle(pickle.dumps(value, protocol)) == value


def test_older_protocols() -> None:
    value = [True, None, 7, 1 << 40, -2.5, ("x", {"y": []})]
    assert load_pickle(pickle.dumps(value, 1)) == load_pickle(pickle.dumps(value, 2)) == value


def test_shared_and_repeated_values() -> None:
    shared = {"a": 1}
    assert load_pickle(pickle.dumps([shared, shared, "x", "x"])) == [shared, shared, "x", "x"]


def test_a_molecule_is_a_note_and_not_yet_a_molecule() -> None:
    molecule = Chem.MolFromSmiles("CCO")
    actual = load_pickle(pickle.dumps({"m": molecule}), MOL)["m"]
    assert isinstance(actual, Call) and actual.name in MOL
    assert Chem.MolToSmiles(Chem.Mol(actual.args[0])) == "CCO"
    with pytest.raises(ValueError, match=r"'rdkit\.Chem\.rdchem\.Mol', which is not plain data"):
        load_pickle(pickle.dumps(molecule))


CALLS = {
    "posix.system": (os.system, ("touch {proof}",)),
    "builtins.eval": (eval, ("open('{proof}', 'w')",)),
    "builtins.exec": (exec, ("open('{proof}', 'w')",)),
    "builtins.getattr": (getattr, (os, "system")),
    "builtins.open": (open, ("{proof}", "w")),
    "subprocess.Popen": (subprocess.Popen, (["touch", "{proof}"],)),
    "numpy.load": (np.load, ("{proof}",)),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", CALLS)
def test_nothing_runs(tmp_path: Path, name: str, protocol: int) -> None:
    proof = tmp_path / "proof"
    function, arguments = CALLS[name]
    filled = tuple(a.format(proof=proof) if isinstance(a, str) else a for a in arguments)
    if name == "builtins.getattr":
        filled = ("os", "system")
    for data in (Evil(function, filled), {"conformers": [{"rd_mol": Evil(function, filled)}]}):
        with pytest.raises(ValueError, match=r"not plain data|not one of plain data"):
            load_pickle(pickle.dumps(data, protocol), MOL)
    nested = pickle.dumps(Evil(Chem.Mol, (Evil(function, filled),)), max(protocol, 2))
    with pytest.raises(ValueError, match="not plain data"):
        load_pickle(nested, MOL)
    assert not proof.exists()


def test_an_allowed_name_is_not_called_either(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    actual = load_pickle(pickle.dumps(Evil(os.system, (f"touch {proof}",))), frozenset({"posix.system"}))
    assert actual == Call("posix.system", (f"touch {proof}",)) and not proof.exists()


HOSTILE = {
    "persistent id": b"\x80\x04\x8c\x01aQ.",
    "old instance": b"(i__builtin__\neval\n.",
    "extension registry": b"\x82\x01.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "object without reduce": b"(c__builtin__\nobject\no.",
    "a set": pickle.dumps({1, 2}),
    "call of plain data": b"\x8c\x06system)R.",
    "state of plain data": b"]}b.",
    "name made of data": b"]]\x93.",
    "append to text": b"\x8c\x01aK\x01a.",
    "items of a list": b"]K\x01K\x01s.",
    "tuple as key": b"}K\x01\x85K\x01s.",
    "huge text": b"\x8d" + struct.pack("<Q", 1 << 62) + b"a.",
    "huge bytes": b"\x8e" + struct.pack("<Q", 1 << 62) + b"a.",
    "huge whole number": b"\x8b" + struct.pack("<i", 1 << 30) + b"a.",
    "negative whole number": b"\x8b" + struct.pack("<i", -5) + b"a.",
    "long digits": b"I" + b"9" * 100_000 + b"\n.",
    "marks without end": b"(" * 1_000_000,
    "memo never set": b"h\x05.",
    "empty stack": b".",
    "no stop": b"]",
    "newer protocol": b"\x80\x09.",
    "text that is none": b"\x8c\x02\xff\xfe.",
    "line that does not end": b"I12",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_instructions_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"refused|damaged|cut short|pickle|number|literal"):
        load_pickle(HOSTILE[name], MOL)


@pytest.mark.slow
def test_bombs_cost_no_more_than_their_length() -> None:
    """A memo slot in the thousand millions, nested doubling, and a key whose hash would take years."""
    code = """
        import resource
        from molbench.data.build.parsers.restricted_pickle import load_pickle
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        assert load_pickle(b"]r\\xff\\xff\\xff\\x7f.") == []
        double = b")" + b"".join(b"q\\x00h\\x00\\x86" for _ in range(200))
        load_pickle(double + b".")
        for bomb in (b"}" + double + b"K\\x01s.", double + double + b"\\x93."):
            try:
                load_pickle(bomb)
            except ValueError:
                continue
            raise SystemExit("not refused")
        deep = b"]" * 1 + b"\\x85" * 500_000 + b"."
        load_pickle(deep)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=60)


@settings(deadline=None, max_examples=50)
@given(data=st.binary(max_size=60), at=st.integers(0, 400), cut=st.booleans())
def test_damage_is_a_value_error(data: bytes, at: int, cut: bool) -> None:
    whole = pickle.dumps({"conformers": [{"rd_mol": Chem.MolFromSmiles("CCO"), "w": 0.5, "n": [1, 2, "x"]}]})
    at %= len(whole)
    damaged = whole[:at] + data + (b"" if cut else whole[at + len(data) :])
    with contextlib.suppress(ValueError):
        load_pickle(damaged, MOL)


def test_the_module_can_import_nothing() -> None:
    tree = ast.parse(Path(restricted_pickle.__file__).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"struct", "collections.abc", "dataclasses", "typing"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not names & {"eval", "exec", "getattr", "setattr", "__import__", "globals", "compile"}
