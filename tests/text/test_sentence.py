"""A sentence is made of tokens and knows its name."""

from typing import Any

import pytest

from tagger.errors import InputError
from tagger.text.sentence import Sentence


@pytest.mark.parametrize("tokens", ["They", None, 5, {"They"}, b"They", iter(["They"])])
def test_tokens_are_a_list(tokens: Any) -> None:
    with pytest.raises(InputError, match=r"^Sentence\(.*\): .* (give a list of strings|Tagger\.annotate)"):
        Sentence(tokens)


@pytest.mark.parametrize(
    ("comments", "name"), [([], None), (["# newpar", "# sent_id = a = b "], "a = b"), (["#sent_id=7"], "7")]
)
def test_its_name(comments: list[str], name: str | None) -> None:
    sentence = Sentence(["They", "book"], comments=comments)
    assert len(sentence) == 2
    assert sentence.name == name
