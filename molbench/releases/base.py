"""What a released code base has in common with the others: names to translate, an encoder to find."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from molbench.errors import UserError

State = Mapping[str, Tensor]
#: Pattern of a released name to ours; the first that matches the whole name counts.
Rules = Sequence[tuple[str, str]]


class Release(ABC):
    """One released code base.

    Attributes:
        name: As in ``molbench convert --from``.
        title: Its repository.
        names: Encoder to the names of its parameters. What matches nothing (constants, second copies of a
            parameter) is left out.
        anchors: Backbone to the name of a parameter that only its encoder has.
        rest: Patterns of the names that are not the encoder's: heads, constants, second copies.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    names: ClassVar[Mapping[str, Rules]]
    anchors: ClassVar[Mapping[str, str]]
    rest: ClassVar[Sequence[str]]

    @abstractmethod
    def config(self, backbone: str, state: State, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Our configuration of an encoder.

        Args:
            backbone: Ours.
            state: Released name to parameter.
            hyper: Hyperparameters that the file holds beside the weights.

        Raises:
            UserError: If it is an encoder that ours cannot be.
        """

    def variant(self, backbone: str, state: State) -> str:  # noqa: ARG002 - for those that share an anchor
        """The backbone, where some share an anchor, by what else is in the state."""
        return backbone

    def arrange(self, backbone: str, state: State, heads: int) -> State:  # noqa: ARG002 - for those that differ
        """The state under its released names, in our order of channels and without unused parameters."""
        return state

    def our_name(self, backbone: str, name: str) -> str | None:
        """Our name of a parameter of an encoder, None where we have none."""
        for pattern, ours in self.names[backbone]:
            if match := re.fullmatch(pattern, name):
                return match.expand(ours)
        return None

    def translate(self, backbone: str, state: State, heads: int) -> dict[str, Tensor]:
        """The state of an encoder, ready for ``load_state_dict``."""
        arranged = self.arrange(backbone, state, heads)
        renamed = {self.our_name(backbone, name): value for name, value in arranged.items()}
        return {name: value for name, value in renamed.items() if name is not None}

    def find(self, names: Iterable[str]) -> tuple[str, str]:
        """Our backbone, and the prefix of its parameters.

        Raises:
            UserError: If there is not exactly one encoder.
        """
        encoders = [
            (backbone, name.removesuffix(anchor))
            for name in names
            for backbone, anchor in self.anchors.items()
            if name == anchor or name.endswith(f".{anchor}")
        ]
        if len(encoders) != 1:
            anchors = " or ".join(f"'{anchor}'" for anchor in self.anchors.values())
            raise UserError(
                f"{len(encoders)} encoders of {self.title} in it: one name should end with {anchors}"
            )
        return encoders[0]

    def explains(self, name: str) -> bool:
        """Whether a name that is not the encoder's is known."""
        return any(re.fullmatch(rf"(.*\.)?({pattern})", name) for pattern in self.rest)


def layers_of(state: Iterable[str], pattern: str) -> int:
    """Number of layers, the pattern's group being the index.

    Raises:
        UserError: If a number is left out: a single name could ask for a model of any depth.
    """
    numbers = {int(match[1]) for name in state if (match := re.match(pattern, name))}
    if numbers != set(range(len(numbers))):
        raise UserError(f"its layers are not numbered from 0 on, but up to {max(numbers)}")
    return len(numbers)
