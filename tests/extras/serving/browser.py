"""A real browser for tests of web pages, which are skipped where there is none."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no browser `chromium` on this machine", allow_module_level=True)

FLAGS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync"
)
Page = Any
Open = Callable[..., Page]
expect = playwright.expect
PATIENCE = 20_000  # milliseconds, for a machine that is busy
expect.set_options(timeout=PATIENCE)


def launched() -> Iterator[Any]:
    """The browser, for a fixture of a module: while it runs, tests of the same process cannot use asyncio."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()
