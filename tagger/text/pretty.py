"""The format `pretty`: tags below words, for a terminal."""

from typing import ClassVar

from tagger.text.format import Format, Writing, decimals
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, fitted


class Pretty(Format):
    """Tags below words, in blocks of lines that are as wide as the terminal."""

    writes: ClassVar[str] = "tags below words, for the terminal"

    @classmethod
    def write(cls, how: Writing, sentence: Sentence) -> str:
        """See `Format.write`."""
        rows = [sentence.tokens]
        for column in how.columns if sentence.tokens else ():
            rows.append(sentence.tags[column])
            if how.probabilities:
                rows.append(decimals(sentence, column))
            for rank in range(how.top):
                best = sentence.alternatives[column]
                rows.append([f"{pairs[rank][0]}:{pairs[rank][1]:.4f}" if rank < len(pairs) else "" for pairs in best])
        out: list[str] = []
        block: list[list[str]] = []
        used = 0
        for cells in zip(*rows, strict=True):
            shown = [fitted(cell, how.width) for cell in cells]
            cell_width = max(map(display_width, shown))
            if block and used + cell_width > how.width:
                out += [*map("  ".join, zip(*block, strict=True)), ""]
                block, used = [], 0
            block.append([cell + " " * (cell_width - display_width(cell)) for cell in shown])
            used += cell_width + 2
        out += [*map("  ".join, zip(*block, strict=True)), ""]
        return "".join(f"{line.rstrip()}\n" for line in out)
