"""Trains the taggers of languages that come with the package: `languages.csv` and treebanks -> folders in `data/`.

    python -m tagger.extras.languages.make --corpora TREEBANKS [TREEBANKS ...] --text TEXTS -o WORK [LANGUAGE ...]

TREEBANKS has a folder for each treebank (`UD_Welsh-CCG`), whose files end in `.conllu` or `.conllu.gz`, or single files
(`latvian/fullstack.conllu.gz`); TEXTS has a file of untagged text for each language. Without a LANGUAGE all are made,
in the order of the table. Each step of a language leaves a folder in WORK/LANGUAGE and is not done again; a step that
was interrupted goes on. A language takes 12 to 70 minutes of one core. The steps are methods of `Language`, in the
order of `STEPS`: `guess` and `renew` give files of an older scheme the tags of today; `teach` trains a transformer on
all this, and on treebanks of other annotation, told apart; `segment` learns to cut raw text; `learn` trains the student
on its own treebank, and on what the teacher says of untagged text; `pack` makes the folder. docs/languages.md tells how
to add a language.

Train has at most 150,000 words. Its own sentences are all read, then an equal share of those of the files that join it
(`more`), then of those that are renewed. Their words, and those of an older train, get the lemma and the XPOS that the
treebank of today always gives to form and UPOS (`scheme.py`). Sentences that an older train and a renewed file share
are learned once. Segmenters do not learn from sentences of which a file says `# spacing = unknown`.
"""

import argparse
import csv
import dataclasses
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from io import StringIO
from itertools import islice, starmap
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from tagger.bundle.bundle import Bundle, Linear
from tagger.bundle.catalog import MORE, bundled_folders
from tagger.bundle.saved_config import CARD, CONFIG, NOISE, TAGGER_IN_RUN, sign
from tagger.bundled import bundled
from tagger.evaluation.raw_scores import is_same
from tagger.extras.languages.made_text import punctuated, recombined
from tagger.extras.languages.observed import most_likely, observed, with_observed
from tagger.extras.languages.scheme import (
    XPOS,
    as_today,
    combinations_of_today,
    is_word,
    joined,
    with_contractions,
    with_names_of,
    with_values_of_ud,
)
from tagger.model.linear_chain import TABLES, FeatureTable, LinearChain
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.identifier import telling, words_of
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence, write_conllu
from tagger.text.strings import FEATS, LEMMA, NO_TAG, UPOS
from tagger.words.language_table import language_table

HERE = Path(__file__).resolve().parent
WORD = re.compile(r"^\d+\t", re.MULTILINE)
UNKNOWN_SPACES = "# spacing = unknown"
MIN_TAGGED, MIN_FEATS = 0.9, 0.1  # share of the words that have a tag; many words have no features
MAX_XPOS = 300  # different tags; a column with more is not learned
DATA = bundled("data")
PAGE = DATA.parent / "docs" / "languages.md"  # of a clone
UD = "github.com/UniversalDependencies/"  # where its treebanks lie
MADE_TABLE = "make --table"  # names the table of that page which this module writes
TALK = DATA / "talk"
SOURCES = (
    "Untagged text that teachers tagged:",
    "",
    "- sentences of Common Voice (https://commonvoice.mozilla.org), CC0",
    "- sentences of Tatoeba (https://tatoeba.org), CC BY 2.0 FR",
    "- user help of the GNOME desktop and its programs, by their authors and translators (https://help.gnome.org),",
    "  CC BY-SA 3.0",
    "- The Debian Administrator's Handbook, by Raphaël Hertzog and Roland Mas, and its translators",
    "  (https://debian-handbook.info), CC BY-SA 3.0",
    "- documentation of React, by its authors and translators (https://react.dev), CC BY 4.0; in Korean also The Rust",
    "  Programming Language, MIT or Apache 2.0",
    "- news translated for NTREX-128 (https://github.com/MicrosoftTranslator/NTREX), CC BY-SA 4.0",
    "- paragraphs of Wikipedia translated for XQuAD (https://github.com/google-deepmind/xquad), CC BY-SA 4.0",
    "- in Armenian newspaper articles of ArmTDP-NER (https://github.com/myavrum/ArmTDP-NER), Apache 2.0; in languages",
    "  of South Africa addresses of its presidents of 2010 to 2023, CC BY 4.0; in Swahili Global Voices",
    "  (https://globalvoices.org), CC BY 3.0",
    "- in Hebrew a novel of 1901, in the public domain; in some languages documents of treebanks of the same language",
    "  without their tags, CC BY-SA 4.0",
    "",
    "Encoder of the teachers: multilingual-e5-small, by Liang Wang and others (https://arxiv.org/abs/2402.05672), MIT.",
    "Vectors in `english`: GloVe, by Jeffrey Pennington and others (https://nlp.stanford.edu/projects/glove), PDDL;",
    "those of spaCy's en_core_web_md, by Explosion (https://spacy.io/models/en), MIT.",
)
LICENCE = "CC BY-SA 4.0"  # of the taggers: that of most corpora, which the others allow
TEXT = (  # where `sources.csv` does not name the file
    "untagged text of some of these: Common Voice sentences (CC0), Tatoeba (CC BY 2.0 FR), help of the GNOME desktop"
    " (CC BY-SA 3.0), The Debian Administrator's Handbook (CC BY-SA 3.0), documentation of React (CC BY 4.0), as"
    " ../NOTICE.md tells"
)
THIN = 4.0  # points of UPOS below UDPipe 2 from which a tagger is called thin
SEED = 1
MAX_WORDS = 150_000  # of train; files that join it, and then those that are renewed, are read in part
SIZES = {  # of students
    "small": ["experiment=small", "noise=0.2"],
    "tiny": [  # of languages in data/more; Marathi loses two points of UPOS by it, docs/tried.csv
        *("experiment=small", "noise=0.2", "embedding.buckets=1024", "trainer.max_epochs=12"),
        *("model.hidden.forward=80", "model.hidden.backward=80"),
    ],
    "english": ["experiment=english", "noise=0.4", "trainer.max_epochs=12", "trainer.precision=bf16-mixed"],
}
TEACHERS = {"multilingual": ["experiment=multilingual"], "default": ["model.members=2"]}  # members teach together
MAX_RELATED = 60_000  # words of related languages
TALK_TIMES, TALK_SHARE = 3, 0.1  # how often a training reads talk: at most so often, at most that share of its words
SAME_XPOS = 0.8  # of the words of a kind, for others of that kind to get their XPOS
LEARNED_DEV = 0.8  # of the sentences of dev, from which a language learns whose row says so; the rest is its dev split
MIN_WORDS, MIN_SECOND = 30, 0.05  # occurrences of a word, and the share of its second UPOS, for it to keep the shares
CANDIDATES = 16  # values of FEATS of a word that a renewed file may get
MAX_PUNCTUATED = 2000  # sentences
RECOMBINED = 120_000  # words
WEAKEST = 0.3  # of the features of a linear chain, which are left out
STEPS = ("guess", "renew", "teach", "segment", "learn", "pack")
OF_OLDER = ("guess", "renew")  # steps of languages that have files to be renewed


