"""Forms are read as the standard library reads them, wherever their bytes are parted."""

from urllib.parse import parse_qsl

import pytest

from tagger.serving import forms
from tagger.serving.forms import MAX_FIELD, MAX_FIELDS, read_form
from tagger.serving.refusal import Refusal
from tests.serving.bodies import halves, reading

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


def fields(parts: list[bytes], kind: str, query: bytes = b"", method: str = "POST") -> dict[str, str]:
    """All fields of a request."""
    form = reading(read_form, parts, kind, query, method)
    found = dict(form.fields)
    if form.text is not None:
        found["data"] = form.text.read().decode(errors="replace")
    form.close()
    return found


def part(name: str, value: str, more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"data=a+b%20c%0A%C3%AB%f0%9f%99%82&tokenizer&tagger=&model=x%3Dy",
        b"&&a=1&&data=2&&",
        b"data=%&a=%4&b=%zz%41%%42",
        b"a=1&a=2&data=1&data=%32",
        b"%64ata=+&=x&+=y",
        b"data=a=b=c&d%26=%26",
        b"",
    ],
)
def test_urlencoded_in_parts(body: bytes) -> None:
    expected = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="replace"))
    for parts in halves(body):
        assert fields(parts, URLENCODED) == expected


def test_multipart_in_parts() -> None:
    text = "a\r\n--\r\n--bc\r\nZoë\r\n"
    body = part("tagger", "") + part("data", text, '; filename="a.txt"\r\nContent-Type: text/plain') + "--b--\r\n"
    for parts in halves(body.encode()):
        assert fields(parts, MULTIPART) == {"tagger": "", "data": text}
    again = part("data", "1") + part("data", "2") + part("tagger", "3") + part("tagger", "4") + "--b--"
    assert fields([again.encode()], MULTIPART.title().replace("B", "b")) == {"data": "2", "tagger": "4"}


def test_the_form_wins_over_the_query() -> None:
    query = b"data=1&model=2&tagger"
    assert fields([b"data=3"], URLENCODED, query) == {"data": "3", "model": "2", "tagger": ""}
    assert fields([], "", query, method="GET") == {"data": "1", "model": "2", "tagger": ""}
    assert fields([], "", b"data=%ff%ed%a0%80%", method="GET")["data"].endswith("%")


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"data=a", "text/plain", 400, "send multipart"),
        (b"data=a", "", 400, "send multipart"),
        (b"data=a", "multipart/form-data", 400, "no boundary"),
        (b"data=a", "multipart/form-data; boundary=", 400, "no boundary"),
        (b"data=a", "multipart/form-data; boundary=" + "x" * 300, 400, "cannot be read"),
        (b"data=a", MULTIPART, 400, "cannot be read"),
        (part("data", "a").encode(), MULTIPART, 400, "last boundary"),
        (part("data", "a")[:20].encode(), MULTIPART, 400, "last boundary"),
        (part("data", "a", "; x=" + "y" * 100_000).encode(), MULTIPART, 400, "cannot be read"),
        (part("model", "a" * (MAX_FIELD + 1)).encode(), MULTIPART, 413, "model has more"),
        (b"model=" + b"a" * (MAX_FIELD + 1), URLENCODED, 413, "model has more"),
        (b"a" * (MAX_FIELD + 1), URLENCODED, 413, "name of a field"),
        (b"a&" * (MAX_FIELDS + 1), URLENCODED, 400, "fields"),
        ("".join([part("a", "")] * (MAX_FIELDS + 1)).encode(), MULTIPART, 400, "fields"),
    ],
)
def test_bad_forms(body: bytes, kind: str, status: int, words: str) -> None:
    for parts in ([body], [body[i : i + 7] for i in range(0, len(body), 7)]):
        with pytest.raises(Refusal, match=words) as refused:
            reading(read_form, parts, kind)
        assert refused.value.status == status


def test_what_was_read_of_a_bad_form_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Watched(forms.Spool):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(forms, "Spool", Watched)
    for body in (b"data=a&data=b&" + b"x" * (MAX_FIELD + 1), b"data=a" + b"&a" * MAX_FIELDS):
        with pytest.raises(Refusal):
            reading(read_form, [body], URLENCODED, b"data=c")
    assert len(made) > 3
    assert all(spool.closed for spool in made)
