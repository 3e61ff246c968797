"""The body of a request -> checked JSON, or a file, which lies on disk if it is large."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from tagger.serving.refusal import Refusal
from tagger.text.strings import printable

IN_MEMORY = 256 * 1024  # bytes; what is larger lies on disk
MAX_JSON = 4_000_000  # bytes of a body that is JSON, which is held in memory
MAX_ERRORS = 20  # of a body that is JSON; more are not listed, since the list could be longer than the body

Body = TypeVar("Body", bound=BaseModel)


class Spool(SpooledTemporaryFile[bytes]):
    """A file without a name, in memory while it is small. Where the disk is full, the request is refused."""

    def __init__(self) -> None:
        super().__init__(max_size=IN_MEMORY)

    def write(self, data: Any) -> int:
        """Adds bytes."""
        with _refusing():
            return super().write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Goes to a place; writes what waits to be written."""
        with _refusing():
            return super().seek(offset, whence)

    def size(self) -> int:
        """Its bytes. It is to be read from its start then."""
        self.seek(0, SEEK_END)
        size = self.tell()
        self.seek(0)
        return size

    def close(self) -> None:
        """Frees the memory or the disk."""
        with suppress(OSError):  # what could not be written need not be
            super().close()


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refusal(507, f"the service has no room on its disk ({error.strerror}); send less, or later") from None


async def read_json(request: Request, model: type[Body]) -> Body:
    """The body of a request, which is JSON, checked.

    Raises:
        Refusal: it is too large or bad; the message says the first thing that is wrong.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON:
            raise Refusal(413, f"more than {MAX_JSON:,} bytes of JSON; send a long text to /process, as a form")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        raise Refusal(400, _first_wrong(error, model)) from None


def _first_wrong(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong with a body, and what should stand there."""
    if error.error_count() > MAX_ERRORS:
        return f"more than {MAX_ERRORS} keys or values are wrong; /docs says what there is"
    first = error.errors(include_url=False, include_context=False)[0]
    if not first["loc"]:
        return f"the body is no JSON object: {first['msg']}"
    key = printable(str(first["loc"][0])[:60])
    if first["type"] == "extra_forbidden":
        return f"there is no key {key!r}; the keys are {', '.join(model.model_fields)}"
    known = model.model_fields.get(key)
    about = known.description if known else None
    wrong = "it is missing" if first["type"] == "missing" else first["msg"][0].lower() + first["msg"][1:]
    return f"{key}: {wrong}{f' ({about})' if about else ''}"


async def read_spooled(request: Request) -> Spool:
    """The body of a request, whatever its size; the caller closes it."""
    spool = Spool()
    async for chunk in request.stream():
        spool.write(chunk)
    spool.seek(0)
    return spool
