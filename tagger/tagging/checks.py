"""Checks the arguments that users give to `Tagger`; the `InputError` of a mistake says what to give instead."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tagger.errors import InputError, shorten
from tagger.model.vocabulary import NO_CORPUS
from tagger.text.lexicon_files import known_tags
from tagger.text.sentence import Sentence
from tagger.text.strings import is_given

_MAX_SHOWN = 60  # characters of a value in a message


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


def _shown(value: Any) -> str:
    return shorten(value) if isinstance(value, str) else repr(value)[:_MAX_SHOWN]
