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
        ("passes=0", "passes=0: expected"),
        ("text=[]", "text=[]: expected"),
        ("dev=''", "dev=: expected"),
        ("embedding.words=0", "embedding.words=0: expected"),
        ("model.hidden.backward=null", "model.hidden.backward=null: expected"),
        ("model.dropout=null", "model.dropout=null: expected"),
        ("segmenter=klingon", "segmenter=klingon: expected"),
        ("neighbours=2", "neighbours=2: expected"),
        ("embedding=5", "embedding=5: expected"),
        ("trainer.precision=64", "trainer.precision=64: expected"),
        ("+trainer.max_epochs=3", "trainer.max_epochs: pretraining ends after a number of passes"),
        ("seed=99999999999", "seed=99999999999: expected"),
    ],
)
def test_bad_values_are_named(override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        composed(override)
