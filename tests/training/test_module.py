"""What networks in a trainer learn, how fast, what is logged and kept; what the optimizer of linear chains finds."""

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.data import DataLoader

import tagger
from tagger.model.batch import Batch, collate, plan_batches
from tagger.model.embeddings import VectorConfig
from tagger.model.linear_chain import EDGE, LinearChain, term_places, token_scores
from tagger.model.vocabulary import IGNORE, Vocabulary
from tagger.training.fit_linear import L1, L2, minimize, train_linear
from tagger.training.module import WARMUP, TaggerModule
from tagger.training.start import transfer_weights
from tagger.training.teacher import GOLD_SHARE, student_loss, teacher_loss
from tests.conftest import CORPUS, TOKENS, make_batch, make_table, network_config, save_tiny

EPOCHS, LR = 20, 0.03
# Of a module, unless a test says otherwise.
DEFAULTS = {"lr": 2e-3, "weight_decay": 0.05, "transformer_lr": 1e-4}
QUERY = "encoder.layer.1.attention.self.query.weight"  # of the top layer of a tiny BERT
STEPS = 3 * EPOCHS  # every sentence is a batch


class LearningRates(pl.Callback):
    """Notes the learning rate of every step, of a group of parameters."""

    def __init__(self, group: int = 0) -> None:
        self.group, self.values = group, list[float]()

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.values.append(trainer.optimizers[0].param_groups[self.group]["lr"])


def make_trainer(**settings: Any) -> pl.Trainer:
    """A silent trainer on the CPU."""
    silent = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)
    return pl.Trainer(accelerator="cpu", **silent, **settings)


def make_module(vocabulary: Vocabulary, **settings: Any) -> TaggerModule:
    """A tiny module with random weights."""
    torch.manual_seed(1)
    return TaggerModule(asdict(vocabulary), **{"network": network_config(), **DEFAULTS, **settings})


def make_loader(batches: list[Batch]) -> DataLoader[Batch]:
    return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


def gold_batch(vocabulary: Vocabulary, *numbers: int, **changed: list[list[str]]) -> Batch:
    """The sentences with these numbers and their tags, some columns changed."""
    tags = {column: [CORPUS[i][column] for i in numbers] for column in vocabulary.columns}
    return make_batch([TOKENS[i] for i in numbers], vocabulary, {**tags, **changed})


def validate(module: TaggerModule, *batches: Batch) -> dict[str, float]:
    """What validation logs."""
    (logged,) = make_trainer().validate(module, make_loader(list(batches)), verbose=False)
    return dict(logged)


