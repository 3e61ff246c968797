"""What many tests share: a tiny corpus, its vocabulary, tiny networks and a tiny trained tagger."""

import os
import resource
import signal
import tomllib

# Before torch is imported, and for the commands that tests start: tiny networks are fastest on one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import httpx
import numpy as np
import pytest
import torch
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import filter_repo_objects
from hypothesis import HealthCheck, settings

from tagger.__main__ import main
from tagger.bundle.bundle import Bundle, Member
from tagger.model.batch import Batch, FormTable, collate
from tagger.model.decoder import Decoder
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.transformer import PieceTokenizer
from tagger.model.vocabulary import Vocabulary
from tagger.segmenter.features import Lexicon
from tagger.segmenter.learned import LearnedSegmenter
from tagger.segmenter.unit_network import SegmenterNetwork, SegmenterVocabulary
from tagger.segmenter.units import UnitTable
from tagger.tagging import workers
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.words.conventions import Conventions

ROOT = Path(__file__).resolve().parents[1]

# On a busy machine an example may take any time, the first one of all that imports something too.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

Corpus = list[dict[str, list[str]]]
CORPUS: Corpus = [
    {
        "tokens": ["They", "book", "flights", "."],
        "upos": ["PRON", "VERB", "NOUN", "PUNCT"],
        "xpos": ["PRP", "VBP", "NNS", "."],
    },
    {
        "tokens": ["The", "book", "reads", "well", "."],
        "upos": ["DET", "NOUN", "VERB", "ADV", "PUNCT"],
        "xpos": ["DT", "NN", "VBZ", "RB", "."],
    },
    {"tokens": ["Well"], "upos": ["INTJ"], "xpos": ["UH"]},
]
TOKENS: list[list[str]] = [sentence["tokens"] for sentence in CORPUS]
LEMMAS = [["they", "book", "flight", "."], ["the", "book", "read", "well", "."], ["well"]]
BUCKETS = 64


SIGNALS = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
SIGNALS[signal.SIGINT] = signal.default_int_handler  # also where a shell started pytest in the background


@pytest.fixture(autouse=True)
def _signals() -> None:
    """A command that ended in this process, in another test or fixture, has no more ears for signals."""
    for number, handler in SIGNALS.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are forked, although pytest's own process has threads: one that is spawned imports for seconds."""
    monkeypatch.setattr(workers, "start_method", lambda: "fork")


def network_config(**changes: Any) -> NetworkConfig:
    """The settings of a tiny network, some of them changed."""
    config: dict[str, Any] = {
        **{"decoder": "softmax", "cell": "gru", "depth": 2, "hidden": {"forward": 8, "backward": 6}, "dropout": 0.0},
        **{"words": 6, "affixes": 3, "chars": 5, "buckets": BUCKETS, "vectors": None, "transformer": None},
    }
    return NetworkConfig(**{**config, **changes})  # type: ignore[typeddict-item]


def make_network(vocabulary: Vocabulary, seed: int = 1, **changes: Any) -> TaggerNetwork:
    """A tiny network with random weights, in evaluation mode; see `network_config`."""
    torch.manual_seed(seed)
    return TaggerNetwork(vocabulary, network_config(**changes)).eval()


def make_table(vocabulary: Vocabulary, tokenizer: PieceTokenizer | None = None, **changes: Any) -> FormTable:
    """The table of forms of a tiny network; see `network_config`."""
    vectors = {"sizes": [1]} if vocabulary.vectors else None
    return FormTable(vocabulary, network_config(vectors=vectors), tokenizer, **changes)


def make_batch(sentences: Sequence[Sequence[str]], vocabulary: Vocabulary, tags: Any = None) -> Batch:
    """The sentences as a batch without word dropout."""
    return collate(sentences, make_table(vocabulary), tags)


def assert_same_batch(first: Batch, second: Batch) -> None:
    """Every tensor of the two batches is the same."""
    one, other = ([batch.features, batch.index, batch.lengths, batch.targets] for batch in (first, second))
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def overfit(network: TaggerNetwork, vocabulary: Vocabulary, steps: int = 80, corpus: Corpus = CORPUS) -> float:
    """Trains on the tiny corpus, or on another one with its sentences; returns the last loss."""
    batch = make_batch(TOKENS, vocabulary, {column: [s[column] for s in corpus] for column in vocabulary.columns})
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    network.train()
    for _ in range(steps):
        scores = network(batch).scores
        losses = [
            cast(Decoder, network.decoders[column]).loss(scores[column], target, batch.lengths)
            for column, target in batch.targets.items()
        ]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    return float(loss.detach())


