"""The sentences that a tagger doubts, the most doubtful one first."""

import json
from pathlib import Path

import tagger
from tagger.extras.review.review import doubtful_sentences
from tagger.text.conllu import read_conllu
from tagger.text.formats import writer
from tagger.text.sentence import Sentence
from tests.commands.conftest import CONLLU, call, error
from tests.conftest import TOKENS
from tests.tagging.test_languages import BASQUE, TEXTS

UNSEEN = [["Zzyx", "book"], ["The", "zzyx", "reads"], ["Xyzzy"]]


def sentences() -> list[Sentence]:
    return [Sentence(list(tokens)) for tokens in [*TOKENS, [], *UNSEEN, *UNSEEN]]


def comment(sentence: Sentence) -> list[str]:
    (found,) = [c for c in sentence.comments if c.startswith("# confidence = ")]
    return found.removeprefix("# confidence = ").split()


def test_the_most_doubtful_comes_first_and_a_review_can_be_reviewed_again(trained: Path) -> None:
    loaded = tagger.load(trained, "cpu", "float32")
    tagged = loaded.stream(sentences(), probabilities=True, columns=["upos"])
    least = [min(sentence.probabilities["upos"], default=1.0) for sentence in tagged]
    below = max(least[4:]) + 1e-6
    found = doubtful_sentences(loaded, sentences(), below)
    expected = sorted((share, number) for number, share in enumerate(least, 1) if share < below)
    assert [s.name for s in found] == [str(number) for _, number in expected]
    for sentence, (share, _) in zip(found, expected, strict=True):
        shown, word, place = comment(sentence)
        assert (shown, word) == (f"{share:.4f}", "word")
        assert sentence.probabilities["upos"][int(place) - 1] == share
    assert doubtful_sentences(loaded, sentences(), 0) == []
    given = [Sentence(list(tokens), {"upos": ["NOUN"] * len(tokens)}) for tokens in UNSEEN]
    assert doubtful_sentences(loaded, given, 1, keep=True) == []
    row = "1\tZzyx" + 8 * "\t_"
    text = f"# sent_id = a\n# confidence = 0.1000 word 9\n{row}\n\n# sent_id = b\n{row}"  # and no line end
    found = doubtful_sentences(loaded, read_conllu(text.splitlines(keepends=True), "a"), 1)
    written = "".join(map(writer("conllu", loaded.columns, probabilities=True), found))
    again = list(read_conllu(written.splitlines(keepends=True), "b"))
    assert [s.name for s in again] == ["a", "b"]
    assert [comment(s)[1:] for s in again] == [["word", "1"]] * 2
    assert written.endswith("\n\n")


def test_doubtful_sentences_are_written_the_most_doubtful_first(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They book flights. " * 3 + "They. Zzyx book? They book it and more.")
    (tmp_path / "b.conllu").write_text(CONLLU)
    lines = call("tag", "a.txt", "--output", "jsonl", "--probabilities", "--model", str(model)).stdout.splitlines()
    least = sorted(min(record["upos_probabilities"]) for record in map(json.loads, lines))
    below = (least[2] + least[-1]) / 2
    options = ["--below", str(below), "-o", "review.conllu", "--model", str(model)]
    result = call("review", "a.txt", "b.conllu", *options)
    text = (tmp_path / "review.conllu").read_text()
    sentences = list(read_conllu(text.splitlines(keepends=True), "review"))
    assert [comment(sentence)[0] for sentence in sentences] == sorted(comment(sentence)[0] for sentence in sentences)
    for sentence in sentences:
        share, _, word = comment(sentence)
        words = [line.split("\t") for line in sentence.lines or () if line.split("\t")[0].isdigit()]
        assert f"UposProb={share}" in words[int(word) - 1][9]
        assert float(share) < below
        assert any(c.startswith("# source = ") for c in sentence.comments)
        assert sentence.name is not None or sentence.tokens == ["Yes"]
    assert f"{len(sentences)} of {len(lines) + 2} sentences" in result.stderr
    none = call("review", "a.txt", "--below", "0", "-o", "none.conllu", "--model", str(model))
    assert "there is nothing to correct; a larger --below finds more" in none.stderr
    assert "kept: review.conllu" in call("review", "a.txt", *options).stderr
    assert (tmp_path / "review.conllu").read_text() == text


def test_all_files_of_a_folder_are_reviewed_but_one_that_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("They book flights.\n\nZzyx.")
    (tmp_path / "in" / "b.conllu").write_text(CONLLU)
    options = ["--below", "1", "--model", str(model)]
    text = call("review", "in", *options).stdout
    sources = [line for line in text.splitlines() if line.startswith("# source = ")]
    assert sorted(sources) == [f"# source = in/{name}" for name in ("a.txt", "a.txt", "b.conllu", "b.conllu")]
    call("review", "in", *options, "-o", "in/review.conllu")
    assert (tmp_path / "in" / "review.conllu").read_text() == text
    call("review", "in", *options, "-o", "in/review.conllu", "--force")
    assert (tmp_path / "in" / "review.conllu").read_text() == text  # which is no input
    said = error("review", "in/b.conllu", *options, "-o", "in/b.conllu", "--force")
    assert "would replace a file that is read" in said
    assert (tmp_path / "in" / "b.conllu").read_text() == CONLLU
    opened = [block.splitlines()[:2] for block in text.split("\n\n") if block.startswith("# newpar")]
    assert sorted(opened) == [["# newpar", "# sent_id = 1"], ["# newpar", "# sent_id = 2"]]
    (tmp_path / "a.txt").write_text(BASQUE)
    (tmp_path / "b.txt").write_text(TEXTS["welsh"])
    done = call("review", "--below", "1", str(tmp_path), status=2)
    assert "chwarae" in done.stdout
    assert "a.txt looks most like" in done.stderr


def test_mistakes(model: Path) -> None:
    for options, words in (
        ("--below 1.5", "--below 1.5"),
        *((f"-o {output}", "a review is one CoNLL-U file") for output in ("review.tsv", ".", "new/")),
        ("--keep", " (text) has no tags"),
    ):
        assert words in error("review", "--model", str(model), *options.split(), input="They")
