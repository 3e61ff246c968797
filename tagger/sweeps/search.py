"""A search: Optuna chooses the values of each trial, a run is trained with them, and Optuna hears how good it is.

Any number of processes may work on one search, each with the same command or `resume`. A trial has a number, and its
run the folder of that number, whose lock is held by the process that trains it. A trial whose process was killed is
taken over by another one, which goes on after the last complete epoch.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagger.errors import InputError
from tagger.sweeps.folder import Sweep
from tagger.sweeps.grid import POLL_SECONDS, Train, train_claimed
from tagger.sweeps.search_config import SearchConfig
from tagger.sweeps.search_space import Space, trial_overrides
from tagger.sweeps.study import (
    check_storage_exists,
    is_running,
    no_trials,
    open_study,
    sampler,
    tell,
    trial_of,
)
from tagger.sweeps.table import write_table
from tagger.training.run_folder import RunRecord
from tagger.training.watch import Watch

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

ID = "sweep"  # attribute of a trial: the id of the sweep's folder, which a database may share with others

_log = logging.getLogger(__name__)


@dataclass
class Search:
    """A search in a sweep's folder.

    Attributes:
        sweep: the folder.
        values: of the search.
        space: what it tries.
        record_of: the overrides and the number of a trial -> its run; raises InputError.
        train: trains one run.
    """

    sweep: Sweep
    values: SearchConfig
    space: Space
    record_of: Callable[[Sequence[str], int], RunRecord]
    train: Train

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

        watch = Watch(after_epoch if one_objective else None, measures_speed=not one_objective)
        try:
            record = self.record_of(overrides, number)
        except InputError as error:
            self.sweep.begin(number, RunRecord(self.sweep.record.command, overrides, {}, number))
            self.sweep.end(number, "failed", error)
        else:
            train_claimed(self.sweep, number, record, self.train, watch)
        run = self.sweep.run(number)
        tell(
            study, number, run.state, [run.dev_accuracy] if one_objective else [run.dev_accuracy, run.words_per_second]
        )
        write_table(self.sweep)
