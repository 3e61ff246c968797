"""The command `fill`: sentences with blanks in, words for the blanks out."""

import io
from typing import Annotated

import typer

from tagger.commands.console import show, show_json
from tagger.commands.options import AsJson, Encoding
from tagger.errors import InputError
from tagger.text.files import STDIO, read_lines
from tagger.text.formats import read


def fill(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Sentences with ___ where words are missing. - is standard input.")
    ],
    model: Annotated[
        str, typer.Option(metavar="FOLDER", help="A run of `pretrain`. latest is the newest below runs/.")
    ] = "latest",
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Number of words for each blank.")] = 5,
    as_json: AsJson = False,
    encoding: Encoding = "utf-8",
) -> None:
    """Proposes words for the blanks (___) of sentences.

    Words are proposed from both sides of a blank, and from each side alone.
    """
    import torch

    from tagger.bundle.catalog import find_tagger
    from tagger.bundle.saved_config import PRETRAINED_IN_RUN
    from tagger.extras.analysis.fill import BLANK, format_blanks
    from tagger.extras.analysis.fill import fill as filled
    from tagger.text.segment import RuleSegmenter
    from tagger.training.hidden_words import load_word_predictor

    torch.set_num_threads(1)
    network, rules = load_word_predictor(find_tagger(model, PRETRAINED_IN_RUN))
    lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
    read_in = read(lines, "TEXT", "text", segment=RuleSegmenter(rules).segment_all)
    sentences = [s.tokens for s in read_in if any(map(BLANK.fullmatch, s.tokens))]
    if not sentences:
        raise InputError("TEXT has no blank; write ___, with spaces around it, where a word is missing")
    found = [(tokens, filled(network, tokens, top)) for tokens in sentences]
    if as_json:
        show_json([{"tokens": tokens, "blanks": [b._asdict() for b in blanks]} for tokens, blanks in found])
    else:
        show("\n".join(format_blanks(tokens, blanks) for tokens, blanks in found))
