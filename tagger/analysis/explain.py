"""Sentences -> what each of their tags rests on: the words before it, the words after it, and which of them."""

# N tokens of all variants of a sentence, K tags

import colorsys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.errors import InputError
from tagger.tagging.tagger import Tagger
from tagger.text.characters import encodable, fitted, wide

LONGEST = 100  # words of a sentence: the tagger reads about twice their square
DECIDING = 3  # words at most
LEAST = 0.01  # of the probability of a tag; a word that changes it by less decided nothing
WIDTH = 80  # cells of a terminal
_TAG, _OTHER = 8, 5  # cells of a tag, and of another tag beside a probability
LEGEND = {
    "whole": "the probability of the tag, with the whole sentence",
    "left": "with the words before it alone: the sentence ends after the word",
    "right": "with the words after it alone: the sentence begins with the word",
    "alone": "with no other word",
    "decided by": "what the probability loses (+) or gains (-) when that word is left out: at most"
    f" {DECIDING} words, with changes of at least {LEAST}",
}


@dataclass(frozen=True)
class Context:
    """What the tagger says of a word when only a part of its sentence is there.

    Attributes:
        probability: of the tag that the word has in the whole sentence.
        best_tag: the best one here, which may be another.
        best_probability: of `best_tag`.
    """

    probability: float
    best_tag: str
    best_probability: float


@dataclass(frozen=True)
class Support:
    """Another word of the sentence, and what it adds to the probability of a tag.

    Attributes:
        word: the other word.
        position: its place in `Explanation.tokens`, from 0.
        support: by how much the probability falls when the word is left out; negative where it rises.
    """

    word: str
    position: int
    support: float


@dataclass(frozen=True)
class ExplainedWord:
    """A word, its tag, and what the tag rests on.

    Attributes:
        word: the word.
        tag: its best tag in the whole sentence.
        probability: of `tag`.
        left: with the words before it alone; the sentence ends after it.
        right: with the words after it alone; the sentence begins with it.
        alone: with no other word.
        decided_by: the words without which the probability of `tag` changes most, those first.
    """

    word: str
    tag: str
    probability: float
    left: Context
    right: Context
    alone: Context
    decided_by: list[Support]


@dataclass(frozen=True)
class Explanation:
    """A sentence of n tokens, the tag column that is explained, and its n words."""

    tokens: list[str]
    column: str
    words: list[ExplainedWord]


def explain(tagger: Tagger, sentences: Iterable[Sequence[str]], column: str | None = None) -> list[Explanation]:
    """Explains the tags of every word of every sentence that has any.

    Args:
        tagger: the tagger to explain.
        sentences: lists of word forms.
        column: `upos`, ...; the tagger's first column by default.

    Raises:
        InputError: no such column, no words, or a sentence of more than LONGEST words.
    """
    column = tagger.columns[0] if column is None else column
    if column not in tagger.columns:
        raise InputError(f"this tagger has no column {column!r}; it has {', '.join(tagger.columns)}")
    worded = [list(tokens) for tokens in sentences if tokens]
    if not worded:
        raise InputError("there are no words to explain; give a sentence")
    for number, tokens in enumerate(worded, 1):
        if len(tokens) > LONGEST:
            raise InputError(
                f"sentence {number} has {len(tokens)} words, and the work grows with their square;"
                f" give at most {LONGEST} at once, such as one clause"
            )
    return [_explain(tagger, tokens, column) for tokens in worded]


def _explain(tagger: Tagger, tokens: list[str], column: str) -> Explanation:
    whole, count = tuple(tokens), len(tokens)
    lefts = [whole[: i + 1] for i in range(count)]
    rights = [whole[i:] for i in range(count)]
    without = [whole[:j] + whole[j + 1 :] for j in range(count)]
    variants = list(dict.fromkeys([whole, *lefts, *rights, *zip(tokens), *without]))  # each once
    start = dict(zip(variants, np.cumsum([0, *map(len, variants)]).tolist(), strict=False))  # row of its first token

    tags = tagger.vocabulary.tags[column]
    found = tagger.engine.tag(variants, [column], top=len(tags), probabilities=True)[column]
    assert found.probabilities is not None
    p = np.empty(found.ids.shape)  # (N, K), in the order of the tags; `found` has the best first
    np.put_along_axis(p, found.ids, found.probabilities.astype(float).round(6), axis=1)

    def context(row: int, tag: int) -> Context:
        best = found.ids[row, 0]
        return Context(float(p[row, tag]), tags[best], float(p[row, best]))

    words = []
    for i, word in enumerate(tokens):
        tag = found.ids[start[whole] + i, 0]
        share = float(p[start[whole] + i, tag])
        left, right = context(start[lefts[i]] + i, tag), context(start[rights[i]], tag)
        alone = context(start[word,], tag)
        others = [j for j in range(count) if j != i]
        rows = [
            start[without[j]] + i - (j < i) for j in others
        ]  # where the word stands, one earlier if j was before it
        supports = [
            Support(tokens[j], j, round(share - float(p[row, tag]), 6)) for j, row in zip(others, rows, strict=True)
        ]
        deciding = sorted((s for s in supports if abs(s.support) >= LEAST), key=lambda s: -abs(s.support))
        words.append(ExplainedWord(word, tags[tag], share, left, right, alone, deciding[:DECIDING]))
    return Explanation(tokens, column, words)


