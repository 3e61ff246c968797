"""A page that shows data: nothing in the data can become a part of the page's code."""

import base64
import hashlib
import json
import math
import re

import pytest

from tagger.text.data_page import data_page

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\u2028\u2029\ud800",
    "]]>",
]


def page(title: str = "A <b> & c", data: object = HOSTILE) -> str:
    return data_page(title, "sweeps", "page", data)


def test_data_are_in_the_page_and_end_nothing() -> None:
    text = page()
    (held,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert "<" not in held
    assert json.loads(held) == [*HOSTILE[:3], "\u2028\u2029\ufffd", HOSTILE[4]]
    assert "<title>A &lt;b&gt; &amp; c</title>" in text
    assert text.count("</script>") == 2
    text.encode()


def test_the_policy_allows_one_script_and_one_style() -> None:
    text = page()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        page(data=[math.nan])
