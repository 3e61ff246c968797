"""Several networks that were trained side by side -> one network whose scores are the mean of theirs.

Members differ in the random weights that they start from and in what dropout hides. The mean of their scores makes
fewer errors than any of them (Hansen and Salamon 1990, https://doi.org/10.1109/34.58871). The joined network is an
ordinary one: its vectors and states are those of the members side by side, and every weight between two members is 0.
So it is saved, loaded and used like any other.
"""

# M members, I input size of a layer, H hidden size of one direction of a member, G gates of the cell

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from tagger.errors import InputError
from tagger.model.affix_embedding import AFFIXES
from tagger.model.character_encoder import CharacterEncoder
from tagger.model.decoder import Decoder
from tagger.model.embeddings import FormEmbedding
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vector_embedding import VectorEmbedding


def joined_config(config: NetworkConfig, members: int) -> NetworkConfig:
    """The config of the network into which `members` networks of `config` are joined."""

    def total(size: int | list[int]) -> int | list[int]:
        return [members * each for each in size] if isinstance(size, list) else members * size

    vectors = config["vectors"]
    joined = dict(config) | {
        "hidden": {direction: total(size) for direction, size in config["hidden"].items()},
        "vectors": vectors and {**vectors, "projection": members * vectors["projection"]},
    }
    for name in ("words", "affixes", "chars", "character_size"):
        joined[name] = members * cast(int, joined[name])
    return cast(NetworkConfig, joined)


def share_pretrained(members: Sequence[TaggerNetwork]) -> None:
    """Lets all members use the pretrained vectors and the transformer of the first.

    Members that read the same numbers also share the vectors of corpora, which are added to these numbers.
    """
    first = members[0]
    for member in members[1:]:
        member.transformer = first.transformer
        same = first.transformer is not None
        mine, shared = member.embedding.part(VectorEmbedding), first.embedding.part(VectorEmbedding)
        if mine is not None and shared is not None:
            if isinstance(shared.projection, nn.Linear):
                mine.tables = shared.tables
            else:
                member.embedding.register_module("vectors", shared)
                same = True
        if same:
            member.corpora = first.corpora


def check_members(network: TaggerNetwork, members: int) -> None:
    """Raises InputError if networks such as this one cannot be joined, before they are trained."""
    for layer in network.encoder.layers if members > 1 else ():
        for direction in (layer.forward_layer, layer.backward_layer):
            if isinstance(direction, nn.Module):
                for name, parameter in direction.named_parameters():
                    _reads(name, parameter, cast(int, direction.hidden_size))


@torch.no_grad()
def join(members: Sequence[TaggerNetwork], joined: TaggerNetwork) -> None:
    """Sets the weights of `joined`, so that its scores are the mean of the members' scores.

    Args:
        members: M networks of one config and one vocabulary, which share what is pretrained: see `share_pretrained`.
        joined: a network of that vocabulary and of `joined_config`; changed in place.

    Raises:
        InputError: the cell has a parameter whose place is not known by its name.
    """
    first = members[0]
    check_members(joined, len(members))
    if joined.transformer is not None and first.transformer is not None:
        joined.transformer.load_state_dict(first.transformer.state_dict())
    inputs = _join_forms([member.embedding for member in members], joined.embedding)
    if first.transformer is not None:
        outputs = torch.arange(joined.embedding.width, joined.embedding.width + first.transformer.width)
        inputs = [torch.cat([columns, outputs]) for columns in inputs]
    if joined.corpora is not None:
        for columns, member in zip(inputs, members, strict=True):
            joined.corpora.weight[:, columns] = cast(nn.Embedding, member.corpora).weight
    states: list[list[Tensor]] = [[] for _ in members]  # of each member, the columns of its states among all states
    width = 0  # of the states of the layers so far
    for number, layer in enumerate(joined.encoder.layers):
        outputs_of: list[list[Tensor]] = [[] for _ in members]  # the columns of each direction in the layer's output
        start = 0
        for direction in ("forward_layer", "backward_layer"):
            target = getattr(layer, direction)
            if target is None:
                continue
            for parameter in target.parameters():
                parameter.zero_()
            for i, member in enumerate(members):
                source = getattr(member.encoder.layers[number], direction)
                places = i * source.hidden_size + torch.arange(source.hidden_size)
                _place_cell(source, target, inputs[i], places)
                outputs_of[i].append(start + places)
            start += target.hidden_size
        inputs = [torch.cat(columns) for columns in outputs_of]
        for i, columns in enumerate(inputs):
            states[i].append(width + columns)
        width += start
    for column, head in joined.heads.items():
        weight, bias = cast(Tensor, head.weight), cast(Tensor, head.bias)
        for i, member in enumerate(members):
            weight[:, torch.cat(states[i])] = cast(Tensor, member.heads[column].weight) / len(members)
        bias.copy_(torch.stack([cast(Tensor, member.heads[column].bias) for member in members]).mean(0))
    for column, decoder in joined.decoders.items():
        decoder.load_state_dict(mean_decoder(members, column).state_dict())


