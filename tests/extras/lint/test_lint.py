"""The checks of a corpus, and the commands `lint` and `lexicon`.

A corpus is written as a line per sentence, `form/UPOS/XPOS/FEATS/LEMMA` per word; cells may be left out.
"""

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.extras.lint.lexicon_command import write_lexicon
from tagger.extras.lint.lined import LinedSentence, corpus_files, read_lined
from tagger.extras.lint.lint import (
    WIDTH,
    Finding,
    blank_tags,
    format_summary,
    repeated_sentences,
    tag_sets,
    unknown_upos,
    variation,
)
from tagger.text.strings import display_width
from tagger.text.tags import read_lexicon
from tests.commands.conftest import CONLLU, call, check_replaces_nothing, error

Check = Callable[[Sequence[LinedSentence]], Iterable[Finding]]
FIVE, TEN = "a/X b/X c/X d/X e/X", "a/X b/X c/X d/X e/X f/X g/X h/X i/X j/X"
XPOS = ["a/X/x b/X/x can/AUX/MD c/X/x", "a/X/x b/X/x can/AUX/VB c/X/x", "can/AUX/MD"]
TRAIN = ["a/X/x b/X/x can/X/Aux c/X/x"] * 5
TRICKY = """\
# newdoc id = a
# sent_id = 1
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\tRB\t_\t1\tdep\t_\t_
2.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t1:dep\t_
3\twith\twith\tX\tIN\t_\t1\tdep\t_\t_
4\tout\t_\tX\tIN\t_\t3\tgoeswith\t_\tNote=goeswith

# a comment alone

# sent_id = 2
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\tNote=goeswith
"""


def conllu(lines: Sequence[str]) -> str:
    """CoNLL-U in which a sentence of N words takes N + 1 lines: no comments."""
    blocks = []
    for line in lines:
        rows = []
        for number, word in enumerate(line.split(" "), 1):
            form, upos, xpos, feats, lemma = [*word.split("/"), "_", "_", "_", "_"][:5]
            cells = [str(number), form.replace("~", " "), lemma, upos, xpos, feats, "0", "dep", "_", "_"]
            rows.append("\t".join(cells))
        blocks.append("\n".join(rows) + "\n\n")
    return "".join(blocks)


def write(folder: Path, **splits: Sequence[str]) -> Path:
    """A folder with a file `xx-SPLIT.conllu` for each split."""
    folder.mkdir(exist_ok=True)
    for split, lines in splits.items():
        (folder / f"xx-{split}.conllu").write_text(conllu(lines), encoding="utf-8")
    return folder


def of_files(check: Check, path: Path) -> list[Finding]:
    """The findings of a check in a file, or in those of a folder."""
    return list(check(read_lined(corpus_files([str(path)]))))


def test_the_summary_counts_and_fits_80_columns() -> None:
    note = Finding("note", "variation", "x/a.conllu", 3, "b", "upos", "X", "why")
    warning = Finding("warning", "new-tag", "a.conllu", 9, "我" * 60, "upos", "X", "why " * 40, "NOUN")
    error = Finding("error", "unknown-upos", "a.conllu", 2, "a\x1bb", "upos", "N", "no UPOS")
    lines = format_summary([error, warning, note, note], "a/very/long/name/" * 9, 1234).split("\n")
    assert lines[1] == "1 error, 1 warning, 2 notes"
    kinds = ["error unknown-upos 1", "warning new-tag 1", "note variation 2"]
    assert [" ".join(line.split()[:3]) for line in lines if line.startswith(("error", "warning", "note"))] == kinds
    assert "a.conllu:3 b" in lines[-2]
    assert max(map(display_width, lines)) <= WIDTH
    assert format_summary([], "x", 1234) == "x: 1,234 words\n0 errors, 0 warnings, 0 notes"
    assert "a\ufffdb" in error.row


