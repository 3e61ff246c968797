from tagger.text.html_page import html_page, isolated
from tests.html_page import Page


def test_the_page_is_whole_and_escapes_its_title() -> None:
    text = html_page("<script>{x}</script> & \ud800", f"<p>{isolated('<i>{y}')}</p>\n", ".a { color: red }\n")
    page = Page(text)
    assert page.open == []
    assert {"script", "i", "link"}.isdisjoint(page.seen)
    assert text.count("&lt;script&gt;{x}&lt;/script&gt; &amp; \ufffd") == 2
    assert "<p><bdi>&lt;i&gt;{y}</bdi></p>" in text
    assert ".a { color: red }\n</style>" in text
    assert "http" not in text
    text.encode()
