"""The command `lexicon`: a corpus in, the tags that its word forms have out."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from tagger.commands.console import say
from tagger.commands.options import Encoding, Force, check_output
from tagger.errors import InputError
from tagger.text.files import STDIO, check_input
from tagger.text.output_files import whole_file
from tagger.text.sentence import COLUMNS
from tagger.text.strings import LEMMA, is_annotated

LEXICON_COLUMNS = [column for column in COLUMNS if column != LEMMA]


def lexicon(
    corpus: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS",
            help="The folder of a treebank, whose *-train.conllu is read, or CoNLL-U files.",
            show_default=False,
        ),
    ],
    to: Annotated[str | None, typer.Option("-o", metavar="FILE", help="Default: -, standard output.")] = None,
    column: Annotated[
        str, typer.Option(metavar="NAME", help=f"The tags: {', '.join(LEXICON_COLUMNS)}.", show_default=True)
    ] = "upos",
    min_count: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Leave out forms that occur less than N times: they may have tags that the corpus does not show.",
        ),
    ] = 5,
    max_tags: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Leave out forms with more than N tags. Default: none.")
    ] = None,
    encoding: Encoding = "utf-8",
    force: Force = False,
) -> None:
    """Writes the tags that the word forms of a corpus have.

    The file is a lexicon for `tag --lexicon`. Forms stand in alphabetical order, and the tags of a form from the most
    frequent to the least.
    """
    from tagger.extras.lint.lined import TRAIN, corpus_files, read_lined

    if column not in LEXICON_COLUMNS:
        raise InputError(f"--column {column}: a lexicon has tags of {', '.join(LEXICON_COLUMNS)}")
    to = None if to == STDIO else to
    files = corpus_files(corpus)
    if any(Path(name).is_dir() for name in corpus):
        files = {file: split for file, split in files.items() if split == TRAIN or file in corpus}
        if not files:
            raise InputError(f"{' '.join(corpus)}: no *-train.conllu; name the files")
    check_input(list(files), encoding)
    check_output("-o", to, files, force)
    counts: dict[str, Counter[str]] = {}
    for sentence in read_lined(files, encoding):
        for form, tag in zip(sentence.tokens, sentence.tags[column], strict=True):
            if is_annotated(column, tag, form):
                counts.setdefault(form, Counter())[tag] += 1
    kept = {
        form: [tag for tag, _ in tags.most_common()]
        for form, tags in sorted(counts.items())
        if tags.total() >= min_count and len(tags) <= (max_tags or len(tags))
    }
    if not counts:
        raise InputError(f"{' '.join(files)}: no tags in the column {column}; choose another --column")
    with whole_file(to) as out:
        out.writelines(write_lexicon(kept))
    say(f"{len(kept):,} of {len(counts):,} forms")


def write_lexicon(entries: Mapping[str, Collection[str]]) -> Iterable[str]:
    """The lines of a lexicon, line ends included.

    If any tag contains a `|`, tabs stand between the tags of all forms: `A=1|B=2` may be two tags or one.
    """
    separator = "\t" if any("|" in tag for tags in entries.values() for tag in tags) else "|"
    for form, tags in entries.items():
        yield f"{form}\t{separator.join(tags)}\n"