class LanguageRow(NamedTuple):
    """A row of `languages.csv`.

    A name with a slash, `latvian/fullstack`, is a single file; `sources.csv` has the licence of every name, and where
    it comes from.
    """

    name: str
    corpora: str  # whose scheme is learned; of several, such as two scripts, the sentences are joined
    more: str  # files of the same scheme, which join train
    renewed: str  # files of an older scheme, which join train with the tags that they would have today
    others: str  # corpora of other schemes, from which the teacher learns, too, and whose text the student reads
    related: str  # corpora of related languages: the teacher learns from `MAX_RELATED` words of them
    talk: str  # folders in `data/talk`, whose train joins train; see `repeated`
    text: str  # files, that of the language itself first; a language without learns from made-up sentences alone
    teacher: str  # multilingual, which has an encoder of 100 languages; or default, where that knows too little of this
    dictionary: str  # codes of dictionaries, or auto
    student: str  # made: it reads sentences of made-up words, too; linear: it has a linear chain; text: neither
    size: str  # of the student; see `SIZES`
    version: str  # of Universal Dependencies
    spacing: str  # of the corpora: real, or restored by counts, so that raw text is not scored
    tags: str  # all, or the columns that are learned, where others have an older scheme in train than in dev
    dev: str  # learned: the teacher and the student learn from most of dev, too; kept: they do not; newer: as
    # learned, and train is of an older release, so that it is renewed
    contracted: str  # a word that text writes together with the next one, and how that begins; see `with_contractions`
    cuts: str  # what cuts raw text: learned from the corpora, or from these others, too; news, from the corpora without
    # talk; or rules, which need no room
    test: str  # seen, or kept for a measurement that comes later
    found: str  # found, if text without --language may be taken for it; or named, if it is taken by its name alone
    thin: str  # thin, if train has less than 8,000 words, or 20,000 where nothing is published; or computed: `THIN`
    udpipe: str  # published accuracies on test in percent: of UDPipe 2 with gold tokens, UPOS,
    udpipe_feats: str
    udpipe_lemma: str
    udpipe_raw: str  # UPOS from raw text,
    stanza_raw: str  # and that of Stanza

    @property
    def cut_by(self) -> list[str]:
        """Other corpora, from which what cuts raw text is learned, too."""
        return self.cuts.split() if self.cuts not in ("learned", "news", "rules") else []


