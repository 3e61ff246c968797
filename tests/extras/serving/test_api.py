"""The service's own protocol: the tags are those of the command line, and bad requests say what to change."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

import tagger
from tests.extras.serving.conftest import TEXT, Running, command


def tag(served: Running, status: int = 200, **body: Any) -> Any:
    response = httpx.post(f"{served.url}/v1/tag", json=body)
    assert response.status_code == status, response.text
    return response.json() if response.headers["content-type"] == "application/json" else response.text


def test_tags_of_a_text_are_those_of_the_command(served: Running, tmp_path: Path) -> None:
    found = tag(served, text=TEXT, top=3)
    lines = command(tmp_path, "--output", "jsonl", "--probabilities", "--top", "3").splitlines()
    assert found["model"] == "english"
    assert found["columns"] == ["upos", "xpos", "feats", "lemma"]
    for sentence, line in zip(found["sentences"], map(json.loads, lines), strict=True):
        for key, value in line.items():
            if key.endswith("_probabilities"):
                assert sentence[key] == pytest.approx(value, abs=0.02)
            elif not key.endswith("_alternatives"):
                assert sentence[key] == value
    first = found["sentences"][0]
    assert [TEXT[start:end] for start, end in first["offsets"]] == first["tokens"]
    assert [len(best) for best in first["upos_alternatives"]] == [3] * len(first["tokens"])


def test_an_empty_token_has_a_probability(served: Running) -> None:
    (sentence,) = tag(served, tokens=["", "a"])["sentences"]
    assert all(0 <= share <= 1 for share in sentence["upos_probabilities"])


@pytest.mark.parametrize("output", ["conllu", "tsv", "csv"])
def test_other_outputs_are_those_of_the_command(served: Running, tmp_path: Path, output: str) -> None:
    assert tag(served, text=TEXT, output=output) == command(tmp_path, "--output", output)
    expected = command(tmp_path, "--output", output, "--probabilities")
    found = tag(served, text=TEXT, output=output, probabilities=True)
    cells = [[re.sub(r"\d\.\d{4}", "P", line) for line in text.splitlines()] for text in (found, expected)]
    assert cells[0] == cells[1]


def test_tokens_of_a_sentence_or_of_several(served: Running) -> None:
    english = tagger.load("english", device="cpu")
    one = tag(served, tokens=["They", "book", "flights"], columns=["xpos"])
    assert one["columns"] == ["xpos"]
    assert [sentence["xpos"] for sentence in one["sentences"]] == [english.tag(["They", "book", "flights"], "xpos")]
    assert set(one["sentences"][0]) == {"tokens", "xpos", "xpos_probabilities"}
    two = tag(served, tokens=[["No"], ["Yes", "."]], model="second")
    assert two["model"] == "second"
    assert [sentence["tokens"] for sentence in two["sentences"]] == [["No"], ["Yes", "."]]
    assert tag(served, tokens=[])["sentences"] == tag(served, text=" \n ")["sentences"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "either"),
        ({"text": "a", "columns": ["pos"]}, "no column 'pos'"),
        ({"text": "a", "model": "french"}, "choose english, second"),
        ({"text": "a", "language": "de"}, "language 'de': leave it out, and choose a model: english, second"),
        ({"text": "a", "output": "xml"}, "output=xml: "),
        ({"tokens": [["a"], "b"]}, "tokens: give a sentence, "),
    ],
)
def test_bad_requests(served: Running, body: dict[str, Any], words: str) -> None:
    assert words in tag(served, 400, **body)["error"]


def test_models(served: Running) -> None:
    found = httpx.get(f"{served.url}/v1/models").json()
    english = found["models"][0]
    assert (found["default"], english["language"], english["license"]) == ("english", "en", "CC BY-SA 4.0")
    assert len(english["tags"]["upos"]) == 17


def test_documented_without_another_host(served: Running) -> None:
    page = httpx.get(f"{served.url}/docs").text
    assert "http" not in page.replace(served.url, "").replace("http://www.w3.org", "")
    assert httpx.get(f"{served.url}/docs-assets/swagger-ui-bundle.js").status_code == 200
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    own = {"/v1/tag", "/v1/models", "/live", "/ready", "/metrics"}
    assert set(paths) == own | {"/models", "/process"}
    bad = httpx.get(f"{served.url}/v1/tag")
    assert bad.json() == {"error": "GET /v1/tag: Method Not Allowed; /docs lists what there is"}
    assert bad.headers["allow"] == "POST"
    lost = httpx.get(f"{served.url}/lost")
    assert (lost.status_code, lost.text) == (404, "GET /lost: Not Found; /docs lists what there is\n")
