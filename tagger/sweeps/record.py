"""How a sweep was started: `sweep.json` in its folder, written once and read by every process that works on it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tagger.errors import InputError, reason
from tagger.sweeps.run import key_and_value
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
        started_in: the folder in which relative paths of the configs begin; older sweeps have none.
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
    def words(self) -> list[str]:
        """Those of the command line with which the sweep is gone on with, without the folder."""
        folder = [] if self.config_dir is None else ["--config-dir", self.config_dir]
        page = [] if self.config_name == self.command else ["--config-name", self.config_name]
        left_out = ("name", "hydra.sweep.dir", "hydra.mode")
        return [*folder, *page, *(text for text in self.overrides if key_and_value(text)[0] not in left_out)]

    def is_same(self, other: "SweepRecord") -> bool:
        """Whether this is the same sweep as another one; the number of trials of a search may differ."""
        return self._identity() == other._identity()

    def _identity(self) -> tuple[object, ...]:
        overrides = [text for text in self.overrides if key_and_value(text)[0] not in MAY_DIFFER]
        return self.command, self.config_name, self.config_dir, overrides, self.runs


def read_sweep_record(path: Path) -> SweepRecord:
    """Reads `sweep.json`. It may come from anywhere: nothing that it names is executed.

    Raises:
        InputError: there is no such file, or it has other content.
    """
    try:
        if path.stat().st_size > MAX_SWEEP_BYTES:
            raise ValueError(f"longer than {MAX_SWEEP_BYTES:,} bytes")
        values = json.loads(path.read_text(encoding="utf-8"))
        runs = values.pop("runs")
        planned = None if runs is None else [PlannedRun(**run) for run in runs]
        record = SweepRecord(**values, runs=planned)
        _check(record)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} does not say how the sweep was started ({reason(error)})") from None
    return record


def _check(record: SweepRecord) -> None:
    folders = (record.config_dir or "", record.started_in or "")
    words = (record.id, record.config_name, *folders, *record.overrides)
    words_are_text = isinstance(record.overrides, list) and all(isinstance(word, str) for word in words)
    if record.command not in ("train", "pretrain") or not words_are_text:
        raise ValueError("no command, or values that are no text")
    for run in record.runs or ():
        parts = Path(run.folder).parts
        if not parts or ".." in parts or Path(run.folder).is_absolute():
            raise ValueError(f"the folder {run.folder!r} is not below that of the sweep")
        if not isinstance(run.overrides, list) or not all(isinstance(text, str) for text in run.overrides):
            raise ValueError("a run whose overrides are no text")
