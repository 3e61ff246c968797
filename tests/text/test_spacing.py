import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import MultiwordToken, Sentence, Token
from tagger.text.spacing import (
    GoldParagraph,
    gold_paragraphs,
    has_spacing,
    surface_tokens,
    with_usual_spacing,
    without_spaces,
)


def gold(*blocks: str) -> list[Sentence]:
    """Sentences of CoNLL-U: each block has comments, then rows `ID FORM` or `ID FORM No`, where ~ is a space."""
    lines = []
    for block in blocks:
        for line in block.splitlines():
            if line.startswith("#"):
                lines.append(f"{line}\n")
            else:
                number, form, *no = line.split()
                misc = "SpaceAfter=No" if no else "_"
                lines.append("\t".join([number, form.replace("~", " "), *"_" * 7, misc]) + "\n")
        lines.append("\n")
    return list(read_conllu(lines, "gold.conllu"))


DONT = "# newdoc\n# text = I don't.\n1 I\n2-3 don't No\n2 do\n3 n't\n4 ."
STAY = "# sent_id = s2\n# text = We stay…\n1 We\n2 stay No\n3 … No"
BYE = "# text = Bye\n1 Bye"


def texts(sentences: list[Sentence], skip: bool = False) -> list[str]:
    return [paragraph.text for paragraph in gold_paragraphs(sentences, skip=skip)]


def forms(paragraph: GoldParagraph) -> list[list[str]]:
    return [[paragraph.text[start:end] for start, end, _ in tokens] for tokens in paragraph.tokens]


def test_sentences_are_joined_by_a_space_and_paragraphs_begin_at_comments() -> None:
    (paragraph,) = gold_paragraphs(gold(DONT, STAY, BYE))
    assert paragraph.text == "I don't. We stay…Bye"
    assert forms(paragraph) == [["I", "don't", "."], ["We", "stay", "…"], ["Bye"]]
    assert paragraph.tokens[0] == [Token(0, 1), Token(2, 7, ("do", "n't")), Token(7, 8)]
    assert paragraph.tokens[2] == [Token(17, 20)]
    assert [sentence.tokens[0] for sentence in paragraph.sentences] == ["I", "We", "Bye"]
    assert texts(gold(DONT, STAY, f"# newpar id = p2\n{BYE}", DONT)) == ["I don't. We stay…", "Bye", "I don't."]
    assert texts(gold(BYE, "# newpar", BYE, BYE)) == ["Bye", "Bye Bye"]
    assert texts(gold(BYE, BYE + "\n# newparagraph")) == ["Bye Bye"]


def test_spaces_inside_sentences_and_tokens_are_those_of_text() -> None:
    (paragraph,) = gold_paragraphs(gold("# text = a  b\u00a0c\u200bd\n1 a No\n2 b\n3 c\n4 d"))
    assert (paragraph.text, forms(paragraph)) == ("a  b\u00a0c\u200bd", [["a", "b", "c", "d"]])
    vietnam = "# text = Việt  Nam, 1 000\n1 Việt~Nam No\n2 , \n3 1~000"
    (paragraph,) = gold_paragraphs(gold(vietnam, "1 1~000~~~0 No\n2 ."))
    assert paragraph.text == "Việt  Nam, 1 000 1 000 0."
    assert forms(paragraph) == [["Việt  Nam", ",", "1 000"], ["1 000 0", "."]]


def test_text_that_is_something_else_than_the_tokens() -> None:
    wrong = "# sent_id = s1\n# text = We go\n1 We\n2 stay"
    with pytest.raises(InputError, match="s1: its words spell 'Westay', its `# text` 'We go'; correct one"):
        texts(gold(BYE, wrong))
    assert texts(gold(BYE, BYE, wrong, BYE), skip=True) == ["Bye Bye", "Bye"]
    assert texts(gold(wrong + " No\n3 .")) == ["We stay."]
    with pytest.raises(InputError, match="spell 'Westay'"):
        texts(gold(BYE, wrong.replace("We go", "We stay on")))
    with pytest.raises(InputError, match=r"^a.conllu, sentence 2: the form '\\u200b' of word 3 is white space"):
        list(gold_paragraphs(gold(BYE, "1 We\n2 go\n3 \u200b"), "a.conllu"))


