"""The body of a request -> checked JSON, or the fields of a form; what cannot be read is refused."""

import asyncio
import codecs
import re
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request

from tagger.errors import InputError, reason
from tagger.text.schema import read

MAX_JSON = 4_000_000  # bytes of a body that is JSON
MAX_FIELDS = 100  # of a form
TEXT = "data"  # the field of a form that has the text
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # half of a pair that is one character, as JSON escapes it

Body = TypeVar("Body")


class Refusal(Exception):
    """Ends a request with an HTTP status and a message in plain text, one line that names the remedy."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


async def read_json(request: Request, model: type[Body]) -> Body:
    """The body of a request, which is JSON of at most `MAX_JSON` bytes, checked."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON:
            raise Refusal(413, f"more than {MAX_JSON:,} bytes of JSON; send a long text to /process, as a form")
    body = body.removeprefix(codecs.BOM_UTF8)
    if not body.strip():
        raise Refusal(400, "the body is empty; send an object of JSON")
    try:
        return read(model, msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        hint = "; or half of a pair such as \\ud83d\\ude42 stands alone" if _SURROGATE.search(body) else ""
        raise Refusal(400, f"the body is no JSON: {reason(error)}{hint}") from None
    except InputError as error:
        raise Refusal(400, reason(error)) from None


async def read_form(request: Request) -> tuple[dict[str, str], BinaryIO | None, int]:
    """The fields of a request's query and, of a POST, of its form. The form wins; the last value counts.

    A text that is sent as a file lies on disk, any other one in memory.

    Returns:
        All fields but the text; the text, UTF-8; its bytes.
    """
    found: dict[str, str | UploadFile] = {**_urlencoded(request.scope["query_string"])}
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == MULTIPART:
            # the gate limits the body, so that a part needs no limit of its own
            found |= await request.form(max_fields=MAX_FIELDS, max_files=MAX_FIELDS, max_part_size=2**62)
        elif kind == URLENCODED:
            found |= await asyncio.to_thread(_urlencoded, await request.body())
        else:
            raise Refusal(400, f"Content-Type {kind[:60] or 'none'}: send {MULTIPART} or {URLENCODED}")
    text = found.pop(TEXT, None)
    fields = {name: value for name, value in found.items() if isinstance(value, str)}
    if text is None:
        return fields, None, 0
    file = BytesIO(text.encode()) if isinstance(text, str) else text.file
    size = file.seek(0, SEEK_END)
    file.seek(0)
    return fields, file, size


def _urlencoded(body: bytes) -> dict[str, str]:
    try:  # Starlette's own would read bytes that are not escaped as Latin-1, and replace those that are no UTF-8
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except UnicodeError as error:
        raise Refusal(400, f"the query or the form is not UTF-8 ({reason(error)}); encode its text as UTF-8") from None
    except ValueError:
        raise Refusal(400, f"the form has more than {MAX_FIELDS} fields; send {TEXT} and what belongs to it") from None


def json_body(model: type[Any], example: dict[str, Any]) -> dict[str, Any]:
    """What `/docs` says of a route that reads JSON by itself."""
    _, parts = msgspec.json.schema_components([model])
    content = {"application/json": {"schema": parts[model.__name__], "example": example}}
    return {"requestBody": {"required": True, "content": content}}
