"""Files are tagged as one by one, whatever the windows, whoever does them, and whatever is wrong with others."""

import json
import os
import pickle
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger.jobs import bulk
from tagger.jobs.bulk import JobOptions, Step, tag_files
from tagger.jobs.plan import Job, plan_jobs
from tagger.model.vocabulary import Vocabulary
from tagger.tagging import workers
from tagger.tagging.tagger import Tagger
from tagger.tagging.workers import WorkersDied
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.formats import format_of
from tests.conftest import make_network, save_tiny

SENTENCES = ["They book flights.", "The dog runs fast.", "Yes"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_TOKENS", 30)
    monkeypatch.setattr(bulk, "FIRST_WINDOW", 10)
    monkeypatch.setattr(bulk, "FIRST_BATCH", 10)
    monkeypatch.setattr(bulk, "WINDOW_TOKENS", 40)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Files of 0 to 19 paragraphs, in two formats."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for i in range(20):
        suffix, end = (".txt", "\n\n") if i % 2 else (".lines", "\n")
        (folder / f"{i:02}{suffix}").write_text("".join(f"{SENTENCES[(i + j) % 3]}{end}" for j in range(i)))
    return folder


def run(tagger: Tagger, texts: Path, output: str | None = None) -> list[Step]:
    jobs = plan_jobs([str(texts)], str(texts.parent / "to"), None, output).jobs
    return list(tag_files(tagger, jobs, JobOptions(top=2, force=True)))


@pytest.mark.parametrize("count", [1, 2])
def test_new_sentences_are_numbered_in_each_file(trained: Path, texts: Path, count: int) -> None:
    given = "".join(f"# sent_id = s{i}\n1\tYes" + "\t_" * 8 + "\n\n" for i in range(30))
    (texts / "30.conllu").write_text(given)
    tagging = tagger.load(trained, "cpu", "float32", workers=count)
    run(tagging, texts, "conllu")
    tagging.close()
    made = sorted((texts.parent / "to").glob("*.conllu"))
    assert len(made) == 21
    for path in made:
        names = [sentence.name for sentence in read_conllu(read_lines(str(path)), "x")]
        assert names == [f"s{i}" if path.stem == "30" else str(i + 1) for i in range(int(path.stem))]


def outputs(tagging: Tagger, files: list[Path], to: Path, output: str = "tsv", **options: Any) -> dict[str, bytes]:
    targets = {path: to / f"{path.stem}.{output}" for path in files}
    jobs = [Job(str(path), format_of(path.name), str(target), output) for path, target in targets.items()]
    list(tag_files(tagging, jobs, JobOptions(force=True, **options)))
    return {path.stem: target.read_bytes() for path, target in targets.items()}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_outputs_follow_from_their_files(vocabulary: Vocabulary, tmp_path: Path, precision: str) -> None:
    """The network has so many weights that processors use their instructions for matrices."""
    sizes = {"hidden": {"forward": 48, "backward": 40}, "words": 40, "chars": 24}
    untrained = save_tiny(tmp_path / "tagger", make_network(vocabulary, seed=4, **sizes), vocabulary)
    words = [f"{word}{i}" for i in range(40) for word in ("They", "book", "flights", "extraordinarily", "x")]
    many = [tmp_path / f"{i:02}.lines" for i in range(8)]
    for i, file in enumerate(many):
        sentences = [" ".join(words[(7 * i + 11 * j) % 150 :][: 1 + (i + 5 * j) % 30]) for j in range(1 + i * i)]
        file.write_text("".join(f"{sentence}\n" for sentence in sentences))
    tagged = partial(outputs, to=tmp_path, top=2, probabilities=True)
    alone = {}
    for path in many:
        alone |= tagged(tagger.load(untrained, "cpu", precision), [path])
    assert len(set(alone.values())) == len(many)
    one = tagger.load(untrained, "cpu", precision)
    for files in (many, many[::-1], many[5::2]):  # the cache knows more and more forms
        assert tagged(one, files) == {path.stem: alone[path.stem] for path in files}
    for count in (2, 4) if precision == "float32" else (2,):
        several = tagger.load(untrained, "cpu", precision, workers=count)
        assert tagged(several, many) == alone
        assert tagged(several, many[6:]) == {path.stem: alone[path.stem] for path in many[6:]}  # resumed
        assert several.workers.processes
        several.close()


def test_learned_cuts_follow_from_the_file(learned: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    texts = [f"Du book{i} reads well, des flights {i}. " * (1 + i % 3) for i in range(25)]
    for i in range(5):
        own = texts[i : i * i]
        (tmp_path / "in" / f"{i:02}.txt").write_text("\n\n".join(own))
        records = [{"id": j, "text": f"{text}\n\n{text}"} if j % 5 else {"tokens": ["a"]} for j, text in enumerate(own)]
        (tmp_path / "in" / f"{i:02}x.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    files = sorted((tmp_path / "in").iterdir())
    one = tagger.load(learned, "cpu", "float32")
    for output in ("conllu", "jsonl"):
        alone = {}
        for path in files:
            alone |= outputs(one, [path], tmp_path / "alone", output)
        assert len(set(alone.values())) > 6
        for several in (pickle.loads(pickle.dumps(one)), tagger.load(learned, "cpu", "float32", workers=2)):
            assert outputs(several, files, tmp_path / "all", output) == alone
            resumed = files[7:][::-1]
            assert outputs(several, resumed, tmp_path / "all", output) == {p.stem: alone[p.stem] for p in resumed}
            assert bool(several.workers.processes) == (several.workers.count > 1)
            several.close()


def test_a_bad_file_does_not_stop_the_others(trained: Path, texts: Path, tmp_path: Path) -> None:
    (texts / "07.txt").write_bytes(b"They book flights.\n\n" * 30 + b"caf\xe9")
    (texts / "12.lines").unlink()
    (texts / "12.jsonl").write_text('{"text": "Yes"}\n{}\n')
    (tmp_path / "to" / "15.tsv").mkdir(parents=True)
    steps = run(tagger.load(trained, "cpu"), texts)
    errors = {Path(step.job.source).name: str(step.error) for step in steps if step.error}
    assert sorted(errors) == ["07.txt", "12.jsonl", "15.txt"]
    assert "line 61: byte 0xe9" in errors["07.txt"]
    assert "line 2: neither" in errors["12.jsonl"]
    assert "15.tsv is a folder" in errors["15.txt"]
    assert sum(step.finished for step in steps) == 17
    assert len(list((tmp_path / "to").iterdir())) == 18  # and nothing half-written


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_that_always_die_end_the_run(trained: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_run", _die)
    tagging = tagger.load(trained, "cpu", workers=2)
    with pytest.raises(WorkersDied, match="try --workers 1"):
        run(tagging, texts)
    assert not list((texts.parent / "to").glob(".*"))
    tagging.close()
