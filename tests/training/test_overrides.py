"""Overrides: unknown keys are refused with the nearest one."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.errors import InputError
from tagger.training.overrides import checked_overrides, checked_words


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("modle.depth=3", "modle.depth=3: no such key; did you mean model.depth?"),
        ("~model.dpth", "~model.dpth: no such key; did you mean model.depth?"),
        ("+corpus._target_=os.system", "+corpus._target_=os.system: no such key"),
        ("corpus.path=x", "corpus.path=x: no such key here; it needs corpus=conllu"),
        ("corpus=conlu", "Could not find 'corpus/conlu' Available options in 'corpus': columns conll2000"),
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
        ("model.depth=3 +seed=2 ++test=false", "model.depth=3 seed=2 test=false"),
        ("+trainer.limit_train_batches=3", "++trainer.limit_train_batches=3"),
        ("hydra.run.dir=runs/${now:%H} hydra/launcher=basic", "hydra.run.dir=runs/${now:%H} hydra/launcher=basic"),
        ("corpus=conllu corpus=ud corpus.treebank=x", "corpus=conllu corpus=ud ++corpus.treebank=x"),
        ("~trainer.precision", "~trainer.precision"),
        ("corpus=conllu corpus.train=trän.conllu", "corpus=conllu ++corpus.train='trän.conllu'"),
    ],
)
def test_what_hydra_gets(overrides: str, ready: str) -> None:
    assert checked_overrides(overrides.split()) == ready.split()
    assert checked_overrides(ready.split()) == ready.split()  # as a second process is given them


@pytest.mark.parametrize("name", ["trän.conllu", "d=e.conllu", "n: o", "~p", "back\\slash"])
def test_one_text_needs_no_quotes(name: str) -> None:
    (_, ready) = checked_overrides(["corpus=conllu", f"corpus.train={name}"])
    assert OverridesParser.create().parse_override(ready).value() == name


def test_a_name_is_a_folder() -> None:
    folders = ["hydra.run.dir='runs/my run'", "hydra.sweep.dir='runs/my run'"]
    assert checked_words(["--cfg", "job", "seed=2", "name=my run"]) == ["seed=2", *folders, "--cfg", "job"]
    assert checked_words(["name=null"]) == []
