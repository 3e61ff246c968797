"""CoNLL-U: everything that is not a tag comes back to the byte; texts with the spaces that their sentences say."""

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.text import spacing
from tagger.text.conllu import read_conllu
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import COLUMNS, MultiwordToken, Sentence, Token, numbered, write_conllu
from tagger.text.spacing import gold_paragraphs, has_spacing, surface_tokens, with_usual_spacing, without_spaces
from tests.text.test_readers import LINE, in_form

BLOCK = """\
# newpar
# sent_id = 7
# text = can't see it
1-2\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
1\tca\tcan\tAUX\tMD\tVerbForm=Fin\t0\troot\t_\tSpaceAfter=No
2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_
2.1\tghost\t_\tVERB\tVB\t_\t_\t_\t1:x\t_
3\tsee it\tsee\tVERB\tVB\t_\t1\tx\t_\tNote=a|Gloss=b

"""


def read(text: str) -> list[Sentence]:
    return list(read_conllu(LINE.findall(text), "a.conllu"))


def written(sentences: list[Sentence]) -> str:
    return "".join(map(write_conllu, sentences))


def test_read_with_lemmas() -> None:
    (sentence,) = read(BLOCK)
    assert sentence.tokens == ["ca", "n't", "see it"]
    assert (sentence.tags["upos"], sentence.tags["xpos"]) == (["AUX", "PART", "VERB"], ["MD", "RB", "VB"])
    assert (sentence.tags["feats"], sentence.tags["lemma"]) == (["VerbForm=Fin", "_", "_"], ["can", "not", "see"])
    assert (sentence.text, sentence.offsets) == ("can't see it", None)
    assert sentence.comments == ["# newpar", "# sent_id = 7", "# text = can't see it"]
    assert sentence.multiwords == [MultiwordToken(0, 2, "can't")]
    assert sentence.space_after == [False, True, True]
    sentence.tags = {"lemma": ["can", "no t", ""]}
    assert write_conllu(sentence) == BLOCK.replace("n't\tnot", "n't\tno t").replace("see it\tsee", "see it\t_")
    new = write_conllu(Sentence(["Houses", "_"], {"upos": ["NOUN", "SYM"], "lemma": ["house", "_"]}))
    assert new.startswith("1\tHouses\thouse\tNOUN\t_\t_\t")
    assert "\n2\t_\t_\tSYM\t" in new
    for text, lengths in (
        ("\n\n" + BLOCK + "\n\n# the end\n", [0, 0, 3, 0, 0, 0]),
        (BLOCK.rstrip("\n").replace("MD", ""), [3]),  # an empty cell stays one
        (BLOCK.replace("\n", "\r\n").replace("see it", "see\u2028\x85\x0bit\rx") * 2, [3, 3]),
    ):
        assert [len(sentence) for sentence in read(text)] == lengths
        assert written(read(text)) == text


def rows(*cells: str) -> str:
    """A block of rows given by ID, form and MISC."""
    return "".join("\t".join([*c.split()[:2], *"_______", c.split()[2]]) + "\n" for c in cells) + "\n"


def test_multiword_tokens_and_spaces() -> None:
    for block, multiwords, space_after in (
        (rows("1 a A=b|SpaceAfter=No", "2 b SpaceAfter=Not", "3 c XSpaceAfter=No"), [], [False, True, True]),
        (rows("1 a _", "2-3 bc SpaceAfter=No", "2 b _", "3 c _"), [(1, 3, "bc")], [True, False, False]),
        (rows("1-2 ab _", "1 a _", "2 b SpaceAfter=No", "3 c SpaceAfter=No"), [(0, 2, "ab")], [False, True, False]),
        (rows("1-3 abc _", "1 a _", "1.1 x SpaceAfter=No", "2 b _", "3 c _"), [(0, 3, "abc")], [False, False, True]),
        (rows("1-1 A _", "1 a _"), [(0, 1, "A")], [True]),
        ("# nothing\n\n", [], []),
    ):
        (sentence,) = read(block)
        assert sentence.multiwords == multiwords
        assert sentence.space_after == space_after
        assert write_conllu(sentence) == block


def test_new_blocks_are_composed_and_of_others_named_columns_change_alone() -> None:
    """The validator of Universal Dependencies checks both at level 1: the first in every line, the second in cells."""
    form, lemma, tag = "Cafe\u0301s", "cafe\u0301", "o\u0308"
    sentence = Sentence(
        [form, "\u00a0x "],
        {"lemma": [f"\u2003{lemma} ", " "], "xpos": [tag, tag], "ner": [tag, tag]},
        text=f"{form} x",
        comments=[f"# newdoc id = {lemma}"],
    )
    block = write_conllu(sentence, {"LemmaTop": [lemma, "_"]})
    assert block == (
        "# newdoc id = caf\u00e9\n# text = Caf\u00e9s x\n"
        "1\tCaf\u00e9s\tcaf\u00e9\t_\t\u00f6\t_\t_\t_\t_\tner=\u00f6|LemmaTop=caf\u00e9\n"
        "2\tx\t_\t_\t\u00f6\t_\t_\t_\t_\tner=\u00f6|LemmaTop=_\n\n"
    )
    (kept,) = read(BLOCK.replace("can't", "ca\u0301n't"))  # the lines of CoNLL-U stay as they are
    assert write_conllu(kept) == BLOCK.replace("can't", "ca\u0301n't")
    (sentence,) = read(BLOCK)
    sentence.tags = {"xpos": ["A", "", "c\td\n\ud800"], "ner": ["B", "O", "x|y"]}
    before, after = LINE.findall(BLOCK), LINE.findall(write_conllu(sentence, {"XposProb": ["1.0", "0.5", "0.2"]}))
    assert [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]] == [4, 5, 7]
    assert after[4] == "1\tca\tcan\tAUX\tA\tVerbForm=Fin\t0\troot\t_\tSpaceAfter=No|ner=B|XposProb=1.0\n"
    assert after[5] == "2\tn't\tnot\tPART\t_\t_\t1\tadvmod\t_\tner=O|XposProb=0.5\n"
    assert after[7] == "3\tsee it\tsee\tVERB\tc d \ufffd\t_\t1\tx\t_\tNote=a|Gloss=b|ner=x\\py|XposProb=0.2\n"
    sentence = Sentence(
        ["Don", "'t", "go\t1", ""],
        {"upos": ["AUX", "PART", "VERB", "X"], "ner": ["O"] * 4},
        offsets=[(9, 12), (12, 14), (15, 19), (19, 20)],
        text="Don't  go\t1 ",
        comments=["# newpar"],
    )
    blank = "\t_" * 5
    assert write_conllu(sentence) == (
        f"# newpar\n# text = Don't go 1_\n1\tDon\t_\tAUX{blank}\tSpaceAfter=No|ner=O\n2\t't\t_\tPART{blank}\tner=O\n"
        f"3\tgo 1\t_\tVERB{blank}\tSpaceAfter=No|ner=O\n4\t_\t_\tX{blank}\tner=O\n\n"
    )
    assert write_conllu(Sentence([], offsets=[], text="")) == ""
    assert write_conllu(Sentence(["a"], text="a\n b")).startswith("# text = a b\n1\ta\t")


