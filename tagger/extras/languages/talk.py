"""Writes treebanks of everyday talk: sentences -> CoNLL-U, by a proposal of today's tagger and a list of corrections.

    python -m tagger.extras.languages.talk propose german SENTENCES [CORRECTIONS ...] -o OUT.conllu
    python -m tagger.extras.languages.talk mend FILE.conllu CORRECTIONS [CORRECTIONS ...] -o OUT.conllu
    python -m tagger.extras.languages.talk check german FILE [FILE ...] --corpora TREEBANKS [TREEBANKS ...]
    python -m tagger.extras.languages.talk agree ONE.conllu OTHER.conllu
    python -m tagger.extras.languages.talk count

SENTENCES has a sentence a line; an empty line ends a paragraph, and so does a sentence without a mark at its end. A
line of CORRECTIONS names a sentence by its number, or all by `*`, then a form, then columns and values:

    = M2S Mood=Imp|Number=Sing|Person=2|VerbForm=Fin     a short name for a value
    * (Komm|Geh) f M2S                                   every word whose whole form fits the pattern
    127 heißt f I2S l heißen                             u: UPOS, f: FEATS, l: LEMMA, which may be `lower`, as the form
    36 Sie@2 f +Case=Acc-Gender                          the second such form; features set and taken away
    * dímelo m di me lo                                  a multiword token and its words, in any case
    12 10:30 w 10:30                                     a stretch of the text and the words that it is cut into

Words are named by form, since a count of words goes wrong, and a wrong number hits another word in silence. Lines act
in their order. `propose` prints the sentences to be read, and the lines that change nothing; `mend` does the same with
what is annotated already, whose words stay as they are cut.

`count` writes the table of data/talk/README.md. Its last column, the agreement of two annotations, is written by hand.
"""

import argparse
import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from tagger.bundle.catalog import codes_of
from tagger.extras.languages.make import HERE, TALK, Language, fill, marked, rows, split_of
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import MultiwordToken, Sentence, write_conllu
from tagger.text.strings import FEATS, LEMMA, NO_TAG, UPOS
from tagger.training.start import dictionaries_of
from tagger.words.dictionary import digest_of, open_dictionary

NAMES = {"u": UPOS, "f": FEATS, "l": LEMMA}
ANNOTATED = (LEMMA, UPOS, FEATS)
SHORT = {"Sing": "S", "Plur": "P"}
# What may differ from every analysis of gold that a talk's verb, pronoun or form of address has.
FREE = {
    *("Person", "Number", "Mood", "Tense", "VerbForm", "Gender", "Number[psor]", "Gender[psor]", "Person[psor]"),
    *("Case", "Reflex", "Polite", "Aspect", "Voice", "Polarity", "Evident"),
}
VERBS = {"VERB", "AUX"}
LEAST = 3  # verbs in each cell
README = TALK / "README.md"
COUNTS = "talk count"  # names the table of that page which `count` writes


class Line(NamedTuple):
    """A line of corrections."""

    where: str  # the number of a sentence, or *
    form: str
    column: str
    values: tuple[str, ...]
    source: str  # file, number and text, for messages

    def fits(self, number: int) -> bool:
        """Whether it is about the sentence with this number."""
        return self.where in ("*", str(number))


def read_corrections(paths: Iterable[Path]) -> tuple[list[Line], dict[str, str]]:
    """The lines of some files of corrections, one for each column that they name, and the short names of values."""
    lines, names = [], {}
    for path in paths:
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            cells, source = text.split(), f"{path}, line {number}: {text.strip()}"
            if not cells or cells[0].startswith("#"):
                continue
            if cells[0] == "=" and len(cells) == 3:
                names[cells[1]] = cells[2]
            elif len(cells) >= 4 and cells[2] in ("m", "w"):
                lines.append(Line(cells[0], cells[1], cells[2], tuple(cells[3:]), source))
            elif len(cells) >= 4 and len(cells) % 2 == 0 and set(cells[2::2]) <= NAMES.keys():
                pairs = zip(cells[2::2], cells[3::2], strict=True)
                lines += [Line(cells[0], cells[1], column, (value,), source) for column, value in pairs]
            else:
                raise SystemExit(f"{source}\n  is no correction: WHERE FORM COLUMN VALUE, with columns u, f, l, m or w")
    return lines, names