class Language:
    """What is made of a row."""

    def __init__(self, row: LanguageRow, roots: list[Path], texts: Path, work: Path, seed: int = SEED) -> None:
        self.row, self.roots, self.texts, self.seed = row, roots, texts, seed
        self.folder = work / (row.name if seed == SEED else f"{row.name}-{seed}")
        self.primary = self.folder / "corpora" / "+".join(name.replace("/", "-") for name in row.corpora.split())
        older = ["train"] if row.dev == "newer" else []
        self.older = [self.primary.with_name(name.replace("/", "-")) for name in [*older, *row.renewed.split()]]
        self.today = self.primary.with_name(f"{self.primary.name}-today") if self.older else self.primary
        self.others = [self.primary.with_name(name.replace("/", "-")) for name in row.others.split()]
        self.related = [self.primary.with_name(name) for name in row.related.split()]

    def find(self, name: str) -> Path:
        """The folder of a treebank, or a single file."""
        names = [name] if "/" not in name else [f"{name}.conllu.gz", f"{name}.conllu"]
        found = [root / each for root in self.roots for each in names if (root / each).exists()]
        if not found:
            raise SystemExit(f"{name} is not in {', '.join(map(str, self.roots))}; add its folder to --corpora")
        return found[0]

    def split_of(self, name: str, split: str) -> Path | None:
        """The file of a split of a treebank or of single files, such as `danish/ddt-dev`; None if there is none."""
        if "/" not in name:
            return split_of(self.find(name), split)
        found = [path for root in self.roots for path in sorted(root.glob(f"{name}-{split}.conllu*"))]
        return found[0] if found else None

    def train_of(self, name: str) -> Path:
        """The train split of a treebank, or a single file."""
        return self.find(name) if "/" in name else split_of(self.find(name), "train")

    def folder_of(self, name: str) -> Path:
        """The folder of a treebank for a training; `join` makes one for a single file, which is its train split."""
        return self.primary.with_name(name.replace("/", "-")) if "/" in name else self.find(name)

    def make(self, last: str) -> None:
        """Does all steps that are not done, up to the last one that is wanted."""
        self.join()
        for step in STEPS:
            if self.older or step not in OF_OLDER:
                getattr(self, step)()
            if step == last:
                break

    def join(self) -> None:
        """The corpora of the row as one, in a folder, and single files and those to be renewed, each in its own."""
        names = ("train", "dev", "test")
        splits = self.splits(*(names if self.row.dev != "newer" else names[1:]))
        own = splits["train"]
        more = [as_today(text_of(self.train_of(name)), own) for name in self.row.more.split()]
        splits["train"] += "".join(in_part(more, MAX_WORDS - words_in(splits["train"])))
        if self.row.contracted:
            splits["train"] = with_contractions(splits["train"], *self.row.contracted.split())
        train = self.splits("train")["train"] if self.row.dev == "newer" else ""
        older = []
        for name in self.row.renewed.split():
            train, text = joined(train, text_of(self.find(name)))
            older.append(as_today(blanked(with_observed(text), XPOS), own))
        if train:
            older.insert(0, as_today(with_observed(train), own))
        older = in_part(older, MAX_WORDS - words_in(splits["train"]))
        talk = "".join(text_of(split_of(TALK / name, "train")) for name in self.row.talk.split())
        talk = with_xpos(talk, own)
        splits["train"] += repeated(talk, words_in(splits["train"]) + sum(map(words_in, older)))
        self.write(self.today, splits)
        for folder, text in zip(self.older, older, strict=True):
            self.write(folder, {"train": text})
        for name, folder in zip(self.row.others.split(), self.others, strict=True):
            found = self.find(name)
            files = (
                {"train": [found]}
                if "/" in name
                else {split: sorted(found.glob(f"*-{split}.conllu*")) for split in names}
            )
            self.write(
                folder, {split: with_names_of(text_of(paths[0]), own) for split, paths in files.items() if paths}
            )
        related = [text_of(split_of(self.find(name), "train")) for name in self.row.related.split()]
        for folder, text in zip(self.related, in_part(related, MAX_RELATED), strict=True):
            self.write(folder, {"train": text})

    def splits(self, *names: str) -> dict[str, str]:
        """The text of some splits of all corpora of the row; where dev is learned, most of it is part of train."""
        found: dict[str, list[str]] = {name: [] for name in names if (name, self.row.test) != ("test", "kept")}
        for name in self.row.corpora.split():
            for split, parts in found.items():
                path = self.split_of(name, split)
                parts.append("" if path is None else with_values_of_ud(text_of(path)))
            if "dev" in found and self.row.dev != "kept":
                sentences = found["dev"][-1].split("\n\n")
                most = int(len(sentences) * LEARNED_DEV)
                found.setdefault("train", []).append("".join(f"{sentence}\n\n" for sentence in sentences[:most]))
                found["dev"][-1] = "\n\n".join(sentences[most:])
        return {split: "".join(parts) for split, parts in found.items()}

    def write(self, folder: Path, splits: dict[str, str]) -> None:
        """A treebank in a folder, unless it is there."""
        if folder.is_dir():
            return
        partial = folder.with_suffix(".partial")
        partial.mkdir(parents=True, exist_ok=True)
        for split, text in splits.items():
            (partial / f"{self.row.name}-{split}.conllu").write_text(text, encoding="utf-8")
        partial.rename(folder)

    def guess(self) -> None:
        """A tagger that guesses the tags of older files: it learns from these and today's, told apart."""
        corpora = ",".join(map(str, [self.today, *self.older]))
        self.run(
            *("guesser", "experiment=multilingual", "transformer.tune=false"),
            *("corpus=conllu", f"corpus.path=[{corpora}]", "corpus.dropout=0"),
            *(f"columns=[{','.join(self.columns(self.today))}]", "segmenter=rules", "test=false"),
            f"embedding.dictionary={self.row.dictionary}",
        )

    def renew(self) -> None:
        """The row's corpora, and those of an older scheme with the tags that they would have today."""
        if self.primary.is_dir():
            return
        splits = {path.stem.rpartition("-")[2]: path.read_text(encoding="utf-8") for path in self.today.iterdir()}
        guesser = load(self.folder / "guesser", device="cpu", corpus=self.today.name)
        today = read(split_of(self.today, "train"))
        kept = {pair for each in today for pair in zip(map(str.lower, each.tokens), each.tags["upos"], strict=True)}
        own_text = self.splits(*(("dev",) if self.row.dev == "newer" else ("train", "dev")))["train"]  # without talk
        shares = shares_of(list(read_conllu(StringIO(own_text), self.row.name)))
        for folder in self.older:
            own = kept if folder.name == "train" else frozenset()  # of the same annotators
            splits["train"] += renewed(read(split_of(folder, "train")), guesser, own, {} if own else shares)
        self.write(self.primary, splits)

    def teach(self) -> None:
        """The teacher, which learns from all corpora and is told which one a sentence is of, unless one is there."""
        if (self.folder / "teacher" / CONFIG).is_file():  # an ensemble, say
            return
        corpora = [self.primary, *self.others, *self.related]
        self.run(
            *("teacher", *TEACHERS[self.row.teacher], "corpus=conllu", f"corpus.path=[{','.join(map(str, corpora))}]"),
            *(f"columns=[{','.join(self.columns(self.primary))}]", "segmenter=rules", "test=false"),
            f"embedding.dictionary={self.row.dictionary}",
            *(["corpus.dropout=0"] if len(corpora) > 1 else []),
        )

    def segment(self) -> None:
        """What cuts raw text, learned from the corpora and those of `cuts`; rules if they are as good on all of dev."""
        kind = "auto" if self.row.dev == "kept" else "learned"
        corpus = self.primary.with_name("cuts")
        splits = {path.stem.rpartition("-")[2]: path.read_text(encoding="utf-8") for path in self.primary.iterdir()}
        if self.row.cuts == "news":
            talk = tuple(f"# sent_id = {name}-train-" for name in self.row.talk.split())
            splits["train"] = "\n\n".join(block for block in splits["train"].split("\n\n") if not is_of(block, talk))
        splits["train"] = with_spaces(splits["train"])
        for name in self.row.cut_by:
            splits["train"] += text_of(split_of(self.folder_of(name), "train"))
        self.write(corpus, splits)
        self.run(
            *("segmenter", f"init={self.folder / 'teacher'}", "trainer.max_epochs=0", f"segmenter={kind}"),
            *("corpus=conllu", f"corpus.path={corpus}", "test=false", "storage_dtype=int4"),
        )

    def learn(self) -> None:
        """The student, which learns from the row's own corpora, and from what the teacher says of all other text."""
        texts = [self.made()] if self.row.student == "made" else []
        texts += [split_of(other, "train") for other in self.others]
        texts += [self.texts / name for name in self.row.text.split()]
        helped = [f"distill.text=[{','.join(map(str, texts))}]"] if texts else []
        helped += ["linear=0.35"] if self.row.student == "linear" else []
        told = [f"distill.corpus={self.primary.name}"] if self.others or self.related else []
        self.run(
            *("student", *SIZES[self.row.size], "corpus=conllu", f"corpus.path={self.primary}", "segmenter=rules"),
            *(
                f"columns=[{','.join(self.columns(self.primary))}]",
                f"distill.teacher={self.folder / 'segmenter'}",
                f"embedding.dictionary={self.row.dictionary}",
                *told,
            ),
            *(*helped, "test=false"),
        )

    def made(self) -> Path:
        """Sentences that are made of those of train; see `made_text.py`."""
        path = self.folder / "made.lines"
        if not path.is_file():
            corpora = [split_of(folder, "train") for folder in (self.primary, *self.others)]
            own, *others = [
                [s.tokens for s in read(corpus) if not any(" " in form for form in s.tokens)] for corpus in corpora
            ]
            sentences = [*own, *(tokens for other in others for tokens in other)]
            texts = [(self.texts / name).read_text(encoding="utf-8") for name in self.row.text.split()]
            forms = {form.lower() for tokens in sentences for form in tokens}
            forms |= {word for text in texts for word in words_of(text)}
            made = [
                *punctuated(own, min(len(own), MAX_PUNCTUATED), SEED),
                *recombined(sentences, forms, RECOMBINED, SEED),
            ]
            path.write_text("".join(" ".join(tokens) + "\n" for tokens in made), encoding="utf-8")
        return path

    def columns(self, corpus: Path) -> list[str]:
        """The columns that a corpus has; XPOS only with few tags, and if train and dev have it throughout."""
        found = ["upos"]
        wanted = self.row.tags.split()
        talk = tuple(f"{name}-train-" for name in self.row.talk.split())
        tags: dict[str, list[Counter[str]]] = {
            column: [] for column in ("xpos", "feats", "lemma") if column in wanted or wanted == ["all"]
        }
        for split in ("train", "dev"):
            counts = {column: Counter[str]() for column in tags}
            for sentence in read(split_of(corpus, split)):
                if (sentence.name or "").startswith(talk):  # which has no XPOS
                    continue
                for column, known in counts.items():
                    known.update(sentence.tags[column])
            for column, known in counts.items():
                tags[column].append(known)
        for column, splits in tags.items():
            least = MIN_FEATS if column == "feats" else MIN_TAGGED
            if column == "xpos":  # the dev split of Vietnamese has other tags
                splits[1].update({NO_TAG: sum(n for tag, n in splits[1].items() if tag not in splits[0])})
            shares = [1 - known[NO_TAG] / known.total() for known in splits]
            if min(shares) >= least and (column != "xpos" or len(splits[0]) <= MAX_XPOS):
                found.append(column)
        return found

    def run(self, name: str, *overrides: str) -> None:
        """A training into the folder `name`, unless it is there; one that was interrupted goes on."""
        run = self.folder / name
        if (run / TAGGER_IN_RUN / CONFIG).is_file() and (run / "report.json").is_file():
            return
        command = [sys.executable, "-m", "tagger"]
        if (run / "run.json").is_file() and any(run.glob("**/*.ckpt")):
            command += ["resume", str(run)]
        else:
            shutil.rmtree(run, ignore_errors=True)
            command += [*overrides, f"seed={self.seed}", f"hydra.run.dir={run}", "accelerator=cpu"]
        print(" ".join(command), flush=True)
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def pack(self) -> None:
        """The student with the segmenter and all scores, in a folder as it is in `data`."""
        packed = self.folder / "packed" / self.row.name
        if (packed / CONFIG).is_file():
            return
        try:
            from zopfli.gzip import compress
        except ImportError:
            raise SystemExit("to pack a tagger, pip install zopfli; given again, the command goes on") from None
        partial = packed.with_suffix(".partial")
        student = self.without_contradictions(Bundle.load(self.folder / "student" / TAGGER_IN_RUN))
        student = with_combinations(student, with_free_xpos) if self.row.talk else student
        cut = Bundle.load(self.folder / "segmenter" / TAGGER_IN_RUN)
        linear = tuple(without(member, WEAKEST) for member in student.linear)
        segmenter = student.segmenter if self.row.cuts == "rules" else cut.segmenter
        bundle = dataclasses.replace(student, segmenter=segmenter, linear=linear)
        bundle.save(partial, "")
        about = {
            "corpus": " + ".join(self.row.corpora.split()),
            "words": round(words_in(text_of(split_of(self.primary, "train"))) / 1000),
            "version": self.row.version,
            "license": LICENCE,
            **({NOISE: True} if student.has_noise else {}),
            **self.scores(partial, bundle),
            "teacher_dev": self.scores_of_teacher(),
            "temperatures": bundle.config.get("temperatures", {}),
        }
        own = dataclasses.replace(bundle, config=about)
        own.save(packed, self.card(own))
        (packed / "LICENSE").write_text(self.licence(own), encoding="utf-8")
        for path in packed.glob("*.gz"):
            path.write_bytes(compress(gzip.decompress(path.read_bytes())))  # a tenth smaller
        sign(packed)
        shutil.rmtree(partial)

    def without_contradictions(self, bundle: Bundle) -> Bundle:
        """The student; where files were renewed, without combinations of tags that today's treebank cannot have."""
        if not self.older:
            return bundle
        today = [sentence for split in ("train", "dev") for sentence in read(split_of(self.today, split))]
        return with_combinations(bundle, partial(combinations_of_today, today=today))

    def scores(self, tagger: Path, bundle: Bundle) -> dict[str, Any]:
        """The values of a config that say how good a tagger is, and how many words of dev it knows."""
        columns = bundle.vocabulary.columns
        scores: dict[str, Any] = {}
        raw: dict[str, Any] = {}
        alike: dict[str, Any] = {}
        for split in ("dev",) if self.row.test == "kept" else ("dev", "test"):
            path = split_of(self.today, split)
            found = evaluate(path, tagger)
            scores[split] = {column: round(found[column]["accuracy"], 5) for column in columns}
            alike[split] = scores_alike(path, tagger)
            if self.row.spacing == "real":
                raw[split] = {name: round(each["f1"], 5) for name, each in evaluate(path, tagger, "--raw").items()}
        reached = 100 * scores.get("test", scores["dev"])["upos"]
        dev = read(split_of(self.today, "dev"))
        words = telling(words_of("\n".join(sentence.text or " ".join(sentence.tokens) for sentence in dev)))
        known = sum(word in bundle.vocabulary.word_ids for word in words) / len(words)
        return {
            "scores": scores,
            "alike": alike,
            "raw": raw,
            "thin": self.row.thin == "thin" or reached < float(self.row.udpipe or 0) - THIN,
            "known": round(known, 3),
        }

    def scores_of_teacher(self) -> dict[str, float]:
        """The accuracy of each column on dev, with gold tokens, of the network from which the student learned."""
        told = ["--corpus", self.primary.name] if self.others or self.related else []
        found = evaluate(split_of(self.today, "dev"), self.folder / "teacher", *told)
        return {column: round(each["accuracy"], 5) for column, each in found.items() if "accuracy" in each}

    def score(self) -> None:
        """Scores the tagger in `data` again: new numbers in its config, and in its card if this command made that."""
        self.join()
        folder = bundled_folders()[self.row.name]
        bundle = Bundle.load(folder)
        scores = self.scores(folder, bundle)
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        (folder / CONFIG).write_text(json.dumps({**config, **scores}, indent=2) + "\n", encoding="utf-8")
        own = dataclasses.replace(bundle, config={**bundle.config, **scores})
        card, new = ((folder / CARD).read_text(encoding="utf-8").split("\n"), self.card(own).split("\n"))
        if next(line for line in new if line.startswith("| split | ")) not in card:
            print(f"{self.row.name}: its card has another table, and stays as it is", flush=True)
            return
        rows = {line.split(" | ")[0]: line for line in new if line.startswith(("| dev | ", "| test | "))}
        (folder / CARD).write_text("\n".join(rows.get(line.split(" | ")[0], line) for line in card), encoding="utf-8")

    def sources(self, bundle: Bundle) -> list[str]:
        """A line for each corpus, the text and pretrained vectors, with its licence."""
        texts = self.row.text.split()
        vectors = [Path(name).stem for name in bundle.vocabulary.vectors]
        named = [name for name in [*texts, *vectors] if name in sources()]
        other = [TEXT] if any(name not in sources() for name in texts) else []
        talk = [f"everyday talk, data/talk/{name} (CC0)" for name in self.row.talk.split()]
        return [*sources_of(names_of(self.row)), *talk, *other, *sources_of(named)]

    def card(self, bundle: Bundle) -> str:
        """The model card."""
        columns = bundle.vocabulary.columns
        about = bundle.config
        rows = []
        for split, scores in about["scores"].items():
            cells = [f"{100 * scores[column]:.2f}" for column in columns]
            raw = about["raw"].get(split)
            cells += [f"{100 * raw[name]:.2f}" for name in ("Words", "Sentences", "UPOS")] if raw else ["", "", ""]
            rows.append(f"| {split} | " + " | ".join(cells) + " |")
        if teacher := about.get("teacher_dev"):
            cells = [f"{100 * teacher[column]:.2f}" if column in teacher else "" for column in columns]
            rows.insert(1, f"| dev, its teacher | {' | '.join(cells)} | | | |")
        head = "| split | " + " | ".join([*columns, "words", "sentences", "UPOS, raw text"]) + " |"
        line = "|---" * (len(columns) + 4) + "|"
        sources = "\n".join(f"- {source}" for source in self.sources(bundle))
        table = "\n".join([head, line, *rows])
        name = self.row.name.replace("_", " ").title()
        teachers = {"multilingual": "one with the encoder multilingual-e5-small (MIT)", "default": "two larger ones"}
        learned = "\nIt learned from four fifths of dev, too; `dev` is the rest.\n" if self.row.dev != "kept" else ""
        newer = [*(["train"] if self.row.dev == "newer" else []), *self.row.renewed.split()]
        if newer:
            learned += f"\nOf {', '.join(newer)} the tags are guessed, FEATS from those of the file, too.\n"
        return f"""# Part-of-speech tagger for {name}

A small network, the student of {teachers[self.row.teacher]}. It learned from the texts and the tags
of these; treebanks are those of Universal Dependencies {self.row.version}, if nothing else is said:

{sources}
{learned}
Accuracy in percent with gold tokens, and F1 in percent from raw text, on {" and ".join(self.row.corpora.split())}:

{table}

`python -m tagger.extras.languages.make {self.row.name}` makes it; docs/languages.md says how. Licence: {LICENCE}.
"""

    def licence(self, bundle: Bundle) -> str:
        """The licence file."""
        sources = "\n".join(f"- {source}" for source in self.sources(bundle))
        return f"""This tagger for {self.row.name.title()} is licensed under the Creative Commons
Attribution-ShareAlike 4.0 International licence: https://creativecommons.org/licenses/by-sa/4.0/legalcode
(its text is also in ../english/LICENSE).

It is made from

{sources}

Authors of treebanks: https://universaldependencies.org and the README of each treebank.
"""


