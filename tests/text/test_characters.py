"""What UTF-8 cannot hold is replaced."""

from tagger.text.strings import encodable


def test_encodable() -> None:
    assert encodable("a") == "a"
    assert encodable("é\ud800\udfff😀") == "é\ufffd\ufffd😀"
