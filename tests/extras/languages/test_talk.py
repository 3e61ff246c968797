"""Tests of how treebanks of talk are written, checked and scored, and of those in `data/talk`."""

import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tagger.extras.languages import make, score_talk, talk
from tagger.text.sentence import MultiwordToken, Sentence, Token

FILES = sorted((make.DATA / "talk").glob("*/*.conllu"))
IMPERATIVE = "Mood=Imp|Number=Sing|Person=2|VerbForm=Fin"
PRESENT = "Mood=Ind|Number=Sing|Person=3|Tense=Pres|VerbForm=Fin"


def lines_of(tmp_path: Path, text: str) -> tuple[list[talk.Line], dict[str, str]]:
    path = tmp_path / "corrections"
    path.write_text(text, encoding="utf-8")
    return talk.read_corrections([path])


def test_corrections_name_words_by_form(tmp_path: Path) -> None:
    sentences = [
        Sentence(["Komm", "!"], {"upos": ["NOUN", "PUNCT"], "feats": ["_", "_"], "lemma": ["Komm", "!"]}),
        Sentence(["ja", "Ja"], {"upos": ["ADV", "ADV"], "feats": ["A=1|C=2", "_"], "lemma": ["x", "x"]}),
    ]
    text = f"= M {IMPERATIVE}\n# why\n* (Komm|Geh) f M u VERB l kommen\n* [Jj]a l lower\n2 ja f +B=3-A\n2 Ja u ADV\n"
    lines, names = lines_of(tmp_path, text)
    used = Counter[str]()
    talk.apply(sentences, lines, names, used)
    assert sentences[0].tags == {"upos": ["VERB", "PUNCT"], "feats": [IMPERATIVE, "_"], "lemma": ["kommen", "!"]}
    assert sentences[1].tags == {"upos": ["ADV", "ADV"], "feats": ["B=3|C=2", "_"], "lemma": ["ja", "ja"]}
    assert [line.source.partition(": ")[2] for line in lines if not used[line.source]] == ["2 Ja u ADV"]
    for wrong in ("1 Komm", "1 Komm x VERB", "= M", "1 Komm f"):
        with pytest.raises(SystemExit, match=r"line 2(?s:.)*no correction"):
            lines_of(tmp_path, f"* a u NOUN\n{wrong}\n")
    sentence = Sentence(["la", "la"], {"upos": ["DET", "DET"]})
    lines, names = lines_of(tmp_path, "1 la@2 u PRON\n1 la u PRON\n")
    with pytest.raises(SystemExit, match="la is 2 times"):
        talk.apply([sentence], lines, names, Counter())
    assert sentence.tags["upos"] == ["DET", "PRON"]


def test_words_are_cut_as_corrections_say(tmp_path: Path) -> None:
    lines, _ = lines_of(tmp_path, "* dímelo m di me lo\n1 l'ami! w l' ami !\n* 10:30 w 10:30\n")
    whole: Any = SimpleNamespace(segment=lambda _: [[Token(0, 6), Token(7, 13), Token(14, 19)]])  # at white space
    sentence = talk.cut("Dímelo l'ami! 10:30", whole, lines, Counter())
    assert sentence.tokens == ["Di", "me", "lo", "l'", "ami", "!", "10:30"]
    assert sentence.multiwords == [MultiwordToken(0, 3, "Dímelo")]
    assert sentence.space_after == [False, False, True, False, False, True, True]


def test_checks_find_what_is_wrong_agreement_is_by_column_and_second_persons_are_scored_apart() -> None:
    def one(form: str, upos: str, feats: str) -> Sentence:
        return Sentence([form], {"upos": [upos], "feats": [feats], "lemma": ["gehen"]}, comments=["# sent_id = s"])

    gold = [one("geht", "VERB", PRESENT), one("und", "CCONJ", "_")]
    found = list(talk.check("german", [one("gehst", "VERB", PRESENT), one("und", "CCONJ", "Mood=Ind")], gold))
    assert [line.split()[0] for line in found if not line.startswith(("read", "grid"))] == ["ending", "combination"]
    right = PRESENT.replace("Person=3", "Person=2")
    assert not [x for x in talk.check("german", [one("gehst", "VERB", right)], gold) if x.startswith(("end", "comb"))]

    tags = {"upos": ["VERB", "PUNCT"], "feats": ["_", "_"], "lemma": ["_", "_"]}
    first, second = (
        Sentence(["Komm", "!"], tags | {"upos": [upos, "PUNCT"]}, text="Komm!", comments=["# sent_id = 1"])
        for upos in ("VERB", "NOUN")
    )
    assert list(talk.agree([first], [second])) == [
        "1 Komm upos: VERB | NOUN",
        "2 words; agreement in percent: words 100.0, lemma 100.0, upos 50.0, feats 100.0",
    ]

    def verbs(*feats: str) -> list[Sentence]:
        return [Sentence(["x"] * len(feats), {"upos": ["VERB"] * len(feats), "feats": [*feats]})]

    gold = verbs(IMPERATIVE, PRESENT, PRESENT.replace("3", "2"), "VerbForm=Inf")
    answers = verbs(IMPERATIVE.replace("VerbForm=Fin", "VerbForm=X"), PRESENT, PRESENT, "_")
    assert list(score_talk.verbs_of(gold, answers)) == [(True, True), (False, True), (True, False)]


