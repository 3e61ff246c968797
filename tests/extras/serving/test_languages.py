"""The service without `--model`: it finds the language of each text."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tagger.extras.serving.service import ALL_LANGUAGES, Service, all_languages
from tests.extras.serving.conftest import Running, running
from tests.tagging.test_languages import HUNGARIAN, TEXTS


@pytest.fixture(scope="module")
def every() -> Iterator[Running]:
    with running(Service({ALL_LANGUAGES: all_languages("cpu", "auto")})) as service:
        yield service


def tag(served: Running, status: int = 200, **asked: object) -> dict[str, Any]:
    reply = httpx.post(f"{served.url}/v1/tag", json=asked, timeout=60)
    assert reply.status_code == status, reply.text
    found: dict[str, Any] = reply.json()
    return found


def test_each_paragraph_has_its_language(every: Running) -> None:
    found = tag(every, text=f"{TEXTS['welsh']}\n\n{TEXTS['english']}\n\nЯ живу в Москве.", columns=["upos", "lemma"])
    assert (found["model"], found["warnings"]) == (ALL_LANGUAGES, [])
    assert [sentence["language"] for sentence in found["sentences"]] == ["welsh", "english", "russian"]
    for names in ({"model": "cy"}, {"language": "welsh"}, {"language": "cy", "model": ALL_LANGUAGES}):
        own = tag(every, text=TEXTS["welsh"], columns=["upos", "lemma"], **names)
        assert own["model"] == "welsh"
        assert own["sentences"][0]["lemma"] == found["sentences"][0]["lemma"]


def test_warnings_and_errors_are_those_of_the_command_with_remedies_of_the_service(every: Running) -> None:
    hebrew = "הילדה קוראת ספר חדש בבית הספר בירושלים."
    mixed = f"{TEXTS['welsh'] * 2}\n\n{HUNGARIAN}\n\nስሜ አበበ ነው።\n\n{hebrew}"
    for text in (mixed, f"{mixed}\n\n" + f"{TEXTS['welsh']}\n\n" * 300):  # at once, and in windows
        doubt, thin = tag(every, text=text)["warnings"]
        assert doubt.endswith("looks like a language that is not there; it is tagged as welsh")
        assert thin.startswith("hebrew: this tagger is thin")
    assert tag(every, text="a", model="he")["warnings"] == [thin]
    for names, words in (
        ({}, r"the text looks most like (\w+), .*; if it is \1, name it: language [a-z]+$"),
        ({"model": "elvish"}, "model 'elvish' does not exist; choose all-languages, or a language that /v1/models"),
        ({"model": "de", "language": "cy"}, "language 'cy' names a model, and so does model; leave one out"),
    ):
        assert re.search(words, tag(every, 400, text=HUNGARIAN, **names)["error"])


def test_models_and_udpipe(every: Running) -> None:
    listed = httpx.get(f"{every.url}/v1/models").json()
    assert listed["default"] == ALL_LANGUAGES
    assert listed["models"][0]["languages"]["welsh"] == "cy"
    form = {"data": TEXTS["welsh"], "tokenizer": "", "tagger": ""}
    assert "\tchwarae\tNOUN\t" in httpx.post(f"{every.url}/process", data=form).json()["result"]
