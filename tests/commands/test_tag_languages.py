"""`tag` without `--model`: it finds the language of each text."""

from pathlib import Path

import pytest

from tests.commands.conftest import call, error

WELSH = "Mae'r plant yn chwarae yn yr ardd pan ddaeth eu mam adref o'r gwaith neithiwr.\n"
ENGLISH = "The children were playing in the garden when their mother came home from work.\n"


def test_every_file_has_the_tagger_of_its_language(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ENGLISH)
    (tmp_path / "b.txt").write_text(f"{WELSH}\n{ENGLISH}")
    done = call("tag", str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), "-o", f"{tmp_path}/out/", "--output", "jsonl")
    assert f"language: english ({tmp_path}/a.txt)" in done.stderr
    assert f"language: welsh ({tmp_path}/b.txt)" in done.stderr
    alone = call("tag", "--language", "en", "--output", "jsonl", input=ENGLISH)
    assert "data/english" in alone.stderr
    own = (tmp_path / "out" / "a.jsonl").read_text()
    assert own.replace(',"language":"english"', "") == alone.stdout
    both = (tmp_path / "out" / "b.jsonl").read_text().splitlines()
    assert [line.split('"language":"')[1].split('"')[0] for line in both] == ["welsh", "english"]


def test_each_sentence_of_conllu_has_its_language_and_standard_error_each_language_once(tmp_path: Path) -> None:
    done = call("tag", "--output", "conllu", input=f"{WELSH}\n{ENGLISH}\n{WELSH}")
    blocks = done.stdout.strip().split("\n\n")
    assert [block.split("\n")[2] for block in blocks] == [
        f"# language = {name}" for name in ("welsh", "english", "welsh")
    ]
    assert done.stderr.splitlines() == ["language: welsh (-)", "language: english (-)"]
    again = call("tag", "--input", "conllu", input=done.stdout)  # whose lines stay as they are
    assert again.stdout == done.stdout


def test_a_text_from_outside_has_one_language() -> None:
    done = call("tag", input=WELSH)
    assert "chwarae" in done.stdout
    assert "language: welsh (-)" in done.stderr
    assert "english" not in done.stderr


def test_a_file_in_a_language_that_is_not_there_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("A gyerekek a kertben játszottak, amikor az édesanyjuk tegnap este hazaért a munkából.\n")
    assert f"{text} looks most like " in error("tag", str(text), "-o", f"{tmp_path}/hu.tsv")
    assert not (tmp_path / "hu.tsv").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--language", "xx"], "xx: no tagger of this language comes with the package"),
        (["--language", "en", "--model", "english"], "leave one out"),
        (["--corpus", "UD_Welsh-CCG"], "--corpus needs one tagger; name the language"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], words: str) -> None:
    assert words in error("tag", *options, input="They book flights.")
