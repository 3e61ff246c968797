"""A linear-chain CRF over sparse features: packed word forms -> scores of tags and of their transitions.

It is a second opinion beside the networks of a tagger: a network learns vectors of words and reads the whole sentence,
this counts spellings and looks two tokens to each side. So the two err differently, and their mean errs less. The model
is that of Lafferty, McCallum and Pereira (2001), "Conditional random fields", with the features that are usual for it:

    s(y) = start[y_1] + sum_t scores[t, y_t] + sum_t transitions[y_(t-1), y_t] + end[y_T]
    scores[t] = a_0(x_t) + a_-1(x_(t-1)) + a_1(x_(t+1)) + a_-2(x_(t-2)) + a_2(x_(t+2))

The term a_0 is what a form says of its own tag, a_-1 what it says of the tag of the token after it, and so on; each is
the sum of the weights of some features of the form. Beside a sentence stands the form `EDGE`. The five terms depend on
a form alone, so they are computed once per form, side by side, and the scores of a sentence are sums of rows. Sums of
rows are the same to the bit whatever is computed beside them.

`model/crf.py` has the algorithms of the chain, `training/fit_linear.py` finds the weights.
"""

# U distinct forms, n features of a form, F features that have weights, N packed tokens, T tokens in the longest
# sentence, K tags

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, groupby
from types import MappingProxyType
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from tagger.model.decoder import CRFDecoder
from tagger.model.embeddings import LEMMA_ENDINGS, word_shape
from tagger.text.strings import text_hash
from tagger.words.dictionary import Dictionary

EDGE = ""  # the form beside the first and the last token of a sentence
# The tables of weights: for each the offsets of its terms, where the form stands that says something of a token.
TABLES: Mapping[str, tuple[int, ...]] = MappingProxyType({"own": (0,), "near": (-1, 1), "far": (-2, 2)})
OFFSETS = tuple(offset for offsets in TABLES.values() for offset in offsets)  # of all terms
AFFIXES = tuple((n, f"prefix {n}", f"suffix {n}") for n in (1, 2, 3, 4))  # their lengths and names
LEMMA_SUFFIXES = tuple((n, f"lemma suffix {n}") for n in LEMMA_ENDINGS)
MAX_CHARACTERS = 100  # of a form that its features are made of


def form_features(form: str) -> tuple[list[int], list[int], list[int]]:
    """The keys of the features of a form in each of `TABLES`."""
    form = form[:MAX_CHARACTERS]
    lower, shape = form.lower(), word_shape(form)
    word, short = feature_key("lower", lower), _of_affix("short shape", _short(shape))
    own = [feature_key("form", form), word, _of_affix("shape", shape), short, _of_affix("bias", "")]
    for n, prefix, suffix in AFFIXES[: len(lower)]:
        own += _of_affix(prefix, lower[:n]), _of_affix(suffix, lower[-n:])
    if form[:1].isupper():
        own.append(_of_affix("capital", ""))
    if form.isupper():
        own.append(_of_affix("capitals", ""))
    if not form.isalpha():
        if any(map(str.isdigit, form)):
            own.append(_of_affix("digit", ""))
        if "-" in form:
            own.append(_of_affix("hyphen", ""))
    return own, [word, _of_affix("suffix 3", lower[-3:]), _of_affix("suffix 2", lower[-2:]), short], [word]


def lemma_features(forms: Sequence[str], dictionary: Dictionary) -> list[list[int]]:
    """The keys of the features that a dictionary gives each form, in the table of its own term.

    Those of the lemma's inflection are left out: on dev they gain 0.1 points, and there would be 24 of them.
    """
    words = [form for form in forms if form != EDGE]
    found = dictionary.look_up(words)
    features = {EDGE: list[int]()}
    for word, lemma, change in zip(words, found.lemmas, found.changes.tolist(), strict=True):
        if lemma is None:
            features[word] = [_of_lemma("no lemma", "")]
        else:
            own = [_of_lemma(name, lemma[-n:]) for n, name in LEMMA_SUFFIXES]
            features[word] = [feature_key("lemma", lemma), _of_lemma("change", str(change)), *own]
    return [features[form] for form in forms]


def feature_key(kind: str, text: str) -> int:
    """The number that a table knows a feature by: 31 bits of its hash. Two features rarely share one."""
    return text_hash(f"{kind} {text}") & 0x7FFFFFFF


_of_affix = lru_cache(maxsize=1 << 16)(feature_key)  # many forms share them
_of_lemma = lru_cache(maxsize=1 << 16)(feature_key)


@lru_cache(maxsize=1 << 12)
def _short(shape: str) -> str:
    """A shape with runs cut to one character."""
    return "".join(character for character, _ in groupby(shape))


