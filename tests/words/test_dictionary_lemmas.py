"""Lemmas of words that training lacks: the dictionary's, where it is more reliable than the network."""

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import LEMMAS
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import Request, TaggerOptions
from tagger.text.sentence import Sentence
from tagger.words.dictionary import Counts, LemmaReliability, digest_of, open_dictionary
from tagger.words.judges import DictionaryLemmas
from tagger.words.tag_codec import TagCodec
from tests.bundle.test_bundle import change
from tests.conftest import make_network, make_tagger

MICE = ["They", "book", "mice", "and", "geese", "."]  # what training lacks has lemmas that no script of training gives
SENTENCES = [MICE, ["geese"], ["book", "flights"], [], [*MICE, *MICE, "Geese", "xqzzy"]]


def reliability(right: int, tag: str = "NOUN") -> LemmaReliability:
    """That of the English dictionary, the same for every change of a tag and of all; `right` of 100 words."""
    counts: Counts = {tag: [(0, right, 100)]}
    return LemmaReliability({"en": digest_of("en")}, counts, counts)


def with_dictionary(tagger: Tagger, found: LemmaReliability | None, precision: str = "float32") -> Tagger:
    return Tagger(dataclasses.replace(tagger.bundle, lemmas=found), TaggerOptions("cpu", precision))


def tag(tagger: Tagger, sentences: list[list[str]], **options: object) -> list[Sentence]:
    return list(tagger.stream([Sentence(list(tokens)) for tokens in sentences], **options))  # type: ignore[arg-type]


def test_a_dictionary_gives_lemmas_to_new_words_as_reliably_as_to_such_words(lemmas: Callable[..., Tagger]) -> None:
    plain = lemmas(precision="float32")
    (before,), (after,) = (tag(tagger, [MICE]) for tagger in (plain, with_dictionary(plain, reliability(100))))
    assert after.tags["lemma"] == ["they", "book", "mouse", "and", "goose", "."]
    assert before.tags["lemma"][2] != "mouse"
    assert before.tags["upos"] == after.tags["upos"]
    assert tag(with_dictionary(plain, reliability(0)), [MICE]) == [before]  # the network is surer
    every, none = ({"X": [(0, right, 100)]} for right in (100, 0))
    for known, new, expected in ((every, none, ["book", False]), (none, every, [False, "mouse"])):
        found = LemmaReliability({"en": digest_of("en")}, known, new)  # type: ignore[arg-type]
        (sentence,) = tag(with_dictionary(lemmas(precision="float32"), found), [["books", "mice"]])
        assert [lemma in ("book", "mouse") and lemma for lemma in sentence.tags["lemma"]] == expected


def test_how_reliable_it_is_depends_on_the_upos_found_or_given(lemmas: Callable[..., Tagger]) -> None:
    counts: Counts = {"NOUN": [(0, 100, 100)], "VERB": [(0, 0, 100)]}
    tagger = with_dictionary(lemmas(precision="float32"), LemmaReliability({"en": digest_of("en")}, {}, counts))
    for upos, lemma in (("NOUN", True), ("VERB", False)):
        for columns in (None, ["lemma"]):
            sentence = Sentence(["mice"], {"upos": [upos]})
            (found,) = tagger.stream([sentence], columns=columns, keep=True)
            assert (found.tags["lemma"] == ["mouse"]) == lemma
            assert found.tags["upos"] == [upos]
    (kept,) = tagger.stream([Sentence(["mice"], {"upos": ["NOUN"], "lemma": ["mus"]})], True, top=2, keep=True)
    assert kept.tags["lemma"] == ["mus"]
    assert kept.alternatives["lemma"] == [[("mus", 1.0)]]


def test_the_lemmas_do_not_depend_on_what_else_is_wanted(lemmas: Callable[..., Tagger]) -> None:
    tagger = with_dictionary(lemmas(precision="float32"), reliability(60))
    every = [sentence.tags["lemma"] for sentence in tag(tagger, SENTENCES)]
    alone = tag(tagger, SENTENCES, columns=["lemma"])
    assert [sentence.tags for sentence in alone] == [{"lemma": found} for found in every]
    for top in (1, 2, 5):
        assert [s.tags["lemma"] for s in tag(tagger, SENTENCES, probabilities=True, top=top)] == every


SUN = ["lower:*", "lower:sun#flower", "lower:sun#light", "lower:moon#light"]
LIGHTS = {"sunflower": [1], "sunlight": [2], "moonlight": [3], "flower": [0], "light": [0], "day": [0]}


def test_a_compound_that_no_one_has_ends_in_a_word_of_the_dictionary() -> None:
    codec = TagCodec("lemma", SUN, LIGHTS)
    judge = DictionaryLemmas(reliability(100), codec, ["NOUN"], 100)
    for dictionary, house in ((None, "sunhouse"), (open_dictionary(en=digest_of("en")), "sun#house")):
        codec.use(dictionary)  # which knows that *house* is a lemma
        assert codec.tag("sunhouse", 0) == house
    forms = {"sunmice": "sun#mouse", "Moongeese": "moon#goose", "mice": "mouse", "day": ""}
    forms |= {"sunxqz": "", "s1mice": "", "zebramice": "zebra#mouse", "sunpeter": "", "sun" * 9999 + "mice": ""}
    assert [lemma for _, lemma, _ in judge._look_up([*forms])] == [*forms.values()]


