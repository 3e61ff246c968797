"""Rules that cut text into tokens and sentences, and what the conventions of languages change in them."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.evaluation.raw_scores import raw_scores
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import Token
from tagger.text.spacing import gold_paragraphs
from tagger.words.segment import RULES, RuleSegmenter, segment, segment_ends

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
TYPICAL_TEXT = st.text(
    st.sampled_from("aBİß1 \n\t.,:;!?'’-/\\@#&*_()<>\"=~$%…。你ก\u0301\u200b\u200d\ufeff\x00\x1c😀🏽🇩\ud800")
)
TYPICAL_WORDS = str.split("""its (its) a not 1. 2. no. Yahoo! 05/31/2001 09:01 AM Ann <a@b.c> 'Twas y'all're U.S. "The I
... - ----- Dear Ann, 5p.m. slept.I 你好。再见 " exam- /a/b C:\\x --help v1.2-b C++ http://a.org etc. J. .5 ?! :)""")
TYPICAL_PARAGRAPH = st.lists(st.sampled_from([*TYPICAL_WORDS, "\n\n"]), max_size=20).map(" ".join)


def forms(text: str, rules: str = "english") -> str:
    """Tokens divided by a space, sentences by ` || `."""
    return " || ".join(" ".join(text[a:b] for a, b, _ in sentence) for sentence in segment(text, rules))


_LINES = Path(__file__).with_name("tokens.tsv").read_text(encoding="utf-8").splitlines()[1:]
EXAMPLES = [line.replace("\\n", "\n").split("\t") for line in _LINES]  # rules, text, its tokens as `forms` has them


@pytest.mark.parametrize("rules", RULES)
def test_tokens_and_sentences(rules: str) -> None:
    pairs = [tuple(pair) for own, *pair in EXAMPLES if own == rules]
    assert len(pairs) > 10
    assert [(text, forms(text, rules)) for text, _ in pairs] == pairs
    assert forms("A heading\r\n \r\nthe text", rules) == "A heading || the text"
    assert segment("", rules) == segment(" \t\r\n\u3000\u200b\ufeff\x1c", rules) == []
    assert segment("\ufeffa\u200bb", rules) == [[Token(1, 2), Token(3, 4)]]
    for call in (lambda: segment("a", "german"), lambda: RuleSegmenter("learned")):
        with pytest.raises(InputError, match=r"'(german|learned)'.*english, unicode"):
            call()
    assert forms("an exam\xad\nple") == "an exam\xad ple"


@pytest.mark.parametrize("rules", RULES)
@given(text=st.one_of(ANY_TEXT, TYPICAL_TEXT, TYPICAL_PARAGRAPH))
@example("see you, Ann Bo 05/31/2001 09:01 AM\nTo: Bo Lee 05/31/2001 09:01 It was good.The next 你好。再见")
@example("Its etc. " * 50 + "\n\n1. Eggs 2. Milk - a - b")
def test_every_character_but_space_is_in_one_token(rules: str, text: str) -> None:
    sentences = segment(text, rules)
    assert all(sentences)
    spans = [span for sentence in sentences for span in sentence]
    assert all(a < b and not words for a, b, words in spans)
    assert all(first.end <= second.start for first, second in pairwise(spans))
    seen = (each for each in text if not each.isspace() and each not in "\u200b\ufeff")
    assert "".join(text[a:b] for a, b, _ in spans) == "".join(seen)
    ends, stops = segment_ends(text, rules)
    assert sorted(ends) == [token.end for token in spans]
    assert stops == [sentence[-1].end for sentence in sentences]


LONG_UNITS = str.split(r"a a. ) a's 1. a- 😀 a@ 。 :) http://) a/ /a ../ aa.b/ C:\ --a= 1.1 v1. no.")


@pytest.mark.parametrize("rules", RULES)
def test_long_text_without_spaces(rules: str) -> None:
    for unit in [*LONG_UNITS, "\u0301", "\ud800"]:
        text = unit * 3000
        assert sum(b - a for sentence in segment(text, rules) for a, b, _ in sentence) == len(text)


@pytest.mark.skipif("TAGGER_TREEBANKS" not in os.environ, reason="TAGGER_TREEBANKS names no folder of treebanks")
def test_english_on_a_treebank() -> None:
    path = str(Path(os.environ["TAGGER_TREEBANKS"], "UD_English-EWT", "en_ewt-ud-dev.conllu"))
    paragraphs = list(gold_paragraphs(read_conllu(read_lines(path), path)))
    gold = (sentence for paragraph in paragraphs for sentence in paragraph.sentences)
    rules = RuleSegmenter("english").segment_all
    system = (s for paragraph in paragraphs for s in Paragraph(0, paragraph.text, True).cut(rules([paragraph.text])[0]))
    scores = raw_scores(gold, system)
    assert scores["Words"].f1 > 0.994
    assert scores["Sentences"].f1 > 0.895
