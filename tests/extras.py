"""Imports every package of an extra, ``python tests/extras.py ray``, as it is installed."""

import re
import sys
from importlib import import_module
from importlib.metadata import packages_distributions, requires

import molbench


def packages_of(extra: str) -> list[str]:
    """Names of the distributions that an extra adds."""
    marked = [
        line for line in requires(molbench.__name__) or () if f'extra == "{extra}"' in line.replace("'", '"')
    ]
    return [re.match(r"[\w.-]+", line)[0] for line in marked]


def modules_of(package: str) -> list[str]:
    """What a distribution is imported as."""
    wanted = package.lower().replace("_", "-")
    return [
        module
        for module, owners in packages_distributions().items()
        if wanted in {owner.lower().replace("_", "-") for owner in owners} and not module.startswith("_")
    ]


def main(extra: str) -> None:
    """Import all of an extra.

    Raises:
        SystemExit: If there is no such extra, or a package of it gives no module.
    """
    packages = packages_of(extra)
    if not packages:
        raise SystemExit(f"{extra}: no extra of molbench")
    for package in packages:
        modules = modules_of(package)
        if not modules:
            raise SystemExit(f"{package}: installed, but it is imported as nothing")
        for module in modules:
            import_module(module)
        sys.stdout.write(f"{extra}: {package}: {', '.join(modules)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