@pytest.fixture(scope="module")
def fitted(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A module trained on the tiny corpus, its learning rates, its checkpoint and what was logged last."""
    module, rates = make_module(vocabulary, lr=LR), LearningRates()
    batches = make_loader([gold_batch(vocabulary, i) for i in range(3)])
    trainer = make_trainer(max_epochs=EPOCHS, callbacks=[rates], gradient_clip_val=1.0, num_sanity_val_steps=0)
    trainer.fit(module, batches, make_loader([gold_batch(vocabulary, 0, 1, 2)]))
    checkpoint = tmp_path_factory.mktemp("module") / "last.ckpt"
    trainer.save_checkpoint(checkpoint)
    return {"module": module, "rates": rates.values, "checkpoint": checkpoint, "logged": dict(trainer.callback_metrics)}


def test_learning_rates_and_frozen_epochs(fitted: dict[str, Any], vocabulary: Vocabulary, bert: Path) -> None:
    rise = round(WARMUP * STEPS)
    climb = [LR * (i + 1) / rise for i in range(rise)]
    fall = [LR * (STEPS - i) / (STEPS - rise) for i in range(rise, STEPS)]
    assert fitted["rates"] == pytest.approx(climb + fall)
    from tests.pretrained.encoders import load, read

    embedding, tokenizer, described = load(bert, tune=1)
    torch.manual_seed(1)
    config = network_config(transformer=described)
    module = make_module(vocabulary, network=config, lr=LR, transformer_lr=0.1, frozen_epochs=2)
    transformer = module.body.transformer
    tags = {column: [CORPUS[i][column] for i in range(3)] for column in vocabulary.columns}
    batch = collate(TOKENS[:3], make_table(vocabulary, tokenizer), tags)
    batch.outputs = embedding.outputs(read(tokenizer, *TOKENS[:3])).detach()
    weights: list[torch.Tensor] = []

    class Weights(pl.Callback):
        def on_train_epoch_start(self, *_: Any) -> None:
            weights.append(transformer.encoder.get_parameter(QUERY).detach().clone())

    rates, last = LearningRates(), LearningRates(-1)
    trainer = make_trainer(max_epochs=4, limit_val_batches=0, callbacks=[Weights(), rates, last])
    trainer.fit(module, make_loader([batch]))
    assert rates.values == pytest.approx([0, 0, 0.1, 0.1])
    assert last.values == pytest.approx([LR, LR, LR * 2 / 3, LR / 3])
    same = [torch.equal(weight, weights[0]) for weight in weights]
    assert same == [True, True, True, False]
    assert transformer.learns


def test_matrices_alone_decay_and_no_pretrained_vectors(vocabulary: Vocabulary) -> None:
    vocabulary = dataclasses.replace(vocabulary, vectors={"some": {"book": 0, "unheard-of": 1}})
    vectors = VectorConfig(sizes=[4], projection=0, tune=True, dtype="float32")
    module = make_module(vocabulary, network=network_config(vectors=vectors), weight_decay=0.3)
    module.body.embedding.vectors.fill(0, torch.ones(2, 4))
    make_trainer(max_epochs=1, limit_val_batches=0).fit(module, make_loader([gold_batch(vocabulary, 0)]))
    optimizer = module.trainer.optimizers[0]
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert len(decays) == len(list(module.parameters()))
    for name, parameter in module.named_parameters():
        assert decays[id(parameter)] == (0.3 if parameter.dim() > 1 and "vectors.tables" not in name else 0.0), name
    table = module.body.embedding.vectors.tables[0]
    assert torch.equal(table[0], torch.zeros(4))  # what stands for a form without a vector
    assert not torch.equal(table[1], torch.ones(4))  # "book" occurs
    assert torch.equal(table[2], torch.ones(4))  # the other does not


def test_overfits_and_is_a_tagger_in_a_folder_or_a_checkpoint(
    fitted: dict[str, Any], vocabulary: Vocabulary, tmp_path: Path
) -> None:
    for key in ("dev/upos", "dev/xpos", "dev/accuracy"):
        assert fitted["logged"][key] == 1.0, key
    assert fitted["logged"]["dev/loss"] < 0.5
    loaded = tagger.load(save_tiny(tmp_path / "tagger", fitted["module"].body, vocabulary), device="cpu")
    for column in ("upos", "xpos"):
        assert loaded.tag_sentences(TOKENS, column) == [sentence[column] for sentence in CORPUS]
    saved = torch.load(fitted["checkpoint"], weights_only=True)["hyper_parameters"]
    assert (saved["network"], saved["lr"]) == (network_config(), LR)
    module = TaggerModule.load_from_checkpoint(fitted["checkpoint"], map_location="cpu")
    assert module.vocabulary == vocabulary
    batch = gold_batch(vocabulary, 0, 1, 2)
    module.eval()
    assert_close(module.body(batch).scores, fitted["module"].eval().body(batch).scores, rtol=0, atol=0)


def test_logged_accuracy_is_over_tokens_whatever_the_batches(fitted: dict[str, Any], vocabulary: Vocabulary) -> None:
    # gold tags changed so that 2 of 4, 5 of 5 and 0 of 1 predictions are right, and one word is a blank
    first = gold_batch(vocabulary, 0, upos=[["PRON", "ADV", "ADV", "PUNCT"]])
    third = gold_batch(vocabulary, 2, upos=[["ADV"]])
    logged = validate(fitted["module"], first, gold_batch(vocabulary, 1), third)
    expected = {"dev/upos": 7 / 10, "dev/xpos": 1, "dev/accuracy": (7 / 10 + 1) / 2}
    assert {name: logged[name] for name in expected} == pytest.approx(expected)
    nothing = gold_batch(vocabulary, 0, upos=[["_"] * 4])
    logged = validate(fitted["module"], nothing, gold_batch(vocabulary, 1))
    assert logged["dev/upos"] == 1
    assert logged["dev/loss"] < 1  # a number, not NaN
    # an unseen tag counts as wrong and takes no part in the loss
    unseen = validate(fitted["module"], gold_batch(vocabulary, 0, upos=[["PRON", "NEW", "NOUN", "PUNCT"]]))
    blank = validate(fitted["module"], gold_batch(vocabulary, 0, upos=[["PRON", "_", "NOUN", "PUNCT"]]))
    assert (unseen["dev/upos"], blank["dev/upos"]) == (pytest.approx(3 / 4), 1)
    assert unseen["dev/loss"] == blank["dev/loss"]


def test_auxiliary_values_are_learned_and_features_have_scores(vocabulary: Vocabulary, tmp_path: Path) -> None:
    module = make_module(vocabulary, auxiliary=3, auxiliary_weight=1.0).train()
    batch = gold_batch(vocabulary, 0, 1)
    without = module.training_step(batch, 0)
    batch.auxiliary = torch.full((*batch.index.shape, 3), -1.0)
    assert_close(module.training_step(batch, 0), without)
    batch.auxiliary[..., 1] = 1
    loss = module.training_step(batch, 0)
    loss.backward()
    gradient = module.auxiliary_heads[0].weight.grad
    assert loss > without
    assert gradient[1].abs().max() > 0
    assert not gradient[[0, 2]].any()
    names = {0: ["Number=Plur", "Tense=Pres", "Number=Plur", "Case=Nom"], 1: ["Case=Nom|Number=Plur"] * 5}
    tags = sorted({tag for each in names.values() for tag in each})
    vocabulary = dataclasses.replace(vocabulary, tags={**vocabulary.tags, "xpos": tags}, combinations=[])
    module, batch = make_module(vocabulary, members=2), gold_batch(vocabulary, 0, 1, xpos=[*names.values()])
    trainer = make_trainer(max_epochs=2, limit_val_batches=0)
    trainer.fit(module, make_loader([batch]))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    loaded = TaggerModule.load_from_checkpoint(tmp_path / "last.ckpt", map_location="cpu")
    loss = module.eval().training_step(batch, 0)
    untold = module.body(batch).scores["xpos"]
    bundle = module.trained()
    assert not torch.allclose(bundle.networks[0](batch).scores["xpos"], untold)
    again = make_module(vocabulary, members=2)
    for member, network in zip(bundle.members, again.networks, strict=True):
        transfer_weights(member, network, vocabulary)
    for other in (module, loaded, again):  # features within heads; from a checkpoint; from the trained tagger
        assert_close(other.eval().training_step(batch, 0), loss)


def test_gold_and_teacher_share_the_loss_of_a_token(vocabulary: Vocabulary) -> None:
    for gold in [0.0, 0.3, GOLD_SHARE, 1.0]:
        module = make_module(vocabulary).train()
        batch = gold_batch(vocabulary, 0, 1, upos=[["PRON", "_", "_", "PUNCT"], ["_"] * 5])  # two of nine have gold
        shares = torch.tensor([0.75, 0.125]).expand(*batch.index.shape, 2)
        ids = torch.arange(2).expand_as(shares) + torch.arange(len(batch.index))[:, None, None] % 3
        batch.teacher = {column: torch.stack([ids.float(), shares], dim=-1) for column in vocabulary.columns}
        scores = module.body(batch).scores
        expected, of_gold = 0.0, {}
        for column, target in batch.targets.items():
            tokens = [(t, b) for b, length in enumerate(batch.lengths.tolist()) for t in range(length)]
            losses = []
            for t, b in tokens:
                taught = teacher_loss(scores[column][t, b][None], batch.teacher[column][t, b][None]).item()
                tag = int(target[t, b])
                own = -scores[column][t, b].log_softmax(-1)[tag] if tag != IGNORE else torch.zeros(())
                losses += [own] if tag != IGNORE else []
                expected += (gold * own.item() + (1 - gold) * taught if tag != IGNORE else taught) / len(tokens)
            of_gold[column] = torch.stack(losses).mean()
        assert student_loss([scores], of_gold, batch, gold).item() == pytest.approx(expected, rel=1e-5)
        if gold == GOLD_SHARE:
            assert module.training_step(batch, 0).item() == pytest.approx(expected, rel=1e-5)


# Linear chains

LENGTHS = (12, 9, 12, 2)


def tags_of(chain: LinearChain, sentences: list[list[str]]) -> list[int]:
    """The tags of all tokens."""
    forms = list(dict.fromkeys(form for sentence in sentences for form in sentence))
    ids = {form: i for i, form in enumerate([EDGE, *forms])}
    tokens = np.array([ids[form] for sentence in sentences for form in sentence])
    found = torch.empty(len(tokens), dtype=torch.int64)
    with torch.no_grad():
        terms = chain(chain.rows([EDGE, *forms]))
        for places, counts, _ in plan_batches(sentences):
            scores = token_scores(terms, term_places(tokens[places], 0, counts))
            found[places] = chain.decoder.best(scores, counts)
    return found.tolist()


def test_the_minimum_of_a_bowl_with_penalties() -> None:
    torch.manual_seed(1)
    center, steep = torch.randn(10) * 0.2, torch.linspace(0.5, 5, 10)
    weights = nn.ParameterList([torch.zeros(3, 2), torch.zeros(4)])  # two, so that they are taken apart again

    def loss() -> float:
        x = torch.cat([each.flatten() for each in weights.parameters()])
        value: Tensor = (steep * (x - center) ** 2).sum() / 2
        value.backward()
        return float(value.detach())

    minimize(weights, loss)
    expected = (steep * center).sign() * ((steep * center).abs() - L1).clamp(min=0) / (steep + 2 * L2)
    found = torch.cat([each.detach().flatten() for each in weights.parameters()])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    assert torch.equal(found == 0, expected == 0)
    assert 0 < int((found == 0).sum()) < 10


def test_a_chain_learns_what_single_words_cannot_say_also_without_some_tags() -> None:
    """In the middle of a sentence of one word the tag follows from the tags before alone."""
    sentences = [["x"] * n for n in LENGTHS]
    tags = [[i % 2 for i in range(n)] for n in LENGTHS]
    chain, again = (train_linear(sentences, tags, 2) for _ in range(2))
    assert tags_of(chain, [["x"] * 30]) == [i % 2 for i in range(30)]
    assert_close(again.state_dict(), chain.state_dict(), rtol=0, atol=0)
    for missing in [IGNORE, None]:
        sentences = [["the", "dog", "barks"], ["a", "dog", "sleeps"], ["the", "cat"], ["sleeps"]]
        tags = [[0, 1, 2], [0, missing or 1, missing or 2], [0, 1], [2]]
        assert tags_of(train_linear(sentences, tags, 3), sentences) == [0, 1, 2, 0, 1, 2, 0, 1, 2]
