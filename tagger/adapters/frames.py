"""Tagged sentences -> a data frame of pandas or polars with a row for every word."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Literal, overload

from tagger.errors import InputError, missing_library, shorten
from tagger.text.sentence import Sentence
from tagger.text.strings import encodable

if TYPE_CHECKING:
    import pandas
    import polars

PROBABILITY = "_probability"  # what the name of a column of probabilities ends in
EXTRAS = {"pandas": None, "polars": "polars"}  # library -> the extra that installs it; None: the tagger does
# The columns of every frame, before and after those of tags, and what they hold.
FIRST_COLUMNS = {"sentence": "number", "position": "number", "sent_id": "text", "word": "text"}
LAST_COLUMNS = {"start": "offset", "end": "offset", "space_after": "truth"}
_PANDAS = {"number": "int64", "offset": "Int64", "text": "string", "truth": "boolean", "share": "float64"}
_POLARS = {"number": "Int64", "offset": "Int64", "text": "String", "truth": "Boolean", "share": "Float64"}


@overload
def to_frame(
    sentences: Iterable[Sentence], library: Literal["pandas"] = "pandas", columns: Sequence[str] | None = None
) -> "pandas.DataFrame": ...
@overload
def to_frame(
    sentences: Iterable[Sentence], library: Literal["polars"], columns: Sequence[str] | None = None
) -> "polars.DataFrame": ...
def to_frame(
    sentences: Iterable[Sentence],
    library: Literal["pandas", "polars"] = "pandas",
    columns: Sequence[str] | None = None,
) -> "pandas.DataFrame | polars.DataFrame":
    """A row for every word, in order.

    Its columns, all of which are there even if there are no sentences:

    - `sentence` and `position`: the number of the sentence and that of the word in it, from 0;
    - `sent_id`: the name of the sentence (`# sent_id`), if it has one;
    - `word`: the form;
    - a column of each kind of tag, such as `upos`, and after it, if there are any, the probabilities
      (`upos_probability`);
    - `start` and `end`: characters of the text before and up to the end of the word's token, if that is known;
    - `space_after`: whether white space follows, if that is known.

    What a sentence does not have is null (in pandas `<NA>`, or NaN in place of a probability).

    Args:
        sentences: such as `Tagger.annotate`, `Tagger.stream` and readers give.
        library: of the frame.
        columns: kinds of tags; None: those that occur.

    Raises:
        InputError: there is no such library, it is not installed, or an item is no `Sentence`.
    """
    if library not in EXTRAS:
        raise InputError(f"library={shorten(str(library))}: give {' or '.join(map(repr, EXTRAS))}")
    try:
        module: Any = import_module(library)
    except ModuleNotFoundError as error:
        raise missing_library(error, library, EXTRAS[library]) from None
    kinds, values = _table(list(_checked(sentences)), columns)
    if library == "pandas":
        return module.DataFrame({name: module.Series(values[name], dtype=_PANDAS[kinds[name]]) for name in kinds})
    return module.DataFrame(values, schema={name: getattr(module, _POLARS[kind]) for name, kind in kinds.items()})


def _checked(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    for sentence in sentences:
        if not isinstance(sentence, Sentence):
            raise InputError(
                f"to_frame takes objects of Sentence, not {shorten(repr(sentence))}; give what Tagger.annotate or"
                " Tagger.stream returns"
            )
        yield sentence


def _table(sentences: Sequence[Sentence], wanted: Sequence[str] | None) -> tuple[dict[str, str], dict[str, list[Any]]]:
    """What each column holds, and its values."""
    sizes = list(map(len, sentences))
    names = [sentence.name for sentence in sentences]
    offsets = _of_words([sentence.offsets for sentence in sentences], sizes, (None, None))
    values: dict[str, list[Any]] = {
        "sentence": [number for number, size in enumerate(sizes) for _ in range(size)],
        "position": [position for size in sizes for position in range(size)],
        "sent_id": [name and encodable(name) for name, size in zip(names, sizes, strict=True) for _ in range(size)],
        "word": [encodable(form) for sentence in sentences for form in sentence.tokens],
    }
    kinds = dict(FIRST_COLUMNS)
    columns = dict.fromkeys(chain.from_iterable(s.tags for s in sentences)) if wanted is None else wanted
    for column in columns:
        name = column + PROBABILITY
        if {column, name} & {*kinds, *LAST_COLUMNS}:
            raise InputError(f"the column {shorten(column)} of tags has the name of another one; rename it")
        kinds[column] = "text"
        values[column] = _of_words([sentence.tags.get(column) for sentence in sentences], sizes)
        if any(column in sentence.probabilities for sentence in sentences):
            kinds[name] = "share"
            values[name] = _of_words([sentence.probabilities.get(column) for sentence in sentences], sizes)
    values["start"], values["end"] = [start for start, _ in offsets], [end for _, end in offsets]
    values["space_after"] = _of_words([sentence.space_after for sentence in sentences], sizes)
    return {**kinds, **LAST_COLUMNS}, values


def _of_words(values: Sequence[Sequence[Any] | None], sizes: Sequence[int], nothing: Any = None) -> list[Any]:
    """The values of all words, given those of each sentence; `nothing` where a sentence has none."""
    each = (repeat(nothing, size) if own is None else own for own, size in zip(values, sizes, strict=True))
    return list(chain.from_iterable(each))
