"""A config with `ensemble=N` -> N runs with other seeds, as many at a time as there are cores, and their ensemble.

The runs are folders below `members/` of the run's folder. A member that was interrupted goes on after its last epoch,
and one that is complete is not trained again.
"""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from tagger.bundle.bundle import Bundle
from tagger.bundle.ensemble import ensemble_card, join
from tagger.bundle.saved_config import MEMBERS, RECORD, TAGGER_IN_RUN
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.sweeps.log import output_to
from tagger.text.output_files import whole_file
from tagger.training.card import confidence_section, config_section, corpora_section, followed, raw_text_section
from tagger.training.config import AUTO, LEARNED, RULES_OF_CORPUS, TrainConfig
from tagger.training.processes import end_with_parent, is_helper, signals_as_interrupt
from tagger.training.report import format_page, format_scores, report_tagger, write_tagger_page
from tagger.training.run import accuracies, format_run, write_report
from tagger.training.run_folder import LOG, REPORT, RunRecord, can_resume, read_record
from tagger.training.trainer import quiet

SPLITS = ("dev", "test")

Train = Callable[[RunRecord, Path, bool], Any]  # (record, folder, whether to go on with it)

_log = logging.getLogger(__name__)


class Member(NamedTuple):
    """A member of an ensemble that is trained."""

    number: int  # from 1
    seed: int
    folder: Path  # of its run

    @property
    def is_complete(self) -> bool:
        """Whether it is trained and scored."""
        return (self.folder / REPORT).is_file() and (self.folder / TAGGER_IN_RUN).is_dir()

    def report(self) -> dict[str, Any]:
        """The content of its `report.json`.

        Raises:
            InputError: the file is damaged.
        """
        path = self.folder / REPORT
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found["dev"], found["best_epoch"], found["epochs"], found["training_seconds"]
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path} is damaged; remove it and resume the run, so that it is made again") from None
        return found


def run_ensemble(
    config: TrainConfig,
    folder: Path,
    record: RunRecord,
    command: str,
    train: Train,
    measures_speed: bool = True,
) -> dict[str, Any] | None:
    """Trains the members that are not trained yet, and makes the run's tagger of them.

    All members have the same dev split. The first one alone trains a segmenter, which the ensemble uses.

    Args:
        config: checked values.
        folder: the run's folder. Each member's run is a folder below its `members/`.
        record: how the run was started.
        command: the command line that started the run, for the model card.
        train: trains one run, that of a member; see `train_run`.
        measures_speed: whether the report has the speed of the ensemble.

    Returns:
        What `report.json` holds, or None in a process that only helps.

    Raises:
        InputError: the corpus cannot be read, a member has bad input, or the folder cannot be written to.
        KeyboardInterrupt: Ctrl+C or a signal; the members have been stopped.
    """
    quiet()
    if is_helper():
        return None
    torch.set_num_threads(config.threads)
    corpus = load_corpus(config.corpus, config.columns, config.seed)  # also for its errors, before anything is started
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in corpus.splits.items())
    _log.info("%s: sentences %s; an ensemble of %d", corpus.name, sizes, config.ensemble)
    members = [_member(config, folder, number, record) for number in range(1, config.ensemble + 1)]
    train_members(members, config.threads, config.trainer, train)

    taggers = [member.folder / TAGGER_IN_RUN for member in members]
    bundles = list(map(Bundle.load, taggers))
    trained_with = {name: value for name, value in asdict(config).items() if name not in ("test", "logger")}
    made = join(bundles, names=list(map(str, taggers))).described(training=trained_with)
    device = "cpu" if config.trainer.get("accelerator") == "cpu" else "auto"
    made, report, errors = report_tagger(made, corpus, folder, device, config.test, measures_speed)
    results = _summary(members, corpus) | report
    made = made.described(scores=accuracies(results))
    made.save(folder / TAGGER_IN_RUN, _card(made, results, bundles, command))
    write_tagger_page(folder, results, errors)
    write_report(folder, results)
    print("\n".join([format_scores(results), _format_members(results), format_page(folder), format_run(folder)]))
    return results


def train_members(members: Sequence[Member], threads: int, settings: Mapping[str, Any], train: Train) -> None:
    """Trains the members that are not complete. An error of one ends the others.

    Args:
        members: their folders have `run.json`.
        threads: of each training.
        settings: of the trainer.
        train: see `run_ensemble`.

    Raises:
        InputError: a member has bad input, or its process was killed.
        KeyboardInterrupt: Ctrl+C or SIGTERM; all have been stopped. Their complete epochs stay.
    """
    waiting = [member for member in members if not member.is_complete]
    if waiting:
        at_once = min(len(waiting), processes(threads, settings))
        logs = members[0].folder.parent / "*" / LOG
        _log.info("%d at a time; what each one prints is in %s", at_once, logs)
        work = [delayed(_train_member)(train, member, len(members), os.getpid()) for member in waiting]
        try:
            with signals_as_interrupt():
                Parallel(at_once, backend="loky")(work)
        except TerminatedWorkerError:
            raise InputError(f"the process of a member was killed, perhaps for lack of memory; see {logs}") from None
    for member in members:
        _log.info("%s is complete: %s", _name(member, len(members)), _outcome(member))


