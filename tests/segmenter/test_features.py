"""What the network of a segmenter sees: units, known words and borders, ways to split; the network itself."""

import itertools
import math
import sys
import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tagger.model.encoder import Encoder
from tagger.segmenter.features import BORDER_CODES, SIZES, VIEWS, Borders, Lexicon, allowed_cuts, cuts_of
from tagger.segmenter.multiwords import Multiwords, count_affixes
from tagger.segmenter.unit_network import (
    COLUMNS,
    LANES,
    MAX_UNITS,
    OVERLAP,
    LaneReader,
    SegmenterConfig,
    SegmenterNetwork,
    SegmenterVocabulary,
    windows_of,
)
from tagger.segmenter.units import (
    AFFIXES,
    END_GAP,
    KINDS,
    NO_GAP,
    SPACE_GAP,
    UNKNOWN,
    Units,
    UnitTable,
    kind,
    normalised,
    shape,
)
from tagger.words.edit_scripts import edit_script

TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("aZ 9.\n\u0301\u3000\u200b\ufeff中ไทя\x1c\x85")))


def make_table(characters: bool = False) -> UnitTable:
    return UnitTable(["the", "0000"], 16, characters)


def test_units_are_runs_and_single_characters_and_have_kinds_and_gaps():
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
    assert {kind(character) for character in categories.values()} <= set(KINDS)
    for text in ("你好\n世 界 \n\u3000の\nabc\nde", "你好世 界の abc de"):
        units = make_table().read([text])
        gaps = units.gaps[slice(*units.bounds[0])].tolist()  # of 你 好 世 界 の abc de
        assert gaps == [NO_GAP, NO_GAP, SPACE_GAP, NO_GAP, SPACE_GAP, SPACE_GAP, END_GAP]


@given(st.lists(TEXTS, max_size=4), st.booleans())
def test_every_character_but_white_space_is_in_one_unit(texts, characters):
    table = make_table(characters)
    units = table.read(texts)
    for text, (start, stop) in zip(texts, units.bounds, strict=True):
        spans = list(zip(units.starts[start:stop].tolist(), units.ends[start:stop].tolist(), strict=True))
        assert [text[a:b] for a, b in spans] == table.cut(text)
        covered = {place for a, b in spans for place in range(a, b)}
        assert len(covered) == sum(b - a for a, b in spans)
        blank = "\u200b\ufeff"
        assert all(text[place].isspace() or text[place] in blank for place in range(len(text)) if place not in covered)
        gaps = units.gaps[start:stop].tolist()
        assert gaps[-1:] == [END_GAP] * bool(spans)
        assert gaps[:-1] == [NO_GAP if b == c else SPACE_GAP for (_, b), (c, _) in itertools.pairwise(spans)]


TABLE = UnitTable([], 16, False)


def laid_out(units: Units, sizes: list[int]) -> np.ndarray:
    """The lengths of words of so many units, one after the other."""
    lengths = np.zeros(len(units.types), dtype=np.int64)
    lengths[units.bounds[0][0] + np.cumsum([0, *sizes[:-1]])] = sizes
    return lengths


def own(units: Units, values: np.ndarray) -> list[int]:
    start, stop = units.bounds[0]
    return (values[start:stop] % np.uint64(SIZES)).tolist()


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


def codes(borders: Borders, text: str, sizes: list[int] | None = None) -> list[list[int]]:
    """For each view the codes of the borders of a text."""
    units = TABLE.read([text])
    start, stop = units.bounds[0]
    lengths = None if sizes is None else laid_out(units, sizes)
    return [own[start:stop].tolist() for own in borders.at_units(units, lengths)]


def test_borders_that_always_never_and_sometimes_end_a_word_differ_in_views_of_both_sides():
    borders = learned("a b x a b x a b x a b", [2, 1, 2, 1, 2, 1, 1, 1])
    (sometimes, *_), *_ = codes(borders, "a b")
    (never, *_), *_ = codes(borders, "x a")
    (unknown, *_), *_ = codes(borders, "b a")
    (always, *_), *_ = codes(learned("a b " * 4, [2] * 4), "a b")
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


@pytest.mark.parametrize("spaces", [False, True])
def test_borders_with_white_space_are_known_where_tokens_may_hold_it(spaces):
    borders = learned("viet nam.", [2, 1], spaces)
    assert (codes(borders, "viet nam.")[0][0] > 0) == spaces
    assert codes(borders, "viet nam .")[0][1] == 0  # white space, or none there, are two borders
    assert codes(borders, "viet nam.")[0][1] > 0


def test_in_training_a_word_and_a_border_do_not_know_themselves():
    text, sizes = "a b. x a b, c d", [2, 1, 1, 1, 1, 1, 1, 1]
    borders = learned(text, sizes)
    view = codes(borders, text, sizes)[0]
    assert view[7] == 0  # `c d` occurs here alone
    first, second = view[0], view[4]
    assert first == codes(learned("a b", [1, 1]), "a b")[0][0]  # what it knows from the other place
    assert second == codes(learned("a b", [2]), "a b")[0][0]
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


CONFIG = SegmenterConfig(
    **{"hidden": 5, "size": 6, "buckets": 8, "affix_buckets": 4},
    **{"characters": False, "spaces": True, "rules": None, "sentences": None, "pairs": True, "cuts": None},
)
VOCABULARY = SegmenterVocabulary(["the", "dog"], ["keep:* ..."], [1], {})


def make_batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    types = torch.randint(2, (7, 3, 1 + 2 * len(AFFIXES))) + UNKNOWN
    context = torch.randint(8, (7, 3, COLUMNS[True])) + 8 * torch.arange(COLUMNS[True])
    return types, context, torch.tensor([7, 5, 2])


@pytest.mark.parametrize("hidden", [0.0, 0.9])
def test_what_training_hides_is_made_up_for(monkeypatch: pytest.MonkeyPatch, hidden: float) -> None:
    """The mean over many trainings of a unit's embedding is that of use."""
    torch.manual_seed(1)
    for name, share in {"DROPOUT": 0.0, "HIDDEN_FORMS": 0.0, "HIDDEN_CONTEXT": hidden}.items():
        monkeypatch.setattr(f"tagger.segmenter.unit_network.{name}", share)
    network = SegmenterNetwork(VOCABULARY, CONFIG)
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
    network = SegmenterNetwork(VOCABULARY, CONFIG).eval()
    types, context, lengths = make_batch()
    alone = network(types[:2, 2:], context[:2, 2:], lengths[2:])
    torch.testing.assert_close(network(types, context, lengths)[:2, 2:], alone)


@pytest.mark.parametrize("scores", [1, 4, 6, 9, 13, 30])
@pytest.mark.parametrize("hidden", [10, 100])
def test_equal_windows_have_equal_scores_wherever_they_stand(hidden: int, scores: int) -> None:
    lanes, _, _ = make(hidden, scores)
    size, copies = 9, 3 * LANES + 5
    once = torch.randn(size, 8)
    other = torch.randn(70 * LANES, 8)
    x = torch.cat([once.repeat(copies, 1), other])
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
