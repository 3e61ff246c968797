"""The command `explain`: text in, the words that decided each tag out."""

import io
from typing import Annotated

import typer

from tagger.commands.console import say, show, show_json
from tagger.commands.options import (
    DEFAULT_MODEL,
    AsJson,
    DeviceOption,
    Encoding,
    Model,
    PrecisionOption,
)
from tagger.text.columns import NO_BREAK_SPACE
from tagger.text.files import STDIO, read_lines
from tagger.text.formats import read


def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One or several sentences. - is standard input.")],
    model: Model = DEFAULT_MODEL,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The tag column. Default: the tagger's first.")
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="TEXT has a sentence a line, spaces between tokens, U+00A0 within them.")
    ] = False,
    as_json: AsJson = False,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
) -> None:
    """Shows what the tag of each word rests on.

    The probability of the tag is given four times: for the whole sentence, for the word with the words on its left,
    for the word with those on its right, and for the word alone. If another tag is better there, it stands beside the
    probability. Then come the words that decided the tag: what its probability loses (+) or gains (-) without each.
    """
    from dataclasses import asdict

    from tagger.commands.loading import load_with_tags
    from tagger.tagging.explain import explain as explained
    from tagger.tagging.explain import format_table

    tagger = load_with_tags(model, device, precision)
    if not tokens and not tagger.takes_text:
        tokens = True
        say("this tagger takes tokens: TEXT is cut at spaces")
    lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
    read_in = read(lines, "TEXT", "lines" if tokens else "text", segment=tagger.segment_all)
    sentences = [sentence.tokens for sentence in read_in]
    if tokens:
        sentences = [[token.replace(NO_BREAK_SPACE, " ") for token in words] for words in sentences]
    found = explained(tagger, sentences, column)
    if as_json:
        show_json([asdict(each) for each in found])
    else:
        show("\n".join(map(format_table, found)))
