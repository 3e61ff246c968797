"""A title and the body of a page -> a self-contained HTML page, which loads nothing from any host."""

from html import escape

from tagger.text.strings import encodable

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; color: #222; background: #fff; max-width: 60em; margin: 2em auto }}
body {{ padding: 0 1em; overflow-wrap: break-word }}
h1 {{ font-size: 1.4em }} h2 {{ font-size: 1.1em; margin-top: 2em }}
table {{ border-collapse: collapse; margin-bottom: 1.5em }} table bdi {{ display: inline-block; max-width: 12em }}
th, td {{ text-align: left; vertical-align: top; padding: .2em .6em; border-bottom: 1px solid #ddd }}
tr:first-child th {{ color: #666; font-weight: normal }} small {{ color: #666 }}
dt {{ float: left; clear: left; font-weight: bold }} dd {{ margin: 0 0 .3em 7em }}
{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}</body>
</html>
"""


def html_page(title: str, body: str, style: str = "") -> str:
    """The page. It can be written as UTF-8, whatever characters it has.

    Args:
        title: plain text, which is escaped here.
        body: HTML below the title; text in it must be escaped already, see `isolated`.
        style: lines of CSS, added to those that all pages have.
    """
    return encodable(_PAGE.format(title=escape(title), body=body, style=style))


def isolated(text: str) -> str:
    """Plain text as HTML: escaped, and with a writing direction of its own (`bdi`)."""
    return f"<bdi>{escape(text)}</bdi>"
