"""A comparison of two sides -> tables for a terminal, and an HTML page."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from tagger.evaluation.page import isolated, page, table
from tagger.text.strings import display_width, fitted, printable

TABLE_WIDTH = 80  # terminal cells
GROUPS = {
    "all": "all words",
    "seen": "seen in training",
    "partly": "seen by some taggers",
    "unseen": "not seen in training",
    "ambiguous": "ambiguous",
}
_SHOWN_TAGS, _SHOWN_CONFUSIONS = 60, 10  # rows in a terminal
_PAGE_CONFUSIONS, _PAGE_WORDS = 100, 30  # rows of a page, and words in a row
_NAME_WIDTH, _TAG_WIDTH = 28, 10  # cells
_STYLE = "td bdi { display: inline } .wide + .wide { margin-top: 1rem }\n"


def format_comparison(found: Mapping[str, Any]) -> str:
    """The text, at most TABLE_WIDTH cells wide.

    Args:
        found: `gold`, `a`, `b` and `train` (lists of names), `sentences`, `words`, `training_known` (whether it is
            known which words are seen), and `columns`, the result of `compare`.
    """
    lines = [line for name, text in _heads(found) for line in _wrapped(f"{name}: {text}", 0)]
    for column, values in found["columns"].items():
        lines += ["", f"{column:<{_NAME_WIDTH + 2}}{'words':>9}  {'A':>8}  {'B':>8}  {'A - B':>7}"]
        lines += [_row(GROUPS[name], row) for name, row in values["groups"].items()]
        lines += [line for text in (*_each(values), verdict(values)) for line in _wrapped(text, 2)]
        lines += ["", "  words of the gold tag"]
        lines += [_row(tag, row) for tag, row in list(values["tags"].items())[:_SHOWN_TAGS]]
        lines += _rest(len(values["tags"]) - _SHOWN_TAGS, "tags")
        for side, other, rows in _confusions(values):
            lines += ["", f"  {side} is right, {other} is wrong: {_number(sum(r['count'] for r in rows))} words"]
            if rows:
                lines.append(f"  {'gold and ' + side:<{_TAG_WIDTH}}  {other:<{_TAG_WIDTH}}  {'count':>7}  words")
            lines += map(_confusion_row, rows[:_SHOWN_CONFUSIONS])
            lines += _rest(len(rows) - _SHOWN_CONFUSIONS, "confusions")
    return "\n".join([*lines, "", *(line for note in _notes(found) for line in _wrapped(note, 0))])


def verdict(values: Mapping[str, Any]) -> str:
    """What the numbers of a column say of the difference, in a sentence."""
    low, high = (f"{100 * bound:+.2f}" for bound in values["interval"])
    significant = "significant" if values["significant"] else "not significant"
    return (
        f"A - B: {100 * values['difference']:+.2f} points (95 %: {low} to {high}), p = {values['p']:.4f}, {significant}"
    )


def _each(values: Mapping[str, Any]) -> list[str]:
    """The accuracy of each tagger, if a side has several."""
    row = values["groups"]["all"]
    sides = {name: [f"{100 * share:.2f}%" for share in row[f"{name.lower()}_each"]] for name in ("A", "B")}
    if all(len(shares) == 1 for shares in sides.values()):
        return []
    return ["each: " + "; ".join(f"{name} {' '.join(shares)}" for name, shares in sides.items())]


def _heads(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    size = f"{found['sentences']:,} sentences, {found['words']:,} words"
    return [
        ("gold", f"{', '.join(found['gold'])} ({size})"),
        ("A", ", ".join(found["a"])),
        ("B", ", ".join(found["b"])),
    ]


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    """What the reader has to know about the numbers."""
    train = ", ".join(found["train"])
    if found["training_known"]:
        yield f"Seen in training: forms of {train or 'the training data of all taggers'}."
    else:
        yield "What was seen in training is not known of tagged files; --train FILE says it."
    yield f"Ambiguous: forms with several tags in {train or 'the gold files themselves (--train names others)'}."
    if len(found["a"]) + len(found["b"]) > 2:
        yield "A side of several taggers has the mean of their accuracies; words are counted per pair of taggers."
    rounds = next(iter(found["columns"].values()))["rounds"]
    yield (
        f"p: paired approximate randomization over sentences, {rounds:,} rounds, significant below 0.05. 95 %: the"
        f" interval of the difference, by bootstrap over sentences, {rounds:,} samples."
    )


def _confusions(values: Mapping[str, Any]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    return [("A", "B", values["only_a"]), ("B", "A", values["only_b"])]


def _row(name: str, row: Mapping[str, Any]) -> str:
    shown = fitted(name, _NAME_WIDTH)
    shown += " " * (_NAME_WIDTH - display_width(shown))
    difference = f"{100 * (row['a'] - row['b']):+.2f}"
    return f"  {shown}{row['words']:>9,}  {100 * row['a']:>7.2f}%  {100 * row['b']:>7.2f}%  {difference:>7}"


def _confusion_row(row: Mapping[str, Any]) -> str:
    cells = []
    for tag in (row["gold"], row["wrong"]):
        shown = fitted(tag, _TAG_WIDTH)
        cells.append(shown + " " * (_TAG_WIDTH - display_width(shown)))
    start = f"  {'  '.join(cells)}  {_number(row['count']):>7}  "
    return start + _fitting(_words(row["words"]), TABLE_WIDTH - display_width(start))


def _fitting(words: Iterable[str], width: int) -> str:
    """As many of the words as fit, with an ellipsis if there are more."""
    shown = ""
    for word in words:
        longer = f"{shown}, {printable(word)}" if shown else fitted(word, width - 3)
        if display_width(longer) > width - 3:
            return f"{shown}, …"
        shown = longer
    return shown


def _words(words: Iterable[Sequence[Any]]) -> Iterator[str]:
    for form, count in words:
        yield form if count == 1 else f"{form} {_number(count)}"


def _number(count: float) -> str:
    """A count, with a digit after the point where it is a mean that is not whole."""
    return f"{count:,.1f}".removesuffix(".0")


def _rest(count: int, what: str) -> list[str]:
    return [f"  ({count:,} more {what}; --json has all)"] if count > 0 else []


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, TABLE_WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2), break_on_hyphens=False
    )


def to_html(found: Mapping[str, Any]) -> str:
    """A self-contained HTML page with the same tables, and more confusions; see `format_comparison`."""
    title = "Two taggers compared"
    heads = "".join(f"<dt>{escape(name)}</dt><dd>{isolated(text)}</dd>\n" for name, text in _heads(found))
    cards = []
    for column, values in found["columns"].items():
        groups = [(isolated(GROUPS[name]), *_cells(row)) for name, row in values["groups"].items()]
        tags = [(isolated(tag), *_cells(row)) for tag, row in values["tags"].items()]
        parts = [f"<h2>{isolated(column)}</h2>\n<p>{escape(verdict(values))}</p>\n"]
        for name, rows in (("words", groups), ("gold tag", tags)):
            parts.append(table((name, "number", "A", "B", "A - B"), rows, range(1, 5)))
        for side, other, confusions in _confusions(values):
            total = _number(sum(row["count"] for row in confusions))
            parts.append(f"<h3>{side} is right, {other} is wrong: {total} words</h3>\n")
            cells = (
                (r["gold"], r["wrong"], _number(r["count"]), ", ".join(_words(r["words"][:_PAGE_WORDS])))
                for r in confusions[:_PAGE_CONFUSIONS]
            )
            parts.append(
                table((f"gold and {side}", other, "count", "words"), [list(map(isolated, c)) for c in cells], (2,))
            )
        cards.append(f'<section class="card">\n{"".join(parts)}</section>\n')
    notes = "".join(f'<p class="soft">{isolated(note)}</p>\n' for note in _notes(found))
    body = f"<header><h1>{title}</h1>\n<dl>\n{heads}</dl></header>\n<main>\n{''.join(cards)}{notes}</main>\n"
    return page(title, body, _STYLE)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    each = [
        f"{100 * row[side]:.2f}\u00a0%" + (f" ({_range(row[side + '_each'])})" if len(row[side + "_each"]) > 1 else "")
        for side in ("a", "b")
    ]
    return f"{row['words']:,}", *each, f"{100 * (row['a'] - row['b']):+.2f}"


def _range(shares: Sequence[float]) -> str:
    return f"{100 * min(shares):.2f}\u00a0to\u00a0{100 * max(shares):.2f}"
