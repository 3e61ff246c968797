"""A trained tagger as a folder: weights in safetensors, the rest in JSON, and a model card; no pickle."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tagger.errors import InputError
from tagger.model.hidden_words import MaskedWordNetwork
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import PieceTokenizer
from tagger.model.transformer import EncoderError
from tagger.model.vocabulary import Vocabulary
from tagger.text.files import umask
from tagger.text.segment import RULES
from tagger.weights.huggingface import load_tokenizer, load_weights
from tagger.weights.quantize import compress, expand

FORMAT = 4  # 3 has no int8
READABLE = (3, FORMAT)
WEIGHTS, CONFIG, VOCABULARY, CARD = "model.safetensors", "config.json", "vocabulary.json", "README.md"
INSIDE_RUN = "tagger"  # the tagger's folder in a run's folder
INSIDE_PRETRAINING = "pretrained"  # the same of a network that predicts hidden words
WORDS = "words.safetensors"  # what it has beside a tagger's network
BODY = "body."  # what the names of that network's weights begin with in it
TRANSFORMER = "transformer"  # the folder of a transformer's tokenizer in the tagger's folder
ENCODER = "transformer.encoder."  # what the names of its weights begin with


class _NoInitialization(TorchFunctionMode):
    """Leaves weights as they are made: drawing them on the meta device would import torch's compiler, for a second."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__module__", None) == nn.init.__name__:
            return (*args, *(kwargs or {}).values())[0]
        return function(*args, **(kwargs or {}))


class SavedTagger(NamedTuple):
    """What a tagger's folder holds."""

    network: TaggerNetwork
    vocabulary: Vocabulary
    config: dict[str, Any]
    tokenizer: PieceTokenizer | None


def save_tagger(
    folder: Path,
    network: TaggerNetwork,
    vocabulary: Vocabulary,
    config: dict[str, Any],
    card: str,
    tokenizer: PieceTokenizer | None = None,
    precision: str = "float32",
    words: dict[str, Tensor] | None = None,
) -> None:
    """Writes a tagger; `folder` appears, or is replaced, only when all of it is there.

    Args:
        folder: the folder to make.
        network: those of a frozen transformer that has a revision are only named.
        vocabulary: saved whole.
        config: plain values: `network` (a NetworkConfig) and what else users want to know.
        card: the text of the model card.
        tokenizer: of the transformer, if the network has one.
        precision: of the weights in the file; see `precision.compress`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        save_file(saved_weights(network, precision), partial / WEIGHTS)
        if words is not None:
            save_file(words, partial / WORDS)
        if tokenizer is not None:
            tokenizer.save(partial / TRANSFORMER)
        _write_json(partial / CONFIG, {"format": FORMAT, **config}, indent=2)
        _write_json(partial / VOCABULARY, asdict(vocabulary), indent=None)
        (partial / CARD).write_text(card, encoding="utf-8")
        allowed = ~umask()
        for path in partial.glob("*.safetensors"):
            path.chmod(0o666 & allowed)
        partial.chmod(0o777 & allowed)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def saved_weights(network: TaggerNetwork, precision: str = "float32") -> dict[str, Tensor]:
    """The weights as `save_tagger` writes them; what it only names is left out."""
    named = _named_only(network)
    weights = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not (named and name.startswith(ENCODER))
    }
    return compress(weights, precision)


def load_tagger(folder: Path) -> SavedTagger:
    """Reads what `save_tagger` wrote, and the weights of a transformer that it only names.

    Raises:
        InputError: a file is missing, damaged, of another version, or does not fit the others; the
            transformer is not there.
    """
    for name in (CONFIG, VOCABULARY, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a whole tagger: {name} is missing; copy the folder again or train anew")
    config = _read_json(folder / CONFIG)
    if config.get("format") not in READABLE:
        known = " and ".join(map(str, READABLE))
        raise InputError(f"{folder / CONFIG}: format {config.get('format')!r}, this version reads {known}; train anew")
    fields = _read_json(folder / VOCABULARY)
    try:
        vocabulary = Vocabulary(**fields)
        _check_types(vocabulary, config)
        with torch.device("meta"), _NoInitialization():  # no memory: the sizes are compared with those of the weights
            network = TaggerNetwork(vocabulary, config["network"])
        weights = expand(load_file(folder / WEIGHTS))
        expected = {name: tensor.dtype for name, tensor in network.state_dict().items()}
        weights = {name: tensor.to(expected.get(name, tensor.dtype)) for name, tensor in weights.items()}
        transformer = network.transformer
        if transformer is not None and _named_only(network):
            load_weights(transformer, transformer.config)
            weights |= {name: tensor for name, tensor in network.state_dict().items() if name.startswith(ENCODER)}
        network.load_state_dict(weights, assign=True)
        tokenizer = None if transformer is None else load_tokenizer(folder / TRANSFORMER, transformer.config)
    except EncoderError:
        raise
    except OSError as error:
        raise InputError(f"{folder / WEIGHTS} cannot be read: {error.strerror}; check its permissions") from None
    except SafetensorError as error:
        raise InputError(f"{folder / WEIGHTS} is damaged ({error}); copy the folder again") from None
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder}: its files do not fit each other ({reason}); copy the folder again") from None
    return SavedTagger(network.eval(), vocabulary, config, tokenizer)


class SavedMasked(NamedTuple):
    """What the folder of a network that predicts hidden words holds."""

    network: MaskedWordNetwork
    vocabulary: Vocabulary
    config: dict[str, Any]


def save_masked(
    folder: Path, network: MaskedWordNetwork, vocabulary: Vocabulary, config: dict[str, Any], card: str
) -> None:
    """Writes a network that predicts hidden words as a folder which is also that of a tagger without tags."""
    own = {name: weights for name, weights in network.state_dict().items() if not name.startswith(BODY)}
    words = {name: tensor.detach().cpu().contiguous() for name, tensor in own.items()}
    save_tagger(folder, network.body, vocabulary, config, card, words=words)


def predicts_words(folder: Path) -> bool:
    """Whether a folder is one that `save_masked` wrote."""
    return (folder / WORDS).is_file()


def load_masked(folder: Path) -> SavedMasked:
    """Reads what `save_masked` wrote.

    Raises:
        InputError: see `load_tagger`; or the folder is a tagger's.
    """
    saved = load_tagger(folder)
    if not predicts_words(folder):
        raise InputError(f"{folder} predicts no words: {WORDS} is missing; name a run of python -m tagger pretrain")
    try:
        weights = load_file(folder / WORDS)
        network = MaskedWordNetwork(saved.vocabulary, saved.config["network"])
        network.load_state_dict(weights | {BODY + name: w for name, w in saved.network.state_dict().items()})
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder / WORDS} is damaged ({reason}); copy the folder again") from None
    return SavedMasked(network.eval(), saved.vocabulary, saved.config)


def _named_only(network: TaggerNetwork) -> bool:
    """Whether the folder leaves the transformer's weights to the place that they came from."""
    if network.transformer is None:
        return False
    config = network.transformer.config
    return not config["tune"] and config["revision"] is not None


def _check_types(vocabulary: Vocabulary, config: dict[str, Any]) -> None:
    """Raises TypeError where JSON holds something else than `save_tagger` wrote."""
    lists = [vocabulary.characters, vocabulary.forms, *vocabulary.tags.values()]
    strings = [list(vocabulary.words), list(vocabulary.tags), *lists]
    if not all(isinstance(items, list) and all(type(item) is str for item in items) for items in strings):
        raise TypeError(f"{VOCABULARY} holds something else than lists of strings")
    numbers = [*vocabulary.words.values(), *(row for rows in vocabulary.vectors.values() for row in rows.values())]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise TypeError(f"the counts of words or the rows of vectors in {VOCABULARY} are no numbers")
    if config["segmenter"] not in RULES or not isinstance(config.get("scores", {}), dict):
        raise TypeError(f"{CONFIG} has no segmenter or no scores")
    accuracies = [accuracy for scores in config.get("scores", {}).values() for accuracy in scores.values()]
    if not all(isinstance(accuracy, float) for accuracy in accuracies):
        raise TypeError(f"the scores in {CONFIG} are no numbers")


def _write_json(path: Path, value: Any, indent: int | None) -> None:
    # ensure_ascii: a vocabulary can hold lone surrogates
    path.write_text(json.dumps(value, indent=indent) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}); copy the folder again") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object; copy the folder again")
    return value
