"""The kind of corpus `sample`: the bundled English sample."""

from dataclasses import dataclass
from typing import Any

from tagger.bundled import bundled
from tagger.corpus.config import CorpusConfig
from tagger.corpus.conllu_corpus import ConlluConfig


@dataclass(kw_only=True)
class SampleConfig(CorpusConfig):
    """The bundled English sample."""

    kind: str = "sample"

    def open(self, columns: list[str]) -> Any:
        """See `CorpusConfig.open`."""
        return ConlluConfig(path=str(bundled("data") / "sample")).open(columns)._replace(rules="english")
