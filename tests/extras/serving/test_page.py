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
from tests.extras.serving.conftest import serving
from tests.tagging.test_languages import HUNGARIAN, TEXTS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no browser `chromium`")]
PATIENCE = 20_000  # milliseconds, for a machine that is busy
expect = playwright.expect
expect.set_options(timeout=PATIENCE)
Page = Any
Open = Callable[..., Page]
TEXT = "They can't fish well. Dr. Smith reads the book!\n\nNew books, old men (and boats) cost $3.50."


@pytest.fixture(scope="module")
def url(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of the bundled tagger and of another one."""
    with serving(tmp_path_factory.mktemp("page"), "--model", "english", "--model", f"tiny={trained}") as running:
        yield f"{running.url}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """While it runs, tests of the same process cannot use asyncio."""
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with playwright.sync_playwright() as driver:
        flags += ["--disable-component-update", "--disable-sync"]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any, url: str) -> Iterator[Open]:
    """Opens the page. At the end no page has asked or tried to ask another host, and no script has failed."""
    contexts, requests, failures = [], [], []

    def open_page(fragment: str = "", route: Any = None, dialog: Any = None, own: str = url) -> Page:
        contexts.append(browser.new_context())
        contexts[-1].set_default_timeout(PATIENCE)
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append(request.url.removeprefix("blob:").removeprefix(own)))
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("dialog", dialog or (lambda shown: failures.append(shown.message)))
        page.on("console", lambda message: "Content Security Policy" in message.text and failures.append(message.text))
        if route:
            page.route(*route)
        page.goto(own + fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert [request for request in requests if ":" in request and not request.startswith("data:")] == []
    assert failures == []


def tag(page: Page, text: str = TEXT) -> None:
    page.fill("#text", text)
    page.press("#text", "Control+Enter")
    expect(page.locator("#status")).to_contain_text(re.compile(r"\d words? in "))


def words(page: Page) -> list[str]:
    return page.locator("#words .word > span").all_inner_texts()


def codes(page: Page) -> list[str]:
    return page.eval_on_selector_all("#words .word", "nodes => nodes.map(node => node.dataset.code)")


def focused(page: Page) -> tuple[str, str, int]:
    """What has the focus: its id and its text, and the number of the word."""
    own = "[...document.querySelectorAll('#words .word')].indexOf(document.activeElement)"
    return tuple(page.evaluate(f"() => [document.activeElement.id, document.activeElement.textContent, {own}]"))


def test_words_show_tags_confidence_and_alternatives_and_can_be_downloaded(open_page: Open, url: str) -> None:
    page = open_page()
    tag(page)
    body = {"text": TEXT, "model": "english", "columns": ["upos", "xpos", "feats", "lemma"], "top": 5}
    expected = httpx.post(f"{url}v1/tag", json=body).raise_for_status().json()["sentences"]
    for column in ("xpos", "upos"):
        page.check(f"#columns [value={column}]")
        assert codes(page) == [tag for sentence in expected for tag in sentence[column]]
    assert words(page) == [token for sentence in expected for token in sentence["tokens"]]
    shares = [share for sentence in expected for share in sentence["upos_probabilities"]]
    unsure = page.eval_on_selector_all(".words .word", "nodes => nodes.map(node => node.classList.contains('unsure'))")
    assert unsure == [share < 0.7 for share in shares]
    page.hover("#words .word >> text=fish")
    tip = page.locator("#tip")
    expect(tip).to_contain_text("fish")
    best = [name for name, p in expected[0]["upos_alternatives"][3] if p >= 0.0005]
    assert tip.locator(".bars").inner_text().split()[::2] == best
    assert page.locator("#legend-list li").first.inner_text().split() == ["PUNCT", "punctuation", "6"]
    page.check("#columns [value=feats]")
    feats = [tag for sentence in expected for tag in sentence["feats"]]
    assert codes(page) == [" ".join(re.findall(r"=([^|]+)", tag)) or "–" for tag in feats]
    page.fill("#text", "Another text")  # what was tagged counts
    page.select_option("#format", "conllu")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "english.conllu"
    written = httpx.post(f"{url}v1/tag", json=body | {"output": "conllu"}).raise_for_status().text
    assert Path(download.value.path()).read_bytes().decode() == written


def test_by_keyboard_alone(open_page: Open) -> None:
    page = open_page()
    keys = page.keyboard
    expect(page.locator("#about")).to_contain_text("English-EWT")
    keys.press("Tab")
    assert focused(page)[1] == "Skip to the result"
    keys.press("Tab")
    assert focused(page)[0] == "text"
    keys.type("They can fish. The old man the boats.\nTime flies like an arrow.")
    keys.press("Control+Enter")
    expect(page.locator("#status")).to_have_text("16 words in 3 sentences.")
    for _ in range(20):
        keys.press("Tab")
        if focused(page)[2] >= 0:
            break
    first = page.locator("#words .word").first
    expect(page.locator("#tip")).to_contain_text("They")  # alternatives on focus, and read aloud
    assert first.get_attribute("aria-describedby") == "tip"
    assert first.get_attribute("aria-label").startswith("They, PRON pronoun, ")
    for key, word in [("ArrowRight", 1), ("ArrowLeft", 0), ("End", 3), ("Home", 0), ("ArrowRight", 1)]:
        keys.press(key)
        assert focused(page)[2] == word, key
    assert page.locator("#words [tabindex='0']").count() == 1
    keys.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()
    assert focused(page)[2] == 1
    snapshot = page.locator("body").aria_snapshot()
    for part in ('textbox "Text"', 'combobox "Model"', 'button "Tag"', 'radio "UPOS" [checked]', 'region "Result"'):
        assert part in snapshot, part


def test_markup_stays_text(open_page: Open) -> None:
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script> \"'><svg onload=alert(3)> &amp;"

    def hostile(route: Any) -> None:
        reply = route.fetch()
        body = reply.json()
        for sentence in body["sentences"]:
            sentence["upos"] = [attack] * len(sentence["tokens"])
            sentence["upos_alternatives"] = [[[attack, 1.0]]] * len(sentence["tokens"])
        route.fulfill(response=reply, json=body)

    page = open_page(fragment="#text=" + quote(attack), route=("**/v1/tag", hostile))
    expect(page.locator("#status")).to_contain_text("words in")
    assert page.input_value("#text") == attack
    assert "".join(words(page)) == attack.replace(" ", "")
    assert attack in codes(page)
    page.hover("#words .word >> nth=0")
    expect(page.locator("#tip")).to_contain_text(attack)
    assert page.locator("img, svg, body script ~ script, #words script").count() == 0


def test_a_link_carries_text_and_settings_in_the_fragment(open_page: Open) -> None:
    page = open_page()
    text = TEXT + "\n\n 50% & more + #1 🙂 كتاب"
    page.select_option("#with", "tiny")
    tag(page, text)
    page.check("#columns [value=xpos]")
    page.click("#link")
    address, _, fragment = page.url.partition("#")
    assert "?" not in address
    sent = []
    again = open_page(f"#{fragment}", ("**/*", lambda route: (sent.append(route.request.url), route.continue_())))
    expect(again.locator("#status")).to_contain_text("differ")
    assert again.input_value("#text") == text
    assert codes(again) == codes(page)
    assert not [address for address in sent if "fish" in address.partition("#")[0]]


def test_languages_are_shown_and_can_be_chosen(open_page: Open, tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        page = open_page(own=f"{service.url}/")
        expect(page.locator("#model-label")).to_have_text("Language")
        titles = page.locator("#model option").all_inner_texts()
        assert titles == ["automatic", *(name.capitalize() for name in sorted(bundled_languages()))]
        tag(page, f"{TEXTS['welsh'] * 2}\n\n{HUNGARIAN}\n\n{TEXTS['english']}")
        assert page.locator("#words .language").all_inner_texts() == ["Welsh", "English"]
        expect(page.locator("#status")).to_contain_text(": Welsh, English.")
        expect(page.locator("#warnings")).to_contain_text("it is tagged as welsh")
        page.select_option("#model", label="Welsh")  # the text is tagged again
        expect(page.locator("#words .language")).to_have_count(0)
        page.select_option("#model", "japanese")  # it lacks a column
        tag(page, "私は東京に住んでいます。")
        expect(page.locator("#warnings")).to_be_hidden()
        assert page.locator("#words .language").count() == 0
        page.fill("#text", HUNGARIAN)
        page.select_option("#model", "all-languages")
        page.click("#tag")
        expect(page.locator("#error")).to_contain_text("name it: language ")


def test_errors_are_told(open_page: Open) -> None:
    page = open_page()
    refused = {"status": 413, "json": {"error": "<b>no</b>"}}
    for answer, message in [
        (lambda route: route.fulfill(**refused), "The text is too large for this service: <b>no</b>"),
        (lambda route: route.abort(), "The service does not answer. Is it still running?"),
    ]:
        tag(page, "They fish.")
        assert page.locator("#error").is_hidden()
        page.route("**/v1/*", answer)
        page.click("#tag")
        expect(page.locator("#error")).to_have_text(f"That did not work. {message}")
        assert words(page) == ["They", "fish", "."]  # the last result stays
        page.unroute("**/v1/*")


def test_a_token_is_asked_for_and_kept_for_the_session(open_page: Open) -> None:
    seen, given = [], ["wrong", "right"]

    def guarded(route: Any) -> None:
        seen.append(route.request.headers.get("authorization"))
        if seen[-1] == "Bearer right":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": "a token is needed"})

    page = open_page(route=("**/v1/*", guarded), dialog=lambda shown: shown.accept(given.pop(0)))
    tag(page)
    assert list(dict.fromkeys(seen)) == [None, "Bearer wrong", "Bearer right"], seen
    page.reload()
    expect(page.locator("#about")).to_contain_text("English-EWT")
    assert page.evaluate("() => localStorage.length") == 0
