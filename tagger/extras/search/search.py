"""A search: Optuna chooses the values of each trial, a run is trained with them, and Optuna hears how good it is.

Source: Akiba et al. (2019), Optuna: a next-generation hyperparameter optimization framework, https://optuna.org

The study is a journal in the sweep's folder, on which any number of processes may work. A trial is trained in the
folder of its number. If its process is killed, another process goes on with it after the last epoch.
"""

import logging
import math
import shutil
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import optuna
import pytorch_lightning as pl
from filelock import FileLock, Timeout
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext
from msgspec import Meta
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import MedianPruner, NopPruner
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from pytorch_lightning.callbacks import Callback

from tagger.errors import InputError, reason
from tagger.extras.search.grid import BASIC, JOURNAL, RunOfSweep, SweptRun, begin, compose_run, finish, read_report
from tagger.text.schema import Seed, one_of, read
from tagger.training.launch import SingleRun, in_one_line, record_of
from tagger.training.run_folder import SHARDS

SAMPLERS = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
MIN_COMPLETE, MIN_EPOCHS = 5, 1  # trials that are complete, and epochs of a trial, before one is ended early
LOG = "log"  # the tag of an interval
DIGITS = 6  # of a number with a fraction
LOCK_SECONDS = 30  # after which the lock of a journal is taken from a process that was killed while it wrote
VALUES, ERROR = "values", "error"  # attributes of a study, and of a trial
LOCK = ".search.lock"  # in the folders of a search and of a trial

_log = logging.getLogger(__name__)

Distribution = CategoricalDistribution | FloatDistribution | IntDistribution


@dataclass
class SearchConfig:
    """The values of `conf/hydra/sweeper/optuna.yaml`."""

    n_trials: Annotated[int, Meta(ge=1, le=10_000)]
    direction: Literal["maximize", "minimize"]
    seed: Seed
    sampler: Annotated[str, one_of(SAMPLERS)]
    pruner: Annotated[str, one_of(("median", "none"))]


def sweep_study(
    context: HydraContext, config: DictConfig, sweep: SingleRun, arguments: Sequence[str], values: Mapping[str, Any]
) -> None:
    """Trains the trials of a study that are missing, as other processes may do; see `sweep_grid`.

    `values` are those of `conf/hydra/sweeper/optuna.yaml`.
    """
    search = read(SearchConfig, dict(values), "hydra.sweeper.", from_page=True)
    if (launcher := config.hydra.runtime.choices["hydra/launcher"]) != BASIC:
        raise InputError(f"hydra/launcher={launcher}: start the same command several times, with one hydra.sweep.dir")
    parsed = OverridesParser.create(config_loader=context.config_loader).parse_overrides(list(arguments))
    last = {override.get_key_element(): override for override in parsed}
    space = {key: _distribution(each) for key, each in last.items() if each.is_sweep_override()}
    fixed = [str(each.input_line) for key, each in last.items() if key not in space]
    if not space:
        raise InputError("nothing to search: name values, model.depth=1,2 or 'model.dropout=interval(0,0.5)'")
    for number in range(max(len(getattr(each, "choices", "1")) for each in space.values())):  # every choice is checked
        tried = {key: _example(each, number) for key, each in space.items()}
        record_of(compose_run(context, config, [*fixed, *_texts(tried, space)], 0))
    go_on = begin(config, sweep)
    folder = Path(config.hydra.sweep.dir)
    study = _open_study(search, folder, {"fixed": fixed, "space": {key: str(each) for key, each in space.items()}})
    try:
        while True:
            with ExitStack() as claims:
                if (trial := _next(study, search, folder, claims)) is None:
                    break
                chosen = _overrides(trial, space)
                _tell(study, trial, folder, _train(context, config, trial, [*fixed, *chosen]))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(go_on) from None
    sweep.status = finish(folder, [_row(trial, folder, space, fixed) for trial in study.trials])


def _distribution(override: Override) -> Distribution:
    """What a search tries for a key: a list of choices is a category, a range has steps, an interval any number."""
    value, low, high, step = override.value(), 0.0, 0.0, None
    log = LOG in (getattr(value, "tags", None) or ())
    if isinstance(value, IntervalSweep):
        low, high = cast(float, value.start), cast(float, value.end)
    elif isinstance(value, RangeSweep) and isinstance(value.step, int) and not value.shuffle:
        low, end, step = cast(float, value.start or 0), cast(float, value.stop or 0), value.step
        high = end - 1  # the end itself is left out
    try:
        if step is not None:
            return IntDistribution(int(low), int(high), log, step)
        if isinstance(value, IntervalSweep):
            return FloatDistribution(low, high, log)
        return CategoricalDistribution(tuple(dict.fromkeys(override.sweep_string_iterator())))
    except ValueError as error:
        raise InputError(f"{override.input_line}: {reason(error)}") from None


def _example(values: Distribution, number: int) -> Any:
    """One of the values: of choices that of a number, of an interval one with a fraction, which some keys refuse."""
    if isinstance(values, CategoricalDistribution):
        return values.choices[number % len(values.choices)]
    return values.low if isinstance(values, IntDistribution) else values.low + (values.high - values.low) / math.e


