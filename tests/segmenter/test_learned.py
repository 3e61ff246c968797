"""A learned segmenter: what its network sees, every character in one token; its files, also damaged ones."""

import itertools
import math
import pickle
import random
import sys
import unicodedata
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from tagger.errors import InputError
from tagger.model.encoder import Encoder
from tagger.model.storage import STORAGE_DTYPES
from tagger.segmenter import learned as module
from tagger.segmenter import unit_network
from tagger.segmenter import units as unit_module
from tagger.segmenter.features import BORDER_CODES, SIZES, VIEWS, Borders, Lexicon, allowed_cuts, cuts_of
from tagger.segmenter.learned import LearnedSegmenter, load_segmenter
from tagger.segmenter.multiwords import Multiwords, count_affixes
from tagger.segmenter.unit_network import LANES, MAX_UNITS, OVERLAP, Label, LaneReader, SegmenterNetwork, windows_of
from tagger.segmenter.units import END_GAP, NO_GAP, SPACE_GAP, Units, UnitTable, kind, normalised, shape
from tagger.text.sentence import Token
from tagger.text.strings import SPACE
from tagger.words.conventions import Conventions
from tagger.words.edit_scripts import edit_script
from tagger.words.segment import SEGMENTER, SEGMENTER_WEIGHTS, RuleSegmenter
from tests.bundle.test_bundle import change, content, places
from tests.conftest import make_segmenter

SPACES, GAP = regex.compile(f"[{SPACE}]"), regex.compile(f"[{SPACE}]+")
SPACED = make_segmenter()
SEGMENTERS = [SPACED, make_segmenter(2, characters=True), make_segmenter(3, rules=None, pairs=False)]
SEGMENTERS += [make_segmenter(4, rules="english"), make_segmenter(5, cuts=[])]
TEXTS = [
    "They book flights. The dog doesn't know, does it? Yes!\nAnd 3,14 is 10\u00a0000 too many",
    "no full stop",
    "!!!!",
    "Wait!!!! ... what?!?! -- :-) ;-)",
    "",
    " \t\r\n\u3000\u200b\ufeff\x1c",
    "a\u2028b\u2029c\x85d",
    "cafe\u0301 A\u030angstro\u0308m e\u0301\u0302\u0303 \u0301lone \u1100\u1161\u11a8",
    "\ud800 \udfff\ud800a\udc00 \ud83d\ude00",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645. \u05e9\u05dc\u05d5\u05dd\u200f!",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002\u6211\u4eec\u53bb\u516c\u56ed\u5427\uff01",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a \u0e1c\u0e21",
    "Vi\u1ec7t \n\tNam du  des\nDES Du",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1e9\U0001f1ea\u00ad\u2060x",
    "x" * 2_000 + ". " + "y.z" * 100,
    "0" * 300 + "\u0665\u06f6\u0b72\u00bd\u2167",
    "\x00\x01\x7f\x9f",
]
LONG = " ".join(f"word{i} flows, and du {i % 7}." for i in range(60))


