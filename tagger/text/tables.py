"""A small table of numbers -> text for a terminal, Markdown for a card, HTML for a page."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from tagger.text.strings import display_width, fitted, printable

WIDTH = 80  # cells of a terminal


def percent(share: float | None) -> str:
    """A share in [0, 1] as text."""
    return "–" if share is None else f"{100 * share:.2f}%"


class Table(NamedTuple):
    """A table of plain text; the first cell of a row names it, the others are numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_text(self, gap: int = 2) -> str:
        """Rows at most `WIDTH` cells wide, with `gap` spaces between cells; long names of rows are cut.

        Below a title the rows are indented.
        """
        cells = [list(map(printable, row)) for row in (self.heads, *self.rows)]
        width, *widths = (max(map(display_width, column)) for column in zip(*cells, strict=True))
        width = min(width, WIDTH - gap - sum(gap + each for each in widths))
        lines, indent = ([self.title], " " * gap) if self.title else ([], "")
        for name, *numbers in cells:
            name = fitted(name, width)
            name += " " * (width - display_width(name))
            line = indent + name + "".join(f"{n:>{gap + w}}" for n, w in zip(numbers, widths, strict=True))
            lines.append(line.rstrip())
        return "\n".join(lines)

    def as_markdown(self) -> str:
        """A table of Markdown, without the title."""
        rows = [self.heads, ["---"] * len(self.heads), *self.rows]
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)

    def as_html(self) -> str:
        """A heading and a table of HTML."""
        return html_table(self.title, self.heads, (map(html_text, row) for row in self.rows), range(1, len(self.heads)))


def html_text(text: str) -> str:
    """Plain text as HTML, with a writing direction of its own."""
    return f"<bdi>{escape(text)}</bdi>"


def html_table(title: str, heads: Sequence[str], rows: Iterable[Iterable[str]], numbers: Sequence[int]) -> str:
    """A heading and a table; the title and the heads are text, the cells HTML; some columns are `numbers`."""
    kinds = [' class="number"' if i in numbers else "" for i in range(len(heads))]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>\n" for row in rows
    )
    return (
        f"<h2>{html_text(title)}</h2>\n"
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'
    )
