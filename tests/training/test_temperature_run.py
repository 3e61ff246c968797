"""Runs with `parts=temperature`: a tagger gets temperatures and stays as it is otherwise."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import tagger
from tagger.errors import InputError
from tagger.evaluation import temperatures
from tagger.sweeps import launch
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.training import part_run
from tagger.training.train import train
from tagger.weights.ensemble_folder import save_ensemble
from tests.conftest import make_segmenter
from tests.training.conftest import COMMAND, config_of

CARD = "# A tagger\n\nIt is good.\n\n## Config\n\nx: y\n"


@pytest.fixture
def source(finished: Path, tmp_path: Path) -> Path:
    """A copy of the folder of a finished tagger, with an older model card, a segmenter and no temperatures."""
    folder = tmp_path / "source"
    shutil.copytree(finished / "tagger", folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    config = json.loads((folder / "config.json").read_text())
    del config["temperatures"]
    config["segmenter"] = "learned"
    (folder / "config.json").write_text(json.dumps(config))
    make_segmenter().save(folder, "float32")
    return folder


@pytest.fixture
def arguments(source: Path, treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    own = ["parts=temperature", f"init={source}", "accelerator=cpu"]
    return ["corpus=conllu", f"corpus.path={treebank}", *own]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.usefixtures("drawn")
def test_a_tagger_gets_temperatures_and_stays_as_it_is(
    arguments: list[str], source: Path, treebank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(source)
    assert launch.train([*arguments, "hydra.run.dir=run"]) == 0
    assert contents(source) == before
    after = contents(Path("run/tagger"))
    assert sorted(after) == sorted(before)
    assert {name for name in after if after[name] != before[name]} == {"config.json", "README.md"}
    old, new = json.loads(before["config.json"]), json.loads(after["config.json"])
    assert new == old | {"temperatures": new["temperatures"]}
    assert 0.2 <= new["temperatures"]["upos"] <= 5
    assert new["temperatures"]["upos"] != 1
    report = json.loads(Path("run/report.json").read_text())
    assert (report["corpus"], report["init"]) == (treebank.name, str(source))
    found = report["calibration"]
    assert found["temperatures"] == new["temperatures"]
    assert found["before"].keys() == found["after"].keys() == {"dev", "test"}
    confidence = {when: found[when]["dev"]["upos"]["confidence"] for when in ("before", "after")}
    assert (confidence["after"] > confidence["before"]) == (new["temperatures"]["upos"] < 1)
    assert Path("run/reliability.png").read_bytes().startswith(b"\x89PNG")
    card = after["README.md"].decode()
    assert card.startswith("# A tagger\n\nIt is good.\n\n## Confidence\n\n")
    assert "    python -m tagger corpus=conllu" in card
    assert f"| test | upos | {new['temperatures']['upos']:.3f} |" in card
    assert card.endswith("\n\n## Config\n\nx: y\n")
    output = capsys.readouterr().out
    assert "tag with it: python -m tagger tag FILE --model run" in output
    table = output[output.index("calibration error in 15 bins") :].splitlines()
    assert f"{100 * found['after']['test']['upos']['ece']:.2f}%" in table[3]

    # The tags are the same, and their probabilities are those that were scored.
    path = str(treebank / "en_tiny-ud-test.conllu")
    gold = [s for s in read_conllu(read_lines(path), path) if s.tokens]
    plain, warm = (tagger.load(folder, precision="float32") for folder in (source, "run"))
    assert warm.tag_sentences([s.tokens for s in gold]) == plain.tag_sentences([s.tokens for s in gold])
    shares = [share for tagged, _ in warm.retag(gold) for share in tagged.probabilities["upos"]]
    assert sum(shares) / len(shares) == pytest.approx(found["after"]["test"]["upos"]["confidence"], abs=1e-5)

    # Another run gives the same temperatures, and one section of the card.
    again = [value for value in arguments if not value.startswith("init=")]
    assert launch.train([*again, "init=run", "test=false", "hydra.run.dir=again"]) == 0
    assert json.loads(Path("again/tagger/config.json").read_text()) == new
    second = Path("again/tagger/README.md").read_text(encoding="utf-8")
    assert second.count("## Confidence") == 1
    assert "| test |" not in second


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
        patched.setattr(part_run, "fit_temperatures", interrupt)
        with pytest.raises(KeyboardInterrupt, match=r"^the temperatures were not found, and nothing is kept"):
            launch.train([*arguments, "hydra.run.dir=run"])
        assert not Path("run").exists()
    monkeypatch.setattr(part_run, "calibrations", interrupt)
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
    save_ensemble(Path("both"), [source, finished / "tagger"], [3, 1], "command")
    before = contents(Path("both/members/1"))
    own = [value for value in arguments if not value.startswith("init=")]
    assert launch.train([*own, "init=both", "hydra.run.dir=run"]) == 0
    assert contents(Path("run/tagger/members/1")) == before
    old, new = (json.loads(Path(folder, "config.json").read_text()) for folder in ("both", "run/tagger"))
    assert new == old | {"temperatures": new["temperatures"]}
    assert new["temperatures"]["upos"] != 1
    assert contents(Path("run/tagger")).keys() == contents(Path("both")).keys()
    assert "## Confidence" in Path("run/tagger/README.md").read_text()
    plain, warm = (tagger.load(folder, precision="float32").engine for folder in ("both", "run"))
    logs = plain.log_probabilities([["They", "book", "flights"]])["upos"] / new["temperatures"]["upos"]
    assert torch.allclose(warm.log_probabilities([["They", "book", "flights"]])["upos"], logs.log_softmax(1))
