"""Files -> tagged files, and datasets of Ray Data -> the same with columns of tags, on one machine or on a cluster."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tagger.adapters.batches import BatchTagger
from tagger.bundle.catalog import DEFAULT, find_tagger
from tagger.errors import InputError, shorten
from tagger.jobs.bulk import Options
from tagger.jobs.jobs import plan_jobs
from tagger.jobs.manifest import Manifest, tagger_digest
from tagger.jobs.outputs import Outputs
from tagger.jobs.ray_cluster import CPUS, check_numbers, gpus_of, max_processes, tag_jobs
from tagger.model.device import choose_device, choose_precision
from tagger.tagging.load import load
from tagger.tagging.tagger import AUTO
from tagger.text.lexicon import LexiconCase

if TYPE_CHECKING:
    import pyarrow
    from ray.data import Dataset

OPTIONS = Options()
BATCH_ROWS = 256


class TaggedFiles(NamedTuple):
    """What a run has done."""

    files: int  # that were tagged
    words: int  # of them
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
    """Tags files into a folder with processes of Ray; an error in one file does not stop the others.

    The outputs are, to the byte, those of `python -m tagger tag`, on machines that compute alike. A run that was
    killed goes on with `resume`; it does not matter which of the two had made the outputs so far.

    Args:
        paths: files and folders, or one, which all machines see under the same names.
        to: the folder of the outputs, which this process writes.
        model: see `tagger.load`. This process loads it and sends it to the others.
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
        actors: processes that tag; None: one per CPU of the cluster, or per GPU if the tagger is on one.
        cpus: that Ray reserves for each.
        gpus: that Ray reserves for each; None: 1 if the tagger is on a GPU. A part lets processes share one.

    Raises:
        InputError: Ray is not installed, no cluster answers, no process can start, there is no such file or model, or
            a number is too low.
        WorkersDied: processes died again and again at the same files; `resume` goes on.
    """
    check_numbers(actors, cpus, gpus)
    sources = [str(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not sources:
        raise InputError("paths is empty; name files or folders")
    plan = plan_jobs(sources, f"{to}/", input, output)
    jobs, place = plan.jobs, plan.to
    folder = find_tagger(str(model))
    keep = None if options.keep is None else [f"{name}={place}" for name, place in options.keep.items()]
    used = choose_precision(precision, choose_device(device))
    digest = tagger_digest(
        *(folder, used, input, output, options, segmenter, corpus, keep, lexicons or {}, lexicon_case)
    )
    manifest = None if place is None else Manifest(place, digest)
    outputs = Outputs(jobs, manifest, force, resume)
    errors = {line.partition(" cannot be read")[0]: InputError(line) for line in plan.errors}
    errors |= {job.source: InputError(f"{job.target} is kept: no run made it as it is") for job in outputs.foreign}
    done = TaggedFiles(0, 0, [*plan.skipped, *outputs.messages], errors)
    if not outputs.pending:
        return done
    tagger = load(
        folder, device, precision, segmenter=segmenter, corpus=corpus, lexicons=lexicons, lexicon_case=lexicon_case
    )
    resources: dict[str, Any] = {"address": address, "workers": actors, "cpus": cpus, "gpus": gpus}
    try:
        for step in tag_jobs(tagger, outputs.pending, options, outputs.open, **resources):
            if step.error is not None:
                done.errors[step.job.source] = step.error
            else:
                done = done._replace(files=done.files + 1, words=done.words + step.words)
    finally:
        if outputs.manifest is not None:
            outputs.manifest.close()
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
        model: see `tagger.load`. Its files are sent to the processes.
        column: whose values are tagged.
        tags: the kinds of tags, such as `upos`; None: all that the tagger has.
        probabilities: whether to add columns of probabilities (`upos_probabilities`).
        device: see `tagger.load`; `auto` looks at this machine.
        precision: see `tagger.load`; likewise.
        actors: processes that tag; None: as many as Ray finds useful, up to one per CPU of the cluster, or per GPU.
        cpus: that Ray reserves for each.
        gpus: that Ray reserves for each; None: 1 if the tagger is on a GPU. A part lets processes share one.
        batch_size: rows that are tagged together.

    Raises:
        InputError: there is no such model or device, or a number is too low. What is wrong with the column or a value
            is raised when the result is read.
    """
    from ray.data import ActorPoolStrategy

    check_numbers(actors, cpus, gpus)
    device = choose_device(device)
    used = choose_precision(precision, device)
    gpus = gpus_of(device, gpus)
    batches = BatchTagger(model, column, tags=tags, probabilities=probabilities, device=device, precision=used)
    sizes = {"min_size": 1, "max_size": max_processes(gpus)} if actors is None else {"size": actors}
    return dataset.map_batches(
        TableTagger,
        fn_constructor_args=(batches,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ActorPoolStrategy(**sizes),
        num_cpus=cpus,
        num_gpus=gpus or None,
    )


class TableTagger:
    """What a process of `map_batches` calls: a table comes in, the same with more columns goes out."""

    def __init__(self, batches: BatchTagger) -> None:
        """Loads the tagger."""
        self._batches = batches
        batches.tagger  # noqa: B018

    def __call__(self, table: "pyarrow.Table") -> "pyarrow.Table":
        """The table with the new columns.

        Raises:
            InputError: see `BatchTagger`; the table has a column of that name already.
        """
        import pyarrow

        name = self._batches.column
        self._batches.check(table.column_names)
        column = table.column(name)
        kind = _type(column.type, name)
        for added, values in self._batches.columns(column.to_pylist()).items():
            if added in table.column_names:
                raise InputError(f"there is a column {shorten(added)} already; rename it, or leave it out")
            of_values = kind(pyarrow.float64() if self._batches.has_numbers(added) else pyarrow.string())
            table = table.append_column(added, pyarrow.array(values, of_values))
        return table


def _type(given: Any, name: str) -> Any:
    """A function from the type of a tag to that of a column of tags, given the type of the column that is tagged."""
    import pyarrow

    types = pyarrow.types
    if types.is_null(given):
        return lambda part: pyarrow.null()
    if types.is_string(given) or types.is_large_string(given) or types.is_string_view(given):
        return lambda part: pyarrow.list_(pyarrow.list_(part))
    if types.is_list(given) or types.is_large_list(given):
        return pyarrow.list_
    raise InputError(f"the column {shorten(name)} has values of the type {given}; texts and lists of tokens are tagged")