def test_alternatives_begin_with_the_dictionary_and_share_the_rest(lemmas: Callable[..., Tagger]) -> None:
    plain = lemmas(precision="float32")
    taggers = plain, with_dictionary(plain, reliability(99))
    before, after = (tag(tagger, [["mice"], ["houses"]], probabilities=True, top=3) for tagger in taggers)
    for one, other, lemma in zip(before, after, ("mouse", "house"), strict=True):
        (shares,), share = other.alternatives["lemma"], other.probabilities["lemma"][0]
        assert shares[0] == (lemma, share)
        assert share == pytest.approx(0.99)
        rest = {each: p for each, p in one.alternatives["lemma"][0] if each != lemma}  # *house* has a share before
        assert dict(shares[1:]) == pytest.approx(
            {each: 0.01 * p / sum(rest.values()) for each, p in rest.items()}, abs=2e-6
        )
        assert len(tag(taggers[1], [one.tokens], top=2)[0].alternatives["lemma"][0]) == 2


@pytest.mark.usefixtures("small_windows")
def test_batches_processes_and_memory_change_nothing(lemmas: Callable[..., Tagger]) -> None:
    whole = with_dictionary(lemmas(precision="float32"), reliability(90))
    sentences = SENTENCES * 3
    expected = [found for each in sentences for found in tag(whole, [each], probabilities=True, top=2)]
    (judge,) = (judge for judge in whole.engine.judges if isinstance(judge, DictionaryLemmas))
    judge._capacity = 3
    place, copy = whole.engine.judges.index(judge), pickle.loads(pickle.dumps(judge))
    for _ in range(2):
        found = tag(whole, sentences, probabilities=True, top=2)
        assert [s.tags for s in found] == [s.tags for s in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.probabilities["lemma"] == pytest.approx(other.probabilities["lemma"], abs=1e-5)
        whole.engine.judges[place] = copy
    fixed = [Sentence(list(tokens)) for tokens in SENTENCES]
    whole.tag_window(fixed, Request(fixed_shapes=True))
    assert [s.tags for s in fixed] == [s.tags for s in expected[: len(SENTENCES)]]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dictionary", {}, "has no dictionary"),
        ("dictionary", {"en": 1}, 'dictionary={"en": 1}: expected str'),
        ("known", {"NOUN": [[1, 3, 2]]}, "more are right than there are"),
        ("new", {"NOUN": [[1, 0, 0]]}, "expected int >= 1"),
        ("new", {"NOUN": [[1, -1, 2]]}, "expected int >= 0"),
        ("new", {"NOUN": [[1 << 40, 1, 2]]}, "expected int"),
        ("new", {"NOUN": [[1, 2]]}, "length 3"),
        ("new", None, "expected object"),
        ("other", 1, "other: no such key"),
    ],
)
def test_a_folder_keeps_it_and_a_damaged_file_is_refused(
    lemmas: Callable[..., Tagger], tmp_path: Path, key: str, value: object, message: str
) -> None:
    folder, plain = tmp_path / "a", lemmas().bundle
    bundle = dataclasses.replace(plain, lemmas=reliability(90))
    bundle.save(folder, "")
    assert Bundle.load(folder).lemmas == bundle.lemmas
    change(folder / LEMMAS, (key,), value)
    with pytest.raises(InputError) as error:
        Bundle.load(folder)
    assert message in str(error.value)
    assert str(error.value).startswith(str(folder))
    plain.save(folder, "")
    assert Bundle.load(folder).lemmas is None


NAMES = [
    {"tokens": ["Anna", "books", "Rome"], "upos": ["PROPN", "VERB", "PROPN"], "lemma": ["Anna", "book", "Rome"]},
    {"tokens": ["Books", "cost", "."], "upos": ["NOUN", "VERB", "PUNCT"], "lemma": ["book", "cost", "."]},
]


def test_a_name_keeps_its_capital_where_those_of_training_do() -> None:
    small = [{**each, "lemma": [lemma.lower() for lemma in each["lemma"]]} for each in NAMES]
    for corpus, names, expected in ((NAMES, "PROPN", False), (NAMES, "NOUN", True), (small, "PROPN", True)):
        vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
        plain = make_tagger(make_network(vocabulary), vocabulary)
        tagger = with_dictionary(plain, reliability(100, names))
        for columns in (None, ["lemma"]):
            sentence = Sentence(["Mice", "cost", "mice", "MICE", "Rome"], {"upos": [names, "VERB", names, names, "_"]})
            (found,) = tagger.stream([sentence], columns=columns, keep=True)
            first, *others = found.tags["lemma"]
            assert others[1:] == ["mouse", "mouse", corpus[0]["lemma"][2]]
            assert (first == "mouse") == expected
            assert first[0].islower() == expected
