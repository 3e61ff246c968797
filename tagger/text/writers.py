"""Tagged sentences -> text in one of several formats."""

from collections.abc import Callable, Sequence
from functools import partial

from tagger.errors import InputError, shorten
from tagger.text.format import Options
from tagger.text.formats import FORMATS, OUTPUTS
from tagger.text.sentence import Sentence

Writer = Callable[[Sentence], str]
"""A sentence to its text, line ends included."""


def writer(
    format: str,
    columns: Sequence[str],
    *,
    probabilities: bool = False,
    top: int = 1,
    separator: str | None = None,
    width: int = 80,
) -> Writer:
    """Makes a function from a sentence to its text in `format`, line ends included. It can be pickled.

    - `tsv`: a line per token: the form, then for each column the tag, and the probability and the best alternatives
      (`NOUN:0.9312 VERB:0.0514`) if asked for. An empty line follows each sentence.
    - `csv`: the same cells between commas. A cell with a comma or a quote in it is quoted, as in any CSV file.
    - `conllu`: see `tagger.text.conllu`. MISC gets probabilities as `UposProb=0.9312` and alternatives as
      `UposTop=NOUN:0.9312 VERB:0.0514`. A sentence without tokens that did not come from CoNLL-U has no block.
    - `jsonl`: an object per line: the keys that the input had, `tokens`, `upos`, `upos_probabilities`,
      `upos_alternatives`, and `offsets`, `space_after`, `text` and `language` if they are known. If there are
      multiword tokens, `multiwords` has the number of words before each, the number of those up to its end, and its
      form.
    - `slash`: a line per sentence, `word/UPOS/XPOS` with the tags in the order of the columns.
    - `pretty`: for a terminal, the tags below the words, at most `width` cells wide.

    `jsonl` keeps every character. Elsewhere a lone surrogate becomes U+FFFD and an empty form or tag `_`. A tab or
    line end becomes a space in `tsv` and `conllu`, a line end does in `csv`, and any white space becomes U+00A0 in
    `slash`. In `tsv` no cell may contain a separator other than the tab; in `slash` no tag may.

    Args:
        columns: the tag columns to write, in order; every sentence with tokens has them.
        top: the number of `Sentence.alternatives` to write; with 1 none, because the best one is the tag itself.
        separator: of cells in `tsv` (default a tab) and `csv` (a comma), of word and tags in `slash` (`/`).
        width: of the terminal in cells, for `pretty`.
    """
    kind = FORMATS.get(format)
    if kind is None or kind.write is None:
        raise InputError(f"{shorten(format)} is no output format; choose one of {', '.join(OUTPUTS)}")
    if format == "slash" and (probabilities or top > 1):
        raise InputError("the format slash has no place for probabilities; use tsv, csv, conllu or jsonl")
    separator = kind.check_separator((kind.separator or "") if separator is None else separator)
    order = {column: place for place, column in enumerate(columns, 1)}
    options = Options(order, separator, probabilities=probabilities, top=top if top > 1 else 0, width=width)
    return partial(kind.write, options)
