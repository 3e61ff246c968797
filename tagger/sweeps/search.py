"""A search: Optuna chooses the values of each trial, a run is trained with them, and Optuna hears how good it is.

Source: Akiba et al. (2019), Optuna: a next-generation hyperparameter optimization framework, https://optuna.org

Any number of processes may work on one search, each with the same command or `resume`. A trial has a number, and its
run the folder of that number, whose lock is held by the process that trains it. A trial whose process was killed is
taken over by another one, which goes on after the last complete epoch.
"""

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger.errors import InputError, reason
from tagger.pretraining.config import PretrainConfig
from tagger.sweeps.folder import JOURNAL, Sweep
from tagger.sweeps.grid import (
    POLL_SECONDS,
    carry_out,
    compose_run,
    open_sweep,
    parse_last,
    record_of,
    train_claimed,
)
from tagger.sweeps.launch import Start, in_one_line, own_overrides, quoted
from tagger.sweeps.report import write_table
from tagger.sweeps.run import State, key_and_value
from tagger.sweeps.search_space import (
    HALVING,
    HYPERBAND,
    MEDIAN,
    NSGAII,
    TPE,
    SearchConfig,
    Space,
    check_optuna,
    search_config,
    search_space,
    trial_overrides,
)
from tagger.text.start_folder import SQLITE, located, located_address
from tagger.training.config import TrainConfig
from tagger.training.structured import takes_whole_numbers

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

    from tagger.training.checkpoints import Watch  # it imports Lightning


try:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
except ImportError:
    optuna = None  # type: ignore[assignment]


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


def sweep_study(
    context: HydraContext, config: DictConfig, start: Start, arguments: Sequence[str], values: Mapping[str, Any]
) -> None:
    """Searches in a new folder, or in that of the same search, which may be under way in other processes.

    Args:
        context: Hydra's loader of configs.
        config: of the sweep.
        start: gets the exit status: 1 if a trial failed.
        arguments: the overrides of the command line.
        values: those of `conf/hydra/sweeper/optuna.yaml`.

    Raises:
        InputError: Optuna is not installed, a value of the search is bad, or its folder is taken.
        KeyboardInterrupt: by Ctrl+C or a signal; the message says how to go on.
    """
    search = search_config(cast(dict[str, Any], OmegaConf.to_container(OmegaConf.create(dict(values)))))
    check_optuna()
    overrides = parse_last(context, arguments, search.params)
    first = compose_run(context, config, map(_first, overrides), 0)
    space = search_space(overrides, partial(_is_whole, start.command, first))
    _check(search, space, config, start.command)
    record_of(start.command, first, own_overrides(first.hydra.overrides.task), 0)  # a mistake in what all trials have
    fixed = [str(each.input_line) for each in overrides if not each.is_sweep_override()]
    sweep, made = open_sweep(config, start.command, None)

    def train(number: int, chosen: list[str], watch: "Watch") -> None:
        own = own_overrides([*fixed, *chosen])

        def task(composed: DictConfig) -> None:
            train_claimed(sweep, number, own, partial(record_of, start.command, composed, own, number), watch)

        try:
            launcher = Plugins.instance().instantiate_launcher(context, task, config)
            launcher.launch([[*fixed, *chosen, quoted("hydra.sweep.subdir", str(number))]], initial_job_idx=number)
        except (HydraException, OmegaConfBaseException) as error:
            message = in_one_line(error, chosen)

            def refuse() -> Any:
                raise message

            train_claimed(sweep, number, own, refuse, watch)

    tried = {key_and_value(key)[0] for key in space}
    start.status = carry_out(sweep, made, Search(sweep, search, space, train).run, tried)


def _check(search: SearchConfig, space: Space, config: DictConfig, command: str) -> None:
    """Raises InputError if a command line makes no search."""
    launcher = config.hydra.runtime.choices["hydra/launcher"]
    if launcher != "basic":
        raise InputError(
            f"hydra/launcher={launcher}: a search trains its runs itself; start the same command several times, with"
            " one hydra.sweep.dir"
        )
    if "hydra.sweep.subdir" in {key_and_value(text)[0] for text in config.hydra.overrides.hydra}:
        raise InputError("hydra.sweep.subdir: the folders of a search are the numbers of its trials; leave this out")
    if not space:
        raise InputError(
            "hydra/sweeper=optuna: name what is tried, such as model.depth=1,2 or 'optimizer.lr=interval(0.001,0.01)'"
        )
    if search.storage is not None and not search.storage.strip():
        raise InputError("hydra.sweeper.storage= names no file and no URL; leave it out")
    if command == "pretrain" and search.directions is not None:
        raise InputError("hydra.sweeper.directions: a pretrained network has no speed of tagging; leave this out")


