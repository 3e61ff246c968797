"""Overrides: unknown keys are refused with the nearest one, names of files need no quotes of Hydra's grammar."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.pretraining.config import pretrain_config
from tagger.sweeps.overrides import checked_overrides
from tagger.training.config import TrainConfig, train_config


def typed(*overrides: str) -> TrainConfig:
    ready = checked_overrides(overrides)
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        return train_config(compose("train", ready))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("modle.depth=3", "modle.depth=3: no such key; did you mean model.depth?"),
        ("+modle.depth=3", "+modle.depth=3: no such key; did you mean model.depth?"),
        ("++modle.depth=3", "++modle.depth=3: no such key; did you mean model.depth?"),
        ("~model.dpth", "~model.dpth: no such key; did you mean model.depth?"),
        ("depth=3", "depth=3: no such key; did you mean model.depth?"),
        ("qwertz=3", "qwertz=3: no such key; see python -m tagger --cfg job"),
        ("+corpus._target_=os.system", "+corpus._target_=os.system: no such key"),
        ("corpus.path=x", "corpus.path=x: no such key here; it needs corpus=conllu"),
        ("passes=3", "passes=3: no such key; it belongs to python -m tagger pretrain"),
        ("trainer.limit_train_batch=3", "no such setting; did you mean limit_train_batches?"),
        ("corpus=conlu", "corpus=conlu: no such choice; did you mean conllu? corpus is one of columns, conll2000, "),
        ("corpus=null", "corpus=null: no such choice; leave corpus out (in a sweep: train that run by itself)"),
        ("experiment=[fast,englsh]", "experiment=englsh: no such choice; did you mean english?"),
        ("resume=runs/x", "resume=runs/x: resuming is a command; say python -m tagger resume runs/x"),
        ("model.hidden={forward: 3", "model.hidden={forward: 3: cannot be read"),
        ("model.depth", "model.depth: no command and no KEY=VALUE"),
    ],
)
def test_what_is_refused(override: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_overrides([override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "ready"),
    [
        (["model.depth=3", "+seed=2", "++test=false"], ["model.depth=3", "seed=2", "test=false"]),
        (["+trainer.limit_train_batches=3"], ["++trainer.limit_train_batches=3"]),
        (["trainer.limit_train_batches=3"], ["++trainer.limit_train_batches=3"]),
        (["corpus=columns", "+corpus.fields.lemma=4"], ["corpus=columns", "++corpus.fields.lemma=4"]),
        (["corpus=hub", "corpus.fields.lemma=lemmas"], ["corpus=hub", "++corpus.fields.lemma=lemmas"]),
        (["+experiment=fast"], ["experiment=fast"]),
        (
            ["hydra.run.dir=runs/${now:%H}", "hydra/launcher=basic"],
            ["hydra.run.dir=runs/${now:%H}", "hydra/launcher=basic"],
        ),
        (["corpus=conllu", "corpus=ud", "corpus.treebank=x"], ["corpus=conllu", "corpus=ud", "corpus.treebank=x"]),
        (["~trainer.precision"], ["~trainer.precision"]),
        (["card.license=CC BY-SA 4.0", "card.version=2.10"], ["card.license=CC BY-SA 4.0", "card.version='2.10'"]),
        (["embedding.vectors=[glove,wörter.txt]"], ["embedding.vectors=[glove,'wörter.txt']"]),
        (["init=null", "corpus=conllu", "corpus.path='a b'"], ["init=null", "corpus=conllu", "corpus.path='a b'"]),
    ],
)
def test_what_hydra_gets(overrides: list[str], ready: list[str]) -> None:
    assert checked_overrides(overrides) == ready
    assert checked_overrides(ready) == ready  # as processes that help with a run are given them


def test_the_values_of_a_sweep() -> None:
    grid = ["corpus=conllu", "corpus.train=trän.conllu,we're.conllu", "model.depth=1,2"]
    ready = checked_overrides(grid, sweeping=True)
    assert ready == ["corpus=conllu", r"corpus.train='trän.conllu','we\'re.conllu'", "model.depth=1,2"]
    with pytest.raises(InputError, match=r"corpus\.path=x: no such key here; it needs corpus=conllu"):
        checked_overrides(["corpus=conllu,sample", "corpus.path=x"], sweeping=True)
    assert checked_overrides(["corpus=ud,hub", "corpus.name=x"], sweeping=True) == ["corpus=ud,hub", "++corpus.name=x"]


def test_the_keys_of_other_pages_are_left_alone() -> None:
    assert checked_overrides(["mine=3", "corpus.train=ä"], keys_are_known=False) == ["mine=3", "corpus.train='ä'"]


NAMES = [
    *("trän.conllu", "a (b).conllu", "[c].conllu", "d=e.conllu", "f,g.conllu", "we're.conllu", 'the "h".conllu'),
    *("i j.conllu", "007", "1e3", "true", "x${y}.conllu", "back\\slash", "{k}.conllu", "l\\'m", "n: o", "~p", "#q"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("exists", [True, False])
def test_names_of_files_need_no_quotes(
    name: str, exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if exists:
        (tmp_path / name).touch()
    elif name in ("[c].conllu", "x${y}.conllu", "f,g.conllu", "back\\slash"):
        pytest.skip("without a file this may mean a list, another value, a sweep or a file on Windows")
    corpus = typed("corpus=conllu", f"corpus.train={name}").corpus
    assert corpus.train == name


def test_names_of_texts() -> None:
    overrides = checked_overrides(["text=[a b.txt,trän.conllu,x=1,*.txt]", "dev=ünd/*.txt"], "pretrain")
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        config = pretrain_config(compose("pretrain", overrides))
    assert (config.text, config.dev) == (["a b.txt", "trän.conllu", "x=1", "*.txt"], "ünd/*.txt")
    with pytest.raises(InputError) as caught:
        checked_overrides(["columns=[upos]"], "pretrain")
    assert str(caught.value) == "columns=[upos]: no such key; it belongs to python -m tagger"


@pytest.mark.parametrize(
    ("kind", "key"), [("conllu", "train"), ("columns", "separator"), ("hub", "revision"), ("ud", "treebank")]
)
def test_texts_of_a_corpus_may_be_any_text(kind: str, key: str) -> None:
    for value in ("a;b", "ä (1)", "2.10"):
        (_, ready) = checked_overrides([f"corpus={kind}", f"corpus.{key}={value}"])
        assert OverridesParser.create().parse_override(ready).value() == value