def test_findings(tmp_path: Path) -> None:
    cases: list[tuple[Check, dict[str, list[str]], list[str]]] = [
        (
            unknown_upos,
            {"train": ["A/DET dog/NN", "_/PUNCT ./punct x/_"], "dev": ["A/CONJ"]},
            ["error train 2 dog NN", "error train 5 . punct", "error dev 1 A CONJ"],
        ),
        # Nearly all words have a tag. The lemma of `_` is `_`.
        (
            blank_tags,
            {"train": [*["a/X/x/_/a"] * 30, "b/_/x/_/b c/X/_/_/c d/X/x/_/_ _/X/x/_/_"]},
            ["error train 61 b _", "warning train 62 c _", "warning train 63 d _"],
        ),
        (blank_tags, {"train": ["a/X b/X"] * 60}, []),  # the corpus does not have the column
        (blank_tags, {"train": [*["a/X b/X"] * 60, "a/X/x"]}, []),  # one of 121
        # A column with some tags gives one finding for each split.
        (blank_tags, {each: ["a/X/x b/X"] * 5 for each in ("train", "dev")}, ["note train 2 b _", "note dev 2 b _"]),
        (blank_tags, {"train": ["a/X/x"] * 9, "test": ["a/X", "b/X"]}, ["error test 1 a _"]),
        (
            tag_sets,
            {
                "train": [*["a/X/x/Case=Nom b/X/y/Case=Nom|Number=Sing"] * 100, "c/X/z/Case=Gen"],
                "dev": [*["a/X/x/Case=Nom"] * 300, "d/X/w/Case=Acc|Number=Sing e/X/w"],
            },
            [
                *("warning train 2 b y", "note train 301 c z", "warning dev 601 d w"),
                *("note train 301 c Case=Gen", "warning dev 601 d Case=Acc"),
            ],
        ),
        (tag_sets, {"dev": ["a/X/x b/X/x"], "test": ["c/X/x d/X/y"]}, ["note test 2 d y"]),  # without train
        (
            repeated_sentences,
            {
                "train": ["a/X b/X c/X d/X", FIVE, FIVE],
                "dev": ["a/X b/X c/X d/X", FIVE, TEN],
                "test": [TEN, FIVE.replace("a", "A")],
            },
            ["note dev 6 a", "warning test 1 a"],
        ),
        # Of equally frequent tags, the one that is rarer of the form is found.
        (
            variation,
            {"train": ["a/DET b/X can/AUX c/X d/X", "a/DET b/X can/NOUN c/X d/X", "can/AUX", "z/X can/AUX"]},
            ["warning train 9 can NOUN"],
        ),
        # XPOS is checked where UPOS does not vary.
        (variation, {"train": XPOS}, ["warning train 8 can VB"]),
        (variation, {"train": [line.replace("AUX/VB", "NOUN/VB") for line in XPOS]}, ["warning train 8 can NOUN"]),
        (variation, {"train": ["a/X b/_ c/X d/X", "a/X b/X c/X d/X"]}, []),  # blanks do not vary
        # A split with another tag set is left out.
        (variation, {"train": TRAIN, "dev": [line.replace("/x", "/X").replace("Aux", "AUX") for line in TRAIN]}, []),
        (
            variation,
            {"train": TRAIN, "dev": [*["d/X/x"] * 100, TRAIN[0], "a/X/x b/X/x can/X/AUX c/X/x"]},
            ["warning dev 208 can AUX"],
        ),
    ]
    for number, (check, corpus, expected) in enumerate(cases):
        findings = of_files(check, write(tmp_path / str(number), **corpus))
        rows = [(e.severity, Path(e.file).stem.removeprefix("xx-"), str(e.line), e.word, e.tag) for e in findings]
        assert [" ".join(row).strip() for row in rows] == expected


def test_reasons_name_tags_counts_and_places(tmp_path: Path) -> None:
    train, dev = ["a/X/x b/X/y"] * 20, ["a/X/p b/X/q"] * 4 + ["a/X/p b/X/q a/X/p"]
    differing, *new = of_files(tag_sets, write(tmp_path / "tags", train=train, dev=dev))
    assert (differing.severity, differing.kind, differing.column, differing.tag) == ("error", "split-tags", "xpos", "p")
    assert differing.reason == "100.0% of the words of dev have tags that train lacks: p q"
    assert new[0].reason == "p, 6 times in dev, is never in train; no tagger can learn it"
    sentence = ["a/X b/X c/X d/X e/X"]
    (repeated,) = of_files(repeated_sentences, write(tmp_path / "twice", train=sentence, dev=sentence))
    assert repeated.reason == f"the same 5 words are a sentence of train, at {tmp_path}/twice/xx-train.conllu:1"
    words = "the/DET old/ADJ dog/NOUN can/AUX bark/VERB now/ADV"
    folder = write(tmp_path / "varied", train=[words] * 2, dev=[words.replace("AUX", "NOUN")])
    (finding,) = of_files(variation, folder)
    assert (finding.severity, finding.line, finding.word) == ("warning", 4, "can")
    assert (finding.column, finding.tag, finding.expected) == ("upos", "NOUN", "AUX")
    assert finding.reason == f"NOUN 1x and AUX 2x in the same 8 words; AUX at {folder / 'xx-train.conllu'}:4"