def cut(text: str, tagger: Tagger, corrections: list[Line], used: Counter[str]) -> Sentence:
    """The words of a text that is one sentence: as the tagger cuts it, but where corrections say otherwise."""
    tokens: list[tuple[int, int, tuple[str, ...], bool]] = []  # start, end, words, whether they are a multiword token
    for each in (token for sentence in tagger.segment(text) for token in sentence):
        tokens.append((each.start, each.end, each.words or (text[each.start : each.end],), bool(each.words)))
    for line in corrections:
        spaced = r"(?<!\w){}(?!\w)" if re.fullmatch(r"[\w'’-]+", line.form) and line.where == "*" else "{}"
        for match in re.finditer(spaced.format(re.escape(line.form)), text, re.IGNORECASE):
            start, end = match.span()
            words = line.values
            if line.column == "w":
                words = words_at(match.group(), words, line.source)
            elif match.group()[0].isupper():
                words = (words[0][0].upper() + words[0][1:], *words[1:])
            if match.group().isupper() and len(match.group()) > 1:
                words = tuple(word.upper() for word in words)
            new = [(start, end, words, True)]
            if line.column == "w":
                places = [start]
                for word in words:
                    places.append(text.index(word, places[-1]) + len(word))
                new = [(stop - len(word), stop, (word,), False) for word, stop in zip(words, places[1:], strict=True)]
            kept = [token for token in tokens if token[1] <= start or token[0] >= end]
            rest = []
            for token in tokens:
                if token not in kept:
                    for left, right in ((token[0], start), (end, token[1])):
                        if left < right and text[left:right].strip():
                            rest.append((left, right, (text[left:right],), False))
            found = sorted([*kept, *rest, *new])
            used[line.source] += found != tokens
            tokens = found
    sentence = Sentence([], text=text, space_after=[])
    assert sentence.space_after is not None
    for start, end, words, multiword in tokens:
        if multiword:
            first = len(sentence.tokens)
            sentence.multiwords.append(MultiwordToken(first, first + len(words), text[start:end]))
        sentence.tokens += words
        sentence.space_after += [False] * (len(words) - 1) + [end == len(text) or text[end].isspace()]
    return sentence


def words_at(written: str, words: tuple[str, ...], source: str) -> tuple[str, ...]:
    """The words of a correction as they are written in the text, in its case."""
    found, place = [], 0
    for word in words:
        place = written.lower().find(word.lower(), place)
        if place < 0:
            raise SystemExit(f"{source}\n  {written!r} has no {word!r}; use m for words that are written otherwise")
        found.append(written[place : place + len(word)])
        place += len(word)
    return tuple(found)


def apply(sentences: list[Sentence], lines: list[Line], names: dict[str, str], used: Counter[str]) -> None:
    """Changes tags by the corrections, and counts in how many places each line changes something."""
    for line in lines:
        for number, sentence in enumerate(sentences, 1):
            if not line.fits(number):
                continue
            if line.where == "*":
                hits = [i for i, form in enumerate(sentence.tokens) if re.fullmatch(line.form, form)]
            else:
                form, _, nth = line.form.partition("@")
                same = [i for i, each in enumerate(sentence.tokens) if each == form]
                if (not nth and len(same) != 1) or (nth and int(nth) > len(same)):
                    raise SystemExit(f"{line.source}\n  {form} is {len(same)} times in {' '.join(sentence.tokens)}")
                hits = [same[int(nth or 1) - 1]]
            column = sentence.tags[NAMES[line.column]]
            for i in hits:
                new = changed(column[i], line.values[0], sentence.tokens[i], names, line.column)
                used[line.source] += new != column[i]
                column[i] = new


def changed(cell: str, value: str, form: str, names: dict[str, str], column: str) -> str:
    """The new value of a cell."""
    if column == "l" and value == "lower":
        return form.lower()
    if column != "f":
        return value
    feats = {} if value[0] not in "+-" else pairs_of(cell)
    for sign, part in re.findall(r"([+-]?)((?:[^+-]|(?<=\w)-(?=[a-z]))+)", names.get(value, value)):
        part = names.get(part, part)
        if sign == "-":
            feats.pop(part, None)
        else:
            feats |= pairs_of(part)
    return "|".join(f"{name}={feats[name]}" for name in sorted(feats, key=str.lower)) or NO_TAG


