"""The values of a search -> Optuna's study: its storage, what chooses the values of trials, what ends bad ones early.

Source: Akiba et al. (2019), Optuna: a next-generation hyperparameter optimization framework, https://optuna.org
"""

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import InputError, missing_extra, reason
from tagger.sweeps.folder import JOURNAL
from tagger.sweeps.run import State
from tagger.sweeps.search_config import HALVING, HYPERBAND, MEDIAN, NSGAII, TPE, SearchConfig
from tagger.text.start_folder import SQLITE, located, located_address

try:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
except ImportError:
    optuna = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

OPENINGS = 5  # of a database, whose tables another process may be making at this moment
_MADE_MEANWHILE = ("already exists", "unique constraint", "duplicate")  # what databases say then
LOCK_SECONDS = 30  # after which the lock of a journal is taken from a process that was killed while it wrote


def open_study(search: SearchConfig, folder: Path) -> "Study":
    """Opens the study, or makes it.

    Args:
        search: the values of the search.
        folder: of the sweep.

    Raises:
        InputError: Optuna is not installed, the storage cannot be used, or it has a study with other objectives.
    """
    check_optuna()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna")
    name = _storage_name(search, folder)
    for attempt in range(1, OPENINGS + 1):
        try:
            study = optuna.create_study(
                storage=_storage(name),
                study_name=search.study_name,
                directions=[optuna.study.StudyDirection[direction.upper()] for direction in search.all_directions],
                pruner=_pruner(search),
                load_if_exists=True,
            )
            directions = [direction.name.lower() for direction in study.directions]
            break
        except Exception as error:  # each kind of storage raises errors of its own
            if attempt == OPENINGS or not any(words in str(error).lower() for words in _MADE_MEANWHILE):
                raise InputError(f"hydra.sweeper.storage: {name} cannot be used ({reason(error)})") from None
            time.sleep(attempt / 2)
    if directions != search.all_directions:
        raise InputError(
            f"{name}: its study {search.study_name} has the objectives {', '.join(directions)}, not"
            f" {', '.join(search.all_directions)}; give another hydra.sweeper.study_name"
        )
    return study


def check_storage_exists(search: SearchConfig, folder: Path) -> None:
    """Raises InputError if the storage is a file that is not there; Optuna would begin a new one."""
    name = _storage_name(search, folder)
    path = name.removeprefix(SQLITE).partition("?")[0]
    if ("://" not in name or name.startswith(SQLITE)) and path not in ("", ":memory:") and not Path(path).exists():
        raise no_trials(search, folder)


def no_trials(search: SearchConfig, folder: Path) -> InputError:
    """The error that a folder has runs of a search, and the storage no trials."""
    return InputError(
        f"hydra.sweeper.storage: {_storage_name(search, folder)} has none of the trials of {folder}; put the"
        " storage back"
    )


def check_optuna() -> None:
    """Raises InputError if Optuna is not installed."""
    if optuna is None:
        raise missing_extra("optuna", "tune")


def sampler(search: SearchConfig, trials: int) -> "BaseSampler":
    """What chooses the values of the next trial.

    Its seed follows from that of the search and the number of trials so far, so that a search that was interrupted
    goes on with the trials that it would have had.
    """
    seed = (search.seed * 1_000_003 + trials) % (1 << 32)
    if search.sampler == TPE:
        return optuna.samplers.TPESampler(n_startup_trials=search.sampler_startup, seed=seed)
    return optuna.samplers.NSGAIISampler(seed=seed) if search.sampler == NSGAII else optuna.samplers.RandomSampler(seed)


def _storage_name(search: SearchConfig, folder: Path) -> str:
    """The address of a database, or the path of a journal."""
    if search.storage is None:
        return str(folder / JOURNAL)
    return located_address(search.storage) if "://" in search.storage else located(search.storage)


def _storage(name: str) -> "BaseStorage | str":
    if "://" in name:
        return name
    # Optuna's other lock is a link to the file. If that is a relative path, it is never taken from a killed process.
    return optuna.storages.JournalStorage(JournalFileBackend(name, JournalFileOpenLock(name, LOCK_SECONDS)))


def _pruner(search: SearchConfig) -> "BasePruner":
    if search.pruner == MEDIAN:
        return optuna.pruners.MedianPruner(search.pruner_startup, search.pruner_warmup + 1)  # epochs begin with 1
    if search.pruner == HALVING:
        return optuna.pruners.SuccessiveHalvingPruner()
    if search.pruner == HYPERBAND:
        return optuna.pruners.HyperbandPruner()
    return optuna.pruners.NopPruner()


def is_running(trial: "FrozenTrial") -> bool:
    """Whether a trial has not ended: it is trained, or its process was killed."""
    return bool(trial.state == optuna.trial.TrialState.RUNNING)


def trial_of(study: "Study", number: int) -> "Trial":
    """A trial that has not ended, to go on with it; any process may."""
    return optuna.trial.Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)


def tell(study: "Study", number: int, state: State, values: Sequence[float | None]) -> None:
    """Tells the study how a trial ended.

    Args:
        study: that of the search.
        number: of the trial.
        state: of its run.
        values: its objectives; a run that lacks one has failed.
    """
    if state == "pruned":
        study.tell(number, state=optuna.trial.TrialState.PRUNED)
    elif state == "complete" and None not in values:
        study.tell(number, [value for value in values if value is not None])
    else:
        study.tell(number, state=optuna.trial.TrialState.FAIL)
