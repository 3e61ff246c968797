"""Words, sentences and documents; values from outside, cells of a terminal, lexicons, tags of spans, edit scripts."""

import copy
import json
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from tagger.errors import InputError
from tagger.text.schema import Count, Dropout, Name, Size, bad_value, one_of, read, read_json
from tagger.text.sentence import SHOWN, Document, MultiwordToken, Sentence, Word
from tagger.text.strings import display_width, encodable, fitted, is_annotated, printable
from tagger.text.tags import breaks_of, has_breaks, is_span_column, read_lexicon, unknown_tag
from tagger.words.edit_scripts import MAX_CHARACTERS, apply_script, edit_script, length

BIO = ["B-NP", "B-VP", "I-NP", "I-VP", "O"]
TAGS = ["NOUN", "VERB", "Case=Nom|Number=Sing", "_"]
TEXT = "Im <b> gut"


def german() -> Sentence:
    return Sentence(
        ["In", "dem", "<b>"],
        {"upos": ["ADP", "DET", "SYM"], "lemma": ["in", "der", "<b>"], "ner": ["O", "O", "_"]},
        {"upos": [0.5, 0.75, 1.0]},
        offsets=[(0, 2), (0, 2), (3, 6)],
        text="Im <b>",
        multiwords=[MultiwordToken(0, 2, "Im")],
        language="german",
    )


def test_words_read_their_sentence() -> None:
    whole = german()
    first, _, last = whole
    assert [str(word) for word in whole] == [word.text for word in whole[:]] == whole.tokens
    assert (first.upos, first.lemma, first.tag("ner")) == ("ADP", "in", "O")
    assert Sentence(["a"], {"feats": ["Case=Nom|Number=Sing"]})[0].features == {"Case": "Nom", "Number": "Sing"}
    assert (first.features, repr(whole)) == ({}, "Sentence('Im <b>', 3 words, upos, lemma, ner)")
    assert (first.xpos, first.feats, first.tag("head")) == ("_", "_", "_")
    assert [TEXT[word.start : word.end] for word in whole] == ["Im", "Im", "<b>"]
    assert [word.probability for word in whole] == [0.5, 0.75, 1.0]
    assert last == whole[-1] == whole[2] != first
    assert len({*whole, *whole[1:]}) == 3
    assert whole[1:] == list(whole)[1:]
    whole.tags["upos"][2] = "X"
    assert last.upos == "X"  # it has no copy
    assert repr(first) == "Word('In', upos='ADP', feats='_', lemma='in')"
    with pytest.raises(IndexError):
        whole[3]
    (word,) = Sentence(["a"])
    assert (word.upos, word.start, word.end, word.probability) == ("_", None, None, None)
    assert word.to_dict() == {"text": "a"}
    assert Word(Sentence(["a"]), 0) != word  # another sentence


def test_what_a_document_becomes_and_notebooks_show_a_table() -> None:
    document = Document([german(), Sentence(["gut"], {"upos": ["ADJ"]}, text="gut")], TEXT)
    assert str(document) == document.text == TEXT
    assert document[1:].text == TEXT
    assert document[1:] == [document[1]]
    assert repr(document[1:]) == "Document('Im <b> gut', 1 sentences)"
    keys = ("text", "upos", "lemma", "ner", "start", "end", "probability")
    rows = [("In", "ADP", "in", "O", 0, 2, 0.5), ("dem", "DET", "der", "O", 0, 2, 0.75)]
    rows.append(("<b>", "SYM", "<b>", "_", 3, 6, 1.0))
    words = [dict(zip(keys, row, strict=True)) for row in rows]
    first = {"text": "Im <b>", "language": "german", "multiwords": [[0, 2, "Im"]], "words": words}
    second = {"text": "gut", "words": [{"text": "gut", "upos": "ADJ"}]}
    assert json.loads(json.dumps(document.to_dict())) == {"text": TEXT, "sentences": [first, second]}
    assert document.to_conllu() == (f"# sent_id = 1\n{document[0].to_conllu()}# sent_id = 2\n{document[1].to_conllu()}")
    assert "1-2\tIm" in document[0].to_conllu()
    for copied in (copy.deepcopy(document), pickle.loads(pickle.dumps(document))):
        assert (copied, copied.text) == (document, TEXT)
    shown = german()._repr_html_()
    assert "<th>text</th><th>upos</th><th>lemma</th><th>ner</th>" in shown
    assert '<td dir="auto">&lt;b&gt;</td>' in shown
    assert "<b>" not in shown
    long = Document([Sentence(["a"])] * (SHOWN + 2), "a")._repr_html_()
    assert long.count("<table>") == SHOWN
    assert "2 more sentences" in long


