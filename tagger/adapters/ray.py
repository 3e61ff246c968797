"""Files -> tagged files, and datasets of Ray Data -> the same with columns of tags, on one machine or on a cluster.

`ray_files.py` says why the actors read and write the files themselves.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tagger.adapters.batches import BatchTagger
from tagger.adapters.ray_cluster import CPUS, Pool
from tagger.adapters.ray_dataset import map_batches
from tagger.adapters.ray_files import tag_jobs
from tagger.errors import InputError
from tagger.tagging.batches import choose_device, choose_precision
from tagger.tagging.bulk import Options
from tagger.tagging.jobs import plan_jobs
from tagger.tagging.load import AUTO, load
from tagger.tagging.manifest import Manifest, tagger_digest
from tagger.tagging.outputs import Outputs
from tagger.text.lexicon import LexiconCase
from tagger.weights.catalog import DEFAULT, find_tagger

if TYPE_CHECKING:
    from ray.data import Dataset

OPTIONS = Options()
BATCH_ROWS = 256


class TaggedFiles(NamedTuple):
    """What a run has done."""

    files: int  # that were tagged
    words: int  # of them; those of an actor that died at the wrong moment are not counted
    messages: list[str]  # about files that were not tagged because their outputs exist
    errors: dict[str, InputError]  # the file -> why it could not be tagged


def tag_files(
    paths: str | Path | Sequence[str | Path],
    to: str | Path,
    model: str | Path = DEFAULT,
    *,
    input: str | None = None,
    output: str | None = None,
    options: Options = OPTIONS,
    device: str = "auto",
    precision: str = "auto",
    segmenter: str = AUTO,
    corpus: str | None = None,
    lexicons: Mapping[str, str] | None = None,
    lexicon_case: LexiconCase = "exact",
    force: bool = False,
    resume: bool = False,
    address: str | None = None,
    actors: int | None = None,
    cpus: float = CPUS,
    gpus: float | None = None,
) -> TaggedFiles:
    """Tags files into a folder with actors of Ray; an error in one file does not stop the others.

    The outputs are, to the byte, those of `python -m tagger tag`, on machines that compute alike. A run that was
    killed goes on with `resume`; it does not matter which of the two had made the outputs so far.

    Args:
        paths: files and folders, or one. They and `to` have the same names on all machines.
        to: the folder of the outputs.
        model: see `tagger.load`. This process loads it and sends it to the actors.
        input: the format of all files; None: by the suffix.
        output: the format of all outputs; None: conllu for conllu, and tsv for others.
        options: how files are read and written.
        device: see `tagger.load`.
        precision: see `tagger.load`; `auto` looks at this machine.
        segmenter: see `tagger.load`.
        corpus: see `tagger.load`.
        lexicons: see `tagger.load`.
        lexicon_case: see `tagger.load`.
        force: whether to replace outputs that exist.
        resume: whether to go on with a run that was killed.
        address: of a Ray cluster, see `ray_cluster.connected`. If this process is connected to Ray, that is used.
        actors: None: one per CPU of the cluster, or per GPU if the tagger is on one.
        cpus: that Ray reserves for an actor.
        gpus: that Ray reserves for an actor; None: 1 if the tagger is on a GPU. A part lets actors share one.

    Raises:
        InputError: Ray is not installed, no cluster answers, no actor can start, there is no such file or model, a
            machine does not see the folder of outputs, or a number of the pool is too low.
        WorkersDied: actors died again and again at the same part; `resume` goes on.
    """
    pool = Pool(address, actors, cpus, gpus)
    pool.check()
    to = f"{to}/"
    sources = [str(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not sources:
        raise InputError("paths is empty; name files or folders")
    plan = plan_jobs(sources, to, input, output)
    jobs, place = plan.jobs, plan.to
    folder = find_tagger(str(model))
    keep = None if options.keep is None else [f"{name}={place}" for name, place in options.keep.items()]
    used = choose_precision(precision, choose_device(device))
    digest = tagger_digest(
        *(folder, used, input, output, options, segmenter, corpus, keep, lexicons or {}, lexicon_case)
    )
    manifest = None if place is None else Manifest(place, digest)
    outputs = Outputs(jobs, manifest, force, resume)
    done = TaggedFiles(0, 0, [*plan.skipped, *plan.errors, *outputs.messages], {})
    if not outputs.pending:
        return done
    tagger = load(
        folder, device, precision, segmenter=segmenter, corpus=corpus, lexicons=lexicons, lexicon_case=lexicon_case
    )
    for step in tag_jobs(tagger, outputs.pending, options, outputs, manifest, pool):
        if step.error is not None:
            done.errors[step.job.source] = step.error
        else:
            done = done._replace(files=done.files + 1, words=done.words + step.words)
    return done


def tag_dataset(
    dataset: "Dataset",
    model: str | Path = DEFAULT,
    column: str = "text",
    *,
    tags: Sequence[str] | None = None,
    probabilities: bool = False,
    device: str = "auto",
    precision: str = "auto",
    actors: int | None = None,
    cpus: float = CPUS,
    gpus: float | None = None,
    batch_size: int = BATCH_ROWS,
) -> "Dataset":
    """Adds columns with the tags of a column's texts, or of its lists of tokens; see `BatchTagger` for them.

    Like all of Ray Data this computes nothing until the result is read or written. Blocks are tagged as they come, so
    rows may change their order unless `preserve_order` of Ray Data's `ExecutionOptions` is set.

    Args:
        dataset: with texts, or with lists of tokens.
        model: see `tagger.load`. Its files are sent to the actors.
        column: whose values are tagged.
        tags: the kinds of tags, such as `upos`; None: all that the tagger has.
        probabilities: whether to add columns of probabilities (`upos_probabilities`).
        device: see `tagger.load`; `auto` looks at this machine.
        precision: see `tagger.load`; likewise.
        actors: None: as many as Ray finds useful, up to one per CPU of the cluster, or per GPU.
        cpus: that Ray reserves for an actor.
        gpus: that Ray reserves for an actor; None: 1 if the tagger is on a GPU. A part lets actors share one.
        batch_size: rows that are tagged together.

    Raises:
        InputError: there is no such model or device, or a number of the pool is too low. What is wrong with the column
            or a value is raised when the result is read.
    """
    pool = Pool(None, actors, cpus, gpus)
    pool.check()
    device = choose_device(device)
    used = choose_precision(precision, device)
    batches = BatchTagger(model, column, tags=tags, probabilities=probabilities, device=device, precision=used)
    return map_batches(dataset, batches, pool, batch_size)
