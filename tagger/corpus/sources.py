"""The config of a corpus -> its sentences, split into train, dev and perhaps test.

A reader yields the sentences of a split one at a time, and `arrow.py` writes them to a file in the cache of `datasets`,
so that a corpus of any size fits into memory. A changed file is read again: its size and time are part of its key in
the cache.
"""

from collections.abc import Sequence

from tagger.corpus.arrow import FACT_COLUMNS, tagged_columns
from tagger.corpus.config import CorpusConfig
from tagger.corpus.files import single_configs
from tagger.corpus.splits import Corpus, Source, joined, with_dev
from tagger.errors import InputError


def load_corpus(config: CorpusConfig, columns: Sequence[str], seed: int) -> Corpus:
    """Opens the corpus that a config describes, or the several, which become one, and makes its dev split.

    Args:
        config: of any kind.
        columns: the tag columns to load.
        seed: of the shuffle that makes a dev split.

    Raises:
        InputError: no or several files for a split; a file that cannot be read or holds no words; a data set that
            cannot be fetched; a column that does not exist, or has no tags in any corpus; a fold that does not exist;
            a corpus that is named twice.
    """
    opened: list[Source] = [each.open(list(columns)) for each in single_configs(config)]
    _check_tags(opened, columns)
    return joined([with_dev(source, config, seed) for source in opened])


def _check_tags(opened: Sequence[Source], columns: Sequence[str]) -> None:
    """Raises InputError if a column has no tags in the train split of any corpus."""
    trains = [source.splits["train"] for source in opened]
    used = {column for train in trains for column in tagged_columns(train, [*columns, *FACT_COLUMNS])}
    for column in columns:
        if column not in used:
            names = " and ".join(source.name for source in opened)
            others = f"choose from those that have: columns=[{','.join(sorted(used))}]" if used else "no column has any"
            raise InputError(f"{names}: column {column} has no tags, all are _ or empty; {others}")
