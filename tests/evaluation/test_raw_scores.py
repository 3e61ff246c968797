import pytest

from tagger.errors import InputError
from tagger.evaluation.raw_scores import F1, gold_paragraphs, raw_scores
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence

ROW = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_"


def block(*rows: str, comments: str = "") -> str:
    """A CoNLL-U block; each row is `ID FORM UPOS`."""
    return comments + "".join(ROW.format(*row.split()) + "\n" for row in rows) + "\n"


def gold(*blocks: str) -> list[Sentence]:
    return list(read_conllu("".join(blocks).splitlines(keepends=True), "gold.conllu"))


DONT = block(
    "1 I PRON",
    "2-3 don't _",
    "2 do AUX",
    "3 n't PART",
    "4 go VERB",
    "5 . PUNCT",
    comments="# newdoc\n# text = I don't go.\n",
)
STAY = block("1 We PRON", "2 stay VERB", comments="# text = We stay\n")
BYE = block("1 Bye INTJ", comments="# newpar id = p2\n# sent_id = s3\n# text = Bye\n")


def answer(*sentences: str) -> list[Sentence]:
    """Sentences from `form/TAG form/TAG`."""
    pairs = [[word.rpartition("/") for word in sentence.split()] for sentence in sentences]
    return [Sentence([w for w, _, _ in sentence], {"upos": [t for _, _, t in sentence]}) for sentence in pairs]


def test_paragraphs_are_joined_texts() -> None:
    paragraphs = list(gold_paragraphs(gold(DONT, STAY, BYE)))
    assert [text for text, _ in paragraphs] == ["I don't go. We stay", "Bye"]
    assert [len(sentences) for _, sentences in paragraphs] == [2, 1]


def test_a_block_without_words_still_begins_a_paragraph() -> None:
    paragraphs = list(gold_paragraphs(gold(STAY, "# newpar\n\n", STAY)))
    assert [text for text, _ in paragraphs] == ["We stay", "We stay"]


def test_perfect_answer() -> None:
    sentences = gold(DONT, STAY, BYE)
    paragraphs = list(gold_paragraphs(sentences))
    scores = raw_scores(paragraphs, [found for _, found in paragraphs])
    assert {name: score.f1 for name, score in scores.items()} == dict.fromkeys(
        ["words", "sentences", "feats", "lemma", "upos", "xpos"], 1.0
    )


def test_hand_computed() -> None:
    # I do|n't go . We stay: 7 gold words; the answer has 6, of which I, do, n't, stay are right
    system = [answer("I/PRON do/VERB n't/PART go./VERB We/PRON stay/VERB"), answer("Bye/NOUN")]
    scores = raw_scores(gold_paragraphs(gold(DONT, STAY, BYE)), system)
    assert scores == {
        "words": F1(gold=8, system=7, correct=6),  # I do n't We stay Bye
        "sentences": F1(gold=3, system=2, correct=1),
        "upos": F1(gold=8, system=7, correct=4),  # without do, Bye
    }
    assert scores["words"].precision == pytest.approx(6 / 7)
    assert scores["words"].recall == pytest.approx(6 / 8)
    assert scores["words"].f1 == pytest.approx(12 / 15)
    assert scores["sentences"].f1 == pytest.approx(2 / 5)


def test_words_that_do_not_spell_their_token() -> None:
    sentences = gold(block("1-2 au _", "1 à ADP", "2 le DET", "3 lit NOUN", comments="# text = au lit\n"))
    scores = raw_scores(gold_paragraphs(sentences), [answer("au/ADP lit/NOUN")])
    assert scores["words"] == F1(gold=3, system=2, correct=1)


@pytest.mark.parametrize(
    ("words", "correct"),
    [("do n't", 2), ("don't", 0), ("don 't", 0), ("d o n't", 1), ("DO N'T", 0)],
)
def test_words_inside_a_multiword_token(words: str, correct: int) -> None:
    sentences = gold(block("1-2 don't _", "1 do AUX", "2 n't PART", comments="# text = don't\n"))
    system = [[Sentence(words.split())]]
    if words == "DO N'T":  # other characters than the text's
        with pytest.raises(InputError, match="paragraph 1"):
            raw_scores(gold_paragraphs(sentences), system)
    else:
        assert raw_scores(gold_paragraphs(sentences), system)["words"] == F1(2, len(words.split()), correct)


def test_spaces_in_words_do_not_count() -> None:
    sentences = gold(STAY.replace("\tstay\t", "\tst ay\t").replace("We stay", "We st ay"))
    assert raw_scores(gold_paragraphs(sentences), [[Sentence(["We", "stay"])]])["words"].f1 == 1.0


def test_columns_that_only_one_side_has_are_not_scored() -> None:
    scores = raw_scores(gold_paragraphs(gold(STAY)), [[Sentence(["We", "stay"], {"ner": ["O", "O"]})]])
    assert set(scores) == {"words", "sentences"}


def test_no_paragraphs() -> None:
    assert raw_scores([], [])["words"].f1 == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# sent_id = s1\n", "s1 has no `# text`"),
        ("", "sentence 1 has no `# text`"),
        ("# sent_id = s1\n# text = We go\n", "s1.*'Westay'.*'We go'"),
    ],
)
def test_bad_gold(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(gold_paragraphs(gold(block("1 We PRON", "2 stay VERB", comments=text))))


@pytest.mark.parametrize("system", [[], [[Sentence(["We", "stay"])], [Sentence(["more"])]]])
def test_different_numbers_of_paragraphs(system: list[list[Sentence]]) -> None:
    with pytest.raises(InputError, match="ends before paragraph"):
        raw_scores(gold_paragraphs(gold(STAY)), system)
