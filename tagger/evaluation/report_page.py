"""Scores, pictures and the errors behind them -> one static web page, which runs no script."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

from tagger.evaluation.metrics import spans_of
from tagger.text.sentence import Sentence
from tagger.text.strings import encodable, is_annotated

MAX_ERRORS = 500  # of a column, the most confident ones
MAX_TAGS = 100  # in a table of tags
WORDS_AROUND = 12  # before a wrong word and after it
MAX_CHARACTERS = 100  # of a word; the rest is cut


class Table(NamedTuple):
    """A small table of text; the first cell of a row names it, the others are numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


class WordError(NamedTuple):
    """A word with a wrong tag."""

    column: str
    sentence: str  # its name, or its number
    before: str  # the words before it
    word: str
    after: str
    gold: str
    predicted: str
    confidence: float  # the probability of the predicted tag


def errors_of(sentence: Sentence, gold: Mapping[str, Sequence[str]], number: int) -> Iterator[WordError]:
    """The errors of the `number`-th sentence, which has a tagger's tags and their probabilities."""
    words = list(map(_cut, sentence.tokens))
    for column, tags in gold.items():
        for i, (right, found) in enumerate(zip(tags, sentence.tags.get(column, ()), strict=False)):
            if right != found and is_annotated(column, right, sentence.tokens[i]):
                start, stop = max(0, i - WORDS_AROUND), i + 1 + WORDS_AROUND
                before, after = " ".join(words[start:i]), " ".join(words[i + 1 : stop])
                before, after = "… " * (start > 0) + before, after + " …" * (stop < len(words))
                confidence = sentence.probabilities[column][i]
                place = sentence.name or str(number)
                yield WordError(column, place, before, sentence.tokens[i], after, right, found, confidence)


def report_page(
    title: str,
    splits: Mapping[str, Mapping[str, Mapping[str, Any]]],
    errors: Sequence[WordError],
    facts: Sequence[str] = (),
    tables: Iterable[Table] = (),
    pictures: Iterable[str] = (),
) -> str:
    """The page. All texts are plain.

    Each split has what `metrics.report` returns; the tags and the errors are those of the first one. The facts stand
    below the title. The pictures are names of files beside the page.
    """
    first = next(iter(splits.values()))
    parts = [_table(table) for table in (_accuracies(splits), *tables)]
    parts += [f'<p><img src="{escape(name)}" alt="{escape(name)}"></p>\n' for name in pictures]
    parts += [_errors(column, [error for error in errors if error.column == column]) for column in first]
    parts += [_table(_tags(column, scores)) for column, scores in first.items()]
    template = Template(files("tagger.evaluation").joinpath("report_page.html").read_text(encoding="utf-8"))
    shown = {"title": escape(title), "facts": escape(" · ".join(facts)), "body": "".join(parts)}
    return encodable(template.substitute(shown))


def _cut(word: str) -> str:
    return word if len(word) <= MAX_CHARACTERS else word[:MAX_CHARACTERS] + "…"


def percent(share: float | None) -> str:
    """A share in [0, 1] as text."""
    return "–" if share is None else f"{100 * share:.2f}%"


def _accuracies(splits: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    heads = ["", "words", "all words", "seen in training", "not seen", "whole sentences", "calibration error"]
    rows = []
    for split, columns in splits.items():
        for column, scores in columns.items():
            shares = [scores[name] for name in ("accuracy", "known", "unknown", "whole_sentences")]
            shares.append(scores["calibration"] and scores["calibration"]["ece"])
            rows.append([f"{split}, {column}", f"{scores['tokens']:,}", *map(percent, shares)])
    return Table("Accuracy", heads, rows)


def _tags(column: str, scores: Mapping[str, Any]) -> Table:
    found = spans_of(scores) if scores["spans"] else scores["tags"]
    ordered = sorted(found.items(), key=lambda item: -item[1]["support"])[:MAX_TAGS]
    rows = [
        [tag, *(percent(s[key]) for key in ("precision", "recall", "f1")), f"{s['support']:,}"] for tag, s in ordered
    ]
    title = f"{column}: {'spans' if scores['spans'] else 'tags'}"
    if len(found) > MAX_TAGS:
        title += f" (the {MAX_TAGS} most frequent of {len(found):,})"
    return Table(title, ["", "precision", "recall", "F1", "words"], rows)


def _errors(column: str, errors: Sequence[WordError]) -> str:
    shown = sorted(errors, key=lambda error: -error.confidence)[:MAX_ERRORS]
    title = f"{column}: {len(errors):,} errors"
    if len(errors) > len(shown):
        title += f", the {len(shown)} most confident"
    rows = (
        [
            percent(error.confidence),
            *map(_text, (error.gold, error.predicted)),
            f"<bdi>{escape(error.before)} <mark>{escape(_cut(error.word))}</mark> {escape(error.after)}</bdi>",
            _text(error.sentence),
        ]
        for error in shown
    )
    return _html(title, ("confidence", "gold", "predicted", "word in its sentence", "sentence"), rows, numbers=(0,))


def _table(table: Table) -> str:
    return _html(table.title, table.heads, (map(_text, row) for row in table.rows), range(1, len(table.heads)))


def _html(title: str, heads: Sequence[str], rows: Iterable[Iterable[str]], numbers: Sequence[int]) -> str:
    """A heading and a table; the heads are text, the cells HTML."""
    kinds = [' class="number"' if i in numbers else "" for i in range(len(heads))]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>\n" for row in rows
    )
    return (
        f'<h2>{_text(title)}</h2>\n<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n'
        "</table></div>\n"
    )


def _text(text: str) -> str:
    """Plain text as HTML, with a writing direction of its own."""
    return f"<bdi>{escape(text)}</bdi>"