def brute_force(lines: Sequence[str]) -> dict[tuple[int, int], tuple[int, Counter[str]]]:
    """For each nucleus (sentence, word), the size of its longest variation n-gram and the tags in it."""
    ngrams: dict[tuple[str, ...], list[tuple[int, int, str]]] = {}
    for number, line in enumerate(lines):
        words = [word.split("/") for word in line.split()]
        forms = ["<s>", *(form for form, _ in words), "</s>"]
        for i, (_, tag) in enumerate(words, 1):
            for start in range(i):
                for end in range(i + 2, len(forms) + 1):
                    ngrams.setdefault((str(i - start), *forms[start:end]), []).append((number, i - 1, tag))
    longest: dict[tuple[int, int], tuple[int, Counter[str]]] = {}
    for ngram, nuclei in ngrams.items():
        tags = Counter(tag for *_, tag in nuclei)
        for number, word, _ in nuclei:
            before = longest.get((number, word), (0, Counter()))
            if len(tags) > 1 and (len(ngram) - 1, tags.total()) > (before[0], before[1].total()):
                longest[number, word] = len(ngram) - 1, tags
    return longest


def test_findings_are_those_of_a_search_over_all_ngrams(tmp_path: Path) -> None:
    rng = random.Random(1)
    lines = []
    for _ in range(400):
        words = rng.choices("abcd", k=rng.randint(1, 9))
        lines.append(" ".join(f"{word}/{rng.choices(['NOUN', 'VERB'], [0.95, 0.05])[0]}" for word in words))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.split()) + 1)
    expected = set()
    for (number, word), (size, tags) in brute_force(lines).items():
        tag = lines[number].split()[word].partition("/")[2]
        other = "VERB" if tag == "NOUN" else "NOUN"
        if tags[other] > tags[tag] and size > 3:
            expected.add((starts[number] + word + 1, tag, f"{tag} {tags[tag]}x and {other} {tags[other]}x", size))
    assert len(expected) > 20
    findings = of_files(variation, write(tmp_path, train=lines))
    unequal = {
        (each.line, each.tag, each.reason.partition(" in ")[0], int(each.reason.split(" words")[0].split()[-1]))
        for each in findings
        if len({part.split("x")[0].split()[-1] for part in each.reason.split(" and ")[:2]}) == 2
    }
    assert unequal == expected
    for each in findings:
        assert each.severity == ("note" if " 4 words" in each.reason else "warning")


def test_files_of_a_corpus_and_lines_of_words(tmp_path: Path) -> None:
    for name, ending in [("a-dev.conllu", "\n"), ("a-dev.conllu.gz", "\r\n")]:
        data = TRICKY.replace("\n", ending).encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        first, second = read_lined(corpus_files([str(tmp_path / name)]))
        assert (first.tokens, first.lines) == (["do", "n't", "with", "out"], [4, 5, 7, 8])
        assert first.tags["xpos"] == ["VBP", "RB", "IN", "IN"]
        assert (first.torn, first.split) == ({3}, "dev")
        assert (second.lines, second.torn) == ([13], frozenset())
        text = conllu(["a/X/x/_/a"] * 30) + conllu(["with/X/x/_/with out/X/x"]).replace("dep", "goeswith")
        (tmp_path / "rest.conllu").write_text(text, encoding="utf-8")
        assert of_files(blank_tags, tmp_path / "rest.conllu") == []  # the rest of a torn word needs no lemma
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("b-ud-train.conllu", "a-ud-train.conllu.gz", "a-ud-test.conllu", ".x-ud-dev.conllu", "other.conllu"):
        (corpus / name).write_bytes(b"")
    found = [(Path(file).name, split) for file, split in corpus_files([str(corpus)]).items()]
    assert found == [("a-ud-train.conllu.gz", "train"), ("b-ud-train.conllu", "train"), ("a-ud-test.conllu", "test")]
    names = ["other.conllu", "dev.conllu", "x_test.conllu", "latest.conllu"]
    assert list(corpus_files(names).values()) == ["train", "dev", "test", "train"]
    with pytest.raises(InputError, match="a is named twice"):
        corpus_files(["a", "a"])