def test_cells_of_a_terminal_and_what_is_annotated() -> None:
    texts = {"": 0, "abc": 3, "猫a": 3, "e\u0301t": 2, "ａ\u200d": 2}
    assert {text: display_width(text) for text in texts} == texts
    rows = [("abc", 3), ("abcd", 3), ("猫猫", 4), ("猫猫", 3), ("猫猫", 2), ("a\tb", 3)]
    assert [fitted(text, width) for text, width in rows] == ["abc", "ab…", "猫猫", "猫…", "…", "a\ufffdb"]
    assert printable("a\x1b[2J\r\n\x9b\u2028\ud800é") == "a\ufffd[2J\ufffd\ufffd\ufffd\ufffd\ufffdé"
    assert (encodable("a"), encodable("é\ud800\udfff😀")) == ("a", "é\ufffd\ufffd😀")
    rows = ["upos NOUN dog +", "upos _ dog", "upos _ _", "upos - dog", "xpos _ dog", "feats _ dog +", "feats - dog"]
    rows += ["lemma dog dogs +", "lemma _ dogs", "lemma _ _ +", "lemma - _"]
    for column, tag, form, *annotated in map(str.split, rows):
        assert is_annotated(column, tag.replace("-", ""), form) is bool(annotated)


def test_tokens_are_a_list_and_a_comment_has_the_name() -> None:
    for tokens in ("They", None, 5, {"They"}, b"They", iter(["They"])):
        with pytest.raises(InputError, match=r"^Sentence\(.*\): .* (give a list of strings|Tagger\.annotate)"):
            Sentence(tokens)  # type: ignore[arg-type]
    names = ([], None), (["# newpar", "# sent_id = a = b "], "a = b"), (["#sent_id=7"], "7")
    for comments, name in names:
        sentence = Sentence(["They", "book"], comments=comments)
        assert (len(sentence), sentence.name) == (2, name)


def test_lexicons_and_what_tags_of_spans_cannot_do() -> None:
    lines = ["# a comment\n", "\n", "book\tNOUN|VERB|NOUN\r\n", "#\tVERB\n"]
    lines += ["he\tCase=Nom|Number=Sing\tNOUN\n", "a b\t_"]
    entries = read_lexicon(lines, "words.tsv", TAGS, "upos")
    assert entries == {"book": ("NOUN", "VERB"), "#": ("VERB",), "he": ("Case=Nom|Number=Sing", "NOUN"), "a b": ("_",)}
    swapped = Sentence(["he", "he"], {"feats": ["Number=Sing|Case=Nom", "_"]})
    assert unknown_tag(swapped, {"feats": ["Case=Nom|Number=Sing"]}) is None
    assert swapped.tags["feats"] == ["Case=Nom|Number=Sing", "_"]
    for text, said in {
        "book\tNOUN\nread\tVRB\n": "words.tsv, line 2: 'VRB' is no tag of upos.* NOUN, VERB.*correct it",
        "book NOUN\n": r"words.tsv, line 1: .*'book NOUN'.*form<TAB>TAG\|TAG",
        "\tNOUN\n": r"line 1: .*form<TAB>TAG\|TAG",
        "book\t\n": r"line 1: .*form<TAB>TAG\|TAG",
        "book\tNOUN\na\tNOUN\nbook\tVERB\n": "line 3: 'book' has an entry in line 1",
    }.items():
        with pytest.raises(InputError, match=said):
            read_lexicon(text.splitlines(keepends=True), "words.tsv", TAGS, "upos")
    columns = (BIO, ["B-X"], ["O"], ["NOUN", "O"], ["B", "I", "O"])
    assert [is_span_column(tags) for tags in columns] == [True, True, False, False, False]
    breaks = breaks_of(BIO)
    assert breaks.first == ["I-NP", "I-VP"]
    bad = "B-NP I-VP, I-NP I-VP, B-VP I-NP, I-VP I-NP, O I-NP, O I-VP"
    assert set(breaks.pairs) == {tuple(pair.split()) for pair in bad.split(", ")}
    pairs = set(breaks_of(["B-X", "I-X", "E-X", "S-X", "O"]).pairs)  # in BIOES a span goes on to its end
    assert {("B-X", "O"), ("I-X", "S-X"), ("O", "E-X"), ("S-X", "I-X"), ("E-X", "I-X")} <= pairs
    assert not {("B-X", "E-X"), ("B-X", "I-X"), ("E-X", "B-X"), ("O", "S-X"), ("I-X", "E-X")} & pairs
    rows = ["B-NP I-NP O", "I-NP O", "O I-NP", "B-VP I-NP", "B-NP _ I-NP", ""]  # a blank says nothing
    found = [has_breaks([["O"], row.split()], breaks, set(BIO)) for row in rows]
    assert found == [False, True, True, True, False, False]