def pairs_of(cell: str) -> dict[str, str]:
    """The features of a cell."""
    if cell == NO_TAG:
        return {}
    try:
        return dict(pair.split("=", 1) for pair in cell.split("|"))
    except ValueError:
        raise SystemExit(f"{cell}: neither features, such as Mood=Imp|Person=2, nor a short name") from None


def propose(language: str, path: Path, corrections: list[Path]) -> list[Sentence]:
    """The sentences of a file with today's tags and the corrections; prints what changes nothing."""
    tagger = load(language)
    lines, names = read_corrections(corrections)
    cuts = [line for line in lines if line.column in ("m", "w")]
    tags = [line for line in lines if line.column not in ("m", "w")]
    used: Counter[str] = Counter()
    sentences: list[Sentence] = []
    ends = True
    for text in path.read_text(encoding="utf-8").splitlines():
        if not text.strip():
            ends = True
            continue
        number = len(sentences) + 1
        sentence = cut(text.strip(), tagger, [line for line in cuts if line.fits(number)], used)
        sentence.comments = [*(["# newpar"] if ends else []), f"# sent_id = {path.stem}-{number}"]
        ends = sentence.tokens[-1][-1].isalnum()
        sentences.append(sentence)
    tagged = list(tagger.stream(sentences))
    for sentence in tagged:
        sentence.tags = {column: list(sentence.tags[column]) for column in ANNOTATED if column in sentence.tags}
        for column in ANNOTATED:
            sentence.tags.setdefault(column, [NO_TAG] * len(sentence))
    apply(tagged, tags, names, used)
    say_idle(lines, used)
    return tagged


def mend(path: Path, corrections: list[Path]) -> list[Sentence]:
    """The sentences of a treebank with corrections of their tags; prints what changes nothing."""
    sentences, used = read(path), Counter[str]()
    lines, names = read_corrections(corrections)
    for line in lines:
        if line.column in ("m", "w"):
            raise SystemExit(f"{line.source}\n  cuts words, which `mend` does not; make the file anew with `propose`")
    apply(sentences, lines, names, used)
    say_idle(lines, used)
    return sentences


def say_idle(lines: list[Line], used: Counter[str]) -> None:
    """Prints the corrections that change nothing: the list should hold what was wrong and no more."""
    for source in dict.fromkeys(line.source for line in lines):
        if not used[source]:
            print(f"changes nothing: {source}", file=sys.stderr)


def shown(number: int, sentence: Sentence) -> str:
    """A sentence in a line to be read: each form, its lemma if that is another, UPOS, and the values of FEATS."""
    words = []
    for form, lemma, upos, feats in zip(sentence.tokens, *(sentence.tags[c] for c in ANNOTATED), strict=True):
        values = ".".join(SHORT.get(value, value) for value in pairs_of(feats).values())
        about = "/".join([*([] if lemma == form else [lemma]), upos, *([values] if values else [])])
        words.append(form if upos == "PUNCT" else f"{form}/{about}")
    multiwords = "".join(f" [{each.form}]" for each in sentence.multiwords)
    return f"{number} {' '.join(words)}{multiwords}"


def read(path: Path) -> list[Sentence]:
    """The sentences of a file."""
    return list(read_conllu(read_lines(str(path)), str(path)))


def gold_of(language: str, corpora: list[Path]) -> list[Sentence]:
    """Train and dev of the treebank whose conventions the language's talk follows."""
    row = next((row for row in rows() if row.name == language), None)
    if row is None:
        raise SystemExit(f"{language}: no such language in languages.csv")
    found = Language(row, corpora, Path(), Path()).splits("train", "dev")
    return [sentence for text in found.values() for sentence in read_conllu(StringIO(text), language)]


