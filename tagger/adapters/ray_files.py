"""Files -> tagged files, by a pool of Ray's actors; see `ray_actors` for what they do.

The actors read and write the files where they are, in a folder that all machines share: the process that started the
run moves no text, so it does not limit how many actors can be kept busy. Each output is made by one actor from its
first byte to its name, and is listed in the one manifest of the run before it gets that name, so `--resume`, `--shard`
and a run without Ray can go on with what any number of killed actors have left.
"""

import logging
import math
import secrets
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tagger.adapters.ray_actors import SHARE, TAG, Done, TaggingActor, Task, ledger_name, result
from tagger.adapters.ray_cluster import POOL, Pool, connected, ray
from tagger.adapters.ray_ledger import Ledger, Origin
from tagger.errors import InputError
from tagger.tagging.bulk import Options, Progress
from tagger.tagging.jobs import MANIFEST_NAME, Job
from tagger.tagging.manifest import Manifest
from tagger.tagging.outputs import Outputs
from tagger.tagging.tagger import Tagger

MAX_BATCH = 1 << 20  # bytes of the files that an actor is given at once: a few seconds
MIN_BATCH = 1 << 14
BATCHES = 16  # for each actor, if the files are small
MAX_FILES = 200  # of a batch
LARGE_FILE = 1 << 22  # bytes of a file that all actors tag together
START_SECONDS = 300  # until the first actor has started
ALL_START_SECONDS = 30  # for the others, after which those that have started begin

_log = logging.getLogger(__name__)


def tag_jobs(
    tagger: Tagger,
    jobs: Sequence[Job],
    options: Options,
    outputs: Outputs,
    manifest: Manifest | None,
    pool: Pool = POOL,
    width: int = 80,
) -> Generator[Progress, None, None]:
    """Tags files in any order; an error in one does not stop the others. Each gives one step, when it is done.

    Args:
        tagger: of which every actor gets a copy.
        jobs: the files.
        options: of all jobs.
        outputs: of the jobs.
        manifest: of the outputs; None if they go into no folder.
        pool: the actors.
        width: of the terminal.

    Raises:
        InputError: no cluster answers, no actor can start, or a machine does not see the folder of outputs.
        WorkersDied: actors died again and again at the same part; the remaining jobs are not done.
    """
    run = secrets.token_hex(8) if manifest is None else manifest.run
    try:
        with connected(pool.address, (pool.actors or 0) * pool.cpus):
            folder = None if manifest is None else manifest.folder
            path = folder / MANIFEST_NAME if isinstance(folder, Path) else None
            task = Task(tagger, jobs, options, outputs, Origin.here(), run, path, width)
            started = _Started(task, manifest, pool._replace(gpus=pool.gpus_of(tagger.device)))
            try:
                for done in started.work(_large(jobs), _batches(jobs, started.count)):
                    job = jobs[done.job]
                    yield Progress(job, done.words, finished=done.error is None, error=done.error)
            finally:
                started.end()
    finally:
        _remove_leftovers(jobs, run)


