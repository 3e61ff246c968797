"""What every kind of corpus is: values, which `conf/corpus` and `conf/train.yaml` have, and a way to open it.

To add a kind, write a subclass of `CorpusConfig` in a file of its own, name it in `corpora.CORPORA`, and add a file
with its values to `conf/corpus`.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from tagger.text.schema import Name, Seed, remedy

CORPUS = "corpus"  # the column that names a sentence's corpus, of several that are mixed
Places = Annotated[Name | list[Name] | None, remedy("a name, or a list of several such as [A,B]")]


@dataclass(kw_only=True)
class CorpusConfig:
    """What every kind of corpus has.

    Attributes:
        list_key: the field that may be a list, with a value for each of several corpora; None: it is always one corpus.
        kind: its name in `corpora.CORPORA`.
        dev_share: the share of train that becomes dev if the corpus has no dev split.
        folds: for cross-validation, the number of parts into which train and dev are cut together.
        fold: the part that becomes dev, counted from 0.
        dev_seed: of the shuffle that makes dev; None: that of the run. Members of an ensemble have one dev split,
            though their seeds differ. It is not on the page.
        temperature: an epoch's sentences of a corpus that has n are in proportion to n ** (1 / temperature).
        dropout: of several corpora, the share of the sentences whose corpus training does not tell the network.
    """

    list_key: ClassVar[str | None] = None
    kind: str = ""
    dev_share: Annotated[float, Meta(gt=0, lt=1), remedy("a share between 0 and 1")] = 0.1
    folds: int | None = None
    fold: int | None = None
    dev_seed: Seed | None = None
    temperature: Annotated[float, Meta(ge=1, le=1e9), remedy("a number from 1")] = 2.0
    dropout: Annotated[float, Meta(ge=0, le=1), remedy("a share from 0 to 1")] = 0.5

    @abstractmethod
    def open(self, columns: list[str]) -> Any:
        """Opens the corpus as a `splits.Source` with these tag columns; imports `datasets` first, which takes a while.

        Raises:
            InputError: files that are missing or not as they should be; a column that does not exist.
        """

    def check_files(self) -> None:
        """Looks whether the files of the corpus exist, if it is made of files.

        Raises:
            InputError: one does not.
        """


@dataclass
class HubTextConfig:
    """A data set of the Hugging Face Hub with a column of untagged texts.

    Attributes:
        name: on the Hub, or a folder; None: no data set.
        config: which of its configs, if it has several.
        split: the split to read.
        column: of the texts.
    """

    name: Name | None
    config: str | None
    split: str
    column: str
