"""spaCy's Docs -> the same Docs with `pos_`, `tag_`, `morph` and `lemma_`: the component `bigru_tagger`.

spaCy finds the component and the tokenizer of `spacy_tokenizer.py` by entry points, so nothing needs to be imported:
`nlp.add_pipe("bigru_tagger")`. Every spaCy pipeline imports this module, wherever the tagger is installed. It therefore
imports what tags, such as torch, when the first text comes.

Tokens of white space are no words. spaCy has no words within tokens: a multiword token that `spacy_tokenizer.py` has
found is several for the tagger, and gets what spaCy's own models learn of it (`spacy convert --merge-subtokens`).
"""

# N tokens of all docs, W words, K tags of a column, A attributes

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tagger.errors import InputError, missing_library, shorten

try:
    from spacy.language import Language
except ModuleNotFoundError as error:
    raise missing_library(error, "spacy", "spacy") from None
from spacy.attrs import LEMMA, MORPH, ORTH, POS, SENT_START, TAG
from spacy.parts_of_speech import IDS
from spacy.pipeline import Pipe
from spacy.scorer import Scorer
from spacy.strings import StringStore
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from tagger.adapters.spacy_tokenizer import WORDS, PipelinePart
from tagger.adapters.tagger_files import shared_tagger
from tagger.bundle.hub import is_hub_name
from tagger.text.paragraphs import form_of
from tagger.text.strings import NO_TAG

if TYPE_CHECKING:
    from tagger.model.decoder import Decoded
    from tagger.model.vocabulary import Vocabulary
    from tagger.tagging.tagger import Tagger

NAME = "bigru_tagger"
MAX_TOKENS = 48_000  # of the Docs that are tagged together, about
MAX_FORMS = 500_000  # that are remembered


def _pos(tag: str, column: str, vocab: Vocab, lasting: bool) -> int:
    if tag not in IDS:
        raise InputError(
            f"the column {column} has the tag {shorten(tag)}, which spaCy's pos_ cannot hold; set pos to a column of"
            " UPOS, or to null"
        )
    number: int = IDS[tag]
    return number


def _string(tag: str, column: str, vocab: Vocab, lasting: bool) -> int:
    strings: Any = vocab.strings  # its types lack `allow_transient`
    key: int = strings.add(tag, allow_transient=False if lasting else None)
    return key


def _features(tag: str, column: str, vocab: Vocab, lasting: bool) -> int:
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
    # What spaCy keeps of a tag of a column. Strings of a vocabulary are dropped at the end of its memory zone
    # (`nlp.memory_zone`) unless they are to last.
    value: Callable[[str, str, Vocab, bool], int]
    joined: Callable[[Sequence[str]], str]  # the tag of a multiword token, given those of its words
    white_space: str | None  # the tag of white space, as of spaCy's own models; None: its text


ATTRIBUTES = {
    "pos": Attribute(POS, "upos", _pos, lambda tags: tags[0], "SPACE"),
    "tag": Attribute(TAG, "xpos", _string, "_".join, "_SP"),
    "morph": Attribute(MORPH, "feats", _features, _all_features, NO_TAG),
    "lemma": Attribute(LEMMA, "lemma", _string, " ".join, None),
}
COLUMNS: dict[str, str] = {name: attribute.column for name, attribute in ATTRIBUTES.items()}


class Forms(dict[int, str]):
    """The hash of a token's text -> the form that a tagger reads; empty for white space."""

    def __init__(self, strings: StringStore, limit: int = MAX_FORMS) -> None:
        """Knows no form yet, and remembers as many as `limit`."""
        super().__init__()
        self._strings, self._limit = strings, limit

    def __missing__(self, orth: int) -> str:
        """Looks a form up; they are hashes of their text, so a form that is known stays right."""
        if len(self) >= self._limit:
            self.clear()
        form = self[orth] = form_of(self._strings[orth]).strip()
        return form


class DocWords(NamedTuple):
    """The words of several Docs."""

    sentences: Sequence[Sequence[str]]  # the forms; none is empty. Where a Doc has no sentences, all of it is one
    orths: np.ndarray  # (N,) the hash of each token's text
    counts: np.ndarray  # (N,) how many words each token is
    sizes: list[int]  # how many tokens each Doc has


def read_docs(docs: Sequence[Doc], forms: Forms) -> DocWords:
    """The words of Docs that have one vocabulary, which is that of the forms."""
    sizes = list(map(len, docs))
    table = np.concatenate([np.zeros((0, 2), np.uint64), *(doc.to_array([ORTH, SENT_START]) for doc in docs)])  # (N, 2)
    words = list(map(forms.__getitem__, table[:, 0].tolist()))
    starts = table[:, 1] == 1
    counts = np.fromiter(map(bool, words), np.int64, len(words))
    several: dict[int, Sequence[str]] = {}
    for doc, first in zip(docs, np.cumsum(sizes) - sizes, strict=True):
        if len(doc):
            starts[first] = True
        if doc.user_data:
            several.update((int(first) + place, parts) for place, parts in _multiwords(doc))
    for place, parts in several.items():
        counts[place] = len(parts)
    if several:
        words = list(chain.from_iterable(several.get(place, (word,)) for place, word in enumerate(words)))
    words = list(filter(None, words))
    sentence = np.repeat(np.cumsum(starts), counts)  # (W,) the number of each word's sentence
    bounds = [0, *(np.flatnonzero(np.diff(sentence)) + 1).tolist(), len(words)]
    return DocWords([words[a:b] for a, b in pairwise(bounds) if a < b], table[:, 0], counts, sizes)


