"""A learned segmenter <-> two files of a tagger's folder: weights in safetensors, the rest in JSON."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from tagger.errors import InputError
from tagger.model.memory import build_without_memory, check_memory
from tagger.model.network import MAX_HIDDEN_SIZE
from tagger.model.stored import check_finite, check_stored_weights, compress, expand, one_error
from tagger.segmenter.features import BORDER_CODES, CODES, Borders, Lexicon, known_cuts
from tagger.segmenter.network import SegmenterConfig, SegmenterNetwork, SegmenterVocabulary
from tagger.text.edit_scripts import least_characters
from tagger.text.json_files import (
    MAX_NAME,
    MAX_SIZE,
    MAX_VOCABULARY_BYTES,
    check_bool,
    check_choice,
    check_int,
    checked_list,
    checked_object,
    read_json,
    shown,
)
from tagger.text.segment import RULES, SEGMENTER, SEGMENTER_WEIGHTS
from tagger.text.strings import printable

# Names in the file of weights, which has hashes as signed numbers.
_LEXICON, _CODES, _BORDERS, _BORDER_CODES = "lexicon", "codes", "borders", "border_codes"


class SavedSegmenter(NamedTuple):
    """What a tagger's folder holds of its segmenter."""

    network: SegmenterNetwork
    vocabulary: SegmenterVocabulary
    config: SegmenterConfig
    lexicon: Lexicon

    def save(self, folder: Path, storage_dtype: str = "float32") -> None:
        """Writes the two files into a folder that is being made; see `save_tagger`.

        Args:
            folder: it exists.
            storage_dtype: the dtype of the weights in the file; see `stored.compress`.

        Raises:
            OSError, SafetensorError: the folder cannot be written to, or the disk is full.
        """
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        own, borders = self.lexicon, self.lexicon.borders
        lexicon = {
            _LEXICON: torch.from_numpy(own.hashes.astype(np.uint64).view(np.int64)),
            _CODES: torch.from_numpy(own.codes),
            _BORDERS: torch.from_numpy(borders.hashes.view(np.int32)),
            _BORDER_CODES: torch.from_numpy(borders.codes),
        }
        save_file(compress(weights, storage_dtype) | lexicon, folder / SEGMENTER_WEIGHTS)
        content = {"config": self.config, "vocabulary": asdict(self.vocabulary)}
        (folder / SEGMENTER).write_text(json.dumps(content) + "\n", encoding="utf-8")


def load_segmenter(folder: Path) -> SavedSegmenter:
    """Reads what `SavedSegmenter.save` wrote; the weights become float32.

    The sizes in `segmenter.json` are compared with those of the stored weights before memory of that size is allocated.

    Raises:
        InputError: a file is missing or damaged, or does not fit the other; a weight is NaN or infinite; or the
            network is larger than the machine's memory.
    """
    for name in (SEGMENTER, SEGMENTER_WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a whole tagger: {name} is missing; copy the folder again or train anew")
    content = read_json(folder / SEGMENTER, MAX_VOCABULARY_BYTES)
    path = folder / SEGMENTER_WEIGHTS
    with one_error(folder, SEGMENTER_WEIGHTS):
        checked_object(SEGMENTER, content, ("config", "vocabulary"))
        config = _checked_config(content["config"])
        vocabulary = _checked_vocabulary(content["vocabulary"])
        network = build_without_memory(lambda: SegmenterNetwork(vocabulary, config))
        lists = {_LEXICON: "I64", _CODES: "U8", _BORDERS: "I32", _BORDER_CODES: "U8"}
        check_stored_weights(path, network.state_dict(), lists)
    check_memory(network, 1, str(folder))
    with one_error(folder, SEGMENTER_WEIGHTS):
        stored = load_file(path)
        hashes, codes = stored.pop(_LEXICON).numpy().view(np.uint64), stored.pop(_CODES).numpy()
        _check_codes("words of the lexicon", hashes, codes, CODES)
        borders = Borders(stored.pop(_BORDERS).numpy().view(np.uint32), stored.pop(_BORDER_CODES).numpy())
        _check_codes("borders", borders.hashes, borders.codes, BORDER_CODES)
        weights = expand(stored)
        check_finite(weights)
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
    return SavedSegmenter(network.eval(), vocabulary, config, Lexicon(hashes, codes, borders))


def _check_codes(name: str, hashes: np.ndarray, codes: np.ndarray, most: int) -> None:
    """Raises ValueError unless the hashes ascend and each has a code below `most`."""
    if (hashes[1:] <= hashes[:-1]).any():
        raise ValueError(f"the hashes of the {name} are not in ascending order")
    if codes.shape != hashes.shape or (codes >= most).any():
        raise ValueError(f"the {name} do not have a code each")


def _checked_config(value: Any) -> SegmenterConfig:
    config = cast(SegmenterConfig, checked_object("config", value, SegmenterConfig.__annotations__))
    check_int("hidden", config["hidden"], 1, MAX_HIDDEN_SIZE)
    for name in ("size", "buckets", "affix_buckets"):
        check_int(name, value[name], 1, MAX_SIZE)
    for name in ("characters", "spaces", "pairs"):
        check_bool(name, value[name])
    for name in ("rules", "sentences"):
        if value[name] is not None:
            check_choice(name, value[name], RULES)
    if config["cuts"] is not None:
        _check_strings("cuts", config["cuts"])
        known_cuts(config["cuts"])
    return config


def _checked_vocabulary(value: Any) -> SegmenterVocabulary:
    vocabulary = SegmenterVocabulary(
        **checked_object("vocabulary", value, [field.name for field in fields(SegmenterVocabulary)])
    )
    _check_strings("forms", vocabulary.forms)
    _check_strings("scripts", vocabulary.scripts)
    for script in vocabulary.scripts:
        if least_characters(script) is None:
            raise ValueError(f"{shown(script)} is no edit script")
        if printable(script) != script:  # words made by it may be shown
            raise ValueError(f"the edit script {shown(script)} has a control character")
    _check_numbers("general", vocabulary.general, 1, len(vocabulary.scripts))
    for form, numbers in checked_object("multiwords", vocabulary.multiwords).items():
        _check_numbers(f"multiwords of {shown(form)}", numbers, 0, len(vocabulary.scripts))
        if not numbers:
            raise ValueError(f"multiwords of {shown(form)} is empty")
    return vocabulary


def _check_strings(name: str, value: Any) -> None:
    """Raises ValueError unless the value is a list of different strings."""
    strings = checked_list(name, value)
    if not all(type(string) is str and len(string) <= MAX_NAME for string in strings):
        raise ValueError(f"{name} are not a list of strings")
    if len(set(strings)) < len(strings):
        raise ValueError(f"one of the {name} occurs twice")


def _check_numbers(name: str, value: Any, least: int, most: int) -> None:
    for number in checked_list(name, value):
        check_int(name, number, least, most)
