"""A tagger and a corpus -> the same tagger with another segmenter: a run with `parts=segmenter`."""

import json
import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from tagger.corpus.sources import load_corpus
from tagger.errors import InputError
from tagger.evaluation.report import format_raw
from tagger.tagging.tagger import Tagger
from tagger.text.output_files import whole_file
from tagger.training.card import raw_text_section, with_raw_text
from tagger.training.config import TrainConfig
from tagger.training.experiment import REPORT, format_run
from tagger.training.helper_process import is_helper
from tagger.training.segmenter_choice import SegmenterTraining, Start, raw_scores
from tagger.training.start import find_start
from tagger.training.trainer import check_machine, quiet
from tagger.weights.folder import describe_tagger, load_tagger, save_with_segmenter
from tagger.weights.saved_config import CARD, TAGGER_IN_RUN, predicts_words

MAX_CARD_CHARACTERS = 1_000_000

_log = logging.getLogger(__name__)


def train_segmenter_alone(config: TrainConfig, folder: Path, command: str) -> dict[str, Any] | None:
    """Trains a segmenter for the tagger that `init` names, and writes both as a new tagger; that of `init` stays.

    Args:
        config: checked values, with `parts: segmenter`.
        folder: the run's folder.
        command: the command line that started the run, for the model card.

    Returns:
        What `report.json` holds, or None in a process that only helps.

    Raises:
        InputError: the tagger or the corpus cannot be read, the corpus does not say where its text has spaces, or the
            folder cannot be written to.
        Interrupted: by Ctrl+C or a signal.
    """
    quiet()
    check_machine(config.threads, config.trainer)
    if is_helper():
        return None
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, verbose=False)
    source = find_start(str(config.init))
    saved = load_tagger(source)
    if predicts_words(source):
        raise InputError(f"init={config.init}: it predicts words and has no tags; name a tagger")
    corpus = load_corpus(config.corpus, config.columns, config.seed)
    training = SegmenterTraining(config, corpus, Start(saved.config, source))
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in corpus.splits.items())
    _log.info("%s: sentences %s; a segmenter for %s", corpus.name, sizes, source)
    choice = training.choose(folder)

    description = {name: value for name, value in saved.config.items() if name != "format"} | choice.description
    results: dict[str, Any] = {"corpus": corpus.name, "init": str(config.init), "segmenter": choice.report}
    target = folder / TAGGER_IN_RUN
    before = _read_card(source)

    def card() -> str:
        by = f"\nThis part of the tagger was made by\n\n    {command}\n"
        return with_raw_text(before, raw_text_section(description, results) + by)

    save_with_segmenter(target, source, choice.saved, description, card(), config.storage_dtype)
    device = "cpu" if config.trainer.get("accelerator") == "cpu" else "auto"
    tagger = Tagger(*saved, device, precision="float32", segmenter=choice.segmenter)
    wanted = {split: corpus.splits[split] for split in ("dev", "test") if split in corpus.splits}
    if not config.test:
        wanted.pop("test", None)
    results |= raw_scores(tagger, wanted)
    describe_tagger(target, description, card())
    with whole_file(folder / REPORT) as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    print(format_raw(results, corpus.name) + format_run(folder))
    return results


def _read_card(folder: Path) -> str:
    """The model card of a tagger; a title if it has none."""
    try:
        with (folder / CARD).open(encoding="utf-8", errors="replace") as lines:
            return lines.read(MAX_CARD_CHARACTERS)
    except OSError:
        return "# Part-of-speech tagger\n"
