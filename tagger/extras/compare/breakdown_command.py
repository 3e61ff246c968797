"""The command `breakdown`: a tagger and a gold file in, the scores of each document, genre or other group out."""

from typing import Annotated

import typer

from tagger.commands.console import show, show_json
from tagger.commands.options import AsJson, DeviceOption, Encoding, LanguageOption, ModelOption, PrecisionOption
from tagger.text.files import check_input, read_lines
from tagger.text.formats import read


def breakdown(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CoNLL-U with gold tags. - is standard input.")],
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="NAME",
            help="newdoc, a document; genre, by `# genre` or `# meta::genre`, else by what stands before - in the"
            " document's id; or another comment `# NAME = ...`.",
        ),
    ] = "genre",
    language: LanguageOption = None,
    model: ModelOption = None,
    as_json: AsJson = False,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Scores a tagger on each document, genre or other group."""
    from tagger.commands.loading import load_for
    from tagger.extras.compare.breakdown import breakdown as scores_of_groups
    from tagger.extras.compare.breakdown import format_breakdown

    check_input([file], encoding)
    opened = read_lines(file, encoding)
    tagger, lines = load_for(opened, file, "conllu", language, model, device, precision)
    found = scores_of_groups(tagger.retag(read(lines, file, "conllu")), tagger.vocabulary, by, file)
    if as_json:
        show_json(found)
    else:
        show(format_breakdown(found, file))
