"""The query of a request and the form in its body -> fields; one of them, the text, may be large and lies on disk."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, QuerystringParser, parse_options_header
from starlette.requests import Request

from tagger.serving.bodies import Spool
from tagger.serving.refusal import Refusal

MAX_FIELD = 10_000  # bytes of the value of a field other than the text
MAX_FIELDS = 100  # of a form
TEXT = "data"  # the field of a form that has the text
_INCOMPLETE = re.compile(rb"%[0-9A-Fa-f]?\Z")


@dataclass
class Form:
    """The fields of a request: of its query and of the form in its body.

    Attributes:
        fields: each but the text.
        text: the field `data`, to be read from its start; None if there is none.
    """

    fields: dict[str, str]
    text: Spool | None = None

    def close(self) -> None:
        """Frees the memory or the disk that the text takes."""
        if self.text is not None:
            self.text.close()


async def read_form(request: Request) -> Form:
    """The query of a request and, of a POST, its form (urlencoded or multipart). The form wins; the last value counts.

    Raises:
        Refusal: the body is no form, or a field other than the text is large.
    """
    form = Form({name: value for name, value in request.query_params.items() if name != TEXT})
    if TEXT in request.query_params:
        form.text = Spool()
        form.text.write(request.query_params[TEXT].encode(errors="replace"))
    try:
        if request.method == "POST":
            await _read_body(request, _Fields(form))
    except FormParserError as error:
        form.close()
        raise Refusal(400, f"the form cannot be read: {error}") from None
    except BaseException:
        form.close()
        raise
    if form.text is not None:
        form.text.seek(0)
    return form


async def _read_body(request: Request, fields: "_Fields") -> None:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            raise Refusal(400, "Content-Type: multipart/form-data names no boundary")
        parser: Any = MultipartParser(boundary, cast(Any, _multipart_callbacks(fields)))
    elif kind == b"application/x-www-form-urlencoded":
        parser = QuerystringParser(cast(Any, _urlencoded_callbacks(fields)))
    else:
        shown = kind.decode("latin-1")[:60] or "none"
        raise Refusal(400, f"Content-Type {shown}: send multipart/form-data or application/x-www-form-urlencoded")
    async for chunk in request.stream():
        parser.write(chunk)
    parser.finalize()
    if kind == b"multipart/form-data" and fields.open:
        raise Refusal(400, "the form ends in the middle of a part; its last boundary is missing")


@dataclass
class _Fields:
    """Writes the fields of a form down as they come."""

    form: Form
    name: str | None = None
    value: bytearray = field(default_factory=bytearray)
    open: bool = False
    count: int = 0

    def begin(self, name: str | None) -> None:
        self.count += 1
        if self.count > MAX_FIELDS:
            raise Refusal(400, f"the form has more than {MAX_FIELDS} fields; send {TEXT} and what belongs to it")
        self.name, self.value, self.open = name, bytearray(), True
        if name == TEXT:
            if self.form.text is not None:
                self.form.text.close()
            self.form.text = Spool()

    def add(self, data: bytes) -> None:
        if self.name == TEXT and self.form.text is not None:
            self.form.text.write(data)
        elif self.name is not None:
            self.value += data
            if len(self.value) > MAX_FIELD:
                raise Refusal(413, f"the field {self.name[:60]} has more than {MAX_FIELD:,} bytes; only {TEXT} may")

    def end(self) -> None:
        self.open = False
        if self.name is not None and self.name != TEXT:
            self.form.fields[self.name] = self.value.decode(errors="replace")


def _multipart_callbacks(fields: _Fields) -> dict[str, Callable[..., None]]:
    header, value, found = bytearray(), bytearray(), dict[bytes, bytes]()

    def on_header_end() -> None:
        found[bytes(header).lower()] = bytes(value)
        header.clear()
        value.clear()

    def on_headers_finished() -> None:
        _, options = parse_options_header(found.get(b"content-disposition"))
        name = options.get(b"name")
        found.clear()
        fields.begin(None if name is None else name.decode(errors="replace"))

    def on_part_begin() -> None:
        fields.open = True

    def add(to: bytearray, data: bytes, start: int, end: int) -> None:
        to += data[start:end]

    return {
        "on_part_begin": on_part_begin,
        "on_header_field": partial(add, header),
        "on_header_value": partial(add, value),
        "on_header_end": on_header_end,
        "on_headers_finished": on_headers_finished,
        "on_part_data": lambda data, start, end: fields.add(data[start:end]),
        "on_part_end": fields.end,
    }


def _urlencoded_callbacks(fields: _Fields) -> dict[str, Callable[..., None]]:
    name, rest = bytearray(), bytearray()  # rest: the beginning of a %XX whose end has not come yet
    begun = False

    def begin() -> None:
        nonlocal begun
        if not begun:
            fields.begin(unquote_to_bytes(bytes(name).replace(b"+", b" ")).decode(errors="replace"))
            begun = True

    def on_field_name(data: bytes, start: int, end: int) -> None:
        name.extend(data[start:end])
        if len(name) > MAX_FIELD:
            raise Refusal(413, f"the name of a field has more than {MAX_FIELD:,} bytes")

    def on_field_data(data: bytes, start: int, end: int) -> None:
        begin()
        rest.extend(data[start:end])
        cut = _INCOMPLETE.search(rest)
        whole = bytes(rest[: cut.start()] if cut else rest)
        del rest[: len(whole)]
        fields.add(unquote_to_bytes(whole.replace(b"+", b" ")))

    def on_field_end() -> None:
        nonlocal begun
        begin()
        fields.add(bytes(rest))
        fields.end()
        name.clear()
        rest.clear()
        begun = False

    return {"on_field_name": on_field_name, "on_field_data": on_field_data, "on_field_end": on_field_end}
