"""The small source that a parser itself gives."""

from molbench.data.build.parsers import PARSERS, build_parser
from tests.fuzz.checks import check_molecules, check_pairs
from tests.fuzz.mutation import Sample


def samples() -> list[Sample]:
    """One sample for each parser of the listing that has one."""
    small = {name: source for name in PARSERS if (source := PARSERS[name].small())}
    return [
        Sample(
            name,
            files,
            options,
            check=check_pairs
            if "a_smiles" in build_parser(name, options).schema().names
            else check_molecules,
        )
        for name, (options, files) in small.items()
    ]
