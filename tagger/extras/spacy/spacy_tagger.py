"""spaCy's Docs -> the same Docs with `pos_`, `tag_`, `morph` and `lemma_`: the component `bigru_tagger`.

spaCy finds the component and the tokenizer of `spacy_tokenizer.py` by entry points, so nothing needs to be imported:
`nlp.add_pipe("bigru_tagger")`. Tokens of white space are no words. spaCy has no words within tokens: a multiword token
that `spacy_tokenizer.py` has found is several for the tagger, and gets what spaCy's own models learn of it
(`spacy convert --merge-subtokens`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tagger.errors import InputError, missing_library, shorten

try:
    from spacy.language import Language
except ModuleNotFoundError as error:
    raise missing_library(error, "spacy", "spacy") from None
from spacy.attrs import LEMMA, MORPH, ORTH, POS, SENT_START, TAG
from spacy.parts_of_speech import IDS
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from spacy.vocab import Vocab

from tagger.extras.spacy.spacy_tokenizer import WORDS, PipelinePart, shared_tagger
from tagger.text.paragraphs import form_of
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

NAME = "bigru_tagger"


def _pos(tag: str, column: str, vocab: Vocab) -> int:
    if tag not in IDS:
        raise InputError(
            f"the column {column} has the tag {shorten(tag)}, which spaCy's pos_ cannot hold; set pos to a column of"
            " UPOS, or to null"
        )
    number: int = IDS[tag]
    return number


def _string(tag: str, column: str, vocab: Vocab) -> int:
    return vocab.strings.add(tag)


def _features(tag: str, column: str, vocab: Vocab) -> int:
    if tag != NO_TAG and any(feature.count("=") != 1 for feature in tag.split("|")):
        raise InputError(
            f"the column {column} has the tag {shorten(tag)}, which is no list of features such as"
            " Case=Nom|Number=Sing; set morph to a column of FEATS, or to null"
        )
    key: int = vocab.morphology.add(tag)
    return key


def _all_features(tags: Sequence[str]) -> str:
    """The features of all words: `Case=Gen|Number=Sing` and `Case=Acc` are `Case=Acc,Gen|Number=Sing`."""
    found: dict[str, set[str]] = {}
    for feature in (feature for tag in tags if tag != NO_TAG for feature in tag.split("|")):
        name, _, values = feature.partition("=")
        found.setdefault(name, set()).update(values.split(","))
    return "|".join(f"{name}={','.join(sorted(found[name]))}" for name in sorted(found)) or NO_TAG


class Attribute(NamedTuple):
    """An attribute of spaCy's tokens."""

    number: int  # spaCy's
    column: str  # the tagger's, by default
    value: Callable[[str, str, Vocab], int]  # what spaCy keeps of a tag of a column
    joined: Callable[[Sequence[str]], str]  # the tag of a multiword token, given those of its words
    white_space: str | None  # the tag of white space, as of spaCy's own models; None: its text


ATTRIBUTES = {
    "pos": Attribute(POS, "upos", _pos, lambda tags: tags[0], "SPACE"),
    "tag": Attribute(TAG, "xpos", _string, "_".join, "_SP"),
    "morph": Attribute(MORPH, "feats", _features, _all_features, NO_TAG),
    "lemma": Attribute(LEMMA, "lemma", _string, " ".join, None),
}
COLUMNS: dict[str, str] = {name: attribute.column for name, attribute in ATTRIBUTES.items()}


@Language.factory(
    NAME,
    assigns=["token.pos", "token.tag", "token.morph", "token.lemma"],
    default_config={"model": None, **COLUMNS, "device": "cpu", "precision": "auto"},
    default_score_weights={"pos_acc": 0.5, "tag_acc": 0.5, "morph_acc": 0.0, "lemma_acc": 0.0},
)
def make_tagger(
    nlp: Language,
    name: str,
    model: str | None,
    pos: str | None,
    tag: str | None,
    morph: str | None,
    lemma: str | None,
    device: str,
    precision: str,
) -> "BigruTagger":
    """The component of a pipeline, as spaCy asks for it; see `BigruTagger`."""
    columns = {"pos": pos, "tag": tag, "morph": morph, "lemma": lemma}
    return BigruTagger(name, model, str(nlp.lang), columns, device, precision)


