import os
from itertools import pairwise
from pathlib import Path

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.evaluation.raw_scores import raw_scores
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import Token
from tagger.text.spacing import gold_paragraphs
from tagger.text.strings import SPACE
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


ENGLISH = [
    ("I don't, can't, won't", "I do n't , ca n't , wo n't"),
    ("I'm sure they'll say he's late", "I 'm sure they 'll say he 's late"),
    ("They’ve lost; it isn’t John’s", "They ’ve lost ; it is n’t John ’s"),
    ("the dogs' bowls", "the dogs ' bowls"),
    ("we cannot, gonna, wanna, gotta", "we can not , gon na , wan na , got ta"),
    ("dont im thats dunno", "do nt i m that s du n no"),
    ("she wouldn't've", "she would n't 've"),
    ("O'Neill's at five o'clock", "O'Neill 's at five o'clock"),
    ("see http://a.org/b?c=1#d.", "see http://a.org/b?c=1#d ."),
    ("(www.a.org), a.org or a.org/b", "( www.a.org ) , a.org or a.org/b"),
    ("1,234.56 at 10:30 on the 3rd", "1,234.56 at 10:30 on the 3rd"),
    ("on 10/12/2004, 2004-10-12 or 9/11", "on 10/12/2004 , 2004-10-12 or 9/11"),
    ("1/2 of 5-10", "1 / 2 of 5 - 10"),
    ("call 555-123-4567", "call 555-123-4567"),
    ("fine :) sad :-( grin :D love <3", "fine :) sad :-( grin :D love <3"),
    ("ok👍🏽👨‍👩‍👧🇩🇪🇫🇷1️⃣", "ok 👍🏽 👨‍👩‍👧 🇩🇪 🇫🇷 1️⃣"),
    ("fruit, e.g. apples, at 5 a.m. sharp", "fruit , e.g. apples , at 5 a.m. sharp"),
    ("We sell pens, etc.", "We sell pens , etc ."),
    ("no!!! what?! well...", "no !!! || what ?! || well ..."),
    ("it -- the *** one", "it -- the *** one"),
    ("``so'' (\"he\") [said]", "`` so '' ( \" he \" ) [ said ]"),
    ("well-known e-mail, non-stop", "well - known e-mail , non-stop"),
    ("and/or, w/o", "and / or , w/o"),
    ("AT&T's, U.S.'s, @ann's", "AT&T 's , U.S. 's , @ann 's"),
    ("f*ck *this*", "f*ck * this *"),
    ('"Go." He went.', '" Go . " || He went .'),
    ('"Go?" he said.', '" Go ? " he said .'),
    ("Well ... this. Well ... This", "Well ... this . || Well ... || This"),
    ("Pens, etc. We sell.", "Pens , etc . || We sell ."),
    ("No. 5 is here. No. It is not.", "No. 5 is here . || No . || It is not ."),
    ("It was good.The next one", "It was good . || The next one"),
    ("See http://a.org http://b.org Then go", "See http://a.org || http://b.org || Then go"),
    ("Nice :) Thanks", "Nice :) || Thanks"),
    ("All done. Best regards, Ann", "All done . || Best regards , || Ann"),
    ("the end ------ Next", "the end || ------ || Next"),
    ("a line\nthat goes on", "a line that goes on"),
    ("A heading\r\n \r\nthe text", "A heading || the text"),
    ("I live in the U.K. The weather is bad.", "I live in the U.K . || The weather is bad ."),
    ('We left the U.S. "It was hard," he said.', 'We left the U.S . || " It was hard , " he said .'),
    ("The U.S. Army met the D.C. Police.", "The U.S. Army met the D.C. Police ."),
    ("He works for Dell (U.S.). They pay.", "He works for Dell ( U.S. ) . || They pay ."),
    ("I work at Acme Inc. The pay is good.", "I work at Acme Inc . || The pay is good ."),
    ("Vitamin C. It helps.", "Vitamin C . || It helps ."),
    ("He is 6 ft. tall and 180 lbs. He runs.", "He is 6 ft. tall and 180 lbs . || He runs ."),
    ("J. R. R. Tolkien met George W. Bush.", "J. R. R. Tolkien met George W. Bush ."),
    ("A. The first answer", "A. The first answer"),
    ("Meet at 5 p.m. Ann is fine.", "Meet at 5 p.m . || Ann is fine ."),
    ("At 5 p.m. Monday.", "At 5 p.m. Monday ."),
    ("Meet at 5 p.m. EST on Monday.", "Meet at 5 p.m. EST on Monday ."),
    ("at 10:30am, 5:00 PM or 17:45", "at 10:30 am , 5:00 PM or 17:45"),
    ("Approx. 50 came, approx. half left.", "Approx. 50 came , approx. half left ."),
    ("See Fig. 3, fig. 4 and Vol. 2, pp. 5.", "See Fig. 3 , fig. 4 and Vol. 2 , pp. 5 ."),
    ("Italy vs. The Netherlands", "Italy vs. The Netherlands"),
    ("P.S. I love you.", "P.S. I love you ."),
    ("It is no. 2 of nos. 1 to 5.", "It is no. 2 of nos. 1 to 5 ."),
    ("He said no. then left.", "He said no . || then left ."),
    ("max. 5 people, 5 hours max. it is", "max. 5 people , 5 hours max . || it is"),
    ("I use Yahoo! and watch Jeopardy! daily.", "I use Yahoo! and watch Jeopardy! daily ."),
    ("He works at Yahoo! The pay is good.", "He works at Yahoo! || The pay is good ."),
    ("Do you Yahoo!? Yahoo!! We won.", "Do you Yahoo! ? || Yahoo !! || We won ."),
    ("I write C++, C#, F# and Node.js.", "I write C++ , C# , F# and Node.js ."),
    ("Install v2.0.1-beta or 3.12rc1, not v1.0.", "Install v2.0.1-beta or 3.12rc1 , not v1.0 ."),
    ("ASP.NET uses .NET, main.py and a.tar.gz.", "ASP.NET uses .NET , main.py and a.tar.gz ."),
    ("use --help, -v or --out=a.txt (or -h)", "use --help , -v or --out=a.txt ( or -h )"),
    ("foo_bar and foo-bar", "foo_bar and foo - bar"),
    ("Run /usr/bin/env or /tmp.", "Run /usr/bin/env or /tmp ."),
    (r"Open C:\Users\ann\a.txt, please", r"Open C:\Users\ann\a.txt , please"),
    ("and/or, he/she, TCP/IP, 24/7", "and / or , he / she , TCP / IP , 24 / 7"),
    ("5 km, 3.5km, 500g and 100%", "5 km , 3.5 km , 500 g and 100 %"),
    ("20°C, 20 °C or 68°F, at 90°", "20 °C , 20 °C or 68 °F , at 90 °"),
    ("221B Baker Street, gate 3D", "221B Baker Street , gate 3D"),
    ("iPhone 12, mp3, B2B, H2O, the 1990s", "iPhone 12 , mp3 , B2B , H2O , the 1990s"),
    ("'Tis late. ’Twas night, 'twasn't it?", "'T is late . || ’T was night , 't was n't it ?"),
    ("y'all come, Y’all're late, yall", "y' all come , Y’ all 're late , y all"),
    ("d'you know, alot", "d' you know , a lot"),
    ("its a dog, Its not his; its name", "it s a dog , It s not his ; its name"),
    ("because of its not being so", "because of its not being so"),
    ('(its) a "its" a (its a', '( its ) a " its " a ( it s a'),
    ("rock 'n' roll, ma'am, '90s", "rock 'n' roll , ma'am , '90s"),
    ("an exam-\nple of a well-\nknown word", "an exam - ple of a well - known word"),
    ("an exam\xad\nple", "an exam\xad ple"),
    ("1. Eggs 2. Milk 3. Tea", "1 . Eggs || 2 . Milk || 3 . Tea"),
    ("2. Eggs 1. Milk", "2 . Eggs || 1 . Milk"),
    ("Two problems: 1. It is slow.", "Two problems : 1 . It is slow ."),
    ("He is 12. She is 13.", "He is 12 . || She is 13 ."),
    ("Dear Ann, I hope you are well.", "Dear Ann , || I hope you are well ."),
    ("Hi, I am Ann.", "Hi , I am Ann ."),
    ("Thank you, Senator Lee.", "Thank you , Senator Lee ."),
    ("Write to ann.lee@mail.org It works.", "Write to ann.lee@mail.org || It works ."),
    ("Ann <ann@mail.org> 05/31/2001 09:01 AM Hi", "Ann < ann@mail.org > || 05/31/2001 09:01 AM || Hi"),
    ("Stop (see p. 5). He did (not).", "Stop ( see p. 5 ) . || He did ( not ) ."),
]