def spaces_of(sentence: Sentence) -> list[bool]:
    """Whether white space follows each word of a sentence in its text, which has nothing else."""
    text, place, spaces = sentence.text or "", 0, [False] * len(sentence)
    words = [(each.form, each.stop) for each in sentence.multiwords]
    inside = {i for each in sentence.multiwords for i in range(each.start, each.stop)}
    words += [(form, i + 1) for i, form in enumerate(sentence.tokens) if i not in inside]
    for form, stop in sorted(words, key=lambda word: word[1]):
        assert text.startswith(form, place), (text, form)
        place += len(form)
        spaces[stop - 1] = place == len(text) or text[place].isspace()
        place += len(text[place:]) - len(text[place:].lstrip())
    assert place == len(text)
    return spaces


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_talk_is_a_treebank(path: Path) -> None:
    sentences = talk.read(path)
    texts = [sentence.text for sentence in sentences]
    assert len(set(texts)) == len(texts)
    for other in FILES:
        if other.parent == path.parent and other < path:
            assert set(texts).isdisjoint(sentence.text for sentence in talk.read(other))
    for sentence in sentences:
        assert spaces_of(sentence) == sentence.space_after
        columns = ["upos"] if path.stem.startswith("arabic") else ["upos", "lemma"]  # whose lemmas are not learned
        assert all(tag != "_" for column in columns for tag in sentence.tags[column])
        for feats in sentence.tags["feats"]:
            assert [*talk.pairs_of(feats)] == sorted(talk.pairs_of(feats), key=str.lower)


def test_a_training_reads_talk_three_times_or_a_tenth_with_the_xpos_of_such_words_of_the_treebank() -> None:
    text = "1\tKomm\n2\t!\n\n"
    assert [make.repeated(text, n).count("Komm") for n in (1000, 40, 0)] == [3, 2, 1]
    assert make.repeated("", 1000) == ""

    def words(*rows: str) -> str:
        rows = tuple(row.replace("Ind", "Mood=Ind|VerbForm=Fin") for row in rows)
        cells = ((form, lemma, "VERB", xpos, feats) for form, lemma, xpos, feats in map(str.split, rows))
        return "".join("\t".join(["1", *each, *"____"]) + "\n" for each in cells)

    own = words("is be AUX P=3|Ind", *["goes go FIN P=3|Ind"] * 4, "gone go PART V=P", "c c _ B=1")
    talk = "are be _ P=2|Ind", "runs run _ P=3|Ind", "run run _ P=2|Ind", "sung sing _ V=P", "d d _ VerbForm=Inf"
    xpos = ("AUX", "FIN", "FIN", "PART", "_")
    found = (row.replace("_", tag, 1) for row, tag in zip(talk, xpos, strict=True))
    assert make.with_xpos(words(*talk), own) == words(*found)
    mixed = words("is be AUX P=3|Ind", "goes go FIN P=3|Ind")
    assert make.with_xpos(words("run run _ P=2|Ind"), mixed) == words("run run _ P=2|Ind")


def test_pages_have_a_row_for_each_talk_and_the_command_renews_the_rows_that_are_named() -> None:
    table = make.read_rows(score_talk.TABLE)
    talks = {talk: row.name for row in make.rows() for talk in row.talk.split()}
    assert [row["language"] for row in table] == sorted(talks)
    for row in table:
        learned = score_talk.has_learned(make.DATA / talks[row["language"]], row["language"])
        assert row["has learned talk"] == ("yes" if learned else "no")
    new = {"czech": ["yes", "98.0", "95.0", "97.0", "99.9", "80 % of 99", "95 % of 64"]}
    changed = [row for row in score_talk.renewed(table, new) if row not in table]
    assert [[*row.values()] for row in changed] == [["czech", "yes", "98.0", "95.0", "97.0", "80", "95"]]
    assert score_talk.renewed(table, {}) == table

    table = make.marked(talk.README, talk.COUNTS)[1]
    assert talk.count(table) == table
    assert all(re.fullmatch(r"\d+\.\d(/\d+\.\d){3}", line.split("|")[4].strip()) for line in table.split("\n")[2:])
