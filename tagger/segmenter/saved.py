"""A learned segmenter <-> two files of a tagger's folder: weights in safetensors, the rest in JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from tagger.errors import InputError
from tagger.model.storage import build_without_memory, compress, expand, one_error, read_weights
from tagger.segmenter.features import BORDER_CODES, CODES, Borders, Lexicon, allowed_cuts
from tagger.segmenter.unit_network import SegmenterConfig, SegmenterNetwork, SegmenterVocabulary
from tagger.text.edit_scripts import least_characters
from tagger.text.schema import MAX_VOCABULARY_BYTES, read, read_json, shown, write_packed_json
from tagger.text.segment import SEGMENTER, SEGMENTER_WEIGHTS
from tagger.text.strings import printable

# Names in the file of weights, which has hashes as signed numbers.
_TABLES = ("types.", "context.")  # prefixes of the names of the weights that are looked up, for which int4 is
_LEXICON, _CODES, _BORDERS, _BORDER_CODES = "lexicon", "codes", "borders", "border_codes"


@dataclass
class _Content:
    """What the file of JSON holds."""

    config: SegmenterConfig
    vocabulary: SegmenterVocabulary


class SavedSegmenter(NamedTuple):
    """What a tagger's folder holds of its segmenter."""

    network: SegmenterNetwork
    vocabulary: SegmenterVocabulary
    config: SegmenterConfig
    lexicon: Lexicon

    def save(self, folder: Path) -> None:
        """Writes the two files into a folder that is being made."""
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        words, borders = self.lexicon, self.lexicon.borders
        lexicon = {
            _LEXICON: torch.from_numpy(words.hashes.view(np.int32)),
            _CODES: torch.from_numpy(words.codes),
            _BORDERS: torch.from_numpy(borders.hashes.view(np.int32)),
            _BORDER_CODES: torch.from_numpy(borders.codes),
        }
        save_file(compress(weights, "float32") | lexicon, folder / SEGMENTER_WEIGHTS)
        write_packed_json(folder / SEGMENTER, {"config": self.config, "vocabulary": asdict(self.vocabulary)})


def rounded(network: SegmenterNetwork, lexicon: Lexicon, storage_dtype: str) -> Lexicon:
    """Changes the weights to those that a file of a dtype would have, see `storage.compress`, and returns its lexicon.

    With int4 that is smaller, too: borders that training has once are not in it.
    """
    network.load_state_dict(expand(compress(network.state_dict(), storage_dtype, int4=_TABLES)))
    if storage_dtype != "int4":
        return lexicon
    return Lexicon(lexicon.hashes, lexicon.codes, lexicon.borders.repeated())


def load_segmenter(folder: Path) -> SavedSegmenter:
    """Reads what `SavedSegmenter.save` wrote; the weights become float32."""
    for path in (folder / SEGMENTER, folder / SEGMENTER_WEIGHTS):
        if not path.is_file():
            raise InputError(f"{folder} is no whole tagger: {path.name} is missing; copy it again or train anew")
    content = read_json(folder / SEGMENTER, MAX_VOCABULARY_BYTES)
    path = folder / SEGMENTER_WEIGHTS
    with one_error(folder, SEGMENTER_WEIGHTS):
        saved = read(_Content, content, "segmenter.")
        config, vocabulary = saved.config, saved.vocabulary
        _check_content(config, vocabulary)
        network = build_without_memory(lambda: SegmenterNetwork(vocabulary, config))
    lists = {_LEXICON: "I32", _CODES: "U8", _BORDERS: "I32", _BORDER_CODES: "U8"}
    weights = read_weights(path, network.state_dict(), lists)
    with one_error(folder, SEGMENTER_WEIGHTS):
        borders = Borders(*_checked("borders", weights.pop(_BORDERS), weights.pop(_BORDER_CODES), BORDER_CODES))
        lexicon = Lexicon(*_checked("words of the lexicon", weights.pop(_LEXICON), weights.pop(_CODES), CODES), borders)
        network.load_state_dict(weights, assign=True)
    return SavedSegmenter(network.eval(), vocabulary, config, lexicon)


def _checked(name: str, tensor: Tensor, of_codes: Tensor, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes and their codes; raises ValueError unless the hashes ascend and each has a code below `most`."""
    hashes, codes = tensor.numpy().view(np.uint32), of_codes.numpy()
    if (hashes[1:] <= hashes[:-1]).any():
        raise ValueError(f"the hashes of the {name} are not in ascending order")
    if codes.shape != hashes.shape or (codes >= most).any():
        raise ValueError(f"the {name} do not have a code each")
    return hashes, codes


def _check_content(config: SegmenterConfig, vocabulary: SegmenterVocabulary) -> None:
    """Raises ValueError unless the values are what training writes, besides their types."""
    for name, strings in (("cuts", config["cuts"]), ("forms", vocabulary.forms), ("scripts", vocabulary.scripts)):
        if strings is not None and len(set(strings)) < len(strings):
            raise ValueError(f"one of the {name} occurs twice")
    allowed_cuts(config["cuts"] or [])
    for script in vocabulary.scripts:
        if least_characters(script) is None:
            raise ValueError(f"{shown(script)} is no edit script")
        if printable(script) != script:  # words made by it may be shown
            raise ValueError(f"the edit script {shown(script)} has a control character")
    for affix in vocabulary.affixes:
        if len(affix) < 2 or "*" not in (affix[0], affix[-1]):
            raise ValueError(f"{shown(affix)} is no affix: an ending after `*`, or a beginning before it")
    ends = {number for counts in vocabulary.affixes.values() for number, _ in counts}
    numbers = ends.union(*vocabulary.multiwords.values())
    if max(numbers, default=0) > len(vocabulary.scripts):
        raise ValueError(f"there is no script {max(numbers)}, only {len(vocabulary.scripts)}")
