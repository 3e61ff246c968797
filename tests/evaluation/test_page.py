"""Pages: nothing in their texts or data can become a part of their code."""

import base64
import hashlib
import json
import math
import re

import pytest

from tagger.evaluation.page import data_page, isolated, page, table
from tests.html_page import Page

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\u2028\u2029\ud800",
    "]]>",
]
DATA = data_page("A <b> & c", "sweeps", "page", HOSTILE)
ROWS = table(["<u>", "n"], [[isolated("<i>{y}"), "1"]], (1,))
STATIC = page("<script>{x}</script> & \ud800", f"<p>{isolated('<i>')}</p>\n{ROWS}", ".a { color: red }\n")


def test_data_are_in_the_page_and_end_nothing() -> None:
    (held,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', DATA, re.DOTALL)
    assert "<" not in held
    assert json.loads(held) == [*HOSTILE[:3], "\u2028\u2029\ufffd", HOSTILE[4]]
    assert "<title>A &lt;b&gt; &amp; c</title>" in DATA
    assert DATA.count("</script>") == 2
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_page("", "sweeps", "page", [math.nan])


def test_a_page_without_data_is_whole_and_escaped() -> None:
    found = Page(STATIC)
    assert found.open == []
    assert {"script", "i", "u"}.isdisjoint(found.seen)
    assert "<title>&lt;script&gt;{x}&lt;/script&gt; &amp; \ufffd</title>" in STATIC
    assert "<p><bdi>&lt;i&gt;</bdi></p>" in STATIC
    assert '<th>&lt;u&gt;</th><th class="number">n</th>' in STATIC
    assert '<th scope="row"><bdi>&lt;i&gt;{y}</bdi></th><td class="number">1</td>' in STATIC
    assert ".a { color: red }\n</style>" in STATIC


@pytest.mark.parametrize("text", [DATA, STATIC])
def test_the_policy_allows_one_style_and_the_scripts_of_the_page(text: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        for content in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{directive} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert ("script-src 'none';" in policy) == ("<script" not in text)
    assert "unsafe" not in policy
    assert "http" not in policy
    text.encode()
