"""The kind of corpus `hub`: a data set of the Hugging Face Hub."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from tagger.corpus.config import CorpusConfig, Places


@dataclass(kw_only=True)
class HubConfig(CorpusConfig):
    """A data set of the Hugging Face Hub, or a local folder laid out like one.

    Attributes:
        name: on the Hub, or a folder; or a list of these, whose columns have the same names.
        config: which of its configs, if it has several.
        revision: a branch, tag or commit.
        tokens: its column of words.
        fields: for a tag column its name in the data set; None if the name is the same.
    """

    list_key: ClassVar[str | None] = "name"
    kind: str = "hub"
    name: Places = None
    config: str | None = None
    revision: str | None = None
    tokens: str = "tokens"
    fields: dict[str, str | None] = field(default_factory=dict)

    def open(self, columns: list[str]) -> Any:
        """See `CorpusConfig.open`."""
        from tagger.corpus.hub import hub_source

        name = None if self.name is None else str(self.name)
        return hub_source(name, self.config, self.revision, self.tokens, self.fields, columns)
