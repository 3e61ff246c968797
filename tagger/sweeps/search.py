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
from typing import Annotated, Any, cast

import optuna
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext
from msgspec import Meta
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from tagger.errors import InputError, reason
from tagger.pretraining.config import PretrainConfig
from tagger.sweeps.folder import JOURNAL, Sweep
from tagger.sweeps.grid import (
    BASIC,
    POLL_SECONDS,
    carry_out,
    compose_run,
    open_sweep,
    parse_last,
    record_of,
    train_claimed,
)
from tagger.sweeps.launch import Start, in_one_line, own_overrides, plain_texts, quoted
from tagger.sweeps.one_run import train_run
from tagger.sweeps.run import key_and_value
from tagger.text.paths import SQLITE, located, located_address
from tagger.text.schema import Count, Seed, Size, bad_value, has_whole_numbers, one_of, read
from tagger.training.config import TrainConfig
from tagger.training.watch import Watch

TPE, NSGAII, RANDOM = "tpe", "nsgaii", "random"
MEDIAN, HALVING, HYPERBAND, NONE = "median", "halving", "hyperband", "none"
DIRECTIONS = ("maximize", "minimize")
MAX_TRIALS = 10_000
LOG = "log"  # the tag of an interval
DIGITS = 6  # of a number with a fraction
OPENINGS = 5  # of a database, whose tables another process may be making at this moment
_MADE_MEANWHILE = ("already exists", "unique constraint", "duplicate")  # what databases say then
LOCK_SECONDS = 30  # after which the lock of a journal is taken from a process that was killed while it wrote
ID = "sweep"  # attribute of a trial: the id of the sweep's folder, which a database may share with others

Space = dict[str, CategoricalDistribution | FloatDistribution | IntDistribution]

_log = logging.getLogger(__name__)


@dataclass
class SearchConfig:
    """The values of `conf/hydra/sweeper/optuna.yaml`: how trials get their values, and which are ended early."""

    n_trials: Annotated[int, Meta(ge=1, le=MAX_TRIALS)]
    direction: Annotated[str, one_of(DIRECTIONS)]
    directions: list[str] | None
    seed: Seed
    sampler: Annotated[str, one_of((TPE, NSGAII, RANDOM))]
    sampler_startup: Count
    pruner: Annotated[str, one_of((MEDIAN, HALVING, HYPERBAND, NONE))]
    pruner_startup: Count
    pruner_warmup: Size
    storage: str | None
    study_name: str
    params: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.storage is not None and not self.storage.strip():
            raise InputError("hydra.sweeper.storage= names no file and no URL; leave it out")
        if self.directions is None:
            return
        if len(self.directions) != 2 or not set(self.directions) <= set(DIRECTIONS):
            raise bad_value(
                "hydra.sweeper.directions", self.directions, "give two, of accuracy and words/s: [maximize,maximize]"
            )
        if self.pruner == MEDIAN:  # the value of the page
            self.pruner = NONE
        if self.pruner != NONE:
            raise InputError(f"hydra.sweeper.pruner={self.pruner} needs one direction; leave directions out")

    @property
    def all_directions(self) -> list[str]:
        """Of each objective: the accuracy on dev and, if wanted, the words per second."""
        return self.directions or [self.direction]


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
        InputError: a value of the search is bad, or its folder is taken.
        KeyboardInterrupt: by Ctrl+C or a signal; the message says how to go on.
    """
    plain = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.create(dict(values))))
    search = read(SearchConfig, plain, "hydra.sweeper.", from_page=True)
    overrides = parse_last(context, config, arguments, search.params)
    first = compose_run(context, config, map(_first, overrides), 0)
    space = search_space(overrides, partial(_is_whole, start.command, first))
    _check(search, space, config, start.command)
    record_of(start.command, first, own_overrides(first.hydra.overrides.task), 0)  # a mistake in what all trials have
    fixed = [str(each.input_line) for each in overrides if not each.is_sweep_override()]
    sweep, made = open_sweep(config, start.command, None)

    def train(number: int, chosen: list[str], watch: Watch) -> None:
        def task(composed: DictConfig) -> None:
            train_claimed(sweep, number, composed, train_run, watch)

        try:
            launcher = Plugins.instance().instantiate_launcher(context, task, config)
            launcher.launch([[*fixed, *chosen, quoted("hydra.sweep.subdir", str(number))]], initial_job_idx=number)
        except (HydraException, OmegaConfBaseException) as error:  # a value does not fit its key
            sweep.end(number, "failed", in_one_line(error, chosen), own_overrides([*fixed, *chosen]))

    tried = {key_and_value(key)[0] for key in space}
    start.status = carry_out(sweep, made, Search(sweep, search, space, train).run, tried)


def _check(search: SearchConfig, space: Space, config: DictConfig, command: str) -> None:
    """Raises InputError if a command line makes no search."""
    launcher = config.hydra.runtime.choices["hydra/launcher"]
    if launcher != BASIC:
        raise InputError(
            f"hydra/launcher={launcher}: a search trains its runs itself; start the same command several times, with"
            " one hydra.sweep.dir"
        )
    if "hydra.sweep.subdir" in {key_and_value(text)[0] for text in plain_texts(config.hydra.overrides.hydra)}:
        raise InputError("hydra.sweep.subdir: the folders of a search are the numbers of its trials; leave this out")
    if not space:
        raise InputError(
            "hydra/sweeper=optuna: nothing to search; give a key several values, such as model.depth=1,2 or"
            " 'optimizer.lr=interval(0.001,0.01)'"
        )
    if command == "pretrain" and search.directions is not None:
        raise InputError("hydra.sweeper.directions: a pretrained network has no speed of tagging; leave this out")


def _is_whole(command: str, config: DictConfig, key: str) -> bool:
    """Whether a key's values are whole numbers: by its type, else because its value is not one with a fraction."""
    stated = has_whole_numbers(TrainConfig if command == "train" else PretrainConfig, key)
    return not isinstance(OmegaConf.select(config, key), float) if stated is None else stated


