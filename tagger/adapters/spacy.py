"""spaCy's Docs -> the same Docs with `pos_`, `tag_`, `morph` and `lemma_`: the component `bigru_tagger`.

spaCy finds the component and the tokenizer of `spacy_tokenizer.py` by entry points, so nothing needs to be imported:
`nlp.add_pipe("bigru_tagger")`. Every spaCy pipeline imports this module, wherever the tagger is installed. It therefore
imports what tags, such as torch, when the first text comes.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tagger.adapters.extras import missing

try:
    from spacy.language import Language
except ModuleNotFoundError as error:
    raise missing(error, "spacy", "spacy") from None
from spacy.pipeline import Pipe
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from tagger.adapters.spacy_documents import Forms, read_docs
from tagger.adapters.spacy_parts import PipelinePart
from tagger.adapters.spacy_values import (
    Attribute,
    LemmaAttribute,
    MorphAttribute,
    PosAttribute,
    TagAttribute,
    annotate,
)
from tagger.errors import InputError
from tagger.weights.hub import is_hub_name

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

NAME = "bigru_tagger"
MAX_TOKENS = 48_000  # of the Docs that are tagged together, about
COLUMNS = {"pos": "upos", "tag": "xpos", "morph": "feats", "lemma": "lemma"}  # attribute -> column, by default
_ATTRIBUTES: dict[str, type[Attribute]] = {
    "pos": PosAttribute,
    "tag": TagAttribute,
    "morph": MorphAttribute,
    "lemma": LemmaAttribute,
}


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
    if is_hub_name(model):
        return component
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
        self._attributes: list[Attribute] = []
        self._forms = Forms(vocab.strings)

    def renew(self) -> None:
        """See `PipelinePart.renew`."""
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
            from tagger.adapters.loaded import shared_tagger

            tagger = shared_tagger(self.files, self._device, self._precision)
            self._prepare(tagger)
            self._tagger = tagger
        return self._tagger

    def _prepare(self, tagger: "Tagger") -> None:
        """Computes what depends on the vocabulary of the Docs."""
        self._attributes = [
            _ATTRIBUTES[attribute](column, tagger.vocabulary, self.vocab)
            for attribute, column in self._wanted(tagger.columns).items()
        ]
        self._forms = Forms(self.vocab.strings)

    def _wanted(self, known: Iterable[str]) -> dict[str, str]:
        """The column of each attribute that is filled."""
        known = list(known)
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
        """See `PipelinePart.initialize`."""
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
        for docs in _batches(stream, batch_size):
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
        columns = [attribute.column for attribute in self._attributes]
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
        self.renew()


def _batches(stream: Iterable[Doc], most: int) -> Iterator[list[Doc]]:
    batch: list[Doc] = []
    tokens = 0
    for doc in stream:
        batch.append(doc)
        tokens += len(doc)
        if tokens >= MAX_TOKENS or len(batch) >= most:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch
