"""The FEATS of an older file beside what a tagger guesses."""

import random

from tagger.extras.languages.observed import most_likely, observed, with_observed
from tagger.text.conllu import read_conllu


def test_what_annotators_saw_decides_where_a_tagger_guesses() -> None:
    chance = random.Random(1)
    forms, written, candidates, today = [], [], [], []
    for number in range(600):
        case = chance.choice(["Nom", "Acc"])
        guess = case if chance.random() < 0.7 else {"Nom": "Acc", "Acc": "Nom"}[case]
        forms.append(f"noun{number % 150}")
        written.append({"Nom": "N;NOM", "Acc": "N;ACC"}[case])
        candidates.append([(guess, 0.7), ({"Nom": "Acc", "Acc": "Nom"}[guess], 0.3)])
        today.append(case)
    wrong = sum(each[0][0] != tag for each, tag in zip(candidates, today, strict=True))
    found = most_likely(forms, written, candidates)
    assert wrong > 150
    assert sum(tag != right for tag, right in zip(found, today, strict=True)) == 0


def test_a_word_that_the_older_file_always_writes_otherwise_gets_what_is_guessed() -> None:
    usual = [("pronoun", "PRON", [("Prs", 0.9), ("Dem", 0.1)])] * 100 + [("article", "DET", [("Dem", 1.0)])] * 100
    words = [*usual, *[("tas", "PRON", [("Dem", 0.9), ("Prs", 0.1)])] * 60]
    found = most_likely(*zip(*words, strict=True))
    assert found == ["Prs"] * 100 + ["Dem"] * 160


def test_a_single_candidate_stays() -> None:
    assert most_likely(["a", "b"], ["_", "x"], [[("_", 0.2)], [("Y", 0.1)]]) == ["_", "Y"]


def test_what_an_older_file_wrote_is_kept_beside_its_words() -> None:
    rows = ["ein\tein\tDET\tART\t_\t_\t_\t_\t_", "Tag\tTag\tNOUN\tN;NOM\tCase=Nom\t_\t_\t_\tSpaceAfter=No"]
    rows += ["er\ter\tPRON\t_\tCase=Nom|Person=3\t_\t_\t_\t_"]
    text = "# text = ein Tag er\n" + "".join(f"{i}\t{row}\n" for i, row in enumerate(rows, start=1)) + "\n"
    (sentence,) = read_conllu(with_observed(text).splitlines(keepends=True), "file")
    assert observed(sentence) == ["_", "Case=Nom", "Case=Nom;Person=3"]
    assert sentence.space_after == [True, False, True]
    other = text.replace("Case=Nom|Person=3", "Case=Nom")
    (sentence,) = read_conllu(with_observed(other).splitlines(keepends=True), "file")
    assert observed(sentence) == ["ART", "N;NOM", "_"]
    (sentence,) = read_conllu(text.splitlines(keepends=True), "file")
    assert observed(sentence) == ["_", "_", "_"]