def is_of(block: str, names: tuple[str, ...]) -> bool:
    """Whether a block of CoNLL-U has a comment that begins with one of some names."""
    return any(line.startswith(names) for line in block.split("\n"))


def split_of(folder: Path, split: str) -> Path:
    """The file of a split of a treebank, plain or compressed."""
    found = sorted(folder.glob(f"*-{split}.conllu*"))
    if not found:
        raise SystemExit(f"{folder} has no *-{split}.conllu; fetch the whole treebank")
    return found[0]


def text_of(path: Path) -> str:
    """The content of a file."""
    return "".join(read_lines(str(path)))


def words_in(text: str) -> int:
    """How many words a text in CoNLL-U has."""
    return len(WORD.findall(text))


def in_part(texts: list[str], most: int) -> list[str]:
    """Texts in CoNLL-U, of which all are as they are, or an equal share of the sentences of each, drawn by chance."""
    chance, share = random.Random(SEED), most / max(1, sum(map(words_in, texts)))
    parts = [[sentence for sentence in text.split("\n\n") if sentence.strip()] for text in texts]
    return ["".join(f"{each}\n\n" for each in sentences if chance.random() < share) for sentences in parts]


def with_xpos(talk: str, own: str) -> str:
    """Talk with the XPOS that the language's own treebank most often gives to such words; blank if it has none.

    Such are those of the same form, lemma or UPOS with the same FEATS; else with the same verb form and mood. Where the
    treebank has several for such words, none is given: of what is not in FEATS, as whether an adjective stands before a
    noun, a guess is often wrong. Columns are fitted to each other, so that XPOS of news alone would take second persons
    away.
    """
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for cells in (line.split("\t") for line in own.split("\n")):
        if is_word(cells) and cells[XPOS] != NO_TAG:
            for kind in _kinds(cells):
                counts.setdefault(kind, Counter())[cells[XPOS]] += 1
    lines = []
    for line in talk.split("\n"):
        cells = line.split("\t")
        if is_word(cells):
            for kind in _kinds(cells):
                if found := counts.get(kind):
                    (tag, count), *_ = found.most_common(1)
                    if count >= SAME_XPOS * found.total():
                        cells[XPOS] = tag
                    if cells[XPOS] != NO_TAG or kind[0] == FEATS:
                        break
        lines.append("\t".join(cells))
    return "\n".join(lines)


