"""What the comment line of an xyz frame declares is honoured or refused, never ignored."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.elements import SYMBOLS
from molbench.data.build.parsers.extended_xyz import Layout, LayoutError, layout_of
from molbench.errors import UserError

BOHR = 0.529177210903  # Å, CODATA 2018

word = st.text("abcdefghijklmnopqrstuvw_", min_size=1, max_size=8)
filler = st.tuples(word, st.sampled_from("SRIL"), st.integers(1, 4))
ROWS = {"S": "Xy", "R": "-1.5e3", "I": "7", "L": "T"}


@st.composite
def declared(draw: st.DrawFn) -> tuple[str, list[tuple[int, list[float]]]]:
    """Text of a frame with columns in any order, and its atoms as numbers and Å."""
    elements = draw(st.sampled_from([["species"], ["Z"], ["species", "Z"]]))
    extra = draw(st.lists(filler, max_size=4, unique_by=lambda column: column[0]))
    extra = [column for column in extra if column[0] not in {"species", "z", "pos"}]
    kinds = {"species": ("species", "S", 1), "Z": ("Z", "I", 1), "pos": ("pos", "R", 3)}
    columns = draw(st.permutations([*(kinds[name] for name in (*elements, "pos")), *extra]))
    atoms = [
        (draw(st.integers(1, 118)), [i + draw(st.floats(-0.3, 0.3)), *draw(st.tuples(far, far))])
        for i in range(draw(st.integers(1, 5)))
    ]
    unit, scale = draw(st.sampled_from([("", 1.0), ("units=bohr", BOHR), ('Length_Unit="nm"', 10.0)]))
    quote = draw(st.sampled_from(["{}", '"{}"', "'{}'"]))
    header = draw(
        st.permutations(
            [
                "Properties=" + quote.format(":".join(f"{n}:{k}:{c}" for n, k, c in columns)),
                draw(st.sampled_from(['pbc="F F F"', "pbc = F", "PBC='false false false'", "pbc=[F,F,F]"])),
                draw(st.sampled_from(["", 'Lattice="9 0 0 0 9 0 0 0 9"', "lattice={9 0 0 0 9 0 0 0 9}"])),
                unit,
                draw(st.sampled_from(["", "energy=-76.4", 'note="a quoted = text"', "plain words", "C=C"])),
            ]
        )
    )
    lines = []
    for number, xyz in atoms:
        cells = {
            "species": [SYMBOLS[number - 1]],
            "Z": [str(number)],
            "pos": [repr(value / scale) for value in xyz],
        }
        lines.append(" ".join(" ".join(cells.get(n, [ROWS[k]] * c)) for n, k, c in columns))
    return "\n".join([str(len(atoms)), " ".join(header), *lines, ""]), atoms


far = st.floats(-5e3, 5e3)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(frame=declared())
def test_columns_in_any_order_give_the_atoms_back(parse, tmp_path_factory, frame) -> None:
    text, atoms = frame
    path = tmp_path_factory.mktemp("xyz") / "a.xyz"
    path.write_text(text, encoding="utf-8")
    records, failures = parse("xyz", [path])
    assert not failures
    assert records["atomic_numbers"].to_pylist() == [[number for number, _ in atoms]]
    actual = np.array(records["positions"].to_pylist()[0])
    np.testing.assert_allclose(actual, [xyz for _, xyz in atoms], rtol=2e-7, atol=1e-7)


def test_a_plain_comment_declares_nothing() -> None:
    for comment in (
        "water",
        "E = -76.4 Hartree",
        "CC(=O)O",
        "unit cell of ice",
        "energy_unit=Hartree",
        "Z=8",
    ):
        assert layout_of(comment) == Layout()


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        ('pbc="T T T"', "periodic"),
        ('pbc="F F T"', "periodic"),
        ("PBC=T", "periodic"),
        ("pbc=[1,1,0]", "periodic"),
        ('Lattice="3 0 0 0 3 0 0 0 3"', "a Lattice is periodic unless"),
        ('pbc="F F"', "is not three of T and F"),
        ('pbc="F F F', "is not three of T and F"),
        ("pbc=maybe", "is not three of T and F"),
        ('pbc="F F F" pbc="T T T"', "stands twice"),
        ("Properties=species:S:1:forces:R:3", "no pos:R:3, the coordinates; it has: 'species, forces'"),
        ("Properties=species:S:1:pos:R:2", "no pos:R:3"),
        ("Properties=species:S:1:pos:S:3", "no pos:R:3"),
        ("Properties=pos:R:3", "no species:S:1, the elements; it has: 'pos'"),
        ("Properties=species:S:1:pos:R:3:pos:R:3", "has 'pos' twice"),
        ("Properties=species:S:1:pos:R", "is not name:type:count"),
        ("Properties=species:S:1:pos:R:-3", "is not name:type:count"),
        ("Properties=species:S:1:pos:Q:3", "is not name:type:count"),
        ("Properties=species:S:1:pos:R:99999", "is not name:type:count"),
        ('Properties=""', "is not name:type:count"),
        ("units=furlong", "units: 'furlong' is no unit of length"),
        ("units=eV", "units: 'eV' is no unit of length"),
        ("units=bohr pos_unit=nm", "two units of length"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_place(
    parse, tmp_path: Path, comment: str, reason: str
) -> None:
    with pytest.raises(LayoutError, match=reason):
        layout_of(comment)
    path = tmp_path / "a.xyz"
    path.write_text(f"1\nfine\nO 0 0 0\n1\n{comment}\nO 0 0 0\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"a\.xyz, line 5: .*{reason}"):
        parse("xyz", [path])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("O 8 0 0", "4 columns instead of 5"),
        ("O 8 0 0 0 0", "6 columns instead of 5"),
        ("O 7 0 0 0", "element 'O' of atomic number 7"),
        ("O x 0 0 0", "unknown element 'x'"),
        ("O 8 0 0 zero", "not a number: 'zero'"),
    ],
)
def test_a_line_that_does_not_fit_its_columns_is_a_failure(parse, tmp_path, line: str, reason: str) -> None:
    path = tmp_path / "a.xyz"
    header = "Properties=species:S:1:Z:I:1:pos:R:3"
    path.write_text(f"1\n{header} a\nO 8 0 0 0\n1\n{header} b\n{line}\n", encoding="utf-8")
    records, failures = parse("xyz", [path])
    assert len(records) == 1
    assert [failure.where for failure in failures] == ["a.xyz, line 4"]
    assert reason in failures[0].reason and "in atom 1, line 6" in failures[0].reason


@pytest.mark.parametrize("piece", ["{", "[", '"', "'", "a={", "a=[", 'a="', "a='", "a=", "= ", 'a="\\', " "])
def test_a_hostile_comment_takes_no_longer_than_its_length(piece: str) -> None:
    """Patterns that search a million characters from each of a million places would never end."""
    layout_of((piece * 500_000)[:1_000_000])
