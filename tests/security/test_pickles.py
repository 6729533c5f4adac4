"""Checkpoints whose pickle asks for what no list of weights needs."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from molbench.training.checkpoint import Checkpoint
from tests.security import pickles
from tests.security.archives import archive
from tests.security.conftest import Refused
from tests.security.pickles import (
    MARK,
    PROTO,
    STOP,
    called,
    many,
    mapping,
    named,
    number,
    storage,
    tensor,
    text,
)

CALLS = {
    "os.system": [text("touch executed")],
    "posix.system": [text("touch executed")],
    "builtins.exec": [text("open('executed', 'w')")],
    "builtins.eval": [text("open('executed', 'w')")],
    "builtins.open": [text("executed"), text("w")],
    "builtins.getattr": [text("a"), text("upper")],
    "builtins.__import__": [text("antigravity")],
    "builtins.bytearray": [number(10**12)],
    "builtins.complex": [number(1), number(2)],
    "builtins.set": [b"]"],
    "subprocess.Popen": [text("touch executed")],
    "importlib.import_module": [text("antigravity")],
    "webbrowser.open": [text("http://localhost")],
    "pickle.loads": [text("cos\nsystem\n")],
    "collections.Counter": [text("aaa")],
    "_codecs.encode": [text("a"), text("latin1")],
    "numpy._core.multiarray._reconstruct": [],
    "torch.load": [text("executed")],
    "torch.hub.load": [text("somebody/something")],
    "torch.storage._load_from_bytes": [text("a")],
    "torch.Tensor": [number(10**12)],
    "torch.jit.load": [text("executed")],
    "torch._utils._rebuild_qtensor": [],
    "torch._utils._rebuild_sparse_tensor": [],
    "torch._utils._rebuild_nested_tensor": [],
    "torch._utils._rebuild_meta_tensor_no_storage": [],
    "torch._utils._rebuild_wrapper_subclass": [],
    "torch._utils._rebuild_device_tensor_from_numpy": [],
    "torch._tensor._rebuild_from_type_v2": [],
    "molbench.training.checkpoint.Checkpoint.load": [text("executed")],
}
INSTRUCTIONS = {
    "an instance": MARK + b"ios\nsystem\n",
    "an object": MARK + named("os.system") + text("touch executed") + b"o",
    "keywords": named("os.system") + b")}\x92",
    "an extension": b"\x82\x01",
    "a reference as text": b"Psomething\n",
    "a set": b"\x8f",
    "a frozen set": MARK + b"\x91",
    "an array of bytes": b"\x96" + struct.pack("<Q", 2**40),
    "a buffer outside": b"\x97",
    "a copy": b"N2",
    "a name from the stack": text("os") + text("system") + b"\x93",
    "a quoted string": b"S'a'\n",
    "one that is not": b"\xff",
}
NESTED = 100_000
DAMAGED = {
    "cut short": pickles.checkpoint()[:-20],
    "empty": b"",
    "only an end": STOP,
    "another version": b"\x80\x63" + pickles.checkpoint()[2:],
    "text beyond the end": PROTO + b"X\xff\xff\xff\x7fa" + STOP,
    "text that is none": PROTO + text(b"\xff\xfe") + STOP,
    "a number of two billion bytes": PROTO + b"\x8b\xff\xff\xff\x7f" + STOP,
    "a number of less than no bytes": PROTO + b"\x8b\xff\xff\xff\xff" + STOP,
    "a number of a million digits": PROTO + b"L" + b"9" * 10**6 + b"L\n" + STOP,
    "no number": PROTO + b"Iabc\n" + STOP,
    "an unknown reference": PROTO + b"h\x07" + STOP,
    "a far reference": PROTO + b"Nr\xff\xff\xff\xffj\xfe\xff\xff\xff" + STOP,
    "a mark too few": PROTO + b"Nt" + STOP,
    "an odd number of items": PROTO + b"}(Nu" + STOP,
    "items of a number": PROTO + number(1) + MARK + text("a") + b"Nu" + STOP,
    "a list as a key": PROTO + b"}]Ns" + STOP,
    "tuples of tuples as a key": PROTO + b"})" + b"q\x00h\x00\x86" * 60 + b"Ns" + STOP,
    "marks without end": PROTO + MARK * NESTED + STOP,
    "lists in lists": PROTO + b"]" * NESTED + b"a" * (NESTED - 1) + STOP,
    "lists side by side": PROTO + b"]" * (2 * 2**20 - 8) + STOP,
    "longer than any list of tensors": PROTO + b"N0" * 2**20 + b"N" + STOP,
    "a call of text": PROTO + text("os.system") + b")R" + STOP,
    "state of a list": PROTO + b"]}b" + STOP,
    "laughter": PROTO + b"]q\x00" + (b"0(" + b"h\x00" * 10 + b"lq\x00") * 40 + STOP,
    "the same text a thousand times": PROTO + text("a" * 10**6) + b"q\x00(" + b"h\x00" * 1000 + b"l" + STOP,
    "a list that holds itself": PROTO + b"]q\x00h\x00a" + STOP,
    "a million values": PROTO + b"(" + b"N" * 10**6 + b"l" + STOP,
    "items of an ordered dict without end": PROTO
    + called("collections.OrderedDict")
    + b"q\x00"
    + text("a")
    + b"h\x00s"
    + STOP,
    "parameters of parameters": PROTO
    + (named("torch._utils._rebuild_parameter") + b"(") * 90
    + b"tR" * 90
    + STOP,
    "settings of nothing": PROTO + named("argparse.Namespace") + b")\x81Nb" + STOP,
}
BIG = number(2**62)
TENSORS = {
    "more values than stored": tensor(storage(count=number(3000)), shape=many(number(3000))),
    "fewer values than stored": tensor(storage(count=number(2))),
    "values of another type": tensor(storage(kind="torch.DoubleStorage")),
    "a negative number of values": tensor(storage(count=number(-3))),
    "an enormous number of values": tensor(storage(count=BIG)),
    "complex values": tensor(storage(kind="torch.ComplexFloatStorage")),
    "quantised values": tensor(storage(kind="torch.QInt8Storage")),
    "values without a type": tensor(storage(kind="torch.storage.UntypedStorage")),
    "values of a name": tensor(storage(kind="collections.OrderedDict")),
    "values elsewhere": tensor(storage(key=text("../../../../etc/passwd"))),
    "values that are not there": tensor(storage(key=text("1"))),
    "values under a name of two lines": tensor(storage(key=text("0\n1"))),
    "values under a name that colours": tensor(storage(key=text("\x1b[31m"))),
    "values under a name of ten thousand letters": tensor(storage(key=text("a" * 10**4))),
    "values under a number": tensor(storage(key=number(0))),
    "values under a list": tensor(storage(key=b"]")),
    "another kind of reference": tensor(many(text("file"), text("/etc/passwd")) + b"Q"),
    "a reference to a number": tensor(number(1) + b"Q"),
    "no values": tensor(b"}"),
    "an offset beyond the end": tensor(offset=number(1)),
    "a far offset": tensor(offset=BIG),
    "a negative offset": tensor(offset=number(-1)),
    "an offset that is true": tensor(offset=b"\x88"),
    "an offset that is a fraction": tensor(offset=b"G" + struct.pack(">d", 0.5)),
    "a shape beyond the end": tensor(shape=many(number(4))),
    "a negative shape": tensor(shape=many(number(-1))),
    "an enormous shape": tensor(shape=many(BIG)),
    "a shape whose size overflows": tensor(shape=many(*[number(2**33)] * 2), stride=many(*[number(0)] * 2)),
    "a shape of text": tensor(shape=many(text("3"))),
    "a shape that is a list": tensor(shape=b"]"),
    "sixty-four dimensions": tensor(shape=many(*[number(1)] * 64), stride=many(*[number(1)] * 64)),
    "a stride of nothing": tensor(shape=many(number(10**9)), stride=many(number(0))),
    "a negative stride": tensor(stride=many(number(-1))),
    "an enormous stride": tensor(stride=many(BIG)),
    "a stride too many": tensor(stride=many(number(1), number(1))),
    "an empty view far away": tensor(offset=number(10**9), shape=many(number(0))),
    "no shape": called("torch._utils._rebuild_tensor_v2", storage()),
    "a parameter of nothing": called("torch._utils._rebuild_parameter"),
    "a parameter of a number": called("torch._utils._rebuild_parameter", number(1), b"\x88", b"}"),
}


def read(path: Path) -> object:
    """As the command line does before it uses one."""
    return Checkpoint.load(path).build()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is executed would be seen in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_called(name: str, tmp_path: Path, refused: Refused) -> None:
    content = pickles.checkpoint(environment=mapping(a=called(name, *CALLS[name])))
    path = archive(content).write(tmp_path / "c.pt")
    assert f"names '{name}', which is not plain data" in refused(lambda: read(path))


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_nothing_but_plain_instructions(name: str, tmp_path: Path, refused: Refused) -> None:
    path = archive(PROTO + INSTRUCTIONS[name] + STOP).write(tmp_path / "c.pt")
    message = refused(lambda: read(path))
    assert "not one of plain data" in message or "not plain data" in message


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_and_excess(name: str, tmp_path: Path, refused: Refused) -> None:
    path = archive(DAMAGED[name]).write(tmp_path / "c.pt")
    message = refused(lambda: read(path))
    assert "damaged or refused" in message or "holds a list" in message


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_are_not_there(name: str, tmp_path: Path, refused: Refused) -> None:
    weights = b"}" + MARK + text("a") + TENSORS[name] + b"u"
    path = archive(pickles.checkpoint(state_dict=weights)).write(tmp_path / "c.pt")
    message = refused(lambda: read(path))
    assert "damaged or refused" in message or "no dense tensor" in message


def test_what_these_tests_change_is_read(tmp_path: Path) -> None:
    path = archive(pickles.checkpoint()).write(tmp_path / "c.pt")
    assert Checkpoint.load(path).state_dict["a"].tolist() == [1, 2, 3]
