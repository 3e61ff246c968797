"""The check for variation: what a brute-force search over all n-grams finds."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tagger.corpus.lined import corpus_files, read_lined
from tagger.corpus.lint import variation
from tests.corpus.lint_corpus import found, write

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
    sentences = read_lined(corpus_files([str(write(tmp_path, train=lines))]))
    findings = list(variation(sentences))
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
    (finding,) = variation(read_lined(corpus_files([str(folder)])))
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
    (finding,) = variation(read_lined(corpus_files([str(write(tmp_path, train=lines))])))
    assert (finding.line, finding.column, finding.tag, finding.expected) == (8, "xpos", "VB", "MD")
    both = [line.replace("AUX/VB", "NOUN/VB") for line in lines]
    (finding,) = variation(read_lined(corpus_files([str(write(tmp_path, train=both))])))
    assert (finding.column, finding.tag) == ("upos", "NOUN")


def test_blanks_do_not_vary(tmp_path: Path) -> None:
    assert found(variation, tmp_path, train=["a/X b/_ c/X d/X", "a/X b/X c/X d/X"]) == []


def test_a_split_with_another_tag_set_is_left_out(tmp_path: Path) -> None:
    train = ["a/X/x b/X/x can/X/Aux c/X/x"] * 5
    dev = [line.replace("/x", "/X").replace("Aux", "AUX") for line in train]
    assert found(variation, tmp_path, train=train, dev=dev) == []
    similar = [*["d/X/x"] * 100, *train[:1], "a/X/x b/X/x can/X/AUX c/X/x"]
    assert found(variation, tmp_path, train=train, dev=similar) == [("warning", "variation", "dev", 208, "can")]
