"""The name of a file with gold tags -> its format; and which of its lines are no words."""

from typing import get_args

from tagger.text.formats import TaggedFormat, format_of

SKIPPED_LINES = ("-DOCSTART-",)  # CoNLL-2003 has such a line before each document


def gold_format(file: str, default: str = "conllu") -> str:
    """The format of a file with tags: by its suffix, if that names a format with tags, else `default`."""
    named = format_of(file, "")
    return named if named in get_args(TaggedFormat) else default
