"""Runs with `parts=temperature`: a tagger gets temperatures and stays as it is otherwise."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import tagger
from tagger.bundle.bundle import Bundle
from tagger.bundle.ensemble import join
from tagger.errors import InputError
from tagger.evaluation import temperatures
from tagger.sweeps import launch
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.training import refit
from tagger.training.train import train
from tests.conftest import make_segmenter
from tests.training.conftest import COMMAND, config_of

CARD = "# A tagger\n\nIt is good.\n\n## Config\n\nx: y\n"


@pytest.fixture(scope="module")
def source(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder of a finished tagger, with an older model card, a segmenter and no temperatures."""
    folder = tmp_path_factory.mktemp("older") / "source"
    shutil.copytree(finished / "tagger", folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    config = json.loads((folder / "config.json").read_text())
    del config["temperatures"]
    config["segmenter"] = "learned"
    (folder / "config.json").write_text(json.dumps(config))
    make_segmenter().save(folder, "float32")
    return folder


def values(source: Path, treebank: Path) -> list[str]:
    """The command line of a run for a tagger."""
    return ["corpus=conllu", f"corpus.path={treebank}", "parts=temperature", f"init={source}", "accelerator=cpu"]


@pytest.fixture
def arguments(source: Path, treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return values(source, treebank)


class Fitted(NamedTuple):
    """A run for the tagger of `source`."""

    folder: Path
    before: dict[str, bytes]  # the files of `source`, by name
    after: dict[str, bytes]  # those of the new tagger
    calibration: dict[str, Any]  # of `report.json`
    temperature: float


@pytest.fixture(scope="module")
def fitted(source: Path, treebank: Path, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    run = tmp_path_factory.mktemp("fitted") / "run"
    before = contents(source)
    assert launch.train([*values(source, treebank), f"hydra.run.dir={run}"]) == 0
    after, report = contents(run / "tagger"), json.loads((run / "report.json").read_text())
    assert (report["corpus"], report["init"]) == (treebank.name, str(source))
    return Fitted(run, before, after, report["calibration"], report["calibration"]["temperatures"]["upos"])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_tagger_gets_temperatures_and_stays_as_it_is(fitted: Fitted, source: Path) -> None:
    assert contents(source) == fitted.before
    changed = {name for name in fitted.after if fitted.after[name] != fitted.before.get(name)}
    assert fitted.after.keys() == fitted.before.keys()
    assert changed == {"config.json", "README.md"}
    old, new = (json.loads(files["config.json"]) for files in (fitted.before, fitted.after))
    assert new == old | {"temperatures": {"upos": fitted.temperature}}
    assert 0.2 <= fitted.temperature <= 5
    assert fitted.temperature != 1


def test_the_report_has_the_calibration_before_and_after(fitted: Fitted) -> None:
    before, after = fitted.calibration["before"], fitted.calibration["after"]
    assert before.keys() == after.keys() == {"dev", "test"}
    surer = after["dev"]["upos"]["confidence"] > before["dev"]["upos"]["confidence"]
    assert surer == (fitted.temperature < 1)
    assert (fitted.folder / "reliability.png").is_file()


def test_the_card_gets_a_section(fitted: Fitted) -> None:
    card = fitted.after["README.md"].decode()
    assert card.startswith("# A tagger\n\nIt is good.\n\n## Confidence\n\n")
    assert "    python -m tagger corpus=conllu" in card
    assert f"| test | upos | {fitted.temperature:.3f} |" in card
    assert card.endswith("\n\n## Config\n\nx: y\n")


def test_the_tags_are_the_same_and_the_probabilities_those_that_were_scored(
    fitted: Fitted, source: Path, treebank: Path
) -> None:
    path = str(treebank / "en_tiny-ud-test.conllu")
    gold = [s for s in read_conllu(read_lines(path), path) if s.tokens]
    plain, warm = (tagger.load(folder, precision="float32") for folder in (source, fitted.folder))
    assert warm.tag_sentences([s.tokens for s in gold]) == plain.tag_sentences([s.tokens for s in gold])
    shares = [share for tagged, _ in warm.retag(gold) for share in tagged.probabilities["upos"]]
    assert sum(shares) / len(shares) == pytest.approx(
        fitted.calibration["after"]["test"]["upos"]["confidence"], abs=1e-5
    )


def test_another_run_gives_the_same_temperatures_and_one_section(
    fitted: Fitted, treebank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert launch.train([*values(fitted.folder, treebank), "test=false", "hydra.run.dir=again"]) == 0
    assert Path("again/tagger/config.json").read_bytes() == fitted.after["config.json"]
    card = Path("again/tagger/README.md").read_text(encoding="utf-8")
    assert card.count("## Confidence") == 1
    assert "| test |" not in card
    output = capsys.readouterr().out
    assert "tag with it: python -m tagger tag FILE --model again" in output
    table = output[output.index("calibration error in 15 bins") :].splitlines()
    assert f"{100 * fitted.calibration['after']['dev']['upos']['ece']:.2f}%" in table[2]


def test_a_column_that_the_corpus_lacks_keeps_its_temperature(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(config_of(treebank, "columns=[upos,xpos]", "trainer.max_epochs=1"), Path("two"), COMMAND)
    before = json.loads(Path("two/tagger/config.json").read_text())["temperatures"]
    for split in ("train", "dev"):
        path = str(treebank / f"en_tiny-ud-{split}.conllu")
        rows = [line.split("\t") for line in read_lines(path)]
        text = "".join("\t".join([*row[:4], "_", *row[5:]] if len(row) == 10 else row) for row in rows)
        Path(f"{split}.conllu").write_text(text, encoding="utf-8")
    own = ["parts=temperature", "init=two", "accelerator=cpu", "corpus=conllu", "corpus.train=train.conllu"]
    assert launch.train([*own, "corpus.dev=dev.conllu", "hydra.run.dir=run"]) == 0
    assert json.loads(Path("run/tagger/config.json").read_text())["temperatures"] == before
    report = json.loads(Path("run/report.json").read_text())
    assert report["calibration"]["after"]["dev"].keys() == {"upos"}
    with pytest.raises(InputError, match=r"^nowhere.conllu"):
        launch.train([*own, "corpus.dev=nowhere.conllu"])


def test_too_few_words_leave_the_tagger_as_it_is(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temperatures, "MIN_WORDS", 10_000)
    assert launch.train([*arguments, "hydra.run.dir=run"]) == 0
    assert json.loads(Path("run/tagger/config.json").read_text())["temperatures"] == {"upos": 1.0}


def test_runs_that_are_interrupted(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(refit, "fit_temperatures", interrupt)
        with pytest.raises(KeyboardInterrupt, match=r"^the temperatures were not found, and nothing is kept"):
            launch.train([*arguments, "hydra.run.dir=run"])
        assert not Path("run").exists()
    monkeypatch.setattr(refit, "calibrations", interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"^the tagger in run is complete; only its scores are missing$"):
        launch.train([*arguments, "hydra.run.dir=run"])
    assert "temperatures" in tagger.load("run").config
    with pytest.raises(InputError, match=r"run: a run with parts=temperature cannot be resumed; start it again"):
        launch.resume("run")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("columns=[upos]", "with parts=temperature all columns of the tagger get one; leave this out"),
        ("segmenter=english", "segmenter=english: parts=temperature keeps that of the tagger; leave it out"),
        ("model.depth=2", "with init the tagger that training starts from decides; leave this out"),
        ("embedding.vectors=glove", "with init the tagger that training starts from decides; leave this out"),
        ("init=null", "parts=temperature: name the tagger that gets the temperatures, init=FOLDER"),
    ],
)
def test_what_would_be_ignored_is_refused(arguments: list[str], override: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        launch.train([*arguments, override])
    assert message in str(caught.value)
    assert not Path("runs").exists()


def test_an_ensemble_gets_temperatures(arguments: list[str], source: Path, finished: Path) -> None:
    bundles = [
        replace(Bundle.load(folder), linear=()) for folder in (source, finished / "tagger")
    ]  # a chain gives marginals
    join(bundles, [3, 1]).save(Path("both"), "# Both\n")
    before = Path("both/model.safetensors").read_bytes()
    own = [value for value in arguments if not value.startswith("init=")]
    assert launch.train([*own, "init=both", "hydra.run.dir=run"]) == 0
    assert Path("run/tagger/model.safetensors").read_bytes() == before
    old, new = (json.loads(Path(folder, "config.json").read_text()) for folder in ("both", "run/tagger"))
    assert new == old | {"temperatures": new["temperatures"]}
    assert new["temperatures"]["upos"] != 1
    assert contents(Path("run/tagger")).keys() == contents(Path("both")).keys()
    assert "## Confidence" in Path("run/tagger/README.md").read_text()
    plain, warm = (tagger.load(folder, precision="float32").engine for folder in ("both", "run"))
    logs = plain.log_probabilities([["They", "book", "flights"]])["upos"] / new["temperatures"]["upos"]
    assert torch.allclose(warm.log_probabilities([["They", "book", "flights"]])["upos"], logs.log_softmax(1))
