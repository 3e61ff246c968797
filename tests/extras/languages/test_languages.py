"""What makes the taggers of languages: what it wrote is there, and words that it makes up."""

import dataclasses
import gzip
import random
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import bundled_languages, codes_of
from tagger.extras.languages import count_lemmas, fit_identifier, make
from tagger.extras.languages.made_text import recombined
from tagger.extras.languages.observed import most_likely, observed, with_observed
from tagger.extras.languages.scheme import MIN_OF_UPOS, as_today, combinations_of_today, joined, with_contractions
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.languages import Identifier, Languages
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence
from tagger.training.start import dictionaries_of

ROOT = Path(__file__).parents[3]
BLANK = make.LanguageRow(**{**dict.fromkeys(make.LanguageRow._fields, ""), "dev": "kept"})
ENGLISH = BLANK._replace(name="english", corpora="UD_English-EWT")
TALO = [["talo", "talon", "talossa"], ["kirja", "kirjan", "kirjat", "kirjalla"], ["Helsinki"]]


def test_pages_have_the_scores_of_the_taggers_that_are_there() -> None:
    assert make.results(make.rows()) in (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
    assert make.notice(make.rows()) == (ROOT / "data" / "NOTICE.md").read_text(encoding="utf-8")


def test_the_table_from_which_taggers_are_made() -> None:
    table = {row.name: row for row in make.rows()}
    assert set(bundled_languages()) <= set(table) == set(Languages()._identifier.languages)
    for name, row in table.items():
        assert codes_of(name)
        for source in make.names_of(row):
            licence = make.sources()[source]["licence"]
            assert licence.startswith(("CC BY", "CC0", "Apache")), source
            assert "NC" not in licence, source
        assert row.size in make.SIZES


def test_the_identifier_learns_from_splits_and_whole_files_of_a_row(tmp_path: Path) -> None:
    (tmp_path / "danish").mkdir()
    for name, word in (("ddt-dev", "hus"), ("ddt-um", "huset"), ("more", "husene")):
        lines = f"1\t{word}" + "\t_" * 8 + "\n\n"
        (tmp_path / "danish" / f"{name}.conllu.gz").write_bytes(gzip.compress(lines.encode()))
    row = BLANK._replace(name="danish", corpora="danish/ddt", more="danish/more", renewed="danish/ddt-um")
    danish = make.Language(row, [tmp_path], tmp_path, tmp_path)
    assert fit_identifier.train_texts(danish) == [["husene"], ["huset"]]
    assert fit_identifier.dev_texts(danish) == ["hus"]


def test_a_file_keeps_the_identifier(tmp_path: Path) -> None:
    names, weights = ["english", "welsh", "german"], np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)
    bias = np.array([0.5, 0, 0], dtype=np.float32)
    fit_identifier.save(names, weights, bias, tmp_path / "languages.safetensors")
    loaded, expected = Identifier.load(tmp_path / "languages.safetensors"), Identifier(names, weights, bias)
    assert loaded.languages == names
    np.testing.assert_allclose(loaded.scores(["hen", "wlad"]), expected.scores(["hen", "wlad"]), atol=0.5)
    assert (tmp_path / "languages.safetensors").stat().st_size < 64 * 3 + 500


def test_made_up_words_have_the_endings_of_others() -> None:
    forms = {form for tokens in TALO for form in tokens}
    made = list(recombined(TALO, forms, 200, 1))
    new = {form for tokens in made for form in tokens} - forms
    assert new
    assert new <= {"talot", "talolla", "kirjassa"}
    assert all(len(tokens) in (3, 4) for tokens in made)
    assert sum(map(len, made)) < 205
    assert made == list(recombined(TALO, forms, 200, 1))
    assert list(recombined([["他们", "在", "图书馆"]], {"他们", "在", "图书馆"}, 200, 1)) == []


