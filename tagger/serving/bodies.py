"""The body of a request -> checked JSON, the fields of a form, or a file; what cannot be read is refused.

Whatever is large lies on disk: a form's text, and a body that is neither a form nor JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, QuerystringParser, parse_options_header
from starlette.requests import Request

from tagger.errors import InputError, reason
from tagger.text.schema import read

IN_MEMORY = 256 * 1024  # bytes; what is larger lies on disk
MAX_JSON = 4_000_000  # bytes of a body that is JSON, which is held in memory
MAX_FIELD = 10_000  # bytes of the value of a field other than the text
MAX_FIELDS = 100  # of a form
TEXT = "data"  # the field of a form that has the text

Body = TypeVar("Body")


class Refusal(Exception):
    """Ends a request with an HTTP status and a message in plain text, one line that names the remedy.

    Attributes:
        status: 400, 401, 404, 413, 415, 499, 500, 503 or 507.
        message: for the client.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def spool() -> "SpooledTemporaryFile[bytes]":
    """A file without a name, in memory while it is small."""
    return SpooledTemporaryFile(IN_MEMORY)


def size_of(file: "SpooledTemporaryFile[bytes]") -> int:
    """The bytes of a file. It is to be read from its start then."""
    size = file.seek(0, SEEK_END)
    file.seek(0)
    return size


async def read_spooled(request: Request) -> "SpooledTemporaryFile[bytes]":
    """The body of a request, whatever its size; the caller closes it."""
    file = spool()
    async for chunk in request.stream():
        file.write(chunk)
    file.seek(0)
    return file