def _kinds(cells: list[str]) -> Iterator[tuple[str, ...]]:
    """What a word of CoNLL-U is, the narrowest kind first."""
    _, form, lemma, upos, _, feats, *_ = cells
    some = "|".join(pair for pair in feats.split("|") if pair.startswith(("VerbForm=", "Mood=")))
    yield FEATS, form.lower(), lemma, upos, feats
    for kind, what in ((FEATS, feats), ("some", some)):
        if what:
            yield from [(kind, lemma, upos, what)] * (lemma != NO_TAG)
            yield kind, upos, what


def repeated(talk: str, others: int) -> str:
    """Talk as often as a training reads it, beside so many words of others: once at least."""
    return talk * max(1, min(TALK_TIMES, int(TALK_SHARE * others / max(1, words_in(talk)))))


def with_spaces(text: str) -> str:
    """The sentences of a text in CoNLL-U that say where their spaces are."""
    return "".join(f"{each}\n\n" for each in text.split("\n\n") if each.strip() and UNKNOWN_SPACES not in each)


def renewed(
    sentences: list[Sentence],
    guesser: Tagger,
    kept: Collection[tuple[str, str]] = (),
    shares: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
) -> str:
    """Sentences in CoNLL-U with tags of today: those that are guessed, and FEATS by these and what the file wrote.

    Words in lower case that are `kept` with a UPOS stay if they have it; those with `shares` get each UPOS as often.
    """
    for sentence in sentences:
        unknown = [NO_TAG] * len(sentence)
        words = zip(sentence.tokens, sentence.tags["upos"], strict=True)
        upos = [tag if (form.lower(), tag) in kept else NO_TAG for form, tag in words]
        sentence.tags = {
            column: tags if column == "lemma" else upos if column == "upos" else unknown
            for column, tags in sentence.tags.items()
        }
    blank = [sentence.tags for sentence in sentences]
    tagged = list(guesser.stream(sentences, keep=True, top=CANDIDATES))
    keep_shares(tagged, shares)
    for sentence, tags in zip(tagged, blank, strict=True):
        sentence.tags = {**tags, **sentence.tags}
    if "feats" in guesser.columns:
        forms = [form for sentence in tagged for form in sentence.tokens]
        written = [tag for sentence in tagged for tag in observed(sentence)]
        candidates = [each for sentence in tagged for each in sentence.alternatives["feats"]]
        feats = iter(most_likely(forms, written, candidates))
        for sentence in tagged:
            sentence.tags["feats"] = list(islice(feats, len(sentence)))
    return "".join(map(write_conllu, tagged))


