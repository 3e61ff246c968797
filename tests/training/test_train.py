"""Trainings from config to folder: what they leave, the same seed, columns, bad values, precisions."""

import json
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

import tagger
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.text.conllu import read_conllu, write_conllu
from tagger.text.files import read_lines
from tagger.training.config import train_config
from tagger.training.train import train
from tests.training.conftest import COMMAND, TINY, config_of, weights


def test_a_run_leaves_a_tagger_and_what_there_is_to_look_at(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    assert 0 < report["dev"]["upos"]["accuracy"] <= 1
    assert set(report["test"]["upos"]) >= {"accuracy", "known", "unknown", "whole_sentences", "tags"}
    assert len((finished / "metrics.csv").read_text().splitlines()) == 4
    for picture in ("learning_curve.png", "confusion.png", "reliability.png"):
        assert (finished / picture).read_bytes().startswith(b"\x89PNG")
    path = str(finished / "dev.predicted.conllu")
    predicted = list(read_conllu(read_lines(path), path))
    loaded = tagger.load(finished, precision="float32")
    assert predicted[0].tags["upos"] == loaded.tag(predicted[0].tokens)
    first, *errors = (finished / "errors.tsv").read_text(encoding="utf-8").splitlines()
    assert first.split("\t") == ["sentence", "word", "column", "gold", "tag", "confidence"]
    wrong = round((1 - report["dev"]["upos"]["accuracy"]) * report["dev"]["upos"]["tokens"])
    assert len(errors) == wrong
    card = (finished / "tagger" / "README.md").read_text(encoding="utf-8")
    assert "UD_English-Tiny" in card or "en_tiny" in card
    assert COMMAND in card
    assert not [path for path in (finished / "tagger").iterdir() if path.suffix in (".ckpt", ".pt", ".pkl", ".bin")]


def test_a_run_fits_a_temperature_on_dev(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    saved = json.loads((finished / "tagger" / "config.json").read_text())["temperatures"]
    found = report["calibration"]
    assert found["temperatures"] == saved
    assert 0.2 <= saved["upos"] <= 5
    assert found["after"]["test"]["upos"] == report["test"]["upos"]["calibration"]
    before, after = (found[when]["dev"]["upos"]["confidence"] for when in ("before", "after"))
    assert (after > before) == (saved["upos"] < 1)
    assert "## Confidence" in (finished / "tagger" / "README.md").read_text(encoding="utf-8")
    # `errors.tsv` has the probabilities that the saved tagger gives.
    path = str(finished / "dev.predicted.conllu")
    first = next(s for s in read_conllu(read_lines(path), path) if s.tokens)
    loaded = tagger.load(finished, precision="float32").annotate(first.tokens)
    _, error, *_ = (finished / "errors.tsv").read_text(encoding="utf-8").splitlines()
    name, word, *_, confidence = error.split("\t")
    assert name == first.name
    assert float(confidence) == pytest.approx(loaded.probabilities["upos"][first.tokens.index(word)], abs=2e-4)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    treebank: Path, finished: Path, tmp_path: Path
) -> None:
    train(config_of(treebank, "trainer.max_epochs=3"), tmp_path / "same", COMMAND)
    train(config_of(treebank, "trainer.max_epochs=3", "seed=2"), tmp_path / "other", COMMAND)
    assert weights(tmp_path / "same") == weights(finished)
    assert weights(tmp_path / "other") != weights(finished)
    assert "test" not in json.loads((tmp_path / "same" / "report.json").read_text())


def test_several_columns_are_learned_jointly(treebank: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    results = train(config_of(treebank, "columns=[upos,xpos]", "trainer.max_epochs=1"), tmp_path, COMMAND)
    assert " words: at most 1 epoch, batches of " in caplog.text
    assert list(results["dev"]) == ["upos", "xpos"]
    assert (tmp_path / "confusion_xpos.png").exists()
    assert set(tagger.load(tmp_path).annotate(["a", "b"]).tags) == {"upos", "xpos"}


@pytest.fixture
def lemmatized(treebank: Path, tmp_path: Path) -> Path:
    """The treebank with lemmas: words in lower case, and plural nouns without their last letter."""
    folder = tmp_path / "UD_English-Lemmas"
    folder.mkdir()
    for file in treebank.glob("*.conllu"):
        sentences = list(read_conllu(read_lines(str(file)), str(file)))
        for sentence in sentences:
            pairs = zip(sentence.tokens, sentence.tags["xpos"], strict=True)
            sentence.tags["lemma"] = [form.lower()[: -1 if tag == "NNS" else None] for form, tag in pairs]
        (folder / file.name).write_text("".join(map(write_conllu, sentences)), encoding="utf-8")
    return folder


def test_lemmas_are_learned_and_reported(lemmatized: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    results = train(config_of(lemmatized, "columns=[lemma,upos]", "linear=null", "trainer.max_epochs=3"), run, COMMAND)
    scores = results["dev"]["lemma"]
    gold, predicted = (
        [lemma for sentence in read_conllu(read_lines(str(path)), str(path)) for lemma in sentence.tags["lemma"]]
        for path in (lemmatized / "en_tiny-ud-dev.conllu", run / "dev.predicted.conllu")
    )
    right = sum(a == b for a, b in zip(gold, predicted, strict=True))
    assert scores["accuracy"] == pytest.approx(right / len(gold))
    assert 0.5 < scores["accuracy"] < 1
    errors = (run / "errors.tsv").read_text(encoding="utf-8").splitlines()
    assert sum(line.split("\t")[2] == "lemma" for line in errors) == len(gold) - right
    assert (run / "confusion_lemma.png").exists()
    assert scores["tags"].keys() == {"lower:*", "lower:*-"}
    assert tagger.load(run).tag(["They", "MET"]) == ["they", "met"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.hidden={forward: 0, backward: 0}", "both 0"),
        ("model.hidden.forward=[12,12,12]", "3 sizes"),
        ("columns=[deprel]", "no column 'deprel'"),
        ("columns=upos", "columns=upos: expected"),
        ("columns=[upos,upos]", "list of different columns"),
        ("columns=[text]", "cannot name a tag column"),
        ("trainer.max_epochs=0", "trainer.max_epochs=0"),
        ("embedding={words: 0, affixes: 0, chars: 0}", "all 0"),
    ],
)
def test_bad_values_are_named(treebank: Path, tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(config_of(treebank, override), tmp_path, COMMAND)


def test_a_blind_test_split_costs_its_report_alone(treebank: Path, tmp_path: Path) -> None:
    path = str(treebank / "en_tiny-ud-test.conllu")
    blind = [s for s in read_conllu(read_lines(path), path) if s.tokens]
    for sentence in blind:
        sentence.tags = {"upos": ["_"] * len(sentence)}
    (tmp_path / "blind.conllu").write_text("".join(map(write_conllu, blind)), encoding="utf-8")
    config = config_of(treebank, f"corpus.test={tmp_path / 'blind.conllu'}", "trainer.max_epochs=1", "test=true")
    results = train(config, tmp_path / "run", COMMAND)
    assert "test" not in results
    assert (tmp_path / "run" / "tagger").is_dir()


def test_a_dev_split_without_known_tags_is_refused_before_training(treebank: Path, tmp_path: Path) -> None:
    (tmp_path / "dev.conllu").write_text("1\tx\t_\tNEW\t_\t_\t_\t_\t_\t_\n\n")
    with pytest.raises(InputError, match="dev has no tag that train has"):
        train(config_of(treebank, f"corpus.dev={tmp_path / 'dev.conllu'}"), tmp_path / "run", COMMAND)


def test_spans_get_span_scores(tmp_path: Path) -> None:
    lines = "\n".join(["He PRP B-NP", "reckons VBZ B-VP", "the DT B-NP", "deficit NN I-NP", ". . O", ""])
    for split in ("train", "dev"):
        (tmp_path / f"{split}.txt").write_text((lines + "\n") * 5)
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        config = compose(
            "train",
            [
                *("corpus=columns", f"corpus.train={tmp_path / 'train.txt'}", f"corpus.dev={tmp_path / 'dev.txt'}"),
                *("columns=[pos,chunk]", "corpus.fields={tokens: 0, pos: 1, chunk: 2}", *TINY, "trainer.max_epochs=1"),
            ],
        )
    results = train(train_config(config), tmp_path / "run", COMMAND)
    assert {"NP", "VP"} <= set(results["dev"]["chunk"]["spans"])
    assert results["dev"]["pos"]["spans"] is None


def test_a_lower_precision_makes_a_smaller_folder_and_the_scores_are_its_own(treebank: Path, tmp_path: Path) -> None:
    sizes = []
    for precision in ("float32", "float16", "int8"):
        folder = tmp_path / precision
        train(config_of(treebank, f"storage_dtype={precision}", "trainer.max_epochs=1"), folder, COMMAND)
        sizes.append(len(weights(folder)))
        loaded = tagger.load(folder, precision="float32")
        assert all(parameter.dtype == torch.float32 for parameter in loaded.bundle.networks[0].parameters())
        path = str(folder / "dev.predicted.conllu")
        predicted = [s for s in read_conllu(read_lines(path), path) if s.tokens]
        assert loaded.tag_sentences([s.tokens for s in predicted]) == [s.tags["upos"] for s in predicted]
    assert 1.8 < sizes[0] / sizes[1] < 2.1
    assert 2.2 < sizes[0] / sizes[2] < 4.1  # the scales take some of it where rows are as short as here
