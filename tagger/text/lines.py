"""Lines of a file, of which long ones come in pieces -> whole lines."""

from collections.abc import Iterable, Iterator

from tagger.errors import InputError, shorten

MAX_LINE = 1 << 22  # characters; a longer line comes in pieces, so that memory stays bounded


def whole_lines(lines: Iterable[str], path: str) -> Iterator[str]:
    """Joins the pieces of long lines, for formats in which a line means something.

    Raises:
        InputError: a line of more than 4 times `MAX_LINE` characters.
    """
    pieces: list[str] = []
    number = 1
    for line in lines:
        if len(line) == MAX_LINE and line[-1] != "\n":
            pieces.append(line)
            if len(pieces) > 4:
                raise InputError(
                    f"{path}, line {number}: longer than {4 * MAX_LINE:,} characters ({shorten(pieces[0])});"
                    " break the line up, or give the file as running text (.txt)"
                )
            continue
        yield "".join([*pieces, line]) if pieces else line
        pieces = []
        number += 1
    if pieces:
        yield "".join(pieces)
