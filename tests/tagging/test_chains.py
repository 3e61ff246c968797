"""A tagger with a linear chain: what it says, also where its network is on another device, saves and refuses."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from tagger.bundle.bundle import Bundle, Linear
from tagger.bundle.saved_config import CONFIG, LINEAR_WEIGHTS, sign
from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder
from tagger.model.vocabulary import Vocabulary
from tagger.tagging import tagger_options
from tagger.tagging.engine import Engine
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.sentence import Sentence
from tests.conftest import CORPUS, LEMMAS, TOKENS, bundle_of, make_network, overfit
from tests.model.test_crf import make_chain
from tests.words.test_dictionary import MICE, reliability

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], ["unknown", "x" * 60], ["reads"] * 9]
FORMS = ["", *(form for sentence in SENTENCES for form in sentence)]
WEIGHT = 0.3


def with_linear(vocabulary: Vocabulary, seed: int = 1, weight: float = WEIGHT) -> Bundle:
    linear = Linear("upos", make_chain(FORMS, seed, len(vocabulary.tags["upos"])), weight, temperature=1.5)
    return replace(bundle_of(make_network(vocabulary, seed), vocabulary), linear=(linear,))


@pytest.fixture
def bundle(vocabulary: Vocabulary) -> Bundle:
    return with_linear(vocabulary)


def scores_of(engine: Engine, sentences: Sequence[Sequence[str]]) -> dict[str, Tensor]:
    """For each column the scores (logits) of all tokens, (tokens, K), sentence after sentence."""
    found = engine.weighed(engine.score(sentences))
    order = torch.from_numpy(np.argsort(np.concatenate([batch.tokens for batch in found])))
    return {c: torch.cat([batch.scores[c] for batch in found])[order] for c in engine.vocabulary.columns}


def scores(bundle: Bundle, column: str = "upos") -> Tensor:
    return scores_of(Engine(bundle, TaggerOptions("cpu", "float32")), SENTENCES)[column]


def test_scores_and_transitions_are_the_weighted_mean(bundle: Bundle) -> None:
    network = scores(replace(bundle, linear=()))
    (member,) = bundle.linear
    alone = scores(replace(bundle, linear=(replace(member, weight=1.0, temperature=1.0),)))
    torch.testing.assert_close(scores(bundle), (1 - WEIGHT) * network + WEIGHT / 1.5 * alone, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(scores(bundle, "xpos"), scores(replace(bundle, linear=()), "xpos"))
    decoder = Engine(bundle, TaggerOptions("cpu", "float32")).decoders["upos"]
    assert isinstance(decoder, CRFDecoder)
    torch.testing.assert_close(decoder.transitions, WEIGHT / 1.5 * member.chain.decoder.transitions)


@pytest.mark.parametrize("storage_dtype", ["float32", "float16", "int8"])
def test_what_is_saved_is_loaded_to_the_bit(bundle: Bundle, tmp_path: Path, storage_dtype: str) -> None:
    before = bundle.rounded(storage_dtype)
    before.save(tmp_path / "a", "# card\n")
    loaded = Bundle.load(tmp_path / "a")
    assert [each.description for each in loaded.linear] == [each.description for each in before.linear]
    for name, weight in before.linear[0].chain.state_dict().items():
        assert torch.equal(loaded.linear[0].chain.state_dict()[name], weight)
    assert torch.equal(scores(loaded), scores(before))
    size = (tmp_path / "a" / LINEAR_WEIGHTS).stat().st_size
    assert size < 7 * sum(weight.numel() for weight in loaded.linear[0].chain.parameters())


def test_a_damaged_description_and_damaged_weights_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder, path = tmp_path / "a", tmp_path / "a" / CONFIG
    replace(bundle, linear=(*bundle.linear, *bundle.linear)).save(folder, "# card\n")
    config = json.loads(path.read_text())
    for key, value, says in (
        ("weight", 1.0, "linear.0.weight"),
        ("temperature", 9.0, "linear.0.temperature"),
        ("column", "feats", "feats"),
        ("features", [1, 1 << 62, 1], "linear.0.features"),
        ("features", [1 << 30, 1 << 30, 0], "its files do not fit each other"),
        ("weight", 0.6, "leave nothing for the networks"),
    ):
        path.write_text(json.dumps(config | {"linear": [each | {key: value} for each in config["linear"]]}))
        assert says in refused(folder)
    bundle.save(folder, "# card\n")
    path = folder / LINEAR_WEIGHTS
    weights = load_file(path)
    keys = weights["0.tables.own.keys"]
    for name, value, says in (
        ("0.tables.own.keys", keys.flip(0), "ascending"),
        ("0.tables.own.keys", keys.long(), "0.tables.own.keys"),
        ("0.tables.own.keys", keys[:-1].clone(), "do not fit"),
        ("0.tables.own.weight", weights["0.tables.own.weight"] * torch.nan, "NaN"),
        ("0.decoder.start", torch.zeros(1), "start"),
    ):
        save_file({**weights, name: value}, path)
        sign(folder)
        assert says in refused(folder)
    path.write_bytes(path.read_bytes()[:50])
    assert LINEAR_WEIGHTS in refused(folder)
    path.unlink()
    assert f"{LINEAR_WEIGHTS} is missing" in refused(folder)


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        Bundle.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


COLUMNS = ["upos", "xpos", "lemma"]
ODD = [MICE, ["They", "book", "🙂", "Xyzzyland", "."], ["GEESE"], [], ["the", "Flights"], *[["It", "reads"]] * 8]


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("column", COLUMNS)
def test_tags_are_the_same_on_another_device(decoder: str, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is there; the chain, the dictionary and rules stay on the processor."""
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # its tensors cannot be wrapped
    monkeypatch.setattr(tagger_options, "choose_device", str)
    corpus = [{**sentence, "lemma": found} for sentence, found in zip(CORPUS, LEMMAS, strict=True)]
    vocabulary = Vocabulary.build(corpus, COLUMNS, min_count=1)
    network = make_network(vocabulary, decoder=decoder)
    overfit(network, vocabulary, 20, corpus)
    chain = make_chain([*MICE, ""], 1, len(vocabulary.tags[column]))
    plain = bundle_of(network, vocabulary, temperatures=dict.fromkeys(COLUMNS, 1.5))
    bundle = replace(plain, linear=(Linear(column, chain, 0.3),), lemmas=reliability(60))

    def found(device: str, **options: Any) -> list[Sentence]:
        tagger = Tagger(bundle, TaggerOptions(device, "float32"))
        given = [Sentence(list(tokens), {"upos": ["_"] * len(tokens)}) for tokens in ODD]
        given[0].tags["upos"][2] = "VERB"
        return list(tagger.stream(given, **options))

    for options in ({}, {"probabilities": True, "top": 3}, {"keep": True}, {"columns": ["lemma"]}):
        here = found("cpu", **options)
        with Made(), SecondDevice():
            assert found(DEVICE, **options) == here
        network.to("cpu")


