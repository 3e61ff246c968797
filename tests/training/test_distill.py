"""A student learns what its teacher says: of words that have gold tags, and of text that has none."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import pytorch_lightning as pl
from datasets import Dataset, DatasetDict

import tagger
from tagger.corpus.splits import CORPUS as CORPUS_COLUMN
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import Engine
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.training import launch
from tagger.training import teacher as module
from tagger.training.config import DistillConfig
from tagger.training.data import Reading, TaggerDataModule
from tagger.training.teacher import Teacher, UntaggedText
from tagger.training.trainer import EpochRecorder
from tests.conftest import CORPUS, TOKENS, make_network, save_tiny
from tests.training.conftest import TINY, weights
from tests.training.test_module import make_module, make_trainer

COLUMNS = ["upos", "xpos"]


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(module, "load", load_on_cpu)


def load_on_cpu(folder: Path, corpus: str | None = None) -> tagger.Tagger:
    return load(folder, "cpu", "float32", corpus=corpus)


def settings(**values: Any) -> DistillConfig:
    return DistillConfig(**{"teacher": "teacher", "corpus": None, "text": None, **values})


def read(folder: Path, columns: tuple[str, ...] = ("upos",), **values: Any) -> UntaggedText:
    """Text that the segmenter of a tagger cuts."""
    text = Teacher(settings(teacher=str(folder), **values), columns).text
    assert text is not None
    return text


# The text


def test_text_is_cut_by_the_teachers_segmenter(learned: Path, tmp_path: Path) -> None:
    paragraphs = ["The book reads well. It was 3,14 viet nam", "They book flights. The book well"]
    (tmp_path / "b.txt").write_text("\n\n".join(paragraphs))
    text = read(learned, text=str(tmp_path / "*.txt"))
    expected = [sentence.tokens for sentence in load_on_cpu(learned).annotate("\n\n".join(paragraphs))]
    assert text.sentences["tokens"] == expected
    assert expected != [paragraph.split() for paragraph in paragraphs]
    assert text.words == text.counts.total() == sum(map(len, expected))
    assert [set(tags) for tags in text.sentences["upos"]] == [{"_"}] * len(expected)
    assert text.name == "b.txt"


def test_text_that_cannot_be_used(trained: Path, tmp_path: Path) -> None:
    def fails(content: bytes, message: str, name: str = "a.txt", folder: Path = trained) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read(folder, text=str(tmp_path / name))

    with pytest.raises(InputError, match=r"^distill\.text=nothing\.txt: no such file"):
        read(trained, text="nothing.txt")
    fails(b" \n\n", r"^a\.txt: no words in it to learn from; give distill\.text more$")
    fails(b"", r"^a\.conllu: no words in it to learn from", "a.conllu")
    fails(b"caf\xe9\n", r"a\.txt, line 1: byte 0xe9 is not utf-8; save it as UTF-8$")
    spaced = Vocabulary.build([{"tokens": ["New York", "is"], "upos": ["PROPN", "VERB"]}], ["upos"], min_count=1)
    folder = save_tiny(tmp_path / "spaced", make_network(spaced), spaced)
    fails(b"New York is.", r"^this tagger learned words with spaces inside", folder=folder)
    (tmp_path / "a.tokens").write_text("New York\nis\n")
    assert read(folder, text=str(tmp_path / "a.tokens")).sentences["tokens"] == [["New York", "is"]]


# The student

OTHERS = [  # gold sentences without a word of the text, but with all of its tags
    {"tokens": [f"x{i}{tag}" for i, tag in enumerate(s["upos"])], "upos": s["upos"], "xpos": s["xpos"]} for s in CORPUS
]


def test_a_student_learns_what_the_teacher_says_where_there_is_no_gold(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "text.lines").write_text("\n".join(map(" ".join, TOKENS)))
    teacher = Teacher(settings(teacher=str(trained), text=str(tmp_path / "text.lines")), COLUMNS)
    gold = Dataset.from_list([*OTHERS, *OTHERS])
    vocabulary = Vocabulary.build(OTHERS, COLUMNS, min_count=1)
    assert teacher.text is not None
    vocabulary = vocabulary.with_text(teacher.text.counts, 1)
    targets = teacher.teach(gold, vocabulary, tmp_path / "shards")
    assert (len(targets.sentences), targets.text_sentences) == (9, 3)
    splits = DatasetDict(train=gold, dev=gold)
    student = make_module(vocabulary, lr=0.03)
    data = TaggerDataModule(splits, student, Reading(20, word_dropout=0.0), targets=targets)
    trainer = make_trainer(max_epochs=15, limit_val_batches=0, reload_dataloaders_every_n_epochs=1)
    trainer.fit(student, data)
    loaded = Tagger(student.trained(), TaggerOptions("cpu"))
    for column in COLUMNS:
        assert loaded.tag_sentences(TOKENS, column) == [sentence[column] for sentence in CORPUS]


def test_text_beside_several_corpora_is_of_none(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "text.lines").write_text("They book\n" * 8)
    teacher = Teacher(settings(teacher=str(trained), text=str(tmp_path / "text.lines")), COLUMNS)
    corpus = Dataset.from_list(CORPUS).add_column(CORPUS_COLUMN, ["A", "B", "A"])
    vocabulary = replace(Vocabulary.build(CORPUS, COLUMNS, min_count=1), corpora=["A", "B"])
    targets = teacher.teach(corpus, vocabulary, tmp_path / "shards")
    assert targets.sentences[CORPUS_COLUMN] == ["A", "B", "A"] + [""] * 8
    assert targets.text_sentences == 8


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

    def interrupt(_: EpochRecorder, trainer: pl.Trainer, *__: object) -> None:
        if trainer.current_epoch == 1 and trainer.global_step % 5 == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_batch_end", interrupt)
        with pytest.raises(KeyboardInterrupt, match="go on with: python -m tagger resume half"):
            launch.train([*arguments, "hydra.run.dir=half"])
    Path("a.txt").write_text("Nobody has any idea of these novel words.\n" * 30)
    with pytest.raises(InputError, match="the corpus or the text has changed since the run began; start the run again"):
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