def _train_member(train: Train, member: Member, count: int, parent: int) -> None:
    """Trains a member, in whatever process."""
    if os.getpid() != parent:
        end_with_parent()
    name, log = _name(member, count), member.folder / LOG
    with output_to(log, name):
        try:
            train(read_record(member.folder), member.folder, can_resume(member.folder))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        except Exception as error:
            _log.exception("%s failed", name)
            raise RuntimeError(f"{name}: {type(error).__name__}: {error}; see {log}") from None


def processes(threads: int, settings: Mapping[str, Any]) -> int:
    """How many trainings may run at a time: as many as there are cores for; one where they share a GPU."""
    if settings.get("accelerator") != "cpu" and (torch.cuda.is_available() or settings.get("accelerator") == "mps"):
        return 1
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    devices = settings.get("devices")
    return max(1, cores // (threads * (devices if type(devices) is int else 1)))


def _name(member: Member, count: int) -> str:
    return f"member {member.number} of {count}, seed {member.seed}"


def _outcome(member: Member) -> str:
    report = member.report()
    dev = ", ".join(f"{column} {100 * scores['accuracy']:.2f}" for column, scores in report["dev"].items())
    return f"dev {dev}, best epoch {report['best_epoch']} of {report['epochs']}, {report['training_seconds']:.0f} s"


def _member(config: TrainConfig, folder: Path, number: int, ensemble: RunRecord) -> Member:
    """A member and its run's folder, which is made if it is not there."""
    own = folder / MEMBERS / str(number)
    seed = config.seed + number - 1
    if not (own / RECORD).is_file():
        dev_seed = config.seed if config.corpus.dev_seed is None else config.corpus.dev_seed
        segmenter = config.segmenter if number == 1 or config.segmenter not in (AUTO, LEARNED) else RULES_OF_CORPUS
        changed = replace(
            config, ensemble=1, seed=seed, segmenter=segmenter, corpus=replace(config.corpus, dev_seed=dev_seed)
        )
        values = {"ensemble": 1, "seed": seed, "segmenter": segmenter, "corpus.dev_seed": dev_seed}
        kept = [text for text in ensemble.overrides if text.lstrip("+").partition("=")[0] not in values]
        record = RunRecord("train", [*kept, *(f"{key}={value}" for key, value in values.items())], asdict(changed))
        record.member, record.started_in = number, ensemble.started_in
        own.mkdir(parents=True, exist_ok=True)
        with whole_file(own / RECORD) as out:
            out.write(record.to_json())
    return Member(number, seed, own)


def _summary(members: Sequence[Member], corpus: Corpus) -> dict[str, Any]:
    """What `report.json` says of the members, and their mean accuracies."""
    reports = [member.report() for member in members]
    rows = [
        {
            "seed": member.seed,
            **{name: report[name] for name in ("training_seconds", "epochs", "best_epoch", "parameters")},
            **accuracies(report),
        }
        for member, report in zip(members, reports, strict=True)
    ]
    mean = {
        split: {column: sum(row[split][column] for row in rows) / len(rows) for column in rows[0][split]}
        for split in SPLITS
        if all(split in row for row in rows)
    }
    return {
        "corpus": corpus.name,
        "parameters": sum(row["parameters"] for row in rows),
        "training_seconds": round(sum(row["training_seconds"] for row in rows), 1),
        "members": rows,
        "mean": mean,
        **({"segmenter": reports[0]["segmenter"]} if "segmenter" in reports[0] else {}),
    }


def _card(made: Bundle, results: Mapping[str, Any], taggers: Sequence[Bundle], command: str) -> str:
    more = "\n" + corpora_section(results) + followed(confidence_section(results))
    more += f"{raw_text_section(made, results)}\n{config_section(made.config['training'])}"
    return ensemble_card(made, taggers, command, results, more)


def _format_members(results: Mapping[str, Any]) -> str:
    """The accuracies of the members beside that of the ensemble, for the terminal."""
    lines = [f"{'members':<24}{''.join(f'{name:>10}' for name in ('lowest', 'mean', 'highest', 'ensemble'))}"]
    for split in SPLITS:
        for column, mean in results["mean"].get(split, {}).items() if split in results else ():
            shares = [row[split][column] for row in results["members"]]
            cells = (min(shares), mean, max(shares), results[split][column]["accuracy"])
            lines.append(f"  {f'{split} {column}':<22}{''.join(f'{100 * share:>9.2f}%' for share in cells)}")
    lines.append(f"{results['training_seconds']:.0f} s of training, {results['parameters']:,} parameters")
    return "\n".join(lines)