def shares_of(sentences: list[Sentence]) -> dict[str, dict[str, float]]:
    """The shares of the two most frequent UPOS of frequent words that have two."""
    tags: dict[str, Counter[str]] = {}
    for sentence in sentences:
        for form, tag in zip(sentence.tokens, sentence.tags[UPOS], strict=True):
            tags.setdefault(form.lower(), Counter())[tag] += 1
    two = {form: dict(counts.most_common(2)) for form, counts in tags.items() if counts.total() >= MIN_WORDS}
    shares = {form: {tag: n / sum(counts.values()) for tag, n in counts.items()} for form, counts in two.items()}
    return {form: each for form, each in shares.items() if len(each) == 2 and min(each.values()) >= MIN_SECOND}


def keep_shares(sentences: list[Sentence], shares: Mapping[str, Mapping[str, float]]) -> None:
    """Gives words with two UPOS the second one as often as their shares say, where it is most probable.

    A guess takes the more probable one each time, so that words such as Danish *være* would hardly ever be a VERB.
    """
    places: dict[str, list[tuple[float, int, int]]] = {}
    for s, sentence in enumerate(sentences):
        for i, form in enumerate(sentence.tokens):
            known = shares.get(form.lower())
            if known and sentence.tags[UPOS][i] in known:
                odds = dict(sentence.alternatives[UPOS][i])
                first, second = known
                places.setdefault(form.lower(), []).append((odds.get(second, 0.0) - odds.get(first, 0.0), s, i))
    for form, found in places.items():
        first, second = shares[form]
        many = round(shares[form][second] * len(found))
        for rank, (_, s, i) in enumerate(sorted(found, reverse=True)):
            sentences[s].tags[UPOS][i] = second if rank < many else first


