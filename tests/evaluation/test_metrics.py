"""The report, raw-text scores and calibration errors against numbers worked out by hand; temperatures.

Also the page of scores and errors, and its pictures: what they show, and that no text becomes a part of their code.
"""

import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tagger
from tagger.errors import InputError
from tagger.evaluation import calibration as calibration_module
from tagger.evaluation import report_page as plots
from tagger.evaluation.calibration import BINS, GoldScores, calibration, fit_temperature, fit_temperatures
from tagger.evaluation.metrics import Tagged, format_report, report, tag_scores
from tagger.evaluation.raw_scores import F1, UNIVERSAL_FEATURES, raw_scores
from tagger.evaluation.report_page import MAX_CHARACTERS, MAX_ERRORS, errors_of, report_page
from tagger.model.crf import sequence_scores
from tagger.model.decoder import MAX_TEMPERATURE, MIN_TEMPERATURE, CRFDecoder, Decoder
from tagger.model.vocabulary import Vocabulary
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence
from tagger.text.strings import Table
from tagger.words.judges import Signs
from tests.conftest import CORPUS, largest_file, make_network, overfit, save_tiny


def make_vocabulary(**tags: list[str]) -> Vocabulary:
    return Vocabulary(words={}, characters=[], tags=tags, forms=["(", "dog", "the"])


def scored(tokens: str, gold: dict[str, str], predicted: dict[str, str]) -> Tagged:
    """Words, gold tags and predicted ones, with spaces between them."""
    tags, said = ({column: cells.split() for column, cells in each.items()} for each in (gold, predicted))
    return Sentence(tokens.split(), said, {}), tags


SENTENCES = [
    # right, right, wrong (unknown word), right
    scored("the dog runs (", {"upos": "DET NOUN VERB -LRB-"}, {"upos": "DET NOUN NOUN -LRB-"}),
    # no gold tag, right (unknown word), a tag that training never saw
    scored("a cat dog", {"upos": "_ NOUN PROPN"}, {"upos": "DET NOUN NOUN"}),
    # a whole sentence without an error; "The" was never seen as such
    scored("The the", {"upos": "DET DET"}, {"upos": "DET DET"}),
    # nothing annotated: not counted as a sentence
    scored("x", {"upos": "_"}, {"upos": "NOUN"}),
]