def test_the_identifier_learns_from_the_train_split_and_the_own_text_of_each_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_identifier, "STEPS", 20)
    read = []
    for name, words, texts in (("finnish", "talossa on", "fi.txt"), ("welsh", "mae hen wlad", "cy.txt fi.txt")):
        row = BLANK._replace(name=name, corpora=f"UD_{name}", text=texts)
        (tmp_path / row.corpora).mkdir()
        lines = "".join(f"{n}\t{word}" + "\t_" * 8 + "\n" for n, word in enumerate(words.split(), 1))
        (tmp_path / row.corpora / "x-train.conllu").write_text(f"{lines}\n", encoding="utf-8")
        (tmp_path / texts.split()[0]).write_text(f"{words[::-1]}\n", encoding="utf-8")
        read.append(fit_identifier.train_texts(make.Language(row, [tmp_path], tmp_path, tmp_path)))
    assert read == [[["talossa", "on"], ["no", "assolat"]], [["mae", "hen", "wlad"], ["dalw", "neh", "eam"]]]
    identifier = Identifier(["finnish", "welsh"], *fit_identifier.fit(read))
    assert [identifier.languages[identifier.scores([word]).argmax()] for word in ("talossa", "wlad")] == [
        "finnish",
        "welsh",
    ]


def test_train_of_an_older_release_gets_the_tags_that_dev_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "# text = wlad\n1\twlad\tgwlad\tNOUN\tn\tCase=Old\t_\t_\t_\t_\n\n"
    (tmp_path / "UD_Welsh-CCG").mkdir()
    older = sentence.replace("gwlad", "wlad") * 3 + sentence.replace("NOUN", "VERB")  # today never has it as a verb
    for split, text in (("train", older), ("dev", sentence * 10), ("test", sentence)):
        (tmp_path / "UD_Welsh-CCG" / f"cy-{split}.conllu.gz").write_bytes(gzip.compress(text.encode()))
    welsh = next(row for row in make.rows() if row.name == "welsh")
    made = make.Language(welsh._replace(dev="newer"), [tmp_path], tmp_path, tmp_path / "work")
    made.join()
    assert [path.name for folder in made.older for path in folder.iterdir()] == ["welsh-train.conllu"]
    assert (made.today / "welsh-train.conllu").read_text() == sentence * 8
    assert (made.today / "welsh-dev.conllu").read_text() == sentence * 2

    kept = []

    class Guesser:
        columns = ("upos", "feats", "lemma")

        def stream(self, sentences: list[Sentence], keep: bool, top: int) -> Iterator[Sentence]:
            for each in sentences:
                kept.append(each.tags.pop("upos"))
                assert each.tags == {"xpos": ["_"], "feats": ["_"], "lemma": ["gwlad"]}
                found = {"upos": ["NOUN"], "feats": ["Case=Nom"], "lemma": ["gwlad"]}
                guesses = [[("Case=Nom", 0.6), ("Case=Acc", 0.4)]]
                yield dataclasses.replace(each, tags=found, alternatives={"feats": guesses})

    def load(path: Path, device: str, corpus: str) -> Guesser:
        assert (path, corpus) == (made.folder / "guesser", "UD_Welsh-CCG-today")
        return Guesser()

    monkeypatch.setattr(make, "load", load)
    made.renew()
    made.renew()  # nothing is done again
    assert kept == [["NOUN"], ["NOUN"], ["NOUN"], ["_"]]
    train = (made.primary / "welsh-train.conllu").read_text()
    new = sentence.replace("n\tCase=Old\t_\t_\t_\t_", "_\tCase=Nom\t_\t_\t_\tObserved=Case=Old")
    assert train == sentence * 8 + new * 4
    assert (made.primary / "welsh-test.conllu").read_text() == sentence


