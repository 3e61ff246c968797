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

# The contrast of every text on the page with what is behind it, each with words that say where it is.
CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((x, i) => a * x + (1 - a) * below[i]);
  const back = node => {
    if (!node) return [255, 255, 255];
    const color = rgba(getComputedStyle(node).backgroundColor);
    return color[3] === 1 ? color.slice(0, 3) : over(color, back(node.parentElement));
  };
  const light = rgb => [.2126, .7152, .0722].reduce((sum, share, i) => {
    const x = rgb[i] / 255;
    return sum + share * (x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
  }, 0);
  const found = [];
  const measure = (node, style, what) => {
    const color = node instanceof SVGElement ? style.fill : style.color;
    const below = back(node), a = light(over(rgba(color), below)), b = light(below);
    found.push([(Math.max(a, b) + .05) / (Math.min(a, b) + .05), what]);
  };
  for (const node of document.querySelectorAll('body *')) {
    if (!node.checkVisibility() || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'OPTION', 'title'].includes(node.tagName)) continue;
    if ([...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())) {
      measure(node, getComputedStyle(node), node.getAttribute('class') + ' ' + node.textContent.slice(0, 30));
    }
    if (node.matches('.word')) measure(node, getComputedStyle(node, '::after'), 'code ' + node.dataset.code);
    if (node.matches('textarea')) measure(node, getComputedStyle(node, '::placeholder'), 'placeholder');
  }
  return found;
}"""


def launched() -> Iterator[Any]:
    """The browser, for a fixture of a module: while it runs, tests of the same process cannot use asyncio."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()
