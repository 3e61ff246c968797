"""A tagged file and the sentences that it must have -> its sentences, or an error at the first difference."""

from collections.abc import Iterable, Iterator

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence

FORMATS = ("conllu", "tsv", "csv", "slash")  # of which it is known how many lines a sentence takes
_LINE_PER_WORD = ("tsv", "csv")
_REMEDY = "a tagged file must have the sentences and words of the gold file"


def same_sentences(
    tagged: Iterable[Sentence], gold: Iterable[list[str]], path: str, format: str, gold_path: str
) -> Iterator[Sentence]:
    """Yields the sentences of a tagged file that have words, while they are those of the gold file.

    Args:
        tagged: all sentences of the file, as `readers.read` yields them.
        gold: the words of each sentence that has words.
        path: the tagged file, for error messages.
        format: one of `FORMATS`, which says how many lines a sentence has.
        gold_path: the gold file, for error messages.

    Raises:
        InputError: a word differs, or a sentence begins or ends elsewhere.
    """
    rest = iter(gold)
    line = 1
    number = 0
    for sentence in tagged:
        if sentence.tokens:
            number += 1
            _check(sentence, next(rest, None), line, number, path, format, gold_path)
            yield sentence
        line += _line_count(sentence, format)
    missing = next(rest, None)
    if missing is not None:
        raise InputError(
            f"{path}, line {line}: the file ends after sentence {number:,}, and {gold_path} goes on with"
            f" {shorten(' '.join(missing))}; {_REMEDY}"
        )


def _check(
    sentence: Sentence, gold: list[str] | None, line: int, number: int, path: str, format: str, gold_path: str
) -> None:
    """Raises InputError if the words of a sentence, which begins in a line, are not those of the gold sentence."""
    if sentence.tokens == gold:
        return
    if gold is None:
        found, expected, place = sentence.tokens[0], f"{gold_path} has ended", 0
    else:
        common = min(len(sentence), len(gold))
        place = next((i for i in range(common) if sentence.tokens[i] != gold[i]), common)
        found = sentence.tokens[place] if place < len(sentence) else ""
        expected = f"{gold_path} has {shorten(gold[place])}" if place < len(gold) else f"{gold_path} ends the sentence"
    where = f"{path}, line {line + _line_of_word(sentence, place, format)}"
    shown = shorten(found) if found else "the sentence ends"
    raise InputError(f"{where}: {shown} where {expected}, in sentence {number:,}, word {place + 1}; {_REMEDY}")


def _line_count(sentence: Sentence, format: str) -> int:
    """The lines of a file that a sentence takes, with the one that ends it."""
    return _line_of_word(sentence, len(sentence), format) + 1 if sentence.lines is None else len(sentence.lines)


def _line_of_word(sentence: Sentence, place: int, format: str) -> int:
    """The lines of a sentence before that of a word; after the last word, those before the line that ends it."""
    if sentence.lines is not None:
        words = [i for i, line in enumerate(sentence.lines) if line.partition("\t")[0].isdecimal()]
        return words[place] if place < len(words) else len(sentence.lines) - (not sentence.lines[-1].strip())
    return place if format in _LINE_PER_WORD else 0