def _multiwords(doc: Doc) -> Iterator[tuple[int, Sequence[str]]]:
    """The place of each multiword token, and its words."""
    data: dict[Any, Any] = doc.user_data  # that of token._ has the key ("._.", name, characters before the token, None)
    words = {key[2]: parts for key, parts in data.items() if isinstance(key, tuple) and key[:2] == ("._.", WORDS)}
    if words:
        for token in doc:
            if parts := words.get(token.idx):
                yield token.i, parts


class FilledAttribute:
    """An attribute that is filled with the tags of a column."""

    def __init__(self, name: str, column: str, vocabulary: "Vocabulary", vocab: Vocab) -> None:
        """Computes the value of each tag.

        Args:
            name: of the attribute.
            column: the tagger's, which has the tags.
            vocabulary: the tagger's.
            vocab: of the Docs.

        Raises:
            InputError: spaCy cannot hold a tag in this attribute.
        """
        self.attribute, self.column, self._vocab = ATTRIBUTES[name], column, vocab
        self._codec, self._tags = vocabulary.codecs[column], vocabulary.tags[column]
        edits = self._codec.edits  # the tags are edit scripts, which make values of words
        self._values = None if edits else np.array([self.value(tag) for tag in self._tags], dtype=np.uint64)  # (K,)

    def value(self, tag: str) -> int:
        """What spaCy keeps of a tag."""
        return self.attribute.value(tag, self.column, self._vocab, not self._codec.edits)

    def of_tokens(self, words: DocWords, decoded: "Decoded") -> np.ndarray:
        """The values of tokens, (N,).

        Args:
            words: of the tokens.
            decoded: the tags of the W words.
        """
        firsts = np.cumsum(words.counts) - words.counts  # (N,) the first word of each token
        ids = decoded.ids[:, 0]  # (W,)
        if self._values is not None:
            found = self._values[ids]
            tags: Sequence[str] | None = None
        else:
            tags = self._codec.read([form for sentence in words.sentences for form in sentence], decoded, 1).best
            found = np.fromiter(map(self.value, tags), np.uint64, len(tags))
        white_space = self.attribute.white_space
        values = words.orths.copy() if white_space is None else np.full_like(words.orths, self.value(white_space))
        is_word = words.counts > 0
        values[is_word] = found[firsts[is_word]]
        for place in np.flatnonzero(words.counts > 1).tolist():
            those = range(firsts[place], firsts[place] + words.counts[place])
            own = [self._tags[ids[i]] if tags is None else tags[i] for i in those]
            values[place] = self.value(self.attribute.joined(own))
        return values


def annotate(
    docs: Sequence[Doc], words: DocWords, found: Mapping[str, "Decoded"], attributes: Sequence[FilledAttribute]
) -> None:
    """Gives the tokens of Docs their attributes, in the place of those that they have.

    Args:
        docs: those that the words were read from.
        words: of these.
        found: the tags of the words, in the columns of the attributes.
        attributes: to fill.
    """
    numbers: list[int | str] = [filled.attribute.number for filled in attributes]
    columns = [filled.of_tokens(words, found[filled.column]) for filled in attributes]
    table: Any = np.stack(columns, axis=1)  # (N, A)
    for doc, (first, last) in zip(docs, pairwise(accumulate(words.sizes, initial=0)), strict=True):
        if last > first:
            doc.from_array(numbers, table[first:last])


@Language.factory(
    NAME,
    assigns=["token.pos", "token.tag", "token.morph", "token.lemma"],
    default_config={"model": "english", **COLUMNS, "device": "cpu", "precision": "auto"},
    default_score_weights={"pos_acc": 0.5, "tag_acc": 0.5, "morph_acc": 0.0, "lemma_acc": 0.0},
)
def make_tagger(
    nlp: Language,
    name: str,
    model: str,
    pos: str | None,
    tag: str | None,
    morph: str | None,
    lemma: str | None,
    device: str,
    precision: str,
) -> "BigruTagger":
    """The component of a pipeline, as spaCy asks for it; see `BigruTagger`.

    The tagger is loaded now if it is on this machine: before anybody takes the time, and before `nlp.pipe` forks
    processes. What is on the Hub is fetched for the first text: a saved pipeline has the files, and needs no internet.
    """
    columns = {"pos": pos, "tag": tag, "morph": morph, "lemma": lemma}
    component = BigruTagger(nlp.vocab, name, model, columns, device, precision)
    if not is_hub_name(model):
        with suppress(InputError):  # it is raised again for the first text, unless a saved pipeline brings other files
            component.initialize()
    return component


