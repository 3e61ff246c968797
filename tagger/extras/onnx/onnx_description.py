"""A tagger -> the JSON beside its ONNX graph: how forms become the ids that the graph reads, and what its outputs mean.

All that the reader needs stands in it, in a form that every language can read: ids are written out as numbers, and
tables are lists of pairs, since JavaScript changes the order of keys that look like numbers.
"""

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from tagger.bundle.bundle import Bundle
from tagger.extras.onnx.onnx_graph import TAGS, input_shapes, scores_name
from tagger.model.embeddings import MAX_CHARACTERS, PREFIXES, SHAPE_CHARACTERS, SUFFIXES
from tagger.model.vocabulary import PAD, UNK

DESCRIPTION_VERSION = 1  # goes up when a reader of the JSON must change
ABOUT = ("corpus", "version", "license")  # what `config.json` says of the training data
HOW = {
    "lower": "the form in lower case by the full mapping of Unicode: toLowerCase of JavaScript, lower of Python",
    "words": "the id of `lower`, else `unknown`",
    "characters": "the ids of the code points of the form, at most `longest`: of a longer form the first half of them"
    " and the last half; then `padding`",
    "affixes": "of the first 1, 2, ... code points of `lower` (`prefixes`), of its last ones (`suffixes`) and of the"
    " shape: number of the affix, from 0, times `buckets`, plus the remainder of CRC-32 by `buckets`. CRC-32 is that of"
    " zlib, unsigned, of UTF-8 in which a lone surrogate has its three bytes",
    "shape": "of the first `shape_characters` code points: X for \\p{Uppercase}, else x for \\p{L}, else 9 for \\p{Nd}"
    " and `other_digits`, else itself; then runs of more than three become three",
    "vectors": "for each source the row of the form, else that of `lower`, else 0",
    "tags": "of each token the ids of its tags in `columns`; the graph chooses them together, as the tagger does",
    "probabilities": "softmax of the scores of a column after division by its `temperature`",
    "long": "the tagger reads a sentence of more than `sentence_tokens` tokens in pieces of that many",
}


def description(saved: Bundle, graph_file: str, columns: Sequence[str], sentence_tokens: int) -> dict[str, Any]:
    """What the JSON holds; `graph_file` is the name of the graph's file, and `columns` are those of the graph."""
    vocabulary, config = saved.vocabulary, saved.config
    temperatures: Mapping[str, float] = config.get("temperatures", {})
    return {
        "format": "tagger-onnx",
        "version": DESCRIPTION_VERSION,
        "graph": graph_file,
        "tagger": {**{key: config.get(key) for key in ABOUT}, "scores": config.get("scores", {})},
        "how": HOW,
        "inputs": [
            {"name": name, "type": "int32", "shape": shape} for name, shape in input_shapes(saved.members).items()
        ],
        "outputs": {"tags": TAGS, "scores": [scores_name(column) for column in columns]},
        "columns": [
            {"name": column, "temperature": temperatures.get(column, 1.0), "tags": vocabulary.tags[column]}
            for column in columns
        ],
        "padding": PAD,
        "unknown": UNK,
        "sentence_tokens": sentence_tokens,
        "words": list(vocabulary.word_ids.items()),
        "characters": {"longest": MAX_CHARACTERS, "ids": list(vocabulary.character_ids.items())},
        "affixes": {
            "buckets": saved.networks[0].config["buckets"],
            "prefixes": PREFIXES,
            "suffixes": SUFFIXES,
            "shape_characters": SHAPE_CHARACTERS,
            "other_digits": other_digits(),
        },
        "vectors": [
            {"name": name, "rows": [(word, row + 1) for word, row in rows.items()]}
            for name, rows in vocabulary.vectors.items()
        ],
    }


def other_digits() -> str:
    """The characters that are digits for Python and are not in Unicode's category Nd, such as ²."""
    every = map(chr, range(sys.maxunicode + 1))
    return "".join(character for character in every if character.isdigit() and unicodedata.category(character) != "Nd")