def check(language: str, sentences: list[Sentence], gold: list[Sentence]) -> Iterator[str]:
    """What is to be mended in a treebank of talk, and, with `read` before it, what is to be read once."""
    attested, lemmas, by_upos = set(), defaultdict[tuple[str, str], Counter[str]](Counter), defaultdict(list)
    for sentence in gold:
        for form, lemma, upos, feats in zip(sentence.tokens, *(sentence.tags[c] for c in ANNOTATED), strict=True):
            if (upos, feats) not in attested:
                attested.add((upos, feats))
                by_upos[upos].append(pairs_of(feats))
            lemmas[form.lower(), upos][lemma] += 1
    codes = dictionaries_of(codes_of(language)[0])
    dictionary = open_dictionary(**{code: digest_of(code) for code in codes}) if codes else None
    endings, grid = knowledge(language)
    cells = defaultdict[str, set[str]](set)
    analyses = defaultdict[str, dict[tuple[str, ...], str]](dict)
    contexts = defaultdict[tuple[str, ...], dict[tuple[str, ...], str]](dict)
    for sentence in sentences:
        words = list(zip(sentence.tokens, *(sentence.tags[c] for c in ANNOTATED), strict=True))
        for i, (form, lemma, upos, feats) in enumerate(words):
            where, own = f"{sentence.name} {form} {upos} {feats}", pairs_of(feats)
            if [*own] != sorted(own, key=str.lower):
                yield f"order        {where}: features are sorted by name"
            if (upos, feats) not in attested:
                near = min(
                    ({k for k in own.keys() | g.keys() if own.get(k) != g.get(k)} for g in by_upos[upos]),
                    key=lambda names: (not names <= FREE, len(names)),
                    default={"UPOS"},
                )
                free = FREE if upos in VERBS else FREE.intersection(name for each in by_upos[upos] for name in each)
                names = ", ".join(sorted(near))
                yield f"{'read ' if near <= free else ''}combination  {where}: differs from gold in {names}"
            if upos in VERBS and own.get("VerbForm", "Fin") == "Fin":
                cells[" ".join(own.get(n, "-") for n in ("Mood", "Number", "Person", "Tense"))].add(lemma)
                for pattern, wanted in endings:
                    if re.search(pattern, form.lower()) and not wanted.items() <= own.items():
                        yield f"ending       {where}: {pattern} calls for {wanted}"
                for j in (i - 1, i + 1):
                    if 0 <= j < len(words) and words[j][2] == "PRON":
                        other = pairs_of(words[j][3])
                        both = {n for n in ("Person", "Number") if n in other and n in own and other[n] != own[n]}
                        if other.get("Case") == "Nom" and other.get("PronType") == "Prs" and both:
                            yield f"read subject {where}: beside {words[j][0]} {words[j][3]}"
            neighbours = tuple(words[j][0].lower() if 0 <= j < len(words) else "" for j in (i - 1, i + 1))
            contexts[form.lower(), *neighbours, words[-1][0]].setdefault((lemma, upos, feats), where)
            analyses[form.lower()].setdefault((lemma, upos, feats), where)
            known = lemmas[form.lower(), upos]
            if upos not in ("PUNCT", "PROPN", "NUM") and lemma not in known:
                said = dictionary.look_up([form.lower()]).lemmas[0] if dictionary else None
                if known or said != lemma:
                    yield f"read lemma   {where}: {lemma}; gold {dict(known.most_common(2))}, dictionary {said}"
    for key, found in contexts.items():
        if len(found) > 1:
            yield f"read twice   {key[0]} between the same neighbours: " + " and ".join(found.values())
    for form, found in sorted(analyses.items()):
        if len(found) > 2:
            yield f"read forms   {form}: " + "; ".join(found.values())
    for cell in grid:
        verbs = cells.get(cell, set())
        if len(verbs) < LEAST:
            yield f"grid         {cell}: {len(verbs)} verbs, {', '.join(sorted(verbs))}"
    counts = ", ".join(f"{cell} {len(found)}" for cell, found in sorted(cells.items()))
    yield f"read cells   {sum(map(len, sentences))} words, {len(sentences)} sentences; verbs by cell: {counts}"