def _open_study(search: SearchConfig, folder: Path, values: dict[str, Any]) -> Study:
    """The study in a folder, or a new one; raises InputError if it is about other values."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna")
    folder.mkdir(parents=True, exist_ok=True)
    journal = str(folder / JOURNAL)
    values["direction"] = search.direction
    try:
        # Optuna's other lock is a link. If it leads to a relative path, it is never taken from a killed process.
        backend = JournalFileBackend(journal, JournalFileOpenLock(journal, LOCK_SECONDS))
        study = optuna.create_study(
            storage=JournalStorage(backend),
            study_name="tagger",
            direction=search.direction,
            load_if_exists=True,
            pruner=MedianPruner(MIN_COMPLETE, MIN_EPOCHS + 1) if search.pruner == "median" else NopPruner(),
        )  # epochs begin with 1
        if not study.user_attrs:
            study.set_user_attr(VALUES, values)
    except Exception as error:  # such as KeyError, of a damaged journal
        raise InputError(f"{journal} cannot be used ({reason(error)}); give hydra.sweep.dir another folder") from None
    if study.user_attrs.get(VALUES) != values:
        raise InputError(f"{folder} holds a search over other values; give this one another folder")
    return study


def _next(study: Study, search: SearchConfig, folder: Path, claims: ExitStack) -> Trial | None:
    """A trial to train, which this process claims: one whose process was killed, or a new one."""
    with FileLock(folder / LOCK):
        trials = study.get_trials(deepcopy=False)
        left = [trial for trial in trials if trial.state == TrialState.RUNNING and _claim(folder, trial.number, claims)]
        number = left[0].number if left else len(trials)
        # After an interruption, the trials are those that there would have been without it.
        study.sampler = SAMPLERS[search.sampler](seed=(search.seed * 1_000_003 + number) % (1 << 32))
        if left:
            return Trial(study, left[0]._trial_id)
        if number >= search.n_trials:
            return None
        trial = study.ask()
        _claim(folder, trial.number, claims)
        return trial


def _claim(folder: Path, number: int, claims: ExitStack) -> bool:
    """Whether no other process trains a trial; this one has it then."""
    (folder / str(number)).mkdir(exist_ok=True)
    try:
        claims.enter_context(FileLock(folder / str(number) / LOCK).acquire(timeout=0))
    except Timeout:
        return False
    return True


def _overrides(trial: Trial, space: Mapping[str, Distribution]) -> list[str]:
    """The overrides of a trial, `KEY=VALUE`; asked again, a trial gives the same ones."""
    for key, values in space.items():
        if isinstance(values, CategoricalDistribution):
            trial.suggest_categorical(key, values.choices)
        elif isinstance(values, IntDistribution):
            trial.suggest_int(key, values.low, values.high, step=values.step, log=values.log)
        else:
            trial.suggest_float(key, values.low, values.high, log=values.log)
    return _texts(trial.params, space)


def _texts(params: Mapping[str, Any], space: Mapping[str, Distribution]) -> list[str]:
    values = [(key, params[key]) for key in space if key in params]
    return [f"{key}={value:.{DIGITS}g}" if isinstance(value, float) else f"{key}={value}" for key, value in values]


def _train(context: HydraContext, config: DictConfig, trial: Trial, overrides: list[str]) -> str:
    """Trains the run of a trial; returns its error, an empty text if there is none."""
    try:
        run = RunOfTrial([Pruning(trial)])
        launcher = Plugins.instance().instantiate_launcher(context, run, config)
        (job,) = launcher.launch([[*overrides, f"hydra.sweep.subdir={trial.number}"]], initial_job_idx=trial.number)
        return str(job.return_value)
    except (HydraException, OmegaConfBaseException) as error:  # a value does not fit its key
        return str(in_one_line(error))


class RunOfTrial(RunOfSweep):
    """The run of a trial, which its pruner may end early."""

    def train(self, config: DictConfig, folder: Path) -> None:
        """Trains as a run of a grid. A run that was ended early leaves its epochs, and has no report."""
        try:
            super().train(config, folder)
        except optuna.TrialPruned:
            shutil.rmtree(folder / SHARDS, ignore_errors=True)
            _log.info("ended early")


class Pruning(Callback):
    """Tells a trial the accuracy of each epoch, and ends the run if the trial is to be pruned.

    A run that has several processes tells of none: the others would wait for one that ended early.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ends the run by `TrialPruned`, unless it is at its end."""
        epoch = trainer.current_epoch + 1
        if trainer.world_size > 1:
            return
        self._trial.report(float(trainer.callback_metrics["dev/accuracy"]), epoch)
        if self._trial.should_prune() and epoch != trainer.max_epochs and not trainer.should_stop:
            raise optuna.TrialPruned


def _tell(study: Study, trial: Trial, folder: Path, error: str) -> None:
    """Tells the study how a trial ended."""
    report = read_report(folder / str(trial.number))
    if report is not None and report["dev_accuracy"] is not None:
        study.tell(trial, report["dev_accuracy"])
    else:
        trial.set_user_attr(ERROR, error)
        study.tell(trial, state=TrialState.FAIL if error else TrialState.PRUNED)


def _row(trial: FrozenTrial, folder: Path, space: Mapping[str, Distribution], fixed: Sequence[str]) -> SweptRun:
    state = "failed" if trial.state == TrialState.FAIL else trial.state.name.lower()
    overrides = [text.lstrip("+") for text in [*fixed, *_texts(trial.params, space)]]
    return SweptRun(trial.number, folder / str(trial.number), overrides, trial.user_attrs.get(ERROR, ""), state)
