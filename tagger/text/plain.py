"""The format `lines`, a sentence per line, and `pretty`, tags below words for a terminal."""

from collections.abc import Iterable, Iterator

from tagger.text.columns import BLANK_SEPARATED
from tagger.text.format import Options, check_length, decimals
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, fitted, whole_lines


def read_sentence_lines(lines: Iterable[str], path: str) -> Iterator[Sentence]:
    """Yields the sentence of each line; its tokens stand between spaces and tabs."""
    start = 0
    for number, line in enumerate(whole_lines(lines, path), 1):
        words = list(BLANK_SEPARATED.finditer(line))
        tokens = [word.group() for word in words]
        check_length(tokens, f"{path}, line {number}")
        yield Sentence(
            tokens=tokens,
            offsets=[(start + word.start(), start + word.end()) for word in words],
            text=line[words[0].start() : words[-1].end()] if words else "",
        )
        start += len(line)


def write_pretty(options: Options, sentence: Sentence) -> str:
    """Tags below words, in blocks of lines that are as wide as the terminal."""
    rows = [sentence.tokens]
    for column in options.columns if sentence.tokens else ():
        rows.append(sentence.tags[column])
        if options.probabilities:
            rows.append(decimals(sentence, column))
        for rank in range(options.top):
            best = sentence.alternatives[column]
            rows.append([f"{pairs[rank][0]}:{pairs[rank][1]:.4f}" if rank < len(pairs) else "" for pairs in best])
    out: list[str] = []
    block: list[list[str]] = []
    used = 0
    for cells in zip(*rows, strict=True):
        shown = [fitted(cell, options.width) for cell in cells]
        cell_width = max(map(display_width, shown))
        if block and used + cell_width > options.width:
            out += [*map("  ".join, zip(*block, strict=True)), ""]
            block, used = [], 0
        block.append([cell + " " * (cell_width - display_width(cell)) for cell in shown])
        used += cell_width + 2
    out += [*map("  ".join, zip(*block, strict=True)), ""]
    return "".join(f"{line.rstrip()}\n" for line in out)
