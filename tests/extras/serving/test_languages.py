"""The service without `--model`: it finds the language of each text."""

from collections.abc import Iterator

import httpx
import pytest

from tagger.extras.serving.served_models import EVERY, Service
from tagger.tagging.languages import LanguageTagger
from tests.extras.serving.conftest import Running, running
from tests.tagging.test_languages import HUNGARIAN, TEXTS


@pytest.fixture(scope="module")
def every() -> Iterator[Running]:
    with running(Service({EVERY: LanguageTagger("cpu", "auto")})) as service:
        yield service


def tag(served: Running, status: int = 200, **asked: object) -> dict[str, list[dict[str, object]]]:
    reply = httpx.post(f"{served.url}/v1/tag", json=asked, timeout=60)
    assert reply.status_code == status, reply.text
    found: dict[str, list[dict[str, object]]] = reply.json()
    return found


def test_each_paragraph_has_its_language(every: Running) -> None:
    found = tag(every, text=f"{TEXTS['welsh']}\n\n{TEXTS['english']}", columns=["upos", "lemma"])
    assert found["model"] == "languages"  # type: ignore[comparison-overlap]
    assert [sentence["language"] for sentence in found["sentences"]] == ["welsh", "english"]
    own = tag(every, text=TEXTS["welsh"], columns=["upos", "lemma"], model="cy")
    assert own["sentences"][0]["lemma"] == found["sentences"][0]["lemma"]
    assert "the text looks most like" in str(tag(every, 400, text=HUNGARIAN)["error"])
    assert "elvish: no tagger of this language" in str(tag(every, 400, text="Mae", model="elvish")["error"])


def test_udpipe_and_explanations(every: Running) -> None:
    listed = httpx.get(f"{every.url}/v1/models").json()
    assert listed["default"] == "languages"
    assert listed["models"][0]["languages"]["welsh"] == "cy"
    form = {"data": TEXTS["welsh"], "tokenizer": "", "tagger": ""}
    assert "\tchwarae\tNOUN\t" in httpx.post(f"{every.url}/process", data=form).json()["result"]
    explained = httpx.post(f"{every.url}/v1/explain", json={"tokens": TEXTS["welsh"].split()}, timeout=60)
    assert explained.status_code == 200, explained.text
