"""A trained tagger and a new corpus -> one vocabulary for both, and the weights that it keeps."""

# K tags

import dataclasses
from collections.abc import Sequence

import torch

from tagger.folder import SavedTagger
from tagger.network import TaggerNetwork
from tagger.vocabulary import Vocabulary


def merge_vocabularies(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """What a tagger knows, then what the new corpus adds; the columns are those of the new corpus.

    A column of both keeps its tags and gets the new ones after them, unless most of the corpus's tags are
    new to it: then it is another tag set, of which only the tags in both keep what was learned of them.
    """
    words = {word: count + new.words.get(word, 0) for word, count in old.words.items()}
    return dataclasses.replace(
        old,
        words=words | {word: count for word, count in new.words.items() if word not in words},
        characters=_union(old.characters, new.characters),
        tags={column: _merge_tags(old.tags.get(column, []), tags) for column, tags in new.tags.items()},
        forms=sorted({*old.forms, *new.forms}),
    )


@torch.no_grad()
def transfer_weights(start: SavedTagger, network: TaggerNetwork, vocabulary: Vocabulary) -> None:
    """Copies the weights of a tagger into a network of the same config with a merged vocabulary.

    Words, characters and tags that are new to it keep the values that the network was made with.
    """
    merged = network.state_dict()
    for name, weights in start.network.state_dict().items():
        if name in merged and not name.startswith("heads."):
            kept = merged[name] if weights.shape == merged[name].shape else merged[name][: len(weights)]
            kept.copy_(weights)  # what is new comes after what is old
    for column, ids in vocabulary.tag_ids.items():
        old = start.vocabulary.tag_ids.get(column, {})
        shared = [tag for tag in ids if tag in old]
        for part in ("weight", "bias") if shared else ():
            name = f"heads.{column}.{part}"
            merged[name][[ids[tag] for tag in shared]] = start.network.get_parameter(name)[[old[t] for t in shared]]
    network.load_state_dict(merged)


def _merge_tags(old: Sequence[str], new: Sequence[str]) -> list[str]:
    shared = set(old) & set(new)
    return _union(old, new) if 2 * len(shared) >= len(new) else list(new)


def _union(old: Sequence[str], new: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))
