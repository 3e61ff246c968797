"""What users hand over to a tagger, checked: its options, sentences, texts, columns. A mistake is an `InputError`."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.errors import InputError, shorten
from tagger.model.device import choose_device, choose_precision
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.windows import BATCH_TOKENS
from tagger.text.files import read_lines
from tagger.text.segment import LEARNED, RULES
from tagger.text.sentence import Sentence
from tagger.text.strings import is_given
from tagger.text.tags import Lexicon, known_tags, read_lexicon

AUTO = "auto"
SEGMENTERS = (AUTO, LEARNED, *RULES)
CACHE_SIZE = 50_000  # forms
_MAX_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True)
class TaggerOptions:
    """How a tagger works; see `load`, which has the same options. Those that need no tagger are checked here.

    Attributes:
        device: where it computes; `auto` becomes the device that it stands for.
        precision: of products and states, float32 or bfloat16; `auto` likewise.
        cache_size: number of word forms to cache, at least those of a batch.
        workers: processes; on a GPU it is 1.
        segmenter: auto, learned, or the name of rules.
        corpus: of a tagger that was trained on several corpora, the one that the text is like.
        lexicons: for some columns the file of a lexicon.
    """

    device: str = AUTO
    precision: str = AUTO
    cache_size: int = CACHE_SIZE
    workers: int = 1
    segmenter: str = AUTO
    corpus: str | None = None
    lexicons: Mapping[str, Path | str] | None = None

    def __post_init__(self) -> None:
        checked_number("workers", self.workers, 1)
        if self.segmenter not in SEGMENTERS:
            raise InputError(f"{shorten(str(self.segmenter))} is no segmenter; choose one of {', '.join(SEGMENTERS)}")
        device = choose_device(self.device)
        found = {"device": device, "precision": choose_precision(self.precision, device)}
        checked_number("cache_size", self.cache_size, BATCH_TOKENS, ", the forms that one batch may have")
        if self.lexicons is not None and not isinstance(self.lexicons, Mapping):
            raise InputError(
                f"lexicons={self.lexicons!r}: give the file of each column, such as {{'upos': 'words.tsv'}}"
            )
        for name, value in (found | {"workers": self.workers if device == "cpu" else 1}).items():
            object.__setattr__(self, name, value)  # as a frozen dataclass sets its own fields


def read_lexicons(files: Mapping[str, Path | str], vocabulary: Vocabulary) -> dict[str, Lexicon]:
    """The lexicons of columns; see `load`."""
    lexicons: dict[str, Lexicon] = {}
    for name, file in files.items():
        column = name or vocabulary.columns[0]
        if column in lexicons:
            raise InputError(f"{file}: the column {column} has another lexicon already; join the two files")
        ids = vocabulary.tag_ids[checked_column(column, vocabulary.columns)]
        if vocabulary.codecs[column].edits:
            raise InputError(f"{file}: the column {column} can have no lexicon, because its tags are edit scripts")
        lexicons[column] = read_lexicon(read_lines(str(file), option=""), str(file), ids, column)
    return lexicons


def checked_tokens(tokens: Any) -> list[str]:
    """The tokens of a sentence as a list."""
    if isinstance(tokens, str | bytes) or not isinstance(tokens, Iterable):
        raise InputError(f"a sentence is a list of tokens, not {_shown(tokens)}; use annotate for text")
    found = list(tokens)
    if not set(map(type, found)) <= {str}:
        for number, token in enumerate(found):
            if not isinstance(token, str):
                raise InputError(f"token {number} of a sentence is {_shown(token)}; give every token as a string")
        found = list(map(str, found))  # subclasses of str, such as NumPy's
    return found


def checked_sentences(sentences: Any) -> Iterator[list[str]]:
    """The tokens of each of several sentences; what is no list of them is refused at once."""
    if isinstance(sentences, str | bytes) or not isinstance(sentences, Iterable):
        raise InputError(f"each sentence is a list of tokens, and these are {_shown(sentences)}; use annotate for text")
    return map(checked_tokens, sentences)


def checked_stream(sentences: Any) -> Iterator[Sentence]:
    """The sentences of a stream; what is none is refused at once."""
    if isinstance(sentences, str | Sentence) or not isinstance(sentences, Iterable):
        raise InputError(f"stream takes an iterable of Sentence, not {_shown(sentences)}; give [Sentence(tokens)]")
    return _each_sentence(sentences)


def _each_sentence(sentences: Iterable[Any]) -> Iterator[Sentence]:
    for sentence in sentences:
        if not isinstance(sentence, Sentence):
            raise InputError(f"stream takes objects of Sentence, not {_shown(sentence)}; give Sentence(tokens)")
        if not set(map(type, sentence.tokens)) <= {str}:
            sentence.tokens = checked_tokens(sentence.tokens)
        yield sentence


def checked_given(sentences: Iterable[Sentence], known: Mapping[str, Collection[str]]) -> Iterator[Sentence]:
    """The sentences, whose tags are to be kept."""
    for sentence in sentences:
        for column, tags in sentence.tags.items():
            for tag in tags if column in known else ():
                if tag not in known[column] and is_given(tag):
                    raise InputError(
                        f"{_shown(tag)} is no tag of {column}; {known_tags(known[column])}; correct it, or give '_'"
                    )
        yield sentence


def checked_texts(texts: Any) -> list[str]:
    """Several texts as a list."""
    found = [texts] if isinstance(texts, str) or not isinstance(texts, Iterable) else list(texts)
    wrong = [text for text in found if not isinstance(text, str)]
    if wrong or isinstance(texts, str):
        raise InputError(f"segment_all takes a list of strings, not {_shown(wrong[0] if wrong else texts)}")
    return found


def checked_columns(columns: Any, known: Sequence[str]) -> list[str]:
    """The tag columns that a user wants; None means all that the tagger has."""
    if columns is None:
        return list(known)
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise InputError(f"columns={_shown(columns)}: give a list, such as {list(known)[:1]}")
    return list(dict.fromkeys(checked_column(column, known) for column in columns))


def checked_column(column: Any, known: Sequence[str]) -> str:
    """A tag column."""
    if not isinstance(column, str) or column not in known:
        raise InputError(f"this tagger has no column {_shown(column)}; it has {', '.join(known)}")
    return column


def check_corpus(name: Any, known: Collection[str]) -> None:
    """Refuses the name of a corpus that a tagger was not trained on; None says that the corpus is not known."""
    if name is not None and (not isinstance(name, str) or name not in known):
        remedy = f"choose one of {', '.join(known)}" if known else "it was trained on a single corpus; leave this out"
        raise InputError(f"this tagger knows no corpus {_shown(name)}; {remedy}")


def checked_number(name: str, value: Any, least: int, why: str = "") -> int:
    """An option that is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}={_shown(value)}: give a whole number of at least {least}{why}")
    return value


def _shown(value: Any) -> str:
    return shorten(value) if isinstance(value, str) else repr(value)[:_MAX_SHOWN]
