"""The page of a sweep in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tagger.sweeps.report import sweep_page
from tagger.sweeps.run import SweepRun, key_importance
from tests.browser import CONTRASTS, Open, Page, expect, file_pages, fits, launched

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028\ud800"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.fixture
def open_file(browser: Any) -> Iterator[Open]:
    yield from file_pages(browser)


def run(number: int, depth: int, lr: float, cell: str, accuracy: float | None, **more: Any) -> SweepRun:
    values = {
        "state": "complete",
        "words_per_second": 10_000 * number + 5_000,
        "parameters": 100_000 * depth,
        "training_seconds": 60.4,
        "report": f"{number}/report.html",
        **more,
    }
    overrides = [f"model.depth={depth}", f"optimizer.lr={lr:g}", f"model.cell={cell}", "seed=1"]
    return SweepRun(number, str(number), overrides, dev_accuracy=accuracy, **values)


RUNS = [
    run(0, 1, 0.0001, "gru", 0.951),
    run(1, 2, 0.001, "gru", 0.953),
    run(2, 1, 0.001, "lstm", 0.944),
    run(3, 2, 0.01, "lstm", 0.948, words_per_second=9_000),
    run(4, 1, 0.002, "gru", 0.91, state="pruned", words_per_second=None, report=""),
    run(5, 2, 0.002, HOSTILE, None, state="failed", words_per_second=None, report="", error=f"InputError: {HOSTILE}"),
    run(6, 2, 0.003, "gru", None, state="unfinished", words_per_second=None, report="", training_seconds=None),
]


# The labels at the axes of "All runs, key by key" through whose middle a line passes.
CROSSED = """() => [...document.querySelectorAll('#parallel .mark')].filter(text => {
  const box = text.getBBox(), y = box.y + box.height / 2;
  return [...document.querySelectorAll('#parallel .run')].some(line => {
    const point = line.ownerSVGElement.createSVGPoint();
    for (let x = box.x; x <= box.x + box.width; x += 1) {
      [point.x, point.y] = [x, y];
      if (line.isPointInStroke(point)) return true;
    }
  });
}).map(text => text.textContent)"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.html"
    path.write_text(sweep_page(f"Sweep {HOSTILE}", RUNS, key_importance(RUNS)), encoding="utf-8")
    return path


def column(page: Page, head: str) -> list[str]:
    heads = page.locator("#table thead th").all_inner_texts()
    (place,) = [i for i, text in enumerate(heads) if text.startswith(head)]
    return [row.locator("> *").nth(place).inner_text() for row in page.locator("#table tbody tr").all()]


def test_the_table_sorts_by_every_head(open_file: Open, sweep: Path) -> None:
    page = open_file(sweep)
    assert column(page, "Run") == ["1", "0", "3", "2", "4", "5", "6"]
    assert column(page, "Dev")[:5] == ["95.30%", "95.10%", "94.80%", "94.40%", "91.00%"]
    assert column(page, "State") == ["frontier", "complete", "complete", "frontier", "pruned", "failed", "unfinished"]
    head = page.locator("#table thead th", has_text="lr")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, "lr") == ["0.01", "0.003", "0.002", "0.002", "0.001", "0.001", "0.0001"]
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, "Run")[0] == "0"
    assert page.locator("#table [aria-sort]").count() == 1
    page.click("#table thead button:has-text('Seconds')")
    assert column(page, "Seconds") == ["60", "60", "60", "60", "60", "60", "–"]  # runs without a value come last
    page.click("#table thead button:has-text('Seconds')")
    assert column(page, "Seconds")[-1] == "–"


def test_what_the_page_says_of_runs(open_file: Open, sweep: Path) -> None:
    page = open_file(sweep)
    expect(page.locator("#summary")).to_have_text(
        "7 runs: 4 complete, 1 pruned, 1 failed, 1 unfinished. The best on dev is run 1 with 95.30%."
    )
    expect(page.locator("#run-label")).to_have_text("Run 1, the best, on the frontier")
    links = page.eval_on_selector_all("#table a", "nodes => nodes.map(node => [node.textContent, node.href])")
    base = sweep.parent.resolve().as_uri()
    assert dict(links) == {f"Report of {n}": f"{base}/{n}/report.html" for n in range(4)}
    assert page.locator("#speed .dot").count() == 4
    assert page.locator("#speed .dot:not(.rest)").count() == 2
    assert page.locator("#against .dot").count() == 5
    assert page.locator("#against .dot.pruned").count() == 1
    assert page.locator("#parallel .run").count() == 5
    assert page.locator("#importance > span:nth-child(3n+1)").all_inner_texts() == list(key_importance(RUNS))
    expect(page.locator("#limits")).to_contain_text("Few runs")
    expect(page.locator("#limits")).to_contain_text("Here it had 4 runs.")