@torch.no_grad()
def mean_decoder(members: Sequence[TaggerNetwork], column: str) -> Decoder:
    """The decoder of a column whose weights are the means of the members' weights."""
    decoders = [cast(Decoder, member.decoders[column]) for member in members]
    mean = copy.deepcopy(decoders[0])
    for name, parameter in mean.named_parameters():
        parameter.copy_(torch.stack([decoder.get_parameter(name) for decoder in decoders]).mean(0))
    return mean


def _join_forms(members: Sequence[FormEmbedding], joined: FormEmbedding) -> list[Tensor]:
    """Joins the embeddings of forms.

    Returns:
        For each member, where the numbers of its embedding are in the joined one.
    """
    places: list[list[Tensor]] = [[] for _ in members]
    start = 0

    def side_by_side(size: int, times: int = 1) -> None:
        """The members' vectors of one kind, `size` numbers each, follow one another, and so `times` kinds."""
        nonlocal start
        kinds = start + torch.arange(times)[:, None] * len(members) * size
        for i, columns in enumerate(places):
            columns.append((kinds + i * size + torch.arange(size)).flatten())
        start += times * len(members) * size

    for name in ("words", "affixes"):
        table: Any = joined.parts.get(name)
        if table is not None:
            tables = [cast(Tensor, getattr(member, name).weight) for member in members]
            table.weight.copy_(torch.cat(tables, dim=1))
            side_by_side(tables[0].shape[1], AFFIXES if name == "affixes" else 1)
    characters, joined_vectors = joined.part(CharacterEncoder), joined.part(VectorEmbedding)
    if characters is not None:
        encoders = [cast(CharacterEncoder, member.characters) for member in members]
        characters.embedding.weight.copy_(torch.cat([each.embedding.weight for each in encoders], dim=1))
        convolution = characters.convolution
        convolution.weight.zero_()
        filters, size, _ = encoders[0].convolution.weight.shape
        for i, each in enumerate(encoders):
            rows = slice(i * filters, (i + 1) * filters)
            convolution.weight[rows, i * size : (i + 1) * size] = each.convolution.weight
            cast(Tensor, convolution.bias)[rows] = cast(Tensor, each.convolution.bias)
        side_by_side(filters)
    if joined_vectors is not None:
        vectors = [cast(VectorEmbedding, member.vectors) for member in members]
        shared = _join_vectors(vectors, joined_vectors)
        if shared:
            for columns in places:
                columns.append(start + torch.arange(joined_vectors.width))
        else:
            side_by_side(vectors[0].width)
    return [torch.cat(columns) if columns else torch.arange(0) for columns in places]


def _join_vectors(members: Sequence[VectorEmbedding], joined: VectorEmbedding) -> bool:
    """Joins pretrained vectors; returns whether the members share their whole result, which has no projection then."""
    if not isinstance(joined.projection, nn.Linear):
        joined.load_state_dict(members[0].state_dict())
        return True
    for table, shared in zip(joined.tables, members[0].tables, strict=True):
        table.copy_(shared)
    projections = [cast(nn.Linear, member.projection) for member in members]
    joined.projection.weight.copy_(torch.cat([each.weight for each in projections]))
    joined.projection.bias.copy_(torch.cat([each.bias for each in projections]))
    joined.missing.copy_(torch.cat([member.missing for member in members], dim=1))
    return False


def _place_cell(source: nn.Module, target: nn.Module, inputs: Tensor, places: Tensor) -> None:
    """Copies the weights of a member's direction to their places in the joined direction.

    Args:
        source: of the member.
        target: joined.
        inputs: (I,) where the member's inputs are among those of `target`.
        places: (H,) where the member's units are among those of `target`.
    """
    parameters = dict(target.named_parameters())
    total, units = cast(int, target.hidden_size), len(places)
    for name, parameter in source.named_parameters():
        reads, turned = _reads(name, parameter, cast(int, source.hidden_size))
        weights, all_weights = (each.T if turned else each for each in (parameter, parameters[name]))
        gates = weights.shape[-1] // units
        columns = (torch.arange(gates)[:, None] * total + places).flatten()
        if reads == "nothing":
            all_weights[columns] = weights
        else:
            rows = inputs if reads == "inputs" else places
            all_weights[rows[:, None], columns] = weights


def _reads(name: str, parameter: Tensor, units: int) -> tuple[str, bool]:
    """What a parameter of a cell is multiplied by, and whether its rows are the units, as in torch, not its columns.

    Raises:
        InputError: its name does not tell.
    """
    short = name.rpartition(".")[2]
    if parameter.dim() == 1 and len(parameter) % units == 0:
        return "nothing", False  # a bias, or another vector with a number for each unit
    for start, reads in (("weight_ih", "inputs"), ("weight_hh", "states"), ("W_x", "inputs"), ("W_h", "states")):
        if short.startswith(start):
            return reads, start.startswith("weight_")
    raise InputError(
        f"model.members: the name of the cell's parameter {short} does not tell its place in a joined network;"
        " call it W_x… if it is multiplied by the input, W_h… if by the state, or set model.members=1"
    )
