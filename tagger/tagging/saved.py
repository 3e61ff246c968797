"""What the folder of a tagger or of an ensemble holds -> `Tagger`."""

from collections.abc import Mapping
from typing import Any

from tagger.tagging.checks import checked_corpus
from tagger.tagging.engine import CACHE_SIZE
from tagger.tagging.ensemble import EnsembleEngine
from tagger.tagging.tagger import Tagger
from tagger.text.lexicon import Lexicon
from tagger.text.segmenter import Segmenter
from tagger.weights.ensemble_folder import SavedEnsemble
from tagger.weights.folder import SavedTagger


def tagger_of(
    saved: SavedTagger | SavedEnsemble,
    device: str = "cpu",
    precision: str = "auto",
    cache_size: int = CACHE_SIZE,
    workers: int = 1,
    segmenter: Segmenter | None = None,
    corpus: str | None = None,
    lexicons: Mapping[str, Lexicon] | None = None,
) -> Tagger:
    """The tagger that a folder holds; see `Tagger` for the options.

    Raises:
        InputError: an option has another value, or the tagger does not know the corpus.
    """
    options: dict[str, Any] = {"workers": workers, "segmenter": segmenter, "corpus": corpus, "lexicons": lexicons}
    if isinstance(saved, SavedTagger):
        return Tagger(*saved, device, precision, cache_size, **options)
    checked_corpus(corpus, saved.vocabulary.corpus_ids)
    members = [
        Tagger(*each, device, precision, cache_size, corpus=corpus if each.vocabulary.corpora else None).engine
        for each in saved.members
    ]
    temperatures = saved.config.get("temperatures")
    engine = EnsembleEngine(members, saved.weights, saved.vocabulary, temperatures, str(saved.folder))
    return Tagger.of_engine(engine, saved.config, **options)
