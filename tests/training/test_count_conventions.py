"""What training says of the rules and the table of abbreviations for raw text."""

import pytest

from tagger.text.sentence import Sentence, Token
from tagger.text.spacing import GoldParagraph
from tagger.training.count_conventions import UNSEEN, WORD, conventions_of, with_tags
from tagger.words.conventions import Conventions

END = "‖"  # of a sentence


def gold(marked: str) -> GoldParagraph:
    """A paragraph whose sentences end where it is marked; `|` divides tokens, as white space does."""
    text = marked.replace(END, "").replace("|", "")
    sentences: list[list[Token]] = []
    end = 0
    for sentence in marked.split(END):
        sentences.append([])
        for form in sentence.replace("|", " ").split():
            start = text.index(form, end)
            end = start + len(form)
            sentences[-1].append(Token(start, end))
    forms = [[text[start:end] for start, end, _ in tokens] for tokens in sentences]
    return GoldParagraph(text, [*map(Sentence, forms)], sentences)


def test_training_says_which_rules_do_not_hold_and_its_small_words() -> None:
    for text, names in (
        ("3|:|4 5|:|6", ["0:0"]),
        ("3:4 5:6", []),
        ("3|:|4", ["0:0"]),
        ("3|:|4 5:6", []),  # once is not enough
        ("Aa|.‖ b|.‖ c|.", ["small letter at the start"]),
        ("Aa|. b|. c|.", []),
        ("It 1.‖ It 2.‖ A", ["number at the end"]),
        ("It 1|.‖ It 2|.‖ A", []),
    ):
        assert conventions_of([gold(text)]).refused == names
    sentence = Sentence(["zu", "dem", "Hof"], {"upos": ["ADP", "DET", "NOUN"]}, multiwords=[(0, 2, "zum")])
    paragraph = GoldParagraph("zum Hof", [sentence], [[Token(0, 3, ("zu", "dem")), Token(4, 7)]])
    assert conventions_of([paragraph]).small_words == {"adposition": "zum"}  # as the first word
    conventions = Conventions(abbreviations={"art": "number", "Dr": "title"})
    assert [*map(conventions.abbreviation, ("art", "Art", "ART", "Dr", "dr", ""))] == ["art"] * 3 + ["Dr", "", ""]


@pytest.mark.parametrize(
    ("texts", "tokens", "kinds"),
    [
        ([], "", {"art": "number?", "dr": "title?"}),  # candidates of which nothing is known
        ([], "art", {"art": "number*", "dr": "title?"}),  # a word
        ([], "art .", {"art": "number?", "dr": "title?"}),
        (["en art er"], "", {"art": "number*", "dr": "title?"}),
        (["se art. 5 og"], "", {"art": "number", "dr": "title?"}),
        (["se art. 5 og", "en art er"], "", {"art": "number*", "dr": "title?"}),  # once is not enough for a word
        (["se art. 5 og", "se art. 6 og", "en art er"], "", {"art": "number", "dr": "title?"}),
        # it may be a word at an end
        (["se art. 5 og", "en art er", "god art.‖ 5 er"], "", {"art": "number*", "dr": "title?"}),
        (["for hhv. 5 og"] * 2, "", {"art": "number?", "dr": "title?"}),  # training alone shows it, but too seldom
        (["for hhv. 5 og"] * 3, "", {"art": "number?", "dr": "title?", "hhv": "number"}),
        (["til Kgl. Aa og"] * 3, "", {"art": "number?", "dr": "title?", "Kgl": "title"}),
        (["f.eks. Aa og"] * 3, "", {"art": "number?", "dr": "title?", "f.eks": "title"}),
        # initials, words
        (["til J. Aa og", "til DR. Aa og", "ud planen. 5 og"] * 3, "", {"art": "number?", "dr": "title"}),
        (["til kgl. Aa og", "et kgl.‖ Aa er"] * 9, "", {"art": "number?", "dr": "title?"}),
        (["en dr og"], "", {"art": "number?", "dr": "title*"}),
        (["en dr og"] * 90 + ["en dr.‖ Aa er"] * 9, "", {"art": "number?", "dr": "number*"}),  # too frequent a word
    ],
)
def test_abbreviations_are_those_of_the_table_that_training_does_not_contradict_and_those_that_it_shows(
    texts: list[str], tokens: str, kinds: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"art": "number", "dr": "title"}
    monkeypatch.setattr("tagger.training.count_conventions.candidates", lambda language: known)
    found = conventions_of([*map(gold, texts)], [tokens.split()], "danish")
    doubts = {None: "", WORD: "*"} | dict.fromkeys(UNSEEN.values(), "?")
    assert {form: f"{kind}{doubts[found.doubtful.get(form)]}" for form, kind in found.abbreviations.items()} == kinds
    shown = conventions_of([*map(gold, texts or ["en"])], [tokens.split()]).abbreviations  # of no language
    assert shown.items() <= found.abbreviations.items()
    assert ("dr" in shown) == any("DR." in text for text in texts)


def test_tags_say_which_words_are_marks_and_which_features_belong_to_another_part_of_speech() -> None:
    marks = {"tokens": ["ๆ", "ๆ", "a", "a", "b", ",", ","], "upos": [*["PUNCT"] * 3, "X", *["PUNCT"] * 3]}
    noun, verb, error = "Case=Nom|Number=Sing", "Tense=Past", "Case=Gen|Number=Plur"

    def found(nouns: int, verbs: int, errors: int) -> Conventions:
        upos, feats = ["NOUN"] * nouns + ["VERB"] * (verbs + errors), [noun] * nouns + [verb] * verbs + [error] * errors
        sentences = [marks, {"tokens": ["w"] * len(upos), "upos": upos, "feats": feats}]
        return with_tags(Conventions(["0:0"]), sentences, [("NOUN", noun), ("VERB", verb), ("VERB", error), ("X", "_")])

    assert found(1000, 1000, 2) == Conventions(["0:0"], marks=["b", "ๆ"], features={"VERB": ["Case|Number"]})
    assert found(1000, 1000, 3).features == {}  # too often to be an error
    assert found(1000, 400, 1).features == {}
    assert found(40, 1000, 0).features == {}  # too few nouns
    conventions = found(1000, 1000, 2)
    assert [conventions.allows_features("VERB", feats) for feats in (noun, error, verb)] == [False, False, True]
    assert conventions.allows_features("NOUN", error)