def with_combinations(bundle: Bundle, kept: Callable[[Vocabulary], list[list[int]]]) -> Bundle:
    """A tagger whose members have other combinations of tags."""
    vocabularies = [dataclasses.replace(each.vocabulary, combinations=kept(each.vocabulary)) for each in bundle.members]
    members = zip(bundle.members, vocabularies, strict=True)
    return dataclasses.replace(
        bundle, members=tuple(dataclasses.replace(each, vocabulary=vocabulary) for each, vocabulary in members)
    )


def with_free_xpos(vocabulary: Vocabulary) -> list[list[int]]:
    """The combinations of tags of a vocabulary, and every XPOS of a UPOS with all FEATS of that.

    Talk has second persons whose XPOS is blank. Columns are fitted to each other, and an XPOS that train hardly has
    would take FEATS away.
    """
    columns = vocabulary.combined
    if not {UPOS, "xpos", FEATS} <= set(columns):
        return vocabulary.combinations
    upos, xpos = columns.index(UPOS), columns.index("xpos")
    tags: dict[int, set[int]] = {}
    for row in vocabulary.combinations:
        tags.setdefault(row[upos], set()).add(row[xpos])
    free = {(*row[:xpos], tag, *row[xpos + 1 :]) for row in vocabulary.combinations for tag in tags[row[upos]]}
    return sorted(map(list, free))


def without(member: Linear, weakest: float) -> Linear:
    """A linear chain without a share of the features of each table; see `FeatureTable.kept`."""
    chain = LinearChain([0] * len(TABLES), member.chain.decoder.transitions.shape[0], member.chain.dictionary)
    chain.decoder.load_state_dict(member.chain.decoder.state_dict())
    for name, table in member.chain.tables.items():
        chain.tables[name] = cast(FeatureTable, table).kept(weakest)
    return dataclasses.replace(member, chain=chain.eval())


def blanked(text: str, *columns: int) -> str:
    """A text in CoNLL-U without the tags of some columns."""
    lines = []
    for line in text.split("\n"):
        cells = line.split("\t")
        lines.append("\t".join("_" if len(cells) == 10 and i in columns else cell for i, cell in enumerate(cells)))
    return "\n".join(lines)


def names_of(row: LanguageRow) -> list[str]:
    """The treebanks and files that a tagger learns from."""
    columns = row.corpora, row.more, row.renewed, row.others, row.related
    return [name for column in columns for name in column.split()]


def sources_of(names: list[str]) -> list[str]:
    """Names of `sources.csv` with their licences, and of corpora that are converted to such treebanks their sources."""
    found = [(name, sources()[name]["licence"], sources()[name]["source"]) for name in names]
    return [
        f"{name} ({licence})" + (f", converted from {source}" if name.startswith("UD_") and UD not in source else "")
        for name, licence, source in found
    ]


