"""The command `explain`."""

import io
import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from tagger.commands.options import (
    DeviceOption,
    Encoding,
    Model,
    PrecisionOption,
    check_tags,
    clear_errors,
    load_and_tell,
    say,
    standard_output,
)
from tagger.text.files import STDIO, read_lines, whole_file
from tagger.text.readers import read
from tagger.text.slash import NO_BREAK_SPACE
from tagger.weights.catalog import DEFAULT


def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One or several sentences; - is standard input.")],
    model: Model = DEFAULT,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which tags. Default: the tagger's first column.")
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="TEXT is a sentence a line, spaces between words, U+00A0 within.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of sentences as JSON.")] = False,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page too, replacing what is there.")] = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
) -> None:
    """Shows what the tag of each word rests on.

    The probability of the tag is given for the whole sentence, for the word with the words on its left
    alone, with those on its right alone, and without any, each with the best tag where that is another.
    Then come the words that decided it: what its probability loses (+) or gains (-) without them.
    """
    from tagger.analysis.explain import explain as explained
    from tagger.analysis.explain_tables import format_tables, to_html

    with clear_errors():
        tagger = load_and_tell(model, device, precision)
        check_tags(tagger, model)
        if not tokens and not tagger.takes_text:
            tokens = True
            say("this tagger takes tokens: TEXT is cut at spaces")
        lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
        read_in = read(lines, "TEXT", "lines" if tokens else "text", segment=tagger.segment)
        sentences = [sentence.tokens for sentence in read_in]
        if tokens:
            sentences = [[token.replace(NO_BREAK_SPACE, " ") for token in words] for words in sentences]
        found = explained(tagger, sentences, column)
        if html is not None:
            with whole_file(html) as page:
                page.write(to_html(found))
        with standard_output() as out:
            if as_json:
                out.write(json.dumps([asdict(each) for each in found], indent=2) + "\n")
            else:
                out.write(format_tables(found, color=sys.stdout.isatty()))
