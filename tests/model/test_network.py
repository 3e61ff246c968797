"""The network as a whole, its cells, directions and vectors of forms; its weights in memory and in fewer bytes."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear
from torch.testing import assert_close

from tagger.errors import InputError
from tagger.model import storage
from tagger.model.cells import GRUCell, MinGRUCell, RNNCell
from tagger.model.embeddings import (
    AFFIX_COUNT,
    CharacterEncoder,
    CharacterTable,
    FormEmbedding,
    VectorConfig,
    VectorEmbedding,
    affix_rows,
    word_shape,
)
from tagger.model.encoder import CELLS, BidirectionalLayer, Encoder
from tagger.model.feature_values import SPEED, FeatureScores, feature_matrix, feature_scores
from tagger.model.network import NetworkConfig, TaggerNetwork, check_training_memory, layer_sizes
from tagger.model.recurrent import Dropout, RecurrentLayer, ScanLayer, TorchLayer, gru
from tagger.model.storage import STORAGE_DTYPES, TRAINING_COPIES, check_memory, compress, expand, machine_bytes
from tagger.model.vocabulary import IGNORE, PAD, UNK, Vocabulary
from tagger.text.schema import read
from tagger.words.edit_scripts import edit_script
from tests.conftest import CORPUS, TOKENS, make_batch, make_network, network_config


def scores_of(network: TaggerNetwork, vocabulary: Vocabulary, sentence: list[str]) -> Tensor:
    """The scores of a sentence on its own, (tokens, K)."""
    with torch.no_grad():
        return network(make_batch([sentence], vocabulary)).scores["upos"][:, 0]


@pytest.mark.parametrize(("forward", "backward", "changed"), [(5, 0, 3), (0, 5, 0)])
@pytest.mark.parametrize("cell", CELLS)
def test_one_direction_sees_one_side(
    vocabulary: Vocabulary, cell: str, forward: int, backward: int, changed: int
) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": forward, "backward": backward})
    sentence = ["They", "book", "flights", "."]
    before = scores_of(network, vocabulary, sentence)
    sentence[changed] = "Well"
    differs = (scores_of(network, vocabulary, sentence) - before).abs().amax(1) > 1e-6
    assert differs.tolist() == [place == changed for place in range(4)]


@pytest.mark.parametrize("cell", CELLS)
def test_every_parameter_gets_a_gradient_and_padding_and_neighbours_change_nothing(
    vocabulary: Vocabulary, cell: str
) -> None:
    network = make_network(vocabulary, cell=cell).train()
    batch = make_batch(TOKENS, vocabulary, {column: [s[column] for s in CORPUS] for column in vocabulary.columns})
    scores = network(batch).scores
    for column, target in batch.targets.items():
        loss = cross_entropy(scores[column].flatten(0, 1), target.flatten(), ignore_index=IGNORE)
        loss.backward(retain_graph=True)
    names = dict(network.named_parameters())
    assert {"heads.upos.weight", "heads.xpos.bias", "embedding.words.weight"} <= names.keys()
    for name, parameter in names.items():
        assert parameter.grad is not None, name
        assert 0 < float(parameter.grad.abs().sum()) < torch.inf, name
    network = make_network(vocabulary, cell=cell)
    batch = make_batch(TOKENS, vocabulary)
    index = torch.cat([batch.index, torch.zeros(3, len(batch.lengths), dtype=torch.long)])
    beyond = torch.arange(len(index))[:, None] >= batch.lengths
    index[beyond] = torch.arange(int(beyond.sum())) % len(batch.features["words"])  # slots that point to forms
    padded = network(dataclasses.replace(batch, index=index)).scores["upos"]
    assert len(padded) == len(index)
    for i, sentence in enumerate(TOKENS):
        assert_close(padded[: len(sentence), i], scores_of(network, vocabulary, sentence), rtol=0, atol=1e-6)


def test_a_corpus_adds_its_vector_to_every_token(vocabulary: Vocabulary) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network, alone = make_network(several), make_network(vocabulary)
    assert alone.corpora is None
    batch = make_batch(TOKENS, several)
    before = network.embed(batch)
    batch.corpora = torch.tensor([2, 0, 2])
    assert_close(network.embed(batch), alone.embed(batch))  # before training all corpora are the same
    with torch.no_grad():
        network.corpora.weight[1:] = torch.randn(2, network.embedding.width)
    added = network.embed(batch) - before
    for place, row in enumerate(network.corpora.weight[[2, 0, 2]]):
        assert_close(added[:, place], row.expand(len(added), -1))
    sum(scores.square().sum() for scores in network(batch).scores.values()).backward()  # type: ignore[union-attr]
    assert network.corpora.weight.grad.any(dim=1).tolist() == [False, False, True]  # no corpus is not learned


@dataclass
class Networks:
    networks: list[NetworkConfig]


def test_configs_of_older_networks_and_sizes_that_no_network_or_no_machine_has(vocabulary: Vocabulary) -> None:
    assert layer_sizes(200, 3, "forward") == [200, 200, 200]
    assert layer_sizes([200, 0], 2, "forward") == [200, 0]
    with pytest.raises(InputError, match=r"model\.depth=0"):
        layer_sizes(4, 0, "forward")
    with pytest.raises(InputError, match=r"model\.hidden\.forward lists 1 sizes for model\.depth=2"):
        layer_sizes([4], 2, "forward")
    with pytest.raises(InputError, match="all 0"):
        make_network(vocabulary, words=0, affixes=0, chars=0)
    for changes, message in (
        ({"hidden": {"forward": 1_000_000, "backward": 6}}, "above all of 0.encoder"),
        ({"buckets": 10_000_000, "affixes": 10_000}, "above all of 0.embedding.affixes.weight"),
        ({"depth": 100_000_000}, "model.depth=100000000: a stack has 1 to 1000 layers"),
    ):
        with pytest.raises(InputError, match=message):
            check_training_memory(vocabulary, network_config(**changes))
    config = {name: value for name, value in network_config().items() if name not in ("affixes", "buckets")}
    read(Networks, {"networks": [config]})
    network = TaggerNetwork(vocabulary, cast(NetworkConfig, config))
    assert [name for name, _ in network.embedding.named_children()] == ["words", "characters"]
    with pytest.raises(InputError, match=r"networks\.0\.depth has no value"):
        read(Networks, {"networks": [{name: value for name, value in config.items() if name != "depth"}]})


FEATS = ["Case=Gen", "Case=Gen|Number=Plur", "Case=Nom|Number=Plur", "_"]


def test_a_tag_has_its_features_and_a_blank_for_each_name_that_it_lacks(vocabulary: Vocabulary) -> None:
    expected = [  # Case=, Case=Gen, Case=Nom, Number=, Number=Plur
        [0, 1, 0, 1, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 1, 0],
    ]
    assert_close(feature_matrix(FEATS), torch.tensor(expected, dtype=torch.float32))
    for others in (["NOUN", "_"], ["_"], [], ["Case=Gen", "Gen"], ["keep:=", "lower:*-s"], ["Case=Gen|"]):
        assert feature_matrix(others) is None, others
    tags = ["".join(letters) for letters in product("ANV", "mfn", "sdp", "123")]  # the letters of positional tags
    matrix = cast(Tensor, feature_matrix([*tags, "Z"]))
    assert matrix.shape == (82, 16)  # 13 letters, and 3 places at which "Z" has none
    assert matrix.sum(1).tolist() == [4.0] * 82
    assert feature_matrix(tags[:43]) is None  # less than 4 times 11
    scripts = [edit_script("x", "x" + "".join(ending)) for ending in product("abcde", repeat=4)]
    assert feature_matrix(scripts) is not None  # they only look like positional tags
    vocabulary = dataclasses.replace(vocabulary, tags={**vocabulary.tags, "xpos": FEATS, "lemma": scripts})
    assert [*feature_scores(make_network(vocabulary).heads, vocabulary)] == ["xpos"]


def learned(head: nn.Linear) -> FeatureScores:
    scores = FeatureScores(head, cast(Tensor, feature_matrix(FEATS)))
    for weights in scores.parameters():
        nn.init.normal_(weights)
    return scores


def test_scores_of_features_are_0_at_first_shared_by_tags_and_move_into_the_head_at_last() -> None:
    torch.manual_seed(1)
    h, head = torch.randn(2, 5, 3), nn.Linear(3, len(FEATS))
    assert head(h).any()
    scores = FeatureScores(head, torch.ones(len(FEATS), 1))
    assert not head(h).any()
    assert not scores(h).any()
    scores = learned(head)
    nn.init.normal_(head.weight)
    expected = head(h) + scores(h)
    assert not torch.allclose(head(h), expected)
    scores.move_into(head)
    assert_close(head(h), expected)
    assert not scores(h).any()
    torch.manual_seed(1)
    h, scores = torch.randn(3), learned(nn.Linear(3, len(FEATS)))
    before = scores(h)
    before[FEATS.index("Case=Gen|Number=Plur")].backward()
    with torch.no_grad():
        for weights in scores.parameters():
            weights.add_(weights.grad / SPEED)
        gain = scores(h) - before
    assert_close(gain, SPEED * (1 + h.dot(h)) * torch.tensor([1.0, 2.0, 1.0, 0.0]))  # by the number of shared features


@pytest.fixture
def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "matrix": torch.randn(7, 30) * torch.tensor([1e-9, 1e-3, 0.1, 1.0, 10.0, 1e6, 0.0])[:, None],
        "convolution": torch.randn(4, 3, 5),
        "half": torch.randn(3, 8).half(),
        "bias": torch.randn(30),
        "count": torch.tensor([[3, 4]]),
    }


def test_int8_and_int4_are_within_half_a_level_and_other_types_are_as_they_say(weights: dict[str, Tensor]) -> None:
    restored = expand(compress(weights, "int8"))
    assert restored.keys() == weights.keys()
    for name in ("matrix", "convolution", "half"):
        before = weights[name].float().flatten(1)
        level = before.abs().amax(dim=1, keepdim=True) / 127
        error = (restored[name].flatten(1) - before).abs()
        assert restored[name].shape == weights[name].shape
        assert (error <= 0.501 * level).all()
        assert (error.amax(dim=1, keepdim=True) > 0.2 * level)[level > 0].all()  # it is int8, not something finer
    with pytest.raises(ValueError, match="rows have 3 scales"):
        expand(compress(weights, "int8") | {"matrix:scale": torch.ones(3)})
    table = torch.randn(9, 6) * torch.tensor([1e-9, 1e9] + [1.0] * 7)[:, None]
    stored = compress({"table": table[2:], "beyond": table[1:2], "odd": table[2:, :5], "half": weights["half"]}, "int4")
    assert {name: tensor.dtype for name, tensor in stored.items() if ":" not in name} == {
        "table": torch.uint8,
        "half": torch.uint8,
        "beyond": torch.int8,  # half precision has no such scale
        "odd": torch.int8,
    }
    assert stored["table"].shape == (7, 3)
    level = table[2:].abs().amax(dim=1, keepdim=True) / 7
    assert ((expand(stored)["table"] - table[2:]).abs() <= 0.51 * level).all()
    assert torch.equal(expand(compress({"tiny": table[:1]}, "int4"))["tiny"], torch.zeros(1, 6))
    for name, tensor in compress(weights, "float32").items():
        assert tensor.data_ptr() == weights[name].data_ptr()
        assert torch.equal(tensor, weights[name])
    half = compress(weights, "float16")
    assert half["bias"].dtype == torch.float16
    assert torch.equal(half["bias"], weights["bias"].half())
    assert torch.equal(expand(half)["count"], weights["count"])


@pytest.mark.parametrize("dtype", STORAGE_DTYPES)
def test_expanded_tensors_have_the_wanted_dtype_and_memory_of_their_own(weights: dict[str, Tensor], dtype: str) -> None:
    stored = compress(weights, dtype)
    found = expand(stored, {name: tensor.half() for name, tensor in weights.items()})
    memory = {tensor.data_ptr() for tensor in stored.values()}
    for name, tensor in expand(stored).items():
        assert torch.equal(found[name], tensor.half()), name
        assert found[name].dtype == torch.float16
        assert found[name].data_ptr() not in memory
    with pytest.raises(KeyError):
        expand(stored, {})


def test_learned_weights_count_four_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vocabulary: Vocabulary
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(storage, "_CONTAINER_LIMITS", (str(limit),))
    everything = machine_bytes()
    limit.write_text("max\n")
    assert machine_bytes() == everything
    limit.write_text("1048576\n")
    assert machine_bytes() in (1048576, None)
    network = make_network(vocabulary)
    size = sum(weight.numel() * 4 for weight in network.parameters())
    monkeypatch.setattr(storage, "machine_bytes", lambda: TRAINING_COPIES * size)
    check_training_memory(vocabulary, network_config())
    monkeypatch.setattr(storage, "machine_bytes", lambda: TRAINING_COPIES * size - 1)
    with pytest.raises(InputError, match=r"training: [0-9,]+ parameters need"):
        check_training_memory(vocabulary, network_config())
    network.requires_grad_(False)
    check_memory(dict(network.named_parameters()), "training", TRAINING_COPIES)
    monkeypatch.setattr(storage, "machine_bytes", lambda: None)
    check_training_memory(vocabulary, network_config())


I, H = 5, 4  # noqa: E741
LENGTHS = torch.tensor([4, 1, 7, 2])
T, B = int(LENGTHS.max()), len(LENGTHS)
REFERENCES: dict[str, type[nn.RNN | nn.GRU | nn.LSTM]] = {
    "rnn_scratch": nn.RNN,
    "gru_scratch": nn.GRU,
    "rnn": nn.RNN,
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(T, B, I)


@torch.no_grad()
def copy_weights(theirs: nn.RNNBase, ours: Any) -> None:
    """Copies a layer of torch with one direction."""
    if isinstance(ours, TorchLayer):
        ours.rnn.load_state_dict(theirs.state_dict())
        return
    (w_ih, w_hh, b_ih, b_hh), cell = theirs.all_weights[0], ours.cell
    biases = [b_ih + b_hh] if isinstance(cell, RNNCell) else [b_ih, b_hh]
    for own, other in zip(cell.parameters(), (w_ih.T, w_hh.T, *biases), strict=True):
        own.copy_(other)


def make_states(cell: str, size: int) -> Any:
    """A random state for each sentence, (1, B, size), or a pair of them for an LSTM."""
    h = torch.randn(1, B, size)
    return (h, torch.randn(1, B, size)) if cell == "lstm" else h


def mapped(states: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(states, Tensor):
        return change(states)
    return states and type(states)(mapped(each, change) for each in states)


@pytest.mark.parametrize("length", [1, 2, 7, 33])
@pytest.mark.parametrize("started", [False, True])
def test_the_scan_equals_the_loop_in_value_and_gradient(length: int, started: bool) -> None:
    torch.manual_seed(2)
    cell = MinGRUCell(I, H).double()
    x = torch.randn(length, B, I, dtype=torch.float64, requires_grad=True)
    initial = torch.randn(B, H, dtype=torch.float64, requires_grad=True) if started else None
    lengths = torch.tensor([length, 1, max(1, length // 2), length])
    weight = torch.randn(length, B, H, dtype=torch.float64)
    wanted = [x, *cell.parameters(), *([initial] if initial is not None else [])]
    found = []
    for layer in (RecurrentLayer(cell), ScanLayer(cell)):
        output, last = layer(x, lengths, initial)
        loss = (output * weight).sum() + (last**2).sum()
        found.append([output, last, *torch.autograd.grad(loss, wanted)])
    for loop, parallel in zip(*found, strict=True):
        assert_close(parallel, loop)
    assert all(gradient.abs().max() > 0 for gradient in found[0][2:])


@pytest.mark.parametrize(("forward", "backward"), [([H], [H]), ([6, 0, 2], [3, 7, 0])])
@pytest.mark.parametrize("cell", REFERENCES)
def test_a_stack_of_any_directions_equals_torchs_layers_in_value_state_and_gradient(
    x: Tensor, cell: str, forward: list[int], backward: list[int]
) -> None:
    ours = Encoder(cell, I, forward, backward)
    theirs, states, width = [], [], I
    for layer, *sizes in zip(ours.layers, forward, backward, strict=True):
        theirs.append([REFERENCES[cell](width, size) if size else None for size in sizes])
        states.append([make_states(cell, size) if size else None for size in sizes])
        for own, other in zip((layer.forward_layer, layer.backward_layer), theirs[-1], strict=True):
            if other is not None:
                copy_weights(other, own)
        width = sum(sizes)
        assert layer.width == width
    given_states = mapped(states, lambda each: each[0])
    layers, last = ours(x.requires_grad_(), LENGTHS, given_states)
    assert_close(ours(x, LENGTHS)[0], ours(x, LENGTHS, mapped(given_states, torch.zeros_like))[0])
    cubes = torch.zeros(2)
    for i, length in enumerate(LENGTHS.tolist()):
        h = x[:length, i : i + 1]
        for depth, pair in enumerate(theirs):
            parts = []
            for back, (their, state) in enumerate(zip(pair, states[depth], strict=True)):
                if their is not None:
                    start = mapped(state, lambda each, i=i: each[:, i : i + 1].contiguous())
                    output, end = their(h.flip(0) if back else h, start)
                    parts.append(output.flip(0) if back else output)
                    found = mapped(last[depth][back], lambda each, i=i: each[None, i : i + 1])
                    assert_close(found, end)
            h = torch.cat(parts, dim=-1)
            assert_close(layers[depth][:length, i : i + 1], h)
        cubes = cubes + torch.stack([(each**3).sum() for each in (layers[-1][:length, i], h)])
    gradients = [torch.autograd.grad(cube, x, retain_graph=True) for cube in cubes]
    assert_close(*gradients)
    with pytest.raises(InputError, match="both 0"):
        BidirectionalLayer(None, None)


def test_dropout_is_between_layers_alone_and_the_seed_decides(x: Tensor) -> None:
    one, two = Encoder("gru", I, [H], [H], dropout=0.5), Encoder("gru", I, [H, H], [H, H], dropout=0.5)
    assert_close(one(x, LENGTHS)[0], one.eval()(x, LENGTHS)[0])
    first, dropped = two(x, LENGTHS)[0]
    assert_close(first, two.eval()(x, LENGTHS)[0][0])
    assert not torch.allclose(dropped, two.eval()(x, LENGTHS)[0][1])
    assert (dropped[0] != 0).all()
    x = torch.randn(30, 30)
    assert Dropout(0.5).eval()(x) is x
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()
    assert Dropout(0.5)(x.bfloat16()).dtype == torch.bfloat16
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(Dropout(0.5)(torch.ones(20, 20)))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_weights_start_within_torchs_bound_and_mingru_by_hand() -> None:
    for parameter in (*RNNCell(3, 16).parameters(), *GRUCell(3, 16).parameters()):
        assert 0.2 < parameter.abs().max() <= 0.25
    cell = MinGRUCell(1, 1)
    with torch.no_grad():
        cell.W_x.copy_(torch.tensor([[2.0, 0.5]]))
        cell.b_x.copy_(torch.tensor([0.0, -1.0]))
    z, n = 1 / (1 + math.exp(-6)), math.tanh(0.5)  # of x = 3
    assert cell(torch.tensor([[3.0]]), torch.tensor([[0.25]])).item() == pytest.approx((1 - z) * 0.25 + z * n)


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("steps", [1, T])
def test_the_gru_of_training_equals_torchs_in_value_and_gradient(started: bool, steps: int) -> None:
    torch.manual_seed(1)
    theirs = nn.GRU(I, H).double()
    x = torch.randn(steps, B, I, dtype=torch.float64, requires_grad=True)
    initial = torch.randn(B, H, dtype=torch.float64, requires_grad=True) if started else None
    weight = torch.randn(steps, B, H, dtype=torch.float64)
    wanted = [x, *theirs.parameters(), *([initial] if initial is not None else [])]
    expected, _ = theirs(x, None if initial is None else initial[None])
    products = linear(x, theirs.weight_ih_l0, theirs.bias_ih_l0)
    actual = gru(products, theirs.weight_hh_l0, theirs.bias_hh_l0, initial)
    assert_close(actual, expected)
    gradients = [torch.autograd.grad((output * weight).sum(), wanted) for output in (actual, expected)]
    assert_close(*gradients)
    assert min(gradient.abs().max() for gradient in gradients[0]) > 0 or steps == 1


def test_bfloat16_products_give_float32_gradients_of_weights() -> None:
    torch.manual_seed(3)
    x = torch.randn(T, B, 3 * H)
    weights = [(torch.randn(3 * H, H) / 3).requires_grad_(), torch.randn(3 * H, requires_grad=True)]
    found = [
        torch.autograd.grad(gru(x.to(dtype), *weights).float().sum(), weights)
        for dtype in (torch.float32, torch.bfloat16)
    ]
    for exact, reduced in zip(*found, strict=True):
        assert reduced.dtype == torch.float32
        assert (exact - reduced).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("p", [0.4, 0.002, 0.99])
def test_shares_are_exact_and_independent(p: float) -> None:
    torch.manual_seed(1)
    x = torch.ones(1_000_001, requires_grad=True)  # an odd number: the last random word is not used up
    y = Dropout(p)(x)
    kept = y != 0
    for part in range(4):  # of a random word of 64 bits; the probability is not rounded to a byte
        assert 1 - kept[part::4].float().mean().item() == pytest.approx(p, abs=0.003)
    assert (kept[:-1] & kept[1:]).float().mean().item() == pytest.approx((1 - p) ** 2, abs=0.003)
    assert y.max().item() == pytest.approx(1 / (1 - p), rel=3e-3)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y.detach())


@pytest.mark.parametrize("width", [1, 3, 5])
def test_character_encoder_is_the_maximum_over_windows_and_padding_changes_nothing(width: int) -> None:
    torch.manual_seed(1)
    encoder = CharacterEncoder(ids=9, filters=4, width=width, size=5)
    with torch.no_grad():
        encoder.convolution.bias.fill_(2.0)  # so that an answer to padding alone would show
    form, reach = [3, 8, 4, 2], width // 2
    padded = nn.functional.pad(
        encoder.embedding(torch.tensor(form)), (0, 0, reach, reach)
    )  # (C + width - 1, embedding)
    filters = encoder.convolution.weight.transpose(1, 2)  # (size, width, embedding)
    windows = torch.stack([(filters * padded[i : i + width]).sum((1, 2)) for i in range(len(form))])
    expected = torch.relu(windows.amax(0) + encoder.convolution.bias)
    assert_close(encoder(torch.tensor([[*form, PAD, PAD], [UNK, *[PAD] * 5]]))[0], expected)
    forms = torch.tensor([form, [UNK, PAD, PAD, PAD], [PAD, PAD, PAD, PAD], [5, 5, 5, PAD]])
    assert_close(CharacterTable(encoder)(forms), encoder(forms))


def vectors(projection: int, dtype: str = "float32", tune: bool = False) -> VectorEmbedding:
    """Two sources, of 3 words with 2 numbers and of 1 word with 1 number."""
    torch.manual_seed(1)
    embedding = VectorEmbedding([3, 1], VectorConfig(sizes=[2, 1], projection=projection, tune=tune, dtype=dtype))
    embedding.fill(0, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    embedding.fill(1, torch.tensor([[7.0]]))
    with torch.no_grad():
        embedding.missing.copy_(torch.arange(2.0 * embedding.width).view(2, -1) + 10)
    return embedding


def test_vectors_stand_side_by_side_or_projected_and_are_found_in_lower_case_too(vocabulary: Vocabulary) -> None:
    x = vectors(projection=0)(torch.tensor([[3, 1], [0, 1], [1, 0], [0, 0]]))
    expected = [[5.0, 6.0, 7.0], [10.0, 11.0, 19.0], [14.0, 16.0, 15.0], [23.0, 25.0, 27.0]]
    assert_close(x, torch.tensor(expected))
    for tune, dtype in ((False, torch.float32), (True, torch.float32), (False, torch.float16)):
        embedding = vectors(4, str(dtype).removeprefix("torch."), tune)
        assert {table.dtype for table in embedding.tables} == {dtype}
        x = embedding(torch.tensor([[3, 1], [0, 0]]))
        assert x.dtype == torch.float32
        assert_close(x[0], embedding.projection(torch.tensor([5.0, 6.0, 7.0])))
        x.sum().backward()
        assert all((table.grad is not None) == tune for table in embedding.tables)
    sources = {"one": {"book": 0, "Book": 1, "the": 2}, "two": {"THE": 0}}
    known = dataclasses.replace(vocabulary, vectors=sources)
    config = VectorConfig(sizes=[2, 1], projection=0, tune=False, dtype="float32")
    embedding = FormEmbedding(known, network_config(words=0, affixes=0, chars=0, vectors=config))
    assert embedding.width == 3
    part = cast(VectorEmbedding, embedding.vectors)
    part.fill(0, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    part.fill(1, torch.tensor([[7.0]]))
    x = embedding(make_batch([["Book", "BOOK", "THE", "the", "flights"]], known).features)
    assert_close(x, torch.tensor([[3.0, 4, 0], [1, 2, 0], [5, 6, 7], [5, 6, 0], [0, 0, 0]]))


SHAPES = {"McDonald's": "XxXxxx'x", "1,250": "9,999", "12345": "999", "NATO": "XXX", "...": "...", "......": "..."}
SHAPES |= {"naïve-Ä1": "xxx-X9", "": "", "\ud800": "\ud800", "语言": "xx"}


def test_word_shapes_and_affix_rows_are_the_same_in_every_process() -> None:
    assert {form: word_shape(form) for form in SHAPES} == SHAPES
    assert affix_rows(1000, ["Books", "naïve-1", "\ud800"]).tolist() == [
        [681, 1851, 2149, 3339, 4733, 5613, 6414, 7009],
        [146, 1600, 2711, 3583, 4962, 5396, 6714, 7879],
        [600, 1600, 2600, 3600, 4600, 5600, 6600, 7600],
    ]


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40), st.integers(1, 50))
def test_every_affix_has_rows_of_its_own(form: str, buckets: int) -> None:
    assert (affix_rows(buckets, [form])[0] // buckets).tolist() == list(range(AFFIX_COUNT))
