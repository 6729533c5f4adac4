"""Checkpoints whose zip archive lies about itself."""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from molbench.training.checkpoint import Checkpoint
from tests.security import pickles
from tests.security.archives import Archive, Entry, archive
from tests.security.conftest import Bounded, Refused

SOUND = archive(pickles.checkpoint())
DEFLATED = zlib.compress(bytes(10**8), 9)[2:-4]
WIDE = struct.pack("<2H3Q", 1, 24, 2**60, 2**60, 0)
LIES = {
    "empty": Archive(()),
    "a comment": replace(SOUND, comment=b"hello"),
    "more behind it": replace(SOUND, behind=b"hello"),
    "more before it": replace(SOUND, before=b"hello", start=0),
    "fewer entries than listed": replace(SOUND, count=1),
    "more entries than listed": replace(SOUND, count=9),
    "sixty thousand entries": replace(SOUND, count=60_000),
    "a longer list": replace(SOUND, length=10_000),
    "a list of four GiB": replace(SOUND, length=2**32 - 1),
    "a shorter list": replace(SOUND, length=60),
    "a list elsewhere": replace(SOUND, start=0),
    "a list beyond the end": replace(SOUND, start=2**32 - 1),
    "two disks": replace(SOUND, disks=(1, 0)),
    "a list on another disk": replace(SOUND, disks=(0, 1)),
    "a second end that contradicts": replace(SOUND, wide=(2**40, 2**50, 2**60)),
    "a second end of other counts": replace(SOUND, wide=(1, 60, 0)),
    "a second end elsewhere": replace(SOUND, locator=2**63),
    "a second end at the start": replace(SOUND, locator=0),
    "no pickle": SOUND.but("data.pkl", name=b"c/data.pik"),
    "no values": SOUND.but("data/0", name=b"c/data/1"),
    "values in another folder": SOUND.but("data/0", name=b"d/data/0"),
    "values cut short": SOUND.but("data/0", content=b"abc"),
    "another byte order": SOUND.but("byteorder", content=b"big"),
    "a wrong checksum of the pickle": SOUND.but("data.pkl", checksum=1),
    "a wrong checksum of values": SOUND.but("data/0", checksum=1),
    "a wrong checksum of what nobody reads": SOUND.but("version", checksum=1),
    "one bit of the values": SOUND.but("data/0", content=b"\1" + bytes(11), checksum=zlib.crc32(bytes(12))),
    "a pickle that unpacks to anything": SOUND.but("data.pkl", content=DEFLATED, method=8, unpacked=10**8),
    "values that unpack to anything": SOUND.but("data/0", content=DEFLATED, method=8, unpacked=10**8),
    "stored, and longer unpacked": SOUND.but("data/0", unpacked=10**8),
    "stored, and longer than the file": SOUND.but("data/0", size=2**31, unpacked=2**31),
    "bzip2": SOUND.but("data/0", method=12),
    "an unknown compression": SOUND.but("data/0", method=77),
    "encrypted": SOUND.but("data/0", flags=1),
    "a patch": SOUND.but("data/0", flags=0x20),
    "a later version": SOUND.but("data/0", version=99),
    "another local name": SOUND.but("data/0", local_name=b"c/data/1"),
    "no local header": SOUND.but("data/0", signature=b"PK\7\7"),
    "a local header beyond the end": SOUND.but("data/0", place=2**31),
    "values over the pickle": SOUND.but("data/0", place=0),
    "all in one place": replace(SOUND, entries=tuple(replace(one, place=0) for one in SOUND.entries)),
    "an entry twice": SOUND.with_entry(b"c/data.pkl", pickles.checkpoint()),
    "a name that ends early": SOUND.with_entry(b"c/data.pkl\0x"),
    "a name of two lines": SOUND.with_entry(b"c/a\nb"),
    "a name that moves the cursor": SOUND.with_entry(b"c/\x1b[2J"),
    "a name of sixty thousand letters": SOUND.with_entry(b"c/" + b"a" * 60_000),
    "a name that is no text": SOUND.with_entry(b"c/\xff\xfe"),
    "no name": SOUND.with_entry(b""),
    "eight exabytes": SOUND.but("data/0", size=2**32 - 1, unpacked=2**32 - 1, extra=WIDE),
    "a field cut short": SOUND.but("data/0", extra=b"\1\0\xff\xff"),
    "a hundred thousand entries": Archive(
        tuple(Entry(b"c/%d" % number, b"") for number in range(100_000)), count=4
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_headers_that_lie(name: str, tmp_path: Path, refused: Refused) -> None:
    path = LIES[name].write(tmp_path / "c.pt")
    message = refused(lambda: Checkpoint.load(path))
    assert "damaged or refused" in message


@pytest.mark.parametrize("name", ["empty file", "text", "zeros", "hole", "folder", "truncated"])
def test_no_archive_at_all(name: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "c.pt"
    if name == "folder":
        path.mkdir()
    elif name == "truncated":
        SOUND.write(path)
        path.write_bytes(path.read_bytes()[:-30])
    else:
        path.write_bytes({"text": b"hello\n", "zeros": bytes(4096)}.get(name, b""))
    if name == "hole":
        with path.open("r+b") as file:
            file.truncate(3 * 2**30)
    refused(lambda: Checkpoint.load(path))


@pytest.mark.parametrize("seed", range(8))
def test_one_bit_anywhere(seed: int, tmp_path: Path, bounded: Bounded) -> None:
    """Where a bit changes nothing that is read, the weights are those that were written."""
    path = SOUND.write(tmp_path / "c.pt")
    whole = path.read_bytes()
    generator = random.Random(seed)
    for _ in range(50):
        damaged = bytearray(whole)
        damaged[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        if bounded(lambda: Checkpoint.load(path)) is None:
            assert Checkpoint.load(path).state_dict["a"].tolist() == [1, 2, 3]
            assert Checkpoint.load(path).backbone == "painn"


def test_what_these_tests_change_is_read(tmp_path: Path) -> None:
    for sound in (SOUND, replace(SOUND, wide=None, locator=None)):
        assert Checkpoint.load(sound.write(tmp_path / "c.pt")).state_dict["a"].tolist() == [1, 2, 3]
