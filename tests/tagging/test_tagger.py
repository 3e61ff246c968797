"""`Tagger`: the same tags whatever comes with a sentence, in order, with offsets and probabilities."""

import copy
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tagger
from tagger import Sentence, Tagger
from tagger.errors import InputError
from tagger.model import device
from tagger.model.batch import Batch
from tagger.model.embeddings import FormEmbedding
from tagger.model.vocabulary import Vocabulary
from tagger.segmenter.unit_network import Label
from tagger.words.segment import SEGMENTER, segment
from tests import conftest
from tests.conftest import CORPUS, LEMMAS, TOKENS, bundle_of, make_network, make_segmenter, make_tagger, save_tiny

TEXT = "They book  flights.\n\nThe book reads\twell . Well"
RAW = "They don't book des flights. Du 3,14 reads"


@pytest.fixture(scope="module")
def loaded(trained: Path) -> Tagger:
    return tagger.load(trained, device="cpu")


@pytest.fixture(scope="module")
def free(vocabulary: Vocabulary) -> Tagger:
    """What it says in a column does not depend on the other column."""
    return conftest.untrained(replace(vocabulary, combinations=[]), forward=16, backward=16)


def many_sentences(count: int = 60) -> list[list[str]]:
    """Sentences of 0 to 12 tokens, all different."""
    forms = [form for sentence in TOKENS for form in sentence]
    return [[forms[(i * i + 3 * k) % len(forms)] for k in range((7 * i) % 13)] for i in range(count)]


def test_overfit_save_load_tag(loaded: Tagger) -> None:
    assert loaded.columns == ["upos", "xpos"]
    for column in loaded.columns:
        assert loaded.tag_sentences(TOKENS, column) == [sentence[column] for sentence in CORPUS]
        assert loaded.tag(CORPUS[0]["tokens"], column) == CORPUS[0][column]
    assert loaded.tag(("Well",)) == ["INTJ"]
    assert loaded.tag([]) == loaded.tag_sentences([]) == loaded.annotate("") == loaded.annotate(" \n") == []
    assert loaded.tag_sentences([[], ["Well"], []]) == [[], ["INTJ"], []]
    (empty,) = loaded.annotate([], top=2)
    assert (empty.tags, empty.probabilities, empty.alternatives) == ({"upos": [], "xpos": []},) * 3