DEVICE = "meta"  # as which it stands; nothing else uses this device within the block
_HOME = torch.device(DEVICE)


class _Away(Tensor):
    """A tensor on the device."""

    data_here: Tensor

    @staticmethod
    def __new__(cls, data: Tensor) -> "_Away":
        made = Tensor._make_wrapper_subclass(
            cls, data.shape, strides=data.stride(), storage_offset=data.storage_offset(), dtype=data.dtype, device=_HOME
        )
        made.data_here = data
        return made

    def tolist(self) -> Any:
        return self.data_here.tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


class Made(TorchFunctionMode):
    """`torch.tensor` of a list on the device, which asks no dispatcher."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.tensor and torch.device(kwargs.get("device") or "cpu") == _HOME:
            return function(*args, **{**kwargs, "device": "cpu"}).to(_HOME)
        return function(*args, **kwargs)


class SecondDevice(TorchDispatchMode):
    """Within the block tensors can be moved to `DEVICE`; what mixes tensors of both devices is an error, as on a GPU.

    A tensor of no dimensions may come from the processor, as on a GPU. It takes `Made` around it.
    """

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


def _run(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
    known = {id(each.data_here): each for each in tensors if isinstance(each, _Away)}
    is_copy = function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
    if known and not is_copy and any(each.dim() for each in tensors if not isinstance(each, _Away)):
        raise RuntimeError(f"{function}: tensors are on two devices")
    goes = kwargs.get("device")
    stays_away = bool(known) if goes is None else torch.device(goes) == _HOME
    own = {**kwargs, **({} if goes is None else {"device": torch.device("cpu")})}
    unwrapped = tree_map(lambda each: each.data_here if isinstance(each, _Away) else each, (tuple(args), own))
    made = function(*unwrapped[0], **unwrapped[1])
    if function is torch.ops.aten.copy_.default:
        return args[0]

    def wrapped(each: Any) -> Any:
        return known[id(each)] if id(each) in known else _Away(each) if isinstance(each, Tensor) else each

    return tree_map(wrapped, made) if stays_away else made
