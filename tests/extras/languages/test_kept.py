"""What stays of an older release of a treebank."""

from tagger.extras.languages.kept import Kept
from tagger.text.sentence import Sentence

FINITE, PARTICIPLE = "Mood=Ind|Person=3", "Tense=Past|VerbForm=Part"


def words(*rows: tuple[str, str, str]) -> list[Sentence]:
    forms, upos, feats = map(list, zip(*rows, strict=True))
    return [Sentence(forms, {"upos": upos, "feats": feats})]


def test_a_word_keeps_the_tags_that_today_gives_it() -> None:
    kept = Kept(words(("La", "DET", "Gender=Fem"), ("la", "PRON", "Gender=Fem|Person=3")), [])
    assert kept.upos("la", "DET")
    assert not kept.upos("la", "NOUN")
    assert kept.feats("la", "PRON", "Gender=Fem|Person=3")
    assert not kept.feats("la", "PRON", "Gender=Fem")
    assert not kept.feats("la", "DET", "Gender=Masc")


def test_a_new_word_keeps_features_that_others_of_its_part_of_speech_have() -> None:
    today = words(("vit", "VERB", FINITE), *[("vu", "VERB", PARTICIPLE)] * 200, ("vus", "VERB", "Number=Plur"))
    kept = Kept(today, today)
    assert not kept.feats("vois", "VERB", "Mood=Ind|Person=2")  # seen once: an error
    assert kept.feats("lu", "VERB", "Tense=Pres|VerbForm=Part")
    assert not kept.feats("lu", "VERB", "Tense=Past")
    assert not kept.feats("lu", "ADJ", PARTICIPLE)
    often = Kept(today + words(*[("dit", "VERB", FINITE)] * 9), today)
    assert often.feats("vois", "VERB", "Mood=Ind|Person=2")


def test_a_new_word_may_lack_what_the_older_release_seldom_says() -> None:
    voice = f"{PARTICIPLE}|Voice=Pass"
    today = words(("vit", "VERB", FINITE), ("vu", "VERB", PARTICIPLE), ("dits", "VERB", voice))
    kept = Kept(today, words(("vois", "VERB", FINITE), ("lu", "VERB", PARTICIPLE)))
    assert not kept.feats("lu", "VERB", PARTICIPLE)
    assert kept.feats("lu", "VERB", voice)
    assert kept.feats("vois", "VERB", "Mood=Ind|Person=2")  # no word with these has a voice
    assert Kept(today, today).feats("lu", "VERB", PARTICIPLE)
