"""A config with `ensemble=N` -> N trainings with other seeds, each in a process of its own, and their ensemble."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from tagger.bundle.bundle import Bundle
from tagger.bundle.ensemble import ensemble_card, join
from tagger.bundle.saved_config import MEMBERS, RECORD, TAGGER_IN_RUN
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus
from tagger.text.output_files import whole_file
from tagger.text.start_folder import start_folder
from tagger.training.card import confidence_section, config_section, corpora_section, followed, raw_text_section
from tagger.training.config import AUTO, LEARNED, RULES_OF_CORPUS, TrainConfig
from tagger.training.member_processes import Member, train_members
from tagger.training.processes import is_helper
from tagger.training.report import format_page, format_scores, report_tagger, write_tagger_page
from tagger.training.run import accuracies, format_run, write_report
from tagger.training.run_folder import RunRecord
from tagger.training.trainer import quiet

SPLITS = ("dev", "test")

_log = logging.getLogger(__name__)


def run_ensemble(
    config: TrainConfig,
    folder: Path,
    overrides: Sequence[str],
    command: str,
    measures_speed: bool = True,
) -> dict[str, Any] | None:
    """Trains the members that are not trained yet, and makes the run's tagger of them.

    All members have the same dev split. The first one alone trains a segmenter, which the ensemble uses.

    Args:
        config: checked values.
        folder: the run's folder. Each member's run is a folder below its `members/`.
        overrides: of the command line.
        command: the command line that started the run, for the model card.
        measures_speed: whether the report has the speed of the ensemble.

    Returns:
        What `report.json` holds, or None in a process that only helps.

    Raises:
        InputError: the corpus cannot be read, a member has bad input, or the folder cannot be written to.
        MemberFailed: a member failed otherwise.
        KeyboardInterrupt: Ctrl+C or a signal; the members have been stopped.
    """
    quiet()
    if is_helper():
        return None
    torch.set_num_threads(config.threads)
    corpus = load_corpus(config.corpus, config.columns, config.seed)  # also for its errors, before anything is started
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in corpus.splits.items())
    _log.info("%s: sentences %s; an ensemble of %d", corpus.name, sizes, config.ensemble)
    members = [_member(config, folder, number, overrides) for number in range(1, config.ensemble + 1)]
    train_members(members, config.threads, config.trainer)

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


def _member(config: TrainConfig, folder: Path, number: int, overrides: Sequence[str]) -> Member:
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
        kept = [text for text in overrides if text.lstrip("+").partition("=")[0] not in values]
        record = RunRecord("train", [*kept, *(f"{key}={value}" for key, value in values.items())], asdict(changed))
        record.member, record.started_in = number, start_folder()
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
            **{
                split: {column: scores["accuracy"] for column, scores in report[split].items()}
                for split in SPLITS
                if split in report
            },
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
