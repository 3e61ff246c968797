"""Scores, epochs and errors -> pictures, and one static web page, which runs no script."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tagger.evaluation.calibration import Calibrations
from tagger.evaluation.metrics import tag_table
from tagger.text.output_files import whole_binary
from tagger.text.sentence import Sentence
from tagger.text.strings import Table, encodable, is_annotated, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_ERRORS = 500  # of a column, the most confident ones
MAX_TAGS = 100  # in a table of tags
CONFUSIONS = 10  # most frequent pairs of tags of a column
WORDS_AROUND = 12  # before a wrong word and after it
MAX_CHARACTERS = 100  # of a word; the rest is cut


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
    *,
    facts: Sequence[str] = (),
    baseline: Mapping[str, Mapping[str, float]] | None = None,
    tables: Iterable[Table] = (),
    pictures: Iterable[str] = (),
    confidence: Iterable[Table] = (),
    confidence_pictures: Iterable[str] = (),
) -> str:
    """The page: accuracies, frequent confusions, the other tables and pictures, all errors, and confidence. All texts
    are plain.

    Each split has what `metrics.report` returns; the tags and the errors are those of the first one. The facts stand
    below the title. The baseline has an accuracy for each split and column. The pictures are names of files beside the
    page.
    """
    first = next(iter(splits.values()))
    of_columns = {column: [error for error in errors if error.column == column] for column in first}
    parts = [
        _table(_accuracies(splits, baseline or {})),
        *(_confusions(column, found) for column, found in of_columns.items()),
        _side_by_side([*map(_table, tables), *map(_picture, pictures)]),
        *(_errors(column, found) for column, found in of_columns.items()),
        *(_table(tag_table(column, scores, MAX_TAGS), folded=True) for column, scores in first.items()),
        _side_by_side([*map(_table, confidence), *map(_picture, confidence_pictures)]),
    ]
    template = Template(files("tagger.evaluation").joinpath("report_page.html").read_text(encoding="utf-8"))
    shown = {"title": escape(title), "facts": escape(" · ".join(facts)), "body": "".join(parts)}
    return encodable(template.substitute(shown))


def _picture(name: str) -> str:
    return f'<p><img src="{escape(name)}" alt="{escape(name)}"></p>\n'


def _side_by_side(parts: Sequence[str]) -> str:
    return f'<div class="side">\n{"".join(f"<div>{part}</div>" for part in parts)}</div>\n' if parts else ""


def _cut(word: str) -> str:
    return word if len(word) <= MAX_CHARACTERS else word[:MAX_CHARACTERS] + "…"


def _accuracies(
    splits: Mapping[str, Mapping[str, Mapping[str, Any]]], baseline: Mapping[str, Mapping[str, float]]
) -> Table:
    heads = ["", "words", "all words", "most frequent tag", "seen in training", "not seen", "whole sentences"]
    rows = []
    for split, columns in splits.items():
        for column, scores in columns.items():
            shares = [scores[name] for name in ("accuracy", "known", "unknown", "whole_sentences")]
            shares.insert(1, baseline.get(split, {}).get(column))
            rows.append([f"{split}, {column}", f"{scores['tokens']:,}", *map(percent, shares)])
    return Table("Accuracy", heads, rows)


def _confusions(column: str, errors: Sequence[WordError]) -> str:
    """The most frequent pairs of a gold and a predicted tag, each with its most confident error as an example."""
    counts = Counter((error.gold, error.predicted) for error in errors)
    examples = {(error.gold, error.predicted): error for error in sorted(errors, key=lambda error: error.confidence)}
    rows = (
        [str(count), percent(count / len(errors)), *map(_html, pair), _in_sentence(examples[pair])]
        for pair, count in counts.most_common(CONFUSIONS)
        if count > 1
    )
    heads = ("errors", "of all", "gold", "predicted", "an example")
    table = _html_table(f"{column}: the most frequent confusions", heads, rows, numbers=(0, 1))
    return table if max(counts.values(), default=0) > 1 else ""


def _errors(column: str, errors: Sequence[WordError]) -> str:
    shown = sorted(errors, key=lambda error: -error.confidence)[:MAX_ERRORS]
    title = f"{column}: {len(errors):,} errors"
    if len(errors) > len(shown):
        title += f", the {len(shown)} most confident"
    rows = (
        [
            percent(error.confidence),
            *map(_html, (error.gold, error.predicted)),
            _in_sentence(error),
            _html(error.sentence),
        ]
        for error in shown
    )
    heads = ("confidence", "gold", "predicted", "word in its sentence", "sentence")
    return _html_table(title, heads, rows, numbers=(0,), folded=True)


def _in_sentence(error: WordError) -> str:
    word = f"<mark>{escape(_cut(error.word))}</mark>"
    return f"<bdi>{escape(error.before)} {word} {escape(error.after)}</bdi>"


def _table(table: Table, folded: bool = False) -> str:
    rows = (map(_html, row) for row in table.rows)
    return _html_table(table.title, table.heads, rows, range(1, len(table.heads)), folded)


def _html(text: str) -> str:
    """Plain text as HTML, with a writing direction of its own."""
    return f"<bdi>{escape(text)}</bdi>"


def _html_table(
    title: str, heads: Sequence[str], rows: Iterable[Iterable[str]], numbers: Sequence[int], folded: bool = False
) -> str:
    """A heading and a table, which a click opens if it is folded; the title and the heads are text, the cells HTML;
    some columns are `numbers`."""
    kinds = [' class="number"' if i in numbers else "" for i in range(len(heads))]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>\n" for row in rows
    )
    table = f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'
    if folded:
        return f"<details><summary>{_html(title)}</summary>\n{table}</details>\n"
    return f"<h2>{_html(title)}</h2>\n{table}"


def draw_reliability(before: Calibrations, after: Calibrations, column: str, title: str, path: Path) -> "Figure":
    """Draws accuracy against confidence in one column, before and after a temperature was fitted.

    The axes are log-odds, so that 99 % and 99.9 % are apart: most words are there. Words without an error are drawn as
    if they had half of one.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    splits = [split for split in after if column in after[split]]
    figure = _figure(1 + 4.5 * max(1, len(splits)), 5)
    axes = figure.subplots(1, max(1, len(splits)), squeeze=False)[0]
    figure.suptitle(_plain(title))
    lines = (("before", before, "tab:orange"), ("after", after, "tab:blue"))
    lowest = min(share for _, each, _ in lines for split in splits for share in each[split][column]["bins"][0][1:])
    low, high = max(0.02, min(0.3, lowest - 0.05)), 0.99997
    ticks = [tick for tick in (0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999) if low < tick < high]
    for split, axis in zip(splits, axes, strict=True):
        axis.plot([low, high], [low, high], color="0.6", linestyle=":")
        for label, calibrations, color in lines:
            found = calibrations[split][column]
            confidences = [sure for _, sure, _ in found["bins"]]
            accuracies = [min(right, 1 - 0.5 / words) for words, _, right in found["bins"]]
            places = np.clip([confidences, accuracies], low, high)
            axis.plot(*places, color=color, marker="o", ms=4, label=f"{label}, error {100 * found['ece']:.2f} %")
        axis.set(title=split, xscale="logit", yscale="logit", xlim=(low, high), ylim=(low, high))
        axis.set(xlabel="confidence", ylabel="accuracy")
        for one in (axis.xaxis, axis.yaxis):
            one.set_major_locator(FixedLocator(ticks))
            one.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
            one.set_minor_locator(NullLocator())
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left")
    return _saved(figure, path)