def test_multiword_tokens_of_a_text_and_numbers_of_sentences() -> None:
    words = [Token(0, 2, ("De", "le")), Token(4, 8), Token(8, 10, ("\u00e0", "le")), Token(11, 15), Token(15, 16)]
    first, second = Paragraph(0, "Du  painau chef.Va", opens=True).cut([words, [Token(16, 18)]])
    first.tags = {"upos": ["ADP", "DET", "NOUN", "ADP", "DET", "NOUN", "PUNCT"]}
    blank = "\t_" * 5
    expected = (
        "# newpar\n# text = Du painau chef.\n"
        f"1-2\tDu{blank}\t_\t_\t_\n1\tDe\t_\tADP{blank}\tProb=1\n2\tle\t_\tDET{blank}\tProb=2\n"
        f"3\tpain\t_\tNOUN{blank}\tSpaceAfter=No|Prob=3\n"
        f"4-5\tau{blank}\t_\t_\t_\n4\t\u00e0\t_\tADP{blank}\tProb=4\n5\tle\t_\tDET{blank}\tProb=5\n"
        f"6\tchef\t_\tNOUN{blank}\tSpaceAfter=No|Prob=6\n7\t.\t_\tPUNCT{blank}\tSpaceAfter=No|Prob=7\n\n"
    )
    numbers = {"Prob": list("1234567")}
    assert write_conllu(first, numbers) == expected
    assert write_conllu(second) == f"# text = Va\n1\tVa{blank}\t_\t_\t_\n\n"
    first.space_after = None
    assert write_conllu(first, numbers) == expected.replace("SpaceAfter=No|Prob=7", "Prob=7")  # offsets say the rest
    first.offsets = None
    assert write_conllu(first, numbers) == expected.replace("SpaceAfter=No|", "")
    text = "".join(map(write_conllu, [Sentence(["a"], comments=["# newpar"]), Sentence(["b"], text="b"), Sentence([])]))
    shown, following = numbered(text, 9)
    assert following == 11
    assert [s.comments for s in read(shown)] == [["# newpar", "# sent_id = 9"], ["# sent_id = 10", "# text = b"]]
    assert re.sub("# sent_id.*\n", "", shown) == text
    assert numbered("", 3) == ("", 3)


AFTER_3 = BLOCK.rstrip("\n") + "\n"
ROW = "\t_" * 8 + "\n"


def test_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, line, said in (
        (AFTER_3 + "1\ta\tb\r\n", 9, r"3 columns.*10.*'1\\ta\\tb'"),
        (AFTER_3 + "²\t_" + ROW, 9, "'²'.*not an ID"),
        (AFTER_3 + "1\tsecond" + ROW, 9, r"the ID '1' \('second'\) stands where 4 is due.*empty line"),
        (AFTER_3 + "5\tx" + ROW, 9, r"the ID '5' \('x'\) stands where 4 is due.*number the words"),
        (AFTER_3 + "04\tx" + ROW, 9, r"the ID '04' \('x'\) stands where 4 is due"),
        (AFTER_3 + "4.1\tx" + ROW, 9, r"the empty node '4.1' \('x'\) stands after word 3"),
        (AFTER_3 + "4\t" + ROW, 9, r"no FORM in '4\\t\\t_.*write the form of '4' into the second column"),
        (AFTER_3 + "word " * 2000, 9, "1 columns"),
        (rows("1 a _", "2 b _", "4-3 x _", "3 c _", "4 d _"), 3, "4-3 ends before it begins; write 3-4"),
        (rows("1-2 ab _", "1 a _", "2-3 bc _", "2 b _", "3 c _"), 3, "2-3 has words of 'ab'"),
        (rows("1 a _", "2-3 bc _", "2 b _"), 2, "2-3 does not stand before words 2 to 3 of its sentence; put"),
        (rows(f"1-{'9' * 5000} ab _", "1 a _"), 1, "is not an ID of CoNLL-U"),
        ("#\n" * 20, 11, "10 lines"),  # without end
    ):
        monkeypatch.setattr("tagger.text.conllu.MAX_BLOCK_LINES", 10)
        with pytest.raises(InputError, match=rf"^a\.conllu, line {line + 2}: .*({said})") as raised:
            read("\n\n" + text)
        message = str(raised.value)
        assert len(message) < 250
        assert "\n" not in message


cell = st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), max_size=6)
row = st.tuples(cell.filter(bool), st.lists(cell, min_size=7, max_size=7)).map(lambda parts: [parts[0], *parts[1]])
word_or_other = st.tuples(st.just("word") | st.sampled_from(["empty", "range"]), row)
comment = st.tuples(st.just("#"), st.lists(cell, min_size=1, max_size=1))


