"""The values of a pretraining: plain values and back, and those that are refused."""

import json
import re
from dataclasses import asdict

import pytest

from tagger.errors import InputError
from tagger.pretraining.config import PretrainConfig, pretrain_config
from tests.training.conftest import page


def composed(*overrides: str) -> PretrainConfig:
    return pretrain_config(page("pretrain", *overrides))


def test_a_config_is_plain_values_and_back() -> None:
    config = composed("text=[a,b]", "model.hidden.forward=[3,4]")
    assert pretrain_config(json.loads(json.dumps(asdict(config)))) == config
    assert config.model.hidden.forward == [3, 4]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mask=0", "mask=0"),
        ("passes=0", "passes=0: give a whole number, at least 1"),
        ("text=[]", "text=[]: give a file"),
        ("dev=''", "dev=: give a file"),
        ("embedding.words=0", "embedding.words=0: give a whole number, at least 1"),
        ("model.hidden.backward=null", "model.hidden.backward=null: give a whole number from 0"),
        ("model.dropout=null", "model.dropout=null: give a number from 0 to 0.99"),
        ("segmenter=klingon", "segmenter=klingon: choose one of"),
        ("neighbours=2", "neighbours=2: give true or false"),
        ("embedding=5", "embedding=5: give its values one by one"),
        ("trainer.precision=64", "trainer.precision=64: give null or 16-mixed or 32-true or bf16-mixed"),
        ("+trainer.max_epochs=3", "trainer.max_epochs: pretraining ends after a number of passes"),
        ("seed=99999999999", "seed=99999999999: give a whole number, at least 0 and at most 4294967295"),
    ],
)
def test_bad_values_are_named(override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        composed(override)
