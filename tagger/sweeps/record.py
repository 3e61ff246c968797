"""How a sweep was started: `sweep.json` in its folder, written once and read by every process that works on it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tagger.errors import InputError
from tagger.sweeps.run import key_and_value
from tagger.text.schema import read_file
from tagger.training.run_folder import Command

MAY_DIFFER = ("hydra.sweeper.n_trials", "hydra.sweep.dir", "name", "hydra.mode")  # keys of a sweep that is gone on with
MAX_SWEEP_BYTES = 1 << 28


@dataclass
class PlannedRun:
    """A run of a grid.

    Attributes:
        overrides: those of the command line that it has.
        folder: below that of the sweep.
    """

    overrides: list[str]
    folder: str

    def __post_init__(self) -> None:
        parts = Path(self.folder).parts
        if not parts or ".." in parts or Path(self.folder).is_absolute():
            raise InputError(f"hydra.sweep.subdir={self.folder}: not below the folder of the sweep; give another name")


@dataclass
class SweepRecord:
    """How a sweep was started.

    Attributes:
        id: of this sweep alone.
        command: the command word.
        config_name: of Hydra's config.
        config_dir: of further configs.
        overrides: those of the command line, checked.
        runs: of a grid; None: a search, whose runs come as it goes on.
        started_in: the folder in which relative paths of the configs begin.
    """

    id: str
    command: Command
    config_name: str
    config_dir: str | None
    overrides: list[str]
    runs: list[PlannedRun] | None
    started_in: str | None = None

    def to_json(self) -> str:
        """What `sweep.json` holds."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @property
    def has_own_pages(self) -> bool:
        """Whether its values come from other pages than ours, which `resume` does not open."""
        return self.config_dir is not None or self.config_name != self.command

    @property
    def words(self) -> list[str]:
        """Those of the command line with which the sweep is gone on with, without the folder."""
        left_out = ("name", "hydra.sweep.dir", "hydra.mode")
        return [text for text in self.overrides if key_and_value(text)[0] not in left_out]

    def is_same(self, other: "SweepRecord") -> bool:
        """Whether this is the same sweep as another one; the number of trials of a search may differ."""
        return self._identity() == other._identity()

    def _identity(self) -> tuple[object, ...]:
        overrides = [text for text in self.overrides if key_and_value(text)[0] not in MAY_DIFFER]
        return self.command, self.config_name, self.config_dir, overrides, self.runs


def read_sweep_record(path: Path) -> SweepRecord:
    """Reads `sweep.json`. It may come from anywhere: `launch.resume` refuses words that Hydra could execute.

    Raises:
        InputError: there is no such file, or it has other content.
    """
    return read_file(SweepRecord, path, MAX_SWEEP_BYTES, "how the sweep was started; start it anew")
