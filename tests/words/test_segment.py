"""Rules that cut text into tokens and sentences, and what the conventions of languages change in them."""

import csv
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagger.bundle.catalog import bundled_folders
from tagger.errors import InputError
from tagger.evaluation.raw_scores import raw_scores
from tagger.segmenter.learned import load_segmenter
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import Token
from tagger.text.spacing import gold_paragraphs
from tagger.training.count_conventions import small_words
from tagger.words.contexts import end_odds
from tagger.words.conventions import CONVENTIONS, Conventions, table
from tagger.words.rules import GOES_ON, ConfirmedRules
from tagger.words.segment import LEARNED, RULES, RuleSegmenter, Segmenter, segment, segment_ends

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
TYPICAL_TEXT = st.text(
    st.sampled_from("aBİß1 \n\t.,:;!?'’-/\\@#&*_()<>\"=~$%…。你ก\u0301\u200b\u200d\ufeff\x00\x1c😀🏽🇩\ud800")
)
TYPICAL_WORDS = str.split("""its (its) a not 1. 2. no. Yahoo! 05/31/2001 09:01 AM Ann <a@b.c> 'Twas y'all're U.S. "The I
... - ----- Dear Ann, 5p.m. slept.I 你好。再见 " exam- /a/b C:\\x --help v1.2-b C++ http://a.org etc. J. .5 ?! :)""")
TYPICAL_PARAGRAPH = st.lists(st.sampled_from([*TYPICAL_WORDS, "\n\n"]), max_size=20).map(" ".join)


def forms(text: str, rules: str = "english") -> str:
    """Tokens divided by a space, sentences by ` || `."""
    return " || ".join(" ".join(text[a:b] for a, b, _ in sentence) for sentence in segment(text, rules))


_LINES = Path(__file__).with_name("tokens.tsv").read_text(encoding="utf-8").splitlines()[1:]
EXAMPLES = [line.replace("\\n", "\n").split("\t") for line in _LINES]  # rules, text, its tokens as `forms` has them


@pytest.mark.parametrize("rules", RULES)
def test_tokens_and_sentences(rules: str) -> None:
    pairs = [tuple(pair) for own, *pair in EXAMPLES if own == rules]
    assert len(pairs) > 10
    assert [(text, forms(text, rules)) for text, _ in pairs] == pairs
    assert forms("A heading\r\n \r\nthe text", rules) == "A heading || the text"
    assert segment("", rules) == segment(" \t\r\n\u3000\u200b\ufeff\x1c", rules) == []
    assert segment("\ufeffa\u200bb", rules) == [[Token(1, 2), Token(3, 4)]]
    for call in (lambda: segment("a", "german"), lambda: RuleSegmenter("learned")):
        with pytest.raises(InputError, match=r"'(german|learned)'.*english, unicode"):
            call()
    assert forms("an exam\xad\nple") == "an exam\xad ple"


@pytest.mark.parametrize("rules", RULES)
@given(text=st.one_of(ANY_TEXT, TYPICAL_TEXT, TYPICAL_PARAGRAPH))
@example("see you, Ann Bo 05/31/2001 09:01 AM\nTo: Bo Lee 05/31/2001 09:01 It was good.The next 你好。再见")
@example("Its etc. " * 50 + "\n\n1. Eggs 2. Milk - a - b")
def test_every_character_but_space_is_in_one_token(rules: str, text: str) -> None:
    sentences = segment(text, rules)
    assert all(sentences)
    spans = [span for sentence in sentences for span in sentence]
    assert all(a < b and not words for a, b, words in spans)
    assert all(first.end <= second.start for first, second in pairwise(spans))
    seen = (each for each in text if not each.isspace() and each not in "\u200b\ufeff")
    assert "".join(text[a:b] for a, b, _ in spans) == "".join(seen)
    ends, stops = segment_ends(text, rules)
    assert sorted(ends) == [token.end for token in spans]
    assert stops == [sentence[-1].end for sentence in sentences]


LONG_UNITS = str.split(r"a a. ) a's 1. a- 😀 a@ 。 :) http://) a/ /a ../ aa.b/ C:\ --a= 1.1 v1. no.")


@pytest.mark.parametrize("rules", RULES)
def test_long_text_without_spaces(rules: str) -> None:
    for unit in [*LONG_UNITS, "\u0301", "\ud800"]:
        text = unit * 3000
        assert sum(b - a for sentence in segment(text, rules) for a, b, _ in sentence) == len(text)


@pytest.mark.skipif("TAGGER_TREEBANKS" not in os.environ, reason="TAGGER_TREEBANKS names no folder of treebanks")
def test_english_on_a_treebank() -> None:
    path = str(Path(os.environ["TAGGER_TREEBANKS"], "UD_English-EWT", "en_ewt-ud-dev.conllu"))
    paragraphs = list(gold_paragraphs(read_conllu(read_lines(path), path)))
    gold = (sentence for paragraph in paragraphs for sentence in paragraph.sentences)
    rules = RuleSegmenter("english").segment_all
    system = (s for paragraph in paragraphs for s in Paragraph(0, paragraph.text, True).cut(rules([paragraph.text])[0]))
    scores = raw_scores(gold, system)
    assert scores["Words"].f1 > 0.994
    assert scores["Sentences"].f1 > 0.895


