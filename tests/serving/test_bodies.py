"""Bodies that are JSON, and files that lie on disk."""

import json
from functools import partial

import pytest

from tagger.serving import bodies
from tagger.serving.api import TagRequest
from tagger.serving.bodies import IN_MEMORY, Spool, read_json, read_spooled
from tagger.serving.huggingface import MAX_TEXT, MAX_TEXTS, Payload
from tagger.serving.refusal import Refusal
from tests.conftest import largest_file
from tests.serving.bodies import halves, reading

read_request = partial(read_json, model=TagRequest)


def test_json_in_parts() -> None:
    body = '{"text": "Zoë 🙂", "top": 2}'.encode()
    for parts in halves(body):
        asked = reading(read_request, parts)
        assert (asked.text, asked.top) == ("Zoë 🙂", 2)
    assert reading(read_request, [b'{"tokens": ["a"]}']).tokens == ["a"]
    assert reading(read_request, [b'{"tokens": [["a"], []]}']).tokens == [["a"], []]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"text": "\\ud800"}', "no JSON"),
        (b'{"text": "\xed\xa0\x80"}', "no JSON"),
        (b'{"text": NaN}', "text: "),
        (b'{"tokens": [%s1]}' % (b"1," * 100_000), "tokens"),
        (b'{"tokens": [["a"], %s1]}' % (b"1," * 100_000), "tokens"),
        (b'{"columns": [%s1]}' % (b"1," * 100_000), "columns"),
        (json.dumps(dict.fromkeys(map(str, range(10_000)), 1)).encode(), "more than 20 keys"),
        (json.dumps({"k\n" * 10_000: 1}).encode(), "there is no key 'k\ufffdk"),
    ],
)
def test_bad_json_is_one_short_line(body: bytes, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        reading(read_request, [body])
    assert refused.value.status == 400
    assert len(refused.value.message) < 200
    assert "\n" not in refused.value.message


def test_json_may_not_be_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_JSON", 20)
    assert reading(read_request, [b'{"text":', b'"123456789"}']).text == "123456789"
    with pytest.raises(Refusal, match="/process") as refused:
        reading(read_request, [b'{"text":', b'"1234567890"}'])
    assert refused.value.status == 413


def test_payloads_of_hugging_face_are_bounded() -> None:
    read = partial(read_json, model=Payload)
    assert reading(read, [json.dumps({"inputs": "a" * MAX_TEXT}).encode()]).inputs == "a" * MAX_TEXT
    for inputs in ("a" * (MAX_TEXT + 1), ["a"] * (MAX_TEXTS + 1), ["a" * (MAX_TEXT + 1)], [1] * 50_000):
        with pytest.raises(Refusal, match="inputs"):
            reading(read, [json.dumps({"inputs": inputs}).encode()])


def test_spooled_bodies() -> None:
    for size in (0, 1, IN_MEMORY, IN_MEMORY + 1):
        spool = reading(read_spooled, [b"a" * (size // 2), b"b" * (size - size // 2)])
        with spool:
            assert spool.read() == b"a" * (size // 2) + b"b" * (size - size // 2)


def test_a_full_disk_refuses_the_request() -> None:
    with largest_file(1000), Spool() as spool, pytest.raises(Refusal, match="no room") as refused:
        spool.write(b"a" * 2 * IN_MEMORY)
    assert refused.value.status == 507