def test_a_run_stands_out_everywhere(open_file: Open, sweep: Path) -> None:
    page = open_file(sweep)
    hot = ".hot"
    page.hover("#speed .dot:not(.rest) >> nth=0")
    assert page.locator(hot).count() == 4  # two dots, a line, a row
    title = page.locator("#speed .hot title").text_content()
    number = title.split(":")[0].removeprefix("run ")
    assert page.locator("#table .hot th").inner_text() == number
    page.hover("#title")
    assert page.locator(hot).count() == 0
    page.click("#against .dot.pruned")
    expect(page.locator("#run-label")).to_have_text("Run 4")
    expect(page.locator("#run-facts")).to_contain_text("91.00% on dev, its best epoch")
    page.hover("#title")
    assert page.locator("#table .hot th").inner_text() == "4"
    assert page.get_attribute("#table [data-run='4']", "aria-pressed") == "true"
    page.select_option("#axis", label="model.cell")
    assert page.locator("#against .hot").count() == 1  # still
    page.click("#table thead button:has-text('Dev')")
    assert page.locator("#table .hot th").inner_text() == "4"
    page.click("#against .dot.pruned")
    assert page.get_attribute("#table [data-run='4']", "aria-pressed") == "false"
    expect(page.locator("#run-label")).to_have_text("Run 1, the best, on the frontier")


def test_no_line_strikes_through_a_label(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "sweep.html"
    path.write_text(sweep_page("Sweep", RUNS[:2], {}), encoding="utf-8")
    page = open_file(path)
    assert page.locator("#parallel .mark").count() == 6
    assert page.evaluate(CROSSED) == []


def test_by_keyboard(open_file: Open, sweep: Path) -> None:
    page = open_file(sweep)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the table of runs"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.dataset.run") == "0":
            break
    assert page.locator("#speed .hot").count() == 1
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#run-label")).to_have_text("Run 0")
    assert page.get_attribute("#table [data-run='0']", "aria-pressed") == "true"


def test_overrides_are_copied_for_a_shell(open_file: Open, sweep: Path) -> None:
    page = open_file(sweep)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#table [data-run='5']")
    page.click("text=Copy its overrides")
    expect(page.locator("#run-facts button")).to_have_text("Copied")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("model.depth=2 optimizer.lr=0.002 $'model.cell=</script><img src=x onerror=alert(1)>")
    assert "\u2028" not in copied


@pytest.mark.parametrize("dark", [False, True])
def test_texts_have_contrast_and_are_texts(open_file: Open, sweep: Path, dark: bool) -> None:
    page = open_file(sweep, dark=dark)
    page.click("#table [data-run='5']")
    expect(page.locator("#run-facts .error")).to_have_text(f"InputError: {HOSTILE}".replace("\ud800", "\ufffd"))
    assert page.locator("img").count() == 0
    seen = page.evaluate(CONTRASTS)
    assert len(seen) > 100
    assert [(what, round(ratio, 2)) for ratio, what in seen if ratio < 4.5] == []


@pytest.mark.parametrize("width", [360, 1400])
def test_it_fits_at_any_width(open_file: Open, tmp_path: Path, width: int) -> None:
    long = [
        SweepRun(
            i,
            str(i),
            [f"some.long_name_of_a_key_{k}={(i + k) % 5}" for k in range(15)],
            "complete",
            0.9 + i / 1e3,
            i + 1,
        )
        for i in range(40)
    ]
    path = tmp_path / "sweep.html"
    path.write_text(sweep_page("Sweep", long, key_importance(long)), encoding="utf-8")
    page = open_file(path, width)
    assert fits(page)
    assert page.locator("#table tbody tr").count() == 40


def test_sweeps_without_scores_or_keys(open_file: Open, tmp_path: Path) -> None:
    path = tmp_path / "sweep.html"
    for runs, text in (
        ([], "There are no runs yet."),
        ([RUNS[5]], "1 run: 1 failed. No run is complete."),
        ([RUNS[0]], "1 run: 1 complete. The best on dev is run 0 with 95.10%."),
    ):
        path.write_text(sweep_page("Sweep", runs, {}), encoding="utf-8")
        page = open_file(path)
        expect(page.locator("#summary")).to_have_text(text)
        assert page.locator("#table tbody tr").count() == len(runs)
        assert page.locator("#parallel-card").is_hidden()