class BigruTagger(PipelinePart):
    """Tags Docs. It reads the sentences that a Doc has; where it has none, all of it is one sentence."""

    def __init__(
        self,
        name: str,
        model: str | None,
        language: str,
        columns: dict[str, str | None],
        device: str = "cpu",
        precision: str = "auto",
    ) -> None:
        """`columns` says which column of the tagger each attribute shows; None: the attribute stays as it is."""
        super().__init__(model, language)
        self.name, self.columns, self._device, self._precision = name, columns, device, precision

    @property
    def tagger(self) -> "Tagger":
        """The tagger, which is loaded if it is not yet."""
        if self._used is None:
            self._used = shared_tagger(self.folder, self._device, self._precision)
        tagger: Tagger = self._used
        return tagger

    def wanted(self) -> dict[str, str]:
        """The attributes that are filled, and the column of each. A tagger may lack columns that nobody has set."""
        known = self.tagger.vocabulary.columns
        of = f"{self.name}: the tagger {self.model or self.folder.name} has no column"
        found = {
            attribute: column
            for attribute, column in self.columns.items()
            if column is not None and (column in known or column != COLUMNS[attribute])
        }
        for attribute, column in found.items():
            if column not in known:
                raise InputError(
                    f"{of} {column!r} for {attribute}; it has {', '.join(known)}; set {attribute} to one of them, or to"
                    " null"
                )
        if not found:
            columns = ", ".join(filter(None, self.columns.values()))
            raise InputError(f"{of} {columns}; it has {', '.join(known)}; set tag to one of them")
        return found

    def __call__(self, doc: Doc) -> Doc:
        """Tags a Doc, which is returned."""
        self._tag([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 1000) -> Iterator[Doc]:
        """Tags Docs as they come, at most `batch_size` at a time, and yields them in order."""
        for docs in minibatch(stream, batch_size):  # type: ignore[no-untyped-call]
            self._tag(docs)
            yield from docs

    def _tag(self, docs: Sequence[Doc]) -> None:
        from tagger.tagging.tagger import WINDOW_TOKENS, cut_windows
        from tagger.tagging.tagger_options import Request

        wanted, forms = self.wanted(), Forms(docs[0].vocab)
        orths: list[list[int]] = [doc.to_array([ORTH]).tolist() for doc in docs]
        words = [_words(doc, [forms[orth] for orth in of_doc]) for doc, of_doc in zip(docs, orths, strict=True)]
        sentences = [
            Sentence(each) for doc, tokens in zip(docs, words, strict=True) for each in _sentences(doc, tokens)
        ]
        for window in cut_windows(sentences, WINDOW_TOKENS):
            self.tagger.tag_window(window, Request(list(wanted.values())))
        rows: list[list[list[int]]] = [[] for _ in docs]  # of each Doc, for each attribute the value of each token
        for name, column in wanted.items():
            tags = chain.from_iterable(sentence.tags[column] for sentence in sentences)
            values: dict[str, int] = {}
            _, _, value, joined, white_space = ATTRIBUTES[name]
            for doc, of_doc, tokens, row in zip(docs, orths, words, rows, strict=True):
                row.append([])
                for orth, token in zip(of_doc, tokens, strict=True):  # a token's text, and its words
                    if len(token) == 1:
                        tag = next(tags)
                    elif token:
                        tag = joined([next(tags) for _ in token])
                    else:
                        tag = doc.vocab.strings[orth] if white_space is None else white_space
                    if tag not in values:
                        values[tag] = value(tag, column, doc.vocab)
                    row[-1].append(values[tag])
        numbers: list[int | str] = [ATTRIBUTES[name].number for name in wanted]
        for doc, row in zip(docs, rows, strict=True):
            if len(doc):
                table: Any = np.array(row, dtype=np.uint64).T  # (tokens, attributes)
                doc.from_array(numbers, table)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """The accuracies of all attributes (`pos_acc`, ...), for `nlp.evaluate`."""
        examples = list(examples)
        scores: dict[str, Any] = {}
        for attribute, column in self.columns.items():
            if column is not None:
                scores.update(Scorer.score_token_attr(examples, attribute, **kwargs))
        return scores


class Forms(dict[int, tuple[str, ...]]):
    """The hash of a token's text -> the word that a tagger reads; none of white space."""

    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        self._strings = vocab.strings

    def __missing__(self, orth: int) -> tuple[str, ...]:
        form = form_of(self._strings[orth]).strip()
        found = self[orth] = (form,) if form else ()
        return found


def _words(doc: Doc, words: list[Sequence[str]]) -> list[Sequence[str]]:
    """The words of each token, given those of its text: several of a multiword token."""
    data: dict[Any, Any] = doc.user_data  # that of token._ has the key ("._.", name, characters before the token, None)
    given = {key[2]: parts for key, parts in data.items() if isinstance(key, tuple) and key[:2] == ("._.", WORDS)}
    for token in doc if given else ():  # objects of tokens are cycles with the Doc, which garbage collection must find
        words[token.i] = given.get(token.idx) or words[token.i]
    return words


def _sentences(doc: Doc, tokens: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """The words of each sentence that has any."""
    starts = [*np.flatnonzero(doc.to_array([SENT_START]) == 1).tolist(), len(doc)]
    for first, last in zip([0, *starts], starts, strict=False):
        if words := list(chain.from_iterable(tokens[first:last])):
            yield words
