"""The commands `pretrain` and `fill`: untagged text in, a network that predicts hidden words out."""

import io
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tagger.commands.console import clear_errors, show, show_json
from tagger.commands.options import AsJson, Encoding
from tagger.commands.runs import TRAINING_MEMORY
from tagger.errors import InputError
from tagger.text.files import STDIO, read_lines
from tagger.text.formats import read_parts
from tagger.text.paragraphs import cut_parts, cut_texts

SETTINGS = {
    "pretrain": {
        "epilog": """\b
Examples:
  tagger pretrain 'text=[books/*.txt,more.txt.gz]'    learn from these files
  tagger pretrain text=books/*.txt passes=3           read them three times
  tagger pretrain text=books/*.txt folder=runs/books  again: it goes on
  tagger train init=runs/books/pretrained             train a tagger from it
""",
    },
}


def pretrain(
    values: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Values of the config.")] = None,
) -> None:
    """Trains a network to predict hidden words of untagged text.

    Everything goes into a new folder below runs/, or into folder=FOLDER. An interrupted run goes on when its command is
    given again with its folder. A tagger can start from the network (init=FOLDER/pretrained).
    """
    from tagger.extras.pretraining import pretraining
    from tagger.training.launch import command_line, set_up_logging

    with clear_errors(memory=TRAINING_MEMORY):
        set_up_logging()
        words = values or []
        pretraining.pretrain(pretraining.config_of(words), command_line(["pretrain", *words]))


def fill(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Sentences with ___ where words are missing. - is standard input.")
    ],
    model: Annotated[str, typer.Option(metavar="FOLDER", help="A run of `pretrain`.", show_default=False)],
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Number of words for each blank.")] = 5,
    as_json: AsJson = False,
    encoding: Encoding = "utf-8",
) -> None:
    """Proposes words for the blanks (___) of sentences.

    Words are proposed from both sides of a blank, and from each side alone.
    """
    import torch

    from tagger.extras.pretraining.fill import BLANK, format_blanks
    from tagger.extras.pretraining.fill import fill as filled
    from tagger.extras.pretraining.hidden_words import load_word_predictor
    from tagger.words.segment import RuleSegmenter

    torch.set_num_threads(1)
    network, rules = load_word_predictor(Path(model))
    lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
    cuts_of = partial(cut_texts, RuleSegmenter(rules).segment_all)
    read_in = cut_parts(read_parts(lines, "TEXT", "text"), cuts_of)
    sentences = [s.tokens for s in read_in if any(map(BLANK.fullmatch, s.tokens))]
    if not sentences:
        raise InputError("TEXT has no blank; write ___, with spaces around it, where a word is missing")
    found = [(tokens, filled(network, tokens, top)) for tokens in sentences]
    if as_json:
        show_json([{"tokens": tokens, "blanks": [b._asdict() for b in blanks]} for tokens, blanks in found])
    else:
        show("\n".join(format_blanks(tokens, blanks) for tokens, blanks in found))
