import os
from itertools import pairwise
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.evaluation.raw_scores import gold_paragraphs, raw_scores
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.segment import RULES, SPACE, segment
from tagger.text.sentence import Sentence

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
TYPICAL_TEXT = st.text(
    st.sampled_from("aBİß1 \n\t.,:;!?'’-/\\@#&*_()<>\"=~$%…。你ก\u0301\u200b\u200d\ufeff\x00\x1c😀🏽🇩\ud800")
)


def forms(text: str, rules: str = "english") -> str:
    """Tokens divided by a space, sentences by ` || `."""
    return " || ".join(" ".join(text[a:b] for a, b in sentence) for sentence in segment(text, rules))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # clitics
        ("I don't, can't, won't", "I do n't , ca n't , wo n't"),
        ("I'm sure they'll say he's late", "I 'm sure they 'll say he 's late"),
        ("They’ve lost; it isn’t John’s", "They ’ve lost ; it is n’t John ’s"),
        ("the dogs' bowls", "the dogs ' bowls"),
        ("we cannot, gonna, wanna, gotta", "we can not , gon na , wan na , got ta"),
        ("dont im thats dunno", "do nt i m that s du n no"),
        ("she wouldn't've", "she would n't 've"),
        ("its id well", "its id well"),
        ("O'Neill's at five o'clock", "O'Neill 's at five o'clock"),
        ("the 80's, '90s and get 'em", "the 80's , '90s and get 'em"),
        # names of things on the net
        ("see http://a.org/b?c=1#d.", "see http://a.org/b?c=1#d ."),
        ("(www.a.org), a.org or a.org/b", "( www.a.org ) , a.org or a.org/b"),
        ("write to <ann.lee@mail.org>", "write to < ann.lee@mail.org >"),
        ("@ann likes #news", "@ann likes #news"),
        ("open report.pdf", "open report.pdf"),
        # numbers
        ("1,234.56 at 10:30 on the 3rd", "1,234.56 at 10:30 on the 3rd"),
        ("$5, 50% and €7", "$ 5 , 50 % and € 7"),
        ("on 10/12/2004, 2004-10-12 or 9/11", "on 10/12/2004 , 2004-10-12 or 9/11"),
        ("1/2 of 5-10", "1 / 2 of 5 - 10"),
        ("5pm, 30km, $2.5m", "5 pm , 30 km , $ 2.5 m"),
        ("call 555-123-4567", "call 555-123-4567"),
        # emoji and emoticons
        ("fine :) sad :-( grin :D love <3", "fine :) sad :-( grin :D love <3"),
        ("ok👍🏽👨‍👩‍👧🇩🇪🇫🇷1️⃣", "ok 👍🏽 👨‍👩‍👧 🇩🇪 🇫🇷 1️⃣"),
        # abbreviations
        ("Mr. J. Smith of the U.S. left", "Mr. J. Smith of the U.S. left"),
        ("fruit, e.g. apples, at 5 a.m. sharp", "fruit , e.g. apples , at 5 a.m. sharp"),
        ("Acme Inc. sells", "Acme Inc. sells"),
        ("We sell pens, etc.", "We sell pens , etc ."),
        # punctuation
        ("no!!! what?! well...", "no !!! || what ?! || well ..."),
        ("it -- the *** one", "it -- the *** one"),
        ("``so'' (\"he\") [said]", "`` so '' ( \" he \" ) [ said ]"),
        ("well-known e-mail, non-stop", "well - known e-mail , non-stop"),
        ("and/or, w/o", "and / or , w/o"),
        ("AT&T's, U.S.'s, @ann's", "AT&T 's , U.S. 's , @ann 's"),
        ("see p. 5 in ch. 3", "see p. 5 in ch. 3"),
        ("f*ck *this*", "f*ck * this *"),
    ],
)
def test_english_tokens(text: str, expected: str) -> None:
    assert forms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? four", "One . || Two ! || Three ? || four"),
        ('"Go." He went.', '" Go . " || He went .'),
        ('"Go?" he said.', '" Go ? " he said .'),
        ("Well ... this. Well ... This", "Well ... this . || Well ... || This"),
        ("Dr. Lee met Mr. Fox.", "Dr. Lee met Mr. Fox ."),
        ("Pens, etc. We sell.", "Pens , etc . || We sell ."),
        ("No. 5 is here. No. It is not.", "No. 5 is here . || No . || It is not ."),
        ("1. Open it. 2. Close it.", "1 . Open it . || 2 . Close it ."),
        ("It was good.The next one", "It was good . || The next one"),
        ("See http://a.org http://b.org Then go", "See http://a.org || http://b.org || Then go"),
        ("Nice :) Thanks", "Nice :) || Thanks"),
        ("All done. Best regards, Ann", "All done . || Best regards , || Ann"),
        ("Ann Lee 05/31/2001 09:01 AM Dear all", "Ann Lee || 05/31/2001 09:01 AM || Dear all"),
        ("- eggs - milk", "- eggs || - milk"),
        ("the end ------ Next", "the end || ------ || Next"),
        ("a line\nthat goes on", "a line that goes on"),
        ("A heading\r\n \r\nthe text", "A heading || the text"),
    ],
)
def test_english_sentences(text: str, expected: str) -> None:
    assert forms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know l'eau, peut-être", "I don't know l'eau , peut-être"),
        ("हिन्दी है। यह भी।", "हिन्दी है । || यह भी ।"),
        ("هل هذا؟ نعم.", "هل هذا ؟ || نعم ."),
        ("你好。再见！「是。」テストは", "你 好 。 || 再 见 ！ || 「 是 。 」 || テスト は"),
        ("สวัสดีครับ ไทย", "สวัสดีครับ ไทย"),
        ("می‌روم", "می‌روم"),
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("1.234,56 um 10:30", "1.234,56 um 10:30"),
        ("10-year-old, 2004-10-12", "10-year-old , 2004-10-12"),
        ("Am 3. Mai ca. zehn. Dann", "Am 3 . Mai ca . zehn . || Dann"),
        ("hm... ja!! a@b.de https://c.de/x", "hm ... ja !! a@b.de https://c.de/x"),
        ("👍🏽!", "👍🏽 !"),
    ],
)
def test_unicode(text: str, expected: str) -> None:
    assert forms(text, "unicode") == expected


