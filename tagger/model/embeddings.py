"""Word forms -> vectors: the registered parts side by side, such as word, affixes, characters, pretrained vectors."""

# U distinct forms

from collections.abc import Mapping
from copy import copy
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from tagger.model.affix_embedding import AffixEmbedding
from tagger.model.batch import Batch
from tagger.model.character_encoder import CharacterEncoder
from tagger.model.form_part import FormPart
from tagger.model.vector_embedding import VectorEmbedding
from tagger.model.vocabulary import Vocabulary
from tagger.model.word_embedding import WordEmbedding

WORDS = "words"  # the part whose feature every batch has, since word dropout changes it
# The name of a part is also that of its feature in a batch, and of its weights. The order is that of the vectors.
EMBEDDINGS: dict[str, type[FormPart]] = {
    WORDS: WordEmbedding,
    "affixes": AffixEmbedding,
    "characters": CharacterEncoder,
    "vectors": VectorEmbedding,
}

Part = TypeVar("Part", bound=FormPart)


class FormEmbedding(nn.Module):
    """All embeddings of a form side by side.

    Attributes:
        parts: those that there are, by name.
        width: the size of the result.
        size_keys: see `memory.check_memory`.
    """

    def __init__(self, vocabulary: Vocabulary, config: Mapping[str, Any]) -> None:
        """Makes the parts.

        Args:
            vocabulary: the words and characters that have rows of their own.
            config: of the network.
        """
        super().__init__()
        for name, kind in EMBEDDINGS.items():
            self.register_module(name, kind.build(vocabulary, kind.config_of(config)) if kind.is_in(config) else None)
        self.width = sum(part.width for part in self.parts.values())
        self.size_keys = {name: kind.size_keys for name, kind in EMBEDDINGS.items()}

    @property
    def parts(self) -> dict[str, FormPart]:
        """The parts that there are, by name."""
        return {name: cast(FormPart, part) for name, part in self.named_children()}

    def part(self, kind: type[Part]) -> Part | None:
        """The part of a class; None if there is none."""
        return next((part for part in self.parts.values() if isinstance(part, kind)), None)

    def for_tagging(self) -> "FormEmbedding":
        """What computes the same, perhaps faster, from the weights as they are now."""
        made = copy(self)
        made._modules = {**self._modules, **{name: part.for_tagging() for name, part in self.parts.items()}}
        return made

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's forms, (U, width)."""
        nothing = batch.features[WORDS].new_zeros(len(batch.features[WORDS]), 0).float()  # beside a transformer
        return torch.cat([nothing, *(part(batch.features[name]) for name, part in self.parts.items())], dim=1)
