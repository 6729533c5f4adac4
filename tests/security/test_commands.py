"""The command line refuses hostile files with exit 2 and one line, in bounded time and memory."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.releases.emgp_weights import egnn
from tests.security import pickles
from tests.security.archives import Archive, archive
from tests.security.conftest import CommandRefused
from tests.security.pickles import MARK, PROTO, STOP, called, many, mapping, number, storage, tensor, text
from tests.security.test_contents_of_checkpoints import FIRST, content
from tests.security.test_declarations import LAUGHS

pytestmark = pytest.mark.slow

SOUND = archive(pickles.checkpoint())
EXPANDED = tensor(storage(), shape=many(number(10**9)), stride=many(number(0)))
ARCHIVES: dict[str, Archive] = {
    "code": archive(pickles.checkpoint(environment=mapping(a=called("os.system", text("touch executed"))))),
    "laughter": archive(PROTO + b"]q\x00" + (b"0(" + b"h\x00" * 10 + b"lq\x00") * 40 + STOP),
    "a stride of nothing": archive(pickles.checkpoint(state_dict=b"}" + MARK + text("a") + EXPANDED + b"u")),
    "a wrong checksum": SOUND.but("data/0", checksum=1),
    "entries over one another": SOUND.but("data/0", place=0),
    "sixty thousand entries": replace(SOUND, count=60_000),
    "a pickle that unpacks": SOUND.but("data.pkl", method=8, unpacked=10**9),
}
CONFIG = {"name": "painn", "config": {"width": 10**6, "interactions": 10**6}}
CONTENTS = {
    "a million layers": content({"backbone": CONFIG}),
    "nan": content({"state_dict": content()["state_dict"] | {FIRST: torch.full((10, 10), math.nan)}}),
    "a name that colours": content({"backbone": {"name": "\x1b[31mpainn", "config": {}}}),
}


@pytest.mark.parametrize("name", [*ARCHIVES, *CONTENTS])
def test_evaluate(name: str, tmp_path: Path, command_refused: CommandRefused) -> None:
    if name in ARCHIVES:
        ARCHIVES[name].write(tmp_path / "c.pt")
    else:
        torch.save(CONTENTS[name], tmp_path / "c.pt")
    command_refused("evaluate", "c.pt", "--executor", "inline")


PRETRAIN = "pretrain", "coord", "--data", "xtb-molecules", "--init", "c.pt", "-o", "d.pt"


@pytest.mark.parametrize("command", [("list", "stages", "c.pt"), PRETRAIN])
def test_other_commands_that_read_a_checkpoint(
    command: tuple[str, ...], tmp_path: Path, command_refused: CommandRefused
) -> None:
    ARCHIVES["code"].write(tmp_path / "c.pt")
    assert "names 'os.system'" in command_refused(*command)


def test_convert(tmp_path: Path, command_refused: CommandRefused) -> None:
    torch.save({"model": egnn() | {"gcl_999999999.node_mlp.2.bias": torch.ones(4)}}, tmp_path / "weights")
    message = command_refused("convert", "--from", "3d-emgp", "weights", "-o", "c.pt")
    assert "not numbered from 0 on" in message


def test_a_protocol(tmp_path: Path, command_refused: CommandRefused) -> None:
    torch.save(content(), tmp_path / "c.pt")
    (tmp_path / "protocol.yaml").write_text("l0: &l0 [ha]\n" + LAUGHS)
    message = command_refused("evaluate", "c.pt", "--protocol", "protocol.yaml")
    assert "protocol.yaml:2: an alias" in message