def draw_learning_curve(epochs: Sequence[Mapping[str, float]], path: Path) -> "Figure":
    """Draws the loss on train and dev and the accuracy on dev over the epochs."""
    figure = _figure(10, 4)
    numbers = range(1, len(epochs) + 1)
    losses, accuracies = figure.subplots(1, 2)
    for axis, split, name, scale, label in (
        (losses, "train", "loss", 1, "loss (nats per token)"),
        (losses, "dev", "loss", 1, "loss (nats per token)"),
        (accuracies, "dev", "accuracy", 100, "accuracy (%)"),
    ):
        axis.plot(numbers, [scale * epoch[f"{split}/{name}"] for epoch in epochs], marker="o", ms=4, label=split)
        axis.set(xlabel="epoch", ylabel=label)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    return _saved(figure, path)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure  # late: a page without pictures needs no matplotlib, which takes a second

    return Figure(figsize=(width, height), layout="constrained")


def _plain(text: str) -> str:
    """`text` with dollar signs escaped, which would start a formula, and codes for characters that the font lacks."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))  # which comes with matplotlib
    drawn = (char if font.get_char_index(ord(char)) else f"U+{ord(char):04X} " for char in text)
    return "".join(drawn).strip().replace("$", r"\$")


def _saved(figure: "Figure", path: str | Path) -> "Figure":
    """Writes the picture, whole or not at all; raises InputError if the file cannot be written."""
    with whole_binary(path) as out:
        figure.savefig(out, format="png", dpi=120)
    return figure
