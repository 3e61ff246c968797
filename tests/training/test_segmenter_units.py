import random

import pytest

from tagger.segmenter.unit_network import Label
from tagger.segmenter.units import UnitTable
from tagger.text.conllu import read_conllu
from tagger.text.spacing import gold_paragraphs
from tagger.training.segmenter_units import IGNORED, Choices, TrainingText

FRENCH = """# newpar
# text = Il va du parc.
1 Il _ PRON _ _ _ _ _ _
2 va _ VERB _ _ _ _ _ _
3-4 du _ _ _ _ _ _ _ _
3 de _ ADP _ _ _ _ _ _
4 le _ DET _ _ _ _ _ _
5 parc _ NOUN _ _ _ _ _ SpaceAfter=No
6 . _ PUNCT _ _ _ _ _ _

# text = Un titre
1 Un _ DET _ _ _ _ _ _
2 titre _ NOUN _ _ _ _ _ _

"""
GLUED = """# newpar
# text = abc. de-f
1-2 abc _ _ _ _ _ _ _ SpaceAfter=No
1 a _ X _ _ _ _ _ _
2 bc _ Y _ _ _ _ _ _
3 . _ PUNCT _ _ _ _ _ _
4-5 de-f _ _ _ _ _ _ _ _
4 de- _ X _ _ _ _ _ _
5 f _ Y _ _ _ _ _ _

"""


def make_text(conllu: str, column: str | None = "upos") -> TrainingText:
    lines = [line if line[:1] in "#\n" else line.replace(" ", "\t") for line in conllu.splitlines(keepends=True)]
    return TrainingText(list(gold_paragraphs(read_conllu(lines, "gold"))), column)


def test_what_stands_at_each_unit() -> None:
    text = make_text(FRENCH)
    texts, gold = text.texts()
    assert texts == ["Il va du parc. Un titre"]
    vocabulary, _ = text.vocabulary(UnitTable([], 8, False))
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
    rows = "".join(
        f"1-2 {form} _ _ _ _ _ _ _ _\n1 {form[:-3]} _ X _ _ _ _ _ _\n2 {form[-2:]} _ X _ _ _ _ _ _\n\n"
        if "-" in form
        else f"1 {form} _ X _ _ _ _ _ _\n\n"
        for form in ["foi-se", "vai-se", "mesa-se", "disse"]
    )
    text = make_text(f"# text = Un .\n1 Un _ X _ _ _ _ _ _\n2 . _ X _ _ _ _ _ _\n\n{rows}")
    vocabulary, _ = text.vocabulary(UnitTable([], 8, False))
    assert vocabulary.scripts == ["keep:*- .."]
    assert vocabulary.affixes["*-se"] == [(1, 3)]
    assert vocabulary.affixes["*se"] == [(0, 1), (1, 3)]
    choices = Choices(vocabulary)
    number, row = choices["foi-se", "keep:*- .."]
    assert (number, choices.odds[row].shape) == (1, (2,))
    assert choices["disse", None] == (IGNORED, IGNORED)  # the script reads more than `se`
    assert choices["un", None] == (IGNORED, IGNORED)


def test_where_words_end_within_letters_every_letter_is_a_unit() -> None:
    assert not make_text(FRENCH).characters
    text = make_text(GLUED)
    assert text.characters
    texts, gold = text.texts()
    units = UnitTable([], 8, True).read(texts)
    targets = text.targets(texts, gold, units)
    own = slice(*units.bounds[0])
    # a b c . d e - f
    assert targets.labels[own].tolist()[:4] == [Label.WORD, Label.GOES_ON, Label.TOKEN, Label.TOKEN]
    assert targets.lengths[own].tolist() == [1, 2, 0, 1, 3, 0, 0, 1]


def test_the_kinds_between_which_it_is_cut() -> None:
    assert make_text(FRENCH).cuts() == ["Ll|end"]
    assert make_text(GLUED).cuts() == ["Ll|Ll", "Ll|end", "Pd|Ll"]


def test_the_order_of_one_paragraph_is_shuffled_in_runs() -> None:
    rows = "".join(
        f"# text = w{i}.\n1 w{i} _ X _ _ _ _ _ SpaceAfter=No\n2 . _ PUNCT _ _ _ _ _ _\n\n" for i in range(60)
    )
    text = make_text(rows)
    assert text.shuffled
    one, two = (text.texts(random.Random(seed))[0][0] for seed in (1, 2))
    assert one != two
    assert sorted(one.split()) == sorted(two.split()) == sorted(text.texts()[0][0].split())
    followed = sum(f"w{i}. w{i + 1}." in one for i in range(59))
    assert 30 < followed < 59


def test_sentences_that_are_all_paragraphs_stand_beside_others() -> None:
    rows = [
        f"# newdoc\n# text = w{i}.\n1 w{i} _ X _ _ _ _ _ SpaceAfter=No\n2 . _ PUNCT _ _ _ _ _ _\n" for i in range(9)
    ]
    text = make_text("\n".join(rows))
    assert text.texts()[0] == [f"w{i}." for i in range(9)]
    (one,) = text.texts(random.Random(1))[0]
    assert sorted(one.split()) == [f"w{i}." for i in range(9)]
    some = make_text("\n".join([*rows[:8], rows[8].replace("# newdoc\n", "")]))
    assert len(some.texts(random.Random(1))[0]) == 8


@pytest.mark.parametrize("bare", [True, False])
def test_final_punctuation_is_dropped_only_where_some_sentences_lack_it(bare: bool) -> None:
    rows = FRENCH if bare else FRENCH.replace("# text = Un titre", "# text = Un .").replace("titre _ NOUN", ". _ PUNCT")
    text = make_text(rows)
    found = {text.texts(random.Random(seed))[0][0] for seed in range(60)}
    assert any("parc Un" in each or "titre Il" in each for each in found) == bare
    for seed in range(60):
        texts, gold = text.texts(random.Random(seed))
        units = UnitTable([], 8, False).read(texts)
        labels = text.targets(texts, gold, units).labels
        assert labels[units.bounds[0][1] - 1] == Label.SENTENCE
