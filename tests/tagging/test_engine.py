"""The engine gives what networks give, of several the weighted mean, whatever is beside it, remembered or given."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import tagger
from tagger.bundle.bundle import Bundle, Member
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.model.batch import FormTable, collate
from tagger.model.cells import RNNCell
from tagger.model.encoder import CELLS, Cell
from tagger.model.network import TaggerNetwork, share_pretrained
from tagger.model.recurrent import RecurrentLayer
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_pretrained
from tagger.tagging.engine import Engine
from tagger.tagging.stack import FormCache, padded_rows
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import Request, TaggerOptions
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence
from tagger.words.judges import Signs
from tagger.words.reading import Reading
from tests.conftest import CORPUS, TOKENS, bundle_of, make_network, make_tagger
from tests.tagging.test_chains import scores_of, with_linear

SENTENCES = [
    *TOKENS,
    ["book", "the", "flights", "they", "book", "Well", "."],
    ["unknown", "words", "x" * 60, "", "\ud800"],
    ["They"],
    ["reads"] * 9,
]


def make_engine(
    network: TaggerNetwork, vocabulary: Vocabulary, precision: str = "float32", forms: int | None = None, **config: Any
) -> Engine:
    """An engine that reads all words as they are, and keeps so many forms."""
    engine = Engine(bundle_of(network, vocabulary, training={"noise": 0.3}, **config), TaggerOptions("cpu", precision))
    if forms is not None:
        engine.groups[0].cache.capacity = forms
    return engine


def with_random_decoder(vocabulary: Vocabulary, **changes: Any) -> TaggerNetwork:
    """A network with random transitions, too."""
    network = make_network(vocabulary, **changes)
    torch.manual_seed(5)
    for parameter in network.decoders.parameters():
        nn.init.normal_(parameter)
    return network


def test_batches_cuts_and_memory_change_nothing(vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(vocabulary, seed=4, hidden={"forward": 16, "backward": 16})
    sentences = [[*sentence[i % 3 :], *sentence] for i in range(40) for sentence in SENTENCES]
    request = Request(top=3, probabilities=True)
    whole = make_engine(network, vocabulary).tag(Reading(sentences), request)
    monkeypatch.setattr("tagger.model.batch.BATCH_TOKENS", 30)
    small = make_engine(network, vocabulary, forms=20)
    for _ in range(2):
        found = small.tag(Reading([[], *sentences, []]), request)
        for column, (ids, probabilities, _) in whole.items():
            assert np.array_equal(found[column].ids, ids)
            assert np.allclose(found[column].probabilities, probabilities, atol=1e-5)  # type: ignore[arg-type]
    assert len(small.groups[0].cache.values) <= 20


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("cell", ["gru", "mingru"])
def test_the_same_list_gives_the_same_numbers_whatever_was_tagged_before_or_memory_held(
    vocabulary: Vocabulary, precision: str, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": 48, "backward": 40}, words=40, chars=24)
    fresh = make_engine(network, vocabulary, precision=precision)
    used = make_engine(network, vocabulary, precision=precision, forms=45)
    for sentences in (SENTENCES * 20, SENTENCES, SENTENCES[:1], SENTENCES * 20):
        used.tag(Reading([[f"new{i}" for i in range(17)], *SENTENCES[::-1]]), Request())
        expected = scores_of(fresh, sentences)
        assert torch.equal(scores_of(used, sentences)["xpos"], expected["xpos"])

    def nan(like: Tensor, *size: Any, **options: Any) -> Tensor:
        return like.new_full(size if isinstance(size[0], int) else size[0], float("nan"), **options)

    monkeypatch.setattr(Tensor, "new_empty", nan)
    found = scores_of(make_engine(network, vocabulary, precision=precision), SENTENCES * 20)
    assert all(torch.equal(found[column], scores) for column, scores in expected.items())


def test_columns_get_tags_that_training_has_together_or_alone(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary, seed=4)
    free = make_engine(network, dataclasses.replace(vocabulary, combinations=[])).tag(Reading(SENTENCES), Request())
    engine = make_engine(network, vocabulary)
    known = set(map(tuple, vocabulary.combinations))
    before = list(zip(*(free[column].ids[:, 0].tolist() for column in free), strict=True))
    assert not set(before) <= known
    for top in (1, 2):
        found = engine.tag(Reading(SENTENCES), Request(list(free), top, top > 1))
        pairs = list(zip(*(found[column].ids[:, 0].tolist() for column in free), strict=True))
        assert set(pairs) <= known
        assert all(pair == other for pair, other in zip(pairs, before, strict=True) if other in known)
        swapped = engine.tag(Reading(SENTENCES), Request(list(free)[::-1], top, top > 1))
        assert all(np.array_equal(swapped[column].ids, found[column].ids) for column in free)
    for column in free:  # one alone is free
        assert np.array_equal(engine.tag(Reading(SENTENCES), Request([column]))[column].ids, free[column].ids)
    (alone,) = engine.tag(Reading(SENTENCES), Request(["xpos"])).items()
    assert (alone[0], len(alone[1].ids)) == ("xpos", sum(map(len, SENTENCES)))
    for nothing in ([], [[], []]):
        ids, shares, _ = engine.tag(Reading(nothing), Request(top=2, probabilities=True))["upos"]
        assert (ids.shape, np.shape(shares)[:1]) == ((0, 2), (0,))


@pytest.mark.parametrize(
    ("cell", "decoder", "precision"),
    [
        *((cell, "softmax", "bfloat16") for cell in ("rnn_scratch", "gru_scratch", "mingru", "rnn", "gru", "lstm")),
        ("gru", "crf", "bfloat16"),
        ("lstm", "crf", "float32"),
        ("gru", "linear", "bfloat16"),
    ],
)
def test_with_fixed_shapes_a_sentence_has_the_same_scores_to_the_bit_whatever_is_beside_it(
    vocabulary: Vocabulary, cell: str, decoder: str, precision: str
) -> None:
    bundle = with_linear(vocabulary)
    if decoder != "linear":
        hidden = {"forward": [13, 24], "backward": [24, 17]}
        network = with_random_decoder(vocabulary, cell=cell, hidden=hidden, decoder=decoder)
        bundle = bundle_of(network, vocabulary, training={"noise": 0.3})
    sentences = [[*sentence[i % 3 :], *sentence] for i in range(40) for sentence in SENTENCES]
    request = Request(top=len(vocabulary.tags["upos"]), probabilities=True)
    engine, fresh = (Engine(bundle, TaggerOptions("cpu", precision)) for _ in range(2))
    fixed = request._replace(fixed_shapes=True)
    whole = engine.tag(Reading(sentences), fixed)
    plain = engine.tag(Reading(sentences), request)
    for column, (_, shares, _) in plain.items():
        assert np.allclose(whole[column].probabilities, shares, atol=0.05 if precision == "bfloat16" else 1e-5)  # type: ignore[arg-type]
    ends = np.cumsum([len(sentence) for sentence in sentences])
    for i in (0, 1, 57, 130, len(sentences) - 1):
        start, end = ends[i] - len(sentences[i]), ends[i]
        for some, place in (([sentences[i]], 0), ([["book"] * 50, sentences[i], ["They"]], 50)):
            alone = (fresh if place else engine).tag(Reading(some), fixed)
            for column, each in whole.items():
                for here, there in zip(alone[column][:2], each[:2], strict=True):  # tags and probabilities
                    assert np.array_equal(here[place : place + end - start], there[start:end])


def test_the_bundled_english_tagger_in_both_precisions() -> None:
    """On the sample at most 0.2 % of the tags differ and accuracy changes by at most 0.1 points."""
    path = str(bundled("data") / "sample" / "sample-test.conllu")
    sentences = [sentence for sentence in read_conllu(read_lines(path), path) if sentence.tokens]
    tokens = [sentence.tokens for sentence in sentences]
    exact, reduced = (tagger.load("english", "cpu", precision) for precision in ("float32", "bfloat16"))
    for column in exact.columns:
        gold = np.array([tag for sentence in sentences for tag in sentence.tags[column]])
        found = [np.concatenate([np.array(t) for t in each.tag_sentences(tokens, column)]) for each in (exact, reduced)]
        assert np.mean(found[0] != found[1]) <= 0.002
        assert abs(np.mean(found[0] == gold) - np.mean(found[1] == gold)) <= 0.001
        assert column != "upos" or np.mean(found[0] == gold) > 0.955


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("fixed_shapes", [False, True])
@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_probabilities_are_those_of_the_scores_at_the_temperature_of_a_column(
    vocabulary: Vocabulary, decoder: str, fixed_shapes: bool
) -> None:
    temperatures = {"upos": 1.7, "xpos": 0.6}
    sentences = [[form for form in sentence if form.isprintable() and form] for sentence in [*SENTENCES, []]]
    engine = make_engine(with_random_decoder(vocabulary, decoder=decoder), vocabulary, temperatures=temperatures)
    engine.judges = [judge for judge in engine.judges if not isinstance(judge, Signs)]  # which refuses PUNCT
    batches = engine.weighed(engine.score(sentences))
    order = np.argsort(np.concatenate([batch.tokens for batch in batches]))
    for column, temperature in temperatures.items():
        of_column = engine.decoders[column]
        logs = [of_column.log_probabilities(batch.scores[column], batch.counts, temperature) for batch in batches]
        shares = torch.cat(logs).exp().numpy(force=True)[order]
        request = Request(top=shares.shape[1], probabilities=True, fixed_shapes=fixed_shapes)
        tags = engine.tag(Reading(sentences), request)[column]
        expected = np.empty(shares.shape)
        np.put_along_axis(expected, tags.ids, tags.probabilities, axis=1)
        assert np.allclose(shares, expected, atol=2e-6)
        assert expected.std(axis=0).min() > 1e-3  # they differ from token to token


@pytest.mark.parametrize("fixed_shapes", [False, True])
def test_scripts_of_known_forms_need_no_scores(fixed_shapes: bool) -> None:
    corpus = [{**s, "lemma": [f"{token.lower()[i % 3 :]}x" for i, token in enumerate(s["tokens"])]} for s in CORPUS]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    counts = [len(ids) for ids in vocabulary.form_tags["lemma"]]
    assert min(counts) == 1 < max(counts)  # some forms have one script, some several
    engine = make_engine(make_network(vocabulary), vocabulary)
    plain = engine.tag(Reading(SENTENCES), Request(fixed_shapes=fixed_shapes))
    weighed = engine.tag(Reading(SENTENCES), Request(probabilities=True, fixed_shapes=fixed_shapes))
    for column in ("upos", "lemma"):
        assert plain[column].ids[:, 0].tolist() == weighed[column].ids[:, 0].tolist()
    only_lemma = Request(["lemma"], fixed_shapes=fixed_shapes)  # nothing is left to be scored
    assert engine.tag(Reading([["flights"]]), only_lemma)["lemma"].ids.shape == (1, 1)


def test_a_cache_forgets_all_forms_when_it_is_full_and_rows_have_few_numbers() -> None:
    computed: list[str] = []

    def compute(forms: list[str]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """A number that tells which form it belongs to; forms of an odd place first."""
        computed.extend(forms)
        for first in (1, 0):
            places = np.arange(first, len(forms), 2)
            yield places, torch.tensor([float(forms[place]) for place in places])[:, None]

    def look_up(cache: FormCache, forms: Iterable[int]) -> list[int]:
        rows = cache.rows([str(form) for form in forms])
        return cache.values[torch.from_numpy(rows), 0].tolist()

    cache, large = FormCache(compute, capacity=4), FormCache(compute, capacity=5000)
    for forms, count in (([1, 2], 2), ([3, 1, 1, 4], 4), ([1, 5], 6), ([1, 5], 6), ([3], 7), ([*range(6)], 13)):
        assert look_up(cache, forms) == forms  # 2, 3 and 4 are forgotten; the last ones do not fit
        assert len(computed) == count
    for forms in ([*range(1000)], [*range(900, 2000)], [*range(50)]):  # there is room for more rows
        assert look_up(large, forms) == forms
    numbers = range(1, 20_000)
    assert all(n <= padded_rows(n) <= n + max(8, n // 16) for n in numbers)
    assert all(padded_rows(padded_rows(n)) == padded_rows(n) for n in numbers)
    assert len({padded_rows(n) for n in numbers}) < 150
    assert [padded_rows(n, torch.float32) for n in (1, 7, 9)] == [1, 7, 9]
    assert [padded_rows(n) for n in (1, 8, 9, 100, 300, 16_000)] == [8, 8, 16, 104, 304, 16_384]


def make_members(vocabulary: Vocabulary, count: int = 2, **changes: Any) -> list[Member]:
    networks = [make_network(vocabulary, seed=seed, **changes) for seed in range(count)]
    share_pretrained(networks)
    return members_of(networks, [vocabulary] * count)


def members_of(networks: Sequence[TaggerNetwork], vocabularies: Sequence[Vocabulary]) -> list[Member]:
    weights = [weight / sum([0.5, 0.3, 0.2][: len(networks)]) for weight in (0.5, 0.3, 0.2)]
    temperatures = [{"upos": 2.0}, {}, {"xpos": 0.5}]
    return [Member(*each) for each in zip(networks, vocabularies, [None] * 3, weights, temperatures, strict=False)]


def expected_scores(
    members: Sequence[Member], sentences: Sequence[Sequence[str]], corpus: str | None = None
) -> dict[str, torch.Tensor]:
    """The weighted mean of what the networks themselves say of every token."""
    found: dict[str, torch.Tensor] = {}
    for member in members:
        batch = collate(sentences, FormTable(member.vocabulary, member.network.config, member.tokenizer))
        if corpus is not None:
            batch.corpora = torch.full((len(sentences),), member.vocabulary.corpus_ids[corpus])
        here = (torch.arange(len(batch.index))[:, None] < batch.lengths).T  # (B, T)
        with torch.no_grad():
            scores = member.network(batch).scores
        for column, each in scores.items():
            share = member.weight / member.temperatures.get(column, 1.0)
            found[column] = found.get(column, torch.zeros(())) + share * each.transpose(0, 1)[here]
    return found


def check(members: Sequence[Member], groups: int = 1, corpus: str | None = None) -> Engine:
    bundle = Bundle(tuple(members), "english", {"training": {"noise": 0.3}})
    engine = Engine(bundle, TaggerOptions("cpu", "float32", corpus=corpus))
    assert len(engine.groups) == groups
    for sentences in (SENTENCES, SENTENCES * 30, *([sentence] for sentence in SENTENCES)):
        found = scores_of(engine, sentences)
        for column, scores in expected_scores(members, sentences, corpus).items():
            assert_close(found[column], scores, atol=1e-5, rtol=1e-4)
            assert len(sentences) == 1 or scores.std(dim=0).min() > 1e-3  # they differ from token to token
    return engine


class _Leaky(RNNCell):
    """A cell that has no steps of its own for tagging."""

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return 0.5 * h + 0.5 * super().forward(x, h)


@pytest.mark.parametrize(
    ("count", "changes"),
    [
        (1, {"hidden": {"forward": [8, 7], "backward": [6, 7]}}),
        (3, {"hidden": {"forward": [8, 7], "backward": [6, 7]}}),
        (2, {"depth": 1, "hidden": {"forward": 5, "backward": 0}}),
        (2, {"depth": 3, "hidden": {"forward": [4, 0, 5], "backward": [3, 6, 0]}}),
        (2, {"affixes": 0, "hidden": {"forward": [4, 7], "backward": [9, 2]}}),
    ],
)
@pytest.mark.parametrize("cell", [*CELLS, "leaky"])
def test_scores_are_the_mean_in_any_sizes(
    vocabulary: Vocabulary, cell: str, count: int, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CELLS, "leaky", Cell(RecurrentLayer, _Leaky))
    check(make_members(vocabulary, count, cell=cell, **changes))


def test_members_of_other_shapes_and_vocabularies(vocabulary: Vocabulary) -> None:
    other = Vocabulary.build(CORPUS[:2], ["upos", "xpos"], min_count=1)
    other = dataclasses.replace(other, tags=vocabulary.tags, combinations=vocabulary.combinations)
    assert other.words != vocabulary.words
    networks = [make_network(vocabulary, 1), make_network(other, 2), make_network(vocabulary, 3, cell="lstm", depth=1)]
    check(members_of(networks, [vocabulary, other, vocabulary]), groups=2)


@pytest.mark.parametrize(("projection", "corpora"), [(0, []), (0, ["one", "other"]), (4, ["one", "other"])])
def test_what_is_pretrained_is_shared(vocabulary: Vocabulary, projection: int, corpora: list[str]) -> None:
    known = dataclasses.replace(vocabulary, vectors={"file": {"book": 0, "they": 1}}, corpora=corpora)
    vectors = {"sizes": [3], "projection": projection, "tune": True, "dtype": "float32"}
    members = make_members(known, vectors=vectors)
    networks = [member.network for member in members]
    first = networks[0].embedding.vectors
    assert first is not None
    first.fill(0, torch.randn(2, 3))
    for network in networks:
        if network.corpora is not None:
            nn.init.normal_(network.corpora.weight)
    same = networks[0].corpora is networks[1].corpora
    assert same == (projection == 0 or not corpora)  # they are added to shared numbers
    check(members, corpus="other" if corpora else None)


@pytest.mark.parametrize("shared", [True, False])
def test_transformers(vocabulary: Vocabulary, bert: Path, shared: bool) -> None:
    embedding, tokenizer, config = load_pretrained(str(bert), pooling="first", tune=True, layers=None, dtype="float32")
    networks = [make_network(vocabulary, seed, transformer=config) for seed in range(2)]
    for network, change in zip(networks, (0, 0.01), strict=True):
        assert network.transformer is not None
        weights = {name: weight + change for name, weight in embedding.state_dict().items()}
        network.transformer.load_state_dict(weights)
    if shared:
        share_pretrained(networks)
    members = [dataclasses.replace(m, tokenizer=tokenizer) for m in members_of(networks, [vocabulary] * 2)]
    assert not check(members).has_fixed_shapes


def constrained(vocabulary: Vocabulary, decoder: str, lexicon: dict[str, tuple[str, ...]] | None = None) -> Tagger:
    tagger = make_tagger(with_random_decoder(vocabulary, decoder=decoder), vocabulary, precision="float32")
    tagger.lexicons.update({"upos": lexicon} if lexicon else {})
    return tagger


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("combined", [True, False])
def test_words_get_tags_of_their_entries(vocabulary: Vocabulary, decoder: str, combined: bool) -> None:
    if not combined:
        vocabulary = dataclasses.replace(vocabulary, combinations=[])
    lexicon = {"book": ("DET",), "flights": ("ADV", "INTJ"), "they": ("DET", "PRON")}
    free, bound = constrained(vocabulary, decoder), constrained(vocabulary, decoder, lexicon)
    found = ([*each.stream(map(Sentence, map(list, TOKENS)), True, top=7)] for each in (free, bound))
    changed = 0
    for before, after in zip(*found, strict=True):
        for word, tag in enumerate(after.tags["upos"]):
            allowed = bound.lexicons["upos"].get(after.tokens[word], ())
            changed += bool(allowed) and tag != before.tags["upos"][word]
            others = {p for t, p in after.alternatives["upos"][word] if t not in allowed}
            assert not allowed or (tag in allowed and others == {0})
            assert len(allowed) != 1 or after.probabilities["upos"][word] == pytest.approx(1)
    assert changed


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_given_tags_stay_and_count_more_than_a_lexicon(vocabulary: Vocabulary, decoder: str) -> None:
    made = constrained(vocabulary, decoder, {"book": ("DET",)})
    given = {"upos": ["PRON", "NOUN", "_", ""], "other": list("abcd")}
    (found,) = made.stream([Sentence(list(TOKENS[0]), dict(given))], True, keep=True)
    assert found.tags["upos"][:2] == ["PRON", "NOUN"]
    assert set(found.tags["upos"]) <= set(vocabulary.tags["upos"])
    assert found.probabilities["upos"][0] == pytest.approx(1)
    assert found.tags["other"] == list("abcd")
    (again,) = made.stream([Sentence(list(TOKENS[0]), dict(given))])
    assert again.tags["upos"][1] == "DET"  # not kept
    unknown = Sentence(["They", "book"], {"upos": ["_", "NUN"], "xpos": ["XX", ""]})
    with pytest.raises(InputError, match=r"^'NUN' is no tag of upos; it has .*NOUN.*; correct it"):
        list(made.stream([unknown], keep=True))
    assert list(made.stream([unknown], keep=True, columns=[]))