def render(explanations: Iterable[Explanation], color: bool = False) -> str:
    """Tables at most 80 cells wide, one for each sentence; with `color` in those that the terminal has."""
    console = Console(width=WIDTH, force_terminal=color, legacy_windows=False)
    tables = []
    for explanation in explanations:
        with console.capture() as drawn:
            console.print(_table(explanation))
        tables.append("".join(f"{line.rstrip()}\n" for line in drawn.get().split("\n")[:-1]))
    return "\n".join(tables)


def _table(explanation: Explanation) -> Table:
    headers = [fitted(explanation.column, _TAG), *LEGEND]
    rows = []
    for word in explanation.words:
        contexts = [_cell(context, word.tag) for context in (word.left, word.right, word.alone)]
        whole = Text(f"{word.probability:.2f}", _color(word.probability))
        rows.append([Text(fitted(word.tag, _TAG), "bold"), whole, *contexts])
    columns = zip(headers, *[[cell.plain for cell in row] for row in rows], strict=False)
    used = sum(max(map(wide, column)) + 2 for column in columns)
    numbers = _numbers(explanation.tokens)
    widths = [wide(token + number) for token, number in zip(explanation.tokens, numbers, strict=True)]
    deciding = [widths[s.position] for word in explanation.words for s in word.decided_by]
    room = WIDTH - used - len("  " + " +0.00")  # for a word, and for one of those that decided
    room = max(room // 2, room - min(max(widths), max([4, *deciding])))  # 4: as wide as the heading
    labels = [fitted(token, room - len(n)) + n for token, n in zip(explanation.tokens, numbers, strict=True)]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for header in ("word", *headers):
        table.add_column(Text(header))
    for label, row, word in zip(labels, rows, explanation.words, strict=True):
        supports = [
            Text.assemble(labels[s.position], (f" {s.support:+.2f}", "green" if s.support > 0 else "red"))
            for s in word.decided_by
        ]
        table.add_row(Text(label), *row, Text("\n").join(supports))
    return table


def _numbers(tokens: list[str]) -> list[str]:
    """What tells a word that the sentence has several times from the others: its number, from 1."""
    return [f"#{i}" if tokens.count(token) > 1 else "" for i, token in enumerate(tokens, 1)]


def _cell(context: Context, tag: str) -> Text:
    other = "" if context.best_tag == tag else f" {fitted(context.best_tag, _OTHER)}"
    return Text.assemble((f"{context.probability:.2f}", _color(context.probability)), other)


def _color(probability: float) -> str:
    """Red for 0, yellow for 0.5, green for 1; dark enough for a light terminal."""
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(probability / 3, 1, 0.75))
    return f"rgb({red},{green},{blue})"


def to_html(explanations: Sequence[Explanation]) -> str:
    """A page that needs nothing else: the same tables with whole words and tags, and what their columns mean."""
    column = escape(explanations[0].column)
    legend = "".join(f"<dt>{name}</dt><dd>{meaning}.</dd>\n" for name, meaning in LEGEND.items())
    head = "".join(f"<th>{name}</th>" for name in ("word", column, *LEGEND))
    tables = []
    for explanation in explanations:
        rows = "\n".join(_html_rows(explanation))
        title = _html(" ".join(explanation.tokens))
        tables.append(f"<h2>{title}</h2>\n<table>\n<tr>{head}</tr>\n{rows}\n</table>\n")
    return encodable(_PAGE.format(column=column, tables="".join(tables), legend=legend))


def _html_rows(explanation: Explanation) -> Iterator[str]:
    labels = [
        _html(token) + (f"<small>{number}</small>" if number else "")
        for token, number in zip(explanation.tokens, _numbers(explanation.tokens), strict=True)
    ]
    for label, word in zip(labels, explanation.words, strict=True):
        whole = Context(word.probability, word.tag, word.probability)
        cells = [f"<th scope=row>{label}</th><td><b>{_html(word.tag)}</b></td>"]
        for context in (whole, word.left, word.right, word.alone):
            other = "" if context.best_tag == word.tag else f" {_html(context.best_tag)}"
            shade = f"hsl({120 * context.probability:.0f},75%,82%)"
            cells.append(f'<td style="background:{shade}">{context.probability:.2f}{other}</td>')
        supports = [
            f"{labels[s.position]} <span class={'for' if s.support > 0 else 'against'}>{s.support:+.2f}</span>"
            for s in word.decided_by
        ]
        yield f"<tr>{''.join(cells)}<td>{'<br>'.join(supports)}</td></tr>"


def _html(text: str) -> str:
    """A word, a tag or a sentence, in its own direction of writing."""
    return f"<bdi>{escape(text)}</bdi>"


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What each tag ({column}) rests on</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; color: #222; background: #fff; max-width: 60em; margin: 2em auto }}
body {{ padding: 0 1em; overflow-wrap: break-word }}
h1 {{ font-size: 1.4em }} h2 {{ font-size: 1.1em; margin-top: 2em }}
table {{ border-collapse: collapse }} table bdi {{ display: inline-block; max-width: 12em }}
th, td {{ text-align: left; vertical-align: top; padding: .2em .6em; border-bottom: 1px solid #ddd }}
tr:first-child th {{ color: #666; font-weight: normal }} small {{ color: #666 }}
dt {{ float: left; clear: left; font-weight: bold }} dd {{ margin: 0 0 .3em 7em }}
.for {{ color: #060 }} .against {{ color: #b00 }}
</style>
</head>
<body>
<h1>What each tag ({column}) rests on</h1>
<dl>
{legend}</dl>
<p>Beside a probability stands the best tag, where it is another one.</p>
{tables}</body>
</html>
"""