class FeatureTable(nn.Module):
    """The weights of some features, (F + 1, width) after a row of zeros; all others have the weight 0."""

    keys: Tensor  # (F,) of the features, ascending, int32

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(features, dtype=torch.int32))
        self.weight = nn.Parameter(torch.zeros(features + 1, width))

    @classmethod
    def of(cls, keys: Iterable[int], width: int) -> "FeatureTable":
        """A table of zeros for the features with these keys."""
        ordered = torch.tensor(sorted(set(keys)), dtype=torch.int32)
        table = cls(len(ordered), width)
        table.keys.copy_(ordered)
        return table

    def rows(self, features: Sequence[Sequence[int]]) -> Tensor:
        """The row of each feature of U forms, from their keys, (U, n) with the largest n; 0 where there is none."""
        counts = np.array(list(map(len, features)), dtype=np.int64)
        keys = np.fromiter(chain.from_iterable(features), dtype=np.int32, count=counts.sum())
        ascending = self.keys.numpy()
        places = np.searchsorted(ascending, keys)
        rows = np.zeros((len(features), counts.max(initial=0)), dtype=np.int64)
        is_known = np.append(ascending, -1)[places] == keys
        rows[np.arange(rows.shape[1]) < counts[:, None]] = np.where(is_known, places + 1, 0)
        return torch.from_numpy(rows)

    def forward(self, rows: Tensor) -> Tensor:
        """The sums of the weights of rows, (U, n) to (U, width)."""
        if not rows.numel():
            return self.weight.new_zeros(len(rows), self.weight.shape[1])
        return embedding_bag(rows, self.weight, mode="sum", padding_idx=0)

    @torch.no_grad()
    def kept(self, weakest: float = 0.0) -> "FeatureTable":
        """The table without the features whose weights are all 0."""
        largest = self.weight[1:].abs().amax(dim=1)
        order = largest.argsort()[int(weakest * len(largest)) :]
        rows = order[largest[order] > 0].sort().values
        table = FeatureTable(len(rows), self.weight.shape[1])
        table.keys.copy_(self.keys[rows])
        table.weight[1:] = self.weight[1 + rows]
        return table


class LinearChain(nn.Module):
    """The linear-chain CRF of one column of tags; at first all weights are 0."""

    def __init__(self, features: Sequence[int], tags: int, dictionary: Dictionary | None = None) -> None:
        super().__init__()
        self.dictionary = dictionary  # gives features of the lemmas of forms
        self.tables = nn.ModuleDict(
            {name: FeatureTable(F, len(TABLES[name]) * tags) for name, F in zip(TABLES, features, strict=True)}
        )
        self.decoder = CRFDecoder(tags)  # has the transitions

    @property
    def sizes(self) -> list[int]:
        """F of each table."""
        return [len(cast(FeatureTable, table).keys) for table in self.tables.values()]

    def features(self, forms: Sequence[str]) -> list[tuple[list[int], list[int], list[int]]]:
        """The keys of the features of each form in each of `TABLES`."""
        features = list(map(form_features, forms))
        if self.dictionary is not None:
            for (own, _, _), more in zip(features, lemma_features(forms, self.dictionary), strict=True):
                own += more
        return features

    def rows(self, forms: Sequence[str]) -> list[Tensor]:
        """The rows in each table of the features of U forms, (U, n)."""
        features = self.features(forms)
        return [cast(FeatureTable, t).rows([each[i] for each in features]) for i, t in enumerate(self.tables.values())]

    def forward(self, rows: Sequence[Tensor]) -> Tensor:
        """The terms of forms side by side, in the order of `OFFSETS`: (U, n) in each table to (U, 5 * K)."""
        return torch.cat([table(each) for table, each in zip(self.tables.values(), rows, strict=True)], dim=1)


def token_scores(terms: Tensor, places: Sequence[Tensor]) -> Tensor:
    """The scores of the tags of packed tokens, (N, K), from the terms of forms (U, 5 * K); see `term_places`."""
    rows = terms.view(len(terms) * len(OFFSETS), -1)
    scores = rows[places[0]]
    for each in places[1:]:
        scores += rows[each]
    return scores


def term_places(forms: np.ndarray, edge: int, counts: Sequence[int]) -> list[Tensor]:
    """For each term of the scores of packed tokens its rows, (N,), in the (U * 5, K) terms of forms.

    `forms` (N,) is the form of each token, and `edge` stands for the form `EDGE`.
    """
    n = np.array([*counts, *[0] * max(OFFSETS)])  # no sentence has a token after the last step ...
    starts = np.cumsum(n) - n
    step = np.repeat(np.arange(len(n)), n)  # (N,)
    sentence = np.arange(len(forms)) - starts[step]
    places = []
    for term, offset in enumerate(OFFSETS):
        there = sentence < n[step + offset]  # ... nor before the first, which the last ones stand for
        neighbours = np.full(len(forms), edge, dtype=np.int64)
        neighbours[there] = forms[(starts[step + offset] + sentence)[there]]
        places.append(torch.from_numpy(neighbours * len(OFFSETS) + term))
    return places
