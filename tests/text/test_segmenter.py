import pytest

from tagger.errors import InputError
from tagger.text.segment import RULES, RuleSegmenter, segment


@pytest.mark.parametrize("rules", RULES)
def test_rules_cut_many_paragraphs(rules: str) -> None:
    texts = ["They don't. It's 5pm.", "", " \n", "Na ja, gut."]
    segmenter = RuleSegmenter(rules)
    assert segmenter.name == rules
    assert segmenter.segment_all(texts) == [segment(text, rules) for text in texts]
    assert segmenter.segment_all([]) == []


def test_other_rules_are_an_error() -> None:
    with pytest.raises(InputError, match=r"'learned' are no rules .*english, unicode"):
        RuleSegmenter("learned")
