"""A tagger's folder -> two files for other programs: an ONNX graph, and a JSON that says how to use it.

The JSON says how forms become the ids that the graph reads, and what its outputs mean. All that a reader needs stands
in it, in a form that every language can read: ids are written out as numbers, and tables are lists of pairs, since
JavaScript changes the order of keys that look like numbers.
"""

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tagger.bundle.bundle import Bundle
from tagger.errors import InputError, missing_extra, shorten
from tagger.extras.onnx.onnx_graph import TAGS, input_shapes, network_graph, scores_name
from tagger.model.decoder import CRFDecoder
from tagger.model.embeddings import MAX_CHARACTERS, PREFIXES, SHAPE_CHARACTERS, SUFFIXES
from tagger.model.vocabulary import NO_CORPUS, PAD, UNK
from tagger.text.output_files import whole_binary, whole_file

MAX_BYTES = 2_000_000_000  # of a graph in one file
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


class Exported(NamedTuple):
    """What was written."""

    columns: list[str]  # those of the graph
    left_out: list[str]  # columns of edit scripts
    sizes: tuple[int, int]  # of the graph and of the JSON, in bytes


def check_targets(files: tuple[Path, Path], force: bool) -> None:
    """Raises InputError if the two files are one or standard output, or if one exists and `force` is False."""
    if Path("-") in files:
        raise InputError("an export is two files, and - is no file; name both")
    if files[0].absolute() == files[1].absolute():
        raise InputError(f"{files[0]} cannot be the graph and its vocabulary; name another file with --vocabulary")
    for file in files:
        if file.is_file() and not force:
            raise InputError(f"{file} exists; --force replaces it")


def export_onnx(
    folder: Path, graph: Path, vocabulary: Path, sentence_tokens: int, corpus: str | None = None, force: bool = False
) -> Exported:
    """Writes the networks of a tagger as ONNX. Both files appear, or are replaced, only when both are complete.

    `sentence_tokens` are the most that the tagger reads at a time. Of a tagger that was trained on several corpora,
    `corpus` is the one that the text is like.
    """
    check_targets((graph, vocabulary), force)
    try:
        import onnx
    except ImportError:
        raise missing_extra("onnx", "onnx") from None
    saved = Bundle.load(folder)
    if not saved.vocabulary.columns:
        raise InputError(f"{folder} has no tags; export a tagger that was trained from it")
    edits = [column for column, codec in saved.vocabulary.codecs.items() if codec.edits]
    columns = [column for column in saved.vocabulary.columns if column not in edits]
    _check(saved, folder, columns)
    words = saved.vocabulary
    if corpus is not None and corpus not in words.corpus_ids:
        known = ", ".join(words.corpora) or "no corpus by name, so leave --corpus out"
        raise InputError(f"{shorten(corpus)}: the tagger {folder} knows {known}")
    about = {key: str(value) for key in ABOUT if (value := saved.config.get(key))}
    model = network_graph(
        saved.members,
        columns,
        words.combinations if columns == words.combined else [],
        NO_CORPUS if corpus is None else words.corpus_ids[corpus],
        {**about, "vocabulary": vocabulary.name},
    )
    text = json.dumps(description(saved, graph.name, columns, sentence_tokens))
    with whole_binary(graph) as binary, whole_file(vocabulary) as out:
        onnx.save(model, binary)
        out.write(f"{text}\n")
    return Exported(columns, edits, (graph.stat().st_size, vocabulary.stat().st_size))


def _check(saved: Bundle, folder: Path, columns: list[str]) -> None:
    """Raises InputError if a tagger has what the graph cannot compute."""
    networks = saved.networks
    if any(network.transformer is not None for network in networks):
        raise InputError(f"{folder} has a transformer, which is not exported; export a tagger without one")
    if any(network.config.get("lemmas") for network in networks):
        raise InputError(
            f"{folder} reads a dictionary, which is not exported; export a tagger of embedding.dictionary=null, such as"
            f" a student of this one (distill.teacher={folder})"
        )
    for column in columns:
        crfs = any(isinstance(network.decoders[column], CRFDecoder) for network in networks)
        if crfs or any(member.column == column for member in saved.linear):
            kind, without = ("CRF", "model.decoder=softmax") if crfs else ("linear chain", "linear=0")
            raise InputError(
                f"{folder} has a {kind}, which is not exported; export a tagger of {without}, such as a student of"
                f" this one (distill.teacher={folder})"
            )
    if not columns:
        raise InputError(f"{folder} has lemmas alone, which are not exported; export a tagger with other columns")
    same = {(id(member.vocabulary), member.network.config["buckets"]) for member in saved.members}
    if len(same) > 1:
        raise InputError(
            f"{folder} has networks that learned other words, or read affixes in another way, which are not exported"
            f" together; export one tagger of it, or a student of all (distill.teacher={folder})"
        )
    size = sum(weights.numel() * weights.element_size() for each in networks for weights in each.parameters())
    if size > MAX_BYTES:
        raise InputError(f"{folder} has {size / 1e9:.1f} GB of weights; a graph has at most {MAX_BYTES / 1e9:g}")


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
