"""Vectors of words, groups of a word's occurrences, and explanations: what the network computes, and where it is."""

import json
import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tagger
from tagger import Sentence, Tagger
from tagger.bundle.bundle import Bundle, Member
from tagger.errors import InputError
from tagger.extras.analysis import senses
from tagger.extras.analysis.explanations import MAX_WORDS, MIN_SUPPORT, Context, explain
from tagger.extras.analysis.vectors import Located, embed, layers, states, widths_of
from tagger.model.batch import collate
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import Token
from tagger.text.strings import display_width
from tests.commands.conftest import call, check_replaces_nothing, error
from tests.conftest import TOKENS, make_batch, make_network, make_table, make_tagger, save_tiny, untrained

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], ["unknown", "\ud800", ""], ["They"]]
WORDS = ["The", "book", "reads", "the", "book", "well", "."]
TEXT = "\n\n".join(
    [f"The {noun} reads the book about it, $5 or $6." for noun in ("well", "flight", "dog", "cat", "man")] * 4
    + [f"They book {adverb} flights." for adverb in ("well", "no", "many", "two", "cheap")] * 4
)


def located(sentences: list[list[str]]) -> list[Located]:
    return [Located("a.txt", number, Sentence(tokens)) for number, tokens in enumerate(sentences)]


def test_vectors_of_several_members_stand_side_by_side(vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"hidden": {"forward": [8, 5], "backward": [6, 5]}}
    networks = [make_network(vocabulary, 0, **sizes), make_network(vocabulary, 1, **sizes)]
    networks.append(make_network(vocabulary, 7, cell="lstm"))
    *members, other = (Member(network, vocabulary, weight=1 / 3) for network in networks)
    both, *alone = (
        Tagger(Bundle(tuple(each), "english", {}), TaggerOptions("cpu", "float32")).engine
        for each in ([*members, other], *([member] for member in [*members, other]))
    )
    assert widths_of(both) == [14 * 3, 10 + 10 + 14]
    assert len(both.groups) == 2
    of_layers = [np.split(states(engine, TOKENS), [14], axis=1) for engine in alone]
    expected = np.concatenate([layer for layers in zip(*of_layers, strict=True) for layer in layers], axis=1)
    monkeypatch.setattr("tagger.model.batch.BATCH_TOKENS", 30)
    assert np.allclose(states(both, TOKENS), expected, atol=1e-5)

    def embeddings(engine: Any) -> torch.Tensor:
        blocks = [block for group in engine.groups for _, block in group.embeddings(["They", "new"])]
        return torch.cat([each for block in blocks for each in block], dim=1)

    assert torch.allclose(embeddings(both), torch.cat([*map(embeddings, alone)], dim=1), atol=1e-6)


@pytest.mark.parametrize("count", [0, 5, 20, 21, 1000, 12345])
def test_a_sample_at_even_distances(count: int) -> None:
    some: senses.EvenSample[int] = senses.EvenSample(20)
    for i in range(count):
        some.add(i)
    chosen = some.chosen()
    assert (some.seen, len(chosen)) == (count, min(20, count))
    assert chosen == sorted(set(chosen))
    gaps = np.diff([*chosen, count])
    assert count <= 20 or (chosen[0] == 0 and gaps.min() > 0.4 * count / 20 and gaps.max() < 2.1 * count / 20)


def test_every_occurrence_is_found_in_any_case_and_words_that_the_text_lacks_are_named() -> None:
    sentences = [["The", "book"], ["Book", "a", "BOOK", "books"], [], ["flights"], ["book-case", "book"]]
    found = senses.find("bOOk", located(sentences), 10)
    places = [(sentences.index(each.sentence.tokens), each.position) for each in found.occurrences]
    assert places == [(0, 1), (1, 0), (1, 2), (4, 1)]
    assert (found.total, found.sample) == (4, [sentence for sentence in sentences if sentence])
    with pytest.raises(InputError, match="'flights' occurs 1 times as a word in the files; 3 occurrences are needed"):
        senses.find("flights", located(sentences), 10)
    tokens = [Token(0, 4), Token(6, 11), Token(12, 14, ("de", "le")), Token(15, 21)]
    (sentence,) = Paragraph(5, "Elle  mange du 10\u00a0000", opens=True).cut([tokens])
    assert [senses.Occurrence(i, sentence).context() for i in (0, 1, 3)] == [
        ("", "Elle", " mange du 10 000"),
        ("Elle ", "mange", " du 10 000"),
        ("Elle mange de ", "le", " 10 000"),
    ]