def test_files_join_train_in_part_and_those_that_are_renewed_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sentences(word: str, count: int, spacing: str = "") -> str:
        return f"{spacing}1\t{word}\t{word}\tNOUN\tN\tCase=Nom\t_\t_\t_\t_\n\n" * count

    (tmp_path / "UD_Welsh-CCG").mkdir()
    (tmp_path / "welsh").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "UD_Welsh-CCG" / f"cy-{split}.conllu").write_text(sentences(split, 10), encoding="utf-8")
    (tmp_path / "welsh" / "new.conllu").write_text(sentences("new", 50), encoding="utf-8")
    unknown = f"{make.UNKNOWN_SPACES}\n"
    (tmp_path / "welsh" / "old.conllu.gz").write_bytes(gzip.compress(sentences("old", 100, unknown).encode()))
    (tmp_path / "welsh" / "speech.conllu").write_text(sentences("speech", 3), encoding="utf-8")
    welsh = next(row for row in make.rows() if row.name == "welsh")
    row = welsh._replace(dev="kept", more="welsh/new", renewed="welsh/old", others="welsh/speech")
    row = row._replace(related="UD_Breton-KEB")
    (tmp_path / "UD_Breton-KEB").mkdir()
    (tmp_path / "UD_Breton-KEB" / "br-train.conllu").write_text(sentences("breton", 200), encoding="utf-8")
    monkeypatch.setattr(make, "MAX_RELATED", 100)
    monkeypatch.setattr(make, "MAX_WORDS", 100)
    made = make.Language(row, [tmp_path], tmp_path, tmp_path / "work")
    made.join()
    corpora = [made.today, *made.older, *made.others, *made.related]
    assert [folder.name for folder in corpora] == ["UD_Welsh-CCG-today", "welsh-old", "welsh-speech", "UD_Breton-KEB"]
    today, old, speech, breton = ((folder / "welsh-train.conllu").read_text() for folder in corpora)
    assert breton == sentences("breton", make.words_in(breton))
    assert 75 < make.words_in(breton) < 125
    assert today == sentences("train", 10) + sentences("new", 50)
    assert speech == sentences("speech", 3)
    count = make.words_in(old)
    assert 25 < count < 55
    assert old == sentences("old", count, unknown).replace("\tN\t", "\t_\t").replace("\t_\n", "\tObserved=Case=Nom\n")
    assert make.with_spaces(today + old) == today
    with pytest.raises(SystemExit, match="welsh/none is not in"):
        make.Language(row._replace(more="welsh/none"), [tmp_path], tmp_path, tmp_path / "other").join()


def test_a_packed_tagger_says_that_it_has_read_noise_and_from_what_it_is_made(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "UD_English-EWT").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "UD_English-EWT" / f"en-{split}.conllu").write_text(
            "1\ttime" + "\t_" * 8 + "\n\n", encoding="utf-8"
        )
    row = ENGLISH._replace(text="web_english/masc.lines en.txt", thin="computed", udpipe="97.00", cuts="rules")
    made = make.Language(row, [tmp_path], tmp_path, tmp_path / "work")
    made.join()
    tiny = Bundle.load(trained)
    for name in ("student", "segmenter"):
        config = {**tiny.config, "training": {"noise": 0.2}}
        dataclasses.replace(tiny, config=config).save(made.folder / name / make.TAGGER_IN_RUN, "")
    monkeypatch.setitem(sys.modules, "zopfli", types.ModuleType("zopfli"))
    monkeypatch.setitem(sys.modules, "zopfli.gzip", gzip)
    scores = {column: {"accuracy": 0.9} for column in tiny.vocabulary.columns}
    monkeypatch.setattr(make, "evaluate", lambda path, tagger, *options: scores)
    made.pack()
    packed = made.folder / "packed" / "english"
    assert Bundle.load(packed).has_noise
    assert "- UD_English-EWT (CC BY-SA 4.0)\n- untagged text of some" in (packed / "LICENSE").read_text(
        encoding="utf-8"
    )
    assert "- web_english/masc.lines (free for any use)" in (packed / "README.md").read_text(encoding="utf-8")


