"""A trained tagger and a new corpus -> the vocabulary of both, and the tagger's weights in a network for it."""

import dataclasses
from collections.abc import Sequence

import torch

from tagger.model.crf import FORBIDDEN
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.weights.folder import SavedTagger


def merge_vocabularies(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """The words, characters, tags and corpora of a tagger, then those that a new corpus adds.

    The tag columns are those of the new corpus. A column that both have keeps its tags, and new tags follow them.
    If most tags of the corpus are new to the column, the tag sets differ, and the column gets the corpus's tags alone.

    Args:
        old: of the tagger.
        new: of the corpus.
    """
    words = {word: count + new.words.get(word, 0) for word, count in old.words.items()}
    tags = {column: _merge_tags(old.tags.get(column, []), names) for column, names in new.tags.items()}
    merged = dataclasses.replace(
        old,
        words=words | {word: count for word, count in new.words.items() if word not in words},
        characters=_union(old.characters, new.characters),
        tags=tags,
        forms=sorted({*old.forms, *new.forms}),
        combinations=old.combinations_with(new, tags),
        corpora=_union(old.corpora, new.corpora),
    )
    return merged.with_scripts_of([old, new])


@torch.no_grad()
def transfer_weights(start: SavedTagger, network: TaggerNetwork, vocabulary: Vocabulary) -> None:
    """Copies the weights of a tagger into a network of the same sizes with a merged vocabulary.

    What the tagger did not have keeps the random weights of `network`: words, characters and tags, and pretrained
    inputs, which come after the tagger's own.

    Args:
        start: the tagger.
        network: changed in place.
        vocabulary: of `network`, from `merge_vocabularies`.
    """
    before, merged = start.network.state_dict(), network.state_dict()
    for name, weights in before.items():
        if name in merged and not name.startswith(("heads.", "decoders.")):
            # The rows of new words, characters and corpora, and the columns of new inputs, come after the known ones.
            merged[name][tuple(slice(size) for size in weights.shape)].copy_(weights)
    for column, ids in vocabulary.tag_ids.items():
        old_ids = start.vocabulary.tag_ids.get(column, {})
        shared = [tag for tag in ids if tag in old_ids]
        rows, old_rows = [ids[tag] for tag in shared], [old_ids[tag] for tag in shared]
        for part in ("weight", "bias") if shared else ():
            name = f"heads.{column}.{part}"
            merged[name][rows] = before[name][old_rows]
        for part in ("start", "end", "transitions") if shared else ():
            name = f"decoders.{column}.{part}"
            if name in merged and name in before:
                kept = before[name].masked_fill(
                    before[name] <= FORBIDDEN / 2, 0.0
                )  # the new corpus says anew what cannot be
                if part == "transitions":
                    merged[name][torch.tensor(rows)[:, None], rows] = kept[torch.tensor(old_rows)[:, None], old_rows]
                else:
                    merged[name][rows] = kept[old_rows]
    network.load_state_dict(merged)


def _merge_tags(old: Sequence[str], new: Sequence[str]) -> list[str]:
    shared = set(old) & set(new)
    return _union(old, new) if 2 * len(shared) >= len(new) else list(new)


def _union(old: Sequence[str], new: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))