def test_lines_fit_and_have_the_word_in_the_middle(both_ways: Tagger) -> None:
    for other in ["a", "\u98db\u884c\u6a5f" * 9, "y" * 100, "e\u0301" * 30, "\x07\t"]:
        for word in ["book", "\u98db\u884c\u6a5f", "x" * 200, "\x1bm"]:
            places = set()
            for count in (0, 1, 40):
                tokens = [other] * count + [word] + [other] * count
                line = senses.Occurrence(count, Sentence(tokens)).line(77)
                assert display_width(line) <= 77
                assert not {"\x1b", "\x07", "\t"} & set(line)
                places.add(display_width(line.partition("[")[0]))
            assert len(places) == 1
    book = senses.Occurrence(0, Sentence(["book"]))
    group = senses.Group([book], [*(f"{'x' * 9}{i}" for i in range(8)), "y" * 200], [book])
    lines = senses.format_groups(senses.Senses("w" * 100, "all", 1, {}, [group])).splitlines()
    assert max(map(display_width, lines)) <= senses.TEXT_WIDTH
    assert lines[3].split()[:4] == ["nearest", "words:", "xxxxxxxxx0", "xxxxxxxxx1"]
    assert lines[-1].strip() == "[book]"
    found = senses.find("book", located([["They", "book"]] * 5 + [["The", "book"]]), 1000)
    (group,) = senses.senses(partial(embed, both_ways), "book", found, number=1).groups
    assert [each.sentence.tokens for each in group.examples] == [["They", "book"], ["The", "book"]]


