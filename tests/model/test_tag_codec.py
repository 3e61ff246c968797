"""Tags of a corpus <-> what a network learns: lemmas are learned as edit scripts."""

import numpy as np
import pytest
import torch

from tagger.model.batch import collate
from tagger.model.decoder import Decoded
from tagger.model.tag_codec import KNOWN_LEMMA, Compounds, TagCodec, learned_tags
from tagger.model.vocabulary import Vocabulary
from tests.conftest import make_table

FORMS = ["Dogs", "is", "_", "x"]
LEMMAS = ["dog", "be", "_", "_"]
LOW = -torch.inf
SCRIPTS = ["lower:*", "lower:*-", "lower:*---", "lower:be"]


@pytest.fixture
def codec() -> TagCodec:
    return TagCodec("lemma", SCRIPTS)


def decoded(ids: list[list[int]], probabilities: list[list[float]] | None = None) -> Decoded:
    shares = None if probabilities is None else np.array(probabilities, dtype=np.float32)
    return Decoded(np.array(ids), shares)


def weighed(codec: TagCodec, scores: torch.Tensor, forms: list[str]) -> list[list[float]]:
    """The scores after `weigh`; the words are given in another order."""
    codec.weigh(scores, forms[::-1], np.arange(len(forms))[::-1])
    return scores.tolist()


def test_a_lemma_is_learned_as_a_script_and_a_vocabulary_has_those_of_training(codec: TagCodec) -> None:
    assert (
        codec.learned(FORMS, LEMMAS) == learned_tags("lemma", FORMS, LEMMAS) == ["lower:*-", "lower:be", "lower:*", "_"]
    )
    assert learned_tags("upos", FORMS, LEMMAS) is LEMMAS
    corpus = [{"tokens": FORMS, "upos": ["NOUN", "AUX", "SYM", "X"], "lemma": LEMMAS}]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    assert vocabulary.tags["lemma"] == ["lower:*", "lower:*-", "lower:be"]
    assert vocabulary.forms == ["Dogs", "_", "is", "x"]
    assert vocabulary.form_tags == {"lemma": [[1], [0], [2], []]}
    assert vocabulary.combined == ["upos"]
    gold = {"lemma": [["cat", "cat", "cat"]]}
    batch = collate([["cats", "x", "Cats"]], make_table(vocabulary), gold)
    seen = vocabulary.tag_ids["lemma"]["lower:*-"]
    assert batch.targets["lemma"].tolist() == [[seen], [-101], [seen]]


def test_other_columns_and_lemmas_of_older_taggers_stay_as_they_are() -> None:
    for column, tags in (("xpos", ["lower:*", "N"]), ("lemma", ["dog", "lower:*"])):
        codec = TagCodec(column, tags)
        assert codec.learned(["Dogs"], ["dog"]) == ["dog"]
        assert [codec.tag("Dogs", i) for i in range(2)] == tags
        read = codec.read(["Dogs"], *decoded([[1, 0]], [[0.75, 0.25]])[:2], 2)
        assert read == ([tags[1]], [0.75], [[(tags[1], 0.75), (tags[0], 0.25)]])
        assert codec.candidates(3, True) == 3
        assert weighed(codec, torch.ones(1, 2), [""]) == [[1, 1]]


def test_scripts_that_give_the_same_lemma_add_up() -> None:
    codec = TagCodec("lemma", ["lower:*", "keep:*", "lower:*-", "lower:*--"])
    ids, shares = [[2, 1, 0, 3]], [[0.4, 0.3, 0.2, 0.1]]
    assert codec.candidates(2, True) >= 4
    read = codec.read(["dogs"], *decoded(ids, shares)[:2], 2)
    assert read.best == ["dog"]
    assert read.probabilities == [pytest.approx(0.4)]
    assert read.alternatives == [[("dog", pytest.approx(0.4)), ("dogs", pytest.approx(0.5))]]
    together = codec.read(["i"], *decoded([[0, 1, 2, 3]], shares)[:2], 3)
    assert together.alternatives == [[("i", pytest.approx(1.0))]]
    assert together.probabilities == [pytest.approx(1.0)]