_ANY = st.text(st.characters(exclude_characters="\t\n\r", categories=None), max_size=12)
_TRAPS = st.text(st.sampled_from("aAbBeEßẞİIıiΣσςǆǅŉ'’.-*\\:+ \u0301\ud800\udfffحَⲁ中가กำé"), max_size=12)
_TEXT = st.one_of(_ANY, _TRAPS)


@given(_TEXT, _TEXT, _TEXT)
@settings(max_examples=250)
def test_every_pair_comes_back(stem: str, one: str, other: str) -> None:
    changed = [(stem + one, stem + other), (one + stem, other + stem), (stem + one, f"{stem} {one}"), (one, other)]
    recased = [(stem.upper(), stem.lower()), (stem.title(), stem), (stem.lower(), stem.upper())]
    for source, target in changed + recased:
        script = edit_script(source, target)
        assert apply_script(script, source) == target
        assert not set(script) & set("\t\n\r")


@given(_TEXT, _TEXT, st.sampled_from(["", "keep:", "lower:", "like:", "title:", "upper:", "jamo:"]))
@settings(max_examples=150)
def test_any_string_is_applied_or_refused(template: str, source: str, capitals: str) -> None:
    result = apply_script(capitals + template, source)
    assert result is None or isinstance(result, str)


ALIKE = r"""lower:* = The/the the/the LIVE/live 2/2; lower:*- = Houses/house houses/house CATS/cat;
lower:*---y = stories/story Ladies/lady; lower:*--ll. = bcdaae/bcdlle; lower:--* = gewerk/werk;
lower:be = is/be was/be Am/be; keep:* = Paris/Paris NATO/NATO iPhone/iPhone I/I; keep:*- = Germans/German;
title:* = PARIS/Paris; upper:* = nato/NATO; lower:\- = —/-; keep:* ... = don't/do_n't Don't/Do_n't DON'T/DO_N'T;
keep:* .. = it's/it_'s It's/It_'s iPhone's/iPhone_'s; like:.e * = daquele/de_aquele Duma/De_uma;
like:de le = du/de_le Du/De_le DU/DE_LE; jamo:*-+ㄴ = 간/가+ㄴ 폭행한/폭행하+ㄴ; lower:* = 그/그;
like:à les = aux/à_les Aux/À_les AUX/À_LES"""


