"""The checks of a corpus: what each finds, and the order, the rows and the summary of findings."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tagger.corpus.lint import (
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
from tests.corpus.lint_corpus import conllu, found, of_files, write

NOTE = Finding("note", "variation", "x/a.conllu", 3, "b", "upos", "X", "why")
WARNING = Finding("warning", "new-tag", "a.conllu", 9, "我" * 60, "upos", "X", "why " * 40, "NOUN")
ERROR = Finding("error", "unknown-upos", "a.conllu", 2, "a\x1bb", "upos", "N", "no UPOS")


def test_the_summary_counts_and_fits_80_columns() -> None:
    text = format_summary([ERROR, WARNING, NOTE, NOTE], "a/very/long/name/" * 9, 1234)
    lines = text.split("\n")
    assert lines[0].endswith("…")
    assert lines[1] == "1 error, 1 warning, 2 notes"
    assert [line.split()[:3] for line in lines if line.startswith(("error", "warning", "note"))] == [
        ["error", "unknown-upos", "1"],
        ["warning", "new-tag", "1"],
        ["note", "variation", "2"],
    ]
    assert "a.conllu:3 b" in text
    assert max(map(display_width, lines)) <= WIDTH
    assert format_summary([], "x", 1234) == "x: 1,234 words\n0 errors, 0 warnings, 0 notes"


def test_a_upos_outside_of_the_universal_ones(tmp_path: Path) -> None:
    lines = ["A/DET dog/NN", "_/PUNCT ./punct x/_"]
    assert found(unknown_upos, tmp_path, train=lines, dev=["A/CONJ"]) == [
        ("error", "unknown-upos", "train", 2, "dog"),
        ("error", "unknown-upos", "train", 5, "."),
        ("error", "unknown-upos", "dev", 1, "A"),
    ]


def test_blanks_where_nearly_all_words_have_a_tag(tmp_path: Path) -> None:
    full = ["a/X/x/_/a"] * 30
    lines = [*full, "b/_/x/_/b c/X/_/_/c d/X/x/_/_ _/X/x/_/_"]  # the lemma of `_` is `_`
    assert found(blank_tags, tmp_path, train=lines) == [
        ("error", "blank-tag", "train", 61, "b"),
        ("warning", "blank-tag", "train", 62, "c"),
        ("warning", "blank-tag", "train", 63, "d"),
    ]


def test_a_column_without_tags_has_no_blanks(tmp_path: Path) -> None:
    assert found(blank_tags, tmp_path, train=["a/X b/X"] * 60) == []
    assert found(blank_tags, tmp_path, train=[*["a/X b/X"] * 60, "a/X/x"]) == []  # one of 121


def test_a_column_with_some_tags_gives_one_finding_per_split(tmp_path: Path) -> None:
    lines = ["a/X/x b/X"] * 5
    expected = [("note", "blank-tag", "train", 2, "b"), ("note", "blank-tag", "dev", 2, "b")]
    assert found(blank_tags, tmp_path, train=lines, dev=lines) == expected


def test_a_split_without_tags_beside_one_with(tmp_path: Path) -> None:
    expected = [("error", "blank-tag", "test", 1, "a")]
    assert found(blank_tags, tmp_path, train=["a/X/x"] * 9, test=["a/X", "b/X"]) == expected


def test_the_rest_of_a_torn_word_needs_no_lemma(tmp_path: Path) -> None:
    text = conllu(["a/X/x/_/a"] * 30) + conllu(["with/X/x/_/with out/X/x"]).replace("dep", "goeswith")
    (tmp_path / "a.conllu").write_text(text, encoding="utf-8")
    assert of_files(blank_tags, tmp_path / "a.conllu") == []


def test_tags_that_occur_once_or_never_in_train(tmp_path: Path) -> None:
    train = [*["a/X/x/Case=Nom b/X/y/Case=Nom|Number=Sing"] * 100, "c/X/z/Case=Gen"]
    dev = [*["a/X/x/Case=Nom"] * 300, "d/X/w/Case=Acc|Number=Sing e/X/w"]
    assert sorted(found(tag_sets, tmp_path, train=train, dev=dev)) == [
        *[("note", "single-tag", "train", 301, "c")] * 2,  # z, Case=Gen
        *[("warning", "new-tag", "dev", 601, "d")] * 2,  # w, Case=Acc
        ("warning", "split-tags", "train", 2, "b"),  # y is missing in dev
    ]


def test_reasons_name_tags_and_counts(tmp_path: Path) -> None:
    train, dev = ["a/X/x b/X/y"] * 20, ["a/X/p b/X/q"] * 4 + ["a/X/p b/X/q a/X/p"]
    differing, *new = of_files(tag_sets, write(tmp_path, train=train, dev=dev))
    assert (differing.severity, differing.kind, differing.column, differing.tag) == ("error", "split-tags", "xpos", "p")
    assert differing.reason == "100.0% of the words of dev have tags that train lacks: p q"
    assert [(each.tag, each.reason.partition(";")[0]) for each in new] == [
        ("p", "p, 6 times in dev, is never in train"),
        ("q", "q, 5 times in dev, is never in train"),
    ]


def test_without_train_no_tag_is_new(tmp_path: Path) -> None:
    assert found(tag_sets, tmp_path, dev=["a/X/x b/X/x"], test=["c/X/x d/X/y"]) == [
        ("note", "single-tag", "test", 2, "d"),
    ]


def test_sentences_in_two_splits(tmp_path: Path) -> None:
    short, middle, long = "a b c d", "a b c d e", "a b c d e f g h i j"
    lines = {"train": [short, middle, middle], "dev": [short, middle, long], "test": [long, "A b c d e"]}
    splits = {split: [sentence.replace(" ", "/X ") for sentence in each] for split, each in lines.items()}
    assert found(repeated_sentences, tmp_path, **splits) == [
        ("note", "repeated-sentence", "dev", 6, "a"),
        ("warning", "repeated-sentence", "test", 1, "a"),
    ]
    in_dev, in_test = of_files(repeated_sentences, tmp_path)
    assert in_dev.reason == f"the same 5 words are a sentence of train, at {tmp_path / 'xx-train.conllu'}:6"
    assert in_test.reason == f"the same 10 words are a sentence of dev, at {tmp_path / 'xx-dev.conllu'}:12"


EDGES = ("<s>", "</s>")


def brute_force(lines: Sequence[str]) -> dict[tuple[int, int], tuple[int, Counter[str]]]:
    """For each nucleus (sentence, word), the size of its longest variation n-gram and the tags in it."""
    ngrams: dict[tuple[str, ...], list[tuple[int, int, str]]] = {}
    for number, line in enumerate(lines):
        words = [word.split("/") for word in line.split()]
        forms = [EDGES[0], *(form for form, _ in words), EDGES[1]]
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
    longest = brute_force(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.split()) + 1)
    expected = set()
    for (number, word), (size, tags) in longest.items():
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


def test_the_other_place_is_named(tmp_path: Path) -> None:
    train = ["the/DET old/ADJ dog/NOUN can/AUX bark/VERB now/ADV"] * 2
    dev = ["the/DET old/ADJ dog/NOUN can/NOUN bark/VERB now/ADV"]
    folder = write(tmp_path, train=train, dev=dev)
    (finding,) = of_files(variation, folder)
    assert (finding.severity, finding.line, finding.word) == ("warning", 4, "can")
    assert (finding.column, finding.tag, finding.expected) == ("upos", "NOUN", "AUX")
    place = f"{folder / 'xx-train.conllu'}:4"
    assert finding.reason == f"NOUN 1x and AUX 2x in the same 8 words; AUX at {place}"


def test_of_equally_frequent_tags_the_rarer_of_the_form_is_found(tmp_path: Path) -> None:
    lines = ["a/DET b/X can/AUX c/X d/X", "a/DET b/X can/NOUN c/X d/X", "can/AUX", "z/X can/AUX"]
    expected = [("warning", "variation", "train", 9, "can")]
    assert found(variation, tmp_path, train=lines) == expected


def test_the_fringe_and_short_ngrams_are_not_trusted(tmp_path: Path) -> None:
    fringe = ["a/X b/X c/X can/AUX d/X", "a/X b/X c/X can/NOUN e/X"]
    assert found(variation, tmp_path, train=fringe) == []  # the word behind differs
    three = ["a/X can/AUX b/X x/X", "c/X a/X can/NOUN b/X"]
    assert found(variation, tmp_path, train=three) == []
    four = ["a/X can/AUX b/X d/X x/X", "c/X a/X can/NOUN b/X d/X", "can/AUX"]
    assert found(variation, tmp_path, train=four) == [("note", "variation", "train", 9, "can")]


def test_xpos_is_checked_where_upos_does_not_vary(tmp_path: Path) -> None:
    lines = ["a/X/x b/X/x can/AUX/MD c/X/x", "a/X/x b/X/x can/AUX/VB c/X/x", "can/AUX/MD"]
    (finding,) = of_files(variation, write(tmp_path, train=lines))
    assert (finding.line, finding.column, finding.tag, finding.expected) == (8, "xpos", "VB", "MD")
    both = [line.replace("AUX/VB", "NOUN/VB") for line in lines]
    (finding,) = of_files(variation, write(tmp_path, train=both))
    assert (finding.column, finding.tag) == ("upos", "NOUN")


def test_blanks_do_not_vary(tmp_path: Path) -> None:
    assert found(variation, tmp_path, train=["a/X b/_ c/X d/X", "a/X b/X c/X d/X"]) == []


def test_a_split_with_another_tag_set_is_left_out(tmp_path: Path) -> None:
    train = ["a/X/x b/X/x can/X/Aux c/X/x"] * 5
    dev = [line.replace("/x", "/X").replace("Aux", "AUX") for line in train]
    assert found(variation, tmp_path, train=train, dev=dev) == []
    similar = [*["d/X/x"] * 100, *train[:1], "a/X/x b/X/x can/X/AUX c/X/x"]
    assert found(variation, tmp_path, train=train, dev=similar) == [("warning", "variation", "dev", 208, "can")]