UNICODE = [
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
    ("C++ in /usr/bin/env, v2.0.1-beta bei 20 °C", "C++ in /usr/bin/env , v2.0.1-beta bei 20 °C"),
    ("3. und 4. Mai", "3 . und 4 . Mai"),
]


@pytest.mark.parametrize(("rules", "pairs"), [("english", ENGLISH), ("unicode", UNICODE)])
def test_tokens_and_sentences(rules: str, pairs: list[tuple[str, str]]) -> None:
    assert [(text, forms(text, rules)) for text, _ in pairs] == pairs
    assert segment("", rules) == segment(" \t\r\n\u3000\u200b\ufeff\x1c", rules) == []
    assert segment("\ufeffa\u200bb", rules) == [[Token(1, 2), Token(3, 4)]]
    for call in (lambda: segment("a", "german"), lambda: RuleSegmenter("learned")):
        with pytest.raises(InputError, match=r"'(german|learned)'.*english, unicode"):
            call()


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
    assert "".join(text[a:b] for a, b, _ in spans) == regex.sub(f"[{SPACE}]+", "", text)
    assert not any(character.isspace() for a, b, _ in spans for character in text[a:b])
    ends, stops = segment_ends(text, rules)
    assert sorted(ends) == [token.end for token in spans]
    assert stops == [sentence[-1].end for sentence in sentences]


LONG_UNITS = str.split(r"a a. ) a's 1. a- 😀 a@ 。 :) http://) a/ /a ../ aa.b/ C:\ --a= 1.1 v1. no.")


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("unit", [*LONG_UNITS, "\u0301", "\ud800"])
def test_long_text_without_spaces(rules: str, unit: str) -> None:
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
