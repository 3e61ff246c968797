"""Tests of the verbs with pronouns behind them that training shows."""

from tagger.segmenter.enclitics import Enclitics, ending_of
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.training.count_enclitics import enclitics_of

VERBS = ["canta", "habla", "llama", "lava", "mira", "pasa", "deja", "toma", "cuenta", "manda", "espera"]


def training() -> list[Sentence]:
    """Ten verbs with and without pronouns behind them, and words that only end as these do."""
    sentences = []
    for verb in VERBS[:-1]:
        form = verb[:-3] + verb[-3:].replace("a", "á", 1) if verb[-3] == "a" else verb[0] + "á" + verb[2:]
        tags = {"upos": ["VERB", "PRON", "VERB", "NOUN"]}
        sentences.append(Sentence([verb, "me", verb, "mesa"], tags, multiwords=[MultiwordToken(0, 2, form + "me")]))
    sentences.append(
        Sentence(["manda", "lo"], {"upos": ["VERB", "PRON"]}, multiwords=[MultiwordToken(0, 2, "mándalo")])
    )
    return [*sentences, Sentence(["espera", "mandalo", "nome"], {"upos": ["VERB", "NOUN", "NOUN"]})]


def test_verbs_that_training_never_has_with_pronouns_are_split() -> None:
    found = enclitics_of(training(), None)
    assert found.split("espérame") == ("espera", "me")
    assert found.split("Espéralo") == ("Espera", "lo")
    assert found.split("ESPÉRAMELO") == ("ESPERA", "ME", "LO")


def test_words_that_are_no_verbs_and_words_of_training_stay_whole() -> None:
    found = enclitics_of(training(), None)
    for form in ("informe", "mandalo", "nome", "espera", "espéraxe", "me"):
        assert found.split(form) == ()


def test_few_cases_say_nothing() -> None:
    assert enclitics_of(training()[:5], None) == Enclitics()


def test_an_ending_says_what_the_verb_has_in_its_place() -> None:
    assert ending_of("sentaos", ["sentad", "os"]) == ("os", "d", "os")
    assert ending_of("vámonos", ["vamos", "nos"]) == ("nos", "s", "nos")
    assert ending_of("dammi", ["da", "mi"]) == ("mmi", "", "mi")
    assert ending_of("cuéntanoslo", ["cuenta", "nos", "lo"]) == ("noslo", "", "nos lo")
