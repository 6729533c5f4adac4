"""How a score came about, whoever made it."""

from molbench.spec.direct import Direct
from molbench.spec.fingerprint import Boosting
from molbench.spec.protocol import Protocol

#: A declared protocol, or what stands in its place for a candidate that is its own.
Recipe = Protocol | Boosting | Direct