@st.composite
def blocks(draw: st.DrawFn) -> str:
    out = []
    number = reach = 0  # the last word so far, and that of the last multiword token
    end = draw(st.sampled_from(["\n", "\r\n"]))
    parts = draw(st.lists(word_or_other | comment, max_size=8))
    words = [kind for kind, _ in parts].count("word")
    for kind, cells in parts:
        number += kind == "word"
        identifier = str(number) if kind == "word" else f"{number}.1"
        if kind == "range":
            if number == words or number < reach:
                continue
            reach = draw(st.integers(number + 1, words))
            identifier = f"{number + 1}-{reach}"
        misc = draw(st.sampled_from(["_", "", "A=b|SpaceAfter=No", "|"]))
        out.append("#" + cells[0] + end if kind == "#" else "\t".join([identifier, *cells, misc]) + end)
    return "".join(out) + end


@given(st.lists(blocks(), max_size=4), st.integers(0, 3))
def test_any_blocks_round_trip(parts: list[str], cut: int) -> None:
    text = "".join(parts)
    text = text[: len(text) - cut] if text.endswith("\n\n\n"[:cut]) else text
    sentences = read(text)
    assert written(sentences) == text
    assert sum(len(s.lines or []) for s in sentences) == len(LINE.findall(text))
    again = read("".join(write_conllu(s, {"UposProb": ["0.5"] * len(s)}) for s in sentences))
    assert [replace(s, lines=None) for s in again] == [replace(s, lines=None) for s in sentences]


