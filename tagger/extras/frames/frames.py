"""Tagged sentences -> a data frame of pandas or polars with a row for every word."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import chain
from typing import Any, Literal

from tagger.errors import InputError, missing_library, shorten
from tagger.text.sentence import Document, Sentence
from tagger.text.strings import encodable

PROBABILITY = "_probability"  # what the name of a column of probabilities ends in
EXTRAS = {"pandas": None, "polars": "polars"}  # library -> the extra that installs it; None: the tagger does
# The columns of every frame, before and after those of tags, and what they hold: a key of `_TYPES`.
FIRST = {"sentence": "number", "position": "number", "sent_id": "text", "word": "text"}
LAST = {"start": "offset", "end": "offset", "space_after": "truth"}
_TYPES = {  # of pandas and of polars
    **{"number": ("int64", "Int64"), "offset": ("Int64", "Int64"), "text": ("string", "String")},
    **{"truth": ("boolean", "Boolean"), "share": ("float64", "Float64")},
}


def to_frame(
    sentences: Iterable[Sentence],
    library: Literal["pandas", "polars"] = "pandas",
    columns: Sequence[str] | None = None,
) -> Any:
    """A row for every word, in order: a `pandas.DataFrame` or a `polars.DataFrame`.

    Its columns, all of which are there even if there are no sentences:

    - `sentence` and `position`: the number of the sentence and that of the word in it, from 0;
    - `sent_id`: the name of the sentence (`# sent_id`), if it has one;
    - `word`: the form;
    - a column of each kind of tag, such as `upos`, and after it, if there are any, the probabilities
      (`upos_probability`); `columns` names the kinds, which otherwise are those that occur;
    - `start` and `end`: characters of the text before and up to the end of the word's token, if that is known;
    - `space_after`: whether white space follows, if that is known.

    What a sentence does not have is null (in pandas `<NA>`, or NaN in place of a probability).
    """
    if library not in EXTRAS:
        raise InputError(f"library={shorten(str(library))}: give {' or '.join(map(repr, EXTRAS))}")
    try:
        module: Any = import_module(library)
    except ModuleNotFoundError as error:
        raise missing_library(error, library, EXTRAS[library]) from None
    every = list(sentences)
    empty = sentences if isinstance(sentences, Document) and not every else None
    for each in every:
        if not isinstance(each, Sentence):
            raise InputError(
                f"{shorten(repr(each))} is no Sentence; give what Tagger.annotate or Tagger.stream returns"
            )
    kinds = dict(FIRST)
    for column in columns or (
        empty.columns if empty is not None else dict.fromkeys(chain.from_iterable(s.tags for s in every))
    ):
        added = {column: "text"}
        if empty is not None or any(column in sentence.probabilities for sentence in every):
            added[column + PROBABILITY] = "share"
        if added.keys() & {*kinds, *LAST}:
            raise InputError(f"the column {shorten(column)} of tags has the name of another one; rename it")
        kinds |= added
    kinds |= LAST
    parts = [_columns(number, sentence) for number, sentence in enumerate(every)]
    values = {
        name: [value for s, known in zip(every, parts, strict=True) for value in known.get(name) or [None] * len(s)]
        for name in kinds
    }
    if library == "pandas":
        return module.DataFrame({name: module.Series(values[name], dtype=_TYPES[kinds[name]][0]) for name in kinds})
    return module.DataFrame(values, schema={name: getattr(module, _TYPES[kind][1]) for name, kind in kinds.items()})


def _columns(number: int, sentence: Sentence) -> dict[str, Sequence[Any] | None]:
    """What is known of the words of a sentence."""
    size, offsets = len(sentence), sentence.offsets
    return {
        **sentence.tags,
        **{column + PROBABILITY: shares for column, shares in sentence.probabilities.items()},
        "sentence": [number] * size,
        "position": range(size),
        "sent_id": [sentence.name and encodable(sentence.name)] * size,
        "word": list(map(encodable, sentence.tokens)),
        "start": offsets and [start for start, _ in offsets],
        "end": offsets and [end for _, end in offsets],
        "space_after": sentence.space_after,
    }
