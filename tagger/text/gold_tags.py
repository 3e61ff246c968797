"""A cell of a corpus or of a partly tagged file -> whether it is a tag or a blank."""

LEMMA = "lemma"  # the column of lemmas
NO_TAG = "_"  # CoNLL-U writes it for "not annotated"; in FEATS it is a tag like any other and means "no features"


def is_annotated(column: str, tag: str, form: str = "") -> bool:
    """Whether `tag` is a gold tag, to be learned and scored, or a blank.

    Args:
        column: its column.
        tag: as the corpus has it.
        form: the word: the lemma of `_` is `_`.
    """
    return tag != "" and (tag != NO_TAG or column == "feats" or (column == LEMMA and form == NO_TAG))


def is_given(tag: str) -> bool:
    """Whether a cell of a partly tagged file is a tag; `_` and an empty cell are left to the tagger."""
    return tag not in ("", NO_TAG)
