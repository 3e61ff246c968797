"""What a teacher says is computed once, goes on after an interruption, and is what a student learns."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict
from torch import Tensor

from tagger.corpus.splits import CORPUS as CORPUS_COLUMN
from tagger.errors import InputError
from tagger.evaluation.calibration import fit_temperatures
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import Engine
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.sentence import Sentence
from tagger.training import launch
from tagger.training import teacher as module
from tagger.training.config import DistillConfig
from tagger.training.data import BatchOptions, TaggerDataModule
from tagger.training.teacher import Teacher, TeacherTargets, UntaggedText, teacher_loss
from tagger.words.reading import Reading
from tests.conftest import CORPUS, TOKENS, make_network, save_tiny
from tests.training.conftest import TINY, interruption, weights
from tests.training.test_module import make_module, make_trainer

SENTENCES = [*TOKENS, ["They", "read", "well"], ["Flights"], ["The", "flights", "reads", "."]]  # 18 tokens
COLUMNS = ["upos", "xpos"]


def load_on_cpu(folder: Path, corpus: str | None = None) -> Tagger:
    return load(folder, "cpu", "float32", corpus=corpus)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a teacher's files, each of two or three sentences."""
    monkeypatch.setattr(module, "SHARD_TOKENS", 5)
    monkeypatch.setattr(module, "load", load_on_cpu)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "shards"


def make_teacher(folder: Path, *columns: str, text: Path | str | None = None) -> Teacher:
    return Teacher(DistillConfig(str(folder), None, text and str(text)), columns or COLUMNS)


def read(folder: Path, text: Path | str) -> UntaggedText:
    """Text that the segmenter of a tagger cuts."""
    return make_teacher(folder, "upos", text=text).text


def ask(teacher: Teacher, vocabulary: Vocabulary, folder: Path, top: int = 3) -> dict[str, Any]:
    """What the teacher says of sentences."""
    return teacher.targets(Dataset.from_dict({"tokens": SENTENCES}), top, vocabulary, folder).batch(range(6))


def test_it_is_what_the_teacher_finds_probable(trained: Path, vocabulary: Vocabulary, cache: Path) -> None:
    student = Vocabulary(vocabulary.words, [], {c: vocabulary.tags[c][::-1] for c in reversed(COLUMNS)}, [])
    found = ask(make_teacher(trained), student, cache)
    loaded = load_on_cpu(trained)
    for place, sentence in enumerate(SENTENCES):
        for column in COLUMNS:
            tags = student.tags[column]
            shown = loaded.annotate(sentence, top=len(tags))[0].alternatives[column]
            said = found[column][: len(sentence), place].swapaxes(1, 2)
            for (ids, shares), alternatives in zip(said, shown, strict=True):
                named = [tags[int(i)] for i in ids]
                assert shares.tolist() == pytest.approx([dict(alternatives)[tag] for tag in named], abs=1e-3)
                assert named[0] == alternatives[0][0]  # what fits the other column
                assert len({*named}) == 3
                assert {*named[1:]} <= {tag for tag, _ in sorted(alternatives, key=lambda each: -each[1])[:3]}
    loaded, teacher = load_on_cpu(trained), make_teacher(trained)
    sentences = [[form.upper() for form in tokens] for tokens in TOKENS * 20]
    tags = loaded.tag_sentences(sentences)
    said = teacher.targets(Dataset.from_dict({"tokens": sentences}), 3, vocabulary, cache).batch(range(len(sentences)))
    best = said["upos"][..., 0, 0].T.astype(int).tolist()
    assert [[vocabulary.tags["upos"][i] for i in ids[: len(t)]] for ids, t in zip(best, tags, strict=True)] == tags
    gold = [Sentence(forms, {"upos": own}) for forms, own in zip(sentences, tags, strict=True)]
    assert fit_temperatures(loaded, gold)["upos"] < 1  # all of them are right


