"""A tagger and the splits of a corpus -> its scores from raw text, where the corpus says where its text has spaces."""

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import datasets
from datasets import Dataset

from tagger.corpus.several import by_corpus
from tagger.evaluation.report import score_raw, sentences_of
from tagger.text.spacing import JUDGED, gold_paragraphs, has_spacing

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger


def raw_scores(tagger: "Tagger", splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """What `report.json` says of raw text: `raw`, with the F1 of tokens, words, sentences and tags on each split.

    It is empty if no split says where its text has spaces, or if the tagger takes no text.
    """
    known = {name: spaced_parts(split) for name, split in splits.items()} if tagger.takes_text else {}
    scored: dict[str, Dataset] = {}
    for name, parts in known.items():
        if parts:
            scored[name] = datasets.concatenate_datasets([*parts.values()])
        scored |= {f"{name} {corpus}": part for corpus, part in parts.items() if corpus}
    return {"raw": {name: score_raw(tagger, split) for name, split in scored.items()}} if scored else {}


def spaced_parts(split: Dataset) -> dict[str, Dataset]:
    """The parts of a split by corpus (see `by_corpus`) that say where their text has spaces."""
    return {name: part for name, part in by_corpus(split).items() if shows_spacing(part)}


def shows_spacing(split: Dataset) -> bool:
    """Whether a split says where its text has spaces."""
    first = list(islice(sentences_of(split, []), JUDGED))
    return has_spacing(first) and any(True for _ in gold_paragraphs(first, skip=True))
