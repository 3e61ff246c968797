"""What rules change in the labels of a network that cuts, and verbs with pronouns behind them that training shows."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tagger
from tagger.segmenter.corrections import Corrections
from tagger.segmenter.enclitics import Enclitics, ending_of
from tagger.segmenter.unit_network import Label
from tagger.segmenter.units import Units, UnitTable
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.training.count_enclitics import enclitics_of
from tagger.words.conventions import Conventions, candidates
from tagger.words.dictionary import digest_of, open_dictionary
from tagger.words.rules import ConfirmedRules

END = "‖"  # of a sentence


def labelled(
    text: str, sentences: Sequence[int] = (), refused: Sequence[str] = (), joins: bool = False, sureness: float = 0
) -> tuple[Units, np.ndarray]:
    """The corrected labels of a text that is cut at every unit, or, with `joins`, only where sentences end.

    A network is so sure of the ends of sentences.
    """
    units = UnitTable([], 1, False).read([text])
    labels = np.full(len(units.types), Label.GOES_ON if joins else Label.TOKEN)
    labels[np.isin(units.ends, sentences) & (units.ends > 0)] = Label.SENTENCE
    labels[units.gaps == 2] = Label.SENTENCE
    scores = np.zeros((len(labels), len(Label)))
    scores[:, Label.SENTENCE] = sureness
    rules = ConfirmedRules(Conventions([*refused], dict(candidates())))
    Corrections([text], units, labels, scores, rules).make()
    return units, labels


def corrected(marked: str, refused: Sequence[str] = (), sureness: float = 0) -> str:
    """A text that is cut at every unit; its sentences end, before and after, where it is marked."""
    text = marked.replace(END, "")
    sentences = np.cumsum([len(part) for part in marked.split(END)]).tolist()
    units, labels = labelled(text, sentences, refused, sureness=sureness)
    ends = units.ends[(labels == Label.SENTENCE) & (units.gaps != 2)].tolist()
    return END.join(text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True))


def tokens(text: str, refused: Sequence[str] = (), joins: bool = False) -> list[str]:
    """The tokens of a text; see `labelled`."""
    units, labels = labelled(text, (), refused, joins)
    ends = units.ends[(labels == Label.TOKEN) & (units.ends > 0)].tolist()
    return [text[a:b].strip() for a, b in pairwise([0, *ends, len(text)])]


def test_where_sentences_end_whatever_training_has_and_if_the_network_is_less_sure() -> None:
    """`sentence_ends.tsv` has what a network says, and what becomes of it."""
    lines = Path(__file__).with_name("sentence_ends.tsv").read_text(encoding="utf-8").splitlines()[1:]
    expected = dict(line.split("\t")[:2] for line in lines)
    assert {marked: corrected(marked) for marked in expected} == expected
    assert corrected("A book.‖ the end.", ["small letter at the start"]) == "A book.‖ the end."
    assert corrected("A book.‖ the end.") == "A book. the end."
    for marked, strength in {"Es sind appr.‖ zwei.": 3.5, "Mit J.‖ Meyer.": 5, "„Was?“‖ rief sie.": 5}.items():
        assert corrected(marked, sureness=strength - 1) == marked.replace(END, "")
        assert corrected(marked, sureness=strength + 1) == marked
    for marked in ("Er wohnt bzw.‖ Sie wohnt.", "Es sind ca.‖ zwei.", "Ouvrez sources.‖listes ou non."):
        assert corrected(marked, sureness=20) == marked.replace(END, "")
    assert corrected("No! The book", sureness=-4) == "No!‖ The book"
    assert corrected("No! The book", sureness=-6) == "No! The book"


@pytest.mark.parametrize("number", ["3,50", "1.250,50", "14:30", "12/03/2024", "٢٫٣"])
def test_a_number_is_one_token_unless_training_cuts_it(number: str) -> None:
    assert tokens(f"um {number} da") == ["um", number, "da"]
    names = [f"0{mark}0" for mark in ".,:/٫"]
    assert len(tokens(f"um {number} da", names)) > 3
    assert tokens(f"um {number} da", [names[0]] * (number != "1.250,50")) == ["um", number, "da"]


def test_commas_and_other_marks_are_cut_from_words_numbers_and_addresses() -> None:
    for text, expected in (
        ("我,快坐下!", "我 , 快坐下!"),
        ("n.º 5, pág", "n.º 5 , pág"),
        ("Er,sie", "Er , sie"),
        ("5,kg", "5 , kg"),
        ("3,50 12,5,7", "3,50 12,5,7"),
        ("צה\"ל rock'n'roll d'ici", "צה\"ל rock'n'roll d'ici"),  # other marks are part of words
        ("a@b.org, https://a.org/?b,c", "a@b.org , https://a.org/?b,c"),
        ("25.", "25 ."),
        ("Dr.", "Dr."),
        ("Tel.: 08", "Tel.: 08"),
        ("a@b.org.", "a@b.org ."),
        ("https://a.org/b. C", "https://a.org/b . C"),
        ("@ann-5", "@ann-5"),  # a tag may go on
    ):
        assert " ".join(tokens(text, joins=True)) == expected
    names = ["comma after a word", "comma before a word"]
    assert tokens("ό,τι", names, joins=True) == ["ό,τι"]  # training has such tokens
    assert tokens("25.", ["number at the end"], joins=True) == ["25."]  # training keeps it
    assert tokens("- 25 000", joins=True) == ["-", "25 000"]
    assert tokens("看https://a.cn/b或info@b.cn。") == ["看", "https://a.cn/b", "或", "info@b.cn", "。"]


class Counted(str):
    """A text that counts the characters of the parts that are made of it."""

    made = 0

    def __getitem__(self, place: object) -> str:
        part = super().__getitem__(place)  # type: ignore[index]
        Counted.made += len(part)
        return part


@pytest.mark.parametrize("sentence", ["Ja! A ", 'Ja! "A ', "Ja! (A ", "Was?! Er "])
def test_a_paragraph_is_read_once_however_many_marks_it_has(sentence: str) -> None:
    text = Counted(sentence * 1000)
    units = UnitTable([], 1, False).read([text])
    labels, scores = np.full(len(units.types), Label.TOKEN), np.zeros((len(units.types), len(Label)))
    Counted.made = 0
    Corrections([text], units, labels, scores, ConfirmedRules(Conventions())).make()
    assert Counted.made < 3 * len(text)


WITH_ME = {
    **{"canta": "cántame", "habla": "háblame", "llama": "llámame", "lava": "lávame", "mira": "mírame"},
    **{"pasa": "pásame", "deja": "déjame", "toma": "tómame", "cuenta": "cuéntame", "manda": "mándame"},
}


def sentence(tokens: str, upos: str, form: str = "") -> Sentence:
    """Words with their UPOS; a form is a token of the first two."""
    multiwords = [MultiwordToken(0, 2, form)] if form else []
    return Sentence(tokens.split(), {"upos": upos.split()}, multiwords=multiwords)


# Ten verbs with and without pronouns behind them, and words that only end as these do.
TRAINING = [
    *(sentence(f"{verb} me {verb} mesa", "VERB PRON VERB NOUN", form) for verb, form in WITH_ME.items()),
    sentence("manda lo", "VERB PRON", "mándalo"),
    sentence("parla mento", "NOUN ADJ", "parlamento"),  # no verb, no pronoun
    sentence("espera mandalo nome tómalo", "VERB NOUN NOUN NOUN"),
]


@pytest.mark.parametrize("remembered", [2, 100])
def test_verbs_that_training_lacks_with_pronouns_are_split_and_other_words_stay_whole(
    monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr("tagger.segmenter.enclitics.MAX_FORMS", remembered)
    found = enclitics_of(TRAINING, None)
    for _ in range(2):
        assert found.split("espérame") == ("espera", "me")
        assert found.split("Espéralo") == ("Espera", "lo")
        assert found.split("ESPÉRAMELO") == ("ESPERA", "ME", "LO")
        for form in ("espÉrame", "informe", "mandalo", "nome", "espera", "espéraxe", "me", "tómalo", "xáme"):
            assert found.split(form) == ()
        assert len(found._known) <= remembered
    assert [ending[2] for ending in found.endings] == ["me", "lo"]
    assert found.whole == ["tómalo"]  # all that tells it from tómame is that training has it


def test_what_is_wrong_as_often_is_not_split_and_a_dictionary_knows_more_verbs() -> None:
    nouns = [sentence(verb + "me", "NOUN") for verb in WITH_ME]
    found = enclitics_of([*TRAINING, *nouns, sentence("manda me", "VERB PRON", "mandame")], None)
    assert found.split("esperalo") == ()  # without an accent
    assert found.split("espéralo") == ("espera", "lo")
    assert enclitics_of(TRAINING[:9], None) == Enclitics()
    assert enclitics_of(TRAINING[:10], None) != Enclitics()
    assert ending_of("sentaos", ["sentad", "os"]) == ("os", "d", "os")
    assert ending_of("vámonos", ["vamos", "nos"]) == ("nos", "s", "nos")
    assert ending_of("dammi", ["da", "mi"]) == ("mmi", "", "mi")
    assert ending_of("cuéntanoslo", ["cuenta", "nos", "lo"]) == ("noslo", "", "nos lo")
    found = enclitics_of(TRAINING, open_dictionary(es=digest_of("es")))
    assert "ar" in found.infinitives
    assert found.split("cómprame") == ("compra", "me")  # training has no such verb
    assert enclitics_of(TRAINING, None).split("cómprame") == ()


def test_bundled_taggers_split_verbs_and_no_names() -> None:
    for language, text, words in (
        ("es", "Siéntate y dímelo. Vino Vendola.", "Sienta te y di me lo . Vino Vendola ."),
        ("it", "Siediti qui. Il signor Vendola parla.", "Siedi ti qui . Il signor Vendola parla ."),
    ):
        assert " ".join(word for sentence in tagger.load(language).annotate(text) for word in sentence.tokens) == words
