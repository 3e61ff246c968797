"""The config of a corpus -> its sentences, split into train, dev and perhaps test.

A reader yields the sentences of a split one at a time, and `arrow.py` writes them to a file in the cache of `datasets`,
so that a corpus of any size fits into memory. A changed file is read again: its size and time are part of its key in
the cache.
"""

from collections.abc import Sequence

from tagger.corpus.config import CorpusConfig
from tagger.corpus.files import single_configs
from tagger.corpus.splits import Corpus, joined, with_dev


def load_corpus(config: CorpusConfig, columns: Sequence[str], seed: int) -> Corpus:
    """Opens the corpus that a config describes, or the several, which become one, and makes its dev split.

    Args:
        config: of any kind.
        columns: the tag columns to load.
        seed: of the shuffle that makes a dev split.

    Raises:
        InputError: no or several files for a split; a file that cannot be read or holds no words; a data set that
            cannot be fetched; a column that does not exist or has no tags; a fold that does not exist; a corpus that
            is named twice.
    """
    opened = [each.open(list(columns)) for each in single_configs(config)]
    return joined([with_dev(source, config, seed) for source in opened])
