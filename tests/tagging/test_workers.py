"""Several processes give what one gives, in order, and get over the death of one of them."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger import Sentence
from tagger.errors import InputError
from tagger.tagging import workers
from tagger.tagging.tagger import Tagger
from tagger.tagging.workers import start_method
from tests.conftest import CORPUS, TOKENS


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_TOKENS", 30)
    monkeypatch.setattr("tagger.tagging.tagger.FIRST_WINDOW", 10)
    monkeypatch.setattr("tagger.tagging.tagger.LIST_WINDOW", 35)
    monkeypatch.setattr("tagger.tagging.tagger.WINDOW_TOKENS", 40)


@pytest.fixture
def two(trained: Path) -> Iterator[Tagger]:
    loaded = tagger.load(trained, "cpu", "float32", workers=2)
    yield loaded
    loaded.close()


SENTENCES = [TOKENS[i % 3] * (1 + i % 5) for i in range(90)]


@pytest.mark.parametrize(
    "method", ["fork", *(pytest.param(each, marks=pytest.mark.slow) for each in ("forkserver", "spawn"))]
)
def test_two_processes_tag_as_one(trained: Path, two: Tagger, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr(workers, "start_method", lambda: method)
    one = tagger.load(trained, "cpu", "float32")
    for each in (one, two):
        each.lexicons["upos"] = {"word1": ("DET",)}
    two.tag_sentences(TOKENS)  # what processes get a copy of has been used

    def said(each: Tagger) -> list[Sentence]:
        sentences = [[*tokens, f"new{i}", f"word{i % 40}"] for i, tokens in enumerate(SENTENCES)]
        given = (Sentence(tokens, {"upos": ["ADV"] + ["_"] * (len(tokens) - 1)}) for tokens in sentences)
        return list(each.stream(given, probabilities=True, top=2, keep=True))

    expected = said(one)
    assert said(two) == expected  # to the bit
    lists = [each.stream(list(map(Sentence, SENTENCES)), probabilities=True) for each in (one, two)]
    for ours, theirs in zip(*lists, strict=True):  # cut into other windows
        assert ours.tags == theirs.tags
        assert ours.probabilities["upos"] == pytest.approx(theirs.probabilities["upos"], abs=1e-5)
    assert {sentence.tags["upos"][0] for sentence in expected} == {"ADV"}
    assert {s.tags["upos"][-1] for s in expected if s.tokens[-1] == "word1"} == {"DET"}
    assert two.workers.processes


@pytest.mark.skipif(sys.platform != "linux", reason="processes are spawned elsewhere")
def test_a_process_with_threads_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads, method in ((1, "fork"), (2, "forkserver")):
        monkeypatch.setattr(threading, "active_count", lambda threads=threads: threads)
        assert start_method() == method


def test_ctrl_c_waits_until_the_processes_have_started(two: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = workers.ProcessPoolExecutor.submit

    def interrupted(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)  # as between two forks
        started.append(True)
        return submit(*arguments)

    started: list[bool] = []
    monkeypatch.setattr(workers.ProcessPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        two.tag_sentences(SENTENCES)
    assert started == [True]


def test_a_main_script_that_workers_cannot_import_is_named(two: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise BrokenPipeError

    monkeypatch.setattr(workers.ProcessPoolExecutor, "submit", broken)
    with pytest.raises(InputError, match=r"below if __name__ == '__main__', or take one worker"):
        two.tag_sentences(SENTENCES)
    monkeypatch.undo()
    assert two.tag_sentences(TOKENS)


def test_a_few_windows_are_read_ahead_and_no_more(two: Tagger) -> None:
    read = 0

    def endless() -> Iterator[Sentence]:
        nonlocal read
        while True:
            read += 1
            yield Sentence(list(TOKENS[1]))

    stream = two.stream(endless())
    for i in range(1, 400):
        assert next(stream).tags["upos"][0] == "DET"
        assert read <= i + 6 * 8  # windows of 8 sentences
    stream.close()


def kill(processes: list[int]) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)


def test_the_batch_of_a_process_that_dies_is_done_again(two: Tagger, caplog: pytest.LogCaptureFixture) -> None:
    expected = two.tag_sentences(SENTENCES)
    found = []
    for i, sentence in enumerate(two.stream(Sentence(list(s)) for s in SENTENCES)):
        if i == 20:
            stopped = two.workers.processes
            for process in stopped:
                os.kill(process, signal.SIGSTOP)  # so that they have parts when they die
            threading.Timer(0.3, kill, [stopped]).start()
        found.append(sentence.tags["upos"])
    assert found == expected
    assert "a worker process died; its batch is done again" in caplog.text


def test_a_small_call_is_done_here_however_much_was_tagged_before(two: Tagger) -> None:
    assert two.tag_sentences(TOKENS) == [sentence["upos"] for sentence in CORPUS]
    assert not two.workers.processes
    expected = two.tag_sentences(SENTENCES)
    processes = two.workers.processes
    assert processes
    for process in processes:
        os.kill(process, signal.SIGSTOP)  # what is sent to a process waits for ever
    try:
        assert two.tag_sentences(SENTENCES[:3]) == expected[:3]
        assert two.tag(SENTENCES[5]) == expected[5]
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def test_threads_share_the_processes(two: Tagger) -> None:
    lists = [[[*sentence, f"new{i}"] for sentence in SENTENCES[i:]] for i in range(6)]
    expected = [two.tag_sentences(sentences) for sentences in lists]
    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(two.tag_sentences, sentences) for sentences in lists]
        os.kill(two.workers.processes[0], signal.SIGKILL)
        assert [each.result(timeout=120) for each in found] == expected
    assert two.tag_sentences(lists[0]) == expected[0]