def test_accuracies_and_scores_of_each_tag() -> None:
    scores = report(SENTENCES, make_vocabulary(upos=["-LRB-", "-RRB-", "DET", "NOUN", "VERB"]))["upos"]
    assert scores["tokens"] == 8
    assert scores["accuracy"] == pytest.approx(6 / 8)
    assert (scores["known_tokens"], scores["known"]) == (5, pytest.approx(4 / 5))
    assert (scores["unknown_tokens"], scores["unknown"]) == (3, pytest.approx(2 / 3))
    assert (scores["sentences"], scores["whole_sentences"]) == (3, pytest.approx(1 / 3))
    lines = format_report({"upos": scores}, "dev").splitlines()
    assert lines[2].split() == ["all", "words", "75.00%", "8"]
    assert ["NOUN", "50.00%", "100.00%", "66.67%", "2"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 80
    expected = {  # precision, recall, F1, support
        "-LRB-": (1, 1, 1, 1),
        "DET": (1, 1, 1, 3),
        "NOUN": (2 / 4, 2 / 2, 2 / 3, 2),
        "PROPN": (0, 0, 0, 1),
        "VERB": (0, 0, 0, 1),
    }
    assert scores["tags"].keys() == expected.keys()
    for tag, values in expected.items():
        found = scores["tags"][tag]
        assert tuple(found[name] for name in ("precision", "recall", "f1", "support")) == pytest.approx(values), tag
    assert scores["spans"] is None
    assert scores["unseen_tags"] == {"PROPN": 1}
    assert sorted(scores["confusions"]) == [["PROPN", "NOUN", 1], ["VERB", "NOUN", 1]]
    sentence = scored("the dog dog", {"x": "A B B"}, {"x": "B A A"})
    found = report([sentence], make_vocabulary(x=["A", "B"]))["x"]
    assert found["confusions"] == [["B", "A", 2], ["A", "B", 1]]
    assert (found["known"], found["unknown"], found["unknown_tokens"]) == (0, None, 0)
    assert "–" in format_report({"x": found}, "dev")
    known = "Case=Nom|Number=Sing"
    swapped = scored("dog cat", {"feats": f"Number=Sing|Case=Nom {known}"}, {"feats": f"{known} {known}"})
    assert report([swapped], make_vocabulary(feats=[known]))["feats"]["accuracy"] == 1


def test_annotated_columns_alone_are_reported_and_lemmas_compared_as_written() -> None:
    vocabulary = make_vocabulary(upos=["DET", "NOUN"], feats=["Number=Sing", "_"])
    tags = {"upos": "DET NOUN", "feats": "_ Number=Sing"}
    plain = scored("the dog", tags | {"feats": "_ _"}, tags)  # no word has features
    assert report([plain], vocabulary).keys() == {"upos"}
    annotated = scored("the dog", tags, tags)
    assert report([plain, annotated], vocabulary)["feats"]["accuracy"] == 3 / 4
    assert report([scored("the dog", {"feats": tags["feats"]}, tags)], vocabulary).keys() == {"feats"}
    for gold, message in (("DT", r"upos.*DT"), ("_", r"no gold tags.*upos")):
        with pytest.raises(InputError, match=message):
            report([scored("the", {"upos": gold}, {"upos": "DET"})], make_vocabulary(upos=["DET"]))
    vocabulary = make_vocabulary(lemma=["lower:*", "lower:*-", "lower:be"])
    # training has no script for `are`, `mouse` and `go`
    gold = {"lemma": "be dog mouse _ go _"}
    sentence = scored("are dogs Mice x went _", gold, {"lemma": "be dogs mice x be _"})
    scores = report([sentence], vocabulary)["lemma"]
    assert (scores["tokens"], scores["accuracy"]) == (5, 2 / 5)
    assert scores["unseen_tags"] == {"lower:go": 1, "lower:mouse": 1}
    assert ["lower:*-", "lower:*", 1] in scores["confusions"]
    assert scores["tags"]["lower:*-"]["support"] == 1
    shown = format_report({"lemma": scores}, "dev")
    assert "lower" not in shown
    assert "no edit script of training makes, counted as errors: 2" in shown


def test_tags_with_hyphens_are_scored_as_themselves_and_spans_as_spans() -> None:
    # seqeval on bare tags would join neighbours and cut names at hyphens
    gold = [["-LRB-", "-LRB-", "B-NP", "I-NP", "O", "X-LRB-"]]
    predicted = [["-LRB-", "-RRB-", "I-NP", "I-NP", "O", "X-LRB-"]]
    found = {tag: tuple(scores.values()) for tag, scores in tag_scores(gold, predicted).items()}
    assert found == {  # precision, recall, F1, support
        "-LRB-": pytest.approx((1, 0.5, 2 / 3, 2)),
        "-RRB-": pytest.approx((0, 0, 0, 0)),
        "B-NP": pytest.approx((0, 0, 0, 1)),
        "I-NP": pytest.approx((0.5, 1, 2 / 3, 1)),
        "O": pytest.approx((1, 1, 1, 1)),
        "X-LRB-": pytest.approx((1, 1, 1, 1)),
    }
    chunks = {"chunk": "B-NP I-NP O B-VP B-NP O B-PER B-PER"}
    said = {"chunk": "B-NP I-NP O B-VP O B-NP B-PER I-PER"}  # neighbours are not joined
    sentence = scored("a b c d e f g h", chunks, said)
    found = report([sentence], make_vocabulary(chunk=["B-NP", "B-PER", "B-VP", "I-NP", "I-PER", "O"]))["chunk"]
    assert found["accuracy"] == pytest.approx(5 / 8)
    spans = found["spans"]
    assert spans["NP"] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2})
    assert spans["VP"] == pytest.approx({"precision": 1, "recall": 1, "f1": 1, "support": 1})
    assert spans["PER"] == pytest.approx({"precision": 0, "recall": 0, "f1": 0, "support": 2})
    assert spans["micro avg"]["f1"] == pytest.approx(2 * 2 / (5 + 4))
    assert found["tags"]["B-NP"]["recall"] == pytest.approx(0.5)