def test_lemmas_and_xpos_of_a_file_become_those_of_today() -> None:
    def text(*words: tuple[str, str, str, str]) -> str:
        lines = [f"{i}\t{form}\t{lemma}\t{upos}\t{xpos}" for i, (form, lemma, upos, xpos) in enumerate(words, start=1)]
        return "# a comment\n1-2\tsich\t_\t_\t_\t_\t_\t_\t_\t_\n" + "".join(
            f"{each}\t_\t_\t_\t_\t_\n" for each in lines
        )

    sich, mal, westen = ("sich", "sich", "PRON", "R"), ("mal", "mal", "ADV", "A"), ("Westen", "Westen", "NOUN", "N")
    today = text(
        sich, sich, mal, westen, ("d'", "d'", "DET", "D"), ("Band", "Band", "NOUN", "N"), mal, ("|", "|", "PUNCT", "N")
    )
    old = text(
        ("sich", "er|es", "PRON", "P"),  # always otherwise: as today
        ("mal", "mal", "ADV", "A"),  # mostly as today: stays
        ("mal", "Mal", "ADV", "A"),
        ("mal", "mal", "ADV", "A"),
        ("Westen", "Weste", "NOUN", "N"),  # today has it once: enough
        ("Typen", "Typ|Type", "NOUN", "NN"),  # a symbol and an XPOS that today lacks
        ("wie's", "wie's", "ADV", "A"),
        ("sich", "_", "X", "_"),
    )
    assert as_today(old, today) == text(
        sich,
        ("mal", "mal", "ADV", "A"),
        ("mal", "Mal", "ADV", "A"),
        ("mal", "mal", "ADV", "A"),
        westen,
        ("Typen", "_", "NOUN", "_"),
        ("wie's", "wie's", "ADV", "A"),
        ("sich", "_", "X", "_"),
    )


def test_lemmas_without_a_symbol_that_today_adds_often_are_those_of_words_that_today_has() -> None:
    def text(*lemmas: str) -> str:
        words = ((lemma.replace("#", "") + "n", lemma) for lemma in lemmas)
        return "".join(f"1\t{form}\t{lemma}\tNOUN" + "\t_" * 6 + "\n" for form, lemma in words)

    today = text("yli#opisto", "yli#opisto", "talo", "kirja")
    assert as_today(text("yliopisto", "talo", "puhemies"), today) == text("yli#opisto", "talo", "puhemies").replace(
        "\tpuhemies\t", "\t_\t"
    ).replace("yli#opiston", "yliopiston")
    as_it_is = text("yli#opisto", "talo", "puhe#mies", "koira")
    assert as_today(as_it_is, today) == as_it_is


def test_names_of_a_file_whose_lemmas_have_no_capitals_get_lemmas_that_today_has() -> None:
    def text(*words: tuple[str, str]) -> str:
        return "".join(f"1\t{form}\t{lemma}\tNOUN" + "\t_" * 6 + "\n" for form, lemma in words)

    today = text(("Крым", "Крым"), ("Крым", "Крым"), ("дом", "дом"), ("Кот", "кот"))
    old = (("Крым", "крым"), ("Кот", "кот"), ("Нил", "нил"), ("коты", "кот"))
    assert as_today(text(*old), today) == text(("Крым", "Крым"), ("Кот", "кот"), ("Нил", "_"), ("коты", "кот"))
    as_it_is = text(*old, ("Рим", "Рим"))
    assert as_today(as_it_is, today) == as_it_is.replace("\tкрым\t", "\tКрым\t")


def test_a_dictionary_is_counted_on_the_words_from_which_a_tagger_has_learned(tmp_path: Path) -> None:
    folder = tmp_path / "UD_English-EWT"
    folder.mkdir()
    for split, word in (("train", "cats"), ("dev", "dogs"), ("test", "mice")):
        (folder / f"en-{split}.conllu").write_text(
            f"1\t{word}\t{word[:-1]}\tNOUN" + "\t_" * 6 + "\n\n", encoding="utf-8"
        )
    found = count_lemmas.count(make.Language(ENGLISH, [tmp_path], tmp_path, tmp_path))
    assert found is not None
    assert [(right, known) for _, right, known in found.new["NOUN"]] == [(1, 1)]
    thai = ENGLISH._replace(name="thai")
    assert count_lemmas.count(make.Language(thai, [tmp_path], tmp_path, tmp_path)) is None


