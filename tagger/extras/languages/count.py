"""Counts what is known of words, right and wrong in each language, and writes what holds. Nothing is trained.

    python -m tagger.extras.languages.count rules|lemmas|judges [LANGUAGE ...] --corpora TREEBANKS [TREEBANKS ...]

rules: `tagger/words/counts.csv` gets how often each rule for raw text and each abbreviation, with its full stop, is
right and wrong in train and dev of all treebanks of a language; `words.json` of its tagger gets what so holds.

lemmas: `lemmas.json.gz` gets how reliable the dictionary of a language is on the words from which its tagger has
learned. A language without a dictionary, or without lemmas, is left out; so is a tagger that has learned with a
dictionary, since its training has counted on all its words.

judges: prints what each judge of `words/judges.py` is worth: the words of dev that it changes. One that makes more
words wrong than right should not act in a language. `Constraints` and `GivenTags` change nothing, since nobody gives
tags.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from io import StringIO
from itertools import islice
from pathlib import Path

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import bundled_folders, codes_of
from tagger.bundle.saved_config import LEMMAS, sign
from tagger.extras.languages.make import TALK, UNKNOWN_SPACES, Language, languages_to_count, split_of, text_of
from tagger.segmenter.enclitics import Enclitics
from tagger.segmenter.learned import LearnedSegmenter
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.text.conllu import read_conllu
from tagger.text.schema import write_packed_json
from tagger.text.sentence import Sentence
from tagger.text.spacing import GoldParagraph, gold_paragraphs, with_usual_spacing
from tagger.text.strings import FEATS, LEMMA, UPOS, is_annotated
from tagger.training.count_conventions import (
    Cases,
    conventions_of,
    count_abbreviations,
    count_lemma_reliability,
    count_rules,
    with_tags,
)
from tagger.training.count_enclitics import enclitics_of
from tagger.training.start import dictionaries_of, dictionary_of, known_dictionaries
from tagger.words import conventions
from tagger.words.conventions import NUMBER, candidates
from tagger.words.dictionary import Dictionary, LemmaReliability, digest_of, open_dictionary
from tagger.words.facts import Judge

COUNTS = Path(conventions.__file__).with_name("counts.csv")
SENTENCES = 3_000  # of dev, at most, on which judges are counted
HEAD = ("language", "judge", "column", "words", "changed", "right without it", "right with it")


def sentences_at_hand(language: Language) -> list[list[Sentence]]:
    """The sentences of train and dev of all treebanks of a language, and those of its talk's train."""
    row = language.row
    names = [*row.corpora.split(), *row.others.split(), *row.cut_by]
    files = [
        language.split_of(name, split)
        for name in names
        for split in ("train", "dev")
        if "/" in name or any(language.find(name).glob(f"*-{split}.conllu*"))  # an addition may lack dev
    ]
    files += [language.find(name) for name in f"{row.more} {row.renewed} {row.others}".split() if "/" in name]
    files += [split_of(TALK / name, "train") for name in row.talk.split()]
    return [sentences_of(text_of(path)) for path in dict.fromkeys(files) if path is not None]


def sentences_of(text: str) -> list[Sentence]:
    """The sentences of a text in CoNLL-U."""
    return list(read_conllu(StringIO(text), "text"))


def tagged(language: Language) -> list[dict[str, list[str]]]:
    """The words and tags of the sentences from which a tagger has learned, those with tags of today alone."""
    splits = ("dev",) if language.row.dev == "newer" else ("train", "dev")
    return [{"tokens": each.tokens, **each.tags} for each in sentences_of(language.splits(*splits)["train"])]


def paragraphs_of(files: list[list[Sentence]]) -> list[GoldParagraph]:
    """The paragraphs of files, without sentences whose spaces are unknown."""
    found: list[GoldParagraph] = []
    for sentences in files:
        spaced = (sentence for sentence in sentences if UNKNOWN_SPACES not in sentence.comments)
        found += with_usual_spacing(list(gold_paragraphs(spaced, skip=True)))
    return found


def count_text(files: list[list[Sentence]], language: str) -> dict[str, tuple[int, int]]:
    """How often rules for raw text and abbreviations are right and wrong, those of other languages, too."""
    own, paragraphs = candidates(language), paragraphs_of(files)
    table = {form: kind for form, kind in candidates().items() if form.lower() not in own} | dict(own)
    found = sorted(count_abbreviations(paragraphs, table).items())
    return count_rules(paragraphs) | {f"{form}.": right_and_wrong(cases, kind) for form, (kind, cases) in found}


def right_and_wrong(cases: Cases, kind: str) -> tuple[int, int]:
    """How often no sentence ends after an abbreviation of a kind, and how often one does; of NUMBER before digits."""
    before_number = cases.digit, cases.end_digit
    return before_number if kind == NUMBER and any(before_number) else (cases.inside, cases.ends)


def whole_words(segmenter: LearnedSegmenter, words: Sequence[str], dictionary: Dictionary | None) -> list[str]:
    """Words of treebanks that are their own lemmas in the dictionary, if endings of others alone would split them.

    An ending is no reason where training splits such a lemma that has it: Spanish `lavarse`.
    """
    if not dictionary:
        return []
    split = [form for form, numbers in segmenter.vocabulary.multiwords.items() if any(numbers)]
    lemmas_of_split = dictionary.look_up(split).lemmas
    endings = {form[-n:] for form, lemma in zip(split, lemmas_of_split, strict=True) if form == lemma for n in (2, 3)}
    asked = [word for word in words if segmenter.splits(word) and endings.isdisjoint((word[-2:], word[-3:]))]
    return [word for word, lemma in zip(asked, dictionary.look_up(asked).lemmas, strict=True) if word == lemma]


