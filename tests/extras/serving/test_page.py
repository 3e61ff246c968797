"""The web page in a real browser: by keyboard, and when the service fails."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tagger.bundle.catalog import bundled_languages
from tests.extras.serving.conftest import Running
from tests.tagging.test_languages import BASQUE, TEXTS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no browser `chromium`")]
expect = playwright.expect
expect.set_options(timeout=20_000)  # milliseconds, for a machine that is busy
Open = Callable[..., Any]
TEXT = "They can't fish well. Dr. Smith reads the book!\n\nNew books, old men (and boats) cost $3.50."


@pytest.fixture
def open_page() -> Iterator[Open]:
    """Opens the page. At the end no page has asked or tried to ask another host, and no script has failed."""
    requests, failures = [], []

    def open_page(service: Running, fragment: str = "", **routes: Any) -> Any:
        page = browser.new_context().new_page()
        page.set_default_timeout(20_000)
        own = f"{service.url}/"
        page.on("request", lambda request: requests.append(request.url.removeprefix("blob:").removeprefix(own)))
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("dialog", lambda shown: shown.accept("right") if routes else failures.append(shown.message))
        page.on("console", lambda message: "Content Security Policy" in message.text and failures.append(message.text))
        for name, route in routes.items():
            page.route(f"**/v1/{name}", route)
        page.goto(own + fragment)
        return page

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield open_page
        browser.close()
    assert [request for request in requests if ":" in request and not request.startswith("data:")] == failures == []
    assert requests


def tag(page: Any, text: str = TEXT) -> None:
    page.fill("#text", text)
    page.press("#text", "Control+Enter")
    expect(page.locator("#status")).to_contain_text(re.compile(r"\d words? in "))


def codes(page: Any) -> list[str]:
    return page.eval_on_selector_all("#words .word", "nodes => nodes.map(node => node.dataset.code)")


def test_tags_languages_downloads_and_a_link_that_carries_them(open_page: Open, every: Running) -> None:
    page = open_page(every)
    titles = page.locator("#model option").all_inner_texts()
    assert titles == ["automatic", *(name.replace("_", " ").title() for name in sorted(bundled_languages()))]
    tag(page, f"{TEXTS['welsh'] * 2}\n\n{BASQUE}\n\n{TEXTS['english']}")
    languages = page.locator("#words .language")
    assert languages.all_inner_texts() == ["Welsh", "English"]
    expect(page.locator("#warnings")).to_contain_text("it is tagged as welsh")
    page.select_option("#model", "japanese")  # the text is tagged again
    expect(languages).to_have_count(0)
    expect(page.locator("#warnings")).to_be_hidden()
    page.fill("#text", BASQUE)
    page.select_option("#model", "all-languages")
    page.click("#tag")
    expect(page.locator("#error")).to_contain_text("name it: language ")
    page.select_option("#model", "english")
    tag(page)
    body = {"text": TEXT, "model": "english", "top": 5}
    expected = httpx.post(f"{every.url}/v1/tag", json=body).raise_for_status().json()["sentences"]
    said = {column: [tag for sentence in expected for tag in sentence[column]] for column in expected[0]}
    assert page.locator("#words .word > span").all_inner_texts() == said["tokens"]
    assert codes(page) == said["upos"]
    assert page.locator("#words .unsure").count() == sum(share < 0.7 for share in said["upos_probabilities"])
    page.hover("#words .word >> text=fish")
    best = [name for name, p in expected[0]["upos_alternatives"][3] if p >= 0.0005]
    assert page.locator("#tip .bars").inner_text().split()[::2] == best
    page.check("#columns [value=feats]")
    assert codes(page) == [" ".join(re.findall(r"=([^|]+)", tag)) or "–" for tag in said["feats"]]
    page.select_option("#with", "german")
    tag(page)
    page.check("#columns [value=xpos]")
    page.click("#link")
    again = open_page(every, "#" + page.url.partition("#")[2])
    expect(again.locator("#status")).to_contain_text("differ")
    assert (again.input_value("#text"), codes(again)) == (TEXT, codes(page))
    page.fill("#text", "Another text")  # what was tagged counts
    page.select_option("#format", "conllu")
    with page.expect_download() as download:
        page.click("#download")
    written = httpx.post(f"{every.url}/v1/tag", json=body | {"output": "conllu"}).raise_for_status().text
    assert Path(download.value.path()).read_bytes().decode() == written


def test_by_keyboard_alone(open_page: Open, served: Running) -> None:
    page = open_page(served)

    def press(key: str) -> tuple[str, int]:
        """The id of what has the focus then, and the number of its word."""
        page.keyboard.press(key)
        number = "[...document.querySelectorAll('#words .word')].indexOf(document.activeElement)"
        return tuple(page.evaluate(f"() => [document.activeElement.id, {number}]"))

    expect(page.locator("#about")).to_contain_text("English-EWT")
    assert [press("Tab")[0] for _ in range(2)][1] == "text"  # after the link to the result
    page.keyboard.type("They can fish. The old man the boats.\nTime flies like an arrow.")
    press("Control+Enter")
    expect(page.locator("#status")).to_have_text("16 words in 3 sentences.")
    assert any(press("Tab")[1] == 0 for _ in range(20))
    expect(page.locator("#tip")).to_contain_text("They")  # alternatives on focus, and read aloud
    assert page.locator("#words .word").first.get_attribute("aria-label").startswith("They, PRON pronoun, ")
    for key, word in [("ArrowRight", 1), ("ArrowLeft", 0), ("End", 3), ("Home", 0), ("ArrowRight", 1), ("Escape", 1)]:
        assert press(key)[1] == word, key
    expect(page.locator("#tip")).to_be_hidden()
    assert page.locator("#words [tabindex='0']").count() == 1


def test_markup_stays_text_errors_are_told_and_a_token_is_asked_for(open_page: Open, served: Running) -> None:
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script> \"'><svg onload=alert(3)> &amp;"

    def hostile(route: Any) -> None:
        if route.request.headers.get("authorization") != "Bearer right":
            return route.fulfill(status=401, json={"error": "a token is needed"})
        reply = route.fetch()
        answer = reply.json()
        for sentence in answer["sentences"]:
            words = len(sentence["tokens"])
            sentence |= {"upos": [attack] * words, "upos_alternatives": [[[attack, 1.0]]] * words}
        return route.fulfill(response=reply, json=answer)

    page = open_page(served, f"#text={quote(attack)}", tag=hostile)
    expect(page.locator("#status")).to_contain_text("words in")
    assert page.input_value("#text") == attack
    assert "".join(page.locator("#words .word > span").all_inner_texts()) == attack.replace(" ", "")
    page.hover("#words .word >> nth=0")
    expect(page.locator("#tip")).to_contain_text(attack)
    assert page.locator("img, svg, body script ~ script, #words script").count() == 0
    page.reload()
    tag(page, "They fish.")  # with the token of this session
    assert page.evaluate("() => localStorage.length") == 0
    for answer, message in [
        (lambda route: route.fulfill(status=413, json={"error": "<b>no</b>"}), "too large for this service: <b>no</b>"),
        (lambda route: route.abort(), "The service does not answer. Is it still running?"),
    ]:
        page.route("**/v1/tag", answer)
        page.click("#tag")
        expect(page.locator("#error")).to_contain_text(message)
        assert set(codes(page)) == {attack}  # the last result stays
