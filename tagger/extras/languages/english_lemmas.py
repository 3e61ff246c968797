"""Gives the tagger `english` lemmas: `python -m tagger.extras.languages.english_lemmas UD_English-EWT -o FOLDER`.

A head for the column `lemma` learns from the states of the trained network, which stays as it is; so do all its other
columns, to the bit. The accuracies that it prints at the end go into `config.json` and the card by hand.
"""

import argparse
import copy
import dataclasses
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import find_tagger
from tagger.bundle.saved_config import CARD
from tagger.extras.languages.make import evaluate, read, split_of
from tagger.model.batch import plan_batches
from tagger.model.device import own_turn
from tagger.model.network import TaggerNetwork
from tagger.model.storage import compress, expand
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions

EPOCHS, BATCH, RATE, DROPOUT = 12, 512, 0.002, 0.2


def main() -> None:
    """Trains the head and writes the tagger."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    folder = find_tagger("english")
    bundle = Bundle.load(folder)
    train = read(split_of(arguments.corpus, "train"))
    rows = [{"tokens": s.tokens, "lemma": s.tags["lemma"]} for s in train]
    learned = Vocabulary.build(rows, ["lemma"], 2)
    known = dict(zip(learned.forms, learned.form_tags["lemma"], strict=True))
    (member,) = bundle.members
    own = member.vocabulary
    vocabulary = dataclasses.replace(
        own,
        tags={**own.tags, "lemma": learned.tags["lemma"]},
        form_tags={"lemma": [known.get(form, []) for form in own.forms]},
    )

    (group,) = Tagger(copy.deepcopy(bundle), TaggerOptions("cpu", "float32")).engine.groups
    forms = [form for sentence in train for form in sentence.tokens]
    states = torch.empty(len(forms), group.widths[0])  # of the first layer
    with own_turn():
        batches = list(plan_batches([sentence.tokens for sentence in train]))
        for packed, layers in zip(batches, group.states(forms, batches), strict=True):
            states[packed.tokens] = layers[0]
    ids = vocabulary.tag_ids["lemma"]
    codec = vocabulary.codecs["lemma"]
    targets = torch.tensor([ids.get(t, -100) for s in train for t in codec.learned(s.tokens, s.tags["lemma"])])
    head = torch.nn.Linear(states.shape[1], len(ids))
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.01)
    steps = EPOCHS * (len(states) // BATCH)
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for step in range(steps):
        if step % (len(states) // BATCH) == 0:
            order = torch.randperm(len(states))
        place = step % (len(states) // BATCH) * BATCH
        batch = order[place : place + BATCH]
        x = torch.dropout(states[batch], DROPOUT, True)
        loss = cross_entropy(head(x), targets[batch], ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
        if step % (len(states) // BATCH) == 0:
            print(f"epoch {step // (len(states) // BATCH) + 1}: loss {loss.item():.4f}", flush=True)

    network = TaggerNetwork(vocabulary, member.network.config).eval()
    weights: dict[str, torch.Tensor] = {
        **member.network.state_dict(),
        "heads.lemma.weight": head.weight,
        "heads.lemma.bias": head.bias,
    }
    network.load_state_dict(weights)
    with_lemmas = dataclasses.replace(
        bundle, members=(dataclasses.replace(member, network=network, vocabulary=vocabulary),)
    )
    rounded = expand(compress({"heads.lemma.weight": head.weight}, "int8"))
    network.load_state_dict({**weights, **rounded})
    card = (folder / CARD).read_text(encoding="utf-8")
    with_lemmas.save(arguments.out, card)
    for split in ("dev", "test"):
        found = evaluate(split_of(arguments.corpus, split), arguments.out)
        print(split, {column: scores["accuracy"] for column, scores in found.items()}, flush=True)


if __name__ == "__main__":
    main()
