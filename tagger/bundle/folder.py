"""A trained tagger as a folder: weights in safetensors, the rest in JSON, and a model card; no pickle."""

import json
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tagger.bundle.saved_config import (
    CARD,
    CONFIG,
    FORMAT,
    MEMBERS,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    is_ensemble,
    read_config,
)
from tagger.bundle.validation import check_config, check_temperatures, check_vocabulary
from tagger.errors import InputError, reason
from tagger.model.memory import build_without_memory, check_memory
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import PieceTokenizer
from tagger.model.stored import check_finite, check_stored_weights, compress, expand, one_error
from tagger.model.transformer import MULTILINGUAL, is_carried
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_tokenizer, load_weights
from tagger.segmenter.saved import SavedSegmenter
from tagger.text.json_files import MAX_VOCABULARY_BYTES, read_json
from tagger.text.output_files import new_folder, replace_folder
from tagger.text.segment import LEARNED, SEGMENTER, SEGMENTER_WEIGHTS

DECODERS = "decoders."  # prefix of the names of the decoders' weights
ENCODER = "transformer.encoder."  # prefix of the names of a transformer's own weights


class SavedTagger(NamedTuple):
    """What a tagger's folder holds."""

    network: TaggerNetwork
    vocabulary: Vocabulary
    config: dict[str, Any]
    tokenizer: "PieceTokenizer | None"


def save_tagger(
    folder: Path,
    network: TaggerNetwork,
    vocabulary: Vocabulary,
    config: dict[str, Any],
    card: str,
    tokenizer: "PieceTokenizer | None" = None,
    storage_dtype: str = "float32",
    other_weights: dict[str, dict[str, Tensor]] | None = None,
    segmenter: "SavedSegmenter | None" = None,
) -> None:
    """Writes a tagger. `folder` appears, or is replaced, only when all files are written.

    Args:
        folder: the folder to make.
        network: its weights are saved. A frozen transformer that can be had again is only named in the config.
        vocabulary: the network's vocabulary.
        config: plain values: `network` (a NetworkConfig), and what users want to know of the tagger.
        card: the text of the model card.
        tokenizer: the transformer's tokenizer, if the network has a transformer.
        storage_dtype: the dtype of the weights in the file; see `stored.compress`.
        other_weights: name of a further file -> its weights.
        segmenter: the tagger's own, if `config` has `segmenter: learned`.

    Raises:
        InputError: the folder cannot be written to, or the disk is full. Nothing is left of the new folder.
    """
    with whole_folder(folder) as partial:
        save_file(saved_weights(network, storage_dtype), partial / WEIGHTS)
        for name, weights in (other_weights or {}).items():
            save_file(weights, partial / name)
        if tokenizer is not None:
            tokenizer.save(partial / TOKENIZER)
        _write_json(partial / VOCABULARY, asdict(vocabulary), indent=None)
        if segmenter is not None:
            segmenter.save(partial, storage_dtype)
        write_description(partial, config, card)


def save_copy(
    folder: Path,
    source: Path,
    config: dict[str, Any],
    card: str,
    segmenter: "SavedSegmenter | None" = None,
    storage_dtype: str = "float32",
) -> None:
    """Writes a tagger that is a copy of another, to the byte, with another description, and perhaps segmenter.

    Args:
        folder: the folder to make; it may be the other tagger's.
        source: the folder of the other tagger, which stays as it is.
        config: as for `save_tagger`, with the network of the other tagger.
        card: the text of the model card.
        segmenter: the new segmenter; None: that of the other tagger, if `config` has `segmenter: learned`.
        storage_dtype: of the weights of the segmenter.

    Raises:
        InputError: a file cannot be read or written. Nothing is left of the new folder.
    """
    with whole_folder(folder) as partial:
        copy_files(source, partial, (WEIGHTS, VOCABULARY, TOKENIZER, MEMBERS))
        if segmenter is not None:
            segmenter.save(partial, storage_dtype)
        elif config["segmenter"] == LEARNED:
            copy_files(source, partial, (SEGMENTER_WEIGHTS, SEGMENTER))
        write_description(partial, config, card)


