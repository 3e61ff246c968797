"""Checks the arguments that users give to `Tagger`; the `InputError` of a mistake says what to give instead."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tagger.errors import InputError, shorten
from tagger.model.batch import NO_CORPUS
from tagger.text.lexicon import known_tags
from tagger.text.sentence import Sentence
from tagger.text.strings import is_given

_NO_LISTS = (set, frozenset, Mapping, bytes, bytearray)
_MAX_SHOWN = 60  # characters of a value in a message


def checked_tokens(tokens: Any) -> list[str]:
    """The tokens of a sentence as a list."""
    if isinstance(tokens, str):
        raise InputError(f"a sentence is a list of tokens, not the string {_shown(tokens)}; use annotate for text")
    if isinstance(tokens, _NO_LISTS) or not isinstance(tokens, Iterable):
        raise InputError(f"a sentence is a list of tokens, not {_shown(tokens)}; give a list of strings")
    found = list(tokens)
    if not set(map(type, found)) <= {str}:
        for number, token in enumerate(found):
            if not isinstance(token, str):
                several = isinstance(token, list | tuple)
                remedy = "use tag_sentences for several sentences" if several else "give every token as a string"
                raise InputError(f"token {number} of a sentence is {_shown(token)}, not a string; {remedy}")
        found = list(map(str, found))  # subclasses of str, such as NumPy's
    return found


def checked_sentences(sentences: Any) -> Iterator[list[str]]:
    """The tokens of each of several sentences.

    Raises:
        InputError: raised at once if it is no ordered iterable, and during iteration if a sentence is invalid.
    """
    if isinstance(sentences, str | bytes):
        raise InputError(f"each sentence is a list of tokens, and these are {_shown(sentences)}; use annotate for text")
    if isinstance(sentences, _NO_LISTS) or not isinstance(sentences, Iterable):
        raise InputError(f"sentences are a list of lists of tokens, not {_shown(sentences)}; give [['They', 'read']]")
    return map(checked_tokens, sentences)


def checked_stream(sentences: Any) -> Iterator[Sentence]:
    """The sentences of a stream."""
    if isinstance(sentences, str | Sentence) or not isinstance(sentences, Iterable):
        raise InputError(f"stream takes an iterable of Sentence, not {_shown(sentences)}; give [Sentence(tokens)]")
    return _each_sentence(sentences)


def _each_sentence(sentences: Iterable[Any]) -> Iterator[Sentence]:
    for sentence in sentences:
        if not isinstance(sentence, Sentence):
            raise InputError(f"stream takes objects of Sentence, not {_shown(sentence)}; give Sentence(tokens)")
        if not set(map(type, sentence.tokens)) <= {str}:
            sentence.tokens = checked_tokens(sentence.tokens)
        _check_tags(sentence)
        yield sentence


def _check_tags(sentence: Sentence) -> None:
    if not isinstance(sentence.tags, Mapping):
        raise InputError(f"the tags of a sentence are {_shown(sentence.tags)}; give a list of tags for each column")
    for column, tags in sentence.tags.items():
        if not isinstance(tags, list | tuple) or len(tags) != len(sentence):
            raise InputError(
                f"the tags of column {_shown(column)} are {_shown(tags)}; give a list of {len(sentence)}, one for each"
                " token"
            )


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


def check_not_texts(tokens: Sequence[str], known: frozenset[str]) -> None:
    """Raises InputError if half of the tokens have spaces inside and are not in `known`, the forms of training."""
    texts = [token for token in tokens if len(token.split()) > 1 and token not in known and _has_letter(token)]
    if texts and 2 * len(texts) >= len(tokens):
        raise InputError(
            f"{_shown(texts[0])} is no token: it has spaces inside; annotate takes one text as a string, or the tokens"
            " of one sentence as a list; for a list of texts call it once for each"
        )


def checked_text(text: Any) -> str:
    """A text."""
    if not isinstance(text, str):
        raise InputError(f"a text is a string, not {_shown(text)}; give it as a string")
    return text


def checked_texts(texts: Any) -> list[str]:
    """Several texts as a list."""
    if isinstance(texts, str):
        raise InputError(f"segment_all takes a list of paragraphs; for {_shown(texts)} alone use segment")
    if isinstance(texts, _NO_LISTS) or not isinstance(texts, Iterable):
        raise InputError(f"segment_all takes a list of paragraphs, not {_shown(texts)}; give a list of strings")
    return list(map(checked_text, texts))


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


def checked_corpus(name: Any, known: Mapping[str, int]) -> int:
    """The id of a corpus of training; `NO_CORPUS` if the name is None."""
    if name is None:
        return NO_CORPUS
    if not isinstance(name, str) or name not in known:
        remedy = f"choose one of {', '.join(known)}" if known else "it was trained on a single corpus; leave this out"
        raise InputError(f"this tagger knows no corpus {_shown(name)}; {remedy}")
    return known[name]


def checked_number(name: str, value: Any, least: int, why: str = "") -> int:
    """An option that is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}={_shown(value)}: give a whole number of at least {least}{why}")
    return value


def _has_letter(token: str) -> bool:
    return any(map(str.isalpha, token))


def _shown(value: Any) -> str:
    return shorten(value) if isinstance(value, str) else repr(value)[:_MAX_SHOWN]
