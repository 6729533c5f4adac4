"""What `make` installs: every version pinned, every file of it but PyTorch's compared with its hash."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: PyTorch and what it brings for accelerators: their files differ from index to index.
WITHOUT_HASH = re.compile(r"torch|triton|(cuda|nvidia)-.*")


def _pinned(file: str) -> dict[str, list[Requirement]]:
    """Requirements by name; a name has several where they depend on the machine."""
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", "")
    pins: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line.partition("--hash")[0])
            pins.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pins


CONSTRAINTS, LOCK = _pinned("constraints.txt"), _pinned("requirements.lock")


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    extras = PROJECT["optional-dependencies"]
    (own,) = (r for r in map(Requirement, extras["dev"]) if canonicalize_name(r.name) == PROJECT["name"])
    installed = own.extras | {"dev"}
    for extra, requirements in {"": PROJECT["dependencies"], **extras}.items():
        for requirement in map(Requirement, requirements):
            name = canonicalize_name(requirement.name)
            if name == PROJECT["name"]:
                continue
            assert requirement.specifier, f"{requirement} has no lower bound"
            if extra and extra not in installed:
                continue  # services of others, which `make` does not install
            assert name in CONSTRAINTS, f"`make lock` adds {requirement}"
            for pin in CONSTRAINTS[name]:
                (version,) = pin.specifier
                assert requirement.specifier.contains(version.version), f"{pin} is not {requirement}"


def test_pins_are_exact() -> None:
    for requirements in CONSTRAINTS.values():
        for requirement in requirements:
            assert [s.operator for s in requirement.specifier] == ["=="], requirement


def test_the_lock_has_the_same_versions_and_a_hash_for_each() -> None:
    assert {name: pins for name, pins in CONSTRAINTS.items() if not WITHOUT_HASH.fullmatch(name)} == LOCK
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", "")
    for line in text.splitlines():
        if not line.startswith("#"):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line


def test_pytorch_is_the_one_that_make_installs_first() -> None:
    (torch,) = CONSTRAINTS["torch"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"TORCH := {next(iter(torch.specifier)).version}\n" in makefile
