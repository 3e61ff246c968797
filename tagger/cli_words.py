"""The commands about words in their sentences: explain, fill, embed, senses."""

import io
import json
import sys
from dataclasses import asdict
from functools import partial
from typing import Annotated

import torch
import typer

from tagger.console import (
    DeviceOption,
    Encoding,
    InputOption,
    LayerOption,
    Model,
    PrecisionOption,
    check_tags,
    clear_errors,
    load_and_tell,
    say,
    standard_output,
)
from tagger.errors import InputError
from tagger.files import STDIO, read_lines, whole_file
from tagger.folder import load_masked
from tagger.formats import NO_BREAK_SPACE, read
from tagger.layers import ALL
from tagger.models import DEFAULT, LATEST, find_masked
from tagger.occurrences import LEAST, find
from tagger.segment import segment
from tagger.sources import embedded, read_files


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
    from tagger.explain import explain as explained
    from tagger.explain import render, to_html

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
                out.write(render(found, color=sys.stdout.isatty()))


def fill(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Sentences with ___ where words are missing; - is standard input.")
    ],
    model: Annotated[
        str, typer.Option(metavar="FOLDER", help="A run of `pretrain`; latest is the newest below runs/.")
    ] = LATEST,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Candidates for each blank.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of sentences as JSON.")] = False,
    encoding: Encoding = "utf-8",
) -> None:
    """Proposes words for the blanks (___) of sentences, from both sides of a blank and from each side alone."""
    from tagger.fill import BLANK, Filler, render

    with clear_errors():
        torch.set_num_threads(1)
        filler = Filler(load_masked(find_masked(model)))
        lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
        read_in = read(lines, "TEXT", "text", segment=partial(segment, rules=filler.rules))
        sentences = [s.tokens for s in read_in if any(map(BLANK.fullmatch, s.tokens))]
        if not sentences:
            raise InputError("TEXT has no blank; write ___, with spaces around it, where a word is missing")
        found = [(tokens, filler.fill(tokens, top)) for tokens in sentences]
        with standard_output() as out:
            if as_json:
                records = [{"tokens": tokens, "blanks": [b._asdict() for b in blanks]} for tokens, blanks in found]
                out.write(json.dumps(records, indent=2) + "\n")
            else:
                out.write("\n".join(render(tokens, blanks) for tokens, blanks in found))


def embed(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="- is standard input.", show_default=False)],
    to: Annotated[str, typer.Option("-o", metavar="FILE", help="The .npz or .parquet to write.", show_default=False)],
    model: Model = DEFAULT,
    layer: LayerOption = ALL,
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Writes a vector for every word of files, from the layers of a tagger.

    A .parquet has a row per word: file, sentence and position (both from 0), word, vector. A .npz has the
    arrays vectors, words, sentences, positions and files, and is held in memory.
    """
    from tagger.vector_files import checked_target, save_vectors

    with clear_errors():
        checked_target(to, force)
        tagger = load_and_tell(model, device, "float32")
        rows = embedded(tagger, read_files(tagger, files, input, encoding), layer)
        words, width = save_vectors(to, files, rows, force)
        say(f"{to}: {words:,} words, {width:,} numbers each (layer {layer})")


def senses(
    word: Annotated[str | None, typer.Argument(metavar="WORD", help="In upper or lower case.")] = None,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE...", help="- is standard input.")] = None,
    model: Model = DEFAULT,
    layer: LayerOption = ALL,
    groups: Annotated[
        int | None, typer.Option(min=1, max=20, metavar="N", help="How many. Default: what fits best, 1 to 6.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=LEAST, max=5000, metavar="N", help="Occurrences at most, chosen evenly over all of them.")
    ] = 1000,
    png: Annotated[str | None, typer.Option(metavar="FILE", help="Draw them too, replacing what is there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the groups, or the scores, as JSON.")] = False,
    evaluate: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Score every layer on lines of word, tab, sense, tab, sentence instead."),
    ] = None,
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
) -> None:
    """Groups the occurrences of a word in files by the vectors that it has in its sentences.

    Each group has its size, the other words of the files that are nearest to it, and its most typical
    sentences. The groups are those of 2 to 6 whose silhouette (of cosine distances, after the word's mean
    is taken away) is best; if that is less than 0.15, all occurrences are one group.
    """
    from tagger import sense_score
    from tagger import senses as grouping

    with clear_errors():
        if (word is None or not files) if evaluate is None else (word or png or groups is not None):
            raise InputError("name a WORD and the FILEs to look for it in, or --evaluate FILE alone")
        tagger = load_and_tell(model, device, "float32")
        if evaluate is not None:
            scores = sense_score.sense_scores(tagger, sense_score.read_examples(tagger, evaluate, encoding))
            report = sense_score.to_json(scores) if as_json else sense_score.render(scores)
        else:
            assert word is not None
            assert files is not None
            found = find(tagger, word, files, read_files(tagger, files, input, encoding), limit)
            if found.total > limit:
                say(f"{limit:,} of {found.total:,} occurrences, chosen evenly over all of them; see --limit")
            grouped = grouping.senses(tagger, word, found, layer, groups)
            if png is not None:
                grouping.draw(grouped, png)
            report = grouping.to_json(grouped) if as_json else grouping.render(grouped)
        with standard_output() as out:
            out.write(report if isinstance(report, str) else json.dumps(report, indent=2) + "\n")
