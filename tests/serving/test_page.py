"""The web page in a real browser: by keyboard, at two widths, in light and dark, and when the service fails."""

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tagger.corpus.lint import UNIVERSAL
from tests.browser import CONTRASTS, PATIENCE, Open, Page, expect, launched
from tests.serving.conftest import serving

pytestmark = pytest.mark.slow
TEXT = "They can't fish well. Dr. Smith reads the book!\n\nNew books, old men (and boats) cost $3.50."


@pytest.fixture(scope="module")
def url(trained: Path, learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of the bundled tagger, of one that cuts other words, and of one that finds multiword tokens."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(trained, folder / "tiny")
    config = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    (folder / "tiny" / "config.json").write_text(json.dumps(config | {"segmenter": "unicode"}), encoding="utf-8")
    models = ("english", f"tiny={folder / 'tiny'}", f"learned={learned}")
    with serving(folder, *itertools.chain(*(("--model", model) for model in models))) as running:
        yield f"{running.url}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.fixture
def open_page(browser: Any, url: str) -> Iterator[Open]:
    """Opens the page. At the end no page has asked or tried to ask another host, and no script has failed."""
    contexts, requests, failures = [], [], []

    def open_page(
        width: int = 1400, dark: bool = False, fragment: str = "", route: Any = None, dialog: Any = None
    ) -> Page:
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("dialog", dialog or (lambda shown: failures.append(shown.message)))
        page.on("console", lambda message: "Content Security Policy" in message.text and failures.append(message.text))
        if route:
            page.route(*route)
        page.goto(url + fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert [request for request in requests if not request.startswith((url, "data:", "blob:" + url))] == []
    assert failures == []


@pytest.fixture
def ask(url: str) -> Callable[..., Any]:
    """Asks the service without the page."""
    return lambda path, **body: httpx.post(f"{url}v1/{path}", json=body).raise_for_status().json()


def tag(page: Page, text: str = TEXT) -> None:
    page.fill("#text", text)
    page.press("#text", "Control+Enter")
    expect(page.locator("#status")).to_contain_text(re.compile(r"\d words? in "))


def words(page: Page, within: str = "#words") -> list[str]:
    return page.locator(f"{within} .word > span").all_inner_texts()


def codes(page: Page, within: str = "#words") -> list[str]:
    return page.eval_on_selector_all(f"{within} .word", "nodes => nodes.map(node => node.dataset.code)")


def focused(page: Page) -> dict[str, Any]:
    """What has the focus: its id, or the number of the word."""
    return page.evaluate(
        """() => ({ id: document.activeElement.id, text: document.activeElement.textContent,
                    word: [...document.querySelectorAll('#words .word')].indexOf(document.activeElement) })"""
    )


def fits(page: Page) -> bool:
    """Whether the window needs no scrolling to the side, and every word stays inside the box of the result."""
    return page.evaluate(
        """() => {
          const inside = document.getElementById('words').getBoundingClientRect();
          const out = [...document.querySelectorAll('#words .word')].map(node => node.getBoundingClientRect())
            .filter(box => box.left < inside.left - 1 || box.right > inside.right + 1);
          return document.documentElement.scrollWidth <= innerWidth && out.length === 0;
        }"""
    )


def percent(share: float) -> str:
    if share >= 0.9995 or share < 0.0005:
        return ">99.9%" if share > 0.5 else "<0.1%"
    places = Decimal("0.1") if share > 0.99 or share < 0.01 else Decimal(1)
    return f"{Decimal(100 * share).quantize(places, ROUND_HALF_UP)}%"


def test_words_show_tags_confidence_and_alternatives(open_page: Open, ask: Callable[..., Any]) -> None:
    page = open_page()
    tag(page)
    expected = ask("tag", text=TEXT, top=5)["sentences"]
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
    best = [(name, p) for name, p in expected[0]["upos_alternatives"][3] if p >= 0.0005]
    assert tip.locator(".bars").inner_text().split() == [part for name, p in best for part in (name, percent(p))]
    assert page.locator("#legend-list li").first.inner_text().split() == ["PUNCT", "punctuation", "6"]
    page.click("#legend-list button >> nth=0")
    assert page.locator("#words.only .word.hit").count() == 6
    page.check("#columns [value=feats]")
    feats = [tag for sentence in expected for tag in sentence["feats"]]
    assert codes(page) == [" ".join(re.findall(r"=([^|]+)", tag)) or "–" for tag in feats]


def test_by_keyboard_alone(open_page: Open) -> None:
    page = open_page()
    keys = page.keyboard
    expect(page.locator("#about")).to_contain_text("English-EWT")
    keys.press("Tab")
    assert focused(page)["text"] == "Skip to the result"
    keys.press("Tab")
    assert focused(page)["id"] == "text"
    keys.type("They can fish. The old man the boats.\nTime flies like an arrow.")
    keys.press("Control+Enter")
    expect(page.locator("#status")).to_have_text("16 words in 3 sentences.")
    for _ in range(20):
        keys.press("Tab")
        if focused(page)["word"] >= 0:
            break
    first = page.locator("#words .word").first
    expect(page.locator("#tip")).to_contain_text("They")  # alternatives on focus, and read aloud
    assert first.get_attribute("aria-describedby") == "tip"
    assert first.get_attribute("aria-label").startswith("They, PRON pronoun, ")
    for key, word in [
        ("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 0), ("End", 3), ("ArrowRight", 4), ("Home", 4),
        ("ArrowLeft", 3), ("ArrowLeft", 2),
    ]:  # fmt: skip
        keys.press(key)
        assert focused(page)["word"] == word, key
    assert page.locator("#words [tabindex='0']").count() == 1
    keys.press("Enter")
    expect(page.locator("#panel table")).to_be_visible()
    assert focused(page)["id"] == "panel-title"
    keys.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    assert focused(page)["word"] == 2
    snapshot = page.locator("body").aria_snapshot()
    for part in [
        'textbox "Text"', 'combobox "Model"', 'combobox "Compare with"', 'button "Tag"', "banner:", "main:",
        'radio "UPOS" [checked]', 'button "fish, ', 'group "Tagged words"', 'region "Result"', 'region "Tags: UPOS"',
    ]:  # fmt: skip
        assert part in snapshot, part


def test_the_panel_says_what_explain_says(open_page: Open, ask: Callable[..., Any]) -> None:
    page = open_page()
    tag(page, "They can fish, but the old man reads.")
    page.click("#words .word >> text=fish")
    found = ask("explain", tokens=words(page))["words"][2]
    rows = page.locator("#panel tr")
    expect(rows).to_have_count(4)
    shown = [rows.nth(i).inner_text() for i in range(4)]
    assert percent(found["probability"]) in shown[0]
    for row, context in zip(shown[1:], (found["left"], found["right"], found["alone"]), strict=True):
        assert percent(context["probability"]) in row
        instead = f"instead {context['best_tag']}, {percent(context['best_probability'])}"
        assert (instead in row) == (context["best_tag"] != "VERB")
    assert found["decided_by"]
    for support in found["decided_by"]:
        kind = "for" if support["support"] > 0 else "against"
        assert support["word"] in page.locator(f"#panel mark.{kind}").all_inner_texts()
    page.check("#columns [value=xpos]")  # the open panel follows
    expect(page.locator("#panel tr")).to_have_count(4)
    expect(page.locator("#panel-title")).to_contain_text("VB")
    tag(page, "word " * 101)
    page.click("#words .word >> nth=7")
    expect(page.locator("#panel [role=alert]")).to_contain_text("100")


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_window(open_page: Open, width: int) -> None:
    page = open_page(width)
    tag(page, f"{TEXT} (someone@example.org), {'long' * 60} https://example.org/{'a/' * 60} {'Ж' * 150}")
    assert fits(page)
    page.check("#columns [value=feats]")
    assert fits(page)
    page.click("#words .word >> nth=-1")
    expect(page.locator("#panel table")).to_be_visible()
    assert fits(page)
    panel, word = page.locator("#panel").bounding_box(), page.locator("#words .word.open").bounding_box()
    apart = word["y"] + word["height"] <= panel["y"] or word["x"] + word["width"] <= panel["x"]
    assert apart  # the panel does not cover the word that it is about
    page.keyboard.press("Escape")
    page.select_option("#with", "tiny")
    expect(page.locator("#words .pair").last).to_be_visible()
    assert fits(page)
    page.fill("#text", "word " * 50_000)
    page.press("#text", "Control+Enter")
    expect(page.locator("#error")).to_contain_text("has 250 kB, and this page shows up to 100 kB")
    assert fits(page)


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
    page.click("#words .word >> nth=1")
    expect(page.locator("#panel table")).to_be_visible()
    page.hover("#words .word >> nth=0")
    expect(page.locator("#tip")).to_contain_text(attack)
    assert page.locator("img, svg, body script ~ script, #words script").count() == 0


def test_right_to_left(open_page: Open) -> None:
    page = open_page(360)
    tag(page, "كان الرجل (العجوز) يقرأ كتابا.")
    boxes = [page.locator(f"#words .word >> nth={i}").bounding_box() for i in (0, 1)]
    assert boxes[1]["x"] + boxes[1]["width"] <= boxes[0]["x"] + 1
    page.focus("#words .word >> nth=0")
    page.keyboard.press("ArrowLeft")
    assert focused(page) == {"id": "", "text": "الرجل", "word": 1}
    bracket = page.locator("#words .word > span", has_text=re.compile(r"^\($"))
    assert bracket.evaluate("node => getComputedStyle(node).unicodeBidi") == "normal"  # mirrored by its sentence
    assert fits(page)


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_of_every_text(open_page: Open, dark: bool) -> None:
    def every_tag(route: Any) -> None:
        reply = route.fetch()
        body = reply.json()
        (sentence,) = body["sentences"]
        every = itertools.product(sorted(UNIVERSAL), (1.0, 0.9, 0.7, 0.69, 0.2))
        pairs = list(itertools.islice(itertools.cycle(every), 90))
        sentence["upos"], sentence["upos_probabilities"] = map(list, zip(*pairs, strict=True))
        route.fulfill(response=reply, json=body)

    page = open_page(dark=dark, route=("**/v1/tag", every_tag))
    seen = page.evaluate(CONTRASTS)  # with the placeholder
    tag(page, "word " * 90)
    page.click("#words .word >> nth=0")
    expect(page.locator("#panel table")).to_be_visible()
    page.hover("#words .word >> nth=3")
    expect(page.locator("#tip")).to_be_visible()
    seen += page.evaluate(CONTRASTS)
    assert len([what for _, what in seen if what.startswith("code ")]) >= 90
    assert [(what, round(ratio, 2)) for ratio, what in seen if ratio < 4.5] == []


def test_two_models_side_by_side(open_page: Open, ask: Callable[..., Any]) -> None:
    page = open_page()
    page.select_option("#with", "tiny")
    text = f"🙂 {TEXT}"  # offsets count code points
    tag(page, text)
    found = [
        {
            tuple(span): (tag, token)
            for sentence in ask("tag", text=text, model=name)["sentences"]
            for span, tag, token in zip(sentence["offsets"], sentence["upos"], sentence["tokens"], strict=True)
        }
        for name in ("english", "tiny")
    ]
    shared = found[0].keys() & found[1].keys()
    differ = [span for span in sorted(shared) if found[0][span][0] != found[1][span][0]]
    alone = [sorted(one.keys() - shared) for one in found]
    assert differ
    assert all(alone)
    expect(page.locator("#status")).to_contain_text(
        f"{len(differ)} of {len(shared)} shared words differ in UPOS."
        f" {len(alone[0])} words of english and {len(alone[1])} of tiny are cut differently."
    )
    for i in (0, 1):
        side = f"#words .side:nth-child({i + 1})"
        assert page.locator(f"{side} .differs > span").all_inner_texts() == [found[i][span][1] for span in differ]
        assert words(page, side) == [token for _, token in found[i].values()]
        assert page.locator(f"{side} .recut > span").all_inner_texts() == [found[i][span][1] for span in alone[i]]
    first = page.locator("#words .side:nth-child(1) .differs").first
    assert first.get_attribute("data-code") == f"≠ {found[0][differ[0]][0]}"
    assert f"tiny says {found[1][differ[0]][0]}" in first.get_attribute("aria-label")
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")  # to the same word of the other model
    assert focused(page)["text"] == found[1][differ[0]][1]
    assert page.evaluate("() => document.activeElement.matches('.side:nth-child(2) .word')")
    page.check("#columns [value=feats]")
    expect(page.locator("#status")).to_contain_text("tiny has no FEATS.")
    assert page.locator("#words .differs").count() == 0


def test_models_that_take_no_text_get_lines_of_words(open_page: Open, ask: Callable[..., Any]) -> None:
    def untexted(route: Any) -> None:
        reply = route.fetch()
        body = reply.json()
        body["models"][1]["takes_text"] = False
        route.fulfill(response=reply, json=body)

    page = open_page(route=("**/v1/models", untexted))
    page.select_option("#model", "tiny")
    expect(page.locator("#text-hint")).to_contain_text("one sentence a line")
    page.select_option("#with", "english")
    tag(page, "They book flights.\n\n  The  book reads well .")
    lines = [["They", "book", "flights."], ["The", "book", "reads", "well", "."]]
    assert words(page, ".side:nth-child(1)") == list(itertools.chain(*lines))
    tags = [tag for record in ask("tag", tokens=lines, model="tiny")["sentences"] for tag in record["upos"]]
    assert [code.removeprefix("≠ ") for code in codes(page, ".side:nth-child(1)")] == tags
    assert page.locator(".side:nth-child(1) .recut > span").all_inner_texts() == ["flights."]


def test_a_download_is_what_the_service_writes(open_page: Open, url: str) -> None:
    page = open_page()
    tag(page)
    page.fill("#text", "Another text")  # what was tagged counts
    for output in ("conllu", "json"):
        body = {"text": TEXT, "model": "english", "columns": ["upos", "xpos", "feats", "lemma"], "top": 5}
        expected = httpx.post(f"{url}v1/tag", json=body | {"output": output}).raise_for_status().text
        page.select_option("#format", output)
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == f"english.{output}"
        assert Path(download.value.path()).read_bytes().decode() == expected


def test_a_link_carries_text_and_settings_in_the_fragment(open_page: Open) -> None:
    page = open_page()
    text = TEXT + "\n\n 50% & more + #1 🙂 كتاب"
    page.select_option("#with", "tiny")
    tag(page, text)
    page.check("#columns [value=xpos]")
    page.click("#link")
    assert "?" not in page.url
    sent = []
    again = open_page(
        fragment=page.url[page.url.index("#") :], route=("**/*", lambda r: (sent.append(r.request.url), r.continue_()))
    )
    expect(again.locator("#status")).to_contain_text("differ")
    assert again.input_value("#text") == text
    assert again.input_value("#with") == "tiny"
    assert again.is_checked("#columns [value=xpos]")
    assert codes(again) == codes(page)
    assert not [address for address in sent if "fish" in address.partition("#")[0]]


def answered(answer: dict[str, Any] | None, route: Any) -> None:
    route.fulfill(**answer) if answer else route.abort()


def test_errors_are_told(open_page: Open) -> None:
    page = open_page()
    for answer, message in [
        ({"status": 503, "json": {"error": "the queue is full"}}, "The service is busy: the queue is full"),
        ({"status": 413, "json": {"error": "<b>no</b>"}}, "The text is too large for this service: <b>no</b>"),
        ({"status": 502, "body": "<html>"}, "The service answered with status 502."),
        (None, "The service does not answer. Is it still running?"),
    ]:
        tag(page, "They fish.")
        assert page.locator("#error").is_hidden()
        page.route("**/v1/*", partial(answered, answer))
        page.click("#tag")
        expect(page.locator("#error")).to_have_text(f"That did not work. {message}")
        assert words(page) == ["They", "fish", "."]  # the last result stays
        page.click("#words .word >> nth=1")
        expect(page.locator("#panel [role=alert]")).to_have_text(message)
        page.unroute("**/v1/*")


def test_a_token_is_asked_for_and_kept_for_the_session(open_page: Open) -> None:
    seen, given = [], ["wrong", "right", None]

    def guarded(route: Any) -> None:
        seen.append(route.request.headers.get("authorization"))
        if seen[-1] == "Bearer right":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": "a token is needed"})

    def answer(dialog: Any) -> None:
        token = given.pop(0)
        dialog.accept(token) if token else dialog.dismiss()

    page = open_page(route=("**/v1/*", guarded), dialog=answer)
    tag(page)
    assert list(dict.fromkeys(seen)) == [None, "Bearer wrong", "Bearer right"], seen
    page.reload()
    expect(page.locator("#about")).to_contain_text("English-EWT")
    assert page.evaluate("() => localStorage.length") == 0
    other = open_page(route=("**/v1/*", guarded), dialog=answer)
    expect(other.locator("#error")).to_contain_text("This service asks for a token.")


def test_files(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    contents = {
        "book": ("\ufeffThey book flights. 🙂".encode(), ""),
        "latin": ("Müller".encode("latin-1"), "latin.txt is not text in UTF-8. Save it as UTF-8 first."),
        "binary": (b"a\0b", "binary.txt is not a text file."),
        "large": (b"word " * 60_000, "large.txt has 300 kB, and this page shows up to 100 kB."),
    }
    for name, (content, message) in contents.items():
        (tmp_path / f"{name}.txt").write_bytes(content)
        page.set_input_files("#file", tmp_path / f"{name}.txt")
        expect(page.locator("#error") if message else page.locator("#status")).to_contain_text(message or "5 words in")
        assert page.input_value("#text") == "They book flights. 🙂"


def test_multiword_tokens_and_a_text_that_changes(open_page: Open, ask: Callable[..., Any]) -> None:
    page = open_page()
    text = "The book reads du well. viet nam The du."
    expected = ask("tag", text=text, model="learned")["sentences"]
    page.select_option("#model", "learned")
    tag(page, text)
    assert words(page) == [token for sentence in expected for token in sentence["tokens"]]
    forms = page.eval_on_selector_all(".multiword", "nodes => nodes.map(node => node.dataset.form)")
    assert forms == [form for sentence in expected for _, _, form in sentence.get("multiwords", [])] != []
    page.fill("#text", "Changed")
    expect(page.locator("#status")).to_have_text("The text has changed. Tag it again.")