def test_the_summary_the_table_json_and_the_exit_status(tmp_path: Path) -> None:
    words = "the/DET old/ADJ dog/NOUN can/AUX bark/VERB now/ADV"
    dev = [words.replace("AUX", "NOUN"), "&amp;/PUNCT"]
    corpus = write(tmp_path / "UD_X", train=[words] * 2, dev=dev).name
    result = call("lint", corpus, "-o", "new/found.tsv")
    assert result.stdout.splitlines()[:2] == [f"{corpus}: 19 words", "0 errors, 2 warnings, 1 note"]
    head, *rows = Path("new/found.tsv").read_text(encoding="utf-8").splitlines()
    assert head.split("\t") == list(Finding._fields)
    assert [row.split("\t")[:5] for row in rows] == [
        ["warning", "new-tag", f"{corpus}/xx-dev.conllu", "8", "&amp;"],
        ["warning", "variation", f"{corpus}/xx-dev.conllu", "4", "can"],
        ["note", "repeated-sentence", f"{corpus}/xx-dev.conllu", "1", "the"],
    ]
    found = json.loads(call("lint", corpus, "--json").stdout)
    assert (found["words"], found["counts"]) == (19, {"error": 0, "warning": 2, "note": 1})
    assert [list(each) for each in found["findings"]] == [list(Finding._fields)] * 3
    Path("two-dev.conllu").write_text(conllu(dev), encoding="utf-8")
    assert "0 errors, 0 warnings, 5 notes" in call("lint", "-", input=conllu(dev)).stdout
    assert "UD_X/xx-train.conllu, two-dev.conllu" in call("lint", "UD_X/xx-train.conllu", "two-dev.conllu").stdout
    call("lint", corpus, "--fail-on", "error")
    call("lint", corpus, "--fail-on", "warning", "--kind", "repeated-sentence")
    call("lint", corpus, "-o", "found.tsv", "--fail-on", "warning", "--kind", "variation", status=1)
    assert Path("found.tsv").is_file()


def test_bad_input_is_one_line() -> None:
    Path("empty").mkdir()
    Path("gap.conllu").write_text("".join(f"{i}\t{form}" + "\t_" * 8 + "\n" for i, form in ((1, "a"), (5, "b"))))
    for arguments, message in (
        ([""], "''"),
        (["missing.conllu"], "missing.conllu: no such file"),
        (["empty"], "empty has no *-train.conllu"),
        (["gap.conllu"], "gap.conllu, line 2: the ID '5' ('b') stands where 2 is due"),
        (["empty", "--kind", "mojibake"], "--kind mojibake: no such kind; there are unknown-upos"),
    ):
        assert message in error("lint", *arguments)


@pytest.mark.parametrize("line", ["lint in.conllu", "lint -", "lexicon in.conllu --min-count 1"])
def test_a_file_that_is_read_is_never_replaced(line: str, two_files: Path) -> None:
    check_replaces_nothing(two_files, "-o", line)


def test_the_forms_of_train_and_their_tags_are_read_as_they_were_and_can_be_used(tmp_path: Path, model: Path) -> None:
    words = {"book/NOUN/_/A=1|B=2": 3, "book/VERB": 4, "a/DET/_/A=1|B=2": 5, "rare/ADJ": 4, "a/_/_/A=1|B=2": 1}
    train = [word for word, count in words.items() for _ in range(count)]
    treebank = str(write(tmp_path / "UD_X", train=train, dev=["dev/NOUN"] * 9))
    result = call("lexicon", treebank)
    assert result.stdout == "a\tDET\nbook\tVERB|NOUN\n"
    assert result.stderr == "2 of 3 forms\n"
    assert "--column lemma" in error("lexicon", treebank, "--column", "lemma")
    assert call("lexicon", treebank, "--max-tags", "1").stdout == "a\tDET\n"
    assert call("lexicon", treebank, "--min-count", "1").stdout.splitlines()[-1] == "rare\tADJ"
    assert call("lexicon", f"{treebank}/xx-dev.conllu").stdout == "dev\tNOUN\n"
    assert call("lexicon", treebank, "--column", "feats").stdout.startswith("a\tA=1|B=2\n")
    entries = {"a": ("Case=Nom", "Number=Sing"), "b": ("Case=Nom|Number=Sing",)}
    tags = ["Case=Nom", "Number=Sing", "Case=Nom|Number=Sing"]
    assert read_lexicon(write_lexicon(entries), "again", tags, "feats") == entries
    (tmp_path / "a.conllu").write_text(5 * (CONLLU + "\n"))
    call("lexicon", "a.conllu", "-o", "words.tsv", "--max-tags", "1")
    text = (tmp_path / "words.tsv").read_text()
    assert "They\tPRON\n" in text
    assert "exists; --force" in error("lexicon", "a.conllu", "-o", "words.tsv")
    assert (tmp_path / "words.tsv").read_text() == text
    (tmp_path / "words.tsv").write_text(text.replace("Yes\tINTJ\n", ""))  # which the tagger does not know
    tagged = call("tag", "a.conllu", "--lexicon", "words.tsv", "--output", "tsv", "--model", str(model)).stdout
    assert tagged.startswith("They\tPRON\ndo\tVERB\nn't\tADV\nbook\tNOUN\n")
