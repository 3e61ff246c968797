"""The page of a tagger's scores and errors in a real browser."""

import random
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tagger.analysis import explain_tables
from tagger.evaluation import compare_tables, metrics
from tagger.evaluation.error_sample import ErrorCollector
from tagger.evaluation.metrics import Scored
from tagger.evaluation.report_page import Report, Table, report_page
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tests.analysis.test_explain_tables import explained
from tests.browser import CONTRASTS, Open, Page, expect, file_pages, fits, launched
from tests.commands.conftest import call
from tests.evaluation.test_compare import comparison

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u2028",
    "\ud800",
    "it's",
    "a\x15\x1b[2K;\u202erm",
]
WORDS = ["The", "the", "cat", "dog", "saw", "run", "green", "كتاب", "書く"]
UPOS = ["DET", "NOUN", "VERB", "ADJ", "ADV", "PROPN"]
EPOCHS = [
    {"train/loss": 2 / n, "dev/loss": 3 / n, "train/accuracy": 1 - 0.4 / n, "dev/accuracy": 1 - 0.5 / n}
    for n in (1, 2, 3)
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.fixture
def open_file(browser: Any) -> Iterator[Open]:
    yield from file_pages(browser)


Tagged = tuple[Sentence, dict[str, list[str]]]


def tagged(
    words: Sequence[str], gold: Sequence[str], found: Sequence[str], shares: Sequence[float], name: str
) -> Tagged:
    tags = {"upos": list(found), "feats": ["X=" + tag for tag in found]}
    sentence = Sentence(list(words), tags, {c: list(shares) for c in tags}, comments=[f"# sent_id = {name}"])
    return sentence, {"upos": list(gold), "feats": ["X=" + tag for tag in gold]}


def some_sentences() -> list[Tagged]:
    """Sentences of which it is known which words are wrong, among others."""
    dice = random.Random(3)
    found = [
        tagged(
            ["The", "cat", "saw", "it", "."],
            ["DET", "NOUN", "VERB", "NOUN", "ADV"],
            ["DET", "NOUN", "NOUN", "NOUN", "ADV"],
            [0.9, 0.8, 0.97, 0.6, 0.99],
            "first",
        ),
        tagged(["saw", "-x y"], ["NOUN", "PROPN"], ["VERB", "VERB"], [0.55, 0.3], "second"),
        tagged(["-"], ["ADJ"], ["ADV"], [0.41], "dash"),
        tagged(HOSTILE, ["ADJ"] * 6, ["PROPN"] * 6, [0.2, 0.21, 0.22, 0.23, 0.24, 0.25], "</script>"),
        tagged(["كتاب"] * 3, ["NOUN"] * 3, ["NOUN", "NOUN", "ADJ"], [0.9, 0.9, 0.35], "rtl"),
    ]  # fmt: skip
    for number in range(40):
        words = [dice.choice(WORDS) for _ in range(6)]
        gold = [dice.choice(UPOS) for _ in words]
        predicted = [dice.choice(["ADV", "DET"]) if tag == "DET" and dice.random() < 0.3 else tag for tag in gold]
        found.append(tagged(words, gold, predicted, [dice.uniform(0.45, 0.9) for _ in words], f"n{number}"))
    return found


def page_of(sentences: Sequence[Tagged], **more: Any) -> str:
    known = [{"tokens": WORDS, "upos": (UPOS * 2)[:9], "feats": [f"X={tag}" for tag in (UPOS * 2)[:9]]}]
    vocabulary = Vocabulary.build(known, ["upos", "feats"])
    collector = ErrorCollector(vocabulary)
    for sentence, gold in sentences:
        collector.add(sentence, gold)
    scored = [Scored(s.tokens, gold, s.tags, s.probabilities) for s, gold in sentences]
    scores = metrics.report(scored, vocabulary)
    values: Mapping[str, Any] = {
        "title": "A <b>title</b>",
        "splits": {"dev": scores, "test": scores},
        "sample": collector.sample([*scores]),
        "model": "my run's",
        "facts": ["10 parameters", "<i>"],
        "epochs": EPOCHS,
        "best_epoch": 2,
        "tables": [Table("From raw text", ["", "Words"], [["<b>dev", "99.00%"]])],
        "files": {"errors.tsv": "every error", "a#b?": "odd"},
        **more,
    }
    return report_page(Report(**values))


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(page_of(some_sentences()), encoding="utf-8")
    return path


def shown(page: Page) -> list[tuple[str, str, str, str]]:
    """The errors in the list: word, gold tag, predicted tag, confidence."""
    return [tuple(row) for row in page.eval_on_selector_all(
        "#list li",
        "nodes => nodes.map(node => [...['mark', '.gold', '.predicted', '.verdict span:nth-child(3)']"
        ".map(part => node.querySelector(part).textContent)])",
    )]  # fmt: skip


def column(page: Page, table: str, place: int) -> list[str]:
    return page.locator(f"{table} tbody tr > :nth-child({place})").all_inner_texts()


def test_scores_of_every_column(open_file: Open, report: Path) -> None:
    page = open_file(report)
    expect(page.locator("h1")).to_have_text("A <b>title</b>")
    expect(page.locator("#facts")).to_have_text("10 parameters · <i>")
    sentences = some_sentences()
    pairs = [pair for s, gold in sentences for pair in zip(s.tags["upos"], gold["upos"], strict=True)]
    right = sum(one == other for one, other in pairs)
    row = page.locator("#scores tbody tr").first
    assert row.locator("td").first.inner_text().split() == [f"{100 * right / len(pairs):.2f}%", "of", str(len(pairs))]
    assert page.locator("#scores thead th").all_inner_texts() == ["dev", "test"]
    assert column(page, "#tags", 1)[0] in UPOS
    page.check("#columns [value=feats]")
    assert column(page, "#tags", 1)[0].startswith("X=")
    assert page.locator("#matrix thead th").first.inner_text() == "ADJ"  # of features the value
    expect(page.locator("#found")).to_contain_text(f"{len(pairs) - right} errors on dev.")
    assert page.locator("#curve circle.best").count() == 2
    assert page.locator("#curve .dot.one").count() == 6
    page.click("summary")
    assert column(page, "#epochs", 4) == ["50.00%", "75.00%", "83.33%"]
    assert page.locator("#others bdi").all_inner_texts() == ["<b>dev", "99.00%"]
    links = page.eval_on_selector_all("#files a", "nodes => nodes.map(node => node.getAttribute('href'))")
    assert links == ["./errors.tsv", "./a%23b%3F"]


def test_a_cell_opens_its_sentences(open_file: Open, report: Path) -> None:
    page = open_file(report)
    cell = page.get_by_role("button", name="gold VERB, predicted NOUN: 1 error", exact=True)
    cell.click()
    assert shown(page) == [("saw", "VERB", "NOUN", "confidence 97.00%")]
    assert page.locator("#list .sentence").all_inner_texts() == ["The cat saw it ."]
    assert page.locator("#list .place").first.inner_text().startswith("sentence first")
    assert page.input_value("#gold") == "=VERB"
    assert cell.get_attribute("aria-pressed") == "true"
    assert page.locator("#matrix [aria-pressed=true]").count() == 1
    expect(page.locator("#found")).to_contain_text("1 of ")
    cell.click()  # again: all errors
    assert len(shown(page)) > 10
    total = sum(int(text) for text in page.locator("#matrix button").all_inner_texts())
    expect(page.locator("#found")).to_have_text(f"{total} errors on dev.")


def test_arrow_keys_walk_over_the_cells(open_file: Open, report: Path) -> None:
    page = open_file(report)
    assert page.locator("#matrix [tabindex='0']").count() == 1
    page.focus("#matrix [tabindex='0']")
    first = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    second = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert first != second
    assert page.locator("#matrix [tabindex='0']").count() == 1
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    gold, predicted, count = re.fullmatch(r"gold (\S+), predicted (\S+): (\d+) errors?", second or "").groups()  # type: ignore[union-attr]
    assert {(tags[1], tags[2]) for tags in shown(page)} == {(gold, predicted)}
    assert len(shown(page)) == int(count)
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("() => document.activeElement.matches('#matrix button')")


def test_filters(open_file: Open, report: Path) -> None:
    page = open_file(report)
    everything = page.evaluate("() => current().errors.length")
    page.fill("#word", "saw")
    words = {row[0] for row in shown(page)}
    assert words == {"saw"}
    page.fill("#word", "SA")
    assert {row[0] for row in shown(page)} == {"saw"}  # a part of a word, in any case
    page.fill("#word", "")
    page.select_option("#gold", "=DET")
    page.select_option("#predicted", "=ADV")
    assert {row[1:3] for row in shown(page)} == {("DET", "ADV")}
    page.click("text=Clear")
    assert page.input_value("#gold") == ""
    page.fill("#least", "20")
    page.fill("#most", "24")
    assert [row[3] for row in shown(page)] == [f"confidence {n}.00%" for n in (24, 23, 22, 21, 20)]
    page.select_option("#order", "unsure")
    assert [row[3] for row in shown(page)] == [f"confidence {n}.00%" for n in (20, 21, 22, 23, 24)]
    page.click("text=Clear")
    counts = []
    for seen in ("1", "0"):
        page.select_option("#seen", seen)
        counts.append(page.evaluate("() => state.found.length"))
        said = set(page.locator("#list .verdict span:nth-child(4)").all_inner_texts())
        assert said == {"seen in training" if seen == "1" else "not seen in training"}
    assert sum(counts) == everything
    assert min(counts) > 0
    page.select_option("#gold", "=NOUN")
    page.fill("#word", "nothing like it")
    expect(page.locator("#found")).to_contain_text(f"0 of {everything} errors on dev.")
    assert shown(page) == []


def test_tables_sort_and_lead_to_the_errors(open_file: Open, report: Path) -> None:
    page = open_file(report)
    f1 = [float(text[:-1]) for text in column(page, "#tags", 4)]
    page.click("#tags thead button:has-text('F1')")
    assert [float(text[:-1]) for text in column(page, "#tags", 4)] == sorted(f1, reverse=True)
    page.click("#tags thead button:has-text('F1')")
    assert [float(text[:-1]) for text in column(page, "#tags", 4)] == sorted(f1)
    assert page.get_attribute("#tags th:nth-child(4)", "aria-sort") == "ascending"
    errors = [int(text) for text in column(page, "#words", 2)]
    assert errors == sorted(errors, reverse=True)
    page.click("#words thead button:has-text('Share')")
    shares = [int(text[:-1]) for text in column(page, "#words", 4)]
    assert shares == sorted(shares, reverse=True)
    page.click("#words tbody button:has-text('saw') >> nth=0")
    assert {row[0] for row in shown(page)} == {"saw"}
    page.click("#tags tbody button:has-text('PROPN')")
    assert shown(page) == [("-x y", "PROPN", "VERB", "confidence 30.00%")]


def test_hostile_words_are_words(open_file: Open, report: Path) -> None:
    page = open_file(report)
    page.select_option("#predicted", "=PROPN")
    assert [row[0] for row in reversed(shown(page))] == [re.sub("[\ud800\u202e]", "\ufffd", word) for word in HOSTILE]
    assert page.locator("img, script").count() == 2  # the data and the script
    assert page.evaluate("() => document.title") == "A <b>title</b>"


def test_right_to_left_words_stay_in_their_places(open_file: Open, report: Path) -> None:
    page = open_file(report)
    page.fill("#word", "كتاب")
    page.fill("#most", "35")
    expect(page.locator("#list li")).to_have_count(1)
    assert page.evaluate("() => getComputedStyle(document.querySelector('#list .sentence')).direction") == "rtl"
    assert page.evaluate("() => getComputedStyle(document.querySelector('#list .verdict')).direction") == "ltr"
    # The marked word is the last of three equal ones: in this direction the one on the left.
    boxes = page.evaluate(
        "() => { const mark = document.querySelector('#list mark').getBoundingClientRect();"
        " const range = document.createRange(); range.selectNodeContents(document.querySelector('#list .sentence'));"
        " return [mark.left, range.getBoundingClientRect().left]; }"
    )
    assert boxes[0] <= boxes[1] + 5
    assert page.locator("#words tbody bdi", has_text="كتاب").count() == 1


def test_the_command_for_explain_is_what_a_shell_needs(open_file: Open, report: Path) -> None:
    page = open_file(report)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    def copied(word: str) -> str:
        page.fill("#word", word)
        page.fill("#most", "")
        page.click("#list li:first-child button")
        expect(page.locator("#list li:first-child button")).to_have_text("Copied")
        return str(page.evaluate("() => navigator.clipboard.readText()"))

    start = ["python", "-m", "tagger", "explain", "--model", "my run's", "--column", "upos", "--tokens", "--"]
    assert shlex.split(copied("-x")) == [*start, "saw -x\u00a0y"]
    assert shlex.split(copied("-")) == [*start, "- "]
    hostile = copied("it's")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028]", hostile)
    done = subprocess.run(
        ["bash", "-c", hostile.replace("python -m tagger", "printf '%s\\0'", 1)], capture_output=True, check=True
    )
    words = [word.replace(" ", "\u00a0").replace("\ud800", "\ufffd") for word in HOSTILE]
    assert done.stdout.decode().split("\0")[:-1] == [*start[3:], " ".join(words)]