def search_space(overrides: Sequence[Override], is_whole: Callable[[str], bool]) -> Space:
    """What a search tries for each key that is swept over.

    A list of choices is a category, a range a number in steps, an interval any number within it. `tag(log, …)` makes
    an interval logarithmic. Grammar: https://hydra.cc/docs/advanced/override_grammar/extended/

    Args:
        overrides: of a command line; those that are no sweeps are left out.
        is_whole: whether the value of a key is a whole number. Hydra reads `interval(1,4)` as numbers with fractions.

    Raises:
        InputError: a key has no value, or bounds that hold none.
    """
    swept = [override for override in overrides if override.is_sweep_override()]
    return {each.get_key_element(): _distribution(each, is_whole(each.key_or_group)) for each in swept}


def _distribution(override: Override, whole: bool) -> CategoricalDistribution | FloatDistribution | IntDistribution:
    text, value = str(override.input_line), override.value()
    tags = getattr(value, "tags", None) or set()
    if wrong := sorted(tags - {LOG}):
        raise InputError(f"{text}: there is no tag {wrong[0]}; a search knows tag({LOG},interval(...))")
    log, step = LOG in tags, None
    if isinstance(value, IntervalSweep):
        least, most = cast(float, value.start), cast(float, value.end)
        if whole and least == int(least) and most == int(most):
            least, most = int(least), int(most)
    elif isinstance(value, RangeSweep) and not value.shuffle:
        least, stop, step = value.start or 0, value.stop or 0, value.step
        if log:
            raise InputError(f"{text}: a range has equal steps; for a logarithmic one write tag(log,interval(...))")
        if step <= 0:
            raise InputError(f"{text}: a search needs steps above 0")
        most = least + max(-(-(stop - least) // step) - 1, -1) * step  # the end itself is left out, as in Python
    else:
        texts = tuple(dict.fromkeys(override.sweep_string_iterator()))
        if not texts:
            raise InputError(f"{text} names no value; a search needs two or more")
        return CategoricalDistribution(texts)
    if log and least <= 0:
        raise InputError(f"{text}: a logarithmic interval begins above 0")
    if least > most:
        raise InputError(f"{text}: no number lies between these; give the lower one first")
    if all(isinstance(number, int) for number in (least, most, step or 1)):
        return IntDistribution(int(least), int(most), log, int(step or 1))
    return FloatDistribution(least, most, log, step)


def _first(override: Override) -> str:
    """An override with one value, the first one that a search may try."""
    if not override.is_sweep_override():
        return str(override.input_line)
    (values,) = search_space([override], lambda key: True).values()
    first = values.choices[0] if isinstance(values, CategoricalDistribution) else values.low
    return f"{override.get_key_element()}={first}"


def trial_overrides(space: Space, trial: Trial) -> list[str]:
    """The overrides of a trial, `KEY=VALUE`; asked again, a trial gives the same ones."""
    found = []
    for key, values in space.items():
        if isinstance(values, CategoricalDistribution):
            text = str(trial.suggest_categorical(key, values.choices))
        elif isinstance(values, IntDistribution):
            text = str(trial.suggest_int(key, values.low, values.high, step=values.step, log=values.log))
        else:
            number = trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log)
            text = f"{number:.{DIGITS}g}"
        found.append(f"{key}={text}")
    return found


def open_study(search: SearchConfig, folder: Path) -> Study:
    """Opens the study, or makes it.

    Args:
        search: the values of the search.
        folder: of the sweep.

    Raises:
        InputError: the storage cannot be used, or it has a study with other objectives.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna")
    name = _storage_name(search, folder)
    for attempt in range(1, OPENINGS + 1):
        try:
            study = optuna.create_study(
                storage=_storage(name),
                study_name=search.study_name,
                directions=[StudyDirection[direction.upper()] for direction in search.all_directions],
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


def sampler(search: SearchConfig, trials: int) -> optuna.samplers.BaseSampler:
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


def _storage(name: str) -> optuna.storages.BaseStorage | str:
    if "://" in name:
        return name
    # Optuna's other lock is a link to the file. If that is a relative path, it is never taken from a killed process.
    return optuna.storages.JournalStorage(JournalFileBackend(name, JournalFileOpenLock(name, LOCK_SECONDS)))


def _pruner(search: SearchConfig) -> optuna.pruners.BasePruner:
    if search.pruner == MEDIAN:
        return optuna.pruners.MedianPruner(search.pruner_startup, search.pruner_warmup + 1)  # epochs begin with 1
    if search.pruner == HALVING:
        return optuna.pruners.SuccessiveHalvingPruner()
    return optuna.pruners.HyperbandPruner() if search.pruner == HYPERBAND else optuna.pruners.NopPruner()


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
    train: Callable[[int, list[str], Watch], None]

    def run(self) -> None:
        """Trains trials until there are as many as wanted, and waits for those of other processes.

        Raises:
            InputError: Optuna's storage cannot be used, or it lacks the trials of the folder.
            KeyboardInterrupt: Ctrl+C or a signal.
        """
        name = _storage_name(self.values, self.sweep.folder)
        gone = InputError(
            f"hydra.sweeper.storage: {name} has none of the trials of {self.sweep.folder}; put the storage back"
        )
        path = name.removeprefix(SQLITE).partition("?")[0]
        is_file = ("://" not in name or name.startswith(SQLITE)) and path not in ("", ":memory:")
        started = self.sweep.numbers
        if started and is_file and not Path(path).exists():  # Optuna would begin a new one
            raise gone
        study = open_study(self.values, self.sweep.folder)
        if started and not self._trials(study):
            raise gone
        waits = False
        while True:
            with ExitStack() as claims:
                number = self._next(study, claims)
                if number is not None:
                    self._try(study, number)
                    continue
            if not (others := [trial.number for trial in self._trials(study) if trial.state == TrialState.RUNNING]):
                return
            if not waits:
                _log.info("\nother processes train trials %s; this one waits", ", ".join(map(str, others)))
            waits = True
            time.sleep(POLL_SECONDS)

    def _next(self, study: Study, claims: ExitStack) -> int | None:
        """The number of a trial to train, which this process claims: one whose process was killed, or a new one."""
        with self.sweep.turn():
            own = self._trials(study)
            for left in own:
                if left.state == TrialState.RUNNING and claims.enter_context(self.sweep.claim(left.number)):
                    return int(left.number)
            if len(own) >= self.values.n_trials:
                return None
            study.sampler = sampler(self.values, len(own))
            trial = study.ask()
            trial.set_user_attr(ID, self.sweep.record.id)
            claims.enter_context(self.sweep.claim(trial.number))
            trial_overrides(self.space, trial)  # while no other process asks: its values follow from those before
            return int(trial.number)

    def _trials(self, study: Study) -> list[FrozenTrial]:
        """The trials of this sweep. A process may have been killed before it said whose a trial is."""
        own, in_own_journal = self.sweep.record.id, self.values.storage is None
        trials = study.get_trials(deepcopy=False)
        return [trial for trial in trials if trial.user_attrs.get(ID, own if in_own_journal else "") == own]

    def _try(self, study: Study, number: int) -> None:
        """Trains a trial that this process has claimed, and tells the study how it ended."""
        from tagger.sweeps.report import write_table

        trial = Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)  # that of a killed process, too
        one_objective = len(self.values.all_directions) == 1

        def after_epoch(epoch: int, accuracy: float) -> bool:
            trial.report(accuracy, epoch)
            return bool(trial.should_prune())

        watch = Watch(after_epoch if one_objective else None, measures_speed=not one_objective)
        self.train(number, trial_overrides(self.space, trial), watch)
        run = self.sweep.run(number)
        found = [run.dev_accuracy] if one_objective else [run.dev_accuracy, run.words_per_second]
        values = [value for value in found if value is not None]
        if run.state == "pruned":
            study.tell(number, state=TrialState.PRUNED)
        elif run.state == "complete" and len(values) == len(found):
            study.tell(number, values)
        else:
            study.tell(number, state=TrialState.FAIL)
        write_table(self.sweep)
