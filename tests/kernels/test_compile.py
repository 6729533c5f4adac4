"""Compiled kernels are made once, made again when damaged, and never loaded from where others can write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from molbench.atomic import temporary_beside
from molbench.kernels import compile as compile_module
from molbench.kernels.compile import NoKernelsError, compiled
from tests.eager import needs_kernels

CODE = "from molbench.kernels import library; print('loaded' if library.library() else library.reason())"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the user's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MOLBENCH_KERNELS", raising=False)
    return tmp_path / "cache" / "molbench" / "kernels"


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library as the compiler makes it: the one thing here that takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("compiled")))
        return compiled()


@pytest.fixture
def made(cache: Path, compiled_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library in the cache; compiling is copying in this process."""

    def compile_quickly(_: str, folder: Path, __: str) -> Path:
        return Path(shutil.copy(compiled_once, folder / compiled_once.name))

    monkeypatch.setattr(compile_module, "_compile", compile_quickly)
    return compiled()


def in_a_process() -> str:
    """What a process of its own says of its kernels; it must not crash."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(os.environ.get("CC", "cc")) is None, reason="no C compiler")
def test_a_machine_with_a_compiler_has_kernels(cache: Path) -> None:
    assert in_a_process() == "loaded"
    assert cache.stat().st_mode & 0o777 == 0o700
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.slow
@needs_kernels
def test_what_killed_compilations_left_is_swept(made: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(60)
    theirs = temporary_beside(made.with_name("kernels"))
    left = theirs.with_name(theirs.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-"))
    for folder in (theirs, left):
        folder.mkdir()
        (folder / "ccAbCdEf.s").touch()
    assert compiled() == made
    assert set(made.parent.iterdir()) == {made, theirs}  # of a process that still compiles


@pytest.mark.slow
@needs_kernels
def test_they_are_compiled_once(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_module, "_compile", lambda *_: pytest.fail("compiled again"))
    assert compiled() == made


@pytest.mark.slow
@needs_kernels
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
        lambda content: b"\x7fELF" + bytes(len(content) - 4),
        lambda content: content + b"more",
    ],
    ids=["truncated", "empty", "one bit", "zeros", "longer"],
)
def test_a_damaged_one_is_compiled_again(damage: Callable[[bytes], bytes], made: Path) -> None:
    whole = made.read_bytes()
    made.write_bytes(damage(whole))
    assert compiled().read_bytes() == whole
    assert list(made.parent.iterdir()) == [made]


@pytest.mark.slow
@needs_kernels
def test_a_damaged_one_does_not_crash_the_process(made: Path) -> None:
    whole = made.read_bytes()
    made.write_bytes(whole[: len(whole) // 2])
    assert in_a_process() == "loaded"
    assert made.read_bytes() == whole


@pytest.mark.slow
@needs_kernels
def test_what_others_could_have_written_is_compiled_again(made: Path) -> None:
    made.chmod(0o666)
    assert compiled().stat().st_mode & 0o077 == 0


@needs_kernels
def test_a_link_is_not_followed(made: Path, tmp_path: Path) -> None:
    elsewhere = made.rename(tmp_path / "library.so")
    made.symlink_to(elsewhere)
    assert not compiled().is_symlink()


@pytest.mark.slow
@needs_kernels
@pytest.mark.parametrize("mode", [0o777, 0o720, 0o1777])
def test_a_folder_that_others_can_write_is_not_used(mode: int, made: Path) -> None:
    made.parent.chmod(mode)
    with pytest.raises(NoKernelsError, match=rf"others can write to {made.parent}: run chmod go-w"):
        compiled()
    assert "others can write" in in_a_process()


@needs_kernels
def test_a_parent_that_others_can_write_is_not_used(made: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").chmod(0o775)
    with pytest.raises(NoKernelsError, match=rf"others can write to {tmp_path / 'cache'}:"):
        compiled()
    (tmp_path / "cache").chmod(0o1777)  # as /tmp: others may add folders, and not rename this one
    assert compiled() == made


@needs_kernels
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_not_used(made: Path, tmp_path: Path) -> None:
    os.chown(made, 12345, -1)
    assert compiled().stat().st_uid == os.geteuid()
    os.chown(tmp_path / "cache", 12345, -1)
    with pytest.raises(NoKernelsError, match=rf"{tmp_path / 'cache'} belongs to another user"):
        compiled()


@pytest.mark.slow
@needs_kernels
def test_where_nothing_can_be_written_there_are_none(cache: Path) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file where a folder should be")
    with pytest.raises(NoKernelsError, match="folder cannot be used"):
        compiled()
    assert "folder cannot be used" in in_a_process()


@pytest.mark.parametrize(
    ("compiler", "message"), [("false", "false failed: exit status 1"), ("no-such-compiler", "no C compiler")]
)
def test_without_a_working_compiler_there_are_none(
    compiler: str, message: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(NoKernelsError, match=message):
        compiled()
    assert not cache.exists() or not list(cache.iterdir())  # nothing half-written stays


@pytest.mark.slow
@needs_kernels
def test_processes_that_compile_at_once_all_have_kernels(cache: Path) -> None:
    command = [sys.executable, "-c", CODE]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=120)[0].strip() for process in running] == ["loaded"] * 3
    assert all(file.suffix == ".so" for file in cache.iterdir())