def test_it_goes_on_after_an_interruption(
    trained: Path, vocabulary: Vocabulary, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag, calls, stop = Engine.tag, list[int](), ["Flights"]

    def counted(self: Engine, reading: Reading, *rest: Any) -> Any:
        if stop in reading.sentences:
            raise KeyboardInterrupt
        calls.append(len(reading.sentences))
        return tag(self, reading, *rest)

    monkeypatch.setattr(Engine, "tag", counted)
    with pytest.raises(KeyboardInterrupt):
        ask(make_teacher(trained), vocabulary, cache)
    stop.clear()
    assert len([*cache.iterdir()]) == len(calls) == 1  # nothing unfinished is left
    found = ask(make_teacher(trained), vocabulary, cache)
    assert calls == [2, 3, 1]
    (file, *_) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    np.testing.assert_equal(ask(make_teacher(trained), vocabulary, cache), found)
    assert len(calls) == 4
    other = save_tiny(cache.parent / "other", make_network(vocabulary, seed=2), vocabulary)
    assert not np.array_equal(ask(make_teacher(other), vocabulary, cache)["upos"], found["upos"])


def test_scripts_that_a_word_cannot_have_are_improbable(tmp_path: Path) -> None:
    corpus = [{"tokens": ["Books", "ran", "book"], "lemma": ["book", "run", "book"]}]
    known = Vocabulary.build(corpus, ["lemma"], min_count=1)
    save_tiny(tmp_path / "lemmas", make_network(known), known)
    sentences = Dataset.from_dict({"tokens": [["Books", "ran"]]})
    said = make_teacher(tmp_path / "lemmas", "lemma").targets(sentences, 8, known, tmp_path / "shards")
    values = said.batch([0])["lemma"][:, 0]
    scripts = known.codecs["lemma"].learned(["Books", "ran"], ["book", "run"])
    assert [known.tags["lemma"][int(i)] for i in values[:, 0, 0]] == scripts
    assert values[:, 0, 1].tolist() == [1, 1]  # each is a form of training, with one script
    assert not values[:, 1:, 1].any()


def test_a_teacher_that_does_not_fit(trained: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"distill\.teacher=nobody: no such tagger; python -m tagger models lists"):
        make_teacher(Path("nobody"))
    with pytest.raises(InputError, match=r"it has no column feats or lemma, only upos, xpos; choose columns="):
        make_teacher(trained, "feats", "lemma")
    other = Vocabulary({}, [], {"upos": vocabulary.tags["upos"], "xpos": ["NOUN"]}, [])
    with pytest.raises(InputError, match=r"it knows no tag that the corpus has in xpos; choose a teacher"):
        ask(make_teacher(trained), other, tmp_path / "shards")
    no_tags = Vocabulary.build([{"tokens": ["a"]}], [], min_count=1)
    untagged = save_tiny(tmp_path / "words", make_network(no_tags), no_tags)
    with pytest.raises(InputError, match="words has no tags"):
        make_teacher(untagged, "upos")


# What is learned of a batch, from the arrays of several files.

SAID_OF = Dataset.from_dict({"tokens": [["x"] * length for length in (3, 1, 2, 4)]})
IDS = np.arange(20, dtype=np.uint16).reshape(10, 2) % 7  # of 10 tokens, 2 tags of each
SHARES = np.linspace(0.3, 0.5, 20, dtype=np.float16).reshape(10, 2)  # what is not kept has a rest that is possible


def shard(*columns: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The ids and the probabilities of columns, as a file has them."""
    ids, shares = (np.concatenate(arrays, axis=1) for arrays in zip(*columns, strict=True))
    return np.stack([ids, shares.view(np.uint16)], axis=1)


def one_column(ids: np.ndarray, shares: np.ndarray, tags: int) -> np.ndarray:
    """What the student learns of a sentence with one column."""
    shares = shares.astype(np.float16)
    one = Dataset.from_dict({"tokens": [["x"] * len(ids)]})
    targets = TeacherTargets(one, 0, [shard((ids, shares))], {"upos": ids.shape[1]}, {"upos": np.arange(tags)})
    return targets.batch([0])["upos"][:, 0, :, 1]


def make_targets(translation: np.ndarray) -> TeacherTargets:
    """Those of two columns in two files, of which the first has 4 tokens; a column has one tag of each token."""
    parts = (slice(0, 4), slice(4, None))
    shards = [shard((IDS[part], SHARES[part]), (IDS[part, :1], SHARES[part, :1])) for part in parts]
    return TeacherTargets(SAID_OF, 0, shards, {"upos": 2, "xpos": 1}, {"upos": translation, "xpos": np.arange(7)})


def test_sentences_of_several_files_and_tags_with_the_students_ids() -> None:
    targets = make_targets(np.arange(7))
    batch = targets.batch(np.array([3, 0, 2]))
    assert {column: values.shape for column, values in batch.items()} == {"upos": (4, 3, 2, 2), "xpos": (4, 3, 1, 2)}
    for place, (start, length) in enumerate([(6, 4), (0, 3), (4, 2)]):
        for column, k in (("upos", 2), ("xpos", 1)):
            values = batch[column][:, place]
            assert np.array_equal(values[:length, :, 0], IDS[start : start + length, :k])
            assert np.array_equal(values[:length, :, 1], SHARES[start : start + length, :k])
            assert not values[length:].any()
    batch = make_targets(np.array([5, 0, -1, 1, 2, 3, -1])).batch([1, 3])["upos"]
    assert IDS[[3, 6]].tolist() == [[6, 0], [5, 6]]
    assert batch[0, :, :, 0].tolist() == [[-1, 5], [3, -1]]
    assert batch[0, 0, 0, 1] == batch[0, 1, 1, 1] == 0
    assert batch[0, 0, 1, 1] == SHARES[3, 1]
    exact = np.array([[0.9997, 0.00012, 0.00005], [0.6, 0.2, 0.1], [0.00001, 0.99969, 0.0001]])
    ids = np.zeros((3, 3), dtype=np.uint16)
    shares = one_column(ids, exact, 6)
    rest = 1 - shares.sum(axis=1)
    assert float(exact.astype(np.float16)[0, 0]) < 0.9996  # here the rest would be 0.0003 in the place of 0.00013
    assert rest[0] <= 3 * 0.00005 + 1e-6
    assert abs(rest[1] - 0.1) < 1e-3  # where there is a rest it stays
    assert rest[2] <= 3 * 0.0001 + 1e-6
    assert np.allclose(one_column(ids, exact, 3)[0].sum(), 1, atol=1e-6)  # no other tag can have a rest
    assert np.array_equal(one_column(ids[:, :1], exact[:, :1], 6)[:, 0], exact[:, 0].astype(np.float16))


TAGS = 6


def by_formula(scores: Tensor, pairs: list[tuple[int, float]]) -> float:
    """The loss of a token, number by number."""
    own = scores.detach().double().softmax(-1).tolist()
    student = [own[tag] for tag, _ in pairs] + [sum(p for tag, p in enumerate(own) if tag not in dict(pairs))]
    teacher = [share for _, share in pairs] + [max(0, 1 - sum(share for _, share in pairs))]
    return -sum(a / sum(teacher) * math.log(b) for a, b in zip(teacher, student, strict=True) if a * b)


def test_a_few_tags_and_the_rest() -> None:
    named = list(enumerate([0.4, 0.3, 0.1, 0.1, 0.05, 0.049]))
    for pairs, counted in (
        ([(4, 0.5), (0, 0.25), (2, 0.125)], None),
        ([(1, 0.75), (5, 0.125), (3, 0.0)], None),
        ([(0, 1.0), (1, 0.0)], None),  # the named tags have all
        ([(2, 0.5), (3, 0.501)], None),  # more than all, by rounding
        (named, [(tag, share / 0.999) for tag, share in named]),  # every tag is named: rounding leaves no rest
        ([(3, 0.5), (-1, 0.0), (1, 0.25), (-1, 0.0)], [(3, 0.5), (1, 0.25)]),  # what the student lacks is of the rest
        ([(-1, 0.0), (-1, 0.0)], []),
        ([*((tag, 0.0) for tag in range(TAGS)), (-1, 0.0)], []),  # the student has no other tag
    ):
        torch.manual_seed(4)
        scores = (3 * torch.randn(2, TAGS)).requires_grad_()
        losses = teacher_loss(scores, torch.tensor([pairs, pairs], dtype=torch.float32))
        expected = [by_formula(row, pairs if counted is None else counted) for row in scores]
        assert losses.tolist() == pytest.approx(expected, rel=1e-5, abs=1e-5)
        losses.sum().backward()
        assert scores.grad.isfinite().all()


# The text


def test_text_is_cut_by_the_teachers_segmenter_or_cannot_be_used(learned: Path, tmp_path: Path, trained: Path) -> None:
    paragraphs = ["The book reads well. It was 3,14 viet nam", "They book flights. The book well"]
    (tmp_path / "b.txt").write_text("\n\n".join(paragraphs))
    text = read(learned, tmp_path / "*.txt")
    expected = [sentence.tokens for sentence in load_on_cpu(learned).annotate("\n\n".join(paragraphs))]
    assert text.sentences["tokens"] == expected
    assert expected != [paragraph.split() for paragraph in paragraphs]
    assert text.words == text.counts.total() == sum(map(len, expected))
    assert [set(tags) for tags in text.sentences["upos"]] == [{"_"}] * len(expected)
    assert text.name == "b.txt"

    def fails(content: bytes, message: str, name: str = "a.txt", folder: Path = trained) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read(folder, tmp_path / name)

    with pytest.raises(InputError, match=r"^distill\.text=nothing\.txt: no such file"):
        read(trained, "nothing.txt")
    fails(b" \n\n", r"^a\.txt: no words in it to learn from; give distill\.text more$")
    fails(b"", r"^a\.conllu: no words in it to learn from", "a.conllu")
    fails(b"caf\xe9\n", r"a\.txt, line 1: byte 0xe9 is not utf-8; save it as UTF-8$")
    spaced = Vocabulary.build([{"tokens": ["New York", "is"], "upos": ["PROPN", "VERB"]}], ["upos"], min_count=1)
    folder = save_tiny(tmp_path / "spaced", make_network(spaced), spaced)
    fails(b"New York is.", r"^this tagger learned words with spaces inside", folder=folder)
    (tmp_path / "a.tokens").write_text("New York\nis\n")
    assert read(folder, tmp_path / "a.tokens").sentences["tokens"] == [["New York", "is"]]


# The student


def test_a_student_learns_what_the_teacher_says_where_there_is_no_gold(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "text.lines").write_text("\n".join(map(" ".join, TOKENS)))
    teacher = make_teacher(trained, text=tmp_path / "text.lines")
    # gold sentences without a word of the text, but with all of its tags
    others = [s | {"tokens": [f"x{i}{tag}" for i, tag in enumerate(s["upos"])]} for s in CORPUS]
    gold = Dataset.from_list([*others, *others])
    vocabulary = Vocabulary.build(others, COLUMNS, min_count=1).with_text(teacher.text.counts, 1)
    targets = teacher.teach(gold, vocabulary, tmp_path / "shards")
    assert (len(targets.sentences), targets.text_sentences) == (9, 3)
    corpora = gold.add_column(CORPUS_COLUMN, [*"AB"] * 3)  # beside several the text is of none
    mixed = teacher.teach(corpora, replace(vocabulary, corpora=["A", "B"]), tmp_path / "shards")
    assert mixed.sentences[CORPUS_COLUMN] == [*"ABABAB", "", "", ""]
    splits = DatasetDict(train=gold, dev=gold)
    student = make_module(vocabulary, lr=0.03)
    data = TaggerDataModule(splits, student.table, BatchOptions(20, word_dropout=0.0), targets=targets)
    trainer = make_trainer(max_epochs=15, limit_val_batches=0, reload_dataloaders_every_n_epochs=1)
    trainer.fit(student, data)
    loaded = Tagger(student.trained(), TaggerOptions("cpu"))
    for column in COLUMNS:
        assert loaded.tag_sentences(TOKENS, column) == [sentence[column] for sentence in CORPUS]


@pytest.mark.slow
def test_a_run_with_a_teacher_is_interrupted_and_resumed(
    treebank: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "They book flights. The president was in Iraq.\n" * 30
    Path("a.txt").write_text(text)
    arguments = ["corpus=conllu", f"corpus.path={treebank}", *TINY, "trainer.max_epochs=2", "model.members=2"]
    arguments += [f"distill.teacher={finished}", "distill.text=a*.txt", "test=false"]
    said: list[int] = []
    tag = Engine.tag

    def counted(self: Engine, sentences: Any, request: Any, *rest: Any, **more: Any) -> Any:
        said.append(request.top)
        return tag(self, sentences, request, *rest, **more)

    monkeypatch.setattr(Engine, "tag", counted)
    assert launch.train([*arguments, "hydra.run.dir=whole"]) == 0
    assert 8 in said  # the teacher is asked for its best eight tags
    said.clear()
    with interruption(1, monkeypatch), pytest.raises(KeyboardInterrupt, match="python -m tagger resume half"):
        launch.train([*arguments, "hydra.run.dir=half"])
    Path("a.txt").write_text("Nobody has any idea of these novel words.\n" * 30)
    with pytest.raises(InputError, match="the text or the config has changed since the run began; start the run again"):
        launch.resume("half")
    Path("a.txt").write_text(text)
    said.clear()
    assert launch.resume("half") == 0
    assert 8 not in said  # what it has said was kept
    assert not Path("half/shards").exists()
    assert weights(tmp_path / "half") == weights(tmp_path / "whole")
    report, saved = (json.loads(Path("half", name).read_text()) for name in ("report.json", "tagger/config.json"))
    assert saved["teacher"] == report["teacher"]
    assert report["teacher"]["text"] == {"name": "a.txt", "words": 300}
    assert report["teacher"]["scores"].keys() == {"dev", "test"}
