"""What cuts raw text for a tagger: a learned segmenter and what it is trained on, or rules and which of them hold."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import gold_sentences
from tagger.errors import InputError
from tagger.segmenter.learned import load_segmenter
from tagger.segmenter.unit_network import Label
from tagger.segmenter.units import UnitTable
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence, Token
from tagger.text.spacing import GoldParagraph, gold_paragraphs
from tagger.training import fit_segmenter, launch
from tagger.training.count_conventions import UNSEEN, WORD, conventions_of, with_tags
from tagger.training.fit_segmenter import score_cuts
from tagger.training.segmenter_units import IGNORED, Choices, TrainingText
from tagger.training.train import train
from tagger.words.conventions import CONVENTIONS, Conventions
from tests.training.conftest import COMMAND, TINY, config_of, read_sentences, steps

pytestmark = pytest.mark.usefixtures("small_segmenter")


def trained(treebank: Path, folder: Path, *overrides: str) -> dict[str, Any]:
    results = train(config_of(treebank, "trainer.max_epochs=1", *overrides), folder, COMMAND)
    assert results == json.loads((folder / "report.json").read_text())
    return results


def config_json(run: Path) -> dict[str, Any]:
    return json.loads((run / "tagger" / "config.json").read_text())


def test_auto_keeps_a_learned_segmenter_that_is_better(spaced: Path, tmp_path: Path) -> None:
    given = ("segmenter=auto", "test=true", "storage_dtype=int8", "card.version=2", "card.license=CC0")
    results = trained(spaced, tmp_path, *given)
    found = results["segmenter"]
    assert (found["kind"], found["kept"], list(found["dev"])) == ("learned", "learned", ["unicode", "learned"])
    assert found["dev"]["learned"]["words"] > found["dev"]["unicode"]["words"]
    assert found["dev"]["learned"]["words"] > 0.99
    assert found["steps"] == 40
    config = config_json(tmp_path)
    assert config["segmenter"] == "learned"
    learned_from = {"corpus": spaced.name, "version": "2", "license": "CC0"}
    assert config["segmenter_training"] == {**learned_from, "seed": 1, "steps": 40}

    # What is scored is what is saved.
    corpus = load_corpus(config_of(spaced).corpus, ["upos"])
    dev = list(gold_paragraphs(gold_sentences(corpus.splits["dev"], [])))
    saved = load_segmenter(tmp_path / "tagger", Conventions.load(tmp_path / "tagger"))
    assert score_cuts(saved.segment_all, dev)._asdict() == found["dev"]["learned"]
    raw = results["raw"]
    assert raw["dev"]["Words"] == found["dev"]["learned"]["words"]
    assert set(raw["test"]) == {"Tokens", "Words", "Sentences", "UPOS"}
    (sentence,) = tagger.load(tmp_path).annotate("the small du cat.")
    assert sentence.tokens == ["the", "small", "de", "le", "cat", "."]


def test_auto_keeps_rules_that_are_better(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare: Path
) -> None:
    steps(monkeypatch, 1)
    results = trained(treebank, tmp_path, "segmenter=auto")
    found = results["segmenter"]
    assert (found["kind"], found["kept"], found["steps"]) == ("english", "english", 1)
    assert found["dev"]["english"]["words"] > found["dev"]["learned"]["words"]
    assert results["raw"]["dev"]["Words"] == found["dev"]["english"]["words"]
    assert config_json(tmp_path)["segmenter"] == "english"
    assert not list((tmp_path / "tagger").glob("segmenter*"))
    results = trained(bare, tmp_path / "run", "segmenter=auto")
    assert results["segmenter"] == {"kind": "unicode", "kept": "unicode"}
    assert "raw" not in results


def test_rules_that_are_named_train_nothing(spaced: Path, tmp_path: Path) -> None:
    results = trained(spaced, tmp_path, "segmenter=english")
    texts = []
    for path in (spaced / "xx_up-ud-dev.conllu", tmp_path / "dev.predicted.conllu"):
        sentences = read_sentences(path)
        assert [token.form for token in sentences[0].multiwords] == ["du"]
        texts.append([paragraph.text for paragraph in gold_paragraphs(sentences)])
    assert texts[0] == texts[1]
    assert results["segmenter"] == {"kind": "english", "kept": "english"}
    assert results["raw"]["dev"]["Words"] < 1
    assert config_json(tmp_path)["segmenter"] == "english"
    assert Conventions.load(tmp_path / "tagger") == Conventions()  # counted: those of no language are more


@pytest.mark.usefixtures("own_folder")
def test_a_learned_segmenter_needs_spacing(
    bare: Path, spaced: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=f"segmenter=learned: train of {bare.name} does not say where"):
        launch.train(["corpus=conllu", f"corpus.path={bare}", *TINY, "segmenter=learned"])
    assert not Path("runs").exists()
    with pytest.raises(InputError, match=f"dev of {spaced.name}"):
        train(config_of(spaced, f"corpus.dev={bare}/xx-dev.conllu", "segmenter=learned"), tmp_path / "run", COMMAND)
    assert "epoch" not in capsys.readouterr().out


def test_the_segmenter_of_init_stays_where_none_can_be_trained(
    spaced: Path, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    trained(spaced, first, "segmenter=learned", "card.license=CC0")
    steps(monkeypatch, 1)
    found = trained(spaced, second, "segmenter=auto", f"init={first}")["segmenter"]
    assert list(found["dev"]) == ["unicode", "learned"]

    monkeypatch.setattr(fit_segmenter, "train_segmenter", None)
    assert trained(bare, third, "segmenter=auto", f"init={first}")["segmenter"] == {"kind": "learned", "kept": "init"}
    for name in ("segmenter.safetensors", CONVENTIONS):
        kept = [(run / "tagger" / name).read_bytes() for run in (first, third)]
        assert kept[0] == kept[1]
    assert config_json(third)["segmenter_training"] == {"corpus": spaced.name, "version": None, "license": "CC0"}


# What it is trained on


def conllu(text: str, *rows: str, before: str = "") -> str:
    """A sentence of rows of ID, form, UPOS and MISC; the last two may be left out."""
    cells = ([*row.split(), "_", "_"][:4] for row in rows)
    lines = ("\t".join([number, form, "_", upos, *"_____", misc]) for number, form, upos, misc in cells)
    return "\n".join([f"{before}# text = {text}", *lines, "", ""])


FRENCH = conllu(
    *("Il va du parc.", "1 Il PRON", "2 va VERB", "3-4 du", "3 de ADP", "4 le DET", "5 parc NOUN SpaceAfter=No"),
    *("6 . PUNCT",),
    before="# newpar\n",
)
FRENCH += conllu("Un titre", "1 Un DET", "2 titre NOUN")


def make_text(text: str, column: str | None = "upos") -> TrainingText:
    return TrainingText(list(gold_paragraphs(read_conllu(text.splitlines(keepends=True), "gold"))), column)


def test_what_stands_at_each_unit() -> None:
    text = make_text(FRENCH)
    texts, gold = text.texts()
    assert texts == ["Il va du parc. Un titre"]
    vocabulary, _ = text.vocabulary()
    assert len(vocabulary.scripts) == 1
    assert vocabulary.multiwords == {"du": [1]}
    assert vocabulary.affixes == {}  # the script gives a whole form
    table = UnitTable(vocabulary.forms, 8, False)
    units = table.read(texts)
    labels, scripts, _, tags, lengths = text.targets(texts, gold, units, Choices(vocabulary))
    own = slice(*units.bounds[0])
    one, end = Label.TOKEN, Label.SENTENCE
    assert labels[own].tolist() == [one, one, one, one, end, one, end]
    assert set(scripts[own].tolist()) == {IGNORED}  # nothing is to be chosen
    assert lengths[own].tolist() == [1] * 7
    names = {number: tag for tag, number in text.tags.items()}
    assert [names[tag] for tag in tags[own]] == ["PRON", "VERB", "DET", "NOUN", "PUNCT", "DET", "NOUN"]
    outside = [*range(own.start), *range(own.stop, len(labels))]
    assert {labels[place] for place in outside} == {IGNORED}


def test_what_may_be_split_is_chosen_as_if_training_did_not_have_the_form() -> None:
    rows = [conllu(f, f"1-2 {f}", f"1 {f[:-3]} X", f"2 {f[-2:]} X") for f in ("foi-se", "vai-se", "mesa-se")]
    text = make_text("".join([conllu("Un .", "1 Un X", "2 . X"), *rows, conllu("disse", "1 disse X")]))
    vocabulary, _ = text.vocabulary()
    assert vocabulary.scripts == ["keep:*- .."]
    assert vocabulary.affixes["*-se"] == [(1, 3)]
    assert vocabulary.affixes["*se"] == [(0, 1), (1, 3)]
    choices = Choices(vocabulary)
    number, row = choices["foi-se", "keep:*- .."]
    assert (number, choices.odds[row].shape) == (1, (2,))
    assert choices["disse", None] == (IGNORED, IGNORED)  # the script reads more than `se`
    assert choices["un", None] == (IGNORED, IGNORED)


def test_where_words_end_within_letters_every_letter_is_a_unit() -> None:
    rows = ["1-2 abc _ SpaceAfter=No", "1 a X", "2 bc Y", "3 . PUNCT", "4-5 de-f", "4 de- X", "5 f Y"]
    french, text = make_text(FRENCH), make_text(conllu("abc. de-f", *rows, before="# newpar\n"))
    assert (french.characters, text.characters) == (False, True)
    assert (french.cuts(), text.cuts()) == (["Ll|end"], ["Ll|Ll", "Ll|end", "Pd|Ll"])  # the kinds on both sides
    texts, gold = text.texts()
    units = UnitTable([], 8, True).read(texts)
    targets = text.targets(texts, gold, units)
    own = slice(*units.bounds[0])
    # a b c . d e - f
    assert targets.labels[own].tolist()[:4] == [Label.WORD, Label.GOES_ON, Label.TOKEN, Label.TOKEN]
    assert targets.lengths[own].tolist() == [1, 2, 0, 1, 3, 0, 0, 1]


def test_paragraphs_are_shuffled_and_stand_beside_others() -> None:
    text = make_text("".join(conllu(f"w{i}.", f"1 w{i} X SpaceAfter=No", "2 . PUNCT") for i in range(60)))
    assert text.shuffled
    one, two = (text.texts(random.Random(seed))[0][0] for seed in (1, 2))
    assert one != two
    assert sorted(one.split()) == sorted(two.split()) == sorted(text.texts()[0][0].split())
    followed = sum(f"w{i}. w{i + 1}." in one for i in range(59))
    assert 30 < followed < 59
    rows = [conllu(f"w{i}.", f"1 w{i} X SpaceAfter=No", "2 . PUNCT", before="# newdoc\n") for i in range(9)]
    text = make_text("".join(rows))
    assert text.texts()[0] == [f"w{i}." for i in range(9)]
    (one,) = text.texts(random.Random(1))[0]
    assert sorted(one.split()) == [f"w{i}." for i in range(9)]
    some = make_text("".join([*rows[:8], rows[8].replace("# newdoc\n", "")]))
    assert len(some.texts(random.Random(1))[0]) == 8


@pytest.mark.parametrize("bare", [True, False])
def test_final_punctuation_is_dropped_only_where_some_sentences_lack_it(bare: bool) -> None:
    ended = FRENCH.replace("# text = Un titre", "# text = Un .").replace("titre\t_\tNOUN", ".\t_\tPUNCT")
    text, found = make_text(FRENCH if bare else ended), set()
    for seed in range(60):
        texts, gold = text.texts(random.Random(seed))
        found.add(texts[0])
        units = UnitTable([], 8, False).read(texts)
        labels = text.targets(texts, gold, units).labels
        assert labels[units.bounds[0][1] - 1] == Label.SENTENCE
    assert any("parc Un" in each or "titre Il" in each for each in found) == bare


# The rules and the table of abbreviations

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
