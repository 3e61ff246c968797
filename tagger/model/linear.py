"""A linear-chain CRF over sparse features: packed word forms -> scores of tags and of their transitions.

It is a second opinion beside the networks of a tagger: a network learns vectors of words and reads the whole sentence,
this counts spellings and looks two tokens to each side, so the two err differently and their mean errs less. The model
is that of Lafferty, McCallum and Pereira (2001), "Conditional random fields", with the features that are usual for it:

    s(y) = start[y_1] + sum_t scores[t, y_t] + sum_t transitions[y_(t-1), y_t] + end[y_T]
    scores[t] = own(x_t) + next(x_(t-1)) + previous(x_(t+1)) + second_next(x_(t-2)) + second_previous(x_(t+2))

`own` is what a form says of its own tag, `next` what it says of the tag after it, and so on; each is a sum of the
weights of the form's features. Beside a sentence stands the form `EDGE`, and its first token has a further term,
`first(x_1)`. All six depend on a form alone, so they are computed once per form, side by side, and the scores of a
sentence are sums of such rows. Sums of rows are the same to the bit whatever is computed beside them.

`model/crf.py` has the algorithms of the chain, `training/linear.py` finds the weights.
"""

# U distinct forms, n features of a form, F features that have weights, N packed tokens, T tokens in the longest
# sentence, K tags

import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from tagger.model.affix_embedding import word_shape
from tagger.model.crf import CRFDecoder

EDGE = ""  # the form beside the first and the last token of a sentence
OFFSETS = (-1, 1, -2, 2)  # where a neighbour stands that says something of a token; 1 is the next one
TERMS = 1 + len(OFFSETS) + 1  # of a form: its own, those of `OFFSETS`, and that of a sentence's first token
AFFIX_LENGTHS = (1, 2, 3, 4)
MAX_AFFIX_FORM = 100  # characters of a form that its features are made of; the rest of a longer one says nothing
_RUN = re.compile(r"(.)\1+", re.DOTALL)


def own_features(form: str) -> list[str]:
    """What the score of a form's own tag depends on: the form, its affixes and its shape."""
    form = form[:MAX_AFFIX_FORM]
    lower, shape = form.lower(), word_shape(form)
    found = ["bias", f"form {form}", f"lower {lower}", f"shape {shape}", f"short shape {_short(shape)}"]
    lengths = [n for n in AFFIX_LENGTHS if n <= len(lower)]
    found += [f"prefix {n} {lower[:n]}" for n in lengths] + [f"suffix {n} {lower[-n:]}" for n in lengths]
    flags = {
        "capital": form[:1].isupper(),
        "capitals": form.isupper(),
        "digit": any(map(str.isdigit, form)),
        "hyphen": "-" in form,
    }
    return found + [name for name, is_so in flags.items() if is_so]


def context_features(form: str) -> list[str]:
    """What the scores of a form's neighbours depend on, and those of a sentence's first token."""
    form = form[:MAX_AFFIX_FORM]
    lower = form.lower()
    return [
        f"lower {lower}",
        f"suffix 3 {lower[-3:]}",
        f"suffix 2 {lower[-2:]}",
        f"short shape {_short(word_shape(form))}",
    ]


def _short(shape: str) -> str:
    """A shape with runs cut to one character."""
    return _RUN.sub(r"\1", shape)