def test_pairs_that_change_alike_share_a_script_which_is_applied_to_words_that_it_fits() -> None:
    for row in ALIKE.split(";"):
        script, pairs = row.strip().split(" = ")
        for pair in pairs.split():
            assert edit_script(*pair.replace("_", " ").split("/")) == script
    rows = """lower:*---y Berries berry; like:de_le DU DE_LE; lower:*-- ass a; jamo:*-+ㄴ 큰 크+ㄴ;
    keep:*_... Needn't Need_n't"""
    for script, word, result in map(str.split, rows.split(";")):
        assert apply_script(script.replace("_", " "), word) == result.replace("_", " ")
    for script, word in (("lower:*--", "as"), ("keep:* ...", "n't"), ("jamo:*---", "간")):  # too short
        assert apply_script(script, word) is None
    assert apply_script("jamo:*-", "가") is None  # of which a letter would be left
    assert [length(word) for word in ("간다", "NATO", "é", "")] == [5, 4, 1, 0]
    for script in ("", "*", "lower", "other:*", "keep:**", "keep:.", "keep:a-"):
        assert apply_script(script, "word") is None
    long = "ab" * 50_000
    assert edit_script(long, long) == "lower:*"
    assert apply_script(edit_script(long, long + "c"), long) == long + "c"
    half = "ab" * (MAX_CHARACTERS // 2)
    assert apply_script(edit_script(half, half[::-1]), half) == half[::-1]


class Saved(TypedDict):
    sizes: list[Count]
    tune: bool


@dataclass
class Hidden:
    forward: Size | list[Size] | None


@dataclass
class Model:
    cell: Annotated[str, one_of(("gru", "lstm"))]
    depth: Count
    hidden: Hidden
    dropout: Dropout | None = None
    saved: Saved | None = None
    places: dict[str, int | None] = field(default_factory=dict)
    name: Name | None = None
    tags: list[str] = field(default_factory=list)
    lr: Annotated[float, Meta(gt=0, le=1)] = 0.1
    all: list[Hidden] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.depth == 7:
            raise InputError("model.depth=7: seven is bad luck; give another number")


@dataclass
class Page:
    model: Model
    seed: int = 1


def values(**changes: Any) -> dict[str, Any]:
    return {"model": {"cell": "gru", "depth": 2, "hidden": {"forward": [3, 4]}, **changes}}


def test_values_that_fit_and_how_others_are_shown() -> None:
    page = read(Page, values(dropout=0, saved={"sizes": [1], "tune": True}, places={"upos": None}))
    assert page.model.hidden == Hidden([3, 4])
    assert (page.model.dropout, page.model.saved) == (0.0, {"sizes": [1], "tune": True})
    assert read(Page, values(name=2.16, tags=[1, "b"]), from_page=True).model.name == "2.16"
    for wrong, message in (
        (["a"], r'^\["a"\]: expected object, got'),
        ({"model": 5}, "^model=5: expected object, got int"),
    ):
        with pytest.raises(InputError, match=message):
            read(Page, wrong)
    shown = [str(bad_value("a", value, "b")) for value in (None, True, "\x1b[31m", "x" * 100)]
    assert shown[:3] == ["a=null: b", "a=true: b", r"a=\x1b[31m: b"]
    assert len(shown[3]) < 80


def test_a_mistake_is_one_line() -> None:
    for changes, message in (
        ({"cell": "gruu"}, "model.cell=gruu: expected one of gru, lstm"),
        ({"depth": 0}, "model.depth=0: expected int >= 1"),
        ({"depth": 10**12}, "model.depth=1000000000000: expected int <= 10000000"),
        ({"depth": True}, "model.depth=true: expected int, got bool"),
        ({"depth": 7}, "model.depth=7: seven is bad luck; give another number"),
        ({"dropout": float("nan")}, "model.dropout=NaN: expected float >= 0.0"),
        ({"name": ""}, "model.name=: expected str of length >= 1"),
        ({"name": 5}, "model.name=5: expected str or null, got int"),
        ({"tags": "a"}, "model.tags=a: expected array, got str"),
        ({"hidden": {}}, "model.hidden.forward has no value; give it one: model.hidden.forward=..."),
        ({"hidden": {"forward": [1, "a"]}}, "model.hidden.forward.1=a: expected int, got str"),
        ({"saved": {"sizes": [0], "tune": True}}, "model.saved.sizes.0=0: expected int >= 1"),
        ({"places": {"upos": 1, "xpos": "x"}}, 'model.places={"upos": 1, "xpos": "x"}: expected int or null, got str'),
        ({"all": [{"forward": 1}, {"forward": -1}]}, "model.all.1.forward=-1: expected int >= 0"),
        ({"all": [{"forward": 1, "backward": 1}]}, "model.all.0.backward: no such key; model.all.0 has forward"),
        ({"dept": 1}, "model.dept: no such key; did you mean model.depth? model has cell, depth, hidden, "),
    ):
        with pytest.raises(InputError) as caught:
            read(Page, values(**changes))
        assert str(caught.value).startswith(message)
        assert str(caught.value).isprintable()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text, message in (
        ("[1]", r"is damaged \(it holds no JSON object\); make it again"),
        ("{", r"is damaged \(Expecting property name"),
        ("[" * 100_000, r"is damaged \(nested more than 50 deep\)"),
        (f'{{"forward": {"[" * 60}{"]" * 60}}}', r"is damaged \(nested more than 50 deep\)"),
        (f'{{"forward": {"[" + "1," * 600 + "1]"}}}', "has more than 0.001 MB; make it again"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=rf"x.json {message}"):
            read_json(path, 1000 if len(text) < 2000 else 10**6, "make it again")
    path.write_text('{"forward": 3}')
    assert read_json(path, 1000) == {"forward": 3}
