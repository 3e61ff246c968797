"""A title and a body, or data -> a web page in one file, which loads nothing from any host."""

import base64
import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
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
{body}</body>
</html>
"""
_DATA = """\
<noscript><p class="card">This page needs JavaScript to show its data.</p></noscript>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
"""


def page(title: str, body: str, style: str = "", scripts: Sequence[str] = ()) -> str:
    """The page. It can be written as UTF-8, whatever characters it has.

    The browser runs these scripts and no other, takes this style and no other, and asks no host: the page's policy
    names them by their hashes, so that no text in the page can become a script.

    Args:
        title: plain text.
        body: HTML; text in it must be escaped already, see `isolated`.
        style: CSS, added to that of all pages.
        scripts: those in `body`.
    """
    style = _resource("evaluation", "page.css") + style
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {' '.join(map(_hash, scripts)) or _NONE};"
        f" img-src data:; base-uri {_NONE}; form-action {_NONE}"
    )
    return encodable(_PAGE.format(policy=policy, title=escape(title), style=style, body=body))


def data_page(title: str, room: str, name: str, data: Any) -> str:
    """A page whose own script shows data, which it finds as JSON in the element `data`.

    Args:
        title: plain text.
        room: the sub-package that has the template.
        name: of the template: the body `NAME.html`, and `NAME.css` and `NAME.js`, which follow those of all pages.
        data: plain values without NaN; strings may hold any characters.
    """
    script = _resource("evaluation", "page.js") + _resource(room, f"{name}.js")
    # `<` as an escape, which means the same in JSON: the data end no script and open no comment.
    held = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    body = _resource(room, f"{name}.html") + _DATA.format(data=held, script=script)
    return page(title, body, _resource(room, f"{name}.css"), [script])


def isolated(text: str) -> str:
    """Plain text as HTML: escaped, and with a writing direction of its own (`bdi`)."""
    return f"<bdi>{escape(text)}</bdi>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[int] = ()) -> str:
    """A table as HTML.

    Args:
        heads: plain text.
        rows: cells of HTML; the first one names its row.
        numbers: the columns of numbers, from 0.
    """
    kinds = [' class="number"' if i in numbers else "" for i in range(len(heads))]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, heads, strict=True))
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds[1:], rest, strict=True))
        + "</tr>\n"
        for first, *rest in rows
    )
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'


_NONE = "'none'"


def _resource(room: str, file: str) -> str:
    return files(f"tagger.{room}").joinpath(file).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
