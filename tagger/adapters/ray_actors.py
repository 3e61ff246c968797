"""The processes of a run on Ray: actors that tag files where they are, and the ledger as they see it.

An actor reads a file, tags it and writes its output. The windows of a large file are tagged by all actors; one of them
reads and writes it. Ray starts an actor anew when it dies, and repeats what it was asked for.
"""

import copy
import pickle
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tagger.adapters.ray_cluster import ray
from tagger.errors import InputError
from tagger.tagging.bulk import Options, tag_files
from tagger.tagging.jobs import Job
from tagger.tagging.tagger import Tagger
from tagger.tagging.windows import WINDOW_TOKENS
from tagger.tagging.workers import MAX_ATTEMPTS, Part, Workers, WorkersDied, collect_rarely

if TYPE_CHECKING:
    from tagger.adapters.ray_ledger import Origin
    from tagger.tagging.outputs import Outputs

TAG, SHARE = "tag", "share"  # threads of an actor: one tags, one reads and writes large files

Kept = TypeVar("Kept")
Work = TypeVar("Work")
Result = TypeVar("Result")


class Task(NamedTuple):
    """What all actors of a run need to know; it is sent to each of them once."""

    tagger: Tagger
    jobs: Sequence[Job]
    options: Options
    outputs: "Outputs"
    origin: "Origin"
    run: str  # its id
    manifest: Path | None  # the file, which every actor must see
    width: int  # of the terminal

    def sent(self) -> Any:
        """Sends the task to Ray's store of objects; returns a reference, which the ledger gives to the actors.

        The task is pickled here: arrays that Ray pickles cannot be written to, and the caches of a tagger are written
        to.
        """
        return ray.put(pickle.dumps(self))


class Done(NamedTuple):
    """A job has been done, or has failed."""

    job: int  # its number
    words: int = 0  # 0 if they were tagged by an actor that died before it could tell
    error: InputError | None = None


def ledger_name(run: str) -> str:
    """The name of the actor with the ledger of a run."""
    return f"tagger-{run}"


class _RemoteLedger:
    """The ledger as actors see it, in the place of the manifest."""

    def __init__(self, run: str) -> None:
        self._actor, self.run = ray.get_actor(ledger_name(run)), run

    def start(self) -> None:
        """The ledger has done that."""

    def record(self, job: Job, source: str, sha256: str) -> None:
        self.call("record", job, source, sha256)

    def call(self, name: str, *arguments: Any) -> Any:
        """What a method of the ledger returns."""
        return result(getattr(self._actor, name).remote(*arguments))

    def begin(self, work: Hashable) -> int:
        """Counts an attempt at a piece of work.

        Raises:
            WorkersDied: there were too many.
        """
        attempts: int = self.call("begin", work)
        if attempts > MAX_ATTEMPTS:
            raise WorkersDied(
                f"{MAX_ATTEMPTS} actors died at the same part, perhaps for lack of memory; try fewer --workers"
            )
        return attempts

    def end(self, work: Hashable) -> None:
        self._actor.end.remote(work)


class TaggingActor:
    """A process with a tagger. It tags files by itself, and windows of files that other actors read."""

    def __init__(self, run: str) -> None:
        """Fetches its task from the ledger of a run."""
        self._ledger = _RemoteLedger(run)
        (reference,) = self._ledger.call("task")
        self._task: Task = pickle.loads(ray.get(reference))
        collect_rarely()
        self._task.origin.enter()
        self._outputs = self._task.outputs
        if self._outputs.manifest is not None:
            self._outputs.manifest = self._ledger

    def ready(self) -> str | None:
        """Is answered when the actor has started: what is wrong with its machine, if anything is."""
        path = self._task.manifest
        if path is None or path.exists():
            return None
        node = ray.util.get_node_ip_address()
        return f"the machine {node} does not see {path.parent}; give -o a folder that all machines share"

    @ray.method(concurrency_group=TAG)
    def tag(self, numbers: Sequence[int]) -> list[Done]:
        """Tags files, given their numbers among the jobs."""
        work = ("files", numbers[0])
        again = self._ledger.begin(work) > 1
        jobs = self._task.jobs
        made = {number for number in numbers if again and self._ledger.call("is_made", jobs[number])}
        done = self._tag(self._task.tagger, [number for number in numbers if number not in made])
        self._ledger.end(work)
        return [*map(Done, made), *done]

    @ray.method(concurrency_group=SHARE)
    def share(self, number: int, actors: Sequence[Any]) -> list[Done]:
        """Reads and writes a large file, whose windows all actors tag."""
        work = ("file", number)
        attempt = self._ledger.begin(work)
        if attempt > 1 and self._ledger.call("is_made", self._task.jobs[number]):
            return [Done(number)]
        tagger = copy.copy(self._task.tagger)
        tagger.workers = _Actors(tagger, actors, (number, attempt))
        done = self._tag(tagger, [number])
        self._ledger.end(work)
        return done

    @ray.method(concurrency_group=TAG)
    def run(self, function: Callable[[Tagger, Work], Result], part: Work, name: Hashable) -> Result:
        """Applies a function to this actor's tagger and a part of a file."""
        self._ledger.begin(name)
        found = function(self._task.tagger, part)
        self._ledger.end(name)
        return found

    def _tag(self, tagger: Tagger, numbers: Sequence[int]) -> list[Done]:
        jobs = [self._task.jobs[number] for number in numbers]
        number_of = dict(zip(jobs, numbers, strict=True))
        words = Counter[Job]()
        done = []
        for step in tag_files(tagger, jobs, self._task.options, self._outputs.open, self._task.width, WINDOW_TOKENS):
            words[step.job] += step.words
            if step.finished or step.error is not None:
                done.append(Done(number_of[step.job], words[step.job], step.error))
        return done


class _Actors(Workers[Tagger]):
    """Actors in the place of processes of this machine."""

    def __init__(self, state: Tagger, actors: Sequence[Any], name: Hashable) -> None:
        """Takes the handles of actors that have been started, and a name for the work that they are given."""
        super().__init__(state, len(actors))
        self._actors, self._name = actors, name

    def map(
        self, function: Callable[[Tagger, Work], Result], parts: Iterable[Part[Kept, Work]]
    ) -> Iterator[tuple[Kept, Result]]:
        """Applies `function` to each part as it arrives, on the actor with the fewest; see `Workers.map`."""
        waiting: deque[tuple[Kept, int, Any]] = deque()
        loads = [0] * self.count

        def first() -> tuple[Kept, Result]:
            kept, actor, reference = waiting.popleft()
            found: Result = result(reference)
            loads[actor] -= 1
            return kept, found

        for number, part in enumerate(parts):
            actor = loads.index(min(loads))
            loads[actor] += 1
            run = self._actors[actor].run
            waiting.append((part.kept, actor, run.remote(function, part.work, (self._name, number))))
            while len(waiting) >= 2 * self.count:
                yield first()
        while waiting:
            yield first()


def result(reference: Any) -> Any:
    """What an actor returns; errors are those of its code.

    Raises:
        WorkersDied: the actor is gone for good.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError):  # Ray's own error has a traceback for a message
            raise error.cause from None
        raise
    except ray.exceptions.RayActorError as error:
        raise WorkersDied(f"an actor of Ray cannot be started again ({error}); go on with --resume") from None
