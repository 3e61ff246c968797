"""A learned segmenter: every character in one token, each paragraph cut alike; its files, also damaged ones."""

import pickle
import random
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

from tagger.errors import InputError
from tagger.model.storage import STORAGE_DTYPES
from tagger.segmenter import learned as module
from tagger.segmenter.learned import LearnedSegmenter, load_segmenter
from tagger.segmenter.unit_network import Label
from tagger.text.sentence import Token
from tagger.text.strings import SPACE
from tagger.words.conventions import Conventions
from tagger.words.segment import SEGMENTER, SEGMENTER_WEIGHTS, RuleSegmenter
from tests.bundle.test_bundle import change, content, places
from tests.conftest import make_segmenter

SPACES, GAP = regex.compile(f"[{SPACE}]"), regex.compile(f"[{SPACE}]+")
SPACED = make_segmenter()
SEGMENTERS = [
    SPACED,
    make_segmenter(2, characters=True),
    make_segmenter(3, rules=None, pairs=False),
    make_segmenter(4, rules="english"),
    make_segmenter(5, cuts=[]),
]
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
    with torch.no_grad():
        saved.network.labels.bias[label] += 10_000
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


def test_a_damaged_value_is_named(folder: Path) -> None:
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


@pytest.mark.parametrize(
    ("name", "change_tensor", "message"),
    [
        ("labels.bias", lambda t: t * float("nan"), "labels.bias has a weight that is NaN"),
        ("types.weight", lambda t: t[1:].contiguous(), "types.weight is F32"),
        ("codes", lambda t: t + 8, "words of the lexicon do not have a code each"),
        ("lexicon", lambda t: t.flip(0), "not in ascending order"),
        ("lexicon", lambda t: None, "lexicon is None None"),
        ("borders", lambda t: t.flip(0), "hashes of the borders are not in ascending order"),
        ("another", lambda t: torch.zeros(3), '"another" that the network does not use'),
    ],
)
def test_damaged_weights_are_named_and_an_empty_lexicon_is_one(
    folder: Path, name: str, change_tensor: Any, message: str
) -> None:
    weights = load_file(folder / SEGMENTER_WEIGHTS)
    empty = weights | {name: weights[name][:0] for name in ("lexicon", "codes", "borders", "border_codes")}
    changed = change_tensor(weights.pop(name, torch.zeros(1)))
    save_file(weights if changed is None else weights | {name: changed}, folder / SEGMENTER_WEIGHTS)
    assert message in loads_or_says_why(folder)
    save_file(empty, folder / SEGMENTER_WEIGHTS)
    assert loads_or_says_why(folder) == ""


@pytest.mark.parametrize("name", [SEGMENTER, SEGMENTER_WEIGHTS])
def test_a_file_is_missing_or_cut(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    for size in (0, 1, 7, 100, len(content) // 2, len(content) - 2):
        path.write_bytes(content[:size])
        assert "is damaged" in loads_or_says_why(folder)
    path.unlink()
    assert f"{name} is missing" in loads_or_says_why(folder)
