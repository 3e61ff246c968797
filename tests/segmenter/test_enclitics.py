"""Tests of the verbs with pronouns behind them that training shows."""

import pytest

import tagger
from tagger.segmenter.enclitics import Enclitics, ending_of
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.training.count_enclitics import enclitics_of
from tagger.words.dictionary import digest_of, open_dictionary

WITH_ME = {
    **{"canta": "cántame", "habla": "háblame", "llama": "llámame", "lava": "lávame", "mira": "mírame"},
    **{"pasa": "pásame", "deja": "déjame", "toma": "tómame", "cuenta": "cuéntame", "manda": "mándame"},
}


def sentence(*tokens: str, form: str = "", upos: str) -> Sentence:
    """Words with their UPOS; a form is a token of the first two."""
    multiwords = [MultiwordToken(0, 2, form)] if form else []
    return Sentence([*tokens], {"upos": upos.split()}, multiwords=multiwords)


def training() -> list[Sentence]:
    """Ten verbs with and without pronouns behind them, and words that only end as these do."""
    found = []
    for verb, form in WITH_ME.items():
        found.append(sentence(verb, "me", verb, "mesa", form=form, upos="VERB PRON VERB NOUN"))
    found.append(sentence("manda", "lo", form="mándalo", upos="VERB PRON"))
    found.append(sentence("parla", "mento", form="parlamento", upos="NOUN ADJ"))  # no verb, no pronoun
    return [*found, sentence("espera", "mandalo", "nome", "tómalo", upos="VERB NOUN NOUN NOUN")]


@pytest.mark.parametrize("remembered", [2, 100])
def test_verbs_that_training_lacks_with_pronouns_are_split_and_other_words_stay_whole(
    monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr("tagger.segmenter.enclitics.MAX_FORMS", remembered)
    found = enclitics_of(training(), None)
    for _ in range(2):
        assert found.split("espérame") == ("espera", "me")
        assert found.split("Espéralo") == ("Espera", "lo")
        assert found.split("ESPÉRAMELO") == ("ESPERA", "ME", "LO")
        for form in ("espÉrame", "informe", "mandalo", "nome", "espera", "espéraxe", "me", "tómalo", "xáme"):
            assert found.split(form) == ()
        assert len(found._known) <= remembered
    assert [ending[2] for ending in found.endings] == ["me", "lo"]
    assert found.whole == ["tómalo"]  # all that tells it from tómame is that training has it


def test_what_is_wrong_as_often_is_not_split_and_few_cases_say_nothing() -> None:
    nouns = [sentence(verb + "me", upos="NOUN") for verb in WITH_ME]
    found = enclitics_of([*training(), *nouns, sentence("manda", "me", form="mandame", upos="VERB PRON")], None)
    assert found.split("esperalo") == ()  # without an accent
    assert found.split("espéralo") == ("espera", "lo")
    assert enclitics_of(training()[:9], None) == Enclitics()
    assert enclitics_of(training()[:10], None) != Enclitics()


def test_endings_say_what_the_verb_has_in_their_place_and_a_dictionary_knows_other_verbs() -> None:
    assert ending_of("sentaos", ["sentad", "os"]) == ("os", "d", "os")
    assert ending_of("vámonos", ["vamos", "nos"]) == ("nos", "s", "nos")
    assert ending_of("dammi", ["da", "mi"]) == ("mmi", "", "mi")
    assert ending_of("cuéntanoslo", ["cuenta", "nos", "lo"]) == ("noslo", "", "nos lo")
    found = enclitics_of(training(), open_dictionary(es=digest_of("es")))
    assert "ar" in found.infinitives
    assert found.split("cómprame") == ("compra", "me")  # training has no such verb
    assert enclitics_of(training(), None).split("cómprame") == ()


def test_bundled_taggers_split_verbs_and_no_names() -> None:
    for language, text, words in (
        ("es", "Siéntate y dímelo. Vino Vendola.", "Sienta te y di me lo . Vino Vendola ."),
        ("it", "Siediti qui. Il signor Vendola parla.", "Siedi ti qui . Il signor Vendola parla ."),
    ):
        assert " ".join(word for sentence in tagger.load(language).annotate(text) for word in sentence.tokens) == words