def test_scripts_that_do_not_fit_have_no_score(codec: TagCodec) -> None:
    scores = torch.arange(12.0).view(3, 4)
    assert weighed(codec, scores, ["dogs", "a", "is"]) == [[0, 1, 2, 3], [4, LOW, LOW, 7], [8, 9, LOW, 11]]


def test_a_form_of_training_has_the_scripts_of_training() -> None:
    codec = TagCodec("lemma", SCRIPTS, {"a": [0], "leaves": [1, 2], "new": []})
    scores = torch.arange(16.0).view(4, 4)
    expected = [[LOW, 1, 2, LOW], [4, LOW, LOW, LOW], [8, 9, LOW, 11], [12, 13, LOW, 15]]
    assert weighed(codec, scores, ["leaves", "a", "new", "he"]) == expected


def test_the_whole_lemma_of_one_form_is_no_rule_for_other_words() -> None:
    scores = torch.arange(8.0).view(2, 4)
    once = TagCodec("lemma", SCRIPTS, {"was": [3], "dogs": [1]})
    assert weighed(once, scores.clone(), ["was", "hats"]) == [[LOW, LOW, LOW, 3], [4, 5, 6, LOW]]
    twice = TagCodec("lemma", SCRIPTS, {"was": [3], "is": [3], "dogs": [1]})
    assert weighed(twice, scores.clone(), ["was", "hats"])[1] == [4, 5, 6, 7]
    alone = TagCodec("lemma", ["lower:*-", "lower:be"], {"was": [1], "dogs": [0]})
    assert weighed(alone, torch.ones(1, 2), ["a"]) == [[LOW, 1]]  # no other script fits it


def test_an_unknown_word_gets_a_lemma_of_training_if_it_is_nearly_as_probable() -> None:
    codec = TagCodec("lemma", SCRIPTS, {"Dog": [0], "cat": [0], "was": [3], "is": [3]})
    near, far, right = [2.0, 1.0, -4, -4], [4.0, 1.0, -4, -4], [1.0, 2.0, -4, -4]
    scores = torch.tensor([near, far, near, right, near])
    expected = [[2, 1 + KNOWN_LEMMA, -4, -4], far, near, [1, 2 + KNOWN_LEMMA, -4, -4], [2, LOW, LOW, LOW]]
    assert weighed(codec, scores, ["dogs", "cats", "hats", "Cats", "Dog"]) == expected


def test_an_unknown_compound_gets_a_lemma_whose_parts_are_of_training() -> None:
    scripts = ["lower:*", "lower:...#*", "lower:....#*"]
    forms = {"maailma": [1], "koirakoulu": [0], "koira": [0], "koulu": [0], "luun": [0]}
    scores = torch.tensor([[2.0, 1.0, 1.5], [2.0, 1.0, 1.5], [2.0, 1.0, 1.5]])
    known = [2, 1, 1.5 + KNOWN_LEMMA]
    codec = TagCodec("lemma", scripts, forms)
    assert weighed(codec, scores.clone(), ["luunkoulu", "Luunkoulu", "luunkissa"]) == [known, known, [2, 1, 1.5]]
    rare = TagCodec("lemma", scripts, {**forms, **{f"kissa{number}": [0] for number in range(200)}})
    assert weighed(rare, scores.clone(), ["luunkoulu"] * 3)[0] == [2, 1, 1.5]  # `#` of one form in 205 joins no parts


def test_a_lemma_without_marks_gets_them_where_both_parts_are_known() -> None:
    codec = TagCodec("lemma", ["lower:*", "lower:...#*"], {"maailma": [1], "koira": [0], "kissa": []})
    forms = ["koirailma", "maakoira", "maakoir", "Maailma", "koira", "kissailma"]
    both = [weighed(codec, torch.tensor([[2.0, 0.0]]), [form])[0] for form in forms[:2]]
    assert both == [[2 + KNOWN_LEMMA, 0], [2 + KNOWN_LEMMA, KNOWN_LEMMA]]  # both scripts give `maa#koira`
    expected = ["koira#ilma", "maa#koira", "maakoir", "maa#ilma", "koira", "kissa#ilma"]
    assert [codec.tag(form, 0) for form in forms] == expected
    ids, shares = np.zeros((6, 1), dtype=np.int64), np.ones((6, 1), dtype=np.float32)
    assert codec.read(forms, ids, None, 1).best == expected
    assert codec.read(forms, ids, shares, 1) == (expected, [1.0] * 6, None)
    assert codec.read(forms, ids, shares, 2).alternatives == [[(lemma, 1.0)] for lemma in expected]


