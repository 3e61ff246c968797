"""Explanations -> tables for a terminal, and an HTML page."""

import colorsys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.analysis.explain import MAX_DECIDING, MIN_SUPPORT, Context, Explanation
from tagger.evaluation.page import isolated, page, table
from tagger.text.strings import display_width, fitted

TABLE_WIDTH = 80  # terminal cells
_TAG_WIDTH, _OTHER_TAG_WIDTH = 8, 5  # cells of a tag, and of another tag beside a probability
LEGEND = {
    "whole": "the probability of the tag with the whole sentence",
    "left": "with the words before it only: the sentence ends after the word",
    "right": "with the words after it only: the sentence begins with the word",
    "alone": "with no other word",
    "decided by": "how much the probability falls (+) or rises (-) without that word: at most"
    f" {MAX_DECIDING} words with changes of at least {MIN_SUPPORT}",
}
"""Columns of the table and their meaning, after the columns of the word and its tag."""

_STYLE = "".join(  # probabilities from red over yellow to green, in a light and in a dark page
    f".p{tenth} {{ background: hsl({12 * tenth} 75% 82%); color: #1c2128; padding: .1rem .3rem }}\n"
    for tenth in range(11)
)


def format_tables(explanations: Iterable[Explanation], color: bool = False) -> str:
    """Text tables at most TABLE_WIDTH cells wide, one per sentence; `color` adds terminal colours."""
    console = Console(width=TABLE_WIDTH, force_terminal=color, legacy_windows=False)
    tables = []
    for explanation in explanations:
        with console.capture() as drawn:
            console.print(_table(explanation))
        tables.append("".join(f"{line.rstrip()}\n" for line in drawn.get().split("\n")[:-1]))
    return "\n".join(tables)


def _table(explanation: Explanation) -> Table:
    headers = [fitted(explanation.column, _TAG_WIDTH), *LEGEND]
    rows = []
    for word in explanation.words:
        contexts = [_cell(context, word.tag) for context in (word.left, word.right, word.alone)]
        whole = Text(f"{word.probability:.2f}", _color(word.probability))
        rows.append([Text(fitted(word.tag, _TAG_WIDTH), "bold"), whole, *contexts])
    columns = zip(headers, *[[cell.plain for cell in row] for row in rows], strict=False)
    used = sum(max(map(display_width, column)) + 2 for column in columns)
    numbers = _numbers(explanation.tokens)
    widths = [display_width(token + number) for token, number in zip(explanation.tokens, numbers, strict=True)]
    deciding = [widths[s.position] for word in explanation.words for s in word.decided_by]
    room = TABLE_WIDTH - used - len("  " + " +0.00")  # left for the word and for a word that decided
    room = max(room // 2, room - min(max(widths), max([4, *deciding])))  # 4: the width of the heading "word"
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
    """The number of each token (from 1) if the sentence has the token several times, else an empty string."""
    return [f"#{i}" if tokens.count(token) > 1 else "" for i, token in enumerate(tokens, 1)]


def _cell(context: Context, tag: str) -> Text:
    other = "" if context.best_tag == tag else f" {fitted(context.best_tag, _OTHER_TAG_WIDTH)}"
    return Text.assemble((f"{context.probability:.2f}", _color(context.probability)), other)


def _color(probability: float) -> str:
    """Red for 0, yellow for 0.5, green for 1. All are dark enough for a light terminal."""
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(probability / 3, 1, 0.75))
    return f"rgb({red},{green},{blue})"


def to_html(explanations: Sequence[Explanation]) -> str:
    """A self-contained HTML page: the same tables with uncut words and tags, and a legend."""
    column = explanations[0].column
    title = f"What each tag ({column}) rests on"
    legend = "".join(f"<dt>{name}</dt><dd>{meaning}.</dd>\n" for name, meaning in LEGEND.items())
    cards = [
        f'<section class="card">\n<h2>{isolated(" ".join(explanation.tokens))}</h2>\n'
        f"{table(('word', column, *LEGEND), _html_rows(explanation))}</section>\n"
        for explanation in explanations
    ]
    body = (
        f"<header><h1>{isolated(title)}</h1>\n<dl>\n{legend}</dl>\n"
        f'<p class="soft">Where another tag is more probable, it stands beside the probability.</p></header>\n'
        f"<main>\n{''.join(cards)}</main>\n"
    )
    return page(title, body, _STYLE)


def _html_rows(explanation: Explanation) -> Iterator[list[str]]:
    labels = [
        isolated(token) + (f'<span class="soft">{number}</span>' if number else "")
        for token, number in zip(explanation.tokens, _numbers(explanation.tokens), strict=True)
    ]
    for label, word in zip(labels, explanation.words, strict=True):
        cells = [label, f"<b>{isolated(word.tag)}</b>"]
        for context in (Context(word.probability, word.tag, word.probability), word.left, word.right, word.alone):
            other = "" if context.best_tag == word.tag else f" {isolated(context.best_tag)}"
            cells.append(f'<span class="p{round(10 * context.probability)}">{context.probability:.2f}{other}</span>')
        supports = [
            f'{labels[s.position]} <span class="{"for" if s.support > 0 else "against"}">{s.support:+.2f}</span>'
            for s in word.decided_by
        ]
        yield [*cells, "<br>".join(supports)]