def check(text: str, sentences: Sequence[Sequence[Token]]) -> None:
    """Every character but white space is in one token, in order; nothing is empty, or begins or ends blank."""
    assert all(sentences)
    covered = 0
    for start, end, words in chain.from_iterable(sentences):
        assert covered <= start < end
        assert SPACES.sub("", text[covered:start]) == ""
        assert not SPACES.match(text[start])
        assert not SPACES.match(text[end - 1])
        assert words == () or (len(words) > 1 and not SPACES.search(text[start:end]))
        for word in words:
            assert word
            assert word == GAP.sub(" ", word).strip(" ")
        covered = end
    assert SPACES.sub("", text[covered:]) == ""


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_every_character_is_in_one_token_and_a_paragraph_is_cut_alike_whatever_is_beside_it(
    segmenter: LearnedSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = segmenter.segment_all([*TEXTS, LONG])
    for text, sentences in zip([*TEXTS, LONG], found, strict=True):
        check(text, sentences)
    assert any(token.words for sentences in found for token in chain(*sentences))
    texts = [*TEXTS, LONG, *(LONG[: 17 * i] for i in range(12))]
    alone = [segmenter.segment_all([text])[0] for text in texts]
    assert segmenter.segment_all(texts) == alone
    for most in (1_000, 4_000):  # a few paragraphs at a time
        monkeypatch.setattr(module, "MAX_CHARACTERS", most)
        assert segmenter.segment_all(texts) == alone
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    assert segmenter.segment_all([texts[i] for i in order]) == [alone[i] for i in order]


characters = st.characters() | st.sampled_from(
    "ab dulé A.!? \n\t\u00a0\u0301\u200b\u200d\u4f60\u0e01\u0e31\ud8000\u0660"
)


@settings(max_examples=40)
@given(st.lists(st.text(characters, max_size=40), max_size=4), st.sampled_from(SEGMENTERS))
def test_any_text(texts: list[str], segmenter: LearnedSegmenter) -> None:
    found = segmenter.segment_all(texts)
    assert len(found) == len(texts)
    for text, sentences in zip(texts, found, strict=True):
        check(text, sentences)
    assert [segmenter.segment_all([text])[0] for text in texts] == found


def test_a_copy_cuts_alike_and_what_was_read_before_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = make_segmenter()
    expected = segmenter.segment_all(TEXTS)
    data = pickle.dumps(segmenter)
    segmenter.segment_all([f"new{i}" for i in range(5_000)])
    assert len(pickle.dumps(segmenter)) == len(data)  # without what it remembers
    assert pickle.loads(pickle.dumps(segmenter)).segment_all(TEXTS) == expected
    fresh = make_segmenter().segment_all([LONG, *TEXTS])
    used = make_segmenter()
    used.segment_all([f"quite{i} other{i * 7} words" for i in range(500)])
    assert used.segment_all([LONG, *TEXTS]) == fresh
    monkeypatch.setattr("tagger.segmenter.units.MAX_TYPES", 100)  # forgets units all the time
    for _ in range(3):
        assert used.segment_all([LONG, *TEXTS]) == fresh
    assert used._table.generation > 0


def that_says(label: Label, **changes: Any) -> LearnedSegmenter:
    """A segmenter that says `label` of every unit."""
    saved = make_segmenter(**changes)
    saved.network.labels.bias.data[label] += 10_000
    return saved.moved(0)


def cut(text: str, label: Label, **changes: Any) -> list[list[str]]:
    """The tokens of the sentences that such a segmenter finds."""
    (found,) = that_says(label, **changes).segment_all([text])
    return [[text[start:end] for start, end, _ in sentence] for sentence in found]


def test_rules_may_decide_where_sentences_end_and_a_token_cut_everywhere_is_one_word() -> None:
    ruled = LearnedSegmenter(
        SPACED.network, SPACED.vocabulary, {**SPACED.config, "sentences": "unicode"}, SPACED.lexicon, Conventions()
    )
    text = "The book. Reads well! It goes on, and on."
    own, found, by_rules = (each.segment_all([text])[0] for each in (SPACED, ruled, RuleSegmenter("unicode")))
    assert [*chain(*found)] == [*chain(*own)]
    ends = {sentence[-1].end for sentence in by_rules} & {token.end for token in chain(*own)}
    assert {sentence[-1].end for sentence in found} == ends | {len(text)}
    """The evaluation takes the square of the number of words of a token."""
    most = "ab1" * (module.MAX_WORDS // 2)
    ((few,),), ((many,),) = that_says(Label.WORD).segment_all([most, f"{most}ab"])
    assert few == Token(0, len(most), ("ab", "1") * (module.MAX_WORDS // 2))
    assert many[:2] == (0, len(most) + 2)
    assert len(many.words) < module.MAX_WORDS


def test_rules_decide_whether_tokens_end_and_addresses_and_emoji_are_one_token() -> None:
    for label, text, cuts, tokens in (
        (Label.TOKEN, "50the book", None, ["50", "the", "book"]),
        (Label.TOKEN, "50the book", ["Nd|Ll"], ["50", "the", "book"]),
        (Label.TOKEN, "50the book", ["Ll|Nd"], ["50the", "book"]),  # the rules join a number and letters
        (Label.SENTENCE, "50the book", [], ["50the", "book"]),
        (Label.TOKEN, "the.", [], ["the", "."]),  # the rules cut, too
        (Label.TOKEN, "z.b", ["Ll|end"], ["z", ".b"]),
        (Label.GOES_ON, "the.", [], ["the."]),
        (Label.WORD, "z.b", [], ["z.b"]),  # a multiword token
        (Label.GOES_ON, "the «a», the.a", None, ["the", "«", "a", "»", ",", "the.a"]),  # marks that training lacks
    ):
        assert [*chain(*cut(text, label, cuts=cuts, spaces=False))] == tokens
    for whole in WHOLE:
        assert cut(f"the {whole} book", Label.TOKEN) == [["the", whole, "book"]]
        assert cut(f"the {whole} book", Label.SENTENCE) == [["the"], [whole], ["book"]]
    found = cut("the: a:b a=b No.Yes #", Label.TOKEN)
    assert found == [["the", ":", "a", ":", "b", "a", "=", "b", "No", ".", "Yes", "#"]]
    (words,) = cut("看https://a.org/b了", Label.TOKEN)  # no space ends an address there
    assert words == ["看", "https://a.org/b", "了"]


WHOLE = ["https://www.example.com/a?b=c#d", "www.example.org", "ann.b@mail.org", "mail.org", "#news", "@ann_b", ":-)"]
WHOLE += ["\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea"]


TEXT = "The book reads well. Du 3,14 viet nam! des\nlivres"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a segmenter of random weights, to be damaged."""
    make_segmenter().save(tmp_path)
    return tmp_path


def loads_or_says_why(folder: Path) -> str:
    """The message of the error, "" where the segmenter works."""
    try:
        segmenter = load_segmenter(folder, Conventions())
    except InputError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(message) < 500
        return message
    ((*_,),) = segmenter.segment_all([TEXT])
    return ""


@pytest.mark.parametrize("storage_dtype", STORAGE_DTYPES)
def test_what_is_saved_is_loaded(tmp_path: Path, storage_dtype: str) -> None:
    made = make_segmenter(rules=None, characters=True, cuts=["Ll|Po", "Nd|Po"])
    saved, before = made.rounded(storage_dtype), made.network.state_dict()
    saved.save(tmp_path)
    loaded = load_segmenter(tmp_path, Conventions())
    assert loaded.config == saved.config
    assert loaded.vocabulary == saved.vocabulary
    assert loaded.lexicon.hashes.dtype == np.uint32
    for there, known in ((loaded.lexicon, saved.lexicon), (loaded.lexicon.borders, saved.lexicon.borders)):
        assert there.hashes.tolist() == known.hashes.tolist()
        assert there.codes.tolist() == known.codes.tolist()
        assert len(known.hashes) > 5 or storage_dtype == "int4"  # which has no borders that training has once
    assert not loaded.network.training
    tolerance = {"float32": 0.0, "float16": 0.003, "int8": 0.03, "int4": 0.3}[storage_dtype]
    for name, weight in saved.network.state_dict().items():
        found = loaded.network.state_dict()[name]
        assert found.dtype == torch.float32
        assert torch.equal(found, weight)
        torch.testing.assert_close(found, before[name], rtol=0, atol=tolerance)
    assert loaded.segment_all([TEXT]) == saved.segment_all([TEXT])


@pytest.mark.parametrize("part", ["config", "vocabulary"])
def test_any_value_is_refused_or_works(folder: Path, part: str) -> None:
    path = folder / SEGMENTER
    before = path.read_bytes()
    errors = []
    values: list[Any] = [None, True, -1, 0, 1, 10**8, 10**30, 0.5, float("nan"), "\x1b[31m\x07", [], {}, ["x", "x"]]
    for keys in places(content(path), 100 if part == "config" else 2):
        for value in values if keys[0] == part else []:
            change(path, keys, value)
            errors.append(loads_or_says_why(folder))
            path.write_bytes(before)
    assert 50 < sum(map(bool, errors)) < len(errors)


def test_damage_is_named_and_an_empty_lexicon_is_one(folder: Path) -> None:
    before = (folder / SEGMENTER).read_bytes()
    for keys, value, message in (
        (("config", "hidden"), 10**9, "config.hidden=1000000000"),
        (("config", "buckets"), 10_000_000, "do not fit each other"),
        (("config", "cuts"), ["Nd|Lo", "Nd|Lo"], "one of the cuts occurs twice"),
        (("config", "cuts"), ["Nd|Lo", "Nd Lo"], "the cut 'Nd Lo' is not two kinds of units"),
        (("vocabulary", "forms"), ["the", "the", "a", "b"], "one of the forms occurs twice"),
        (("vocabulary", "scripts", 0), "keep", "is no edit script"),
        (("vocabulary", "scripts", 0), "keep:\x1b[31m *", "has a control character"),
        (("vocabulary", "scripts"), [], "there is no script 4, only 0"),
        (("vocabulary", "affixes", "s"), [[1, 1]], '"s" is no affix'),
        (("vocabulary", "multiwords", "du"), [5], "there is no script 5, only 4"),
    ):
        change(folder / SEGMENTER, keys, value)
        assert message in loads_or_says_why(folder)
        (folder / SEGMENTER).write_bytes(before)
    weights = load_file(folder / SEGMENTER_WEIGHTS)
    for name, changed, message in (
        ("labels.bias", weights["labels.bias"] * torch.nan, "labels.bias has a weight that is NaN"),
        ("types.weight", weights["types.weight"][1:].contiguous(), "types.weight is F32"),
        ("codes", weights["codes"] + 8, "words of the lexicon do not have a code each"),
        ("lexicon", weights["lexicon"].flip(0), "not in ascending order"),
        ("borders", weights["borders"].flip(0), "hashes of the borders are not in ascending order"),
        ("another", torch.zeros(3), '"another" that the network does not use'),
    ):
        save_file(weights | {name: changed}, folder / SEGMENTER_WEIGHTS)
        assert message in loads_or_says_why(folder)
    empty = {name: weights[name][:0] for name in ("lexicon", "codes", "borders", "border_codes")}
    save_file(weights | empty, folder / SEGMENTER_WEIGHTS)
    assert loads_or_says_why(folder) == ""
    del weights["lexicon"]
    save_file(weights, folder / SEGMENTER_WEIGHTS)
    assert "lexicon is None None" in loads_or_says_why(folder)


@pytest.mark.parametrize("name", [SEGMENTER, SEGMENTER_WEIGHTS])
def test_a_file_is_missing_or_cut(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    for size in (0, 1, 7, 100, len(content) // 2, len(content) - 2):
        path.write_bytes(content[:size])
        assert "is damaged" in loads_or_says_why(folder)
    path.unlink()
    assert f"{name} is missing" in loads_or_says_why(folder)


ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from("aZ 9.\n\u0301\u3000\u200b\ufeff中ไทя\x1c\x85")))


def make_table(characters: bool = False) -> UnitTable:
    return UnitTable(["the", "0000"], 16, characters)


def test_units_are_runs_and_single_characters_and_have_kinds_and_gaps() -> None:
    for text, units in (
        ("Don't go, 1984!", ["Don", "'", "t", "go", ",", "1984", "!"]),
        ("l’été 你好ABC ไทย", ["l", "’", "été", "你", "好", "ABC", "ไ", "ท", "ย"]),
        ("e\u0301a x\u0301 .\u0301", ["e\u0301a", "x\u0301", ".\u0301"]),
        (" \u200b\n\ufeff", []),
        ("\ud800\x00a_b", ["\ud800", "\x00", "a", "_", "b"]),
    ):
        assert make_table().cut(text) == units
    assert [normalised(unit) for unit in ("E\u0301TE\u0301", "1984")] == ["été", "0000"]
    shapes = {"The": "Xx3", "THE": "XX3", "I": "X1", "the": "x3", "12": "02", ".": ".", "中": "o"}
    assert {unit: shape(unit) for unit in shapes} == shapes
    assert [kind(unit) for unit in "。!”」「a,"] == ["end", "end", "Pe", "Pe", "Ps", "Ll", "Po"]
    categories = {unicodedata.category(chr(code)): chr(code) for code in range(sys.maxunicode + 1)}
    assert {kind(character) for character in categories.values()} <= set(unit_module.KINDS)
    for text in ("你好\n世 界 \n\u3000の\nabc\nde", "你好世 界の abc de"):
        units = make_table().read([text])
        gaps = units.gaps[slice(*units.bounds[0])].tolist()  # of 你 好 世 界 の abc de
        assert gaps == [NO_GAP, NO_GAP, SPACE_GAP, NO_GAP, SPACE_GAP, SPACE_GAP, END_GAP]


@given(st.lists(ANY_TEXT, max_size=4), st.booleans())
def test_every_character_but_white_space_is_in_one_unit(texts: list[str], characters: bool) -> None:
    table = make_table(characters)
    units = table.read(texts)
    for text, (start, stop) in zip(texts, units.bounds, strict=True):
        spans = list(zip(units.starts[start:stop].tolist(), units.ends[start:stop].tolist(), strict=True))
        assert [text[a:b] for a, b in spans] == table.cut(text)
        covered = {place for a, b in spans for place in range(a, b)}
        assert len(covered) == sum(b - a for a, b in spans)
        assert all(each.isspace() or each in "\u200b\ufeff" for at, each in enumerate(text) if at not in covered)
        gaps = units.gaps[start:stop].tolist()
        assert gaps[-1:] == [END_GAP] * bool(spans)
        assert gaps[:-1] == [NO_GAP if b == c else SPACE_GAP for (_, b), (c, _) in itertools.pairwise(spans)]


TABLE = UnitTable([], 16, False)


def laid_out(units: Units, sizes: Sequence[int]) -> np.ndarray:
    """The lengths of words of so many units, one after the other."""
    lengths = np.zeros(len(units.types), dtype=np.int64)
    lengths[units.bounds[0][0] + np.cumsum([0, *sizes[:-1]])] = sizes
    return lengths


def own(units: Units, values: np.ndarray) -> list[int]:
    return (values[slice(*units.bounds[0])] % np.uint64(SIZES)).tolist()


def test_a_lexicon_finds_the_longest_words_at_each_place_and_white_space_inside_them_matters():
    units = TABLE.read(["中 文 中文字"])
    lexicon = Lexicon.of(units, laid_out(units, [1, 1, 2, 1]), True)
    found = TABLE.read(["大中文字"])
    assert [own(found, each) for each in lexicon.matches(found, None)] == [
        [0, 2, 1, 1],  # units of the longest word that begins at a unit
        [0, 1, 2, 1],  # that ends there
        [0, 2, 0, 0],  # that holds the border behind it
    ]
    units = TABLE.read(["Việt Nam"])
    lexicon = Lexicon.of(units, laid_out(units, [2]), True)
    for text, size in (("Việt Nam", 2), ("việt  nam", 2), ("Việt-Nam", 0)):
        found = TABLE.read([text])
        assert own(found, lexicon.matches(found, None)[0])[0] == size


def learned(text: str, sizes: list[int], spaces: bool = True) -> Borders:
    units = TABLE.read([text])
    return Borders.of(units, laid_out(units, sizes), spaces)


def codes(borders: Borders, text: str, sizes: Sequence[int] = ()) -> list[list[int]]:
    """For each view the codes of the borders of a text."""
    units = TABLE.read([text])
    lengths = laid_out(units, sizes) if sizes else None
    return [own[slice(*units.bounds[0])].tolist() for own in borders.at_units(units, lengths)]


def test_borders_that_always_never_and_sometimes_end_a_word_differ_in_views_of_both_sides():
    borders = learned("a b x a b x a b x a b", [2, 1, 2, 1, 2, 1, 1, 1])
    sometimes, never, unknown = (codes(borders, text)[0][0] for text in ("a b", "x a", "b a"))
    always = codes(learned("a b " * 4, [2] * 4), "a b")[0][0]
    assert unknown == 0
    assert 0 < never < sometimes < BORDER_CODES
    assert len({unknown, never, sometimes, always}) == 4
    borders = learned("a b c d", [1, 2, 1])
    for text, known in (
        ("a b c d", [True] * len(VIEWS)),
        ("x b c x", [True, False, False, False]),
        ("a b c x", [True, True, False, False]),
        ("x b c d", [True, False, True, False]),
        ("a bc d", [False] * len(VIEWS)),
    ):
        assert [view[1] > 0 for view in codes(borders, text)] == known
    for spaces in (False, True):  # borders with white space are known where tokens may hold it
        borders = learned("viet nam.", [2, 1], spaces)
        assert (codes(borders, "viet nam.")[0][0] > 0) == spaces
        assert codes(borders, "viet nam .")[0][1] == 0  # white space, or none there, are two borders
        assert codes(borders, "viet nam.")[0][1] > 0


def test_in_training_a_word_and_a_border_do_not_know_themselves():
    text, sizes = "a b. x a b, c d", [2, 1, 1, 1, 1, 1, 1, 1]
    borders = learned(text, sizes)
    view = codes(borders, text, sizes)[0]
    assert view[7] == 0  # `c d` occurs here alone
    assert view[0] == codes(learned("a b", [1, 1]), "a b")[0][0]  # what it knows from the other place
    assert view[4] == codes(learned("a b", [2]), "a b")[0][0]
    units = TABLE.read(["new york, york"])
    lengths = laid_out(units, [2, 1, 1])
    lexicon = Lexicon.of(units, lengths, True)
    assert own(units, lexicon.matches(units, None)[0]) == [2, 1, 1, 1]
    # York stands once within a word and once as one: within, it is known from the other place.
    assert own(units, lexicon.matches(units, lengths)[0]) == [0, 1, 0, 0]


def test_the_two_kinds_between_which_a_text_is_cut():
    units = TABLE.read(["50km (a)", "It 3a,"])
    ends = np.zeros(len(units.types), dtype=bool)
    first, second = (start for start, _ in units.bounds)
    ends[[first + 1, first + 3, first + 4, second, second + 1]] = True  # 50km ( a ) It 3 a,
    assert cuts_of(units, ends) == ["Ll|Pe", "Nd|Ll"]
    assert allowed_cuts(["Nd|Lo", "Lo|Nd", "Nd|end"]).sum() == 1 + 3
    for name in ("", "|", "Nd", "Nd Lo", "Nd|", "|Lo", "Nd|lo", "Nd|Lo|Lo", "Pi|Lo"):
        with pytest.raises(ValueError, match="is not two kinds"):
            allowed_cuts([name])


SPLIT = {"du": "de le", "foi-se": "foi se", "dar-se": "dar se", "vê-se": "vê se", "dele": "de ele", "deles": "de eles"}
SPLIT |= {"desta": "de esta", "dáme": "da me", "lláme": "lla me", "desfeito-se": "des feito se"}
SCRIPTS = sorted({edit_script(form, words) for form, words in SPLIT.items()})
MULTIWORDS = {form: [SCRIPTS.index(edit_script(form, words)) + 1] for form, words in SPLIT.items()}
PLAIN = ["disse", "casa", "massa", "de", "dedo", "dente", "dez", "dia", "nome", "me"]
LEARNED_AFFIXES = count_affixes(SCRIPTS, MULTIWORDS, PLAIN)
KNOWN = Multiwords(SCRIPTS, MULTIWORDS, LEARNED_AFFIXES)


def test_a_token_has_the_scripts_of_its_form_or_of_its_affixes_and_odds_without_itself():
    expected = {
        "du": ["like:de le"],
        "tornou-se": ["keep:*- .."],
        "Tornou-Se": ["keep:*- .."],
        "-se": [],  # there is no rest
        "desse": ["like:.e *"],  # begins as `desta`
        "dura": [],  # begins with d alone
        "sabe-me": [],  # `me` alone was split after `á`
        "adu": [],  # a whole form is no ending
        "": [],
    }
    found = {form: [SCRIPTS[number - 1] for number, _ in KNOWN.choices(form) if number] for form in expected}
    assert found == expected
    none, (_, odds) = KNOWN.choices("tornou-se")
    ((_, less),) = KNOWN.choices("interesse")[1:] or [(0, -math.inf)]
    assert none == (0, 0.0)
    assert odds > 0 > less
    number = MULTIWORDS["du"][0]
    assert KNOWN.choices("du", number) == [(0, 0.0)]
    assert len(KNOWN.choices("dar-se", MULTIWORDS["dar-se"][0])) == 2
    several = Multiwords(SCRIPTS, {"des": [0, number]}, {})
    assert several.choices("des", number) == [(0, 0.0), (number, 0.0)]


def make_batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    columns = unit_network.COLUMNS[True]
    types = torch.randint(2, (7, 3, 1 + 2 * len(unit_module.AFFIXES))) + unit_module.UNKNOWN
    context = torch.randint(8, (7, 3, columns)) + 8 * torch.arange(columns)
    return types, context, torch.tensor([7, 5, 2])


@pytest.mark.parametrize("hidden", [0.0, 0.9])
def test_what_training_hides_is_made_up_for(monkeypatch: pytest.MonkeyPatch, hidden: float) -> None:
    """The mean over many trainings of a unit's embedding is that of use."""
    torch.manual_seed(1)
    for name, share in {"DROPOUT": 0.0, "HIDDEN_FORMS": 0.0, "HIDDEN_CONTEXT": hidden}.items():
        monkeypatch.setattr(f"tagger.segmenter.unit_network.{name}", share)
    network = SegmenterNetwork(SPACED.vocabulary, SPACED.config)
    types, context, lengths = make_batch()
    copies = 100 if hidden else 1  # of each sentence, in a batch
    batch = types.repeat(1, copies, 1), context.repeat(1, copies, 1), lengths.repeat(copies)
    found: list[torch.Tensor] = []
    network.encoder.register_forward_pre_hook(lambda _, arguments: found.append(arguments[0].detach()))
    for _ in range(20 if hidden else 1):
        network(*batch)
    mean = torch.stack(found).unflatten(2, (copies, 3)).mean((0, 2))
    network.eval()(types, context, lengths)
    torch.testing.assert_close(mean, found[-1], atol=0.1 if hidden else 1e-6, rtol=0)


LENGTHS = [1, 2, 30, 7, 300, 0, 1, 90]
BOUNDS = [(sum(LENGTHS[:i]), sum(LENGTHS[: i + 1])) for i in range(len(LENGTHS))]


def make(hidden: int = 10, scores: int = 6, size: int = 8) -> tuple[LaneReader, Encoder, list[nn.Linear]]:
    torch.manual_seed(1)
    encoder = Encoder("gru", size, [hidden], [hidden]).eval()
    heads = [nn.Linear(2 * hidden, 4), nn.Linear(2 * hidden, scores)]
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.normal_()
    return LaneReader(encoder, heads), encoder, heads


def test_scores_of_lanes_are_those_of_the_network_in_which_padding_changes_nothing() -> None:
    lanes, encoder, heads = make()
    x = torch.randn(sum(LENGTHS), 8)
    with torch.inference_mode():
        found = lanes.scores(x, windows_of(BOUNDS))
        for start, stop in BOUNDS:
            if stop > start:
                states = encoder(x[start:stop, None], torch.tensor([stop - start]))[0][-1][:, 0]
                expected = torch.cat([head(states) for head in heads], dim=1)
                torch.testing.assert_close(found[start:stop], expected, atol=1e-4, rtol=1e-4)
    network = SegmenterNetwork(SPACED.vocabulary, SPACED.config).eval()
    types, context, lengths = make_batch()
    alone = network(types[:2, 2:], context[:2, 2:], lengths[2:])
    torch.testing.assert_close(network(types, context, lengths)[:2, 2:], alone)


@pytest.mark.parametrize("scores", [1, 4, 6, 9, 13, 30])
@pytest.mark.parametrize("hidden", [10, 100])
def test_equal_windows_have_equal_scores_wherever_they_stand(hidden: int, scores: int) -> None:
    lanes, _, _ = make(hidden, scores)
    size, copies = 9, 3 * LANES + 5
    once = torch.randn(size, 8)
    x = torch.cat([once.repeat(copies, 1), torch.randn(70 * LANES, 8)])
    bounds = [(i * size, (i + 1) * size) for i in range(copies)]
    beside = [(copies * size + i * 70, copies * size + (i + 1) * 70) for i in range(LANES)]
    with torch.inference_mode():
        alone = lanes.scores(once, windows_of(bounds[:1]))
        for windows in (windows_of(bounds), windows_of(bounds + beside)):
            found = lanes.scores(x, windows)[: copies * size].view(copies, size, -1)
            assert (found == alone).all()


@pytest.mark.parametrize("length", [1, MAX_UNITS, MAX_UNITS + 1, 5 * MAX_UNITS + 7])
def test_windows_decide_on_each_unit_once(length: int) -> None:
    windows = windows_of([(3, 3), (10, 10 + length), (10 + length, 12 + length)])
    decided = [unit for window in windows for unit in range(window.first, window.last)]
    assert decided == list(range(10, 12 + length))
    for start, stop, first, last in windows:
        assert stop - start <= MAX_UNITS
        assert start in (first - OVERLAP, 10, 10 + length) or first < 10 + OVERLAP
        assert stop in (last + OVERLAP, 10 + length, 12 + length)
