"""Untagged text of files -> sentences of tokens, one at a time."""

import glob
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tagger.errors import InputError
from tagger.text.files import STDIO, read_lines
from tagger.text.formats import SUFFIXES, format_of, read_parts
from tagger.text.paragraphs import Segment, cut_parts, cut_texts
from tagger.words.segment import RuleSegmenter

MAX_SENTENCE_TOKENS = 200  # a longer sentence is cut
MAX_COUNTED_FORMS = 5_000_000  # with more, the forms seen once are forgotten


class Texts:
    """The files of a config, in any format that `tag` reads; `name` is that of the text, for model cards and logs."""

    def __init__(self, text: str | Sequence[str], segment: Segment | None = None, key: str = "text") -> None:
        """Finds files, folders or patterns (`novels/*.txt`); unless told otherwise the rules `english` cut text."""
        self.files = text_files(text, key)
        others = len(self.files) - 1
        self.name = Path(self.files[0]).name + (f" and {others} more" if others else "")
        self._segment = segment or RuleSegmenter("english").segment_all

    def __getstate__(self) -> list[str]:
        """What a file in the cache of `datasets` is named after; what cuts text is a part of its version."""
        return self.files

    def sentences(self) -> Iterator[list[str]]:
        """All sentences, as lists of tokens."""
        parts = (part for path in self.files for part in read_parts(read_lines(path, option=""), path, format_of(path)))
        for sentence in cut_parts(parts, partial(cut_texts, self._segment), layout=False):
            for start in range(0, len(sentence), MAX_SENTENCE_TOKENS):
                yield sentence.tokens[start : start + MAX_SENTENCE_TOKENS]


def text_files(patterns: str | Sequence[str], key: str) -> list[str]:
    """The files that names, folders and patterns stand for, each once. `key` is the config's, for messages."""
    found: list[str] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        path = os.path.expanduser(pattern)
        if os.path.isdir(path):
            visible = (p for p in sorted(Path(path).rglob("*")) if "/." not in f"/{p.relative_to(path).as_posix()}")
            inside = [str(p) for p in visible if p.is_file() and format_of(str(p), "")]
            if not inside:
                raise InputError(f"{key}={pattern}: no file with one of the suffixes {' '.join(SUFFIXES)}")
            found += inside
        elif os.path.isfile(path):
            found.append(path)
        else:
            names = glob.glob(os.path.expanduser(pattern), recursive=True)
            matching = [file for file in map(os.path.expanduser, sorted(names)) if os.path.isfile(file)]
            if not matching or pattern == STDIO:
                raise InputError(f"{key}={path}: no such file; give files, folders or patterns such as novels/*.txt")
            found += matching
    return list(dict.fromkeys(found))