async def read_json(request: Request, model: type[Body], most: int = MAX_JSON) -> Body:
    """The body of a request, which is JSON of at most `most` bytes, checked.

    Raises:
        Refusal: it is too large or bad; the message says the first thing that is wrong.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refusal(413, f"more than {most:,} bytes of JSON; send a long text to /process, as a form")
    try:
        return read(model, msgspec.json.decode(bytes(body)))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Refusal(400, f"the body is no JSON: {reason(error)}") from None
    except InputError as error:
        raise Refusal(400, reason(error)) from None


@dataclass
class Form:
    """The fields of a request: of its query and of the form in its body.

    Attributes:
        fields: each but the text.
        text: the field `data`, to be read from its start; None if there is none.
    """

    fields: dict[str, str]
    text: "SpooledTemporaryFile[bytes] | None" = None

    def close(self) -> None:
        """Frees the memory or the disk that the text takes."""
        if self.text is not None:
            self.text.close()


async def read_form(request: Request) -> Form:
    """The query of a request and, of a POST, its form (urlencoded or multipart). The form wins; the last value counts.

    Starlette's own `request.form()` holds a text in memory unless it is sent as a file, which UDPipe's client does not.

    Raises:
        Refusal: the body is no form, or a field other than the text is large.
    """
    form = Form({name: value for name, value in request.query_params.items() if name != TEXT})
    try:
        if TEXT in request.query_params:
            form.text = spool()
            form.text.write(request.query_params[TEXT].encode(errors="replace"))
        if request.method == "POST":
            await _read_body(request, _Fields(form))
        if form.text is not None:
            form.text.seek(0)
    except BaseException as error:
        form.close()
        if isinstance(error, FormParserError):
            raise Refusal(400, f"the form cannot be read: {error}") from None
        raise
    return form


async def _read_body(request: Request, fields: "_Fields") -> None:
    kind, options = parse_options_header(request.headers.get("content-type"))
    callbacks: Any = {name: getattr(fields, name) for name in dir(fields) if name.startswith("on_")}
    parser: MultipartParser | QuerystringParser
    if kind == b"multipart/form-data":
        if not options.get(b"boundary"):
            raise Refusal(400, "Content-Type: multipart/form-data names no boundary")
        parser = MultipartParser(options[b"boundary"], callbacks)
    elif kind == b"application/x-www-form-urlencoded":
        parser = QuerystringParser(callbacks)
    else:
        shown = kind.decode("latin-1")[:60] or "none"
        raise Refusal(400, f"Content-Type {shown}: send multipart/form-data or application/x-www-form-urlencoded")
    async for chunk in request.stream():
        parser.write(chunk)
    parser.finalize()
    if fields.in_part:
        raise Refusal(400, "the form ends in the middle of a part; its last boundary is missing")


class _Fields:
    """Writes the fields of a form down as `python_multipart` finds them; it calls the methods that begin with `on_`."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.count = 0
        self.name: str | None = None  # of the field that has begun
        self.value = bytearray()  # unless it is the text
        self.in_part = False
        self.header, self.header_value, self.disposition = b"", b"", b""
        self.encoded_name, self.encoded = b"", b""  # the latter: what may be the beginning of %XX

    def begin(self, name: str | None) -> None:
        self.count += 1
        if self.count > MAX_FIELDS:
            raise Refusal(400, f"the form has more than {MAX_FIELDS} fields; send {TEXT} and what belongs to it")
        self.name, self.value = name, bytearray()
        if name == TEXT:
            self.form.close()
            self.form.text = spool()

    def add(self, data: bytes) -> None:
        if self.name == TEXT and self.form.text is not None:
            self.form.text.write(data)
        elif self.name is not None:
            self.value += data
            if len(self.value) > MAX_FIELD:
                raise Refusal(413, f"the field {self.name[:60]} has more than {MAX_FIELD:,} bytes; only {TEXT} may")

    def end(self) -> None:
        if self.name not in (None, TEXT):
            self.form.fields[str(self.name)] = self.value.decode(errors="replace")
        self.name = None

    def on_part_begin(self) -> None:
        self.in_part = True

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.header_value += data[start:end]

    def on_header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = self.header_value
        self.header = self.header_value = b""

    def on_headers_finished(self) -> None:
        name = parse_options_header(self.disposition)[1].get(b"name")
        self.disposition = b""
        self.begin(None if name is None else name.decode(errors="replace"))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.add(data[start:end])

    def on_part_end(self) -> None:
        self.end()
        self.in_part = False

    def on_field_start(self) -> None:
        self.encoded_name = self.encoded = b""

    def on_field_name(self, data: bytes, start: int, end: int) -> None:
        self.encoded_name += data[start:end]
        if len(self.encoded_name) > MAX_FIELD:
            raise Refusal(413, f"the name of a field has more than {MAX_FIELD:,} bytes")

    def on_field_data(self, data: bytes, start: int, end: int) -> None:
        if self.name is None:
            self.begin(_decoded(self.encoded_name).decode(errors="replace"))
        self.encoded += data[start:end]
        cut = self.encoded.rfind(b"%", max(0, len(self.encoded) - 2))
        cut = len(self.encoded) if cut < 0 else cut
        self.add(_decoded(self.encoded[:cut]))
        self.encoded = self.encoded[cut:]

    def on_field_end(self) -> None:
        self.on_field_data(b"", 0, 0)  # a field without = has no data
        self.add(_decoded(self.encoded))
        self.end()


def _decoded(data: bytes) -> bytes:
    return unquote_to_bytes(data.replace(b"+", b" "))


def body(content: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """What `/docs` says of a route that reads its body by itself: types of content, and parameters."""
    described: dict[str, Any] = {"requestBody": {"required": True, "content": content}}
    return described | ({"parameters": parameters} if parameters else {})


def json_body(model: type[Any], example: dict[str, Any] | None = None) -> dict[str, Any]:
    """A type of content for `body` or an answer: JSON."""
    (schema,), parts = msgspec.json.schema_components([model])
    content: dict[str, Any] = {"schema": _whole(schema, parts)}
    return {"application/json": content | ({"example": example} if example else {})}


def _whole(schema: Any, parts: Mapping[str, Any]) -> Any:
    """A schema in which the parts that it names stand themselves."""
    if isinstance(schema, list):
        return [_whole(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _whole(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {key: _whole(each, parts) for key, each in schema.items()}


def parameter(name: str, about: str, where: str = "query", required: bool = False) -> dict[str, Any]:
    """A parameter for `body` that is a string."""
    return {"name": name, "in": where, "required": required, "description": about, "schema": {"type": "string"}}