def bundle_of(
    network: TaggerNetwork,
    vocabulary: Vocabulary,
    tokenizer: PieceTokenizer | None = None,
    segmenter: str | LearnedSegmenter = "english",
    **config: Any,
) -> Bundle:
    """A tagger of one network; `config` is what `config.json` says of it."""
    return Bundle((Member(network, vocabulary, tokenizer),), segmenter, config)


def save_tiny(folder: Path, network: TaggerNetwork, vocabulary: Vocabulary) -> Path:
    """Saves a network; returns the folder."""
    bundle_of(network, vocabulary).save(folder, "# A tiny tagger\n")
    return folder


def make_tagger(
    network: TaggerNetwork,
    vocabulary: Vocabulary,
    tokenizer: PieceTokenizer | None = None,
    device: str = "cpu",
    precision: str = "auto",
    config: dict[str, Any] | None = None,
    **options: Any,
) -> Tagger:
    """The tagger of a network; see `TaggerOptions`."""
    return Tagger(
        bundle_of(network, vocabulary, tokenizer, **(config or {})), TaggerOptions(device, precision, **options)
    )


def make_segmenter(seed: int = 3, **changes: Any) -> LearnedSegmenter:
    """A tiny segmenter with random weights, so large that every label and every script occurs."""
    config: dict[str, Any] = {
        **{"hidden": 6, "size": 8, "buckets": 32, "affix_buckets": 16, "characters": False, "spaces": True},
        **{"rules": "unicode", "sentences": None, "pairs": True, "cuts": None, **changes},
    }
    scripts = ["keep:* ..", "lower:d\\e l\\e", "like:*- \\.", "keep: *"]  # the last one gives one word
    affixes = {ending: [(0, 3), (1, 2), (3, 1), (4, 1)] for ending in ("*s", "*ws", "*ls", "*ds", "*e", "*he", "*ee")}
    forms = ["the", "book", "0000", "."]
    vocabulary = SegmenterVocabulary(forms, scripts, {"du": [2], "des": [0, 2], "flows": [0, 3]}, affixes)
    torch.manual_seed(seed)
    network = SegmenterNetwork(vocabulary, config)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(std=1.0)
        network.scripts.bias[0] += 4  # many tokens are one word
        network.scripts.bias[1:] = 0  # each script has its places
    table = UnitTable(vocabulary.forms, config["affix_buckets"], config["characters"])
    units = table.read(["The book reads well. 3,14 viet nam"])
    lengths = np.arange(len(units.types)) % 4  # words of up to three units
    return LearnedSegmenter(network.eval(), vocabulary, config, Lexicon.of(units, lengths, True), Conventions())  # type: ignore[arg-type]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Within the block a file that grows larger cannot be written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """All words, characters and tags of the tiny corpus."""
    return Vocabulary.build(CORPUS, ["upos", "xpos"], min_count=1)


