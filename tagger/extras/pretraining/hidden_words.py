"""A network that predicts hidden words from the words on both sides of them.

It learns from text without tags, as BERT does (Devlin et al. 2019, https://arxiv.org/abs/1810.04805), where such words
are called masked. It is made of the embeddings and the recurrent layers of a tagger. So the training of a tagger can
start from their weights. Its folder is what `Bundle.save` writes of a network without tag columns, with one more file
for the other weights.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tagger.bundle.bundle import Bundle, Member
from tagger.errors import InputError, reason
from tagger.model.batch import Batch, FormTable, collate
from tagger.model.device import own_turn
from tagger.model.embeddings import WordEmbedding
from tagger.model.network import TaggerNetwork
from tagger.model.storage import check_finite
from tagger.model.vocabulary import FIRST_ID, IGNORE, UNSEEN, Vocabulary

# T tokens in the longest sentence, B sentences, E size of a token's embedding, S the sum of F + R over all layers,
# n hidden words, V words of the vocabulary, D size of a word's embedding

WORD = "word"  # the column of a batch that has the hidden words
BODY = "body."  # names of weights begin with it if a tagger has these weights too
WORD_PREDICTOR = "words.safetensors"  # the file of the other weights
PRETRAINED = "pretrained"  # the network's folder in the folder of a run


class HiddenWordNetwork(nn.Module):
    """A tagger's network without tags, and on top of it the prediction of hidden words.

    A word's embedding is also the vector that scores it (Press and Wolf 2017, https://arxiv.org/abs/1608.05859).

    Attributes:
        body: embeddings and recurrent layers, from which the training of a tagger can start.
        mask: (E,), replaces the embedding of a hidden word.
    """

    def __init__(self, vocabulary: Vocabulary, body: TaggerNetwork) -> None:
        super().__init__()
        config = body.config
        if not config["words"]:
            raise InputError("embedding.words=0: words are predicted by their embeddings; set a size above 0")
        self.vocabulary, self.table = vocabulary, FormTable(vocabulary, config)
        self.body = body
        self.mask = nn.Parameter(0.1 * torch.randn(self.body.embedding.width))
        states, words = self.body.states, config["words"]
        self.transform = nn.Sequential(nn.Linear(states, words), nn.GELU(), nn.LayerNorm(words))
        counts = torch.tensor(list(vocabulary.words.values()), dtype=torch.float32)
        self.bias = nn.Parameter((counts / counts.sum()).log())

    def batch(self, sentences: Sequence[Sequence[str]], hidden: Sequence[np.ndarray]) -> Batch:
        """A batch of B sentences, none of them empty; `hidden` has for each the positions of its hidden words."""
        batch, ids = collate(sentences, self.table), self.vocabulary.word_ids
        targets = torch.full_like(batch.index, IGNORE)
        for b, positions in enumerate(hidden):
            for t in positions.tolist():
                word = sentences[b][t].lower()
                targets[t, b] = ids[word] - FIRST_ID if word in ids else UNSEEN
        batch.targets[WORD] = targets
        return batch

    def forward(self, batch: Batch) -> Tensor:
        """Predicts a vector for each hidden word, (n, D), from the words that are not hidden."""
        hidden = batch.targets[WORD] != IGNORE  # (T, B)
        x = self.body.embed(batch)  # (T, B, E)
        h = self.body.encode(torch.where(hidden[..., None], self.mask.to(x.dtype), x), batch.lengths)  # (T, B, S)
        predicted: Tensor = self.transform(h[hidden])
        return predicted

    def scores(self, predicted: Tensor) -> Tensor:
        """The logits of all words, (n, V)."""
        words = cast(WordEmbedding, self.body.embedding.words).weight[FIRST_ID:]  # (V, D)
        return torch.addmm(self.bias.to(predicted.dtype), predicted, words.to(predicted.dtype).T).float()

    @torch.inference_mode()
    def probabilities(self, tokens: Sequence[str], hidden: Sequence[int]) -> Tensor:
        """The probabilities of all words at each hidden token of a sentence, (n, V)."""
        with own_turn():
            return self.scores(self(self.batch([tokens], [np.array(hidden)]).to(self.mask.device))).softmax(1)

    def save(self, folder: Path, segmenter: str, config: dict[str, Any], card: str) -> None:
        """Writes its folder; see `Bundle.save`."""
        others = [(name, weight) for name, weight in self.state_dict().items() if not name.startswith(BODY)]
        weights = {name: weight.detach().cpu().contiguous() for name, weight in others}
        bundle = Bundle((Member(self.body, self.vocabulary),), segmenter, config)
        bundle.save(folder, card)
        save_file(weights, folder / WORD_PREDICTOR)


def load_word_predictor(folder: Path) -> tuple[HiddenWordNetwork, str]:
    """Reads the network of a run of `python -m tagger pretrain`, and the rules that cut text for it.

    `folder` is that of the run or the one of the network within it.
    """
    folder = folder / PRETRAINED if (folder / PRETRAINED).is_dir() else folder
    if not (folder / WORD_PREDICTOR).is_file():
        raise InputError(
            f"{folder} predicts no words: {WORD_PREDICTOR} is missing; name a run of python -m tagger pretrain"
        )
    bundle = Bundle.load(folder)
    if not isinstance(bundle.segmenter, str):
        raise InputError(f"{folder}: segmenter is learned, but pretraining knows rules alone; copy the folder again")
    body = bundle.networks[0]
    try:
        weights = load_file(folder / WORD_PREDICTOR)
        check_finite(weights)
        network = HiddenWordNetwork(bundle.vocabulary, body)
        network.load_state_dict(weights | {BODY + name: w for name, w in body.state_dict().items()})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder / WORD_PREDICTOR} is damaged ({reason(error)}); copy the folder again") from None
    return network.eval(), bundle.segmenter
