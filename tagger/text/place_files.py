"""Outputs of this machine and of remote storage: text comes in, a file that appears when it is whole goes out."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tagger.errors import InputError
from tagger.text.output_files import is_replaced, text_writer, whole_file
from tagger.text.remote import upload
from tagger.text.remote_path import Place, RemotePath


@contextmanager
def whole_text(place: Place, *, run: str = "", before_naming: Callable[[Path], None] | None = None) -> Iterator[TextIO]:
    """Opens a file for writing that appears as `place` when the block ends without an error; see `whole_file`.

    What goes to remote storage is a temporary file of this machine until it is whole. Then it is uploaded.
    """
    if isinstance(place, Path):
        with whole_file(place, run=run, before_naming=before_naming) as out:
            yield out
        return
    with tempfile.TemporaryDirectory(prefix="tagger.") as folder:
        content = Path(folder, "content")
        try:
            with content.open("wb") as binary, text_writer(binary, place.name) as out:
                yield out
        except OSError as error:
            raise InputError(f"{place}: {content} cannot be written: {error.strerror}; set TMPDIR") from None
        if before_naming is not None:
            before_naming(content)
        upload(content, place.url)


def replaces(place: Place) -> bool:
    """Whether writing to `place` would replace a file; of remote storage, whether its listing has the file."""
    return place.is_file() if isinstance(place, RemotePath) else is_replaced(place)
