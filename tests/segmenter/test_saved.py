"""A segmenter's files: read back the same, and whatever they hold, they give a segmenter that works or one line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import CONFIG, VOCABULARY, WEIGHTS
from tagger.errors import InputError
from tagger.model.storage import STORAGE_DTYPES
from tagger.segmenter.learned import load_segmenter
from tagger.text.segment import SEGMENTER, SEGMENTER_WEIGHTS
from tests.bundle.test_validation import change, content, places
from tests.conftest import make_segmenter

TEXT = "The book reads well. Du 3,14 viet nam! des\nlivres"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a segmenter of random weights, to be damaged."""
    make_segmenter().save(tmp_path)
    return tmp_path


def loads_or_says_why(folder: Path) -> str:
    """The message of the error, "" where the segmenter works."""
    try:
        segmenter = load_segmenter(folder)
    except InputError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(message) < 500
        return message
    ((*_,),) = segmenter.segment_all([TEXT])
    return ""


@pytest.mark.parametrize("storage_dtype", STORAGE_DTYPES)
def test_what_is_saved_is_loaded(tmp_path: Path, storage_dtype: str) -> None:
    made = make_segmenter(rules=None, characters=True, cuts=["Ll|Po", "Nd|Po"])
    saved, before = made.rounded(storage_dtype), made.network.state_dict()
    saved.save(tmp_path)
    loaded = load_segmenter(tmp_path)
    assert loaded.config == saved.config
    assert loaded.vocabulary == saved.vocabulary
    assert loaded.lexicon.hashes.dtype == np.uint32
    for there, known in ((loaded.lexicon, saved.lexicon), (loaded.lexicon.borders, saved.lexicon.borders)):
        assert there.hashes.tolist() == known.hashes.tolist()
        assert there.codes.tolist() == known.codes.tolist()
        assert len(known.hashes) > 5 or storage_dtype == "int4"  # which has no borders that training has once
    assert not loaded.network.training
    tolerance = {"float32": 0.0, "float16": 0.003, "int8": 0.03, "int4": 0.3}[storage_dtype]
    for name, weight in saved.network.state_dict().items():
        found = loaded.network.state_dict()[name]
        assert found.dtype == torch.float32
        assert torch.equal(found, weight)
        torch.testing.assert_close(found, before[name], rtol=0, atol=tolerance)
    assert loaded.segment_all([TEXT]) == saved.segment_all([TEXT])


@pytest.mark.parametrize("part", ["config", "vocabulary"])
def test_any_value_is_refused_or_works(folder: Path, part: str) -> None:
    path = folder / SEGMENTER
    before = path.read_bytes()
    errors = []
    values: list[Any] = [None, True, -1, 0, 1, 10**8, 10**30, 0.5, float("nan"), "\x1b[31m\x07", [], {}, ["x", "x"]]
    for keys in places(content(path), 100 if part == "config" else 2):
        for value in values if keys[0] == part else []:
            change(path, keys, value)
            errors.append(loads_or_says_why(folder))
            path.write_bytes(before)
    assert 50 < sum(map(bool, errors)) < len(errors)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("config", "hidden"), 10**9, "config.hidden=1000000000"),
        (("config", "buckets"), 10_000_000, "do not fit each other"),
        (("config", "cuts"), ["Nd|Lo", "Nd|Lo"], "one of the cuts occurs twice"),
        (("config", "cuts"), ["Nd|Lo", "Nd Lo"], "the cut 'Nd Lo' is not two kinds of units"),
        (("vocabulary", "forms"), ["the", "the", "a", "b"], "one of the forms occurs twice"),
        (("vocabulary", "scripts", 0), "keep", "is no edit script"),
        (("vocabulary", "scripts", 0), "keep:\x1b[31m *", "has a control character"),
        (("vocabulary", "scripts"), [], "there is no script 4, only 0"),
        (("vocabulary", "affixes", "s"), [[1, 1]], '"s" is no affix'),
        (("vocabulary", "multiwords", "du"), [5], "there is no script 5, only 4"),
    ],
)
def test_a_damaged_value_is_named(folder: Path, keys: tuple[Any, ...], value: Any, message: str) -> None:
    change(folder / SEGMENTER, keys, value)
    assert message in loads_or_says_why(folder)


@pytest.mark.parametrize(
    ("name", "change_tensor", "message"),
    [
        ("labels.bias", lambda t: t * float("nan"), "labels.bias has a weight that is NaN"),
        ("types.weight", lambda t: t[1:].contiguous(), "types.weight is F32"),
        ("codes", lambda t: t + 8, "words of the lexicon do not have a code each"),
        ("lexicon", lambda t: t.flip(0), "not in ascending order"),
        ("lexicon", lambda t: None, "lexicon is None None"),
        ("borders", lambda t: t.flip(0), "hashes of the borders are not in ascending order"),
        ("another", lambda t: torch.zeros(3), '"another" that the network does not use'),
    ],
)
def test_damaged_weights_are_named_and_an_empty_lexicon_is_one(
    folder: Path, name: str, change_tensor: Any, message: str
) -> None:
    weights = load_file(folder / SEGMENTER_WEIGHTS)
    empty = weights | {name: weights[name][:0] for name in ("lexicon", "codes", "borders", "border_codes")}
    changed = change_tensor(weights.pop(name, torch.zeros(1)))
    save_file(weights if changed is None else weights | {name: changed}, folder / SEGMENTER_WEIGHTS)
    assert message in loads_or_says_why(folder)
    save_file(empty, folder / SEGMENTER_WEIGHTS)
    assert loads_or_says_why(folder) == ""


@pytest.mark.parametrize("name", [SEGMENTER, SEGMENTER_WEIGHTS])
def test_a_file_is_missing_or_cut(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    for size in (0, 1, 7, 100, len(content) // 2, len(content) - 2):
        path.write_bytes(content[:size])
        assert "is damaged" in loads_or_says_why(folder)
    path.unlink()
    assert f"{name} is missing" in loads_or_says_why(folder)


def test_a_tagger_gets_another_segmenter(trained: Path, tmp_path: Path) -> None:
    files = (WEIGHTS, VOCABULARY, CONFIG)
    before = {name: (trained / name).read_bytes() for name in files}
    bundle = Bundle.load(trained)
    for seed in (1, 2):
        target = tmp_path / "new"
        replace(bundle, segmenter=make_segmenter(seed)).save(target, "# card\n")
        bundle = Bundle.load(target)
        assert {name: (target / name).read_bytes() for name in files[:2]} == {name: before[name] for name in files[:2]}
        assert torch.equal(load_segmenter(target).network.labels.bias, make_segmenter(seed).network.labels.bias)
    assert {name: (trained / name).read_bytes() for name in files} == before
