"""A template and data -> a self-contained page whose own script shows the data; it loads nothing from any host."""

import base64
import hashlib
import json
from html import escape
from importlib.resources import files
from typing import Any

from tagger.text.strings import encodable

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
{body}<noscript><p class="card">This page needs JavaScript to show its data.</p></noscript>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def data_page(title: str, room: str, name: str, data: Any) -> str:
    """The page. Its script finds the data as JSON in the element `data`.

    The browser runs this script and no other, takes this style and no other, and asks no host: the page's policy names
    the two by their hashes, so that no text in the data can become a script.

    Args:
        title: plain text.
        room: the sub-package that has the template.
        name: of the template: the body `NAME.html`, and `NAME.css` and `NAME.js`, which follow those of all pages.
        data: plain values without NaN; strings may hold any characters.
    """
    style, script = (
        _resource("text", f"data_page.{kind}") + _resource(room, f"{name}.{kind}") for kind in ("css", "js")
    )
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )
    return encodable(
        _PAGE.format(
            policy=policy,
            title=escape(title),
            style=style,
            body=_resource(room, f"{name}.html"),
            data=_json(data),
            script=script,
        )
    )


def _resource(room: str, file: str) -> str:
    return files(f"tagger.{room}").joinpath(file).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON that ends no script and opens no comment: `<` is written as an escape, which means the same in JSON."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