FOLDERS = {name: path for name, path in bundled_folders().items() if (path / CONVENTIONS).is_file()}
SHIPPED = {name: Conventions.load(path) for name, path in FOLDERS.items()}
# Of a pair, a form ends a sentence as a word, and within a sentence it, or another form, is an abbreviation.
PAIRS: dict[str, list[tuple[str, str]]] = defaultdict(list)
with Path(__file__).with_name("pairs.tsv").open(encoding="utf-8") as file:
    for language, two, one in list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]:
        PAIRS[language].append((two, one))


@pytest.fixture(scope="module")
def counts() -> Mapping[tuple[str, str], tuple[int, int]]:
    """For each rule or abbreviation and each language how often it is right and wrong."""
    with files("tagger.words").joinpath("counts.csv").open(encoding="utf-8") as file:
        return {(row["rule"], row["language"]): (int(row["right"]), int(row["wrong"])) for row in csv.DictReader(file)}


def test_what_is_wrong_more_often_than_right_does_not_run(counts: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    wrong = [key for key, (right, wrong) in counts.items() if wrong > right and key[1] in SHIPPED]
    assert len(wrong) > 30
    for name, language in wrong:
        conventions = SHIPPED[language]
        if name.endswith("."):
            own = conventions.abbreviation(name[:-1])
            assert not own or own in conventions.doubtful, (name, language)  # then its neighbours tell
        else:
            assert name in conventions.refused, (name, language)


def test_a_sentence_may_end_in_a_word_that_abbreviates_in_another_language(
    counts: Mapping[tuple[str, str], tuple[int, int]],
) -> None:
    forms = {row.form for row in table()}.union(*(conventions.abbreviations for conventions in SHIPPED.values()))
    tried = 0
    for language, conventions in SHIPPED.items():
        content = json.loads(gzip.decompress((FOLDERS[language] / "vocabulary.json.gz").read_bytes()))
        rules = ConfirmedRules(conventions)
        for form in forms.intersection(content["vocabularies"][0]["forms"]):
            right, wrong = counts.get((f"{form}.", language)) or counts.get((f"{form.lower()}.", language), (0, 0))
            if right <= wrong:  # treebanks do not show it as an abbreviation
                tried += 1
                small = next(iter(conventions.kinds_of_small_words), "aa")
                for after in ("5 aa aa", f"{small.capitalize()} aa aa"):
                    text = f"Aa aa aa {form}. {after}"
                    assert rules.at(text, len(text) - len(after) - 1)[0].decision != GOES_ON, (text, language)
    assert tried > 200


def segmenter_of(language: str) -> Segmenter:
    folder = FOLDERS[language]
    name, own = json.loads((folder / "config.json").read_text())["segmenter"], SHIPPED[language]
    return load_segmenter(folder, own) if name == LEARNED else RuleSegmenter(name, own)


@pytest.mark.parametrize("language", PAIRS)
def test_a_word_ends_a_sentence_and_an_abbreviation_that_is_written_alike_does_not(language: str) -> None:
    assert len(PAIRS) >= 20
    assert sum(map(len, PAIRS.values())) >= 60
    cut = segmenter_of(language).segment_all
    assert [(len(cut([two])[0]), len(cut([one])[0])) for two, one in PAIRS[language]] == [(2, 1)] * len(PAIRS[language])


def test_words_that_endings_and_commas_do_not_change() -> None:
    for language, text, words in (
        ("turkish", "Lütfen otur.", ["otur"]),  # although others with its ending are split
        ("turkish", "Bu güzel bir evdir.", ["ev", "dir"]),
        ("chinese", "请给我,快坐下!", [",", "快"]),
        ("spanish", "Vea el n.º 5, pág. 3", ["5", ","]),
        ("german", "Am 12. d. M. beginnt er.", ["beginnt"]),
    ):
        (sentence,) = segmenter_of(language).segment_all([text])[0]
        found = [word for start, end, inner in sentence for word in inner or (text[start:end],)]
        assert any(found[n : n + len(words)] == words for n in range(len(found)))


def test_neighbours_tell_a_word_from_an_abbreviation_by_the_most_frequent_words() -> None:
    for text, ends in (
        ("The hall was vol.| 200 people stood", True),  # the number counts
        ("They said the very vol.| 200 people stood", True),
        ("See vol.| 3 of the", False),  # it names
        ("in vol.| 3, of the", False),
        ("(vol.| 3)", False),
        ("said the vol.| The people stood", True),
        ("said vol.| Anna Smith of the", False),
    ):
        tagged = [("in", "ADP"), ("of", "ADP"), ("the", "DET"), ("very", "ADV"), ("was", "AUX")]
        before, after = text.split("|")
        assert (end_odds(before + after, len(before) - 4, len(before) + 1, small_words(tagged)) > 0) == ends
    tagged = [("The", "DET"), ("the", "PRON"), ("the", "DET"), ("house", "NOUN"), ("-", "ADP"), ("to", "PART")]
    assert small_words(tagged) == {"the": "determiner", "to": "adverb"}
