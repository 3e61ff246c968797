"""The linear members of a tagger <-> a file of weights beside those of its networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from tagger.bundle.saved_config import LINEAR_WEIGHTS
from tagger.model.dictionary import open_dictionary
from tagger.model.linear_chain import TABLES, LinearChain
from tagger.model.storage import build_without_memory, compress, expand, one_error, read_weights

_DECODER = "decoder."  # prefix of the names of the transitions' scores, which are few and stay as they are


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear-chain CRF whose scores of a column are averaged with those of the networks.

    Attributes:
        column: of tags, whose order is that of the tagger.
        chain: in evaluation mode.
        weight: of its scores in the mean; what the linear members of a column leave of 1 is the networks'.
        temperature: by which its scores are divided before they are averaged.
    """

    column: str
    chain: LinearChain
    weight: float
    temperature: float = 1.0

    @property
    def share(self) -> float:
        """What its scores are multiplied by before those of all members are added."""
        return self.weight / self.temperature

    @property
    def description(self) -> dict[str, Any]:
        """What `config.json` says of it."""
        values = {"column": self.column, "weight": self.weight, "temperature": self.temperature}
        dictionary = self.chain.dictionary.digests if self.chain.dictionary else {}
        return {**values, "features": self.chain.sizes, **({"dictionary": dictionary} if dictionary else {})}

    def round_to(self, storage_dtype: str) -> None:
        """Changes the weights in place to those that a file of that dtype would have."""
        self.chain.load_state_dict(expand(compress(self.chain.state_dict(), storage_dtype, (_DECODER,))))


def networks_share(members: Sequence[Linear], column: str) -> float:
    """The weight that the linear members of a column leave to the networks."""
    return 1 - sum(member.weight for member in members if member.column == column)


def save_linear(members: Sequence[Linear], folder: Path) -> None:
    """Writes the weights of linear members, if there are any; see `Bundle.save` for errors."""
    stored: dict[str, Tensor] = {}
    for number, member in enumerate(members):
        weights = compress(member.chain.state_dict(), "float32", (_DECODER,))
        stored |= {f"{number}.{name}": each.clone() for name, each in weights.items()}  # shares no memory
    if stored:
        save_file(stored, folder / LINEAR_WEIGHTS)


def load_linear(
    described: Sequence[Mapping[str, Any]], tags: Mapping[str, Sequence[str]], folder: Path
) -> tuple[Linear, ...]:
    """Reads what `save_linear` wrote."""
    if not described:
        return ()
    path = folder / LINEAR_WEIGHTS
    with one_error(folder, LINEAR_WEIGHTS):
        chains = [
            build_without_memory(lambda e=each: LinearChain(e["features"], len(tags[e["column"]])))  # type: ignore[misc]
            for each in described
        ]
    for chain, each in zip(chains, described, strict=True):
        chain.dictionary = open_dictionary(each["dictionary"]) if each.get("dictionary") else None
    keys = {f"{number}.tables.{table}.keys": "I32" for number in range(len(chains)) for table in TABLES}
    names = {f"{number}.{name}": each for number, c in enumerate(chains) for name, each in c.state_dict().items()}
    weights = read_weights(path, {name: each for name, each in names.items() if name not in keys}, keys)
    with one_error(folder, LINEAR_WEIGHTS):
        for name in keys:
            if (weights[name][1:] <= weights[name][:-1]).any():
                raise ValueError(f"{name} are not in ascending order")
        members = []
        for number, (chain, each) in enumerate(zip(chains, described, strict=True)):
            of_chain = {name: weights[f"{number}.{name}"] for name in chain.state_dict()}
            chain.load_state_dict(of_chain, assign=True)
            members.append(Linear(each["column"], chain.eval(), each["weight"], each["temperature"]))
    return tuple(members)