def _is_whole(command: str, config: DictConfig, key: str) -> bool:
    """Whether a key's values are whole numbers: by its type, else because its value is not one with a fraction."""
    stated = takes_whole_numbers(TrainConfig if command == "train" else PretrainConfig, key)
    return not isinstance(OmegaConf.select(config, key), float) if stated is None else stated


def _first(override: Override) -> str:
    """An override with one value, the first one that a search may try."""
    if not override.is_sweep_override():
        return str(override.input_line)
    (values,) = search_space([override], lambda key: True).values()
    return f"{override.get_key_element()}={values.first()}"


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


ID = "sweep"  # attribute of a trial: the id of the sweep's folder, which a database may share with others

_log = logging.getLogger(__name__)


@dataclass
class Search:
    """A search in a sweep's folder.

    Attributes:
        sweep: the folder.
        values: of the search.
        space: what it tries.
        train: trains a trial with a number and overrides, and says in its folder how it ended.
    """

    sweep: Sweep
    values: SearchConfig
    space: Space
    train: Callable[[int, list[str], "Watch"], None]

    def run(self) -> None:
        """Trains trials until there are as many as wanted, and waits for those of other processes.

        Raises:
            InputError: Optuna is not installed, its storage cannot be used, or it lacks the trials of the folder.
            KeyboardInterrupt: Ctrl+C or a signal.
        """
        started = self.sweep.numbers
        if started:
            check_storage_exists(self.values, self.sweep.folder)
        study = open_study(self.values, self.sweep.folder)
        if started and not any(self._is_own(trial) for trial in study.get_trials(deepcopy=False)):
            raise no_trials(self.values, self.sweep.folder)
        waits = False
        while True:
            with ExitStack() as claims:
                number = self._next(study, claims)
                if number is not None:
                    self._try(study, number)
                    continue
            if not (others := [trial.number for trial in self._running(study)]):
                return
            if not waits:
                _log.info("\nother processes train trials %s; this one waits", ", ".join(map(str, others)))
            waits = True
            time.sleep(POLL_SECONDS)

    def _next(self, study: "Study", claims: ExitStack) -> int | None:
        """The number of a trial to train, which this process claims: one whose process was killed, or a new one."""
        with self.sweep.claim_in_turn("study"):
            for left in self._running(study):
                if claims.enter_context(self.sweep.claim(left.number)):
                    return int(left.number)
            own = [trial for trial in study.get_trials(deepcopy=False) if self._is_own(trial)]
            if len(own) >= self.values.n_trials:
                return None
            study.sampler = sampler(self.values, len(own))
            trial = study.ask()
            trial.set_user_attr(ID, self.sweep.record.id)
            claims.enter_context(self.sweep.claim(trial.number))
            trial_overrides(self.space, trial)  # while no other process asks: its values follow from those before
            return int(trial.number)

    def _running(self, study: "Study") -> "list[FrozenTrial]":
        return [trial for trial in study.get_trials(deepcopy=False) if is_running(trial) and self._is_own(trial)]

    def _is_own(self, trial: "FrozenTrial") -> bool:
        """Whether a trial is of this sweep; a process may have been killed before it said so."""
        own, in_own_journal = self.sweep.record.id, self.values.storage is None
        return bool(trial.user_attrs.get(ID, own if in_own_journal else "") == own)

    def _try(self, study: "Study", number: int) -> None:
        """Trains a trial that this process has claimed, and tells the study how it ended."""
        trial = trial_of(study, number)
        overrides = trial_overrides(self.space, trial)
        one_objective = len(self.values.all_directions) == 1

        def after_epoch(epoch: int, accuracy: float) -> bool:
            trial.report(accuracy, epoch)
            return bool(trial.should_prune())

        from tagger.training.checkpoints import Watch

        self.train(number, overrides, Watch(after_epoch if one_objective else None, measures_speed=not one_objective))
        run = self.sweep.run(number)
        tell(
            study, number, run.state, [run.dev_accuracy] if one_objective else [run.dev_accuracy, run.words_per_second]
        )
        write_table(self.sweep)