def knowledge(language: str) -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    """What `talk.csv` says of a language: endings of finite verbs with the features they call for, and the cells."""
    endings, grid = [], []
    with (HERE / "talk.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["language"] == language and row["kind"] == "cell":
                grid.append(row["what"])
            elif row["language"] == language:
                endings.append((row["what"], pairs_of(row["features"])))
    return endings, grid


def agree(one: list[Sentence], other: list[Sentence]) -> Iterator[str]:
    """How far two annotations of the same sentences agree, in percent of the words, and where they do not."""
    theirs = {sentence.text: sentence for sentence in other}
    counts, total, recut = Counter[str](), 0, 0
    for sentence in one:
        second = theirs.get(sentence.text)
        if second is None:
            continue
        total += len(sentence)
        if sentence.tokens != second.tokens:
            recut += len(sentence)
            yield f"{sentence.name}: cut as {' '.join(sentence.tokens)} | {' '.join(second.tokens)}"
            continue
        for column in ANNOTATED:
            for form, a, b in zip(sentence.tokens, sentence.tags[column], second.tags[column], strict=True):
                if a != b:
                    counts[column] += 1
                    yield f"{sentence.name} {form} {column}: {a} | {b}"
    if not total:
        raise SystemExit("the files share no sentence; sentences are compared by their text")
    shares = [f"words {100 - 100 * recut / total:.1f}"]
    shares += [f"{name} {100 - 100 * counts[name] / max(1, total - recut):.1f}" for name in ANNOTATED]
    yield f"{total} words; agreement in percent: {', '.join(shares)}"


def is_finite(upos: str, feats: dict[str, str]) -> bool:
    """Whether a word with these tags is a finite verb."""
    return upos in VERBS and feats.get("VerbForm", "Fin") == "Fin" and bool({"Mood", "Person"} & feats.keys())


def is_second(feats: dict[str, str]) -> bool:
    """Whether a finite verb with these features is a second person or an imperative."""
    return feats.get("Person") == "2" or feats.get("Mood") == "Imp"


def count(old: str = "") -> str:
    """The table of the treebanks in `data/talk`, with the agreement that an older one has in its last cell.

    It has the sentences of train, dev and test, and the finite verbs of train: those of the second person and
    imperatives, and the others.
    """
    agreement = {cells[1].strip(): cells[4].strip() for cells in (line.split("|") for line in old.split("\n")[2:])}
    lines = ["| language | sentences | verbs | agreement |", "|---|---|---|---|"]
    for folder in sorted(path for path in TALK.iterdir() if path.is_dir()):
        train, *others = [read(split_of(folder, split)) for split in ("train", "dev", "test")]
        pairs = (pair for each in train for pair in zip(each.tags[UPOS], each.tags[FEATS], strict=True))
        verbs = [is_second(pairs_of(feats)) for upos, feats in pairs if is_finite(upos, pairs_of(feats))]
        sentences = "/".join(str(len(each)) for each in (train, *others))
        cells = [folder.name, sentences, f"{sum(verbs)}/{len(verbs) - sum(verbs)}", agreement.get(folder.name, "")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    proposing = steps.add_parser("propose")
    proposing.add_argument("language")
    proposing.add_argument("sentences", type=Path)
    proposing.add_argument("corrections", type=Path, nargs="*")
    mending = steps.add_parser("mend")
    mending.add_argument("file", type=Path)
    mending.add_argument("corrections", type=Path, nargs="+")
    for step in (proposing, mending):
        step.add_argument("-o", dest="out", type=Path, required=True)
    checking = steps.add_parser("check")
    checking.add_argument("language")
    checking.add_argument("files", type=Path, nargs="+")
    checking.add_argument("--corpora", nargs="+", type=Path, metavar="TREEBANKS", required=True)
    steps.add_parser("count")
    agreeing = steps.add_parser("agree")
    agreeing.add_argument("one", type=Path)
    agreeing.add_argument("other", type=Path)
    arguments = parser.parse_args()
    if arguments.step in ("propose", "mend"):
        if arguments.step == "propose":
            sentences = propose(arguments.language, arguments.sentences, arguments.corrections)
        else:
            sentences = mend(arguments.file, arguments.corrections)
        arguments.out.write_text("".join(map(write_conllu, sentences)), encoding="utf-8")
        print("\n".join(shown(number, sentence) for number, sentence in enumerate(sentences, 1)))
    elif arguments.step == "check":
        found = list(
            check(
                arguments.language,
                [sentence for path in arguments.files for sentence in read(path)],
                gold_of(arguments.language, arguments.corpora),
            )
        )
        print("\n".join(found))
        if any(not line.startswith("read ") for line in found):
            sys.exit(1)
    elif arguments.step == "count":
        fill(README, COUNTS, count(marked(README, COUNTS)[1]))
    else:
        print("\n".join(agree(read(arguments.one), read(arguments.other))))


if __name__ == "__main__":
    main()
