"""The network: embed every token, encode the sentence in both directions, score the tags."""

# U distinct forms, T tokens in the longest sentence, B sentences, E size of a token's embedding (of its form, and of a
# transformer), F hidden size forward, R hidden size backward, S the sum of F + R over all layers, K tags of a column

from collections.abc import Sequence
from typing import Annotated, NamedTuple, TypedDict

import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import embedding as look_up

from tagger.errors import InputError
from tagger.model.batch import Batch
from tagger.model.decoder import CRF, DECODERS, MAX_CRF_TAGS, CRFDecoder, Decoder
from tagger.model.embeddings import FormConfig, FormEmbedding
from tagger.model.encoder import CELLS, Encoder
from tagger.model.recurrent import Dropout
from tagger.model.storage import TRAINING_COPIES, build_without_memory, check_memory
from tagger.model.transformer import TransformerConfig, TransformerEmbedding
from tagger.model.vocabulary import NO_CORPUS, Vocabulary
from tagger.text.schema import Rate, Size, one_of

MAX_DEPTH = 1_000


class HiddenSizes(TypedDict):
    """The units of each direction: a number for all layers, or a list with one for each; 0 leaves a direction out."""

    forward: Size | list[Size]
    backward: Size | list[Size]


class NetworkConfig(FormConfig):
    """What a `TaggerNetwork` is built from, beside its vocabulary; saved with the network."""

    decoder: Annotated[str, one_of(DECODERS)]  # of each column
    cell: Annotated[str, one_of(CELLS)]
    depth: Annotated[int, Meta(ge=1, le=MAX_DEPTH)]
    hidden: HiddenSizes
    dropout: Rate
    transformer: TransformerConfig | None


class Outputs(NamedTuple):
    """What a network computes for a batch."""

    states: Tensor  # (T, B, S) of its recurrent layers
    scores: dict[str, Tensor]  # of each column (T, B, K)


class TaggerNetwork(nn.Module):
    """Scores every tag for every token of a batch.

    Each column has a linear layer of its own (a head), which reads the states of all recurrent layers, and a decoder,
    which knows the loss of its scores and the tags that follow from them.
    """

    def __init__(self, vocabulary: Vocabulary, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        forward = layer_sizes(config["hidden"]["forward"], config["depth"], "forward")
        backward = layer_sizes(config["hidden"]["backward"], config["depth"], "backward")
        self.embedding = FormEmbedding(vocabulary, config)
        self.transformer = TransformerEmbedding(config["transformer"]) if config["transformer"] else None
        width = self.embedding.width + (self.transformer.width if self.transformer else 0)
        if width == 0:
            raise InputError(
                "embedding.words, affixes, chars are all 0, and neither a dictionary nor anything pretrained is read;"
                " set one"
            )
        self.encoder = Encoder(config["cell"], width, forward, backward, config["dropout"])
        self.states = states = sum(forward) + sum(backward)  # S
        counts = {column: len(tags) for column, tags in vocabulary.tags.items()}
        self.heads = nn.ModuleDict({column: nn.Linear(states, count) for column, count in counts.items()})
        is_crf = {column: config["decoder"] == CRF and count <= MAX_CRF_TAGS for column, count in counts.items()}
        self.decoders = nn.ModuleDict({c: CRFDecoder(n) if is_crf[c] else Decoder() for c, n in counts.items()})
        self.dropout = Dropout(config["dropout"])
        corpora = len(vocabulary.corpora)
        self.corpora = nn.Embedding(corpora + 1, width, padding_idx=NO_CORPUS) if corpora else None
        if self.corpora is not None:
            nn.init.zeros_(self.corpora.weight)  # at first all corpora are the same

    def embed(self, batch: Batch) -> Tensor:
        """One vector per token, (T, B, E): that of its form and, if there is a transformer, its output beside it.

        The vector of the sentence's corpus is added to it, if the batch says which corpus that is.
        """
        x = look_up(batch.index, self.embedding(batch.features))  # a row for each form, (U, width), to (T, B, width)
        if self.transformer is not None:
            outputs = batch.outputs
            if outputs is None:
                if batch.pieces is None:
                    raise ValueError("the batch has no pieces: its FormTable was made without a tokenizer")
                outputs = self.transformer.outputs(batch.pieces)
            x = torch.cat([x, self.transformer.mix(outputs)], dim=-1)
        if self.corpora is not None and batch.corpora is not None:
            x = x + self.corpora(batch.corpora)  # (B, E)
        if self.transformer is None:
            embedded: Tensor = self.dropout(x)
            return embedded
        width = self.embedding.width
        return torch.cat([self.dropout(x[..., :width]), self.transformer.dropout(x[..., width:])], dim=-1)

    def encode(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The states of all layers in both directions side by side, (T, B, S).

        Together a token's states have seen the whole sentence, if both directions exist; see `encoder.py` for each.
        """
        layers, _ = self.encoder(x, lengths)
        h: Tensor = self.dropout(torch.cat(layers, dim=-1))
        return h

    def score(self, h: Tensor) -> dict[str, Tensor]:
        """O = H W_hq + b_q (10.4.2) for each column, (T, B, S) to (T, B, K). Here H has the states of all layers."""
        return {column: head(h) for column, head in self.heads.items()}

    def forward(self, batch: Batch) -> Outputs:
        """The scores (logits) of the tags of each column, and the states that they come from.

        Training runs this, and the decoders turn scores into a loss. Tagging computes the same scores faster, see
        `tagging/engine.py`, and the decoders turn them into tags.
        """
        x = self.embed(batch)
        h = self.encode(x, batch.lengths)
        return Outputs(h, self.score(h))


def layer_sizes(size: int | Sequence[int], depth: int, direction: str) -> list[int]:
    """One hidden size per layer, from one number for all layers or a list of `depth` numbers."""
    if not 1 <= depth <= MAX_DEPTH:
        raise InputError(f"model.depth={depth}: a stack has 1 to {MAX_DEPTH} layers")
    sizes = [size] * depth if isinstance(size, int) else list(size)
    if len(sizes) != depth:
        raise InputError(
            f"model.hidden.{direction} lists {len(sizes)} sizes for model.depth={depth}; give one number or {depth}"
        )
    return sizes


def share_pretrained(members: Sequence[TaggerNetwork]) -> None:
    """Lets networks that are trained side by side use the pretrained vectors and the transformer of the first.

    They differ in the random weights that they start from and in what dropout hides. The mean of their scores makes
    fewer errors than any of them (Hansen and Salamon 1990, https://doi.org/10.1109/34.58871). If the transformer, or
    vectors without a projection, give all members equal inputs, they also share the vectors of corpora, which are added
    to these inputs.
    """
    first = members[0]
    for member in members[1:]:
        member.transformer = first.transformer
        reads_the_same = first.transformer is not None
        vectors, of_first = member.embedding.vectors, first.embedding.vectors
        if vectors is not None and of_first is not None:
            if isinstance(of_first.projection, nn.Linear):
                vectors.tables = of_first.tables
            else:
                member.embedding.register_module("vectors", of_first)
                reads_the_same = True
        if reads_the_same:
            member.corpora = first.corpora


def check_training_memory(vocabulary: Vocabulary, config: NetworkConfig, members: int = 1) -> None:
    """Refuses networks that are too large to be trained on this machine, before they are built."""
    networks = [build_without_memory(lambda: TaggerNetwork(vocabulary, config)) for _ in range(members)]
    share_pretrained(networks)
    check_memory(dict(nn.ModuleList(networks).named_parameters()), "training", TRAINING_COPIES)