@pytest.mark.parametrize("rules", RULES)
def test_nothing_but_space_is_no_sentence(rules: str) -> None:
    assert segment("", rules) == segment(" \t\r\n\u3000\u200b\ufeff\x1c", rules) == []


@pytest.mark.parametrize("rules", RULES)
def test_space_without_width_divides_tokens(rules: str) -> None:
    assert segment("\ufeffa\u200bb", rules) == [[(1, 2), (3, 4)]]


def test_unknown_rules() -> None:
    with pytest.raises(InputError, match=r"'german'.*english, unicode"):
        segment("a", "german")


@pytest.mark.parametrize("rules", RULES)
@given(text=st.one_of(ANY_TEXT, TYPICAL_TEXT))
def test_every_character_but_space_is_in_one_token(rules: str, text: str) -> None:
    sentences = segment(text, rules)
    assert all(sentences)
    spans = [span for sentence in sentences for span in sentence]
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in pairwise(spans))
    assert "".join(text[a:b] for a, b in spans) == regex.sub(f"[{SPACE}]+", "", text)
    assert not any(character.isspace() for a, b in spans for character in text[a:b])


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(
    "unit", ["a", "a.", ")", "a's", "1.", "a-", "😀", "\u0301", "a@", "。", ":)", "http://)", "\ud800"]
)
def test_long_text_without_spaces(rules: str, unit: str) -> None:
    text = unit * 5000
    assert sum(b - a for sentence in segment(text, rules) for a, b in sentence) == len(text)


def test_english_on_a_treebank() -> None:
    folder = os.environ.get("TAGGER_TREEBANKS")
    if not folder:
        pytest.skip("TAGGER_TREEBANKS is not set to a folder with UD_English-EWT")
    path = str(Path(folder, "UD_English-EWT", "en_ewt-ud-dev.conllu"))
    gold = list(gold_paragraphs(read_conllu(read_lines(path), path)))
    system = ([Sentence([text[a:b] for a, b in spans]) for spans in segment(text)] for text, _ in gold)
    scores = raw_scores(gold, system)
    assert scores["words"].f1 > 0.992
    assert scores["sentences"].f1 > 0.88