def gold_scores(scores: torch.Tensor, gold: torch.Tensor, counts: Sequence[int]) -> GoldScores:
    return GoldScores(scores, counts, torch.arange(len(gold)), gold)


def test_the_temperature_of_a_softmax_is_found_again_within_limits(trained: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    scores = 4 * torch.randn(20_000, 5, generator=generator)
    for temperature in (0.5, 1.0, 1.7):
        gold = torch.multinomial((scores / temperature).softmax(1), 1, generator=generator).squeeze(1)
        halves = [gold_scores(*half, [10_000]) for half in zip(scores.split(10_000), gold.split(10_000), strict=True)]
        found = fit_temperature(Decoder(), halves)
        assert found == pytest.approx(temperature, rel=0.05)
    impossible = torch.tensor([[-torch.inf, 0.0, 1.0, 0.0, 0.0]]).expand(200, -1)
    ruled_out = gold_scores(impossible, torch.zeros(200, dtype=torch.int64), [200])
    assert fit_temperature(Decoder(), [*halves, ruled_out]) == found
    assert fit_temperature(Decoder(), [ruled_out]) is None  # nothing is left
    for tag, limit in ((0, MIN_TEMPERATURE), (1, MAX_TEMPERATURE)):  # always right, always wrong
        always = gold_scores(torch.tensor([[1.0, 0.0]]).expand(200, -1), torch.full((200,), tag), [200])
        assert fit_temperature(Decoder(), [always]) == pytest.approx(limit, rel=0.002)
    blank = {"xpos": ["_"]}
    few = [Sentence(s["tokens"], {"upos": s["upos"], "xpos": ["_"] * len(s["tokens"])}) for s in CORPUS]
    few += [Sentence(["Hm"], {"upos": ["NEW"]} | blank), Sentence([], {"upos": [], "xpos": []})]
    loaded = tagger.load(trained, precision="float32")
    assert fit_temperatures(loaded, few) == {"upos": 1.0, "xpos": 1.0}
    assert fit_temperatures(loaded, few, {"upos": 2.5}) == {"upos": 2.5, "xpos": 1.0}


@pytest.mark.parametrize("temperature", [0.6, 1.6])
def test_the_temperature_of_a_crf_is_found_again(temperature: float) -> None:
    B, T, K = 4_000, 3, 3
    generator = torch.Generator().manual_seed(2)
    decoder = CRFDecoder(K)
    with torch.no_grad():
        for weights in decoder.parameters():
            weights.copy_(2 * torch.randn(weights.shape, generator=generator))
    scores = 2 * torch.randn(T * B, K, generator=generator)
    # The score of each sequence of tags of each sentence, from which the gold one is drawn.
    sequences = torch.tensor(list(itertools.product(range(K), repeat=T)))  # (27, T)
    with torch.no_grad():
        each = [sequence_scores(scores, one.repeat_interleave(B), [B] * T, decoder.weights) for one in sequences]
        totals = torch.stack(each, dim=1)
    drawn = torch.multinomial((totals / temperature).softmax(1), 1, generator=generator).squeeze(1)
    gold = sequences[drawn].T.flatten()  # the first tokens of all sentences, then the second ones
    found = fit_temperature(decoder, [gold_scores(scores, gold, [B] * T)])
    assert found == pytest.approx(temperature, rel=0.05)


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_the_gold_tags_become_as_probable_as_can_be(
    vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoder: str
) -> None:
    monkeypatch.setattr(calibration_module, "MIN_WORDS", 5)
    network = make_network(vocabulary, decoder=decoder)
    with torch.no_grad():
        for weights in network.decoders.parameters():
            weights.normal_()
    overfit(network, vocabulary, steps=10)  # half learned
    folder = save_tiny(tmp_path / "tagger", network, vocabulary)
    gold = [Sentence(s["tokens"], {column: s[column] for column in ("upos", "xpos")}) for s in CORPUS]
    gold.append(Sentence(gold[0].tokens, {column: tags[::-1] for column, tags in gold[0].tags.items()}))  # all wrong
    found = fit_temperatures(tagger.load(folder, precision="float32"), gold)
    config = json.loads((folder / "config.json").read_text())

    def loss(factor: float) -> float:
        """The negative log-probability of the gold tags, as users see the probabilities."""
        (folder / "config.json").write_text(json.dumps(config | {"temperatures": {"upos": found["upos"] * factor}}))
        loaded = tagger.load(folder, precision="float32")
        judges = loaded.engine.judges  # without the one that refuses PUNCT, which is the gold tag of wrong words here
        loaded.engine.judges = [judge for judge in judges if not isinstance(judge, Signs)]
        total = 0.0
        for sentence in gold:
            (tagged,) = loaded.annotate(sentence.tokens, top=len(vocabulary.tags["upos"]))
            pairs = zip(tagged.alternatives["upos"], sentence.tags["upos"], strict=True)
            total -= sum(math.log(dict(shares)[tag]) for shares, tag in pairs)
        return total

    assert MIN_TEMPERATURE * 1.1 < found["upos"] < MAX_TEMPERATURE / 1.1
    assert loss(1.0) < min(loss(1.1), loss(1 / 1.1))


def test_errors_in_one_direction_add_up_and_fewer_words_than_bins_are_a_bin_each() -> None:
    # 30 words that are all right with 0.6, and 30 of which half are right with 0.9
    found = calibration([0.9, 0.9, 0.6, 0.6] * 15, [True, False, True, True] * 15)
    assert found["confidence"] == pytest.approx(0.75)
    # 14 bins of four words are 0.4 off; the one in the middle has words of both, mean confidence and accuracy 0.75
    assert found["ece"] == pytest.approx(14 * 0.4 / 15)
    assert [words for words, *_ in found["bins"]] == [4] * BINS
    found = calibration([0.25, 1.0], [True, True])
    assert found["bins"] == [[1, 0.25, 1.0], [1, 1.0, 1.0]]
    assert found["ece"] == pytest.approx(0.75 / 2)


ROW = "{}\t{}\t{lemma}\t{upos}\t{xpos}\t{feats}\t{}\t_\t_\t_\n"
BLANK = dict.fromkeys(("lemma", "upos", "xpos", "feats"), "_")
NAMES = {"Tokens", "Sentences", "Words", "UPOS", "XPOS", "UFeats", "AllTags", "Lemmas"}


class Cut(NamedTuple):
    """A token with its words; only the first counts unless it is a multiword token."""

    form: str
    words: list[tuple[str, dict[str, str]]]  # form, tags
    multiword: bool


FORMS = st.text("abAİ", min_size=1, max_size=3)
FEATS = ["_", "Case=Nom|Typo=Yes", "Case=Nom", "Number=Sing|Case=Nom", "Case=Nom|Number=Sing"]
VALUES = {"lemma": ["_", "a", "b"], "upos": ["_", "X", "NOUN"], "xpos": ["_", "N"], "feats": FEATS}
TAGS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


@st.composite
def analyses(draw: st.DrawFn, text: str) -> list[list[Cut]]:
    """Any sentences with any tokens and words of a text."""
    sentences: list[list[Cut]] = [[]]
    at = 0
    while at < len(text):
        end = min(len(text), at + draw(st.integers(1, 4)))
        multiword = draw(st.booleans())
        words = draw(st.lists(st.tuples(FORMS, TAGS), min_size=1, max_size=3 if multiword else 1))
        sentences[-1].append(Cut(text[at:end], words, multiword))
        at = end
        if at < len(text) and draw(st.integers(0, 3)) == 0:
            sentences.append([])
    return sentences


def conllu(sentences: Iterable[list[Cut]]) -> Iterator[str]:
    """Lines of CoNLL-U; each word hangs on the first one of its sentence."""
    for sentence in sentences:
        number = 0
        for form, words, multiword in sentence:
            if multiword:
                yield ROW.format(f"{number + 1}-{number + len(words)}", form, "_", **BLANK)
            for word, tags in words if multiword else words[:1]:
                number += 1
                yield ROW.format(number, word if multiword else form, 0 if number == 1 else 1, **BLANK | tags)
        yield "\n"


def test_raw_scores_are_of_the_columns_of_both_and_of_one_text() -> None:
    sentence = [Cut(form, [(form, {"upos": tag})], False) for form, tag in (("We", "PRON"), ("stay", "VERB"))]
    gold, names = list(read_conllu(conllu([sentence]), "")), {"Tokens", "Words", "Sentences"}
    assert set(raw_scores(gold, [Sentence(["We", "stay"], {"ner": ["O", "O"]})])) == names
    scores = raw_scores(gold, [Sentence(["We", "stay"], {"upos": ["PRON", "X"], "xpos": ["_", "_"]})])
    assert set(scores) == {*names, "UPOS", "XPOS"}
    assert scores["UPOS"] == F1(gold=2, system=2, correct=1)
    assert F1(gold=8, system=7, correct=6).f1 == pytest.approx(12 / 15)
    assert raw_scores([], [])["Words"] == F1()
    assert set(F1().shares().values()) == {0.0}
    for words, there, missing in (([], "Westay", ""), (["We", "went"], "stay", "went")):
        with pytest.raises(InputError, match=f"gold sentences have '{there}' where the system .* '{missing}'"):
            raw_scores(gold, [Sentence(words)])


@given(st.data())
def test_any_two_analyses_get_the_official_scores(data: st.DataObject) -> None:
    udeval = pytest.importorskip("udtools.udeval", reason="the extra `dev` has udtools")
    assert udeval.UNIVERSAL_FEATURES == UNIVERSAL_FEATURES
    text = data.draw(st.text("abAİ", min_size=1, max_size=25))
    lines = [list(conllu(data.draw(analyses(text)))) for _ in range(2)]
    scores = raw_scores(*(list(read_conllu(side, "")) for side in lines))
    assert set(scores) == NAMES
    official = udeval.evaluate(*(udeval.load_conllu(io.StringIO("".join(side)), "", {}) for side in lines))
    for name, found in scores.items():
        expected = official[name]
        assert found == (expected.gold_total, expected.system_total, expected.correct), name


# The page

VOCABULARY = Vocabulary.build([{"tokens": ["The", "cat", "sat"], "upos": ["DET", "NOUN", "VERB"]}], ["upos"])
HOSTILE = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a&b", "\ud800", "$title"]


class Page(HTMLParser):
    """The elements of a page and the rows of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data


def tagged(words: list[str], tags: list[str], shares: list[float], *comments: str) -> Sentence:
    return Sentence(words, {"upos": tags}, {"upos": shares}, comments=list(comments))


def made(*sentences: tuple[Sentence, list[str]], **values: Any) -> Page:
    scored = [(s, {"upos": gold}) for s, gold in sentences]
    errors = [e for i, (s, gold) in enumerate(sentences, 1) for e in errors_of(s, {"upos": gold}, i)]
    page = Page(report_page("<b> & $facts", {"dev": report(scored, VOCABULARY)}, errors, **values))
    assert page.open == []
    assert "script" not in page.seen
    return page


def test_scores_and_errors_are_rows_and_nothing_in_a_text_becomes_code() -> None:
    named = tagged(["The", "dog", "sat"], ["DET", "VERB", "NOUN"], [0.8, 0.6, 0.7], "# sent_id = s-2")
    page = made(
        (named, ["DET", "NOUN", "VERB"]),
        (tagged(["x", "cat"], ["DET", "VERB"], [0.5, 0.55]), ["_", "NOUN"]),
        tables=[Table("More", ["", "n"], [["row", "7"]])],
        pictures=["confusion.png"],
        baseline={"dev": {"upos": 0.125}},
        confidence=[Table("Last", ["", "n"], [["end", "8"]])],
    )
    assert page.rows[1] == ["dev, upos", "4", "25.00%", "12.50%", "33.33%", "0.00%", "0.00%"]
    assert page.rows[3] == ["2", "66.67%", "NOUN", "VERB", "The dog sat"]
    assert "1" not in [row[0] for row in page.rows]  # a pair that is there once
    assert page.rows[-1] == ["end", "8"]
    assert ["row", "7"] in page.rows
    assert ["NOUN", "0.00%", "0.00%", "0.00%", "2"] in page.rows
    errors = [row for row in page.rows if len(row) == 5 and row[0].endswith("%")]
    assert errors == [
        ["70.00%", "VERB", "NOUN", "The dog sat ", "s-2"],
        ["60.00%", "NOUN", "VERB", "The dog sat", "s-2"],
        ["55.00%", "NOUN", "VERB", "x cat ", "2"],
    ]
    assert page.seen.count("img") == 1
    sentence = tagged(HOSTILE, ["DET"] * 5, [0.5] * 5, f"# sent_id = {HOSTILE[1]}")
    page = made((sentence, ["NOUN"] * 5), facts=[HOSTILE[0]], pictures=['"><script>'])
    assert page.seen.count("img") == 1
    assert f" {HOSTILE[0]} {HOSTILE[1]} a&b \ufffd $title" in [row[3] for row in page.rows if len(row) == 5]
    long = [f"w{i}" for i in range(100)]
    (error,) = errors_of(tagged(long, ["DET"] * 50 + ["NOUN"] + ["DET"] * 49, [0.9] * 100), {"upos": ["DET"] * 100}, 1)
    assert error.before.startswith("… w38 ")
    assert error.after.endswith(" w62 …")
    page = made((tagged(["y" * 500] * 600, ["NOUN"] * 600, [0.9] * 600), ["DET"] * 600))
    errors = [row for row in page.rows if row[0] == "90.00%"]
    assert len(errors) == MAX_ERRORS
    assert max(len(word) for word in errors[-1][3].split()) == MAX_CHARACTERS + 1


EPOCHS = [{"train/loss": 1.0 / n, "dev/loss": 2.0 / n, "dev/accuracy": 1 - 0.5 / n} for n in (1, 2, 3)]


@pytest.mark.filterwarnings("error")
def test_pictures(tmp_path: Path) -> None:
    png = tmp_path / "x.png"
    losses, accuracies = plots.draw_learning_curve(EPOCHS, png).axes
    assert (losses.get_xlabel(), accuracies.get_ylabel()) == ("epoch", "accuracy (%)")
    assert [line.get_label() for line in losses.get_lines()] == ["train", "dev"]
    (dev,) = accuracies.get_lines()
    assert list(dev.get_ydata()) == pytest.approx([50, 75, 100 - 50 / 3])
    before = png.read_bytes()
    with largest_file(100), pytest.raises(InputError, match=r"x.png cannot be written: File too large"):
        plots.draw_learning_curve(EPOCHS, png)
    assert png.read_bytes() == before
    assert list(png.parent.iterdir()) == [png]
    scores = {split: {"upos": calibration([0.9] * 30, [True, False] * 15)} for split in ("dev", "test")}
    figure = plots.draw_reliability(scores, scores, "upos", "$5 நா ЯЪ", png)
    assert figure.get_suptitle() == r"\$5 U+0BA8 U+0BBE  ЯЪ"  # the font lacks them
    assert png.read_bytes().startswith(b"\x89PNG")
    assert [axis.get_title() for axis in figure.axes] == ["dev", "test"]