def test_names_keep_their_capital_where_lemmas_have_any() -> None:
    scripts = ["lower:*", "keep:*", "keep:*-", "upper:*"]
    forms = {"Anna": [1], "Ben": [1], "Dogs": [0], "dogs": [0]}
    codec = TagCodec("lemma", scripts, forms)
    assert codec.keeps_names
    scores = torch.ones(3, 4)
    codec.keep_capitals(scores, np.array([0, 2]))
    assert scores.tolist() == [[LOW, 1, 1, 1], [1, 1, 1, 1], [LOW, 1, 1, 1]]
    many = {f"Name{chr(97 + i)}": [0] for i in range(20)}
    assert not TagCodec("lemma", scripts, {**many, **forms}).keeps_names  # 2 of 23 have one
    assert not TagCodec("lemma", ["lower:*", "keep:*--"], {"Annas": [1]}).keeps_names  # nothing else fits `Jo`
    assert not TagCodec("lemma", scripts).keeps_names
    assert not TagCodec("xpos", scripts, forms).keeps_names


def test_an_unknown_word_in_capitals_has_a_lemma_in_one_case() -> None:
    codec = TagCodec("lemma", ["keep:*-a", "lower:*", "upper:*"], {"Prahy": [0], "NATO": [2]})
    assert codec.tag("PRAHY", 0) == "Praha"
    assert codec.tag("Brdy", 0) == "Brda"
    assert codec.tag("OECD", 2) == "OECD"
    assert codec.tag("İÇTİ", 1) == "içti"


def test_a_script_that_leaves_single_letters_of_a_syllable_yields_to_others() -> None:
    codec = TagCodec("lemma", ["lower:*", "jamo:*-"], {"간": [1]})
    assert weighed(codec, torch.tensor([[1.0, 2.0], [1.0, 2.0]]), ["나", "난"]) == [[1, 2 - KNOWN_LEMMA], [1, 2]]
    assert [codec.tag(form, 1) for form in ("나", "난")] == ["나", "나"]


FINNISH = dict(zip(["maailmaa", "Lumisade", "talvi-ilta"], [["maa#ilma"], ["lumi#sade"], ["talvi#ilta"]], strict=True))
FINNISH |= {form: [form] for form in ("sade", "koira", "Turku", "jo")}


def test_an_unknown_lemma_is_cut_between_parts_of_training() -> None:
    compounds = Compounds(FINNISH)
    assert compounds.marks == "#"
    assert compounds.cut("koirasade") == "koira#sade"
    assert compounds.cut("lumikoira") == "lumi#koira"
    for whole in (
        "koiraturku",  # no compound has either there
        "sadelumi",  # both stand at the other end
        "josade",  # too short, and no part of a compound
        "Koirasade",  # a name
        "lumi#koira",
    ):
        assert compounds.cut(whole) == whole
    assert Compounds({**FINNISH, "koirasade": ["koirasade"]}).cut("koirasade") == "koirasade"
    assert all(map(compounds.has_parts, ["Koira#sade", "maa#lumi#koira"]))
    assert not any(map(compounds.has_parts, ["koira#kissa", "koira", "#"]))


def test_other_symbols_are_no_marks() -> None:
    for lemmas in (
        {"dogs": ["dog"]},
        {"koordam": ["kard#kon"], "goftam": ["goft#gu"]},  # two stems of a verb, not parts of the word
        {"well-known": ["well-known"], "x": ["x#"], "y": ["#y"]},
        {"\u0928\u093e": ["\u0928\u093e\u0928"], "\u0928\u0928": ["\u0928\u093e\u0928"]},  # a vowel sign of Hindi
    ):
        compounds = Compounds(lemmas)
        assert compounds.marks == ""
        assert compounds.cut("dogsdog") == "dogsdog"
        assert not compounds.has_parts("kard#gu")