def test_what_a_training_has_counted_is_not_counted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["count_lemmas", "croatian", "danish", "--corpora", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    count_lemmas.main()
    monkeypatch.setattr("sys.argv", [*arguments[:1], "afrikaans", *arguments[3:]])
    with pytest.raises(SystemExit, match="UD_Afrikaans-AfriBooms is not in"):
        count_lemmas.main()


@pytest.mark.parametrize("name", bundled_languages())
def test_the_bundled_taggers_have_the_dictionaries_of_their_languages(name: str) -> None:
    bundle = Bundle.load(make.DATA / name)
    codes = dictionaries_of(codes_of(name)[0]) if "lemma" in bundle.vocabulary.columns else []
    assert sorted(bundle.lemmas.dictionary if bundle.lemmas else []) == codes


def test_a_sentence_that_two_files_have_is_kept_once_with_its_lemmas() -> None:
    def sentence(number: int, *words: tuple[str, str, str]) -> str:
        lines = [f"{i}\t{form}\t{lemma}\t{upos}" + "\t_" * 6 for i, (form, lemma, upos) in enumerate(words, start=1)]
        return f"# sent_id = {number}\n" + "\n".join(["1-2\tharinte" + "\t_" * 8, *lines]) + "\n\n"

    both = sentence(1, ("har", "_", "AUX"), ("inte", "_", "PART"))
    known = sentence(2, ("hade", "ha", "AUX"))
    alone = sentence(3, ("ja", "_", "INTJ"))
    other = sentence(4, ("har", "ha", "VERB"), ("inte", "inte", "ADV"))
    new = sentence(5, ("nej", "nej", "INTJ"))
    texts = joined(both + known + alone, sentence(6, ("hade", "hava", "VERB")) + new + other)
    assert texts == (sentence(1, ("har", "ha", "AUX"), ("inte", "inte", "PART")) + known + alone, new)
    assert joined("", new) == ("", new)


def test_words_that_a_treebank_writes_apart_are_a_multiword_token_as_in_text() -> None:
    rows = [("Σ", "No"), ("την", "_"), ("τάξη", "_"), ("σ", "_"), ("το", "No"), (".", "_"), ("σ", "_"), ("αυτό", "_")]
    words = [
        "\t".join([str(number), form, form, *"_" * 6, "SpaceAfter=No" if no == "No" else "_"])
        for number, (form, no) in enumerate(rows, 1)
    ]
    text = "\n".join(["# text = Σ την τάξη σ το. σ αυτό", *words, "", ""])
    blank = "\t".join("_" * 7)
    assert with_contractions(text, "σ", "τ") == "\n".join(
        [
            *("# text = Στην τάξη στο. σ αυτό", f"1-2\tΣτην\t{blank}\t_", *words[:3]),
            *(f"4-5\tστο\t{blank}\tSpaceAfter=No", *words[3:], "", ""),
        ]
    )
    (sentence,) = read_conllu(with_contractions(text, "σ", "τ").splitlines(keepends=True), "gold.conllu")
    assert [each.form for each in sentence.multiwords] == ["Στην", "στο"]


def test_combinations_in_which_a_upos_has_features_that_today_never_gives_it_go() -> None:
    feats = ["_", "Case=Nom", "Mood=Imp", "Case=Acc|Mood=Imp", "Number=Plur"]
    combinations = [[0, 0], [0, 1], [0, 2], [0, 4], [1, 0], [1, 2], [1, 3]]
    old = Vocabulary({}, [], {"upos": ["NOUN", "VERB"], "feats": feats}, [], combinations=combinations)
    noun = Sentence(["a"], {"upos": ["NOUN"], "feats": ["Case=Gen"]})
    verb = Sentence(["b"], {"upos": ["VERB"], "feats": ["Mood=Ind"]})
    today = [noun, verb] * MIN_OF_UPOS
    kept = [[0, 0], [0, 1], [0, 4], [1, 0], [1, 2], [1, 3]]  # Number=Plur and Case=Acc|Mood=Imp stand nowhere else
    assert combinations_of_today(old, today) == kept
    assert combinations_of_today(old, today[:-2]) == combinations  # too few words tell nothing
    assert combinations_of_today(dataclasses.replace(old, combinations=[]), today) == []


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