class _Started:
    """Actors that have been asked for; they start at different times."""

    def __init__(self, task: Task, manifest: Manifest | None, pool: Pool) -> None:
        """Asks for the actors."""
        self._pool = pool
        self.count = pool.actors or _devices(pool)
        # The ledger is on this machine, and if it dies the run does: what it had listed is in the manifest alone.
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        ledger = ray.remote(num_cpus=0)(Ledger).options(name=ledger_name(task.run), scheduling_strategy=here)
        self._ledger = ledger.remote(manifest, task.origin, [task.sent()])
        actor = ray.remote(
            num_cpus=pool.cpus,
            num_gpus=pool.gpus,
            max_restarts=-1,
            max_task_retries=-1,
            concurrency_groups={TAG: 1, SHARE: 1},
            scheduling_strategy="SPREAD",  # else as many on one machine as fit
        )(TaggingActor)
        self._asked = [actor.remote(task.run) for _ in range(self.count)]
        self._starting: dict[Any, Any] = {}  # reference of the answer -> actor
        self._actors: list[Any] = []  # that have started

    def work(self, large: Sequence[int], batches: Sequence[list[int]]) -> Iterator[Done]:
        """Gives the actors work until all of it is done.

        Args:
            large: the numbers of the jobs that all actors share.
            batches: of other jobs, for an actor each.
        """
        self._wait()
        files, shared = deque(batches), deque(large)
        asked: dict[Any, tuple[Any, str]] = {}  # reference of the answer -> actor and its thread
        loads: dict[tuple[Any, str], int] = {}
        while True:
            for actor in self._actors:
                while shared and loads.get((actor, SHARE), 0) < 1:
                    reference = actor.share.remote(shared.popleft(), self._actors)
                    asked[reference] = (actor, SHARE)
                    loads[actor, SHARE] = 1
                while files and loads.get((actor, TAG), 0) < 2:
                    reference = actor.tag.remote(files.popleft())
                    asked[reference] = (actor, TAG)
                    loads[actor, TAG] = loads.get((actor, TAG), 0) + 1
            if not asked:
                return
            finished, _ = ray.wait([*asked, *self._starting])
            for reference in finished:
                if reference in self._starting:
                    self._add(reference)
                    continue
                loads[asked.pop(reference)] -= 1
                yield from result(reference)

    def end(self) -> None:
        """Ends the actors, and waits until they write no more."""
        for actor in [*self._asked, self._ledger]:
            with suppress(ray.exceptions.RayError):
                ray.kill(actor)
        for actor in self._actors:
            with suppress(ray.exceptions.RayError):
                ray.get(actor.ready.remote(), timeout=10)  # fails when it has ended

    def _wait(self) -> None:
        """Waits until all actors have started, or some have and the others take long."""
        result(self._ledger.start.remote())  # before they look for its manifest
        self._starting = {actor.ready.remote(): actor for actor in self._asked}
        begin = time.monotonic()
        while self._starting and (not self._actors or time.monotonic() < begin + ALL_START_SECONDS):
            finished, _ = ray.wait(list(self._starting), timeout=1)
            for reference in finished:
                self._add(reference)
            if not self._actors and time.monotonic() > begin + START_SECONDS:
                wants = f"{self._pool.cpus:g} CPUs" + (f" and {self._pool.gpus:g} GPUs" if self._pool.gpus else "")
                raise InputError(
                    f"Ray has started no actor within {START_SECONDS} seconds; each needs {wants}: see ray status, or"
                    " ask for less"
                )

    def _add(self, reference: Any) -> None:
        """An actor has started."""
        actor = self._starting.pop(reference)
        problem = result(reference)
        if problem is not None:
            raise InputError(problem)
        self._actors.append(actor)


def _devices(pool: Pool) -> int:
    """The number of actors that the cluster has CPUs for, one each, or GPUs."""
    resources = ray.cluster_resources()
    found: float = resources.get("GPU", 0) / pool.gpus if pool.gpus else resources.get("CPU", 0)
    return max(1, math.floor(found))


def _large(jobs: Sequence[Job]) -> list[int]:
    """The numbers of the jobs whose windows are shared, the largest first."""
    return sorted((n for n, job in enumerate(jobs) if job.size >= LARGE_FILE), key=lambda n: -jobs[n].size)


def _batches(jobs: Sequence[Job], actors: int) -> list[list[int]]:
    """The numbers of the other jobs, in batches of which every actor gets several."""
    small = {number: job.size for number, job in enumerate(jobs) if job.size < LARGE_FILE}
    limit = min(MAX_BATCH, max(MIN_BATCH, sum(small.values()) // (BATCHES * actors)))
    batches: list[list[int]] = []
    size = limit
    for number, own in small.items():
        if size + own > limit or len(batches[-1]) >= MAX_FILES:
            batches.append([])
            size = 0
        batches[-1].append(number)
        size += own
    return batches


def _remove_leftovers(jobs: Sequence[Job], run: str) -> None:
    """Deletes hidden files of actors that were killed."""
    for folder in {job.target.parent for job in jobs if isinstance(job.target, Path)}:
        for path in folder.glob(f".*.{run}*.part"):
            path.unlink(missing_ok=True)