def write_conventions(language: Language, files: list[list[Sentence]]) -> None:
    """Writes what holds in a language into the folder of its tagger in `data`."""
    name, folder = language.row.name, bundled_folders()[language.row.name]
    found = conventions_of(paragraphs_of(files), (s.tokens for sentences in files for s in sentences), name)
    bundle = replace(Bundle.load(folder), conventions=found)
    tokens = {form.lower() for sentences in files for each in sentences for form in each.tokens}
    dictionary = dictionary_of(codes_of(name)[0])
    talk = (text_of(split_of(TALK / each, "train")) for each in language.row.talk.split())
    if isinstance(bundle.segmenter, LearnedSegmenter):
        whole = whole_words(bundle.segmenter.with_enclitics(Enclitics()), sorted(tokens), dictionary)
        found = replace(found, whole=whole)
        enclitics = enclitics_of(sentences_of("".join([*language.splits("train", "dev").values(), *talk])), dictionary)
        bundle.segmenter.with_enclitics(enclitics).save(folder)
    with_tags(found, tagged(language), bundle.vocabulary.together(UPOS, FEATS)).save(folder)
    sign(folder)


def lemmas(language: Language) -> LemmaReliability | None:
    """How reliable the dictionary's lemmas are; None if there is no dictionary, or no lemma."""
    texts = language.splits("train", "dev")  # where most of dev is learned, too, it is part of train
    splits = {split: list(read_conllu(StringIO(text), split)) for split, text in texts.items()}
    forms = {split: {form for s in sentences for form in s.tokens} for split, sentences in splits.items()}
    codes = known_dictionaries(dictionaries_of(codes_of(language.row.name)[0]), sorted(forms["dev"] - forms["train"]))
    if not codes:
        return None
    dictionary = open_dictionary(**{code: digest_of(code) for code in codes})
    words = ({"tokens": s.tokens, UPOS: s.tags[UPOS], LEMMA: s.tags[LEMMA]} for s in splits["train"])
    return count_lemma_reliability(words, dictionary)


def judges(tagger: Tagger, sentences: Sequence[Sentence]) -> Iterator[tuple[str, str, int, int, int, int]]:
    """A row for each judge and column in which it changes words; see `HEAD`. The words are those with gold tags."""
    every = tagger.engine.judges

    def tags_of(judges: list[Judge]) -> list[dict[str, list[str]]]:
        tagger.engine.judges = judges
        plain = [Sentence(sentence.tokens) for sentence in sentences]
        return [tagged.tags for tagged in tagger.stream(plain, top=2)]  # so that no word is settled before

    found = tags_of(every)
    for judge in every:
        without = tags_of([other for other in every if other is not judge])
        for column in tagger.vocabulary.columns:
            words = [
                word
                for sentence, before, after in zip(sentences, without, found, strict=True)
                for word in zip(before[column], after[column], sentence.tags[column], sentence.tokens, strict=True)
                if is_annotated(column, *word[2:])
            ]
            changed = [(before == gold, after == gold) for before, after, gold, _ in words if before != after]
            if changed:
                without_it, with_it = map(sum, zip(*changed, strict=True))
                yield type(judge).__name__, column, len(words), len(changed), without_it, with_it
    tagger.engine.judges = every


def write_rules(languages: Mapping[str, Callable[[], Language]]) -> None:
    """Writes the rows of these languages in `counts.csv`, and what holds in each."""
    with COUNTS.open(encoding="utf-8", newline="") as file:
        counts = [row for row in csv.reader(file) if row[1] not in ("language", *languages)]
    for name, found_by in languages.items():
        language = found_by()
        files = sentences_at_hand(language)
        found = count_text(files, name)
        counts += [[rule, name, *map(str, each)] for rule, each in found.items() if any(each)]
        print(name, *(f"{rule} {right}:{wrong}" for rule, (right, wrong) in found.items()), sep="\n  ", flush=True)
        if name in bundled_folders():
            write_conventions(language, files)
    with COUNTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["rule", "language", "right", "wrong"], *sorted(counts)])


def write_lemmas(languages: Mapping[str, Callable[[], Language]]) -> None:
    """Writes how reliable the dictionaries of these languages are."""
    for name in languages.keys() & bundled_folders().keys():
        folder = bundled_folders()[name]
        vocabulary = Bundle.load(folder).vocabulary
        if LEMMA not in vocabulary.columns or vocabulary.lemmas:
            continue
        found = lemmas(languages[name]())
        if found is not None:
            write_packed_json(folder / LEMMAS, asdict(found))
            sign(folder)
        print(name, ", ".join(found.dictionary) if found else "no dictionary, or no lemmas", flush=True)


def print_judges(languages: Mapping[str, Callable[[], Language]]) -> None:
    """Prints the table of judges."""
    print(*HEAD, sep="\t")
    for name, language in languages.items():
        if name in bundled_folders():
            tagger = load(name)
            assert isinstance(tagger, Tagger)
            dev = language().splits("train", "dev")["dev"]
            for row in judges(tagger, list(islice(read_conllu(StringIO(dev), name), SENTENCES))):
                print(name, *row, sep="\t", flush=True)


def main() -> None:
    """Counts for the languages that the command line names, or for all."""
    ways = {"rules": write_rules, "lemmas": write_lemmas, "judges": print_judges}
    way, words = "".join(sys.argv[1:2]), sys.argv[2:]
    if way not in ways:
        raise SystemExit(__doc__)
    ways[way](languages_to_count(__doc__, words))


if __name__ == "__main__":
    main()