class BigruTagger(PipelinePart, Pipe):
    """Tags Docs. It reads the sentences that a Doc has; where it has none, all of it is one sentence.

    Attributes:
        name: of the component in its pipeline.
        vocab: of the Docs.
        columns: which column of the tagger each attribute shows; None: the attribute stays as it is.
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str = NAME,
        model: str = "english",
        columns: dict[str, str | None] | None = None,
        device: str = "cpu",
        precision: str = "auto",
    ) -> None:
        """Loads nothing yet.

        Args:
            vocab: of the Docs.
            name: of the component.
            model: the name of a tagger, or its folder; see `tagger.load`.
            columns: as above; None: `COLUMNS`, of which a tagger may lack some.
            device: auto, cpu, cuda, the second GPU cuda:1, or mps.
            precision: auto, float32 or bfloat16.
        """
        super().__init__(model)
        self.name, self.columns = name, {**COLUMNS, **(columns or {})}
        self.vocab, self._device, self._precision = vocab, device, precision
        self._tagger: Tagger | None = None

    def _renew(self) -> None:
        before, self._tagger = self._tagger, None  # if it is of the same files, it is not loaded again
        self.initialize()
        del before

    @property
    def tagger(self) -> "Tagger":
        """The tagger, which is loaded if it is not yet.

        Raises:
            InputError: there is no such tagger, or it lacks a column, or spaCy cannot hold the tags of a column.
        """
        if self._tagger is None:
            tagger = shared_tagger(self.files, self._device, self._precision)
            self._prepare(tagger)
            self._tagger = tagger
        return self._tagger

    def _prepare(self, tagger: "Tagger") -> None:
        """Computes what depends on the vocabulary of the Docs."""
        self._attributes = [
            FilledAttribute(name, column, tagger.vocabulary, self.vocab)
            for name, column in self._wanted(tagger.columns).items()
        ]
        self._forms = Forms(self.vocab.strings)

    def _wanted(self, known: Sequence[str]) -> dict[str, str]:
        """The column of each attribute that is filled."""
        wanted = {attribute: column for attribute, column in self.columns.items() if column is not None}
        for attribute, column in wanted.items():
            if column not in known and column != COLUMNS[attribute]:
                raise InputError(
                    f"{self.name}: the tagger {self.model} has no column {column!r} for {attribute}; it has"
                    f" {', '.join(known)}; set {attribute} to one of them, or to null"
                )
        found = {attribute: column for attribute, column in wanted.items() if column in known}
        if not found:
            raise InputError(
                f"{self.name}: the tagger {self.model} has no column {', '.join(wanted.values())}; it has"
                f" {', '.join(known)}; set tag to one of them"
            )
        return found

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]] | None = None, *, nlp: Language | None = None
    ) -> None:
        """Loads the tagger now, so that an error in the settings shows before the first text; see `tagger`."""
        _ = self.tagger

    def __call__(self, doc: Doc) -> Doc:
        """Tags a Doc, which is returned.

        Raises:
            InputError: see `tagger`.
        """
        self._tag([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 1000) -> Iterator[Doc]:
        """Tags Docs as they come, many at a time, and yields them in order.

        Args:
            stream: the Docs.
            batch_size: the largest number of Docs that are tagged together.
        """
        handle = self.get_error_handler()
        for docs in batches(stream, batch_size):
            try:
                self._tag(docs)
            except Exception as error:
                handle(self.name, self, docs, error)
            else:
                yield from docs

    def _tag(self, docs: list[Doc]) -> None:
        from tagger.tagging.decoding import Request

        tagger = self.tagger
        if docs[0].vocab is not self.vocab:  # as after `nlp.add_pipe(..., source=another)`
            self.vocab = docs[0].vocab
            self._prepare(tagger)
        words = read_docs(docs, self._forms)
        words = words._replace(sentences=list(map(tagger.as_read, words.sentences)))
        columns = [filled.column for filled in self._attributes]
        annotate(docs, words, tagger.engine.tag(words.sentences, Request(columns)), self._attributes)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """The accuracies of all attributes (`pos_acc`, ...), for `nlp.evaluate`."""
        examples = list(examples)
        scores: dict[str, Any] = {}
        for attribute, column in self.columns.items():
            if column is not None:
                scores.update(Scorer.score_token_attr(examples, attribute, **kwargs))
        return scores

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, such as that of another process, has the files and loads its tagger of them."""
        state = {**self.__dict__, "_files": self.files, "_tagger": None, "_attributes": [], "_forms": None}
        return type(self), (self.vocab,), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._renew()


def batches(stream: Iterable[Doc], most: int, max_tokens: int = MAX_TOKENS) -> Iterator[list[Doc]]:
    """At most so many Docs at a time, and about so many tokens."""
    batch: list[Doc] = []
    tokens = 0
    for doc in stream:
        batch.append(doc)
        tokens += len(doc)
        if tokens >= max_tokens or len(batch) >= most:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch
