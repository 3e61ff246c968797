"""The key `init` of a config -> the tagger that training starts from, with its folder."""

from pathlib import Path
from typing import NamedTuple

from tagger.errors import InputError
from tagger.model.network import NetworkConfig
from tagger.training.config import TrainConfig
from tagger.weights.catalog import find_named
from tagger.weights.folder import SavedTagger, load_tagger
from tagger.weights.hub import is_hub_name


class StartTagger(NamedTuple):
    """The tagger that training starts from, and its folder."""

    tagger: SavedTagger
    folder: Path

    @property
    def network(self) -> NetworkConfig:
        """The config of its network."""
        network: NetworkConfig = self.tagger.config["network"]
        return network


def find_start(name: str) -> Path:
    """The folder of the tagger that `init` names.

    Raises:
        InputError: there is none; or as `hub_folder`.
    """
    try:
        return find_named(name)
    except InputError:
        if is_hub_name(name):
            raise
        raise InputError(f"init={name}: no such tagger; name the folder of a tagger or of its run") from None


def load_start(config: TrainConfig) -> StartTagger | None:
    """The tagger that `init` names; None if training starts from nothing.

    Raises:
        InputError: the tagger cannot be read.
    """
    if config.init is None:
        return None
    folder = find_start(config.init)
    return StartTagger(load_tagger(folder), folder)