def feature_keys(features: Iterable[str]) -> list[int]:
    """The number that a table knows each feature by: 31 bits of its CRC-32. Two features rarely share one."""
    return [zlib.crc32(feature.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF for feature in features]


class FeatureTable(nn.Module):
    """The weights of some features; all others have the weight 0.

    Attributes:
        keys: (F,) of the features, ascending, int32.
        weight: (F + 1, width) of the features, after a row of zeros.
    """

    keys: Tensor

    def __init__(self, features: int, width: int) -> None:
        """Makes a table of zeros for F features."""
        super().__init__()
        self.register_buffer("keys", torch.zeros(features, dtype=torch.int32))
        self.weight = nn.Parameter(torch.zeros(features + 1, width))

    def rows(self, features: Sequence[Sequence[str]]) -> Tensor:
        """The row of each feature of U forms, (U, n) with the largest n; 0 where there is none."""
        width = max(map(len, features), default=0)
        keys = np.array([[*feature_keys(each), *[-1] * (width - len(each))] for each in features], dtype=np.int64)
        known = self.keys.cpu().numpy()
        places = np.searchsorted(known, keys.reshape(len(features), width))
        found = np.append(known, -2)[places] == keys
        return torch.from_numpy(np.where(found, places + 1, 0))

    def forward(self, rows: Tensor) -> Tensor:
        """The sums of the weights of rows, (U, n) to (U, width)."""
        if not rows.numel():
            return self.weight.new_zeros(len(rows), self.weight.shape[1])
        return embedding_bag(rows.to(self.weight.device), self.weight, mode="sum", padding_idx=0)

    @torch.no_grad()
    def kept(self) -> "FeatureTable":
        """The table without the features whose weights are all 0."""
        (rows,) = torch.nonzero(self.weight[1:].any(dim=1), as_tuple=True)
        table = FeatureTable(len(rows), self.weight.shape[1])
        table.keys.copy_(self.keys[rows])
        table.weight[1:] = self.weight[1 + rows]
        return table


class LinearChain(nn.Module):
    """The linear-chain CRF of one column of tags.

    Attributes:
        own: the weights of `own_features`, (F + 1, K).
        context: the weights of `context_features`, (F + 1, (TERMS - 1) * K).
        decoder: has the transitions.
    """

    def __init__(self, own: int, context: int, tags: int) -> None:
        """Begins with 0 for all weights.

        Args:
            own: number of features of a form's own tag.
            context: number of features of the tags of its neighbours.
            tags: K.
        """
        super().__init__()
        self.own, self.context = FeatureTable(own, tags), FeatureTable(context, (TERMS - 1) * tags)
        self.decoder = CRFDecoder(tags)

    def form_terms(self, forms: Sequence[str]) -> Tensor:
        """The terms of forms side by side, (U, TERMS * K)."""
        own = self.own(self.own.rows(list(map(own_features, forms))))
        return torch.cat([own, self.context(self.context.rows(list(map(context_features, forms))))], dim=1)


def token_scores(terms: Tensor, places: Sequence[Tensor]) -> Tensor:
    """The scores of the tags of packed tokens, (N, K).

    Args:
        terms: (U, TERMS * K) of forms.
        places: see `term_places`.
    """
    rows = terms.view(len(terms) * TERMS, -1)
    scores = rows[places[0]]
    for each in places[1:]:
        scores[: len(each)] += rows[each]
    return scores


def term_places(forms: np.ndarray, edge: int, counts: Sequence[int]) -> list[Tensor]:
    """Which rows of (U * TERMS, K) terms the scores of packed tokens are the sums of.

    Args:
        forms: (N,) the form of each packed token.
        edge: the form `EDGE`.
        counts: (T,) sentences that have a token at each step; never growing.

    Returns:
        For each term a row of each token, (N,), the last for the first tokens of the sentences alone.
    """
    n = np.array(counts)
    starts = np.cumsum(n) - n
    step = np.repeat(np.arange(len(n)), n)  # (N,)
    sentence = np.arange(len(forms)) - starts[step]
    places = [forms * TERMS]
    for term, offset in enumerate(OFFSETS, 1):
        there = step + offset
        here = (there >= 0) & (there < len(n))
        here[here] = sentence[here] < n[there[here]]
        neighbours = np.full(len(forms), edge, dtype=np.int64)
        neighbours[here] = forms[starts[there[here]] + sentence[here]]
        places.append(neighbours * TERMS + term)
    places.append(forms[: counts[0]] * TERMS + TERMS - 1)
    return [torch.from_numpy(each) for each in places]