@pytest.fixture(scope="session")
def trained(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tagger that knows the tiny corpus by heart; not to be changed."""
    network = make_network(vocabulary)
    overfit(network, vocabulary)
    return save_tiny(tmp_path_factory.mktemp("trained") / "tagger", network, vocabulary)


@pytest.fixture(scope="session")
def lemmas() -> Callable[..., Tagger]:
    """Makes a tagger, with options of `make_tagger`, that knows the lemmas of the tiny corpus by heart."""
    corpus = [{**sentence, "lemma": found} for sentence, found in zip(CORPUS, LEMMAS, strict=True)]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    network = make_network(vocabulary)
    overfit(network, vocabulary, corpus=corpus)
    return lambda **options: make_tagger(network, vocabulary, **options)


@pytest.fixture(scope="session")
def learned(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained tagger with a segmenter, see `make_segmenter`; not to be changed."""
    folder = tmp_path_factory.mktemp("learned") / "tagger"
    tagger = bundle_of(make_network(vocabulary), vocabulary, segmenter=make_segmenter(), corpus="Tiny", scores={})
    tagger.save(folder, "# card\n")
    return folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny BERT, not to be changed; skips the test where transformers is not installed."""
    from tests.pretrained.encoders import save_bert

    torch.manual_seed(1)
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a tiny RoBERTa."""
    from tests.pretrained.encoders import save_roberta

    torch.manual_seed(1)
    return save_roberta(tmp_path_factory.mktemp("roberta"))


ANSWER = httpx.Response(404, request=httpx.Request("GET", "https://huggingface.co"))


class Hub:
    """`HfApi` and `snapshot_download`. The files of a revision are in `root / OWNER / NAME / REVISION`."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self.private: dict[str, bool] = {}
        self.messages: list[str] = []
        self.error: Exception | None = None  # that every call raises

    def put(self, repository: str, folder: Path, revision: str = "main") -> Path:
        """Copies a folder to the Hub."""
        return Path(shutil.copytree(folder, self.root / repository / revision, dirs_exist_ok=True))

    def snapshot_download(self, repository: str, *, revision: str, allow_patterns: list[str]) -> str:
        if self.error is not None:
            raise self.error
        there = self.root / repository / revision
        if not there.parent.is_dir():
            raise RepositoryNotFoundError("no repository", response=ANSWER)
        if not there.is_dir():
            raise RevisionNotFoundError("no revision", response=ANSWER)
        here = self.cache / repository / revision
        for name in filter_repo_objects(files_of(there), allow_patterns=allow_patterns):
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there / name, here / name)
        return str(here)

    def create_repo(self, repository: str, *, private: bool | None, exist_ok: bool) -> None:
        if self.error is not None:
            raise self.error
        self.private.setdefault(repository, bool(private))
        (self.root / repository / "main").mkdir(parents=True, exist_ok=exist_ok)

    def model_info(self, repository: str) -> Any:
        return SimpleNamespace(private=self.private[repository])

    def create_branch(self, repository: str, *, branch: str, exist_ok: bool) -> None:
        (self.root / repository / branch).mkdir(parents=True, exist_ok=exist_ok)

    def upload_folder(
        self, *, repo_id: str, folder_path: str, revision: str, commit_message: str, delete_patterns: list[str]
    ) -> Any:
        there = self.root / repo_id / revision
        for name in filter_repo_objects(files_of(there), allow_patterns=delete_patterns):
            (there / name).unlink()
        shutil.copytree(folder_path, there, dirs_exist_ok=True)
        self.messages.append(commit_message)
        return SimpleNamespace(commit_url=f"https://huggingface.co/{repo_id}/commit/{len(self.messages)}")


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their paths."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A folder in the place of the Hugging Face Hub; it holds nothing."""
    folder = tmp_path_factory.mktemp("hub")
    found = Hub(folder / "there", folder / "cache")
    monkeypatch.setattr("huggingface_hub.snapshot_download", found.snapshot_download)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: found)
    return found


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes windows and batches so small that a few sentences fill several."""
    for name, size in (("FIRST_WINDOW", 3), ("LIST_WINDOW", 3), ("WINDOW_TOKENS", 20), ("WINDOW_SENTENCES", 5)):
        monkeypatch.setattr(f"tagger.tagging.tagger.{name}", size)
    monkeypatch.setattr("tagger.model.batch.BATCH_TOKENS", 8)


def untrained(vocabulary: Vocabulary, **hidden: int) -> Tagger:
    """Random weights and large scores: what it says of a word depends on everything that it reads."""
    network = make_network(vocabulary, seed=8, hidden=hidden)
    for head in network.heads.values():
        head.weight.data *= 20
    as_it_is = {"training": {"noise": 0.1}}  # parts of a sentence without capitals are read as they are
    return make_tagger(network, vocabulary, precision="float32", config=as_it_is)


@pytest.fixture(scope="session")
def both_ways(vocabulary: Vocabulary) -> Tagger:
    return untrained(vocabulary, forward=16, backward=16)


def with_entry_points(folder: Path) -> dict[str, str]:
    """The environment of a process that finds the entry points of `pyproject.toml`, as after an installation."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / "site" / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    paths = [str(info.parent), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def started(
    *arguments: str, folder: Path | str = ".", stdin: str = os.devnull, stdout: str = os.devnull, stderr: str = "said"
) -> "multiprocessing.process.BaseProcess":
    """`tagger ARGUMENTS` that has begun in `folder`, with files there as its streams; what is written is appended.

    It runs in a copy of the test's process: a fresh one imports for six seconds.
    """

    def work() -> None:
        os.chdir(folder)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        for number, (name, path) in enumerate({"stdin": stdin, "stdout": stdout, "stderr": stderr}.items()):
            os.dup2(os.open(path, append if number else os.O_RDONLY), number)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
        sys.argv = ["tagger", *arguments]
        logging.root.handlers.clear()  # those of pytest
        status = 1
        try:
            status = main()
        except Exception:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        finally:
            with suppress(OSError):
                sys.stdout.flush()
            os._exit(status)  # multiprocessing would wait for the workers, which wait for this process

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def forked(folder: Path, *arguments: str, input: str = "") -> "subprocess.CompletedProcess[str]":
    """A command that has ended; it ran in `folder`."""
    with TemporaryDirectory() as streams:
        given, out, err = (Path(streams, name) for name in ("in", "out", "err"))
        given.write_text(input, encoding="utf-8")
        process = started(*arguments, folder=folder, stdin=str(given), stdout=str(out), stderr=str(err))
        process.join(300)
        assert process.exitcode is not None, arguments
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))
