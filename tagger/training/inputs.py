"""A config and the forms of a corpus -> pretrained inputs of a network: vectors and a transformer, loaded."""

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from tagger.model.embeddings import VectorConfig
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import PieceTokenizer
from tagger.model.transformer import TransformerConfig, TransformerEmbedding
from tagger.model.vocabulary import row_of
from tagger.training.config import TrainConfig
from tagger.weights.huggingface import load_pretrained
from tagger.weights.word_vectors import Vectors, select_vectors

_log = logging.getLogger(__name__)


class Transformer(NamedTuple):
    """A pretrained transformer, its tokenizer, and the config from which a network builds it."""

    embedding: TransformerEmbedding
    tokenizer: PieceTokenizer
    config: TransformerConfig


class Inputs(NamedTuple):
    """Pretrained inputs that are not in a network yet.

    Attributes:
        vectors: of each source.
        vector_config: of the network's vectors, if there are any.
        transformer: if there is one.
    """

    vectors: dict[str, Vectors]
    vector_config: VectorConfig | None
    transformer: Transformer | None

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """For each source of vectors, its words and the row of each, as in a `Vocabulary`."""
        return {source: vectors.rows for source, vectors in self.vectors.items()}

    def fill(self, network: TaggerNetwork) -> None:
        """Copies the weights into a network that was built for these inputs."""
        if network.embedding.vectors is not None:
            for source, vectors in enumerate(self.vectors.values()):
                network.embedding.vectors.fill(source, torch.from_numpy(vectors.matrix))
        if self.transformer is not None and network.transformer is not None:
            network.transformer.load_state_dict(self.transformer.embedding.state_dict())


def load_inputs(
    config: TrainConfig, forms: Sequence[str], vectors: bool, transformer: bool, others: Iterable[str] = ()
) -> Inputs:
    """Loads what the config names.

    Args:
        config: of the training.
        forms: the word forms of the corpus.
        vectors: whether vectors are wanted.
        transformer: whether a transformer is wanted.
        others: frequent word forms of untagged text, whose pieces a transformer needs, too.

    Raises:
        InputError: the vectors or the transformer cannot be read.
    """
    embedding = config.embedding
    found = {
        name: select_vectors(name, forms, embedding.vectors_keep, embedding.vectors_components)
        for name in (embedding.vector_sources if vectors else ())
    }
    for name, (rows, matrix) in found.items():
        share = sum(row_of(rows, form) is not None for form in forms) / max(1, len(forms))
        _log.info(
            "%s: %d words, %d vectors of %d numbers, for %.1f %% of the forms in training",
            name,
            len(rows),
            *matrix.shape,
            100 * share,
        )
    vector_config = embedding.vector_config([matrix.shape[1] for _, matrix in found.values()])
    if embedding.transformer is None or not transformer:
        return Inputs(found, vector_config, None)
    use = config.transformer
    loaded = load_pretrained(
        embedding.transformer,
        pooling=use.pooling,
        tune=use.tune,
        layers=use.layers,
        dtype=use.dtype,
        dropout=use.dropout,
        forms=[*forms, *others],
    )
    return Inputs(found, vector_config, Transformer(*loaded))
