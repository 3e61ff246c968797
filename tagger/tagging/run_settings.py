"""What a run is asked for -> the plain values that decide the content of its outputs, which the manifest keeps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.tagging.bulk import Options
from tagger.tagging.manifest import checksum, fingerprint


def run_settings(
    folder: Path,
    precision: str,
    input: str | None,
    output: str | None,
    options: Options,
    segmenter: str,
    corpus: str | None,
    keep: Sequence[str] | None,
    lexicons: Mapping[str, str],
    lexicon_case: str,
) -> dict[str, Any]:
    """The settings of a run, written as older versions wrote them: their runs can be resumed.

    Args:
        folder: of the tagger.
        precision: that the tagger computes with.
        input: the format of all sources; None: by the suffix.
        output: the format of all outputs; None: by the suffix.
        options: how files are read and written.
        segmenter: as for `load`.
        corpus: as for `load`.
        keep: the columns whose given tags stay, as the user wrote them; None: no tags stay.
        lexicons: as for `load`.
        lexicon_case: as for `load`.

    Raises:
        InputError: a lexicon cannot be read.
    """
    more: list[Any] = [] if segmenter == "auto" else [segmenter]
    added = {
        "corpus": corpus,
        "keep": None if keep is None else list(keep),
        "lexicons": [lexicon_case, {name: checksum(file) for name, file in lexicons.items()}] if lexicons else None,
    }
    more += [{name: value} for name, value in added.items() if value is not None]
    read = [options.separator, options.paragraph_per_line, options.encoding]
    return {
        "model": fingerprint(folder),
        "precision": precision,
        "options": [input, output, options.probabilities, options.top, *read, *more],
    }