@pytest.mark.usefixtures("small_windows")
def test_tags_and_how_far_a_stream_reads_do_not_depend_on_windows(
    free: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    def endless() -> Iterator[Sentence]:
        nonlocal read
        while True:
            read += 1
            yield Sentence(["book"])

    stream = free.stream(endless())
    for i in range(1, 200):
        assert next(stream).tags["upos"]
        assert read <= i + 5
    sentences = many_sentences()
    alone = [free.tag(sentence) for sentence in sentences]
    assert len({tuple(tags) for tags in alone}) > 20
    assert free.tag_sentences(sentences[::-1]) == alone[::-1]
    monkeypatch.setattr("tagger.tagging.tagger.WINDOW_TOKENS", 40)
    found = list(free.stream(Sentence(list(tokens)) for tokens in sentences))
    assert [(s.tokens, s.tags["upos"]) for s in found] == list(zip(sentences, alone, strict=True))
    monkeypatch.setattr("tagger.tagging.tagger.WINDOW_SENTENCES", 1)
    assert free.tag_sentences(sentences) == alone


def test_a_sentence_longer_than_the_network_reads_is_cut(free: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = (["They", "book", "flights", "."] * 4)[:14]
    expected = [tag for start in (0, 5, 10) for tag in free.tag(tokens[start : start + 5])]
    monkeypatch.setattr("tagger.model.batch.MAX_SENTENCE_TOKENS", 5)
    monkeypatch.setattr("tagger.model.batch.BATCH_TOKENS", 4)
    assert free.tag(tokens) == expected
    assert free.tag_sentences([["Well"], tokens, []]) == [free.tag(["Well"]), expected, []]
    (annotated,) = free.annotate(tokens, top=2)
    assert len(annotated.probabilities["xpos"]) == len(annotated.alternatives["xpos"]) == 14


def test_offsets_cut_out_exactly_the_tokens(loaded: Tagger) -> None:
    sentences = loaded.annotate(TEXT)
    assert [s.tokens for s in sentences] == TOKENS
    for sentence in sentences:
        assert sentence.offsets
        assert [TEXT[a:b] for a, b in sentence.offsets] == sentence.tokens
        assert sentence.text == TEXT[sentence.offsets[0][0] : sentence.offsets[-1][1]]
        assert sentence.tags["upos"] == loaded.tag(sentence.tokens)
    documents = list(loaded.pipe([TEXT, "", "They book."], top=2))
    lengths = [(TEXT, len(sentences)), ("", 0), ("They book.", 1)]
    assert [(document.text, len(document)) for document in documents] == lengths
    assert [sentence.tags for sentence in documents[0]] == [sentence.tags for sentence in sentences]
    assert documents[2][0].alternatives["upos"]
    of_tokens = loaded(TOKENS[0])
    assert (of_tokens[0].offsets, of_tokens.text) == (None, "They book flights .")
    assert (loaded(TEXT), loaded(TEXT).text) == (sentences, TEXT)


def test_probabilities_and_alternatives(free: Tagger) -> None:
    for (sentence,) in (free.annotate(TOKENS[1], top=3), free.annotate(" ".join(TOKENS[1]), top=3)):
        for column in ("upos", "xpos"):
            tags, probabilities = sentence.tags[column], sentence.probabilities[column]
            assert tags == free.tag(TOKENS[1], column)
            assert len(probabilities) == len(tags)
            assert all(isinstance(p, float) and 0 <= p <= 1 for p in probabilities)
            for tag, p, best in zip(tags, probabilities, sentence.alternatives[column], strict=True):
                assert best[0] == (tag, p)
                assert len({name for name, _ in best}) == 3
                assert [share for _, share in best] == sorted((share for _, share in best), reverse=True)
    every = free.annotate(TOKENS[0], top=100)[0].alternatives["upos"]
    assert [len(best) for best in every] == [len(free.vocabulary.tags["upos"])] * 4
    assert all(sum(p for _, p in best) == pytest.approx(1, abs=1e-4) for best in every)


@pytest.mark.usefixtures("small_windows")
def test_other_columns_and_what_a_sentence_carries_are_kept_and_retag_yields_gold(loaded: Tagger) -> None:
    gold = {"upos": ["X"], "lemma": ["well"]}
    (tagged,) = loaded.stream([Sentence(["Well"], tags=gold, comments=["# sent_id = 7"])])
    assert tagged.tags == {"upos": ["INTJ"], "lemma": ["well"], "xpos": ["UH"]}
    assert tagged.comments == ["# sent_id = 7"]
    assert gold == {"upos": ["X"], "lemma": ["well"]}
    sentences = (Sentence([*tokens], {"upos": [f"{i}"] * len(tokens)}) for i in range(5) for tokens in TOKENS)
    pairs = list(loaded.retag(sentences))
    assert len(pairs) == 15
    for k, (tagged, known) in enumerate(pairs):
        assert known == {"upos": [f"{k // 3}"] * len(tagged)}
        assert tagged.tags == {column: CORPUS[k % 3][column] for column in ("upos", "xpos")}
        assert len(tagged.probabilities["upos"]) == len(tagged)


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_threads_get_what_one_thread_gets(trained: Path, precision: str) -> None:
    shared = tagger.load(trained, "cpu", precision)
    text = "They book flights. The book reads well.\n\n" * 3

    def work(number: int) -> list[Any]:
        sentences = [[*tokens, f"new{number % 5}"] for tokens in many_sentences(20)]
        streamed = shared.stream(map(Sentence, sentences), probabilities=True, top=2)
        return [list(streamed), shared.annotate(text, top=2), shared.segment(text), shared.tag_sentences(sentences)]

    expected = [work(number) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(12))) == expected


def test_threads_of_torch_are_left_as_they_were(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    forward = FormEmbedding.forward

    def counted(self: FormEmbedding, batch: Batch) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return forward(self, batch)

    monkeypatch.setattr(FormEmbedding, "forward", counted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        tagger.load(trained, "cpu").tag(["They"])
        assert [*seen, torch.get_num_threads()] == [1, 2]
    finally:
        torch.set_num_threads(before)


def test_copies_of_a_tagger(trained: Path) -> None:
    first = tagger.load(trained, "cpu", workers=2)
    expected = first.annotate(TOKENS[0], top=2)
    for copied in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert copied.annotate(TOKENS[0], top=2) == expected
        assert copied.workers.count == 2
        assert copied.workers.state is copied
        assert copied.engine is not first.engine
        assert first.annotate(TOKENS[0], top=2) == expected


ASKS: list[tuple[str, Callable[[Tagger], Any]]] = [
    ("use annotate", lambda one: one.tag("They book")),
    ("use annotate", lambda one: one.tag_sentences("They book")),
    ("use annotate", lambda one: one.tag_sentences(["They book"])),
    ("takes a list of paragraphs, not", lambda one: one.segment_all("They book")),
    ("'feats'.*upos, xpos", lambda one: one.tag(["a"], "feats")),
    ("no column 'nope'", lambda one: one.stream([], columns=["nope"])),  # at once
    ("no column 'u'", lambda one: one.stream([], columns="upos")),
    ("list of tokens, not 'None'", lambda one: one(None)),
    (r"strings; 'None' is none", lambda one: one(["They", None])),
    ("'They book flights.' is a text, not a token.*pipe", lambda one: one(["They book flights.", "I do not know."])),
    ("'They sleep. They do.' is a text.*pipe", lambda one: one(["They sleep. They do.", "Good."])),
    ("pipe takes many texts", lambda one: next(one.pipe("They book."))),
    (r"a text is a string, and .* is none", lambda one: next(one.pipe([["They"]]))),
    ("top=0.*at least 1", lambda one: one.annotate(["They"], top=0)),
    ("top='3': give a whole number", lambda one: one.annotate(["They"], top="3")),  # type: ignore[arg-type]
    ("cache_size='x': give a whole", lambda one: tagger.load(one.name, cache_size="x")),  # type: ignore[arg-type]
    ("lexicons='x': give a file for each", lambda one: tagger.load(one.name, lexicons="x")),  # type: ignore[arg-type]
    ("cache_size=500.*at least 16000", lambda one: tagger.load(one.name, cache_size=500)),
    ("workers=0.*at least 1", lambda one: tagger.load(one.name, workers=0)),
    ("device None", lambda one: tagger.load(one.name, device=None)),  # type: ignore[arg-type]
    ("device abacus is not there; choose one of auto, .*cpu", lambda one: tagger.load(one.name, device="abacus")),
    ("precision None", lambda one: tagger.load(one.name, precision=None)),  # type: ignore[arg-type]
    ("has another lexicon", lambda one: tagger.load(one.name, lexicons={"": os.devnull, "upos": os.devnull})),
    ("'german' is no segmenter; choose one of auto, learned,", lambda one: tagger.load(one.name, segmenter="german")),
]


@pytest.mark.parametrize(("said", "ask"), ASKS)
def test_what_cannot_be_asked_is_an_error(loaded: Tagger, said: str, ask: Callable[[Tagger], Any]) -> None:
    with pytest.raises(InputError, match=said):
        ask(loaded)


def test_lemmas(lemmas: Callable[..., Tagger]) -> None:
    lemmatizer = lemmas()
    assert lemmatizer.vocabulary.tags["lemma"] == ["lower:*", "lower:*-"]
    for tokens, found in zip(TOKENS, LEMMAS, strict=True):
        assert lemmatizer.tag(tokens, "lemma") == found
    (sentence,) = lemmatizer.annotate(["They", "book", "trains", "s", "."], top=3)
    assert sentence.tags["lemma"][3] == "s"  # too short for the other script
    assert sentence.alternatives["lemma"][3] == [("s", 1.0)]
    of_words = (each["lemma"] for each in (sentence.tags, sentence.probabilities, sentence.alternatives))
    for tag, share, pairs in zip(*of_words, strict=True):
        assert pairs[0] == (tag, share)
        assert sum(p for _, p in pairs) == pytest.approx(1, abs=1e-5)
        assert len({name for name, _ in pairs}) == len(pairs)
    given = Sentence(["They", "book", "trains"], {"lemma": ["them", "_", "train"]})
    (kept,) = lemmatizer.stream([given], probabilities=True, top=2, keep=True)
    assert [kept.alternatives["lemma"][i] for i in (0, 2)] == [[("them", 1.0)], [("train", 1.0)]]


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for choice, chosen in {"cpu": "cpu", "auto": "cuda", "cuda:1": "cuda:1"}.items():
        assert device.choose_device(choice) == chosen
    assert device.choose_device(str(torch.device("cuda", 0))) == "cuda:0"  # what a training ran on
    with pytest.raises(InputError, match=r"device cuda:2 is not there; choose one of auto, cuda, cuda:0, cuda:1, cpu"):
        device.choose_device("cuda:2")


def test_what_cuts_text(request: pytest.FixtureRequest) -> None:
    for row in ("learned auto learned", "learned english english", "trained auto english", "trained unicode unicode"):
        folder, choice, name = row.split()
        loaded = tagger.load(request.getfixturevalue(folder), "cpu", segmenter=choice)
        assert loaded.segmenter is not None
        assert (loaded.segmenter.name, loaded.takes_text) == (name, True)
        assert repr(loaded) == f"Tagger({loaded.name!r}, columns=['upos', 'xpos'], device='cpu')"
        assert loaded.name == str(request.getfixturevalue(folder))
        expected = make_segmenter().segment_all([RAW])[0] if name == "learned" else segment(RAW, name)
        assert loaded.segment(RAW) == expected
        assert loaded.segment_all([RAW, "", RAW]) == [expected, [], expected]
        sentences = loaded.annotate(RAW)
        assert [len(s) for s in sentences] == [sum(max(1, len(t.words)) for t in tokens) for tokens in expected]


def test_words_with_spaces_take_a_learned_segmenter_whose_file_is_there(tmp_path: Path) -> None:
    spaced: dict[str, Any] = {"tokens": ["a", "b c", "New York"], "upos": ["X", "Y", "Z"]}
    vocabulary = Vocabulary.build([spaced], ["upos"], min_count=1)
    folder = save_tiny(tmp_path / "rules", make_network(vocabulary), vocabulary)
    with pytest.raises(InputError, match=r"spaces inside.*trainer.max_epochs=0"):
        tagger.load(folder, "cpu").annotate("New York b c")
    parts = make_segmenter()
    parts.network.labels.bias.data[Label.GOES_ON] += 5
    parts.network.labels.bias.data[Label.WORD] -= 50
    parts.network.scripts.bias.data[0] += 50
    bundle_of(make_network(vocabulary), vocabulary, segmenter=parts).save(tmp_path / "own", "")
    own = tagger.load(tmp_path / "own", "cpu")
    assert own.takes_text
    words = [form for s in own.annotate("They book\nflights. The  dog, does it?\n Yes! " * 9) for form in s.tokens]
    assert any(" " in form for form in words)
    assert not any("\n" in form or "  " in form for form in words)
    corpus = [{"tokens": [*(f"w{i}" for i in range(300)), "b c"], "upos": ["X", "Y", "Z"] * 100 + ["X"]}]
    vocabulary = Vocabulary.build(corpus, ["upos"], min_count=1)  # one such form does no harm
    assert make_tagger(make_network(vocabulary), vocabulary).annotate("w1 w2")[0].tokens == ["w1", "w2"]
    (tmp_path / "own" / SEGMENTER).unlink()
    for choice in ("auto", "unicode"):
        with pytest.raises(InputError, match=r"segmenter\.json\.gz is missing"):
            tagger.load(tmp_path / "own", "cpu", segmenter=choice)


def test_the_corpus_that_text_is_like(vocabulary: Vocabulary, tmp_path: Path) -> None:
    several = replace(vocabulary, corpora=["UD_A", "UD_B"])
    network = make_network(several, seed=3)
    assert network.corpora is not None
    network.corpora.weight.data[1:] = 5 * torch.randn(2, network.embedding.width)
    folder = save_tiny(tmp_path / "several", network, several)
    taggers = [tagger.load(folder, "cpu", corpus=name) for name in (None, "UD_A", "UD_B")]
    assert len({tuple(each.tag(["They", "book"] * 10)) for each in taggers}) == 3
    assert taggers[0].options.corpus is None
    with pytest.raises(InputError, match=r"^this tagger knows no corpus 'UD_C'; choose one of UD_A, UD_B$"):
        tagger.load(folder, "cpu", corpus="UD_C")
