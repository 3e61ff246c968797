"""The kind of corpus `ud`: a treebank of Universal Dependencies from the Hub."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tagger.corpus.config import CorpusConfig, Places
from tagger.corpus.hub_corpus import HubConfig
from tagger.text.strings import LEMMA


@dataclass(kw_only=True)
class UdConfig(CorpusConfig):
    """A treebank of Universal Dependencies from the Hub.

    Attributes:
        treebank: language and treebank, such as `en_ewt`, or a list of these.
        name: of the data set on the Hub, or a folder.
        revision: a release, such as 2.17.
    """

    list_key: ClassVar[str | None] = "treebank"
    kind: str = "ud"
    treebank: Places = "en_ewt"
    name: str | None = None
    revision: str | None = None

    def open(self, columns: list[str]) -> Any:
        """See `CorpusConfig.open`."""
        fields: dict[str, str | None] = {LEMMA: "lemmas"} if LEMMA in columns else {}
        config = str(self.treebank)
        return HubConfig(name=self.name, config=config, revision=self.revision, fields=fields).open(columns)