def clusters(centres: int, each: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    x = np.repeat(np.eye(12)[:centres], each, axis=0) + 0.05 * generator.standard_normal((centres * each, 12))
    return senses.unit(x - x.mean(axis=0))


def test_clear_groups_are_found_and_counted() -> None:
    for centres in range(2, senses.MAX_GROUPS + 1):
        order = np.random.default_rng(1).permutation(10 * centres)
        labels, silhouettes = senses.grouped(clusters(centres, 10)[order])
        truth = np.repeat(np.arange(centres), 10)[order]
        assert len(set(zip(labels.tolist(), truth.tolist(), strict=True))) == centres == labels.max() + 1
        assert max(silhouettes, key=lambda k: silhouettes[k]) == centres
        assert set(silhouettes) == set(range(2, senses.MAX_GROUPS + 1))
    x = np.random.default_rng(3).standard_normal((200, 50))
    for same in (senses.unit(x - x.mean(axis=0)), np.zeros((5, 3)), np.zeros((3, 3))):
        assert set(senses.grouped(same)[0].tolist()) == {0}
    x = clusters(3, 10)
    labels, _ = senses.grouped(np.concatenate([x[:2], x[10:14], x[20:]]))
    assert labels.tolist() == [2] * 2 + [1] * 4 + [0] * 10
    for number in (1, 5, 20):
        labels, silhouettes = senses.grouped(clusters(2, 10), number)
        assert (sorted(set(labels.tolist())), silhouettes) == (list(range(number)), {})


def contexts(noun: int, verb: int) -> senses.Occurrences:
    """A word in two kinds of sentences."""
    frames = [[f"n{i}", "the", "book", "reads", "flights"] for i in range(noun)]
    frames += [[f"v{i}", "They", "book", "well", "."] for i in range(verb)]
    return senses.find("book", located(frames), 1000)


def test_uses_of_a_word_are_told_apart(both_ways: Tagger) -> None:
    found = senses.senses(partial(embed, both_ways), "book", contexts(12, 8))
    assert (found.total, found.layer, [len(group.members) for group in found.groups]) == (20, "all", [12, 8])
    for group, letter, others in zip(found.groups, "nv", ({"the", "reads", "flights"}, {"they", "well"}), strict=True):
        assert {each.sentence.tokens[0][0] for each in group.members} == {letter}
        assert len(group.examples) == 3
        assert all(example in group.members for example in group.examples)
        assert set(group.nearest) == {"the", "reads", "flights", "they", "well"}
        assert group.nearest[0] in others
    form = senses.senses(partial(embed, both_ways, layer=0), "book", contexts(12, 8))  # which alone has no senses
    assert [len(group.members) for group in form.groups] == [20]
    with pytest.raises(InputError, match="--groups 6: there are only 5 occurrences of 'book'"):
        senses.senses(partial(embed, both_ways), "book", contexts(3, 2), number=6)


def test_the_command(trained: Path) -> None:
    Path("a.txt").write_text(TEXT, encoding="utf-8")
    shown = call("senses", "Book", "a.txt", "--model", str(trained)).stdout
    assert shown.startswith("Book: 40 occurrences, ")
    assert shown.count("[book]") >= 3
    assert max(map(display_width, shown.splitlines())) <= senses.TEXT_WIDTH
    options = ["--input", "lines", "--groups", "3", "--layer", "1", "--limit", "10", "--model", str(trained)]
    few = call("senses", "book", "-", *options, input=TEXT.replace(".", " ."))
    assert few.stdout.startswith("book: 10 of 40 occurrences, 3 groups (as asked for), layer 1\n")
    assert "10 of 40 occurrences, chosen evenly from all; see --limit" in few.stderr


def test_layers_are_parts_of_all_and_may_not_be_there(vocabulary: Vocabulary) -> None:
    plain = make_tagger(make_network(vocabulary), vocabulary, precision="float32")
    assert layers(plain) == ["0", "1", "2", "all", "mean"]
    found = {layer: np.concatenate(list(embed(plain, SENTENCES, layer))) for layer in (0, 1, 2, "all", "mean")}
    assert {layer: vectors.dtype for layer, vectors in found.items()} == dict.fromkeys(found, np.dtype(np.float32))
    assert found[1].shape[1] == found[2].shape[1] == 8 + 6
    assert np.array_equal(found["all"], np.hstack([found[1], found[2]]))
    assert np.allclose(found["mean"], (found[1] + found[2]) / 2, atol=1e-6)
    batch = make_batch(SENTENCES, vocabulary)
    with torch.inference_mode():
        forms = plain.bundle.networks[0].embedding(batch.features)[batch.index]  # (T, B, E)
    expected = [forms[: len(sentence), i].numpy() for i, sentence in enumerate(SENTENCES)]
    assert np.allclose(found[0], np.concatenate(expected), atol=1e-6)
    assert np.array_equal(found[1], np.concatenate(list(embed(plain, SENTENCES, "1"))))
    sentences = [["They", "book", "flights"], ["The", "book"], ["book"] + ["well"] * 70 + list("abcdefghijklmnop")]
    for layer in (0, 1, 2):
        first, second, third = embed(plain, sentences, layer)
        apart = [np.abs(first[1] - second[1]).max(), np.abs(first[1] - third[0]).max()]
        assert max(apart) == 0 if layer == 0 else min(apart) > 1e-3
    for layer in (-1, 3, "3", "last", ""):
        with pytest.raises(InputError, match=f"layer '{layer}'.*choose one of 0, 1, 2, all, mean"):
            embed(plain, SENTENCES, layer)  # at once
    network = make_network(vocabulary, hidden={"forward": [4, 7], "backward": [9, 2]})
    uneven = make_tagger(network, vocabulary, precision="float32")
    with pytest.raises(InputError, match=r"different widths \(13, 9\); choose one of 0, 1, 2, all$"):
        embed(uneven, SENTENCES, "mean")
    assert [vectors.shape[1] for vectors in embed(uneven, [["They"]], "all")] == [22]


@pytest.mark.parametrize("layer", [0, "all"])
@pytest.mark.usefixtures("small_windows")
def test_vectors_come_in_order_and_depend_on_nothing_else(vocabulary: Vocabulary, layer: int | str) -> None:
    plain = make_tagger(make_network(vocabulary), vocabulary, precision="float32")
    forms = [form for sentence in TOKENS for form in sentence]
    sentences = [[forms[(i * i + 3 * k) % len(forms)] for k in range((7 * i) % 13)] for i in range(60)]
    together = list(embed(plain, iter(sentences), layer))
    assert [len(vectors) for vectors in together] == [len(sentence) for sentence in sentences]
    for sentence, vectors in zip(sentences, together, strict=True):
        (alone,) = embed(plain, [sentence], layer)
        assert alone.shape == vectors.shape
        assert np.abs(alone - vectors).max(initial=0) < 1e-6
    assert len({vectors.tobytes() for vectors in together}) > 20


@pytest.mark.parametrize("sizes", [{}, {"words": 0, "affixes": 0, "chars": 0}])
def test_a_tagger_with_a_transformer(vocabulary: Vocabulary, bert: Path, sizes: dict[str, int]) -> None:
    from tests.pretrained.encoders import load

    _, tokenizer, transformer = load(bert)
    network = make_network(vocabulary, seed=4, transformer=transformer, **sizes)
    tagger = make_tagger(network, vocabulary, tokenizer, precision="float32")
    batch = collate(SENTENCES, make_table(vocabulary, tokenizer))
    with torch.inference_mode():
        h = network.encode(network.embed(batch), batch.lengths)  # (T, B, S)
    expected = np.concatenate([h[: len(sentence), i].numpy() for i, sentence in enumerate(SENTENCES)])
    assert np.abs(np.concatenate(list(embed(tagger, SENTENCES))) - expected).max() < 1e-5
    if sizes:
        assert layers(tagger) == ["1", "2", "all", "mean"]
        with pytest.raises(InputError, match="layer '0'"):
            embed(tagger, SENTENCES, 0)
    else:
        (vectors,) = embed(tagger, [["They", "book", "They"]], 0)
        assert vectors.shape[1] == network.embedding.width
        assert np.array_equal(vectors[0], vectors[2])


@pytest.mark.parametrize("layer", ["0", "all"])
def test_the_file_holds_what_embed_gives(trained: Path, layer: str) -> None:
    Path("a.txt").write_text("They book flights. The book reads well.\n\nWell\n", encoding="utf-8")
    Path("b.lines").write_text("They book\n\nx\u00a0y \N{GRINNING FACE}\n", encoding="utf-8")
    options = ["-o", "new/x.npz", "--model", str(trained), "--device", "cpu", "--layer", layer]
    result = call("embed", "a.txt", "b.lines", *options)
    assert result.stderr.splitlines()[-1].startswith("new/x.npz: 14 words, ")
    sentences = [["They", "book", "flights", "."], ["The", "book", "reads", "well", "."], ["Well"]]
    sentences += [["They", "book"], [], ["x\u00a0y", "\N{GRINNING FACE}"]]
    loaded = tagger.load(trained, device="cpu", precision="float32")
    expected = np.concatenate(list(embed(loaded, sentences, layer)))
    arrays = np.load("new/x.npz")  # without allow_pickle
    assert set(arrays) == {"vectors", "words", "sentences", "positions", "files"}
    assert arrays["vectors"].dtype == np.float32
    assert np.abs(arrays["vectors"] - expected).max() < 1e-6
    assert arrays["words"].tolist() == [form for sentence in sentences for form in sentence]
    assert arrays["sentences"].tolist() == [0] * 4 + [1] * 5 + [2] + [0] * 2 + [2] * 2  # the empty line counts
    assert arrays["positions"].tolist() == [i for sentence in sentences for i in range(len(sentence))]
    assert arrays["files"].tolist() == ["a.txt"] * 10 + ["b.lines"] * 4


def shares(tagger: Tagger, tokens: list[str], i: int, column: str = "upos") -> dict[str, float]:
    """The probabilities of all tags of one word, best first, by the way that `tag --top` goes."""
    (tagged,) = tagger.stream([Sentence(tokens)], top=len(tagger.vocabulary.tags[column]), columns=[column])
    return dict(tagged.alternatives[column][i])


def assert_context(context: Context, expected: dict[str, float], tag: str) -> None:
    best = next(iter(expected))
    assert context.best_tag == best
    assert (context.probability, context.best_probability) == pytest.approx((expected[tag], expected[best]), abs=1e-5)


@pytest.mark.parametrize("column", ["upos", "xpos"])
def test_every_number_is_that_of_tagging_the_part_directly(both_ways: Tagger, column: str) -> None:
    (explanation,) = explain(both_ways, [WORDS], column)
    assert (explanation.tokens, explanation.column) == (WORDS, column)
    assert [word.word for word in explanation.words] == WORDS
    assert [word.tag for word in explanation.words] == both_ways.tag(WORDS, column)
    for i, word in enumerate(explanation.words):
        whole = shares(both_ways, WORDS, i, column)
        assert word.probability == pytest.approx(whole[word.tag], abs=1e-5)
        assert_context(word.left, shares(both_ways, WORDS[: i + 1], i, column), word.tag)
        assert_context(word.right, shares(both_ways, WORDS[i:], 0, column), word.tag)
        assert_context(word.alone, shares(both_ways, WORDS[i : i + 1], 0, column), word.tag)
        changes = {
            j: whole[word.tag] - shares(both_ways, WORDS[:j] + WORDS[j + 1 :], i - (j < i), column)[word.tag]
            for j in range(len(WORDS))
            if j != i
        }
        assert len(word.decided_by) == min(3, sum(abs(change) >= MIN_SUPPORT for change in changes.values()))
        for support, size in zip(word.decided_by, sorted(map(abs, changes.values()), reverse=True), strict=False):
            assert support.word == WORDS[support.position]
            assert support.support == pytest.approx(changes[support.position], abs=1e-5)
            assert abs(support.support) == pytest.approx(size, abs=1e-5)
    supports = [support.support for word in explanation.words for support in word.decided_by]
    assert min(supports) < 0 < max(supports)
    assert any(word.left.best_tag != word.tag for word in explanation.words)


def test_explanations_of_one_direction_one_tag_and_sentences(vocabulary: Vocabulary, both_ways: Tagger) -> None:
    words = explain(untrained(vocabulary, forward=16, backward=0), [WORDS])[0].words
    for i, word in enumerate(words):
        assert word.left.probability == pytest.approx(word.probability, abs=1e-5)
        assert word.left.best_tag == word.tag
        assert word.right.probability == pytest.approx(word.alone.probability, abs=1e-5)
        assert all(support.position < i for support in word.decided_by)
    assert any(word.decided_by for word in words)
    one = Vocabulary(words={"book": 2}, characters=list("bok"), tags={"upos": ["X"]}, forms=["book"])
    (explanation,) = explain(untrained(one, forward=4, backward=4), [["book", "it"]])
    assert [(word.tag, word.probability, word.decided_by) for word in explanation.words] == [("X", 1, [])] * 2
    found = explain(both_ways, [WORDS, [], ["Well"]])
    assert found == [*explain(both_ways, [WORDS]), *explain(both_ways, [["Well"]])]
    (only,) = explain(both_ways, [["book"]])[0].words
    assert only.left == only.right == only.alone == Context(only.probability, only.tag, only.probability)
    assert only.decided_by == []
    assert len(explain(both_ways, [["a"] * MAX_WORDS])[0].words) == MAX_WORDS
    with pytest.raises(InputError, match=f"sentence 2 has {MAX_WORDS + 1} words.*at most {MAX_WORDS}"):
        explain(both_ways, [WORDS, ["a"] * (MAX_WORDS + 1)])


def test_the_command_of_explanations(trained: Path) -> None:
    options = ["--model", str(trained), "--device", "cpu"]
    text = "They book flights. The book reads well."
    table = call("explain", text, *options).stdout
    assert "\x1b" not in table
    rows = [line.split()[:2] for line in table.splitlines() if re.match("They|book", line)]
    assert rows == [["They", "PRON"], ["book", "VERB"], ["book", "NOUN"]]
    assert call("explain", "-", *options, "--encoding", "utf-16", input=text.encode("utf-16")).stdout == table
    found = json.loads(call("explain", text, *options, "--json", "--column", "xpos").stdout)
    assert [sentence["tokens"][-1] for sentence in found] == [".", "."]
    book = found[1]["words"][1]
    assert (book["word"], book["tag"], found[1]["column"]) == ("book", "NN", "xpos")
    assert set(book["left"]) == {"probability", "best_tag", "best_probability"}
    assert {key for support in book["decided_by"] for key in support} <= {"word", "position", "support"}
    split = json.loads(call("explain", "They book. <b>\u00a0x\nWell", *options, "--tokens", "--json").stdout)
    assert [sentence["tokens"] for sentence in split] == [["They", "book.", "<b> x"], ["Well"]]


def test_the_language_of_the_text_names_the_tagger_and_one_of_words_with_spaces_takes_tokens(tmp_path: Path) -> None:
    for arguments in (["Hast du Hunger?"], ["Tack", "--language", "de"]):
        assert "trained on UD_German" in call("explain", *arguments).stderr
    spaced = Vocabulary(words={}, characters=list("hopla"), tags={"upos": ["A", "B"]}, forms=["hợp tác xã", "là"])
    model = save_tiny(tmp_path / "spaced", make_network(spaced), spaced)
    result = call("explain", "là. hợp\u00a0tác\u00a0xã", "--model", str(model), "--json")
    assert json.loads(result.stdout)[0]["tokens"] == ["là.", "hợp tác xã"]
    assert "takes tokens" in result.stderr


@pytest.mark.usefixtures("small_windows")
def test_mistakes_leave_nothing(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.extras.analysis.vectors.MAX_NPZ_BYTES", 20_000)
    Path("a.txt").write_text(TEXT, encoding="utf-8")
    Path("few.txt").write_text("They book flights.")
    Path("empty.txt").write_text(" \n\n")
    Path("bytes.txt").write_bytes(b"caf\xe9")
    Path("long.lines").write_text("a " * 20 + "x" * 1000)  # a long word makes all of them wide
    before = sorted(tmp_path.iterdir())
    for line, message in (
        ("senses zebra a.txt", "'zebra' occurs 0 times as a word in the files"),
        ("senses book a.txt bytes.txt", "bytes.txt, line 1"),
        ("senses book a.txt --layer 9", "0, 1, 2, all, mean"),
        ("embed a.txt -o x.parquet", "x.parquet: name a file that ends in .npz"),
        ("embed a.txt -o x.npz --layer 3", "0, 1, 2, all, mean"),
        ("embed empty.txt -o x.npz", "no words in the files"),
        ("embed few.txt bytes.txt -o x.npz", "bytes.txt, line 1"),
        ("embed long.lines -o x.npz", "GB; name fewer FILEs"),
        *((f"explain '{text}'", "no words") for text in ("", "\n\n")),
        ("explain 'They book' --column lemma", "upos, xpos"),
        (f"explain '{'book ' * (MAX_WORDS + 1)}'", f"{MAX_WORDS + 1} words"),
    ):
        said = error(*shlex.split(line), "--model", str(trained))
        assert said.startswith("error: ")
        assert message in said
        assert sorted(tmp_path.iterdir()) == before


def test_a_file_that_is_read_is_never_replaced(two_files: Path, model: Path) -> None:
    check_replaces_nothing(two_files, "-o", f"embed in.conllu --model {model}")