def copy_files(source: Path, target: Path, names: Iterable[str]) -> None:
    """Copies the files and folders of a tagger that are there."""
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).exists():
            shutil.copyfile(source / name, target / name)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write to, which becomes `folder`, or replaces it, when the block ends without an error."""
    partial: Path | None = None
    try:
        folder = folder.resolve()  # a link stays a link
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = new_folder(folder.parent, folder.name)
        if folder.exists():
            partial.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IRWXU)  # a private one stays private
        yield partial
        for path in partial.glob("*.safetensors"):  # safetensors lets nobody else read them
            shutil.copymode(partial / CONFIG, path)
        replace_folder(partial, folder)
    except BaseException as error:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError | SafetensorError):
            raise InputError(
                f"{folder} cannot be written: {reason(error)}; make room, or choose another folder"
            ) from None
        raise


def saved_weights(network: TaggerNetwork, storage_dtype: str = "float32") -> dict[str, Tensor]:
    """The weights that `save_tagger` writes, without those of a transformer that is only named."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    encoder = {name: weights.pop(name) for name in list(weights) if name.startswith(ENCODER)}
    # The scores of transitions are few, and some are so low that no other would be left in a row of int8.
    exact = {name: weights.pop(name) for name in list(weights) if name.startswith(DECODERS)}
    if network.transformer is None or _transformer_is_only_named(network):
        return compress(weights, storage_dtype) | exact
    # The weights of multilingual had 4 bits each.
    encoder_dtype = "int8" if network.transformer.config["name"] == MULTILINGUAL else storage_dtype
    return compress(weights, storage_dtype) | compress(encoder, encoder_dtype) | exact


def load_tagger(folder: Path) -> SavedTagger:
    """Reads what `save_tagger` wrote, and the weights of a transformer that is only named.

    The sizes in `config.json` are compared with those of the stored weights before memory of that size is allocated.

    Raises:
        InputError: a file is missing, damaged, of another version, or does not fit the others; the network is
            larger than the machine's memory; a weight is NaN or infinite; the transformer cannot be found; or the
            folder is an ensemble, which has no network.
    """
    if is_ensemble(folder):
        raise InputError(
            f"{folder} is an ensemble, which has no network of its own; for this, name one of its members, such as"
            f" {folder / MEMBERS / '1'}"
        )
    for name in (CONFIG, VOCABULARY, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a whole tagger: {name} is missing; copy the folder again or train anew")
    config = read_config(folder)
    fields = read_json(folder / VOCABULARY, MAX_VOCABULARY_BYTES)
    with one_error(folder, WEIGHTS):
        check_config(config)
        vocabulary = Vocabulary(**fields)
        check_vocabulary(vocabulary)
        check_temperatures(config.get("temperatures", {}), vocabulary.columns)
        network = build_without_memory(lambda: TaggerNetwork(vocabulary, config["network"]))
        only_named = _transformer_is_only_named(network)
        expected = network.state_dict()
        stored = {name: tensor for name, tensor in expected.items() if not (only_named and name.startswith(ENCODER))}
        check_stored_weights(folder / WEIGHTS, stored)
    check_memory(network, 1, str(folder))
    with one_error(folder, WEIGHTS):
        weights = expand(load_file(folder / WEIGHTS))
        check_finite(weights)
        weights = {name: tensor.to(expected[name].dtype) for name, tensor in weights.items()}
        transformer = network.transformer
        if transformer is not None and only_named:
            load_weights(transformer, transformer.config)
            weights |= {name: tensor for name, tensor in network.state_dict().items() if name.startswith(ENCODER)}
        network.load_state_dict(weights, assign=True)
        tokenizer = None if transformer is None else load_tokenizer(folder / TOKENIZER, transformer.config)
    return SavedTagger(network.eval(), vocabulary, config, tokenizer)


def _transformer_is_only_named(network: TaggerNetwork) -> bool:
    """Whether the folder has only the name of the transformer, and not its weights."""
    return network.transformer is not None and not is_carried(network.transformer.config)


def write_description(folder: Path, config: dict[str, Any], card: str) -> None:
    """Writes `config.json` and the model card into a folder that is being made."""
    _write_json(folder / CONFIG, {"format": FORMAT, **config}, indent=2)
    (folder / CARD).write_text(card, encoding="utf-8")


def _write_json(path: Path, value: Any, indent: int | None) -> None:
    # ensure_ascii: a vocabulary can hold lone surrogates
    path.write_text(json.dumps(value, indent=indent) + "\n", encoding="utf-8")
