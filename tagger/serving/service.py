"""What the protocols share: the taggers, the batcher, and how text is cut and written."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

from tagger.text.conllu import numbered
from tagger.text.paragraphs import Paragraph
from tagger.text.readers import Unit, read_units
from tagger.text.sentence import Sentence
from tagger.text.writers import Writer

if TYPE_CHECKING:
    from tagger.serving.batcher import Batcher
    from tagger.serving.models import Models
    from tagger.tagging.tagger import Tagger

WHERE = "the text"  # in error messages, in the place of the name of a file


class Service(NamedTuple):
    """One of each, for all requests.

    Attributes:
        models: the taggers.
        batcher: tags what requests want.
    """

    models: "Models"
    batcher: "Batcher"


def units_of_text(tagger: "Tagger", text: str) -> Iterator[Unit]:
    """The paragraphs of a text, cut as `tag` cuts a file."""
    return read_units(io.StringIO(text, newline="\n"), WHERE, "text", takes_text=tagger.takes_text)


def lines_as_sentences(units: Iterable[Unit]) -> Iterator[Unit]:
    """Paragraphs that are the lines of a text -> the same, as parts of paragraphs that an empty line ends."""
    end = -1
    for unit in units:
        line = cast(Paragraph, unit)
        yield line._replace(opens=line.start != end)
        end = line.start + len(line.text)


def conllu_blocks(write: Writer) -> Callable[[list[Sentence]], str]:
    """A function from sentences to their blocks of CoNLL-U; new ones are numbered on from call to call."""
    first = 1

    def blocks(sentences: list[Sentence]) -> str:
        nonlocal first
        text = "".join(map(write, sentences))
        if sentences and sentences[0].lines is None:
            text, first = numbered(text, first)
        return text

    return blocks