def test_the_command_for_explain_runs(open_file: Open, tmp_path: Path, trained: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page_of(some_sentences(), model=str(trained)), encoding="utf-8")
    page = open_file(path)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("#word", "-x")
    page.click("#list li:first-child button")
    expect(page.locator("#list li:first-child button")).to_have_text("Copied")
    words = shlex.split(str(page.evaluate("() => navigator.clipboard.readText()")))
    assert words[:3] == ["python", "-m", "tagger"]
    assert "-x y" in call(*words[3:]).stdout


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_of_every_text(open_file: Open, report: Path, dark: bool) -> None:
    page = open_file(report, dark=dark)
    page.click("summary")
    page.locator("#matrix button").first.click()
    seen = page.evaluate(CONTRASTS)
    page.click("text=Clear")
    page.check("#columns [value=feats]")
    seen += page.evaluate(CONTRASTS)
    assert len(seen) > 300
    assert [(what, round(ratio, 2)) for ratio, what in seen if ratio < 4.5] == []


@pytest.mark.parametrize("width", [360, 1400])
def test_it_fits_at_any_width(open_file: Open, report: Path, width: int) -> None:
    page = open_file(report, width)
    assert fits(page)
    page.check("#columns [value=feats]")
    assert fits(page)
    page.locator("#matrix button").first.click()
    expect(page.locator("#list li").first).to_be_in_viewport()
    focused = page.evaluate("() => document.activeElement.id || document.activeElement.tagName")
    assert focused == ("BUTTON" if width == 1400 else "errors")  # they are beside the matrix, or below it