@cache
def sources() -> dict[str, dict[str, str]]:
    """What `sources.csv` says of each treebank, file and pretrained vectors: the licence, and where they come from."""
    with (HERE / "sources.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def read(path: Path) -> list[Sentence]:
    """The sentences of a file."""
    return list(read_conllu(read_lines(str(path)), str(path)))


def evaluate(path: Path, model: Path, *options: str) -> dict[str, Any]:
    """What the command `evaluate` says of a tagger and a file."""
    command = [sys.executable, "-m", "tagger", "evaluate", str(path), "--model", str(model), "--json", *options]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def scores_alike(path: Path, folder: Path) -> dict[str, float]:
    """Accuracies of FEATS and lemmas as the CoNLL 2018 shared task counts them, as published ones are."""
    tagger, gold = load(folder), read(path)
    found = list(tagger.stream(Sentence(list(sentence.tokens)) for sentence in gold))
    return {
        column: round(fmean(starmap(partial(is_same, column), pairs_of(gold, found, column))), 5)
        for column in (FEATS, LEMMA)
        if column in tagger.vocabulary.columns
    }


def pairs_of(gold: list[Sentence], found: list[Sentence], column: str) -> Iterator[tuple[str, str]]:
    """The tags of a column on both sides."""
    for own, other in zip(gold, found, strict=True):
        yield from zip(own.tags[column], other.tags[column], strict=True)


def results(table: list[LanguageRow]) -> tuple[list[dict[str, str]], str]:
    """The scores of the taggers in `data` beside those of UDPipe 2, for docs/languages.csv, and a table of means.

    Means are of languages that are scored on test, as published.
    """
    scored: list[dict[str, str]] = []
    pairs: dict[str, list[tuple[float, float]]] = {}
    folders = bundled_folders()
    for row in sorted(table):
        if row.name not in folders:
            continue
        config = json.loads((folders[row.name] / CONFIG).read_text(encoding="utf-8"))
        split = "dev" if row.test == "kept" else "test"
        scores, raw = config["scores"][split] | config["alike"][split], config["raw"].get(split, {})
        measured = {
            "UPOS, UDPipe 2": (scores.get("upos"), row.udpipe),
            "FEATS, UDPipe 2": (scores.get("feats"), row.udpipe_feats),
            "lemma, UDPipe 2": (scores.get("lemma"), row.udpipe_lemma),
            "UPOS, raw text, UDPipe 2": (raw.get("UPOS"), row.udpipe_raw),
            "UPOS, raw text, Stanza": (raw.get("UPOS"), row.stanza_raw),
        }
        treebanks = "+".join(
            name.rpartition("/")[2].upper() if "/" in name else name.partition("-")[2] for name in row.corpora.split()
        )
        notes = {"thin": config["thin"], "named": row.found == "named", "more": language_table()[row.name].more}
        noted = " ".join(note for note, is_true in notes.items() if is_true)
        cells = {
            "language": row.name,
            "notes": noted,
            "treebanks": treebanks,
            "thousands of words": str(config["words"]),
        }
        scored.append(cells | {"scored on": split})
        for name, (own, other) in measured.items():
            column, _, _ = name.rpartition(", ")
            scored[-1] |= {column: f"{100 * own:.1f}" if own else "", name: f"{float(other):.1f}" if other else ""}
            if own and other and split == "test":
                pairs.setdefault(name, []).append((100 * own, float(other)))
    lines = ["| mean on test, beside | languages | ours | published |", "|---|---|---|---|"]
    for name, both in pairs.items():
        lines.append(f"| {name} | {len(both)} | {fmean(a for a, _ in both):.1f} | {fmean(b for _, b in both):.1f} |")
    return scored, "\n".join(lines)


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Writes a table of docs."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, rows[0], lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reads what `write_rows` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def marked(path: Path, command: str) -> tuple[str, str, str]:
    """A page before, between and behind the two marks of the table that a command writes."""
    before, mark, rest = path.read_text(encoding="utf-8").partition(f"<!-- languages: {command} -->\n")
    table, end, after = rest.partition("<!-- end -->")
    if not end:
        raise SystemExit(f"{path}: no <!-- languages: {command} --> before an <!-- end -->; add both")
    return before + mark, table.strip(), end + after


def fill(path: Path, command: str, table: str) -> None:
    """Writes a table between the two marks of a page."""
    before, _, after = marked(path, command)
    path.write_text(f"{before}\n{table}\n\n{after}", encoding="utf-8")


def notice(table: list[LanguageRow]) -> str:
    """What `data/NOTICE.md` says: all that the taggers in `data` and the language finder were made from."""
    lines = [
        "# What the taggers in this folder were made from",
        "",
        "Each folder of a language has a licence file. The taggers are licensed under CC BY-SA 4.0. What finds the",
        "language of a text, `languages.safetensors`, has learned from all languages below, with a tagger or not.",
        "",
        "Treebanks of Universal Dependencies (https://universaldependencies.org), by the authors whom the README of",
        "each names (https://github.com/UniversalDependencies/NAME):",
        "",
    ]
    lines += [f"- {row.name}: " + ", ".join(sources_of(names_of(row))) for row in sorted(table)]
    named = {name for row in table for name in [*names_of(row), *row.text.split()]}
    files = sorted(name for name in named if "/" in name or UD not in sources().get(name, {}).get("source", UD))
    talk = sorted(name for row in table for name in row.talk.split())
    lines += ["", f"Everyday talk, written for this project (CC0): {', '.join(talk)}."]
    lines += ["", "Single files, and corpora that are converted to such treebanks:", ""]
    lines += [f"- {name}: {sources()[name]['source']}" for name in files]
    return "\n".join([*lines, "", *SOURCES, ""])


def rows() -> list[LanguageRow]:
    """The rows of the table."""
    with (HERE / "languages.csv").open(encoding="utf-8", newline="") as file:
        return [LanguageRow(**row) for row in csv.DictReader(file)]


def languages_to_count(description: str | None, words: list[str] | None = None) -> dict[str, Callable[[], Language]]:
    """The languages that a command line names, or all, and what finds their treebanks: for commands that count."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    parser.add_argument("--corpora", nargs="+", type=Path, metavar="TREEBANKS", required=True)
    arguments = parser.parse_args(words)
    table = {row.name: row for row in rows()}
    names = arguments.languages or table
    return {name: partial(Language, table[name], arguments.corpora, Path(), Path()) for name in names}


def main() -> None:
    """Makes the languages that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    parser.add_argument("--corpora", nargs="+", type=Path, metavar="TREEBANKS")
    parser.add_argument("--text", type=Path, metavar="TEXTS")
    parser.add_argument("-o", dest="work", type=Path, metavar="WORK")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--ship", action="store_true", help="copy the taggers into data/, where there are none yet")
    parser.add_argument("--score", action="store_true", help="score the taggers in data/ again, and make none")
    parser.add_argument(
        "--table", action="store_true", help="write their scores: docs/languages.csv, means in docs/languages.md"
    )
    parser.add_argument("--until", choices=STEPS, default="pack")
    arguments = parser.parse_args()
    table = {row.name: row for row in rows()}
    if arguments.table:
        scored, means = results(list(table.values()))
        print(means)
        write_rows(PAGE.with_suffix(".csv"), scored)
        fill(PAGE, MADE_TABLE, means)
        return
    if None in (arguments.corpora, arguments.text, arguments.work):
        parser.error("--corpora, --text and -o are needed")
    for name in arguments.languages or table:
        if name not in table:
            raise SystemExit(f"{name}: no such language in languages.csv; add a row")
        language = Language(table[name], arguments.corpora, arguments.text, arguments.work.absolute(), arguments.seed)
        if arguments.score:
            if name in bundled_folders():
                language.score()
            continue
        language.make(arguments.until)
        if arguments.ship:
            own = (DATA / MORE if language_table()[name].more else DATA) / name
            if not own.exists():
                shutil.copytree(language.folder / "packed" / name, own)
            (DATA / "NOTICE.md").write_text(notice(list(table.values())), encoding="utf-8")


if __name__ == "__main__":
    main()
