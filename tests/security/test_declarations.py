"""YAML that is no declaration, or one that grows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from molbench.spec.document import read_yaml
from molbench.spec.tasks import Tasks
from tests.security.conftest import Refused

SOUND = """\
defaults: {metrics: [mae], unit: meV, scheme: random, why: because}
tasks:
  gap: {target: gap}
"""
LAUGHS = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 30))
NAMES = "".join(f"m{n}: &m{n} {{a: *m{n - 1}, b: *m{n - 1}}}\n" for n in range(1, 60))
TEXTS: dict[str, str | bytes] = {
    "empty": "",
    "a list": "[]",
    "a number": "3",
    "text": "hello",
    "two documents": SOUND + "---\n" + SOUND,
    "no text": b"\xff\xfe\xfd",
    "half of UTF-16": SOUND.encode("utf-16"),
    "a null byte": SOUND + "\0",
    "a control character": SOUND + "# \x1b[2J\n",
    "laughter": "l0: &l0 [ha]\n" + LAUGHS + SOUND,
    "laughter in mappings": "m0: &m0 {a: 1}\n" + NAMES + SOUND,
    "an alias of itself": "a: &a [*a]\n" + SOUND,
    "an alias of what it stands in": "a: &a {b: {c: *a}}\n" + SOUND,
    "an alias of nothing": "a: *b\n" + SOUND,
    "an alias of a number": SOUND.replace("why: because", "why: &why because") + "  homo: {target: *why}\n",
    "an alias with a name that colours": SOUND + "a: *\x85b\n",
    "a merge without end": "a: &a {<<: *a}\n" + SOUND,
    "a merge of text": SOUND + "a: {<<: b}\n",
    "long text again and again": "a: &a " + "a" * 10**5 + "\nb: [" + "*a, " * 30_000 + "]\n",
    "lists in lists": "[" * 100_000,
    "lists in lists, closed": "[" * 100_000 + "]" * 100_000,
    "lists in lists, by lines": "- " * 100_000 + "a",
    "mappings in mappings": "{a: " * 100_000,
    "mappings in mappings, by lines": "".join(" " * n + "a:\n" for n in range(1400)),
    "keys in keys": "? " * 100_000,
    "twenty-one levels": SOUND + "a: " + "[" * 21 + "]" * 21 + "\n",
    "a million values": "[" + "a," * 500_000 + "]",
    "a hundred thousand keys": "".join(f"k{n}: 1\n" for n in range(100_000)),
    "ten thousand unknown keys": SOUND + "".join(f"k{n}: 1\n" for n in range(10_000)),
    "two MiB": SOUND + "# " + "a" * 2**21,
    "a number of a million digits": SOUND + "a: " + "9" * 10**6,
    "a number to the base of sixty": SOUND + "a: 1" + ":59" * 200_000,
    "a number of bits": SOUND + "a: 0b" + "1" * 10**6,
    "a fraction to the base of sixty": SOUND + "a: 1" + ":59" * 200_000 + ".5",
    "a long number as a key": SOUND + "9" * 1000 + ": a\n",
    "a day that is none": SOUND + "a: 2001-99-99\n",
    "an hour that is none": SOUND + "a: 2001-01-01 99:99:99\n",
    "code": "!!python/object/apply:os.system ['touch executed']",
    "a name": "!!python/name:os.system",
    "a module": "!!python/module:antigravity",
    "a tag of ours": SOUND + "a: !task {}\n",
    "a number that is none": SOUND + "a: !!int hello\n",
    "a truth that is none": SOUND + "a: !!bool hello\n",
    "a day of text": SOUND + "a: !!timestamp hello\n",
    "bytes": SOUND + "a: !!binary hello\n",
    "a set": SOUND + "a: !!set {b, c}\n",
    "pairs": SOUND + "a: !!omap [b: c]\n",
    "a tag of a thousand letters": SOUND + "a: !" + "a" * 10_000 + " b\n",
    "a tag without a prefix": SOUND + "a: !x!y b\n",
    "a key twice": SOUND + "tasks: {}\n",
    "a key twice below": SOUND.replace("target: gap", "target: gap, target: homo"),
    "a list as a key": SOUND + "? [a, b]\n: c\n",
    "a mapping as a key": SOUND + "? {a: b}\n: c\n",
    "nothing as a key": SOUND + "? \n: c\n",
    "truth as a key": SOUND + "yes: c\n",
    "a key of two lines": SOUND + '"a\\nb": c\n',
    "a key that colours": SOUND + '"\\e[31m": c\n',
    "a key from right to left": SOUND + '"\\u202ea": c\n',
    "a key of a thousand letters": SOUND + '"' + "a" * 1000 + '": c\n',
    "half a character": SOUND + '"\\ud800": c\n',
    "a tab": SOUND + "\tx: 1\n",
    "unfinished": SOUND + "a: [1",
    "a quote without an end": SOUND + 'a: "hello',
    "a mark of the wrong order": b"\xfe\xff" + SOUND.encode(),
    "a directive": "%YAML 9.9\n---\n" + SOUND,
    "an infinite version": SOUND.replace("gap}", "gap, version: .inf}"),
    "a version of many digits": SOUND.replace("gap}", "gap, version: 1e400}"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_declaration(
    name: str, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = TEXTS[name]
    path = tmp_path / "tasks.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(lambda: read_yaml(path, Tasks))


@pytest.mark.parametrize("name", ["missing", "a folder", "a pipe", "a hole", "a link to itself"])
def test_what_is_no_file(name: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "tasks.yaml"
    if name == "a folder":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a hole":
        with path.open("wb") as file:
            file.truncate(2**40)
    elif name == "a link to itself":
        path.symlink_to(path)
    refused(lambda: read_yaml(path, Tasks))


def test_what_these_tests_change_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tasks.yaml"
    path.write_text(SOUND)
    assert read_yaml(path, Tasks).tasks["gap"].unit == "meV"