@st.composite
def paragraphs(draw: st.DrawFn) -> tuple[str, list[list[Token]]]:
    """A text and a way to cut it: every character that is no space is in one token."""
    text = draw(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab \n\t."), max_size=20))
    sentences: list[list[Token]] = [[]]
    several = st.lists(st.text("ab\u4f60", min_size=1, max_size=3), min_size=2, max_size=3).map(tuple)
    words = st.just(()) | several  # a single word is one that a line end cuts
    place = 0
    while place < len(text):
        end = draw(st.integers(place + 1, min(len(text), place + 4)))
        if text[place].isspace():
            place += 1
            continue
        if text[end - 1].isspace():
            end = place + 1
        sentences[-1].append(Token(place, end, draw(words)))
        if draw(st.booleans()):
            sentences.append([])
        place = end
    return text, sentences


@given(paragraphs(), st.booleans())
def test_any_text_round_trips(paragraph: tuple[str, list[list[Token]]], closes: bool) -> None:
    text, tokens = paragraph
    sentences = list(Paragraph(7, text, True, closes).cut(tokens))
    shown, _ = numbered("".join(map(write_conllu, sentences)), 1)
    again = read(shown)
    assert [(s.tokens, s.multiwords, s.space_after) for s in again] == [
        (list(map(in_form, s.tokens)), [(*place, in_form(form)) for *place, form in s.multiwords], s.space_after)
        for s in sentences
    ]
    assert [s.name for s in again] == [str(i) for i, _ in enumerate(sentences, 1)]
    plain = [re.sub(r"\s+", " ", text[s.offsets[0][0] - 7 : s.offsets[-1][1] - 7]) for s in sentences if s.offsets]
    assert [s.comments[-1] for s in again] == [unicodedata.normalize("NFC", f"# text = {line}") for line in plain]


@pytest.mark.skipif("TAGGER_TREEBANKS" not in os.environ, reason="TAGGER_TREEBANKS names no folder of treebanks")
def test_treebanks() -> None:
    paths = sorted(Path(os.environ["TAGGER_TREEBANKS"]).glob("UD_*/*-dev.conllu"))
    assert paths
    for path in paths:
        content = b"\n\n".join([*path.read_bytes().split(b"\n\n")[:300], b""])
        sentences = read(content.decode())
        assert written(sentences).encode() == content, path
        assert has_spacing(sentences)
        paragraphs = list(gold_paragraphs(sentences))
        assert [s for paragraph in paragraphs for s in paragraph.sentences] == [s for s in sentences if s.tokens]
        found = [tokens for paragraph in paragraphs for tokens in forms(paragraph)]
        assert found == [[token.form for token in surface_tokens(s)] for s in sentences if s.tokens]
        for sentence in sentences:
            sentence.tags = {column: ["CHANGED"] * len(sentence) for column in COLUMNS}
        changed = written(sentences).encode().split(b"\n")
        for before, after in zip(content.split(b"\n"), changed, strict=True):
            if before[:1].isdigit() and before.split(b"\t")[0].isdigit():
                cells = before.split(b"\t")
                cells[2:6] = [b"CHANGED"] * 4
                before = b"\t".join(cells)
            assert before == after, path


def gold(*blocks: str) -> list[Sentence]:
    """Sentences of CoNLL-U: each block has comments, then rows `ID FORM` or `ID FORM No`, where ~ is a space."""
    lines = "\n\n".join([*blocks, ""]).splitlines(keepends=True)
    for place, line in enumerate(lines):
        if line[0] not in "#\n":
            number, form, *no = line.split()
            cells = number, form.replace("~", " "), *"_" * 7, "SpaceAfter=No" if no else "_"
            lines[place] = "\t".join(cells) + "\n"
    return list(read_conllu(lines, "gold.conllu"))


DONT = "# newdoc\n# text = I don't.\n1 I\n2-3 don't No\n2 do\n3 n't\n4 ."
STAY = "# sent_id = s2\n# text = We stay…\n1 We\n2 stay No\n3 … No"
BYE = "# text = Bye\n1 Bye"


def texts(sentences: list[Sentence], skip: bool = False) -> list[str]:
    return [paragraph.text for paragraph in gold_paragraphs(sentences, skip=skip)]


def forms(paragraph: spacing.GoldParagraph) -> list[list[str]]:
    return [[paragraph.text[start:end] for start, end, _ in tokens] for tokens in paragraph.tokens]


def test_spaces_are_those_of_text_or_one_between_sentences_and_paragraphs_begin_at_comments() -> None:
    (paragraph,) = gold_paragraphs(gold(DONT, STAY, BYE))
    assert paragraph.text == "I don't. We stay…Bye"
    assert forms(paragraph) == [["I", "don't", "."], ["We", "stay", "…"], ["Bye"]]
    assert paragraph.tokens[0] == [Token(0, 1), Token(2, 7, ("do", "n't")), Token(7, 8)]
    assert paragraph.tokens[2] == [Token(17, 20)]
    assert [sentence.tokens[0] for sentence in paragraph.sentences] == ["I", "We", "Bye"]
    assert texts(gold(DONT, STAY, f"# newpar id = p2\n{BYE}", DONT)) == ["I don't. We stay…", "Bye", "I don't."]
    assert texts(gold(BYE, "# newpar", BYE, BYE)) == ["Bye", "Bye Bye"]
    assert texts(gold(BYE, BYE + "\n# newparagraph")) == ["Bye Bye"]
    (paragraph,) = gold_paragraphs(gold("# text = a  b\u00a0c\u200bd\n1 a No\n2 b\n3 c\n4 d"))
    assert (paragraph.text, forms(paragraph)) == ("a  b\u00a0c\u200bd", [["a", "b", "c", "d"]])
    vietnam = "# text = Việt  Nam, 1 000\n1 Việt~Nam No\n2 , \n3 1~000"
    (paragraph,) = gold_paragraphs(gold(vietnam, "1 1~000~~~0 No\n2 ."))
    assert paragraph.text == "Việt  Nam, 1 000 1 000 0."
    assert forms(paragraph) == [["Việt  Nam", ",", "1 000"], ["1 000 0", "."]]


def test_paragraphs_of_files_without_spacing_or_with_another_text() -> None:
    wrong = "# sent_id = s1\n# text = We go\n1 We\n2 stay"
    with pytest.raises(InputError, match="s1: its words spell 'Westay', its `# text` 'We go'; correct one"):
        texts(gold(BYE, wrong))
    assert texts(gold(BYE, BYE, wrong, BYE), skip=True) == ["Bye Bye", "Bye"]
    assert texts(gold(wrong + " No\n3 .")) == ["We stay."]
    with pytest.raises(InputError, match="spell 'Westay'"):
        texts(gold(BYE, wrong.replace("We go", "We stay on")))
    with pytest.raises(InputError, match=r"^a.conllu, sentence 2: the form '\\u200b' of word 3 is white space"):
        list(gold_paragraphs(gold(BYE, "1 We\n2 go\n3 \u200b"), "a.conllu"))
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