def test_a_file_without_spacing() -> None:
    assert not has_spacing([])
    assert not has_spacing(gold("1 We\n2 stay", "1-2 au\n1 à\n2 le", "# text = We go\n1 We\n2 stay"))
    assert not has_spacing([Sentence(["We", "stay"])])
    assert has_spacing(gold("1 We\n2 stay", "1 We No\n2 ."))
    assert has_spacing(gold("1 We\n2 stay", BYE))
    with pytest.raises(InputError, match=r"sentence 2 has no `# text` comment, and no token has SpaceAfter=No"):
        texts(gold("# newpar", "1 We\n2 stay"))
    assert texts(gold("1 We\n2 stay"), skip=True) == ["We stay"]
    assert texts(gold("1 We\n2 stay", BYE)) == ["We stay Bye"]
    assert texts([]) == texts(gold("# newpar")) == []


def test_paragraphs_come_as_the_sentences_are_read() -> None:
    read = []

    def endless() -> Iterator[Sentence]:
        while True:
            read.append(1)
            yield from gold(DONT)

    paragraphs = gold_paragraphs(endless(), skip=True)
    assert next(paragraphs).text == next(paragraphs).text == "I don't."
    assert len(read) == 3


FORM = st.text("ab\u0301 \u200b\u2028", min_size=1, max_size=4)


@st.composite
def sentence(draw: st.DrawFn) -> Sentence:
    """Any sentence, with the `# text` of its tokens or without."""
    words = draw(st.lists(FORM, min_size=1, max_size=6))
    multiwords = []
    for start in range(0, len(words) - 1, 3):
        if draw(st.booleans()):
            multiwords.append(MultiwordToken(start, start + 2, draw(FORM)))
    space_after = draw(st.none() | st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    found = Sentence(words, multiwords=multiwords, space_after=space_after)
    if draw(st.booleans()):
        gaps = st.text(" \u00a0\u200b", max_size=3)
        found.text = "".join(f"{draw(gaps)}{token.form}" for token in surface_tokens(found)) + draw(gaps)
    return found


@given(st.lists(sentence(), max_size=4))
def test_every_character_but_space_is_in_the_token_of_its_form(sentences: list[Sentence]) -> None:
    found = list(gold_paragraphs(sentences, skip=True))
    kept = [s for s in sentences if all(without_spaces(token.form) for token in surface_tokens(s))]
    assert [id(s) for paragraph in found for s in paragraph.sentences] == list(map(id, kept))
    for text, inside, tokens in found:
        end = 0
        for one, its_tokens in zip(inside, tokens, strict=True):
            for token, surface in zip(its_tokens, surface_tokens(one), strict=True):
                assert not without_spaces(text[end : token.start])
                assert without_spaces(text[token.start : token.end]) == without_spaces(surface.form)
                assert without_spaces(text[token.start]) == text[token.start]
                assert without_spaces(text[token.end - 1]) == text[token.end - 1]
                assert token.words == (tuple(one.tokens[surface.start : surface.stop]) if surface.multiword else ())
                end = token.end
        assert end == len(text)


@pytest.mark.skipif("TAGGER_TREEBANKS" not in os.environ, reason="TAGGER_TREEBANKS names no folder of treebanks")
def test_treebanks() -> None:
    for path in Path(os.environ["TAGGER_TREEBANKS"]).glob("UD_*/*-dev.conllu"):
        sentences = list(islice(read_conllu(read_lines(str(path)), str(path)), 300))
        assert has_spacing(sentences)
        paragraphs = list(gold_paragraphs(sentences))
        assert [s for paragraph in paragraphs for s in paragraph.sentences] == sentences
        found = [tokens for paragraph in paragraphs for tokens in forms(paragraph)]
        assert found == [[token.form for token in surface_tokens(s)] for s in sentences]


def test_a_text_with_spaces_before_marks_is_read_without_them_too() -> None:
    words = 'He , " Ann " ( 5 % ) said ... no .'
    rows = "\n".join(f"{number} {form}" for number, form in enumerate(words.split(), 1))
    spaced = f"# text = {words}\n{rows}"
    usual = "# text = We stay, no.\n1 We\n2 stay No\n3 ,\n4 no No\n5 ."
    paragraphs = list(gold_paragraphs(gold(spaced, spaced, spaced, f"# newpar\n{spaced}")))
    found = with_usual_spacing(paragraphs)
    assert [each.text for each in found] == [f'{words} He, "Ann" (5%) said ... no. {words}', words]
    assert [forms(each) for each in found] == [forms(each) for each in paragraphs]
    paragraphs = list(gold_paragraphs(gold(usual, f"# newpar\n{spaced}")))
    assert with_usual_spacing(paragraphs) == paragraphs  # half of the marks have spaces
