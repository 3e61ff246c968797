"""What each judge refuses or replaces: known lemmas, names, signs, combinations of tags."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tagger.words import judges
from tagger.words.edit_scripts import edit_script
from tagger.words.facts import FormFacts, Tokens
from tagger.words.judges import Combinations, Signs
from tagger.words.lemmas import KNOWN_LEMMA, Capitals, KnownLemmas, Numbers
from tagger.words.reading import Reading
from tagger.words.tag_codec import TagCodec
from tests.conftest import make_network, make_tagger

LOW = -torch.inf
SCRIPTS = ["lower:*", "lower:*-", "lower:*---", "lower:be"]


def tokens_of(
    forms: list[str],
    scores: Tensor,
    column: str = "lemma",
    decided: Mapping[str, Tokens] = MappingProxyType({}),
    **known: Any,
) -> Tokens:
    """The tokens of a batch, whose words are in another order in the reading."""
    places = np.arange(len(forms))

    def conditionals(scores: Tensor, best: Tensor, at: Tensor, temperature: float) -> Tensor:
        return (scores[at] / temperature).log_softmax(-1)

    facts = FormFacts(Reading([forms[::-1]]), **known)
    return Tokens(column, facts, places[::-1], places, scores, decided, conditionals, 1.0)


def weighed(codec: TagCodec, scores: Tensor, forms: list[str]) -> list[list[float]]:
    """The scores after `KnownLemmas`."""
    KnownLemmas(codec).refuse(tokens_of(forms, scores, codec=codec))
    return scores.tolist()


def test_scripts_that_do_not_fit_or_that_training_lacks_have_no_score_and_its_lemmas_are_preferred() -> None:
    expected = [[0, 1, 2, 3], [4, LOW, LOW, 7], [8, 9, LOW, 11]]
    assert weighed(TagCodec("lemma", SCRIPTS), torch.arange(12.0).view(3, 4), ["dogs", "a", "is"]) == expected
    codec = TagCodec("lemma", SCRIPTS, {"a": [0], "leaves": [1, 2], "new": []})
    expected = [[LOW, 1, 2, LOW], [4, LOW, LOW, LOW], [8, 9, LOW, 11], [12, 13, LOW, 15]]
    assert weighed(codec, torch.arange(16.0).view(4, 4), ["leaves", "a", "new", "he"]) == expected
    scores = torch.arange(8.0).view(2, 4)
    once = TagCodec("lemma", SCRIPTS, {"was": [3], "dogs": [1]})  # whole lemmas are no rules
    assert weighed(once, scores.clone(), ["was", "hats"]) == [[LOW, LOW, LOW, 3], [4, 5, 6, LOW]]
    twice = TagCodec("lemma", SCRIPTS, {"was": [3], "is": [3], "dogs": [1]})
    assert weighed(twice, scores.clone(), ["was", "hats"])[1] == [4, 5, 6, 7]
    alone = TagCodec("lemma", ["lower:*-", "lower:be"], {"was": [1], "dogs": [0]})
    assert weighed(alone, torch.ones(1, 2), ["a"]) == [[LOW, 1]]  # no other script fits it
    codec = TagCodec("lemma", SCRIPTS, {"Dog": [0], "cat": [0], "was": [3], "is": [3]})
    near, far, right = [2.0, 1.0, -4, -4], [4.0, 1.0, -4, -4], [1.0, 2.0, -4, -4]
    scores = torch.tensor([near, far, near, right, near])
    expected = [[2, 1 + KNOWN_LEMMA, -4, -4], far, near, [1, 2 + KNOWN_LEMMA, -4, -4], [2, LOW, LOW, LOW]]
    assert weighed(codec, scores, ["dogs", "cats", "hats", "Cats", "Dog"]) == expected


def test_names_keep_their_capital_and_verbs_do_not_where_lemmas_have_any() -> None:
    scripts = ["lower:*", "keep:*", "keep:*-", "upper:*"]
    forms = {"Anna": [1], "Ben": [1], "Dogs": [0], "dogs": [0]}
    words = ["Cleo", "cleo", "Dee", "Anna", "Eve", "Fay"]
    upos = tokens_of(words, torch.tensor([[0.0, 9, 0]] * 4 + [[9.0, 0, 0], [0, 0.1, 0]]), "upos")

    def refused(codec: TagCodec, tag: str) -> list[list[int]]:
        """The rows in which the first script cannot be, and those in which the others cannot, if row 1 has this tag."""
        upos.best = upos.scores.argmax(-1)
        tokens = tokens_of(words, torch.ones(len(words), len(codec)), decided={"upos": upos}, codec=codec)
        Capitals(codec, 1 if tag == "PROPN" else -1, [1] if tag == "VERB" else []).refuse(tokens)
        low = tokens.scores.numpy() == LOW
        assert (low[:, 1] == low[:, -1]).all()
        return [np.flatnonzero(column).tolist() for column in low.T[:2]]

    assert refused(TagCodec("lemma", scripts, forms), "PROPN") == [[0, 2], []]  # `Fay` may be no name
    assert refused(TagCodec("lemma", scripts, forms), "VERB") == [[], [0, 2]]
    assert refused(TagCodec("lemma", scripts, forms), "ADJ") == [[], []]
    many = {f"Name{chr(97 + i)}": [0] for i in range(20)}
    for codec in (
        TagCodec("lemma", scripts, {**many, **forms}),  # 2 of 23 have one
        TagCodec("lemma", ["lower:*", "keep:*--"], {"Annas": [1]}),  # `Jo` lacks another
        TagCodec("lemma", ["lower:*--", "keep:*"], {"Annas": [1]}),
        TagCodec("lemma", scripts),
    ):
        assert refused(codec, "PROPN") == refused(codec, "VERB") == [[], []]


def test_numbers_get_the_lemmas_that_such_numbers_have_in_training() -> None:
    for known, lemmas in (
        ("", "1,234=1,234 2.5=2.5 -7=-7 1,234,567.5=1,234,567.5"),
        ("1,000=1000 20,000=20000 3,5=3,5", "1,234=1234 1,234,567.5=1234567.5 4,75=4,75"),
        ("1.000=1000 20.000=20000 3,5=3.5 7,25=7.25", "1.234.567,8=1234567.8 -4,75=-4.75 2.5=2.5"),
        ("9-10=9-+10 2-4=2-+4", "5-6=5-+6 -5=-5"),
        ("1,000=1000", "1,234="),  # once is no rule
        ("1,000=1000 20,000=20,000 30,000=30000 1,500=fifteen", "1,234="),
    ):
        pairs, wanted = (dict(pair.split("=") for pair in each.split()) for each in (known, lemmas))
        scripts = sorted({edit_script(*pair) for pair in pairs.items()} | {"lower:nothing", "keep:*"})
        codec = TagCodec("lemma", scripts, {form: [scripts.index(edit_script(form, pairs[form]))] for form in pairs})
        words = [*pairs, *wanted, "x,000", "1234"]
        tokens = tokens_of(words, torch.zeros(len(words), len(scripts)), codec=codec)
        tokens.best = torch.full((len(words),), scripts.index("lower:nothing"))
        Numbers(codec).replace({"lemma": tokens})
        found = {tokens.facts.reading.forms[place]: lemma for place, (lemma, _) in tokens.instead.items()}
        assert found == {number: lemma for number, lemma in wanted.items() if lemma}


TAGS = ["ADP", "NOUN", "NUM", "PROPN", "PUNCT", "SYM", "VERB", "X"]
ODD = {"😀": {"SYM"}, ":-(": {"SYM"}, "https://a.org/B": {"PROPN", "SYM", "X"}, "#news": {"PROPN", "SYM", "X"}}
ODD |= {"@ann": {"PROPN", "SYM", "X"}, "ann@mail.org": {"PROPN", "SYM", "X"}, "§§": {"PUNCT", "SYM"}}
ODD |= {"€": {"SYM"}, "±": {"SYM"}, "<": {"PUNCT", "SYM"}}
NUMBERS = ["3,14", "+48", "14:30"]
WORDS = ["a-b", "it's", "C++", "U.S."]  # no marks
LETTERS = ["résumé", "x", "50", "z.B.", "ㅠㅠ"]
OTHERS = ["(5)", "ๆ"]


def tagger_of(vocabulary: Vocabulary, tags: list[str], decoder: str = "softmax") -> Tagger:
    both = {"upos": tags, "lemma": ["keep:*", "lower:*-", "lower:x*"]}
    known = dataclasses.replace(vocabulary, tags=both, combinations=[], form_tags={})
    network = make_network(known, decoder=decoder)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    return make_tagger(network, known, precision="float32")


def tag(tagger: Tagger, forms: list[str], **options: object) -> Sentence:
    (found,) = tagger.stream([Sentence(list(forms))], **options)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_symbols_get_tags_that_they_may_have_and_others_are_as_before(vocabulary: Vocabulary, decoder: str) -> None:
    tagger = tagger_of(vocabulary, TAGS, decoder)
    found = tag(tagger, [*ODD])
    tags = dict(zip(ODD, found.tags["upos"], strict=True))
    assert all(tags[form] in allowed for form, allowed in ODD.items()), tags
    assert found.tags["lemma"] == [*ODD]
    words = [*OTHERS, *LETTERS, *ODD]
    tokens = tokens_of(words, torch.ones(len(words), len(TAGS)), "upos", known={"x", "z.B."}, marks=["ๆ"])
    Signs(tagger.vocabulary.tag_ids).refuse(tokens)
    refused = [{TAGS[tag] for tag in np.flatnonzero(row)} for row in (tokens.scores == LOW).numpy()]
    assert refused[: len(OTHERS)] == [set()] * len(OTHERS)
    assert refused[len(OTHERS) : len(OTHERS) + len(LETTERS)] == [*[{"PUNCT"}] * 4, {*TAGS} - {"SYM", "X"}]
    assert all(refused[len(OTHERS) + len(LETTERS) :])
    assert set(tag(tagger, NUMBERS).tags["upos"]) <= {"NOUN", "NUM", "PROPN", "SYM", "X"}
    assert "PUNCT" not in tag(tagger, WORDS).tags["upos"]
    ((best, *_),) = tag(tagger, ["😀"], top=8, probabilities=True).alternatives["upos"]
    assert best == ("SYM", pytest.approx(1))


def test_what_training_has_what_is_given_and_other_tagsets_stay_free(vocabulary: Vocabulary) -> None:
    tagger = tagger_of(vocabulary, TAGS)
    tokens = tokens_of(["😀", "😍"], torch.ones(2, len(TAGS)), "upos", known={"😀"})
    Signs(tagger.vocabulary.tag_ids).refuse(tokens)
    assert (tokens.scores == LOW).any(1).tolist() == [False, True]
    given = Sentence(["😍", "#news"], {"upos": ["VERB", "_"]})
    (found,) = tagger.stream([given], keep=True)
    assert found.tags["upos"][0] == "VERB"
    assert found.tags["upos"][1] in ODD["#news"]
    without = tagger_of(vocabulary, ["NOUN", "PUNCT", "VERB"])
    assert set(tag(without, ["😀", "€", "§§", "a@b.org"]).tags["upos"]) == {"PUNCT"}
    other = tagger_of(vocabulary, ["NN", "VB"])
    assert set(tag(other, [*ODD]).tags["upos"]) <= {"NN", "VB"}


SIZES = [5, 4, 3]
KNOWN = [[0, 0, 0], [0, 1, 2], [1, 1, 1], [2, 3, 0], [3, 2, 2], [4, 0, 1]]


def choose(columns: list[Tensor]) -> Tensor:
    """The tags that are chosen from logits, (tokens, columns)."""
    batch = {str(i): tokens_of(["a"] * len(scores), scores, str(i)) for i, scores in enumerate(columns)}
    for tokens in batch.values():
        tokens.best = tokens.scores.argmax(-1)
    Combinations([*batch], dict(zip(batch, SIZES, strict=True)), KNOWN).replace(batch)
    return torch.stack([tokens.best for tokens in batch.values()], dim=1)


def test_the_most_probable_known_combination_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(2)
    columns = [2 * torch.randn(200, size) for size in SIZES]
    logs = [column.log_softmax(-1) for column in columns]
    sums = torch.stack([sum(log[:, tag] for log, tag in zip(logs, tags, strict=True)) for tags in KNOWN])
    expected = torch.tensor(KNOWN)[sums.argmax(0)]
    assert torch.equal(choose(columns), expected)
    monkeypatch.setattr(judges, "MAX_SCORES", 1)
    assert torch.equal(choose(columns), expected)
    columns[0][:100, :] = -torch.inf
    columns[0][:100, 4] = 1.0  # KNOWN has it with tag 0 of the second column alone
    columns[1][:100, 0] = -torch.inf
    best = torch.stack([column.argmax(-1) for column in columns], dim=1)  # what has no known one keeps these
    for _ in range(2):
        assert torch.equal(choose(columns), torch.cat([best[:100], expected[100:]]))
        monkeypatch.undo()
