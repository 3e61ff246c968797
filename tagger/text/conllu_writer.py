"""A sentence -> its block of CoNLL-U."""

import re
import unicodedata
from itertools import pairwise
from operator import not_
from typing import TYPE_CHECKING

from tagger.text.strings import LEMMA, cleaned, encodable

if TYPE_CHECKING:  # `Sentence.to_conllu` is here
    from tagger.text.sentence import Sentence

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5, LEMMA: 2}  # the tag columns, counted from 0
MISC = 9
NO_SPACE = "SpaceAfter=No"
LANGUAGE = "# language ="  # the comment that names the language in which a sentence is tagged
_SPACE = re.compile(r"\s")


def write_conllu(sentence: "Sentence", extra: dict[str, list[str]] | None = None) -> str:
    """The CoNLL-U block of a sentence, with its tags in their columns.

    A sentence that came from CoNLL-U keeps its lines; only the columns that `sentence.tags` names change. Columns that
    CoNLL-U does not have (`chunk`, `ner`) and `extra` go into MISC as `Name=value`, where `\\p` stands for a `|` in the
    value. The block of a new sentence is in Unicode's form NFC, and its forms and lemmas have no white space at their
    ends, as UD demands. One without tokens has no block.
    """
    misc = {column: values for column, values in sentence.tags.items() if column not in COLUMNS} | (extra or {})
    misc = {name: cleaned([value.replace("|", r"\p") for value in values]) for name, values in misc.items()}
    if sentence.lines is None:
        return _new_block(sentence, misc) if sentence.tokens else ""
    tags = [(COLUMNS[c], values, cleaned(values)) for c, values in sentence.tags.items() if c in COLUMNS]
    out: list[str] = []
    word = 0
    for line in sentence.lines:
        cells = line.split("\t")
        if cells[0].isascii() and cells[0].isdigit():
            for place, values, fitting in tags:
                if cells[place] != values[word]:
                    cells[place] = fitting[word]
            if misc:
                body = cells[MISC].rstrip("\r\n")
                pairs = [
                    each for each in body.split("|") if each not in ("", "_") and each.partition("=")[0] not in misc
                ]
                pairs += [f"{name}={values[word]}" for name, values in misc.items()]
                cells[MISC] = "|".join(pairs) + cells[MISC][len(body) :]
            line = "\t".join(cells)
            word += 1
        elif sentence.language is not None and line.startswith(LANGUAGE):  # it may name another one
            line = re.sub(r"=.*", f"= {sentence.language}", line)
        out.append(line)
    return encodable("".join(out))


def numbered(blocks: str, first: int) -> tuple[str, int]:
    """Gives the blocks of new sentences their comments `# sent_id = N`, from `first` on; and the next number."""
    parts = blocks.split("\n\n")[:-1]  # neither comments nor cells hold line ends
    opening = "# newpar\n"
    for i, part in enumerate(parts):
        number = f"# sent_id = {first + i}\n"
        parts[i] = opening + number + part[len(opening) :] if part.startswith(opening) else number + part
    return "".join([f"{part}\n\n" for part in parts]), first + len(parts)


def _new_block(sentence: "Sentence", misc: dict[str, list[str]]) -> str:
    """The block of a sentence that did not come from CoNLL-U; unknown cells are `_`."""
    forms = cleaned(_stripped(sentence.tokens))
    blank = ["_"] * len(forms)
    glued = _glued(sentence)
    spacing = ["" if glued is None or not each else NO_SPACE for each in glued or blank]  # for MISC of each word
    surfaces = [*forms]  # the text of each word; that of a multiword token is at its last word
    tokens: dict[int, str] = {}  # the first word of a multiword token -> the row of the token
    token_forms = cleaned(_stripped([form for _, _, form in sentence.multiwords]))
    for (start, stop, _), form in zip(sentence.multiwords, token_forms, strict=True):
        tokens[start] = "\t".join([f"{start + 1}-{stop}", form, *"_______", spacing[stop - 1] or "_"])
        surfaces[start:stop] = [""] * (stop - start - 1) + [form]
        spacing[start:stop] = [""] * (stop - start)  # the row of the token has it
    comments = sentence.comments
    if sentence.language is not None:
        comments = [*(c for c in comments if not c.startswith(LANGUAGE)), f"{LANGUAGE} {sentence.language}"]
    if sentence.text is not None and not any(comment.startswith("# text =") for comment in comments):
        comments = [*comments, f"# text = {_text(sentence.text, surfaces, glued)}"]
    tags = dict.fromkeys(sorted(COLUMNS, key=COLUMNS.__getitem__), blank)  # in the order of the columns
    for column in COLUMNS.keys() & sentence.tags.keys():
        values = sentence.tags[column]
        tags[column] = cleaned(_stripped(values) if column == LEMMA else values)
    last = blank
    if misc or any(spacing):
        pairs = [spacing, *([f"{name}={value}" for value in values] for name, values in misc.items())]
        last = ["|".join(filter(None, row)) or "_" for row in zip(*pairs, strict=True)]
    numbers = map(str, range(1, len(forms) + 1))
    rows = list(map("\t".join, zip(numbers, forms, *tags.values(), blank, blank, blank, last, strict=True)))
    for start, row in tokens.items():
        rows[start] = f"{row}\n{rows[start]}"
    return encodable(unicodedata.normalize("NFC", "\n".join([*comments, *rows, "", ""])))


def _text(text: str, surfaces: list[str], glued: list[bool] | None) -> str:
    """The text of a sentence for `# text`: the format demands that of the rows, if it is known where spaces are."""
    if glued is None:
        return " ".join(re.split(r"[ \t\n\r]+", text.strip()))
    whole = "".join([form if each else f"{form} " for form, each in zip(surfaces, glued, strict=True)])
    return whole if glued[-1] else whole[:-1]


def _stripped(values: list[str]) -> list[str]:
    return [value.strip() for value in values] if _SPACE.search("".join(values)) else values


def _glued(sentence: "Sentence") -> list[bool] | None:
    """For each word whether no white space follows it, as inside a multiword token; None if that is not known."""
    if sentence.space_after is not None:
        return list(map(not_, sentence.space_after))
    if sentence.offsets is None:
        return None
    glued = [a[1] == b[0] for a, b in pairwise(sentence.offsets)] + [False]
    for start, stop, _ in sentence.multiwords:
        glued[start : stop - 1] = [True] * (stop - start - 1)
    return glued