def test_a_large_corpus_with_many_tags(open_file: Open, tmp_path: Path) -> None:
    dice = random.Random(5)
    sentences = []
    for number in range(90):
        words = [dice.choice(WORDS) for _ in range(dice.choice([5, 20, 400]))]
        gold = [f"T{dice.randrange(1000)}" for _ in words]
        found = [tag if dice.random() < 0.5 else f"T{dice.randrange(1000)}" for tag in gold]
        sentences.append(tagged(words, gold, found, [dice.uniform(0.2, 1) for _ in words], f"s{number}"))
    sentences.append(tagged(["The"], ["DET"], ["DET"], [0.9], "last"))
    path = tmp_path / "report.html"
    path.write_text(page_of(sentences, epochs=(), best_epoch=None, tables=[], files={}), encoding="utf-8")
    assert path.stat().st_size < 3_000_000
    page = open_file(path)
    assert page.locator("#matrix tbody tr").count() == 24
    expect(page.locator("#matrix-note")).to_contain_text("These are the 24 tags with the most errors, of 1,000.")
    expect(page.locator("#found")).to_contain_text(
        re.compile(r"This page has 3,000 of [\d,]+ errors: the most confident")
    )
    expect(page.locator("#list li")).to_have_count(30)
    page.click("#more")
    expect(page.locator("#list li")).to_have_count(60)
    assert page.locator("#tags tbody tr").count() == 25
    page.click("#tags .wide > button")
    assert page.locator("#tags tbody tr").count() > 900
    assert page.locator("#curve-card").is_hidden()
    assert page.locator("#files-label").is_hidden()
    assert fits(page)


def test_a_tagger_without_errors(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page_of([tagged(["The"], ["DET"], ["DET"], [0.9], "only")]), encoding="utf-8")
    page = open_file(path)
    expect(page.locator("#found")).to_have_text("0 errors on dev.")
    expect(page.locator("#matrix-note")).to_have_text("There are no errors.")
    assert page.locator("#list li").count() == 0


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", ["compare", "explain"])
def test_pages_of_tables_have_contrast_and_fit(open_file: Open, tmp_path: Path, kind: str, dark: bool) -> None:
    text = compare_tables.to_html(comparison(2)) if kind == "compare" else explain_tables.to_html(explained())
    path = tmp_path / "page.html"
    path.write_text(text, encoding="utf-8")
    page = open_file(path, 360, dark)
    assert fits(page)
    seen = page.evaluate(CONTRASTS)
    assert len(seen) > 30
    assert [(what, round(ratio, 2)) for ratio, what in seen if ratio < 4.5] == []
